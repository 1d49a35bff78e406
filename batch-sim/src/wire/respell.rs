//! An answer with its ids in another spelling.

use serde_json::Value;

/// Puts the jobs' ids into upper case; with `only`, just the ids that are spelled like that.
///
/// What cannot be read stays as it is.
pub(super) fn upper_case(body: &[u8], only: Option<&str>) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    for (list, id) in [("jobs", "jobId"), ("jobSummaryList", "jobId"), ("successful", ""), ("errors", "job")]
    {
        let jobs = answer.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for job in jobs {
            let id = if id.is_empty() { Some(job) } else { job.get_mut(id) };
            if let Some(Value::String(id)) = id
                && only.is_none_or(|only| only == id)
            {
                *id = id.to_uppercase();
            }
        }
    }
    answer.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_ids_of_each_answer_are_respelled_and_nothing_else() {
        for (answer, only, expect) in [
            (
                json!({"jobs": [{"jobId": "a:0", "jobName": "a"}, {"jobId": "b"}]}),
                None,
                json!({"jobs": [{"jobId": "A:0", "jobName": "a"}, {"jobId": "B"}]}),
            ),
            (
                json!({"jobs": [{"jobId": "a"}, {"jobId": "b"}]}),
                Some("b"),
                json!({"jobs": [{"jobId": "a"}, {"jobId": "B"}]}),
            ),
            (
                json!({"jobSummaryList": [{"jobId": "a"}], "nextToken": "t"}),
                None,
                json!({"jobSummaryList": [{"jobId": "A"}], "nextToken": "t"}),
            ),
            (
                json!({"successful": ["a"], "errors": [{"job": "b", "code": "c"}]}),
                None,
                json!({"successful": ["A"], "errors": [{"job": "B", "code": "c"}]}),
            ),
            (json!({"message": "jobs"}), None, json!({"message": "jobs"})),
        ] {
            let body = upper_case(answer.to_string().as_bytes(), only);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expect);
        }
        assert_eq!(upper_case(b"<html>", None), b"<html>");
    }
}
