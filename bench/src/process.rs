//! The process under test: started, looked at through `/proc` and its CPU clock, killed with all it started.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// What Lambda sets, where the fakes are, and nothing else of this program's own environment but PATH.
#[must_use]
pub fn environment(batch: &str, runtime_api: &str) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let fixed = [
        ("PATH", path.as_str()),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("HOME", "/nonexistent"),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "made-up"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL_BATCH", batch),
    ];
    fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// A running bootstrap in a process group of its own; dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    /// Starts a command with nothing but this environment, printing to a file.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(command: &[String], env: &[(String, String)], log: &Path) -> io::Result<Self> {
        let (program, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let log = File::create(log)?;
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { child, pid: Pid::from_raw(id) })
    }

    /// For looking at it while it runs.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(self.pid)
    }

    /// Waits for it to end by itself, which a bootstrap must not; says how it ended.
    pub async fn ended(&mut self) -> String {
        match self.exit().await {
            Ok(status) => format!("the process ended by itself: {status}"),
            Err(error) => format!("the process cannot be watched: {error}"),
        }
    }

    /// Waits for it to end by itself, as a script does.
    ///
    /// # Errors
    ///
    /// When it cannot be watched.
    pub async fn exit(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills the whole group and waits for the process.
    pub async fn kill(mut self) {
        self.kill_group();
        // It is ours and it was killed, so this cannot fail for long.
        let _ = self.child.wait().await;
    }

    fn kill_group(&self) {
        // It fails when nobody is left.
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}

/// What a running process has used.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(Pid);

impl Gauge {
    /// CPU time of all its threads so far, those that ended included.
    #[must_use]
    pub fn cpu(self) -> Duration {
        clock_getcpuclockid(self.0).and_then(ClockId::now).map_or(Duration::ZERO, Into::into)
    }

    /// The most memory it ever had resident, in bytes.
    #[must_use]
    pub fn peak_bytes(self) -> Option<u64> {
        peak_bytes(&fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.kill_group();
        }
    }
}

fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_peak() {
        let status = "Name:\tbootstrap\nVmPeak:\t   99999 kB\nVmHWM:\t    3412 kB\nVmRSS:\t 3000 kB\n";
        assert_eq!(peak_bytes(status), Some(3412 * 1024));
        assert_eq!(peak_bytes("Name:\tzombie\n"), None);
    }
}
