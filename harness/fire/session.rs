//! One user's session: cookies, captured values, newest canaries; steps become requests, answers are received.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cookie_store::CookieStore;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::Rng as _;
use rand::rngs::StdRng;
use url::Url;

use super::exchange::{Answer, Request};
use super::hosts::{HostId, Hosts};
use super::{LEAVE_ALONE, MARK};
use crate::history::{Dead, Planted, RequestLine, ServerTimes, StepRole};
use crate::identity::{DecodeLimits, Mint, Redactor, UserId, decode_body};
use crate::scenario::{CaptureFrom, Faults, Rendered, Scenario, Step, Values};

/// A user with everything it has been given so far.
pub(crate) struct Session {
    pub(crate) user: UserId,
    held: Held,
    /// What it held just before the answer to the log-in or log-out under way came.
    before: Option<Held>,
    /// What it held just before the last log-in that was accepted.
    before_log_in: Option<Held>,
    /// What it held just before the last log-out that was accepted.
    before_log_out: Option<Held>,
    canaries: BTreeMap<u16, String>,
    /// When the last log-in or refresh was answered, nanoseconds since the run began.
    pub(crate) fresh_ns: Option<u64>,
    /// Whether anything was sent for this user that may have left something behind.
    pub(crate) begun: bool,
}

/// What a service has handed to a user.
#[derive(Clone, Default)]
struct Held {
    jar: CookieStore,
    captures: BTreeMap<String, String>,
}

/// What all sessions share while requests are made.
pub(crate) struct Making<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) hosts: &'a Hosts,
    pub(crate) redactor: &'a Redactor,
    pub(crate) mint: &'a mut Mint,
    /// Of what templates draw by chance.
    pub(crate) rng: &'a mut StdRng,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// A request but for the cookies, which are looked up when it is sent.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) host: HostId,
    pub(crate) method: String,
    /// Path and query, the base URL's path included.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) faults: Faults,
}

/// What the record says of a request.
pub(crate) struct Line {
    pub(crate) request: RequestLine,
    pub(crate) nonce: Option<String>,
}

/// A step filled in for a user.
pub(crate) struct Draft {
    pub(crate) outgoing: Outgoing,
    pub(crate) line: Line,
    pub(crate) planted: Vec<Planted>,
}

impl Session {
    pub(crate) fn new(user: UserId) -> Session {
        Session {
            user,
            held: Held::default(),
            before: None,
            before_log_in: None,
            before_log_out: None,
            canaries: BTreeMap::new(),
            fresh_ns: None,
            begun: false,
        }
    }

    /// What a step is sent with: for a session that must be dead by now, what it was then; nothing when there is none.
    fn sent_with(&self, step: &Step) -> Option<&Held> {
        match step.dead {
            Some(Dead::LogOut) => self.before_log_out.as_ref(),
            Some(Dead::Rotation) => self.before_log_in.as_ref(),
            Some(Dead::Idle) | None => Some(&self.held),
        }
    }

    fn held_for(&self, step: &Step) -> &Held {
        self.sent_with(step).unwrap_or(&self.held)
    }

    /// Whether there is a session with which the step can be sent: one that must be dead was ended before.
    pub(crate) fn can_send(&self, step: &Step) -> bool {
        self.sent_with(step).is_some()
    }

    /// The newest canary of this user in a slot.
    pub(crate) fn canary(&self, slot: u16) -> Option<&str> {
        self.canaries.get(&slot).map(String::as_str)
    }

    /// Fills a step in for this user, minting the canaries it plants and the nonce it carries.
    ///
    /// # Errors
    /// A sentence that names the step and what is missing.
    pub(crate) fn draft(
        &mut self,
        step: &Step,
        round: u32,
        making: &mut Making<'_>,
    ) -> Result<Draft, String> {
        let mut fresh = Vec::new();
        for slot in step.plants() {
            let (_, text) = making.mint.mint(self.user, *slot);
            self.canaries.insert(*slot, text.clone());
            fresh.push(text);
        }
        let nonce = nonce_slot(step, making.scenario).map(|slot| {
            let (_, text) = making.mint.mint(self.user, slot);
            self.canaries.insert(slot, text.clone());
            text
        });
        let users = &making.scenario.users;
        let values = Values {
            user: &users.list()[self.user.index()],
            index: self.user.0 + 1,
            count: users.count(),
            round,
            captures: &self.held_for(step).captures,
            secrets: &self.canaries,
            nonce: nonce.as_deref(),
            chance: making.rng.next_u64(),
            now_ms: making.now_ms,
        };
        let rendered = step.render(&values).map_err(|error| error.to_string())?;
        let find = |name: &String| {
            let step = &step.name;
            users
                .find(name)
                .ok_or_else(|| format!("step `{step}` names a reader `{name}` who is no user"))
        };
        let readers = rendered
            .readers
            .iter()
            .map(find)
            .collect::<Result<Vec<_>, _>>()?;
        let mut planted: Vec<Planted> = fresh
            .into_iter()
            .map(|canary| Planted {
                canary,
                readers: readers.clone(),
            })
            .collect();
        planted.extend(nonce.clone().map(|canary| Planted { canary, readers }));
        let mut outgoing = outgoing(step, rendered, making.hosts);
        if making.scenario.marks_requests() {
            outgoing.headers.push((MARK.to_owned(), self.mark(step)));
        }
        let request = self.line(&outgoing, making.redactor);
        Ok(Draft {
            outgoing,
            line: Line { request, nonce },
            planted,
        })
    }

    /// What the record says of the request, without anything secret.
    pub(crate) fn line(&self, outgoing: &Outgoing, redactor: &Redactor) -> RequestLine {
        RequestLine {
            method: outgoing.method.clone(),
            path: self.masked(&redactor.text(&outgoing.path)),
            body_len: outgoing.body.len() as u64,
        }
    }

    /// The request as it is sent now, with the cookies that a browser would send there.
    pub(crate) fn dressed(&self, step: &Step, outgoing: &Outgoing, hosts: &Hosts) -> Request {
        let base = hosts.base(outgoing.host);
        let mut request = Request {
            method: outgoing.method.clone(),
            path: outgoing.path.clone(),
            headers: outgoing.headers.clone(),
            body: outgoing.body.clone(),
            scheme: if base.scheme() == "https" {
                "https"
            } else {
                "http"
            },
            authority: base
                .authority()
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_owned(),
            faults: outgoing.faults,
        };
        let cookies = match request.url() {
            Some(url) if !step.anonymous => self.held_for(step).cookies(&url),
            _ => None,
        };
        if let Some(cookies) = cookies {
            let given = request
                .headers
                .iter_mut()
                .find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
            match given {
                Some((_, given)) => *given = format!("{given}; {cookies}"),
                None => request.headers.push(("cookie".to_owned(), cookies)),
            }
        }
        request
    }

    /// Takes notice of the first answer to a step: what the session was before a log-in or a log-out, and the cookies.
    /// `url` is where it came from.
    pub(crate) fn receive(&mut self, step: &Step, url: Option<&Url>, answer: &Answer) {
        if matches!(step.role, StepRole::LogIn | StepRole::LogOut) {
            self.before = Some(self.held.clone());
        }
        self.keep_cookies(step, url, answer);
    }

    /// Takes notice that the last answer to a step was as the step expects. Only such a log-in gives another session, and
    /// only such a log-out ends one; where there was none before, none has to be dead.
    pub(crate) fn accept(&mut self, step: &Step, now_ns: u64) {
        let before = self.before.take().filter(|held| !held.is_empty());
        match step.role {
            StepRole::LogIn => {
                self.before_log_in = before.or(self.before_log_in.take());
                self.fresh_ns = Some(now_ns);
            }
            StepRole::LogOut => self.before_log_out = before.or(self.before_log_out.take()),
            _ => {}
        }
    }

    /// Keeps the cookies of an answer. Those of an answer to a session that is over would overwrite the present one, and
    /// what is handed to somebody without a name is not the user's, unless it is a log-in.
    pub(crate) fn keep_cookies(&mut self, step: &Step, url: Option<&Url>, answer: &Answer) {
        let stranger = step.anonymous && step.role != StepRole::LogIn;
        let (Some(url), false, None) = (url, stranger, step.dead) else {
            return;
        };
        for cookie in header_values(&answer.head, b"set-cookie") {
            // A cookie that cannot be parsed, or is for another host, is ignored, as a browser does.
            if let Ok(text) = std::str::from_utf8(cookie) {
                let _ = self.held.jar.parse(text, url);
            }
        }
    }

    /// Keeps the captured cookies of an answer that is not the last one; their names are added to `taken`.
    pub(crate) fn capture_cookies(
        &mut self,
        step: &Step,
        answer: &Answer,
        taken: &mut BTreeSet<String>,
    ) {
        for capture in &step.captures {
            if matches!(capture.from, CaptureFrom::Cookie(_))
                && let Ok(value) = capture.take(&answer.head, b"")
            {
                self.held.captures.insert(capture.name.clone(), value);
                taken.insert(capture.name.clone());
            }
        }
    }

    /// Keeps what the step captures; what is in `taken` already need not be in this answer.
    ///
    /// # Errors
    /// A sentence that says which capture the answer does not hold.
    pub(crate) fn capture(
        &mut self,
        step: &Step,
        answer: &Answer,
        body: &[u8],
        taken: &BTreeSet<String>,
    ) -> Result<(), String> {
        for capture in &step.captures {
            match capture.take(&answer.head, body) {
                Ok(value) => {
                    self.held.captures.insert(capture.name.clone(), value);
                }
                Err(_) if taken.contains(&capture.name) => {}
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
        let ended = [&self.before_log_in, &self.before_log_out];
        let before = ended.into_iter().flatten().flat_map(|held| &held.captures);
        for (name, value) in self.held.captures.iter().chain(before) {
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
}

impl Held {
    fn is_empty(&self) -> bool {
        self.captures.is_empty() && self.jar.iter_unexpired().next().is_none()
    }

    fn cookies(&self, url: &Url) -> Option<String> {
        let pairs: Vec<String> = self
            .jar
            .get_request_values(url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Request {
    /// Where it goes. The path is put behind the origin as it is: two slashes at its beginning are no host.
    pub(crate) fn url(&self) -> Option<Url> {
        Url::parse(&format!(
            "{}://{}{}",
            self.scheme, self.authority, self.path
        ))
        .ok()
    }
}

/// The body with its content coding taken off, as far as that is possible.
pub(crate) fn decoded(answer: &Answer) -> Bytes {
    let coding: Vec<_> = header_values(&answer.head, b"content-encoding")
        .map(String::from_utf8_lossy)
        .collect();
    if coding.is_empty() {
        return answer.body.clone();
    }
    let decoded = decode_body(&coding.join(","), &answer.body, DecodeLimits::default());
    decoded
        .bytes
        .map_or_else(|| answer.body.clone(), Bytes::from)
}

/// The slot of the nonce that the step's requests carry, when they carry one.
fn nonce_slot(step: &Step, scenario: &Scenario) -> Option<u16> {
    scenario.nonce_slot().filter(|_| step.sends_nonce())
}

fn outgoing(step: &Step, rendered: Rendered, hosts: &Hosts) -> Outgoing {
    let host = hosts.of(step);
    let mut headers = rendered.headers;
    let agent = concat!("crosswire/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [("user-agent", agent), ("accept", "*/*")] {
        let given = |(given, _): &(String, String)| given.eq_ignore_ascii_case(name);
        if !headers.iter().any(given) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    Outgoing {
        host,
        method: rendered.method,
        path: join(hosts.base(host), &rendered.path),
        headers,
        body: rendered.body.into(),
        faults: step.faults,
    }
}

/// The base URL's path, then the step's.
fn join(base: &url::Url, path: &str) -> String {
    format!("{}{path}", base.path().trim_end_matches('/'))
}

/// What the bundled targets say of their own times, when the answer does.
pub(crate) fn server_times(head: &[u8]) -> Option<ServerTimes> {
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
pub(crate) fn header_values<'a>(head: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
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
