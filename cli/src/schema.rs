//! The fields of the document that patterns see: what kind of values each has, which ones, and whether it is always
//! there.
//!
//! The job's fields are those of `JobDetail` in the API reference of AWS Batch. What stands here is used to say of a
//! test that it can never be met, so it is narrow only where that is certain.

mod job;

/// A field, or all fields of a kind of name.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Whether every document of a request for a living job has a value there.
    pub(crate) always: bool,
    /// Whether it is a list of such values.
    pub(crate) list: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Any string.
    Text,
    /// One of some strings.
    Word(Words),
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Members of its own.
    Object(&'static [Field], Others),
    /// Any JSON.
    Anything,
}

/// The strings that a field can be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) known: &'static [&'static str],
    /// Whether there can be no others, now or later.
    pub(crate) complete: bool,
    /// Strings that the field has elsewhere, but in no document, and why.
    pub(crate) never: Option<(&'static [&'static str], &'static str)>,
}

/// The members of an object that have no entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Others {
    /// There are none.
    None,
    /// This version does not know them.
    Unknown,
    /// Each name is the user's own, dots included, and holds a string.
    Texts,
    /// Any JSON.
    Anything,
}

/// What is known of a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) shape: Shape,
    pub(crate) always: bool,
    /// Whether there may be a list on the way to it, or at its end: several values at once.
    pub(crate) many: bool,
    /// Whether it is a field that this version does not know.
    pub(crate) unknown: bool,
}

/// That a field is there only while another has one of some values.
#[derive(Debug)]
pub(crate) struct Bond {
    pub(crate) field: &'static str,
    pub(crate) needs: &'static str,
    pub(crate) among: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// Fields that depend on others.
pub(crate) static BONDS: [Bond; 7] = [
    Bond {
        field: "runningSeconds",
        needs: "job.status",
        among: &["STARTING", "RUNNING"],
        why: "only a job that has started has it",
    },
    came_by("requestedBy.senderId", &["sqs"], "only SQS says who sent a message"),
    came_by("requestedBy.queueArn", &["sqs"], "only messages of SQS have a queue"),
    came_by("requestedBy.topicArn", &["sns"], "only notifications of SNS have a topic"),
    came_by("requestedBy.eventSource", &["eventbridge"], "only events of EventBridge have it"),
    came_by("requestedBy.detailType", &["eventbridge"], "only events of EventBridge have it"),
    came_by("requestedBy.account", &["eventbridge"], "only events of EventBridge have it"),
];

/// Two fields that always have the same value.
pub(crate) const TWINS: [&str; 2] = ["source", "requestedBy.source"];

const fn came_by(field: &'static str, among: &'static [&'static str], why: &'static str) -> Bond {
    Bond { field, needs: "source", among, why }
}

impl Field {
    /// A field that is there in every document.
    const fn always(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, always: true, list: false }
    }

    /// A field that may be absent.
    const fn maybe(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, always: false, list: false }
    }

    /// A list, which may be absent or empty.
    const fn list(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, always: false, list: true }
    }
}

const SOURCE: Shape = words(&["sqs", "sns", "eventbridge", "direct"], true);

const fn words(known: &'static [&'static str], complete: bool) -> Shape {
    Shape::Word(Words { known, complete, never: None })
}

static ROOT: [Field; 9] = [
    Field::always("action", words(&["cancel", "terminate"], true)),
    Field::always("reason", Shape::Text),
    Field::always("dryRun", Shape::Bool),
    // Batch says of every job when it was created.
    Field::always("ageSeconds", Shape::Number),
    Field::maybe("runningSeconds", Shape::Number),
    Field::always("source", SOURCE),
    Field::maybe("metadata", Shape::Object(&[], Others::Anything)),
    Field::always("requestedBy", Shape::Object(&REQUESTED_BY, Others::None)),
    Field::always("job", Shape::Object(&job::JOB, Others::Unknown)),
];

static REQUESTED_BY: [Field; 8] = [
    Field::always("source", SOURCE),
    Field::always("id", Shape::Text),
    Field::maybe("senderId", Shape::Text),
    Field::maybe("queueArn", Shape::Text),
    Field::maybe("topicArn", Shape::Text),
    Field::maybe("eventSource", Shape::Text),
    Field::maybe("detailType", Shape::Text),
    Field::maybe("account", Shape::Text),
];

/// What is known of a dotted path.
pub(crate) fn find(path: &str) -> Found {
    let mut found =
        Found { shape: Shape::Object(&ROOT, Others::None), always: true, many: false, unknown: false };
    let mut rest = Some(path);
    while let Some(path) = rest {
        let Shape::Object(members, others) = found.shape else {
            // Nothing is known below a value; the policy's own reader refuses it where it is certain.
            return Found { shape: Shape::Anything, always: false, many: true, unknown: false };
        };
        let (name, below) = path.split_once('.').map_or((path, None), |(name, below)| (name, Some(below)));
        if let Some(field) = members.iter().find(|field| field.name == name) {
            found = Found {
                shape: field.shape,
                always: found.always && field.always,
                many: found.many || field.list,
                unknown: false,
            };
            rest = below;
            continue;
        }
        let (shape, many) = match others {
            Others::Texts => (Shape::Text, found.many),
            Others::None | Others::Unknown | Others::Anything => (Shape::Anything, true),
        };
        return Found { shape, always: false, many, unknown: matches!(others, Others::Unknown) };
    }
    found
}

/// The names of the known members of an object; of the document itself, for an empty path.
pub(crate) fn members(path: &str) -> Vec<&'static str> {
    let shape = if path.is_empty() { Shape::Object(&ROOT, Others::None) } else { find(path).shape };
    match shape {
        Shape::Object(members, _) => members.iter().map(|field| field.name).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_what_is_known() {
        let check = |path: &str, shape: &str, always: bool, many: bool| {
            let found = find(path);
            let name = format!("{:?}", found.shape);
            let name = name.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            assert_eq!((name.as_str(), found.always, found.many), (shape, always, many), "{path}");
        };
        check("action", "Word", true, false);
        check("runningSeconds", "Number", false, false);
        check("requestedBy.id", "Text", true, false);
        check("requestedBy.senderId", "Text", false, false);
        check("job", "Object", true, false);
        check("job.tags", "Object", false, false);
        check("job.tags.k8s.io/name", "Text", false, false);
        check("job.status", "Word", true, false);
        check("job.createdAt", "Number", true, false);
        check("job.container.environment", "Object", false, true);
        check("job.container.environment.name", "Text", false, true);
        check("job.container.command", "Text", false, true);
        check("job.someDay.there", "Anything", false, true);
        check("metadata.run", "Anything", false, true);
        assert!(find("job.someDay").unknown && find("job.someDay.there").unknown);
        assert!(!find("job.eksProperties.podProperties").unknown && !find("metadata.run").unknown);
    }

    #[test]
    fn bonds_and_twins_name_fields_that_exist() {
        let names = BONDS.iter().flat_map(|bond| [bond.field, bond.needs]).chain(TWINS);
        for name in names {
            assert!(!matches!(find(name).shape, Shape::Anything), "{name}");
        }
        for bond in &BONDS {
            let Shape::Word(words) = find(bond.needs).shape else { panic!("{} has no words", bond.needs) };
            assert!(bond.among.iter().all(|word| words.known.contains(word)), "{bond:?}");
            assert!(!find(bond.field).always, "{bond:?}");
        }
    }

    #[test]
    fn the_schema_knows_what_a_policy_may_ask_about() {
        for field in ROOT.iter().filter(|field| !matches!(field.shape, Shape::Object(..))) {
            let policy = format!(r#"{{"deny": [{{"id": "a", "when": {{"{}": [1]}}}}]}}"#, field.name);
            assert!(batch_canceller::policy::Policy::parse(&policy).is_ok(), "{}", field.name);
        }
        for (object, members) in [("requestedBy", &REQUESTED_BY[..]), ("job", &job::JOB[..])] {
            for field in members {
                let when = format!(r#"{{"{object}": {{"{}": [1]}}}}"#, field.name);
                let policy = format!(r#"{{"deny": [{{"id": "a", "when": {when}}}]}}"#);
                assert!(batch_canceller::policy::Policy::parse(&policy).is_ok(), "{object}.{}", field.name);
            }
        }
    }
}
