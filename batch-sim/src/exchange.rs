//! One call from its JSON to its answer, and the log of calls.

use crate::calls::Log;
use crate::faults::Trouble;
use crate::wire::{self, Answer, Ask, Request};
use crate::{Bulk, Call, Moment, Refusal, World};

/// The simulated Batch and its log; what the simulator's mutex guards.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) world: World,
    pub(crate) log: Log,
}

impl Exchange {
    /// Logs a call that has arrived, and says what is to befall it.
    pub(crate) fn admit(&mut self, request: &Request, now: Moment) -> (usize, Trouble) {
        let keep = self.world.settings().log_calls;
        let number = self.log.begin(request.operation, keep, |number| Call {
            number,
            operation: request.operation,
            jobs: request.jobs.clone(),
            reason: request.reason.clone(),
            status: 0,
            started: now.elapsed,
        });
        (number, self.world.befall(request.operation, &request.jobs, now))
    }

    /// Carries a call out.
    pub(crate) fn perform(&mut self, request: &Request, number: usize, now: Moment) -> Answer {
        let answer = self.ask(request, now);
        answer.unwrap_or_else(|refusal| self.refuse(refusal, number))
    }

    fn ask(&mut self, request: &Request, now: Moment) -> Result<Answer, Refusal> {
        let world = &mut self.world;
        let reason = request.reason.as_deref().unwrap_or_default();
        Ok(match &request.ask {
            Err(text) => return Err(world.refuse(request.operation, text, now)),
            Ok(Ask::Stop(verb)) => {
                let id = request.jobs.first().map(String::as_str).unwrap_or_default();
                world.stop_job(*verb, id, reason, now)?;
                Answer::ok(b"{}".to_vec())
            }
            Ok(Ask::StopMany(verb)) => Answer::json(&world.stop_jobs(*verb, &request.jobs, reason, now)?),
            Ok(Ask::Describe) => wire::described(&world.describe_jobs(&request.jobs, now)?),
            Ok(Ask::List(query)) => wire::listed(&world.list_jobs(query, now)?),
        })
    }

    fn refuse(&self, refusal: Refusal, number: usize) -> Answer {
        match (refusal, self.world.settings().bulk) {
            (Refusal::Client(text), _) => Answer::refusal(&text, &wire::request_id(number)),
            (Refusal::Throttled, _) => Answer::error(429, "TooManyRequestsException", "Too Many Requests"),
            (Refusal::NoSuchCall, Bulk::Missing403) => Answer::unknown_path(),
            (Refusal::NoSuchCall, Bulk::Missing400) => {
                Answer::error(400, "UnknownOperationException", "The operation is not known")
            }
            (Refusal::NoSuchCall, Bulk::Missing404 | Bulk::Present) => Answer::uncoded(404, "Not Found"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation::{CancelJob, CancelJobs, DescribeJobs, ListJobs, TerminateJob, TerminateJobs};
    use serde_json::json;

    #[test]
    fn batch_refuses_what_it_documents_and_nothing_else() {
        let ids = |n| vec!["x"; n];
        for (operation, body, accepted) in [
            (CancelJob, json!({"jobId": "a:1#2", "reason": "é".repeat(1024)}), true),
            (CancelJob, json!({"jobId": "a", "reason": "é".repeat(1025)}), false),
            (CancelJob, json!({"jobId": "", "reason": "r"}), false),
            (CancelJob, json!({"jobId": "a", "reason": ""}), false),
            (TerminateJob, json!({"jobId": "a"}), false),
            (TerminateJob, json!({"reason": "r"}), false),
            (TerminateJob, json!({"jobId": 1, "reason": "r"}), false),
            (CancelJobs, json!({"jobs": ids(50), "reason": "r"}), true),
            (CancelJobs, json!({"jobs": ids(51), "reason": "r"}), false),
            (TerminateJobs, json!({"jobs": [], "reason": "r"}), false),
            (TerminateJobs, json!({"jobs": ["a"]}), false),
            (DescribeJobs, json!({"jobs": ids(100)}), true),
            (DescribeJobs, json!({"jobs": ids(101)}), false),
            (DescribeJobs, json!({"jobs": []}), false),
            (DescribeJobs, json!({}), false),
            (ListJobs, json!({"jobQueue": "q", "unknownMember": 1}), true),
            (ListJobs, json!({}), false),
            (ListJobs, json!({"jobQueue": "q", "arrayJobId": "a"}), false),
            (ListJobs, json!({"jobQueue": "q", "jobStatus": "running"}), false),
            (ListJobs, json!({"jobQueue": "q", "maxResults": 0}), false),
            (ListJobs, json!({"jobQueue": "q", "nextToken": "?"}), false),
            (ListJobs, json!({"jobQueue": "q", "filters": [{"name": "JOB_NAME"}]}), false),
            (ListJobs, json!({"jobQueue": "q", "filters": [{"name": "X", "values": ["x"]}]}), false),
        ] {
            let request = wire::parse(operation, body.to_string().as_bytes());
            let answer = Exchange::default().perform(&request, 0, Moment::default());
            let refused = (400, Some("ClientException"));
            let expect = if accepted { (200, None) } else { refused };
            assert_eq!((answer.status, answer.code.as_deref()), expect, "{operation:?} {body}");
        }
    }
}
