//! How long from one check to the next, as far as cron can say it too.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::names;

/// The numbers of minutes and of hours that come out even, so that cron can say them.
const MINUTES: [u32; 8] = [5, 6, 10, 12, 15, 20, 30, 60];
const HOURS: [u32; 7] = [2, 3, 4, 6, 8, 12, 24];

/// A length of time that cron can say: so many minutes that make up an hour, or so many hours that
/// make up a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    minutes: u32,
}

impl Default for Interval {
    /// An hour.
    fn default() -> Self {
        Self { minutes: 60 }
    }
}

/// A length of time that cron can't say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a schedule is every 5, 6, 10, 12, 15, 20, 30 or 60 minutes (`15m`), or every 2, 3, 4, 6, 8, 12 or 24 hours (`4h`)"
)]
pub struct NoInterval;

impl FromStr for Interval {
    type Err = NoInterval;

    fn from_str(text: &str) -> Result<Self, NoInterval> {
        let number = |unit: &str| text.strip_suffix(unit)?.parse::<u32>().ok();
        let minutes = number("m").or_else(|| number("h").and_then(|hours| hours.checked_mul(60)));
        let minutes = minutes.ok_or(NoInterval)?;
        let is_even =
            MINUTES.contains(&minutes) || HOURS.contains(&(minutes / 60)) && minutes % 60 == 0;
        if is_even { Ok(Self { minutes }) } else { Err(NoInterval) }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            hours if hours % 60 == 0 => write!(formatter, "{}h", hours / 60),
            minutes => write!(formatter, "{minutes}m"),
        }
    }
}

impl Interval {
    /// The length of time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.minutes) * 60)
    }

    /// The five fields of cron, at a minute and an hour that depend on `name`, so that not all the
    /// world's checks begin on the hour.
    pub fn cron(self, name: &str) -> String {
        let chance = names::hex(name).chars().take(7).collect::<String>();
        let chance = u32::from_str_radix(&chance, 16).unwrap_or_default();
        let minute = chance % self.minutes.min(60);
        let hours = self.minutes / 60;
        let hour = if hours > 0 { chance / 60 % hours } else { 0 };
        match (self.minutes, hours) {
            (60, _) => format!("{minute} * * * *"),
            (_, 0) => format!("{minute}-59/{} * * * *", self.minutes),
            (_, 24) => format!("{minute} {hour} * * *"),
            (_, hours) => format!("{minute} {hour}-23/{hours} * * *"),
        }
    }
}
