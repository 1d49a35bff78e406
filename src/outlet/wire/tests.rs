use super::super::Fifo;
use super::*;

#[test]
fn a_queues_url_is_its_arn_at_its_partitions_domain() {
    for (arn, domain, url) in [
        (
            "arn:aws:sqs:eu-west-1:123456789012:rest",
            "eu-west-1.amazonaws.com",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/rest",
        ),
        (
            "arn:aws-cn:sqs:cn-north-1:123456789012:rest",
            "cn-north-1.amazonaws.com.cn",
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/rest",
        ),
        (
            "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:rest",
            "us-gov-west-1.amazonaws.com",
            "https://sqs.us-gov-west-1.amazonaws.com/123456789012/rest",
        ),
        (
            "arn:aws-iso-b:sqs:us-isob-east-1:123456789012:rest.fifo",
            "us-isob-east-1.sc2s.sgov.gov",
            "https://sqs.us-isob-east-1.sc2s.sgov.gov/123456789012/rest.fifo",
        ),
    ] {
        let queue = Queue::of(arn).unwrap();
        assert!(domain.starts_with(queue.region), "{arn}");
        assert_eq!(queue.url(domain), url);
    }
}

#[test]
fn what_is_no_queues_arn_is_refused() {
    for arn in [
        "",
        "rest",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/rest",
        "arn:aws:sns:eu-west-1:123456789012:rest",
        "arn:aws:sqs:eu-west-1:123456789012",
        "arn:aws:sqs:eu-west-1:123456789012:",
        "arn:aws:sqs:eu-west-1::rest",
        "arn:aws:sqs::123456789012:rest",
        "arn:aws:sqs:evil.example/:123456789012:rest",
        "arn:aws:sqs:eu-west-1:123456789012:rest:more",
    ] {
        let error = Queue::of(arn).unwrap_err();
        assert_eq!(error.message, format!("{arn:?} is not the ARN of an SQS queue"));
        assert!(!error.is_passing);
    }
}

#[test]
fn a_bus_is_in_the_region_that_its_arn_says() {
    for (bus, region) in [
        ("default", None),
        ("results", None),
        ("arn:aws:events:eu-west-1:123456789012:event-bus/results", Some("eu-west-1")),
        ("arn:aws-cn:events:cn-north-1:123456789012:event-bus/results", Some("cn-north-1")),
        ("arn:aws:sqs:eu-west-1:123456789012:results", None),
        ("arn:aws:events::123456789012:event-bus/results", None),
        ("arn:aws:events:evil.example/:123456789012:event-bus/results", None),
    ] {
        assert_eq!(region_of_bus(bus), region, "{bus}");
    }
}

#[test]
fn endpoints_are_named_by_the_services_rules() {
    for (region, fips, dual_stack, sqs, events) in [
        ("eu-west-1", false, false, "sqs", "events"),
        ("eu-west-1", false, true, "sqs", "events"),
        ("us-east-1", true, false, "sqs-fips", "events-fips"),
        ("us-east-1", true, true, "sqs-fips", "events-fips"),
        ("us-gov-west-1", false, false, "sqs", "events"),
        ("us-gov-west-1", true, false, "sqs", "events"),
        ("us-gov-west-1", true, true, "sqs-fips", "events"),
    ] {
        let prefix = |call: Call| call.prefix(region, fips, dual_stack);
        assert_eq!(
            (prefix(SEND_MESSAGE).as_str(), prefix(PUT_EVENTS).as_str()),
            (sqs, events),
            "{region} {fips}"
        );
    }
}

#[test]
fn bodies_say_what_is_there_and_nothing_else() {
    let mut message = Message { queue_arn: "", body: "{\"a\": \"ü\"}".into(), fifo: None };
    assert_eq!(send_message(&message, "u").unwrap(), r#"{"QueueUrl":"u","MessageBody":"{\"a\": \"ü\"}"}"#);
    message.fifo = Some(Fifo { group: "g", deduplication: "d".into() });
    assert_eq!(
        send_message(&message, "u").unwrap(),
        r#"{"QueueUrl":"u","MessageBody":"{\"a\": \"ü\"}","MessageGroupId":"g","MessageDeduplicationId":"d"}"#
    );
    let event = Event { source: "s", detail_type: "t", detail: "{}".into(), resources: vec!["r".into()] };
    assert_eq!(
        put_events("b", &[event]).unwrap(),
        r#"{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}","Resources":["r"],"EventBusName":"b"}]}"#
    );
}

fn answer(status: u16, code: Option<&str>, body: &str) -> Answer {
    Answer { status, code: code.map(ToOwned::to_owned), body: body.into() }
}

#[test]
fn what_is_no_success_says_why_and_whether_it_passes() {
    let query = Some("AWS.SimpleQueueService.NonExistentQueue;Sender");
    let url = Some("AccessDeniedException:http://internal.amazon.com/coral/");
    for (status, code, body, message, passes) in [
        (
            400,
            query,
            r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "None."}"#,
            "400 QueueDoesNotExist: None.",
            false,
        ),
        (400, query, "", "400 AWS.SimpleQueueService.NonExistentQueue", false),
        (403, url, r#"{"Message": "No."}"#, "403 AccessDeniedException: No.", false),
        (
            400,
            None,
            r#"{"__type": "AccessDeniedException", "Message": "No."}"#,
            "400 AccessDeniedException: No.",
            false,
        ),
        (
            400,
            None,
            r#"{"code": "ValidationException", "message": 1}"#,
            "400: the answer is not SQS's",
            false,
        ),
        (400, None, r#"{"code": "ValidationException"}"#, "400 ValidationException", false),
        (400, None, "", "400", false),
        (403, None, "<html>", "403: the answer is not SQS's", false),
        (404, None, "{}", "404", false),
        (413, None, "", "413", false),
        // Too many, whoever says it.
        (429, None, "", "429", true),
        (429, None, "<html>", "429: the answer is not SQS's", true),
        (400, None, r#"{"__type": "ThrottlingException"}"#, "400 ThrottlingException", true),
        (400, None, r#"{"__type": "com.amazonaws.sqs#RequestThrottled"}"#, "400 RequestThrottled", true),
        (400, None, r#"{"__type": "com.amazonaws.sqs#KmsThrottled"}"#, "400 KmsThrottled", true),
        (400, None, r#"{"__type": "com.amazonaws.sqs#OverLimit"}"#, "400 OverLimit", true),
        (400, Some("RequestLimitExceeded"), "{}", "400 RequestLimitExceeded", true),
        (400, Some("TooManyRequestsException"), "{}", "400 TooManyRequestsException", true),
        // A signature or a clock, which another attempt has anew.
        (403, Some("ExpiredTokenException"), "{}", "403 ExpiredTokenException", true),
        (403, Some("InvalidSignatureException"), "{}", "403 InvalidSignatureException", true),
        (403, Some("SignatureDoesNotMatch"), "{}", "403 SignatureDoesNotMatch", true),
        (400, Some("RequestExpired"), "{}", "400 RequestExpired", true),
        (408, None, "", "408", true),
        (302, None, "", "302", true),
        (500, None, r#"{"__type": "InternalFailure", "message": "Oh."}"#, "500 InternalFailure: Oh.", true),
        (502, None, "<html>", "502: the answer is not SQS's", true),
        (503, Some("AccessDeniedException"), "", "503 AccessDeniedException", true),
    ] {
        let error = answer(status, code, body).sent().unwrap_err();
        assert_eq!((error.message.as_str(), error.is_passing), (message, passes), "{status} {code:?} {body}");
    }
    let error = answer(502, None, "<html>").published(1).unwrap_err();
    assert_eq!(error.message, "502: the answer is not EventBridge's");
}

#[test]
fn a_long_message_is_cut() {
    let body = format!(r#"{{"message": "{}"}}"#, "ü".repeat(2_000));
    assert!(answer(400, None, &body).sent().unwrap_err().message.len() < 1_020);
    let body = format!(r#"{{"Entries": [{{"ErrorCode": "A", "ErrorMessage": "{}"}}]}}"#, "ü".repeat(2_000));
    let events = answer(200, None, &body).published(1).unwrap();
    assert!(events[0].as_ref().unwrap().message.len() < 1_020);
}

#[test]
fn a_message_is_sent_when_it_has_an_id() {
    let body = r#"{"MD5OfMessageBody": "0", "MessageId": "id", "SequenceNumber": "1"}"#;
    assert_eq!(answer(200, None, body).sent(), Ok("id".into()));
    for body in [
        "",
        "{}",
        "[]",
        "[\"id\"]",
        "null",
        "<html>",
        r#"{"MessageId": ""}"#,
        r#"{"MessageId": 1}"#,
        "{\"MessageId",
    ] {
        let error = answer(200, None, body).sent().unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.is_passing),
            ("200: the answer is not SQS's", true),
            "{body}"
        );
    }
}

/// What an answer says of events: `.` for one that was taken, `~` for a failure that passes, `!` for another.
fn told(body: &str, events: usize) -> Result<String, String> {
    let told = answer(200, None, body).published(events).map_err(|error| {
        assert!(error.is_passing, "{body}");
        error.message
    })?;
    let sign =
        |error: Option<OutletError>| error.map_or('.', |error| if error.is_passing { '~' } else { '!' });
    Ok(told.into_iter().map(sign).collect())
}

#[test]
fn each_event_is_told_of_in_its_place() {
    let entries = |codes: &[&str]| {
        let entry = |code: &&str| match *code {
            "" => r#"{"EventId": "1"}"#.to_owned(),
            "-" => "{}".to_owned(),
            code => format!(r#"{{"ErrorCode": "{code}", "ErrorMessage": "Why."}}"#),
        };
        let entries = codes.iter().map(entry).collect::<Vec<_>>().join(", ");
        format!(r#"{{"FailedEntryCount": 0, "Entries": [{entries}]}}"#)
    };
    for (codes, expected) in [
        (&[][..], ""),
        (&["", ""], ".."),
        (&["", "MalformedDetail", "ThrottlingException", ""], ".!~."),
        (&["InternalFailure", "InternalException", "-"], "~~~"),
        (
            &["NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException", "InvalidArgument"],
            "!!!",
        ),
    ] {
        assert_eq!(told(&entries(codes), codes.len()), Ok(expected.into()), "{codes:?}");
    }
    let body = entries(&["MalformedDetail"]);
    let events = answer(200, None, &body).published(1).unwrap();
    assert_eq!(events[0].as_ref().unwrap().message, "MalformedDetail: Why.");
}

#[test]
fn an_answer_about_other_events_says_nothing_of_these() {
    let other = |there: usize, events: usize| {
        Err(format!("EventBridge's answer tells of {there} events instead of {events}"))
    };
    assert_eq!(told(r#"{"Entries": [{"EventId": "1"}]}"#, 2), other(1, 2));
    assert_eq!(told(r#"{"Entries": [{"EventId": "1"}, {"EventId": "2"}]}"#, 1), other(2, 1));
    assert_eq!(told(r#"{"Entries": []}"#, 1), other(0, 1));
    for body in ["", "{}", "[[]]", "<html>", r#"{"Entries": null}"#, r#"{"Entries": [1]}"#] {
        assert_eq!(told(body, 1), Err("200: the answer is not EventBridge's".into()), "{body}");
    }
}
