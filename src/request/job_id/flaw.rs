//! What is wrong with a text that should be a job's id, by the mistake that makes such texts.

use super::MAX_ID_BYTES;
use crate::request::Rejection;

#[derive(Clone, Copy)]
pub(super) enum Flaw {
    Empty,
    Long,
    Missing,
    Placeholder,
    Quoted,
    List,
    Control,
    Index,
    Character,
}

impl Flaw {
    /// The flaw of `text`, which is trimmed; `None` where it may be a job's id.
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "" => Self::Empty,
            _ if text.len() > MAX_ID_BYTES => Self::Long,
            _ if stands_for_nothing(unquoted(text)) => Self::Missing,
            _ if is_id(text) => return None,
            _ if Self::is_list(text) => Self::List,
            _ if Self::is_placeholder(text) => Self::Placeholder,
            _ if text.contains(char::is_control) => Self::Control,
            _ if text.contains(is_quote) => Self::Quoted,
            _ if text.chars().all(|c| is_id_char(c) || is_index_char(c) || c.is_numeric()) => Self::Index,
            _ => Self::Character,
        })
    }

    /// Whether `text` is several ids or ARNs, in the ways that people and languages write lists.
    pub(super) fn is_list(text: &str) -> bool {
        let separates = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
        let text = text.trim_matches(['[', ']', '(', ')']);
        let mut parts = text.split(separates).filter(|part| !part.is_empty()).peekable();
        let mut count = 0;
        parts.all(|part| {
            count += 1;
            let part = unquoted(part);
            part.starts_with("arn:") || is_id(part)
        }) && count > 1
    }

    /// Whether `text` holds what templates put around or before a name.
    pub(super) fn is_placeholder(text: &str) -> bool {
        text.contains(['<', '>', '$', '{', '}', '%']) || text.to_ascii_lowercase().contains(r"\u003c")
    }

    pub(super) fn rejection(self) -> Rejection {
        const GIVE: &str = "give the job's id or ARN";
        let (problem, remedy) = match self {
            Self::Empty => ("is empty", GIVE),
            Self::Long => ("is longer than any job's id", GIVE),
            Self::Missing => (
                "is no job id, but a word for a missing value",
                "check the path or variable that the id is taken from",
            ),
            Self::Placeholder => {
                ("is no job id: the placeholder was not filled", "check the input transformer")
            }
            Self::Quoted => ("holds quotes", "give the id without quotes in it"),
            Self::List => ("holds more than one id", "list them in `jobIds`"),
            Self::Control => ("holds a control character", GIVE),
            Self::Index => (
                "is not an id with one index",
                "give an array child as `id:index`, a node as `id#index`, and any other job without an index",
            ),
            Self::Character => ("holds a character that no job id has", GIVE),
        };
        Rejection::new("", problem, remedy)
    }
}

fn is_id(text: &str) -> bool {
    let (base, index) = match text.split_once(is_index_char) {
        Some((base, index)) => (base, Some(index)),
        None => (text, None),
    };
    let digits = |index: &str| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    !base.is_empty() && base.chars().all(is_id_char) && index.is_none_or(digits)
}

fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_index_char(c: char) -> bool {
    matches!(c, ':' | '#')
}

/// What languages write where they have no value; with an index too, where a template put the two together.
fn stands_for_nothing(text: &str) -> bool {
    let word = text.split(is_index_char).next().unwrap_or_default();
    ["null", "undefined", "none", "nan", "[object Object]"]
        .iter()
        .any(|nothing| word.eq_ignore_ascii_case(nothing))
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(|c: char| is_quote(c) || c == '\\')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '«' | '»')
}
