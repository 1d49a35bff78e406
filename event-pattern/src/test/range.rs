//! Ranges of numbers.

/// The numbers between two bounds, either of which may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower bound.
    pub bottom: Option<Bound>,
    /// The upper bound.
    pub top: Option<Bound>,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The number at the end.
    pub value: f64,
    /// Whether that number itself is in the range.
    pub included: bool,
}

impl Range {
    pub(super) fn holds(&self, value: f64) -> bool {
        self.bottom.is_none_or(|bound| bound.value < value || bound.is(value))
            && self.top.is_none_or(|bound| value < bound.value || bound.is(value))
    }
}

impl Bound {
    #[expect(clippy::float_cmp, reason = "a bound is one number, not a neighbourhood")]
    fn is(self, value: f64) -> bool {
        self.included && self.value == value
    }
}
