//! What to send: sample payloads, files, or standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{fs, str};

use serde_json::value::RawValue;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events");

/// One payload, as it was written.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) name: String,
    pub(crate) json: Box<RawValue>,
}

/// Reads the payloads at `paths`, or every sample in the order of their names.
pub(crate) fn read(paths: &[String]) -> Result<Vec<Payload>, String> {
    if paths.is_empty() {
        return samples();
    }
    paths
        .iter()
        .map(|path| match path.as_str() {
            "-" => parse("standard input", read_stdin()),
            path => parse(path, fs::read(path)),
        })
        .collect()
}

fn samples() -> Result<Vec<Payload>, String> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(SAMPLES)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut paths = list().map_err(|error| format!("{SAMPLES} cannot be read: {error}"))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| parse(&file_name(path), fs::read(path))).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

fn parse(name: &str, bytes: io::Result<Vec<u8>>) -> Result<Payload, String> {
    let bytes = bytes.map_err(|error| format!("{name} cannot be read: {error}"))?;
    let text = str::from_utf8(&bytes).map_err(|_| format!("{name} is not UTF-8"))?;
    let json = serde_json::from_str(text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    Ok(Payload { name: name.to_owned(), json })
}
