//! Numbers, times and counted things as people read them.

use std::time::Duration;

/// A number with its thousands set apart: `1,900`.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what is counted, in the singular or with an `s`: `1 user`, `1,900 users`.
#[must_use]
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// A probability as a percentage with two significant digits: `0.16 %`. Rounded up, because it is read as a bound.
#[must_use]
pub fn percent(p: f64) -> String {
    if p.is_nan() || p <= 0.0 {
        return "0 %".to_owned();
    }
    let percent = p * 100.0;
    // Digits after the point that leave two significant ones.
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 12.0);
    let scale = 10f64.powf(digits);
    // The tiny step down keeps a value that is exact in decimal from being rounded up by its binary neighbour.
    let up = (percent * scale * (1.0 - 1e-12)).ceil() / scale;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=12 above"
    )]
    let digits = digits as usize;
    format!("{up:.digits$} %")
}

/// A span of time in the unit that suits it: `850 ns`, `180 µs`, `4.2 ms`, `12.3 s`, `2 min 5 s`.
#[must_use]
pub fn time(span: Duration) -> String {
    let nanos = span.as_nanos();
    #[expect(clippy::cast_precision_loss, reason = "one decimal place is shown")]
    let scaled = |unit: u128| nanos as f64 / unit as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{} µs", nanos / 1_000),
        1_000_000..1_000_000_000 => format!("{:.1} ms", scaled(1_000_000)),
        1_000_000_000..60_000_000_000 => format!("{:.1} s", scaled(1_000_000_000)),
        _ => format!("{} min {} s", span.as_secs() / 60, span.as_secs() % 60),
    }
}

/// Breaks a text into lines of at most `width` columns, at spaces; a longer word keeps a line to itself, and a number its unit.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in unbroken(text) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// What stands between spaces, but for those between a number and its unit: `1 min 0 s` is one.
fn unbroken(text: &str) -> Vec<&str> {
    const UNITS: [&str; 7] = ["ns", "µs", "ms", "s", "min", "h", "%"];
    let is_number = |word: &str| {
        let word = word.trim_start_matches(['(', '<']);
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
        word.ends_with(|c: char| c.is_ascii_digit()) && word.chars().all(is_part)
    };
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches(['.', ',', ';', ':', ')']));
    let mut words = Vec::new();
    let (mut begin, mut at, mut last) = (0, 0, None);
    for word in text.split(' ') {
        let is_glued = last.is_some_and(|last| {
            is_number(last) && is_unit(word) || last == "min" && is_number(word)
        });
        if last.is_some() && !is_glued {
            words.push(&text[begin..at - 1]);
            begin = at;
        }
        at += word.len() + 1;
        last = Some(word);
    }
    words.push(&text[begin..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(count(1, "user"), "1 user");
        assert_eq!(count(0, "user"), "0 users");
    }

    #[test]
    fn a_bound_is_never_rounded_down() {
        assert_eq!(percent(0.001_576), "0.16 %");
        assert_eq!(percent(0.001_601), "0.17 %");
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(percent(0.05), "5.0 %");
        assert_eq!(percent(3e-7), "0.000030 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn times_choose_their_unit() {
        assert_eq!(time(Duration::from_nanos(850)), "850 ns");
        assert_eq!(time(Duration::from_micros(180)), "180 µs");
        assert_eq!(time(Duration::from_micros(4_230)), "4.2 ms");
        assert_eq!(time(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("extraordinary a", 5), ["extraordinary", "a"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(
            wrapped("after (1 min 0 s); 3", 9),
            ["after", "(1 min 0 s);", "3"]
        );
        assert_eq!(wrapped("took 23.1 s", 9), ["took", "23.1 s"]);
        assert_eq!(wrapped("number 3 such", 8), ["number 3", "such"]);
    }
}
