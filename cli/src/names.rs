//! Names that are nearly right.

/// The known name that `name` was probably meant to be.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let given = plain(name);
    let distance = |known: &str| strsim::osa_distance(&given, &plain(known));
    let (steps, meant) =
        known.iter().map(|known| (distance(known), *known)).min_by_key(|(steps, _)| *steps)?;
    (steps <= 2 && steps * 3 <= meant.chars().count()).then_some(meant)
}

/// Some of the known names, for a message about one that is none of them.
pub(crate) fn listed(known: &[&str]) -> String {
    const SHOWN: usize = 12;
    let more = known.len().saturating_sub(SHOWN);
    let list = known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_end() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a"; 20]), format!("{}a and 8 more", "a, ".repeat(11)));
    }

    #[test]
    fn a_slip_is_seen_and_another_word_is_not() {
        let known = ["decision", "clause", "cancel", "RUNNABLE", "sns"];
        for (name, meant) in [
            ("decison", Some("decision")),
            ("runnable", Some("RUNNABLE")),
            ("Clauses", Some("clause")),
            ("canceled", Some("cancel")),
            ("sna", Some("sns")),
            ("effect", None),
            ("s", None),
        ] {
            assert_eq!(nearest(name, &known), meant, "{name}");
        }
    }
}
