//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::{Deserialize, Serialize};

use crate::scenario::{self, Scenario};

/// A bootstrap to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    pub(crate) name: String,
    /// What it is and in which versions.
    #[serde(default)]
    pub(crate) version: String,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// Variables that only this command gets.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// The only scenarios in which it makes sense; empty: all.
    #[serde(default)]
    pub(crate) only: Vec<String>,
}

impl Command {
    pub(crate) fn takes_part_in(&self, scenario: &Scenario) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == scenario.name)
    }
}

/// Drives Lambda bootstraps against a fake Runtime API and an embedded AWS Batch, side by side.
#[derive(Debug, Parser)]
#[command(
    after_help = "Ends with 1 if a command failed, or acknowledged or reported what did not happen; with 2 if misused."
)]
pub(crate) struct Args {
    /// A bootstrap and its arguments, split at spaces; repeat it to compare. The first command is the base of all
    /// ratios.
    #[arg(long = "command", value_name = "NAME=COMMAND", value_parser = command)]
    pub(crate) commands: Vec<Command>,
    /// More of them, as JSON (see README.md).
    #[arg(long = "commands", value_name = "FILE", required_unless_present_any = ["commands", "list"])]
    pub(crate) files: Vec<PathBuf>,
    /// What a command is, for tables and plots.
    #[arg(long = "version", value_name = "NAME=TEXT", value_parser = pair)]
    pub(crate) versions: Vec<(String, String)>,
    /// The only scenarios in which a command takes part.
    #[arg(long, value_name = "NAME=SCENARIO,…", value_parser = pair)]
    pub(crate) only: Vec<(String, String)>,
    /// Instead of each scenario's own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repetitions: Option<u16>,
    /// Plain HTTP everywhere, which flatters everybody.
    #[arg(long)]
    pub(crate) plain: bool,
    /// One small repetition of everything, to see that it works.
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Where every episode and every figure goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where an SVG goes for each scenario that has one.
    #[arg(long, value_name = "DIR")]
    pub(crate) plots: Option<PathBuf>,
    /// Where to keep what the commands print.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
    /// Say what the scenarios are, and run nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// All, if none is named.
    #[arg(value_name = "SCENARIO", value_parser = PossibleValuesParser::new(scenario::ALL.map(|scenario| scenario.name)))]
    pub(crate) scenarios: Vec<String>,
}

impl Args {
    /// The scenarios asked for, or else all, in their own order, as the options change them.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let asked = |scenario: &Scenario| {
            self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario.name)
        };
        let adapt = |scenario: Scenario| {
            let mut scenario = if self.smoke { scenario.small() } else { scenario };
            scenario.repetitions = self.repetitions.map_or(scenario.repetitions, usize::from);
            scenario.tls &= !self.plain;
            scenario
        };
        scenario::ALL.into_iter().filter(asked).map(adapt).collect()
    }

    /// The commands given here, then those of `files`, with their versions.
    pub(crate) fn commands(&self, files: Vec<Vec<Command>>) -> Result<Vec<Command>, String> {
        let mut commands = self.commands.clone();
        commands.extend(files.into_iter().flatten());
        if commands.is_empty() {
            return Err("the files hold no commands".to_owned());
        }
        for (name, version) in &self.versions {
            named(&mut commands, name)?.version.clone_from(version);
        }
        for (name, list) in &self.only {
            let command = named(&mut commands, name)?;
            command.only.extend(list.split(',').map(ToOwned::to_owned));
        }
        let known = |name: &String| scenario::ALL.iter().any(|scenario| scenario.name == name);
        if let Some(name) = commands.iter().flat_map(|command| &command.only).find(|name| !known(name)) {
            return Err(format!("{name} is not a scenario; see --list"));
        }
        for (place, command) in commands.iter().enumerate() {
            if commands.iter().take(place).any(|other| other.name == command.name) {
                return Err(format!("there are two commands named {}", command.name));
            }
            if command.argv.is_empty() {
                return Err(format!("the command {} is empty", command.name));
            }
        }
        Ok(commands)
    }
}

fn named<'a>(commands: &'a mut [Command], name: &str) -> Result<&'a mut Command, String> {
    let command = commands.iter_mut().find(|command| command.name == name);
    command.ok_or_else(|| format!("there is no command named {name}"))
}

fn command(text: &str) -> Result<Command, String> {
    let (name, line) = pair(text)?;
    let argv = line.split_whitespace().map(ToOwned::to_owned).collect();
    Ok(Command { name, version: String::new(), argv, env: BTreeMap::new(), only: Vec::new() })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text} is not NAME=…"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("bench").chain(line.split_whitespace()))
    }

    fn run(line: &str) -> Args {
        read(line).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn reads_every_option() {
        let args = run(
            "--command a=./a --commands more.json --version a=1.0 --only a=cold --repetitions 3 --plain \
                        --json out.json --plots docs --logs logs one cold",
        );
        assert_eq!(args.commands[0].argv, ["./a"]);
        assert_eq!(args.files, [PathBuf::from("more.json")]);
        assert_eq!(args.versions, [("a".to_owned(), "1.0".to_owned())]);
        assert_eq!(args.only, [("a".to_owned(), "cold".to_owned())]);
        assert_eq!(args.json, Some("out.json".into()));
        assert_eq!(args.plots, Some("docs".into()));
        assert_eq!(args.logs, Some("logs".into()));
        let scenarios = args.scenarios();
        assert_eq!(scenarios.iter().map(|s| s.name).collect::<Vec<_>>(), ["cold", "one"]);
        assert!(scenarios.iter().all(|s| s.repetitions == 3 && !s.tls));
    }

    #[test]
    fn a_command_has_a_name_and_arguments() {
        assert_eq!(command("a=x y=1 z").unwrap().argv, ["x", "y=1", "z"]);
        assert!(command("x").is_err());
    }

    #[test]
    fn commands_are_told_apart_by_name() {
        let args = run("--command a=x --command b=y --version b=2");
        let more = |name: &str| vec![vec![command(&format!("{name}=z")).unwrap()]];
        let commands = args.commands(more("c")).unwrap();
        assert_eq!(commands.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(commands[1].version, "2");
        assert!(args.commands(more("a")).is_err());
        assert!(run("--command a=").commands(vec![]).is_err());
        assert!(run("--commands none.json").commands(vec![vec![]]).is_err());
        assert!(run("--command a=x --version b=2").commands(vec![]).is_err());
    }

    #[test]
    fn a_command_can_be_kept_to_some_scenarios() {
        let commands = run("--command a=x --command b=y --only b=cold,one").commands(vec![]).unwrap();
        let parts = |command: &Command| scenario::ALL.iter().filter(|s| command.takes_part_in(s)).count();
        assert_eq!((parts(&commands[0]), parts(&commands[1])), (scenario::ALL.len(), 2));
        assert!(run("--command a=x --only a=nonsense").commands(vec![]).is_err());
        assert!(run("--command a=x --only b=cold").commands(vec![]).is_err());
    }

    #[test]
    fn smoke_is_small_and_covers_everything() {
        let scenarios = run("--smoke --command a=x").scenarios();
        assert_eq!(scenarios.len(), scenario::ALL.len());
        assert!(scenarios.iter().all(|s| s.repetitions == 1));
    }

    #[test]
    fn misuse_is_told() {
        for line in [
            "",
            "--command",
            "--command a",
            "--smoke",
            "--command a=x --repetitions 0",
            "--command a=x nonsense",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(run("--list").list);
    }
}
