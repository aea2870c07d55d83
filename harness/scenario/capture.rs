//! Values taken from an answer for use in later requests.

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
}

impl Capture {
    /// Longest value that is taken, in bytes.
    pub const VALUE_LIMIT: usize = 64 * 1024;

    /// The value, when the answer has it. `head` is the status line and the headers, each line ended by CR LF; `body` is
    /// the decoded body. A value that is longer than [`Capture::VALUE_LIMIT`] or not UTF-8 counts as missing.
    #[must_use]
    pub fn take(&self, head: &[u8], body: &[u8]) -> Option<String> {
        let value = match &self.from {
            CaptureFrom::Json(pointer) => from_json(pointer, body)?,
            CaptureFrom::Header(name) => headers(head)
                .find(|header| header.0.eq_ignore_ascii_case(name))?
                .1
                .to_owned(),
            CaptureFrom::Cookie(name) => headers(head)
                .filter(|header| header.0.eq_ignore_ascii_case("set-cookie"))
                .filter_map(|(_, value)| set_cookie(value))
                .filter(|cookie| cookie.0 == name)
                .last()?
                .1
                .to_owned(),
        };
        (value.len() <= Capture::VALUE_LIMIT).then_some(value)
    }
}

fn from_json(pointer: &str, body: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    match document.pointer(pointer)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(truth) => Some(truth.to_string()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            None
        }
    }
}

/// Names and values of the headers; lines that are not UTF-8 or have no colon are passed over.
fn headers(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            Some((name, value.trim()))
        })
}

/// Name and value of a Set-Cookie header, its attributes left out.
fn set_cookie(header: &str) -> Option<(&str, &str)> {
    let pair = header.split_once(';').map_or(header, |parts| parts.0);
    let (name, value) = pair.split_once('=')?;
    Some((name.trim(), value.trim()))
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
        assert_eq!(capture.take(b"HTTP/1.1 200 a:b\r\n", b""), None);
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
}
