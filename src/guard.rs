//! Decides about acting by the policy and by what requests expect, over the document that patterns see.
//!
//! The document is made only where a policy or an `expect` asks for it, and only once a job.

use crate::batch::Detail;
use crate::engine::{Judge, Whole};
use crate::order::Ordered;
use crate::outcome::{Look, Outcome, Verdict, judge};
use crate::policy::{Asked, Effect, Policy, Subject};
use crate::request::CancelRequest;
use crate::trigger::{Delivery, RequestedBy};

/// What decides in one invocation.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    policy: Option<&'a Policy>,
    deliveries: &'a [Delivery],
    clock: fn() -> u64,
    /// Whether anything asks for more of a job than results report.
    is_needed: bool,
}

impl<'a> Guard<'a> {
    /// What decides about the requests of these deliveries, by a clock in milliseconds since 1970.
    pub(crate) fn new(policy: Option<&'a Policy>, deliveries: &'a [Delivery], clock: fn() -> u64) -> Self {
        let expects =
            |delivery: &Delivery| delivery.request.as_ref().is_ok_and(|request| request.expect.is_some());
        let is_needed = policy.is_some() || deliveries.iter().any(expects);
        Self { policy, deliveries, clock, is_needed }
    }

    /// The delivery that wishes for something, and what it asks for.
    fn asker(&self, ordered: &Ordered) -> Option<(&'a RequestedBy, &'a CancelRequest)> {
        let delivery = self.deliveries.get(ordered.delivery)?;
        Some((&delivery.requested_by, delivery.request.as_ref().ok()?))
    }

    /// Whether a wish needs no look but for what results report.
    fn is_free(&self, ordered: &Ordered) -> bool {
        self.policy.is_none() && self.asker(ordered).is_none_or(|(_, request)| request.expect.is_none())
    }
}

impl Judge for Guard<'_> {
    fn detail(&self) -> Detail {
        if self.is_needed { Detail::Whole } else { Detail::Reported }
    }

    fn may_act_unseen(&self, ordered: &Ordered) -> bool {
        !ordered.wish.dry_run && self.is_free(ordered)
    }

    fn judge<'a>(
        &'a self,
        look: &'a Look,
        whole: Option<Whole<'a>>,
    ) -> impl FnMut(&mut Ordered) -> Option<Verdict> + 'a {
        let mut seen: Option<Result<Subject<'a>, String>> = None;
        move |ordered| {
            let verdict = judge(&ordered.wish, look);
            if !self.is_needed || self.is_free(ordered) {
                return verdict;
            }
            // What decided at an earlier look decides no more.
            ordered.clause = None;
            match look {
                Look::Seen(job) if job.status.has_ended() => return verdict,
                Look::Seen(_) => {}
                Look::Missing | Look::NotShown => return verdict,
                Look::Unseen(why) => return Some(unavailable(why)),
            }
            let subject = seen.get_or_insert_with(|| {
                let whole = whole.ok_or("its details are missing")?;
                Subject::read(whole, (self.clock)())
                    .map_err(|error| format!("its details are unreadable: {error}"))
            });
            let Some((by, request)) = self.asker(ordered) else {
                return Some(unavailable("nobody is known to ask for it"));
            };
            let ruling = match subject {
                Ok(subject) => self.rule(ordered, subject, by, request),
                Err(why) => Some(unavailable(why)),
            };
            // A plan that may yet turn out to be for too many jobs waits for the others.
            let is_plan = |verdict: &Verdict| verdict.outcome == Outcome::planned(ordered.wish.action);
            ruling.or(verdict.filter(|verdict| !(self.holds_acts() && is_plan(verdict))))
        }
    }

    fn holds_acts(&self) -> bool {
        self.policy.is_some_and(|policy| policy.max_per_invocation().is_some())
    }

    fn release(&self, ordered: &mut Ordered, jobs: usize) -> Option<Verdict> {
        let policy = self.policy?;
        if let Some(clause) = policy.denies_so_many(jobs) {
            ordered.clause = Some(clause.clone());
            let most = policy.max_per_invocation().unwrap_or_default();
            let why = format!(
                "it is one of {jobs} jobs that would be stopped at once, and the policy allows {most}"
            );
            return Some(Verdict::because(Outcome::Denied, why));
        }
        ordered.wish.dry_run.then(|| Outcome::planned(ordered.wish.action).into())
    }
}

impl Guard<'_> {
    /// What the policy and the request's expectation have against acting on a job that was seen alive.
    fn rule<'a>(
        &self,
        ordered: &mut Ordered,
        subject: &mut Subject<'a>,
        by: &'a RequestedBy,
        request: &'a CancelRequest,
    ) -> Option<Verdict> {
        subject.ask(Asked {
            action: request.action,
            reason: request.reason.as_str(),
            dry_run: request.dry_run,
            metadata: request.metadata.as_deref(),
            requested_by: by,
        });
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
