//! What keeps the command from doing its work, in one line.

use std::fmt;

/// Why nothing can be said: an unreadable file, an unknown job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble(String);

impl Trouble {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same, of a file or a place in one.
    pub(crate) fn at(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self(format!("{place}: {what}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&on_one_line(&self.0))
    }
}

impl std::error::Error for Trouble {}

/// A text without line breaks or other control characters, which come from files and jobs.
pub(crate) fn on_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    lines.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_it_stays_on_its_line() {
        assert_eq!(on_one_line("a\n   b\r\nc"), "a b c");
        assert_eq!(on_one_line("\x1b[31mred\u{7}"), " [31mred ");
        assert_eq!(Trouble::at("f", "x\ny").to_string(), "f: x y");
    }
}
