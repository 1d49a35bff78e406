//! Why a job is stopped.

use std::sync::Arc;

/// Longest `reason` AWS Batch takes (API reference of `CancelJob`). It speaks of characters, and its service counts
/// UTF-16 units in places: a reason holds no more of either.
pub const MAX_REASON_CHARS: usize = 1024;

/// Stands where the rest of a reason was cut off; one UTF-16 unit.
const ELLIPSIS: char = '…';

/// Why a job is stopped: trimmed, never empty, at most [`MAX_REASON_CHARS`] characters and UTF-16 units. Cloning is
/// cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason {
    text: Arc<str>,
    truncated: bool,
}

impl Reason {
    /// A reason from free text: `None` when nothing is left after trimming. A longer text than Batch takes is cut on
    /// a character boundary and ends in `…`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let truncated = text.encode_utf16().nth(MAX_REASON_CHARS).is_some();
        let text = if truncated { shortened(text).into() } else { text.into() };
        Some(Self { text, truncated })
    }

    /// The text as it is sent to Batch.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the producer's text was longer.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

fn shortened(text: &str) -> String {
    let mut units = ELLIPSIS.len_utf16();
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= MAX_REASON_CHARS
    };
    text.chars().take_while(fits).chain([ELLIPSIS]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_where_batch_would_count_too_much() {
        let check = |text: &str, expected: &str| {
            let reason = Reason::new(text).unwrap();
            assert_eq!(reason.as_str(), expected);
            assert_eq!(reason.truncated(), expected.ends_with('…'));
            assert!(reason.as_str().encode_utf16().count() <= MAX_REASON_CHARS);
        };
        check(" \tToo late.\n", "Too late.");
        check(&"é".repeat(1024), &"é".repeat(1024));
        check(&"é".repeat(1025), &("é".repeat(1023) + "…"));
        // A crab is one character, but two units.
        check(&"🦀".repeat(512), &"🦀".repeat(512));
        check(&"🦀".repeat(513), &("🦀".repeat(511) + "…"));
        check(&("a".to_owned() + &"🦀".repeat(512)), &("a".to_owned() + &"🦀".repeat(511) + "…"));
        check(&(" ".repeat(2000) + &"a".repeat(1024) + &" ".repeat(2000)), &"a".repeat(1024));
    }

    #[test]
    fn nothing_but_white_space_is_no_reason() {
        for text in ["", " ", "\u{2003}\n\t"] {
            assert!(Reason::new(text).is_none(), "{text:?}");
        }
    }
}
