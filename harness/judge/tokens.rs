//! Takes an answer apart into the values by which a user's data may be known, when nothing could be planted.

use crate::history::{Exchange, Outcome, lines};
use crate::identity::{DecodeLimits, decode_body};

/// Values taken of one answer; the rest is passed over.
pub(super) const VALUES_PER_ANSWER: usize = 20_000;
/// Length of a value, bytes.
pub(super) const VALUE_LENGTH: std::ops::RangeInclusive<usize> = 5..=200;

/// Headers whose values are taken. Everything else is made anew for each answer, is the same for all, or names the machine
/// that answered, which stays the same for as long as a connection does.
const HEADERS: [&str; 1] = ["content-disposition"];

/// Calls `take` with every value of the exchange's answer that tells anything, some of them several times: strings and
/// numbers of JSON, and of any other body the texts between tags and in quotes, and the words.
pub(super) fn values(exchange: &Exchange, mut take: impl FnMut(&str)) {
    let Outcome::Answer { head, body, .. } = &exchange.outcome else {
        return;
    };
    let mut left = VALUES_PER_ANSWER;
    let mut offer = |value: &str| {
        let value = value.trim();
        if left > 0 && is_telling(value) {
            left -= 1;
            take(value);
        }
    };
    let mut coding = String::new();
    for line in lines(head) {
        let name = String::from_utf8_lossy(line.name).to_ascii_lowercase();
        if name == "content-encoding" {
            coding.push_str(&String::from_utf8_lossy(line.value));
            coding.push(',');
        }
        if HEADERS.contains(&name.as_str()) {
            offer(&String::from_utf8_lossy(line.value));
        }
    }
    let decoded = decode_body(&coding, body, DecodeLimits::default()).bytes;
    let body = decoded.as_deref().unwrap_or(body);
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(json) => of_json(&json, &mut offer),
        Err(_) => of_text(&String::from_utf8_lossy(body), &mut offer),
    }
}

/// Strings and numbers; serde_json bounds the depth.
fn of_json(json: &serde_json::Value, offer: &mut dyn FnMut(&str)) {
    match json {
        serde_json::Value::String(text) => {
            offer(text);
            if text.len() > *VALUE_LENGTH.end() {
                of_text(text, offer);
            }
        }
        serde_json::Value::Number(number) => offer(&number.to_string()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| of_json(item, offer)),
        serde_json::Value::Object(fields) => {
            fields.values().for_each(|field| of_json(field, offer));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

fn of_text(text: &str, offer: &mut dyn FnMut(&str)) {
    text.split(['<', '>', '"', '\'', '\n', '\t', ';'])
        .for_each(&mut *offer);
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '_' | '+' | '-');
    for word in text.split(|c| !is_of_word(c)) {
        offer(word.trim_matches(['.', '-']));
    }
}

/// Whether a value may be one user's alone: neither too short nor too long, with a letter or with many digits, and no
/// number, date or time, which several users may come to have by themselves.
fn is_telling(value: &str) -> bool {
    if !VALUE_LENGTH.contains(&value.len()) || value.chars().any(char::is_control) {
        return false;
    }
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(|c| c.is_alphabetic()).count();
    let is_time = value.contains(':') && digits >= 4 && letters <= 12;
    if letters == 0 {
        return digits >= 9 && !is_time && !is_date(value) && !is_unix_time(value);
    }
    !(is_time || is_date(value) && letters <= 1)
}

/// `2026-11-21…` or `21.11.2026`, with any separator.
fn is_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['-', '.', '/']).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    match lengths[..] {
        [4, 1..=2, ..] => parts[..2].iter().all(is_number),
        [1..=2, 1..=2, 4] => parts.iter().all(is_number),
        _ => false,
    }
}

/// Seconds, milli-, micro- or nanoseconds since 1970, from 2001 to 2065.
fn is_unix_time(value: &str) -> bool {
    let whole = value.split('.').next().unwrap_or_default();
    matches!(whole.len(), 10 | 13 | 16 | 19) && whole.starts_with(['1', '2'])
}

/// Whether a value is so made that two users hardly come to have it by themselves: an address, a long token, an id with
/// letters and digits.
pub(super) fn is_identifying(value: &str) -> bool {
    if value.contains(char::is_whitespace) {
        return false;
    }
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(|c| c.is_alphabetic()).count();
    let is_address = value
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    is_address || digits >= 9 || (digits >= 2 && letters >= 2 && value.len() >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::testing::{answer, exchange};

    fn values_of(headers: &str, body: &str) -> Vec<String> {
        let mut exchange = exchange(0, 0, 0);
        exchange.outcome = answer(200, headers, body.as_bytes());
        let mut found = Vec::new();
        values(&exchange, |value| found.push(value.to_owned()));
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn json_gives_whole_strings_and_long_numbers() {
        let found = values_of(
            "",
            r#"{"name":"Ada Example","n":12345,"id":9876543210123,"ok":true,"in":{"mail":["ada@example.org"]}}"#,
        );
        assert_eq!(found, ["9876543210123", "Ada Example", "ada@example.org"]);
        assert_eq!(
            values_of("", r#"{"account":400123456789}"#),
            ["400123456789"]
        );
    }

    #[test]
    fn pages_give_texts_and_words() {
        let found = values_of(
            "Content-Disposition: ada-17\r\nx-served-by: web-0010a\r\n",
            "<p>Ada Example</p><b id=row-12345>",
        );
        assert_eq!(
            found,
            [
                "Ada Example",
                "Example",
                "ada-17",
                "b id=row-12345",
                "row-12345"
            ]
        );
    }

    #[test]
    fn numbers_dates_and_times_tell_nothing() {
        for value in [
            "1234",
            "12345678",
            "2026-11-21",
            "21.11.2026",
            "2026-11-21T10:11:12Z",
            "10:11:12",
            "1763720000",
            "1763720000123",
            "12.50",
            "abcd",
            "Sat, 21 Nov 2026 10:11:12 GMT",
        ] {
            assert!(!is_telling(value), "{value}");
        }
        for value in [
            "abcde",
            "ada@example.org",
            "4111-1111-1111-1111",
            "a1b2c3",
            "DE89370400440532013000",
        ] {
            assert!(is_telling(value), "{value}");
        }
    }

    #[test]
    fn identifying_values_are_told_from_words() {
        for value in [
            "ada@example.org",
            "ORD-2026-1234",
            "400123456789",
            "a1b2c3d4",
        ] {
            assert!(is_identifying(value), "{value}");
        }
        for value in [
            "completed",
            "Order completed",
            "dark-mode",
            "v2beta",
            "Ada Example",
        ] {
            assert!(!is_identifying(value), "{value}");
        }
    }
}
