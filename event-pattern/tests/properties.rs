//! What must hold for any pattern and any document.

use std::collections::BTreeMap;

use event_pattern::{Document, Pattern, Reading};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

const KEYS: [&str; 6] = ["a", "b", "c", "a.b", "b.c", "a-"];

/// The leaves of a pattern, by their paths.
type Asked = BTreeMap<String, Values>;

/// Numbers, any of which is enough, and whether the leaf exists.
type Values = (Vec<u8>, Option<bool>);

/// A leaf of a document: its path, its value, and in which element of which array it is.
type Seen = (String, Value, Vec<(usize, usize)>);

fn document() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![8 => (0_u8..3).prop_map(|n| json!(n)), 1 => Just(json!(null)), 1 => Just(json!({}))];
    let nested = leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => btree_map(prop::sample::select(&KEYS[..]), inner, 0..4).prop_map(object),
        ]
    });
    btree_map(prop::sample::select(&KEYS[..]), nested, 1..4).prop_map(object)
}

fn object(members: BTreeMap<&str, Value>) -> Value {
    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn asked() -> impl Strategy<Value = Asked> {
    let path = vec(prop::sample::select(&KEYS[..]), 1..4).prop_map(|keys| keys.join("."));
    let tests = (vec(0_u8..3, 0..3), prop::option::weighted(0.3, any::<bool>()));
    btree_map(
        path,
        tests.prop_filter("a list has values", |(values, exists)| !values.is_empty() || exists.is_some()),
        1..5,
    )
}

fn pattern(asked: &Asked) -> String {
    let leaf = |(path, (values, exists)): (&String, &Values)| {
        let exists = exists.map(|exists| json!({"exists": exists}));
        (path.clone(), values.iter().map(|value| json!(value)).chain(exists).collect())
    };
    Value::Object(asked.iter().map(leaf).collect()).to_string()
}

fn flatten(value: &Value, path: &str, at: &[(usize, usize)], arrays: &mut usize, seen: &mut Vec<Seen>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(value, &path, at, arrays, seen);
            }
        }
        Value::Array(items) => {
            *arrays += 1;
            let array = *arrays;
            for (index, item) in items.iter().enumerate() {
                flatten(item, path, &[at, &[(array, index)]].concat(), arrays, seen);
            }
        }
        scalar => seen.push((path.to_owned(), scalar.clone(), at.to_vec())),
    }
}

/// The rules as they are written down, tried out one choice after the other.
fn naive(asked: &[(&String, &Values)], seen: &[Seen], fixed: &BTreeMap<usize, usize>) -> bool {
    let Some(((path, (values, exists)), rest)) = asked.split_first() else { return true };
    let possible = |(other, _, at): &&Seen| {
        other == *path
            && at.iter().all(|(array, index)| fixed.get(array).is_none_or(|chosen| chosen == index))
    };
    let here: Vec<_> = seen.iter().filter(possible).collect();
    if here.is_empty() {
        return *exists == Some(false) && naive(rest, seen, fixed);
    }
    here.iter().any(|(_, value, at)| {
        let met = *exists == Some(true) || values.iter().any(|asked| value == &json!(asked));
        met && naive(rest, seen, &fixed.iter().map(|(a, i)| (*a, *i)).chain(at.iter().copied()).collect())
    })
}

fn wildcard(form: &[char], text: &[char]) -> bool {
    match (form, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            (0..=text.len()).any(|skipped| wildcard(rest, text.get(skipped..).unwrap_or_default()))
        }
        ([letter, rest @ ..], [first, others @ ..]) => letter == first && wildcard(rest, others),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arrays_are_consistent_as_a_naive_matcher_finds(document in document(), asked in asked()) {
        let mut seen = Vec::new();
        flatten(&document, "", &[], &mut 0, &mut seen);
        let expected = naive(&asked.iter().collect::<Vec<_>>(), &seen, &BTreeMap::new());
        let (pattern, text) = (pattern(&asked), document.to_string());
        let read = Pattern::parse(&pattern).unwrap();
        let document = Document::parse(&text).unwrap();
        prop_assert_eq!(read.matches(&document), expected, "{} on {}", pattern, text);
        prop_assert_eq!(read.miss(&document).is_none(), expected);
    }

    #[test]
    fn wildcards_take_what_a_naive_matcher_takes(form in "(\\*?[ab]{1,2}){0,4}\\*?", text in "[abß]{0,8}") {
        let pattern = json!({"x": [{"wildcard": form}]}).to_string();
        let expected = wildcard(&form.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
        let event = json!({"x": text}).to_string();
        let document = Document::parse(&event).unwrap();
        prop_assert_eq!(Pattern::parse(&pattern).unwrap().matches(&document), expected, "{} on {}", pattern, event);
    }

    #[test]
    fn numbers_are_equal_as_doubles_are(one in any::<f64>(), other in any::<f64>()) {
        prop_assume!(one.is_finite() && other.is_finite());
        let pattern = Pattern::parse(&format!("{{\"x\": [{one:e}]}}")).unwrap();
        for (number, expected) in [(one, true), (other, one.total_cmp(&other).is_eq() || one.abs() + other.abs() == 0.0)] {
            let text = format!("{{\"x\": {number}}}");
            prop_assert_eq!(pattern.matches(&Document::parse(&text).unwrap()), expected);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"\\\\a$or0-9.eE+*/ \\n-]{0,40}|\\PC{0,20}") {
        for strict in [false, true] {
            let read = Pattern::parse_with(&text, &Reading { strict, service_limits: strict, ..Reading::default() });
            if let Err(error) = read {
                prop_assert!(!error.to_string().is_empty());
            }
        }
        let ours = Document::parse(&text).is_ok();
        if ours {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn any_json_is_read(document in any_json()) {
        let text = document.to_string();
        let mut read = Document::new();
        prop_assert!(read.json("x", &text).is_ok());
        let pretty = serde_json::to_string_pretty(&json!({"x": document})).unwrap();
        prop_assert!(Document::parse(&pretty).is_ok());
        let _ = Pattern::parse(&pretty);
        let list = json!({"x": [document]}).to_string();
        let _ = Pattern::parse(&list);
    }

    #[test]
    fn what_is_taken_off_leaves_no_trace(first in document(), second in document(), asked in asked()) {
        let (first, second) = (first.to_string(), second.to_string());
        let pattern = Pattern::parse(&pattern(&asked)).unwrap();
        let mut document = Document::parse(&first).unwrap();
        let before = (pattern.matches(&document), pattern.miss(&document));
        let mark = document.mark();
        for field in ["a", "b.c", "z", "a"] {
            document.json(field, &second).unwrap();
            document.text(field, "later");
        }
        document.reset(mark);
        prop_assert_eq!((pattern.matches(&document), pattern.miss(&document)), before);
        document.json("a", &second).unwrap();
        let mut afresh = Document::parse(&first).unwrap();
        afresh.json("a", &second).unwrap();
        prop_assert_eq!(pattern.miss(&document), pattern.miss(&afresh));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        any::<String>(),
        prop::sample::select(vec!["$or", "prefix", "anything-but", "numeric", "exists", "wildcard", "cidr"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
