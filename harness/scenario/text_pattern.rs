//! Regular expressions of a scenario: what a body is searched for.

use std::fmt;
use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// A regular expression in the syntax of the crate [`regex`](https://docs.rs/regex/latest/regex/#syntax), compiled. It is
/// searched for anywhere in bytes that need not be UTF-8, in time linear in their number.
///
/// `\w`, `\d`, `\s` and case-insensitivity follow Unicode; no other class of Unicode can be relied on.
///
/// ```
/// use crosswire::scenario::TextPattern;
///
/// assert!(TextPattern::new("token=([a-z0-9]+)").is_ok());
/// let error = TextPattern::new("token=([a-z0-9]+").unwrap_err();
/// assert_eq!(error.to_string(), "unclosed group");
/// ```
#[derive(Clone)]
pub struct TextPattern {
    source: String,
    regex: Regex,
}

impl TextPattern {
    /// Largest compiled form, in bytes: an expression such as `(a{1000}){1000}` is refused.
    pub const COMPILED_LIMIT: usize = 1 << 20;

    /// Compiles `source`.
    ///
    /// # Errors
    /// When it is no regular expression, or its compiled form is larger than [`TextPattern::COMPILED_LIMIT`].
    pub fn new(source: &str) -> Result<TextPattern, TextPatternError> {
        let mut builder = RegexBuilder::new(source);
        let regex = builder
            .size_limit(TextPattern::COMPILED_LIMIT)
            .build()
            .map_err(|error| TextPatternError::of(source, &error))?;
        Ok(TextPattern {
            source: source.to_owned(),
            regex,
        })
    }

    /// The expression as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it is found anywhere in `bytes`.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }

    /// What its first group holds where it is first found, or the whole find when it has no group; `None` inside when the
    /// group took no part.
    pub(super) fn first<'b>(&self, bytes: &'b [u8]) -> Option<Option<&'b [u8]>> {
        let found = self.regex.captures(bytes)?;
        let group = usize::from(found.len() > 1);
        Some(found.get(group).map(|part| part.as_bytes()))
    }
}

/// Equal when they were given alike.
impl PartialEq for TextPattern {
    fn eq(&self, other: &TextPattern) -> bool {
        self.source == other.source
    }
}

impl Eq for TextPattern {}

impl fmt::Debug for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// As errors show it, control characters escaped.
impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.source.chars() {
            match c.is_control() {
                true => write!(f, "{}", c.escape_debug())?,
                false => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Why a text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPatternError {
    why: String,
    /// Where in the text, in bytes, when it is known.
    pub(super) range: Option<Range<usize>>,
}

impl TextPatternError {
    fn of(source: &str, error: &regex::Error) -> TextPatternError {
        let at = |span: &regex_syntax::ast::Span| Some(span.start.offset..span.end.offset);
        // The compiler tells where in a picture over several lines; the parser alone tells it as numbers.
        match regex_syntax::ParserBuilder::new()
            .utf8(false)
            .build()
            .parse(source)
        {
            Err(regex_syntax::Error::Parse(error)) => TextPatternError {
                why: error.kind().to_string(),
                range: at(error.span()),
            },
            Err(regex_syntax::Error::Translate(error)) => TextPatternError {
                why: error.kind().to_string(),
                range: at(error.span()),
            },
            _ => TextPatternError {
                why: match error {
                    regex::Error::CompiledTooBig(limit) => {
                        format!("the compiled expression is larger than {limit} bytes")
                    }
                    _ => "not a regular expression".to_owned(),
                },
                range: None,
            },
        }
    }
}

impl fmt::Display for TextPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for TextPatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_group_counts_and_without_one_the_whole() {
        let first = |pattern: &str, text: &str| {
            let pattern = TextPattern::new(pattern).unwrap();
            let found = pattern.first(text.as_bytes());
            found.map(|part| part.map(|part| String::from_utf8_lossy(part).into_owned()))
        };
        assert_eq!(
            first("t=([a-z]+)&", "x t=ab&t=cd&"),
            Some(Some("ab".to_owned()))
        );
        assert_eq!(first("t=[a-z]+", "x t=ab&"), Some(Some("t=ab".to_owned())));
        assert_eq!(first("a(b)?c", "ac"), Some(None), "the group took no part");
        assert_eq!(first("t=([0-9]+)", "t=ab"), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_too_and_unicode_counts() {
        let pattern = TextPattern::new(r"(?i)GRÜSSE, (\w+)").unwrap();
        let found = pattern.first(b"\xff\xfe gr\xc3\xbcsse, J\xc3\xb6rg!\xff");
        assert_eq!(found, Some(Some("Jörg".as_bytes())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let error = TextPattern::new("ab(c").unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.range),
            ("unclosed group", Some(2..3))
        );
        let error = TextPattern::new("a{2,1}").unwrap_err();
        assert_eq!(error.range, Some(1..6), "{error}");
        let error = TextPattern::new("(a{1000}){1000}").unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
