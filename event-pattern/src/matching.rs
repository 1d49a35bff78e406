//! Whether a document meets a branch.
//!
//! Leaves below one array must be met by one of its elements. They are taken in the order of their paths, in which all
//! that lie below one array follow each other. So what the choice of an element decides is settled, one way or the
//! other, before anything outside of it is looked at, and no choice is made twice.

pub(crate) mod miss;

use crate::document::{Document, ROOT};
use crate::error::Undecided;
use crate::pattern::{Branch, Leaf};

/// How many values the long way may look at.
const MAX_STEPS: usize = 200_000;

pub(crate) fn matches(branch: &Branch, document: &Document<'_>) -> Result<bool, Undecided> {
    let mut search = Search::new(branch, document);
    match search.run() {
        Ok(()) => Ok(true),
        Err(_) if search.steps > MAX_STEPS => Err(Undecided),
        Err(_) => Ok(false),
    }
}

/// A way through a branch.
struct Search<'s, 'a> {
    branch: &'s Branch,
    document: &'s Document<'a>,
    /// The last leaf that was reached.
    reached: usize,
    steps: usize,
}

/// No way on: staying inside of this element, the leaves that are left cannot be met.
struct DeadEnd(usize);

/// The elements chosen so far.
struct Chosen<'c> {
    element: usize,
    before: Option<&'c Chosen<'c>>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(branch: &'s Branch, document: &'s Document<'a>) -> Self {
        Self { branch, document, reached: 0, steps: 0 }
    }

    fn run(&mut self) -> Result<(), DeadEnd> {
        if self.branch.is_nested() || self.document.is_tangled() {
            if self.long_way(0, None) { Ok(()) } else { Err(DeadEnd(ROOT)) }
        } else {
            self.from(0, ROOT)
        }
    }

    /// Meets the leaves from this one on. `chosen` is the element that those before left no choice but to stay in, and
    /// its array is on the way to this leaf.
    fn from(&mut self, index: usize, chosen: usize) -> Result<(), DeadEnd> {
        let Some((leaf, shared)) = self.branch.leaf(index) else { return Ok(()) };
        self.reached = self.reached.max(index);
        let mut present = false;
        let mut dead_until = 0;
        for (value, element) in self.document.leaves_at(leaf.path(), leaf.hash()).inside(chosen) {
            present = true;
            if element < dead_until || !leaf.tests().iter().any(|test| test.holds(value)) {
                continue;
            }
            let Err(DeadEnd(at)) = self.from(index + 1, self.document.outer(element, shared)) else {
                return Ok(());
            };
            if self.document.depth(at) <= self.document.depth(chosen) {
                return Err(DeadEnd(at));
            }
            dead_until = self.document.end(at);
        }
        if !present && leaf.accepts_absence() {
            return self.from(index + 1, self.document.outer(chosen, shared));
        }
        Err(DeadEnd(chosen))
    }

    /// The same where arrays do not lie inside of each other as their paths do: every choice is tried, up to a bound.
    fn long_way(&mut self, index: usize, chosen: Option<&Chosen<'_>>) -> bool {
        let Some((leaf, _)) = self.branch.leaf(index) else { return true };
        self.reached = self.reached.max(index);
        let mut present = false;
        for (value, element) in self.document.leaves_at(leaf.path(), leaf.hash()).all() {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return false;
            }
            if !self.fits(element, chosen) {
                continue;
            }
            present = true;
            if !leaf.tests().iter().any(|test| test.holds(value)) {
                continue;
            }
            if element == ROOT {
                return self.long_way(index + 1, chosen);
            }
            if self.long_way(index + 1, Some(&Chosen { element, before: chosen })) {
                return true;
            }
        }
        !present && leaf.accepts_absence() && self.long_way(index + 1, chosen)
    }

    fn fits(&self, element: usize, chosen: Option<&Chosen<'_>>) -> bool {
        let mut chosen = chosen;
        while let Some(choice) = chosen {
            if !self.document.consistent(choice.element, element) {
                return false;
            }
            chosen = choice.before;
        }
        true
    }
}

/// Whether a leaf alone is met.
fn meets(leaf: &Leaf, document: &Document<'_>) -> bool {
    let mut present = false;
    for (value, _) in document.leaves_at(leaf.path(), leaf.hash()).all() {
        present = true;
        if leaf.tests().iter().any(|test| test.holds(value)) {
            return true;
        }
    }
    !present && leaf.accepts_absence()
}
