//! How far apart the times of a cron expression are (EventBridge Scheduler's user guide, "Schedule
//! types").
//!
//! The rule: days are counted out on a calendar, for what months, weekdays, `L`, `W` and `#` mean
//! together no formula says.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday, date};

use super::when::{DAYS, MONTHS, number};

/// The days that are counted out: more than four years, so that leap days are among them.
const COUNTED: (Date, usize) = (date(2027, 1, 1), 5 * 366);

const MINUTES_OF_A_DAY: u64 = 24 * 60;

/// The longest time between two times of an expression that is well formed; `None` for one whose
/// times come to an end, or are years apart.
pub(super) fn longest([minute, hour, day, month, weekday, year]: [&str; 6]) -> Option<Duration> {
    if year != "*" {
        return None;
    }
    let minutes = values(minute, 0..=59, &[]);
    let of_hour = |hour: u32| minutes.iter().map(move |minute| u64::from(hour * 60 + minute));
    let of_day: Vec<u64> = values(hour, 0..=23, &[]).into_iter().flat_map(of_hour).collect();
    let (months, days) = (values(month, 1..=12, MONTHS), Days::of(day, weekday));
    let (first, last) = (*of_day.first()?, *of_day.last()?);
    let mut longest = of_day.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default();
    let (begin, count) = COUNTED;
    let all = (0..).step_by(usize::try_from(MINUTES_OF_A_DAY).ok()?).zip(begin.series(1.day()));
    let is_on = |date: Date| has(&months, date.month()) && days.has(date);
    let on: Vec<u64> =
        all.take(count).filter(|(_, date)| is_on(*date)).map(|(start, _)| start).collect();
    let between = on.windows(2).map(|two| two[1] + first - (two[0] + last));
    longest = longest.max(between.max()?);
    Some(Duration::from_secs(longest * 60))
}

/// The days of a month on which something is done.
struct Days<'a> {
    numbers: BTreeSet<u32>,
    weekdays: BTreeSet<u32>,
    /// What depends on the month: `L`, `15W`, `6L`, `2#1`.
    special: Vec<&'a str>,
}

impl<'a> Days<'a> {
    fn of(day: &'a str, weekday: &'a str) -> Self {
        Self {
            numbers: values(day, 1..=31, &[]),
            weekdays: values(weekday, 1..=7, DAYS),
            special: day.split(',').chain(weekday.split(',')).collect(),
        }
    }

    fn has(&self, date: Date) -> bool {
        has(&self.numbers, date.day())
            || has(&self.weekdays, date.weekday().to_sunday_one_offset())
            || self.special.iter().any(|special| is_special(special, date))
    }
}

fn has(set: &BTreeSet<u32>, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set.contains(&number))
}

fn is_special(special: &str, date: Date) -> bool {
    let is_weekday = |name: &str| {
        let day = u32::try_from(date.weekday().to_sunday_one_offset()).ok();
        number(name, &(1..=7), DAYS).is_some_and(|named| Some(named) == day)
    };
    if special == "L" {
        return date == date.last_of_month();
    }
    if let Some(near) = special.strip_suffix('W') {
        return near.parse().ok().and_then(|near| working_day(date, near)) == Some(date);
    }
    if let Some(name) = special.strip_suffix('L') {
        return is_weekday(name) && date.day() + 7 > date.days_in_month();
    }
    special.split_once('#').is_some_and(|(name, week)| {
        is_weekday(name) && week.parse() == Ok((date.day() - 1) / 7 + 1)
    })
}

/// The day from Monday to Friday that is nearest to a day of the month of `date`, in that month.
fn working_day(date: Date, near: i8) -> Option<Date> {
    let day = date.with().day(near).build().ok()?;
    let days = match day.weekday() {
        Weekday::Saturday if near == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if day == day.last_of_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    day.checked_add(days.days()).ok()
}

/// The numbers that a field stands for; none for `?`, where another field says which.
fn values(field: &str, range: RangeInclusive<u32>, names: &[&str]) -> BTreeSet<u32> {
    let (least, most) = (*range.start(), *range.end());
    let read = |text: &str| number(text, &range, names);
    let part = |part: &str| -> Option<Vec<u32>> {
        let (span, step) =
            part.split_once('/').map_or((part, None), |(span, step)| (span, Some(step)));
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (read(from)?, read(to)?),
            (one, None) => (read(one)?, if step.is_some() { most } else { read(one)? }),
        };
        let step = step.map_or(Some(1), |step| step.parse().ok())?;
        Some((from..=to).step_by(step).collect())
    };
    field.split(',').filter_map(part).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(cron: &str) -> Option<f64> {
        let fields: Vec<&str> = cron.split(' ').collect();
        longest(fields.try_into().unwrap()).map(|longest| longest.as_secs_f64() / 3600.0)
    }

    #[test]
    fn the_longest_time_between_two_is_counted_out() {
        for (cron, expected) in [
            ("0/15 * * * ? *", Some(0.25)),
            ("0 * * * ? *", Some(1.0)),
            ("0 6 * * ? *", Some(24.0)),
            ("0 0-6,18 * * ? *", Some(12.0)),
            ("0 6 ? * MON-FRI *", Some(72.0)),
            ("0 6 ? * 2,3,4,5,6 *", Some(72.0)),
            ("0 6 ? * SAT,SUN *", Some(6.0 * 24.0)),
            ("0/15 8-17 ? * MON-FRI *", Some(62.25)),
            ("0 6 1 * ? *", Some(31.0 * 24.0)),
            ("0 6 L * ? *", Some(31.0 * 24.0)),
            ("0 6 ? * 2#1 *", Some(35.0 * 24.0)),
            ("0 6 ? * 6L *", Some(35.0 * 24.0)),
            ("0 6 15W * ? *", Some(32.0 * 24.0)),
            ("0 6 29 2 ? *", None),
            ("0 6 * * ? 2027-2030", None),
        ] {
            assert_eq!(hours(cron), expected, "{cron}");
        }
    }
}
