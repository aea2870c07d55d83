//! Requests and headers as HTTP/2 has them.

use std::fmt::Write as _;

use crate::fire::exchange::Request;

/// Fields that speak of the connection do not exist in HTTP/2 (RFC 9113, section 8.2.2); `:authority` is the host.
const LEFT_OUT: [&str; 5] = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "host",
];

/// The request's head.
///
/// # Errors
/// A sentence, when it holds what HTTP/2 cannot carry.
pub(super) fn message(request: &Request) -> Result<http::Request<()>, String> {
    let mut uri = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        uri,
        "{}://{}{}",
        request.scheme, request.authority, request.path
    );
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .version(http::Version::HTTP_2);
    for (name, value) in &request.headers {
        if !LEFT_OUT.iter().any(|no| name.eq_ignore_ascii_case(no)) {
            builder = builder.header(name.as_str(), value.as_str());
        }
    }
    if !request.body.is_empty() {
        builder = builder.header("content-length", request.body.len());
    }
    builder
        .body(())
        .map_err(|error| format!("the request cannot be sent over HTTP/2: {error}"))
}

/// Adds headers in the form of HTTP/1.1.
pub(super) fn push_headers(head: &mut Vec<u8>, headers: &http::HeaderMap) {
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
}
