//! A smaller world from the same seed.

use std::collections::BTreeSet;
use std::fmt;

use crate::fault::Kind;
use crate::plan::Plan;

/// What is left out of a seed's plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Less {
    /// Only these requests, by their number.
    pub requests: Option<BTreeSet<usize>>,
    /// Only these jobs, by their number.
    pub jobs: Option<BTreeSet<usize>>,
    /// Only these deeds of other people, by their number.
    pub deeds: Option<BTreeSet<usize>>,
    /// No trouble of these kinds.
    pub without: BTreeSet<Kind>,
}

impl Less {
    pub(crate) fn apply(&self, plan: &mut Plan) {
        keep(&mut plan.requests, self.requests.as_ref());
        keep(&mut plan.jobs, self.jobs.as_ref());
        keep(&mut plan.deeds, self.deeds.as_ref());
        for kind in &self.without {
            plan.rates.remove(*kind);
        }
        if self.without.contains(&Kind::Outage) {
            plan.outages.clear();
        }
        if self.without.contains(&Kind::RateLimit) {
            plan.settings.limit = None;
        }
    }
}

fn keep<T>(items: &mut Vec<T>, kept: Option<&BTreeSet<usize>>) {
    if let Some(kept) = kept {
        let mut number = 0..;
        items.retain(|_| number.next().is_some_and(|number| kept.contains(&number)));
    }
}

/// As options of the command that replays it.
impl fmt::Display for Less {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, kept) in [("requests", &self.requests), ("jobs", &self.jobs), ("deeds", &self.deeds)] {
            if let Some(kept) = kept {
                let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
                let equals = if kept.is_empty() { "" } else { "=" };
                write!(f, " --{name}{equals}{}", kept.join(","))?;
            }
        }
        if !self.without.is_empty() {
            let kinds: Vec<_> = self.without.iter().map(ToString::to_string).collect();
            write!(f, " --without={}", kinds.join(","))?;
        }
        Ok(())
    }
}
