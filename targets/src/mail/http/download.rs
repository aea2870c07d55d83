//! An attachment as a download: its bytes, its media type, and a file name that is safe in a header.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use crate::mail::store::Attachment;

/// The answer that makes a browser save `attachment` instead of showing it.
pub(super) fn download(attachment: Attachment) -> Response {
    let disposition = disposition(&attachment.name);
    let mut response = Body::from(attachment.data).into_response();
    let mut set = |name: HeaderName, value: &str| {
        // Both values are printable ASCII: the media type was checked when it came in, the name is escaped here.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(CONTENT_TYPE, &attachment.media_type);
    set(CONTENT_DISPOSITION, &disposition);
    response
}

/// The file name twice, after RFC 6266: reduced to plain ASCII, and in full in the encoding of RFC 8187.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                value.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn plain_names_stand_alone() {
        assert_eq!(
            disposition("minutes 3.txt"),
            "attachment; filename=\"minutes 3.txt\""
        );
    }

    #[test]
    fn other_names_come_twice_and_cannot_leave_their_quotes() {
        assert_eq!(
            disposition("a\"; x=\\é.txt"),
            "attachment; filename=\"a__ x___.txt\"; filename*=UTF-8''a%22%3B%20x%3D%5C%C3%A9.txt"
        );
        assert_eq!(
            disposition("../etc"),
            "attachment; filename=\".._etc\"; filename*=UTF-8''..%2Fetc"
        );
    }
}
