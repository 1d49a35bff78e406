//! Files, and standard input in the place of one.

use std::io::Read;
use std::path::{Path, PathBuf};

use batch_canceller::policy::Policy;

use crate::trouble::Trouble;

/// A text, and what messages call the place it is from.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Text {
    /// A line of it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Text, Trouble> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| Trouble::at("standard input", error))?;
        return Ok(Text { name: "<stdin>".into(), text });
    }
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Trouble::at(&name, error))?;
    Ok(Text { name, text })
}

/// Reads a policy.
pub(crate) fn policy(path: &Path) -> Result<Policy, Trouble> {
    let Text { name, text } = read(path)?;
    Policy::parse(&text).map_err(|error| Trouble::at(name, error))
}

/// That not more than one of some files is standard input, which can be read but once.
pub(crate) fn one_stdin(paths: &[&PathBuf]) -> Result<(), Trouble> {
    match paths.iter().filter(|path| path.as_os_str() == "-").count() {
        0 | 1 => Ok(()),
        _ => Err(Trouble::new("`-` is standard input, and stands for one file only: name the other")),
    }
}
