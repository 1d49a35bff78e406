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
    // No operator is longer, and names come from outside.
    let plain: String = name.chars().take(32).collect();
    let plain = plain.to_lowercase().replace(['_', ' '], "-");
    let (distance, nearest) = among
        .iter()
        .map(|known| (strsim::osa_distance(&plain, known), *known))
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
