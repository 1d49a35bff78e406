//! Words of caution that stand beside a request instead of in it.
//!
//! Nobody reads a `dryRun` beside `Records`; but whoever put it there believes in a dry run. What it may be about is
//! rejected, so that nothing is stopped that was only to be tried.

use crate::object::Object;
use crate::request::{Rejection, caution, shown};

/// That there is no such word in an envelope beside `neighbour`.
pub(super) fn none_beside(neighbour: &str, envelope: &Object<'_>) -> Result<(), Rejection> {
    none_in(envelope, neighbour, "the request, beside its `jobId`")
}

/// The same of an EventBridge event, which tells its sender of another place for it.
pub(super) fn none_beside_detail(event: &Object<'_>) -> Result<(), Rejection> {
    none_in(event, "`detail`", "the event's `detail`")
}

/// That there is none beside `neighbour` in a message's envelope, nor in the `attributes` that its sender may give it.
pub(super) fn none_beside_message(
    neighbour: &str,
    envelope: &Object<'_>,
    attributes: &str,
) -> Result<(), Rejection> {
    none_beside(neighbour, envelope)?;
    match envelope.object(attributes) {
        Some(attributes) => none_beside("a message's attributes", &attributes),
        None => Ok(()),
    }
}

fn none_in(envelope: &Object<'_>, neighbour: &str, home: &str) -> Result<(), Rejection> {
    match caution(envelope) {
        None => Ok(()),
        Some((name, word)) => Err(Rejection::new(
            shown(name),
            format!("stands beside {neighbour}, where it has no effect, so that nothing was done"),
            format!("put `{word}` into {home}"),
        )),
    }
}
