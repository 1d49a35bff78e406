//! What a request may say, parsed into types that cannot hold anything else.

mod fields;
mod job_id;
mod reason;
mod rejection;
mod sweep;

use std::borrow::Cow;
use std::sync::Arc;

use event_pattern::{Class, Document, FieldHook, Pattern, PatternError, Reading};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::object::{Object, array, kind, string};
use crate::policy;

pub(crate) use fields::{caution, shown};
pub use job_id::JobId;
pub(crate) use job_id::service_job;
pub use reason::{MAX_REASON_CHARS, Reason};
pub use rejection::Rejection;
pub use sweep::{KeepNewest, ListingOf, MAX_SWEPT_JOBS, Sweep};

/// Largest `metadata`, in bytes of compact JSON.
pub const MAX_METADATA_BYTES: usize = 4096;

/// Longest pattern in a request, in characters: EventBridge's own limit.
pub const MAX_PATTERN_CHARS: usize = 2048;

/// Most fields of a pattern in a request, those of all combinations of its `$or` branches counted: a payload may bring thousands.
const MAX_PATTERN_FIELDS: usize = 256;

/// The place of a mistake in a pattern is made of names, which may be long.
const MAX_PLACE_CHARS: usize = 256;

/// Most ids in one `jobIds`: each gets a result and a log line of its own.
pub const MAX_JOB_IDS: usize = 1000;

/// A well-formed request: what to do, to which jobs, and why.
#[derive(Debug, Clone)]
pub struct CancelRequest {
    /// The jobs asked for, in their order. One result each. None where they are to be found by a sweep.
    pub jobs: Vec<JobId>,
    /// What the jobs look like that are to be found.
    pub sweep: Option<Arc<Sweep>>,
    /// Why; Batch stores it as the job's `statusReason`.
    pub reason: Reason,
    /// Which of Batch's two verbs.
    pub action: Action,
    /// Look and decide, but change nothing.
    pub dry_run: bool,
    /// What must still hold of a job just before it is stopped.
    pub expect: Option<Arc<Pattern>>,
    /// The producer's own data, echoed in each result.
    pub metadata: Option<Arc<RawValue>>,
}

impl CancelRequest {
    /// Reads a request from a JSON object.
    ///
    /// Members it does not know are the producer's own and are ignored, unless one equals a known name but
    /// for case, `_`, `-` or the like: nobody may believe in a `dry_run` that was never read.
    ///
    /// # Errors
    ///
    /// The first field that is missing or wrong, what is wrong with it, and the remedy.
    pub(crate) fn parse(object: &Object<'_>, rules: &Rules<'_>) -> Result<Self, Rejection> {
        Self::parse_or(object, rules, None)
    }

    /// Reads a request from an object that need not say why, given a reason to fall back on.
    pub(crate) fn parse_or(
        object: &Object<'_>,
        rules: &Rules<'_>,
        fallback: Option<&str>,
    ) -> Result<Self, Rejection> {
        fields::reject_near_misses(object)?;
        let action = action(object, rules)?;
        let sweep = match object.get("sweep") {
            Some(_) if object.get("jobId").or(object.get("jobIds")).is_some() => {
                return Err(Rejection::new("sweep", "is given together with job ids", "give one of the two"));
            }
            Some(value) => Some(Arc::new(Sweep::parse(value, object, action, rules)?)),
            None => None,
        };
        Ok(Self {
            jobs: if sweep.is_some() { Vec::new() } else { jobs(object, rules)? },
            sweep,
            reason: reason(object, fallback)?,
            action,
            dry_run: dry_run(object)?,
            expect: expect(object)?,
            metadata: metadata(object)?,
        })
    }

    /// Whether an object says, or nearly says, which jobs it is about.
    pub(crate) fn names_jobs(object: &Object<'_>) -> bool {
        let names = |field| matches!(field, "jobId" | "jobIds" | "sweep");
        object.keys().any(|name| fields::known(name).is_some_and(names))
    }

    /// Whether an object is meant as a request: it has a member that is, or nearly is, a request's.
    pub(crate) fn matches(object: &Object<'_>) -> bool {
        object.keys().any(|name| fields::known(name).is_some())
    }
}

fn jobs(object: &Object<'_>, rules: &Rules<'_>) -> Result<Vec<JobId>, Rejection> {
    const ONE_JOB: &str =
        "give the job's id, an array child as `id:index`, a node as `id#index`, or a job ARN";
    match (object.get("jobId"), object.get("jobIds")) {
        (Some(_), Some(_)) => {
            Err(Rejection::new("jobIds", "is given together with `jobId`", "give one of the two"))
        }
        (None, None) => Err(Rejection::new("jobId", "is missing", ONE_JOB)),
        (Some(value), None) => match string(value) {
            Some(text) => JobId::parse(&text, rules).map(|id| vec![id]).map_err(|wrong| wrong.at("jobId")),
            None => Err(Rejection::new("jobId", not_a_string(value), ONE_JOB)),
        },
        (None, Some(value)) => {
            let remedy = "give a list of job ids, or one id as `jobId`";
            let Some(list) = array(value) else {
                return Err(Rejection::new("jobIds", format!("is {}, not a list", kind(value)), remedy));
            };
            if list.is_empty() {
                return Err(Rejection::new("jobIds", "is empty", remedy));
            }
            if list.len() > MAX_JOB_IDS {
                let problem = format!("has {} ids, more than {MAX_JOB_IDS}", list.len());
                return Err(Rejection::new("jobIds", problem, "spread them over several requests"));
            }
            let one = |(index, value): (usize, &RawValue)| {
                let field = format!("jobIds[{index}]");
                match string(value) {
                    Some(text) => JobId::parse(&text, rules).map_err(|wrong| wrong.at(field)),
                    None => Err(Rejection::new(field, not_a_string(value), ONE_JOB)),
                }
            };
            list.into_iter().enumerate().map(one).collect()
        }
    }
}

fn reason(object: &Object<'_>, fallback: Option<&str>) -> Result<Reason, Rejection> {
    let Some(value) = object.get("reason") else {
        return fallback.and_then(Reason::new).ok_or_else(no_reason);
    };
    match string(value) {
        Some(text) => Reason::new(&text).ok_or_else(no_reason),
        None => Err(no_reason().because(not_a_string(value))),
    }
}

fn not_a_string(value: &RawValue) -> String {
    match kind(value) {
        "a string" => "is not valid Unicode".into(),
        other => format!("is {other}, not a string"),
    }
}

fn no_reason() -> Rejection {
    Rejection::new("reason", "is missing or empty", "say why the job is stopped, in 1 to 1024 characters")
}

fn action(object: &Object<'_>, rules: &Rules<'_>) -> Result<Action, Rejection> {
    let remedy = "give \"cancel\" (the default) or \"terminate\"";
    let Some(value) = object.get("action") else {
        return Ok(Action::Cancel);
    };
    match string(value).as_deref() {
        Some("cancel") => Ok(Action::Cancel),
        Some("terminate") if rules.allow_terminate => Ok(Action::Terminate),
        Some("terminate") => Err(Rejection::new(
            "action",
            "is \"terminate\", which this deployment does not allow",
            "set ALLOW_TERMINATE=true on the function, or ask for \"cancel\"",
        )),
        Some(_) => Err(Rejection::new("action", "is neither \"cancel\" nor \"terminate\"", remedy)),
        None => Err(Rejection::new("action", not_a_string(value), remedy)),
    }
}

fn dry_run(object: &Object<'_>) -> Result<bool, Rejection> {
    match object.get("dryRun").map(|value| (value.get(), value)) {
        None | Some(("false", _)) => Ok(false),
        Some(("true", _)) => Ok(true),
        Some((_, value)) => Err(Rejection::new(
            "dryRun",
            format!("is {}, not a boolean", kind(value)),
            "give true or false, without quotes",
        )),
    }
}

fn expect(object: &Object<'_>) -> Result<Option<Arc<Pattern>>, Rejection> {
    const REMEDY: &str = "give an event pattern over the job, such as {\"status\": [\"RUNNABLE\"]}";
    let Some(value) = object.get("expect") else {
        return Ok(None);
    };
    pattern(value, "expect", Some(&policy::of_expect), REMEDY).map(Some)
}

/// Reads a pattern that stands at `place` in a request, about such fields.
fn pattern(
    value: &RawValue,
    place: &str,
    field: Option<&FieldHook<'_>>,
    remedy: &'static str,
) -> Result<Arc<Pattern>, Rejection> {
    let chars = value.get().chars().count();
    if chars > MAX_PATTERN_CHARS {
        let problem = format!("has {chars} characters");
        return Err(Rejection::new(place.to_owned(), problem, "give a pattern of at most 2048"));
    }
    let reading =
        Reading { strict: true, most_leaves: Some(MAX_PATTERN_FIELDS), field, ..Reading::default() };
    Pattern::parse_with(value.get(), &reading).map(Arc::new).map_err(|error| {
        let error = error.within(place);
        let place: String = error.place().chars().take(MAX_PLACE_CHARS).collect();
        Rejection::new(place, problem(&error), remedy)
    })
}

/// What is wrong with a pattern, without repeating any of its values.
fn problem(error: &PatternError) -> Cow<'static, str> {
    let problem = match error.class() {
        // These name what is known and was probably meant.
        Class::Field | Class::UnknownOperator if error.problem().contains("did you mean") => None,
        Class::Field if error.problem().contains("looks like one") => None,
        Class::Field => {
            Some("is not a field that can be asked about so: a job's members stand at the top of `expect`")
        }
        Class::UnknownOperator => Some("is not an operator of event patterns"),
        Class::NotJson | Class::NotObject => Some("is not an object"),
        Class::EmptyObject => Some("is empty, and asks nothing"),
        Class::EmptyArray => Some("is an empty list, which nothing meets"),
        Class::NotArray => Some("is not a list of values"),
        Class::BadValue => Some("has a list within a list"),
        Class::Expression => Some("is not one operator with its operand"),
        Class::Numeric => Some("is not a comparison such as [\">\", 600]"),
        Class::Number => Some("has a number that no double holds"),
        Class::Wildcard => Some("has stars or backslashes that a wildcard does not take"),
        Class::Cidr => Some("is not a block of addresses"),
        Class::Or => Some("is not an `$or` of two or more objects of fields"),
        Class::Limit => Some("asks for more than 256 fields, over all its combinations"),
        Class::Duplicate => Some("is written twice: write it once"),
        _ => Some("has an operand that its operator does not take"),
    };
    problem.map_or_else(|| error.problem().to_owned().into(), Cow::Borrowed)
}

fn metadata(object: &Object<'_>) -> Result<Option<Arc<RawValue>>, Rejection> {
    let remedy = "give a JSON object of at most 4096 bytes";
    let Some(value) = object.get("metadata") else {
        return Ok(None);
    };
    if !value.get().starts_with('{') {
        return Err(Rejection::new("metadata", format!("is {}, not an object", kind(value)), remedy));
    }
    let compact = RawValue::from_string(without_white_space(value.get()));
    let compact = compact.map_err(|_| Rejection::new("metadata", "cannot be read", remedy))?;
    match compact.get().len() {
        0..=MAX_METADATA_BYTES => match Document::new().json("metadata", compact.get()) {
            Ok(()) => Ok(Some(compact.into())),
            // A policy could not read it either, and would take it for absent.
            Err(error) => Err(Rejection::new("metadata", format!("cannot be read: {error}"), remedy)),
        },
        bytes => Err(Rejection::new("metadata", format!("has {bytes} bytes"), remedy)),
    }
}

/// JSON as it was written, but on one line: a line break in it would break a log line in two.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keeps = in_string || !c.is_ascii_whitespace();
        in_string ^= *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        keeps
    };
    json.chars().filter(keep).collect()
}

/// What the surroundings allow a request to ask for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'a> {
    /// The region this function calls Batch in, where known.
    pub region: Option<&'a str>,
    /// The account this function runs in, where known.
    pub account: Option<&'a str>,
    /// Whether this deployment lets requests terminate started work.
    pub allow_terminate: bool,
}

impl Rules<'_> {
    /// That `region` is this function's, where that is known.
    pub(crate) fn check_region(&self, region: &str) -> Result<(), Rejection> {
        is_ours("region", region, self.region)
    }

    /// That `account` is this function's, where that is known.
    pub(crate) fn check_account(&self, account: &str) -> Result<(), Rejection> {
        is_ours("account", account, self.account)
    }
}

/// Ids of another region or account mean nothing here, and Batch would accept a cancel of them all the same.
fn is_ours(what: &str, theirs: &str, ours: Option<&str>) -> Result<(), Rejection> {
    /// Longer than every region and account.
    const MAX_CHARS: usize = 64;
    let Some(ours) = ours.filter(|ours| *ours != theirs) else {
        return Ok(());
    };
    let plain = theirs.len() <= MAX_CHARS && theirs.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let theirs = if plain { format!("{what} `{theirs}`") } else { format!("another {what}") };
    Err(Rejection::new(
        "",
        format!("is of {theirs}, but this function works in {what} `{ours}`"),
        format!("send it to a function in {theirs}"),
    ))
}

/// Batch's two verbs for stopping a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// `CancelJob`: stops what has not started, never what has.
    Cancel,
    /// `TerminateJob`: stops started work too.
    Terminate,
}

impl Action {
    /// The verb as requests and results write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> =
        Rules { region: Some("eu-west-1"), account: Some("123456789012"), allow_terminate: false };

    fn parse_with(json: &str, rules: &Rules<'_>) -> Result<CancelRequest, String> {
        let json: &RawValue = serde_json::from_str(json).unwrap();
        let object = Object::of(json).unwrap();
        CancelRequest::parse(&object, rules).map_err(|rejection| rejection.to_string())
    }

    fn parse(json: &str) -> Result<CancelRequest, String> {
        parse_with(json, &RULES)
    }

    #[test]
    fn reads_a_plain_request() {
        let request = parse(r#"{"jobId": " a-1 ", "reason": "\tToo late. ", "team": "etl"}"#).unwrap();
        assert_eq!(request.jobs, [JobId::from("a-1")]);
        assert_eq!(request.reason.as_str(), "Too late.");
        assert_eq!((request.action, request.dry_run), (Action::Cancel, false));
        assert!(!request.reason.truncated() && request.metadata.is_none());
    }

    #[test]
    fn reads_every_field() {
        let allowed = Rules { allow_terminate: true, ..RULES };
        let json = r#"{"jobIds": ["a:3", "b#0"], "reason": "r", "action": "terminate", "dryRun": true,
                       "metadata": {"run": 42,
                                    "team": "e\" \\ tl", "big": 123456789012345678901234567890, "a": 1.10},
                       "expect": null}"#;
        let request = parse_with(json, &allowed).unwrap();
        assert_eq!(request.jobs, ["a:3", "b#0"].map(JobId::from));
        assert_eq!((request.action, request.dry_run), (Action::Terminate, true));
        assert_eq!(
            request.metadata.unwrap().get(),
            r#"{"run":42,"team":"e\" \\ tl","big":123456789012345678901234567890,"a":1.10}"#
        );
    }

    #[test]
    fn names_the_field_what_is_wrong_and_the_remedy() {
        let check = |json: &str, parts: [&str; 3]| {
            let rejection = parse(json).unwrap_err();
            for part in parts {
                assert!(rejection.contains(part), "{json}: {rejection:?} lacks {part:?}");
            }
        };
        check(r#"{"reason": "r"}"#, ["`jobId`", "missing", "id:index"]);
        check(r#"{"jobId": null, "reason": "r"}"#, ["`jobId`", "missing", "ARN"]);
        check(r#"{"jobId": "  ", "reason": "r"}"#, ["`jobId`", "empty", "give"]);
        check(r#"{"jobId": 7, "reason": "r"}"#, ["`jobId`", "a number", "give"]);
        check(r#"{"jobId": "a", "jobIds": ["b"], "reason": "r"}"#, ["`jobIds`", "`jobId`", "one of the two"]);
        check(r#"{"jobIds": [], "reason": "r"}"#, ["`jobIds`", "empty", "list"]);
        check(r#"{"jobIds": "a", "reason": "r"}"#, ["`jobIds`", "a string", "list"]);
        check(r#"{"jobIds": ["a", 5], "reason": "r"}"#, ["`jobIds[1]`", "a number", "give"]);
        check(r#"{"jobIds": ["a", ""], "reason": "r"}"#, ["`jobIds[1]`", "empty", "give"]);
        check(
            r#"{"jobIds": ["a", "b", "c", "<id>"], "reason": "r"}"#,
            ["`jobIds[3]`", "placeholder", "check"],
        );
        let many = format!(r#"{{"jobIds": [{}"a"], "reason": "r"}}"#, r#""a","#.repeat(1000));
        check(&many, ["`jobIds`", "1001", "several requests"]);
        assert!(parse(&many.replacen(r#""a","#, "", 1)).is_ok());
        check(r#"{"jobId": "a\u0000b", "reason": "r"}"#, ["`jobId`", "control character", "give"]);
        check(r#"{"jobId": "\ud800", "reason": "r"}"#, ["`jobId`", "Unicode", "give"]);
        check(r#"{"jobId": "a"}"#, ["`reason`", "missing", "say why"]);
        check(r#"{"jobId": "a", "reason": "\n "}"#, ["`reason`", "empty", "say why"]);
        check(r#"{"jobId": "a", "reason": {}}"#, ["`reason`", "an object", "say why"]);
        check(r#"{"jobId": "a", "reason": "r", "action": "kill"}"#, ["`action`", "neither", "\"cancel\""]);
        check(r#"{"jobId": "a", "reason": "r", "action": true}"#, ["`action`", "a boolean", "\"cancel\""]);
        check(
            r#"{"jobId": "a", "reason": "r", "action": "terminate"}"#,
            ["`action`", "not allow", "ALLOW_TERMINATE"],
        );
        check(
            r#"{"jobId": "a", "reason": "r", "dryRun": "true"}"#,
            ["`dryRun`", "a string", "without quotes"],
        );
        check(r#"{"jobId": "a", "reason": "r", "dryRun": 1}"#, ["`dryRun`", "a number", "true or false"]);
        check(r#"{"jobId": "a", "reason": "r", "metadata": []}"#, ["`metadata`", "an array", "object"]);
        check(r#"{"jobId": "a", "reason": "r", "expect": {}}"#, ["`expect`", "asks nothing", "such as"]);
        check(
            r#"{"jobId": "a", "reason": "r", "expect": {"status": "RUNNABLE"}}"#,
            ["`expect.status`", "list", "such as"],
        );
        check(
            r#"{"jobId": "a", "reason": "r", "expect": {"statusReason": [{"prefx": "M"}]}}"#,
            ["`expect.statusReason[0].prefx`", "`prefix`", "such as"],
        );
        check(
            r#"{"jobId": "a", "reason": "r", "expect": {"job": {"status": ["RUNNABLE"]}}}"#,
            ["`expect.job.status`", "at the top", "such as"],
        );
        check(
            r#"{"jobId": "a", "reason": "r", "sweep": {}}"#,
            ["`sweep`", "together with job ids", "one of the two"],
        );
        check(r#"{"reason": "r", "sweep": {}}"#, ["`sweep.jobQueue`", "missing", "`arrayJobId`"]);
        check(r#"{"jobId": "a", "reason": "r", "reason": "s"}"#, ["`reason`", "twice", "once"]);
        let large =
            format!(r#"{{"jobId": "a", "reason": "r", "metadata": {{"x": "{}"}}}}"#, "y".repeat(4089));
        check(&large, ["`metadata`", "4097 bytes", "4096"]);
    }

    #[test]
    fn metadata_that_no_policy_could_read_is_rejected() {
        let deep = format!("{{\"env\": \"prod\", \"x\": {}{}}}", "[".repeat(200), "]".repeat(200));
        for (metadata, problem) in [
            (r#"{"env": "prod", "x": 1, "x": 2}"#, "a key twice"),
            (r#"{"env": "prod", "x": [{"y": 1, "\u0079": 2}]}"#, "a key twice"),
            (r#"{"env": "prod", "x": "\ud800"}"#, "surrogate"),
            (&deep, "128 levels"),
        ] {
            let json = format!(r#"{{"jobId": "a", "reason": "r", "metadata": {metadata}}}"#);
            let rejection = parse(&json).unwrap_err();
            assert!(rejection.contains("`metadata`") && rejection.contains(problem), "{rejection}");
            assert!(!rejection.contains("prod"), "{rejection}");
        }
    }

    #[test]
    fn an_expectation_of_few_letters_takes_little_memory() {
        let or = |field: char| {
            let branches: Vec<_> = ('a'..='j').map(|name| format!("{{\"{name}\": [1]}}")).collect();
            format!("\"{field}\": {{\"$or\": [{}]}}", branches.join(", "))
        };
        let expecting = |expect: &str| format!(r#"{{"jobId": "a", "reason": "r", "expect": {{{expect}}}}}"#);
        assert!(parse(&expecting(&or('x'))).is_ok());
        // Two hundred fields in a hundred combinations of two, and three thousand in a thousand.
        assert!(parse(&expecting(&[or('x'), or('y')].join(", "))).is_ok());
        let rejection = parse(&expecting(&[or('x'), or('y'), or('z')].join(", "))).unwrap_err();
        assert!(rejection.contains("`expect") && rejection.contains("more than 256 fields"), "{rejection}");
    }

    #[test]
    fn what_resembles_a_field_is_never_ignored() {
        let misspelt = [
            ("dryrun", "dryRun"),
            ("dry_run", "dryRun"),
            ("DRY-RUN", "dryRun"),
            ("Action", "action"),
            ("JobID", "jobId"),
            ("job_ids", "jobIds"),
            ("Reason", "reason"),
            ("meta_data", "metadata"),
            ("Expect", "expect"),
            ("dryRun ", "dryRun"),
            ("dry run", "dryRun"),
        ];
        for (name, right) in misspelt {
            let rejection =
                parse(&format!(r#"{{"jobId": "a", "reason": "r", "{name}": true}}"#)).unwrap_err();
            assert!(rejection.contains(&format!("`{name}`")), "{rejection}");
            assert!(rejection.contains(&format!("write `{right}`")), "{rejection}");
        }
        assert!(parse(r#"{"jobId": "a", "reason": "r", "dryRunner": 1, "jobName": "x", "job": 1}"#).is_ok());
    }

    #[test]
    fn a_rejection_never_repeats_a_value() {
        let json = r#"{"jobId": "a", "reason": "r", "action": "SECRET"}"#;
        assert!(!parse(json).unwrap_err().contains("SECRET"));
    }
}
