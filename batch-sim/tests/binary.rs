//! The program: what it prints, and how it fails.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const BATCH_SIM: &str = env!("CARGO_BIN_EXE_batch-sim");

#[test]
fn it_says_where_it_listens_and_serves_the_fleet() {
    let fleet = std::env::temp_dir().join(format!("fleet-{}.json", std::process::id()));
    std::fs::write(&fleet, r#"{"jobs": [{"id": "from-file"}]}"#).unwrap();
    let mut child =
        Command::new(BATCH_SIM).arg("--fleet").arg(&fleet).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let second = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("listening on ").unwrap();
    assert_eq!(second, format!("AWS_ENDPOINT_URL_BATCH={url}"));

    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let request = "GET /_sim/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(&fleet).unwrap();
    assert!(answer.contains("from-file"), "{answer}");
}

#[test]
fn it_names_a_mistake_in_one_line_and_exits_2() {
    for (args, expect) in [
        (&["--port", "x"][..], "--port x is not a port from 0 to 65535"),
        (&["--port"], "--port needs a value"),
        (&["--host=here"], "--host here is not an IP address"),
        (&["--verbose"], "--verbose is not known; see --help"),
        (&["--fleet", "/nowhere"], "cannot read /nowhere: "),
        (&["--fleet", "Cargo.toml"], "Cargo.toml is not a fleet: "),
        (&["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0: "),
    ] {
        let output = Command::new(BATCH_SIM).args(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let start = format!("batch-sim: {expect}");
        assert!(text.starts_with(&start), "{args:?}: {text}");
        assert_eq!((text.lines().count(), output.status.code()), (1, Some(2)));
    }
    let help = Command::new(BATCH_SIM).arg("--help").output().unwrap();
    assert!(help.status.success() && help.stdout.starts_with(b"An embedded AWS Batch"));
}
