//! What was seen, whatever the format it was written in: requests, and their answers where the format has them.

use std::collections::BTreeMap;

use super::json::Json;
use super::text::Text;

/// All that an input says.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// What it was, for the draft's first comment: `a HAR of Firefox 128.0`.
    pub(super) from: String,
    /// The base URL, when the format names one; otherwise the host with most requests.
    pub(super) base: Option<String>,
    pub(super) exchanges: Vec<Exchange>,
    /// How requests show who sends them, when the format says so apart from the requests.
    pub(super) credentials: Vec<Credential>,
    /// Values are samples: the same one in two places means nothing.
    pub(super) samples: bool,
    /// Certificates were not checked.
    pub(super) insecure: bool,
    /// How many requests were left out by the reader, by reason.
    pub(super) left_out: BTreeMap<&'static str, usize>,
    /// Comments for the draft's head; they quote no values.
    pub(super) remarks: Vec<String>,
}

/// How requests show who sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    Bearer(Text),
    Basic {
        user: Text,
        password: Text,
    },
    /// Name in lower case and value.
    Header(String, Text),
}

/// A request and, perhaps, its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    /// A name that the format gives.
    pub(super) name: Option<String>,
    /// Requests that belong together have the same.
    pub(super) group: Option<String>,
    pub(super) request: Request,
    pub(super) answer: Option<Answer>,
    pub(super) captures: Vec<(String, Source)>,
    pub(super) expect: Expect,
    /// Sent without a session, says the format.
    pub(super) anonymous: bool,
    /// Whether redirects are followed, when the format says so.
    pub(super) redirects: Option<bool>,
    /// Names of fields that the answer is said to have, for formats without answers.
    pub(super) answer_fields: Vec<String>,
    /// It gives anew what the log-in gave.
    pub(super) renews: bool,
    /// A step that is written as a comment, with the reason.
    pub(super) off: Option<String>,
    /// Comments for the step; they quote no secrets.
    pub(super) remarks: Vec<String>,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Scheme, host and port.
    pub(super) origin: String,
    /// The parts of the path between slashes, percent-encoded.
    pub(super) segments: Vec<Text>,
    /// The first segment is code that gives a whole path, its slash included.
    pub(super) from_location: bool,
    /// Decoded.
    pub(super) query: Vec<(String, Text)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, Text)>,
    pub(super) cookies: Vec<(String, Text)>,
    pub(super) basic: Option<(Text, Text)>,
    pub(super) body: Body,
}

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Body {
    #[default]
    Empty,
    Form(Vec<(String, Text)>),
    Json(Json),
    Multipart(Vec<Part>),
    Text(Text),
    /// It cannot be written into a scenario; why, for people.
    Left(String),
}

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// The text; a file's content is not part of the input.
    pub(super) text: Text,
    pub(super) is_file: bool,
    pub(super) filename: Option<String>,
    pub(super) kind: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Media type without parameters, lower case.
    pub(super) kind: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.0 == name)
            .map(|header| header.1.as_str())
    }

    /// Names and values of the cookies that it sets; several may stand in one header, a line each.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter(|header| header.0 == "set-cookie")
            .flat_map(|header| header.1.split('\n'))
            .filter_map(|line| {
                let pair = line.split_once(';').map_or(line, |parts| parts.0);
                let (name, value) = pair.split_once('=')?;
                Some((name.trim(), value.trim()))
            })
            .filter(|cookie| !cookie.1.is_empty())
    }
}

/// Where a captured value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Json(String),
    Header(String),
    Cookie(String),
    Css {
        selector: String,
        attribute: Option<String>,
    },
    Regex(String),
}

/// What a good answer must be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expect {
    pub(super) status: Option<u16>,
    /// Name and regular expression.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) not_body: Option<String>,
}

/// Where a text of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
    Credential,
    Form,
    Json,
    Part,
    Body,
}

impl Place {
    /// Whether it is inside of a body.
    pub(super) fn is_body(self) -> bool {
        matches!(self, Place::Form | Place::Json | Place::Part | Place::Body)
    }
}

impl Request {
    /// Sets origin, path, query and credentials from a URL.
    pub(super) fn set_url(&mut self, url: &url::Url) {
        self.origin = origin_of(url);
        self.segments = url
            .path()
            .trim_start_matches('/')
            .split('/')
            .map(|segment| Text::plain(super::text::marks_back(&sent_segment(segment))))
            .collect();
        self.query = url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), Text::plain(value.into_owned())))
            .collect();
        if !url.username().is_empty() || url.password().is_some() {
            let text = |part: &str| Text::plain(decoded(part));
            self.basic = Some((
                text(url.username()),
                text(url.password().unwrap_or_default()),
            ));
        }
    }

    /// The path for people.
    pub(super) fn shown_path(&self) -> String {
        let segments: Vec<String> = self.segments.iter().map(Text::shown).collect();
        format!("/{}", segments.join("/"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&Text> {
        self.headers
            .iter()
            .find(|header| header.0 == name)
            .map(|header| &header.1)
    }

    /// Adds a header; cookies go to the cookies, and sender's fields of HTTP/2 away.
    pub(super) fn add_header(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || name.starts_with(':') {
            return;
        }
        if name == "cookie" {
            for pair in value.split(';') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                if !name.trim().is_empty() {
                    self.cookies
                        .push((name.trim().to_owned(), Text::plain(value.trim())));
                }
            }
        } else if !self.headers.iter().any(|header| header.0 == name) {
            self.headers.push((name, Text::plain(value.trim())));
        }
    }

    /// Shows every text that could hold a value of somebody's: its place, the name of its field, and the text.
    pub(super) fn visit(&mut self, visit: &mut dyn FnMut(Place, &str, &mut Text)) {
        let mut before = String::new();
        for segment in &mut self.segments {
            visit(Place::Path, &before, segment);
            before = segment.shown();
        }
        for (name, value) in &mut self.query {
            visit(Place::Query, name, value);
        }
        for (name, value) in &mut self.headers {
            visit(Place::Header, name, value);
        }
        for (name, value) in &mut self.cookies {
            visit(Place::Cookie, name, value);
        }
        if let Some((user, password)) = &mut self.basic {
            visit(Place::Credential, "user", user);
            visit(Place::Credential, "password", password);
        }
        match &mut self.body {
            Body::Empty | Body::Left(_) => {}
            Body::Form(fields) => fields
                .iter_mut()
                .for_each(|(name, value)| visit(Place::Form, name, value)),
            Body::Json(json) => json.visit(&mut |name, _, text| visit(Place::Json, name, text)),
            Body::Multipart(parts) => parts
                .iter_mut()
                .filter(|part| !part.is_file)
                .for_each(|part| visit(Place::Part, &part.name, &mut part.text)),
            Body::Text(text) => visit(Place::Body, "text", text),
        }
    }

    /// Every plain text of the request, with its place and the name of its field.
    pub(super) fn leaves(&self) -> Vec<(Place, String, String)> {
        let mut leaves = Vec::new();
        // Visiting needs a copy because numbers are shown as texts.
        self.clone().visit(&mut |place, name, text| {
            if let Some(plain) = text.as_plain() {
                leaves.push((place, name.to_owned(), plain.to_owned()));
            }
        });
        leaves
    }
}

impl Body {
    /// The body that `text` is, by its media type.
    pub(super) fn from_text(kind: &str, text: &str) -> Body {
        let kind = media_type(kind);
        if text.is_empty() {
            return Body::Empty;
        }
        let says_json = kind.ends_with("json");
        if (says_json || kind.is_empty() && text.trim_start().starts_with(['{', '[']))
            && let Ok(json) = Json::read(text)
        {
            return Body::Json(json);
        }
        if kind == "application/x-www-form-urlencoded" {
            return Body::Form(
                url::form_urlencoded::parse(text.as_bytes())
                    .map(|(name, value)| (name.into_owned(), Text::plain(value.into_owned())))
                    .collect(),
            );
        }
        Body::Text(Text::plain(text))
    }
}

/// Media type without parameters, lower case.
pub(super) fn media_type(header: &str) -> String {
    let kind = header.split_once(';').map_or(header, |parts| parts.0);
    kind.trim().to_ascii_lowercase()
}

/// Scheme, host and port.
pub(super) fn origin_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Percent-decoded, as far as that gives text.
pub(super) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

/// A segment as a path can hold it: printable ASCII without `#` and `?`.
pub(super) fn sent_segment(segment: &str) -> String {
    const SENT: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'#')
        .add(b'?')
        .add(b'"')
        .add(b'<')
        .add(b'>');
    percent_encoding::utf8_percent_encode(segment, SENT).to_string()
}
