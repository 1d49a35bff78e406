//! How complex the wildcards of one field are, as the `EventBridge` service counts.

use std::collections::{BTreeSet, HashSet};

use crate::test::{Test, Wildcard};

/// In how many places of a field's wildcards the service lets one value be at once: nine were taken, eleven refused.
const MAX_PLACES: usize = 10;
/// How far the count goes: what has not become too complex by then passes.
const MAX_STATES: usize = 4096;

/// A place: before a letter or star of one of the wildcards, or at its end.
type Place = (usize, usize);

/// Whether one value could be in too many places at once.
pub(super) fn is_too_high(tests: &[Test]) -> bool {
    let mut forms = Vec::new();
    collect(tests, &mut forms);
    let letters: BTreeSet<char> = forms.iter().flatten().flatten().copied().collect();
    let mut start = BTreeSet::new();
    for form in 0..forms.len() {
        enter(&forms, (form, 0), &mut start);
    }
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(places) = open.pop() {
        if places.len() > MAX_PLACES {
            return true;
        }
        // Any other letter leads to fewer places.
        for letter in &letters {
            let next = step(&forms, &places, *letter);
            if seen.len() < MAX_STATES && seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    false
}

/// The letters of each wildcard, and nothing for a star.
fn collect(tests: &[Test], forms: &mut Vec<Vec<Option<char>>>) {
    for test in tests {
        match test {
            Test::Wildcard(wildcard) => forms.push(form(wildcard)),
            Test::AnythingBut(excluded) => collect(excluded, forms),
            _ => {}
        }
    }
}

fn form(wildcard: &Wildcard) -> Vec<Option<char>> {
    let mut form: Vec<_> = wildcard.parts().flat_map(|part| part.chars().map(Some).chain([None])).collect();
    // The last part has no star behind it.
    form.pop();
    form
}

fn step(forms: &[Vec<Option<char>>], places: &BTreeSet<Place>, letter: char) -> BTreeSet<Place> {
    let mut next = BTreeSet::new();
    for &(form, place) in places {
        let at = |place: usize| forms.get(form).and_then(|form| form.get(place)).copied();
        if place.checked_sub(1).and_then(at) == Some(None) {
            next.insert((form, place));
        }
        if at(place) == Some(Some(letter)) {
            enter(forms, (form, place + 1), &mut next);
        }
    }
    next
}

/// Adds a place, and the one behind the star that stands there.
fn enter(forms: &[Vec<Option<char>>], (form, place): Place, places: &mut BTreeSet<Place>) {
    places.insert((form, place));
    if forms.get(form).and_then(|form| form.get(place)) == Some(&None) {
        places.insert((form, place + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_the_service_counts_them() {
        let table: [(&[&str], bool); 9] = [
            (&["*"], false),
            (&["*a*"], false),
            (&["*:*:*"], false),
            (&["arn:*:batch:*:*:job-queue/*"], false),
            (&["*:*:*:*:*:job/*"], true),
            (&["*aaaaaaaaaaa"], true),
            (&["*aaaaaaaaa"], false),
            (&["*:a-*", "*:b-*", "*:c-*"], false),
            (&["*:a-*", "*:b-*", "*:c-*", "*:d-*"], true),
        ];
        for (forms, expected) in table {
            let tests: Vec<_> =
                forms.iter().map(|form| Test::Wildcard(Wildcard::read(form).unwrap())).collect();
            assert_eq!(is_too_high(&tests), expected, "{forms:?}");
        }
    }
}
