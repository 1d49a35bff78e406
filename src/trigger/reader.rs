//! The way through a payload, from envelope to envelope, to the requests.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::requested_by::{Recent, RequestedBy};
use super::words::{describe, encoded_twice, is_json_text, without_byte_order_mark};
use super::{Delivery, MessageGroup, Source, caution, eventbridge, invocation, own_result, sns, sqs};
use crate::object::{Json, Object, kind};
use crate::request::{CancelRequest, Rejection, Rules};

/// Most envelopes around a request in a message, and most lists in lists around messages. The deepest that is made
/// by honest means has four: SNS, Lambda's record of a failed invocation, SNS again, EventBridge.
const MAX_ENVELOPES: usize = 4;

/// Longest list: as many records as SQS puts into one batch.
const MAX_ELEMENTS: usize = 10_000;

/// Most deliveries that lists are unpacked into, so that memory is bounded for any payload: a list in a message takes
/// two bytes an element.
const MAX_DELIVERIES: usize = 2 * MAX_ELEMENTS;

/// Who sent what is being read: the same for everything in one message.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) requested_by: RequestedBy,
    pub(super) group: Option<MessageGroup>,
}

impl Sender {
    /// Somebody of whom nothing is known but the source.
    pub(super) fn of(source: Source, id: &str) -> Self {
        Self { requested_by: RequestedBy::new(source, id), group: None }
    }
}

/// Where in a payload something stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Unknown until there was an envelope of which the transport itself is the maker.
    sender: Option<&'p Sender>,
    id: &'p str,
    field: &'static str,
    index: Option<usize>,
    depth: usize,
}

impl<'p> Place<'p> {
    /// The payload itself. `id` is for deliveries that bring none.
    pub(super) fn payload(id: &'p str) -> Self {
        Self { sender: None, id, field: "payload", index: None, depth: 0 }
    }

    /// What lies in `field` of an envelope here, which `sender` sent.
    pub(super) fn inside<'s>(&self, sender: &'s Sender, field: &'static str) -> Place<'s>
    where
        'p: 's,
    {
        // The outermost envelope is the transport's, and every message has one.
        let depth = if self.sender.is_some() { self.depth + 1 } else { 0 };
        Place { sender: Some(sender), id: self.id, field, index: None, depth }
    }

    /// Who sent what stands here, told by the envelope itself if it is the transport's.
    pub(super) fn sender_or(&self, told: impl FnOnce() -> Sender) -> Cow<'p, Sender> {
        self.sender.map_or_else(|| Cow::Owned(told()), Cow::Borrowed)
    }

    pub(super) fn sender_or_direct(&self) -> Cow<'p, Sender> {
        self.sender_or(|| Sender::of(Source::Direct, self.id))
    }

    /// The id for a delivery from here that brings none.
    pub(super) fn id(&self) -> &'p str {
        self.id
    }

    fn name(&self) -> Cow<'static, str> {
        match self.index {
            None => self.field.into(),
            Some(index) => format!("{}[{index}]", self.field).into(),
        }
    }
}

/// Reads a payload into deliveries.
pub(super) struct Reader<'r> {
    rules: &'r Rules<'r>,
    recent: Recent,
    deliveries: Vec<Delivery>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(rules: &'r Rules<'r>) -> Self {
        Self { rules, recent: Recent::default(), deliveries: Vec::new() }
    }

    pub(super) fn into_deliveries(self) -> Vec<Delivery> {
        self.deliveries
    }

    pub(super) fn rules(&self) -> &'r Rules<'r> {
        self.rules
    }

    pub(super) fn recent(&mut self) -> &mut Recent {
        &mut self.recent
    }

    /// Adds a delivery. Of a sender whose name cannot be one, nothing is taken.
    pub(super) fn deliver(&mut self, sender: &Sender, request: Result<CancelRequest, Rejection>) {
        let Sender { mut requested_by, group } = sender.clone();
        let request = match requested_by.leave_out_what_is_too_long() {
            None => request,
            Some(field) => {
                let remedy = "send it through SQS, SNS or EventBridge themselves";
                Err(Rejection::new(field, "is longer than anything AWS writes there", remedy))
            }
        };
        self.deliveries.push(Delivery { requested_by, group, request });
    }

    /// Reads JSON that an envelope carries as text.
    pub(super) fn text(&mut self, text: &str, place: Place<'_>) {
        match Json::parse(without_byte_order_mark(text)) {
            Ok(json) => self.open(Envelope::of(json), place),
            Err(wrong) => {
                let problem = format!("is not JSON (line {}, column {})", wrong.line(), wrong.column());
                self.reject(place, problem);
            }
        }
    }

    /// Reads JSON that an envelope carries as such.
    pub(super) fn value(&mut self, value: &RawValue, place: Place<'_>) {
        self.open(Envelope::of(Json::of(value)), place);
    }

    /// Reads what was recognised: at least one delivery, except for an empty list that is the payload itself.
    pub(super) fn open(&mut self, envelope: Envelope<'_>, place: Place<'_>) {
        if envelope.is_wrapping() && place.depth >= MAX_ENVELOPES {
            return self.reject(place, format!("is wrapped in more than {MAX_ENVELOPES} envelopes"));
        }
        match envelope {
            Envelope::List(elements) => self.list(&elements, place),
            Envelope::Records { event, records, source } => self.records(&event, &records, source, place),
            Envelope::SqsRecord(record) => sqs::read(self, &record, place),
            Envelope::SnsRecord(record) => sns::read_record(self, &record, place),
            Envelope::SnsNotification(notification) => sns::read_notification(self, &notification, place),
            Envelope::EventBridge(event) => eventbridge::read(self, &event, place),
            Envelope::Invocation(record) => invocation::read(self, &record, place),
            Envelope::OwnResult => self.deliver(&place.sender_or_direct(), Err(own_result::rejection())),
            Envelope::Request(request) => {
                let request = CancelRequest::parse(&request, self.rules);
                self.deliver(&place.sender_or_direct(), request);
            }
            Envelope::Unknown(Json::Scalar(value)) if is_json_text(value) => {
                self.deliver(&place.sender_or_direct(), Err(encoded_twice(place.name())));
            }
            Envelope::Unknown(Json::Scalar(value)) if kind(value) != "an object" => {
                self.reject(place, "is JSON, but not an object");
            }
            Envelope::Unknown(json) => self.reject(place, format!("is not recognised ({})", describe(&json))),
        }
    }

    fn list(&mut self, elements: &[&RawValue], place: Place<'_>) {
        if elements.is_empty() && (place.sender.is_some() || place.depth > 0) {
            return self.reject(place, "is an empty list");
        }
        if !self.has_room_for(elements.len(), place) {
            return;
        }
        for (index, element) in elements.iter().enumerate() {
            let place = Place { index: Some(index), depth: place.depth + 1, ..place };
            if place.sender.is_some() {
                self.value(element, place);
            } else {
                let id = format!("{}[{index}]", place.id);
                self.value(element, Place { id: &id, ..place });
            }
        }
    }

    /// Reads each record by its own mark. One without a mark comes back alone, by its `messageId` if it has one.
    fn records(&mut self, event: &Object<'_>, records: &[&RawValue], source: Source, place: Place<'_>) {
        if !self.has_room_for(records.len(), place) {
            return;
        }
        let stray = caution::none_beside("`Records`", event).err();
        if let (Some(stray), Some(sender)) = (&stray, place.sender) {
            return self.deliver(sender, Err(stray.clone()));
        }
        for record in records {
            let record = Object::of(record);
            let mark = record.as_ref().and_then(Envelope::mark);
            let unmarked = || {
                let problem = "is neither aws:sqs nor, as `EventSource`, aws:sns in a record";
                Rejection::new("eventSource", problem, "send SQS's or SNS's own records")
            };
            match (record, mark) {
                (Some(record), Some(Source::Sqs)) if stray.is_none() => sqs::read(self, &record, place),
                (Some(record), Some(_)) if stray.is_none() => sns::read_record(self, &record, place),
                (record, mark) => {
                    let sender = place.sender_or(|| self.record_sender(record.as_ref(), mark, source, place));
                    self.deliver(&sender, Err(stray.clone().unwrap_or_else(unmarked)));
                }
            }
        }
    }

    fn record_sender(
        &mut self,
        record: Option<&Object<'_>>,
        mark: Option<Source>,
        batch: Source,
        place: Place<'_>,
    ) -> Sender {
        match (record, mark) {
            (Some(record), Some(Source::Sqs)) => sqs::sender(record, &mut self.recent),
            (Some(record), Some(_)) => sns::record_sender(record, place.id, &mut self.recent),
            (record, None) => match record.and_then(|record| record.str("messageId")) {
                Some(id) => Sender::of(Source::Sqs, &id),
                None if batch == Source::Sqs => Sender::of(Source::Sqs, ""),
                None => Sender::of(batch, place.id),
            },
            (None, Some(_)) => place.sender_or_direct().into_owned(),
        }
    }

    /// Whether so many elements may be unpacked; if not, the list is rejected as a whole.
    fn has_room_for(&mut self, elements: usize, place: Place<'_>) -> bool {
        let fits = elements <= MAX_ELEMENTS && self.deliveries.len() + elements <= MAX_DELIVERIES;
        if fits {
            self.deliveries.reserve(elements);
        } else {
            let problem = format!("is a list of {elements} elements, more than one invocation takes");
            let remedy = format!("send at most {MAX_ELEMENTS} requests at a time");
            let rejection = Rejection::new(place.name(), problem, remedy);
            self.deliver(&place.sender_or_direct(), Err(rejection));
        }
        fits
    }

    fn reject(&mut self, place: Place<'_>, problem: impl Into<Cow<'static, str>>) {
        let remedy =
            "send a request with `jobId` and `reason` as a JSON object, or an EventBridge event around one";
        let rejection = Rejection::new(place.name(), problem, remedy);
        self.deliver(&place.sender_or_direct(), Err(rejection));
    }
}
