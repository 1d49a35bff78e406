//! How patterns and documents are read, and what is said of those that cannot be.

use std::fmt::Write;

use event_pattern::{Branch, Class, Document, Exact, Leaf, Pattern, Reading, Test, Undecided, Value};

const STRICT: Reading<'_> = Reading { strict: true, service_limits: false, most_leaves: None, field: None };

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn errors_name_the_place_what_is_wrong_and_the_remedy() {
    let table: [(&str, Class, &str, &str); 37] = [
        ("{\n \"a\": x}", Class::NotJson, "", "no JSON at line 2, column 7: expected a value"),
        (r#"{"a": [1]} x"#, Class::NotJson, "", "something follows the value"),
        (r#"{"a": [01]}"#, Class::NotJson, "", "expected `,` or `]`"),
        (r#"{"a": ["\ud800"]}"#, Class::NotJson, "", "surrogate"),
        ("[1]", Class::NotObject, "", "a pattern is an object, this is a list"),
        ("{}", Class::EmptyObject, "", "name a field"),
        (r#"{"job": {}}"#, Class::EmptyObject, "job", "name a field"),
        (r#"{"job": []}"#, Class::EmptyArray, "job", "name a value"),
        (r#"{"job": {"status": "RUNNING"}}"#, Class::NotArray, "job.status", "write [\"RUNNING\"]"),
        (
            r#"{"reason": {"prefix": "x"}}"#,
            Class::NotArray,
            "reason.prefix",
            "an object in a list: [{\"prefix\": …}]",
        ),
        (r#"{"a": [1, [2]]}"#, Class::BadValue, "a[1]", "a list in a list"),
        (r#"{"a": [{}]}"#, Class::Expression, "a[0]", "an operator should stand here"),
        (
            r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#,
            Class::Expression,
            "a[0]",
            "here are `prefix` and `suffix`",
        ),
        (r#"{"a": [{"anything-but": {}}]}"#, Class::Expression, "a[0].anything-but", "operator"),
        (r#"{"a": ["x", {"prefx": "a"}]}"#, Class::UnknownOperator, "a[1].prefx", "did you mean `prefix`?"),
        (r#"{"a": [{"Prefix": "a"}]}"#, Class::UnknownOperator, "a[0].Prefix", "did you mean `prefix`?"),
        (r#"{"a": [{"anything_but": 1}]}"#, Class::UnknownOperator, "a[0].anything_but", "`anything-but`?"),
        (
            r#"{"job": [{"status": ["x"]}]}"#,
            Class::UnknownOperator,
            "job[0].status",
            "a field cannot stand in a list",
        ),
        (
            r#"{"a": [{"prefix": ["x"]}]}"#,
            Class::Operand,
            "a[0].prefix",
            "one string; write an object for each",
        ),
        (
            r#"{"a": [{"suffix": {"prefix": "x"}}]}"#,
            Class::Operand,
            "a[0].suffix.prefix",
            "equals-ignore-case",
        ),
        (r#"{"a": [{"exists": "no"}]}"#, Class::Operand, "a[0].exists", "true or false, not a string"),
        (r#"{"a": [{"anything-but": [1, "x"]}]}"#, Class::AnythingBut, "a[0].anything-but", "one kind only"),
        (r#"{"a": [{"anything-but": null}]}"#, Class::AnythingBut, "a[0].anything-but", "not null"),
        (r#"{"a": [{"anything-but": []}]}"#, Class::AnythingBut, "a[0].anything-but", "name a value"),
        (
            r#"{"a": [{"anything-but": {"sufix": "x"}}]}"#,
            Class::AnythingBut,
            "a[0].anything-but.sufix",
            "`suffix`?",
        ),
        (
            r#"{"a": [{"anything-but": {"prefix": ["x", ""]}}]}"#,
            Class::AnythingBut,
            "a[0].anything-but.prefix[1]",
            "empty",
        ),
        (
            r#"{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}"#,
            Class::AnythingBut,
            "a[0].anything-but.prefix",
            "not an object",
        ),
        (
            r#"{"age": [{"numeric": []}]}"#,
            Class::Numeric,
            "age[0].numeric",
            "an empty list; write [\"<\", 5]",
        ),
        (
            r#"{"age": [{"numeric": ["<", 5, ">", 1]}]}"#,
            Class::Numeric,
            "age[0].numeric",
            "`>` cannot stand behind",
        ),
        (
            r#"{"age": [{"numeric": [">", 5, "<", 5]}]}"#,
            Class::Numeric,
            "age[0].numeric",
            "no number lies above 5 and below 5",
        ),
        (
            r#"{"age": [{"numeric": ["=", 9007199254740993]}]}"#,
            Class::Number,
            "age[0].numeric",
            "the nearest is 9007199254740992",
        ),
        (r#"{"a": [{"wildcard": "a**"}]}"#, Class::Wildcard, "a[0].wildcard", "two stars"),
        (r#"{"a": [{"wildcard": "\\d*"}]}"#, Class::Wildcard, "a[0].wildcard", "`\\d` is no escape"),
        (r#"{"ip": [{"cidr": "10.0.0.1/32"}]}"#, Class::Cidr, "ip[0].cidr", "write the address alone"),
        (r#"{"$or": [{"a": [1]}]}"#, Class::Or, "$or", "two or more objects, here it has 1"),
        (
            r#"{"$or": [{"a": [1]}, {"job": {"b": ["x", {"prefx": "y"}]}}]}"#,
            Class::UnknownOperator,
            "$or[1].job.b[1].prefx",
            "`prefix`?",
        ),
        (r#"{"$or": [{"a": [1]}, {"b": {"regex": [1]}}]}"#, Class::Or, "$or[1].b.regex", "reserved"),
    ];
    for (pattern, class, place, what) in table {
        let error = Pattern::parse(pattern).unwrap_err();
        assert_eq!((error.class(), error.place()), (class, place), "{pattern}: {error}");
        assert!(error.to_string().contains(what), "{pattern}: {error}");
        let separator = if place.is_empty() { "" } else { ": " };
        assert!(error.to_string().starts_with(&format!("{place}{separator}")), "{error}");
    }
    let error = Pattern::parse(r#"{"a": [{"prefx": "a"}]}"#).unwrap_err().within("deny[1].when");
    assert_eq!(error.place(), "deny[1].when.a[0].prefx");
    assert_eq!(Pattern::parse("5").unwrap_err().within("deny[1]").place(), "deny[1]");
}

#[test]
fn a_strict_reading_refuses_what_weakens_in_silence() {
    let refused = [
        (r#"{"job": {"status": [1]}, "job": {"name": [2]}}"#, Class::Duplicate, "job"),
        (r#"{"job": {"status": [1], "status": [2]}}"#, Class::Duplicate, "job.status"),
        (r#"{"job": {"status": [1]}, "job.status": [2]}"#, Class::Duplicate, "job.status"),
        (r#"{"a.b": {"c": [1]}, "a": {"b": {"d": [1]}}}"#, Class::Duplicate, "a.b"),
        (r#"{"a": [1], "$or": [{"b": [1]}, {"a": [2]}]}"#, Class::Duplicate, "$or[1].a"),
        (r#"{"$or": [{"b": [1]}, {"a": [2]}], "a": [1]}"#, Class::Duplicate, "a"),
        (r#"{"$or": [{"a": [1]}, {"b": [1]}], "$or": [{"c": [1]}, {"d": [1]}]}"#, Class::Duplicate, "$or"),
        (r#"{"$or": [{"prefix": "sq"}, {"suffix": "ns"}]}"#, Class::Or, "$or[0].prefix"),
        (r#"{"$or": ["a", "b"]}"#, Class::Or, "$or[0]"),
        (r#"{"x": {"$or": {"a": [1]}}}"#, Class::Or, "x.$or"),
    ];
    for (pattern, class, place) in refused {
        let error = Pattern::parse_with(pattern, &STRICT).unwrap_err();
        assert_eq!((error.class(), error.place()), (class, place), "{pattern}: {error}");
        Pattern::parse(pattern).unwrap();
    }
    for pattern in [
        r#"{"$or": [{"a": [1]}, {"a": [2]}], "b": [1]}"#,
        r#"{"job": {"tags": {"a": [1]}, "$or": [{"tags": {"b": [1]}}, {"tags": {"c": [1]}}]}}"#,
        r#"{"a": {"b": [1]}, "a.c": [1]}"#,
    ] {
        Pattern::parse_with(pattern, &STRICT).unwrap();
    }
}

#[test]
fn a_hook_sees_every_path_and_may_change_or_refuse_it() {
    let hook = |path: &str| match path {
        "job.status" => Ok(None),
        "action" => Ok(Some("request.action".to_owned())),
        _ => Err(format!("no field `{path}`; did you mean `job.status`?")),
    };
    let reading = Reading { field: Some(&hook), ..Reading::default() };
    let pattern = Pattern::parse_with(r#"{"job": {"status": [1]}, "action": ["x"]}"#, &reading).unwrap();
    let paths: Vec<_> = pattern.branches().iter().flat_map(Branch::leaves).map(Leaf::path).collect();
    assert_eq!(paths, ["job.status", "request.action"]);
    let error =
        Pattern::parse_with(r#"{"$or": [{"action": [1]}, {"job": {"state": [1]}}]}"#, &reading).unwrap_err();
    assert_eq!(error.class(), Class::Field);
    assert_eq!(error.to_string(), "$or[1].job.state: no field `job.state`; did you mean `job.status`?");
}

#[test]
fn branches_multiply_and_show_their_tests() {
    let text = r#"{"$or": [{"a": [1]}, {"b": ["x", null]}], "c": {"$or": [{"d": [{"exists": false}]}, {"e": [1]}]}}"#;
    let pattern = Pattern::parse(text).unwrap();
    let paths = |index: usize| {
        pattern.branches()[index].leaves().map(|leaf| leaf.path().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pattern.branches().len(), 4);
    assert_eq!(paths(1), ["b", "c.d"]);
    let branch = &pattern.branches()[1];
    let leaves: Vec<_> = branch.leaves().collect();
    assert_eq!(leaves[0].tests(), [Test::Exact(Exact::Text("x".into())), Test::Exact(Exact::Null)]);
    assert_eq!(leaves[0].asked(), r#"["x",null]"#);
    assert!(leaves[1].accepts_absence());
}

#[test]
fn limits_hold() {
    let fields = |count: usize| {
        let mut pattern = String::from("{\"z\": [1]");
        (1..count).for_each(|index| write!(pattern, ", \"k{index}\": [1]").unwrap());
        pattern + "}"
    };
    assert!(Pattern::parse(&fields(256)).is_ok());
    assert_eq!(Pattern::parse(&fields(257)).unwrap_err().class(), Class::Limit);
    let branches = |count: usize| format!(r#"{{"$or": [{}]}}"#, vec![r#"{"a": [1]}"#; count].join(","));
    assert!(Pattern::parse(&branches(1000)).is_ok());
    assert_eq!(Pattern::parse(&branches(1001)).unwrap_err().class(), Class::Limit);
    // Ten `$or` of ten would be ten thousand million.
    let or = format!(
        r#"{{"$or": [{}]}}"#,
        (0..10).map(|i| format!(r#"{{"b{i}": [1]}}"#)).collect::<Vec<_>>().join(",")
    );
    let many = format!("{{{}}}", (0..10).map(|i| format!("\"a{i}\": {or}")).collect::<Vec<_>>().join(","));
    assert_eq!(Pattern::parse(&many).unwrap_err().class(), Class::Limit);
    let deep = |depth: usize| format!("{}[1]{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(Pattern::parse(&deep(120)).is_ok());
    assert_eq!(Pattern::parse(&deep(100_000)).unwrap_err().class(), Class::Limit);
    assert!(Document::parse(&deep(100_000)).is_err());

    let service = Reading { service_limits: true, ..Reading::default() };
    let long = |count: usize| format!(r#"{{"a": ["{}"]}}"#, "é".repeat(count - 11));
    assert!(Pattern::parse_with(&long(2048), &service).is_ok());
    for pattern in [
        &long(2049),
        r#"{"a": [{"numeric": ["<", 5000000001]}]}"#,
        r#"{"a": [{"numeric": ["<", 0.0000001]}]}"#,
        r#"{"a": [{"wildcard": "*:*:*:*:*:job/*"}]}"#,
    ] {
        assert_eq!(Pattern::parse_with(pattern, &service).unwrap_err().class(), Class::Limit, "{pattern}");
        assert!(Pattern::parse(pattern).is_ok());
    }
}

#[test]
fn a_document_is_an_object_without_a_key_twice() {
    let table = [
        ("[1]", "a document is an object (byte 0)"),
        (r#"{"a": 1} {}"#, "something follows the value (byte 9)"),
        (r#"{"a": {"b": 1, "c": 2, "b": 3}}"#, "an object has a key twice (byte 30)"),
        (r#"{"a": nul}"#, "expected a value (byte 6)"),
        ("{\"a\": \"\n\"}", "a control character in a string (byte 7)"),
        (r#"{"a": 1."#, "a number that is none (byte 8)"),
    ];
    for (text, expected) in table {
        assert_eq!(Document::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let mut many = String::from("{\"k7\": 0");
    (0..40).for_each(|index| write!(many, ", \"k{index}\": 0").unwrap());
    assert!(Document::parse(&(many + "}")).is_err());

    let mut document = Document::new();
    document.text("reason", "x");
    assert_eq!(
        document.json("job", "{\"status\": }").unwrap_err().to_string(),
        "job: expected a value (byte 11)"
    );
    document
        .json("job", r#"{"status": "RUNNING", "attempts": [{"code": 1}, {"code": 2}], "n": -3.5e0}"#)
        .unwrap();
    document.bool("dry", true);
    document.number("big", u64::MAX);
    document.number("ratio", 0.25);
    assert_eq!(document.get("job.status"), Some(Value::Text("RUNNING")));
    assert_eq!(document.get("job.attempts.code"), Some(Value::Number(1.0)));
    assert_eq!(document.get("job.n"), Some(Value::Number(-3.5)));
    assert_eq!(document.get("dry"), Some(Value::Bool(true)));
    assert_eq!(document.get("ratio"), Some(Value::Number(0.25)));
    assert_eq!(document.get("job"), None);
    assert!(Pattern::parse(r#"{"big": [18446744073709551615]}"#).unwrap().matches(&document));
    assert!(!Pattern::parse(r#"{"big": [18446744073709551616]}"#).unwrap().matches(&document));
}

#[test]
fn a_miss_names_the_leaf_of_the_nearest_branch() {
    let pattern = r#"{"$or": [
        {"job": {"status": ["RUNNABLE"], "queue": ["b"], "n": [1]}},
        {"job": {"status": ["RUNNING"], "n": [{"numeric": ["<", 5]}]}}
    ]}"#;
    let pattern = Pattern::parse(pattern).unwrap();
    let miss = |text: &str| pattern.miss(&Document::parse(text).unwrap()).map(|miss| miss.to_string());
    assert_eq!(miss(r#"{"job": {"status": "RUNNING", "n": 3}}"#), None);
    let expected = r#"job.n is 7.5, not [{"numeric":["<",5]}]"#;
    assert_eq!(miss(r#"{"job": {"status": "RUNNING", "n": 7.50}}"#).as_deref(), Some(expected));
    let expected = r#"job.n is absent, not [{"numeric":["<",5]}]"#;
    assert_eq!(miss(r#"{"job": {"status": "RUNNING"}}"#).as_deref(), Some(expected));
    let expected = r#"job.n is [10,11,12,13,14,15,16,17,…], not [{"numeric":["<",5]}]"#;
    let many = r#"{"job": {"status": "RUNNING", "n": [10, 11, 12, 13, 14, 15, 16, 17, 18]}}"#;
    assert_eq!(miss(many).as_deref(), Some(expected));

    let pattern = Pattern::parse(r#"{"env": {"name": ["STAGE"], "value": ["prod"]}}"#).unwrap();
    let document = r#"{"env": [{"name": "STAGE", "value": "dev"}, {"name": "MODE", "value": "prod"}]}"#;
    let miss = pattern.miss(&Document::parse(document).unwrap()).unwrap();
    assert_eq!((miss.path.as_str(), miss.found.as_deref()), ("env.value", Some(r#"["dev","prod"]"#)));
}

#[test]
fn patterns_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Pattern::parse(r#"{"a": [1]}"#).unwrap());
    shared(&Document::new());
}

#[test]
fn hostile_documents_take_no_time() {
    let leaves = |keys: std::ops::Range<usize>| {
        keys.map(|key| format!("\"k{key:02}\": [1]")).collect::<Vec<_>>().join(",")
    };
    let element =
        format!("{{{}}}", (0..20).map(|key| format!("\"k{key:02}\": 1")).collect::<Vec<_>>().join(","));
    // The last leaf is met by no element that meets the others.
    let last = element.replace("\"k19\": 1", "\"k19\": 2");
    let elements = vec![last.as_str(); 1000].join(",");
    let check = |pattern: &str, document: &str, expected: bool| {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(&Document::parse(document).unwrap()), expected);
    };
    check(&format!("{{\"a\": {{{}}}}}", leaves(0..20)), &format!("{{\"a\": [{elements}]}}"), false);
    // Six arrays, each met in a thousand ways, and then a leaf that is not.
    let arrays = |with: &str| (0..6).map(|key| format!("\"a{key}\": {with}")).collect::<Vec<_>>().join(",");
    let pattern = format!("{{{}, \"z\": [1]}}", arrays(&format!("{{{}}}", leaves(0..3))));
    check(&pattern, &format!("{{{}, \"z\": 2}}", arrays(&format!("[{elements}]"))), false);
    // Arrays in arrays in arrays.
    let nested = (0..4).fold(last.clone(), |inner, _| format!("{{\"b\": [{}]}}", vec![inner; 6].join(",")));
    let pattern = (0..4).fold(format!("{{{}}}", leaves(0..20)), |inner, _| {
        format!("{{\"b\": {inner}, \"b0\": [{{\"exists\": false}}]}}")
    });
    check(&pattern, &nested, false);
    // One path by way of two arrays.
    let tangled = format!("{{\"x\": {{\"y\": [{elements}]}}, \"x.y\": [{elements}]}}");
    let pattern = format!("{{\"x\": {{\"y\": {{{}}}}}}}", leaves(0..20));
    check(&pattern, &tangled, false);
    let (pattern, tangled) = (Pattern::parse(&pattern).unwrap(), Document::parse(&tangled).unwrap());
    assert_eq!(pattern.try_matches(&tangled), Err(Undecided), "nobody takes that for a no");
    assert_eq!(pattern.try_matches(&Document::new()), Ok(false));
    // Stars over letters that almost fit.
    let stars = format!("{{\"x\": [{{\"wildcard\": \"{}b\"}}]}}", "*aaaa".repeat(100));
    check(&stars, &format!("{{\"x\": \"{}\"}}", "a".repeat(100_000)), false);
}

#[test]
fn filling_puts_nothing_where_there_is_a_value() {
    let mut document = Document::new();
    document.json("job", r#"{"tags": {"a": "own", "k8s.io/x": "own"}, "name": "n"}"#).unwrap();
    let mark = document.mark();
    document
        .fill("job.tags", r#"{"a": "other", "b": "other", "k8s.io/x": "other", "c": {"d": [1]}}"#)
        .unwrap();
    let check = |document: &Document<'_>, pattern: &str, expected: bool| {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(document), expected, "{pattern}");
    };
    check(
        &document,
        r#"{"job": {"tags": {"a": ["own"], "b": ["other"], "k8s.io/x": ["own"], "c": {"d": [1]}}}}"#,
        true,
    );
    check(&document, r#"{"job": {"tags": {"a": ["other"]}}}"#, false);
    check(&document, r#"{"job": {"tags": {"k8s.io/x": ["other"]}}}"#, false);
    document.reset(mark);
    assert_eq!(document.get("job.tags.b"), None);
    assert!(document.fill("job.tags", "{").is_err());
    assert_eq!(document.get("job.tags.a"), Some(Value::Text("own")));
}

#[test]
fn a_caller_may_bound_the_leaves_of_all_branches_together() {
    let reading = |most| Reading { strict: true, most_leaves: Some(most), ..Reading::default() };
    for (pattern, leaves) in [
        (r#"{"a": [1]}"#, 1),
        (r#"{"a": [1], "b": {"c": [1], "d": [2]}}"#, 3),
        (r#"{"$or": [{"a": [1]}, {"b": [1], "c": [1]}], "d": [1]}"#, 5),
        (r#"{"d": [1], "$or": [{"a": [1]}, {"b": [1], "c": [1]}]}"#, 5),
        (r#"{"x": {"$or": [{"a": [1]}, {"b": [1]}]}, "y": {"$or": [{"a": [1]}, {"b": [1]}]}}"#, 8),
    ] {
        let read = Pattern::parse_with(pattern, &reading(leaves)).unwrap();
        assert_eq!(
            read.branches().iter().map(|branch| branch.leaves().len()).sum::<usize>(),
            leaves,
            "{pattern}"
        );
        let error = Pattern::parse_with(pattern, &reading(leaves - 1)).unwrap_err();
        assert_eq!(error.class(), Class::Limit, "{pattern}");
    }
}
