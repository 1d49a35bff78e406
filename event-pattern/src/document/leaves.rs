//! Leaves, by their paths.

use super::keys::PathHash;
use super::{Document, ROOT, Scalar};

/// The leaves of one path, in the order of their elements unless the document is tangled.
#[derive(Clone, Copy)]
pub(crate) struct Leaves<'d, 'a> {
    document: &'d Document<'a>,
    path: Option<&'d Path>,
}

impl<'d, 'a> Leaves<'d, 'a> {
    pub(crate) fn all(self) -> impl Iterator<Item = (&'d Scalar<'a>, usize)> {
        let more = self.path.map_or(&[][..], |path| &path.more);
        self.path.into_iter().map(|path| &path.first).chain(more).filter_map(move |&leaf| self.leaf(leaf))
    }

    /// Those inside of an element. The document must not be tangled.
    pub(crate) fn inside(self, element: usize) -> impl Iterator<Item = (&'d Scalar<'a>, usize)> {
        let end = self.document.end(element);
        let mut more = self.path.map_or(&[][..], |path| &path.more);
        if element != ROOT {
            let before =
                more.partition_point(|&leaf| self.leaf(leaf).is_some_and(|(_, inner)| inner < element));
            more = more.get(before..).unwrap_or_default();
        }
        let first = self.path.map(|path| &path.first);
        let first =
            first.and_then(|&leaf| self.leaf(leaf)).filter(|&(_, inner)| (element..end).contains(&inner));
        let more =
            more.iter().filter_map(move |&leaf| self.leaf(leaf)).take_while(move |&(_, inner)| inner < end);
        first.into_iter().chain(more)
    }

    fn leaf(self, index: usize) -> Option<(&'d Scalar<'a>, usize)> {
        self.document.leaves.get(index).map(|leaf| (&leaf.value, leaf.element))
    }
}

/// A value at its place.
#[derive(Debug, Clone)]
pub(super) struct Leaf<'a> {
    pub(super) path: usize,
    pub(super) element: usize,
    pub(super) value: Scalar<'a>,
}

/// The leaves of one path. Most have one only.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) hash: PathHash,
    /// A key that ends there.
    pub(super) key: usize,
    pub(super) first: usize,
    pub(super) more: Vec<usize>,
    /// The path before it in its chain, plus one.
    pub(super) next: usize,
}

impl<'a> Document<'a> {
    /// The leaves at a path, with the hash of that path.
    pub(crate) fn leaves_at(&self, path: &str, hash: PathHash) -> Leaves<'_, 'a> {
        let at = self.path(hash, |key| self.spells(key, path));
        Leaves { document: self, path: at.and_then(|at| self.paths.get(at)) }
    }

    /// Whether one of the first so many leaves is at this key's path.
    pub(super) fn has(&self, key: usize, leaves: usize) -> bool {
        let path = self.path(self.path_hash(key), |other| self.same_path(key, other));
        path.and_then(|path| self.paths.get(path)).is_some_and(|path| path.first < leaves)
    }

    pub(super) fn leaf(&mut self, key: usize, element: usize, value: Scalar<'a>) {
        let hash = self.path_hash(key);
        let index = self.leaves.len();
        let path = self.path(hash, |other| self.same_path(key, other));
        if let Some(path) = path.and_then(|path| self.paths.get_mut(path)) {
            path.more.push(index);
        } else {
            self.paths.push(Path { hash, key, first: index, more: Vec::new(), next: 0 });
            self.link();
        }
        self.leaves.push(Leaf { path: path.unwrap_or(self.paths.len() - 1), element, value });
    }

    /// Puts the last path before the chain of its bucket.
    fn link(&mut self) {
        let mut from = self.paths.len() - 1;
        if self.paths.len() > self.buckets.len() {
            self.buckets = vec![0; self.buckets.len() * 2];
            from = 0;
        }
        let count = self.buckets.len();
        for (index, path) in self.paths.iter_mut().enumerate().skip(from) {
            if let Some(head) = self.buckets.get_mut(path.hash.bucket(count)) {
                path.next = std::mem::replace(head, index + 1);
            }
        }
    }

    /// The path with that hash and a key that is the right one.
    fn path(&self, hash: PathHash, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut next = *self.buckets.get(hash.bucket(self.buckets.len()))?;
        loop {
            let at = next.checked_sub(1)?;
            let path = self.paths.get(at)?;
            if path.hash == hash && is_it(path.key) {
                return Some(at);
            }
            next = path.next;
        }
    }
}
