//! A job queue of any size, at a byte a job: all else that is shown of a job follows from its number. Pure.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

/// When the first job was created, in milliseconds since 1970; each other one a tenth of a second after the one before.
const FIRST_CREATED: u64 = 1_795_000_000_000;

/// Most jobs on a page of `ListJobs`, and where one of its filters is used.
const PAGE: usize = 1000;
const FILTERED_PAGE: usize = 100;

/// So many of these jobs are SUBMITTED and PENDING of a thousand; the others are RUNNABLE.
const SUBMITTED: usize = 10;
const PENDING: usize = 30;

/// The statuses, by the number that a byte has of them.
const STATUSES: [&str; 7] =
    ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"];
const RUNNABLE: u8 = 2;
const FAILED: u8 = 6;
const STATUS: u8 = 0b111;

/// Bits of a job besides its status.
const WANTED: u8 = 0b1000;
const CANCELLED: u8 = 0b1_0000;
const TERMINATED: u8 = 0b10_0000;

/// How jobs' names begin: of those that are wanted the first four, of others the last.
const STEMS: [&str; 8] = [
    "etl-orders",
    "etl-invoices",
    "etl-ledger",
    "etl-customers",
    "ingest-clicks",
    "report-daily",
    "train-ranking",
    "export-archive",
];

/// Where the jobs are that the sweep is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Layout {
    /// Every so-many-th.
    Even,
    /// The last ones.
    End,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: Vec<u8>,
    /// What the last call to stop jobs gave as its reason.
    reason: String,
}

/// What it takes to stop all wanted jobs of a queue and to see it, in calls, when nothing is known but names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Least {
    pub(crate) list: usize,
    pub(crate) cancel: usize,
    pub(crate) confirm: usize,
}

/// An answer: whether it is a 200, and its body.
pub(crate) type Answer = (bool, Vec<u8>);

impl Queue {
    /// So many jobs, of which so many are wanted.
    pub(crate) fn new(jobs: usize, wanted: usize, layout: Layout) -> Self {
        let is_wanted = |number: usize| match layout {
            // Exactly as many as asked for, whether or not it divides.
            Layout::Even => number * wanted / jobs != (number + 1) * wanted / jobs,
            Layout::End => number >= jobs - wanted,
        };
        let job = |number: usize| {
            let status = match usize::try_from(mixed(number) % 1000).unwrap_or_default() {
                dice if dice < SUBMITTED => 0,
                dice if dice < SUBMITTED + PENDING => 1,
                _ => RUNNABLE,
            };
            status | if is_wanted(number) { WANTED } else { 0 }
        };
        Self { jobs: (0..jobs).map(job).collect(), reason: String::new() }
    }

    /// With pages of Batch's own filter, if it `has_filter` for these jobs.
    pub(crate) fn least(&self, has_filter: bool) -> Least {
        let wanted = self.jobs.iter().filter(|job| **job & WANTED != 0).count();
        let in_status = |status: u8| self.jobs.iter().filter(move |job| **job & STATUS == status).count();
        // Of a status without jobs, a page tells so.
        let pages = |jobs: usize, page: usize| jobs.div_ceil(page).max(1);
        let plain: usize = (0..=RUNNABLE).map(|status| pages(in_status(status), PAGE)).sum();
        Least {
            list: if has_filter { plain.min(pages(wanted, FILTERED_PAGE)) } else { plain },
            cancel: wanted.div_ceil(50),
            confirm: wanted.div_ceil(PAGE).min(wanted.div_ceil(100)),
        }
    }

    /// How many jobs were stopped that were wanted, and how many that were not.
    pub(crate) fn stopped(&self) -> (usize, usize) {
        let stopped = |wanted: u8| {
            let is_such = |job: &&u8| **job & (CANCELLED | TERMINATED) != 0 && **job & WANTED == wanted;
            self.jobs.iter().filter(is_such).count()
        };
        (stopped(WANTED), stopped(0))
    }

    /// `ListJobs`.
    pub(crate) fn list(&self, asked: &Value) -> Answer {
        let text = |name: &str| asked.get(name).and_then(Value::as_str);
        let filter = asked.get("filters").and_then(|filters| filters.get(0));
        let filter = match filter.map(Filter::read) {
            Some(None) => return refused("the filter is not known here"),
            Some(Some(filter)) => Some(filter),
            None => None,
        };
        let status = STATUSES.iter().position(|status| Some(*status) == text("jobStatus"));
        let status = status.and_then(|status| u8::try_from(status).ok());
        if asked.get("jobQueue").is_none() || filter.is_none() && status.is_none() {
            return refused("a queue and a status or a filter are needed");
        }
        let most = if filter.is_some() { FILTERED_PAGE } else { PAGE };
        let asked_for =
            asked.get("maxResults").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let most = most.min(asked_for.unwrap_or(FILTERED_PAGE));
        let Some(start) = text("nextToken").map_or(Some(0), number_of_token) else {
            return refused("the token is not one of these");
        };

        let mut found =
            self.jobs.iter().copied().enumerate().skip(start).filter(|(number, job)| match &filter {
                Some(filter) => filter.admits(*number, *job),
                None => Some(job & STATUS) == status,
            });
        let mut body = Vec::with_capacity(128 + most * 512);
        body.extend_from_slice(br#"{"jobSummaryList":["#);
        for place in 0..most {
            let Some((number, job)) = found.next() else { break };
            if place > 0 {
                body.push(b',');
            }
            self.summary(&mut body, number, job);
        }
        body.push(b']');
        if let Some((next, _)) = found.next() {
            body.extend_from_slice(br#","nextToken":""#);
            body.extend_from_slice(token(next).as_bytes());
            body.push(b'"');
        }
        body.push(b'}');
        (true, body)
    }

    /// `DescribeJobs`.
    pub(crate) fn describe(&self, asked: &Value) -> Answer {
        let mut body = br#"{"jobs":["#.to_vec();
        for number in ids(asked).filter_map(|id| self.number(id)) {
            let Some(job) = self.jobs.get(number) else { continue };
            if body.last() == Some(&b'}') {
                body.push(b',');
            }
            self.summary(&mut body, number, *job);
            body.pop();
            body.extend_from_slice(DETAIL);
        }
        body.extend_from_slice(b"]}");
        (true, body)
    }

    /// `CancelJobs` and `TerminateJobs`, or `CancelJob` and `TerminateJob`.
    pub(crate) fn stop(&mut self, asked: &Value, is_cancel: bool) -> Answer {
        if let Some(reason) = asked.get("reason").and_then(Value::as_str)
            && reason != self.reason
        {
            reason.clone_into(&mut self.reason);
        }
        let numbers: Vec<_> = ids(asked).filter_map(|id| self.number(id)).collect();
        for number in numbers {
            if let Some(job) = self.jobs.get_mut(number)
                && *job & STATUS < FAILED - 1
                && (!is_cancel || *job & STATUS <= RUNNABLE)
            {
                let mark = if is_cancel { CANCELLED } else { TERMINATED };
                *job = *job & WANTED | mark | FAILED;
            }
        }
        let body = match asked.get("jobs") {
            Some(jobs) => json!({"successful": jobs, "errors": []}).to_string(),
            None => "{}".to_owned(),
        };
        (true, body.into_bytes())
    }

    /// A job's `JobSummary`.
    fn summary(&self, body: &mut Vec<u8>, number: usize, job: u8) {
        let id = id(number);
        let status = STATUSES.get(usize::from(job & STATUS)).copied().unwrap_or_default();
        body.extend_from_slice(br#"{"jobArn":"arn:aws:batch:us-east-1:123456789012:job/"#);
        body.extend_from_slice(&id);
        body.extend_from_slice(br#"","jobId":""#);
        body.extend_from_slice(&id);
        body.extend_from_slice(br#"","jobName":""#);
        body.extend_from_slice(stem(number, job).as_bytes());
        // A vector takes all that is written into it.
        let _ =
            write!(body, r#"-{}","createdAt":{},"status":""#, 1000 + mixed(number) % 9000, created(number));
        body.extend_from_slice(status.as_bytes());
        body.extend_from_slice(
            br#"","jobDefinition":"arn:aws:batch:us-east-1:123456789012:job-definition/nightly:12","shareIdentifier":"default""#,
        );
        if job & STATUS == FAILED {
            let _ =
                write!(body, r#","statusReason":{},"stoppedAt":{}"#, json!(self.reason), created(number) + 1);
        }
        let mark = |is_set| if is_set { &b"true"[..] } else { b"false" };
        body.extend_from_slice(br#","isCancelled":"#);
        body.extend_from_slice(mark(job & CANCELLED != 0));
        body.extend_from_slice(br#","isTerminated":"#);
        body.extend_from_slice(mark(job & TERMINATED != 0));
        body.push(b'}');
    }

    /// The job that has an id.
    fn number(&self, text: &str) -> Option<usize> {
        let number = u64::from_str_radix(text.get(24..)?, 16).ok()? ^ SCRAMBLE;
        let number = usize::try_from(number).ok()?;
        (number < self.jobs.len() && id(number) == text.as_bytes()).then_some(number)
    }
}

/// What `DescribeJobs` shows besides, of every job the same.
const DETAIL: &[u8] = br#","jobQueue":"arn:aws:batch:us-east-1:123456789012:job-queue/nightly","dependsOn":[],"parameters":{},"container":{"image":"123456789012.dkr.ecr.us-east-1.amazonaws.com/nightly:2026-11-01","command":["run","--all"],"jobRoleArn":"arn:aws:iam::123456789012:role/nightly","volumes":[],"environment":[{"name":"STAGE","value":"production"}],"mountPoints":[],"ulimits":[],"networkInterfaces":[],"resourceRequirements":[{"value":"2","type":"VCPU"},{"value":"4096","type":"MEMORY"}],"secrets":[]},"tags":{"team":"data"},"propagateTags":false,"platformCapabilities":["FARGATE"],"eksAttempts":[]}"#;

/// One of the filters of `ListJobs`.
enum Filter {
    /// How a name is to begin, and whether it may go on; the stems that can.
    Name {
        text: String,
        is_prefix: bool,
        stems: [bool; 8],
    },
    Before(u64),
    After(u64),
}

impl Filter {
    fn read(filter: &Value) -> Option<Self> {
        let value = filter.get("values")?.get(0)?.as_str()?;
        Some(match filter.get("name")?.as_str()? {
            "JOB_NAME" => {
                let text = value.strip_suffix('*').unwrap_or(value).to_ascii_lowercase();
                let can = |stem: &str| {
                    let shared = stem.len().min(text.len());
                    stem.as_bytes().get(..shared) == text.as_bytes().get(..shared)
                };
                let stems = STEMS.map(can);
                Self::Name { is_prefix: value.ends_with('*'), text, stems }
            }
            "BEFORE_CREATED_AT" => Self::Before(value.parse().ok()?),
            "AFTER_CREATED_AT" => Self::After(value.parse().ok()?),
            _ => return None,
        })
    }

    fn admits(&self, number: usize, job: u8) -> bool {
        match self {
            Self::Name { text, is_prefix, stems } => {
                if !stems.get(stem_number(number, job)).is_some_and(|can| *can) {
                    return false;
                }
                let stem = stem(number, job);
                if *is_prefix && text.len() <= stem.len() {
                    return true;
                }
                let name = format!("{stem}-{}", 1000 + mixed(number) % 9000);
                if *is_prefix { name.starts_with(text.as_str()) } else { name == *text }
            }
            Self::Before(ms) => created(number) < *ms,
            Self::After(ms) => created(number) > *ms,
        }
    }
}

fn ids(asked: &Value) -> impl Iterator<Item = &str> {
    let several = asked.get("jobs").and_then(Value::as_array).into_iter().flatten();
    several.chain(asked.get("jobId")).filter_map(Value::as_str)
}

fn refused(why: &str) -> Answer {
    (false, json!({"message": why}).to_string().into_bytes())
}

fn stem_number(number: usize, job: u8) -> usize {
    let dice = usize::try_from(mixed(number) >> 62).unwrap_or_default();
    dice + if job & WANTED == 0 { 4 } else { 0 }
}

fn stem(number: usize, job: u8) -> &'static str {
    STEMS.get(stem_number(number, job)).copied().unwrap_or_default()
}

fn created(number: usize) -> u64 {
    FIRST_CREATED + 100 * u64::try_from(number).unwrap_or_default()
}

/// The last part of an id is the job's number, changed by this so that it does not look so.
const SCRAMBLE: u64 = 0x5bd1_e995_7a4d;

/// An id as Batch's look: in no order, and each its own.
fn id(number: usize) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let number = u64::try_from(number).unwrap_or_default();
    let high = mix(number);
    let low = number ^ SCRAMBLE;
    // 8-4-4-4-12; versions and variants are of no matter.
    let whole = u128::from(high) << 64 | u128::from(low) | u128::from(high >> 3 & 0xffff) << 48;
    let mut text = [b'-'; 36];
    let places = text.iter_mut().enumerate().filter(|(place, _)| !matches!(place, 8 | 13 | 18 | 23));
    for (digit, (_, place)) in places.enumerate() {
        let digit = usize::try_from(whole >> (124 - 4 * digit) & 15).unwrap_or_default();
        *place = HEX.get(digit).copied().unwrap_or_default();
    }
    text
}

/// The token of a page that begins with a job, about as long as Batch's.
fn token(number: usize) -> String {
    format!("eyJuZXh0VG9rZW4iOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAxfQ{number:040}")
}

fn number_of_token(token: &str) -> Option<usize> {
    token.get(token.len().checked_sub(40)?..)?.parse().ok()
}

fn mixed(number: usize) -> u64 {
    mix(u64::try_from(number).unwrap_or_default())
}

/// The finalizer of splitmix64.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ask(queue: &Queue, asked: &Value) -> Value {
        let (is_good, body) = queue.list(asked);
        assert!(is_good, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// All pages: how many, and the ids on them.
    fn listed(queue: &Queue, mut asked: Value) -> (usize, Vec<String>) {
        let (mut pages, mut ids) = (0, Vec::new());
        loop {
            let page = ask(queue, &asked);
            pages += 1;
            let jobs = page["jobSummaryList"].as_array().unwrap();
            ids.extend(jobs.iter().map(|job| job["jobId"].as_str().unwrap().to_owned()));
            match page.get("nextToken") {
                Some(next) => asked["nextToken"] = next.clone(),
                None => return (pages, ids),
            }
        }
    }

    #[test]
    fn every_job_is_listed_once_and_those_wanted_are_found_by_their_name() {
        for (layout, wanted) in [(Layout::Even, 700), (Layout::End, 700), (Layout::Even, 333)] {
            let queue = Queue::new(7000, wanted, layout);
            let of = |status: &str| json!({"jobQueue": "q", "jobStatus": status, "maxResults": 1000});
            let mut all = HashSet::new();
            let mut pages = 0;
            for status in ["SUBMITTED", "PENDING", "RUNNABLE"] {
                let (more, ids) = listed(&queue, of(status));
                pages += more;
                all.extend(ids);
            }
            assert_eq!(all.len(), 7000);
            let filters = json!([{"name": "JOB_NAME", "values": ["ETL-*"]}]);
            let (filtered, ids) =
                listed(&queue, json!({"jobQueue": "q", "filters": filters, "maxResults": 100}));
            assert_eq!(ids.len(), wanted);
            assert_eq!(queue.least(true).list, pages.min(filtered));
            assert_eq!(queue.least(false).list, pages);
        }
    }

    #[test]
    fn what_is_cancelled_has_failed_and_is_counted() {
        let mut queue = Queue::new(2000, 200, Layout::Even);
        let filters = json!([{"name": "JOB_NAME", "values": ["etl-*"]}]);
        let (_, ids) = listed(&queue, json!({"jobQueue": "q", "filters": filters, "maxResults": 100}));
        queue.stop(&json!({"jobs": ids, "reason": "r"}), true);
        assert_eq!(queue.stopped(), (200, 0));
        let failed = json!({"jobQueue": "q", "jobStatus": "FAILED", "maxResults": 1000});
        assert_eq!(listed(&queue, failed.clone()).1, ids);
        let job = &ask(&queue, &failed)["jobSummaryList"][0];
        assert_eq!((&job["statusReason"], &job["isCancelled"]), (&json!("r"), &json!(true)));
        let described: Value =
            serde_json::from_slice(&queue.describe(&json!({"jobs": [ids[0], "stranger", ids[1]]})).1)
                .unwrap();
        assert_eq!(described["jobs"].as_array().unwrap().len(), 2);
        assert_eq!(described["jobs"][1]["jobId"], json!(ids[1]));
        assert_eq!(described["jobs"][1]["tags"]["team"], json!("data"));
        assert_eq!(queue.least(true), Least { list: 2, cancel: 4, confirm: 1 });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let queue = Queue::new(10, 1, Layout::End);
        for asked in [
            json!({"jobStatus": "RUNNABLE"}),
            json!({"jobQueue": "q"}),
            json!({"jobQueue": "q", "jobStatus": "RUNNABLE", "nextToken": "x"}),
            json!({"jobQueue": "q", "filters": [{"name": "X", "values": ["x"]}]}),
        ] {
            assert!(!queue.list(&asked).0, "{asked}");
        }
    }
}
