//! What the function answers, and what becomes of what was sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Checker, Role};

/// How an invocation ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Replied(String),
    Failed {
        error_type: String,
        message: String,
    },
    /// Lambda ended it: at the deadline, or because the instance was lost.
    Killed {
        deadline: bool,
    },
    Panicked,
}

/// What became of something that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is done with.
    Settled,
    /// It comes back.
    Unsettled,
}

impl Checker {
    /// An invocation has ended: everything must have been told of by then.
    pub(crate) fn ends(&mut self, invocation: usize, end: &End) {
        let Some(own) = self.invocations.get_mut(invocation) else {
            return;
        };
        own.is_over = true;
        let missing = own.entries.iter().filter(|entry| entry.told.is_none()).count();
        let all = own.entries.len();
        let (late, has_summary) =
            (self.now > own.deadline.saturating_sub(self.terms.reserve), own.has_summary);
        if !matches!(end, End::Killed { .. } | End::Panicked) {
            self.calls_are_few(invocation);
        }
        let Some(own) = self.invocations.get(invocation) else {
            return;
        };
        let over = own.deadline.saturating_sub(self.now);
        match end {
            End::Killed { deadline: true } => {
                self.violation("an answer before the deadline", format!("invocation {invocation} gave none"));
            }
            End::Killed { deadline: false } => {}
            End::Panicked => self.violation("no panic", format!("invocation {invocation} panicked")),
            End::Replied(_) | End::Failed { .. } => {
                if missing > 0 {
                    let text = format!("invocation {invocation} ended without {missing} of {all} results");
                    self.violation("one result each", text);
                }
                if !has_summary {
                    self.violation("one result each", format!("invocation {invocation} wrote no summary"));
                }
                if late {
                    let text = format!("invocation {invocation} answered {over} ms before the deadline");
                    self.violation("an answer before the deadline", text);
                }
            }
        }
    }

    /// An answer to somebody who takes all or nothing.
    pub(crate) fn answered_whole(&mut self, invocation: usize, end: &End) -> Told {
        let told = match end {
            End::Replied(_) => Told::Settled,
            _ => Told::Unsettled,
        };
        let Some(own) = self.invocations.get(invocation) else {
            return told;
        };
        let settled = (0..own.deliveries.len()).all(|delivery| own.is_settled(delivery));
        let is_right = match end {
            End::Replied(report) => settled && self.report_is_true(invocation, report),
            End::Failed { error_type, message } => {
                !settled && error_type == "CancellationIncomplete" && self.report_is_true(invocation, message)
            }
            End::Killed { .. } | End::Panicked => true,
        };
        if !is_right {
            let text = format!(
                "invocation {invocation} is {}settled, and ends so: {end:?}",
                if settled { "" } else { "not " }
            );
            self.violation("the reply is true", text);
        }
        told
    }

    fn report_is_true(&self, invocation: usize, report: &str) -> bool {
        let Some(own) = self.invocations.get(invocation) else {
            return false;
        };
        // What is read into a structure may also be a list.
        let Some(report) =
            serde_json::from_str::<Report<'_>>(report).ok().filter(|_| report.starts_with('{'))
        else {
            return false;
        };
        let count = |name: &str| report.summary.get(name).and_then(|count| usize::try_from(*count).ok());
        let omitted = count("omitted").unwrap_or_default();
        let results = report.results.as_ref().map(Vec::len);
        let settled = own.entries.iter().filter(|entry| entry.told == Some(true)).count();
        // What goes back untouched counts as many jobs, but is one result.
        let all = own.entries.len();
        let swept = own.entries.iter().filter(|entry| entry.role == Role::Swept).count();
        let whole = all > self.terms.max_jobs;
        count("settled") == Some(settled)
            && count("requested") == Some(all)
            && (whole || results.map(|listed| listed + omitted) == Some(all - swept))
    }

    /// An answer to an event source mapping, read as Lambda reads it: which of the messages are deleted and which come
    /// back, in their order.
    pub(crate) fn answered_batch(&mut self, invocation: usize, end: &End) -> Vec<Told> {
        let Some(own) = self.invocations.get(invocation) else {
            return vec![];
        };
        let ids: Vec<_> = own.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
        let mut held = BTreeSet::new();
        let due: Vec<bool> = (0..ids.len())
            .map(|at| {
                let group = own.deliveries.get(at).and_then(|delivery| delivery.group);
                // The same message twice is one message.
                let twins = (0..ids.len()).filter(|twin| ids.get(*twin) == ids.get(at));
                let back = !{ twins }.all(|twin| own.is_settled(twin))
                    || group.is_some_and(|group| held.contains(&group));
                held.extend(group.filter(|_| back));
                back
            })
            .collect();
        let all_back = vec![Told::Unsettled; ids.len()];
        let text = match end {
            End::Replied(text) => text,
            End::Failed { .. } => {
                self.violation("the reply is true", format!("invocation {invocation} failed: {end:?}"));
                return all_back;
            }
            End::Killed { .. } | End::Panicked => return all_back,
        };
        let Some(failures) = failures(text) else {
            self.violation(
                "`batchItemFailures` is a subset of the received ids",
                format!("invocation {invocation} answers {text}"),
            );
            return all_back;
        };
        let unique: BTreeSet<&str> = failures.iter().map(String::as_str).collect();
        if unique.len() < failures.len() || unique.iter().any(|id| !ids.iter().any(|known| **known == **id)) {
            self.violation(
                "`batchItemFailures` is a subset of the received ids",
                format!("invocation {invocation} answers {text}"),
            );
            return all_back;
        }
        let told: Vec<_> = ids
            .iter()
            .map(|id| if unique.contains(&**id) { Told::Unsettled } else { Told::Settled })
            .collect();
        for ((id, told), due) in ids.iter().zip(&told).zip(due) {
            match (told, due) {
                (Told::Settled, true) => {
                    let text = format!("invocation {invocation} lets {id} be deleted, which is not settled");
                    self.violation("nothing is lost", text);
                }
                (Told::Unsettled, false) => {
                    let text = format!("invocation {invocation} lets {id} come back, which is settled");
                    self.violation("what is settled does not come back", text);
                }
                _ => {}
            }
        }
        told
    }

    /// Something that was sent lies in a dead-letter queue, where it must be as it was.
    pub(crate) fn gave_up(&mut self, id: &str, sent: &str, lies: &str) {
        if sent != lies {
            self.violation("nothing is lost", format!("{id} was sent as {sent} and lies there as {lies}"));
        }
    }
}

/// What is read of a report.
#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    summary: BTreeMap<&'a str, u64>,
    results: Option<Vec<IgnoredAny>>,
}

/// The ids that a partial batch response has, if it is one.
fn failures(text: &str) -> Option<Vec<String>> {
    let reply: Value = serde_json::from_str(text).ok()?;
    let object = reply.as_object()?;
    let list = match object.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(vec![]),
        Some(list) => list.as_array()?,
    };
    let id = |item: &Value| match item.as_object()?.get("itemIdentifier")?.as_str()? {
        "" => None,
        id => Some(id.to_owned()),
    };
    list.iter().map(id).collect()
}
