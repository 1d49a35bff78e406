use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RULES: Rules<'_> =
    Rules { region: Some("us-east-1"), account: Some("123456789012"), allow_terminate: false };

fn read(payload: &Value) -> Result<Vec<Delivery>, UnknownPayload> {
    let payload = serde_json::value::to_raw_value(payload).unwrap();
    deliveries(&payload, &RULES, "r1")
}

/// Each delivery as `source id job` or `source id! rejection`.
fn lines(payload: &Value) -> Vec<String> {
    let line = |delivery: &Delivery| {
        let mut line = format!("{} {}", delivery.source(), delivery.id());
        match &delivery.request {
            Ok(request) => request.jobs.iter().for_each(|job| write!(line, " {job}").unwrap()),
            Err(rejection) => write!(line, "! {rejection}").unwrap(),
        }
        line
    };
    read(payload).unwrap().iter().map(line).collect()
}

/// Compares the lines of a payload; an expected line that ends in `…` is a rejection's beginning.
fn check(payload: &Value, expected: &[&str]) {
    let lines = lines(payload);
    let same = |(line, expected): (&String, &&str)| match expected.strip_suffix('…') {
        Some(beginning) => line.starts_with(beginning),
        None => line == expected,
    };
    assert!(
        lines.len() == expected.len() && lines.iter().zip(expected).all(same),
        "{payload}\nis\n{lines:#?}\nnot\n{expected:#?}"
    );
}

/// The one rejection of a payload, which holds all of these words.
fn rejected(payload: &Value, words: &[&str]) {
    let lines = lines(payload);
    assert_eq!(lines.len(), 1, "{payload}\n{lines:#?}");
    assert!(lines[0].contains('!'), "{payload}\n{lines:#?}");
    for word in words {
        assert!(lines[0].contains(word), "{payload}\n{} lacks {word:?}", lines[0]);
    }
}

fn request(id: &str) -> Value {
    json!({"jobId": id, "reason": "r"})
}

fn record(id: &str, body: &(impl ToString + ?Sized)) -> Value {
    json!({
        "messageId": id, "body": body.to_string(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
        "attributes": {"SenderId": "AROA:ci", "MessageGroupId": "g"}, "messageAttributes": {}
    })
}

/// A batch of one message, `m0`.
fn sqs(body: &(impl ToString + ?Sized)) -> Value {
    json!({"Records": [record("m0", body)]})
}

fn notification(id: &str, message: &(impl ToString + ?Sized)) -> Value {
    json!({"Type": "Notification", "MessageId": id, "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
           "Message": message.to_string(), "MessageAttributes": {}})
}

fn sns_record(id: &str, message: &(impl ToString + ?Sized)) -> Value {
    json!({"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notification(id, message)})
}

fn event(detail: &Value) -> Value {
    json!({"id": "e1", "detail-type": "Stop", "source": "acme", "account": "210987654321",
           "region": "eu-west-3", "detail": detail})
}

fn batch_event(kind: &str, detail: &Value) -> Value {
    json!({"id": "e1", "detail-type": kind, "source": "aws.batch", "account": "123456789012",
           "region": "us-east-1", "detail": detail})
}

fn failed(payload: &Value) -> Value {
    json!({
        "version": "1.0", "timestamp": "2026-11-10T00:00:00.000Z",
        "requestContext": {"requestId": "i1", "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
                           "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "CancellationIncomplete", "errorMessage": "{}"}
    })
}

#[test]
fn who_asked_is_what_the_transport_vouches_for() {
    let check = |payload: Value, expected: Value| {
        let deliveries = read(&payload).unwrap();
        assert_eq!(serde_json::to_value(&deliveries[0].requested_by).unwrap(), expected, "{payload}");
        assert!(deliveries[0].request.is_ok(), "{payload}");
    };
    let queue = json!({"source": "sqs", "id": "m0", "senderId": "AROA:ci", "queueArn": "arn:aws:sqs:us-east-1:123456789012:q"});
    let topic = json!({"source": "sns", "id": "n1", "topicArn": "arn:aws:sns:us-east-1:123456789012:t"});
    let bus = json!({"source": "eventbridge", "id": "e1", "eventSource": "acme", "detailType": "Stop", "account": "210987654321"});
    let direct = json!({"source": "direct", "id": "r1"});
    check(request("a"), direct.clone());
    check(sqs(&request("a")), queue.clone());
    check(record("m0", &request("a")), queue.clone());
    check(json!({"Records": [sns_record("n1", &request("a"))]}), topic.clone());
    check(sns_record("n1", &request("a")), topic.clone());
    check(notification("n1", &request("a")), topic);
    check(event(&request("a")), bus.clone());
    // What lies inside of a message may be anybody's.
    check(sqs(&event(&request("a"))), queue.clone());
    check(sqs(&notification("n1", &request("a"))), queue.clone());
    check(sqs(&sqs(&request("a"))), queue.clone());
    check(
        sqs(&json!({"jobId": "a", "reason": "r", "requestedBy": {"senderId": "root"}, "senderId": "root"})),
        queue,
    );
    check(failed(&event(&request("a"))), direct.clone());
    check(failed(&sqs(&request("a"))), direct);
    check(event(&failed(&sqs(&request("a")))), bus);
    check(
        json!([event(&request("a"))])[0].clone(),
        json!({"source": "eventbridge", "id": "e1", "eventSource": "acme", "detailType": "Stop", "account": "210987654321"}),
    );
}

#[test]
fn what_many_records_share_is_held_once() {
    let records: Vec<Value> = (0..3).map(|n| record(&format!("m{n}"), &request("a"))).collect();
    let deliveries = read(&json!({"Records": records})).unwrap();
    let queue = |n: usize| deliveries[n].requested_by.queue_arn.as_ref().unwrap();
    let sender = |n: usize| deliveries[n].requested_by.sender_id.as_ref().unwrap();
    assert!(Arc::ptr_eq(queue(0), queue(2)) && Arc::ptr_eq(sender(0), sender(2)));
}

#[test]
fn only_a_fifo_queue_has_groups_and_everything_in_a_message_is_of_its_group() {
    let group = |payload: &Value| read(payload).unwrap().iter().map(|d| d.group.clone()).collect::<Vec<_>>();
    let list = json!([request("a"), 7]);
    assert_eq!(group(&sqs(&list)), [None, None]);
    let mut fifo = sqs(&list);
    fifo["Records"][0]["eventSourceARN"] = "arn:aws:sqs:us-east-1:123456789012:q.fifo".into();
    let groups = group(&fifo);
    assert!(groups.len() == 2 && groups[0].is_some() && groups[0] == groups[1]);
}

#[test]
fn only_what_came_from_queues_alone_goes_back_in_part() {
    let check = |payload: Value, expected: bool| {
        assert_eq!(takes_back_in_part(&read(&payload).unwrap()), expected, "{payload}");
    };
    let (message, direct) = (record("m0", &request("a")), request("a"));
    check(sqs(&direct), true);
    check(json!([message, message]), true);
    check(json!([message, direct]), false);
    check(json!([direct, message]), false);
    check(direct, false);
    check(json!([]), false);
}

#[test]
fn a_message_may_be_anything_that_was_redriven() {
    let a = request("a");
    check(&sqs(&a), &["sqs m0 a"]);
    check(&sqs(&event(&a)), &["sqs m0 a"]);
    check(&sqs(&notification("n1", &a)), &["sqs m0 a"]);
    check(&sqs(&notification("n1", &event(&a))), &["sqs m0 a"]);
    check(&sqs(&notification("n1", &notification("n2", &a))), &["sqs m0 a"]);
    check(&sqs(&record("m9", &a)), &["sqs m0 a"]);
    check(&sqs(&sns_record("n1", &a)), &["sqs m0 a"]);
    let two = json!({"Records": [record("m8", &a), record("m9", &request("b"))]});
    check(&sqs(&two), &["sqs m0 a", "sqs m0 b"]);
    let two = json!({"Records": [sns_record("n1", &event(&a)), sns_record("n2", &"{")]});
    check(&sqs(&two), &["sqs m0 a", "sqs m0! `Message` is not JSON (line 1, column 1)…"]);
    check(
        &sqs(&json!([a, request("b"), 7, event(&a)])),
        &["sqs m0 a", "sqs m0 b", "sqs m0! `body[2]` is JSON, but not an object…", "sqs m0 a"],
    );
    check(
        &json!({"Records": [sns_record("n1", &json!([a, two]))]}),
        &["sns n1 a", "sns n1 a", "sns n1! `Message` is not JSON…"],
    );
    // Neighbours of such a message are as they were.
    let batch = json!({"Records": [record("m0", &two), record("m1", &request("b"))]});
    check(&batch, &["sqs m0 a", "sqs m0! `Message` is not JSON…", "sqs m1 b"]);
}

#[test]
fn lambdas_record_of_a_failed_invocation_gives_back_what_was_asked() {
    let a = request("a");
    check(&failed(&a), &["direct r1 a"]);
    check(
        &failed(&json!([a, 7, event(&request("b"))])),
        &["direct r1 a", "direct r1! `requestPayload[1]` is JSON, but not an object…", "direct r1 b"],
    );
    check(&sqs(&failed(&a)), &["sqs m0 a"]);
    check(&sqs(&failed(&event(&a))), &["sqs m0 a"]);
    check(&sqs(&failed(&json!({"Records": [sns_record("n1", &a)]}))), &["sqs m0 a"]);
    check(&sqs(&failed(&sqs(&a))), &["sqs m0 a"]);
    check(&sqs(&notification("n1", &failed(&a))), &["sqs m0 a"]);
    check(&json!({"Records": [sns_record("n1", &failed(&a))]}), &["sns n1 a"]);
    check(&event(&failed(&a)), &["eventbridge e1 a"]);
    check(&json!([failed(&a), failed(&request("b"))]), &["direct r1[0] a", "direct r1[1] b"]);
    // The longest way that AWS itself makes.
    let sns = json!({"Records": [sns_record("n1", &event(&a))]});
    check(&sqs(&notification("n2", &failed(&sns))), &["sqs m0 a"]);
    check(&sqs(&json!({"requestPayload": a})), &["sqs m0 a"]);
    // A request may have a member of that name.
    check(&json!({"jobId": "a", "reason": "r", "requestPayload": 7}), &["direct r1 a"]);
    let context = json!({"functionArn": "f"});
    check(&json!({"jobId": "a", "reason": "r", "requestContext": context}), &["direct r1 a"]);
    assert!(read(&json!({"requestContext": {"stage": "$default"}, "body": "{}"})).is_err(), "API Gateway's");

    let mut cut = failed(&a);
    cut.as_object_mut().unwrap().remove("requestPayload");
    rejected(&cut, &["`requestPayload` is missing", "too large", "again"]);
    rejected(&sqs(&cut), &["sqs m0!", "`requestPayload` is missing"]);
    rejected(&sqs(&failed(&Value::Null)), &["`requestPayload` is missing"]);
    rejected(&failed(&json!("{\"jobId\": \"a\", \"rea")), &["cut off", "again"]);
    rejected(&failed(&json!(7)), &["`requestPayload` is JSON, but not an object"]);
    rejected(&failed(&json!({"key": "SECRET"})), &["`requestPayload` is not recognised"]);
    let mut succeeded = failed(&a);
    succeeded["requestContext"]["condition"] = "Success".into();
    rejected(&sqs(&succeeded), &["succeeded", "OnFailure"]);
    let kinesis = json!({"requestContext": {"functionArn": "f", "condition": "RetryAttemptsExhausted"}, "KinesisBatchInfo": {}});
    rejected(&sqs(&kinesis), &["`requestPayload` is missing"]);
    for answer in ["responseContext", "responsePayload"] {
        rejected(&sqs(&json!({"requestContext": {}, answer: {}})), &["`requestPayload` is missing"]);
        assert!(read(&json!({answer: {}})).is_err(), "{answer} alone");
    }
}

#[test]
fn a_mark_that_is_not_whole_is_the_producers_own() {
    for own in ["Type", "TopicArn", "source", "detail-type", "requestPayload", "requestContext"] {
        check(&json!({"jobId": "a", "reason": "r", own: "Notification"}), &["direct r1 a"]);
    }
}

#[test]
fn an_empty_list_in_a_message_still_has_a_result() {
    rejected(&sqs("[]"), &["sqs m0!", "`body` is an empty list"]);
    rejected(&sqs(r#"{"Records": []}"#), &["sqs m0!", "its `Records` are empty"]);
    rejected(&failed(&json!([])), &["direct r1!", "`requestPayload` is an empty list"]);
    rejected(&json!([[]]), &["direct r1[0]!", "empty list"]);
    check(
        &sqs("[[], {}]"),
        &[
            "sqs m0! `body[0]` is an empty list…",
            "sqs m0! `body[1]` is not recognised (it is an empty object)…",
        ],
    );
    check(&json!([]), &[]);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let a = request("a").to_string();
    for mark in ["\u{feff}", " \u{feff}\n", "\u{feff}\u{feff}"] {
        check(&sqs(&format!("{mark}{a}")), &["sqs m0 a"]);
        check(&sqs(&notification("n1", &format!("{mark}{a}"))), &["sqs m0 a"]);
        check(&sqs(&format!("{mark}[{a}]")), &["sqs m0 a"]);
    }
    let escaped: Result<Value, _> = serde_json::from_str(
        &sqs("X").to_string().replace('X', r#"\ufeff{\"jobId\":\"a\",\"reason\":\"r\"}"#),
    );
    check(&escaped.unwrap(), &["sqs m0 a"]);
    rejected(&sqs("\u{feff}"), &["`body` is not JSON"]);
    rejected(&sqs(&format!("{a}\u{feff}")), &["`body` is not JSON"]);
}

#[test]
fn what_was_encoded_twice_is_not_guessed_at() {
    let text = Value::from(request("a").to_string());
    let list = Value::from(json!([request("a")]).to_string());
    for text in [text, list] {
        rejected(&sqs(&text), &["sqs m0!", "`body`", "encode it once"]);
        rejected(&sqs(&Value::from(text.to_string())), &["`body`", "encode it once"]);
        rejected(&sqs(&format!("\u{feff}{text}")), &["`body`", "encode it once"]);
        rejected(&sqs(&json!([text])), &["`body[0]`", "encode it once"]);
        rejected(&json!([text]), &["direct r1[0]!", "`payload[0]`", "encode it once"]);
        rejected(&notification("n1", &text), &["`Message`", "encode it once"]);
        rejected(&event(&text), &["eventbridge e1!", "`detail`", "encode it once"]);
        rejected(&failed(&text), &["`requestPayload`", "encode it once"]);
        let unknown = read(&text).unwrap_err();
        assert!(
            unknown.to_string().contains("encode it once") && unknown.in_log().contains("encode it once")
        );
    }
    // The scheduler's default.
    rejected(&event(&json!("{}")), &["`detail`", "encode it once"]);
    rejected(&event(&json!("later")), &["`detail` is missing or not an object"]);
    rejected(&sqs("\"later\""), &["`body` is JSON, but not an object"]);
    rejected(&sqs(r#"[{"\ud800": 1}]"#), &["`body[0]` is not recognised (it is an object with a name"]);
}

#[test]
fn each_record_is_read_by_its_own_mark() {
    let (a, b) = (record("m0", &request("a")), record("m1", &request("b")));
    let mark = "`eventSource` is neither aws:sqs";
    let s3 = json!({"eventSource": "aws:s3", "s3": {}});
    let named = json!({"messageId": "m7", "body": request("x").to_string()});
    let foreign = json!({"messageId": "m8", "eventSource": "aws:s3", "body": "{}"});
    let unmarked = format!("sqs m7! {mark}…");
    let alien = format!("sqs m8! {mark}…");
    let nameless = format!("sqs ! {mark}…");
    check(&json!({"Records": [a, named, b]}), &["sqs m0 a", &unmarked, "sqs m1 b"]);
    check(&json!({"Records": [named, a]}), &[&unmarked, "sqs m0 a"]);
    check(
        &json!({"Records": [foreign, s3, 7, null, a]}),
        &[&alien, &nameless, &nameless, &nameless, "sqs m0 a"],
    );
    check(&json!({"Records": [sns_record("n1", &request("b")), a]}), &["sns n1 b", "sqs m0 a"]);
    let nowhere = format!("sns r1! {mark}…");
    check(&json!({"Records": [s3, sns_record("n1", &request("b"))]}), &[&nowhere, "sns n1 b"]);
    // In a message all are the message's.
    let inner = format!("sqs m0! {mark}…");
    check(&sqs(&json!({"Records": [foreign, sns_record("n1", &request("b"))]})), &[&inner, "sqs m0 b"]);
    // What is wrong within a mark.
    let mut bodiless = record("m2", "");
    bodiless["body"] = json!({"jobId": "a", "reason": "r"});
    let hollow = json!({"EventSource": "aws:sns", "Sns": "n"});
    check(
        &json!({"Records": [bodiless, hollow]}),
        &[
            "sqs m2! `body` is missing or not a string…",
            "sns r1! `Sns` is missing from a record or not an object…",
        ],
    );
    let mut idless = record("", &request("a"));
    idless["messageId"] = Value::Null;
    check(&json!({"Records": [idless]}), &["sqs  a"]);
    let unknown = read(&json!({"Records": [s3, named]})).unwrap_err();
    assert!(unknown.to_string().contains("none of SQS's or SNS's"));
}

#[test]
fn what_a_record_is_told_does_not_depend_on_its_neighbours() {
    let records =
        [record("m0", &request("a")), json!({"messageId": "m1"}), sns_record("n1", "{"), json!(7), sqs("{}")];
    let told = |records: &[Value]| -> Vec<String> {
        let lines = lines(&json!({"Records": records}));
        lines
            .iter()
            .map(|line| line.split_once('!').map_or(line.as_str(), |(_, told)| told).to_owned())
            .collect()
    };
    let all = told(&records);
    for (index, record) in records.iter().enumerate() {
        let marked = super::tests::record("m9", "{}");
        assert_eq!(told(&[record.clone(), marked.clone()])[0], all[index]);
        assert_eq!(told(&[marked, record.clone()])[1], all[index]);
    }
}

#[test]
fn a_word_of_caution_beside_the_request_stops_everything_it_may_be_about() {
    let put = |mut envelope: Value, at: &str, word: &str| {
        let parent = envelope.pointer_mut(at).unwrap().as_object_mut().unwrap();
        parent.insert(word.to_owned(), json!(true));
        envelope
    };
    let batch =
        json!({"Records": [record("m0", &request("a")), json!({"messageId": "m1"}), sns_record("n1", "{}")]});
    for (word, right) in [
        ("dryRun", "dryRun"),
        ("dry_run", "dryRun"),
        ("DryRun", "dryRun"),
        ("dry-run", "dryRun"),
        ("DRY RUN", "dryRun"),
        ("expect", "expect"),
        ("Expect", "expect"),
        ("_expect", "expect"),
    ] {
        let home = |place: &str| {
            format!(
                "`{word}` stands beside {place}, where it has no effect, so that nothing was done: put `{right}` into the request, beside its `jobId`"
            )
        };
        let said = home("`Records`");
        check(
            &put(batch.clone(), "", word),
            &[&format!("sqs m0! {said}"), &format!("sqs m1! {said}"), &format!("sns n1! {said}")],
        );
        check(
            &put(batch.clone(), "/Records/0", word),
            &[
                &format!("sqs m0! {}", home("a record's `body`")),
                "sqs m1! `eventSource`…",
                "sns n1! `Message` is not recognised…",
            ],
        );
        let a = request("a");
        rejected(&sqs(&put(batch.clone(), "", word)), &[&said, "sqs m0!"]);
        rejected(&put(sqs(&a), "/Records/0/messageAttributes", word), &[&home("a message's attributes")]);
        rejected(&put(sns_record("n1", &a), "", word), &[&home("a record's `Sns`")]);
        rejected(&put(sns_record("n1", &a), "/Sns", word), &[&home("`Message`")]);
        rejected(
            &put(sns_record("n1", &a), "/Sns/MessageAttributes", word),
            &[&home("a message's attributes")],
        );
        rejected(&sqs(&put(notification("n1", &a), "", word)), &["sqs m0!", &home("`Message`")]);
        rejected(&put(failed(&a), "", word), &[&home("`requestPayload`")]);
        let event = put(event(&a), "", word);
        let said = format!("put `{right}` into the event's `detail`");
        rejected(&event, &["eventbridge e1!", "beside `detail`", &said]);
        rejected(&sqs(&event), &["sqs m0!", &said]);
        rejected(
            &sqs(&put(batch_event("Batch Job Queue Blocked", &json!({"jobId": "a"})), "", word)),
            &[&said],
        );
    }
    // The envelopes' own, and what is no wish to be careful.
    for word in ["action", "reason", "metadata", "dryRunner", "expected", "sweep"] {
        check(&put(sqs(&request("a")), "", word), &["sqs m0 a"]);
        check(&put(sqs(&request("a")), "/Records/0", word), &["sqs m0 a"]);
        check(&put(event(&request("a")), "", word), &["eventbridge e1 a"]);
    }
}

#[test]
fn a_word_of_caution_in_the_detail_is_read() {
    let deliveries = read(&event(&json!({"jobId": "a", "reason": "r", "dryRun": true}))).unwrap();
    assert!(deliveries[0].request.as_ref().unwrap().dry_run);
    let blocked = batch_event("Batch Job Queue Blocked", &json!({"jobId": "a", "dryRun": true}));
    assert!(read(&blocked).unwrap()[0].request.as_ref().unwrap().dry_run);
}

#[test]
fn batchs_own_events_are_of_this_function_and_say_why() {
    const BLOCKED: &str = "Batch Job Queue Blocked";
    const CHANGED: &str = "Batch Job State Change";
    let arn = "arn:aws:batch:us-east-1:123456789012:job/a";
    let why = json!({"jobId": "a", "jobArn": arn, "statusReason": "UNDETERMINED - none"});
    let reasoned = json!({"jobId": "a", "jobArn": arn, "reason": "r"});
    let reason =
        |payload: &Value| read(payload).unwrap()[0].request.as_ref().unwrap().reason.as_str().to_owned();
    assert_eq!(reason(&batch_event(BLOCKED, &why)), "Job queue blocked: UNDETERMINED - none");
    assert_eq!(reason(&sqs(&batch_event(BLOCKED, &why))), "Job queue blocked: UNDETERMINED - none");
    assert_eq!(
        reason(&batch_event(BLOCKED, &json!({"jobId": "a"}))),
        "Job queue blocked: no status reason given"
    );
    assert_eq!(reason(&batch_event(CHANGED, &reasoned)), "r");
    rejected(&batch_event(CHANGED, &why), &["`detail.reason`", "input transformer"]);

    for (kind, detail) in [(BLOCKED, &why), (CHANGED, &reasoned), (BLOCKED, &reasoned), (CHANGED, &why)] {
        let but = |at: &str, value: &str| {
            let mut event = batch_event(kind, detail);
            *event.pointer_mut(at).unwrap() = value.into();
            event
        };
        let elsewhere = but("/account", "210987654321");
        rejected(&elsewhere, &["`account`", "`210987654321`", "`123456789012`"]);
        rejected(&sqs(&elsewhere), &["sqs m0!", "`account`"]);
        rejected(&but("/region", "eu-west-3"), &["`region`", "`eu-west-3`", "`us-east-1`"]);
        let theirs = "arn:aws:batch:eu-west-3:123456789012:job/a";
        rejected(&but("/detail/jobArn", theirs), &["`detail.jobArn`", "`eu-west-3`", "`us-east-1`"]);
        let theirs = "arn:aws:batch:us-east-1:210987654321:job/a";
        rejected(&but("/detail/jobArn", theirs), &["`detail.jobArn`", "`210987654321`", "`123456789012`"]);
        rejected(&but("/detail/jobArn", "a"), &["`detail.jobArn`", "not a Batch job's ARN"]);
        let service = "arn:aws:batch:us-east-1:123456789012:service-job/a";
        rejected(&but("/detail/jobArn", service), &["`detail.jobArn`", "service jobs (SageMaker training)"]);
        for kind in ["Batch Service Job State Change", "Batch Service Job Queue Blocked"] {
            rejected(&but("/detail-type", kind), &["`detail-type`", "service jobs (SageMaker training)"]);
        }
        // Where its own is not known, nothing is wrong with another's.
        let elsewhere = serde_json::value::to_raw_value(&elsewhere).unwrap();
        let read = deliveries(&elsewhere, &Rules { account: None, ..RULES }, "r1").unwrap();
        assert_eq!(read[0].request.is_ok(), (kind, detail) != (CHANGED, &why));
    }
    // Others put their events into whichever bus they like.
    check(&event(&reasoned), &["eventbridge e1 a"]);
}

#[test]
fn an_unknown_payload_names_its_keys_to_the_invoker_only() {
    let check = |payload: Value, told: &str, logged: &str| {
        let unknown = read(&payload).unwrap_err();
        let told = format!("the payload is not recognised: {told}. Accepted are");
        let logged = format!("the payload is not recognised: {logged}. Accepted are");
        assert!(unknown.to_string().starts_with(&told), "{unknown}");
        assert!(unknown.in_log().starts_with(&logged), "{}", unknown.in_log());
    };
    let members = "it is an object with 2 members, none of which is known";
    check(json!({"key1": "SECRET", "key2": 2}), "its keys are `key1`, `key2`", members);
    check(
        json!({"Records": [{"s3": 1}]}),
        "its `Records` hold none of SQS's or SNS's",
        "its `Records` hold none of SQS's or SNS's",
    );
    check(json!({"Records": []}), "its `Records` are empty", "its `Records` are empty");
    check(json!({}), "it is an empty object", "it is an empty object");
    check(json!("SECRET"), "it is a string", "it is a string");
    check(json!(null), "it is null", "it is null");
}

#[test]
fn a_rejection_repeats_neither_names_nor_values() {
    let secret = json!({"SECRET": "SECRET", "b": {"SECRET": 1}});
    for payload in [
        sqs(&secret),
        sqs(&json!([secret, "SECRET"])),
        sqs("SECRET"),
        sqs(&json!({"Records": [secret]})),
        sqs(&json!({"jobId": "SECRET/", "reason": "r"})),
        sqs(&failed(&secret)),
        sqs(&event(&secret)),
        sqs(&json!({"detail-type": "SECRET", "source": "SECRET", "detail": "SECRET"})),
        json!([secret, "SECRET"]),
        json!({"Records": [secret, record("m0", "{}")]}),
    ] {
        let lines = lines(&payload);
        assert!(lines.iter().all(|line| line.contains('!') && !line.contains("SECRET")), "{lines:#?}");
    }
}

#[test]
fn depth_is_bounded_and_named() {
    let wrap =
        |times: usize, wrap: &dyn Fn(&Value) -> Value| (0..times).fold(request("a"), |inner, _| wrap(&inner));
    let wraps: [&dyn Fn(&Value) -> Value; 5] = [
        &|inner| notification("n", inner),
        &|inner| sqs(inner),
        &|inner| json!([inner]),
        &|inner| failed(inner),
        &|inner| record("m", inner),
    ];
    for kind in wraps {
        check(&sqs(&wrap(4, kind)), &["sqs m0 a"]);
        rejected(&sqs(&wrap(5, kind)), &["sqs m0!", "wrapped in more than 4 envelopes"]);
    }
    rejected(&wrap(5, wraps[2]), &["direct r1[0][0][0][0]!", "more than 4 envelopes"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    rejected(&sqs(&deep), &["more than 4 envelopes"]);
}

#[test]
fn no_list_is_unpacked_without_end() {
    let list = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
    rejected(&sqs(&list(10_001)), &["sqs m0!", "`body` is a list of 10001 elements", "at most 10000"]);
    rejected(&serde_json::from_str(&list(10_001)).unwrap(), &["direct r1!", "10001 elements"]);
    let records: Vec<Value> = (0..100)
        .map(|n| record(&format!("m{n}"), &list(9_000)))
        .chain([record("z", &request("a"))])
        .collect();
    let lines = lines(&json!({"Records": records}));
    assert!((18_000..20_200).contains(&lines.len()), "{}", lines.len());
    assert_eq!(lines.last().unwrap(), "sqs z a", "one request is never too many");
}

#[test]
fn a_sender_whose_name_cannot_be_one_gets_nothing_done() {
    let mut long = event(&json!({"jobIds": ["a", "b"], "reason": "r"}));
    long["detail-type"] = "x".repeat(2_000).into();
    rejected(&long, &["`detail-type` is longer than anything AWS writes there"]);
}

/// Envelopes and lists around requests and nonsense, as text and as JSON.
fn arbitrary() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(request("a")),
        Just(json!({})),
        Just(json!({"Records": []})),
        Just(json!({"dryRun": true})),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            list.clone().prop_map(Value::from),
            list.prop_map(|records| json!({"Records": records})),
            inner.clone().prop_map(|inner| sqs(&inner)),
            inner.clone().prop_map(|inner| record("m", &inner)),
            inner.clone().prop_map(|inner| notification("n", &inner)),
            inner.clone().prop_map(|inner| sns_record("n", &inner)),
            inner.clone().prop_map(|inner| event(&inner)),
            inner.clone().prop_map(|inner| batch_event("Batch Job Queue Blocked", &inner)),
            inner.clone().prop_map(|inner| failed(&inner)),
            inner.prop_map(|inner| inner.to_string().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_recognised_has_a_delivery(payload in arbitrary()) {
        match read(&payload) {
            Ok(deliveries) => prop_assert_eq!(deliveries.is_empty(), payload == json!([])),
            Err(_) => prop_assert!(!payload.is_array()),
        }
    }

    #[test]
    fn a_message_has_its_own_deliveries_whatever_is_beside_it(bodies in prop::collection::vec(arbitrary(), 1..5)) {
        let records = bodies.iter().enumerate().map(|(n, body)| record(&format!("m{n}"), body));
        let together = lines(&json!({"Records": records.clone().collect::<Vec<_>>()}));
        let alone: Vec<String> = records.flat_map(|record| lines(&json!({"Records": [record]}))).collect();
        prop_assert_eq!(&together, &alone);
        for n in 0..bodies.len() {
            let own = format!("sqs m{n}");
            prop_assert!(together.iter().any(|line| line.starts_with(&own)));
        }
    }
}

#[test]
fn a_result_event_that_comes_back_is_no_request_in_whatever_it_is_wrapped() {
    let detail = json!({"schemaVersion": "1", "requestId": "r", "jobId": "a", "outcome": "cancelled", "action": "cancel",
        "reason": "r", "attempts": 1, "requestedBy": {"source": "direct", "id": "r"}});
    let rejected = json!({"schemaVersion": "1", "requestId": "r", "outcome": "rejected", "why": "w", "attempts": 0,
        "requestedBy": {"source": "direct", "id": "r"}});
    for detail in [detail, rejected] {
        let event = json!({"source": "batch-canceller", "detail-type": "Batch Job Cancellation Result", "id": "e",
            "detail": detail});
        let record = |body: &Value| json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body.to_string()}]});
        let failed = json!({"requestContext": {"functionArn": "f"}, "requestPayload": event});
        for payload in [&event, &detail, &record(&event), &record(&detail), &failed] {
            let deliveries = read(payload).unwrap();
            assert_eq!(deliveries.len(), 1);
            assert!(deliveries.iter().all(is_of_own_result), "{payload}: {deliveries:?}");
        }
    }
    // A producer may have members of these names.
    let request = json!({"jobId": "a", "reason": "r", "outcome": "x", "schemaVersion": 1});
    assert!(read(&request).unwrap()[0].request.is_ok());
}
