//! How jobs go on by themselves, and what other people do to them.

use batch_sim::{Deed, Fault, Happening, JobStatus};

use super::{Event, Stage};
use crate::EPOCH_MS;
use crate::fault::Kind;
use crate::plan::JobPlan;
use crate::trace::What;

impl Stage {
    pub(super) fn submit(&mut self, number: usize) {
        let Some(plan) = self.plan.jobs.get(number) else {
            return;
        };
        let job = plan.job();
        if self.has_sweeps {
            self.checker.truth.submitted(plan, self.now);
        }
        self.batch.add(job, self.moment());
        self.gather();
    }

    /// Takes note of what has happened to jobs.
    pub(super) fn gather(&mut self) {
        for change in self.batch.take_changes(self.moment()) {
            let at = u64::try_from(change.at).unwrap_or_default().saturating_sub(EPOCH_MS);
            self.say(|| What::Changed(change.clone()));
            let stands = match &change.what {
                Happening::Added(status) => Some(*status),
                Happening::Moved { to, .. } => Some(*to),
                Happening::Expired => None,
            };
            if let (Some(status), Some(plan)) = (stands, self.job_plan(&change.id)) {
                let is_array = plan.children > 0 && plan.id == change.id;
                let (pace, forgotten) = (plan.pace, plan.forgotten_after);
                if status.has_ended() {
                    if let Some(after) = forgotten {
                        self.at(self.now + after, Event::Forget(change.id.clone()));
                    }
                } else if !is_array && plan.stays != Some(status) {
                    let pause = self.dice.ms(1..=pace);
                    self.at(self.now + pause, Event::Live(change.id.clone(), status));
                }
            }
            self.checker.truth.note(change, at);
        }
    }

    fn job_plan(&self, id: &str) -> Option<&JobPlan> {
        let top = id.split(':').next().unwrap_or(id);
        let number: usize = top.strip_prefix("job-")?.parse().ok()?;
        // Unless some are left out, each stands where its number says.
        let there = self.plan.jobs.get(number);
        if there.is_some_and(|job| job.id == top) {
            return there;
        }
        self.plan.jobs.iter().find(|job| job.id == top).or(there)
    }

    /// A job goes on to what comes next, if it still stands there.
    pub(super) fn live(&mut self, id: &str, status: JobStatus) {
        let moment = self.moment();
        let stands = self.batch.job(id, moment).map(|job| job.status);
        self.gather();
        if stands != Some(status) {
            return;
        }
        let Some(plan) = self.job_plan(id) else {
            return;
        };
        let (fails, waits) = (plan.fails, !plan.depends_on.is_empty());
        let fails = self.dice.chance(fails);
        let next = match status {
            JobStatus::Submitted if waits || self.dice.chance(0.5) => Deed::Move(JobStatus::Pending),
            // Batch itself lets it go on.
            JobStatus::Pending if waits => return,
            JobStatus::Submitted | JobStatus::Pending => Deed::Move(JobStatus::Runnable),
            JobStatus::Runnable => Deed::Move(JobStatus::Starting),
            JobStatus::Starting if fails => Deed::Fail("Task failed to start.".to_owned()),
            JobStatus::Starting => Deed::Move(JobStatus::Running),
            // Batch may have nothing to say about it.
            JobStatus::Running if fails && self.dice.chance(0.1) => Deed::Move(JobStatus::Failed),
            JobStatus::Running if fails => Deed::Fail("Essential container in task exited".to_owned()),
            JobStatus::Running => Deed::Move(JobStatus::Succeeded),
            JobStatus::Succeeded | JobStatus::Failed => return,
        };
        self.batch.act(id, next, moment);
        self.gather();
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.batch.act(id, Deed::Expire, self.moment());
        self.gather();
    }

    pub(super) fn deed(&mut self, number: usize) {
        let Some(plan) = self.plan.deeds.get(number).cloned() else {
            return;
        };
        self.say(|| What::Deed { job: plan.job.clone(), deed: plan.deed.clone() });
        self.batch.act(&plan.job, plan.deed, self.moment());
        self.gather();
    }

    /// What befalls single jobs of bulk calls: that they are protected, for good, and faults as long as there are any.
    pub(super) fn item_faults(&mut self) {
        let moment = self.moment();
        let protected: Vec<String> = self
            .plan
            .jobs
            .iter()
            .filter(|job| job.is_protected)
            .flat_map(|job| std::iter::once(job.id.clone()).chain(job.child_ids()))
            .collect();
        for id in protected {
            self.batch.fault(Fault::item("AccessDenied", "an explicit deny").job(id), moment);
        }
        if self.now >= self.plan.calm_at {
            return;
        }
        for (kind, fault) in [
            (Kind::ItemThrottled, Fault::item("ThrottlingException", "Rate exceeded")),
            (Kind::ItemFailed, Fault::item("ServerException", "internal")),
            (Kind::ItemOmitted, Fault::omitted_item()),
        ] {
            if self.plan.rates.has(kind) {
                self.batch.fault(fault.rate(self.plan.rates.of(kind)), moment);
            }
        }
    }

    /// Whether nobody may stop a job.
    pub(super) fn is_protected(&self, id: &str) -> bool {
        self.job_plan(id).is_some_and(|plan| plan.is_protected && id.starts_with(&plan.id))
    }
}
