//! An explanation, for people.

use batch_canceller::policy::{Effect, IMPLICIT_ALLOW, IMPLICIT_DENY};
use comfy_table::{Cell, Color};

use super::table::{lines, plain};
use super::text::{counted, paragraph};
use super::{Screen, Tone, paint};
use crate::explain::{Explanation, Saying};
use crate::trouble::on_one_line;

/// The decision, then each clause in the order in which they decide, then what the function does besides.
pub(crate) fn text(explanation: &Explanation<'_>, screen: Screen) -> String {
    let (word, tone) = match explanation.decision {
        Effect::Allow => ("ALLOWED", Tone::Good),
        Effect::Deny => ("DENIED", Tone::Bad),
    };
    let about = paint(&on_one_line(&explanation.about), Tone::Strong, screen.colour);
    let why = match explanation.clause {
        IMPLICIT_DENY => " (there are clauses that allow, and none matches)",
        IMPLICIT_ALLOW => " (no clause denies, and there are none that allow)",
        _ => "",
    };
    let word = paint(word, tone, screen.colour);
    let mut out = format!("{about} is {word} by `{}`{why}\n", explanation.clause);
    if !explanation.clauses.is_empty() {
        let mut table = plain(screen);
        for saying in &explanation.clauses {
            table.add_row(row(saying));
        }
        out.push('\n');
        out.push_str(&lines(&mut table));
    }
    for remark in &explanation.remarks {
        out.push('\n');
        out.push_str(&paragraph(remark, screen.width));
    }
    out
}

fn row(saying: &Saying<'_>) -> [Cell; 3] {
    let (mark, colour) = match (&saying.miss, saying.decides) {
        (None, true) => ("decides", Some(Color::DarkCyan)),
        (None, false) => ("matches", None),
        (Some(_), _) => ("", None),
    };
    let what = saying.miss.as_ref().map(|miss| match miss.unmet {
        0 | 1 => miss.to_string(),
        unmet => format!("{miss} (and {} more)", counted(unmet - 1, "field")),
    });
    let said = Cell::new(on_one_line(what.as_deref().unwrap_or(mark)));
    let said = colour.into_iter().fold(said, Cell::fg);
    [Cell::new(saying.effect), Cell::new(saying.clause), said]
}
