//! SVG that reads on a light and on a dark page.

use std::fmt::Write;

use super::axis::real;

pub(super) const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\
.page{fill:#fff;stroke:#d1d9e0}.title{font-size:17px;font-weight:600}.panel{font-weight:600}\
.quiet{font-size:11px;fill:#59636e}.small{font-size:9.5px;fill:#59636e}.on{font-size:9.5px;fill:#fff}.over{font-size:9.5px;fill:#3b2300}\
.grid{stroke:#e6eaef}.rule{stroke:#d1d9e0}.cut{fill:#f0f2f5}.edge{stroke:#afb8c1;stroke-dasharray:2 3}\
.wait{stroke:#8c959f;stroke-width:1.3;stroke-dasharray:1 3.5;stroke-linecap:round}\
.link{stroke:#2f6fde;stroke-dasharray:3 3;opacity:.75;fill:none}\
.fine{fill:#2f6fde}.refused{fill:#8250df}.failed{fill:#d1242f}\
.lost{fill:#d1242f;fill-opacity:.13;stroke:#d1242f;stroke-dasharray:3 2}\
.killed{fill:#e5737b}.back{fill:#d98a1f}\
.waiting{fill:#c3ccd6}.ready{fill:#96a5b5}.started{fill:#d9a520}\
.succeeded{fill:#2c974b}.ended{fill:#818b95}\
.done{stroke:#1a7f37;stroke-width:2.2;fill:none}.again{stroke:#c06f00;stroke-width:1.7;fill:none}\
.cross{stroke:#d1242f;stroke-width:2.2;fill:none}.dead{fill:#d1242f}.sent{fill:#fff;stroke:#59636e;stroke-width:1.5}\
.us{fill:#2f6fde}.them{fill:#8250df}.tried{fill:#fff;stroke:#8250df;stroke-width:1.3}.own{fill:#59636e}.cold{fill:#0a9bb5}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117;stroke:#3d444d}\
.quiet,.small{fill:#9198a1}.on{fill:#fff}.over{fill:#3b2300}.grid{stroke:#21262d}.rule{stroke:#3d444d}.cut{fill:#161b22}.edge{stroke:#545d68}\
.wait{stroke:#767f89}.link{stroke:#4c8dff}.fine,.us{fill:#4c8dff}.refused,.them{fill:#a371f7}\
.failed,.dead{fill:#f85149}.killed{fill:#b04b4b}.ended{fill:#767f89}.lost{fill:#f85149;stroke:#f85149}.cross{stroke:#f85149}\
.waiting{fill:#3d4650}.ready{fill:#66717e}.started{fill:#d29922}.succeeded{fill:#3fb950}\
.done{stroke:#3fb950}.again{stroke:#e3a03a}.back{fill:#d98a1f}.sent{fill:#0d1117;stroke:#9198a1}.tried{fill:#0d1117;stroke:#a371f7}.own{fill:#9198a1}}";

/// A sign for something that happens at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Sent,
    Back,
    Done,
    Dead,
    Killed,
    Cold,
    /// Who ends a job.
    Us,
    Them,
    /// Other people's deed, which did not end it.
    Tried,
    Itself,
}

impl Sign {
    /// Its class and its outline about the origin.
    fn shape(self) -> (&'static str, &'static str) {
        match self {
            Self::Sent => ("sent", "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z"),
            Self::Back => ("again", "M3.6-2.6A4.4 4.4 0 1 0 4.4.6M4.3-5.4V-2H.9"),
            Self::Done => ("done", "M-4.5.2L-1.4 3.6L4.6-3.8"),
            Self::Dead => ("dead", "M-4 5V-1A4 4 0 0 1 4-1V5z"),
            Self::Killed => ("cross", "M-4-4L4 4M4-4L-4 4"),
            Self::Cold => ("cold", "M0-5L5 0L0 5L-5 0z"),
            Self::Us => ("us", "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0z"),
            Self::Tried => ("tried", "M-4-3.5H4L0 3.5z"),
            Self::Them => ("them", "M-5.5-4.5H5.5L0 5z"),
            Self::Itself => ("own", "M-3.5-3.5H3.5V3.5H-3.5z"),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) text: String,
    /// How far down it has come.
    pub(super) y: f64,
}

impl Drawing {
    pub(super) fn bar(
        &mut self,
        class: &str,
        (left, right): (f64, f64),
        middle: f64,
        height: f64,
        title: &str,
    ) {
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height}\" rx=\"2\">\
             <title>{}</title></rect>",
            middle - height / 2.0,
            (right - left).max(2.0),
            escaped(title)
        );
    }

    pub(super) fn sign(&mut self, sign: Sign, x: f64, y: f64, title: &str) {
        let (class, outline) = sign.shape();
        let _ = writeln!(
            self.text,
            "<path class=\"{class}\" transform=\"translate({x:.1} {y:.1})\" d=\"{outline}\"><title>{}</title></path>",
            escaped(title)
        );
    }

    pub(super) fn words(&mut self, class: &str, x: f64, y: f64, anchor: &str, words: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let anchor = if anchor == "start" { String::new() } else { format!(" text-anchor=\"{anchor}\"") };
        let _ =
            writeln!(self.text, "<text{class} x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>", escaped(words));
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.text,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    pub(super) fn area(&mut self, class: &str, (left, right): (f64, f64), (top, bottom): (f64, f64)) {
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            right - left,
            bottom - top
        );
    }
}

/// About how wide a text is drawn.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let capitals = text.chars().filter(|letter| letter.is_uppercase()).count();
    (real(text.chars().count()) * 0.53 + real(capitals) * 0.17) * size
}

/// As much of a text as is about so wide.
pub(super) fn cut(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        if width(&cut, size) + 1.5 * size > most {
            break;
        }
        cut.push(letter);
    }
    format!("{}…", cut.trim_end())
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
