//! Orders in, results out: every call to Batch, under one budget.
//!
//! A single loop takes orders as they come, starts calls as long as the service takes them, and reads their answers
//! as they arrive. Each job walks from look to act to confirm by itself, so the three overlap: what was looked at is
//! acted on while the next is looked at. Results go to a [`Sink`] as soon as they are final, and what is finished is
//! freed. What to do and what may be said is [`crate::outcome`]'s to decide.

mod answers;
mod calls;
mod giving_up;
mod listing;
mod memory;
mod pending;
mod refusals;
mod run;
mod service;

use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout};

use crate::batch::{BatchApi, CallError, Described, Detail, Listed, Listing, Page, Question, Stopped};
use crate::config::Limits;
use crate::job::Snapshot;
use crate::order::{Order, Ordered};
use crate::outcome::{Look, Verdict};
use crate::request::{Action, JobId, Reason};
use run::Run;

pub use memory::Memory;
pub use pending::SECOND_LOOK;

/// What became of one wish for one job.
#[derive(Debug, Clone, Copy)]
pub struct JobResult<'a> {
    /// Which job.
    pub id: &'a JobId,
    /// What was wanted, and by whom.
    pub ordered: &'a Ordered,
    /// The outcome.
    pub verdict: &'a Verdict,
    /// The job before acting, where it was seen.
    pub before: Option<&'a Snapshot>,
    /// The job when it was last seen after acting.
    pub after: Option<&'a Snapshot>,
    /// Calls to cancel or terminate it that were started, alone or in bulk.
    pub attempts: u32,
}

/// What takes results, one for each wish of an order.
pub trait Sink {
    /// A wish is settled, or given up.
    fn settled(&mut self, result: JobResult<'_>);

    /// For now there are no more results: whatever was gathered may be passed on.
    fn flush(&mut self) {}
}

/// What decides about acting, having looked.
pub trait Judge {
    /// How much of a job it wants to see. With [`Detail::Whole`], array children and nodes are looked at together with
    /// their parents, and no act follows a look that is not fresh any more.
    fn detail(&self) -> Detail {
        Detail::Reported
    }

    /// Whether a job that could not be looked at may be acted on for this wish.
    fn may_act_unseen(&self, ordered: &Ordered) -> bool {
        !ordered.wish.dry_run
    }

    /// Whether a look that is not fresh any more must be taken again before acting for this wish.
    fn needs_fresh_look(&self, _ordered: &Ordered) -> bool {
        true
    }

    /// What decides about each wish for a job.
    fn judge<'a>(
        &'a self,
        look: &'a Look,
        whole: Option<Whole<'a>>,
    ) -> impl FnMut(&mut Ordered) -> Ruling + 'a;

    /// Whether no job may be acted on before every one has been judged.
    fn holds_acts(&self) -> bool {
        false
    }

    /// Whether a job is not to be acted on for this wish before every one has been judged.
    fn holds(&self, _ordered: &Ordered) -> bool {
        self.holds_acts()
    }

    /// Whether a job that is held is meant, now that all are judged. Nothing is said of it if not.
    fn keeps(&self, _id: &JobId, _ordered: &Ordered) -> bool {
        true
    }

    /// Decides, where acts are held, once more about each wish that is to be acted on, when it is known for how many
    /// `jobs` there is such a wish.
    fn release(&self, _ordered: &mut Ordered, _jobs: usize) -> Ruling {
        Ruling::Act
    }

    /// The first page of each of the listings that orders come from besides.
    fn listings(&self) -> Vec<Option<Question>> {
        Vec::new()
    }

    /// What is ordered of a job that one of the listings shows.
    fn listed(&self, _listing: usize, _job: Listed) -> Option<Order> {
        None
    }

    /// A page of a listing has ended; `next` is where its next one begins. Gives what is to be asked for now, which may be
    /// all from the beginning where there is time for it.
    fn page_ends(&self, _listing: usize, _next: Option<String>, _has_time: bool) -> Option<Question> {
        None
    }

    /// A listing is given up.
    fn listing_fails(&self, _listing: usize, _why: &str) {}

    /// The listing that a wish comes from.
    fn listing_of(&self, _ordered: &Ordered) -> Option<usize> {
        None
    }

    /// Where the jobs of a listing are shown once they have failed.
    fn failed_jobs(&self, _listing: usize) -> Option<Listing> {
        None
    }

    /// So many pages of them were listed.
    fn confirmed(&self, _listing: usize, _pages: u64) {}
}

/// What a judge says of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The job is to be acted on.
    Act,
    /// This is said of it at once.
    Settle(Verdict),
    /// It turned out not to be meant. Nothing is said of it.
    Forget,
}

impl From<Option<Verdict>> for Ruling {
    fn from(verdict: Option<Verdict>) -> Self {
        verdict.map_or(Self::Act, Self::Settle)
    }
}

/// A job as Batch sent it, and the array or multi-node job that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// Its `JobDetail`.
    pub job: &'a RawValue,
    /// That of its parent, if it has one.
    pub parent: Option<&'a RawValue>,
}

/// Counts over an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls started, of every operation.
    pub api_calls: u64,
    /// Calls that failed, as a whole or for some items, and were tried again.
    pub retries: u64,
    /// Calls that were throttled, as a whole or for some items.
    pub throttled: u64,
}

/// What a run goes by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// How Batch is called.
    pub limits: &'a Limits,
    /// What is remembered of Batch.
    pub memory: &'a Memory,
    /// How long calls may be under way.
    pub budget: Duration,
}

/// Deals with every order within the budget, and gives `sink` the result of each of its wishes.
///
/// No call starts or goes on past the budget. What has not been settled by then is told as such.
pub async fn carry_out<B: BatchApi>(
    batch: &B,
    orders: impl Stream<Item = Order>,
    judge: &impl Judge,
    sink: &mut impl Sink,
    terms: Terms<'_>,
) -> Tally {
    let begun = Instant::now();
    let mut orders = std::pin::pin!(orders.fuse());
    let mut run = Run::new(judge, sink, terms);
    let mut in_flight = FuturesUnordered::new();

    loop {
        let now = begun.elapsed();
        while run.has_room()
            && let Some(next) = orders.next().now_or_never()
        {
            match next {
                Some(order) => run.order(order, now),
                None => run.no_more_orders(),
            }
        }
        while now < terms.budget
            && in_flight.len() < terms.limits.max_in_flight
            && let Some((number, request, limit)) = run.next_call(now)
        {
            in_flight.push(async move { (number, send(batch, request, limit).await) });
        }
        let wake = run.wakes_at(now);
        if now >= terms.budget || in_flight.is_empty() && !run.awaits_orders() && wake.is_none() {
            break;
        }
        run.flush();
        tokio::select! {
            biased;
            Some((number, reply)) = in_flight.next() => run.take_reply(number, reply, begun.elapsed()),
            next = orders.next(), if run.has_room() => match next {
                Some(order) => run.order(order, begun.elapsed()),
                None => run.no_more_orders(),
            },
            () = sleep_until(begun + wake.unwrap_or(terms.budget).min(terms.budget)) => {}
        }
    }
    let tally = run.finish();
    while let Some(order) = orders.next().now_or_never().flatten() {
        run::not_attempted(order, sink);
    }
    sink.flush();
    tally
}

/// One call to Batch.
enum Request {
    Describe(Vec<JobId>, Detail),
    List(Question),
    Stop(Action, Vec<JobId>, Reason),
}

/// What it answered.
enum Reply {
    Described(Described),
    Listed(Page),
    Stopped(Stopped),
}

async fn send<B: BatchApi>(batch: &B, request: Request, limit: Duration) -> Result<Reply, CallError> {
    let answer = async {
        match request {
            Request::Describe(ids, detail) => batch.describe(&ids, detail).await.map(Reply::Described),
            Request::List(Question { listing, page }) => {
                batch.list(&listing, page.as_deref()).await.map(Reply::Listed)
            }
            Request::Stop(action, ids, reason) => batch.stop(action, &ids, &reason).await.map(Reply::Stopped),
        }
    };
    timeout(limit, answer).await.unwrap_or_else(|_| Err(CallError::timed_out(limit)))
}
