//! The program, run in a folder of its own.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use batch_sim::Server;
use tempfile::TempDir;

/// A folder with files to name on the command line.
pub(crate) struct Folder {
    dir: TempDir,
    env: Vec<(String, String)>,
}

/// What a run leaves.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir, env: Vec::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same folder, from which a Batch is called.
    pub(crate) fn calls(self, batch: &Server) -> Self {
        self.env("AWS_ENDPOINT_URL_BATCH", batch.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
    }

    /// Runs the program with these arguments and this standard input.
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_batch-cancel"))
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that reads no input may be gone by then.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// The one line of trouble that a run ended with.
    #[track_caller]
    pub(crate) fn trouble(&self) -> &str {
        assert_eq!((self.status, self.out.as_str()), (Some(2), ""), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        self.err.trim_end()
    }
}

pub(crate) const POLICY: &str = r#"{
    "mode": "enforce",
    "allow": [{"id": "dev-queues", "when": {"job": {"jobQueue": [{"wildcard": "*:job-queue/dev-*"}]}}}],
    "deny": [
        {"id": "protected", "when": {"job": {"tags": {"cancel-protection": [{"exists": true}]}}}},
        {"id": "too-young", "when": {"ageSeconds": [{"numeric": ["<", 600]}]}},
        {"id": "only-ci-terminates",
         "when": {"action": ["terminate"], "requestedBy": {"senderId": [{"anything-but": {"suffix": ":ci"}}]}}}],
    "maxPerInvocation": 500}"#;
