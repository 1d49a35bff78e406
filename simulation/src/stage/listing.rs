//! Listings: the function's questions to `ListJobs` as Batch understands them, page by page.

use batch_canceller::batch::{self, Listing, Which};
use batch_canceller::request::ListingOf;
use batch_sim::{Filter, JobStatus, ListQuery, Refusal};

use super::Stage;
use super::answers::Answer;

impl Stage {
    /// A page of a listing, from its token on. An empty page is one that shows nothing of what it might, and says that
    /// there is more.
    pub(super) fn list(
        &mut self,
        listing: &Listing,
        page: Option<&str>,
        is_empty: bool,
    ) -> Result<Answer, Refusal> {
        let Some(query) = query(listing) else {
            return Err(Refusal::Client("there is no such filter".to_owned()));
        };
        let place = page.map(|token| self.place(token)).transpose()?.flatten();
        let query = query.limit(self.plan.page);
        let query = place.map_or(query.clone(), |place| query.after(place));
        let found = self.batch.list_jobs(&query, self.moment())?;
        let (jobs, next) = if is_empty { (vec![], Some(place)) } else { (found.jobs, found.next.map(Some)) };
        let next = next.map(|place| {
            self.pages.push(place);
            format!("page {}", self.pages.len())
        });
        Ok(Answer::Listed { jobs, next })
    }

    /// Where a page begins.
    fn place(&self, token: &str) -> Result<Option<batch_sim::Cursor>, Refusal> {
        let number = token.strip_prefix("page ").and_then(|number| number.parse::<usize>().ok());
        let place = number.and_then(|number| self.pages.get(number.checked_sub(1)?));
        place.copied().ok_or_else(|| Refusal::Client(format!("{token:?} is no token")))
    }
}

/// A question in Batch's terms; `None` where it makes none.
fn query(listing: &Listing) -> Option<ListQuery> {
    let status = |status: &batch_canceller::job::JobStatus| {
        JobStatus::ALL.into_iter().find(|known| known.as_str() == status.as_str())
    };
    let filter = match &listing.which {
        Which::In(own) => {
            let query = match &listing.of {
                ListingOf::JobQueue(queue) => ListQuery::queue(&**queue),
                ListingOf::ArrayJob(id) => ListQuery::array(id.as_str()),
            };
            return Some(query.status(status(own)?));
        }
        Which::Filtered(filter) => filter,
    };
    let ListingOf::JobQueue(queue) = &listing.of else {
        return None;
    };
    let by = |filter: Filter| ListQuery::filtered(&**queue, filter);
    Some(match filter {
        batch::Filter::JobName(name) => by(Filter::Name(vec![name.to_string()])),
        batch::Filter::CreatedBefore(ms) => by(Filter::CreatedBefore(*ms)),
        batch::Filter::CreatedAfter(ms) => by(Filter::CreatedAfter(*ms)),
        batch::Filter::ShareIdentifier(share, own) => {
            by(Filter::Share(vec![share.to_string()])).status(status(own)?)
        }
    })
}
