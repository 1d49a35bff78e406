//! What the function says, from the lines of its log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// A line of the log: of a result, of a delivery, or of the invocation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line<'a> {
    #[serde(borrow)]
    pub(crate) timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) job_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) outcome: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) reason: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) dry_run: bool,
    #[serde(borrow)]
    pub(crate) why: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) clause: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) attempts: u32,
    #[serde(borrow)]
    pub(crate) before: Option<Seen<'a>>,
    #[serde(borrow)]
    pub(crate) after: Option<Seen<'a>>,
    #[serde(borrow)]
    pub(crate) requested_by: Option<By<'a>>,
    /// Of a sweep as a whole.
    pub(crate) sweep: Option<Box<SweepSaid>>,
    /// Of an invocation.
    pub(crate) requested: Option<u64>,
    pub(crate) settled: Option<u64>,
    pub(crate) api_calls: Option<u64>,
}

/// What a sweep came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SweepSaid {
    pub(crate) scanned: usize,
    pub(crate) matched: usize,
    pub(crate) kept: usize,
    pub(crate) left: usize,
    pub(crate) plan: Plan,
    pub(crate) outcomes: BTreeMap<String, usize>,
    pub(crate) job_ids: BTreeMap<String, Vec<String>>,
}

/// How a sweep was carried out.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    pub(crate) pages: u64,
}

/// A job as it was seen.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen<'a> {
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
}

/// Who asked.
#[derive(Debug, Deserialize)]
pub(crate) struct By<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
}

impl<'a> Line<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
