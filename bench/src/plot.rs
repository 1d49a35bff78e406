//! Bar charts as SVG, readable on a light and on a dark page.

use std::fmt::Write;

use crate::figure;
use crate::machine::Machine;
use crate::stats::real;
use crate::summary::{Cell, Results};
use crate::table::{counted, number};

const WIDTH: f64 = 820.0;
const MARGIN: f64 = 24.0;
/// Where the bars begin, and how long the longest may be: names to the left, values to the right.
const LEFT: f64 = 160.0;
const LENGTH: f64 = 490.0;
const BAR: f64 = 18.0;
const STEP: f64 = 28.0;

const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\
.page{fill:#fff;stroke:#d1d9e0}.title{font-size:17px;font-weight:600}.panel{font-weight:600}\
.quiet{font-size:11px;fill:#59636e}.first{fill:#2f6fde}.other{fill:#a3adb8}\
.grid{stroke:#e3e8ed}.zero{stroke:#818b95}.range{stroke:#1f2328;stroke-width:1.3;fill:none}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117;stroke:#3d444d}.quiet{fill:#9198a1}\
.first{fill:#4c8dff}.other{fill:#656c76}.grid{stroke:#262c34}.zero{stroke:#767f89}.range{stroke:#e6edf3}}";

/// The scenario's plot, or `None` if it has none or nothing to show.
pub(crate) fn plot(results: &Results, machine: &Machine) -> Option<String> {
    let panels: Vec<_> =
        results.scenario.plot.iter().filter_map(|key| Panel::of(results, figure::find(key)?)).collect();
    if panels.is_empty() {
        return None;
    }
    let mut drawing = Drawing { text: String::new(), y: MARGIN + 12.0 };
    drawing.words("title", MARGIN, "start", results.scenario.name);
    drawing.y += 20.0;
    drawing.words("quiet", MARGIN, "start", results.scenario.about);
    for panel in &panels {
        drawing.panel(panel);
    }
    drawing.y += 12.0;
    for line in foot(results, machine) {
        drawing.y += 16.0;
        drawing.words("quiet", MARGIN, "start", &line);
    }
    let height = drawing.y + MARGIN - 6.0;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n{}</svg>\n",
        escaped(&format!("{}: {}", results.scenario.name, results.scenario.about)),
        WIDTH - 1.0,
        height - 1.0,
        drawing.text
    ))
}

/// What was run, when and on what, in lines that fit.
fn foot(results: &Results, machine: &Machine) -> Vec<String> {
    let versions = results.columns.iter().map(|column| &column.command);
    let mut lines: Vec<_> = versions
        .filter(|command| !command.version.is_empty())
        .map(|command| format!("{}: {}", command.name, command.version))
        .collect();
    lines.push(format!("{}; others used {:.2} CPUs meanwhile", machine.line(), results.others()));
    lines.push(format!(
        "Bars: median of {}. Whiskers: lowest to highest. ×: ratio to the first.",
        counted(results.scenario.repetitions, "repetition")
    ));
    lines
}

/// One figure's bars.
struct Panel {
    title: &'static str,
    bars: Vec<(String, Cell)>,
    scale: Scale,
}

impl Panel {
    fn of(results: &Results, figure: figure::Figure) -> Option<Self> {
        let names = results.columns.iter().map(|column| column.command.name.clone());
        let bars: Vec<_> =
            names.zip(results.row(figure)).filter_map(|(name, cell)| Some((name, cell?))).collect();
        let most = bars.iter().map(|(_, cell)| cell.spread.high).max_by(f64::total_cmp)?;
        Some(Self { title: figure.label, bars, scale: Scale::up_to(most) })
    }
}

/// From values to lengths, linear and from zero: only so do lengths compare.
#[derive(Clone, Copy, Debug)]
struct Scale {
    most: f64,
    step: f64,
}

impl Scale {
    /// A scale that shows `most`, with up to six steps of 1, 2 or 5 times a power of ten.
    fn up_to(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let power = 10_f64.powf((most / 6.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| step * 6.0 >= most).unwrap_or(most);
        Self { most, step }
    }

    fn length(self, value: f64) -> f64 {
        value / self.most * LENGTH
    }

    /// The values with a line, from zero.
    fn ticks(self) -> impl Iterator<Item = f64> {
        // A little more than the end, since sums of fractions are not exact.
        (0..=6).map(move |place| real(place) * self.step).filter(move |tick| *tick <= self.most * 1.000_001)
    }
}

struct Drawing {
    text: String,
    /// How far down it has come.
    y: f64,
}

impl Drawing {
    fn panel(&mut self, panel: &Panel) {
        self.y += 34.0;
        self.words("panel", MARGIN, "start", panel.title);
        let top = self.y + 12.0;
        let bottom = top + real(panel.bars.len()) * STEP;
        for tick in panel.scale.ticks() {
            let x = LEFT + panel.scale.length(tick);
            let class = if tick == 0.0 { "zero" } else { "grid" };
            self.line(class, (x, top), (x, bottom));
            self.y = bottom + 13.0;
            self.words("quiet", x, "middle", &number(tick));
        }
        for (place, (name, cell)) in panel.bars.iter().enumerate() {
            self.bar(top + (real(place) + 0.5) * STEP, name, *cell, panel.scale, place == 0);
        }
        self.y = bottom + 13.0;
    }

    fn bar(&mut self, middle: f64, name: &str, cell: Cell, scale: Scale, first: bool) {
        let Cell { spread, ratio } = cell;
        // What is too short to be seen is shown all the same.
        let shortest = if spread.median > 0.0 { 1.5 } else { 0.0 };
        let length = scale.length(spread.median).max(shortest);
        let class = if first { "first" } else { "other" };
        let top = middle - BAR / 2.0;
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>"
        );
        let (low, high) = (LEFT + scale.length(spread.low), LEFT + scale.length(spread.high));
        if high - low >= 2.0 {
            self.line("range", (low, middle), (high, middle));
            for x in [low, high] {
                self.line("range", (x, middle - 4.0), (x, middle + 4.0));
            }
        }
        self.y = middle + 4.5;
        self.words("", LEFT - 10.0, "end", name);
        let value = number(spread.median);
        let value = ratio.map_or_else(|| value.clone(), |ratio| format!("{value}  ×{}", number(ratio)));
        self.words("", high.max(LEFT + length) + 9.0, "start", &value);
    }

    fn words(&mut self, class: &str, x: f64, anchor: &str, words: &str) {
        let _ = writeln!(
            self.text,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" xml:space=\"preserve\">{}</text>",
            self.y,
            escaped(words)
        );
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.text,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::results;

    #[test]
    fn scales_have_round_steps_and_reach_the_largest_value() {
        for (most, step) in
            [(0.0, 0.2), (1.0, 0.2), (6.0, 1.0), (6.1, 2.0), (237.0, 50.0), (23_308.0, 5_000.0)]
        {
            let scale = Scale::up_to(most);
            assert!((scale.step - step).abs() < 1e-9, "{most}: {scale:?}");
            assert!((2..=7).contains(&scale.ticks().count()), "{most}: {scale:?}");
        }
        let scale = Scale::up_to(200.0);
        assert!((scale.length(200.0) - LENGTH).abs() < 1e-9);
        assert!((scale.length(50.0) - LENGTH / 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_plot_shows_every_command_that_has_the_figure() {
        let machine = Machine {
            cpu: "A<B".to_owned(),
            architecture: "x86_64",
            cores: 2,
            kernel: "6".to_owned(),
            date: "2026-11-23".to_owned(),
        };
        let svg =
            plot(&results(&[("ours", &[1.0, 2.0]), ("theirs", &[9.0]), ("none", &[])]), &machine).unwrap();
        assert_eq!(svg.matches("class=\"first\"").count(), 1);
        assert_eq!(svg.matches("class=\"other\"").count(), 1);
        assert_eq!(svg.matches("class=\"range\"").count(), 3);
        assert!(svg.contains("A&lt;B"), "{svg}");
        assert_eq!(plot(&results(&[("ours", &[])]), &machine), None);
    }
}
