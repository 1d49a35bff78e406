//! Runs seeds, and tells which promises were broken.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use simulation::{Kind, Less, Run, Tally, Trace, run_less, shrink, timeline};

/// Runs the function, its queue, Lambda, Batch and other people in one process, on one virtual clock, and checks every
/// promise against the truth.
#[derive(Debug, Parser)]
struct Args {
    /// Replays one seed, and tells its story.
    #[arg(long, conflicts_with_all = ["seeds", "time"])]
    seed: Option<u64>,
    /// Runs these seeds: `A..B`, without `B`.
    #[arg(long, value_parser = range)]
    seeds: Option<Range<u64>>,
    /// Runs fresh seeds for so long: `90s`, `10m`, `2h`. A minute, if nothing else is said.
    #[arg(long = "for", value_parser = duration, conflicts_with = "seeds")]
    time: Option<Duration>,
    /// Of the replayed seed, only these requests.
    #[arg(long, value_delimiter = ',', num_args = 0.., requires = "seed")]
    requests: Option<Vec<usize>>,
    /// Of the replayed seed, only these jobs.
    #[arg(long, value_delimiter = ',', num_args = 0.., requires = "seed")]
    jobs: Option<Vec<usize>>,
    /// Of the replayed seed, only these deeds of other people.
    #[arg(long, value_delimiter = ',', num_args = 0.., requires = "seed")]
    deeds: Option<Vec<usize>>,
    /// The replayed seed without these kinds of trouble.
    #[arg(long, value_delimiter = ',', requires = "seed")]
    without: Vec<Kind>,
    /// Draws the replayed seed's story into this file, as SVG, instead of telling it.
    #[arg(long, value_name = "FILE", requires = "seed")]
    timeline: Option<PathBuf>,
    /// After so many failing seeds, no more are run.
    #[arg(long, default_value_t = 5)]
    failures: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        return replay(seed, &args);
    }
    #[expect(clippy::disallowed_methods, reason = "how long to go on is about the time of the one who waits")]
    let began = Instant::now();
    let time = args.time.unwrap_or(Duration::from_mins(1));
    let fresh = u64::from(fastrand::u32(..)) * 1_000_000;
    let seeds = args.seeds.clone().unwrap_or(fresh..u64::MAX);
    println!("Seeds from {} on", seeds.start);
    let (mut tally, mut failed) = (Tally::default(), 0);
    for seed in seeds {
        if args.seeds.is_none() && began.elapsed() >= time || failed >= args.failures {
            break;
        }
        let run = run_less(seed, &Less::default(), Trace::Off);
        tally.add(&run.tally);
        if !run.violations.is_empty() {
            failed += 1;
            tell(&run);
            println!("  replay it with: cargo run --release -p simulation -- --seed {seed}");
            let less = shrink(&run);
            println!("  or, smaller:    cargo run --release -p simulation -- --seed {seed}{less}");
        }
    }
    summary(&tally, began.elapsed());
    println!("{failed:>12}  seeds with broken promises");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn replay(seed: u64, args: &Args) -> ExitCode {
    let set =
        |list: &Option<Vec<usize>>| list.as_ref().map(|list| list.iter().copied().collect::<BTreeSet<_>>());
    let less = Less {
        requests: set(&args.requests),
        jobs: set(&args.jobs),
        deeds: set(&args.deeds),
        without: args.without.iter().copied().collect(),
    };
    let run = run_less(seed, &less, Trace::Kept(Vec::new()));
    if let Some(file) = &args.timeline {
        if let Err(error) = std::fs::write(file, timeline(&run, &less)) {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    } else {
        run.trace.lines().iter().for_each(|line| println!("{line}"));
    }
    tell(&run);
    if run.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(run: &Run) {
    for violation in run.violations.iter().take(10) {
        let (seconds, millis) = (violation.at / 1_000, violation.at % 1_000);
        println!(
            "seed {} at {seconds}.{millis:03} s breaks `{}`: {}",
            run.seed, violation.promise, violation.text
        );
    }
    let more = run.violations.len().saturating_sub(10);
    if more > 0 {
        println!("  and {more} more");
    }
}

fn summary(tally: &Tally, took: Duration) {
    let line = |count: u64, what: &dyn Display| println!("{count:>12}  {what}");
    line(tally.runs, &format_args!("seeds in {} s", took.as_secs()));
    line(tally.virtual_ms / 3_600_000, &"virtual hours");
    line(tally.deliveries, &"deliveries");
    let seconds = took.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = tally.deliveries as f64 / seconds * 60.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
    line(rate as u64, &"deliveries a minute");
    line(tally.invocations, &"invocations");
    line(tally.instances, &"instances");
    line(tally.calls, &"calls to Batch");
    line(tally.failed_calls, &"of them failed");
    line(tally.stalest, &"ms by which a log line's timestamp was older than the line, at most");
    let told = |outcome: &str| tally.outcomes.get(outcome).copied().unwrap_or_default();
    let denied =
        format!("seeds with a policy, under which {} requests for a job were denied", told("denied"));
    line(tally.policies, &denied);
    let failed = told("precondition_failed");
    line(tally.expecting, &format_args!("seeds with an `expect`, which did not hold for {failed} of them"));
    line(tally.sweeping, &format_args!("seeds with sweeps, for which {} pages were listed", tally.pages));
    println!("Trouble");
    tally.faults.iter().for_each(|(kind, count)| line(*count, kind));
    println!("Outcomes");
    tally.outcomes.iter().for_each(|(outcome, count)| line(*count, outcome));
    println!("Allowed ambiguities");
    tally.ambiguities.iter().for_each(|(what, count)| line(*count, what));
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|wrong| format!("{text:?}: {wrong}"));
    Ok(number(from)?..number(to)?)
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let number: u64 = number.parse().map_err(|wrong| format!("{number:?}: {wrong}"))?;
    match unit {
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_mins(number)),
        "h" => Ok(Duration::from_hours(number)),
        _ => Err(format!("{unit:?} is neither s, m nor h")),
    }
}
