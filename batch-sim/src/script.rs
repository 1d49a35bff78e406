//! What other people and Batch itself do between two calls, made repeatable.

use serde::{Deserialize, Serialize};

use crate::JobStatus;

/// Something that is done to a job by somebody else, set off by one of our calls.
///
/// The answer to that call still shows the job as it was before. What is done comes before what
/// the call itself brings about: a terminate after an accepted cancel takes the cancel over.
///
/// In JSON: `{"after": {"described": 1}, "does": {"cancel": "theirs"}}`, and, as short for
/// `"does": {"to": "RUNNING"}`, just `{"after": {"described": 1}, "to": "RUNNING"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawEvent")]
pub struct Event {
    /// The call that sets it off.
    pub after: After,
    /// What is done.
    pub does: Deed,
}

/// The call that sets an [`Event`] off.
///
/// In JSON: `{"described": 1}`, `{"listed": 2}`, `{"stopped": 1}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum After {
    /// The k-th `DescribeJobs` answer that shows the job, counted from 1.
    Described(u32),
    /// The k-th `ListJobs` answer that shows the job, counted from 1.
    Listed(u32),
    /// The k-th accepted cancel or terminate call that names the job, counted from 1, also one
    /// that comes too late to have an effect. Right after it: before its lag, if it has one.
    Stopped(u32),
}

/// What others do to a job.
///
/// In JSON: `{"to": "RUNNING"}`, `{"cancel": "why"}`, `{"terminate": "why"}`, `{"fail": "why"}`,
/// `"expire"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deed {
    /// Batch's scheduler moves it. A job that starts outruns a cancel still under way, and one that
    /// ends outruns both verbs; the flag of the accepted call stays.
    #[serde(rename = "to")]
    Move(JobStatus),
    /// Somebody cancels it with this reason; the lag is that of any cancel.
    Cancel(String),
    /// Somebody terminates it with this reason; the lag is that of any terminate.
    Terminate(String),
    /// It fails by itself with this `statusReason`; an array by its living children. One that had
    /// started and has attempts left goes back to RUNNABLE, unless somebody stopped it.
    Fail(String),
    /// It disappears from Batch, as an ended job does after some days; one that has not ended stays.
    Expire,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    after: After,
    to: Option<JobStatus>,
    does: Option<Deed>,
}

impl TryFrom<RawEvent> for Event {
    type Error = &'static str;

    fn try_from(raw: RawEvent) -> Result<Self, Self::Error> {
        let does = match (raw.to, raw.does) {
            (Some(status), None) => Deed::Move(status),
            (None, Some(deed)) => deed,
            _ => return Err("an event has either `to` or `does`"),
        };
        Ok(Self { after: raw.after, does })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_in_both_forms_and_written_in_one() {
        let to = Deed::Move(JobStatus::Running);
        for (text, expect) in [
            (r#"{"after": {"described": 1}, "to": "RUNNING"}"#, Some((After::Described(1), to.clone()))),
            (r#"{"after": {"listed": 2}, "does": {"to": "RUNNING"}}"#, Some((After::Listed(2), to))),
            (
                r#"{"after": {"stopped": 1}, "does": {"terminate": "x"}}"#,
                Some((After::Stopped(1), Deed::Terminate("x".to_owned()))),
            ),
            (r#"{"after": {"described": 1}, "does": "expire"}"#, Some((After::Described(1), Deed::Expire))),
            (r#"{"after": {"described": 1}}"#, None),
            (r#"{"after": {"described": 1}, "to": "RUNNING", "does": "expire"}"#, None),
            (r#"{"after": {"described": 1}, "does": "expire", "odd": 1}"#, None),
        ] {
            let expect = expect.map(|(after, does)| Event { after, does });
            let read = serde_json::from_str::<Event>(text).ok();
            assert_eq!(read, expect, "{text}");
            if let Some(event) = read {
                let again = serde_json::to_string(&event).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&again).unwrap(), event);
            }
        }
    }
}
