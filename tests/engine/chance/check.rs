//! What was told, against what happened.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use batch_canceller::batch::FailureKind;
use batch_canceller::job::{JobStatus, Snapshot};
use batch_canceller::outcome::Outcome;
use batch_canceller::request::{Action, JobId};

use super::draw::Case;
use super::{Played, Told};
use crate::clockwork::{Arrival, Item, Op, Trouble};
use crate::lives::Lives;

/// Gives the seed and the story if anything told is not so.
pub(super) fn check(seed: u64, case: &Case, played: &Played, calm_calls: u64) -> Result<(), String> {
    let calls = case.calls.lock().unwrap();
    let limits = &case.config.limits;
    let orders = || case.orders.iter().take(played.taken).map(|(_, order)| order);
    let mut wrong = Vec::new();
    let mut whole = |is_so: bool, what: String| {
        if !is_so {
            wrong.push((None, what));
        }
    };
    whole(played.took <= case.budget, format!("it returned after {:?}", played.took));
    let most = case.batch.most_in_flight();
    whole(most <= limits.max_in_flight, format!("{most} calls at once"));
    let late = calls.iter().find(|(call, _)| call.at >= case.budget);
    whole(late.is_none(), format!("a call after the budget: {late:?}"));
    whole(played.tally.api_calls == calls.len() as u64, format!("{:?}", played.tally));
    let bound = bound(case, &calls, calm_calls);
    whole(calls.len() <= bound, format!("{} calls, {bound} at most", calls.len()));

    let mut told: BTreeMap<usize, Vec<&Told>> = BTreeMap::new();
    for one in &played.told {
        told.entry(one.ordered.delivery).or_default().push(one);
    }
    let mut lives = case.batch.lives.lock().unwrap();
    for order in orders() {
        let of_job = Job { case, calls: &calls, id: &order.id };
        for ordered in &order.wishes {
            match told.remove(&ordered.delivery).as_deref() {
                Some([told]) => {
                    if let Err(what) = of_job.check(&mut lives, told, played.took) {
                        wrong.push((Some(order.id.clone()), format!("{what}: {told:?}")));
                    }
                }
                told => wrong.push((Some(order.id.clone()), format!("results of one wish: {told:?}"))),
            }
        }
    }
    if !told.is_empty() {
        wrong.push((None, format!("nobody wished for {told:?}")));
    }
    for (call, _) in calls.iter() {
        let Some((action, reason)) = &call.stop else { continue };
        for id in &call.jobs {
            let order = orders().find(|order| order.id == *id);
            let is_wished = order.is_some_and(|order| {
                let mut wishes = order.wishes.iter().map(|ordered| &ordered.wish);
                wishes.any(|wish| !wish.dry_run && wish.action == *action && wish.reason == *reason)
            });
            if !is_wished {
                wrong.push((Some(id.clone()), format!("nobody wished for {action:?} with {reason:?}")));
            }
            if case.judge.is_careful && !was_seen_before(&calls, call, id, limits.attempt_timeout) {
                wrong.push((Some(id.clone()), format!("it was not looked at just before {:?}", call.at)));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("seed {seed}\n{}", story(case, &calls, &wrong))) }
}

/// Whether a look showed a job at most five seconds before a call to stop it came.
fn was_seen_before(
    calls: &[(Arrival, Option<Trouble>)],
    stop: &Arrival,
    id: &JobId,
    longest_answer: Duration,
) -> bool {
    let earlier = calls.iter().filter(|(call, _)| call.at < stop.at && call.names(id.as_str()));
    earlier.filter(|(call, _)| call.op == Op::Describe).any(|(call, trouble)| {
        matches!(trouble, None | Some(Trouble::Late(_) | Trouble::Items(_)))
            && call.at + longest_answer + Duration::from_secs(5) >= stop.at
    })
}

/// How many calls there may be: what it takes in calm weather, one more for each that went wrong, and a few that halves
/// cost. Where calls with several jobs were turned down, or there were none, one for each job.
fn bound(case: &Case, calls: &[(Arrival, Option<Trouble>)], calm: u64) -> usize {
    let went_wrong = calls.iter().filter(|(_, trouble)| trouble.is_some()).count();
    let is_apart = |trouble: &Trouble| match trouble {
        Trouble::Fails(error) => !error.kind.is_passing(),
        Trouble::Items(_) => true,
        _ => false,
    };
    let apart = calls.iter().filter_map(|(_, trouble)| trouble.as_ref()).any(is_apart);
    let calm = usize::try_from(calm).unwrap();
    let jobs = case.orders.len();
    calm + went_wrong + SHARE + if apart { jobs } else { jobs / 3 }
}

/// What may be wasted in a case however few jobs it has.
const SHARE: usize = 10;

/// Whether a calm case has time for everything.
fn has_time(case: &Case) -> bool {
    let limits = &case.config.limits;
    let latency = case.batch.latency;
    let rounds = u32::try_from(3 * case.orders.len() / limits.max_in_flight + 12).unwrap();
    let coming: Duration = case.orders.iter().map(|(after, _)| *after).sum();
    latency < limits.attempt_timeout && latency * rounds + coming + Duration::from_secs(4) < case.budget
}

/// One job of a case.
struct Job<'a> {
    case: &'a Case,
    calls: &'a [(Arrival, Option<Trouble>)],
    id: &'a JobId,
}

impl Job<'_> {
    fn check(&self, lives: &mut Lives, told: &Told, end: Duration) -> Result<(), String> {
        let carried_out = lives.carried_out(self.id, told.at);
        let life = lives.of(self.id, end);
        let wish = &told.ordered.wish;
        let ever = |is: &dyn Fn(&Snapshot) -> bool| life.until(told.at).any(is);
        let last = life.until(told.at).last();
        let is_ours = |end: &Snapshot| {
            end.status == JobStatus::Failed
                && end.status_reason.as_deref() == Some(wish.reason.as_str())
                && (end.is_marked() || !self.case.has_marks)
        };
        let stops = self.stops(told.at);
        let demand = |is_so: bool, what: &str| if is_so { Ok(()) } else { Err(what.to_owned()) };

        // A call may have started in the same moment, but later; and one that found no bulk calls does not count, where
        // it came to that answer.
        let earlier = self.stops(told.at.saturating_sub(Duration::from_nanos(1)));
        let fewest = earlier.iter().filter(|fate| **fate != Fate::NoBulk).count();
        demand(
            (fewest..=stops.len()).contains(&(told.attempts as usize)),
            &format!("{fewest} to {} calls to stop it, not {}", stops.len(), told.attempts),
        )?;
        for seen in [&told.before, &told.after].into_iter().flatten() {
            let was_so = ever(&|state| {
                (&state.status, &state.status_reason, state.is_cancelled, state.is_terminated)
                    == (&seen.status, &seen.status_reason, seen.is_cancelled, seen.is_terminated)
            });
            demand(was_so, "it never looked like that")?;
        }
        let of_action = |cancel, terminate| {
            told.verdict.outcome == if wish.action == Action::Cancel { cancel } else { terminate }
        };
        match told.verdict.outcome {
            Outcome::Cancelled | Outcome::Terminated => {
                demand(of_action(Outcome::Cancelled, Outcome::Terminated), "the other verb")?;
                demand(!wish.dry_run, "a dry run ends nothing")?;
                demand(last.is_some_and(is_ours), "it did not end so")
            }
            Outcome::Cancelling | Outcome::Terminating => {
                demand(of_action(Outcome::Cancelling, Outcome::Terminating), "the other verb")?;
                demand(!wish.dry_run, "a dry run begins nothing")?;
                demand(stops.contains(&Fate::Accepted), "no call was accepted")?;
                demand(ever(&|state| !state.status.has_ended()), "it was never alive")
            }
            Outcome::Accepted => demand(stops.contains(&Fate::Accepted), "no call was accepted"),
            Outcome::Finished => {
                demand(last.is_some_and(|last| last.status.has_ended()), "it had not ended")?;
                let disowned = !wish.dry_run && self.case.has_marks && last.is_some_and(is_ours);
                demand(!disowned, "it was this request's work")
            }
            Outcome::Started => {
                demand(wish.action == Action::Cancel, "a terminate stops started work")?;
                demand(ever(&|state| state.status.has_started()), "it never started")
            }
            Outcome::NotFound => demand(!life.exists(), "it exists"),
            Outcome::WouldCancel | Outcome::WouldTerminate => {
                demand(of_action(Outcome::WouldCancel, Outcome::WouldTerminate), "the other verb")?;
                demand(wish.dry_run, "it was to be done")?;
                demand(ever(&|state| !state.status.has_ended()), "it was never alive")
            }
            Outcome::Refused => {
                let denies = |(call, trouble): &(Arrival, Option<Trouble>)| {
                    call.op != Op::Describe
                        && call.jobs.iter().any(|id| fate(trouble.as_ref(), id) == Fate::Refused)
                };
                let by_others = self.calls.iter().filter(|call| denies(call)).count() >= 20;
                demand(stops.contains(&Fate::Refused) || by_others, "nothing was refused")?;
                demand(carried_out == 0, "a call was carried out")
            }
            Outcome::Unavailable => {
                demand(!self.case.is_calm || !has_time(self.case), "nothing was in the way")
            }
            Outcome::NotAttempted => {
                demand(told.attempts == 0, "it was attempted")?;
                demand(!self.case.is_calm || !has_time(self.case), "there was time")
            }
            Outcome::Rejected
            | Outcome::Denied
            | Outcome::PreconditionFailed
            | Outcome::Swept
            | Outcome::HandedOn => Err("the engine rejects nothing".into()),
        }
    }

    /// What became of each call to stop the job.
    fn stops(&self, until: Duration) -> Vec<Fate> {
        let calls = self.calls.iter().filter(|(call, _)| call.op != Op::Describe && call.at <= until);
        let calls = calls.filter(|(call, _)| call.names(self.id.as_str()));
        calls.map(|(_, trouble)| fate(trouble.as_ref(), self.id)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    Refused,
    NoBulk,
    Failed,
}

fn fate(trouble: Option<&Trouble>, id: &JobId) -> Fate {
    let of_kind = |kind| match kind {
        FailureKind::Refused | FailureKind::Denied => Fate::Refused,
        FailureKind::NoBulk => Fate::NoBulk,
        _ => Fate::Failed,
    };
    match trouble {
        None | Some(Trouble::Late(_) | Trouble::ShowsNothing) => Fate::Accepted,
        Some(Trouble::Fails(error) | Trouble::FailsAfterwards(error)) => of_kind(error.kind),
        Some(Trouble::Hangs | Trouble::HangsAfterwards) => Fate::Failed,
        Some(Trouble::Items(items)) => match items.get(id) {
            None => Fate::Accepted,
            Some(Item { error, .. }) => error.as_ref().map_or(Fate::Failed, |error| of_kind(error.kind)),
        },
    }
}

/// What happened, as far as the jobs are concerned of which something wrong was told.
fn story(case: &Case, calls: &[(Arrival, Option<Trouble>)], wrong: &[(Option<JobId>, String)]) -> String {
    let job = wrong.iter().find_map(|(id, _)| id.as_ref());
    let mut story = String::new();
    let mut tell = |line: String| writeln!(story, "{line}").unwrap();
    for (id, what) in wrong.iter().take(10) {
        tell(format!("wrong: {id:?}: {what}"));
    }
    tell(format!("{:?}, {:?}, {:?}", case.budget, case.judge, case.config.limits));
    tell(format!(
        "{} jobs, {:?} latency, ends after {:?}",
        case.orders.len(),
        case.batch.latency,
        case.batch.effect
    ));
    for (after, order) in
        case.orders.iter().filter(|(_, order)| job.is_none_or(|id| order.id == *id)).take(20)
    {
        tell(format!("after {after:?}: {order:?}"));
        tell(format!("  {}", case.jobs.get(&order.id).map_or("", String::as_str)));
    }
    for (call, trouble) in
        calls.iter().filter(|(call, _)| job.is_none_or(|id| call.jobs.contains(id))).take(200)
    {
        let jobs: Vec<_> = call.jobs.iter().take(5).map(JobId::as_str).collect();
        let trouble = match (trouble, job) {
            (Some(Trouble::Items(items)), Some(id)) => format!("item {:?}", items.get(id)),
            (trouble, _) => format!("{trouble:?}"),
        };
        let many = call.jobs.len();
        tell(format!(
            "{:>9.3?} {:?} {:?} of {many} ({}) -> {trouble}",
            call.at,
            call.op,
            call.stop,
            jobs.join(" ")
        ));
    }
    story
}
