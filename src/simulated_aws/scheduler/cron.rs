//! Cron expressions of six fields, in UTC. `L`, `W` and `#` are refused rather than taken and never
//! heeded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const MONTHS: &[&str] =
    &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// How many days ahead are looked at: the longest that a day of a leap year is away.
const FARTHEST: u32 = 8 * 366;

/// The times of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: BTreeSet<u32>,
    months: BTreeSet<u32>,
    /// From 1, which is Sunday.
    weekdays: BTreeSet<u32>,
    years: BTreeSet<u32>,
}

impl Cron {
    /// Reads the six fields; `None` for what is not known.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(' ').collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else { return None };
        if (days == "?") == (weekdays == "?") {
            return None;
        }
        Some(Self {
            minutes: values(minutes, 0, 59, &[])?,
            hours: values(hours, 0, 23, &[])?,
            days: values(days, 1, 31, &[])?,
            months: values(months, 1, 12, MONTHS)?,
            weekdays: values(weekdays, 1, 7, DAYS)?,
            years: values(years, 1970, 2199, &[])?,
        })
    }

    /// The first time after `now`.
    pub fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = now.to_zoned(TimeZone::UTC).datetime();
        let mut date = now.date();
        for _ in 0..FARTHEST {
            let times = self
                .hours
                .iter()
                .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
            if self.is_on(date) {
                for (hour, minute) in times {
                    let time = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                    if time > now {
                        return Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp());
                    }
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let is_in = |set: &BTreeSet<u32>, number: i16| {
            u32::try_from(number).is_ok_and(|number| set.contains(&number))
        };
        is_in(&self.days, date.day().into())
            && is_in(&self.months, date.month().into())
            && is_in(&self.weekdays, date.weekday().to_sunday_one_offset().into())
            && is_in(&self.years, date.year())
    }
}

fn values(field: &str, least: u32, most: u32, names: &[&str]) -> Option<BTreeSet<u32>> {
    let number = |text: &str| {
        let upper = text.to_ascii_uppercase();
        let place = names.iter().position(|name| *name == upper);
        let by_name = place.and_then(|place| u32::try_from(place).ok()).map(|place| place + least);
        by_name.or_else(|| text.parse().ok()).filter(|number| (least..=most).contains(number))
    };
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => {
                (span, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?))
            }
            None => (part, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*" | "?", _) => (least, most),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            (one, None) => (number(one)?, if step.is_some() { most } else { number(one)? }),
        };
        all.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(cron: &str, now: &str) -> String {
        let now = now.parse().unwrap();
        Cron::parse(cron).unwrap().after(now).map_or_else(String::new, |time| time.to_string())
    }

    #[test]
    fn the_next_time_is_the_first_that_fits() {
        let now = "2026-01-30T06:00:00Z";
        assert_eq!(after("0 6 * * ? *", now), "2026-01-31T06:00:00Z");
        assert_eq!(after("0/15 6 * * ? *", now), "2026-01-30T06:15:00Z");
        assert_eq!(after("30 8-17 ? * MON-FRI *", "2026-01-30T18:00:00Z"), "2026-02-02T08:30:00Z");
        assert_eq!(after("0 0 29 FEB ? *", now), "2028-02-29T00:00:00Z");
        assert_eq!(after("0 0 1 1 ? 2026", now), "");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for odd in ["0 6 * * *", "0 6 L * ? *", "0 6 * * * *", "61 6 * * ? *", "0 6 ? * 2#1 *"] {
            assert_eq!(Cron::parse(odd), None, "{odd}");
        }
    }
}
