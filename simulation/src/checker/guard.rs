//! What a policy and expectations hold back: nothing is written against them, and nothing false said of them.

use std::collections::BTreeSet;

use batch_canceller::request::Action;
use batch_sim::ShownJob;

use super::{Checker, Invocation, Terms};
use crate::Ms;
use crate::oracle::{By, Case, Sight};
use crate::plan::Ask;

pub(super) const GUARDED: &str = "nothing is stopped that was not looked at and allowed";

pub(super) const AT_ONCE: &str = "no more is stopped than may be at once";

const DENIED: &str = "what is denied is denied by the clause that is named";
const EXPECTED: &str = "what is not as expected was seen so";

/// A look that is older does not permit a call.
pub(super) const FRESH: Ms = 5_000;

impl Checker {
    /// An answer to a look at the whole of some jobs.
    pub(crate) fn shown(&mut self, invocation: usize, asked: &[String], jobs: &[ShownJob]) {
        let at = self.now;
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        let find = |id: &str| jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id));
        for id in asked {
            let Some(job) = find(id) else {
                continue;
            };
            let parent = parent(id);
            let shown = parent.map(find);
            let known = own.jobs.entry(id.clone()).or_default();
            match shown {
                Some(None) => known.was_parentless = true,
                shown => known.sights.push(Sight::of(job, shown.flatten(), at)),
            }
        }
    }
}

/// The array that a job belongs to.
pub(super) fn parent(id: &str) -> Option<&str> {
    id.split_once(':').map(|(parent, _)| parent)
}

impl Invocation {
    /// Whether a request is not held back by anything that must be seen.
    fn is_free(ask: &Ask, terms: &Terms) -> bool {
        terms.rules.is_none() && ask.expect.is_empty()
    }

    /// Each request for a job, and who sends it.
    fn askers<'a>(&'a self, job: &'a str) -> impl Iterator<Item = (&'a Ask, By)> {
        self.asks(job).filter_map(|(entry, ask)| Some((ask, self.deliveries.get(entry.delivery)?.by)))
    }

    fn sights(&self, job: &str) -> &[Sight] {
        self.jobs.get(job).map_or(&[], |job| &job.sights)
    }

    /// How a job was seen, as far as that decides what is asked.
    fn sights_for<'a>(&'a self, ask: &Ask, job: &str) -> impl Iterator<Item = &'a Sight> + use<'a> {
        let listed = if ask.sweep.is_some() { self.listed_sights(job) } else { &[] };
        self.sights(job).iter().chain(listed)
    }

    /// What is wrong about a call that is to stop a job.
    pub(super) fn unguarded(
        &self,
        job: &str,
        (action, reason): (Action, &str),
        now: Ms,
        terms: &Terms,
    ) -> Option<String> {
        let fresh = |ask: &Ask| self.sights_for(ask, job).filter(move |sight| sight.at + FRESH >= now);
        let permits = |(ask, by): (&Ask, By)| {
            let is_it = !ask.dry_run && ask.action == action && ask.reason.as_str() == reason;
            is_it
                && (Self::is_free(ask, terms)
                    || fresh(ask).any(|sight| is_allowed(&Case { ask, by, sight }, terms)))
        };
        if self.askers(job).any(permits) {
            return None;
        }
        let last = self.sights(job).last();
        Some(format!("a call to stop {job}, which was last seen as {last:?}, and is not allowed"))
    }

    /// What is wrong about stopping anything now, where only so many jobs may be stopped.
    pub(super) fn too_many(&self, terms: &Terms) -> Option<String> {
        let most = terms.rules.as_ref()?.most?;
        let acted = self.jobs.iter().filter(|(_, job)| job.stops > 0);
        let released: BTreeSet<&str> =
            acted.map(|(id, _)| id.as_str()).chain(self.planned.iter().map(String::as_str)).collect();
        if released.len() > most {
            return Some(format!("{} jobs are stopped, or would be, where {most} may be", released.len()));
        }
        let mut open = self.entries.iter().filter(|entry| entry.told.is_none());
        let unseen = open.find_map(|entry| entry.job.as_deref().filter(|job| self.sights(job).is_empty()))?;
        Some(format!("something is stopped, or would be, before {unseen} was looked at"))
    }

    /// How many jobs may have been stopped, as far as was seen: in earnest, or else also by dry runs.
    fn stoppable(&self, in_earnest: bool, terms: &Terms) -> usize {
        let named = self.entries.iter().filter_map(|entry| entry.job.as_deref());
        let jobs: BTreeSet<&str> = named.chain(self.listed_jobs()).collect();
        let may_be = |job: &&str| {
            self.askers(job).filter(|(ask, _)| !(in_earnest && ask.dry_run)).any(|(ask, by)| {
                self.sights_for(ask, job).any(|sight| {
                    let has_started = ask.action == Action::Cancel && sight.status.has_started();
                    !has_started && is_allowed(&Case { ask, by, sight }, terms)
                })
            })
        };
        jobs.into_iter().filter(may_be).count()
    }

    /// What is wrong about the outcome of an entry, and the clause that it names.
    pub(super) fn misjudged(
        &self,
        entry: usize,
        job: &str,
        outcome: &str,
        clause: Option<&str>,
        terms: &Terms,
    ) -> Option<(&'static str, String)> {
        let is_held_back = matches!(outcome, "denied" | "precondition_failed");
        if !self.is_guarded && !is_held_back && clause.is_none() {
            return None;
        }
        let entry = self.entries.get(entry)?;
        let ask = self.ask(entry)?;
        let by = self.deliveries.get(entry.delivery)?.by;
        let cases = || {
            let alive = self.sights_for(ask, job).filter(|sight| !sight.status.has_ended());
            alive.map(|sight| Case { ask, by, sight })
        };
        let decided = |allows: bool| {
            cases().any(|case| {
                let rules = terms.rules.as_ref().zip(clause);
                rules.is_some_and(|(rules, clause)| rules.decide(&case) == (allows, clause))
            })
        };
        let any_allowed = || cases().any(|case| is_allowed(&case, terms));
        let promise = match (outcome, clause) {
            ("denied", Some("maxPerInvocation")) => {
                let most = terms.rules.as_ref().and_then(|rules| rules.most).unwrap_or(usize::MAX);
                (self.stoppable(!ask.dry_run, terms) <= most || !any_allowed()).then_some(DENIED)
            }
            ("denied", _) => (!decided(false)).then_some(DENIED),
            // A call was lost, and another would be denied.
            ("unavailable", Some(_)) if decided(false) => None,
            (_, Some(_)) if !decided(true) => Some(DENIED),
            ("precondition_failed", _) => {
                let allows = |case: &Case<'_>| terms.rules.as_ref().is_none_or(|rules| rules.decide(case).0);
                (!cases().any(|case| allows(&case) && !case.is_expected())).then_some(EXPECTED)
            }
            ("would_cancel" | "would_terminate", _) => {
                (!Self::is_free(ask, terms) && !any_allowed()).then_some(GUARDED)
            }
            _ => None,
        }?;
        Some((promise, format!("by {clause:?}, and the last look showed {:?}", self.sights(job).last())))
    }
}

/// Whether neither policy nor expectation is against it.
fn is_allowed(case: &Case<'_>, terms: &Terms) -> bool {
    !case.sight.status.has_ended()
        && terms.rules.as_ref().is_none_or(|rules| rules.decide(case).0)
        && case.is_expected()
}
