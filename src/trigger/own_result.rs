//! This function's own result events, which are no requests though they have the members of one.
//!
//! A rule that is too wide brings them back. Taken for a request, each would make another without an end; and what is
//! said of one here makes no event again.

use crate::object::Object;
use crate::request::Rejection;

/// The members that tell a result's `detail`: together, no producer has them.
pub(super) fn matches(object: &Object<'_>) -> bool {
    ["schemaVersion", "outcome", "requestedBy"].iter().all(|name| object.get(name).is_some())
}

/// What is said of one.
pub(crate) fn rejection() -> Rejection {
    Rejection::new(
        "detail",
        "is a result of this function's, and no request",
        "let the rule match the detail type `Batch Job Cancellation Requested` only",
    )
}
