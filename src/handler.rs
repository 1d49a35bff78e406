//! One invocation, from payload to reply.

use futures_util::future::join;
use futures_util::stream;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::batch::BatchApi;
use crate::config::Config;
use crate::engine::{Memory, Terms, carry_out};
use crate::guard::Guard;
use crate::intake::Intake;
use crate::log::Log;
use crate::outbox::Outbox;
use crate::outcome::{Outcome, Verdict};
use crate::outlet::Outlet;
use crate::publisher::Publisher;
use crate::reply::{InvocationError, Reply, reply};
use crate::report::Report;
use crate::request::Rules;
use crate::sweep::Ended;
use crate::trigger::{UnknownPayload, deliveries, takes_back_in_part};
use crate::{clock, deadline, intake, rest};

/// What lasts from one invocation to the next.
#[derive(Debug)]
pub struct Function<B> {
    batch: B,
    config: Config,
    region: Option<String>,
    memory: Memory,
    log: Log,
    /// Where what is left of sweeps goes, and results as events.
    outlet: Option<Box<dyn Outlet>>,
    /// The wall clock, in milliseconds since 1970.
    clock: fn() -> u64,
}

impl<B: BatchApi> Function<B> {
    /// A function that calls `batch`, which is in `region`, and logs to `log`.
    #[must_use]
    pub fn new(batch: B, config: Config, region: Option<String>, log: Log) -> Self {
        let memory = Memory::new(config.bulk);
        Self { batch, config, region, memory, log, outlet: None, clock: clock::unix_ms }
    }

    /// The same function by another clock, in milliseconds since 1970.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> u64) -> Self {
        Self { clock, ..self }
    }

    /// The same function with a way to put messages into queues, and events onto buses.
    #[must_use]
    pub fn with_outlet(self, outlet: Box<dyn Outlet>) -> Self {
        Self { outlet: Some(outlet), ..self }
    }

    /// Hands on what is left of a sweep, where that is better than to let it come back.
    async fn hand_on(&self, sweep: &mut Ended, intake: &Intake, outbox: &Outbox<'_>, until: Instant) {
        let message =
            outbox.cut_short(sweep.delivery).filter(|_| !self.config.is_dry_run()).and_then(|stopped| {
                let delivery = intake.taken().get(sweep.delivery)?;
                rest::message(delivery, self.config.policy.as_deref(), stopped)
            });
        if let (Some(message), Some(outlet), Outcome::Swept) = (message, &self.outlet, sweep.verdict.outcome)
        {
            let limit = self.config.limits.attempt_timeout;
            let sent = rest::hand_on(&**outlet, &message, limit, until).await;
            sweep.verdict = match sent {
                Ok(id) => Verdict::because(Outcome::HandedOn, format!("the rest is message {id}")),
                Err(error) => {
                    let why = format!("the rest could not be handed on, and comes back: {error}");
                    Verdict::because(Outcome::Swept, why)
                }
            };
        }
    }

    /// The bus for results, and the way there, as far as there is one.
    fn bus(&self) -> Option<(&str, Option<&dyn Outlet>)> {
        Some((self.config.result_event_bus.as_deref()?, self.outlet.as_deref()))
    }

    fn rules<'a>(&'a self, context: &'a Context) -> Rules<'a> {
        Rules {
            region: self.region.as_deref(),
            account: account(&context.invoked_function_arn),
            allow_terminate: self.config.allow_terminate,
        }
    }
}

/// Handles one invocation.
///
/// The payload stays unparsed until it is known what it is: one that fails a typed deserialisation would
/// never get here, and could not be reported on.
///
/// # Errors
///
/// When the payload is unknown, or when something is not settled and the source takes no partial answer.
pub async fn handle<B: BatchApi>(
    function: &Function<B>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Reply, InvocationError> {
    let LambdaEvent { payload, context } = event;
    reply(&process(function, payload, &context, Keep::ForTheReply).await?)
}

/// Which results a report is to have, besides their counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those that the reply may need: none for SQS.
    ForTheReply,
    /// All, whatever the source, up to what a reply can hold.
    Always,
}

/// Deals with every request of a payload.
///
/// # Errors
///
/// When the payload is unknown.
pub async fn process<B: BatchApi>(
    function: &Function<B>,
    payload: Box<RawValue>,
    context: &Context,
    keep: Keep,
) -> Result<Report, UnknownPayload> {
    let begun = Instant::now();
    let Function { batch, config, memory, clock, .. } = function;
    let mut lines = function.log.lines(&context.request_id);
    lines.at(clock());
    let deliveries = deliveries(&payload, &function.rules(context), &context.request_id)
        .inspect_err(|unknown| lines.unknown(&unknown.in_log()))?;
    drop(payload);
    let intake = intake::admit(deliveries, config.max_jobs);
    let results = intake.results();
    let whole = deadline::budget(context.deadline, clock(), config.deadline_reserve, results);
    let about = (context.request_id.as_str(), context.invoked_function_arn.as_str());
    let publisher = Publisher::new(function.bus(), about, &config.limits, whole, results);
    let before_publishing = whole.saturating_sub(publisher.kept());
    let budget = before_publishing.saturating_sub(rest::kept(before_publishing, intake.taken()));
    let keep = keep == Keep::Always || !takes_back_in_part(&intake.deliveries);
    let mut outbox = Outbox::new(&intake.deliveries, lines, *clock, keep, &publisher);
    outbox.admit(&intake);
    let terms = Terms { limits: &config.limits, memory, budget };
    let policy = config.policy.as_deref();
    let guard = Guard::new(policy, intake.taken(), config.is_dry_run(), *clock);
    let orders = stream::iter(intake.orders(config.is_dry_run()));
    let work = async {
        let tally = carry_out(batch, orders, &guard, &mut outbox, terms).await;
        for mut sweep in guard.into_sweeps() {
            function.hand_on(&mut sweep, &intake, &outbox, begun + before_publishing).await;
            outbox.sweep(sweep);
        }
        publisher.close();
        tally
    };
    let (tally, ()) = join(work, publisher.publish(begun + whole)).await;
    let gathered = outbox.close(service(context), tally, begun.elapsed(), policy);
    Ok(Report::new(intake.deliveries, gathered, tally))
}

/// The name of the function, as metrics have it.
fn service(context: &Context) -> &str {
    match context.env_config.function_name.as_str() {
        // Outside of Lambda, there may be none.
        "" => env!("CARGO_PKG_NAME"),
        name => name,
    }
}

/// The account in a function's ARN, where it is one (`cargo lambda watch` sends something else).
fn account(function_arn: &str) -> Option<&str> {
    match function_arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", _, account, _] => Some(account),
        _ => None,
    }
}
