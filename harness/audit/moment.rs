//! Moments of a log: seconds since 1970, or dates as RFC 3339 writes them.

use std::fmt;
use std::ops::RangeInclusive;

const DAY: i64 = 86_400;
/// From the beginning of the year 0 to the end of 9999: what RFC 3339 can write. Milliseconds since 1970 are beyond it.
const WRITABLE: RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A second since the beginning of 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// Reads `1750723200`, `1750723200.250`, `2025-06-24T00:00:00Z`, `2025-06-24 09:00:00.5+09:00`; without a zone it is UTC.
    /// Fractions of a second are cut off. `None` when it is neither, or not in the years 0 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let seconds = match text.split_once('.') {
            Some((seconds, rest)) if without_fraction(rest).is_empty() => seconds,
            _ => text,
        };
        let seconds = seconds.parse().ok().or_else(|| date_and_time(text))?;
        WRITABLE.contains(&seconds).then_some(Self(seconds))
    }
}

/// The second of a date as RFC 3339 writes it.
fn date_and_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let signs = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let is_date = signs.iter().all(|(at, sign)| bytes.get(*at) == Some(sign));
    if !is_date || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let [year, month, day] = [(0, 4), (5, 7), (8, 10)].map(|(from, to)| digits(text, from, to));
    let [hour, minute, second] =
        [(11, 13), (14, 16), (17, 19)].map(|(from, to)| digits(text, from, to));
    let (year, month, day) = (year?, month?, day?);
    let (hour, minute, second) = (hour?, minute?, second?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let since = days(year, month, day);
    // Days beyond the end of a month come out as those of the next.
    if day > 28 && date(since).2 != day {
        return None;
    }
    // 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => without_fraction(fraction),
        None => rest,
    };
    let seconds = since * DAY + hour * 3600 + minute * 60 + second;
    Some(seconds - offset(rest)?)
}

/// What follows the digits after the point.
fn without_fraction(text: &str) -> &str {
    text.trim_start_matches(|sign: char| sign.is_ascii_digit())
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            out,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

fn digits(text: &str, from: usize, to: usize) -> Option<i64> {
    let part = text.get(from..to)?;
    let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|_| is_number)
}

/// Seconds that a zone is ahead: `Z`, `+09:00`, `-0530`; nothing means UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let minutes = if zone.as_bytes().get(3) == Some(&b':') {
        4
    } else {
        3
    };
    if zone.len() != minutes + 2 {
        return None;
    }
    let (hour, minute) = (digits(zone, 1, 3)?, digits(zone, minutes, minutes + 2)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar: years that begin in March, in eras of 400 years.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day; the inverse of [`days`].
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12 + 1;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, seconds) in [
            ("0", 0),
            ("1750723200", 1_750_723_200),
            ("1750723200.999", 1_750_723_200),
            ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("2025-06-24T00:00:00Z", 1_750_723_200),
            ("2025-06-24T09:00:00.75+09:00", 1_750_723_200),
            ("2025-06-23 18:30:00-0530", 1_750_723_200),
            ("1969-12-31T23:59:59", -1),
            ("2000-02-29T00:00:00Z", 951_782_400),
        ] {
            assert_eq!(Moment::parse(text), Some(Moment(seconds)), "{text}");
        }
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(Moment(1_750_723_200).to_string(), "2025-06-24T00:00:00Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2025-06-24",
            "2025-13-24T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2025-06-31T00:00:00Z",
            "2025-06-24T24:00:00Z",
            "2025-06-24T00:00:00+24:00",
            "2025-06-24T00:00:00+09:60",
            "2025-06-24T00:00:00.Z5",
            "1750723200000",
            "1750723200.5s",
            "-62167219201",
            "9999-12-31T23:59:59-00:01",
            "2025-06-24T00:00:00+9",
            "2025-06-24T00:00:00 UTC",
            "2025-06-24T00:00:é0Z",
            "+025-06-24T00:00:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
