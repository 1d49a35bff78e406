//! The story of a run, line by line.

use crate::Ms;

/// What is kept of the story.
#[derive(Debug, Clone, Default)]
pub enum Trace {
    /// Nothing.
    #[default]
    Off,
    /// Every line.
    Kept(Vec<String>),
}

impl Trace {
    pub(crate) fn line(&mut self, now: Ms, text: impl FnOnce() -> String) {
        if let Self::Kept(lines) = self {
            lines.push(format!("{:>8}.{:03} {}", now / 1_000, now % 1_000, text()));
        }
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Off => &[],
            Self::Kept(lines) => lines,
        }
    }
}
