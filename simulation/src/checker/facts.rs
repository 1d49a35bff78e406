//! Whether what is said of a job is so.

use std::collections::HashMap;

use batch_canceller::request::Action;
use batch_sim::JobStatus;

use super::{Checker, Invocation, Job, Terms};
use crate::Ms;
use crate::plan::Ask;
use crate::truth::{History, Step};

pub(super) const TRUE: &str = "nothing is claimed that is not so";

/// How far apart two looks must be that show nothing.
const SECOND_LOOK: Ms = 2_000;

/// A budget in which everything can be done while nothing fails.
const AMPLE: Ms = 12_000;

/// A result, and all that is known about whether it is true.
struct Claim<'a> {
    outcome: &'a str,
    ask: &'a Ask,
    /// The request that asks, by its number.
    request: usize,
    number: usize,
    job: &'a str,
    own: &'a Invocation,
    known: &'a Job,
    history: Option<&'a History>,
    terms: &'a Terms,
    invocations: &'a [Invocation],
    callers: &'a HashMap<u64, usize>,
    wrong: Vec<(&'static str, String)>,
    ambiguity: Option<&'static str>,
}

impl Checker {
    /// What is false about the outcome of an entry.
    pub(super) fn claim(
        &mut self,
        invocation: usize,
        entry: usize,
        job: &str,
        outcome: &str,
    ) -> Vec<(&'static str, String)> {
        let empty = Job::default();
        let Some(own) = self.invocations.get(invocation) else {
            return vec![];
        };
        let Some(entry) = own.entries.get(entry) else {
            return vec![];
        };
        let (Some(ask), Some(delivery)) = (own.ask(entry), own.deliveries.get(entry.delivery)) else {
            return vec![];
        };
        let mut claim = Claim {
            outcome,
            ask,
            request: delivery.request,
            number: invocation,
            job,
            own,
            known: own.jobs.get(job).unwrap_or(&empty),
            history: self.truth.of(job),
            terms: &self.terms,
            invocations: &self.invocations,
            callers: &self.callers,
            wrong: Vec::new(),
            ambiguity: None,
        };
        claim.check();
        let (wrong, ambiguity) = (claim.wrong, claim.ambiguity);
        if let Some(what) = ambiguity {
            self.ambiguity(what);
        }
        wrong
    }
}

impl Claim<'_> {
    fn check(&mut self) {
        let claims =
            ["cancelled", "terminated", "cancelling", "terminating", "accepted"].contains(&self.outcome);
        if self.ask.dry_run && claims {
            self.wrong.push(("a dry run changes nothing", "to a dry run".to_owned()));
        }
        let action = match self.outcome {
            "cancelled" | "cancelling" | "would_cancel" => Some(Action::Cancel),
            "terminated" | "terminating" | "would_terminate" => Some(Action::Terminate),
            _ => None,
        };
        if action.is_some_and(|action| action != self.ask.action) {
            self.untrue("which is not what was asked for");
        }
        match self.outcome {
            "cancelled" | "terminated" => self.stopped(),
            "finished" => self.finished(),
            "started" => self.started(),
            "not_found" => self.not_found(),
            "cancelling" | "terminating" | "accepted" => self.under_way(),
            "would_cancel" | "would_terminate" => self.planned(),
            "refused" => self.refused(),
            "unavailable" | "not_attempted" => {
                let is_shown = self.known.looks.iter().all(|look| look.shown.is_some());
                if self.is_quiet() && self.own.in_flight == 0 && !self.known.was_parentless && is_shown {
                    let text = "though no call failed".to_owned();
                    self.wrong.push(("what can be settled is settled", text));
                }
            }
            "denied" | "precondition_failed" => self.held_back(),
            "rejected" => self.wrong.push(("what is well-formed is not rejected", String::new())),
            _ => self.untrue("which is no outcome"),
        }
    }

    fn untrue(&mut self, text: impl Into<String>) {
        self.wrong.push((TRUE, text.into()));
    }

    /// Whether nothing went wrong, and there was time for everything.
    fn is_quiet(&self) -> bool {
        let began = self.own.started.max(self.own.listings.last);
        let time = self.own.deadline.saturating_sub(self.terms.reserve + began);
        self.own.failures == 0 && !self.own.is_slow && time >= AMPLE
    }

    fn last(&self) -> Option<&Step> {
        self.history.and_then(|history| history.last())
    }

    fn stands(&self) -> &'static str {
        self.last().map_or("nowhere", |last| last.status.as_str())
    }

    /// Whether it had one of these statuses at some moment since the invocation began.
    fn was(&self, statuses: &[JobStatus]) -> bool {
        let mut since = self.history.into_iter().flat_map(|history| history.since(self.own.started));
        since.any(|status| statuses.contains(&status))
    }

    /// How it was last seen.
    fn shown(&self) -> Option<JobStatus> {
        let looks = self.known.looks.iter().rev().find_map(|look| look.shown);
        looks.or_else(|| self.own.listed_sights(self.job).last().map(|sight| sight.status))
    }

    /// Which invocation of the function has stopped it.
    fn stopped_by(&self) -> Option<usize> {
        self.callers.get(&self.last()?.by?.caller?).copied()
    }

    fn stopped(&mut self) {
        let Some(last) = self.last().filter(|last| last.status == JobStatus::Failed).cloned() else {
            return self.untrue(format!("it stands {}", self.stands()));
        };
        if last.reason.is_none() && last.by.is_none() && self.known.accepted == Some(self.ask.action) {
            // By the rule it counts as this request's: nothing else stands there.
            self.ambiguity = Some("it ended by itself and without a reason, after an accepted call");
            return;
        }
        if last.reason.as_deref() != Some(self.ask.reason.as_str()) {
            self.untrue(format!("its end has another reason: {:?}", last.reason.unwrap_or_default()));
        }
        if last.by.is_none() {
            return self.untrue("nobody stopped it: it ended by itself");
        }
        let caller = self.stopped_by().and_then(|caller| self.invocations.get(caller));
        self.ambiguity = match caller {
            None => Some("another person gave the same reason, and was first"),
            Some(caller) if caller.deliveries.iter().any(|delivery| delivery.request == self.request) => None,
            Some(_) => Some("another request gave the same reason, and was first"),
        };
    }

    fn finished(&mut self) {
        let Some(last) = self.last().filter(|last| last.status.has_ended()) else {
            return self.untrue(format!("it stands {}", self.stands()));
        };
        let same =
            last.status == JobStatus::Failed && last.reason.as_deref() == Some(self.ask.reason.as_str());
        // Without marks, a request that comes again cannot know its own work.
        if same && self.stopped_by().is_some() && self.terms.has_marks && !self.ask.dry_run {
            self.untrue("it was stopped by the function, with this very reason");
        }
    }

    fn started(&mut self) {
        if !self.was(&[JobStatus::Starting, JobStatus::Running]) {
            self.untrue(format!("it stands {}, and had not started meanwhile", self.stands()));
        }
        if self.ask.action != Action::Cancel {
            self.untrue("though a terminate was asked for");
        }
    }

    fn not_found(&mut self) {
        let looks = &self.known.looks;
        let last = looks.iter().rposition(|look| look.shown.is_some());
        // Where jobs are looked at again before they are acted on, Batch may have forgotten one meanwhile.
        let is_gone = self.own.is_guarded && self.history.is_some_and(|history| history.forgotten.is_some());
        let missed: Vec<_> = looks.iter().skip(last.map_or(0, |last| last + 1)).collect();
        let shown = last.and_then(|last| looks.get(last)).filter(|_| !is_gone);
        if let Some((ended, status)) = shown.and_then(|look| Some((look.ended, look.shown?.as_str()))) {
            self.untrue(format!("a look at {ended} ms showed it {status}"));
        }
        let first = missed.first().map_or(Ms::MAX, |look| look.ended);
        if !missed.iter().any(|look| look.began >= first.saturating_add(SECOND_LOOK)) {
            self.untrue(format!("after looks at {missed:?}"));
        }
    }

    fn under_way(&mut self) {
        let accepted = self.known.accepted;
        if accepted.is_none() || self.outcome == "terminating" && accepted < Some(Action::Terminate) {
            self.untrue("no such call was accepted");
        }
        if self.known.reason.as_deref() != Some(self.ask.reason.as_str()) {
            self.ambiguity = Some("under way by a call that gave another request's reason");
        }
        let shown = self.shown();
        if self.outcome == "accepted" {
            // Of a job at work that was marked before, nothing shows that this call had an effect.
            let is_known = self.history.is_some_and(|history| history.forgotten.is_none())
                && !shown.is_some_and(JobStatus::has_started);
            if self.is_quiet() && self.terms.marks_at_once && is_known {
                self.untrue(format!("though no call failed; it stands {}", self.stands()));
            }
            return;
        }
        if shown.is_none_or(JobStatus::has_ended) {
            self.untrue("it was not seen alive");
        }
        if self.outcome == "cancelling" && shown.is_some_and(JobStatus::has_started) {
            self.untrue("it was seen started");
        }
    }

    fn planned(&mut self) {
        if !self.ask.dry_run {
            self.untrue("though it is no dry run");
        }
        let is_terminate = self.ask.action == Action::Terminate;
        let waits = self.was(&[JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable]);
        let runs = self.was(&[JobStatus::Starting, JobStatus::Running]);
        let is_so = waits || is_terminate && runs;
        if !is_so {
            self.untrue(format!("it stands {}", self.stands()));
        }
    }

    /// It must have lived; why it was left alone is held against what was seen.
    fn held_back(&mut self) {
        let lived = self.was(&[
            JobStatus::Submitted,
            JobStatus::Pending,
            JobStatus::Runnable,
            JobStatus::Starting,
            JobStatus::Running,
        ]);
        if !lived {
            self.untrue(format!("it stands {}", self.stands()));
        }
        if self.stopped_by() == Some(self.number) {
            self.untrue("this invocation has stopped it");
        }
    }

    fn refused(&mut self) {
        if !self.known.refused {
            self.untrue("nobody refused it");
        }
        if self.stopped_by() == Some(self.number) {
            self.untrue("this invocation has stopped it");
        }
    }
}
