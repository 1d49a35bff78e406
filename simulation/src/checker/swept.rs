//! What is said of sweeps: their results, and the counts in them.

use std::collections::{BTreeMap, BTreeSet};

use super::sweeps::{Swept, shared};
use super::{Entry, Invocation, Role};
use crate::Ms;
use crate::oracle::{Field, Test};
use crate::said::{Line, SweepSaid};
use crate::truth::{Card, Truth};

pub(super) const ALL: &str = "a sweep misses none";
pub(super) const TRUE_COUNTS: &str = "a sweep's counts are true";

/// A sweep with as many results keeps no ids of the others.
const MOST_IDS: usize = 100;

impl Invocation {
    /// The result of a sweep as a whole.
    pub(super) fn sweep_ends(
        &mut self,
        at: usize,
        line: &Line<'_>,
        said: &SweepSaid,
        (truth, now): (&Truth, Ms),
    ) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let outcome = line.outcome.as_deref().unwrap_or_default();
        if let Some(swept) = self.entries.get(at).and_then(|entry| {
            let ask = self.ask(entry)?;
            Some(Swept { entry, ask, sweep: ask.sweep.as_deref()? })
        }) {
            wrong.extend(self.miscounted(&swept, outcome, said).map(|text| (TRUE_COUNTS, text)));
            match outcome {
                "swept" => wrong.extend(self.missed(&swept, truth, now).map(|text| (ALL, text))),
                "denied" if said.matched <= swept.sweep.most => {
                    wrong.push((TRUE_COUNTS, format!("{} are too many", said.matched)));
                }
                "not_attempted" => {
                    let is_elsewhere = |job: &str| {
                        let queue = truth.card(job).map_or("", |card| card.queue);
                        // What another request is about is not looked at.
                        let is_it = if swept.sweep.all.iter().any(takes_a_look) {
                            self.sweeps_of(job).any(|(entry, _)| std::ptr::eq(entry, swept.entry))
                        } else {
                            self.means(&swept, job)
                        };
                        is_it && self.is_elsewhere(&swept, job, queue)
                    };
                    if !self.listed_jobs().any(is_elsewhere) {
                        wrong.push((ALL, "though no other request is about its jobs".to_owned()));
                    }
                }
                "unavailable" => {
                    // With time left, nothing but trouble keeps pages from coming.
                    if self.failures == 0 && !self.is_slow && now + 3_000 < self.deadline {
                        wrong.push(("what can be settled is settled", "though no call failed".to_owned()));
                    }
                }
                "denied" => {}
                _ => wrong.push((super::facts::TRUE, "which is no outcome of a sweep".to_owned())),
            }
        }
        if let Some(entry) = self.entries.get_mut(at) {
            entry.told = Some(matches!(outcome, "swept" | "denied"));
        }
        wrong
    }

    /// What is wrong about the counts of a sweep.
    fn miscounted(&self, swept: &Swept<'_>, outcome: &str, said: &SweepSaid) -> Option<String> {
        let place = (swept.entry.delivery, swept.entry.want);
        let own = || {
            let is_own =
                move |entry: &&Entry| entry.role == Role::Swept && (entry.delivery, entry.want) == place;
            self.entries.iter().filter(is_own)
        };
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        own().for_each(|entry| *outcomes.entry(entry.outcome.as_str()).or_default() += 1);
        // What could not be looked at may match or not.
        let counted = |outcome: &str| !matches!(outcome, "unavailable" | "not_attempted");
        let told: usize =
            outcomes.iter().filter(|(outcome, _)| counted(outcome)).map(|(_, count)| count).sum();
        let left = own().filter(|entry| entry.told == Some(false)).count();
        let may_be = self.listed_jobs().filter(|job| self.means(swept, job)).count();
        // Beyond its limit it does not keep in mind which it has met, and meets those again that move on.
        let beyond = if may_be > swept.sweep.most { said.scanned } else { 0 };
        let as_said: BTreeMap<&str, usize> =
            said.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect();
        let ids = |outcome: &str| -> BTreeSet<&str> {
            own().filter(|entry| entry.outcome == outcome).filter_map(|entry| entry.job.as_deref()).collect()
        };
        let are_ids_true = said.job_ids.iter().all(|(outcome, shown)| {
            let ids = ids(outcome);
            shown.len() == ids.len().min(MOST_IDS) && shown.iter().all(|id| ids.contains(id.as_str()))
        });
        let said_of = format!("{said:?}");
        if as_said != outcomes {
            Some(format!("{said_of}, where results tell {outcomes:?}"))
        } else if !are_ids_true || said.job_ids.len() != outcomes.len() {
            Some(format!("{said_of}, where other jobs had these results"))
        } else if said.left != left {
            Some(format!("{said_of}, where {left} are not settled"))
        } else if said.scanned < said.matched {
            Some(format!("{said_of}, more than were listed"))
        } else if said.matched > may_be.max(beyond) || said.matched < told {
            Some(format!("{said_of}, where {told} were told of, and {may_be} may be meant"))
        } else if said.kept > said.matched
            || outcome != "swept" && outcome != "not_attempted" && said.kept > 0
        {
            Some(format!("{said_of}, where as many cannot be left alone"))
        } else if said.plan.pages > self.listings.pages_to_stop {
            Some(format!("{said_of}, where {} pages came", self.listings.pages_to_stop))
        } else {
            None
        }
    }

    /// A job that a sweep must have met, and says nothing of.
    fn missed(&self, swept: &Swept<'_>, truth: &Truth, now: Ms) -> Option<String> {
        let Some(from) = self.listings.first else {
            return Some("without having listed any".to_owned());
        };
        let place = (swept.entry.delivery, swept.entry.want);
        let told = |job: &str| {
            self.entries.iter().find(|entry| {
                entry.role == Role::Swept
                    && (entry.delivery, entry.want) == place
                    && entry.job.as_deref() == Some(job)
            })
        };
        let is_told = |job: &str| told(job).is_some();
        // The newest are those of what could be looked at.
        let is_unseen = |job: &str| {
            told(job).is_some_and(|entry| matches!(&*entry.outcome, "unavailable" | "not_attempted"))
        };
        let steady = self.steady(swept, truth, now);
        let is_newest = |card: &Card| {
            let (Some((_, count)), Some(own)) = (swept.sweep.keep.as_ref(), shared(swept, card)) else {
                return false;
            };
            let newer = steady.iter().filter(|(id, other)| {
                other.created > card.created && shared(swept, other).as_ref() == Some(&own) && !is_unseen(id)
            });
            newer.count() < *count
        };
        let missed = steady.iter().find(|(id, card)| !is_told(id) && !is_newest(card));
        missed.map(|(id, _)| format!("and says nothing of {id}, which it means since {from} ms"))
    }

    /// Whether a sweep means a job of which a result tells.
    pub(super) fn is_told_rightly(&self, at: usize, job: &str) -> bool {
        let Some(entry) = self.entries.get(at) else {
            return false;
        };
        let swept = self
            .sweeps()
            .find(|swept| (swept.entry.delivery, swept.entry.want) == (entry.delivery, entry.want));
        swept.is_some_and(|swept| self.means(&swept, job))
    }
}

/// Whether pages do not show what a test is about.
fn takes_a_look(test: &Test) -> bool {
    match test {
        Test::Either(tests) => tests.iter().any(takes_a_look),
        Test::There(field)
        | Test::Missing(field)
        | Test::Is(field, _)
        | Test::Not(field, _)
        | Test::Starts(field, _)
        | Test::NotStarts(field, _)
        | Test::Ends(field, _)
        | Test::Below(field, _)
        | Test::Least(field, _) => matches!(field, Field::Tag(_) | Field::Queue),
    }
}
