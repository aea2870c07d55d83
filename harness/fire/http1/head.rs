//! Heads as bytes: those that are sent, and what those that come say of their bodies and connections.

use bytes::Bytes;

use crate::fire::exchange::Request;
use crate::scenario::Malformed;

/// Most header lines of an answer.
const HEADERS_LIMIT: usize = 512;

/// How long a body is (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: usize,
    pub(super) framing: Framing,
}

pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is not HTTP: {error}")),
    };
    Ok(Some(Head {
        status: response.code.unwrap_or_default(),
        length,
        framing: framing(response.headers)?,
    }))
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, String> {
    let named = |name: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
    };
    if named("transfer-encoding")
        .any(|header| header.value.to_ascii_lowercase().ends_with(b"chunked"))
    {
        return Ok(Framing::Chunked);
    }
    let mut lengths = named("content-length").map(|header| {
        std::str::from_utf8(header.value)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .ok_or_else(|| "the Content-Length is not a number".to_owned())
    });
    let Some(length) = lengths.next().transpose()? else {
        return Ok(Framing::UntilClose);
    };
    for other in lengths {
        if other? != length {
            return Err("the answer has two different Content-Length headers".to_owned());
        }
    }
    Ok(Framing::Length(length))
}

/// Whether the connection ends with this answer: `Connection: close`, or HTTP/1.0 without `keep-alive`.
pub(super) fn closes(head: &[u8]) -> bool {
    let old = head.starts_with(b"HTTP/1.0");
    let mut keeps = false;
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(b"connection") {
            let value = line[colon + 1..].to_ascii_lowercase();
            if memchr::memmem::find(&value, b"close").is_some() {
                return true;
            }
            keeps |= memchr::memmem::find(&value, b"keep-alive").is_some();
        }
    }
    old && !keeps
}

/// A head without its status line and its empty line.
pub(super) fn header_lines(head: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    let lines = &head[start..];
    lines
        .strip_suffix(b"\r\n")
        .or_else(|| lines.strip_suffix(b"\n"))
        .unwrap_or(lines)
}

/// The final head with header lines from elsewhere (interim answers, trailers) put behind its own, so that the judge
/// sees them.
pub(super) fn with_extra(head: &[u8], extra: &[u8]) -> Bytes {
    let end = head.len() - if head.ends_with(b"\r\n") { 2 } else { 1 };
    [&head[..end], extra, b"\r\n"].concat().into()
}

/// A request as bytes: its line, its headers, its body, with what is to be wrong with it.
pub(super) fn wire(request: &Request, malformed: Option<Malformed>) -> Vec<u8> {
    let mut wire = Vec::with_capacity(256 + request.body.len());
    let version: &[u8] = match malformed {
        Some(Malformed::RequestLine) => b" HTTP/x.y\r\n",
        _ => b" HTTP/1.1\r\n",
    };
    for part in [
        request.method.as_bytes(),
        b" ",
        request.path.as_bytes(),
        version,
    ] {
        wire.extend_from_slice(part);
    }
    for (name, value) in request.headers_with_host() {
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            wire.extend_from_slice(part);
        }
    }
    let body = &request.body[..];
    match malformed {
        Some(Malformed::Length) => wire.extend_from_slice(b"content-length: many\r\n"),
        Some(Malformed::Chunk) => wire.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Some(Malformed::DoubleLength) => {
            // The true one first: whoever believes the other leaves a byte behind, which begins the next request.
            let length = body.len().max(1);
            push_length(&mut wire, length);
            push_length(&mut wire, length - 1);
        }
        Some(Malformed::RequestLine | Malformed::Header) | None => {
            if !body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
                push_length(&mut wire, body.len());
            }
        }
    }
    if malformed == Some(Malformed::Header) {
        wire.extend_from_slice(b"this line has no colon\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    match malformed {
        Some(Malformed::Chunk) => {
            wire.extend_from_slice(b"many\r\n");
            wire.extend_from_slice(body);
            wire.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        Some(Malformed::DoubleLength) if body.is_empty() => wire.push(b'x'),
        _ => wire.extend_from_slice(body),
    }
    wire
}

fn push_length(wire: &mut Vec<u8>, length: usize) {
    wire.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
}

/// The size of a chunk, from its line.
pub(super) fn chunk_size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    std::str::from_utf8(digits.trim_ascii())
        .ok()
        .filter(|digits| {
            (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| "the body is chunked, but a chunk's size is not a number".to_owned())
}
