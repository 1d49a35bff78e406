//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Try a policy of batch-canceller before it decides about real jobs.
///
/// A policy says which AWS Batch jobs may be stopped, and by whom, in EventBridge's event patterns. This command holds it
/// against documents like those the function sees, and stops nothing: it calls ListJobs and DescribeJobs, and those only
/// for `check --sweep` and `explain --job`.
#[derive(Debug, Parser)]
#[command(name = "batch-cancel", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Explain(Box<Explain>),
}

const CHECK_HELP: &str = "\
Examples:
  batch-cancel check policy.json cases.jsonl
  batch-cancel check policy.json --sweep sweep.json

  where cases.jsonl has cases such as
  {\"name\": \"CI may not stop what is protected\",
   \"input\": {\"action\": \"cancel\", \"job\": {\"tags\": {\"cancel-protection\": \"yes\"}}},
   \"expect\": {\"decision\": \"deny\", \"clause\": \"protected\"}}

Warnings name what a policy says but hardly means, such as an `anything-but` that an absent
field slips through. They go to standard error, or into the document with --output json.

--sweep reads the region, the endpoint and credentials as AWS's own tools do, profiles and SSO
included. It calls ListJobs and DescribeJobs, and stops nothing: each job is shown with what
would become of it, whatever the sweep's own `dryRun` says. Terminating is taken as allowed
(ALLOW_TERMINATE=true).

Exit status:
  0  every case is decided as expected; the sweep would be carried out, whatever it finds
  1  one is not; the sweep would stop nothing as it has more matches than maxJobs, or it cannot
     be told of everything, for Batch cannot be had; or there are warnings and --deny-warnings
  2  the policy, the cases or the sweep cannot be read, or the function would reject the sweep";

/// Hold a policy against cases or the jobs of a sweep, and warn of its traps.
///
/// Prints a table of what the policy decides about each case and which clause decided. Where that differs from what is
/// expected, and where no clause matched, it names the nearest clause and the field that kept it from matching.
///
/// With --sweep, it prints what would become of each job that a sweep finds in AWS Batch now.
#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "batch-cancel check [OPTIONS] <POLICY> <CASES | --sweep <FILE>>",
    after_help = CHECK_HELP
)]
pub(crate) struct Check {
    /// The policy, or `-` for standard input.
    pub(crate) policy: PathBuf,
    /// The cases, a JSON list or one JSON object after the other; `-` for standard input.
    #[arg(required_unless_present = "sweep", conflicts_with = "sweep")]
    pub(crate) cases: Option<PathBuf>,
    /// A request with `sweep`, as it would be sent, or an event around one; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) sweep: Option<PathBuf>,
    /// How to print the results; `junit` is for CI systems, and for cases only.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: CheckOutput,
    /// End with 1 if there are warnings; notes do not count.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// A table for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// XML as test tools write it.
    Junit,
}

const EXPLAIN_HELP: &str = "\
Examples:
  batch-cancel explain policy.json --input document.json
  batch-cancel explain policy.json --job 1d828f65-7a4d-42e8-996d-3b900ed59dc4 --action terminate
  aws batch describe-jobs --jobs \"$ID\" |
    batch-cancel explain policy.json --job-detail - --source sqs

--job reads the region, the endpoint and credentials as AWS's own tools do, profiles and SSO
included. It looks at the job, and at its parent where it is an array child or a node, and
changes nothing.

Exit status:
  0  the policy allows it
  1  the policy denies it
  2  that cannot be told";

/// Tell why a policy allows or denies, clause by clause.
///
/// Names the clause that decides, and of every other one whether it matches, or else the field that keeps it from matching,
/// what the clause asks there and what there is.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXPLAIN_HELP)]
pub(crate) struct Explain {
    /// The policy, or `-` for standard input.
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) about: About,
    /// How to print the explanation.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ExplainOutput,
    #[command(flatten)]
    pub(crate) request: Request,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainOutput {
    /// Text for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

/// What is to be decided about.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct About {
    /// The whole document that patterns see, as a case's `input`; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// A job as DescribeJobs shows it: one job of its answer, or the whole answer; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) job_detail: Option<PathBuf>,
    /// The id or ARN of a job to look at, also of an array child (`id:0`) or a node (`id#0`).
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
}

/// The request that is made up around a job.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "What is asked (with --job-detail or --job)")]
pub(crate) struct Request {
    /// Which of Batch's two verbs.
    #[arg(long, value_enum, default_value_t, conflicts_with = "input")]
    pub(crate) action: Action,
    /// Why the job is to be stopped.
    #[arg(long, default_value = "batch-cancel explain", conflicts_with = "input")]
    pub(crate) reason: String,
    /// As if the request were a dry run.
    #[arg(long, conflicts_with = "input")]
    pub(crate) dry_run: bool,
    /// Where the request comes from.
    #[arg(long, value_enum, default_value_t, conflicts_with = "input")]
    pub(crate) source: Source,
    /// The id of the delivery.
    #[arg(long = "request-id", value_name = "ID", default_value = "explain", conflicts_with = "input")]
    pub(crate) delivery_id: String,
    /// Who sent the SQS message.
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    pub(crate) sender_id: Option<String>,
    /// The SQS queue.
    #[arg(long, value_name = "ARN", conflicts_with = "input")]
    pub(crate) queue_arn: Option<String>,
    /// The SNS topic.
    #[arg(long, value_name = "ARN", conflicts_with = "input")]
    pub(crate) topic_arn: Option<String>,
    /// The EventBridge event's `source`.
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(crate) event_source: Option<String>,
    /// The EventBridge event's `detail-type`.
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(crate) detail_type: Option<String>,
    /// The account that put the EventBridge event.
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    pub(crate) account: Option<String>,
    /// The request's `metadata`, a JSON object.
    #[arg(long, value_name = "JSON", conflicts_with = "input")]
    pub(crate) metadata: Option<String>,
    /// Which job, where the file of --job-detail shows several.
    #[arg(long, value_name = "ID", conflicts_with_all = ["input", "job"])]
    pub(crate) id: Option<String>,
    /// When it is asked, as 2026-01-31T12:00:00Z or in milliseconds since 1970, for the job's age [default: now].
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "input")]
    pub(crate) now: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    #[default]
    Cancel,
    Terminate,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    Sqs,
    Sns,
    Eventbridge,
    #[default]
    Direct,
}

/// Milliseconds since 1970.
fn time(text: &str) -> Result<u64, String> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let wrong = || "write it as 2026-01-31T12:00:00Z, or in milliseconds since 1970".to_owned();
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn read(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("batch-cancel").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_is_explained_is_one_thing() {
        assert!(read("explain p.json").is_err());
        assert!(read("explain p.json --input a --job b").is_err());
        assert!(read("explain p.json --input a --source sqs").is_err());
        assert!(read("explain p.json --job a --source sqs --now 5").is_ok());
        assert!(read("explain p.json --job a --id b").is_err());
        assert!(read("check p.json").is_err());
        assert!(read("check p.json cases --sweep s.json").is_err());
        assert!(read("check p.json --sweep s.json").is_ok());
        assert!(read("check - -").is_ok(), "that is told by whoever reads");
    }

    #[test]
    fn a_time_is_a_date_or_a_number() {
        assert_eq!(time("1700000000000"), Ok(1_700_000_000_000));
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        assert_eq!(time("2023-11-14T23:13:20.5+01:00"), Ok(1_700_000_000_500));
        assert!(time("yesterday").is_err() && time("1969-01-01T00:00:00Z").is_err());
    }
}
