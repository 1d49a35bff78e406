//! Runs seeds.

fn main() {
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(0);
    let to: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(from + 1);
    let mut tally = simulation::Tally::default();
    let mut bad = 0;
    for seed in from..to {
        let trace = if to == from + 1 { simulation::Trace::Kept(vec![]) } else { simulation::Trace::Off };
        let run = simulation::run(seed, trace);
        for line in run.trace.lines() {
            println!("{line}");
        }
        for violation in &run.violations {
            println!("seed {seed} at {}: {}: {}", violation.at, violation.promise, violation.text);
        }
        bad += usize::from(!run.violations.is_empty());
        tally.add(&run.tally);
    }
    println!("{tally:#?} bad {bad}");
}
