//! What really happened to jobs, which the function cannot see.

use std::collections::{BTreeMap, HashMap};

use batch_sim::{Change, Happening, JobStatus, StoppedBy};

use crate::Ms;
use crate::oracle::{Field, Sight};
use crate::plan::JobPlan;

/// The history of every job.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    histories: HashMap<String, History>,
    /// Kept where sweeps go by them.
    cards: BTreeMap<String, Card>,
}

/// What of a job never changes.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) queue: &'static str,
    pub(crate) name: &'static str,
    pub(crate) share: Option<&'static str>,
    /// Of a child, its parent's.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Ms,
    /// From when on answers show it.
    shown_from: Ms,
}

/// What happened to one job.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    pub(crate) steps: Vec<Step>,
    /// When Batch forgot it.
    pub(crate) forgotten: Option<Ms>,
}

/// A status, and since when.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: Ms,
    pub(crate) status: JobStatus,
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<StoppedBy>,
}

impl Truth {
    pub(crate) fn note(&mut self, change: Change, at: Ms) {
        let history = self.histories.entry(change.id).or_default();
        match change.what {
            Happening::Added(status) => history.steps.push(Step { at, status, reason: None, by: None }),
            Happening::Moved { to, reason, by, .. } => {
                history.steps.push(Step { at, status: to, reason, by });
            }
            Happening::Expired => history.forgotten = Some(at),
        }
    }

    pub(crate) fn of(&self, job: &str) -> Option<&History> {
        self.histories.get(job)
    }

    /// A job is submitted, with its children.
    pub(crate) fn submitted(&mut self, plan: &JobPlan, at: Ms) {
        let tags = plan.tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let card = Card {
            queue: plan.queue,
            name: plan.name,
            share: plan.share,
            tags,
            created: at,
            shown_from: at + plan.hidden_for,
        };
        for id in std::iter::once(plan.id.clone()).chain(plan.child_ids()) {
            self.cards.insert(id, card.clone());
        }
    }

    pub(crate) fn card(&self, job: &str) -> Option<&Card> {
        self.cards.get(job)
    }

    pub(crate) fn cards(&self) -> impl Iterator<Item = (&str, &Card)> {
        self.cards.iter().map(|(id, card)| (id.as_str(), card))
    }

    /// A job as it is at a time within another, in which it stands still and answers show it all the time.
    pub(crate) fn sight_between(
        &self,
        job: &str,
        card: &Card,
        (from, until): (Ms, Ms),
        at: Ms,
    ) -> Option<Sight> {
        let history = self.of(job)?;
        let step = history.last().filter(|step| step.at <= from);
        let step = step.or_else(|| {
            let after = history.steps.iter().position(|step| step.at > from)?;
            history.steps.get(after).filter(|next| next.at > until)?;
            history.steps.get(after.checked_sub(1)?)
        })?;
        let is_shown = card.shown_from <= from && history.forgotten.is_none_or(|gone| gone > until);
        is_shown.then(|| Sight {
            at,
            status: step.status,
            status_reason: step.reason.clone(),
            name: card.name.to_owned(),
            queue: card.queue.to_owned(),
            share: card.share.map(ToOwned::to_owned),
            tags: card.tags.clone(),
            age: (at - card.created) / 1_000,
            running: None,
        })
    }
}

impl Card {
    pub(crate) fn value(&self, field: Field) -> Option<&str> {
        match field {
            Field::Name => Some(self.name),
            Field::Share => self.share,
            Field::Tag(key) => self.tags.get(key).map(String::as_str),
            _ => None,
        }
    }
}

impl History {
    /// Where it stands.
    pub(crate) fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// Every status that it had at some moment since `from`.
    pub(crate) fn since(&self, from: Ms) -> impl Iterator<Item = JobStatus> {
        let first = self.steps.iter().rposition(|step| step.at < from).unwrap_or_default();
        self.steps.iter().skip(first).map(|step| step.status)
    }
}
