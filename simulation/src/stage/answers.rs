//! What Batch answers, and what that says of each job.

use batch_canceller::batch::{CallError, FailureKind};
use batch_sim::{BulkAnswer, ShownJob};

use crate::checker::calls::Item;
use crate::fault::Kind;

/// What Batch says to a call.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Described(Vec<ShownJob>),
    Listed {
        jobs: Vec<ShownJob>,
        /// The token of the next page.
        next: Option<String>,
    },
    Stopped,
    StoppedInBulk(BulkAnswer),
}

pub(super) fn failed(kind: FailureKind, status: u16, code: &str) -> CallError {
    let code = Some(code.to_owned()).filter(|code| !code.is_empty());
    CallError { status: Some(status), code, ..CallError::new(kind) }
}

/// The kind of failure that an item's code tells of.
pub(crate) fn item_kind(code: &str) -> FailureKind {
    match code {
        "ThrottlingException" => FailureKind::Throttled,
        "AccessDenied" => FailureKind::Denied,
        _ => FailureKind::Server,
    }
}

/// An answer as oddly as it comes.
pub(super) fn odd(answer: Answer, oddity: Option<Kind>, asked: &[String]) -> Answer {
    let Answer::Described(mut jobs) = answer else {
        return answer;
    };
    match oddity {
        Some(Kind::NothingShown) => jobs.clear(),
        Some(Kind::UpperCase) => jobs.iter_mut().for_each(|job| job.id = job.id.to_uppercase()),
        Some(Kind::Stranger) if asked.len() > 1 => {
            if let Some(job) = jobs.last_mut() {
                "stranger".clone_into(&mut job.id);
            }
        }
        _ => {}
    }
    Answer::Described(jobs)
}

/// What an answer says of each job, and whether anything went wrong.
pub(super) fn items(
    answer: &Result<Answer, CallError>,
    asked: &[String],
    oddity: Option<Kind>,
) -> (Vec<(String, Item)>, bool) {
    let all = |item: Item| asked.iter().map(|id| (id.clone(), item)).collect();
    match answer {
        Err(error) => match error.kind {
            FailureKind::Refused | FailureKind::Denied => (all(Item::Refused), false),
            _ => (all(Item::Failed), true),
        },
        Ok(Answer::Listed { jobs, .. }) => {
            (jobs.iter().map(|job| (job.id.clone(), Item::Shown(Some(job.status)))).collect(), false)
        }
        Ok(Answer::Stopped) => (all(Item::Accepted), false),
        Ok(Answer::StoppedInBulk(answer)) => {
            let mut failed = false;
            let item = |id: &String| {
                let error = answer.errors.iter().find(|error| error.job == *id);
                let item = match error {
                    Some(error) if item_kind(&error.code) == FailureKind::Denied => Item::Refused,
                    None if answer.successful.contains(id) => Item::Accepted,
                    _ => Item::Failed,
                };
                failed |= item == Item::Failed;
                (id.clone(), item)
            };
            (asked.iter().map(item).collect(), failed)
        }
        Ok(Answer::Described(jobs)) => {
            let is_strange = jobs.iter().any(|job| job.id == "stranger");
            let shown = asked.iter().filter_map(|id| {
                let job = jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id));
                // Where a stranger is shown, it may be who is missing.
                (job.is_some() || !is_strange).then(|| (id.clone(), Item::Shown(job.map(|job| job.status))))
            });
            (shown.collect(), is_strange || oddity == Some(Kind::NothingShown))
        }
    }
}
