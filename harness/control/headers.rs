//! What has to be rewritten so that crosswire can talk to the proxy as if it were the target.

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, ORIGIN, REFERER, SET_COOKIE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Version};

use super::swapping::{Who, Whole};
use super::{LEAVE_ALONE, MARK};

/// An upstream and the port that stands for it.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// Scheme and authority of the upstream: `https://app.example`.
    pub(super) origin: String,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// Scheme and authority that crosswire uses instead: `http://127.0.0.1:4711`.
    pub(super) local: String,
}

impl Door {
    fn local_authority(&self) -> &str {
        self.local.trim_start_matches("http://")
    }
}

/// Headers that speak of one connection and not of the message (RFC 9110, section 7.6.1).
fn drop_connection_headers(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

/// Whose request this is, when that can be told: by crosswire's own mark, which is taken off, or by the credentials. A
/// request without any is nobody's.
pub(super) fn who<B>(request: &mut Request<B>) -> Option<Who> {
    let path = request.uri().path().to_owned();
    if let Some(mark) = request.headers_mut().remove(MARK) {
        let text = mark.to_str().ok().filter(|mark| *mark != LEAVE_ALONE)?;
        let (user, step) = text.split_once('/')?;
        return Some(Who {
            user: Bytes::copy_from_slice(user.as_bytes()),
            kind: step.to_owned(),
            path,
        });
    }
    let mut user = Vec::new();
    for name in [AUTHORIZATION, COOKIE] {
        for value in request.headers().get_all(name) {
            user.extend_from_slice(value.as_bytes());
            user.push(b'\n');
        }
    }
    (!user.is_empty()).then(|| Who {
        user: user.into(),
        kind: format!("{} {}", request.method(), without_numbers(&path)),
        path,
    })
}

/// A path in which every segment that holds a digit is `#`: what is left says which kind of page it is.
fn without_numbers(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.bytes().any(|byte| byte.is_ascii_digit()) {
            "#"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Turns a request to the proxy into one to the target.
pub(super) fn to_target<B>(request: &mut Request<B>, door: &Door, http2: bool) {
    let headers = request.headers_mut();
    drop_connection_headers(headers);
    let host = headers.remove(HOST);
    let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let asked = host.or_else(|| request.uri().authority().cloned());
    // A scenario may ask for a host of its own choice; that one is passed on.
    let authority = asked
        .filter(|asked| asked.as_str() != door.local_authority())
        .unwrap_or_else(|| door.authority.clone());
    for name in [ORIGIN, REFERER] {
        let here = (door.local.as_str(), door.origin.as_str());
        if let Some(value) = request.headers_mut().get_mut(&name) {
            rewrite_start(value, here);
        }
    }
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    if http2 {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(door.scheme.clone());
        parts.authority = Some(authority);
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        *request.version_mut() = Version::HTTP_2;
    } else {
        if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
            request.headers_mut().insert(HOST, value);
        }
        *request.uri_mut() = Uri::from(path);
        *request.version_mut() = Version::HTTP_11;
    }
}

/// Makes the headers of the target's answer fit for crosswire, which is on the other side of plain loopback.
pub(super) fn to_crosswire(headers: &mut HeaderMap, doors: &[Door]) {
    drop_connection_headers(headers);
    // Nobody but this proxy says that an answer was swapped.
    headers.remove(MARK);
    if let Some(location) = headers.get_mut(LOCATION) {
        for door in doors {
            let whole = (door.origin.as_str(), door.local.as_str());
            let without_scheme = format!("//{}", door.authority);
            if rewrite_start(location, whole)
                || rewrite_start(location, (&without_scheme, &door.local))
            {
                break;
            }
        }
    }
    if let http::header::Entry::Occupied(mut cookies) = headers.entry(SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            localise(cookie);
        }
    }
}

/// Puts `new` in the place of `old` where a URL begins with it; true when it does.
fn rewrite_start(url: &mut HeaderValue, (old, new): (&str, &str)) -> bool {
    let bytes = url.as_bytes();
    let Some((start, rest)) = bytes.split_at_checked(old.len()) else {
        return false;
    };
    let ends = rest.first().is_none_or(|byte| b"/?#".contains(byte));
    if !ends || !start.eq_ignore_ascii_case(old.as_bytes()) {
        return false;
    }
    let rewritten = HeaderValue::from_bytes(&[new.as_bytes(), rest].concat());
    rewritten.map(|value| *url = value).is_ok()
}

/// Takes off what would keep a cookie from coming back over plain loopback: `Secure` and `Domain`.
fn localise(cookie: &mut HeaderValue) {
    let mut parts = cookie.as_bytes().split(|byte| *byte == b';');
    let mut local = parts.next().unwrap_or_default().to_vec();
    for attribute in parts {
        let name = attribute.split(|byte| *byte == b'=').next();
        let name = name.unwrap_or_default().trim_ascii();
        if !name.eq_ignore_ascii_case(b"secure") && !name.eq_ignore_ascii_case(b"domain") {
            local.push(b';');
            local.extend_from_slice(attribute);
        }
    }
    if let Ok(value) = HeaderValue::from_bytes(&local) {
        *cookie = value;
    }
}

/// Headers that stay with the request: what sets its user's cookies, and what frames the message on its connection.
const OWN: [HeaderName; 3] = [SET_COOKIE, CONTENT_LENGTH, TRAILER];

/// The donor's answer as it is given to the one who asked for `own`.
pub(super) fn exchanged(own: &Whole, donor: Whole) -> Whole {
    let Whole {
        mut head,
        body,
        trailers,
    } = donor;
    for name in OWN {
        head.headers.remove(name);
    }
    for cookie in own.head.headers.get_all(SET_COOKIE) {
        head.headers.append(SET_COOKIE, cookie.clone());
    }
    Whole {
        head,
        body,
        trailers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door {
            origin: "https://app.example".to_owned(),
            scheme: Scheme::HTTPS,
            authority: Authority::from_static("app.example"),
            local: "http://127.0.0.1:4711".to_owned(),
        }
    }

    fn answered(name: HeaderName, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_str(value).unwrap());
        to_crosswire(&mut headers, &[door()]);
        headers[&name].to_str().unwrap().to_owned()
    }

    #[test]
    fn redirects_stay_with_the_proxy() {
        for (given, rewritten) in [
            (
                "https://app.example/inbox?x=1",
                "http://127.0.0.1:4711/inbox?x=1",
            ),
            ("HTTPS://App.Example", "http://127.0.0.1:4711"),
            ("//app.example/a", "http://127.0.0.1:4711/a"),
            ("/inbox", "/inbox"),
            ("https://app.example.org/", "https://app.example.org/"),
            ("http://app.example/", "http://app.example/"),
        ] {
            assert_eq!(answered(LOCATION, given), rewritten);
        }
    }

    #[test]
    fn cookies_come_back_over_plain_loopback() {
        for (given, local) in [
            ("sid=1; Path=/; Secure; HttpOnly", "sid=1; Path=/; HttpOnly"),
            (
                "sid=1;secure;DOMAIN=.app.example;Max-Age=5",
                "sid=1;Max-Age=5",
            ),
            ("secure=1; Domain=x", "secure=1"),
        ] {
            assert_eq!(answered(SET_COOKIE, given), local);
        }
    }

    fn asked(headers: &[(&str, &str)], http2: bool) -> Request<()> {
        let mut request = Request::get("/a?b=c").body(()).unwrap();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        to_target(&mut request, &door(), http2);
        request
    }

    #[test]
    fn the_target_is_asked_by_its_own_name() {
        let local = [
            ("host", "127.0.0.1:4711"),
            ("origin", "http://127.0.0.1:4711"),
        ];
        let request = asked(&local, false);
        assert_eq!(request.headers()[HOST], "app.example");
        assert_eq!(request.headers()[ORIGIN], "https://app.example");
        assert_eq!(request.uri(), "/a?b=c");
        let request = asked(&local, true);
        assert_eq!(request.uri(), "https://app.example/a?b=c");
        assert!(request.headers().get(HOST).is_none());
        let chosen = asked(&[("host", "tenant.example")], false);
        assert_eq!(chosen.headers()[HOST], "tenant.example");
    }

    #[test]
    fn users_are_told_apart_by_mark_or_credentials() {
        let told = |headers: &[(&str, &str)]| {
            let mut request = Request::get("/mail/17/read").body(()).unwrap();
            for (name, value) in headers {
                let name = HeaderName::try_from(*name).unwrap();
                request.headers_mut().append(name, value.parse().unwrap());
            }
            let who = who(&mut request);
            assert!(request.headers().get(MARK).is_none());
            who.map(|who| (who.user, who.kind))
        };
        let cookie = ("cookie", "sid=1");
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[(MARK, LEAVE_ALONE), cookie]), None);
        assert_eq!(
            told(&[(MARK, "3/7"), cookie]),
            Some((Bytes::from_static(b"3"), "7".to_owned()))
        );
        let (user, kind) = told(&[cookie]).unwrap();
        assert_eq!(kind, "GET /mail/#/read");
        assert_ne!(told(&[("cookie", "sid=2")]).unwrap().0, user);
        assert_ne!(told(&[("authorization", "sid=1")]), None);
    }
}
