//! Batch as an instance of the function calls it.

use std::io::{self, Write};

use batch_canceller::batch::{
    BatchApi, CallError, Described, Detail, FailureKind, Listed, Listing, Page, Shown, Stopped,
};
use batch_canceller::job::Snapshot;
use batch_canceller::request::{Action, JobId, Reason};
use batch_sim::ShownJob;
use serde_json::value::to_raw_value;
use tokio::time::{Duration, sleep};

use crate::now;
use crate::said::Line;
use crate::stage::answers::{Answer, item_kind};
use crate::stage::{Asked, Shared, enter};

/// The calls of one instance.
#[derive(Debug)]
pub(crate) struct SimBatch {
    pub(crate) stage: Shared,
    pub(crate) instance: usize,
}

/// A call under way; the function may drop it at any time.
struct Wait<'a> {
    stage: &'a Shared,
    call: u64,
    returned: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.returned {
            enter(self.stage).call_dropped(self.call, now());
        }
    }
}

impl SimBatch {
    async fn call(&self, ids: &[JobId], what: Asked) -> Result<Answer, CallError> {
        let ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let (call, returns) = enter(&self.stage).call_starts(self.instance, ids, what, now());
        let mut wait = Wait { stage: &self.stage, call, returned: false };
        match returns {
            Some(pause) => sleep(Duration::from_millis(pause)).await,
            None => std::future::pending().await,
        }
        wait.returned = true;
        enter(&self.stage).call_returns(call, now())
    }
}

impl BatchApi for SimBatch {
    async fn describe(&self, ids: &[JobId], detail: Detail) -> Result<Described, CallError> {
        let is_whole = detail == Detail::Whole;
        match self.call(ids, Asked::Show { is_whole }).await? {
            Answer::Described(jobs) => {
                Ok(Described::new(ids, jobs.into_iter().map(|job| shown(job, is_whole))))
            }
            _ => Err(CallError::new(FailureKind::Server)),
        }
    }

    async fn list(&self, listing: &Listing, page: Option<&str>) -> Result<Page, CallError> {
        let asked = Asked::List { listing: listing.clone(), page: page.map(ToOwned::to_owned) };
        match self.call(&[], asked).await? {
            Answer::Listed { jobs, next } => {
                Ok(Page { jobs: jobs.into_iter().filter_map(listed).collect(), next })
            }
            _ => Err(CallError::new(FailureKind::Server)),
        }
    }

    async fn stop(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        match self.call(ids, Asked::Stop(action, reason.as_str().to_owned())).await? {
            Answer::Stopped => Ok(Stopped::new(ids.iter().map(|id| id.as_str().to_owned()), [])),
            Answer::StoppedInBulk(answer) => {
                let errors = answer.errors.into_iter().map(|item| {
                    let error = CallError {
                        code: Some(item.code.clone()),
                        message: item.message,
                        ..CallError::new(item_kind(&item.code))
                    };
                    (item.job, error)
                });
                Ok(Stopped::new(answer.successful, errors))
            }
            _ => Err(CallError::new(FailureKind::Server)),
        }
    }
}

fn shown(job: ShownJob, is_whole: bool) -> (String, Shown) {
    let detail = is_whole.then(|| to_raw_value(&job).ok()).flatten();
    (job.id.clone(), Shown { snapshot: snapshot(job), detail })
}

fn listed(job: ShownJob) -> Option<Listed> {
    let summary = to_raw_value(&job).ok()?;
    Some(Listed { id: JobId::from(job.id.as_str()), snapshot: snapshot(job), summary })
}

fn snapshot(job: ShownJob) -> Snapshot {
    Snapshot {
        status_reason: job.status_reason.map(Into::into),
        job_name: Some(job.name.into()),
        job_queue: job.queue.map(Into::into),
        is_cancelled: job.is_cancelled,
        is_terminated: job.is_terminated,
        started_at: job.started_at,
        ..Snapshot::of(job.status.as_str().into())
    }
}

/// Where an instance's log lines go: to the checker, as they are written.
pub(crate) struct Listener {
    pub(crate) stage: Shared,
    pub(crate) instance: usize,
}

impl Write for Listener {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut stage = enter(&self.stage);
        stage.advance(now());
        let Ok(lines) = std::str::from_utf8(text) else {
            stage.checker.violation("log lines are JSON", String::from_utf8_lossy(text));
            return Ok(text.len());
        };
        for line in lines.split('\n').filter(|line| !line.is_empty()) {
            match Line::parse(line) {
                Ok(said) => stage.hear(self.instance, line, &said),
                Err(_) => stage.checker.violation("log lines are JSON", line),
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
