//! Which of Batch's own filters let every match of a pattern through. Pure.

use event_pattern::{Bound, Document, Exact, Leaf, Pattern, Range, Test, Value};

use crate::batch::Filter;
use crate::job::JobStatus;

/// The two clocks may differ, and Batch's bound may be exclusive: what is let through beyond the pattern does no harm.
const SLACK_MS: f64 = 5_000.0;

/// The filters that let through every job that a pattern matches at `now_ms`.
pub(super) fn filters(pattern: &Pattern, now_ms: u64) -> Vec<Filter> {
    let [branch] = pattern.branches() else {
        return Vec::new();
    };
    branch.leaves().flat_map(|leaf| of_leaf(leaf, now_ms)).collect()
}

fn of_leaf(leaf: &Leaf, now_ms: u64) -> Vec<Filter> {
    let [test] = leaf.tests() else {
        return Vec::new();
    };
    match (leaf.path(), test) {
        ("job.jobName", Test::Exact(Exact::Text(name))) => name_filter(name, "").into_iter().collect(),
        ("job.jobName", Test::EqualsIgnoreCase(name)) => name_filter(name.text(), "").into_iter().collect(),
        ("job.jobName", Test::Prefix(start)) => name_filter(start.text(), "*").into_iter().collect(),
        ("job.shareIdentifier", Test::Exact(Exact::Text(share))) if !share.is_empty() => {
            vec![Filter::ShareIdentifier(share.clone(), JobStatus::Runnable)]
        }
        ("job.createdAt", Test::Numeric(Range { bottom, top })) => created(*bottom, *top),
        ("ageSeconds", Test::Numeric(Range { bottom, top })) => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
            let now_ms = now_ms as f64;
            let then = |bound: Bound| Bound { value: now_ms - bound.value * 1000.0, ..bound };
            // Older means created earlier. Ages are in whole seconds, rounded down.
            created(top.map(|bound| Bound { value: bound.value + 1.0, ..bound }).map(then), bottom.map(then))
        }
        _ => Vec::new(),
    }
}

/// Names of jobs have letters, digits, hyphens and underscores: a filter for anything else would be refused, or mean
/// something else.
fn name_filter(name: &str, rest: &str) -> Option<Filter> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(is_plain)).then(|| Filter::JobName(format!("{name}{rest}").into()))
}

fn created(bottom: Option<Bound>, top: Option<Bound>) -> Vec<Filter> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a double saturates")]
    let ms = |ms: f64| (ms > 0.0).then_some(ms as i64);
    let after = bottom.and_then(|bound| ms(bound.value - SLACK_MS)).map(Filter::CreatedAfter);
    let before = top.and_then(|bound| ms(bound.value + SLACK_MS)).map(Filter::CreatedBefore);
    before.into_iter().chain(after).collect()
}

/// Whether a filter lets a job through, as far as its listing shows.
pub(super) fn admits(filter: &Filter, job: &Document<'_>) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
    let created = |is_such: fn(f64, f64) -> bool, ms: i64| match job.get("job.createdAt") {
        Some(Value::Number(created)) => is_such(created, ms as f64),
        _ => false,
    };
    match filter {
        Filter::JobName(asked) => match (job.get("job.jobName"), asked.strip_suffix('*')) {
            (Some(Value::Text(name)), Some(start)) => {
                name.get(..start.len()).is_some_and(|name| name.eq_ignore_ascii_case(start))
            }
            (Some(Value::Text(name)), None) => name.eq_ignore_ascii_case(asked),
            _ => false,
        },
        Filter::ShareIdentifier(share, _) => job.get("job.shareIdentifier") == Some(Value::Text(share)),
        Filter::CreatedBefore(ms) => created(|created, ms| created < ms, *ms),
        Filter::CreatedAfter(ms) => created(|created, ms| created > ms, *ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    /// The filters of a pattern, as the API writes them.
    #[track_caller]
    fn check(pattern: &str, expected: &[&str]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let told: Vec<_> = filters(&pattern, NOW_MS)
            .into_iter()
            .map(|filter| format!("{} {}", filter.name(), filter.value()))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_filter_lets_through_all_that_the_pattern_does() {
        check(r#"{"job": {"jobName": ["etl-a"]}}"#, &["JOB_NAME etl-a"]);
        check(r#"{"job": {"jobName": [{"prefix": "etl-"}]}}"#, &["JOB_NAME etl-*"]);
        check(r#"{"job": {"jobName": [{"equals-ignore-case": "ETL"}]}}"#, &["JOB_NAME ETL"]);
        check(r#"{"job": {"shareIdentifier": ["team-a"]}}"#, &["SHARE_IDENTIFIER team-a"]);
        check(r#"{"ageSeconds": [{"numeric": [">", 7200]}]}"#, &["BEFORE_CREATED_AT 1799992805000"]);
        check(r#"{"ageSeconds": [{"numeric": ["<=", 60]}]}"#, &["AFTER_CREATED_AT 1799999934000"]);
        check(
            r#"{"job": {"createdAt": [{"numeric": [">=", 1000000, "<", 2000000]}]}}"#,
            &["BEFORE_CREATED_AT 2005000", "AFTER_CREATED_AT 995000"],
        );
        check(
            r#"{"job": {"jobName": ["a"], "shareIdentifier": ["b"], "tags": {"x": ["y"]}}}"#,
            &["JOB_NAME a", "SHARE_IDENTIFIER b"],
        );
    }

    #[test]
    fn there_is_none_where_one_would_leave_a_match_out() {
        for pattern in [
            r#"{"job": {"jobName": ["a", "b"]}}"#,
            r#"{"job": {"jobName": [{"suffix": "a"}]}}"#,
            r#"{"job": {"jobName": [{"anything-but": "a"}]}}"#,
            r#"{"job": {"jobName": [{"exists": true}]}}"#,
            r#"{"job": {"jobName": ["a*"]}}"#,
            r#"{"job": {"jobName": [{"prefix": ""}]}}"#,
            r#"{"job": {"jobName": ["ä"]}}"#,
            r#"{"job": {"jobName": [null]}}"#,
            r#"{"$or": [{"job": {"jobName": ["a"]}}, {"ageSeconds": [{"numeric": [">", 5]}]}]}"#,
            r#"{"runningSeconds": [{"numeric": [">", 7200]}]}"#,
            r#"{"ageSeconds": [{"numeric": ["=", 5]}, {"exists": false}]}"#,
        ] {
            check(pattern, &[]);
        }
    }
}
