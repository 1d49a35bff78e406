//! Virtual time from left to right, with the times in which nobody works drawn shorter than they are.

use crate::Ms;

/// Work that is no further apart is one stretch.
const NEAR: Ms = 200;
/// How wide a quiet time is drawn: so much, and so much more for each thing that happens in it, up to a limit.
const QUIET: f64 = 34.0;
const QUIET_EACH: f64 = 7.0;
const QUIET_MOST: f64 = 76.0;
/// The share of all width that quiet times may take.
const QUIET_SHARE: f64 = 0.5;
/// What is short is drawn longer than it is, as if it took so much more.
const LEAST: Ms = 150;
/// How far ticks are apart, at least.
const TICK: f64 = 46.0;

/// From times to places.
#[derive(Debug)]
pub(super) struct Axis {
    /// In the order of time; each begins where the one before ends.
    stretches: Vec<Stretch>,
}

/// A time, and where it is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: Ms,
    pub(super) until: Ms,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) is_quiet: bool,
}

impl Axis {
    /// Shows these moments between `left` and `right`, and best those at which somebody works.
    pub(super) fn new(moments: &[Ms], mut work: Vec<(Ms, Ms)>, left: f64, right: f64) -> Self {
        let end = moments.iter().copied().max().unwrap_or_default();
        work.sort_unstable();
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut add = |from: Ms, until: Ms, is_quiet: bool| {
            let weight = if is_quiet {
                let within = moments.iter().filter(|at| from < **at && **at < until).count();
                (QUIET + real(within) * QUIET_EACH).min(QUIET_MOST)
            } else {
                // By the square root, so that what is short can be seen beside what is long.
                span(until - from + LEAST).sqrt()
            };
            match stretches.last_mut().filter(|last| last.is_quiet == is_quiet) {
                Some(last) => last.until = until,
                None => stretches.push(Stretch { from, until, left: 0.0, right: weight, is_quiet }),
            }
        };
        let mut done = 0;
        for (from, until) in merged(work) {
            if from > done {
                add(done, from, true);
            }
            add(from, until, false);
            done = until;
        }
        if end > done {
            add(done, end, true);
        }
        let sum = |quiet: bool| -> f64 {
            stretches.iter().filter(|own| own.is_quiet == quiet).map(|own| own.right).sum()
        };
        let (quiet, busy, width) = (sum(true), sum(false), right - left);
        let quiet_scale = if busy > 0.0 { (width * QUIET_SHARE / quiet).min(1.0) } else { width / quiet };
        let scale = (width - quiet * quiet_scale) / busy;
        let mut x = left;
        for stretch in &mut stretches {
            let width = stretch.right * if stretch.is_quiet { quiet_scale } else { scale };
            (stretch.left, stretch.right) = (x, x + width);
            x += width;
        }
        Self { stretches }
    }

    /// Where a moment is.
    pub(super) fn x(&self, at: Ms) -> f64 {
        let stretch = self.stretches.iter().find(|stretch| at <= stretch.until).or(self.stretches.last());
        stretch.map_or(0.0, |stretch| {
            let share =
                span(at.min(stretch.until) - stretch.from) / span((stretch.until - stretch.from).max(1));
            stretch.left + (stretch.right - stretch.left) * share
        })
    }

    /// When nobody works.
    pub(super) fn quiet(&self) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(|stretch| stretch.is_quiet)
    }

    /// Where each work begins, and round times in between, with some space between them.
    pub(super) fn ticks(&self) -> Vec<(f64, Ms)> {
        let mut ticks: Vec<(f64, Ms)> = Vec::new();
        for stretch in self.stretches.iter().filter(|stretch| !stretch.is_quiet) {
            let scale = (stretch.right - stretch.left) / span((stretch.until - stretch.from).max(1));
            let steps = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
            let step = steps.into_iter().find(|step| span(*step) * scale >= TICK).unwrap_or(300_000);
            let round = (stretch.from / step + 1..=stretch.until / step).map(|number| number * step);
            for at in std::iter::once(stretch.from).chain(round) {
                let x = self.x(at);
                if ticks.last().is_none_or(|(last, _)| x - last >= TICK) {
                    ticks.push((x, at));
                }
            }
        }
        ticks
    }
}

/// Without overlaps, and with what is near to each other as one; sorted, as it must be before.
fn merged(work: Vec<(Ms, Ms)>) -> Vec<(Ms, Ms)> {
    let mut merged: Vec<(Ms, Ms)> = Vec::new();
    for (from, until) in work {
        match merged.last_mut().filter(|(_, last)| from <= *last + NEAR) {
            Some((_, last)) => *last = until.max(*last),
            None => merged.push((from, until)),
        }
    }
    merged
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
pub(super) fn span(time: Ms) -> f64 {
    time as f64
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
pub(super) fn real(count: usize) -> f64 {
    count as f64
}

/// A time for people.
pub(super) fn shown(time: Ms) -> String {
    match (time / 1_000, time % 1_000) {
        (0, millis) if time < 100 && time > 0 => format!("{millis} ms"),
        (seconds, _) if seconds >= 600 => format!("{} min", seconds / 60),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, millis) => {
            let fraction = format!("{millis:03}");
            format!("{seconds}.{} s", fraction.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_short_and_each_work_is_to_scale() {
        let axis = Axis::new(&[0, 500, 60_000, 90_000], vec![(60_000, 61_000), (0, 500)], 100.0, 500.0);
        let quiet: Vec<_> = axis.quiet().map(|quiet| (quiet.from, quiet.until)).collect();
        assert_eq!(quiet, [(500, 60_000), (61_000, 90_000)]);
        assert!(axis.quiet().all(|quiet| (quiet.right - quiet.left - QUIET).abs() < 1e-9));
        assert!((axis.x(0) - 100.0).abs() < 1e-9 && (axis.x(90_000) - 500.0).abs() < 1e-9);
        let half = axis.x(60_500) - axis.x(60_000);
        assert!((half - (axis.x(61_000) - axis.x(60_500))).abs() < 1e-9);
        assert!(half * 2.0 > axis.x(500) - axis.x(0), "what takes longer is wider");
        for (x, at) in axis.ticks() {
            assert!((axis.x(at) - x).abs() < 1e-9);
        }
    }

    #[test]
    fn time_never_goes_back() {
        for work in [vec![], vec![(0, 0)], vec![(5, 9), (7, 20_000), (300, 400)], vec![(100, 70_000)]] {
            let axis = Axis::new(&[0, 3, 50_000, 70_000], work.clone(), 10.0, 600.0);
            let places: Vec<_> = (0..=700).map(|step| axis.x(step * 100)).collect();
            assert!(places.is_sorted(), "{work:?}: {places:?}");
            let [first, .., last] = places.as_slice() else { panic!("{places:?}") };
            assert!((first - 10.0).abs() < 1e-9 && (last - 600.0).abs() < 1e-9, "{work:?}: {first} {last}");
        }
    }

    #[test]
    fn times_are_short() {
        let times = [0, 20, 250, 1_000, 1_500, 61_000, 3_600_000].map(shown);
        assert_eq!(times, ["0 s", "20 ms", "0.25 s", "1 s", "1.5 s", "61 s", "60 min"]);
    }
}
