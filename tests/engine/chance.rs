//! Whatever befalls: chance draws the jobs, the wishes, the settings and the trouble, and what was told of each job is
//! held against what happened to it.
//!
//! One seed decides everything. A case that fails prints its seed and its story; `CHANCE=<seed>` plays it alone.

mod check;
mod draw;

use std::time::Duration;

use batch_canceller::batch::Detail;
use batch_canceller::engine::{AsAsked, JobResult, Judge, Memory, Sink, Tally, Terms, carry_out};
use batch_canceller::job::Snapshot;
use batch_canceller::order::{Order, Ordered};
use batch_canceller::outcome::{Look, Verdict};
use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;
use tokio::time::sleep;

use crate::clockwork::Clockwork;
use check::check;
use draw::Case;

/// How many cases are played.
const CASES: u64 = 300;

#[tokio::test(start_paused = true)]
async fn whatever_befalls_what_is_told_is_true() {
    let only: Option<u64> = std::env::var("CHANCE").ok().and_then(|seed| seed.parse().ok());
    let mut wrong = Vec::new();
    for seed in only.map_or(0..CASES, |seed| seed..seed + 1) {
        wrong.extend(play(seed).await.err());
    }
    let first = wrong.first().map_or("", String::as_str);
    assert!(wrong.is_empty(), "{} cases went wrong, first of all {first}", wrong.len());
}

async fn play(seed: u64) -> Result<(), String> {
    let calm = Case::draw(seed, true);
    let calm = carry_out_case(seed, &calm).await.tally.api_calls;
    let case = Case::draw(seed, false);
    let played = carry_out_case(seed, &case).await;
    check(seed, &case, &played, calm)
}

async fn carry_out_case(seed: u64, case: &Case) -> Played {
    // The engine has dice of its own.
    fastrand::seed(seed);
    let memory = Memory::new(case.config.bulk);
    let terms = Terms { limits: &case.config.limits, memory: &memory, budget: case.budget };
    let mut heard = Heard { batch: &case.batch, told: Vec::new() };
    let mut taken = 0;
    let orders = stream::iter(case.orders.clone()).then(|(after, order)| async move {
        if !after.is_zero() {
            sleep(after).await;
        }
        order
    });
    let orders = orders.inspect(|_| taken += 1);
    let judge = Asked { holds: case.holds_acts };
    let tally = carry_out(&case.batch, orders, &judge, &mut heard, terms).await;
    Played { told: heard.told, taken, tally, took: case.batch.elapsed() }
}

/// A case as it went.
struct Played {
    told: Vec<Told>,
    /// How many orders were taken.
    taken: usize,
    tally: Tally,
    took: Duration,
}

/// What was told of one wish.
#[derive(Debug)]
struct Told {
    ordered: Ordered,
    verdict: Verdict,
    before: Option<Snapshot>,
    after: Option<Snapshot>,
    attempts: u32,
    at: Duration,
}

struct Heard<'a> {
    batch: &'a Clockwork,
    told: Vec<Told>,
}

impl Sink for Heard<'_> {
    fn settled(&mut self, result: JobResult<'_>) {
        self.told.push(Told {
            ordered: result.ordered.clone(),
            verdict: result.verdict.clone(),
            before: result.before.cloned(),
            after: result.after.cloned(),
            attempts: result.attempts,
            at: self.batch.elapsed(),
        });
    }
}

/// Decides as the function does, and may hold all acts until all is judged.
struct Asked {
    holds: bool,
}

impl Judge for Asked {
    fn detail(&self) -> Detail {
        AsAsked.detail()
    }

    fn holds_acts(&self) -> bool {
        self.holds
    }

    fn judge(&self, ordered: &Ordered, look: &Look, detail: Option<&RawValue>) -> Option<Verdict> {
        AsAsked.judge(ordered, look, detail)
    }
}

/// Orders, each with the time that passes before it comes.
type Coming = Vec<(Duration, Order)>;
