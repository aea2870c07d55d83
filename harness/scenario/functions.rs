//! Functions of templates: planted texts, nonces, chance and time. Everything they give follows from [`Values`] alone, so
//! that the same values give the same request again.
//!
//! [`Values`]: super::template::Values

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use minijinja::value::{Kwargs, Object, Value};
use minijinja::{Environment, Error, ErrorKind, State};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::template::TEMPLATE_OUTPUT_LIMIT;

/// Functions that plant or name a slot are found by the scanner; these are all the others.
pub(super) const PLAIN_FUNCTIONS: [&str; 8] = [
    "nonce",
    "random",
    "random_int",
    "uuid",
    "now",
    "now_ms",
    "timestamp",
    "padding",
];

/// Bytes of a file that `secret_file` gives when the template does not say.
pub(super) const FILE_BYTES_DEFAULT: usize = 4096;
/// Bytes that `secret_file` can give: from more than two canaries on.
const FILE_BYTES: RangeInclusive<usize> = 64..=TEMPLATE_OUTPUT_LIMIT;
/// Characters that `random` can give.
const RANDOM_CHARS: RangeInclusive<usize> = 1..=65_536;
/// Characters that `padding` can give.
const PADDING_CHARS: RangeInclusive<usize> = 0..=TEMPLATE_OUTPUT_LIMIT;

/// Variables that functions look things up in; each has a space in its name so that no template can name it.
pub(super) const SECRETS: &str = "planted secrets";
pub(super) const NONCE: &str = "request nonce";
pub(super) const CHANCE: &str = "drawn chance";
pub(super) const CLOCK: &str = "clock ms";

/// What a function was called with cannot be: the template is wrong, whatever the values.
#[derive(Debug)]
pub(super) struct OutOfBounds(pub(super) String);

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OutOfBounds {}

/// Draws for one text, one after the other.
#[derive(Debug)]
pub(super) struct Chance(Mutex<StdRng>);

impl Object for Chance {}

impl Chance {
    /// For the text of that number in a request with that seed.
    pub(super) fn new(seed: u64, text: u64) -> Chance {
        // The fraction of the golden ratio: neighbouring numbers give seeds that lie far apart.
        let seed = seed ^ text.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Chance(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

/// Makes the functions known to `environment`.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("secret", planted);
    environment.add_function("public", planted);
    environment.add_function("secret_file", secret_file);
    environment.add_function("nonce", nonce);
    environment.add_function("random", random);
    environment.add_function("random_int", random_int);
    environment.add_function("uuid", uuid);
    environment.add_function("now", |state: &State<'_, '_>| {
        clock(state).map(|ms| ms / 1000)
    });
    environment.add_function("now_ms", clock);
    environment.add_function("timestamp", |state: &State<'_, '_>| {
        clock(state).map(rfc_3339)
    });
    environment.add_function("padding", padding);
}

fn planted(state: &State<'_, '_>, slot: &str) -> Result<Value, Error> {
    let planted = state
        .lookup(SECRETS)
        .and_then(|secrets| secrets.get_attr(slot).ok());
    match planted {
        Some(value) if !value.is_undefined() => Ok(value),
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("nothing was planted in the slot `{slot}`"),
        )),
    }
}

/// The slot's canary, line after line, cut to `bytes`.
fn secret_file(state: &State<'_, '_>, slot: &str, options: Kwargs) -> Result<String, Error> {
    let bytes = options.get::<Option<i64>>("bytes")?;
    let bytes = bytes.map_or(Ok(FILE_BYTES_DEFAULT), |bytes| {
        within("secret_file", bytes, FILE_BYTES)
    })?;
    options.assert_all_used()?;
    let line = format!("{}\n", planted(state, slot)?);
    let mut file = line.repeat(bytes.div_ceil(line.len()));
    // Canaries are ASCII; another text is cut where a character ends.
    let mut end = bytes;
    while !file.is_char_boundary(end) {
        end -= 1;
    }
    file.truncate(end);
    Ok(file)
}

fn nonce(state: &State<'_, '_>) -> Result<Value, Error> {
    let nonce = state.lookup(NONCE).filter(|nonce| !nonce.is_undefined());
    nonce.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "this request has no nonce"))
}

fn random(state: &State<'_, '_>, length: i64) -> Result<String, Error> {
    const LETTERS_AND_DIGITS: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let length = within("random", length, RANDOM_CHARS)?;
    draw(state, |draws| {
        (0..length)
            .map(|_| {
                char::from(LETTERS_AND_DIGITS[draws.random_range(0..LETTERS_AND_DIGITS.len())])
            })
            .collect()
    })
}

/// A whole number, both ends included.
fn random_int(state: &State<'_, '_>, low: i64, high: i64) -> Result<i64, Error> {
    if low > high {
        return Err(out_of_bounds(format!(
            "`random_int({low}, {high})`: the lower end comes first"
        )));
    }
    draw(state, |draws| draws.random_range(low..=high))
}

/// A UUID of version 4 (RFC 9562, 5.4).
fn uuid(state: &State<'_, '_>) -> Result<String, Error> {
    draw(state, |draws| {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        let bits: u128 = draws.random();
        let bits = (bits & !VERSION & !VARIANT) | 4 << 76 | 0b10 << 62;
        let hex = format!("{bits:032x}");
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    })
}

fn padding(length: i64) -> Result<String, Error> {
    within("padding", length, PADDING_CHARS).map(|length| "x".repeat(length))
}

fn draw<T>(state: &State<'_, '_>, draw: impl FnOnce(&mut StdRng) -> T) -> Result<T, Error> {
    let chance = state.lookup(CHANCE);
    let chance = chance
        .as_ref()
        .and_then(|value| value.downcast_object_ref::<Chance>());
    let chance = chance.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            "nothing is drawn by chance here",
        )
    })?;
    Ok(draw(
        &mut chance.0.lock().unwrap_or_else(PoisonError::into_inner),
    ))
}

fn clock(state: &State<'_, '_>) -> Result<u64, Error> {
    let now = state.lookup(CLOCK).and_then(|now| u64::try_from(now).ok());
    now.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "there is no time here"))
}

fn within(function: &str, given: i64, bounds: RangeInclusive<usize>) -> Result<usize, Error> {
    let value = usize::try_from(given).ok();
    value.filter(|value| bounds.contains(value)).ok_or_else(|| {
        out_of_bounds(format!(
            "`{function}` gives {} to {} bytes, not {given}",
            bounds.start(),
            bounds.end()
        ))
    })
}

fn out_of_bounds(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, "out of bounds").with_source(OutOfBounds(why))
}

/// The time as RFC 3339 has it, in UTC, to the second: `2008-07-22T15:10:00Z`.
fn rfc_3339(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: eras of 400 years that begin on the
    // first of March, so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (
        second_of_day / 3_600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Compared with `date -u -d @SECONDS`.
    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_216_739_400, "2008-07-22T15:10:00Z"),
            (1_230_768_000, "2009-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc_3339(seconds * 1000 + 999), expected);
        }
    }

    fn render(template: &str, seed: u64, text: u64) -> String {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let chance = Value::from_object(Chance::new(seed, text));
        let secrets = Value::from(BTreeMap::from([("a", "canary")]));
        environment
            .render_str(
                template,
                Value::from(BTreeMap::from([(CHANCE, chance), (SECRETS, secrets)])),
            )
            .unwrap_or_else(|error| {
                format!(
                    "{:?}",
                    std::error::Error::source(&error).map(ToString::to_string)
                )
            })
    }

    #[test]
    fn chance_follows_from_seed_and_text_and_from_nothing_else() {
        let template = "{{ random(12) }} {{ random(12) }} {{ uuid() }} {{ random_int(-2, 2) }}";
        let drawn = render(template, 7, 0);
        assert_eq!(render(template, 7, 0), drawn);
        assert_ne!(render(template, 8, 0), drawn);
        assert_ne!(render(template, 7, 1), drawn);
        let words: Vec<&str> = drawn.split(' ').collect();
        assert_ne!(words[0], words[1], "every call draws anew");
        assert!(words[0].len() == 12 && words[0].bytes().all(|b| b.is_ascii_alphanumeric()));
        let uuid = words[2].as_bytes();
        assert_eq!((uuid.len(), uuid[14], uuid[8]), (36, b'4', b'-'));
        assert!(b"89ab".contains(&uuid[19]), "{}", words[2]);
        let numbers: std::collections::BTreeSet<String> = (0..100)
            .map(|seed| render("{{ random_int(-2, 2) }}", seed, 0))
            .collect();
        assert_eq!(numbers.len(), 5, "both ends can come: {numbers:?}");
    }

    #[test]
    fn a_secret_file_has_its_size_and_nothing_but_the_canary() {
        let file = render("{{ secret_file('a', bytes=100) }}", 0, 0);
        assert_eq!(file.len(), 100);
        assert!(file.starts_with("canary\ncanary\n") && file.ends_with("\nca"));
        assert_eq!(render("{{ secret_file('a') }}", 0, 0).len(), 4096);
        for wrong in [
            "secret_file('a', bytes=63)",
            "padding(-1)",
            "random(0)",
            "random_int(2, 1)",
        ] {
            let told = render(&format!("{{{{ {wrong} }}}}"), 0, 0);
            assert!(told.starts_with("Some("), "{wrong}: {told}");
        }
    }
}
