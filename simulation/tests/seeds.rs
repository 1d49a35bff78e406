//! Some seeds, always the same, and that a seed decides everything.

use simulation::{Less, Trace, run, run_less, shrink};

#[test]
fn the_same_seed_gives_the_same_story_to_the_letter() {
    for seed in [3, 11, 20] {
        let story = || run(seed, Trace::Kept(Vec::new()));
        let (one, other) = (story(), story());
        assert_eq!(one.trace.lines(), other.trace.lines(), "seed {seed}");
        assert_eq!(one.tally, other.tally, "seed {seed}");
        assert!(one.trace.lines().len() > 10, "seed {seed} tells nothing");
    }
    let other = run(4, Trace::Kept(Vec::new()));
    assert_ne!(run(3, Trace::Kept(Vec::new())).trace.lines(), other.trace.lines());
}

#[test]
fn no_promise_is_broken() {
    let mut outcomes = std::collections::BTreeMap::new();
    for seed in (0..32).chain([49, 179, 230, 543, 1_026, 211_026]) {
        let run = run(seed, Trace::Off);
        assert!(run.violations.is_empty(), "seed {seed}: {:#?}", run.violations);
        outcomes.extend(run.tally.outcomes);
    }
    assert_eq!(outcomes.len(), 17, "every outcome occurs: {outcomes:?}");
}

#[test]
fn what_is_left_out_is_left_out() {
    let seed = 3;
    let nothing = Less { requests: Some([].into()), ..Less::default() };
    assert_eq!(run_less(seed, &nothing, Trace::Off).tally.deliveries, 0);
    let all = run(seed, Trace::Off);
    assert_eq!(run_less(seed, &Less::default(), Trace::Off).tally, all.tally);
    assert_eq!(shrink(&all), Less::default(), "nothing to shrink where nothing is broken");
}
