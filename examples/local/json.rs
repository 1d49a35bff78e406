//! JSON for the eye: in the order it was written, short values on one line.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

const WIDTH: usize = 110;

/// Members that envelopes carry for transport, and that say nothing about a request.
const TRANSPORT: [&str; 29] = [
    "ApproximateFirstReceiveTimestamp",
    "MessageAttributes",
    "MessageDeduplicationId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
    "Signature",
    "SignatureVersion",
    "SigningCertURL",
    "SigningCertUrl",
    "UnsubscribeURL",
    "UnsubscribeUrl",
    "attempts",
    "container",
    "createdAt",
    "dependsOn",
    "eksAttempts",
    "jobDefinition",
    "md5OfBody",
    "messageAttributes",
    "parameters",
    "platformCapabilities",
    "propagateTags",
    "receiptHandle",
    "requestParameters",
    "responseElements",
    "retryStrategy",
    "s3",
    "userIdentity",
];

/// Lays out a whole document.
pub(crate) fn layout(json: &RawValue) -> Vec<String> {
    Node::read(json).lines()
}

/// Lays out an event: what it carries for transport is left out (`…`), and messages that are JSON in a string are
/// shown as what they say, marked `text`.
pub(crate) fn layout_event(json: &RawValue) -> Vec<String> {
    Node::read(json).abbreviated().lines()
}

enum Node {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    /// JSON in a string.
    Text(Box<Node>),
    /// Members that were left out.
    Omitted,
    /// Anything else, as it was written.
    Scalar(String),
}

impl Node {
    fn read(json: &RawValue) -> Self {
        let written = json.get();
        let node = match written.as_bytes().first() {
            Some(b'{') => serde_json::from_str::<Members<'_>>(written)
                .map(|Members(members)| Self::Object(members.into_iter().map(named).collect())),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(written)
                .map(|elements| Self::Array(elements.into_iter().map(Self::read).collect())),
            _ => Ok(Self::Scalar(written.to_owned())),
        };
        node.unwrap_or_else(|_| Self::Scalar(written.to_owned()))
    }

    fn abbreviated(self) -> Self {
        match self {
            Self::Object(members) => {
                let all = members.len();
                let mut kept: Vec<_> = members
                    .into_iter()
                    .filter(|(name, _)| !TRANSPORT.contains(&name.as_str()))
                    .map(|(name, value)| (name, value.abbreviated()))
                    .collect();
                if kept.len() < all {
                    kept.push((String::new(), Self::Omitted));
                }
                Self::Object(kept)
            }
            Self::Array(elements) => Self::Array(elements.into_iter().map(Self::abbreviated).collect()),
            Self::Scalar(written) => match embedded(&written) {
                Some(inner) => Self::Text(Box::new(inner.abbreviated())),
                None => Self::Scalar(written),
            },
            other => other,
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.write(String::new(), 0, "", &mut lines);
        lines
    }

    /// Writes the node behind `head`, on one line if it fits.
    fn write(&self, mut head: String, depth: usize, tail: &str, lines: &mut Vec<String>) {
        let indent = depth * 2;
        let inline = self.to_string();
        let fits = indent + head.chars().count() + inline.chars().count() <= WIDTH;
        match self {
            Self::Object(members) if !fits => {
                lines.push(format!("{:indent$}{head}{{", ""));
                let items = members.iter().map(|(name, value)| (label(name, value), value));
                write_all(items, depth + 1, lines);
                lines.push(format!("{:indent$}}}{tail}", ""));
            }
            Self::Array(elements) if !fits => {
                lines.push(format!("{:indent$}{head}[", ""));
                let items = elements.iter().map(|element| (String::new(), element));
                write_all(items, depth + 1, lines);
                lines.push(format!("{:indent$}]{tail}", ""));
            }
            Self::Text(inner) if !fits => {
                head.push_str("text ");
                inner.write(head, depth, tail, lines);
            }
            _ => lines.push(format!("{:indent$}{head}{inline}{tail}", "")),
        }
    }
}

/// Writes the members or elements of a node: those that fit share lines, the others have lines of their own.
fn write_all<'a>(items: impl Iterator<Item = (String, &'a Node)>, depth: usize, lines: &mut Vec<String>) {
    let indent = depth * 2;
    let mut shared = String::new();
    let mut items = items.peekable();
    while let Some((head, node)) = items.next() {
        let tail = if items.peek().is_some() { "," } else { "" };
        let inline = format!("{head}{node}{tail}");
        let width = indent + inline.chars().count();
        if width + shared.chars().count() > WIDTH {
            flush(&mut shared, indent, lines);
        }
        if width > WIDTH {
            node.write(head, depth, tail, lines);
        } else {
            shared.push_str(&inline);
            shared.push(' ');
        }
    }
    flush(&mut shared, indent, lines);
}

fn flush(shared: &mut String, indent: usize, lines: &mut Vec<String>) {
    if !shared.is_empty() {
        lines.push(format!("{:indent$}{}", "", shared.trim_end()));
        shared.clear();
    }
}

fn label(name: &str, value: &Node) -> String {
    match value {
        Node::Omitted => String::new(),
        _ => format!("{}: ", quoted(name)),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn named((name, value): (String, &RawValue)) -> (String, Node) {
    (name, Node::read(value))
}

/// The object or array that a string holds.
fn embedded(written: &str) -> Option<Node> {
    let text: String = serde_json::from_str(written).ok()?;
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<&RawValue>(&text).ok().map(Node::read)
}

/// On one line.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(members) => {
                let items = members.iter();
                let items = items.map(|(name, value)| format!("{}{value}", label(name, value)));
                write!(f, "{{{}}}", items.collect::<Vec<_>>().join(", "))
            }
            Self::Array(elements) => {
                let items = elements.iter().map(ToString::to_string);
                write!(f, "[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Self::Text(inner) => write!(f, "text {inner}"),
            Self::Omitted => f.write_str("…"),
            Self::Scalar(written) => f.write_str(written),
        }
    }
}

/// An object's members in their order, which a map would lose.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
