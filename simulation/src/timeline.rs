//! A run as a picture: who did what when, in lanes, on virtual time.

use std::collections::BTreeMap;

use batch_sim::JobStatus;

use crate::plan::Via;
use crate::{Less, Ms, Run};

mod axis;
mod drawing;
mod story;

use axis::{Axis, real, shown};
use drawing::{Drawing, STYLE, Sign, cut, escaped, width};
use story::{Call, CallEnding, CallKind, Delivery, Ending, Job, Mark, Request, Story, Who};

const WIDTH: f64 = 1_000.0;
const MARGIN: f64 = 20.0;
/// Between these is time; who it is about to the left, what came of it to the right.
const LEFT: f64 = 196.0;
const RIGHT: f64 = 824.0;
const STEP: f64 = 24.0;
const BAR: f64 = 12.0;
/// A lane that shares its row with others.
const LANE: f64 = 17.0;
/// The size of ordinary text, and of what is less important.
const TEXT: f64 = 12.0;
const QUIET: f64 = 11.0;

/// Draws a run whose trace was kept, as SVG.
#[must_use]
pub fn timeline(run: &Run, less: &Less) -> String {
    let command = format!("cargo run --release -p simulation -- --seed {}{less}", run.seed);
    let story = Story::of(run.trace.scenes());
    let mut picture = Picture {
        axis: Axis::new(&story.moments, story.work(), LEFT, RIGHT),
        rows: Drawing::default(),
        links: BTreeMap::new(),
    };
    picture.rows.y = MARGIN + 72.0;
    let top = picture.rows.y;
    picture.requests(&story);
    picture.instances(&story);
    picture.calls(&story);
    picture.jobs(&story);
    let bottom = picture.rows.y + 4.0;
    let ground = picture.ground(&story, top, bottom);
    picture.legend();
    let height = picture.rows.y + MARGIN;
    let mut head = Drawing::default();
    head.words("title", MARGIN, MARGIN + 12.0, "start", &format!("Seed {}, on virtual time", run.seed));
    head.words("quiet", MARGIN, MARGIN + 31.0, "start", &format!("As text: {command}"));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n{}{}{}</svg>\n",
        escaped(&format!("A run of the simulation: {command}")),
        WIDTH - 1.0,
        height - 1.0,
        head.text,
        ground.text,
        picture.rows.text
    )
}

struct Picture {
    axis: Axis,
    rows: Drawing,
    /// Where each call that may stop jobs is drawn.
    links: BTreeMap<u64, f64>,
}

impl Picture {
    fn panel(&mut self, title: &str) {
        self.rows.y += 12.0;
        self.rows.words("panel", MARGIN, self.rows.y + 4.0, "start", title);
        self.rows.y += 20.0;
    }

    fn row(&mut self, name: &str, end: &str) {
        let y = self.rows.y + 4.0;
        self.rows.words("", MARGIN, y, "start", &cut(name, TEXT, LEFT - MARGIN - 12.0));
        self.rows.words("quiet", RIGHT + 14.0, y, "start", &cut(end, QUIET, WIDTH - RIGHT - 22.0));
    }

    fn x(&self, at: Ms) -> f64 {
        self.axis.x(at)
    }

    fn requests(&mut self, story: &Story) {
        self.panel("Requests");
        let mut requests: Vec<_> = story.requests.iter().collect();
        requests.sort_by_key(|(_, request)| request.sent);
        for (number, request) in requests {
            self.request(*number, request, story.end);
        }
    }

    fn request(&mut self, number: usize, request: &Request, end: Ms) {
        let name = request.names.first().map_or("", String::as_str);
        let name = match request.via {
            Via::Queue { fifo: true, .. } => format!("{name} (FIFO)"),
            Via::Queue { .. } => name.to_owned(),
            Via::Bus => "bus".to_owned(),
            Via::Topic => "topic".to_owned(),
            Via::Direct { .. } => "caller".to_owned(),
        };
        self.row(&format!("{name}: {}", request.asks), &results(request));
        let top = self.rows.y;
        let last = request.marks.last().map_or(request.sent, |(at, ..)| *at);
        self.rows.line("wait", (self.x(request.sent), top), (self.x(last), top));
        let spans: Vec<_> = request.deliveries.iter().map(|delivery| self.span(delivery, end)).collect();
        let (lanes, count) = lanes(&spans);
        for ((delivery, span), lane) in request.deliveries.iter().zip(spans).zip(lanes) {
            let y = top + real(lane) * LANE;
            let names = request.names.join(", ");
            let title = format!("request {number} ({names}): {}", delivery_told(delivery));
            self.rows.bar(delivery_class(delivery.ending), span, y, BAR, &title);
            self.number(delivery.invocation, span, y);
        }
        let mut taken = f64::MIN;
        for (at, mark, told) in &request.marks {
            let sign = match mark {
                Mark::Sent => Sign::Sent,
                Mark::Back => Sign::Back,
                Mark::Done => Sign::Done,
                Mark::Dead => Sign::Dead,
            };
            let x = if *mark == Mark::Sent { self.x(*at) } else { (self.x(*at) + 7.0).max(taken + 12.0) };
            taken = x;
            self.rows.sign(sign, x, top, &format!("request {number}, {}: {told}", shown(*at)));
        }
        self.rows.y += STEP + real(count - 1) * LANE;
    }

    fn number(&mut self, number: usize, (left, right): (f64, f64), y: f64) {
        let number = number.to_string();
        if right - left > width(&number, 10.0) + 3.0 {
            self.rows.words("on", f64::midpoint(left, right), y + 3.4, "middle", &number);
        }
    }

    fn span(&self, delivery: &Delivery, end: Ms) -> (f64, f64) {
        (self.x(delivery.from), self.x(delivery.until.unwrap_or(end)))
    }

    fn instances(&mut self, story: &Story) {
        self.panel("Instances");
        for (number, instance) in &story.instances {
            let killed = instance.deliveries.iter().any(|delivery| delivery.ending == Ending::Killed);
            let count = instance.deliveries.len();
            let ends = match (count, killed) {
                (1, true) => "killed".to_owned(),
                (_, true) => format!("{count} invocations, then killed"),
                (1, false) => "1 invocation".to_owned(),
                (_, false) => format!("{count} invocations"),
            };
            self.row(&format!("instance {number}"), &ends);
            let y = self.rows.y;
            let [Some(first), Some(last)] = [instance.deliveries.first(), instance.deliveries.last()] else {
                continue;
            };
            let until = self.span(last, story.end).1;
            self.rows.line("wait", (self.x(first.from), y), (until, y));
            for delivery in &instance.deliveries {
                let span = self.span(delivery, story.end);
                self.rows.bar(delivery_class(delivery.ending), span, y, BAR, &delivery_told(delivery));
                self.number(delivery.invocation, span, y);
                if delivery.ending == Ending::Killed {
                    let title = format!("instance {number} is killed in invocation {}", delivery.invocation);
                    self.rows.sign(Sign::Killed, span.1, y, &title);
                }
            }
            let title = format!("{}: instance {number} starts cold", shown(first.from));
            self.rows.sign(Sign::Cold, self.x(first.from) - 7.0, y, &title);
            self.rows.y += STEP;
        }
    }

    fn calls(&mut self, story: &Story) {
        self.panel("Calls to Batch");
        for (kind, name) in [(CallKind::Look, "look"), (CallKind::Act, "act"), (CallKind::Confirm, "confirm")]
        {
            let calls: Vec<(&u64, &Call)> =
                story.calls.iter().filter(|(_, call)| call.kind == kind).collect();
            let failed = calls.iter().filter(|(_, call)| is_bad(call.ending)).count();
            let end = match failed {
                0 => calls.len().to_string(),
                _ => format!("{}, of which {failed} failed", calls.len()),
            };
            self.row(name, &end);
            let spans: Vec<_> = calls
                .iter()
                .map(|(_, call)| (self.x(call.from), self.x(call.until.unwrap_or(story.end))))
                .collect();
            // Each has its number beside it or in it.
            let wide: Vec<_> = spans.iter().map(|(left, right)| (*left, right.max(left + 17.0))).collect();
            let (lanes, count) = lanes(&wide);
            for (((number, call), span), lane) in calls.into_iter().zip(spans).zip(lanes) {
                let y = self.rows.y + real(lane) * LANE;
                let class = match call.ending {
                    CallEnding::Answered => "fine",
                    CallEnding::Refused => "refused",
                    CallEnding::Failed => "failed",
                    CallEnding::GivenUp => "lost",
                };
                let title = format!("{}: call {number}: {}: {}", shown(call.from), call.what, call.told);
                self.rows.bar(class, span, y, BAR, &title);
                if kind == CallKind::Act {
                    self.links.insert(*number, y + BAR / 2.0);
                }
                let text = number.to_string();
                if span.1 - span.0 > width(&text, 10.0) + 3.0 {
                    let class = if call.ending == CallEnding::GivenUp { "small" } else { "on" };
                    self.rows.words(class, f64::midpoint(span.0, span.1), y + 3.4, "middle", &text);
                } else {
                    self.rows.words("small", span.1.max(span.0 + 2.0) + 2.0, y + 3.4, "start", &text);
                }
            }
            self.rows.y += STEP + real(count - 1) * LANE;
        }
    }

    fn jobs(&mut self, story: &Story) {
        self.panel("Jobs");
        for ((_, id), job) in &story.jobs {
            self.row(id, &ended(job));
            self.job(id, job, story.end);
            self.rows.y += STEP;
        }
    }

    fn job(&mut self, id: &str, job: &Job, end: Ms) {
        let y = self.rows.y;
        let until = job.forgotten.unwrap_or(end);
        let ends = job.steps.iter().skip(1).map(|(at, _)| *at).chain([until]);
        for ((from, status), to) in job.steps.iter().zip(ends) {
            let (class, height) = match status {
                JobStatus::Submitted | JobStatus::Pending => ("waiting", BAR),
                JobStatus::Runnable => ("ready", BAR),
                JobStatus::Starting | JobStatus::Running => ("started", BAR),
                JobStatus::Succeeded => ("succeeded", 3.0),
                JobStatus::Failed => ("ended", 3.0),
            };
            let title = format!("{id}: {} from {} to {}", status.as_str(), shown(*from), shown(to));
            let span = (self.x(*from), self.x(to));
            self.rows.bar(class, span, y, height, &title);
            let name = status.as_str();
            if height > 3.0 && span.1 - span.0 > width(name, 10.5) + 6.0 {
                let class = match class {
                    "waiting" => "small",
                    "started" => "over",
                    _ => "on",
                };
                self.rows.words(class, f64::midpoint(span.0, span.1), y + 3.4, "middle", name);
            }
        }
        for (at, told) in job.deeds.iter().filter(|(at, _)| !job.ended_by_others_at(*at)) {
            let title = format!("{}, {id}: {told}", shown(*at));
            self.rows.sign(Sign::Tried, self.x(*at), y - BAR / 2.0 - 1.0, &title);
        }
        let Some((at, who, reason)) = &job.ended else {
            return;
        };
        let (x, title) = (self.x(*at), format!("{}: {id} is ended by {}: {reason}", shown(*at), told(*who)));
        match who {
            Who::Function(call) => {
                if let Some(from) = self.links.get(call) {
                    self.rows.line("link", (x, *from), (x, y - 5.0));
                }
                self.rows.sign(Sign::Us, x, y, &title);
                self.rows.words("on", x, y + 3.4, "middle", &call.to_string());
            }
            Who::Others => self.rows.sign(Sign::Them, x, y, &title),
            Who::Itself => self.rows.sign(Sign::Itself, x, y, &title),
        }
    }

    /// The axis, and what lies under the rows.
    fn ground(&self, story: &Story, top: f64, bottom: f64) -> Drawing {
        let mut ground = Drawing::default();
        for quiet in self.axis.quiet() {
            ground.area("cut", (quiet.left, quiet.right), (top, bottom));
            let x = f64::midpoint(quiet.left, quiet.right);
            let text = rounded(quiet.until - quiet.from);
            if quiet.right - quiet.left > width(&text, 9.5) {
                ground.words("small", x, bottom + 11.0, "middle", &text);
            }
        }
        for (x, at) in self.axis.ticks() {
            ground.line("grid", (x, top), (x, bottom));
            ground.words("quiet", x, top - 5.0, "start", &instant(at));
        }
        if let Some(calm) = story.calm.filter(|calm| *calm < story.end) {
            let x = self.x(calm);
            ground.line("edge", (x, top), (x, bottom));
            ground.words("small", x + 3.0, top + 11.0, "start", "trouble stops");
        }
        ground.line("rule", (LEFT, top), (RIGHT, top));
        ground.words("quiet", LEFT - 12.0, top - 5.0, "end", "time");
        ground.words("small", LEFT - 12.0, bottom + 11.0, "end", "no invocation for");
        ground
    }

    fn legend(&mut self) {
        self.rows.y += 26.0;
        self.rows.line("rule", (MARGIN, self.rows.y), (WIDTH - MARGIN, self.rows.y));
        let bars = |items: &[(&'static str, &'static str)]| -> Vec<(Key, &'static str)> {
            items.iter().map(|(class, text)| (Key::Bar(class), *text)).collect()
        };
        let signs = |items: &[(Sign, &'static str)]| -> Vec<(Key, &'static str)> {
            items.iter().map(|(sign, text)| (Key::Sign(*sign), *text)).collect()
        };
        let rows = [
            (
                "requests",
                signs(&[
                    (Sign::Sent, "sent"),
                    (Sign::Done, "acknowledged"),
                    (Sign::Back, "comes back"),
                    (Sign::Dead, "dead-letter queue"),
                ]),
            ),
            (
                "invocations",
                [
                    signs(&[(Sign::Cold, "cold start")]),
                    bars(&[("fine", "ends well"), ("back", "something comes back")]),
                    signs(&[(Sign::Killed, "killed")]),
                    vec![(Key::Line, "frozen, or waiting")],
                ]
                .concat(),
            ),
            (
                "calls",
                bars(&[
                    ("fine", "answered"),
                    ("refused", "refused"),
                    ("failed", "failed"),
                    ("lost", "given up, without an answer"),
                ]),
            ),
            (
                "jobs",
                bars(&[
                    ("waiting", "SUBMITTED, PENDING"),
                    ("ready", "RUNNABLE"),
                    ("started", "STARTING, RUNNING: too late for a cancel"),
                    ("succeeded", "SUCCEEDED"),
                    ("ended", "FAILED"),
                ]),
            ),
            (
                "ended by",
                signs(&[
                    (Sign::Us, "the call of that number"),
                    (Sign::Them, "other people"),
                    (Sign::Itself, "itself"),
                    (Sign::Tried, "nobody: other people tried in vain"),
                ]),
            ),
        ];
        for (name, keys) in rows {
            self.rows.y += 19.0;
            let y = self.rows.y;
            self.rows.words("quiet", MARGIN, y + 4.0, "start", name);
            let mut x = MARGIN + 78.0;
            for (key, text) in keys {
                match key {
                    Key::Bar(class) => {
                        let height = if matches!(class, "succeeded" | "ended") { 3.0 } else { 10.0 };
                        self.rows.bar(class, (x, x + 20.0), y, height, text);
                    }
                    Key::Line => self.rows.line("wait", (x, y), (x + 20.0, y)),
                    Key::Sign(sign) => self.rows.sign(sign, x + 10.0, y, text),
                }
                self.rows.words("quiet", x + 26.0, y + 4.0, "start", text);
                x += 26.0 + width(text, QUIET) + 22.0;
            }
        }
        self.rows.y += 6.0;
    }
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Bar(&'static str),
    Line,
    Sign(Sign),
}

/// In which lane each goes so that none overlaps another, and how many lanes that takes.
fn lanes(spans: &[(f64, f64)]) -> (Vec<usize>, usize) {
    let mut ends: Vec<f64> = Vec::new();
    let lanes = spans
        .iter()
        .map(|(left, right)| {
            let lane = ends.iter().position(|end| *end < *left).unwrap_or(ends.len());
            match ends.get_mut(lane) {
                Some(end) => *end = *right,
                None => ends.push(*right),
            }
            lane
        })
        .collect();
    (lanes, ends.len().max(1))
}

fn is_bad(ending: CallEnding) -> bool {
    matches!(ending, CallEnding::Failed | CallEnding::GivenUp)
}

fn delivery_class(ending: Ending) -> &'static str {
    match ending {
        Ending::Fine => "fine",
        Ending::Back => "back",
        Ending::Killed => "killed",
    }
}

fn delivery_told(delivery: &Delivery) -> String {
    let until = delivery.until.map_or_else(|| "?".to_owned(), shown);
    let ending = match delivery.ending {
        Ending::Fine => "ends well",
        Ending::Back => "something comes back",
        Ending::Killed => "is killed",
    };
    format!("invocation {}, {} to {until}: {ending}", delivery.invocation, shown(delivery.from))
}

/// What the function last said of a request.
fn results(request: &Request) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    request.results.values().for_each(|outcome| *counts.entry(outcome).or_default() += 1);
    let all: Vec<_> = counts
        .iter()
        .map(
            |(outcome, count)| if *count == 1 { (*outcome).to_owned() } else { format!("{count} {outcome}") },
        )
        .collect();
    if request.deliveries.is_empty() && matches!(request.via, Via::Direct { .. }) {
        return "no instance was free".to_owned();
    }
    let dead = request.marks.last().is_some_and(|(_, mark, _)| *mark == Mark::Dead);
    format!("{}{}", all.join(", "), if dead { ", dead" } else { "" })
}

fn told(who: Who) -> String {
    match who {
        Who::Function(call) => format!("call {call}"),
        Who::Others => "other people".to_owned(),
        Who::Itself => "itself".to_owned(),
    }
}

/// How a job ended, and who did it.
fn ended(job: &Job) -> String {
    let Some((_, status)) = job.steps.last() else {
        return String::new();
    };
    match &job.ended {
        None => status.as_str().to_owned(),
        Some((_, Who::Itself, _)) => format!("{} of itself", status.as_str()),
        Some((_, who, _)) => format!("{} by {}", status.as_str(), told(*who)),
    }
}

/// A moment for people.
fn instant(at: Ms) -> String {
    shown(if at < 1_000 { at } else { at / 100 * 100 })
}

/// A long time for people.
fn rounded(time: Ms) -> String {
    if time < 10_000 { shown(time / 100 * 100) } else { shown(time / 1_000 * 1_000) }
}
