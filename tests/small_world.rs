//! Every way in which a small world can go: one job, this function, one other sender, one redelivery. Each
//! interleaving of looks, calls, lost answers, the job's own steps and the other's call is played against the pure
//! heart, and no claim is false.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected is to fail")]

use std::collections::{BTreeMap, HashSet};

use batch_canceller::job::{JobStatus, Snapshot};
use batch_canceller::outcome::{Call, Claim, Look, Outcome, Verdict, Wish, claim, judge};
use batch_canceller::request::{Action, Reason};

const OURS: &str = "Superseded by run 42.";
const THEIRS: &str = "Killed by operator.";
const ITSELF: &str = "Host EC2 (instance i-0) terminated.";

/// Who ended the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum By {
    Us,
    Other,
    Itself,
}

/// A Batch's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Habits {
    /// Whether it sends `isCancelled` and `isTerminated`.
    marks: bool,
    /// Whether a mark shows before the stop has taken effect.
    marks_early: bool,
    /// Whether it notes the reason of a stop.
    reasons: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Status {
    Pending,
    Runnable,
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Job {
    status: Status,
    reason: Option<&'static str>,
    marks: (bool, bool),
    has_run: bool,
    /// What was accepted and has not taken effect.
    stop: Option<(Act, &'static str, By)>,
    ended_by: Option<By>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Cancel,
    Terminate,
}

impl Job {
    fn has_ended(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Failed)
    }

    /// What Batch does with a call to stop it; it answers 200 in any case.
    fn stop(&mut self, act: Act, reason: &'static str, by: By) {
        if self.has_ended() || self.status == Status::Running && act == Act::Cancel {
            return;
        }
        match (&self.stop, act) {
            (None, _) | (Some((Act::Cancel, ..)), Act::Terminate) => self.stop = Some((act, reason, by)),
            _ => return,
        }
        match act {
            Act::Cancel => self.marks.0 = true,
            Act::Terminate => self.marks.1 = true,
        }
    }

    fn end(&mut self, status: Status, reason: Option<&'static str>, by: By) -> Self {
        Self { status, reason, ended_by: Some(by), stop: None, ..self.clone() }
    }

    /// What may happen to it next, by itself.
    fn steps(&self, habits: Habits) -> Vec<Self> {
        let mut steps = Vec::new();
        let mut job = self.clone();
        if let Some((_, reason, by)) = self.stop {
            steps.push(job.end(Status::Failed, habits.reasons.then_some(reason), by));
        }
        match self.status {
            Status::Pending => {
                steps.push(Self { status: Status::Runnable, ..self.clone() });
                steps.push(job.end(Status::Failed, Some("Dependent job failed"), By::Itself));
            }
            Status::Runnable => {
                // A job that starts outruns a cancel under way; its mark stays.
                let stop = self.stop.filter(|(act, ..)| *act == Act::Terminate);
                steps.push(Self { status: Status::Running, has_run: true, stop, ..self.clone() });
            }
            Status::Running => {
                steps.push(job.end(Status::Succeeded, None, By::Itself));
                if habits.reasons {
                    steps.push(job.end(Status::Failed, Some(ITSELF), By::Itself));
                } else if self.stop.is_none() {
                    // A Batch that gives no reasons at all leaves nothing to tell this from a terminate that was
                    // accepted. AWS's always gives one.
                    steps.push(job.end(Status::Failed, None, By::Itself));
                }
            }
            Status::Succeeded | Status::Failed => {}
        }
        steps
    }

    fn seen(&self, habits: Habits) -> Look {
        let status = match self.status {
            Status::Pending => JobStatus::Pending,
            Status::Runnable => JobStatus::Runnable,
            Status::Running => JobStatus::Running,
            Status::Succeeded => JobStatus::Succeeded,
            Status::Failed => JobStatus::Failed,
        };
        let shows = habits.marks_early || self.stop.is_none();
        let mark = |mark: bool| habits.marks.then_some(mark && shows);
        Look::Seen(Snapshot {
            status_reason: self.reason.map(Into::into),
            is_cancelled: mark(self.marks.0),
            is_terminated: mark(self.marks.1),
            started_at: self.has_run.then_some(1),
            ..Snapshot::of(status)
        })
    }
}

/// How far the function has come with a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Look,
    Act { before: Seen, call: Made, attempts: u8 },
    Confirm { before: Seen, call: Made, looks: u8 },
    Done,
}

/// A look, as far as it can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Seen {
    Job(Box<Job>),
    Not,
}

impl Seen {
    fn look(&self, habits: Habits) -> Look {
        match self {
            Self::Job(job) => job.seen(habits),
            Self::Not => Look::Unseen("500".into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Made {
    Nothing,
    Accepted,
    Unknown,
    Refused,
}

impl Made {
    fn call(self) -> Call {
        match self {
            Self::Nothing => Call::NotMade,
            Self::Accepted => Call::Accepted,
            Self::Unknown => Call::Unknown("connection lost".into()),
            Self::Refused => Call::Failed { error: "403".into(), refused: true },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    job: Job,
    phase: Phase,
    /// What the other will do, if it has not yet.
    other: Option<(Act, &'static str)>,
    redeliveries: u8,
    /// Whether any call of ours was accepted.
    accepted: bool,
}

/// What is the same for all that may happen.
#[derive(Debug, Clone, Copy)]
struct Setting {
    habits: Habits,
    action: Act,
    other: Option<(Act, &'static str)>,
}

impl Setting {
    fn wish(self) -> Wish {
        let action = match self.action {
            Act::Cancel => Action::Cancel,
            Act::Terminate => Action::Terminate,
        };
        Wish { action, reason: Reason::new(OURS).unwrap(), dry_run: false }
    }
}

/// Holds what is said against what is so.
fn check(
    said: &Verdict,
    world: &World,
    setting: Setting,
    path: &[String],
    told: &mut BTreeMap<Outcome, u64>,
) {
    let World { job, .. } = world;
    *told.entry(said.outcome).or_default() += 1;
    // The one thing that cannot be told apart: two senders with one reason, or where Batch keeps none.
    let same_reason = setting.other.is_some_and(|(_, reason)| reason == OURS || !setting.habits.reasons);
    let story = || format!("{setting:?}\n{}\nsaid {said:?} of {job:?}", path.join("\n"));
    match said.outcome {
        Outcome::Cancelled | Outcome::Terminated => {
            assert_eq!(job.status, Status::Failed, "{}", story());
            let by_us = job.ended_by == Some(By::Us) || same_reason && job.ended_by == Some(By::Other);
            assert!(by_us, "a false claim: {}", story());
        }
        Outcome::Finished => {
            assert!(job.has_ended(), "{}", story());
            let can_be_told = setting.habits.marks && setting.habits.reasons;
            assert!(job.ended_by != Some(By::Us) || !can_be_told, "our own work is not found: {}", story());
        }
        Outcome::Started => assert!(job.status == Status::Running, "{}", story()),
        Outcome::Cancelling | Outcome::Terminating => {
            assert!(world.accepted && !job.has_ended(), "{}", story());
        }
        Outcome::Accepted => assert!(world.accepted, "{}", story()),
        Outcome::Refused | Outcome::Unavailable => {}
        other => panic!("{other:?}: {}", story()),
    }
}

/// The worlds that the function's next step may lead to, each with its name. A verdict is checked as it is said.
fn function_steps(
    world: &World,
    setting: Setting,
    path: &[String],
    told: &mut BTreeMap<Outcome, u64>,
) -> Vec<(String, World)> {
    let wish = setting.wish();
    let now = || Seen::Job(Box::new(world.job.clone()));
    let to = |phase: Phase| World { phase, ..world.clone() };
    let mut steps = Vec::new();
    match &world.phase {
        Phase::Look => {
            for seen in [now(), Seen::Not] {
                let name = format!("look: {seen:?}");
                let next = match judge(&wish, &seen.look(setting.habits)) {
                    Some(verdict) => {
                        check(&verdict, world, setting, path, told);
                        Phase::Done
                    }
                    None => Phase::Act { before: seen, call: Made::Nothing, attempts: 0 },
                };
                steps.push((name, to(next)));
            }
        }
        Phase::Act { before, call, attempts } => {
            let mut carried_out = world.clone();
            carried_out.job.stop(setting.action, OURS, By::Us);
            let after = |made: Made| match (call, made) {
                // What may have been carried out once stays so.
                (Made::Unknown, Made::Refused) => Made::Unknown,
                _ => made,
            };
            let confirm = |made| Phase::Confirm { before: before.clone(), call: after(made), looks: 0 };
            let again =
                |made| Phase::Act { before: before.clone(), call: after(made), attempts: attempts + 1 };
            steps.push((
                "call: accepted".into(),
                World { phase: confirm(Made::Accepted), accepted: true, ..carried_out.clone() },
            ));
            steps.push(("call: refused".into(), to(confirm(Made::Refused))));
            for (name, world) in [("call: answer lost", carried_out), ("call: lost", world.clone())] {
                steps.push((name.into(), World { phase: confirm(Made::Unknown), ..world.clone() }));
                if *attempts < 1 {
                    steps.push((format!("{name}, again"), World { phase: again(Made::Unknown), ..world }));
                }
            }
        }
        Phase::Confirm { before, call, looks } => {
            for seen in [now(), Seen::Not] {
                let name = format!("look after: {seen:?}");
                let said =
                    claim(&wish, &before.look(setting.habits), &call.call(), &seen.look(setting.habits));
                let is_final = matches!(said, Claim::Final(_));
                // It may be the last look.
                check(&said.into_verdict(), world, setting, path, told);
                steps.push((name.clone(), to(Phase::Done)));
                if !is_final && *looks < 1 {
                    let phase = Phase::Confirm { before: before.clone(), call: *call, looks: looks + 1 };
                    steps.push((name, to(phase)));
                }
            }
        }
        Phase::Done => {
            if world.redeliveries > 0 {
                let redeliveries = world.redeliveries - 1;
                let world = World { phase: Phase::Look, redeliveries, ..world.clone() };
                steps.push(("delivered again".into(), world));
            }
        }
    }
    steps
}

fn explore(
    world: &World,
    setting: Setting,
    path: &mut Vec<String>,
    known: &mut HashSet<World>,
    told: &mut BTreeMap<Outcome, u64>,
) {
    if !known.insert(world.clone()) {
        return;
    }
    let mut steps = function_steps(world, setting, path, told);
    for job in world.job.steps(setting.habits) {
        steps.push((format!("the job: {job:?}"), World { job, ..world.clone() }));
    }
    if let Some((act, reason)) = world.other {
        let mut next = World { other: None, ..world.clone() };
        next.job.stop(act, reason, By::Other);
        steps.push((format!("somebody: {act:?} {reason:?}"), next));
    }
    for (name, next) in steps {
        path.push(name);
        explore(&next, setting, path, known, told);
        path.pop();
    }
}

#[test]
fn no_claim_is_false_in_any_interleaving() {
    let mut told = BTreeMap::new();
    let mut worlds = 0;
    let flags = [false, true];
    let habits = flags.into_iter().flat_map(|marks| {
        flags.into_iter().flat_map(move |marks_early| {
            flags.into_iter().map(move |reasons| Habits { marks, marks_early, reasons })
        })
    });
    for habits in habits {
        for action in [Act::Cancel, Act::Terminate] {
            let others = [None, Some((Act::Cancel, THEIRS)), Some((Act::Terminate, THEIRS))];
            let same = [Some((Act::Cancel, OURS)), Some((Act::Terminate, OURS))];
            for other in others.into_iter().chain(same) {
                for status in [Status::Pending, Status::Runnable, Status::Running] {
                    let setting = Setting { habits, action, other };
                    let job = Job {
                        status,
                        reason: None,
                        marks: (false, false),
                        has_run: status == Status::Running,
                        stop: None,
                        ended_by: None,
                    };
                    let world = World { job, phase: Phase::Look, other, redeliveries: 1, accepted: false };
                    let mut known = HashSet::new();
                    explore(&world, setting, &mut Vec::new(), &mut known, &mut told);
                    worlds += known.len();
                }
            }
        }
    }
    println!("{worlds} worlds, {told:?}");
    assert!(worlds > 100_000, "{worlds}");
    for outcome in [
        Outcome::Cancelled,
        Outcome::Terminated,
        Outcome::Cancelling,
        Outcome::Terminating,
        Outcome::Accepted,
        Outcome::Finished,
        Outcome::Started,
        Outcome::Refused,
        Outcome::Unavailable,
    ] {
        assert!(told.contains_key(&outcome), "{outcome:?} never occurs");
    }
}
