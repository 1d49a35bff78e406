//! One run, from its seed to its end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use batch_canceller::handler::{Function, handle};
use batch_canceller::log::Log;
use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::batch::{Listener, SimBatch};
use crate::checker::{End, Violation};
use crate::payload::{FUNCTION_ARN, REGION};
use crate::plan::Plan;
use crate::stage::{Shared, Stage, Start, enter, ms};
use crate::tally::Tally;
use crate::trace::Trace;
use crate::{EPOCH_MS, Ms};

thread_local! {
    /// When the run on this thread began.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Promises that were broken, in the order in which that was noticed.
    pub violations: Vec<Violation>,
    /// Counts.
    pub tally: Tally,
    /// The story, if it was asked for.
    pub trace: Trace,
}

/// The virtual time since the run on this thread began.
pub(crate) fn now() -> Ms {
    BEGAN.get().map_or(0, |began| ms(began.elapsed()))
}

/// The wall clock of the run on this thread, as the function reads it.
fn clock() -> u64 {
    EPOCH_MS + now()
}

/// Runs a plan to its end.
pub(crate) fn run(plan: Plan, trace: Trace) -> Run {
    let seed = plan.seed;
    // The engine takes its jitter from this thread's generator.
    fastrand::seed(seed);
    #[expect(clippy::expect_used, reason = "a runtime without I/O needs nothing that could be missing")]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let stage = runtime.block_on(play(plan, trace));
    drop(runtime);
    let stage =
        Arc::into_inner(stage).map(|stage| stage.into_inner().unwrap_or_else(PoisonError::into_inner));
    let (violations, tally, trace) = stage.map_or_else(Default::default, |mut stage| {
        stage.tally.outcomes = std::mem::take(&mut stage.checker.outcomes);
        stage.tally.ambiguities = std::mem::take(&mut stage.checker.ambiguities);
        (stage.checker.violations, stage.tally, stage.trace)
    });
    Run { seed, violations, tally, trace }
}

async fn play(plan: Plan, trace: Trace) -> Shared {
    let began = Instant::now();
    BEGAN.set(Some(began));
    let config = plan.config.clone();
    let stage: Shared = Arc::new(Mutex::new(Stage::new(plan, trace)));
    let mut functions = BTreeMap::new();
    let mut running = FuturesUnordered::new();
    loop {
        let (starts, next) = {
            let mut stage = enter(&stage);
            stage.advance(now());
            (stage.take_starts(), stage.next())
        };
        for start in starts {
            let instance = start.instance;
            let function = functions.entry(instance).or_insert_with(|| {
                let batch = SimBatch { stage: stage.clone(), instance };
                let listener = Listener { stage: stage.clone(), instance };
                let log = Log::new(listener, config.log_level);
                let function = Function::new(batch, config.clone(), Some(REGION.to_owned()), log);
                Arc::new(function.with_clock(clock))
            });
            running.push(invoke(Arc::clone(function), start, began));
        }
        let wake = next.map(|next| began + Duration::from_millis(next));
        tokio::select! {
            biased;
            () = sleep_until(wake.unwrap_or(began)), if wake.is_some() => {}
            Some((invocation, instance, end)) = running.next() => {
                if matches!(end, End::Killed { .. } | End::Panicked) {
                    functions.remove(&instance);
                }
                enter(&stage).finish(invocation, instance, &end, now());
            }
            else => break,
        }
    }
    enter(&stage).close();
    stage
}

async fn invoke(function: Arc<Function<SimBatch>>, start: Start, began: Instant) -> (usize, usize, End) {
    let Start { invocation, instance, request_id, payload, deadline, killed_at } = start;
    let mut context = Context::default();
    context.request_id = request_id;
    context.deadline = EPOCH_MS + deadline;
    FUNCTION_ARN.clone_into(&mut context.invoked_function_arn);
    #[expect(clippy::expect_used, reason = "payloads are made here")]
    let payload = RawValue::from_string(payload).expect("a payload that is JSON");
    let answer = AssertUnwindSafe(handle(&function, LambdaEvent::new(payload, context))).catch_unwind();
    let end = match timeout_at(began + Duration::from_millis(killed_at), answer).await {
        Err(_) => End::Killed { deadline: killed_at == deadline },
        Ok(Err(_)) => End::Panicked,
        Ok(Ok(Ok(reply))) => End::Replied(serde_json::to_string(&reply).unwrap_or_default()),
        Ok(Ok(Err(error))) => {
            End::Failed { error_type: error.error_type().to_owned(), message: error.to_string() }
        }
    };
    (invocation, instance, end)
}
