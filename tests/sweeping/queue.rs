//! A queue of many jobs that are alike, and a queue for messages.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use batch_canceller::batch::{
    BatchApi, CallError, Described, Detail, FailureKind, Filter, Listed, Listing, MAX_FILTERED, MAX_LISTED,
    Page, Shown, Stopped, Which,
};
use batch_canceller::job::{JobStatus, Snapshot};
use batch_canceller::outlet::{Event, Message, Outlet, OutletError};
use batch_canceller::request::{Action, JobId, Reason};
use futures_util::future::BoxFuture;
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::time::sleep;

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// What each call takes.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// Jobs that are alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) status: &'static str,
    pub(crate) count: usize,
    /// Whether one that is stopped waits for others, marked, and does not end.
    pub(crate) waits: bool,
    /// The job that these depend on, by its number.
    pub(crate) after: Option<usize>,
}

impl Default for Kind {
    fn default() -> Self {
        Self { name: "job", status: "RUNNABLE", count: 0, waits: false, after: None }
    }
}

#[derive(Debug, Clone)]
struct Job {
    kind: Kind,
    status: JobStatus,
    reason: Option<Arc<str>>,
    stopped_by: Option<Action>,
    stops: u32,
}

/// How many calls there were.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Calls {
    pub(crate) list: usize,
    pub(crate) describe: usize,
    pub(crate) stop: usize,
}

impl Calls {
    pub(crate) fn all(self) -> usize {
        self.list + self.describe + self.stop
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Queue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    jobs: Vec<Job>,
    calls: Calls,
    latency: Duration,
}

impl Queue {
    /// Jobs with the numbers from 0, in the order of their kinds.
    pub(crate) fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let job = |kind: Kind| Job {
            kind,
            status: JobStatus::from(kind.status),
            reason: None,
            stopped_by: None,
            stops: 0,
        };
        let jobs = kinds.into_iter().flat_map(|kind| std::iter::repeat_n(job(kind), kind.count)).collect();
        Self(Arc::new(Mutex::new(State { jobs, calls: Calls::default(), latency: LATENCY })))
    }

    /// The same, with calls that take so long.
    pub(crate) fn slow(self, latency: Duration) -> Self {
        self.0.lock().unwrap().latency = latency;
        self
    }

    /// The first so many jobs start to run.
    pub(crate) fn start(&self, count: usize) {
        for job in self.0.lock().unwrap().jobs.iter_mut().take(count) {
            job.status = JobStatus::Running;
        }
    }

    async fn wait(&self) {
        let latency = self.0.lock().unwrap().latency;
        sleep(latency).await;
    }

    pub(crate) fn living(&self) -> usize {
        self.0.lock().unwrap().jobs.iter().filter(|job| !job.status.has_ended()).count()
    }

    pub(crate) fn stopped_twice(&self) -> usize {
        self.0.lock().unwrap().jobs.iter().filter(|job| job.stops > 1).count()
    }

    /// The calls since this was last asked.
    pub(crate) fn calls(&self) -> Calls {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }
}

fn id(number: usize) -> JobId {
    JobId::from(format!("job-{number:07}").as_str())
}

fn number(id: &JobId) -> usize {
    id.as_str().strip_prefix("job-").unwrap().parse().unwrap()
}

impl Job {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            status_reason: self.reason.as_deref().map(Into::into),
            job_name: Some(self.kind.name.into()),
            is_cancelled: Some(self.stopped_by == Some(Action::Cancel)),
            is_terminated: Some(self.stopped_by == Some(Action::Terminate)),
            ..Snapshot::of(self.status.clone())
        }
    }

    fn is_shown(&self, which: &Which) -> bool {
        match which {
            Which::In(status) => self.status == *status,
            Which::Filtered(Filter::JobName(name)) => match name.strip_suffix('*') {
                Some(start) => self.kind.name.starts_with(start),
                None => self.kind.name == &**name,
            },
            Which::Filtered(filter) => panic!("no such filter here: {filter:?}"),
        }
    }
}

impl BatchApi for Queue {
    async fn describe(&self, ids: &[JobId], detail: Detail) -> Result<Described, CallError> {
        self.wait().await;
        let mut state = self.0.lock().unwrap();
        state.calls.describe += 1;
        let shown = ids.iter().map(|id| {
            let job = &state.jobs[number(id)];
            let depends = job.kind.after.map(|number| json!([{"jobId": self::id(number).as_str()}]));
            let json = json!({
                "jobId": id.as_str(), "jobName": job.kind.name, "status": job.status.as_str(),
                "createdAt": NOW_MS - 60_000, "dependsOn": depends
            });
            let detail = (detail == Detail::Whole).then(|| to_raw_value(&json).unwrap());
            (id.to_string(), Shown { snapshot: job.snapshot(), detail })
        });
        Ok(Described::new(ids, shown.collect::<Vec<_>>()))
    }

    async fn list(&self, listing: &Listing, page: Option<&str>) -> Result<Page, CallError> {
        self.wait().await;
        let mut state = self.0.lock().unwrap();
        state.calls.list += 1;
        let size = if matches!(listing.which, Which::In(_)) { MAX_LISTED } else { MAX_FILTERED };
        let size = usize::try_from(size).unwrap();
        let first = page.map_or(0, |page| page.parse().unwrap());
        let shown = state.jobs.iter().enumerate().skip(first);
        let mut shown: Vec<_> =
            shown.filter(|(_, job)| job.is_shown(&listing.which)).take(size + 1).collect();
        let next = shown.get(size).map(|(number, _)| number.to_string());
        shown.truncate(size);
        let jobs = shown.into_iter().map(|(number, job)| {
            let summary = json!({
                "jobId": id(number).as_str(), "jobName": job.kind.name, "status": job.status.as_str(),
                "createdAt": NOW_MS - 60_000
            });
            Listed { id: id(number), snapshot: job.snapshot(), summary: to_raw_value(&summary).unwrap() }
        });
        Ok(Page { jobs: jobs.collect(), next })
    }

    async fn stop(&self, action: Action, ids: &[JobId], reason: &Reason) -> Result<Stopped, CallError> {
        self.wait().await;
        let mut state = self.0.lock().unwrap();
        state.calls.stop += 1;
        for id in ids {
            let job = &mut state.jobs[number(id)];
            job.stops += 1;
            job.reason = Some(reason.as_str().into());
            job.stopped_by = Some(action);
            if !job.kind.waits {
                job.status = JobStatus::Failed;
            }
        }
        Ok(Stopped::new(ids.iter().map(ToString::to_string), []))
    }
}

/// Where messages go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing(Arc<Mutex<Sent>>);

#[derive(Debug, Default)]
struct Sent {
    messages: Vec<(String, String)>,
    tries: usize,
    fails: bool,
}

impl Outgoing {
    pub(crate) fn failing() -> Self {
        Self(Arc::new(Mutex::new(Sent { fails: true, ..Sent::default() })))
    }

    /// The queues and bodies of the messages since this was last asked.
    pub(crate) fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.lock().unwrap().messages)
    }

    pub(crate) fn tries(&self) -> usize {
        self.0.lock().unwrap().tries
    }
}

impl Outlet for Outgoing {
    fn send<'a>(&'a self, message: &'a Message<'a>) -> BoxFuture<'a, Result<String, OutletError>> {
        Box::pin(async move {
            sleep(LATENCY).await;
            let mut sent = self.0.lock().unwrap();
            sent.tries += 1;
            if sent.fails {
                return Err(OutletError { message: "down".into(), is_passing: true });
            }
            sent.messages.push((message.queue_arn.to_owned(), message.body.clone()));
            Ok("message-1".to_owned())
        })
    }

    fn publish<'a>(
        &'a self,
        _: &'a str,
        _: &'a [Event],
    ) -> BoxFuture<'a, Result<Vec<Option<OutletError>>, OutletError>> {
        Box::pin(async {
            Err(OutletError { message: CallError::new(FailureKind::Denied).to_string(), is_passing: false })
        })
    }
}
