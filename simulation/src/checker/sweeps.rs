//! What sweeps may stop, and when.

use std::collections::BTreeMap;

use batch_canceller::batch::{Listing, Which};
use batch_canceller::request::{Action, ListingOf};
use batch_sim::ShownJob;

use super::guard::parent;
use super::{Checker, Entry, Invocation, Role};
use crate::Ms;
use crate::oracle::{Case, Sight};
use crate::plan::{Ask, Of, SweepAsk};
use crate::truth::{Card, Truth};

pub(super) const MEANT: &str = "only what a sweep means is stopped, or told of";
pub(super) const COUNTED: &str = "a sweep counts all before it stops any";
pub(super) const TOO_MANY: &str = "a sweep that means too many stops none";
pub(super) const NEWEST: &str = "a sweep leaves the newest alone";
pub(super) const ONCE: &str = "no job is ordered twice";

/// What an invocation has seen of listings.
#[derive(Debug, Default)]
pub(super) struct Listings {
    /// How pages showed each job; tags and queue, which they do not show, as they are.
    sights: BTreeMap<String, Vec<Sight>>,
    /// When the first page was asked for, and when the last one came.
    pub(super) first: Option<Ms>,
    pub(super) last: Ms,
    /// Pages that came, and those of them that tell which jobs there are to stop.
    pub(super) pages: u64,
    pub(super) pages_to_stop: u64,
    /// When a job was first stopped for a sweep.
    stopped: Option<Ms>,
}

/// A sweep of an invocation.
#[derive(Clone, Copy)]
pub(super) struct Swept<'a> {
    pub(super) entry: &'a Entry,
    pub(super) ask: &'a Ask,
    pub(super) sweep: &'a SweepAsk,
}

impl Checker {
    /// A page is asked for.
    pub(crate) fn listing_starts(&mut self, invocation: usize, listing: &Listing) {
        let now = self.now;
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.listings.first.get_or_insert(now);
        let is_asked = own.sweeps().any(|swept| is_of(&listing.of, &swept.sweep.of));
        if !is_asked {
            let text = format!("invocation {invocation}: {listing:?} is listed");
            self.violation("no call for what nobody asked for", text);
        } else if own.listings.stopped.is_some() && !is_of_ended(listing) {
            let text = format!("invocation {invocation}: {listing:?} is listed when some are stopped");
            self.violation(COUNTED, text);
        }
    }

    /// A page of a listing comes.
    pub(crate) fn listed(&mut self, invocation: usize, listing: &Listing, jobs: &[ShownJob]) {
        let now = self.now;
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.listings.last = now;
        own.listings.pages += 1;
        own.listings.pages_to_stop += u64::from(!is_of_ended(listing));
        for job in jobs {
            let Some(card) = self.truth.card(&job.id) else {
                continue;
            };
            let sight =
                Sight { queue: card.queue.to_owned(), tags: card.tags.clone(), ..Sight::of(job, None, now) };
            own.listings.sights.entry(job.id.clone()).or_default().push(sight);
        }
    }
}

impl Invocation {
    pub(super) fn sweeps(&self) -> impl Iterator<Item = Swept<'_>> {
        let entries = self.entries.iter().filter(|entry| entry.role == Role::Sweep);
        entries.filter_map(|entry| {
            let ask = self.ask(entry)?;
            Some(Swept { entry, ask, sweep: ask.sweep.as_deref()? })
        })
    }

    /// The sweeps that a page has shown a job for, as what they ask.
    pub(super) fn sweeps_of<'a>(&'a self, job: &'a str) -> impl Iterator<Item = (&'a Entry, &'a Ask)> {
        let sights = self.listings.sights.get(job).map_or(&[] as &[Sight], Vec::as_slice);
        let lists = move |swept: &Swept<'_>| {
            sights.iter().any(|sight| {
                is_within(&swept.sweep.of, job, &sight.queue) && swept.sweep.status.contains(&sight.status)
            })
        };
        self.sweeps().filter(lists).map(|swept| (swept.entry, swept.ask))
    }

    /// How pages showed a job.
    pub(super) fn listed_sights(&self, job: &str) -> &[Sight] {
        self.listings.sights.get(job).map_or(&[], Vec::as_slice)
    }

    pub(super) fn listed_jobs(&self) -> impl Iterator<Item = &str> {
        self.listings.sights.keys().map(String::as_str)
    }

    /// Whether a sweep means a job as it was seen at some time.
    pub(super) fn means(&self, swept: &Swept<'_>, job: &str) -> bool {
        let Some(by) = self.deliveries.get(swept.entry.delivery).map(|delivery| delivery.by) else {
            return false;
        };
        let seen = self.jobs.get(job).into_iter().flat_map(|job| &job.sights);
        self.listed_sights(job).iter().chain(seen).any(|sight| {
            is_within(&swept.sweep.of, job, &sight.queue)
                && is_meant(swept.sweep, &Case { ask: swept.ask, by, sight })
        })
    }

    /// Whether another request here is about a job.
    pub(super) fn is_elsewhere(&self, swept: &Swept<'_>, job: &str, queue: &str) -> bool {
        let is_named = |entry: &Entry| entry.role == Role::Named && entry.job.as_deref() == Some(job);
        let is_other = |other: &Swept<'_>| {
            !std::ptr::eq(other.entry, swept.entry) && is_within(&other.sweep.of, job, queue)
        };
        self.entries.iter().any(is_named) || self.sweeps().any(|other| is_other(&other))
    }

    /// The jobs that a sweep must have met, as it means them all the time from its first page until it stops any, and no
    /// other request is about them.
    pub(super) fn steady<'a>(
        &self,
        swept: &Swept<'_>,
        truth: &'a Truth,
        now: Ms,
    ) -> Vec<(&'a str, &'a Card)> {
        let (Some(from), Some(delivery)) = (self.listings.first, self.deliveries.get(swept.entry.delivery))
        else {
            return vec![];
        };
        let until = self.listings.stopped.unwrap_or(now);
        let is_steady = |(id, card): &(&str, &Card)| {
            is_within(&swept.sweep.of, id, card.queue)
                && [from, until].into_iter().all(|at| {
                    let sight = truth.sight_between(id, card, (from, until), at);
                    sight.is_some_and(|sight| {
                        let case = Case { ask: swept.ask, by: delivery.by, sight: &sight };
                        is_meant(swept.sweep, &case)
                    })
                })
                && !self.is_elsewhere(swept, id, card.queue)
        };
        truth.cards().filter(is_steady).collect()
    }

    /// What is wrong about a call that stops a job which no request names.
    pub(super) fn wrongly_swept(
        &mut self,
        job: &str,
        (action, reason): (Action, &str),
        truth: &Truth,
        now: Ms,
    ) -> Option<(&'static str, String)> {
        self.listings.stopped.get_or_insert(now);
        let mut wrong = None;
        for swept in self.sweeps() {
            let Ask { action: asked, reason: why, dry_run, .. } = swept.ask;
            if *dry_run || *asked != action || why.as_str() != reason {
                continue;
            }
            match self.wrong_about(&swept, job, truth, now) {
                None => return None,
                Some(text) => wrong = wrong.or(Some(text)),
            }
        }
        wrong
    }

    fn wrong_about(
        &self,
        swept: &Swept<'_>,
        job: &str,
        truth: &Truth,
        now: Ms,
    ) -> Option<(&'static str, String)> {
        let SweepAsk { most, .. } = swept.sweep;
        if !self.means(swept, job) {
            return Some((MEANT, format!("{job} is stopped, which {:?} does not mean", swept.sweep)));
        }
        let steady = self.steady(swept, truth, now).len();
        if steady > *most {
            return Some((TOO_MANY, format!("{job} is stopped, one of {steady} where {most} may be")));
        }
        let newer = self.newer(swept, job, truth)?;
        let text = format!("{job} is stopped, though there are only {newer} that are newer");
        swept.sweep.keep.as_ref().filter(|(_, count)| newer < *count).map(|_| (NEWEST, text))
    }

    /// How many jobs that a sweep may have met are as new as one with which they share what it goes by.
    fn newer(&self, swept: &Swept<'_>, job: &str, truth: &Truth) -> Option<usize> {
        let own = shared(swept, truth.card(job)?)?;
        let created = truth.card(job)?.created;
        let others = self.listed_jobs().filter(|other| {
            *other != job
                && truth
                    .card(other)
                    .is_some_and(|card| card.created >= created && shared(swept, card).as_ref() == Some(&own))
                && self.means(swept, other)
        });
        Some(others.count())
    }
}

/// Whether a job as it was seen is one that a sweep means.
fn is_meant(sweep: &SweepAsk, case: &Case<'_>) -> bool {
    sweep.status.contains(&case.sight.status) && sweep.all.iter().all(|test| case.meets(test))
}

/// Whether a listing can show a job: a queue's shows no children.
fn is_within(of: &Of, job: &str, queue: &str) -> bool {
    match of {
        Of::Queue(own) => *own == queue && parent(job).is_none(),
        Of::Array(id) => parent(job) == Some(id),
    }
}

/// What a job has in common with others, of which the newest are left alone.
pub(super) fn shared(swept: &Swept<'_>, card: &Card) -> Option<String> {
    card.value(swept.sweep.keep.as_ref()?.0).map(ToOwned::to_owned)
}

fn is_of(listed: &ListingOf, of: &Of) -> bool {
    match (listed, of) {
        (ListingOf::JobQueue(listed), Of::Queue(name)) => {
            listed.rsplit('/').next().unwrap_or(listed) == *name
        }
        (ListingOf::ArrayJob(listed), Of::Array(id)) => listed.as_str() == id,
        _ => false,
    }
}

/// Whether a listing tells what became of jobs, and not which there are to stop.
fn is_of_ended(listing: &Listing) -> bool {
    matches!(&listing.which, Which::In(status) if status.has_ended())
}
