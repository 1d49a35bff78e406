//! The names of operators.

/// All operators. `exactly` is the engine's own and not documented; it takes a string.
const KNOWN: [&str; 9] = [
    "prefix",
    "suffix",
    "equals-ignore-case",
    "wildcard",
    "anything-but",
    "numeric",
    "exists",
    "cidr",
    "exactly",
];

/// What the engine keeps for operators, now or later.
const RESERVED: [&str; 15] = [
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// Whether a field inside of `$or` cannot have the name.
pub(super) fn is_reserved(name: &str) -> bool {
    is_known(name) || RESERVED.contains(&name)
}

/// Of some names, the one that a name is likely to be a slip for.
pub(super) fn nearest<'n>(name: &str, among: &[&'n str]) -> Option<&'n str> {
    let plain = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
    let (distance, nearest) = among
        .iter()
        .map(|known| (distance(&plain(name), known), *known))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && distance * 2 < nearest.len()).then_some(nearest)
}

/// What to say of a name that is no operator.
pub(super) fn hint(name: &str) -> String {
    match nearest(name, &KNOWN) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "there are prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists and cidr; a field \
                 cannot stand in a list of values"
            .to_owned(),
    }
}

/// How many letters must be put in, left out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    // No operator is longer, and names come from outside.
    for (index, letter) in one.chars().take(32).enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, known) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(letter != *known);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
