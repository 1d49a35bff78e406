//! Numbers, compared by value however they are written.

use std::borrow::Cow;

/// A JSON number: `35`, `35.0` and `3.5e1` are the same.
#[derive(Debug, Clone)]
pub struct Number<'a> {
    value: f64,
    /// As it is written, where the double next to it is another number; else empty.
    literal: Cow<'a, str>,
}

impl<'a> Number<'a> {
    /// Reads a literal that is known to be a JSON number.
    pub(crate) fn read(literal: &'a str) -> Self {
        if let Some(value) = small_integer(literal) {
            return Self::from(value);
        }
        // A JSON number always parses, if need be to infinity.
        let value: f64 = literal.parse().unwrap_or(f64::NAN);
        let kept = (literal.len() <= 15 && !literal.contains(['e', 'E']))
            || Decimal::read(literal) == Decimal::read(&format!("{value:e}"));
        Self { value, literal: Cow::Borrowed(if kept { "" } else { literal }) }
    }

    /// The number as a double, the nearest one if none holds it.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Whether a double holds the number: whether its shortest printing is the same number again.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.literal.is_empty()
    }

    /// Whether the documentation of `EventBridge` promises to compare the number.
    pub(crate) fn is_documented(&self) -> bool {
        let decimal = Decimal::read(&format!("{:e}", self.value));
        self.value.abs() <= 5e9 && decimal.digits.len() <= 15 && decimal.power >= -6
    }

    pub(crate) fn into_owned(self) -> Number<'static> {
        Number { value: self.value, literal: Cow::Owned(self.literal.into_owned()) }
    }

    pub(crate) fn write(&self, out: &mut String) {
        if self.is_exact() {
            out.push_str(&self.value.to_string());
        } else {
            out.push_str(&self.literal);
        }
    }
}

impl PartialEq<Number<'_>> for Number<'_> {
    fn eq(&self, other: &Number<'_>) -> bool {
        match (self.is_exact(), other.is_exact()) {
            (true, true) => self.value == other.value,
            (false, false) => Decimal::read(&self.literal) == Decimal::read(&other.literal),
            _ => false,
        }
    }
}

impl From<f64> for Number<'_> {
    fn from(value: f64) -> Self {
        Self { value, literal: Cow::Borrowed("") }
    }
}

impl From<u64> for Number<'_> {
    fn from(value: u64) -> Self {
        /// Up to here a double holds every integer.
        const ALL_HELD: u64 = 1 << 53;
        #[expect(clippy::cast_precision_loss, reason = "the literal is kept where it could be lost")]
        let double = value as f64;
        if value <= ALL_HELD {
            return Self::from(double);
        }
        let literal = value.to_string();
        let kept = Decimal::read(&literal) == Decimal::read(&format!("{double:e}"));
        Self { value: double, literal: if kept { Cow::Borrowed("") } else { Cow::Owned(literal) } }
    }
}

/// The common case by the shortest way: an integer of few digits.
fn small_integer(literal: &str) -> Option<u64> {
    if literal.len() > 15 {
        return None;
    }
    literal
        .bytes()
        .try_fold(0_u64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
}

/// A number as its digits without zeros at either end, times a power of ten.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    fn read(literal: &str) -> Self {
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let moved = (all.len() - digits.len()).cast_signed() - fraction.len().cast_signed();
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Self { negative: false, digits: String::new(), power: 0 };
        }
        // An exponent beyond any double may be taken for any other such.
        let edge = if exponent.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) };
        let exponent = exponent.parse().map_or(edge, |power: i32| i64::from(power));
        Self { negative, digits: digits.to_owned(), power: exponent + i64::try_from(moved).unwrap_or(0) }
    }
}
