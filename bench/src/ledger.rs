//! What a function said, held against what became of the jobs.

use std::collections::HashSet;

use serde_json::Value;

use crate::event::Record;

/// What a function answered to an invocation.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A response, as it came.
    Response(Vec<u8>),
    /// An error: to SQS the whole batch failed.
    Error,
}

/// How an invocation ended, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The job is cancelled.
    pub(crate) cancelled: usize,
    /// The message goes back to the queue.
    pub(crate) returned: usize,
    /// The message goes back although its job is cancelled: one more look, no harm.
    pub(crate) needless: usize,
    /// The message is gone and its job is not cancelled. Nobody will ever know.
    pub(crate) lost: usize,
}

/// Settles one invocation.
pub(crate) fn settle(records: &[Record], answer: &Answer, is_cancelled: impl Fn(&str) -> bool) -> Account {
    let failures = failures(records, answer);
    let mut account = Account::default();
    for record in records {
        let returned = failures.as_ref().is_none_or(|failures| failures.contains(record.message.as_str()));
        let cancelled = is_cancelled(&record.job);
        account.cancelled += usize::from(cancelled);
        account.returned += usize::from(returned);
        account.needless += usize::from(returned && cancelled);
        account.lost += usize::from(!returned && !cancelled);
    }
    account
}

/// The messages that failed, or `None` if all did. Lambda's rules: an answer without a list acknowledges
/// everything, and one that names something else than the batch's messages fails everything.
fn failures(records: &[Record], answer: &Answer) -> Option<HashSet<String>> {
    let Answer::Response(body) = answer else {
        return None;
    };
    let Ok(reply) = serde_json::from_slice::<Value>(body) else {
        return None;
    };
    let Some(list) = reply.get("batchItemFailures").filter(|list| !list.is_null()) else {
        return Some(HashSet::new());
    };
    let known: HashSet<_> = records.iter().map(|record| record.message.as_str()).collect();
    let name = |item: &Value| item.get("itemIdentifier")?.as_str().map(ToOwned::to_owned);
    list.as_array()?.iter().map(|item| name(item).filter(|id| known.contains(id.as_str()))).collect()
}

/// What a function reported in its log: results are JSON lines with a `jobId` and an `outcome`. Functions that
/// report nothing have no claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Results that say the job is cancelled or terminated.
    pub(crate) made: usize,
    /// Those of them whose job is not.
    pub(crate) wrong: usize,
}

/// Checks what a log claims.
pub(crate) fn claims(log: &str, is_cancelled: impl Fn(&str) -> bool) -> Claims {
    let mut claims = Claims::default();
    for job in log.lines().filter(|line| line.contains("\"outcome\"")).filter_map(claim) {
        claims.made += 1;
        claims.wrong += usize::from(!is_cancelled(&job));
    }
    claims
}

fn claim(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let outcome = line.get("outcome")?.as_str()?;
    let stopped = matches!(outcome, "cancelled" | "terminated");
    let job = line.get("jobId")?.as_str()?;
    stopped.then(|| job.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        ["a", "b", "c"].map(|id| Record { message: format!("m-{id}"), job: id.to_owned() }).to_vec()
    }

    /// Of the jobs a, b and c only a and b are cancelled.
    fn check(reply: &str, expect: [usize; 3]) {
        let answer = Answer::Response(reply.as_bytes().to_vec());
        let account = settle(&records(), &answer, |job| job != "c");
        assert_eq!([account.returned, account.needless, account.lost], expect, "{reply}");
        assert_eq!(account.cancelled, 2);
    }

    #[test]
    fn a_message_is_returned_or_its_job_is_cancelled_or_it_is_lost() {
        check(r#"{"batchItemFailures":[{"itemIdentifier":"m-c"}]}"#, [1, 0, 0]);
        check(r#"{"batchItemFailures":[{"itemIdentifier":"m-b"}]}"#, [1, 1, 1]);
        check(r#"{"batchItemFailures":[]}"#, [0, 0, 1]);
    }

    #[test]
    fn odd_answers_count_as_lambda_counts_them() {
        for all_acknowledged in ["{}", "null", r#"{"batchItemFailures":null}"#] {
            check(all_acknowledged, [0, 0, 1]);
        }
        for all_failed in [
            "not json",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"m-c"},{"itemIdentifier":"m-z"}]}"#,
            r#"{"batchItemFailures":[{"wrong":"m-c"}]}"#,
        ] {
            check(all_failed, [3, 2, 0]);
        }
        assert_eq!(settle(&records(), &Answer::Error, |_| false).returned, 3);
    }

    #[test]
    fn claims_are_read_from_results_only() {
        let log = "plain text\n\
                   {\"jobId\":\"a\",\"outcome\":\"cancelled\"}\n\
                   {\"jobId\":\"c\",\"outcome\":\"unavailable\"}\n\
                   {\"jobId\":\"c\",\"outcome\":\"cancelled\"}\n\
                   {\"outcome\":\"cancelled\"} {\n";
        assert_eq!(claims(log, |job| job != "c"), Claims { made: 2, wrong: 1 });
        assert_eq!(claims(log, |_| true), Claims { made: 2, wrong: 0 });
    }
}
