//! The settings, read once from environment variables.
//!
//! A value that cannot be understood stops the function at start: no setting has a silent default.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::policy::{Mode, Policy};

/// Everything a deployment can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// How Batch is called.
    pub limits: Limits,
    /// `DEADLINE_RESERVE_MS`: what is kept of an invocation's time for reporting and replying.
    pub deadline_reserve: Duration,
    /// `ALLOW_TERMINATE`: whether requests may terminate started work.
    pub allow_terminate: bool,
    /// `DRY_RUN`: whether every request is a dry run.
    pub dry_run: bool,
    /// `POLICY` or `POLICY_FILE`: what may be stopped.
    pub policy: Option<Arc<Policy>>,
    /// `BULK`: whether to use Batch's bulk calls where they exist.
    pub bulk: bool,
    /// `MAX_JOBS`: the most jobs that one invocation takes on.
    pub max_jobs: usize,
    /// `RESULT_EVENT_BUS`: the event bus, by name or ARN, that each result is put onto as an event.
    pub result_event_bus: Option<String>,
    /// `AWS_LAMBDA_LOG_LEVEL`: the least severe lines that Lambda keeps.
    pub log_level: Level,
}

/// How severe a log line is, in Lambda's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What was done.
    Info,
    /// What to keep an eye on.
    Warn,
    /// What somebody must mend.
    Error,
    /// What ends the process.
    Fatal,
}

impl Level {
    /// The level as log lines write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// What is written at this level and above. `tracing` has nothing above errors.
    #[must_use]
    pub fn filter(self) -> LevelFilter {
        match self {
            Self::Trace => LevelFilter::TRACE,
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error | Self::Fatal => LevelFilter::ERROR,
        }
    }
}

/// How Batch is called.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `MAX_ATTEMPTS`: how often a call for one job may fail by itself, while others pass. Throttled calls do not
    /// count: they are tried again as long as there is time.
    pub max_attempts: u32,
    /// `MAX_IN_FLIGHT`: calls under way at once, in one invocation.
    pub max_in_flight: usize,
    /// `ATTEMPT_TIMEOUT_MS`: how long one call may take.
    pub attempt_timeout: Duration,
    /// `CONFIRM_TIMEOUT_MS`: how long a job is watched after Batch accepted its cancel. 0 looks once.
    pub confirm_timeout: Duration,
    /// `PATIENCE_MS`: how long a service is probed that fails every call, before what is left is handed back.
    pub patience: Duration,
}

/// A setting that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The value is not one of those allowed.
    #[error("{variable}={value:?} is not valid: set it to {allowed}, or leave it out for {default}")]
    Invalid {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
        /// What holds without it.
        default: String,
    },
    /// The variable is not set, and there is no default for it.
    #[error("{variable} is not set: the function needs {needed}")]
    Missing {
        /// The environment variable.
        variable: &'static str,
        /// What it is needed for.
        needed: &'static str,
    },
    /// The variable names certificates that cannot be used.
    #[error("{variable}={path:?} cannot be used ({problem}): set it to {needed}, or leave it out")]
    Certificates {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        path: String,
        /// What is wrong with it.
        problem: String,
        /// What it may name.
        needed: &'static str,
    },
    /// The policy cannot be used.
    #[error("{variable} is not valid: {problem}")]
    Policy {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with the policy, where, and the remedy.
        problem: String,
    },
}

impl Config {
    /// Reads the settings through `lookup`, which gives an environment variable's value.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first variable that is not valid, naming its value and what is allowed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let vars = Variables(lookup);
        let ms = |variable, range, default| vars.number(variable, range, default).map(Duration::from_millis);
        Ok(Self {
            limits: Limits {
                max_attempts: vars.number("MAX_ATTEMPTS", 1..=20, 6)?,
                max_in_flight: vars.number("MAX_IN_FLIGHT", 1..=256, 20)?,
                attempt_timeout: ms("ATTEMPT_TIMEOUT_MS", 100..=60_000, 5_000)?,
                confirm_timeout: ms("CONFIRM_TIMEOUT_MS", 0..=300_000, 3_000)?,
                patience: ms("PATIENCE_MS", 100..=900_000, 10_000)?,
            },
            deadline_reserve: ms("DEADLINE_RESERVE_MS", 100..=60_000, 1_000)?,
            allow_terminate: vars.flag("ALLOW_TERMINATE")?,
            dry_run: vars.flag("DRY_RUN")?,
            policy: policy(&vars)?,
            bulk: vars.choice("BULK", ("auto", true), &[("off", false)])?,
            max_jobs: vars.number("MAX_JOBS", 1..=100_000, 10_000)?,
            result_event_bus: bus(&vars)?,
            log_level: vars.choice(
                "AWS_LAMBDA_LOG_LEVEL",
                ("INFO", Level::Info),
                &[
                    ("TRACE", Level::Trace),
                    ("DEBUG", Level::Debug),
                    ("WARN", Level::Warn),
                    ("ERROR", Level::Error),
                    ("FATAL", Level::Fatal),
                ],
            )?,
        })
    }
}

impl Config {
    /// Whether nothing may be changed, whatever requests say.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run || self.policy.as_ref().is_some_and(|policy| policy.mode() == Mode::DryRun)
    }
}

/// The policy, from the variable itself or from the file that one names.
fn policy<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Result<Option<Arc<Policy>>, ConfigError> {
    let set = |variable| vars.get(variable).filter(|value: &String| !value.is_empty());
    let (variable, text) = match (set("POLICY"), set("POLICY_FILE")) {
        (None, None) => return Ok(None),
        (Some(text), None) => ("POLICY", text),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Policy {
                variable: "POLICY_FILE",
                problem: format!(
                    "{path:?} cannot be read ({error}): name a file of the package or of a layer"
                ),
            })?;
            ("POLICY_FILE", text)
        }
        (Some(_), Some(_)) => {
            let problem = "POLICY is set as well: set one of the two".into();
            return Err(ConfigError::Policy { variable: "POLICY_FILE", problem });
        }
    };
    if variable == "POLICY" && text.contains('\u{fffd}') {
        // What stands in the place of bytes that are not Unicode would match nothing that was meant.
        let problem = "it is not valid Unicode: write it in UTF-8, and U+FFFD, if it is meant, as `\\ufffd`";
        return Err(ConfigError::Policy { variable, problem: problem.into() });
    }
    let policy =
        Policy::parse(&text).map_err(|error| ConfigError::Policy { variable, problem: error.to_string() })?;
    Ok(Some(Arc::new(policy)))
}

/// The event bus, by its name or its ARN.
fn bus<L: Fn(&str) -> Option<String>>(vars: &Variables<L>) -> Result<Option<String>, ConfigError> {
    /// The limit of a name in the API reference.
    const MAX_NAME_CHARS: usize = 256;
    let variable = "RESULT_EVENT_BUS";
    let Some(value) = vars.get(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let is_plain = |text: &str, others: &str| {
        let is_one = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
        !text.is_empty() && text.chars().all(is_one)
    };
    let name = match value.split(':').collect::<Vec<_>>().as_slice() {
        [name] => Some(*name),
        ["arn", partition, "events", region, account, resource] => resource
            .strip_prefix("event-bus/")
            .filter(|_| [partition, region, account].into_iter().all(|part| is_plain(part, "-"))),
        _ => None,
    };
    match name {
        Some(name) if is_plain(name, "/.-_") && name.len() <= MAX_NAME_CHARS => Ok(Some(value)),
        _ => Err(ConfigError::Invalid {
            variable,
            value,
            allowed: "the name of an event bus, or its ARN".into(),
            default: "no events".into(),
        }),
    }
}

/// Environment variables, by a function that gives their values.
pub(crate) struct Variables<L>(L);

#[cfg(feature = "aws")]
impl Variables<()> {
    /// Variables of which an empty one counts as not set, as AWS's SDKs take them.
    pub(crate) fn non_empty(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Variables<impl Fn(&str) -> Option<String>> {
        Variables(move |name: &str| lookup(name).filter(|value| !value.is_empty()))
    }
}

impl<L: Fn(&str) -> Option<String>> Variables<L> {
    pub(crate) fn get(&self, variable: &str) -> Option<String> {
        (self.0)(variable)
    }

    /// A switch, off by default.
    pub(crate) fn flag(&self, variable: &'static str) -> Result<bool, ConfigError> {
        self.choice(variable, ("false", false), &[("true", true)])
    }

    fn number<N>(
        &self,
        variable: &'static str,
        range: RangeInclusive<N>,
        default: N,
    ) -> Result<N, ConfigError>
    where
        N: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.get(variable) else {
            return Ok(default);
        };
        match value.trim().parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(ConfigError::Invalid {
                variable,
                value,
                allowed: format!("a whole number from {} to {}", range.start(), range.end()),
                default: default.to_string(),
            }),
        }
    }

    /// One of several words, in any case.
    fn choice<T: Copy>(
        &self,
        variable: &'static str,
        default: (&str, T),
        others: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let Some(value) = self.get(variable) else {
            return Ok(default.1);
        };
        let words: Vec<_> = std::iter::once(&default).chain(others).collect();
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.trim()));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| ConfigError::Invalid {
            variable,
            allowed: words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or "),
            default: default.0.to_owned(),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_has_a_default() {
        let config = read(&[]).unwrap();
        assert_eq!((config.limits.max_attempts, config.limits.max_in_flight), (6, 20));
        assert_eq!(config.limits.attempt_timeout, Duration::from_secs(5));
        assert_eq!(config.limits.confirm_timeout, Duration::from_secs(3));
        assert_eq!(config.deadline_reserve, Duration::from_secs(1));
        assert_eq!((config.allow_terminate, config.bulk), (false, true));
        assert_eq!(config.log_level, Level::Info);
        assert_eq!((config.max_jobs, config.limits.patience), (10_000, Duration::from_secs(10)));
    }

    #[test]
    fn reads_every_variable() {
        let config = read(&[
            ("MAX_ATTEMPTS", "1"),
            ("MAX_IN_FLIGHT", " 256 "),
            ("ATTEMPT_TIMEOUT_MS", "100"),
            ("CONFIRM_TIMEOUT_MS", "0"),
            ("DEADLINE_RESERVE_MS", "60000"),
            ("ALLOW_TERMINATE", "True"),
            ("BULK", "off"),
            ("MAX_JOBS", "7"),
            ("PATIENCE_MS", "100"),
            ("AWS_LAMBDA_LOG_LEVEL", "warn"),
            ("POLICY", ""),
        ])
        .unwrap();
        assert_eq!((config.limits.max_attempts, config.limits.max_in_flight), (1, 256));
        assert_eq!(config.limits.attempt_timeout, Duration::from_millis(100));
        assert_eq!(config.limits.confirm_timeout, Duration::ZERO);
        assert_eq!(config.deadline_reserve, Duration::from_mins(1));
        assert_eq!((config.allow_terminate, config.bulk), (true, false));
        assert_eq!(config.log_level, Level::Warn);
        assert_eq!((config.max_jobs, config.limits.patience), (7, Duration::from_millis(100)));
    }

    #[test]
    fn an_invalid_value_names_the_variable_the_value_and_what_is_allowed() {
        let check = |variable: &str, value: &str, allowed: &str| {
            let error = read(&[(variable, value)]).unwrap_err().to_string();
            for part in [variable, value, allowed] {
                assert!(error.contains(part), "{error:?} lacks {part:?}");
            }
        };
        check("MAX_ATTEMPTS", "0", "from 1 to 20");
        check("MAX_ATTEMPTS", "", "from 1 to 20");
        check("MAX_IN_FLIGHT", "257", "from 1 to 256");
        check("MAX_IN_FLIGHT", "-1", "from 1 to 256");
        check("ATTEMPT_TIMEOUT_MS", "5s", "from 100 to 60000");
        check("CONFIRM_TIMEOUT_MS", "1.5", "from 0 to 300000");
        check("DEADLINE_RESERVE_MS", "99", "from 100 to 60000");
        check("PATIENCE_MS", "99", "from 100 to 900000");
        check("MAX_JOBS", "0", "from 1 to 100000");
        check("ALLOW_TERMINATE", "yes", "false or true");
        check("BULK", "on", "auto or off");
        check("AWS_LAMBDA_LOG_LEVEL", "LOUD", "INFO or TRACE");
    }

    #[test]
    fn a_policy_that_was_not_read_as_it_was_written_stops_it() {
        let clause = |tag: &str| {
            format!(r#"{{"deny": [{{"id": "a", "when": {{"job": {{"tags": {{"{tag}": ["x"]}}}}}}}}]}}"#)
        };
        // As `to_string_lossy` reads bytes that are not UTF-8.
        let error = read(&[("POLICY", &clause("sch\u{fffd}tz"))]).unwrap_err().to_string();
        assert!(error.starts_with("POLICY is not valid: it is not valid Unicode"), "{error}");
        assert!(read(&[("POLICY", &clause("sch\\ufffdtz"))]).unwrap().policy.is_some());
        // Blanks are no policy, but somebody meant to give one.
        for blank in [" ", "\n", "\t\r\n"] {
            assert!(read(&[("POLICY", blank)]).is_err(), "{blank:?}");
        }
        assert!(read(&[("POLICY", ""), ("POLICY_FILE", "")]).unwrap().policy.is_none());
    }

    #[test]
    fn a_bus_is_given_by_its_name_or_its_arn() {
        let read = |value: &str| read(&[("RESULT_EVENT_BUS", value)]);
        assert_eq!(read("").unwrap().result_event_bus, None);
        let arn = "arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/results";
        for bus in ["default", "team.results_1-a", "aws.partner/example.com/1", arn] {
            assert_eq!(read(bus).unwrap().result_event_bus.as_deref(), Some(bus));
        }
        let long = "b".repeat(257);
        let rule = arn.replace("event-bus", "rule");
        let nowhere = arn.replace("us-gov-west-1", "");
        for wrong in
            [" results", "two buses", "büs", "a:b", "arn:aws:sqs:eu-west-1:1:q", &long, &rule, &nowhere]
        {
            let error = read(wrong).unwrap_err().to_string();
            for part in ["RESULT_EVENT_BUS", "event bus", "no events"] {
                assert!(error.contains(part), "{error:?} lacks {part:?}");
            }
        }
    }
}
