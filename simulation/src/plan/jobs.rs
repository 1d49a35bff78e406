//! The jobs of a run, how they go on by themselves, and what other people do to them.

use batch_sim::{CancelLag, Deed, Job, JobStatus, Lag};
use std::time::Duration;

use super::RequestPlan;
use crate::Ms;
use crate::dice::Dice;

/// A job, and how it goes on.
#[derive(Debug, Clone)]
pub(crate) struct JobPlan {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) tags: Vec<(&'static str, &'static str)>,
    pub(crate) share: Option<&'static str>,
    pub(crate) submit_at: Ms,
    /// How long answers leave it out at first.
    pub(crate) hidden_for: Ms,
    pub(crate) lag: Ms,
    pub(crate) depends_on: Vec<String>,
    /// How many children it has; 0 for a job that is no array.
    pub(crate) children: usize,
    pub(crate) attempts: u32,
    /// The status in which it stays for good.
    pub(crate) stays: Option<JobStatus>,
    /// About how long it stands in one status.
    pub(crate) pace: Ms,
    /// How likely it fails of itself.
    pub(crate) fails: f64,
    /// How long after its end Batch forgets it.
    pub(crate) forgotten_after: Option<Ms>,
    /// Whether nobody may stop it.
    pub(crate) is_protected: bool,
}

/// What somebody else does.
#[derive(Debug, Clone)]
pub(crate) struct DeedPlan {
    pub(crate) at: Ms,
    pub(crate) job: String,
    pub(crate) deed: Deed,
}

impl JobPlan {
    /// A job that stands where it is.
    #[cfg(test)]
    pub(crate) fn idle(id: &str, name: &'static str, queue: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            name,
            queue,
            tags: vec![],
            share: None,
            submit_at: 0,
            hidden_for: 0,
            lag: 0,
            depends_on: vec![],
            children: 0,
            attempts: 1,
            stays: None,
            pace: 0,
            fails: 0.0,
            forgotten_after: None,
            is_protected: false,
        }
    }

    /// The job as Batch gets it.
    pub(crate) fn job(&self) -> Job {
        let mut job = Job::new(&self.id)
            .name(self.name)
            .queue(self.queue)
            .status(JobStatus::Submitted)
            .depends_on(&self.depends_on)
            .attempts(self.attempts)
            .lag(CancelLag::For(Duration::from_millis(self.lag)));
        for (key, value) in &self.tags {
            job = job.tag(*key, *value);
        }
        if let Some(share) = self.share {
            job = job.share(share);
        }
        if self.hidden_for > 0 {
            job = job.shown_after(Lag::For(Duration::from_millis(self.hidden_for)));
        }
        if self.children > 0 {
            job = job.status(JobStatus::Pending).array(vec![JobStatus::Runnable; self.children]);
        }
        job
    }

    /// The ids of its children.
    pub(crate) fn child_ids(&self) -> impl Iterator<Item = String> {
        (0..self.children).map(|index| format!("{}:{index}", self.id))
    }
}

pub(super) fn draw(dice: &mut Dice, calm_at: Ms) -> Vec<JobPlan> {
    let jobs = dice.pick([1, 3, 10, 40, 100]);
    let [hides, lags, depends, arrays, retries, forgets, protects] = [(); 7].map(|()| dice.chance(0.5));
    let mut plans: Vec<JobPlan> = Vec::new();
    for number in 0..jobs {
        let early = dice.chance(0.5);
        let depends_on = if depends && dice.chance(0.3) {
            dice.choose(&plans).map(|other| other.id.clone()).into_iter().collect()
        } else {
            vec![]
        };
        let stays = dice.pick([JobStatus::Pending, JobStatus::Runnable, JobStatus::Running]);
        plans.push(JobPlan {
            id: format!("job-{number}"),
            name: "job",
            queue: "default",
            tags: vec![],
            share: None,
            submit_at: if early { 0 } else { dice.ms(0..=calm_at) },
            hidden_for: if hides && dice.chance(0.5) {
                dice.pick([200, 1_000, 1_900, 3_000, 8_000])
            } else {
                0
            },
            lag: if lags && dice.chance(0.7) { dice.pick([50, 500, 2_000, 10_000]) } else { 0 },
            children: if arrays && dice.chance(0.2) { dice.count(1..=4) } else { 0 },
            attempts: if retries && dice.chance(0.5) { 3 } else { 1 },
            stays: dice.chance(0.4).then_some(stays),
            pace: dice.pick([300, 3_000, 30_000, 300_000]),
            fails: dice.pick([0.0, 0.1, 0.5]),
            forgotten_after: (forgets && dice.chance(0.5)).then(|| dice.pick([2_000, 60_000, 600_000])),
            is_protected: protects && dice.chance(0.15),
            depends_on,
        });
    }
    plans
}

pub(super) fn deeds(
    dice: &mut Dice,
    jobs: &[JobPlan],
    requests: &[RequestPlan],
    calm_at: Ms,
) -> Vec<DeedPlan> {
    if dice.chance(0.5) {
        return vec![];
    }
    let copies = dice.chance(0.3);
    let wanted: Vec<(&str, &str, Ms)> = requests
        .iter()
        .flat_map(|request| request.wants.iter().map(move |want| (want, request.at)))
        .filter_map(|(want, at)| Some((want.ask.as_ref()?, at)))
        .flat_map(|(ask, at)| ask.jobs.iter().map(move |job| (job.as_str(), ask.reason.as_str(), at)))
        .collect();
    let deed = |_| {
        let (job, reason, at) = match dice.choose(&wanted) {
            // Where somebody asks for it, somebody else may just then do the same.
            Some((job, reason, at)) if dice.chance(0.8) => {
                let reason = if copies && dice.chance(0.3) { *reason } else { "Stopped in the console." };
                let at = at + dice.pick([0, 20, 100, 500, 2_000, 10_000]);
                ((*job).to_owned(), reason.to_owned(), at.saturating_sub(dice.ms(0..=500)))
            }
            _ => (dice.choose(jobs)?.id.clone(), "Stopped by a script.".to_owned(), dice.ms(0..=calm_at)),
        };
        let deed = if dice.chance(0.6) { Deed::Cancel(reason) } else { Deed::Terminate(reason) };
        Some(DeedPlan { at, job, deed })
    };
    (0..jobs.len()).filter_map(deed).collect()
}
