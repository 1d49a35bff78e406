//! Strings with stars.

/// A form that strings have: `*` is any run of characters, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// What stands between the stars, and before and behind them.
    parts: Vec<Box<str>>,
}

impl Wildcard {
    /// Reads a form with its escapes, `\*` and `\\`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '*' if letters.peek() == Some(&'*') => {
                    return Err("two stars in a row; one stands for any run of characters".to_owned());
                }
                '*' => parts.push(std::mem::take(&mut part).into_boxed_str()),
                '\\' => match letters.next() {
                    Some(escaped @ ('*' | '\\')) => part.push(escaped),
                    Some(other) => {
                        return Err(format!(
                            "`\\{other}` is no escape; a backslash stands before `*` or `\\` only"
                        ));
                    }
                    None => return Err("a backslash at the end; write `\\\\` for one".to_owned()),
                },
                plain => part.push(plain),
            }
        }
        parts.push(part.into_boxed_str());
        Ok(Self { parts })
    }

    /// What stands between the stars, in order: a star stands between each two, and the first and the last part may
    /// be empty.
    #[must_use]
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.parts.iter().map(|part| &**part)
    }

    pub(super) fn takes(&self, value: &str) -> bool {
        let [first, middle @ .., last] = &*self.parts else {
            return self.parts.first().is_some_and(|only| **only == *value);
        };
        let Some(rest) = value.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        // The first place that fits each part leaves most for the others.
        let rest = middle.iter().try_fold(rest, |rest, part| rest.split_once(&**part).map(|(_, rest)| rest));
        rest.is_some()
    }
}
