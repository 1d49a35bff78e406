//! Episodes put together: each figure's spread over the repetitions, and its ratio to the first command's.

use serde::Serialize;

use crate::args::Command;
use crate::episode::Measured;
use crate::figure::{self, Figure};
use crate::scenario::Scenario;
use crate::stats::{Spread, median, ratio};

/// All episodes of a scenario.
pub(crate) struct Results {
    pub(crate) scenario: Scenario,
    pub(crate) columns: Vec<Column>,
}

/// One command's episodes, in the order of the repetitions.
pub(crate) struct Column {
    pub(crate) command: Command,
    pub(crate) episodes: Vec<Measured>,
}

/// A figure of one command.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cell {
    #[serde(flatten)]
    pub(crate) spread: Spread,
    /// Against the first command; `None` for itself, and where one of them is zero.
    pub(crate) ratio: Option<f64>,
}

impl Results {
    /// A figure of every command that took part, in their order.
    pub(crate) fn row(&self, figure: Figure) -> Vec<Option<Cell>> {
        let values = |column: &Column| column.episodes.iter().map(figure.of).collect::<Vec<_>>();
        let base = self.columns.first().map(values).unwrap_or_default();
        let cell = |(place, column): (usize, &Column)| {
            let values = values(column);
            let spread = Spread::of(&values.iter().copied().flatten().collect::<Vec<_>>())?;
            let ratio = if place == 0 || spread.median == 0.0 { None } else { ratio(&values, &base) };
            Some(Cell { spread, ratio })
        };
        self.columns.iter().enumerate().map(cell).collect()
    }

    /// The figures that any command has and the scenario is about, each with its row.
    pub(crate) fn rows(&self) -> Vec<(Figure, Vec<Option<Cell>>)> {
        let hidden = self.scenario.hides;
        let figures = figure::ALL.into_iter().filter(|figure| !hidden.contains(&figure.key));
        let rows = figures.map(|figure| (figure, self.row(figure)));
        rows.filter(|(figure, row)| {
            let mut cells = row.iter().flatten();
            if figure.only_if_any { cells.any(|cell| cell.spread.high > 0.0) } else { cells.next().is_some() }
        })
        .collect()
    }

    /// How busy the machine was with other things, in CPUs: the median over all episodes.
    pub(crate) fn others(&self) -> f64 {
        let all: Vec<_> =
            self.columns.iter().flat_map(|column| &column.episodes).map(|m| m.others_cpus).collect();
        median(&all).unwrap_or(0.0)
    }

    /// What makes the run a failure, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for Column { command, episodes } in &self.columns {
            for (repetition, m) in episodes.iter().enumerate().filter(|(_, m)| !m.is_clean()) {
                let what = m.failure.clone().unwrap_or_else(|| {
                    format!("{} messages were lost, {} results were false", m.lost, m.false_claims)
                });
                problems.push(format!(
                    "{}, {}, repetition {}: {what}",
                    self.scenario.name,
                    command.name,
                    repetition + 1
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scenario;

    pub(crate) fn results(start: &[(&str, &[f64])]) -> Results {
        let column = |(name, values): &(&str, &[f64])| Column {
            command: Command {
                name: (*name).to_owned(),
                version: "1.0".to_owned(),
                argv: vec![],
                env: [].into(),
                only: vec![],
            },
            episodes: values
                .iter()
                .map(|&value| Measured { start_ms: Some(value), ..Measured::default() })
                .collect(),
        };
        Results { scenario: scenario::ALL[0].clone(), columns: start.iter().map(column).collect() }
    }

    #[test]
    fn a_row_has_a_spread_for_each_and_a_ratio_to_the_first() {
        let results = results(&[("a", &[1.0, 2.0, 3.0]), ("b", &[2.0, 8.0, 6.0]), ("c", &[])]);
        let row = results.row(figure::find("start_ms").unwrap());
        let seen: Vec<_> = row.iter().map(|cell| cell.map(|c| (c.spread.median, c.ratio))).collect();
        assert_eq!(seen, [Some((2.0, None)), Some((6.0, Some(2.0))), None]);
    }

    #[test]
    fn lost_messages_and_false_results_are_problems() {
        let mut results = results(&[("a", &[1.0, 2.0])]);
        assert_eq!(results.problems(), [""; 0]);
        results.columns[0].episodes[1].lost = 3;
        assert_eq!(results.problems().len(), 1);
        assert!(results.problems()[0].contains("repetition 2: 3 messages were lost"));
    }
}
