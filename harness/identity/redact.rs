//! Masks the secrets a user supplied (passwords, tokens) before anything is written or shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, general_purpose};

use super::Finder;

/// Replaces supplied secrets by [`Redactor::MASK`], also where they stand percent-encoded, JSON-escaped, HTML-escaped or
/// inside base64.
///
/// Where secrets overlap, all of their bytes are covered by one mask. Inside base64 the characters that the secret alone
/// decides are masked; the first and the last may share a few bits with their neighbours.
///
/// ```
/// use crosswire::identity::Redactor;
///
/// let redactor = Redactor::new(["pa s/word", "abc"]);
/// assert_eq!(redactor.text("q=pa%20s%2Fword&r=pa s/word"), "q=[secret]&r=[secret]");
/// assert_eq!(redactor.text("abc"), "abc", "too short to be told from ordinary text");
/// ```
#[derive(Clone)]
pub struct Redactor {
    /// `None` when there is nothing to mask.
    patterns: Option<Patterns>,
}

/// The same patterns twice: overlapping matches need an automaton that cannot skip ahead, and most texts hold no secret.
#[derive(Clone)]
struct Patterns {
    /// Tells fast whether there is anything to do.
    any: AhoCorasick,
    all: AhoCorasick,
}

impl Redactor {
    /// What stands in place of a secret.
    pub const MASK: &'static str = "[secret]";
    /// Secrets of fewer bytes are ignored: they would mask ordinary text.
    pub const SHORTEST: usize = 4;

    /// Masks these secrets; the list may be empty.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Redactor {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.len() >= Self::SHORTEST {
                patterns.extend(forms(secret));
            }
        }
        Redactor {
            patterns: build(&patterns),
        }
    }

    /// True when there is nothing that it would mask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_none()
    }

    /// The bytes with every secret masked; borrowed when there was none in them.
    #[must_use]
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        mask(bytes, &self.covered(bytes))
    }

    /// As [`Redactor::bytes`], but every canary that `finder` finds stays as it is: what was planted is no secret, and a
    /// secret that happens to be a piece of it (`0000` is one of most) must not keep the judge from finding it. A secret that
    /// reaches into a canary is masked up to the canary.
    ///
    /// ```
    /// use crosswire::identity::{Canary, Finder, Redactor, Salt, UserId};
    ///
    /// let salt = Salt::new(7);
    /// let canary = Canary { owner: UserId(1), slot: 0, serial: 0 }.encode(salt);
    /// let page = format!("{canary} 0000");
    /// let redactor = Redactor::new(["0000"]);
    /// let masked = redactor.bytes_around_canaries(page.as_bytes(), &Finder::new(salt));
    /// assert_eq!(&masked[..], format!("{canary} [secret]").as_bytes());
    /// assert!(!redactor.text(&page).contains(&canary), "without the finder it is lost");
    /// ```
    #[must_use]
    pub fn bytes_around_canaries<'a>(&self, bytes: &'a [u8], finder: &Finder) -> Cow<'a, [u8]> {
        let covered = self.covered(bytes);
        if covered.is_empty() {
            return Cow::Borrowed(bytes);
        }
        mask(bytes, &without(covered, &finder.spans(bytes)))
    }

    /// As [`Redactor::bytes_around_canaries`], for text.
    #[must_use]
    pub fn text_around_canaries<'a>(&self, text: &'a str, finder: &Finder) -> Cow<'a, str> {
        as_text(text, self.bytes_around_canaries(text.as_bytes(), finder))
    }

    /// The text with every secret masked; borrowed when there was none in it.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        as_text(text, self.bytes(text.as_bytes()))
    }

    /// The parts that are to be masked.
    fn covered(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        match &self.patterns {
            Some(patterns) if patterns.any.is_match(bytes) => covered(&patterns.all, bytes),
            _ => Vec::new(),
        }
    }
}

impl Default for Redactor {
    /// Masks nothing.
    fn default() -> Self {
        Redactor { patterns: None }
    }
}

impl fmt::Debug for Redactor {
    /// Says how many patterns there are, never which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self
            .patterns
            .as_ref()
            .map_or(0, |patterns| patterns.all.patterns_len());
        f.debug_struct("Redactor")
            .field("patterns", &patterns)
            .finish()
    }
}

fn build(patterns: &BTreeSet<Vec<u8>>) -> Option<Patterns> {
    if patterns.is_empty() {
        return None;
    }
    let automaton = |kind| {
        AhoCorasick::builder()
            .match_kind(kind)
            .build(patterns)
            .expect("few and short patterns fit an automaton's 2^31 states")
    };
    Some(Patterns {
        any: automaton(MatchKind::LeftmostFirst),
        all: automaton(MatchKind::Standard),
    })
}

/// The parts of `bytes` that belong to a match, in order, merged where they overlap or touch.
fn covered(patterns: &AhoCorasick, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut covered: Vec<Range<usize>> = Vec::new();
    // Matches come ordered by their end, so only the last parts can be met again.
    for found in patterns.find_overlapping_iter(bytes) {
        let (mut start, end) = (found.start(), found.end());
        while let Some(last) = covered.pop_if(|last| last.end >= start) {
            start = start.min(last.start);
        }
        covered.push(start..end);
    }
    covered
}

/// What is left of `parts` outside of `kept`; both are in order and neither overlaps itself.
fn without(parts: Vec<Range<usize>>, kept: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = Vec::with_capacity(parts.len());
    let mut kept = kept.iter().peekable();
    for part in parts {
        let mut start = part.start;
        while let Some(span) = kept.peek().filter(|span| span.start < part.end) {
            if start < span.start {
                left.push(start..span.start);
            }
            start = start.max(span.end);
            if span.end > part.end {
                break;
            }
            kept.next();
        }
        if start < part.end {
            left.push(start..part.end);
        }
    }
    left
}

/// The bytes with a mask in place of each part; borrowed when there is none.
fn mask<'a>(bytes: &'a [u8], parts: &[Range<usize>]) -> Cow<'a, [u8]> {
    if parts.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut masked = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for part in parts {
        masked.extend_from_slice(&bytes[copied..part.start]);
        masked.extend_from_slice(Redactor::MASK.as_bytes());
        copied = part.end;
    }
    masked.extend_from_slice(&bytes[copied..]);
    Cow::Owned(masked)
}

fn as_text<'a>(text: &'a str, masked: Cow<'_, [u8]>) -> Cow<'a, str> {
    match masked {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // A secret that is not UTF-8 may cut a character in two.
        Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
    }
}

/// The secret in every form in which it is masked.
fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([secret.to_vec()]);
    for upper in [true, false] {
        forms.insert(percent(secret, upper, b"-._~"));
        // What encodeURIComponent and form encoders leave as it is differs.
        forms.insert(percent(secret, upper, b"-._~!*'()"));
        forms.insert(percent(secret, upper, b"-._~!$&'()*+,;=:@/?"));
        forms.insert(form_encoded(secret, upper));
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.extend(escaped(text).map(String::into_bytes));
    }
    forms.extend(inside_base64(secret));
    forms
}

fn percent(secret: &[u8], upper: bool, kept: &[u8]) -> Vec<u8> {
    let digits: &[u8; 16] = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let mut text = Vec::with_capacity(secret.len());
    for &byte in secret {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            text.push(byte);
        } else {
            text.extend([
                b'%',
                digits[usize::from(byte >> 4)],
                digits[usize::from(byte & 15)],
            ]);
        }
    }
    text
}

fn form_encoded(secret: &[u8], upper: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for (at, word) in secret.split(|&byte| byte == b' ').enumerate() {
        if at > 0 {
            text.push(b'+');
        }
        text.extend(percent(word, upper, b"*-._"));
    }
    text
}

/// As JSON writes it (with and without `\/`, with and without non-ASCII characters as `\u`), and as HTML does.
fn escaped(text: &str) -> impl Iterator<Item = String> {
    let quoted = serde_json::Value::from(text).to_string();
    let json = quoted
        .trim_start_matches('"')
        .strip_suffix('"')
        .map_or_else(String::new, str::to_owned);
    // A leading quotation mark of the secret itself is written `\"`, so trimming never touches it.
    let ascii = json.chars().fold(String::new(), |mut all, character| {
        if character.is_ascii() {
            all.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                all.push_str(&format!("\\u{unit:04x}"));
            }
        }
        all
    });
    let html = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    [
        json.replace('/', "\\/"),
        ascii.replace('/', "\\/"),
        ascii,
        json,
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        html,
    ]
    .into_iter()
    .filter(|form| !form.is_empty())
}

/// The characters that the secret alone decides when it stands anywhere in base64, for three alignments and two alphabets.
fn inside_base64(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for letters in [alphabet::STANDARD, alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(&letters, general_purpose::NO_PAD);
        for before in 0..3usize {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret);
            let text = engine.encode(&bytes);
            let first = (before * 8).div_ceil(6);
            let end = bytes.len() * 8 / 6;
            if let Some(own) = text
                .as_bytes()
                .get(first..end)
                .filter(|own| own.len() >= Redactor::SHORTEST)
            {
                forms.push(own.to_vec());
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Canary, Salt, UserId};

    #[test]
    fn covers_every_written_form() {
        let secret = "h\"ü n/ter&2";
        let redactor = Redactor::new([secret]);
        for form in [
            "h\"ü n/ter&2",
            "h%22%C3%BC%20n%2Fter%262",
            "h%22%c3%bc+n%2fter%262",
            r#"h\"ü n/ter&2"#,
            r#"h\"\u00fc n\/ter&2"#,
            "h&quot;ü n/ter&amp;2",
        ] {
            assert_eq!(redactor.text(&format!("<{form}>")), "<[secret]>", "{form}");
        }
    }

    #[test]
    fn covers_basic_credentials() {
        let redactor = Redactor::new(["correct horse"]);
        for name in ["a", "ab", "abc"] {
            let header = general_purpose::STANDARD.encode(format!("{name}:correct horse"));
            let masked = redactor.text(&header).into_owned();
            assert!(masked.contains(Redactor::MASK), "{masked}");
            assert!(masked.len() < Redactor::MASK.len() + 10, "{masked}");
        }
    }

    #[test]
    fn one_mask_covers_secrets_that_overlap() {
        let redactor = Redactor::new(["abcd", "cdef", "bcdefgh"]);
        assert_eq!(redactor.text("xabcdef"), "x[secret]");
        assert_eq!(redactor.text("xabcdefghx"), "x[secret]x");
        assert_eq!(redactor.text("xabcdxcdef"), "x[secret]x[secret]");
    }

    #[test]
    fn canaries_stay_whole_and_secrets_are_masked_up_to_them() {
        let salt = Salt::new(3);
        let (owner, slot, serial) = (UserId(1), 0, 0);
        let canary = Canary {
            owner,
            slot,
            serial,
        }
        .encode(salt);
        let (first, last) = (&canary[..6], &canary[19..]);
        let around = format!("ab{canary}cd");
        let secrets = [
            "0000".to_owned(),
            format!("left{first}"),
            format!("{last}right"),
            around.clone(),
            format!("{last}qqqqq"),
        ];
        let redactor = Redactor::new(secrets);
        let finder = Finder::new(salt);
        for (text, expected) in [
            (canary.clone(), canary.clone()),
            (
                format!("0000{canary}0000"),
                format!("[secret]{canary}[secret]"),
            ),
            (
                format!("a left{canary}right b"),
                format!("a [secret]{canary}[secret] b"),
            ),
            (format!("0000{around}"), format!("[secret]{canary}[secret]")),
            (canary.repeat(2), canary.repeat(2)),
            (
                format!("{first} 0000 {last}"),
                format!("{first} [secret] {last}"),
            ),
        ] {
            assert_eq!(
                redactor.text_around_canaries(&text, &finder),
                expected,
                "{text}"
            );
        }
        let encoded = general_purpose::STANDARD.encode(format!("id 0000, {canary}"));
        let masked = redactor.text_around_canaries(&encoded, &finder);
        let mut found = Vec::new();
        finder.find(masked.as_bytes(), |sighting| {
            found.push(sighting.canary.owner)
        });
        assert!(masked.contains(Redactor::MASK), "{masked}");
        assert_eq!(found, [owner], "{masked}");
    }

    #[test]
    fn shows_no_secret_when_printed() {
        assert!(!format!("{:?}", Redactor::new(["hunter22"])).contains("hunter"));
        assert!(Redactor::new(["abc"]).is_empty());
    }
}
