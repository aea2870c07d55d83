//! Where a redirect leads, and what of the request goes along, as a browser has it (WHATWG Fetch, "HTTP-redirect fetch").

use bytes::Bytes;
use url::Url;

use super::exchange::Request;
use super::hosts::{HostId, Hosts};
use super::session::{Outgoing, header_values};
use super::{LEAVE_ALONE, MARK};
use crate::scenario::{CaptureFrom, Faults, Step};

/// Headers that are sent to another origin too: none of them says who asks. `content-type` and its like go with a body.
const IMPERSONAL: [&str; 6] = [
    "accept",
    "accept-language",
    "content-encoding",
    "content-language",
    "content-type",
    "user-agent",
];
/// Headers that speak of a body and go when it goes.
const OF_A_BODY: [&str; 4] = [
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
];

/// What an answer asks for.
pub(super) enum Next {
    /// Nothing: it is the last one.
    Nothing,
    /// Another request.
    Hop(Outgoing),
    /// Another request that is not sent, and why.
    Refused(String),
}

/// Whether the step's redirects with this status are followed. A redirect that the step itself asks for is its answer:
/// one that its `status` accepts where it does not accept a 200, or whose `location` it captures or expects.
pub(super) fn follows(step: &Step, status: u16, wanted: bool) -> bool {
    let location = |name: &str| name.eq_ignore_ascii_case("location");
    let expected = step.status.accepts(status) && !step.status.accepts(200);
    let captured = step
        .captures
        .iter()
        .any(|capture| matches!(&capture.from, CaptureFrom::Header(name) if location(name)));
    let matched = step
        .expectations()
        .headers
        .iter()
        .any(|(name, _)| location(name));
    let lasts = step.dead.is_none() && !step.faults.breaks_off();
    let itself = expected || captured || matched;
    lasts && step.redirects.unwrap_or(wanted && !itself)
}

/// Where an answer leads, as it says it; nothing when it is no redirect.
pub(super) fn location(status: u16, head: &[u8]) -> Option<&[u8]> {
    matches!(status, 301 | 302 | 303 | 307 | 308)
        .then(|| header_values(head, b"location").next())
        .flatten()
}

/// What follows on this answer to a request.
pub(super) fn next(
    sent: &Outgoing,
    request: &Request,
    status: u16,
    head: &[u8],
    hosts: &Hosts,
) -> Next {
    let Some(location) = location(status, head) else {
        return Next::Nothing;
    };
    let Some(url) = target(request, location) else {
        return Next::Refused("it was redirected to what is no URL".to_owned());
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Next::Refused(format!(
            "it was redirected to a URL of the scheme `{}`, only http and https are known",
            url.scheme()
        ));
    }
    let Some(host) = hosts.leading_to(&url, sent.host) else {
        return Next::Refused(format!(
            "it was redirected to {}, which the scenario does not name: add it to `hosts` under [target], or give the step `redirects = false`",
            url.origin().ascii_serialization()
        ));
    };
    Next::Hop(hop(sent, status, &url, host, hosts))
}

/// The location, relative to the request; what stands behind `#` is the client's own business.
fn target(request: &Request, location: &[u8]) -> Option<Url> {
    let location = std::str::from_utf8(location).ok()?;
    let mut url = request.url()?.join(location).ok()?;
    url.set_fragment(None);
    Some(url)
}

fn hop(sent: &Outgoing, status: u16, url: &Url, host: HostId, hosts: &Hosts) -> Outgoing {
    let same_origin = hosts.base(host).origin() == hosts.base(sent.host).origin();
    let becomes_get = match status {
        301 | 302 => sent.method == "POST",
        303 => !matches!(sent.method.as_str(), "GET" | "HEAD"),
        _ => false,
    };
    let marked = sent.headers.iter().any(|(name, _)| name == MARK);
    let is = |names: &[&str], name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    let headers = sent
        .headers
        .iter()
        .filter(|(name, _)| same_origin || is(&IMPERSONAL, name))
        // What the control's proxy may swap is the answer to the step's own request.
        .filter(|(name, _)| name != MARK)
        .filter(|(name, _)| !(becomes_get && is(&OF_A_BODY, name)))
        .cloned()
        .chain(marked.then(|| (MARK.to_owned(), LEAVE_ALONE.to_owned())))
        .collect();
    let query = url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    Outgoing {
        host,
        method: if becomes_get {
            "GET".to_owned()
        } else {
            sent.method.clone()
        },
        path: format!("{}{query}", url.path()),
        headers,
        body: if becomes_get {
            Bytes::new()
        } else {
            sent.body.clone()
        },
        faults: Faults::default(),
    }
}

/// A path from a service with the long values of its query left out: they may be tokens, and nobody gave them a name.
pub(super) fn without_long_values(path: &str) -> String {
    /// Numbers and words tell a reader what was asked for.
    const SHOWN: usize = 15;
    let Some((path, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let short = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if value.len() > SHOWN => format!("{name}={{…}}"),
        None if pair.len() > SHOWN => "{…}".to_owned(),
        _ => pair.to_owned(),
    };
    let pairs: Vec<String> = query.split('&').map(short).collect();
    format!("{path}?{}", pairs.join("&"))
}
