//! Each operator, row by row: what a list of values says to what a field has.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use event_pattern::{Document, Pattern};

/// `values` is the list that stands at a field, `yes` and `no` are what the field has.
fn check(values: &str, yes: &[&str], no: &[&str]) {
    let pattern = Pattern::parse(&format!("{{\"x\": {values}}}")).unwrap();
    for (fields, expected) in [(yes, true), (no, false)] {
        for field in fields {
            let text = if *field == ABSENT { "{}".to_owned() } else { format!("{{\"x\": {field}}}") };
            let document = Document::parse(&text).unwrap();
            assert_eq!(pattern.matches(&document), expected, "{values} of {text}");
        }
    }
}

const ABSENT: &str = "absent";

#[test]
fn exact_values_are_of_one_type() {
    check(r#"["a"]"#, &[r#""a""#, r#"["b", ["a"]]"#, r#""\u0061""#], &[r#""A""#, r#"["ab"]"#, "{}", ABSENT]);
    check(r#"["é"]"#, &[r#""é""#, r#""\u00e9""#], &[r#""e\u0301""#]);
    check(r#"["🛑"]"#, &[r#""\ud83d\uded1""#], &[]);
    check(r#"["stop\""]"#, &[r#""stop\"""#], &[r#""stop""#]);
    check(r#"[""]"#, &[r#""""#], &["null", "[]", ABSENT]);
    check("[null]", &["null", "[1, null]"], &[r#""null""#, "0", "false", "[]", "{}", ABSENT]);
    check("[true]", &["true"], &[r#""true""#, "1", "false"]);
    check("[0]", &["0", "-0", "0.0", "0e9", "-0.0e-7"], &["false", r#""0""#, "null", r#""""#]);
}

#[test]
fn numbers_are_compared_by_value() {
    check("[35]", &["35", "35.0", "3.5e1", "350E-1", "0.35e+2"], &["35.000001", r#""35""#]);
    check("[0.1]", &["0.1", "0.100", "1e-1"], &["0.10000000000000002"]);
    check("[1e300]", &["1e300", "1000e297"], &["1.0000000000000002e300"]);
    check("[9007199254740992]", &["9007199254740992", "9.007199254740992e15"], &["9007199254740993"]);
    // No double holds these; they are what they are all the same.
    check("[9007199254740993]", &["9007199254740993", "9007199254740993.0"], &["9007199254740992"]);
    check("[1e400]", &["1e400", "10e399"], &["1e401", "1e-400", "0"]);
    check(
        "[123456789012345678901234567890]",
        &["123456789012345678901234567890"],
        &["123456789012345678901234567891"],
    );
}

#[test]
fn addresses_are_equal_in_every_spelling() {
    check(r#"["2001:db8::1"]"#, &[r#""2001:0DB8:0::1""#, r#""2001:db8:0:0:0:0:0:1""#], &[r#""2001:db8::2""#]);
    check(
        r#"["10.0.0.1"]"#,
        &[r#""10.0.0.1""#, r#""::ffff:a00:1""#],
        &[r#""10.0.0.1 ""#, r#""10.0.0""#, "10.0"],
    );
    check(r#"[{"exactly": "2001:db8::1"}]"#, &[r#""2001:db8::1""#], &[r#""2001:0DB8:0::1""#]);
    check(r#"[{"anything-but": "2001:db8::1"}]"#, &[r#""2001:0DB8:0::1""#], &[r#""2001:db8::1""#]);
}

#[test]
fn prefix_and_suffix_are_of_strings() {
    check(
        r#"[{"prefix": "ab"}]"#,
        &[r#""ab""#, r#""abc""#],
        &[r#""a""#, r#""Abc""#, r#""xab""#, "5", "null", ABSENT],
    );
    check(r#"[{"prefix": ""}]"#, &[r#""""#, r#""x""#], &["5", "null", "true", "[]", ABSENT]);
    check(r#"[{"suffix": "ß"}]"#, &[r#""groß""#], &[r#""groSS""#, r#""ßx""#]);
    check(r#"[{"suffix": ""}]"#, &[r#""""#], &["0", "null"]);
    check(
        r#"[{"prefix": {"equals-ignore-case": "Straß"}}]"#,
        &[r#""STRASSE""#, r#""straße""#],
        &[r#""stras""#],
    );
    check(
        r#"[{"suffix": {"equals-ignore-case": ".Csv"}}]"#,
        &[r#""a.CSV""#, r#"".csv""#],
        &[r#""csv""#, r#""é.cs""#],
    );
    check(r#"[{"suffix": {"equals-ignore-case": "ßé"}}]"#, &[r#""xSSÉ""#, r#""ßé""#], &[r#""sé""#]);
}

#[test]
fn case_is_ignored_letter_by_letter() {
    check(
        r#"[{"equals-ignore-case": "Prod"}]"#,
        &[r#""PROD""#, r#""prod""#],
        &[r#""production""#, r#""pro""#, "1"],
    );
    check(r#"[{"equals-ignore-case": "ß"}]"#, &[r#""ß""#, r#""SS""#], &[r#""ss""#, r#""Ss""#, r#""s""#]);
    check(r#"[{"equals-ignore-case": "SS"}]"#, &[r#""ss""#, r#""Ss""#], &[r#""ß""#]);
    check(r#"[{"equals-ignore-case": "Σ"}]"#, &[r#""σ""#, r#""Σ""#], &[r#""ς""#]);
    check(r#"[{"equals-ignore-case": "k"}]"#, &[r#""K""#], &[r#""\u212a""#]);
    check(r#"[{"equals-ignore-case": "𐐀"}]"#, &[r#""𐐨""#, r#""𐐀""#], &[]);
    check(r#"[{"equals-ignore-case": ""}]"#, &[r#""""#], &[r#""a""#, "null"]);
}

#[test]
fn wildcards_cover_the_whole_string() {
    check(r#"[{"wildcard": "*"}]"#, &[r#""""#, r#""a*""#], &["1", "null", ABSENT]);
    check(r#"[{"wildcard": "a*a"}]"#, &[r#""aa""#, r#""aba""#], &[r#""a""#, r#""aab""#]);
    check(r#"[{"wildcard": "*ab*ab*"}]"#, &[r#""abab""#, r#""xaabxabx""#], &[r#""aba""#, r#""ab""#]);
    check(r#"[{"wildcard": "a\\*b"}]"#, &[r#""a*b""#], &[r#""axb""#, r#""a\\*b""#]);
    check(r#"[{"wildcard": "\\\\*"}]"#, &[r#""\\x""#, r#""\\""#], &[r#""x""#]);
    check(r#"[{"wildcard": "a?[b].*"}]"#, &[r#""a?[b].c""#], &[r#""axb.c""#]);
    check(r#"[{"wildcard": "ab"}]"#, &[r#""ab""#], &[r#""abc""#]);
    check(r#"[{"wildcard": ""}]"#, &[r#""""#], &[r#""a""#]);
}

#[test]
fn anything_but_takes_any_other_value() {
    check(
        r#"[{"anything-but": "x"}]"#,
        &[r#""y""#, "null", "true", "5", r#"["x", "y"]"#],
        &[r#""x""#, "[]", ABSENT],
    );
    check(r#"[{"anything-but": ""}]"#, &[r#""y""#, "null"], &[r#""""#]);
    check(r#"[{"anything-but": 35}]"#, &[r#""35""#, "36", "null"], &["35.0", "3.5e1"]);
    check(r#"[{"anything-but": [1, 2]}]"#, &["3", "[1, 3]"], &["1", "[1, 2]"]);
    check(r#"[{"anything-but": "a"}, {"anything-but": "b"}]"#, &[r#""a""#, r#""b""#], &[ABSENT]);
    check(r#"[{"anything-but": "a"}, {"exists": false}]"#, &[ABSENT, r#""b""#, "{}"], &[r#""a""#]);
    check(r#"[{"anything-but": {"prefix": "a"}}]"#, &[r#""b""#, "5"], &[r#""ab""#]);
    check(r#"[{"anything-but": {"suffix": ["a", "b"]}}]"#, &[r#""c""#, "null"], &[r#""xb""#]);
    check(r#"[{"anything-but": {"equals-ignore-case": ["Prod", "Live"]}}]"#, &[r#""dev""#], &[r#""PROD""#]);
    check(r#"[{"anything-but": {"wildcard": ["*/a", "b*"]}}]"#, &[r#""a""#, "0"], &[r#""x/a""#, r#""b""#]);
}

#[test]
fn ranges_are_of_numbers() {
    check(r#"[{"numeric": ["=", 5]}]"#, &["5.0"], &["5.1", r#""5""#, "null", ABSENT]);
    check(
        r#"[{"numeric": [">", 0, "<=", 5]}]"#,
        &["0.1", "5", "[9, 3]"],
        &["0", "-0.0", "5.0000001", "[-1, 9]"],
    );
    check(r#"[{"numeric": [">=", -1.5e2]}]"#, &["-150", "1e300"], &["-150.00001"]);
    check(r#"[{"numeric": ["<", 1763800000000]}]"#, &["1763799999999"], &["1763800000000"]);
}

#[test]
fn existence_is_that_of_leaves() {
    check(
        r#"[{"exists": true}]"#,
        &["null", r#""""#, "false", "[[1]]"],
        &["{}", "[]", "[[]]", "[{}]", r#"{"y": 1}"#, ABSENT],
    );
    check(r#"[{"exists": false}]"#, &["{}", "[]", "[[], [{}]]", r#"{"y": 1}"#, ABSENT], &["null", "[1]"]);
    check(r#"[{"exists": false}, "a"]"#, &[ABSENT, r#""a""#], &[r#""b""#]);
}

#[test]
fn blocks_are_of_one_family() {
    check(
        r#"[{"cidr": "10.0.0.7/8"}]"#,
        &[r#""10.255.0.1""#],
        &[r#""11.0.0.1""#, r#""0a00::1""#, "10", r#""10.0.0.1/8""#],
    );
    check(r#"[{"cidr": "0.0.0.0/0"}]"#, &[r#""255.1.1.1""#], &[r#""::1""#, r#""1.2.3""#, r#"" 1.2.3.4""#]);
    check(r#"[{"cidr": "::/0"}]"#, &[r#""fe80::1""#], &[r#""1.2.3.4""#, r#""fe80::1%1""#]);
    check(r#"[{"cidr": "2001:db8::/127"}]"#, &[r#""2001:db8::1""#], &[r#""2001:db8::2""#]);
    check(r#"[{"cidr": "172.16.0.0/12"}]"#, &[r#""172.31.255.255""#], &[r#""172.32.0.0""#]);
}
