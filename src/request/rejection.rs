//! Why a delivery holds no request that could be carried out.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// What is wrong with a request, where, and the remedy.
///
/// Never repeats what a message says, neither names nor values, since it is logged; except the region and
/// account of an ARN or of an event, and a misspelt name of a field that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    field: Cow<'static, str>,
    problem: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

impl Rejection {
    pub(crate) fn new(
        field: impl Into<Cow<'static, str>>,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// The same problem, found in another field.
    pub(crate) fn at(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = field.into();
        self
    }

    /// The same field, with another problem.
    pub(super) fn because(mut self, problem: impl Into<Cow<'static, str>>) -> Self {
        self.problem = problem.into();
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, problem, remedy } = self;
        write!(f, "`{field}` {problem}: {remedy}")
    }
}

impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
