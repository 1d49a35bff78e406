//! When it would be in vain to go on: for want of patience, of time, or of permission.

use std::time::Duration;

use super::calls::{Lane, Stage};
use super::pending::Pending;
use super::run::{Kind, Run, looks_end_early};
use super::{Judge, Sink};
use crate::outcome::Look;
use crate::request::Action;

impl<J: Judge, S: Sink> Run<'_, J, S> {
    /// When patience with a kind of call ends that keeps failing, for those that wait in a stage.
    pub(super) fn patience_ends(&self, stage: Stage, kind: &Kind) -> Option<Duration> {
        let since = kind.service.failing_since()?.max(*self.begun.of(stage));
        Some(since + self.terms.limits.patience)
    }

    /// Gives up what it would be in vain to wait for.
    pub(super) fn give_up_what_is_in_vain(&mut self, now: Duration) {
        for stage in [Stage::Look, Stage::Act, Stage::Confirm] {
            if self.calls.waiting(stage) == 0 {
                continue;
            }
            let is_over = |kind: &Kind| {
                kind.is_denied || self.patience_ends(stage, kind).is_some_and(|ends| ends <= now)
            };
            let (describe, cancel, terminate) =
                (is_over(&self.describe), is_over(&self.cancel), is_over(&self.terminate));
            if describe || cancel || terminate {
                self.give_up_all(now, |lane, _| {
                    lane.stage() == stage
                        && match lane {
                            Lane::Look | Lane::Confirm => describe,
                            Lane::Act(Action::Cancel, _) => cancel,
                            Lane::Act(Action::Terminate, _) => terminate,
                        }
                });
            }
        }
        let blocked = !self.describe.service.is_open(now) || self.describe.service.failing_since().is_some();
        if now >= self.look_until && blocked && self.calls.waiting(Stage::Look) > 0 {
            let judge = self.judge;
            self.give_up_all(now, |lane, job| lane.stage() == Stage::Look && looks_end_early(judge, job));
        }
        if !self.acts_are_over && now >= self.act_until(now) && self.calls.waiting(Stage::Act) > 0 {
            self.acts_are_over = true;
        }
        if self.acts_are_over && self.calls.waiting(Stage::Act) > 0 {
            for (_, mut job) in self.calls.drain(|lane, _| lane.stage() == Stage::Act) {
                if job.may_have_been_stopped() {
                    let next = job.stop_acting("", now, self.sink);
                    self.go_on(job, next, now);
                } else {
                    job.out_of_time(Stage::Act, false, self.sink);
                }
            }
        }
    }

    fn give_up_all(&mut self, now: Duration, is_meant: impl Fn(&Lane, &Pending) -> bool) {
        let drained = self.calls.drain(|lane, job| is_meant(lane, job));
        for (lane, job) in drained {
            let error = self.kind(&lane).error.as_ref().map(ToString::to_string);
            self.give_up(&lane, job, &error.unwrap_or_else(|| "there was no time for it".into()), now);
        }
    }

    /// No further call of this lane is made for the job.
    pub(super) fn give_up(&mut self, lane: &Lane, mut job: Box<Pending>, why: &str, now: Duration) {
        let next = match lane.stage() {
            Stage::Look => return self.looked(job, Look::Unseen(why.to_owned().into()), None, now),
            Stage::Confirm => job.stop_confirming(why, self.sink),
            Stage::Act if self.kind(lane).is_denied && !job.may_have_been_stopped() => {
                job.not_tried(why, self.sink)
            }
            Stage::Act => job.stop_acting(why, now, self.sink),
        };
        self.go_on(job, next, now);
    }
}
