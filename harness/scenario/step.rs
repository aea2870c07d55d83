//! A request of a scenario: what is known of it beforehand, and how it is filled in for a user.

use std::fmt;
use std::sync::Arc;

use minijinja::Environment;

use super::body::{Body, push_form};
use super::capture::Capture;
use super::expectation::Expectations;
use super::fault::Faults;
use super::session::SessionHeaders;
use super::settings::Bounds;
use super::status::StatusRule;
use super::template::{Text, TextError, Values};
use crate::history::{Dead, StepInfo, StepRole};

/// One request that every user sends.
#[derive(Clone)]
pub struct Step {
    /// Its place in [`Scenario::step_infos`](super::Scenario::step_infos): set-up, each round, volley, read-back.
    pub index: u16,
    /// Its name; no two steps of a scenario have the same.
    pub name: String,
    /// What it is for.
    pub role: StepRole,
    /// Line of the file on which it begins, from 1.
    pub line: usize,
    /// Name of the cookie by which the answer to a log-in gives the session, when the file says so.
    pub session: Option<String>,
    /// Name of the host it goes to, one of [`Scenario::hosts`](super::Scenario::hosts); the target's own when absent.
    pub host: Option<String>,
    /// Whether it is sent without cookies and session headers.
    pub anonymous: bool,
    /// Whether redirects are followed, when the step says so itself.
    pub redirects: Option<bool>,
    /// Milliseconds to wait before it, when it runs alone. Within [`Step::WAIT_MS`].
    pub wait_ms: u64,
    /// Whether a right answer holds the request's own nonce.
    pub echoes: bool,
    /// Whether what only one user's solo answers contain is learnt from it.
    pub learns: bool,
    /// Why the session it is sent with must be dead by now.
    pub dead: Option<Dead>,
    /// Index of the step that the same user sends at the same instant on another connection.
    pub with: Option<u16>,
    /// Whether it is only sent beside another one.
    pub companion: bool,
    /// What it does to its own request.
    pub faults: Faults,
    /// Which answers are good ones.
    pub status: StatusRule,
    /// What later steps use of the answer.
    pub captures: Vec<Capture>,
    /// Slots whose newest canary of the requesting user a good answer contains.
    pub sees: Vec<u16>,
    /// Slots whose newest canary of the requesting user this request takes away.
    pub removes: Vec<u16>,
    pub(super) plants: Vec<u16>,
    pub(super) method: String,
    pub(super) path: Text,
    /// Keys and values in the file's order.
    pub(super) query: Vec<(String, Text)>,
    /// Names in lower case, in the file's order.
    pub(super) headers: Vec<(String, Text)>,
    pub(super) body: Body,
    pub(super) readers: Vec<Text>,
    pub(super) expectations: Expectations,
    /// What every request of a session carries.
    pub(super) session_headers: Arc<SessionHeaders>,
    pub(super) environment: Arc<Environment<'static>>,
}

/// A request, filled in and ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The method.
    pub method: String,
    /// Path and query; begins with `/`, printable ASCII alone.
    pub path: String,
    /// Headers in lower case, `content-type` of the body included; host, cookies and length are left to the sender. No
    /// name or value has a control character.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
    /// Names of the users who may read what this request plants, besides the one who sends it.
    pub readers: Vec<String>,
}

/// Method, path and sizes alone: headers and body may hold what the user supplied as secret.
impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|header| &header.0).collect();
        let mut shown = f.debug_struct("Rendered");
        shown
            .field("method", &self.method)
            .field("headers", &names)
            .field("body_len", &self.body.len());
        shown.finish_non_exhaustive()
    }
}

/// Why a step could not be filled in for a user. It quotes no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    step: String,
    field: String,
    why: String,
}

impl RenderError {
    /// Name of the step.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The part of the request that is at fault: `path`, `query`, `header x-token`, the key of the body
    /// (`json`, `form`, `text`, `multipart`), `readers`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}`, {}: {}", self.step, self.field, self.why)
    }
}

impl std::error::Error for RenderError {}

impl Step {
    /// Bounds of [`Step::wait_ms`].
    pub const WAIT_MS: Bounds = Bounds::new(0, 0, 600_000);

    /// Slots into which this step plants: the caller mints a fresh canary for each before it fills the step in.
    #[must_use]
    pub fn plants(&self) -> &[u16] {
        &self.plants
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as it stands in the file, templates not filled in.
    #[must_use]
    pub fn path_source(&self) -> &str {
        self.path.source()
    }

    /// Whether the request has a body.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.body != Body::Empty
    }

    /// What a good answer holds besides its status and the canaries of [`Step::sees`]. What a step that
    /// [breaks off](Faults::breaks_off) gets need not be so.
    #[must_use]
    pub fn expectations(&self) -> &Expectations {
        &self.expectations
    }

    /// Whether its request carries a nonce, so that it needs [`Values::nonce`].
    #[must_use]
    pub fn sends_nonce(&self) -> bool {
        let pairs = self.query.iter().chain(&self.headers).map(|pair| &pair.1);
        let mut texts = std::iter::once(&self.path)
            .chain(pairs)
            .chain(self.body.texts());
        let carried = !self.anonymous && self.session_headers.have_nonce();
        carried || texts.any(Text::has_nonce)
    }

    /// The request for `values`.
    ///
    /// # Errors
    /// When a template fails (a value that was not captured, a slot in which nothing was planted), when the path does not
    /// begin with `/` or is not printable ASCII, or when a header's value has a control character.
    pub fn render(&self, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let environment = &*self.environment;
        let fill = |field: &dyn Fn() -> String, text: &Text| {
            let filled = text.render(environment, values).map(String::from);
            filled.map_err(|error: TextError| self.error(field(), error.why))
        };
        let mut path = fill(&|| "path".to_owned(), &self.path)?;
        if !self.query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            push_form(&mut path, &self.query, environment, values)
                .map_err(|error| self.error("query".to_owned(), error.why))?;
        }
        check_path(&path).map_err(|why| self.error("path".to_owned(), why.to_owned()))?;
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        for (name, text) in &self.headers {
            let value = fill(&|| format!("header {name}"), text)?;
            if let Err(why) = check_header_value(&value) {
                return Err(self.error(format!("header {name}"), why.to_owned()));
            }
            headers.push((name.clone(), value));
        }
        let body = self.body.render(environment, values);
        let (body, content_type) =
            body.map_err(|error| self.error(self.body.key().to_owned(), error.why))?;
        if let Some(content_type) = content_type
            && !headers.iter().any(|header| header.0 == "content-type")
        {
            headers.push(("content-type".to_owned(), content_type));
        }
        if !self.anonymous {
            let carried = self.session_headers.render(environment, values);
            let carried =
                carried.map_err(|(name, why)| self.error(format!("header {name}"), why))?;
            for header in carried {
                if !headers.iter().any(|own| own.0 == header.0) {
                    headers.push(header);
                }
            }
        }
        let readers = self
            .readers
            .iter()
            .map(|text| fill(&|| "readers".to_owned(), text));
        Ok(Rendered {
            method: self.method.clone(),
            path,
            headers,
            body,
            readers: readers.collect::<Result<_, _>>()?,
        })
    }

    /// What the judge has to know of the step.
    #[must_use]
    pub fn info(&self) -> StepInfo {
        StepInfo {
            name: self.name.clone(),
            role: self.role,
            session: self.session.clone(),
            sees: self.sees.clone(),
            removes: self.removes.clone(),
            echoes: self.echoes,
            learns: self.learns,
            breaks_off: self.faults.breaks_off(),
            malformed: self.faults.malformed.is_some(),
            anonymous: self.anonymous,
            dead: self.dead,
            line: self.line as u64,
        }
    }

    fn error(&self, field: String, why: String) -> RenderError {
        RenderError {
            step: self.name.clone(),
            field,
            why,
        }
    }
}

/// What keeps `path` from being sent, if anything.
pub(super) fn check_path(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        return Err("a path begins with `/`");
    }
    match path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        true => Ok(()),
        false => Err(
            "a path has no spaces, no `#`, no control characters and nothing but ASCII: use the filter `urlencode`",
        ),
    }
}

/// What keeps `value` from being a header's value, if anything.
pub(super) fn check_header_value(value: &str) -> Result<(), &'static str> {
    match value.chars().any(char::is_control) {
        true => Err("a header's value has no control characters"),
        false => Ok(()),
    }
}

/// Equal when the file says the same, wherever the step stands in it.
impl PartialEq for Step {
    fn eq(&self, other: &Step) -> bool {
        let known = |step: &Step| (step.index, step.role, step.method.clone());
        known(self) == known(other)
            && (&self.name, &self.session) == (&other.name, &other.session)
            && (&self.host, self.anonymous, self.redirects)
                == (&other.host, other.anonymous, other.redirects)
            && (self.wait_ms, self.echoes, self.learns)
                == (other.wait_ms, other.echoes, other.learns)
            && (self.dead, self.with, self.companion) == (other.dead, other.with, other.companion)
            && self.faults == other.faults
            && self.status == other.status
            && self.captures == other.captures
            && (&self.sees, &self.removes, &self.plants)
                == (&other.sees, &other.removes, &other.plants)
            && (&self.path, &self.query, &self.headers)
                == (&other.path, &other.query, &other.headers)
            && (&self.readers, &self.expectations) == (&other.readers, &other.expectations)
            && self.body == other.body
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Step");
        shown
            .field("index", &self.index)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("line", &self.line);
        shown
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
