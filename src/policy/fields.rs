//! The fields that a policy's patterns may ask about.

/// The members of a document that have no members of their own.
const PLAIN: [&str; 6] = ["action", "reason", "dryRun", "ageSeconds", "runningSeconds", "source"];

/// Its objects.
const OBJECTS: [&str; 3] = ["metadata", "requestedBy", "job"];

/// What a transport vouches for.
const REQUESTED_BY: [&str; 8] =
    ["source", "id", "senderId", "queueArn", "topicArn", "eventSource", "detailType", "account"];

/// What `DescribeJobs` is documented to show of a job (`JobDetail` in the API reference). Others may come.
const JOB: [&str; 30] = [
    "jobArn",
    "jobName",
    "jobId",
    "jobQueue",
    "status",
    "shareIdentifier",
    "schedulingPriority",
    "attempts",
    "statusReason",
    "createdAt",
    "retryStrategy",
    "startedAt",
    "stoppedAt",
    "dependsOn",
    "jobDefinition",
    "parameters",
    "container",
    "nodeDetails",
    "nodeProperties",
    "arrayProperties",
    "timeout",
    "tags",
    "propagateTags",
    "platformCapabilities",
    "eksProperties",
    "eksAttempts",
    "ecsProperties",
    "isCancelled",
    "isTerminated",
    "consumableResourceProperties",
];

/// The fields of a job that hold one value, not members of their own.
const JOB_VALUES: [&str; 15] = [
    "jobArn",
    "jobName",
    "jobId",
    "jobQueue",
    "status",
    "shareIdentifier",
    "schedulingPriority",
    "statusReason",
    "createdAt",
    "startedAt",
    "stoppedAt",
    "jobDefinition",
    "propagateTags",
    "isCancelled",
    "isTerminated",
];

/// Whether a policy's pattern may ask about the field at a dotted path.
///
/// A name outside of `job` and `metadata` must be known; within `job`, what nearly is a known name is refused, since its
/// author takes it for that, and no job would ever have it.
pub(crate) fn check(path: &str) -> Result<Option<String>, String> {
    let (first, rest) = split(path);
    match (first, rest) {
        ("metadata", Some(_)) => {}
        ("requestedBy", Some(member)) => check_member("requestedBy", member, &REQUESTED_BY, true)?,
        ("job", Some(member)) => check_job(member)?,
        (name, Some(_)) if PLAIN.contains(&name) => return Err(no_members(name)),
        (name, None) if PLAIN.contains(&name) => {}
        // A test for the object itself never holds; whether that is meant is for a tool to ask.
        (name, None) if OBJECTS.contains(&name) => {}
        (name, _) => {
            let known: Vec<&str> = PLAIN.into_iter().chain(OBJECTS).collect();
            return Err(unknown(name, &known));
        }
    }
    Ok(None)
}

/// Where the field at a dotted path of `expect` stands in the document, if elsewhere: a job's members stand at the top there.
pub(crate) fn of_expect(path: &str) -> Result<Option<String>, String> {
    if matches!(path, "ageSeconds" | "runningSeconds") {
        return Ok(None);
    }
    if let (name @ ("ageSeconds" | "runningSeconds"), Some(_)) = split(path) {
        return Err(no_members(name));
    }
    let (name, _) = split(path);
    if let Some(meant) = ["ageSeconds", "runningSeconds"].into_iter().find(|known| is_near(name, known)) {
        return Err(format!("is not a field, but looks like one: write `{meant}`"));
    }
    if name == "job" {
        return Err("is not a field of the job: its members stand at the top of `expect`".into());
    }
    check_job(path)?;
    Ok(Some(format!("job.{path}")))
}

fn check_job(path: &str) -> Result<(), String> {
    check_member("job", path, &JOB, false)?;
    match split(path) {
        (name, Some(_)) if JOB_VALUES.contains(&name) => Err(no_members(name)),
        _ => Ok(()),
    }
}

fn check_member(of: &str, path: &str, known: &[&str], closed: bool) -> Result<(), String> {
    let (name, rest) = split(path);
    if known.contains(&name) {
        return if closed && rest.is_some() { Err(no_members(name)) } else { Ok(()) };
    }
    if closed {
        return Err(unknown(name, known));
    }
    match nearest(name, known) {
        Some(meant) => Err(format!("`{name}` is not a field of `{of}`, but looks like one: write `{meant}`")),
        None => Ok(()),
    }
}

fn no_members(name: &str) -> String {
    format!("`{name}` has no members: give a list of values for it")
}

fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("`{name}` is not a field: did you mean `{meant}`?"),
        None => format!("`{name}` is not a field: known are {}", known.join(", ")),
    }
}

/// The known name that `name` was probably meant to be.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known.iter().copied().find(|known| is_near(name, known))
}

/// Whether two names differ by case and punctuation only, or by one letter in six.
fn is_near(name: &str, known: &str) -> bool {
    let most = known.len() / 6 + usize::from(known.len() == 4 || known.len() == 5);
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
    };
    let name = letters(name);
    // Names come from outside, by the hundred: most cannot be near.
    name.len().abs_diff(known.len()) <= most
        && strsim::osa_distance(&name, &known.to_ascii_lowercase()) <= most
}

fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    }
}
