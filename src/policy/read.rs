//! How a policy is read: every member is known, stands once, and means something.

use std::sync::Arc;

use event_pattern::{Pattern, PatternError, Reading};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    Clause, IMPLICIT_ALLOW, IMPLICIT_DENY, MAX_PER_INVOCATION, MaxPerInvocation, Mode, Policy, fields,
    nearest,
};
use crate::object::{Json, Object, array, kind, string};

/// Most characters of a clause's id, which stands in every result.
const MAX_ID_CHARS: usize = 128;

/// What is wrong with a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no policy document.
    #[error("{0}")]
    Document(String),
    /// A member of it cannot be used.
    #[error("{place}: {problem}")]
    Member {
        /// Which, as `deny[1].id`.
        place: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A pattern cannot be used. It says where.
    #[error("{0}")]
    Pattern(PatternError),
}

fn wrong(place: impl Into<String>, problem: impl Into<String>) -> PolicyError {
    PolicyError::Member { place: place.into(), problem: problem.into() }
}

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    let json = Json::parse(text.trim_start_matches('\u{feff}'));
    let json = json.map_err(|error| PolicyError::Document(format!("it is not JSON: {error}")))?;
    let Json::Object(object) = json else {
        return Err(PolicyError::Document("it is not a JSON object".into()));
    };
    check_names(&object, "", &["mode", "allow", "deny", "maxPerInvocation"])?;
    let mut policy = Policy {
        mode: Mode::Enforce,
        deny: Vec::new(),
        allow: Vec::new(),
        max_per_invocation: None,
        implicit: IMPLICIT_ALLOW.into(),
        sha256: hex::encode(Sha256::digest(text)),
    };
    for (name, value) in object.members() {
        match name {
            "mode" => policy.mode = mode(value)?,
            "allow" => policy.allow = clauses("allow", value)?,
            "deny" => policy.deny = clauses("deny", value)?,
            _ => policy.max_per_invocation = Some(max_per_invocation(value)?),
        }
    }
    if object.members().next().is_none() {
        return Err(PolicyError::Document(
            "it is empty, and would allow everything: leave it out for that".into(),
        ));
    }
    if !policy.allow.is_empty() {
        policy.implicit = IMPLICIT_DENY.into();
    }
    let mut ids: Vec<&str> = policy.deny.iter().chain(&policy.allow).map(Clause::id).collect();
    ids.sort_unstable();
    if let Some([id, _]) = ids.windows(2).find(|pair| pair.first() == pair.last()) {
        let place = |effect: &str, clauses: &[Clause]| {
            let places: Vec<_> =
                clauses.iter().enumerate().filter(|(_, clause)| clause.id() == *id).collect();
            places.last().map(|(place, _)| format!("{effect}[{place}].id"))
        };
        let place = place("deny", &policy.deny).or_else(|| place("allow", &policy.allow));
        return Err(wrong(
            place.unwrap_or_default(),
            format!("`{id}` is the id of another clause too: give each its own"),
        ));
    }
    Ok(policy)
}

/// That an object has known members only, each once.
fn check_names(object: &Object<'_>, place: &str, known: &[&str]) -> Result<(), PolicyError> {
    let mut seen: Vec<&str> = Vec::new();
    for name in object.keys() {
        let at = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        if !known.contains(&name) {
            let remedy = match nearest(name, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            return Err(wrong(at, format!("is not a field: {remedy}")));
        }
        if seen.contains(&name) {
            return Err(wrong(at, "is written twice: write it once"));
        }
        seen.push(name);
    }
    Ok(())
}

fn mode(value: &RawValue) -> Result<Mode, PolicyError> {
    match string(value).as_deref() {
        Some("enforce") => Ok(Mode::Enforce),
        Some("dry-run") => Ok(Mode::DryRun),
        _ => Err(wrong("mode", "is neither \"enforce\" (the default) nor \"dry-run\"")),
    }
}

fn max_per_invocation(value: &RawValue) -> Result<MaxPerInvocation, PolicyError> {
    match value.get().parse() {
        Ok(jobs) if jobs > 0 => Ok(MaxPerInvocation { jobs, clause: MAX_PER_INVOCATION.into() }),
        _ => Err(wrong("maxPerInvocation", "is not a whole number of at least 1")),
    }
}

fn clauses(effect: &str, value: &RawValue) -> Result<Vec<Clause>, PolicyError> {
    let list = array(value).ok_or_else(|| {
        wrong(effect, format!("is {}, not a list of clauses with `id` and `when`", kind(value)))
    })?;
    if list.is_empty() {
        return Err(wrong(effect, "has no clauses: give some, or leave it out"));
    }
    let one = |(place, value)| clause(&format!("{effect}[{place}]"), value);
    list.into_iter().enumerate().map(one).collect()
}

fn clause(place: &str, value: &RawValue) -> Result<Clause, PolicyError> {
    let object = Object::of(value)
        .ok_or_else(|| wrong(place, format!("is {}, not a clause with `id` and `when`", kind(value))))?;
    check_names(&object, place, &["id", "when", "description"])?;
    let at = |member: &str| format!("{place}.{member}");
    let id = match object.get("id").map(|id| (string(id), id)) {
        None => return Err(wrong(at("id"), "is missing: give the clause a name, which results will show")),
        Some((None, id)) => return Err(wrong(at("id"), format!("is {}, not a string", kind(id)))),
        Some((Some(id), _)) => id,
    };
    let is_plain = |id: &str| !id.is_empty() && id.trim() == id && !id.chars().any(char::is_control);
    if !is_plain(&id) || id.chars().count() > MAX_ID_CHARS {
        return Err(wrong(
            at("id"),
            format!(
                "is empty, begins or ends with a blank, has control characters, or more than {MAX_ID_CHARS}"
            ),
        ));
    }
    if [IMPLICIT_ALLOW, IMPLICIT_DENY, MAX_PER_INVOCATION].contains(&&*id) {
        return Err(wrong(
            at("id"),
            format!("`{id}` is what results show where no clause decides: choose another"),
        ));
    }
    if object.get("description").is_some_and(|text| string(text).is_none()) {
        return Err(wrong(at("description"), "is not a string"));
    }
    let when = object.get("when").ok_or_else(|| wrong(at("when"), "is missing: give an event pattern"))?;
    let reading = Reading { strict: true, field: Some(&fields::check), ..Reading::default() };
    let when = Pattern::parse_with(when.get(), &reading)
        .map_err(|error| PolicyError::Pattern(error.within(&at("when"))))?;
    Ok(Clause { id: Arc::from(&*id), when })
}
