//! The program on commands that do wrong: what it is there to find, it must find.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to fail")]

use std::process::Command;

/// A bootstrap in bash that acknowledges every message and cancels nothing. What it prints is its own affair.
const LIAR: &str = r#"
exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
ask() { # ask METHOD PATH BODY: sets $id and $body of the answer
  printf '%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&3
  local line length=0
  while read -r line <&3 && line=${line%$'\r'} && [[ $line ]]; do
    case $line in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  LC_ALL=C read -r -N "$length" body <&3
}
while ask GET next ''; do
  SAY
  ask POST "$id/response" '{"batchItemFailures":[]}'
done
"#;

/// Runs one small episode; gives the exit status and what was said.
fn run(scenario: &str, name: &str, argv: &[&str], options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile(name);
    let commands = serde_json::json!([{"name": name, "argv": argv}]).to_string();
    let file = folder.join("commands.json");
    std::fs::write(&file, commands).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("--commands")
        .arg(&file)
        .arg("--logs")
        .arg(&folder)
        .args(["--repetitions", "1", scenario])
        .args(options)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn tempfile(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("bench-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn check(run: (Option<i32>, String), status: i32, expect: &str) {
    let (code, said) = run;
    assert_eq!(code, Some(status), "{said}");
    assert!(said.contains(expect), "{said}");
}

#[test]
fn a_lost_message_is_found() {
    let liar = LIAR.replace("SAY", ":");
    check(run("cold", "liar", &["bash", "-c", &liar], &[]), 1, "2 messages were lost, 0 results were false");
}

#[test]
fn a_false_result_is_found() {
    let liar = LIAR.replace("SAY", r#"echo '{"jobId":"a","outcome":"cancelled"}'"#);
    check(
        run("cold", "braggart", &["bash", "-c", &liar], &[]),
        1,
        "2 messages were lost, 2 results were false",
    );
}

#[test]
fn a_command_that_ends_or_is_not_there_is_a_failure() {
    check(run("cold", "quitter", &["false"], &[]), 1, "the process ended by itself: exit status: 1");
    check(run("cold", "ghost", &["/nonexistent/bootstrap"], &[]), 1, "cannot be started");
}

#[test]
fn who_does_nothing_and_says_so_is_honest_but_fails_a_smoke_run() {
    let bare = [env!("CARGO_BIN_EXE_bare")];
    check(run("cold", "honest", &bare, &[]), 0, "sent back, % of the messages");
    check(run("cold", "idle", &bare, &["--smoke"]), 1, "of 2 messages 0 were cancelled");
}
