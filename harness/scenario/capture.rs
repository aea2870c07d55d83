//! Values taken from an answer for use in later requests.

use std::fmt;

use super::html::Selector;
use super::text_pattern::TextPattern;

/// Takes one value from an answer and gives it a name for later templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The template variable that holds the value.
    pub name: String,
    /// Where it comes from.
    pub from: CaptureFrom,
}

/// Where a captured value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureFrom {
    /// A JSON pointer (RFC 6901) into the body; the value must be a string, number or boolean.
    Json(String),
    /// The first header of this name (lower case).
    Header(String),
    /// The cookie of this name that the answer sets; the last one when it is set more than once.
    Cookie(String),
    /// The body is HTML: an attribute (lower case) of the first element that matches and has it, or, when none is named,
    /// the text of the first that matches, without white space at its ends.
    Css {
        /// Which element.
        selector: Selector,
        /// Which of its attributes.
        attribute: Option<String>,
    },
    /// The first find in the body: its first group, or the whole find when it has none.
    Regex(TextPattern),
}

/// Why an answer does not give a value. It quotes what the scenario looks for, nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureError {
    why: String,
}

impl CaptureError {
    fn new(why: impl Into<String>) -> CaptureError {
        CaptureError { why: why.into() }
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for CaptureError {}

impl Capture {
    /// Longest value that is taken, in bytes.
    pub const VALUE_LIMIT: usize = 64 * 1024;

    /// The value that the answer holds. `head` is the status line and the headers, each line ended by CR LF; `body` is the
    /// decoded body.
    ///
    /// # Errors
    /// A clause for people when the answer does not hold it, or holds one that is longer than [`Capture::VALUE_LIMIT`] or
    /// not UTF-8; HTML beyond [`Selector::HTML_LIMIT`] and [`Selector::NODE_LIMIT`] is not searched.
    pub fn take(&self, head: &[u8], body: &[u8]) -> Result<String, CaptureError> {
        let value = match &self.from {
            CaptureFrom::Json(pointer) => from_json(pointer, body)?,
            CaptureFrom::Header(name) => {
                let found = headers(head)
                    .find(|header| header.0.eq_ignore_ascii_case(name.as_bytes()))
                    .ok_or_else(|| CaptureError::new(format!("there is no header `{name}`")))?;
                text_of(found.1, || format!("the header `{name}`"))?
            }
            CaptureFrom::Cookie(name) => {
                let cookie = headers(head)
                    .filter(|header| header.0.eq_ignore_ascii_case(b"set-cookie"))
                    .filter_map(|(_, value)| set_cookie(value))
                    .filter(|cookie| cookie.0 == name.as_bytes())
                    .last()
                    .ok_or_else(|| {
                        CaptureError::new(format!("the answer sets no cookie `{name}`"))
                    })?;
                text_of(cookie.1, || format!("the cookie `{name}`"))?
            }
            CaptureFrom::Css {
                selector,
                attribute,
            } => from_html(selector, attribute.as_deref(), body)?,
            CaptureFrom::Regex(pattern) => {
                let found = pattern.first(body).ok_or_else(|| {
                    CaptureError::new(format!("the body does not match `{pattern}`"))
                })?;
                let part = found.ok_or_else(|| {
                    CaptureError::new(format!(
                        "the body matches `{pattern}`, but its first group took no part"
                    ))
                })?;
                text_of(part, || format!("what `{pattern}` finds"))?
            }
        };
        match value.len() <= Capture::VALUE_LIMIT {
            true => Ok(value),
            false => Err(CaptureError::new(format!(
                "the value has more than {} bytes",
                Capture::VALUE_LIMIT
            ))),
        }
    }
}

fn from_json(pointer: &str, body: &[u8]) -> Result<String, CaptureError> {
    let document: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| CaptureError::new("the body is no JSON"))?;
    let found = document.pointer(pointer).ok_or_else(|| {
        CaptureError::new(format!(
            "the body has nothing at the JSON pointer `{pointer}`"
        ))
    })?;
    match found {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        serde_json::Value::Bool(truth) => Ok(truth.to_string()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            Err(CaptureError::new(format!(
                "what is at the JSON pointer `{pointer}` is no text, number or truth value"
            )))
        }
    }
}

fn from_html(
    selector: &Selector,
    attribute: Option<&str>,
    body: &[u8],
) -> Result<String, CaptureError> {
    match selector.find(body, attribute) {
        Err(unsearched) => Err(CaptureError::new(unsearched.to_string())),
        Ok(None) => Err(CaptureError::new(format!(
            "the selector `{selector}` matches nothing"
        ))),
        Ok(Some(None)) => Err(CaptureError::new(format!(
            "no element that `{selector}` matches has an attribute `{}`",
            attribute.unwrap_or_default()
        ))),
        Ok(Some(Some(value))) => Ok(value),
    }
}

fn text_of(bytes: &[u8], what: impl Fn() -> String) -> Result<String, CaptureError> {
    let text = String::from_utf8(bytes.to_vec());
    text.map_err(|_| CaptureError::new(format!("{} is not UTF-8", what())))
}

/// Names and values of the headers; lines that have no colon are passed over.
pub(super) fn headers(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| split(line, b':').map(|(name, value)| (name, value.trim_ascii())))
}

/// Name and value of a Set-Cookie header, its attributes left out.
fn set_cookie(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = split(header, b';').map_or(header, |parts| parts.0);
    let (name, value) = split(pair, b'=')?;
    Some((name.trim_ascii(), value.trim_ascii()))
}

/// What stands before and after the first `at`.
fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..position], &bytes[position + 1..]))
}

/// Whether `pointer` is a JSON pointer: empty or starting with `/`, every `~` followed by `0` or `1` (RFC 6901).
pub(super) fn is_json_pointer(pointer: &str) -> bool {
    let escapes_are_right = pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    (pointer.is_empty() || pointer.starts_with('/')) && escapes_are_right
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nX-Token:  first \r\nx-token: second\r\nset-cookie: sid=old; Path=/\r\n\
        Set-Cookie: other=1\r\nSet-Cookie: sid=a=b; HttpOnly; SameSite=Lax\r\nx-odd: \xff\r\n";

    fn take(from: CaptureFrom, body: &[u8]) -> Option<String> {
        Capture {
            name: "value".to_owned(),
            from,
        }
        .take(HEAD, body)
        .ok()
    }

    #[test]
    fn a_header_is_found_whatever_its_case_and_the_first_one_counts() {
        assert_eq!(
            take(CaptureFrom::Header("x-token".to_owned()), b"").as_deref(),
            Some("first")
        );
        assert_eq!(take(CaptureFrom::Header("x-odd".to_owned()), b""), None);
        assert_eq!(take(CaptureFrom::Header("x-none".to_owned()), b""), None);
    }

    #[test]
    fn the_status_line_is_no_header() {
        let capture = Capture {
            name: "value".to_owned(),
            from: CaptureFrom::Header("http/1.1 200 a".to_owned()),
        };
        assert!(capture.take(b"HTTP/1.1 200 a:b\r\n", b"").is_err());
    }

    #[test]
    fn a_cookie_is_the_last_of_its_name_without_attributes() {
        assert_eq!(
            take(CaptureFrom::Cookie("sid".to_owned()), b"").as_deref(),
            Some("a=b")
        );
        assert_eq!(take(CaptureFrom::Cookie("SID".to_owned()), b""), None);
    }

    #[test]
    fn a_json_pointer_gives_texts_numbers_and_truths_but_no_structures() {
        let body = br#"{"a":{"b":["x",7,true,null]}}"#;
        assert_eq!(
            take(CaptureFrom::Json("/a/b/0".to_owned()), body).as_deref(),
            Some("x")
        );
        assert_eq!(
            take(CaptureFrom::Json("/a/b/1".to_owned()), body).as_deref(),
            Some("7")
        );
        assert_eq!(
            take(CaptureFrom::Json("/a/b/2".to_owned()), body).as_deref(),
            Some("true")
        );
        for pointer in ["/a/b/3", "/a/b", "", "/c"] {
            assert_eq!(
                take(CaptureFrom::Json(pointer.to_owned()), body),
                None,
                "{pointer}"
            );
        }
        assert_eq!(
            take(CaptureFrom::Json("/a".to_owned()), b"\xff not json"),
            None
        );
    }

    #[test]
    fn a_value_over_the_limit_is_not_taken() {
        let body = format!("\"{}\"", "x".repeat(Capture::VALUE_LIMIT + 1));
        assert_eq!(
            take(CaptureFrom::Json(String::new()), body.as_bytes()),
            None
        );
        let body = format!("\"{}\"", "x".repeat(Capture::VALUE_LIMIT));
        assert!(take(CaptureFrom::Json(String::new()), body.as_bytes()).is_some());
    }

    #[test]
    fn pointers_are_told_from_other_texts() {
        assert!(is_json_pointer("") && is_json_pointer("/") && is_json_pointer("/a~0b~1c/0"));
        assert!(
            !is_json_pointer("a")
                && !is_json_pointer("$.a")
                && !is_json_pointer("/a~2")
                && !is_json_pointer("/a~")
        );
    }

    #[test]
    fn a_missing_value_is_told_with_its_reason_and_nothing_of_the_answer() {
        let css = |selector: &str, attribute: Option<&str>| CaptureFrom::Css {
            selector: Selector::new(selector).unwrap(),
            attribute: attribute.map(str::to_owned),
        };
        let regex = |source: &str| CaptureFrom::Regex(TextPattern::new(source).unwrap());
        let page = b"<p title=private>private</p>".as_slice();
        let cases: [(CaptureFrom, &[u8], &str); 11] = [
            (
                css("input[name=csrf]", Some("value")),
                page,
                "the selector `input[name=csrf]` matches nothing",
            ),
            (
                css("p", Some("value")),
                page,
                "no element that `p` matches has an attribute `value`",
            ),
            (
                regex("id=([0-9]+)"),
                page,
                "the body does not match `id=([0-9]+)`",
            ),
            (
                regex("p(x)?riv"),
                page,
                "the body matches `p(x)?riv`, but its first group took no part",
            ),
            (
                regex("(?s-u:.)$"),
                b"a\xff",
                "what `(?s-u:.)$` finds is not UTF-8",
            ),
            (
                CaptureFrom::Json("/a".to_owned()),
                page,
                "the body is no JSON",
            ),
            (
                CaptureFrom::Json("/b".to_owned()),
                br#"{"a":"private"}"#,
                "the body has nothing at the JSON pointer `/b`",
            ),
            (
                CaptureFrom::Json("/a".to_owned()),
                br#"{"a":["private"]}"#,
                "what is at the JSON pointer `/a` is no text, number or truth value",
            ),
            (
                CaptureFrom::Header("x-none".to_owned()),
                page,
                "there is no header `x-none`",
            ),
            (
                CaptureFrom::Header("x-odd".to_owned()),
                page,
                "the header `x-odd` is not UTF-8",
            ),
            (
                CaptureFrom::Cookie("SID".to_owned()),
                page,
                "the answer sets no cookie `SID`",
            ),
        ];
        for (from, body, why) in cases {
            let capture = Capture {
                name: "value".to_owned(),
                from,
            };
            assert_eq!(capture.take(HEAD, body).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn html_and_any_text_give_values() {
        let body = b"<form><input value='a&amp;b' name=csrf></form> token=abc12&next";
        let selector = Selector::new("input[name=csrf]").unwrap();
        let css = CaptureFrom::Css {
            selector,
            attribute: Some("value".to_owned()),
        };
        assert_eq!(take(css, body).as_deref(), Some("a&b"));
        let regex = |source: &str| CaptureFrom::Regex(TextPattern::new(source).unwrap());
        assert_eq!(
            take(regex("token=([a-z0-9]+)"), body).as_deref(),
            Some("abc12")
        );
        assert_eq!(
            take(regex("token=[a-z]+"), body).as_deref(),
            Some("token=abc")
        );
    }
}
