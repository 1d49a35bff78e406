//! As much of CloudWatch Logs Insights' language as the pages use.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

/// A query: its commands in their order, each as its words.
pub(crate) struct Query(Vec<Vec<String>>);

/// The words of a query: names, literals with their quotes, and signs.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "@._".contains(c);
        let end = match first {
            '"' => rest[1..].find('"').map(|end| end + 2).ok_or("a string does not end")?,
            '!' | '<' | '>' if rest[1..].starts_with('=') => 2,
            '|' | ',' | '(' | ')' | '[' | ']' | '=' | '<' | '>' => 1,
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            c => return Err(format!("{c:?} is not understood")),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

fn is_literal(word: &str) -> bool {
    word.starts_with('"') || word.parse::<f64>().is_ok()
}

fn literal(word: &str) -> Value {
    let number = || word.parse::<f64>().ok().map(Value::from);
    number().unwrap_or_else(|| word.trim_matches('"').into())
}

/// The value at a path, which Insights finds in nested objects by dots.
fn value(line: &Value, path: &str) -> Value {
    let at = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    match line.get(path) {
        Some(value) => value.clone(),
        None => path.split('.').fold(line.clone(), |value, name| at(&value, name)),
    }
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(left.as_str()?.cmp(right.as_str()?)),
    }
}

/// A condition, being read and held against a line at once.
struct Condition<'a> {
    words: std::iter::Peekable<std::slice::Iter<'a, String>>,
    line: &'a Value,
}

impl Condition<'_> {
    fn next(&mut self) -> Result<&str, String> {
        self.words.next().map(String::as_str).ok_or_else(|| "a condition ends too early".to_owned())
    }

    fn takes(&mut self, word: &str) -> bool {
        self.words.next_if(|next| *next == word).is_some()
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(format!("{word} is missing")) }
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut holds = self.all()?;
        while self.takes("or") {
            holds |= self.all()?;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while self.takes("and") {
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.takes("not") {
            return Ok(!self.one()?);
        }
        if self.takes("(") {
            let holds = self.any()?;
            self.expect(")")?;
            return Ok(holds);
        }
        if self.takes("ispresent") {
            self.expect("(")?;
            let field = self.next()?.to_owned();
            self.expect(")")?;
            return Ok(!value(self.line, &field).is_null());
        }
        let field = self.next()?.to_owned();
        let left = value(self.line, &field);
        let sign = self.next()?.to_owned();
        if sign == "in" {
            self.expect("[")?;
            let mut holds = false;
            loop {
                holds |= compare(&left, &literal(self.next()?)) == Some(Ordering::Equal);
                if self.takes("]") {
                    return Ok(holds);
                }
                self.expect(",")?;
            }
        }
        let right = self.next()?.to_owned();
        let right = if is_literal(&right) { literal(&right) } else { value(self.line, &right) };
        let order = compare(&left, &right);
        match sign.as_str() {
            "=" => Ok(order == Some(Ordering::Equal)),
            "!=" => Ok(order.is_some_and(Ordering::is_ne)),
            ">" => Ok(order == Some(Ordering::Greater)),
            "<" => Ok(order == Some(Ordering::Less)),
            "like" => Ok(left.as_str().zip(right.as_str()).is_some_and(|(text, part)| text.contains(part))),
            sign => Err(format!("{sign} is no comparison")),
        }
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let words = words(text)?;
        Ok(Self(words.split(|word| word == "|").map(<[String]>::to_vec).collect()))
    }

    /// The names in it that are neither the language's nor its own: the fields it asks about.
    pub(crate) fn fields(&self) -> BTreeSet<&str> {
        const LANGUAGE: &[&str] =
            &["and", "or", "not", "in", "like", "ispresent", "count", "as", "by", "asc", "desc"];
        let words = || self.0.iter().flat_map(|command| command.iter().skip(1)).map(String::as_str);
        let own: BTreeSet<_> =
            words().zip(words().skip(1)).filter(|(word, _)| *word == "as").map(|(_, own)| own).collect();
        let is_name = |word: &str| word.starts_with(|c: char| c == '@' || c.is_ascii_alphabetic());
        words().filter(|word| is_name(word) && !LANGUAGE.contains(word) && !own.contains(word)).collect()
    }

    /// The rows that come of log lines. Each command must be one of those that are known.
    pub(crate) fn run(&self, lines: &[Value]) -> Result<Vec<Value>, String> {
        let mut rows = lines.to_vec();
        for command in &self.0 {
            let (name, words) = command.split_first().ok_or("a command is empty")?;
            match name.as_str() {
                "filter" => {
                    let mut kept = Vec::new();
                    for row in rows {
                        let mut condition = Condition { words: words.iter().peekable(), line: &row };
                        let holds = condition.any()?;
                        if let Some(word) = condition.words.next() {
                            return Err(format!("{word} is left over"));
                        }
                        kept.extend(holds.then_some(row));
                    }
                    rows = kept;
                }
                "display" | "fields" => rows = rows.iter().map(|row| columns(row, words)).collect(),
                "limit" => rows.truncate(words[0].parse().map_err(|_| "limit needs a number")?),
                "sort" => {
                    rows.sort_by(|a, b| {
                        compare(&value(a, &words[0]), &value(b, &words[0])).unwrap_or(Ordering::Equal)
                    });
                    if words.get(1).is_some_and(|order| order == "desc") {
                        rows.reverse();
                    }
                }
                "stats" => rows = counts(&rows, words)?,
                other => return Err(format!("{other} is no command")),
            }
        }
        Ok(rows)
    }
}

fn columns(row: &Value, names: &[String]) -> Value {
    names.iter().filter(|name| *name != ",").map(|name| (name.clone(), value(row, name))).collect()
}

/// `count() as NAME by FIELD, …`
fn counts(rows: &[Value], words: &[String]) -> Result<Vec<Value>, String> {
    let [count, open, close, r#as, name, by, fields @ ..] = words else {
        return Err("stats needs count() as a name by fields".to_owned());
    };
    if [count, open, close, r#as, by] != ["count", "(", ")", "as", "by"] {
        return Err("stats needs count() as a name by fields".to_owned());
    }
    let mut groups: Vec<(Value, u64)> = Vec::new();
    for row in rows {
        let key = columns(row, fields);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => groups.push((key, 1)),
        }
    }
    let with_count = |(mut row, count): (Value, u64)| {
        row[name] = count.into();
        row
    };
    Ok(groups.into_iter().map(with_count).collect())
}
