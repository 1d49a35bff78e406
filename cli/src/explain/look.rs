//! A job as AWS Batch shows it now.

use std::cell::RefCell;
use std::time::Duration;

use batch_canceller::batch::Detail;
use batch_canceller::engine::{JobResult, Judge, Memory, Ruling, Sink, Terms, Whole, carry_out};
use batch_canceller::order::{Order, Ordered};
use batch_canceller::outcome::{Look, Outcome, Verdict, Wish};
use batch_canceller::request::{Action, JobId, Reason};
use futures_util::stream;
use serde_json::value::RawValue;

use crate::batch;
use crate::trouble::Trouble;

/// How long Batch may take, retries included.
const BUDGET: Duration = Duration::from_secs(20);

type Seen = (String, Box<RawValue>, Option<Box<RawValue>>);

/// Looks at a job, and at the array or multi-node job that it belongs to: its id, and both as Batch sent them.
///
/// The function's own engine looks, so that a throttled or failed call is tried again as it does. It is told to change
/// nothing, and the verdict on every look is final, so that nothing can be done.
pub(super) fn look(id: &str) -> Result<Seen, Trouble> {
    // An ARN ends in the id.
    let id = id.trim().rsplit(":job/").next().unwrap_or_default().to_owned();
    if id.is_empty() {
        return Err(Trouble::new("--job: it is empty: give a job's id or ARN"));
    }
    let onlooker = Onlooker::default();
    let mut told = Told::default();
    batch::wait_for(describe(&id, &onlooker, &mut told))??;
    let trouble = |what: String| Err(Trouble::at(&id, what));
    match onlooker.seen.into_inner() {
        Some((Look::Seen(_), Some((job, parent)))) => Ok((id, job, parent)),
        Some((Look::Missing | Look::NotShown, _)) => {
            trouble("Batch does not know the job in this region and account, or no longer".into())
        }
        Some((Look::Unseen(why), _)) => trouble(format!("it could not be looked at: {why}")),
        _ => trouble(told.why.unwrap_or_else(|| "it could not be looked at".into())),
    }
}

async fn describe(id: &str, onlooker: &Onlooker, told: &mut Told) -> Result<(), Trouble> {
    let config = batch::config()?;
    let (batch, _) = batch::connect(&config.limits).await?;
    let Some(reason) = Reason::new("batch-cancel explain") else { return Ok(()) };
    let wish = Wish { action: Action::Cancel, reason, dry_run: true };
    let wishes = vec![Ordered { wish, delivery: 0, place: 0, clause: None }];
    let order = Order { id: JobId::from(id), wishes, seen: None };
    let memory = Memory::new(false);
    let terms = Terms { limits: &config.limits, memory: &memory, budget: BUDGET };
    carry_out(&batch, stream::iter([order]), onlooker, told, terms).await;
    Ok(())
}

/// Keeps what it is shown, and lets nothing be done.
#[derive(Default)]
struct Onlooker {
    seen: RefCell<Option<(Look, Option<Details>)>>,
}

/// A job and its parent.
type Details = (Box<RawValue>, Option<Box<RawValue>>);

impl Judge for Onlooker {
    fn detail(&self) -> Detail {
        Detail::Whole
    }

    fn may_act_unseen(&self, _: &Ordered) -> bool {
        false
    }

    fn judge<'a>(
        &'a self,
        look: &'a Look,
        whole: Option<Whole<'a>>,
    ) -> impl FnMut(&mut Ordered) -> Ruling + 'a {
        let details = whole.map(|whole| (whole.job.to_owned(), whole.parent.map(ToOwned::to_owned)));
        self.seen.replace(Some((look.clone(), details)));
        |_| Ruling::Settle(Outcome::WouldCancel.into())
    }
}

/// Why there was no look at all, if so.
#[derive(Default)]
struct Told {
    why: Option<String>,
}

impl Sink for Told {
    fn settled(&mut self, result: JobResult<'_>) {
        let Verdict { outcome, why } = result.verdict;
        self.why = Some(match why {
            Some(why) => why.clone(),
            None => format!("it could not be looked at ({})", outcome.as_str()),
        });
    }
}
