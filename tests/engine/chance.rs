//! Whatever befalls: chance draws the jobs, the wishes, the settings and the trouble, and what was told of each job is
//! held against what happened to it.
//!
//! One seed decides everything. A case that fails prints its seed and its story; `CHANCE=<seed>` plays it alone.

mod check;
mod draw;

use std::time::Duration;

use batch_canceller::batch::Detail;
use batch_canceller::engine::{JobResult, Judge, Memory, Ruling, Sink, Tally, Terms, Whole, carry_out};
use batch_canceller::job::Snapshot;
use batch_canceller::order::{Order, Ordered};
use batch_canceller::outcome::{Look, Outcome, Verdict};
use futures_util::stream::{self, StreamExt};
use tokio::time::sleep;

use crate::clockwork::{AsAsked, Clockwork};
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
    let tally = carry_out(&case.batch, orders, &case.judge, &mut heard, terms).await;
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

/// Decides as the function does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// It holds all acts until all is judged.
    pub(crate) holds: bool,
    /// It acts on nothing that it has not seen just before.
    pub(crate) is_careful: bool,
}

impl Judge for Asked {
    fn detail(&self) -> Detail {
        if self.is_careful { Detail::Whole } else { Detail::Reported }
    }

    fn may_act_unseen(&self, ordered: &Ordered) -> bool {
        !self.is_careful && !ordered.wish.dry_run
    }

    fn holds_acts(&self) -> bool {
        self.holds
    }

    fn judge<'a>(
        &'a self,
        look: &'a Look,
        whole: Option<Whole<'a>>,
    ) -> impl FnMut(&mut Ordered) -> Ruling + 'a {
        let mut judge = AsAsked.judge(look, whole);
        move |ordered| match look {
            Look::Unseen(_) if self.is_careful => Ruling::Settle(Outcome::Unavailable.into()),
            _ => judge(ordered),
        }
    }
}

/// Orders, each with the time that passes before it comes.
type Coming = Vec<(Duration, Order)>;
