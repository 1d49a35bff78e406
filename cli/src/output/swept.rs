//! What a sweep would come to, for people and as JSON.

use std::collections::BTreeMap;

use batch_canceller::outcome::Outcome;
use batch_canceller::sweep::SweepOf;
use comfy_table::{Attribute, Cell, Color};
use serde::Serialize;

use super::json::{About, written};
use super::table::{lines, plain};
use super::text::{counted, paragraph};
use super::{Screen, Tone, paint};
use crate::check::sweep::{Counts, JobRow, KEPT, Swept};
use crate::lint::Warning;
use crate::trouble::{Trouble, on_one_line};

#[derive(Serialize)]
struct Document<'s> {
    policy: About<'s>,
    about: &'s str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'s str>,
    sweep: &'s Counts,
    jobs: &'s [JobRow],
    warnings: &'s [Warning],
}

/// All of it as one JSON document.
pub(crate) fn json(swept: &Swept<'_>) -> Result<String, Trouble> {
    written(&Document {
        policy: swept.policy.into(),
        about: &swept.file,
        outcome: swept.outcome,
        why: swept.why.as_deref(),
        sweep: &swept.counts,
        jobs: &swept.jobs,
        warnings: &swept.warnings,
    })
}

/// A row for each job, then what would become of the sweep as a whole, then its counts.
pub(crate) fn text(swept: &Swept<'_>, screen: Screen) -> String {
    let mut out = String::new();
    if !swept.jobs.is_empty() {
        let mut table = plain(screen);
        table.set_header(
            ["JOB", "NAME", "STATUS", "AGE", "OUTCOME"]
                .map(|title| Cell::new(title).add_attribute(Attribute::Dim)),
        );
        for job in &swept.jobs {
            table.add_row(row(job));
        }
        out.push_str(&lines(&mut table));
        out.push('\n');
    }
    let name = paint(&on_one_line(&swept.file), Tone::Strong, screen.colour);
    out.extend([&name, ": ", &verdict(swept, screen), "\n"]);
    if let Some(why) = &swept.why {
        out.push_str(&paragraph(why, screen.width));
    }
    out.push_str(&paragraph(&found(swept), screen.width));
    out
}

fn row(job: &JobRow) -> [Cell; 5] {
    let given = |text: &Option<String>| on_one_line(text.as_deref().unwrap_or("-"));
    let what = match (&job.clause, &job.why) {
        (Some(clause), _) if job.outcome == Outcome::Denied.as_str() => {
            format!("{} by `{clause}`", job.outcome)
        }
        (_, Some(why)) => format!("{}: {why}", job.outcome),
        _ => job.outcome.clone(),
    };
    let colour = match job.outcome.as_str() {
        "would_cancel" | "would_terminate" => Color::DarkGreen,
        "unavailable" | "not_attempted" => Color::DarkRed,
        _ => Color::DarkYellow,
    };
    [
        Cell::new(on_one_line(&job.job_id)),
        Cell::new(given(&job.job_name)),
        Cell::new(given(&job.status)),
        Cell::new(job.age_seconds.map_or("-".to_owned(), age)),
        Cell::new(on_one_line(&what)).fg(colour),
    ]
}

/// Whether the sweep would be carried out, and what of its jobs.
fn verdict(swept: &Swept<'_>, screen: Screen) -> String {
    if swept.outcome != Outcome::Swept {
        return paint(swept.outcome.as_str(), Tone::Bad, screen.colour);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for job in &swept.jobs {
        *counts.entry(&job.outcome).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    // What would be stopped comes first.
    counts.sort_by_key(|(outcome, _)| !outcome.starts_with("would_"));
    let counts: Vec<_> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    if counts.is_empty() {
        return paint("no job matches", Tone::Doubtful, screen.colour);
    }
    let tone = if swept.counts.left == 0 { Tone::Good } else { Tone::Bad };
    paint(&counts.join(", "), tone, screen.colour)
}

/// What the sweep found, and how.
fn found(swept: &Swept<'_>) -> String {
    let Counts { of, max_jobs, left, .. } = &swept.counts;
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let place = match &of.of {
        SweepOf::JobQueue(queue) => format!("job queue {queue}"),
        SweepOf::ArrayJobId(id) => format!("array job {}", id.as_str()),
    };
    let at_least = if of.at_least { "at least " } else { "" };
    let verb = if of.matched == 1 { "matches" } else { "match" };
    let left = if *left > 0 { format!(", {left} cannot be told") } else { String::new() };
    let look = if of.plan.look == "summary" { "the listing" } else { of.plan.look };
    format!(
        "{place}: {} listed on {}, {at_least}{} {verb} (maxJobs {max_jobs}), {} {KEPT}{left}; decided by {look}",
        counted(count(of.scanned), "job"),
        counted(count(of.plan.pages), "page"),
        of.matched,
        of.kept,
    )
}

/// A length of time in its two largest units.
fn age(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (large, large_unit, small, small_unit) = match seconds {
        ..MINUTE => return format!("{seconds}s"),
        MINUTE..HOUR => (MINUTE, "m", 1, "s"),
        HOUR..DAY => (HOUR, "h", MINUTE, "m"),
        _ => (DAY, "d", HOUR, "h"),
    };
    let rest = seconds % large / small;
    let rest = if rest > 0 { format!(" {rest}{small_unit}") } else { String::new() };
    format!("{}{large_unit}{rest}", seconds / large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3_599, "59m 59s"),
            (3_600, "1h"),
            (3_659, "1h"),
            (7_500, "2h 5m"),
            (86_400, "1d"),
            (180_000, "2d 2h"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
    }
}
