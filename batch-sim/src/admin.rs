//! `/_sim/…`: steering a running simulator from another process.
//!
//! | call | body | what it does |
//! |---|---|---|
//! | GET `/_sim/health` | | says that it is up |
//! | GET `/_sim/fleet` | | jobs, settings and faults as they stand |
//! | PUT `/_sim/fleet` | fleet | replaces the jobs, and settings and faults if given |
//! | POST `/_sim/fleet` | fleet | adds to what is there |
//! | GET `/_sim/jobs` | | every job, with the truth about it |
//! | PUT `/_sim/jobs/status` | `{"id", "status", "after"?}` | moves a job, now or once seen |
//! | POST `/_sim/jobs/act` | `{"id", "does", "after"?}` | acts on a job as others do, now or later |
//! | POST `/_sim/faults` | fault | adds a fault |
//! | DELETE `/_sim/faults` | | removes all faults |
//! | GET, PUT `/_sim/settings` | settings | replaces the settings; what is left out is default |
//! | GET `/_sim/calls` | | counts, and the log of calls |
//! | DELETE `/_sim/calls` | | forgets them |
//! | POST `/_sim/connections/kill` | `{"how"}` | kills all connections but the one this came by |
//! | POST `/_sim/reset` | | forgets everything |

use std::collections::BTreeMap;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::Answer;
use crate::{After, Call, Deed, Fault, Fleet, JobStatus, Kill, Operation, Settings, Simulator};

/// Answers a call to the admin API; `None` if there is no such thing.
pub(crate) fn answer(
    sim: &Simulator,
    connection: usize,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Option<Answer> {
    let what = path.strip_prefix("/_sim/")?;
    let answer = match (method.as_str(), what) {
        ("GET", "health") => done(),
        ("GET", "fleet") => Answer::json(&sim.fleet()),
        ("PUT", "fleet") => with(body, |fleet: Fleet| {
            let now = sim.now();
            sim.exchange().world.replace(fleet, now);
            done()
        }),
        ("POST", "fleet") => with(body, |fleet: Fleet| {
            let now = sim.now();
            sim.exchange().world.seed(fleet, now);
            done()
        }),
        ("GET", "jobs") => Answer::json(&serde_json::json!({ "jobs": sim.jobs() })),
        ("PUT", "jobs/status") => with(body, |change: StatusChange| change.apply(sim)),
        ("POST", "jobs/act") => with(body, |act: Act| act.apply(sim)),
        ("POST", "faults") => with(body, |fault: Fault| {
            sim.fault(fault);
            done()
        }),
        ("DELETE", "faults") => {
            sim.clear_faults();
            done()
        }
        ("GET", "settings") => Answer::json(sim.exchange().world.settings()),
        ("PUT", "settings") => with(body, |settings: Settings| {
            sim.settings(|current| *current = settings);
            done()
        }),
        ("GET", "calls") => calls(sim),
        ("DELETE", "calls") => {
            sim.clear_calls();
            done()
        }
        ("POST", "connections/kill") => with(body, |Killing { how }| {
            sim.traffic().kill(how, Some(connection));
            done()
        }),
        ("POST", "reset") => {
            sim.reset();
            done()
        }
        _ => return None,
    };
    Some(answer)
}

/// What PUT `/_sim/jobs/status` says; the id is in the body, as ids contain `:` and `#`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusChange {
    id: String,
    status: JobStatus,
    after: Option<After>,
}

impl StatusChange {
    fn apply(self, sim: &Simulator) -> Answer {
        Act { id: self.id, does: Deed::Move(self.status), after: self.after }.apply(sim)
    }
}

/// What POST `/_sim/jobs/act` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    id: String,
    does: Deed,
    after: Option<After>,
}

impl Act {
    fn apply(self, sim: &Simulator) -> Answer {
        let known = match self.after {
            None => sim.act(&self.id, self.does),
            Some(after) => sim.when(&self.id, after, self.does),
        };
        if known { done() } else { Answer::uncoded(404, &format!("there is no job {}", self.id)) }
    }
}

/// What POST `/_sim/connections/kill` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Killing {
    how: Kill,
}

fn calls(sim: &Simulator) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        counts: &'a BTreeMap<Operation, usize>,
        connections: usize,
        high_water: usize,
        calls: &'a [Call],
    }
    let exchange = sim.exchange();
    Answer::json(&Body {
        counts: exchange.log.counts(),
        connections: sim.connections(),
        high_water: sim.high_water(),
        calls: exchange.log.calls(),
    })
}

fn done() -> Answer {
    Answer::ok(b"{}".to_vec())
}

fn with<T: DeserializeOwned>(body: &[u8], act: impl FnOnce(T) -> Answer) -> Answer {
    match serde_json::from_slice(body) {
        Ok(value) => act(value),
        Err(error) => Answer::uncoded(400, &error.to_string()),
    }
}
