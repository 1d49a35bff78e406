//! One job on its way from look to result, and what may be said of it.

use std::borrow::Cow;
use std::time::Duration;

use super::calls::{Lane, Stage};
use super::{JobResult, Judge, Ruling, Sink, Whole};
use crate::batch::CallError;
use crate::order::{Order, Ordered};
use crate::outcome::{Call, Claim, Look, Outcome, Verdict, claim};
use crate::request::{Action, JobId, Reason};

/// The wait before the second look at a job that was acted on; it doubles with each further one.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// The longest wait between two looks.
const LONGEST_POLL: Duration = Duration::from_secs(2);

/// A job that waits for other jobs is watched for this share of the time only: they may take days.
const LATE_SHARE: u32 = 4;

/// How far apart two looks must be before a job that neither shows counts as unknown to Batch. Right after a job was
/// submitted, `DescribeJobs` may leave it out.
pub const SECOND_LOOK: Duration = Duration::from_secs(2);

/// Second looks that are due within so long of each other are taken together.
const TOGETHER: Duration = Duration::from_millis(100);

/// What is said of a look that there was no time for.
const NOT_LOOKED: Look = Look::Unseen(Cow::Borrowed("the deadline came first"));

/// One job, its wishes that are not settled yet, and what is known of it.
#[derive(Debug)]
pub(super) struct Pending {
    order: Order,
    /// What is asked of Batch: the strongest action that is wished for, and the first reason for it.
    asked: Option<(Action, Reason)>,
    before: Look,
    /// When it was looked at before acting, if it was.
    looked: Option<Duration>,
    call: Call,
    /// How it was last seen after acting, once there was a look: in a box, since most of those that are held wait for one.
    after: Option<Box<Look>>,
    /// Calls to stop it that were started.
    pub(super) attempts: u32,
    /// Failures that were its own in the present stage, and when the first was.
    failures: u32,
    first_failure: Duration,
    /// The last failure in the present stage.
    last_failure: Option<String>,
    /// When an answer first left it out, since it was last shown.
    unshown: Option<Duration>,
    /// When an answer first showed it without its parent, since it was last shown with it.
    parentless: Option<Duration>,
    polls: u32,
    acted: Duration,
    watch: Duration,
    /// Whether it goes on to be acted on, should the next look not settle it.
    resumes: bool,
}

/// How a job goes on after a look that came after acting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything is settled.
    Done,
    /// There is another look to take then.
    LookAt(Duration),
    /// It is to be acted on again.
    Act,
}

impl Pending {
    /// On the heap from the first on: tens of thousands may be held, and move from list to list.
    pub(super) fn new(order: Order) -> Box<Self> {
        Box::new(Self {
            order,
            asked: None,
            before: NOT_LOOKED,
            looked: None,
            call: Call::NotMade,
            after: None,
            attempts: 0,
            failures: 0,
            first_failure: Duration::ZERO,
            last_failure: None,
            unshown: None,
            parentless: None,
            polls: 0,
            acted: Duration::ZERO,
            watch: Duration::ZERO,
            resumes: false,
        })
    }

    pub(super) fn id(&self) -> &JobId {
        &self.order.id
    }

    /// How it was last seen after acting.
    fn after(&self) -> &Look {
        self.after.as_deref().unwrap_or(&NOT_LOOKED)
    }

    /// The wishes that are not settled yet.
    pub(super) fn wishes(&self) -> impl Iterator<Item = &Ordered> {
        self.order.wishes.iter()
    }

    /// Whether it was looked at before acting.
    pub(super) fn was_looked_at(&self) -> bool {
        self.looked.is_some()
    }

    /// Whether an earlier look before acting showed it, be it without its parent.
    pub(super) fn was_seen(&self) -> bool {
        self.before.snapshot().is_some() || self.parentless.is_some()
    }

    /// Whether the last look that permitted an act is older than so long.
    pub(super) fn is_stale(&self, now: Duration, fresh: Duration) -> bool {
        self.looked.is_some_and(|looked| now > looked + fresh)
    }

    /// Where it goes next: to be looked at, or to be acted on as was decided.
    pub(super) fn lane(&self) -> Lane {
        match &self.asked {
            Some((action, reason)) => Lane::Act(*action, reason.clone()),
            None => Lane::Look,
        }
    }

    /// Whether one of the calls to stop it may have been carried out, though none was accepted.
    pub(super) fn may_have_been_stopped(&self) -> bool {
        matches!(self.call, Call::Unknown(_))
    }

    /// The last failure in the present stage.
    pub(super) fn last_failure(&self) -> String {
        self.last_failure.clone().unwrap_or_default()
    }

    /// What it means that an answer, which was asked for at `began`, left the job out.
    pub(super) fn not_shown(&mut self, began: Duration, now: Duration) -> Look {
        let first = *self.unshown.get_or_insert(now);
        if began >= first + SECOND_LOOK { Look::Missing } else { Look::NotShown }
    }

    /// What it means that an answer shows the job, but not its parent, by which it is to be judged as well.
    pub(super) fn parent_not_shown(&mut self, began: Duration, now: Duration) -> Look {
        // The job itself was shown.
        self.unshown = None;
        let first = *self.parentless.get_or_insert(now);
        if began >= first + SECOND_LOOK {
            Look::Unseen("DescribeJobs does not show its parent".into())
        } else {
            Look::NotShown
        }
    }

    /// When to look again for a job that one look did not show. Those that were looked at at nearly the same time are
    /// looked at together.
    pub(super) fn second_look(&self) -> Duration {
        let due = self.unshown.or(self.parentless).map_or(Duration::ZERO, |first| first + SECOND_LOOK);
        let step = TOGETHER.as_millis();
        let steps = due.as_millis().div_ceil(step);
        TOGETHER * u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// Takes a look before acting, and tells whether it is the first.
    pub(super) fn looked(&mut self, look: Look, now: Duration) -> bool {
        self.before = look;
        (self.unshown, self.parentless) = (None, None);
        self.asked = None;
        self.next_stage();
        self.looked.replace(now).is_none()
    }

    /// Settles what needs no call, and tells whether any wish is left.
    pub(super) fn judge(
        &mut self,
        judge: &impl Judge,
        whole: Option<Whole<'_>>,
        sink: &mut impl Sink,
    ) -> bool {
        let wishes = std::mem::take(&mut self.order.wishes);
        self.order.wishes = self.settle_each(wishes, judge.judge(&self.before, whole), sink);
        !self.order.wishes.is_empty()
    }

    /// Forgets the wishes that it is not meant by after all, and tells whether any is left.
    pub(super) fn keep(&mut self, judge: &impl Judge) -> bool {
        let id = &self.order.id;
        self.order.wishes.retain(|ordered| judge.keeps(id, ordered));
        !self.order.wishes.is_empty()
    }

    /// Takes a look at a job that still lives though a call to stop it may have been carried out, and judges once more.
    /// Tells whether any wish is left. What speaks against another call says nothing of the one before: such a request
    /// comes back.
    pub(super) fn judge_again(
        &mut self,
        look: &Look,
        judge: &impl Judge,
        whole: Option<Whole<'_>>,
        now: Duration,
        sink: &mut impl Sink,
    ) -> bool {
        self.looked = Some(now);
        self.next_stage();
        let mut rule = judge.judge(look, whole);
        let once_more = |ordered: &mut Ordered| {
            let verdict = match rule(ordered) {
                Ruling::Settle(verdict) => verdict,
                other => return other,
            };
            let is_against = matches!(verdict.outcome, Outcome::Denied | Outcome::PreconditionFailed);
            Ruling::Settle(if is_against {
                let why = format!(
                    "a call that failed may have been carried out, and now another would be {}",
                    verdict.outcome.as_str()
                );
                Verdict::because(Outcome::Unavailable, why)
            } else {
                verdict
            })
        };
        let wishes = std::mem::take(&mut self.order.wishes);
        self.order.wishes = self.settle_each(wishes, once_more, sink);
        !self.order.wishes.is_empty()
    }

    /// Settles what is not to be acted on after all, now that it is known for how many jobs there is no verdict: for
    /// so many `in_earnest`, and for `all`, those that are only asked about in dry runs included.
    pub(super) fn release(
        &mut self,
        judge: &impl Judge,
        in_earnest: usize,
        all: usize,
        sink: &mut impl Sink,
    ) -> bool {
        let wishes = std::mem::take(&mut self.order.wishes);
        // A dry run stops nothing, and so keeps nobody else from it; it is told what would be if all were in earnest.
        let jobs = |ordered: &Ordered| if ordered.wish.dry_run { all } else { in_earnest };
        self.order.wishes = self.settle_each(wishes, |ordered| judge.release(ordered, jobs(ordered)), sink);
        !self.order.wishes.is_empty()
    }

    /// Settles the wishes for which there is a verdict, and gives the others.
    fn settle_each(
        &self,
        wishes: Vec<Ordered>,
        mut rule: impl FnMut(&mut Ordered) -> Ruling,
        sink: &mut impl Sink,
    ) -> Vec<Ordered> {
        let is_left = |mut ordered| match rule(&mut ordered) {
            Ruling::Settle(verdict) => {
                self.settle(&ordered, &verdict, sink);
                None
            }
            Ruling::Forget => None,
            Ruling::Act => Some(ordered),
        };
        wishes.into_iter().filter_map(is_left).collect()
    }

    /// Chooses what to ask of Batch for the wishes that are left.
    pub(super) fn ask(&mut self) {
        let strongest = self.order.wishes.iter().map(|ordered| ordered.wish.action).max();
        let first = self.order.wishes.iter().find(|ordered| Some(ordered.wish.action) == strongest);
        self.asked = first.map(|ordered| (ordered.wish.action, ordered.wish.reason.clone()));
    }

    /// Settles the wishes for what was asked of Batch in vain. What is left wishes for less, and has not been asked yet.
    fn ask_for_less(&mut self, verdict: Option<&Verdict>, sink: &mut impl Sink) -> Next {
        let asked = self.asked.as_ref().map(|(action, _)| *action);
        for ordered in std::mem::take(&mut self.order.wishes) {
            if Some(ordered.wish.action) < asked {
                self.order.wishes.push(ordered);
                continue;
            }
            let claimed = || claim(&ordered.wish, &self.before, &self.call, self.after()).into_verdict();
            self.settle(&ordered, &verdict.cloned().unwrap_or_else(claimed), sink);
        }
        if self.order.wishes.is_empty() {
            return Next::Done;
        }
        // What may have been carried out stays so, whatever becomes of the next call.
        if !self.may_have_been_stopped() {
            self.call = Call::NotMade;
        }
        self.polls = 0;
        self.next_stage();
        self.ask();
        Next::Act
    }

    /// A call to stop it failed, alone or with others.
    pub(super) fn call_failed(&mut self, failure: &CallError) {
        self.call.failed(failure);
        self.note(failure);
    }

    /// Its own call, or its item in one, failed.
    pub(super) fn failed_alone(&mut self, now: Duration) {
        if self.failures == 0 {
            self.first_failure = now;
        }
        self.failures += 1;
    }

    /// A call that it went with failed, in a way that tells nothing of this job.
    pub(super) fn note(&mut self, failure: &CallError) {
        self.last_failure = Some(failure.to_string());
    }

    /// How often it failed by itself, and since when.
    pub(super) fn failures(&self) -> (u32, Duration) {
        (self.failures, self.first_failure)
    }

    /// The calls to stop it are done with: what became of it is looked for until `watch` is over, at least once.
    pub(super) fn acted(&mut self, accepted: bool, now: Duration, watch: Duration) {
        if accepted {
            self.call = Call::Accepted;
        }
        self.next_stage();
        self.resumes = false;
        (self.acted, self.watch) = (now, watch);
    }

    /// Its calls failed as often as they may while nothing else passes that would tell whose fault that is. One of them
    /// may have been carried out: one look tells, and then it goes on. Gives false if it was looked at so before.
    pub(super) fn pause_to_look(&mut self) -> bool {
        let is_first = self.polls == 0 && matches!(self.call, Call::Unknown(_));
        self.resumes = is_first;
        is_first
    }

    /// Takes one look after acting. Settles what it can.
    pub(super) fn confirmed(&mut self, look: Look, now: Duration, sink: &mut impl Sink) -> Next {
        let resumes = std::mem::take(&mut self.resumes);
        if let Look::Seen(mut seen) = look {
            self.unshown = None;
            if self.before.snapshot().is_some() {
                // A job's name and queue do not change.
                (seen.job_name, seen.job_queue) = (None, None);
            }
            self.after = Some(Box::new(Look::Seen(seen)));
        } else if self.after().snapshot().is_none() {
            self.after = Some(Box::new(look));
        } // An answer that leaves out what an earlier one showed takes nothing back.
        self.polls += 1;
        let mut watch = Duration::ZERO;
        for ordered in std::mem::take(&mut self.order.wishes) {
            match claim(&ordered.wish, &self.before, &self.call, self.after()) {
                Claim::Final(verdict) => {
                    self.settle(&ordered, &verdict, sink);
                    continue;
                }
                Claim::Soon(_) => watch = watch.max(self.watch),
                Claim::Late(_) => watch = watch.max(self.watch / LATE_SHARE),
            }
            self.order.wishes.push(ordered);
        }
        if self.order.wishes.is_empty() {
            return Next::Done;
        }
        if resumes {
            return Next::Act;
        }
        (self.failures, self.last_failure) = (0, None);
        let is_unknown = *self.after() == Look::NotShown && self.before.snapshot().is_none();
        if is_unknown && self.unshown.is_some() {
            return Next::LookAt(self.second_look());
        }
        // The last look comes when the time is up, not before.
        let until = self.acted + watch;
        let wait = (FIRST_POLL * (1 << (self.polls - 1).min(8))).min(LONGEST_POLL);
        if now < until {
            return Next::LookAt((now + wait).min(until));
        }
        self.last_word(sink)
    }

    /// No further look is taken after acting.
    pub(super) fn stop_confirming(&mut self, why: &str, sink: &mut impl Sink) -> Next {
        if self.polls == 0 {
            self.after = Some(Box::new(Look::Unseen(why.to_owned().into())));
        }
        self.resumes = false;
        self.last_word(sink)
    }

    fn last_word(&mut self, sink: &mut impl Sink) -> Next {
        if self.call == Call::Accepted {
            self.finish(sink);
            return Next::Done;
        }
        self.ask_for_less(None, sink)
    }

    /// Settles what is left as it stands: no call has decided it, and none will be made.
    fn finish(&mut self, sink: &mut impl Sink) {
        for ordered in std::mem::take(&mut self.order.wishes) {
            let verdict = claim(&ordered.wish, &self.before, &self.call, self.after()).into_verdict();
            self.settle(&ordered, &verdict, sink);
        }
    }

    /// What is asked of Batch would be denied: it is not even tried.
    pub(super) fn not_tried(&mut self, why: &str, sink: &mut impl Sink) -> Next {
        let tried = if self.attempts == 0 { "not tried" } else { "not tried again" };
        let why = format!("{tried}, since one job after the other was denied ({why})");
        self.ask_for_less(Some(&Verdict::because(Outcome::Refused, why)), sink)
    }

    /// Settles what is left in one way.
    fn settle_all(&mut self, outcome: Outcome, why: &str, sink: &mut impl Sink) {
        for ordered in std::mem::take(&mut self.order.wishes) {
            self.settle(&ordered, &Verdict::because(outcome, why), sink);
        }
    }

    /// What was asked of Batch is not asked again. A look is to be taken where one call may have been carried out.
    pub(super) fn stop_acting(&mut self, why: &str, now: Duration, sink: &mut impl Sink) -> Next {
        let why = match &self.call {
            Call::Unknown(_) => {
                self.acted(false, now, Duration::ZERO);
                return Next::LookAt(now);
            }
            Call::Failed { .. } | Call::Accepted => return self.ask_for_less(None, sink),
            Call::NotMade if self.attempts == 0 => format!("not tried, since Batch kept failing ({why})"),
            Call::NotMade => why.to_owned(),
        };
        self.ask_for_less(Some(&Verdict::because(Outcome::Unavailable, why)), sink)
    }

    /// The time is up before the calls were through, of which this one may be under way.
    pub(super) fn out_of_time(&mut self, stage: Stage, under_way: bool, sink: &mut impl Sink) {
        const DEADLINE: &str = "the deadline came first";
        let last = self.last_failure.take();
        let with_last = |text: &str| match &last {
            Some(failure) => format!("{text}; the last answer was: {failure}"),
            None => text.to_owned(),
        };
        match stage {
            Stage::Look if last.is_some() || under_way || self.unshown.or(self.parentless).is_some() => {
                self.settle_all(Outcome::Unavailable, &with_last(DEADLINE), sink);
            }
            Stage::Act if under_way || self.attempts > 0 => {
                let why = with_last("the deadline came before Batch had accepted it");
                self.settle_all(Outcome::Unavailable, &why, sink);
            }
            Stage::Look | Stage::Act => {
                self.settle_all(Outcome::NotAttempted, DEADLINE, sink);
            }
            Stage::Confirm => {
                if self.polls == 0 {
                    self.after = Some(Box::new(Look::Unseen(with_last(DEADLINE).into())));
                }
                self.finish(sink);
            }
        }
    }

    /// The verdict for a request in whose place another one's call was made, where it is about what Batch accepted.
    fn in_anothers_place(&self, ordered: &Ordered, verdict: &Verdict) -> Option<Verdict> {
        use Outcome::{Accepted, Cancelling, Terminating};
        let (action, reason) = self.asked.as_ref()?;
        let is_anothers = ordered.wish.action != *action || ordered.wish.reason != *reason;
        let is_about_it = matches!(verdict.outcome, Accepted | Cancelling | Terminating);
        (is_anothers && is_about_it).then(|| {
            let verb = action.as_str();
            let why =
                format!("Batch accepted the {verb} that another request asked for: {}", reason.as_str());
            Verdict::because(verdict.outcome, why)
        })
    }

    pub(super) fn next_stage(&mut self) {
        (self.failures, self.last_failure) = (0, None);
    }

    fn settle(&self, ordered: &Ordered, verdict: &Verdict, sink: &mut impl Sink) {
        sink.settled(JobResult {
            id: &self.order.id,
            ordered,
            verdict: self.in_anothers_place(ordered, verdict).as_ref().unwrap_or(verdict),
            before: self.before.snapshot(),
            after: self.after().snapshot(),
            attempts: self.attempts,
        });
    }
}

#[cfg(test)]
mod tests;
