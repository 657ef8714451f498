//! When a scheduled action is performed: once, or at a steady rate.
//!
//! Cron expressions and time zones other than UTC are refused rather than taken and never heeded.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::super::clock::Moment;
use super::super::wire::ApiError;
use super::invalid;

/// A schedule expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// `at(2026-01-31T18:00:00)`.
    Once(Timestamp),
    /// `rate(5 minutes)`.
    Every(Duration),
}

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// `ValidationException` for one that is malformed or of a kind that is not known here.
    pub fn parse(expression: &str) -> Result<Self, ApiError> {
        let inside =
            |kind: &str| expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        let read = match (inside("at"), inside("rate")) {
            (Some(time), _) => once(time),
            (None, Some(rate)) => every(rate),
            (None, None) => None,
        };
        read.ok_or_else(|| {
            invalid(format!("The schedule '{expression}' is not one of at(...) and rate(...)"))
        })
    }

    /// The first moment after `now`, and not before `start`, at which it is time; `None` when
    /// that has passed. `epoch` is the time of moment zero.
    pub fn next(self, epoch: Timestamp, start: Moment, now: Moment) -> Option<Moment> {
        match self {
            Self::Once(time) => {
                let at = moment(epoch, time);
                (at > now && at >= start).then_some(at)
            }
            Self::Every(rate) => {
                if start > now {
                    return Some(start);
                }
                let passed = now.since(start).as_millis() / rate.as_millis().max(1);
                let times = u32::try_from(passed + 1).ok()?;
                Some(start.after(rate.saturating_mul(times)))
            }
        }
    }
}

/// The moment of a wall-clock time; zero for all times before `epoch`.
pub fn moment(epoch: Timestamp, time: Timestamp) -> Moment {
    let since = time.duration_since(epoch);
    Moment::default().after(Duration::try_from(since).unwrap_or_default())
}

fn once(time: &str) -> Option<Schedule> {
    let civil: DateTime = time.parse().ok()?;
    Some(Schedule::Once(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
}

fn every(rate: &str) -> Option<Schedule> {
    let (count, unit) = rate.split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let unit_s = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    Some(Schedule::Every(Duration::from_secs(count.checked_mul(unit_s)?)))
}
