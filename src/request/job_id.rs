//! A job's id, as a request writes it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Rejection, Rules};

/// Far longer than Batch's ids, which are UUIDs with an index.
const MAX_ID_BYTES: usize = 512;

/// Longest part of an ARN that a rejection repeats, in characters.
const MAX_SHOWN_CHARS: usize = 64;

/// A Batch job's id: a UUID, an array child's `uuid:index` or a node's `uuid#index`.
///
/// AWS publishes no pattern for ids, so little is enforced: what is not empty, of a sane length and without
/// control characters is Batch's to judge. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The id in `text`, which may be a job ARN of this function's own region and account.
    pub(super) fn parse(text: &str, rules: &Rules<'_>) -> Result<Self, Rejection> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Rejection::new("", "is empty", "give the job's id or ARN"));
        }
        if !text.starts_with("arn:") {
            return Self::checked(text);
        }
        let not_a_job = || {
            let remedy = "give `arn:<partition>:batch:<region>:<account>:job/<id>`, or the job's id alone";
            Rejection::new("", "is an ARN, but not a Batch job's", remedy)
        };
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &[_, _, "batch", region, account, resource] = parts.as_slice() else {
            return Err(not_a_job());
        };
        let id = resource.strip_prefix("job/").map(str::trim).filter(|id| !id.is_empty());
        let id = id.ok_or_else(not_a_job)?;
        for (what, theirs, ours) in [("region", region, rules.region), ("account", account, rules.account)] {
            if let Some(ours) = ours.filter(|ours| *ours != theirs) {
                let theirs: String = theirs.chars().take(MAX_SHOWN_CHARS).collect();
                return Err(Rejection::new(
                    "",
                    format!("is an ARN of {what} `{theirs}`, but this function works in {what} `{ours}`"),
                    format!("send it to a function in {what} `{theirs}`"),
                ));
            }
        }
        Self::checked(id)
    }

    fn checked(id: &str) -> Result<Self, Rejection> {
        let problem = if id.len() > MAX_ID_BYTES {
            "is longer than any job's id"
        } else if id.contains(char::is_control) {
            "holds a control character"
        } else {
            return Ok(Self(id.into()));
        };
        Err(Rejection::new("", problem, "give the job's id or ARN"))
    }

    /// The id as Batch writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for JobId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
