//! Clauses that others leave nothing to decide.

use batch_canceller::policy::Effect;
use event_pattern::Branch;

use super::{Finding, Placed, contradiction, implies, leaf};

pub(super) fn findings(clause: &Placed<'_>, deny: &[Placed<'_>], allow: &[Placed<'_>]) -> Option<Finding> {
    let alive: Vec<&Branch> =
        clause.clause.when().branches().iter().filter(|branch| can_be_met(branch)).collect();
    if alive.is_empty() {
        // That is said elsewhere, with the cause.
        return None;
    }
    if clause.effect == Effect::Allow
        && let Some(by) = covering(&alive, deny)
    {
        let what =
            format!("all that this clause allows is denied by {by}, and a deny wins: it allows nothing");
        return Some(Finding::warning("", what, "narrow the deny, or take this clause out"));
    }
    let earlier = if clause.effect == Effect::Deny { deny } else { allow };
    let by = covering(&alive, earlier.get(..clause.index)?)?;
    let what = format!("all that this clause matches is matched by {by} before: it never decides");
    Some(Finding::note("", what, "put the narrower clause first, or take this one out"))
}

fn can_be_met(branch: &Branch) -> bool {
    contradiction::contradiction(branch).is_none() && !branch.leaves().any(leaf::is_never_met)
}

/// The clauses that together match whatever meets one of the branches, if there are such.
fn covering(branches: &[&Branch], clauses: &[Placed<'_>]) -> Option<String> {
    let covers = |clause: &Placed<'_>, branch: &Branch| {
        clause.clause.when().branches().iter().any(|other| implies::branch(branch, other))
    };
    let mut by: Vec<&str> = Vec::new();
    if let Some(one) = clauses.iter().find(|clause| branches.iter().all(|branch| covers(clause, branch))) {
        by.push(one.clause.id());
    } else {
        for branch in branches {
            let id = clauses.iter().find(|clause| covers(clause, branch))?.clause.id();
            if !by.contains(&id) {
                by.push(id);
            }
        }
    }
    Some(by.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" and "))
}
