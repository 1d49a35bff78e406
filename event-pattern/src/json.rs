//! A reader of JSON text that keeps what a map of values would lose: keys written twice, and numbers as they are
//! written.

mod reader;

use std::borrow::Cow;

pub(crate) use reader::{Fault, Reader, TOO_DEEP, Token};

/// A value with its keys in the order of the text, equal ones included.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads a whole text; anything but white space after the value is refused.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut reader = Reader::new(text);
        let node = Self::read(&mut reader, 0)?;
        reader.end()?;
        Ok(node)
    }

    fn read(reader: &mut Reader<'a>, depth: usize) -> Result<Self, Fault> {
        Ok(match reader.value()? {
            Token::Null => Self::Null,
            Token::Bool(value) => Self::Bool(value),
            Token::Number(literal) => Self::Number(literal),
            Token::Text(text) => Self::Text(text),
            Token::List => {
                reader.check_depth(depth)?;
                let mut items = Vec::new();
                while reader.item(items.is_empty())? {
                    items.push(Self::read(reader, depth + 1)?);
                }
                Self::List(items)
            }
            Token::Object => {
                reader.check_depth(depth)?;
                let mut members = Vec::new();
                while let Some(key) = reader.key(members.is_empty())? {
                    members.push((key, Self::read(reader, depth + 1)?));
                }
                Self::Object(members)
            }
        })
    }

    /// What a message calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Writes the value without white space.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(literal) => out.push_str(literal),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Writes a JSON string.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                out.push_str("\\u00");
                for digit in [u32::from(control) >> 4, u32::from(control) & 15] {
                    out.extend(char::from_digit(digit, 16));
                }
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}
