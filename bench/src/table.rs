//! Markdown tables that read well as plain text too.

use std::fmt::Write;

use crate::machine::Machine;
use crate::summary::{Cell, Results};

/// A scenario's heading and table.
pub(crate) fn table(results: &Results) -> String {
    let scenario = &results.scenario;
    let mut rows = vec![std::iter::once(String::new()).chain(names(results)).collect::<Vec<_>>()];
    for (figure, row) in results.rows() {
        let cells = row.into_iter().map(|cell| cell.map_or_else(|| "–".to_owned(), text));
        rows.push(std::iter::once(figure.label.to_owned()).chain(cells).collect());
    }
    format!(
        "## {}\n\n{}. {} × {}. Others used {:.2} CPUs meanwhile.\n\n{}",
        scenario.name,
        scenario.about,
        counted(scenario.repetitions, "repetition"),
        counted(scenario.invocations, "invocation"),
        results.others(),
        aligned(&rows)
    )
}

/// What the tables are about and how to read them.
pub(crate) fn head(machine: &Machine, commands: &[(String, String)]) -> String {
    let mut text = format!(
        "# Benchmarks\n\n{}\n\nMedian (lowest–highest) over the repetitions, ×ratio to the first command within \
         the same repetitions.\n\n",
        machine.line()
    );
    for (name, version) in commands {
        let colon = if version.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "- {name}{colon}{version}");
    }
    text
}

fn names(results: &Results) -> impl Iterator<Item = String> {
    results.columns.iter().map(|column| column.command.name.clone())
}

/// A count and what is counted.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn text(cell: Cell) -> String {
    let Cell { spread, ratio } = cell;
    let mut text = number(spread.median);
    let (low, high) = (number(spread.low), number(spread.high));
    if low != high {
        let _ = write!(text, " ({low}–{high})");
    }
    if let Some(ratio) = ratio {
        let _ = write!(text, " ×{}", number(ratio));
    }
    text
}

/// A number with about three digits that count; thousands are set apart.
pub(crate) fn number(value: f64) -> String {
    let digits = match value {
        v if v >= 99.95 || v.fract() == 0.0 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.0995 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// The first column to the left, the others to the right; the first row is the header.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |place: usize| {
        rows.iter()
            .filter_map(|row| row.get(place))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
            .max(2)
    };
    let mut lines = Vec::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(place, cell)| {
            let width = width(place);
            if place == 0 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
        });
        lines.push(format!("|{}\n", cells.collect::<String>()));
    }
    let columns = 0..rows.first().map_or(0, Vec::len);
    let rules = columns.map(|place| {
        let dashes = "-".repeat(width(place) + 1);
        if place == 0 { format!("{dashes}-|") } else { format!("{dashes}:|") }
    });
    lines.insert(1.min(lines.len()), format!("|{}\n", rules.collect::<String>()));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::results;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        for (value, expect) in [
            (0.0, "0"),
            (0.1234, "0.12"),
            (0.0042, "0.004"),
            (1.0, "1"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (1234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), expect);
        }
    }

    #[test]
    fn a_table_lines_up() {
        let table = table(&results(&[("ours", &[1.0, 2.5, 3.0]), ("theirs", &[5.0, 5.0, 6.0])]));
        let lines: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
        assert!(lines.len() > 3, "{table}");
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{table}");
        assert!(lines[2].contains("2.50 (1–3) | 5 (5–6) ×2 |"), "{table}");
    }
}
