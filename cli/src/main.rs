//! `batch-cancel`: the command for people.
//!
//! - [`args`]: the command line, with its help;
//! - [`check`]: holds a policy against [`cases`], or against what a sweep finds;
//! - [`explain`]: why a policy allows or denies one request for one job;
//! - [`lint`]: what a policy says but hardly means, by the [`schema`] of the document that patterns see;
//! - [`batch`]: AWS Batch, called as AWS's own tools call it;
//! - [`output`]: all that is printed.
//!
//! Nothing here stops a job.

mod args;
mod batch;
mod cases;
mod check;
mod document;
mod explain;
mod input;
mod json;
mod lint;
mod names;
mod output;
mod schema;
mod trouble;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use output::Screen;
use trouble::Trouble;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(trouble) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "{trouble}");
            ExitCode::from(2)
        }
    }
}

/// Does what is asked, and tells whether the answer is yes: all as expected, allowed, or to be carried out.
fn run(args: &Args) -> Result<bool, Trouble> {
    let screen = Screen::stdout();
    match &args.command {
        Command::Check(args) => check::run(args, screen, Screen::stderr()),
        Command::Explain(args) => explain::run(args, screen),
    }
}
