//! The jobs that the embedded Batch has.

use batch_canceller::clock;
use batch_sim::{JobView, Simulator};

use crate::screen::{Screen, Tone, Toned, counted};

/// A row for each job but the children of arrays, and how many there are.
pub(crate) fn list(sim: &Simulator, screen: Screen) -> String {
    let jobs = sim.jobs();
    let children = |id: &str| jobs.iter().filter(|job| parent(job) == Some(id)).count();
    let rows: Vec<_> = jobs
        .iter()
        .filter(|job| parent(job).is_none())
        .map(|job| {
            let name = match children(&job.id) {
                0 => job.name.clone(),
                children => format!("{} [{children}]", job.name),
            };
            let tags: Vec<_> = job.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let cells = [
                job.id.clone(),
                name,
                job.queue.clone(),
                job.status.as_str().to_owned(),
                age(job.created_at),
                tags.join(", "),
            ];
            cells.map(|text| -> Toned { (text, Tone::Plain) })
        })
        .collect();
    let table = screen.table(["ID", "NAME", "QUEUE", "STATUS", "AGE", "TAGS"], &rows);
    let count = counted(rows.len(), "job");
    let arrays = "with [n], an array of n children, whose ids end in :0, :1 and so on";
    let footer = screen.paragraph(&[(&count, Tone::Strong), ("; ", Tone::Plain), (arrays, Tone::Faint)]);
    format!("{table}\n\n{footer}")
}

fn parent(job: &JobView) -> Option<&str> {
    job.id.split_once(':').map(|(parent, _)| parent)
}

/// The time since then, in its largest unit.
fn age(created_at: i64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = clock::unix_ms().saturating_sub(u64::try_from(created_at).unwrap_or(0)) / 1000;
    match seconds {
        ..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        _ => format!("{}d", seconds / DAY),
    }
}
