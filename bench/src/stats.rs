//! Medians, ranges and ratios.

use serde::Serialize;

/// A figure over the repetitions of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// `None` without values.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        let (low, high) = sorted.first().copied().zip(sorted.last().copied())?;
        Some(Self { median: middle(&sorted)?, low, high })
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    middle(&sorted(values))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

/// The median of the ratios within each repetition: what disturbed a repetition disturbed both sides of it.
pub(crate) fn ratio(values: &[Option<f64>], base: &[Option<f64>]) -> Option<f64> {
    let pairs = values.iter().zip(base).filter_map(|(value, base)| Some(((*value)?, (*base)?)));
    let ratios: Vec<_> = pairs.filter(|(_, base)| *base > 0.0).map(|(value, base)| value / base).collect();
    median(&ratios)
}

/// A count as a real number; no count here comes near the limit.
pub(crate) fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ranges() {
        let spread = |values: &[f64]| Spread::of(values).map(|s| (s.low, s.median, s.high));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[2.0]), Some((2.0, 2.0, 2.0)));
        assert_eq!(spread(&[9.0, 1.0, 4.0]), Some((1.0, 4.0, 9.0)));
        assert_eq!(spread(&[9.0, 1.0, 4.0, 2.0]), Some((1.0, 3.0, 9.0)));
    }

    #[test]
    fn a_ratio_compares_within_repetitions_that_have_both() {
        let base = [Some(1.0), Some(10.0), None, Some(0.0), Some(2.0)];
        let values = [Some(2.0), Some(20.0), Some(5.0), Some(5.0), Some(6.0)];
        assert_eq!(ratio(&values, &base), Some(2.0));
        assert_eq!(ratio(&values, &[None; 5]), None);
    }
}
