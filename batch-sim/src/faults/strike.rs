//! When faults strike.

use std::time::Duration;

use super::{Fault, FaultKind, When};
use crate::Operation;

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Armed>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    added: Duration,
    /// The matches so far.
    count: u64,
}

/// A call, or an item of one, that may be struck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) operation: Operation,
    /// When it arrived.
    pub(crate) now: Duration,
    /// Moves the dice.
    pub(crate) seed: u64,
}

/// What the faults make of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The delay before the call is carried out.
    pub before: Duration,
    /// The delay between that and the answer.
    pub after: Duration,
    /// What comes in the answer's place, if anything.
    pub blow: Option<Blow>,
}

/// The fault that decides the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blow {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Whether the call takes effect all the same.
    pub carried_out: bool,
    /// The job that the fault is about, if it is about one.
    pub job: Option<String>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault, now: Duration) {
        self.0.push(Armed { fault, added: now, count: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn to_vec(&self) -> Vec<Fault> {
        self.0.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// What befalls a call that names these jobs.
    pub(crate) fn strike(&mut self, target: Target, jobs: &[impl AsRef<str>]) -> Trouble {
        let mut trouble = Trouble::default();
        let named = |id: &String| jobs.iter().any(|job| job.as_ref() == id);
        let whole = |fault: &Fault| !fault.is_about_items() && fault.job.as_ref().is_none_or(named);
        for fault in self.striking(target, whole) {
            match fault.kind {
                FaultKind::Latency(delay) if fault.carried_out => trouble.after += delay,
                FaultKind::Latency(delay) => trouble.before += delay,
                _ if trouble.blow.is_some() => {}
                _ => {
                    let Fault { kind, carried_out, job, .. } = fault.clone();
                    trouble.blow = Some(Blow { kind, carried_out, job });
                }
            }
        }
        trouble
    }

    /// What befalls one job of a bulk call.
    pub(crate) fn strike_item(&mut self, target: Target, job: &str) -> Option<FaultKind> {
        let item = |fault: &Fault| fault.is_about_items() && fault.job.as_ref().is_none_or(|id| id == job);
        // All must count, so the first is taken only after all have been asked.
        let kinds: Vec<_> = self.striking(target, item).collect();
        kinds.first().map(|fault| fault.kind.clone())
    }

    fn striking(&mut self, target: Target, matches: impl Fn(&Fault) -> bool) -> impl Iterator<Item = &Fault> {
        let asked = self.0.iter_mut().zip(0..);
        asked.filter_map(move |(Armed { fault, added, count }, place)| {
            let age = target.now.saturating_sub(*added);
            let concerned = fault.operation.is_none_or(|o| o == target.operation)
                && fault.during.is_none_or(|window| window.contains(age))
                && matches(fault);
            if !concerned {
                return None;
            }
            *count += 1;
            fault.when.strikes(*count, target.seed ^ place).then_some(&*fault)
        })
    }
}

impl When {
    fn strikes(self, count: u64, seed: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(n) => count <= n,
            Self::Nth(n) => count == n,
            Self::From(n) => count >= n,
            Self::Rate(share) => dice(seed, count) < share,
        }
    }
}

/// A number in [0, 1) that depends on nothing but its arguments (splitmix64).
fn dice(seed: u64, count: u64) -> f64 {
    let mut x = seed.rotate_left(32) ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let high = u32::try_from((x ^ (x >> 31)) >> 32).unwrap_or_default();
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{CancelJob, CancelJobs, DescribeJobs};

    fn target(operation: Operation) -> Target {
        Target { operation, now: Duration::ZERO, seed: 0 }
    }

    /// Which of six calls for job `a` a fault strikes.
    #[track_caller]
    fn check(fault: Fault, operation: Operation, expect: [bool; 6]) {
        let mut faults = Faults::default();
        faults.add(fault, Duration::ZERO);
        let jobs = ["b".to_owned(), "a".to_owned()];
        let struck = [(); 6].map(|()| faults.strike(target(operation), &jobs).blow.is_some());
        assert_eq!(struck, expect, "{faults:?}");
    }

    #[test]
    fn faults_strike_when_and_where_told() {
        let (yes, no) = (true, false);
        let fault = Fault::server_error;
        check(fault(), CancelJob, [yes; 6]);
        check(fault().first(2), CancelJob, [yes, yes, no, no, no, no]);
        check(fault().nth(2), CancelJob, [no, yes, no, no, no, no]);
        check(fault().from(5), CancelJob, [no, no, no, no, yes, yes]);
        check(fault().rate(0.0), CancelJob, [no; 6]);
        check(fault().rate(1.0), CancelJob, [yes; 6]);
        check(fault().on(CancelJob), CancelJob, [yes; 6]);
        check(fault().on(CancelJob), DescribeJobs, [no; 6]);
        check(fault().job("a"), CancelJobs, [yes; 6]);
        check(fault().job("z"), CancelJobs, [no; 6]);
        check(Fault::item("c", "m"), CancelJobs, [no; 6]);
    }

    #[test]
    fn the_first_fault_wins_all_count_and_latencies_add_up() {
        let mut faults = Faults::default();
        faults.add(Fault::latency(Duration::from_millis(1)), Duration::ZERO);
        faults.add(Fault::hang().first(1), Duration::ZERO);
        faults.add(Fault::latency(Duration::from_millis(2)), Duration::ZERO);
        faults.add(Fault::latency(Duration::from_millis(4)).carried_out(), Duration::ZERO);
        faults.add(Fault::drop_after().first(2), Duration::ZERO);
        let mut strike = || {
            let trouble = faults.strike(target(CancelJob), &[""; 0]);
            assert_eq!(trouble.before, Duration::from_millis(3));
            assert_eq!(trouble.after, Duration::from_millis(4));
            trouble.blow.map(|blow| (blow.kind, blow.carried_out))
        };
        assert_eq!(strike(), Some((FaultKind::Hang, false)));
        assert_eq!(strike(), Some((FaultKind::Drop, true)));
        assert_eq!(strike(), None);
    }

    /// Which calls, made every second, a fault strikes that was added 10 s into the run.
    #[track_caller]
    fn check_window(fault: Fault, expect: [bool; 6]) {
        let mut faults = Faults::default();
        faults.add(fault, Duration::from_secs(10));
        let struck = [10, 11, 12, 13, 14, 1000].map(|second| {
            let target = Target { now: Duration::from_secs(second), ..target(CancelJob) };
            faults.strike(target, &["a"]).blow.is_some()
        });
        assert_eq!(struck, expect, "{faults:?}");
    }

    #[test]
    fn faults_strike_while_their_time_lasts_and_count_only_then() {
        let (yes, no) = (true, false);
        let second = Duration::from_secs;
        let fault = Fault::server_error;
        check_window(fault().during(second(1), second(3)), [no, yes, yes, no, no, no]);
        check_window(fault().for_the_first(second(2)), [yes, yes, no, no, no, no]);
        check_window(fault().starting_after(second(3)), [no, no, no, yes, yes, yes]);
        check_window(fault().starting_after(second(2)).first(2), [no, no, yes, yes, no, no]);
        check_window(fault().during(second(1), second(4)).nth(3), [no, no, no, yes, no, no]);
    }

    #[test]
    fn item_faults_count_the_items_of_their_job() {
        let mut faults = Faults::default();
        faults.add(Fault::omitted_item().job("a").nth(2), Duration::ZERO);
        let mut strike = |job| faults.strike_item(target(CancelJobs), job).is_some();
        assert_eq!(["a", "b", "a", "a"].map(&mut strike), [false, false, true, false]);
    }

    #[test]
    fn the_dice_is_fair_and_falls_alike_for_the_same_seed() {
        let hits = |seed| (1..=10_000).filter(|&n| When::Rate(0.1).strikes(n, seed)).count();
        assert!((900..1100).contains(&hits(0)), "{}", hits(0));
        assert!((900..1100).contains(&hits(1)), "{}", hits(1));
        assert_eq!(hits(7), hits(7));
        assert_ne!(dice(0, 1).to_bits(), dice(1, 1).to_bits());
    }
}
