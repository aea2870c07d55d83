//! Values of flags: words, seeds, times.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use crosswire::history::Day;

/// A setting that is one of a few words, the same as in a scenario file.
pub(super) fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// A number without bounds of its own, such as a seed, with an error that tells the range.
pub(super) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("must be a whole number from 0 to {}", u64::MAX))
}

/// A factor of [`Day::SCALE`], with an error that tells the range.
pub(super) fn scale(text: &str) -> Result<u32, String> {
    let (min, max) = (Day::SCALE.min, Day::SCALE.max);
    let scale = text.parse().ok();
    scale
        .filter(|scale| (min..=max).contains(&u64::from(*scale)))
        .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

/// A time with its unit: `250us`, `2ms`, `30s`, `2m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "must be a whole number from 0 with a unit, such as 30s".to_owned())?;
    match unit {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "" => Err(format!(
            "`{text}` has no unit: say {text}s, {text}ms, {text}us or {text}m"
        )),
        _ => Err(format!("unknown unit `{unit}`: use us, ms, s or m")),
    }
}

/// A time in a log, in seconds, with its unit: `90s`, `30m`, `12h`, `7d`.
pub(super) fn span(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("must be a whole number with a unit, s, m, h or d, such as 7d".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "must be a whole number from 0 with a unit, such as 7d".to_owned())?;
    number
        .checked_mul(seconds)
        .ok_or_else(|| "is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_reach_to_days() {
        assert_eq!(span("7d"), Ok(604_800));
        assert_eq!(span("90s"), Ok(90));
        for wrong in ["", "d", "7", "-1d", "1.5h", "7w", "300000000000000d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "30", "-1s", "1.5s", "3h", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
