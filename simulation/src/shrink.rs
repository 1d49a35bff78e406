//! Finds a smaller world in which the same promise is broken.

use std::collections::BTreeSet;

use crate::fault::Kind;
use crate::less::Less;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::{Run, run_less};

/// The most runs that shrinking takes: a failing seed is to be told of soon.
const MOST_RUNS: u32 = 300;

/// What can be left out of a failing run without mending it.
#[must_use]
pub fn shrink(failed: &Run) -> Less {
    let Some(promise) = failed.violations.first().map(|violation| violation.promise) else {
        return Less::default();
    };
    let plan = Plan::new(failed.seed);
    let mut search = Search { seed: failed.seed, promise, runs: 0, less: Less::default() };
    for kind in plan.rates.kinds() {
        search.without(kind);
    }
    search.thin(plan.requests.len(), |less| &mut less.requests);
    search.thin(plan.deeds.len(), |less| &mut less.deeds);
    search.thin(plan.jobs.len(), |less| &mut less.jobs);
    search.less
}

struct Search {
    seed: u64,
    promise: &'static str,
    runs: u32,
    less: Less,
}

impl Search {
    fn still_fails(&mut self, less: &Less) -> bool {
        self.runs += 1;
        let run = run_less(self.seed, less, Trace::Off);
        run.violations.iter().any(|violation| violation.promise == self.promise)
    }

    fn without(&mut self, kind: Kind) {
        let mut less = self.less.clone();
        less.without.insert(kind);
        if self.still_fails(&less) {
            self.less = less;
        }
    }

    /// Leaves out half of a list, then a quarter, down to single items, wherever that changes nothing.
    fn thin(&mut self, count: usize, list: impl Fn(&mut Less) -> &mut Option<BTreeSet<usize>>) {
        let mut kept: Vec<usize> = (0..count).collect();
        let mut size = count;
        while size > 0 {
            let mut from = 0;
            while from < kept.len() && self.runs < MOST_RUNS {
                let rest: Vec<usize> = kept
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at < from || *at >= from + size)
                    .map(|(_, item)| *item)
                    .collect();
                let mut less = self.less.clone();
                *list(&mut less) = Some(rest.iter().copied().collect());
                if self.still_fails(&less) {
                    (kept, self.less) = (rest, less);
                } else {
                    from += size;
                }
            }
            size /= 2;
        }
    }
}
