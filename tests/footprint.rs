//! What the function is made of: the things that make it start slower when nobody looks.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to fail")]

use std::collections::BTreeSet;
use std::process::Command;

/// The crates in the function's binary, as `name vX.Y.Z`.
fn crates() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--package", "batch-canceller"])
        .args(["--prefix", "none", "--target", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_binary_has_one_tls_stack_and_it_is_ring() {
    let crates = crates();
    let has = |start: &str| crates.iter().any(|name| name.starts_with(start));
    assert!(has("rustls v0.23") && has("ring v0.17"), "{crates:?}");
    // aws-lc gathers entropy for 25 ms of CPU at the first handshake; the others are the SDK's older stack.
    for unwanted in
        ["aws-lc", "rustls v0.21", "rustls v0.22", "hyper v0.14", "hyper-rustls v0.24", "openssl-sys", "s2n"]
    {
        assert!(!has(unwanted), "{unwanted} is back");
    }
}

#[test]
fn the_binary_is_made_of_no_more_crates_than_it_was() {
    let crates = crates();
    assert!(crates.len() <= MOST_CRATES, "{} crates: {crates:?}", crates.len());
}

/// Raise it only for something worth its weight.
const MOST_CRATES: usize = 166;

#[test]
fn nothing_of_the_simulator_is_in_the_binary() {
    assert!(!crates().iter().any(|name| name.starts_with("batch-sim")));
}
