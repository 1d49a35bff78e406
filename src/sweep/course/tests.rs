use event_pattern::Document;

use super::*;

const NOW: i64 = 1_800_000_000_000;

/// A queue's jobs as an array of names in each status, in the order in which pages show them; ended ones last.
struct Queue<'a>(&'a [(&'a str, &'a [(&'a str, usize)])]);

impl Queue<'_> {
    /// Whole pages of what a question asks for: (name, status).
    fn pages(&self, which: &Which) -> Vec<Vec<(String, JobStatus)>> {
        let mut jobs = Vec::new();
        for (status, names) in self.0 {
            let status = JobStatus::from(*status);
            for (name, count) in *names {
                let is_shown = match which {
                    Which::In(asked) => *asked == status,
                    Which::Filtered(Filter::JobName(asked)) => name.starts_with(asked.trim_end_matches('*')),
                    Which::Filtered(Filter::ShareIdentifier(share, asked)) => {
                        *asked == status && *name == &**share
                    }
                    Which::Filtered(_) => true,
                };
                if is_shown {
                    jobs.extend(std::iter::repeat_n(((*name).to_owned(), status.clone()), *count));
                }
            }
        }
        let size = if matches!(which, Which::In(_)) { MAX_LISTED } else { MAX_FILTERED };
        let mut pages: Vec<_> = jobs.chunks(usize::try_from(size).unwrap()).map(<[_]>::to_vec).collect();
        if pages.is_empty() {
            pages.push(Vec::new());
        }
        pages
    }
}

/// Walks through a queue, twice, and gives each pass's questions, so many pages of each.
fn walk(queue: &Queue<'_>, status: &[&str], filters: Vec<Filter>) -> [Vec<(String, usize)>; 2] {
    let status = status.iter().map(|status| JobStatus::from(*status)).collect();
    let mut course = Course::new(ListingOf::JobQueue("q".into()), status, filters);
    [(); 2].map(|()| {
        let mut asked: Vec<(String, usize)> = Vec::new();
        let mut next = course.begin();
        while let Some(Question { listing, page }) = next {
            let name = match &listing.which {
                Which::In(status) => status.as_str().to_owned(),
                Which::Filtered(Filter::ShareIdentifier(_, status)) => format!("SHARE {}", status.as_str()),
                Which::Filtered(filter) => filter.name().to_owned(),
            };
            match asked.last_mut() {
                Some((last, pages)) if *last == name => *pages += 1,
                _ => asked.push((name, 1)),
            }
            let pages = queue.pages(&listing.which);
            let place: usize = page.map_or(0, |page| page.parse().unwrap());
            for (name, status) in &pages[place] {
                let mut job = Document::new();
                job.text("job.jobName", name);
                job.text("job.shareIdentifier", name);
                job.number("job.createdAt", u64::try_from(NOW).unwrap());
                course.shown(Some(&job), status);
            }
            next = course.page_ends((place + 1 < pages.len()).then(|| (place + 1).to_string()));
        }
        asked
    })
}

#[track_caller]
fn check(queue: &Queue<'_>, filters: Vec<Filter>, first: &[(&str, usize)], second: &[(&str, usize)]) {
    let told = walk(queue, &["SUBMITTED", "PENDING", "RUNNABLE"], filters);
    let expected = [first, second]
        .map(|pass| pass.iter().map(|(name, pages)| ((*name).to_owned(), *pages)).collect::<Vec<_>>());
    assert_eq!(told, expected);
}

fn name(name: &str) -> Filter {
    Filter::JobName(name.into())
}

#[test]
fn without_a_filter_each_status_is_listed_to_its_end() {
    let queue = Queue(&[("PENDING", &[("a", 1500)]), ("RUNNABLE", &[("b", 10)]), ("FAILED", &[("a", 5000)])]);
    let pass = [("SUBMITTED", 1), ("PENDING", 2), ("RUNNABLE", 1)];
    check(&queue, vec![], &pass, &pass);
}

#[test]
fn small_queues_need_no_filter() {
    let queue = Queue(&[("RUNNABLE", &[("a", 3), ("b", 990)])]);
    let pass = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 1)];
    check(&queue, vec![name("a")], &pass, &pass);
}

#[test]
fn a_filter_is_used_where_it_saves_pages() {
    let queue = Queue(&[("RUNNABLE", &[("b", 5000), ("a", 250), ("b", 95_000)])]);
    let first = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 1), ("JOB_NAME", 3)];
    check(&queue, vec![name("a")], &first, &[("JOB_NAME", 3)]);
    // All fits its first page.
    let queue = Queue(&[("RUNNABLE", &[("b", 5000), ("a", 25)])]);
    let first = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 1), ("JOB_NAME", 1)];
    check(&queue, vec![name("a")], &first, &[("JOB_NAME", 1)]);
}

#[test]
fn a_filter_that_lets_too_many_through_costs_no_call_or_one() {
    // A tenth and more: not even tried.
    let queue = Queue(&[("RUNNABLE", &[("a", 100), ("b", 900), ("a", 900), ("b", 8100)])]);
    let pass = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 10)];
    check(&queue, vec![name("a")], &pass, &pass);
    // Few of those that wait, but many that have ended.
    let queue = Queue(&[("FAILED", &[("a", 50_000)]), ("RUNNABLE", &[("b", 3000), ("a", 20)])]);
    let first = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 1), ("JOB_NAME", 1), ("RUNNABLE", 3)];
    check(&queue, vec![name("a")], &first, &[("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 4)]);
}

#[test]
fn the_most_selective_filter_is_tried() {
    let queue = Queue(&[("RUNNABLE", &[("a", 50), ("ab", 2), ("b", 9000)])]);
    let filters = vec![Filter::CreatedBefore(NOW + 1), name("a*"), name("ab")];
    let first = [("SUBMITTED", 1), ("PENDING", 1), ("RUNNABLE", 1), ("JOB_NAME", 1)];
    check(&queue, filters, &first, &[("JOB_NAME", 1)]);
}

#[test]
fn shares_are_filtered_in_each_status() {
    let queue = Queue(&[("PENDING", &[("b", 2500), ("a", 150)]), ("RUNNABLE", &[("b", 4000), ("a", 20)])]);
    let share = Filter::ShareIdentifier("a".into(), JobStatus::Runnable);
    let pass =
        [("SUBMITTED", 1), ("PENDING", 1), ("SHARE PENDING", 2), ("RUNNABLE", 1), ("SHARE RUNNABLE", 1)];
    check(&queue, vec![share], &pass, &pass);
}

#[test]
fn an_arrays_children_are_not_filtered() {
    let mut course = Course::new(
        ListingOf::ArrayJob("a".into()),
        vec![JobStatus::Pending, JobStatus::Runnable],
        vec![name("a")],
    );
    assert!(!course.samples());
    assert_eq!(course.begin().unwrap().listing.which, Which::In(JobStatus::Pending));
    assert!(course.page_ends(Some("1".into())).is_some_and(|next| next.page.as_deref() == Some("1")));
    assert_eq!(course.page_ends(None).unwrap().listing.which, Which::In(JobStatus::Runnable));
    assert_eq!((course.page_ends(None), course.filter()), (None, None));
}
