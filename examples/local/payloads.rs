//! What to send: sample payloads, files, or standard input.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{fs, str};

use batch_canceller::request::{Action, CancelRequest, Rules};
use batch_canceller::trigger::{Delivery, Source, deliveries};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::screen::counted;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events");

/// One payload, as it was written.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) name: String,
    pub(crate) json: Box<RawValue>,
}

/// Reads the payloads at `paths`, or every sample; those of a directory in the order of their names.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Payload>, String> {
    if paths.is_empty() {
        let mut samples = read_dir(Path::new(SAMPLES))?;
        for sample in &mut samples {
            sample.name = sample.name.trim_start_matches(SAMPLES).trim_start_matches('/').to_owned();
        }
        return Ok(samples);
    }
    let mut payloads = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            payloads.push(parse("standard input", read_stdin())?);
        } else if path.is_dir() {
            payloads.extend(read_dir(path)?);
        } else {
            payloads.push(read_file(path)?);
        }
    }
    Ok(payloads)
}

fn read_dir(dir: &Path) -> Result<Vec<Payload>, String> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut paths = list().map_err(|error| format!("{} cannot be read: {error}", dir.display()))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    if paths.is_empty() {
        return Err(format!("there is no payload in {}: no file there ends in .json", dir.display()));
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}

fn read_file(path: &Path) -> Result<Payload, String> {
    parse(&path.to_string_lossy(), fs::read(path))
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

fn parse(name: &str, bytes: io::Result<Vec<u8>>) -> Result<Payload, String> {
    let bytes = bytes.map_err(|error| format!("{name} cannot be read: {error}"))?;
    let text = str::from_utf8(&bytes).map_err(|_| format!("{name} is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(format!("{name} is empty: there is no payload to send"));
    }
    let json = serde_json::from_str(text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    Ok(Payload { name: name.to_owned(), json })
}

impl Payload {
    /// What it is, in a few words.
    pub(crate) fn kind(&self) -> String {
        if self.has_no_records() {
            return "an empty batch".to_owned();
        }
        let rules = Rules { region: None, account: None, allow_terminate: true };
        match deliveries(&self.json, &rules, "").as_deref() {
            Err(_) => "nothing that the function knows".to_owned(),
            Ok([]) => "an empty array".to_owned(),
            Ok([only]) => one(only),
            Ok(several) => many(several),
        }
    }

    /// Whether it is a batch of no records.
    pub(crate) fn has_no_records(&self) -> bool {
        #[derive(Deserialize)]
        struct Batch {
            #[serde(rename = "Records")]
            records: Vec<IgnoredAny>,
        }
        serde_json::from_str::<Batch>(self.json.get()).is_ok_and(|batch| batch.records.is_empty())
    }
}

fn one(delivery: &Delivery) -> String {
    let origin = match delivery.source() {
        Source::Sqs => "an SQS message",
        Source::Sns => "an SNS notification",
        Source::EventBridge => "an EventBridge event",
        Source::Direct => "a direct request",
    };
    delivery.request.as_ref().map_or(origin.to_owned(), |request| format!("{origin} to {}", what(request)))
}

fn many(deliveries: &[Delivery]) -> String {
    let requests = counted(deliveries.len(), "request");
    if !deliveries.iter().all(|delivery| delivery.source() == Source::Sqs) {
        let sources: BTreeSet<_> = deliveries.iter().map(|delivery| delivery.source().as_str()).collect();
        return format!("{requests} ({})", sources.into_iter().collect::<Vec<_>>().join(", "));
    }
    let messages: HashSet<_> = deliveries.iter().map(Delivery::id).collect();
    let queue =
        if deliveries.iter().any(|delivery| delivery.group.is_some()) { "FIFO queue" } else { "queue" };
    let batch = format!("{} of an SQS {queue}", counted(messages.len(), "message"));
    if messages.len() == deliveries.len() { batch } else { format!("{batch}, {requests}") }
}

fn what(request: &CancelRequest) -> String {
    let verb = match request.action {
        Action::Cancel => "cancel",
        Action::Terminate => "terminate",
    };
    let jobs = match request.sweep {
        Some(_) => "what a sweep finds".to_owned(),
        None => counted(request.jobs.len(), "job"),
    };
    let dry_run = if request.dry_run { ", as a dry run" } else { "" };
    format!("{verb} {jobs}{dry_run}")
}
