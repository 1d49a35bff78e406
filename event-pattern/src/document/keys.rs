//! Keys at their places, and the paths that they spell.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use super::{Document, ROOT};

/// A key at its place. Paths are not stored, but spelt from the last key to the first.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    pub(super) parent: usize,
    pub(super) name: Cow<'a, str>,
    /// Of the joined path down to it.
    pub(super) hash: PathHash,
    pub(super) length: usize,
    pub(super) dotted: bool,
}

/// The hash of a joined path, the same whichever way its dots came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathHash(u64);

impl PathHash {
    /// Of the empty path. It differs from process to process, so that nobody can write a document all of whose paths
    /// fall together.
    pub(super) fn empty() -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        Self(*SEED)
    }

    pub(crate) fn of(path: &str) -> Self {
        path.bytes().fold(Self::empty(), Self::and)
    }

    fn and(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// One of a number of buckets that is a power of two.
    pub(super) fn bucket(self, count: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
        let spread = (self.0 ^ (self.0 >> 32)) as usize;
        spread & (count - 1)
    }
}

impl<'a> Document<'a> {
    /// A key from outside.
    pub(super) fn field(&mut self, field: &'a str) -> usize {
        let again = self.keys.iter().any(|key| key.parent == ROOT && key.name == field && key.length > 0);
        let key = self.key(ROOT, Cow::Borrowed(field));
        if let Some(key) = self.keys.get_mut(key).filter(|_| again) {
            // What was put there before takes part: as if a dot had brought both to one path.
            key.dotted = true;
            self.dotted.push(key.hash);
        }
        key
    }

    pub(super) fn key(&mut self, parent: usize, name: Cow<'a, str>) -> usize {
        let outer = self.keys.get(parent).filter(|_| parent != ROOT);
        let (mut hash, before, mut dotted) = match outer {
            Some(outer) => (outer.hash.and(b'.'), outer.length + 1, outer.dotted),
            None => (PathHash::empty(), 0, false),
        };
        for byte in name.bytes() {
            if byte == b'.' {
                dotted = true;
                self.dotted.push(hash);
            }
            hash = hash.and(byte);
        }
        if dotted {
            self.dotted.push(hash);
        }
        self.keys.push(Key { parent, hash, length: before + name.len(), dotted, name });
        self.keys.len() - 1
    }

    pub(super) fn path_hash(&self, key: usize) -> PathHash {
        self.keys.get(key).map_or_else(PathHash::empty, |key| key.hash)
    }

    /// Whether the keys down to this one, joined by dots, are the path.
    pub(super) fn spells(&self, key: usize, path: &str) -> bool {
        let (mut rest, mut at) = (path, key);
        loop {
            let Some(key) = self.keys.get(at) else { return false };
            let Some(before) = rest.strip_suffix(&*key.name) else { return false };
            if key.parent == ROOT {
                return before.is_empty();
            }
            let Some(before) = before.strip_suffix('.') else { return false };
            (rest, at) = (before, key.parent);
        }
    }

    pub(super) fn same_path(&self, one: usize, other: usize) -> bool {
        let (mut first, mut second) = (one, other);
        while first != second {
            let (Some(a), Some(b)) = (self.keys.get(first), self.keys.get(second)) else { return false };
            if a.name != b.name || first == ROOT || second == ROOT {
                // The same path, if at all, by other dots.
                return self.spells(other, &self.spell(one));
            }
            (first, second) = (a.parent, b.parent);
        }
        true
    }

    fn spell(&self, key: usize) -> String {
        let mut keys = Vec::new();
        let mut at = key;
        while let Some(key) = self.keys.get(at).filter(|_| at != ROOT) {
            keys.push(&*key.name);
            at = key.parent;
        }
        keys.reverse();
        keys.join(".")
    }

    /// Whether dots in keys may have brought something else to the path of an array, so that a leaf below that path
    /// need not be in the array.
    pub(crate) fn is_tangled(&self) -> bool {
        self.tangled
    }

    /// Looks for tangles, after something was put.
    pub(super) fn look_for_tangles(&mut self) {
        /// With more dots than this, looking costs more than it is likely to save.
        const MANY: usize = 4096;
        if self.dotted.len() > MANY {
            self.tangled = true;
        } else if !self.dotted.is_empty() && !self.arrays.is_empty() && !self.tangled {
            let mut dotted = self.dotted.clone();
            dotted.sort_unstable();
            self.tangled = self.arrays.iter().any(|array| dotted.binary_search(array).is_ok());
        }
    }
}
