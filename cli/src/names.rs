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

#[cfg(test)]
mod tests {
    use super::*;

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
