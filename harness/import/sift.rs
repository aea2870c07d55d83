//! Leaves out what no user's data can be in, and finds the hosts that matter.

use std::collections::{BTreeMap, BTreeSet};

use super::links::{NAME_LIMIT, Names};
use super::secrets::{attribute_of, is_password_name};
use super::seen::{Exchange, origin_of};

/// Most requests of an input that are looked at closely.
pub(super) const REQUEST_LIMIT: usize = 300;
/// Longest path with query, header or body that a draft holds, in bytes.
pub(super) const TEXT_LIMIT: usize = 8 * 1024;

/// Ends of paths that are files for everybody.
const STATIC_ENDS: [&str; 23] = [
    ".js",
    ".mjs",
    ".css",
    ".map",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".svg",
    ".webp",
    ".avif",
    ".ico",
    ".bmp",
    ".woff",
    ".woff2",
    ".ttf",
    ".otf",
    ".eot",
    ".mp3",
    ".mp4",
    ".webm",
    ".wasm",
    ".webmanifest",
];

/// Headers that a client or a browser adds by itself, or that belong to one request alone.
const BROWSER_HEADERS: [&str; 35] = [
    "accept-encoding",
    "accept-language",
    "baggage",
    "cache-control",
    "connection",
    "content-length",
    "dnt",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "newrelic",
    "origin",
    "pragma",
    "priority",
    "proxy-connection",
    "purpose",
    "referer",
    "save-data",
    "sentry-trace",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "x-client-data",
    "x-request-id",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "range",
];

/// What is left.
pub(super) struct Sifted {
    pub(super) exchanges: Vec<Exchange>,
    /// The base URL.
    pub(super) url: String,
    /// Names and base URLs of further hosts.
    pub(super) hosts: Vec<(String, String)>,
    /// How many requests were left out, by reason.
    pub(super) left_out: BTreeMap<String, usize>,
}

/// Sifts what was seen; `base` is the base URL when the input names one.
pub(super) fn sift(exchanges: Vec<Exchange>, base: Option<&str>) -> Sifted {
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    let mut lost = captured(&exchanges);
    let mut kept = Vec::new();
    for mut exchange in exchanges {
        tidy(&mut exchange);
        match unusable(&exchange) {
            Some(why) => *left_out.entry(why.to_owned()).or_default() += 1,
            None => kept.push(exchange),
        }
    }
    let main = base
        .and_then(|base| url::Url::parse(base).ok())
        .map_or_else(|| busiest(&kept), |url| origin_of(&url));
    let mut hosts: Vec<(String, String)> = Vec::new();
    let mut names = Names::default();
    let mut exchanges = Vec::new();
    for exchange in kept {
        let origin = exchange.request.origin.clone();
        let is_known = origin == main || hosts.iter().any(|host| host.1 == origin);
        if !(is_known || is_same_site(&origin, &main) || has_session(&exchange)) {
            *left_out.entry("to other hosts".to_owned()).or_default() += 1;
            continue;
        }
        if exchanges.len() == REQUEST_LIMIT {
            *left_out
                .entry(format!("beyond the first {REQUEST_LIMIT}"))
                .or_default() += 1;
            continue;
        }
        if !is_known {
            hosts.push((names.give(&host_name(&origin)), origin));
        }
        exchanges.push(exchange);
    }
    for name in captured(&exchanges) {
        lost.remove(&name);
    }
    bring_along(&mut exchanges, &lost);
    let url = base.map_or(main, |base| base.trim_end_matches('/').to_owned());
    Sifted {
        exchanges,
        url,
        hosts,
        left_out,
    }
}

/// Names of what is captured.
fn captured(exchanges: &[Exchange]) -> BTreeSet<String> {
    let captures = exchanges.iter().flat_map(|exchange| &exchange.captures);
    captures.map(|capture| capture.0.clone()).collect()
}

/// Makes attributes of the users of what was captured from requests that are left out.
fn bring_along(exchanges: &mut [Exchange], lost: &BTreeSet<String>) {
    let code_of = |code: &str| {
        let end = code
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(code.len());
        let (name, rest) = code.split_at(end);
        lost.contains(name)
            .then(|| format!("user.{}{rest}", attribute_of(name)))
    };
    for exchange in exchanges {
        let request = &mut exchange.request;
        request.visit(&mut |_, _, text| text.recode(&code_of));
    }
}

/// Takes away what the client adds by itself, and what the scenario cannot hold.
fn tidy(exchange: &mut Exchange) {
    let request = &mut exchange.request;
    request.headers.retain(|(name, value)| {
        let by_browser = BROWSER_HEADERS.contains(&name.as_str())
            || name.starts_with("sec-")
            || name.starts_with("x-datadog-");
        let usual = name == "accept" && value.holds("*/*");
        !by_browser && !usual && !name.is_empty()
    });
    let before = request.headers.len();
    request.headers.retain(|(name, value)| {
        super::links::is_token(name)
            && value.plain_len() <= TEXT_LIMIT
            && !value.shown().chars().any(char::is_control)
    });
    let lost = before - request.headers.len();
    if lost > 0 {
        exchange.remarks.push(format!(
            "{lost} headers were left out: too long, or not to be sent"
        ));
    }
}

/// Why a request is of no use, if it is.
fn unusable(exchange: &Exchange) -> Option<&'static str> {
    let request = &exchange.request;
    let is_method = !request.method.is_empty()
        && request.method.len() <= 20
        && request.method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method || matches!(request.method.as_str(), "CONNECT" | "TRACE" | "OPTIONS") {
        return Some("with a method that is not raced");
    }
    let length: usize = request
        .segments
        .iter()
        .map(|segment| segment.plain_len() + 1)
        .sum();
    let query: usize = request
        .query
        .iter()
        .map(|pair| pair.0.len() + pair.1.plain_len() + 2)
        .sum();
    if length + query > TEXT_LIMIT {
        return Some("with a path that is too long");
    }
    if !is_sendable(&request.origin) {
        return Some("to a host whose name cannot be");
    }
    if request.method == "GET" && is_static(exchange) {
        return Some("for static files");
    }
    None
}

fn is_static(exchange: &Exchange) -> bool {
    let kind = exchange
        .answer
        .as_ref()
        .map_or("", |answer| answer.kind.as_str());
    let by_kind = matches!(
        kind,
        "text/css"
            | "application/wasm"
            | "application/manifest+json"
            | "application/vnd.ms-fontobject"
    ) || kind.contains("javascript")
        || ["image/", "font/", "audio/", "video/", "application/font"]
            .iter()
            .any(|start| kind.starts_with(start));
    let path = exchange.request.shown_path().to_ascii_lowercase();
    // A page or JSON under such a name is made for somebody.
    let is_made = matches!(kind, "text/html" | "application/json");
    by_kind || !is_made && STATIC_ENDS.iter().any(|end| path.ends_with(end))
}

/// The origin with most requests; of several the first.
fn busiest(exchanges: &[Exchange]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for exchange in exchanges {
        let origin = exchange.request.origin.as_str();
        match counts.iter_mut().find(|count| count.0 == origin) {
            Some(count) => count.1 += 1,
            None => counts.push((origin, 1)),
        }
    }
    let most = counts.iter().map(|count| count.1).max();
    counts
        .iter()
        .find(|count| Some(count.1) == most)
        .map_or("http://127.0.0.1:8080".to_owned(), |count| {
            count.0.to_owned()
        })
}

/// Whether a request shows who sends it, by more than a cookie: every tracker has cookies.
fn has_session(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    request.header("authorization").is_some()
        || request.basic.is_some()
        || request
            .leaves()
            .iter()
            .any(|leaf| leaf.0.is_body() && is_password_name(&leaf.1) && !leaf.2.is_empty())
}

/// Whether two hosts have the last two labels in common, or are the same machine.
fn is_same_site(a: &str, b: &str) -> bool {
    let site = |origin: &str| {
        let host = host_of(origin);
        let is_address = host.starts_with('[')
            || host
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let labels: Vec<&str> = host
            .rsplit('.')
            .take(if is_address { usize::MAX } else { 2 })
            .collect();
        labels.join(".")
    };
    site(a) == site(b)
}

/// Whether a scenario takes the host: letters, digits and few signs, or an IPv6 address; and no port 0.
pub(super) fn is_sendable(origin: &str) -> bool {
    let host = host_of(origin);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_right = host.starts_with('[') || !host.is_empty() && host.bytes().all(is_name);
    is_right && !origin.ends_with(":0")
}

/// The host without scheme and port.
fn host_of(origin: &str) -> &str {
    let host = origin.split_once("://").map_or(origin, |parts| parts.1);
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

/// A name for a further host: its first label.
fn host_name(origin: &str) -> String {
    let label = host_of(origin).split('.').next().unwrap_or_default();
    let name: String = label
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(NAME_LIMIT)
        .collect::<String>()
        .to_ascii_lowercase();
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name,
        false => format!("host{name}"),
    }
}
