//! What the figures were measured on, and how busy it was with other things.

use std::fs;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use time::OffsetDateTime;

/// The machine and the day, for tables and plots.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) architecture: &'static str,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) date: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            cpu: cpu_model(&read("/proc/cpuinfo")).unwrap_or_else(|| "unknown CPU".to_owned()),
            architecture: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            date: OffsetDateTime::now_utc().date().to_string(),
        }
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        let Self { cpu, architecture, cores, kernel, date } = self;
        format!("{cpu}, {cores} cores, {architecture}, Linux {kernel}, {date}")
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// CPU time that the whole machine has spent on anything.
pub(crate) fn busy() -> Duration {
    busy_in(&fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// Linux counts in hundredths of a second towards programs, whatever it does inside.
fn busy_in(stat: &str) -> Duration {
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user nice system idle iowait irq softirq steal; guests are in user already.
    let busy = fields.take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    let ticks: u64 = busy.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// CPU time that this program has used.
pub(crate) fn own() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc() {
        assert_eq!(busy_in("cpu  100 1 20 9999 888 3 4 2 50 50\ncpu0 1 2 3\n"), Duration::from_millis(1300));
        assert_eq!(cpu_model("processor: 0\nmodel name\t: Fast CPU\n").as_deref(), Some("Fast CPU"));
        assert_eq!(cpu_model(""), None);
    }
}
