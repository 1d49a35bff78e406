//! Tests that are fine by themselves, but that no document meets together.

use event_pattern::{Branch, Value};

use super::{Finding, Placed, implies};
use crate::schema::{self, BONDS, Bond, Shape, TWINS};

pub(super) fn findings(clause: &Placed<'_>) -> Vec<Finding> {
    let branches = clause.clause.when().branches();
    let found: Vec<_> = branches.iter().map(contradiction).collect();
    let whole = found.iter().all(Option::is_some);
    let so = if whole { "this clause never applies" } else { "this branch of the `$or` is never met" };
    let say = |(at, what): (&'static str, String)| {
        Finding::warning(at, format!("{what}: {so}"), "take one of the two out")
    };
    found.into_iter().flatten().map(say).collect()
}

/// Which field of a branch cannot have a value beside the others, and why.
pub(super) fn contradiction(branch: &Branch) -> Option<(&'static str, String)> {
    let bond = BONDS.iter().find_map(|bond| broken(branch, bond));
    bond.or_else(|| {
        let [one, other] = TWINS;
        let are_both_asked = TWINS.iter().all(|twin| branch.leaves().any(|leaf| leaf.path() == *twin));
        (are_both_asked && allowed(branch, one).is_some_and(|words| words.is_empty())).then(|| {
            (other, format!("`{other}` and `{one}` always have the same value, and here they differ"))
        })
    })
}

fn broken(branch: &Branch, bond: &Bond) -> Option<(&'static str, String)> {
    branch.leaves().find(|leaf| leaf.path() == bond.field && !leaf.accepts_absence())?;
    let allowed = allowed(branch, bond.needs)?;
    let are_apart = !allowed.iter().any(|word| bond.among.contains(word));
    are_apart.then(|| {
        let Bond { field, needs, among, why } = bond;
        let among = among.join(" or ");
        (
            *field,
            format!("`{field}` is there only where `{needs}` is {among} ({why}), which is not asked here"),
        )
    })
}

/// Which words a branch leaves a field, if it asks about it at all.
fn allowed(branch: &Branch, path: &str) -> Option<Vec<&'static str>> {
    let Shape::Word(words) = schema::find(path).shape else { return None };
    let names = |leaf: &str| leaf == path || (TWINS.contains(&leaf) && TWINS.contains(&path));
    let leaves: Vec<_> = branch.leaves().filter(|leaf| names(leaf.path())).collect();
    if leaves.is_empty() {
        return None;
    }
    let meets = |word: &&str| leaves.iter().all(|leaf| implies::accepts(leaf, Value::Text(word)));
    Some(words.known.iter().copied().filter(meets).collect())
}
