//! The operations and the log of the calls made to them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The Batch operations the simulator speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Operation {
    /// `POST /v1/canceljob`
    CancelJob,
    /// `POST /v1/canceljobs`
    CancelJobs,
    /// `POST /v1/terminatejob`
    TerminateJob,
    /// `POST /v1/terminatejobs`
    TerminateJobs,
    /// `POST /v1/describejobs`
    DescribeJobs,
    /// `POST /v1/listjobs`
    ListJobs,
}

impl Operation {
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        match path {
            "/v1/canceljob" => Some(Self::CancelJob),
            "/v1/canceljobs" => Some(Self::CancelJobs),
            "/v1/terminatejob" => Some(Self::TerminateJob),
            "/v1/terminatejobs" => Some(Self::TerminateJobs),
            "/v1/describejobs" => Some(Self::DescribeJobs),
            "/v1/listjobs" => Some(Self::ListJobs),
            _ => None,
        }
    }

    pub(crate) fn is_bulk(self) -> bool {
        matches!(self, Self::CancelJobs | Self::TerminateJobs)
    }
}

/// Batch's two verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Ends a job that has not started.
    Cancel,
    /// Ends any job.
    Terminate,
}

impl Verb {
    pub(crate) fn call(self) -> Operation {
        match self {
            Self::Cancel => Operation::CancelJob,
            Self::Terminate => Operation::TerminateJob,
        }
    }

    pub(crate) fn bulk_call(self) -> Operation {
        match self {
            Self::Cancel => Operation::CancelJobs,
            Self::Terminate => Operation::TerminateJobs,
        }
    }
}

/// One call, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Its place among all calls, from 0.
    pub number: usize,
    /// What was called.
    pub operation: Operation,
    /// The job ids it named; for `ListJobs` the array's or multi-node job's id, if any.
    pub jobs: Vec<String>,
    /// The reason it gave.
    pub reason: Option<String>,
    /// The HTTP status it was answered with; 0 while, or if never, answered.
    pub status: u16,
    /// When it arrived, since the simulator was made.
    #[serde(rename = "startedMs", with = "crate::moment::as_millis")]
    pub started: Duration,
}

/// The calls so far, and how many there were of each operation.
#[derive(Debug, Default)]
pub(crate) struct Log {
    calls: Vec<Call>,
    counts: BTreeMap<Operation, usize>,
    next: usize,
}

impl Log {
    /// Numbers a call; `call` is only built if the log is kept.
    pub(crate) fn begin(
        &mut self,
        operation: Operation,
        keep: bool,
        call: impl FnOnce(usize) -> Call,
    ) -> usize {
        let number = self.next;
        self.next += 1;
        *self.counts.entry(operation).or_default() += 1;
        if keep {
            self.calls.push(call(number));
        }
        number
    }

    /// Notes how a call was answered, unless the log was cleared meanwhile.
    pub(crate) fn finish(&mut self, number: usize, status: u16) {
        if let Ok(place) = self.calls.binary_search_by_key(&number, |call| call.number)
            && let Some(call) = self.calls.get_mut(place)
        {
            call.status = status;
        }
    }

    /// Forgets the calls; numbers go on, so that calls under way cannot be mistaken for new ones.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.counts.clear();
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn counts(&self) -> &BTreeMap<Operation, usize> {
        &self.counts
    }
}
