//! One target of a target group, and how its health comes about.
//!
//! Health checks fall at a fixed beat from `checked_from` on. Nothing counts them one by one: as
//! long as a target keeps answering the same, the moment at which enough checks in a row have
//! passed or failed is known beforehand, and stands in `turns`.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::super::clock::Moment;
use super::health_check::HealthCheck;

/// What a target does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetAnswer {
    /// Answers with this HTTP status.
    Status(u16),
    /// Refuses the connection: nothing listens on the port.
    Refused,
    /// Takes the connection, or drops it, and never answers.
    TimesOut,
}

/// The health of a registered target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Registered, and not yet judged.
    Initial,
    /// Passes its checks, and is sent requests.
    Healthy,
    /// Fails its checks.
    Unhealthy,
    /// Deregistered; gone once the group's deregistration delay is over.
    Draining,
    /// In a group that no listener forwards to.
    Unused,
}

/// A registered address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// The private address.
    pub ip: String,
    /// The port that requests go to.
    pub port: u16,
    /// The zone that the address lies in, `all` when it lies outside the VPC.
    pub zone: String,
    pub answer: TargetAnswer,
    /// Whether security groups keep the checks from it.
    #[serde(default)]
    pub barred: bool,
    pub state: TargetState,
    /// When the first check falls, and so the beat of all others.
    pub checked_from: Moment,
    /// When the state ends by itself; `None` when it lasts.
    pub turns: Option<Moment>,
}

impl Target {
    pub fn is_at(&self, address: &str, port: u16) -> bool {
        self.ip == address && self.port == port
    }

    /// Begins the checks of a target that a load balancer has come to reach.
    pub fn start(&mut self, check: &HealthCheck, first_check: Moment, now: Moment) {
        self.state = TargetState::Initial;
        self.checked_from = first_check;
        self.foresee(check, now);
    }

    /// Takes the target out of use, since no load balancer reaches it any more.
    pub fn stop(&mut self) {
        self.state = TargetState::Unused;
        self.turns = None;
    }

    /// Lets the target drain until `gone`.
    pub fn drain(&mut self, gone: Moment) {
        self.state = TargetState::Draining;
        self.turns = Some(gone);
    }

    /// What its checks meet.
    pub fn met(&self) -> TargetAnswer {
        if self.barred { TargetAnswer::TimesOut } else { self.answer }
    }

    /// Has the target answer otherwise from now on.
    pub fn change_answer(&mut self, answer: TargetAnswer, check: &HealthCheck, now: Moment) {
        self.change(|target| target.answer = answer, check, now);
    }

    /// Opens or shuts the way to the target.
    pub fn bar(&mut self, barred: bool, check: &HealthCheck, now: Moment) {
        self.change(|target| target.barred = barred, check, now);
    }

    /// What the checks judge like before leaves a row of them unbroken.
    fn change(&mut self, how: impl FnOnce(&mut Self), check: &HealthCheck, now: Moment) {
        let passed = check.passes(self.met());
        how(self);
        if check.passes(self.met()) != passed {
            self.foresee(check, now);
        }
    }

    /// Works out anew when the state ends, counting checks from `now` on.
    pub fn foresee(&mut self, check: &HealthCheck, now: Moment) {
        let checks = match (self.state, check.passes(self.met())) {
            (TargetState::Initial, true) => 1,
            (TargetState::Initial | TargetState::Healthy, false) => check.unhealthy_threshold,
            (TargetState::Unhealthy, true) => check.healthy_threshold,
            (TargetState::Healthy, true) | (TargetState::Unhealthy, false) => {
                self.turns = None;
                return;
            }
            (TargetState::Draining | TargetState::Unused, _) => return,
        };
        let more = check.interval().saturating_mul(checks.saturating_sub(1));
        self.turns = Some(self.next_check(check.interval(), now).after(more));
    }

    /// Judges the target when its state has ended. A draining one is the group's to remove.
    pub fn turn(&mut self, check: &HealthCheck) {
        self.turns = None;
        self.state =
            if check.passes(self.met()) { TargetState::Healthy } else { TargetState::Unhealthy };
    }

    fn next_check(&self, interval: Duration, now: Moment) -> Moment {
        if now < self.checked_from {
            return self.checked_from;
        }
        let passed = now.since(self.checked_from).as_millis() / interval.as_millis().max(1);
        let beats = u32::try_from(passed + 1).unwrap_or(u32::MAX);
        self.checked_from.after(interval.saturating_mul(beats))
    }
}
