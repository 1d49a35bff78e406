//! `bench`: Lambda bootstraps side by side, on a fake Runtime API and an embedded AWS Batch.
//!
//! - `args`, `scenario`: what to run.
//! - `event`, `front`, and the library's `runtime_api` and `process`: the world that a function finds itself in.
//! - `episode`, `ledger`: one run of one command, and whether it told the truth.
//! - `stats`, `figure`, `summary`: from episodes to figures.
//! - `table`, `plot`, `machine`: from figures to a reader.

mod args;
mod episode;
mod event;
mod figure;
mod front;
mod ledger;
mod machine;
mod plot;
mod scenario;
mod stats;
mod summary;
mod table;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use args::{Args, Command};
use front::Identity;
use machine::Machine;
use scenario::Scenario;
use summary::{Column, Results};

fn main() -> ExitCode {
    let args = Args::parse();
    let done = if args.list { print(&list()).map(|()| true).map_err(Into::into) } else { run(&args) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            tell(&format!("bench: {problem}"));
            ExitCode::from(2)
        }
    }
}

/// Runs everything; says whether it was clean.
fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    let commands = args.commands(args.files.iter().map(|file| read(file)).collect::<Result<_, _>>()?)?;
    let machine = Machine::this();
    // The commands get paths in it, and may run elsewhere.
    let own = TempDir::with_prefix("bench-")?;
    let logs = match &args.logs {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| folder.canonicalize())?,
        None => own.path().to_owned(),
    };
    let identity = Identity::new(&logs)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    let versions: Vec<_> =
        commands.iter().map(|command| (command.name.clone(), command.version.clone())).collect();
    print(&table::head(&machine, &versions))?;
    if args.smoke {
        print("\nThis is a smoke run: sizes are far smaller than said below, and times mean nothing.\n")?;
    }
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for scenario in args.scenarios() {
        // Dropping what is under way kills it.
        let results = runtime.block_on(async {
            tokio::select! {
                results = measure(scenario, &commands, &identity, &logs) => results,
                stopped = stopped() => Err(stopped),
            }
        })?;
        if results.columns.is_empty() {
            continue;
        }
        print(&format!("\n{}", table::table(&results)))?;
        problems.extend(results.problems());
        if args.smoke {
            problems.extend(unfinished(&results));
        }
        if let Some(plots) = &args.plots
            && let Some(svg) = plot::plot(&results, &machine)
        {
            fs::create_dir_all(plots)?;
            fs::write(plots.join(format!("bench-{}.svg", results.scenario.name)), svg)?;
        }
        all.push(json_of(&results)?);
    }
    if let Some(file) = &args.json {
        let json = json!({"machine": machine, "commands": commands, "scenarios": all});
        fs::write(file, serde_json::to_string_pretty(&json)? + "\n")?;
    }
    for problem in &problems {
        tell(&format!("bench: {problem}"));
    }
    if !problems.is_empty() {
        // It is kept only if it is needed.
        let _ = own.keep();
        tell(&format!("bench: what the commands printed is in {}", logs.display()));
    }
    Ok(problems.is_empty())
}

/// Waits until somebody wants this program to end.
async fn stopped() -> Box<dyn Error> {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return "signals cannot be watched".into();
    };
    tokio::select! {
        _ = interrupted => "interrupted".into(),
        _ = terminated.recv() => "terminated".into(),
    }
}

/// All repetitions of a scenario. The order of the commands turns by one each time, so that none always
/// follows the same other.
async fn measure(
    scenario: Scenario,
    commands: &[Command],
    identity: &Identity,
    logs: &Path,
) -> Result<Results, Box<dyn Error>> {
    let part = commands.iter().filter(|command| command.takes_part_in(&scenario));
    let mut columns: Vec<_> =
        part.map(|command| Column { command: command.clone(), episodes: Vec::new() }).collect();
    for repetition in 0..scenario.repetitions {
        let count = columns.len();
        for place in 0..count {
            let Some(column) = columns.get_mut((place + repetition) % count) else { continue };
            let name = &column.command.name;
            tell(&format!("{} {}/{} {name}", scenario.name, repetition + 1, scenario.repetitions));
            let log = logs.join(format!("{}-{}-{}.log", scenario.name, file_name(name), repetition + 1));
            column.episodes.push(episode::run(&column.command, &scenario, repetition, identity, &log).await?);
        }
    }
    Ok(Results { scenario, columns })
}

/// In a smoke run everything that can be cancelled must be, and be reported, or a function that does nothing
/// or says nothing would pass. What cannot must be sent back.
fn unfinished(results: &Results) -> Vec<String> {
    let (calm, down) = (results.scenario.is_calm(), results.scenario.is_down());
    let mut problems = Vec::new();
    for column in &results.columns {
        for m in &column.episodes {
            let all = m.cancelled == m.records && m.claims == m.records && m.returned == 0;
            let none = m.cancelled == 0 || m.claims == 0;
            if if down { m.errors > 0 || m.returned < m.records } else { none || (calm && !all) } {
                problems.push(format!(
                    "{}, {}: of {} messages {} were cancelled, {} reported cancelled, {} sent back",
                    results.scenario.name, column.command.name, m.records, m.cancelled, m.claims, m.returned
                ));
            }
        }
    }
    problems
}

fn json_of(results: &Results) -> Result<Value, serde_json::Error> {
    let rows = results.rows();
    let figures = |place: usize| {
        let cells = rows.iter().filter_map(|(figure, row)| Some((figure.key, (*row.get(place)?)?)));
        serde_json::to_value(cells.collect::<BTreeMap<_, _>>())
    };
    let columns = results.columns.iter().enumerate().map(|(place, column)| {
        Ok(json!({
            "command": column.command.name,
            "figures": figures(place)?,
            "episodes": serde_json::to_value(&column.episodes)?,
        }))
    });
    let scenario = &results.scenario;
    Ok(json!({
        "scenario": scenario.name,
        "about": scenario.about,
        "invocations": scenario.invocations,
        "repetitions": scenario.repetitions,
        "latencyMs": u64::try_from(scenario.latency.as_millis()).unwrap_or(u64::MAX),
        "tls": scenario.tls,
        "othersCpus": results.others(),
        "commands": columns.collect::<Result<Vec<_>, serde_json::Error>>()?,
    }))
}

fn read(file: &Path) -> Result<Vec<Command>, String> {
    let json = fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    serde_json::from_str(&json).map_err(|e| format!("{}: {e}", file.display()))
}

fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

fn list() -> String {
    let line = |scenario: &Scenario| format!("{:<17} {}\n", scenario.name, scenario.about);
    scenario::ALL.iter().map(line).collect()
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Progress and complaints. Nobody is left to tell if this fails.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
