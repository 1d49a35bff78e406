//! Each ready policy decides as its cases say, and its cases leave nothing of it untried.

use std::collections::BTreeSet;

use batch_canceller::policy::{Clause, IMPLICIT_ALLOW, IMPLICIT_DENY, Mode};
use serde_json::Value;

use crate::folder::{all, check};

#[test]
fn each_case_is_decided_as_it_says() {
    for ready in all() {
        check(&ready.name, &ready.policy, &ready.cases);
    }
}

#[test]
fn each_clause_decides_a_case_and_something_is_allowed_and_something_denied() {
    for ready in all() {
        let (name, policy) = (&ready.name, &ready.policy);
        let implicit = if policy.allow().is_empty() { IMPLICIT_ALLOW } else { IMPLICIT_DENY };
        let clauses = policy.deny().iter().chain(policy.allow()).map(Clause::id).chain([implicit]);
        let deciding: BTreeSet<_> = ready.cases.iter().map(|case| case.expect.clause.as_str()).collect();
        assert_eq!(deciding, clauses.collect(), "{name}");
        for decision in ["allow", "deny"] {
            let decided = ready.cases.iter().any(|case| case.expect.decision == decision);
            assert!(decided, "{name}: no case is decided by {decision}");
        }
        let names: BTreeSet<_> = ready.cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), ready.cases.len(), "{name}: two cases have one name");
    }
}

#[test]
fn each_is_enforced_fits_a_parameter_and_says_what_its_clauses_are_for() {
    for ready in all() {
        assert_eq!(ready.policy.mode(), Mode::Enforce, "{}", ready.name);
        let policy: Value = serde_json::from_str(&ready.text).unwrap();
        // Lambda's limit is 4 KB with all other variables.
        assert!(policy.to_string().len() <= 3_000, "{}", ready.name);
        for clause in ["deny", "allow"].iter().filter_map(|effect| policy[effect].as_array()).flatten() {
            assert!(clause["description"].is_string(), "{}: {clause}", ready.name);
        }
        let readme = ready.readme();
        for clause in ready.policy.deny().iter().chain(ready.policy.allow()) {
            assert!(readme.contains(&format!("`{}`", clause.id())), "{}: {}", ready.name, clause.id());
        }
    }
}

/// A case about a document that the function never makes proves nothing.
#[test]
fn the_documents_are_as_the_function_makes_them() {
    let top: BTreeSet<_> = [
        "action",
        "reason",
        "dryRun",
        "source",
        "requestedBy",
        "ageSeconds",
        "runningSeconds",
        "metadata",
        "job",
    ]
    .into();
    for ready in all() {
        for case in &ready.cases {
            let of = format!("{}: {}", ready.name, case.name);
            let document: Value = serde_json::from_str(case.input.get()).unwrap();
            let (job, by) = (&document["job"], &document["requestedBy"]);
            let keys: BTreeSet<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(keys.is_subset(&top), "{of}: {keys:?}");
            for field in ["action", "reason", "source"] {
                assert!(document[field].is_string(), "{of}: {field}");
            }
            assert!(document["dryRun"].is_boolean(), "{of}");
            assert_eq!(document["source"], by["source"], "{of}");
            assert!(by["id"].is_string(), "{of}");
            let belongs: &[&str] = match by["source"].as_str().unwrap() {
                "sqs" => &["source", "id", "senderId", "queueArn"],
                "sns" => &["source", "id", "topicArn"],
                "eventbridge" => &["source", "id", "eventSource", "detailType", "account"],
                "direct" => &["source", "id"],
                other => panic!("{of}: {other}"),
            };
            for field in by.as_object().unwrap().keys() {
                assert!(belongs.contains(&field.as_str()), "{of}: {field} of {}", by["source"]);
            }
            for field in ["jobId", "jobName", "jobDefinition", "status"] {
                assert!(job[field].is_string(), "{of}: {field}");
            }
            let is_running = job["status"] == "RUNNING";
            assert_eq!(document["ageSeconds"].is_u64(), job["createdAt"].is_u64(), "{of}");
            assert_eq!(document["runningSeconds"].is_u64(), job["startedAt"].is_u64() && is_running, "{of}");
        }
    }
}
