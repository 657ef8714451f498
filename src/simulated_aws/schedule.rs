//! When something is done that has a schedule: once, or at a steady rate, in UTC.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::clock::Moment;

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
    /// Reads an expression; `None` for one that is malformed or of a kind that is not known here.
    #[must_use]
    pub fn parse(expression: &str) -> Option<Self> {
        let inside =
            |kind: &str| expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        match (inside("at"), inside("rate")) {
            (Some(time), _) => once(time),
            (None, Some(rate)) => every(rate),
            (None, None) => None,
        }
    }

    /// The first moment after `now`, and not before `start`, at which it is time; `None` when
    /// that has passed. `epoch` is the time of moment zero.
    #[must_use]
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

/// The first moment that is not before a wall-clock time; zero for all times before `epoch`.
///
/// Moments are whole milliseconds, and an epoch need not be: a moment before the time would have it
/// come for ever.
#[must_use]
pub fn moment(epoch: Timestamp, time: Timestamp) -> Moment {
    let since = Duration::try_from(time.duration_since(epoch)).unwrap_or_default();
    let rest = since.subsec_nanos() % 1_000_000;
    let up = if rest == 0 { 0 } else { 1_000_000 - rest };
    Moment::default().after(since.saturating_add(Duration::from_nanos(up.into())))
}

fn once(time: &str) -> Option<Schedule> {
    let civil: DateTime = time.parse().ok()?;
    // Of all that is a time, one way to write it is taken: yyyy-mm-ddThh:mm:ss.
    if civil.to_string() != time {
        return None;
    }
    Some(Schedule::Once(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
}

fn every(rate: &str) -> Option<Schedule> {
    let (count, unit) = rate.split_once(' ')?;
    let count: i32 = count.parse().ok().filter(|count| *count > 0)?;
    let unit_s = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    Some(Schedule::Every(Duration::from_secs(u64::try_from(count).ok()?.checked_mul(unit_s)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_one_way() {
        assert!(Schedule::parse("at(2026-01-31T18:00:00)").is_some());
        for odd in ["2026-01-31", "2026-01-31 18:00:00", "2026-01-31T18:00", "20260131T180000"] {
            assert_eq!(Schedule::parse(&format!("at({odd})")), None, "{odd}");
        }
    }

    #[test]
    fn a_rate_has_32_bits_and_never_leads_back_in_time() {
        assert_eq!(Schedule::parse("rate(2147483648 minutes)"), None);
        let longest = Schedule::parse("rate(2147483647 days)").unwrap();
        let late = Moment(u64::MAX - 1);
        let next = longest.next("2026-01-01T00:00:00Z".parse().unwrap(), late, late);
        assert_eq!(next, Some(Moment(u64::MAX)));
    }
}
