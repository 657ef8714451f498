//! Schedules as EventBridge Scheduler writes them: `rate(…)`, `cron(…)`, `at(…)`.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::DateTime;

use super::gaps::longest;

/// When something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Every so often.
    Every(Duration),
    /// At certain times, so far apart at most; `None` for years, and for what comes to an end.
    Times(Option<Duration>),
    /// Once.
    Once,
}

/// The names that months and days of the week have in cron.
pub(super) const MONTHS: &[&str] =
    &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Reads a schedule (EventBridge Scheduler's user guide, "Schedule types").
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn when(text: &str) -> Result<When, String> {
    let inside = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inside("rate") {
        return every(rate).ok_or_else(|| {
            format!("`{text}` is no rate: a whole number and `minutes`, `hours` or `days` (`rate(1 hour)`)")
        });
    }
    if let Some(cron) = inside("cron") {
        return times(cron);
    }
    match inside("at").map(is_moment) {
        Some(true) => Ok(When::Once),
        Some(false) => Err(format!("`{text}` is no moment: `at(2027-01-31T06:00:00)`")),
        None => Err(format!("`{text}` is none of `rate(…)`, `cron(…)` and `at(…)`")),
    }
}

/// Whether it is a moment in the one way that the scheduler takes: `2027-01-31T06:00:00`.
fn is_moment(text: &str) -> bool {
    let moment = text.parse::<DateTime>();
    moment.is_ok_and(|moment| moment.strftime("%Y-%m-%dT%H:%M:%S").to_string() == text)
}

fn every(rate: &str) -> Option<When> {
    let (number, unit) = rate.split_once(' ')?;
    let number: u64 = digits(number)?.parse().ok().filter(|number| *number > 0)?;
    let seconds = match (unit, number) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3600,
        ("day", 1) | ("days", 2..) => 86_400,
        _ => return None,
    };
    Some(When::Every(Duration::from_secs(number.checked_mul(seconds)?)))
}

fn times(cron: &str) -> Result<When, String> {
    let fields: Vec<&str> = cron.split(' ').collect();
    let [minute, hour, day, month, weekday, year] = fields[..] else {
        return Err(format!(
            "`{cron}` has {} fields, and cron has six: minutes, hours, day, month, day of the week, year",
            fields.len()
        ));
    };
    let fields = [
        (minute, 0..=59, &[][..]),
        (hour, 0..=23, &[]),
        (day, 1..=31, &[]),
        (month, 1..=12, MONTHS),
        (weekday, 1..=7, DAYS),
        (year, 1970..=2199, &[]),
    ];
    let wrong = fields.iter().find(|(field, range, names)| !is_field(field, range, names));
    if let Some((field, ..)) = wrong {
        return Err(format!("`{field}` in `{cron}` is nothing that cron knows"));
    }
    for (field, range, names) in fields {
        if let Some(span) = field.split(',').find(|part| leads_back(part, &range, names)) {
            return Err(backwards(span, cron, &range, names));
        }
    }
    if (day == "?") == (weekday == "?") {
        return Err("one of the day and the day of the week is `?`, and the other is not".into());
    }
    Ok(When::Times(longest([minute, hour, day, month, weekday, year])))
}

/// The text, if it is all digits: a sign is none.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// The number that a value of cron stands for, by itself or by its name.
pub(super) fn number(value: &str, range: &RangeInclusive<u32>, names: &[&str]) -> Option<u32> {
    let upper = value.to_ascii_uppercase();
    let place = names.iter().position(|name| *name == upper);
    let by_name =
        place.and_then(|place| u32::try_from(place).ok()).map(|place| place + range.start());
    by_name.or_else(|| digits(value)?.parse().ok()).filter(|number| range.contains(number))
}

/// Whether a field of cron is made up of numbers or names in their range, lists, spans and steps.
fn is_field(field: &str, range: &RangeInclusive<u32>, names: &[&str]) -> bool {
    let is_value = |value: &str| number(value, range, names).is_some();
    let is_special = |value: &str| match *range.end() {
        31 => value == "L" || value.strip_suffix('W').is_some_and(is_value),
        7 => {
            value.strip_suffix('L').is_some_and(is_value)
                || value.split_once('#').is_some_and(|(day, week)| {
                    is_value(day) && matches!(week, "1" | "2" | "3" | "4" | "5")
                })
        }
        _ => false,
    };
    let is_part = |part: &str| {
        let (values, step) = part.split_once('/').unwrap_or((part, "1"));
        let is_step =
            digits(step).is_some_and(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
        let is_span =
            values.split_once('-').is_some_and(|(from, to)| is_value(from) && is_value(to));
        is_step && (values == "*" || is_value(values) || is_span || is_special(values))
    };
    match field {
        "?" => matches!(*range.end(), 31 | 7),
        field => field.split(',').all(is_part),
    }
}

/// The two ends of a part of a field, if it is a span, without its step.
fn ends(part: &str) -> Option<(&str, &str)> {
    part.split_once('/').map_or(part, |(span, _)| span).split_once('-')
}

/// Whether a part of a field is a span that goes over the end, which the scheduler does not take.
fn leads_back(part: &str, range: &RangeInclusive<u32>, names: &[&str]) -> bool {
    let number = |end| number(end, range, names);
    ends(part).is_some_and(|(from, to)| number(from) > number(to))
}

/// What is wrong with such a span, and how it is written instead.
fn backwards(span: &str, cron: &str, range: &RangeInclusive<u32>, names: &[&str]) -> String {
    let (from, to) = ends(span).unwrap_or((span, span));
    let step = span.split_once('/').map(|(_, step)| format!("/{step}")).unwrap_or_default();
    let (least, most) = match names {
        [first, .., last] => ((*first).to_owned(), (*last).to_owned()),
        _ => (range.start().to_string(), range.end().to_string()),
    };
    let part = |from: &str, to: &str| {
        let is_one = number(from, range, names) == number(to, range, names);
        if is_one { from.to_owned() } else { format!("{from}-{to}{step}") }
    };
    let instead = format!("{},{}", part(from, &most), part(&least, to));
    format!("`{span}` in `{cron}` leads backwards: `{instead}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scheduler_takes_is_taken() {
        for (text, expected) in [
            ("rate(5 minutes)", When::Every(Duration::from_mins(5))),
            ("rate(1 hour)", When::Every(Duration::from_hours(1))),
            ("rate(7 days)", When::Every(Duration::from_hours(7 * 24))),
            ("cron(0 6 * * ? *)", When::Times(Some(Duration::from_hours(24)))),
            ("cron(0/15 * * * ? *)", When::Times(Some(Duration::from_mins(15)))),
            ("cron(0 6 ? * mon-FRI *)", When::Times(Some(Duration::from_hours(72)))),
            ("cron(30 9 L JAN,JUL ? 2027-2030)", When::Times(None)),
            ("cron(0 10 ? * 6L *)", When::Times(Some(Duration::from_hours(35 * 24)))),
            ("cron(0 10 ? * 2#1 *)", When::Times(Some(Duration::from_hours(35 * 24)))),
            ("at(2027-01-31T06:00:00)", When::Once),
        ] {
            assert_eq!(when(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_span_that_leads_backwards_is_refused_with_how_to_write_it() {
        for (text, instead) in [
            (
                "cron(0 6 ? * FRI-MON *)",
                "`FRI-MON` in `0 6 ? * FRI-MON *` leads backwards: `FRI-SAT,SUN-MON`",
            ),
            (
                "cron(0 6 ? * SAT-SUN *)",
                "`SAT-SUN` in `0 6 ? * SAT-SUN *` leads backwards: `SAT,SUN`",
            ),
            ("cron(0 22-6 * * ? *)", "`22-6` in `0 22-6 * * ? *` leads backwards: `22-23,0-6`"),
            (
                "cron(0 6 1 1,NOV-2 ? *)",
                "`NOV-2` in `0 6 1 1,NOV-2 ? *` leads backwards: `NOV-DEC,JAN-2`",
            ),
            (
                "cron(50-10/5 6 * * ? *)",
                "`50-10/5` in `50-10/5 6 * * ? *` leads backwards: `50-59/5,0-10/5`",
            ),
        ] {
            assert_eq!(when(text), Err(instead.to_owned()), "{text}");
        }
        assert!(when("cron(0 6 ? * MON-MON *)").is_ok());
    }

    #[test]
    fn what_it_refuses_is_refused_with_a_word() {
        for text in [
            "",
            "1h",
            "rate(0 minutes)",
            "rate(1 hours)",
            "rate(5 minute)",
            "rate(5)",
            "rate(2 weeks)",
            "cron(0 6 * * *)",
            "cron(0 6 * * * *)",
            "cron(0 6 ? * ? *)",
            "cron(60 6 * * ? *)",
            "cron(0 6 * * ? 1969)",
            "cron(a 6 * * ? *)",
            "cron(0/0 6 * * ? *)",
            "at(tomorrow)",
            "at(2027-01-31)",
            "at(2027-01-31 06:00:00)",
            "at(2027-01-31T06:00:00.5)",
            "rate(+5 minutes)",
            "cron(+5 6 * * ? *)",
            "cron(0/+5 6 * * ? *)",
        ] {
            assert!(when(text).is_err(), "{text}");
        }
    }
}
