//! What `docs/sweeps.md` shows, tried.

use batch_canceller::clock::unix_ms;
use batch_sim::{Job, Operation, Simulator};

use crate::program::Folder;

/// The block that a comment `<!-- test: NAME -->` stands before.
fn block(name: &str) -> &'static str {
    let text = include_str!("../../../docs/sweeps.md");
    let (_, after) = text.split_once(&format!("<!-- test: {name} -->\n```")).unwrap();
    let (_, block) = after.split_once('\n').unwrap();
    block.split("```").next().unwrap()
}

#[test]
fn a_sweep_is_checked_as_the_page_shows() {
    let sim = Simulator::new();
    let now = i64::try_from(unix_ms()).unwrap();
    let job = |id: &str, name: &str, minutes: i64| {
        let created = now - minutes * 60_000 - 30_000;
        Job::new(id).name(name).queue("nightly").created_at(created)
    };
    sim.add(job("5b7b7b52-64f2-4a0c-9a3c-8a1f6a1c7d01", "etl-orders", 1_565));
    sim.add(job("9c1e4c1f-0d55-4c7e-8f0e-2b9d3c5e7a02", "etl-invoices", 305));
    sim.add(job("e2a80c3d-7b16-4f8d-b1c4-6d0f9e8b5c03", "etl-ledger", 184).tag("cancel-protection", "true"));
    sim.add(job("17d3f9a6-2c4b-4e5f-a6d7-c8b9e0f1a204", "etl-ledger", 183));
    sim.add(job("c40f2b7e-9a8d-4c6b-8e5f-1a2b3c4d5e05", "etl-orders", 125));
    sim.add(job("d81a6c5b-3e2f-4d9c-b7a8-9f0e1d2c3b06", "report", 90));
    let server = sim.serve_on_thread().unwrap();
    let files = ["policy.json", "sweep.json"].map(|name| (name, block(name)));
    let folder = Folder::with(&files).calls(&server);
    let command: Vec<_> = block("command").split_whitespace().skip(1).collect();
    let ran = folder.run(&command, "");
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.out, block("output"), "{}", ran.out);
    let asked = sim.count(Operation::ListJobs) + sim.count(Operation::DescribeJobs);
    assert_eq!(sim.calls().len(), asked, "{:?}", sim.calls());
}

#[test]
fn the_command_of_the_reference_works_as_it_stands_there() {
    let text = include_str!("../../../docs/reference.md");
    let (_, after) = text.split_once("<!-- test: batch-cancel -->\n```sh\n").unwrap();
    let command = after.lines().next().unwrap();
    let args = command.strip_prefix("cargo run --package batch-cancel -- ").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let args: Vec<_> = args
        .split_whitespace()
        .map(|word| {
            if root.join(word).exists() {
                root.join(word).to_str().unwrap().to_owned()
            } else {
                word.to_owned()
            }
        })
        .collect();
    let ran = Folder::with(&[]).run(&args.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{ran:?}");
}
