//! Which page of which listing is next. Pure.
//!
//! A page has up to 1,000 jobs in one status, or up to 100 that one of Batch's filters lets through, whatever their
//! status. Which way takes fewer pages nobody knows beforehand; the first page of each tells.

use event_pattern::Document;

use super::filters::admits;
use crate::batch::{Filter, Listing, MAX_FILTERED, MAX_LISTED, Question, Which};
use crate::job::JobStatus;
use crate::request::ListingOf;

/// The way through a sweep's jobs.
#[derive(Debug)]
pub(super) struct Course {
    of: ListingOf,
    /// In the order in which jobs go through them: one that goes on meanwhile is met again.
    status: Vec<JobStatus>,
    /// Those of Batch's filters that let every match through.
    filters: Vec<Filter>,
    at: At,
    choice: Choice,
    /// Jobs on pages without a filter, and for each filter how many of them it would let through.
    unfiltered: u64,
    admitted: Vec<u64>,
    /// Jobs on the first page with a filter, and those in a status that is swept.
    probed: u64,
    wanted: u64,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// In the status of that place.
    Status(usize),
    /// On the first page of a filter, to go on in the status of that place from that page on.
    Probe { filter: usize, place: usize, page: String },
    /// In what a filter lets through; of the status of that place, if the filter minds it.
    Filter { filter: usize, place: usize },
}

/// Whether a filter saves pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Open,
    None,
    Filter(usize),
}

impl Course {
    /// Through the jobs in some statuses, all of whose matches each of the filters lets through.
    pub(super) fn new(of: ListingOf, status: Vec<JobStatus>, filters: Vec<Filter>) -> Self {
        // Batch filters the jobs of queues only.
        let filters = if matches!(of, ListingOf::JobQueue(_)) { filters } else { Vec::new() };
        let admitted = vec![0; filters.len()];
        let choice = if filters.is_empty() { Choice::None } else { Choice::Open };
        Self { of, status, filters, at: At::Status(0), choice, unfiltered: 0, admitted, probed: 0, wanted: 0 }
    }

    /// The first page of a pass.
    pub(super) fn begin(&mut self) -> Option<Question> {
        self.at = match self.choice {
            Choice::Filter(filter) if !self.minds_status(filter) => At::Filter { filter, place: 0 },
            _ => At::Status(0),
        };
        self.question(None)
    }

    /// Whether the pages that come are of jobs in any status.
    pub(super) fn shows_any_status(&self) -> bool {
        match self.at {
            At::Status(_) => false,
            At::Probe { filter, .. } | At::Filter { filter, .. } => !self.minds_status(filter),
        }
    }

    /// Whether jobs that are listed are of use for the choice, as patterns see them.
    pub(super) fn samples(&self) -> bool {
        self.choice == Choice::Open
    }

    /// A page shows a job.
    pub(super) fn shown(&mut self, job: Option<&Document<'_>>, status: &JobStatus) {
        match self.at {
            At::Status(_) if self.samples() => {
                self.unfiltered += 1;
                for (filter, admitted) in self.filters.iter().zip(&mut self.admitted) {
                    *admitted += u64::from(job.is_some_and(|job| admits(filter, job)));
                }
            }
            At::Probe { .. } => {
                self.probed += 1;
                self.wanted += u64::from(self.status.contains(status));
            }
            At::Status(_) | At::Filter { .. } => {}
        }
    }

    /// A page has ended. Gives the next one, unless the pass is over.
    pub(super) fn page_ends(&mut self, next: Option<String>) -> Option<Question> {
        match (self.at.clone(), next) {
            (At::Status(place), Some(page)) => match (self.choice, self.most_selective()) {
                (Choice::Open, Some(filter)) => {
                    self.at = At::Probe { filter, place, page };
                    self.question(None)
                }
                (Choice::Filter(filter), _) => {
                    self.at = At::Filter { filter, place };
                    self.question(None)
                }
                _ => self.question(Some(page)),
            },
            (At::Probe { filter, place, page: back }, Some(page)) => {
                if self.saves(filter) {
                    self.choice = Choice::Filter(filter);
                    self.at = At::Filter { filter, place };
                    self.question(Some(page))
                } else {
                    self.choice = Choice::None;
                    self.at = At::Status(place);
                    self.question(Some(back))
                }
            }
            (At::Filter { .. }, Some(page)) => self.question(Some(page)),
            (At::Status(place), None) => self.next_status(place),
            (At::Probe { filter, place, .. } | At::Filter { filter, place }, None) => {
                self.choice = Choice::Filter(filter);
                if self.minds_status(filter) { self.next_status(place) } else { None }
            }
        }
    }

    /// Which of Batch's filters is used, by the API's name.
    pub(super) fn filter(&self) -> Option<&'static str> {
        match self.choice {
            Choice::Filter(filter) => self.filters.get(filter).map(Filter::name),
            Choice::Open | Choice::None => None,
        }
    }

    fn next_status(&mut self, place: usize) -> Option<Question> {
        self.at = At::Status(place + 1);
        self.question(None)
    }

    /// The filter that lets the fewest jobs through, if these could fill fewer pages than all do.
    fn most_selective(&self) -> Option<usize> {
        let (filter, admitted) = self.admitted.iter().enumerate().min_by_key(|(_, admitted)| **admitted)?;
        (*admitted * PAGES < self.unfiltered).then_some(filter)
    }

    /// Whether, by what both first pages show, what the filter lets through fills fewer pages.
    fn saves(&self, filter: usize) -> bool {
        let admitted = self.admitted.get(filter).copied().unwrap_or(u64::MAX);
        admitted.saturating_mul(PAGES).saturating_mul(self.probed)
            < self.wanted.saturating_mul(self.unfiltered)
    }

    fn minds_status(&self, filter: usize) -> bool {
        matches!(self.filters.get(filter), Some(Filter::ShareIdentifier(..)))
    }

    fn question(&self, page: Option<String>) -> Option<Question> {
        let which = match &self.at {
            At::Status(place) => Which::In(self.status.get(*place)?.clone()),
            At::Probe { filter, place, .. } | At::Filter { filter, place } => {
                Which::Filtered(match self.filters.get(*filter)? {
                    Filter::ShareIdentifier(share, _) => {
                        Filter::ShareIdentifier(share.clone(), self.status.get(*place)?.clone())
                    }
                    filter => filter.clone(),
                })
            }
        };
        Some(Question { listing: Listing { of: self.of.clone(), which }, page })
    }
}

/// So many pages with a filter hold what one without can.
const PAGES: u64 = (MAX_LISTED / MAX_FILTERED) as u64;

#[cfg(test)]
mod tests;
