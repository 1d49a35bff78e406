//! How the simulated Batch behaves as a whole.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Buckets, RateLimit, Shortfall};

/// What a test may change about the simulated Batch; the defaults are Batch as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// How long an accepted cancel or terminate takes.
    pub lag: CancelLag,
    /// Whether answers carry `isCancelled` and `isTerminated`; without, they are left out.
    pub flags: bool,
    /// Whether the flag shows already while the lag lasts.
    pub flag_during_lag: bool,
    /// Whether there are `CancelJobs` and `TerminateJobs`, and how their absence is told.
    pub bulk: Bulk,
    /// The limit on calls a second, if any; changing the settings fills the buckets.
    pub limit: Option<RateLimit>,
    /// Whether operations share the limit's tokens.
    pub buckets: Buckets,
    /// What meets a bulk call that is short of tokens.
    pub shortfall: Shortfall,
    /// Moves the dice of faults that strike by rate.
    pub seed: u64,
    /// Whether to keep the log of calls; counts are always kept. Off for long benchmarks.
    pub log_calls: bool,
    /// The account id in ARNs.
    pub account: String,
    /// The region in ARNs.
    pub region: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lag: CancelLag::None,
            flags: true,
            flag_during_lag: true,
            bulk: Bulk::Present,
            limit: None,
            buckets: Buckets::Shared,
            shortfall: Shortfall::Items,
            seed: 0,
            log_calls: true,
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }
}

impl Settings {
    /// The start of every ARN.
    pub(crate) fn arn_root(&self) -> String {
        format!("arn:aws:batch:{}:{}", self.region, self.account)
    }
}

/// How long a job keeps its status after an accepted cancel or terminate.
///
/// In JSON: `"none"`, `{"polls": 2}` or `{"forMs": 500}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelLag {
    /// It is FAILED at once.
    #[default]
    None,
    /// That many `DescribeJobs` answers still show the old status; then it is FAILED. Answers that
    /// show an array count for its children too.
    Polls(u32),
    /// It is FAILED when this much time has passed on tokio's clock, to the millisecond.
    #[serde(rename = "forMs", with = "crate::moment::as_millis")]
    For(Duration),
}

/// How long a new job is left out by `DescribeJobs` and `ListJobs`, as Batch may do at first.
///
/// In JSON: `{"polls": 2}` or `{"forMs": 500}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lag {
    /// Until that many answers have left it out: those to `DescribeJobs` calls that name it and to
    /// `ListJobs` calls that would show it.
    Polls(u32),
    /// Until this much time has passed since it was added, to the millisecond.
    #[serde(rename = "forMs", with = "crate::moment::as_millis")]
    For(Duration),
}

impl From<Lag> for CancelLag {
    fn from(lag: Lag) -> Self {
        match lag {
            Lag::Polls(looks) => Self::Polls(looks),
            Lag::For(time) => Self::For(time),
        }
    }
}

/// Whether the bulk calls exist: they are young, and missing in emulators and some partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bulk {
    /// They exist.
    #[default]
    Present,
    /// 404 without a code, as emulators answer.
    Missing404,
    /// 403 `MissingAuthenticationTokenException`, as API Gateway answers to an unknown path.
    Missing403,
    /// 400 `UnknownOperationException`.
    Missing400,
}
