//! Decides about acting by the policy and by what requests expect, over the document that patterns see.
//!
//! The document is made only where a policy, an `expect` or a sweep asks for it, and only once a job.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::batch::{Detail, Listed, Listing, Question};
use crate::engine::{Judge, Ruling, Whole};
use crate::order::{Order, Ordered};
use crate::outcome::{Look, Outcome, Verdict, judge};
use crate::policy::{Asked, Effect, Policy, Subject};
use crate::request::{CancelRequest, JobId};
use crate::sweep::{Ended, Progress};
use crate::trigger::{Delivery, RequestedBy};

/// What decides in one invocation.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    policy: Option<&'a Policy>,
    deliveries: &'a [Delivery],
    clock: fn() -> u64,
    /// Whether anything asks for more of a job than results report.
    is_needed: bool,
    /// By the numbers of their listings. Nobody holds them while waiting.
    sweeps: Mutex<Vec<Progress<'a>>>,
    /// Which deliveries are sweeps, and their numbers.
    numbers: HashMap<usize, usize>,
    /// The jobs that requests name, which no sweep orders as well.
    named: Mutex<HashSet<JobId>>,
}

impl<'a> Guard<'a> {
    /// What decides about the requests of these deliveries, by a clock in milliseconds since 1970.
    pub(crate) fn new(
        policy: Option<&'a Policy>,
        deliveries: &'a [Delivery],
        is_dry_run: bool,
        clock: fn() -> u64,
    ) -> Self {
        let requests = deliveries
            .iter()
            .enumerate()
            .filter_map(|(place, delivery)| Some((place, delivery.request.as_ref().ok()?)));
        let sweeps: Vec<_> = requests
            .clone()
            .filter_map(|(place, request)| Progress::new(place, request, policy, is_dry_run, clock()))
            .collect();
        let named = if sweeps.is_empty() {
            HashSet::new()
        } else {
            requests.flat_map(|(_, request)| request.jobs.iter().map(JobId::folded)).collect()
        };
        let expects =
            |delivery: &Delivery| delivery.request.as_ref().is_ok_and(|request| request.expect.is_some());
        let is_needed =
            policy.is_some() || deliveries.iter().any(expects) || sweeps.iter().any(Progress::needs_details);
        Self {
            policy,
            deliveries,
            clock,
            is_needed,
            numbers: sweeps.iter().enumerate().map(|(number, sweep)| (sweep.delivery, number)).collect(),
            sweeps: Mutex::new(sweeps),
            named: Mutex::new(named),
        }
    }

    /// The sweeps, when all is done.
    pub(crate) fn into_sweeps(self) -> impl Iterator<Item = Ended> {
        let sweeps = self.sweeps.into_inner().unwrap_or_else(PoisonError::into_inner);
        sweeps.into_iter().map(Progress::end)
    }

    /// The sweep that a wish is part of.
    fn sweep<T>(&self, ordered: &Ordered, then: impl FnOnce(&mut Progress<'a>) -> T) -> Option<T> {
        let number = *self.numbers.get(&ordered.delivery)?;
        self.numbered(number, then)
    }

    fn numbered<T>(&self, number: usize, then: impl FnOnce(&mut Progress<'a>) -> T) -> Option<T> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number).map(then)
    }

    /// The delivery that wishes for something, and what it asks for.
    fn asker(&self, ordered: &Ordered) -> Option<(&'a RequestedBy, &'a CancelRequest)> {
        let delivery = self.deliveries.get(ordered.delivery)?;
        Some((&delivery.requested_by, delivery.request.as_ref().ok()?))
    }

    /// Whether neither a policy nor an expectation is about a wish.
    fn is_free(&self, ordered: &Ordered) -> bool {
        self.policy.is_none() && self.asker(ordered).is_none_or(|(_, request)| request.expect.is_none())
    }
}

impl Judge for Guard<'_> {
    fn detail(&self) -> Detail {
        if self.is_needed { Detail::Whole } else { Detail::Reported }
    }

    fn may_act_unseen(&self, ordered: &Ordered) -> bool {
        !ordered.wish.dry_run && self.is_free(ordered) && !self.numbers.contains_key(&ordered.delivery)
    }

    fn needs_fresh_look(&self, ordered: &Ordered) -> bool {
        !self.is_free(ordered) || self.sweep(ordered, |sweep| sweep.may_stop_started_work()) == Some(true)
    }

    fn judge<'a>(
        &'a self,
        look: &'a Look,
        whole: Option<Whole<'a>>,
    ) -> impl FnMut(&mut Ordered) -> Ruling + 'a {
        let mut seen: Option<Result<Subject<'a>, String>> = None;
        move |ordered| {
            let verdict = judge(&ordered.wish, look);
            let is_swept = self.numbers.contains_key(&ordered.delivery);
            if self.is_free(ordered) && !is_swept {
                return verdict.into();
            }
            // What decided at an earlier look decides no more.
            ordered.clause = None;
            match look {
                Look::Seen(job) if job.status.has_ended() && !is_swept => return verdict.into(),
                Look::Seen(_) => {}
                // A listing shows it. Nothing tells whether it is meant, nor whether it is gone.
                Look::Missing | Look::NotShown if is_swept => {
                    self.sweep(ordered, Progress::misses);
                    return Ruling::Settle(unavailable("DescribeJobs does not show what ListJobs does"));
                }
                Look::Missing | Look::NotShown => return verdict.into(),
                Look::Unseen(why) => {
                    self.sweep(ordered, Progress::misses);
                    return Ruling::Settle(unavailable(why));
                }
            }
            let subject = seen.get_or_insert_with(|| {
                let whole = whole.ok_or("its details are missing")?;
                Subject::read(whole, (self.clock)())
                    .map_err(|error| format!("its details are unreadable: {error}"))
            });
            let Some((by, request)) = self.asker(ordered) else {
                return Ruling::Settle(unavailable("nobody is known to ask for it"));
            };
            let subject = match subject {
                Ok(subject) => subject,
                Err(why) => {
                    self.sweep(ordered, Progress::misses);
                    return Ruling::Settle(unavailable(why));
                }
            };
            subject.ask(asked(by, request));
            if self.sweep(ordered, |sweep| sweep.meets(subject)) == Some(false) {
                return Ruling::Forget;
            }
            let status = look.snapshot().map(|job| &job.status);
            let went_on = self.sweep(ordered, |sweep| status.and_then(|status| sweep.went_on(status)));
            if let Some(verdict) = went_on.flatten() {
                return Ruling::Settle(verdict);
            }
            let has_ended = look.snapshot().is_some_and(|job| job.status.has_ended());
            let ruling = if has_ended { None } else { self.rule(ordered, subject, request) };
            // A plan that may yet turn out to be for too many jobs waits for the others.
            let is_plan = |verdict: &Verdict| verdict.outcome == Outcome::planned(ordered.wish.action);
            ruling.or(verdict.filter(|verdict| !(self.holds(ordered) && is_plan(verdict)))).into()
        }
    }

    fn holds_acts(&self) -> bool {
        self.policy.is_some_and(|policy| policy.max_per_invocation().is_some())
    }

    fn holds(&self, ordered: &Ordered) -> bool {
        self.holds_acts() || self.numbers.contains_key(&ordered.delivery)
    }

    fn keeps(&self, id: &JobId, ordered: &Ordered) -> bool {
        self.sweep(ordered, |sweep| sweep.keeps(id)).unwrap_or(true)
    }

    fn release(&self, ordered: &mut Ordered, jobs: usize) -> Ruling {
        if let Some(policy) = self.policy
            && let Some(clause) = policy.denies_so_many(jobs)
        {
            ordered.clause = Some(clause.clone());
            let most = policy.max_per_invocation().unwrap_or_default();
            let why = format!(
                "it is one of {jobs} jobs that would be stopped at once, and the policy allows {most}"
            );
            return Ruling::Settle(Verdict::because(Outcome::Denied, why));
        }
        ordered.wish.dry_run.then(|| Outcome::planned(ordered.wish.action).into()).into()
    }

    fn listings(&self) -> Vec<Option<Question>> {
        let mut sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        sweeps.iter_mut().map(Progress::begin).collect()
    }

    fn listed(&self, listing: usize, job: Listed) -> Option<Order> {
        self.numbered(listing, |sweep| {
            let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
            let subject =
                if sweep.reads_summaries() { self.listed_subject(sweep.delivery, &job) } else { None };
            let meant = sweep.listed(
                &job,
                subject.as_ref().map(Subject::document),
                named.contains(&job.id.folded()),
            )?;
            drop(subject);
            if self.numbers.len() > 1 {
                named.insert(job.id.folded());
            }
            Some(sweep.order(job, meant))
        })?
    }

    fn page_ends(&self, listing: usize, next: Option<String>, has_time: bool) -> Option<Question> {
        self.numbered(listing, |sweep| sweep.page_ends(next, has_time))?
    }

    fn listing_fails(&self, listing: usize, why: &str) {
        self.numbered(listing, |sweep| sweep.fails(why));
    }

    fn listing_of(&self, ordered: &Ordered) -> Option<usize> {
        self.numbers.get(&ordered.delivery).copied()
    }

    fn failed_jobs(&self, listing: usize) -> Option<Listing> {
        self.numbered(listing, |sweep| sweep.failed_jobs())
    }

    fn confirmed(&self, listing: usize, pages: u64) {
        self.numbered(listing, |sweep| sweep.confirmed(pages));
    }
}

impl Guard<'_> {
    /// What patterns see of a job that was listed for a delivery, if it can be read.
    fn listed_subject<'b>(&'b self, delivery: usize, job: &'b Listed) -> Option<Subject<'b>> {
        let delivery = self.deliveries.get(delivery)?;
        let request = delivery.request.as_ref().ok()?;
        let mut subject = Subject::read(Whole { job: &job.summary, parent: None }, (self.clock)()).ok()?;
        subject.ask(asked(&delivery.requested_by, request));
        Some(subject)
    }

    /// What the policy and the request's expectation have against acting on a job that was seen alive.
    fn rule(&self, ordered: &mut Ordered, subject: &Subject<'_>, request: &CancelRequest) -> Option<Verdict> {
        if let Some(policy) = self.policy {
            let decision = policy.decide(subject.document());
            ordered.clause = Some(decision.clause.clone());
            if decision.effect == Effect::Deny {
                return Some(Outcome::Denied.into());
            }
        }
        let miss = request.expect.as_ref()?.miss(subject.document())?;
        let field = miss.path.strip_prefix("job.").unwrap_or(&miss.path);
        let why = match &miss.found {
            Some(found) if is_shown(field) => format!("`{field}` is {found}, not {}", miss.asked),
            Some(_) => format!("`{field}` is not {}", miss.asked),
            None => format!("`{field}` has no value, and {} was expected", miss.asked),
        };
        Some(Verdict::because(Outcome::PreconditionFailed, why))
    }
}

fn asked<'a>(requested_by: &'a RequestedBy, request: &'a CancelRequest) -> Asked<'a> {
    Asked {
        action: request.action,
        reason: request.reason.as_str(),
        dry_run: request.dry_run,
        metadata: request.metadata.as_deref(),
        requested_by,
    }
}

/// Whether results and log lines may show a job's field. A job's environment, command and parameters may hold secrets,
/// and who may ask for a job to be stopped, or read the log, may not know them.
fn is_shown(field: &str) -> bool {
    const SHOWN: [&str; 15] = [
        "jobArn",
        "jobName",
        "jobId",
        "jobQueue",
        "jobDefinition",
        "status",
        "statusReason",
        "shareIdentifier",
        "schedulingPriority",
        "createdAt",
        "startedAt",
        "isCancelled",
        "isTerminated",
        "ageSeconds",
        "runningSeconds",
    ];
    SHOWN.contains(&field) || field.starts_with("tags.") || field.starts_with("arrayProperties.")
}

fn unavailable(why: &str) -> Verdict {
    Verdict::because(
        Outcome::Unavailable,
        format!("the job could not be looked at, as it must be here: {why}"),
    )
}
