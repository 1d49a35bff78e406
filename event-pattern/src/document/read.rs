//! From JSON text to leaves, in one pass.

use super::elements::Element;
use super::{Document, PathHash, ROOT, Scalar};
use crate::error::DocumentError;
use crate::json::{Fault, Reader, Token};
use crate::number::Number;

pub(super) fn whole<'a>(document: &mut Document<'a>, json: &'a str) -> Result<(), DocumentError> {
    let mut filler = Filler { reader: Reader::new(json), document, open: Vec::new(), taken: 0 };
    let read = match filler.reader.value() {
        Ok(Token::Object) => filler.object(ROOT, ROOT, 0).and_then(|()| filler.reader.end()),
        Ok(_) => Err(Fault { what: "a document is an object", at: 0 }),
        Err(fault) => Err(fault),
    };
    read.map_err(|fault| DocumentError::new("", fault))
}

pub(super) fn below<'a>(
    document: &mut Document<'a>,
    field: &'a str,
    json: &'a str,
    taken: usize,
) -> Result<(), DocumentError> {
    let key = document.field(field);
    let mut filler = Filler { reader: Reader::new(json), document, open: Vec::new(), taken };
    let read = filler.value(key, ROOT, 0).and_then(|()| filler.reader.end());
    read.map_err(|fault| DocumentError::new(field, fault))
}

struct Filler<'d, 'a> {
    reader: Reader<'a>,
    document: &'d mut Document<'a>,
    /// The keys of the objects that are being read, the innermost last, each behind the hash of its path.
    open: Vec<(PathHash, usize)>,
    /// Where one of the first so many leaves of the document is, no other is put.
    taken: usize,
}

impl Filler<'_, '_> {
    fn value(&mut self, key: usize, element: usize, depth: usize) -> Result<(), Fault> {
        let value = match self.reader.value()? {
            Token::Object => return self.object(key, element, depth),
            Token::List => return self.array(key, element, depth),
            Token::Null => Scalar::Null,
            Token::Bool(value) => Scalar::Bool(value),
            Token::Number(literal) => Scalar::Number(Number::read(literal)),
            Token::Text(text) => Scalar::Text(text),
        };
        if self.taken == 0 || !self.document.has(key, self.taken) {
            self.document.leaf(key, element, value);
        }
        Ok(())
    }

    fn object(&mut self, parent: usize, element: usize, depth: usize) -> Result<(), Fault> {
        self.reader.check_depth(depth)?;
        let outer = self.open.len();
        while let Some(name) = self.reader.key(self.open.len() == outer)? {
            let key = self.document.key(parent, name);
            self.open.push((self.document.path_hash(key), key));
            self.value(key, element, depth + 1)?;
        }
        let twice = self.has_key_twice(outer);
        self.open.truncate(outer);
        if twice { Err(self.reader.fault("an object has a key twice")) } else { Ok(()) }
    }

    fn array(&mut self, key: usize, element: usize, depth: usize) -> Result<(), Fault> {
        self.reader.check_depth(depth)?;
        let array = self.document.arrays.len();
        self.document.arrays.push(self.document.path_hash(key));
        let nested = self.document.depth(element) + 1;
        let length = self.document.keys.get(key).map_or(0, |key| key.length);
        let mut first = true;
        while self.reader.item(first)? {
            first = false;
            let item = self.document.elements.len();
            self.document.elements.push(Element {
                parent: element,
                array,
                length,
                depth: nested,
                end: item + 1,
            });
            self.value(key, item, depth + 1)?;
            let end = self.document.elements.len();
            if let Some(item) = self.document.elements.get_mut(item) {
                item.end = end;
            }
        }
        Ok(())
    }

    fn has_key_twice(&mut self, outer: usize) -> bool {
        /// Up to here, comparing all with all is cheaper than sorting.
        const FEW: usize = 24;
        let open = self.open.get_mut(outer..).unwrap_or_default();
        let name = |key: usize| self.document.keys.get(key).map(|key| &key.name);
        let same = |one: (PathHash, usize), other: (PathHash, usize)| {
            one.0 == other.0 && name(one.1) == name(other.1)
        };
        if open.len() > FEW {
            open.sort_unstable();
            return open.windows(2).any(|pair| matches!(*pair, [one, other] if same(one, other)));
        }
        let mut rest = &*open;
        while let [one, others @ ..] = rest {
            if others.iter().any(|&other| same(*one, other)) {
                return true;
            }
            rest = others;
        }
        false
    }
}
