//! The results of a check as `JUnit`'s XML, which CI systems read.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::text;
use crate::check::Checked;
use crate::trouble::Trouble;

/// A suite with a test for each case.
pub(crate) fn checked(checked: &Checked<'_>) -> Result<String, Trouble> {
    let mut suite = TestSuite::new(checked.file);
    suite.add_property(("policy.sha256", checked.policy.sha256()));
    for result in &checked.results {
        let cause = result.cause.as_ref().map(text::cause);
        let status = if result.passed {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let difference = text::difference(result);
            let whole = [Some(difference.as_str()), cause.as_deref()];
            let whole = whole.into_iter().flatten().collect::<Vec<_>>().join("\n");
            status.set_message(difference).set_type("decision").set_description(whole);
            status
        };
        let mut test = TestCase::new(result.case.name.as_str(), status);
        test.set_classname("policy");
        let place = format!("{} by {}", result.decision, result.clause);
        test.set_system_out(match cause {
            Some(cause) if result.passed => format!("{place}\n{cause}"),
            _ => place,
        });
        test.extra.insert("file".into(), checked.file.into());
        test.extra.insert("line".into(), result.case.line.to_string().into());
        suite.add_test_case(test);
    }
    let mut report = Report::new("batch-cancel check");
    report.add_test_suite(suite);
    let text = report.to_string();
    text.map_err(|error| Trouble::at("the results cannot be written", error))
}
