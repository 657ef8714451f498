//! Cron expressions of six fields, in UTC (user guide of EventBridge Scheduler, "Cron-based
//! schedules").

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
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
    #[serde(default)]
    special_days: Vec<Special>,
    #[serde(default)]
    special_weekdays: Vec<Special>,
}

/// A day that is another one in every month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Special {
    /// `L`: the month's last day.
    Last,
    /// `15W`: the working day of the month that is nearest to the day.
    Nearest(u32),
    /// `6L`: the last of the weekday.
    LastOf(u32),
    /// `6#3`: the third of the weekday.
    Nth(u32, u32),
}

impl Special {
    fn in_days(part: &str) -> Option<Self> {
        match part {
            "L" => Some(Self::Last),
            other => number(other.strip_suffix('W')?, 1, 31, &[]).map(Self::Nearest),
        }
    }

    fn in_weekdays(part: &str) -> Option<Self> {
        if let Some(weekday) = part.strip_suffix('L') {
            return number(weekday, 1, 7, DAYS).map(Self::LastOf);
        }
        let (weekday, count) = part.split_once('#')?;
        Some(Self::Nth(number(weekday, 1, 7, DAYS)?, number(count, 1, 5, &[])?))
    }

    fn is_on(self, date: Date) -> bool {
        let (day, last) = (unsigned(date.day()), unsigned(date.days_in_month()));
        let is = |weekday: u32| unsigned(date.weekday().to_sunday_one_offset()) == weekday;
        match self {
            Self::Last => day == last,
            Self::LastOf(weekday) => is(weekday) && day + 7 > last,
            Self::Nth(weekday, count) => is(weekday) && day.div_ceil(7) == count,
            Self::Nearest(wanted) => {
                let meant =
                    i8::try_from(wanted).ok().and_then(|day| date.with().day(day).build().ok());
                meant.is_some_and(|meant| nearest_working_day(meant) == date)
            }
        }
    }
}

/// It is in the same month.
fn nearest_working_day(date: Date) -> Date {
    let days = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if date.day() == date.days_in_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    date.saturating_add(days.days())
}

fn unsigned(number: i8) -> u32 {
    number.unsigned_abs().into()
}

impl Cron {
    /// Reads the six fields; `None` for what is not known.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(' ').collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else { return None };
        if (days == "?") == (weekdays == "?") {
            return None;
        }
        let (days, special_days) = days_of(days, 31, &[], Special::in_days)?;
        let (weekdays, special_weekdays) = days_of(weekdays, 7, DAYS, Special::in_weekdays)?;
        Some(Self {
            minutes: values(minutes, 0, 59, &[])?,
            hours: values(hours, 0, 23, &[])?,
            days,
            months: values(months, 1, 12, MONTHS)?,
            weekdays,
            years: values(years, 1970, 2199, &[])?,
            special_days,
            special_weekdays,
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
        let is_one = |set: &BTreeSet<u32>, number: i8, special: &[Special]| {
            set.contains(&unsigned(number)) || special.iter().any(|one| one.is_on(date))
        };
        is_one(&self.days, date.day(), &self.special_days)
            && is_one(&self.months, date.month(), &[])
            && is_one(&self.weekdays, date.weekday().to_sunday_one_offset(), &self.special_weekdays)
            && u32::try_from(date.year()).is_ok_and(|year| self.years.contains(&year))
    }
}

/// The days that a field names in so many words, and those that it does not; `?` is every day.
fn days_of(
    field: &str,
    most: u32,
    names: &[&str],
    special: fn(&str) -> Option<Special>,
) -> Option<(BTreeSet<u32>, Vec<Special>)> {
    if field == "?" {
        return Some(((1..=most).collect(), vec![]));
    }
    let (mut plain, mut others) = (BTreeSet::new(), vec![]);
    for part in field.split(',') {
        match special(part) {
            Some(other) => others.push(other),
            None => plain.extend(values(part, 1, most, names)?),
        }
    }
    Some((plain, others))
}

fn number(text: &str, least: u32, most: u32, names: &[&str]) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let place = names.iter().position(|name| *name == upper);
    let by_name = place.and_then(|place| u32::try_from(place).ok()).map(|place| place + least);
    by_name.or_else(|| text.parse().ok()).filter(|number| (least..=most).contains(number))
}

/// A span that leads backwards has no values, and is refused.
fn values(field: &str, least: u32, most: u32, names: &[&str]) -> Option<BTreeSet<u32>> {
    let number = |text: &str| number(text, least, most, names);
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => {
                (span, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?))
            }
            None => (part, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => {
                (number(from)?, number(to).filter(|to| Some(*to) >= number(from))?)
            }
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
    fn days_are_found_that_differ_from_month_to_month() {
        let now = "2026-01-30T06:00:00Z";
        assert_eq!(after("0 6 L * ? *", now), "2026-01-31T06:00:00Z");
        assert_eq!(after("0 6 L FEB ? *", now), "2026-02-28T06:00:00Z");
        // The first of February 2026 is a Sunday, the first of August a Saturday.
        assert_eq!(after("0 6 1W * ? *", now), "2026-02-02T06:00:00Z");
        assert_eq!(after("0 6 1W AUG ? *", now), "2026-08-03T06:00:00Z");
        assert_eq!(after("0 6 14W FEB ? *", now), "2026-02-13T06:00:00Z");
        assert_eq!(after("0 6 31W MAY ? *", now), "2026-05-29T06:00:00Z");
        assert_eq!(after("0 6 ? * 6L *", now), "2026-02-27T06:00:00Z");
        assert_eq!(after("0 6 ? * MON#1 *", now), "2026-02-02T06:00:00Z");
        assert_eq!(after("0 6 ? * 1#5 *", now), "2026-03-29T06:00:00Z");
        assert_eq!(after("0 6 1,L * ? *", "2026-01-31T07:00:00Z"), "2026-02-01T06:00:00Z");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for odd in [
            "0 6 * * *",
            "0 6 * * * *",
            "61 6 * * ? *",
            "0 17-8 * * ? *",
            "0 6 ? * FRI-MON *",
            "? 6 * * ? *",
            "0 6 * ? ? *",
            "0 6 32W * ? *",
            "0 6 ? * 2#6 *",
            "0 6 ? * L *",
            "0 L * * ? *",
        ] {
            assert_eq!(Cron::parse(odd), None, "{odd}");
        }
    }
}
