//! From what is known about a job to what an answer shows of it.

use crate::Settings;
use crate::shown::{ArrayShown, Dependency, ShownJob};
use crate::state::{Family, Slot, State};

/// What answers depend on besides the jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) settings: &'a Settings,
    pub(super) arn_root: &'a str,
    pub(super) now: i64,
}

impl Place<'_> {
    /// A name that is an ARN already stays as it is.
    fn arn(&self, kind: &str, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { [self.arn_root, kind, name].concat() }
    }
}

impl ShownJob {
    pub(super) fn detail(state: &State, slot: Slot, place: &Place<'_>) -> Self {
        let job = &state.record(slot).job;
        let depends_on = job.depends_on.iter();
        Self {
            queue: Some(place.arn(":job-queue/", &job.queue)),
            tags: Some(job.tags.clone()),
            depends_on: Some(depends_on.map(|id| Dependency { job_id: id.clone() }).collect()),
            attempts: Some(state.record(slot).attempts.clone()),
            ..Self::summary(state, slot, place)
        }
    }

    pub(super) fn summary(state: &State, slot: Slot, place: &Place<'_>) -> Self {
        let record = state.record(slot);
        let job = &record.job;
        let settings = place.settings;
        let (cancelled, terminated) = record.shown_flags(settings.flag_during_lag, place.now);
        Self {
            queue: None,
            tags: None,
            depends_on: None,
            attempts: None,
            arn: place.arn(":job/", &job.id),
            id: job.id.clone(),
            name: job.name.clone(),
            definition: place.arn(":job-definition/", &job.definition),
            status: job.status,
            status_reason: job.status_reason.clone(),
            created_at: record.created_at,
            started_at: job.started_at,
            stopped_at: job.stopped_at,
            share: job.share.clone(),
            array: match &record.family {
                Family::Single => None,
                Family::Parent { children, tally } => {
                    Some(ArrayShown::Parent { size: children.len(), tally: tally.clone() })
                }
                Family::Child { index, .. } => Some(ArrayShown::Child { index: *index }),
            },
            is_cancelled: settings.flags.then_some(cancelled),
            is_terminated: settings.flags.then_some(terminated),
        }
    }
}
