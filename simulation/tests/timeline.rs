//! The picture of a seed: all of it is there, and it is the same each time.

use simulation::{Less, Trace, run, timeline};

fn draw(seed: u64) -> (Vec<String>, String) {
    let run = run(seed, Trace::Kept(Vec::new()));
    (run.trace.lines(), timeline(&run, &Less::default()))
}

/// What stands in all lines between `before` and `after`.
fn named<'a>(lines: &'a [String], before: &str, after: &str) -> Vec<&'a str> {
    let name = |line: &'a String| {
        let (_, rest) = line.split_once(before)?;
        rest.split_once(after).map(|(name, _)| name)
    };
    lines.iter().filter_map(name).collect()
}

#[test]
fn the_same_seed_gives_the_same_picture_to_the_byte() {
    for seed in [3, 11, 3_386] {
        assert_eq!(draw(seed).1, draw(seed).1, "seed {seed}");
    }
}

#[test]
fn every_message_request_invocation_call_and_job_is_drawn() {
    for seed in [3, 11, 20, 862, 1_026, 3_386, 42_909] {
        let (lines, svg) = draw(seed);
        let check = |names: Vec<&str>, drawn: &dyn Fn(&str) -> Vec<String>| {
            assert!(!names.is_empty(), "seed {seed} has nothing to draw");
            for name in names {
                let any = drawn(name).iter().any(|text| svg.contains(text));
                assert!(any, "seed {seed} does not show {:?}", drawn(name));
            }
        };
        check(named(&lines, "request ", " is sent by"), &|name| vec![format!("request {name}, ")]);
        check(named(&lines, " makes call ", ": "), &|name| vec![format!(": call {name}: ")]);
        check(named(&lines, " invocation ", " on instance"), &|name| vec![format!(">invocation {name}, ")]);
        check(named(&lines, " ", " is submitted: "), &|name| {
            let name = name.trim().rsplit(' ').next().unwrap_or_default();
            vec![format!(">{name}: ")]
        });
        for message in named(&lines, "message ", " carries request") {
            let as_any = [" (", ", ", ">"].iter().any(|before| {
                [")", ",", ":", " "].iter().any(|after| svg.contains(&format!("{before}{message}{after}")))
            });
            assert!(as_any, "seed {seed} does not show message {message}");
        }
    }
}

#[test]
fn a_picture_is_small_and_plain() {
    let (_, svg) = draw(3_386);
    assert!(svg.len() < 150_000, "{} bytes", svg.len());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("prefers-color-scheme:dark"));
    assert!(!svg.contains("<script") && !svg.contains("href"));
    let opened = svg.matches('<').count() - svg.matches("</").count() - svg.matches("/>").count();
    assert_eq!(opened, svg.matches("</").count(), "what is opened is closed");
}
