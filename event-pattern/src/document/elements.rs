//! The elements of arrays, which leaves must share.

use super::Document;

/// An element of an array; the document itself is the first. Elements are numbered as they begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    /// The element that the array is in.
    pub(super) parent: usize,
    pub(super) array: usize,
    /// The length of the array's path.
    pub(super) length: usize,
    pub(super) depth: usize,
    /// Behind the last element inside of this one.
    pub(super) end: usize,
}

impl Document<'_> {
    /// The innermost element around this one, or itself, whose array's path is no longer than that.
    pub(crate) fn outer(&self, element: usize, length: usize) -> usize {
        let mut at = element;
        while let Some(Element { parent, .. }) =
            self.elements.get(at).filter(|element| element.length > length)
        {
            at = *parent;
        }
        at
    }

    /// In how many arrays an element is.
    pub(crate) fn depth(&self, element: usize) -> usize {
        self.elements.get(element).map_or(0, |element| element.depth)
    }

    /// Behind the last element inside of this one.
    pub(crate) fn end(&self, element: usize) -> usize {
        self.elements.get(element).map_or(0, |element| element.end)
    }

    /// Whether no array holds different elements of the two.
    pub(crate) fn consistent(&self, one: usize, other: usize) -> bool {
        let (mut one, mut other) = (one, other);
        // The arrays last left on either side, once the two ways have met.
        let mut left = (None, None);
        while one != other {
            let (Some(first), Some(second)) = (self.elements.get(one), self.elements.get(other)) else {
                return false;
            };
            if first.depth >= second.depth {
                left.0 = Some(first.array);
                one = first.parent;
            }
            if second.depth >= first.depth {
                left.1 = Some(second.array);
                other = second.parent;
            }
        }
        left.0.is_none() || left.1.is_none() || left.0 != left.1
    }
}
