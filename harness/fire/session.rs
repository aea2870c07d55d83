//! One user's session: cookies, captured values, newest canaries; steps become requests, answers are received.

use std::collections::BTreeMap;

use cookie_store::CookieStore;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::exchange::{Answer, Request};
use super::{LEAVE_ALONE, MARK};
use crate::history::{Planted, RequestLine, ServerTimes, StepRole};
use crate::identity::{DecodeLimits, Mint, Redactor, UserId, decode_body};
use crate::scenario::{Scenario, Step, Values};

/// A user with everything it has been given so far.
pub(super) struct Session {
    pub(super) user: UserId,
    jar: CookieStore,
    captures: BTreeMap<String, String>,
    canaries: BTreeMap<u16, String>,
}

/// What all sessions share while requests are made.
pub(super) struct Making<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) base: &'a url::Url,
    pub(super) redactor: &'a Redactor,
    pub(super) mint: &'a mut Mint,
}

/// A request ready to go, with what its record says of it.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) line: RequestLine,
    pub(super) planted: Vec<Planted>,
}

impl Session {
    pub(super) fn new(user: UserId) -> Session {
        Session {
            user,
            jar: CookieStore::default(),
            captures: BTreeMap::new(),
            canaries: BTreeMap::new(),
        }
    }

    /// Renders a step for this user, minting the canaries it plants.
    ///
    /// # Errors
    /// A sentence that names the step and what is missing.
    pub(super) fn make(
        &mut self,
        step: &Step,
        round: u32,
        making: &mut Making<'_>,
    ) -> Result<Made, String> {
        let mut fresh = Vec::new();
        for slot in step.plants() {
            let (_, text) = making.mint.mint(self.user, *slot);
            self.canaries.insert(*slot, text.clone());
            fresh.push(text);
        }
        let users = &making.scenario.users;
        let values = Values {
            user: &users.list()[self.user.index()],
            index: self.user.0 + 1,
            count: users.count(),
            round,
            captures: &self.captures,
            secrets: &self.canaries,
            nonce: None,
            chance: 0,
            now_ms: 0,
        };
        let rendered = step.render(&values).map_err(|error| error.to_string())?;
        let readers = rendered
            .readers
            .iter()
            .map(|name| {
                users.find(name).ok_or_else(|| {
                    format!(
                        "step `{}` names a reader `{name}` who is no user",
                        step.name
                    )
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let planted = fresh
            .into_iter()
            .map(|canary| Planted {
                canary,
                readers: readers.clone(),
            })
            .collect();
        let path = join(making.base, &rendered.path);
        let line = RequestLine {
            method: rendered.method.clone(),
            path: self.masked(&making.redactor.text(&path)),
            body_len: rendered.body.len() as u64,
        };
        let mut headers = rendered.headers;
        if let Some(cookie) = self.cookie_header(making.base, &path) {
            match headers
                .iter_mut()
                .find(|(name, _)| name.eq_ignore_ascii_case("cookie"))
            {
                Some((_, given)) => *given = format!("{given}; {cookie}"),
                None => headers.push(("cookie".to_owned(), cookie)),
            }
        }
        for (name, value) in [
            (
                "user-agent",
                concat!("crosswire/", env!("CARGO_PKG_VERSION")),
            ),
            ("accept", "*/*"),
        ] {
            if !headers
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name))
            {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        if making.scenario.marks_requests() {
            headers.push((MARK.to_owned(), self.mark(step)));
        }
        let scheme = if making.base.scheme() == "https" {
            "https"
        } else {
            "http"
        };
        let authority = making
            .base
            .authority()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        let request = Request {
            method: rendered.method,
            path,
            headers,
            body: rendered.body.into(),
            scheme,
            authority,
            faults: step.faults,
        };
        Ok(Made {
            request,
            line,
            planted,
        })
    }

    /// Keeps the answer's cookies and what the step captures.
    ///
    /// # Errors
    /// A sentence that says which capture the answer does not hold.
    pub(super) fn receive(
        &mut self,
        step: &Step,
        base: &url::Url,
        answer: &Answer,
    ) -> Result<(), String> {
        for cookie in header_values(&answer.head, b"set-cookie") {
            // A cookie that cannot be parsed, or is for another host, is ignored, as a browser does.
            if let Ok(text) = std::str::from_utf8(cookie) {
                let _ = self.jar.parse(text, base);
            }
        }
        if step.captures.is_empty() {
            return Ok(());
        }
        let coding: Vec<_> = header_values(&answer.head, b"content-encoding")
            .map(String::from_utf8_lossy)
            .collect();
        let decoded = decode_body(&coding.join(","), &answer.body, DecodeLimits::default());
        let body = decoded.bytes.as_deref().unwrap_or(&answer.body);
        for capture in &step.captures {
            match capture.take(&answer.head, body) {
                Ok(value) => {
                    self.captures.insert(capture.name.clone(), value);
                }
                Err(error) => {
                    return Err(format!(
                        "the answer does not hold `{}`: {error}",
                        capture.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// The path as it is recorded: long captured values, which may be tokens, by their names.
    fn masked(&self, path: &str) -> String {
        /// Numbers and short names tell a reader what was asked for; what is longer may open a door.
        const SHOWN: usize = 15;
        let mut masked = path.to_owned();
        for (name, value) in &self.captures {
            if value.len() > SHOWN {
                let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
                for form in [value, &encoded] {
                    masked = masked.replace(form.as_str(), &format!("{{{name}}}"));
                }
            }
        }
        masked
    }

    /// Whose request this is, and of which step. An answer that gives or ends a session stays with its user; one to
    /// nobody in particular, or that will not be waited for, is nothing to be swapped.
    fn mark(&self, step: &Step) -> String {
        if step.role == StepRole::Fire && !step.anonymous && !step.faults.breaks_off() {
            format!("{}/{}", self.user.0, step.index)
        } else {
            LEAVE_ALONE.to_owned()
        }
    }

    fn cookie_header(&self, base: &url::Url, path: &str) -> Option<String> {
        let url = base.join(path).ok()?;
        let pairs: Vec<String> = self
            .jar
            .get_request_values(&url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// The base URL's path, then the step's.
fn join(base: &url::Url, path: &str) -> String {
    format!("{}{path}", base.path().trim_end_matches('/'))
}

/// What the bundled targets say of their own times, when the answer does.
pub(super) fn server_times(head: &[u8]) -> Option<ServerTimes> {
    let number = |name: &[u8]| -> Option<u64> {
        std::str::from_utf8(header_values(head, name).next()?)
            .ok()?
            .parse()
            .ok()
    };
    Some(ServerTimes {
        arrived_us: number(b"x-arrived-us")?,
        answered_us: number(b"x-answered-us"),
        order: number(b"x-note-order"),
    })
}

/// The trimmed values of a header in a raw head; `name` in lower case.
fn header_values<'a>(head: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(move |line| {
            let colon = memchr::memchr(b':', line)?;
            line[..colon]
                .eq_ignore_ascii_case(name)
                .then(|| line[colon + 1..].trim_ascii())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_the_head() {
        let head =
            b"HTTP/1.1 200 OK\r\nX-Arrived-Us: 17\r\nx-answered-us: 40\r\nx-note-order: 3\r\n\r\n";
        assert_eq!(
            server_times(head),
            Some(ServerTimes {
                arrived_us: 17,
                answered_us: Some(40),
                order: Some(3)
            })
        );
        assert_eq!(
            server_times(b"HTTP/1.1 200 OK\r\nx-answered-us: 40\r\n\r\n"),
            None
        );
    }

    #[test]
    fn a_base_path_stands_before_every_path() {
        let base = url::Url::parse("http://127.0.0.1:8080/app/").expect("a URL");
        assert_eq!(join(&base, "/inbox?x=1"), "/app/inbox?x=1");
        assert_eq!(
            join(
                &url::Url::parse("http://127.0.0.1:8080").expect("a URL"),
                "/inbox"
            ),
            "/inbox"
        );
    }
}
