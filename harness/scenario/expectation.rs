//! What an answer must hold besides its status.

use super::capture::headers;
use super::text_pattern::TextPattern;

/// What a step's answer must, and must not, hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Names (lower case) and what one header of that name must match.
    pub headers: Vec<(String, TextPattern)>,
    /// What the body must match.
    pub body: Option<TextPattern>,
    /// What the body must not match.
    pub not_body: Option<TextPattern>,
}

impl Expectations {
    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Expectations::default()
    }

    /// What the answer lacks, as a clause for people that quotes the expectation and nothing of the answer; `None` when it
    /// is as expected. `head` is the status line and the headers, each line ended by CR LF; `body` is the decoded body.
    #[must_use]
    pub fn unmet(&self, head: &[u8], body: &[u8]) -> Option<String> {
        for (name, pattern) in &self.headers {
            let mut values = headers(head)
                .filter(|header| header.0.eq_ignore_ascii_case(name.as_bytes()))
                .map(|header| header.1)
                .peekable();
            if values.peek().is_none() {
                return Some(format!(
                    "there is no header `{name}`, which must match `{pattern}`"
                ));
            }
            if !values.any(|value| pattern.is_in(value)) {
                return Some(format!("the header `{name}` does not match `{pattern}`"));
            }
        }
        if let Some(pattern) = self.body.as_ref().filter(|pattern| !pattern.is_in(body)) {
            return Some(format!("the body does not match `{pattern}`"));
        }
        let forbidden = self.not_body.as_ref();
        let found = forbidden.filter(|pattern| pattern.is_in(body))?;
        Some(format!("the body matches `{found}`, which it must not"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"HTTP/1.1 302 Found\r\nLocation: /inbox\r\nX-Two: one\r\nx-two: \xfftwo\r\n";

    fn pattern(source: &str) -> TextPattern {
        TextPattern::new(source).unwrap()
    }

    fn header(name: &str, source: &str) -> Option<String> {
        let expectations = Expectations {
            headers: vec![(name.to_owned(), pattern(source))],
            ..Expectations::default()
        };
        expectations.unmet(HEAD, b"")
    }

    #[test]
    fn a_header_is_expected_whatever_its_case_and_number() {
        assert_eq!(header("location", "^/inbox$"), None);
        assert_eq!(header("x-two", "one"), None);
        assert_eq!(header("x-two", "two$"), None, "any of them, and no UTF-8");
        assert_eq!(
            header("location", "^/login").as_deref(),
            Some("the header `location` does not match `^/login`")
        );
        assert_eq!(
            header("x-none", ".").as_deref(),
            Some("there is no header `x-none`, which must match `.`")
        );
        assert!(
            header("http/1.1 302 found", ".").is_some(),
            "the status line is no header"
        );
    }

    #[test]
    fn a_body_is_told_by_the_pattern_never_by_itself() {
        let expectations = Expectations {
            body: Some(pattern("Welcome")),
            not_body: Some(pattern("(?i)error")),
            ..Expectations::default()
        };
        assert_eq!(expectations.unmet(HEAD, b"\xffWelcome, private"), None);
        let unmet = expectations.unmet(HEAD, b"Good morning, private").unwrap();
        assert_eq!(unmet, "the body does not match `Welcome`");
        let unmet = expectations.unmet(HEAD, b"Welcome to the ERROR of private");
        assert_eq!(
            unmet.unwrap(),
            "the body matches `(?i)error`, which it must not"
        );
        assert!(Expectations::default().is_empty() && !expectations.is_empty());
    }
}
