//! Strings, with or without regard to case.

/// Letters to be met, in their case or in any.
///
/// Without regard to case, each character stands for its lower and for its upper case form, as Unicode has them: `ß`
/// stands for `ß` and `SS`, but `SS` never for `ß`, nor `Σ` for `ς`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters {
    text: Box<str>,
    ignore_case: bool,
    ascii: bool,
}

impl Letters {
    pub(crate) fn new(text: &str, ignore_case: bool) -> Self {
        Self { text: text.into(), ignore_case, ascii: text.is_ascii() }
    }

    /// The letters, as the pattern has them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether their case does not count.
    #[must_use]
    pub fn ignore_case(&self) -> bool {
        self.ignore_case
    }

    pub(super) fn are(&self, value: &str) -> bool {
        if self.ignore_case {
            self.folded_prefix(value).is_some_and(str::is_empty)
        } else {
            *self.text == *value
        }
    }

    pub(super) fn begin(&self, value: &str) -> bool {
        if self.ignore_case { self.folded_prefix(value).is_some() } else { value.starts_with(&*self.text) }
    }

    pub(super) fn end(&self, value: &str) -> bool {
        if !self.ignore_case {
            return value.ends_with(&*self.text);
        }
        if self.ascii {
            let start = value.len().checked_sub(self.text.len());
            let end = start.and_then(|start| value.as_bytes().get(start..));
            return end.is_some_and(|end| end.eq_ignore_ascii_case(self.text.as_bytes()));
        }
        let mut letters = self.text.chars().rev();
        letters
            .try_fold(value, |rest, letter| {
                strip_end(rest, letter.to_lowercase()).or_else(|| strip_end(rest, letter.to_uppercase()))
            })
            .is_some()
    }

    /// What follows the letters.
    fn folded_prefix<'v>(&self, value: &'v str) -> Option<&'v str> {
        if self.ascii {
            let (start, rest) = value.split_at_checked(self.text.len())?;
            return start.eq_ignore_ascii_case(&self.text).then_some(rest);
        }
        // No lower case form begins, or ends, an upper case form: one look is enough.
        self.text.chars().try_fold(value, |rest, letter| {
            strip_start(rest, letter.to_lowercase()).or_else(|| strip_start(rest, letter.to_uppercase()))
        })
    }
}

fn strip_start(text: &str, mut letters: impl Iterator<Item = char>) -> Option<&str> {
    letters.try_fold(text, |rest, letter| rest.strip_prefix(letter))
}

fn strip_end(text: &str, letters: impl DoubleEndedIterator<Item = char>) -> Option<&str> {
    letters.rev().try_fold(text, |rest, letter| rest.strip_suffix(letter))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_lower_case_form_begins_or_ends_the_upper_case_form() {
        for letter in '\0'..=char::MAX {
            let (lower, upper) = (letter.to_lowercase().to_string(), letter.to_uppercase().to_string());
            if lower != upper {
                assert!(!upper.starts_with(&lower) && !lower.starts_with(&upper), "{letter}");
                assert!(!upper.ends_with(&lower) && !lower.ends_with(&upper), "{letter}");
            }
        }
    }
}
