//! A request on its own: invoked by hand, by Step Functions, or by a rule with an input transformer.

use super::{Delivery, Source};
use crate::object::Object;
use crate::request::{CancelRequest, Rules};

pub(super) fn delivery(object: &Object<'_>, rules: &Rules<'_>, id: &str) -> Delivery {
    Delivery {
        source: Source::Direct,
        id: id.to_owned(),
        group: None,
        request: CancelRequest::parse(object, rules),
    }
}
