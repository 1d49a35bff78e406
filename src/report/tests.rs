use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::*;
use crate::outcome::Wish;
use crate::request::{Action, Reason, Rules};
use crate::trigger::deliveries;

/// A report on direct requests that name so many jobs each, with these outcomes as they came: `delivery.place outcome`,
/// or `delivery outcome` for a whole one.
fn report(jobs: &[usize], results: &[&str], most: usize) -> Report {
    let request = |jobs: &usize| {
        let ids: Vec<_> = (0..*jobs).map(|job| format!("j{job}")).collect();
        json!({"jobIds": ids, "reason": "because", "metadata": {"run": 42}})
    };
    let payload = json!(jobs.iter().map(request).collect::<Vec<_>>());
    let rules = Rules { region: None, account: None, allow_terminate: false };
    let deliveries = deliveries(&to_raw_value(&payload).unwrap(), &rules, "request").unwrap();
    let mut gathered = Gathered { most, ..Gathered::new(deliveries.len(), true) };
    for result in results {
        let (place, outcome) = result.split_once(' ').unwrap();
        let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome).unwrap();
        let verdict = Verdict::from(outcome);
        if let Some((delivery, place)) = place.split_once('.') {
            let (delivery, place) = (delivery.parse().unwrap(), place.parse().unwrap());
            let reason = Reason::new("because").unwrap();
            let wish = Wish { action: Action::Cancel, reason, dry_run: false };
            let ordered = Ordered { wish, delivery, place, clause: None };
            let id = &JobId::from(format!("j{place}").as_str());
            let verdict = &verdict;
            gathered.job(JobResult {
                id,
                ordered: &ordered,
                verdict,
                before: None,
                after: None,
                attempts: 1,
            });
        } else {
            let delivery = place.parse().unwrap();
            gathered.delivery(delivery, &verdict, jobs[delivery]);
        }
    }
    Report::new(deliveries, gathered, Tally::default())
}

/// Jobs and outcomes of a report as JSON, as `job outcome`, `-` for a delivery.
fn listed(json: &Value) -> Vec<String> {
    let one = |result: &Value| {
        format!("{} {}", result["jobId"].as_str().unwrap_or("-"), result["outcome"].as_str().unwrap())
    };
    json["results"].as_array().unwrap().iter().map(one).collect()
}

fn json_of(report: &Report, limit: usize) -> Value {
    serde_json::from_str(&report.to_json(limit, str::len)).unwrap()
}

#[test]
fn results_stand_in_the_order_of_the_requests_however_they_came() {
    let report = report(
        &[2, 1, 3],
        &["2.1 started", "0.1 cancelled", "1 rejected", "0.0 cancelled", "2.2 unavailable", "2.0 finished"],
        100,
    );
    let expected =
        ["j0 cancelled", "j1 cancelled", "- rejected", "j0 finished", "j1 started", "j2 unavailable"];
    assert_eq!(listed(&json_of(&report, usize::MAX)), expected);
    let settled: Vec<_> = report.deliveries().map(|(_, is_settled)| is_settled).collect();
    assert_eq!(settled, [true, false, false]);
}

#[test]
fn what_is_not_settled_is_kept_first_then_the_first_of_the_others() {
    let results = ["0.0 cancelled", "0.1 started", "0.2 unavailable", "0.3 finished", "0.4 refused"];
    let check = |most, expected: &[&str]| {
        let json = json_of(&report(&[5], &results, most), usize::MAX);
        assert_eq!(listed(&json), expected, "{most}");
        let omitted = Some(5 - expected.len()).filter(|omitted| *omitted > 0);
        assert_eq!(json["summary"].get("omitted"), omitted.map(Value::from).as_ref(), "{most}");
        assert_eq!(json["summary"]["requested"], 5);
    };
    check(9, &["j0 cancelled", "j1 started", "j2 unavailable", "j3 finished", "j4 refused"]);
    check(3, &["j0 cancelled", "j2 unavailable", "j4 refused"]);
    check(2, &["j2 unavailable", "j4 refused"]);
    check(1, &["j2 unavailable"]);
    check(0, &[]);
}

#[test]
fn a_delivery_stands_for_its_jobs_in_the_counts() {
    let summary = json_of(&report(&[3, 1], &["0 not_attempted", "1.0 cancelled"], 9), usize::MAX);
    assert_eq!(listed(&summary), ["- not_attempted", "j0 cancelled"]);
    let expected = json!({"requested": 4, "settled": 1, "cancelled": 1, "not_attempted": 3, "apiCalls": 0,
        "retries": 0, "throttled": 0, "omitted": 2});
    assert_eq!(summary["summary"], expected);
}

#[test]
fn what_does_not_fit_first_loses_what_the_request_said_then_what_is_settled() {
    let results = ["0.0 cancelled", "0.1 started", "0.2 unavailable"];
    let report = report(&[3], &results, 9);
    let all = ["j0 cancelled", "j1 started", "j2 unavailable"];
    let (mut fewer, mut last) = (3, true);
    for limit in (1024..3000).rev() {
        let text = report.to_json(limit, str::len);
        assert!(text.len() <= limit, "{} of {limit}", text.len());
        let json: Value = serde_json::from_str(&text).unwrap();
        let is_full = json["results"].as_array().unwrap().iter().all(|result| result["reason"] == "because");
        let is_lean = json["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|result| result["reason"].is_null() && result["metadata"].is_null());
        assert!(is_full || is_lean, "{text}");
        assert!(last || is_lean, "lean at a larger limit, full at {limit}");
        let listed = listed(&json);
        assert!(listed.len() <= fewer);
        match listed.len() {
            3 => assert_eq!(listed, all),
            2 => assert_eq!(listed, ["j0 cancelled", "j2 unavailable"]),
            1 => assert_eq!(listed, ["j2 unavailable"]),
            _ => {}
        }
        (fewer, last) = (listed.len(), is_full);
    }
    assert_eq!(fewer, 0);
}

#[test]
fn a_limit_holds_for_thousands_of_results_with_all_that_stands_between_them() {
    let results: Vec<_> = (0..2000).map(|job| format!("{}.{} cancelled", job / 1000, job % 1000)).collect();
    let results: Vec<_> = results.iter().map(String::as_str).collect();
    let text = report(&[1000, 1000], &results, usize::MAX).to_json(200_000, str::len);
    assert!((198_000..=200_000).contains(&text.len()), "{}", text.len());
}

#[test]
fn more_is_kept_than_fits_into_an_answer_but_not_much_more() {
    let mut gathered = Gathered::new(1, true);
    for place in 0..10_000 {
        gathered.keep(0, place, &Outcome::Cancelled.into(), || None);
    }
    let kept = gathered.kept.len();
    let deliveries = deliveries(
        &to_raw_value(&json!({"jobId": "j", "reason": "r"})).unwrap(),
        &Rules { region: None, account: None, allow_terminate: false },
        "request",
    );
    let report = Report::new(deliveries.unwrap(), gathered, Tally::default());
    let listed = listed(&json_of(&report, crate::reply::MAX_REPORT_BYTES)).len();
    assert!(listed < kept && kept <= 2 * listed, "{listed} of {kept}");
}

#[test]
fn without_keeping_only_counts_are_gathered() {
    let mut gathered = Gathered::new(1, false);
    gathered.delivery(0, &Outcome::Rejected.into(), 7);
    assert!(gathered.kept.is_empty());
    assert_eq!((gathered.counts()[&Outcome::Rejected], &*gathered.unsettled), (7, &[true][..]));
}
