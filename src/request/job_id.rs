//! A job's id, as a request writes it.

mod flaw;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Rejection, Rules};
use flaw::Flaw;

/// Far longer than Batch's ids, which are UUIDs with an index.
const MAX_ID_BYTES: usize = 512;

/// A Batch job's id: a UUID, an array child's `uuid:index` or a node's `uuid#index`.
///
/// AWS publishes no pattern for ids, so this is wider than what Batch makes: letters, digits, `-`, `_` and `.`, then
/// at most one index. What lies outside of that is a mistake of whoever made the request, and Batch, which answers
/// 200 to a cancel of any id, would not say so. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The id in `text`, which may be a job ARN of this function's own region and account.
    pub(crate) fn parse(text: &str, rules: &Rules<'_>) -> Result<Self, Rejection> {
        let text = text.trim();
        if text.starts_with("arn:") && !Flaw::is_list(text) && !Flaw::is_placeholder(text) {
            return Self::parse_arn(text, rules);
        }
        Self::checked(text)
    }

    /// The id in a job's ARN.
    pub(crate) fn parse_arn(arn: &str, rules: &Rules<'_>) -> Result<Self, Rejection> {
        let not_a_job = || {
            let remedy = "give `arn:<partition>:batch:<region>:<account>:job/<id>`, or the job's id alone";
            Rejection::new("", "is not a Batch job's ARN", remedy)
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", _, "batch", region, account, resource] = parts.as_slice() else {
            return Err(not_a_job());
        };
        if resource.starts_with("service-job/") {
            return Err(service_job());
        }
        let id = resource.strip_prefix("job/").map(str::trim).filter(|id| !id.is_empty());
        let id = id.ok_or_else(not_a_job)?;
        rules.check_region(region)?;
        rules.check_account(account)?;
        Self::checked(id)
    }

    fn checked(id: &str) -> Result<Self, Rejection> {
        match Flaw::of(id) {
            None => Ok(Self(id.into())),
            Some(flaw) => Err(flaw.rejection()),
        }
    }

    /// The array or multi-node job that a child or node belongs to.
    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.split_once([':', '#']).map(|(parent, _)| Self(parent.into()))
    }

    /// The same for every spelling of the id that Batch may use: its case, and the ARN around it, do not count.
    pub(crate) fn folded(&self) -> Self {
        let bare = self.0.rsplit_once(":job/").map_or(&*self.0, |(_, bare)| bare);
        if bare.len() == self.0.len() && !bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.clone();
        }
        Self(bare.to_ascii_lowercase().into())
    }

    /// The id as Batch writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Service jobs have calls of their own, to which `CancelJob` and `TerminateJob` do not reach.
pub(crate) fn service_job() -> Rejection {
    Rejection::new(
        "",
        "is about a service job, and service jobs (SageMaker training) are not cancelled by this function",
        "call Batch's TerminateServiceJob",
    )
}

impl From<&str> for JobId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> =
        Rules { region: Some("eu-west-1"), account: Some("123456789012"), allow_terminate: false };

    fn parse(text: &str) -> Result<String, String> {
        JobId::parse(text, &RULES).map(|id| id.to_string()).map_err(|wrong| wrong.at("jobId").to_string())
    }

    #[test]
    fn takes_what_batch_makes_and_a_little_more() {
        let check = |text: &str, expected: &str| assert_eq!(parse(text).as_deref(), Ok(expected));
        check("1d828f65-7a4d-42e8-996d-3b900ed59dc4", "1d828f65-7a4d-42e8-996d-3b900ed59dc4");
        check(" 1d828f65-7a4d-42e8-996d-3b900ed59dc4:12\n", "1d828f65-7a4d-42e8-996d-3b900ed59dc4:12");
        check("1d828f65#0", "1d828f65#0");
        check("A_b.c-1", "A_b.c-1");
        check("nullable", "nullable");
        check("arn:aws:batch:eu-west-1:123456789012:job/7b6a:4", "7b6a:4");
        check("arn:aws-cn:batch:eu-west-1:123456789012:job/7b6a#0", "7b6a#0");
        check(&"a".repeat(512), &"a".repeat(512));
    }

    #[test]
    fn names_the_remedy_for_each_kind_of_mistake() {
        let check = |text: &str, parts: [&str; 2]| {
            let rejection = parse(text).unwrap_err();
            for part in parts {
                assert!(rejection.contains(part), "{text:?}: {rejection:?} lacks {part:?}");
            }
        };
        for placeholder in [
            "<id>",
            "<jobId>:0",
            "${jobId}",
            "$.detail.jobId",
            "$(id)",
            "{{id}}",
            "{id}",
            "%JOB_ID%",
            "%s",
            "{% $states.input.jobId %}",
            r"\u003cid\u003e",
            r"\u003cid",
            "arn:aws:batch:${AWS::Region}:123456789012:job/a",
            "arn:aws:batch:eu-west-1:123456789012:job/<id>",
        ] {
            check(placeholder, ["the placeholder was not filled", "check the input transformer"]);
        }
        for quoted in ["\"abc\"", "'abc'", "\\\"abc\\\"", "“abc”", "`abc`", "\"abc", "\"abc:0\"", "a\"b"]
        {
            check(quoted, ["quotes", "without"]);
        }
        for list in ["a,b", "a b", "a, b", "a;b", "a\nb", "a|b", "[\"a\",\"b\"]", "[a,b]", "a:0 a:1"] {
            check(list, ["more than one id", "`jobIds`"]);
        }
        check(
            "arn:aws:batch:eu-west-1:123456789012:job/a,arn:aws:batch:eu-west-1:123456789012:job/b",
            ["more than one id", "`jobIds`"],
        );
        for word in
            ["null", "NULL", "undefined", "None", "NaN", "nan", "undefined:3", "None#0", " null ", "\"null\""]
        {
            check(word, ["missing value", "path"]);
        }
        for index in ["a:", "a#", "a:1:2", "a#0:1", "a:x", "a:-1", ":1", "#0", "a:1#", "a:１"] {
            check(index, ["index", "`id:index`"]);
        }
        check("a\u{0}b", ["control character", "give"]);
        check("a\u{7f}", ["control character", "give"]);
        check("job/abc", ["no job id has", "give"]);
        check("a,", ["no job id has", "give"]);
        check("a b/c", ["no job id has", "give"]);
        check("é", ["no job id has", "give"]);
        check("a\u{200b}", ["no job id has", "give"]);
        check("[object Object]", ["missing value", "path"]);
        check("  ", ["empty", "give"]);
        check(&"a".repeat(513), ["longer", "give"]);
        check(&"\"".repeat(513), ["longer", "give"]);
        check("arn:aws:s3:::b", ["not a Batch job's ARN", "job/<id>"]);
        check("arn:aws:batch:eu-west-1:123456789012:job-queue/q", ["not a Batch job's ARN", "job/<id>"]);
        check("arn:aws:batch:eu-west-1:123456789012:job/", ["not a Batch job's ARN", "job/<id>"]);
        check("arn:aws:batch:eu-west-1:123456789012:job/\"a\"", ["quotes", "without"]);
        check("arn:aws:batch:eu-west-1:123456789012:job/null", ["missing value", "path"]);
        check("arn:aws:batch:us-east-1:123456789012:service-job/a", ["service jobs (SageMaker", "Terminate"]);
        check("arn:aws:batch:us-east-1:123456789012:job/a", ["`us-east-1`", "`eu-west-1`"]);
        check("arn:aws:batch:eu-west-1:999999999999:job/a", ["`999999999999`", "`123456789012`"]);
    }

    #[test]
    fn where_its_own_account_is_not_known_batch_may_judge() {
        let id = JobId::parse("arn:aws:batch:us-east-1:999999999999:job/7b6a:4", &Rules::default());
        let id = id.unwrap();
        assert_eq!((id.as_str(), format!("{id} {id:?}").as_str()), ("7b6a:4", "7b6a:4 \"7b6a:4\""));
    }

    #[test]
    fn a_rejection_repeats_of_an_arn_only_what_can_be_a_region_or_account() {
        let rejection = parse("arn:aws:batch:my password!:123456789012:job/a").unwrap_err();
        assert!(!rejection.contains("password") && rejection.contains("`eu-west-1`"), "{rejection}");
        let rejection = parse(&format!("arn:aws:batch:{}:123456789012:job/a", "x".repeat(65))).unwrap_err();
        assert!(!rejection.contains("xxx"), "{rejection}");
    }
}
