//! Sentences that every form of output shares.

use crate::check::{Cause, Checking};

/// What was expected, and what came.
pub(crate) fn difference(result: &Checking<'_>) -> String {
    let expect = &result.case.expect;
    let by = expect.clause.as_ref().map(|clause| format!(" by `{clause}`")).unwrap_or_default();
    format!("expected {}{by}, got {} by `{}`", expect.decision, result.decision, result.clause)
}

/// Why a clause did not decide.
pub(crate) fn cause(cause: &Cause<'_>) -> String {
    match cause {
        Cause::Missed { effect, clause, miss } => {
            let others = match miss.unmet {
                0 | 1 => String::new(),
                unmet => format!(" (and {} more)", counted(unmet - 1, "field")),
            };
            format!("nearest {effect} is `{clause}`: {miss}{others}")
        }
        Cause::Preceded { effect, clause } => {
            format!("the {effect} `{clause}` matches too, but what stands before it decides")
        }
        Cause::NotOneJob => {
            "`maxPerInvocation` counts the jobs of an invocation, and a case is one job: it never decides here".into()
        }
    }
}

/// A count and what is counted.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Indented lines, broken where the terminal ends.
pub(crate) fn paragraph(text: &str, width: Option<u16>) -> String {
    let indent = "  ";
    let text = crate::trouble::on_one_line(text);
    let width = width.map_or(usize::MAX, usize::from);
    let options = textwrap::Options::new(width)
        .initial_indent(indent)
        .subsequent_indent(indent)
        // A name with a hyphen stays whole, and an over-long ARN is broken only where it must be.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(&text, options) + "\n"
}
