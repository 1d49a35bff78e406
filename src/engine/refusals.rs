//! What a no to a call with several jobs may mean, and what to try next. Pure.
//!
//! It may be about one of the jobs, which splitting finds; about each of them, where splitting costs more than
//! single calls; or about the operation, where a region or a role has no bulk calls.

use crate::batch::MAX_STOP;

/// So many calls may be spent on splitting before any has been earned: two splits, since of the halves of the first the
/// refused one may be answered before the other.
const FIRST_CREDIT: usize = 4;

/// The most credit, so that a run of refusals after a long calm costs no more than a few calls.
const MOST_CREDIT: usize = MAX_STOP;

/// So many denied calls for jobs drawn by chance, with none that passed, and it is not single jobs that are denied.
const TELLING_DENIALS: usize = 20;

/// After so many denials, with none that passed, jobs are drawn by chance: those at the head may be alike.
const UNSURE: usize = 5;

/// After so many single calls passed and none was denied, it is the bulk call that is denied.
const TELLING_SINGLES: usize = 10;

/// What was refused so far, for one kind of call.
#[derive(Debug)]
pub(super) struct Refusals {
    /// Calls that may be spent on splitting. A bulk call that passes saves as many as it has jobs.
    credit: usize,
    bulk_passed: bool,
    bulk_denied: bool,
    /// Whether any call ever passed.
    passed: bool,
    /// Single calls that passed since a bulk call was first denied, and those that were denied.
    singles_passed: usize,
    singles_denied: usize,
    /// So many denied single calls with none that passed are the role's.
    most_denials: usize,
}

/// How to go on with the jobs of a refused call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    Halves,
    Singly,
}

impl Refusals {
    /// With so many calls under way at once. Before jobs are drawn by chance, twice as many may have been started.
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self {
            credit: FIRST_CREDIT,
            bulk_passed: false,
            bulk_denied: false,
            passed: false,
            singles_passed: 0,
            singles_denied: 0,
            most_denials: TELLING_DENIALS + 2 * max_in_flight,
        }
    }

    /// A call with several jobs was refused or denied as a whole.
    pub(super) fn whole(&mut self, denied: bool) -> Split {
        self.bulk_denied |= denied;
        match self.credit.checked_sub(2) {
            Some(left) => {
                self.credit = left;
                Split::Halves
            }
            None => Split::Singly,
        }
    }

    /// A call with so many jobs got an answer that is no refusal of the whole.
    pub(super) fn passed(&mut self, jobs: usize) {
        self.passed = true;
        if jobs > 1 {
            self.bulk_passed = true;
            self.credit = (self.credit + jobs).min(MOST_CREDIT);
        } else if self.bulk_denied {
            self.singles_passed += 1;
        }
    }

    /// A call for one job was denied.
    pub(super) fn single_denied(&mut self) {
        self.singles_denied += 1;
    }

    /// Whether every job is denied: it is the role, and asking for more would tell nothing new.
    pub(super) fn is_role(&self) -> bool {
        !self.passed && self.singles_denied >= self.most_denials
    }

    /// Whether denials begin to look like the role's, but may still be single jobs'.
    pub(super) fn is_unsure(&self) -> bool {
        !self.passed && self.singles_denied.is_multiple_of(UNSURE)
    }

    /// Whether the bulk call is denied, but single ones are not.
    pub(super) fn is_bulk_denied(&self) -> bool {
        self.bulk_denied
            && !self.bulk_passed
            && self.singles_denied == 0
            && self.singles_passed >= TELLING_SINGLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls it takes to deal with `jobs` in chunks of 50, of which those that `is_bad` are refused,
    /// and with them every call that names one.
    fn cost(jobs: usize, is_bad: impl Fn(usize) -> bool) -> usize {
        let mut refusals = Refusals::new(1);
        let all: Vec<usize> = (0..jobs).collect();
        let mut queue: Vec<Vec<usize>> = all.chunks(MAX_STOP).map(<[usize]>::to_vec).rev().collect();
        let mut calls = 0;
        while let Some(chunk) = queue.pop() {
            calls += 1;
            let bad = chunk.iter().any(|job| is_bad(*job));
            match (bad, chunk.len()) {
                (false, jobs) => refusals.passed(jobs),
                (true, 1) => refusals.single_denied(),
                (true, jobs) => match refusals.whole(true) {
                    Split::Halves => queue.extend(chunk.chunks(jobs.div_ceil(2)).map(<[usize]>::to_vec)),
                    Split::Singly => queue.extend(chunk.chunks(1).map(<[usize]>::to_vec)),
                },
            }
        }
        calls
    }

    #[test]
    fn splitting_finds_one_job_and_never_costs_much_more_than_single_calls() {
        assert_eq!(cost(50, |_| false), 1);
        assert!(cost(50, |job| job == 17) <= 13, "{}", cost(50, |job| job == 17));
        assert!(cost(1000, |job| job == 517) <= 32, "{}", cost(1000, |job| job == 517));
        for (name, cost) in [
            ("all", cost(1000, |_| true)),
            ("every second", cost(1000, |job| job % 2 == 0)),
            ("every fifth", cost(1000, |job| job % 5 == 0)),
            ("the last half", cost(1000, |job| job >= 500)),
        ] {
            assert!(cost <= 1100, "{name}: {cost}");
        }
    }

    #[test]
    fn splits_are_paid_for_by_what_bulk_calls_have_saved() {
        let check = |passed: &[usize], halved: usize| {
            let mut refusals = Refusals::new(1);
            while refusals.whole(false) == Split::Halves {}
            for jobs in passed {
                refusals.passed(*jobs);
            }
            let splits = (0..100).take_while(|_| refusals.whole(false) == Split::Halves).count();
            assert_eq!(splits, halved, "{passed:?}");
        };
        check(&[], 0);
        check(&[1, 1, 1, 1], 0);
        check(&[4], 2);
        check(&[2, 5], 3);
        // However long the calm was.
        check(&[50, 50], 25);
    }

    #[test]
    fn every_fifth_denial_in_a_row_is_a_reason_to_draw_by_chance() {
        let mut refusals = Refusals::new(1);
        for denials in 1..=11 {
            refusals.single_denied();
            assert_eq!(refusals.is_unsure(), [5, 10].contains(&denials), "{denials}");
        }
        refusals.passed(1);
        (12..=15).for_each(|_| refusals.single_denied());
        assert!(!refusals.is_unsure(), "one passed");
    }

    #[test]
    fn a_role_is_known_by_many_denials_and_none_that_passed() {
        let mut refusals = Refusals::new(1);
        for _ in 0..TELLING_DENIALS + 2 {
            assert!(!refusals.is_role());
            refusals.single_denied();
        }
        assert!(refusals.is_role());
        refusals.passed(1);
        (0..TELLING_DENIALS + 2).for_each(|_| refusals.single_denied());
        assert!(!refusals.is_role(), "one passed, so the next may");
    }

    #[test]
    fn a_bulk_call_is_denied_as_such_where_single_ones_pass() {
        let check = |passed: usize, denied: usize, bulk: usize, expected: bool| {
            let mut refusals = Refusals::new(1);
            refusals.whole(true);
            (0..bulk).for_each(|_| refusals.passed(5));
            (0..denied).for_each(|_| refusals.single_denied());
            (0..passed).for_each(|_| refusals.passed(1));
            assert_eq!(refusals.is_bulk_denied(), expected, "{passed} {denied} {bulk}");
        };
        check(TELLING_SINGLES, 0, 0, true);
        check(TELLING_SINGLES - 1, 0, 0, false);
        check(TELLING_SINGLES, 1, 0, false);
        check(TELLING_SINGLES, 0, 1, false);
    }
}
