//! A job in a file: its `JobDetail`, or an answer of `DescribeJobs` around it.

use serde_json::value::RawValue;

use crate::input::Text;
use crate::json::{self, Members, string};
use crate::trouble::Trouble;

/// A job, and its parent where the file shows that too.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) job: Box<RawValue>,
    pub(super) parent: Option<Box<RawValue>>,
}

/// The job that a file is about; of several, the one of that id, or the only one that is not the parent of another.
pub(super) fn choose(file: &Text, id: Option<&str>) -> Result<Chosen, Trouble> {
    let trouble = |what: String| Trouble::at(&file.name, what);
    let whole = json::whole(&file.text).map_err(|(line, what)| Trouble::at(file.at(line), what))?;
    let members = Members::of(whole)
        .ok_or_else(|| trouble("it is no JobDetail, and no answer of DescribeJobs".into()))?;
    let jobs: Vec<&RawValue> = match members.get("jobs") {
        Some(jobs) => serde_json::from_str(jobs.get())
            .map_err(|_| trouble("jobs: is not the list that DescribeJobs answers".into()))?,
        None => vec![whole],
    };
    let named = jobs.iter().map(|job| {
        let id = Members::of(job).and_then(|job| job.get("jobId").and_then(string));
        id.map(|id| (id, *job))
            .ok_or_else(|| trouble("it has a job without a `jobId`: give it as DescribeJobs shows it".into()))
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let is_parent = |id: &str| named.iter().any(|(other, _)| parent(other) == Some(id));
    let ids = || named.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
    let candidates: Vec<_> = match id {
        Some(id) => named.iter().filter(|(own, _)| own == id).collect(),
        None if named.len() == 1 => named.iter().collect(),
        None => named.iter().filter(|(id, _)| !is_parent(id)).collect(),
    };
    let (id, job) = match (candidates.as_slice(), id) {
        ([one, ..], Some(_)) | ([one], None) => one,
        ([], Some(id)) => return Err(trouble(format!("it does not show `{id}`; it has {}", ids()))),
        ([], None) => return Err(trouble("it shows no job: Batch does not know it, or no longer".into())),
        ([..], None) => {
            return Err(trouble(format!("it shows several jobs: choose one by --id of {}", ids())));
        }
    };
    let parent = parent(id).and_then(|parent| named.iter().find(|(own, _)| own == parent));
    Ok(Chosen { job: (*job).to_owned(), parent: parent.map(|(_, job)| (*job).to_owned()) })
}

/// The id of the array or multi-node job that a child or node belongs to.
pub(super) fn parent(id: &str) -> Option<&str> {
    id.split_once([':', '#']).map(|(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which job and which parent are chosen.
    #[track_caller]
    fn check(text: &str, id: Option<&str>, expected: Result<(&str, Option<&str>), &str>) {
        let file = Text { name: "f".into(), text: text.into() };
        let id_of = |job: &RawValue| Members::of(job).unwrap().get("jobId").and_then(string).unwrap();
        let chosen = choose(&file, id).map_err(|trouble| trouble.to_string());
        match (chosen, expected) {
            (Ok(chosen), Ok((job, parent))) => {
                assert_eq!(id_of(&chosen.job), job);
                assert_eq!(chosen.parent.as_deref().map(id_of).as_deref(), parent);
            }
            (Err(trouble), Err(part)) => assert!(trouble.contains(part), "{trouble:?} lacks {part:?}"),
            (chosen, expected) => panic!("{text}: {chosen:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_job_is_found_with_its_parent() {
        let several = r#"{"jobs": [{"jobId": "a"}, {"jobId": "a:1"}]}"#;
        check(r#"{"jobId": "a"}"#, None, Ok(("a", None)));
        check(r#"{"jobs": [{"jobId": "a"}]}"#, None, Ok(("a", None)));
        check(several, None, Ok(("a:1", Some("a"))));
        check(several, Some("a"), Ok(("a", None)));
        check(several, Some("b"), Err("does not show `b`; it has a, a:1"));
        check(r#"{"jobs": [{"jobId": "a"}, {"jobId": "b"}]}"#, None, Err("choose one by --id of a, b"));
        check(r#"{"jobs": []}"#, None, Err("shows no job"));
        check(r#"{"jobs": 5}"#, None, Err("jobs: "));
        check(r#"{"status": "RUNNING"}"#, None, Err("without a `jobId`"));
        check("[]", None, Err("no JobDetail"));
        check("{", None, Err("f:1: it is not JSON"));
    }
}
