//! What Batch refuses before it looks at any job.

use crate::Refusal;

const MAX_REASON_CHARS: usize = 1024;
const MAX_BULK_JOBS: usize = 50;
const MAX_DESCRIBED_JOBS: usize = 100;

pub(super) fn id(id: &str) -> Result<(), Refusal> {
    if id.is_empty() { refuse("jobId cannot be null or empty".to_owned()) } else { Ok(()) }
}

pub(super) fn bulk(jobs: usize) -> Result<(), Refusal> {
    count(jobs, MAX_BULK_JOBS)
}

pub(super) fn described(jobs: usize) -> Result<(), Refusal> {
    count(jobs, MAX_DESCRIBED_JOBS)
}

fn count(jobs: usize, most: usize) -> Result<(), Refusal> {
    match jobs {
        0 => refuse("jobs cannot be null or empty".to_owned()),
        n if n > most => refuse(format!("jobs has {n} items, at most {most} are allowed")),
        _ => Ok(()),
    }
}

pub(super) fn reason(reason: &str) -> Result<(), Refusal> {
    match reason.chars().count() {
        0 => refuse("reason cannot be null or empty".to_owned()),
        n if n > MAX_REASON_CHARS => {
            refuse(format!("reason has {n} characters, at most {MAX_REASON_CHARS} are allowed"))
        }
        _ => Ok(()),
    }
}

fn refuse(text: String) -> Result<(), Refusal> {
    Err(Refusal::Client(text))
}
