//! Values of an answer that a later request sends back: they become captures.

use std::collections::{BTreeMap, BTreeSet};

use super::html;
use super::secrets::{is_secret_name, is_uuid, looks_secret};
use super::seen::{Body, Exchange, Place, Source, decoded};
use super::text::{Piece, Text};

/// Names that templates know by themselves, or that cannot name a capture.
const TAKEN: [&str; 34] = [
    "user",
    "index",
    "count",
    "round",
    "secret",
    "public",
    "secret_file",
    "nonce",
    "random",
    "random_int",
    "uuid",
    "now",
    "now_ms",
    "timestamp",
    "padding",
    "range",
    "dict",
    "namespace",
    "debug",
    "loop",
    "self",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "and",
    "or",
    "not",
    "in",
    "if",
    "else",
    "is",
];

/// Headers of an answer whose values say nothing about a session or an item.
const PLAIN_HEADERS: [&str; 16] = [
    "date",
    "content-length",
    "content-type",
    "last-modified",
    "expires",
    "age",
    "server",
    "vary",
    "cache-control",
    "set-cookie",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-encoding",
    "accept-ranges",
    "alt-svc",
];

/// Bytes of an answer's body that are searched.
const BODY_LIMIT: usize = 1 << 20;

/// Longest name made from one of the input, in bytes: a scenario takes 64, and a number or a word may be added.
pub(super) const NAME_LIMIT: usize = 48;

/// A name that a template can use: letters, digits and underscores, no digit first, none that means something else.
pub(super) fn identifier(name: &str) -> String {
    let mut made = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if made.len() >= NAME_LIMIT {
            break;
        }
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
                made.push('_');
            }
            made.push(c.to_ascii_lowercase());
        } else if !made.ends_with('_') && !made.is_empty() {
            made.push('_');
        }
        before = c;
    }
    let made = made.trim_end_matches('_').to_owned();
    if made.is_empty() || made.starts_with(|c: char| c.is_ascii_digit()) {
        format!("value_{made}").trim_end_matches('_').to_owned()
    } else if TAKEN.contains(&made.as_str()) {
        format!("{made}_value")
    } else {
        made
    }
}

/// Names that are given once.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// `wanted`, with a number when it is there already.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

/// What an answer holds, by value.
#[derive(Debug, Default)]
struct Held {
    by_value: BTreeMap<String, Found>,
    /// The path to which the answer points, when it is one alone.
    location: Option<String>,
    body: String,
}

/// A value's place in an answer.
#[derive(Clone, Debug)]
struct Found {
    source: Source,
    /// What its field is called.
    field: String,
}

impl Held {
    fn of(exchange: &Exchange) -> Held {
        let mut held = Held::default();
        let Some(answer) = &exchange.answer else {
            return held;
        };
        if answer.body.len() <= BODY_LIMIT {
            match Body::from_text(&answer.kind, &answer.body) {
                Body::Json(mut json) => json.visit(&mut |name, pointer, text| {
                    if let Some(value) = text.as_plain() {
                        held.add(value, Source::Json(pointer.to_owned()), name);
                    }
                }),
                _ => {
                    for field in html::fields(&answer.body) {
                        let source = Source::Css {
                            selector: field.selector.clone(),
                            attribute: Some(field.attribute.to_owned()),
                        };
                        held.add(&field.value, source, &field.name);
                    }
                    held.body.clone_from(&answer.body);
                }
            }
        }
        let location = answer
            .header("location")
            .filter(|location| location.starts_with('/') && !location.contains(['?', '#']));
        held.location = location.map(|location| location.trim_end_matches('/').to_owned());
        for (name, value) in answer.cookies() {
            if is_token(name) {
                held.add(value, Source::Cookie(name.to_owned()), name);
            }
        }
        for (name, value) in &answer.headers {
            if !PLAIN_HEADERS.contains(&name.as_str()) && is_token(name) {
                held.add(value, Source::Header(name.clone()), name);
            }
        }
        held
    }

    fn add(&mut self, value: &str, source: Source, field: &str) {
        if !value.is_empty() && value.len() <= 4096 {
            self.by_value.entry(value.to_owned()).or_insert(Found {
                source,
                field: field.to_owned(),
            });
        }
    }

    /// The place of a value; `deep` finds it by a regular expression, too, when it has no better place.
    fn find(&self, value: &str, deep: bool) -> Option<Found> {
        if let Some(found) = self.by_value.get(value) {
            return Some(found.clone());
        }
        let is_word = value.len() >= 8
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b));
        if !deep || !is_word {
            return None;
        }
        let at = self.body.find(value)?;
        let before = self.body[..at].lines().next_back()?;
        let from = before.char_indices().rev().take(24).last()?.0;
        let context = &before[from..];
        let is_usable = context.len() >= 4
            && context.chars().all(|c| c == ' ' || c.is_ascii_graphic())
            && !looks_secret(context)
            && self.body.find(context) == Some(at - context.len());
        is_usable.then(|| Found {
            source: Source::Regex(format!("{}([A-Za-z0-9_.~+/=-]+)", escaped(context))),
            field: "found".to_owned(),
        })
    }
}

/// A text as a regular expression that matches it alone.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Whether it is a token (RFC 9110, 5.6.2), as names of headers and cookies are.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a field of this name holds what tells an item from others.
fn is_id_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == "id"
        || lower == "uid"
        || lower == "number"
        || lower == "slug"
        || lower.ends_with("_id")
        || lower.ends_with("-id")
        || name.ends_with("Id")
        || name.ends_with("ID")
        || lower.ends_with("uuid")
}

/// Whether a value that is sent may be looked for in answers: words and small numbers turn up everywhere.
fn is_handle(place: Place, name: &str, value: &str) -> bool {
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let only_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    if value.len() < 4 || only_digits {
        return only_digits && !value.is_empty() && (place == Place::Path || is_id_name(name));
    }
    is_secret_name(name)
        || is_uuid(value)
        || digits && value.len() >= 6
        || value.len() >= 20 && !value.contains(' ')
}

/// Replaces what requests send back by captures, and adds the captures to the exchanges whose answers have the values.
/// Returns the places of the exchanges that were needed for it.
pub(super) fn link(exchanges: &mut [Exchange], names: &mut Names) -> BTreeSet<usize> {
    let held: Vec<Held> = exchanges.iter().map(Held::of).collect();
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for (at, exchange) in exchanges.iter().enumerate() {
        for leaf in exchange.request.leaves() {
            sent.entry(leaf.2).or_insert(at);
        }
    }
    let mut links = Links {
        held: &held,
        sent: &sent,
        writes: exchanges
            .iter()
            .map(|exchange| !is_read(exchange))
            .collect(),
        paths: exchanges
            .iter()
            .map(|exchange| exchange.request.shown_path())
            .collect(),
        made: BTreeMap::new(),
        captures: Vec::new(),
        names,
    };
    for (at, exchange) in exchanges.iter_mut().enumerate().skip(1) {
        links.follow_location(at, exchange);
        exchange.request.visit(&mut |place, name, text| {
            if place != Place::Cookie && place != Place::Credential {
                links.replace(at, place, name, text);
            }
        });
    }
    let captures = links.captures;
    let needed = captures.iter().map(|capture| capture.0).collect();
    for (at, name, source) in captures {
        exchanges[at].captures.push((name, source));
    }
    needed
}

/// Whether a request changes nothing, as far as can be told: GraphQL sends queries by POST.
pub(super) fn is_read(exchange: &Exchange) -> bool {
    match exchange.request.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => true,
        "POST" => match &exchange.request.body {
            Body::Json(json) => json.str("query").is_some_and(|query| {
                let query = query.trim_start();
                query.starts_with('{')
                    || query.starts_with("query")
                    || query.starts_with("fragment")
            }),
            _ => false,
        },
        _ => false,
    }
}

struct Links<'a> {
    held: &'a [Held],
    /// The first exchange that sent a value.
    sent: &'a BTreeMap<String, usize>,
    writes: Vec<bool>,
    paths: Vec<String>,
    /// The name of the capture, by exchange and value.
    made: BTreeMap<(usize, String), String>,
    captures: Vec<(usize, String, Source)>,
    names: &'a mut Names,
}

impl Links<'_> {
    /// Makes a path a capture when an earlier write's answer pointed to it, or to what it is below.
    fn follow_location(&mut self, at: usize, exchange: &mut Exchange) {
        let path = self.paths[at].clone();
        for from in (0..at).rev().filter(|from| self.writes[*from]) {
            let is_beginning = |location: &str| {
                let rest = path.strip_prefix(location);
                location.bytes().any(|byte| byte.is_ascii_digit())
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let found = self.held[from]
                .location
                .clone()
                .filter(|location| is_beginning(location));
            let Some(location) = found.filter(|location| !self.paths[..=from].contains(location))
            else {
                continue;
            };
            let name = self.capture(
                from,
                &location,
                Source::Header("location".to_owned()),
                "location",
            );
            let below = location.matches('/').count();
            let request = &mut exchange.request;
            request
                .segments
                .splice(..below.min(request.segments.len()), [Text::code(name)]);
            request.from_location = true;
            exchange.name.get_or_insert_with(|| {
                let rest = &path[location.len()..];
                format!(
                    "{} {}/…{rest}",
                    request.method,
                    self.paths[from].trim_end_matches('/')
                )
            });
            return;
        }
    }

    fn replace(&mut self, at: usize, place: Place, name: &str, text: &mut Text) {
        let Some(plain) = text.as_plain().map(str::to_owned) else {
            return;
        };
        // `Bearer …`: the value is what follows the scheme.
        let (scheme, value) = match plain.split_once(' ') {
            Some((scheme, value)) if place == Place::Header && !value.contains(' ') => {
                (format!("{scheme} "), value)
            }
            _ => (String::new(), plain.as_str()),
        };
        let value = if place == Place::Path {
            decoded(value)
        } else {
            value.to_owned()
        };
        if !is_handle(place, name, &value) {
            return;
        }
        let Some((from, found)) = self.origin(at, place, name, &value) else {
            return;
        };
        let code = self.capture(from, &value, found.source, &found.field);
        let mut pieces = vec![Piece::Code(code)];
        if !scheme.is_empty() {
            pieces.insert(0, Piece::Plain(scheme));
        }
        *text = Text::of(pieces);
    }

    /// The exchange whose answer gave the value: the latest write, otherwise the latest one at all.
    fn origin(&self, at: usize, place: Place, name: &str, value: &str) -> Option<(usize, Found)> {
        let only_digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let first_sent = self.sent.get(value);
        let mut best: Option<(usize, Found)> = None;
        for from in (0..at).rev() {
            // What the client itself had sent before did not come from this answer.
            if first_sent.is_some_and(|first| *first <= from) {
                continue;
            }
            let Some(found) = self.held[from].find(value, is_secret_name(name)) else {
                continue;
            };
            if only_digits && !self.is_same_item(from, at, place, &found, value) {
                continue;
            }
            if self.writes[from] {
                return Some((from, found));
            }
            best.get_or_insert((from, found));
        }
        best
    }

    /// Whether a mere number is the same thing in both: it must be an id in the answer, of an item below the same path.
    fn is_same_item(
        &self,
        from: usize,
        at: usize,
        place: Place,
        found: &Found,
        value: &str,
    ) -> bool {
        if !matches!(found.source, Source::Json(_)) || !is_id_name(&found.field) {
            return false;
        }
        let path = self.paths[from].trim_end_matches('/');
        place != Place::Path && value.len() >= 3
            || self.paths[at]
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn capture(&mut self, from: usize, value: &str, source: Source, field: &str) -> String {
        let key = (from, value.to_owned());
        if let Some(name) = self.made.get(&key) {
            return name.clone();
        }
        let wanted = match (
            field,
            self.paths[from]
                .rsplit('/')
                .find(|part| !part.is_empty() && *part != "…"),
        ) {
            ("id" | "uuid" | "uid" | "location" | "found", Some(last)) => {
                format!("{}_{field}", last.strip_suffix('s').unwrap_or(last))
            }
            _ => field.to_owned(),
        };
        let name = self.names.give(&identifier(&wanted));
        self.made.insert(key, name.clone());
        self.captures.push((from, name.clone(), source));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::seen::{Answer, Request};

    fn exchange(method: &str, path: &str, kind: &str, body: &str) -> Exchange {
        let mut request = Request {
            method: method.to_owned(),
            ..Request::default()
        };
        request.set_url(&url::Url::parse(&format!("http://h{path}")).unwrap());
        Exchange {
            request,
            answer: Some(Answer {
                status: 200,
                kind: kind.to_owned(),
                body: body.to_owned(),
                ..Answer::default()
            }),
            ..Exchange::default()
        }
    }

    #[test]
    fn an_id_that_a_write_gave_is_captured_from_it_and_not_from_a_list() {
        let mut seen = [
            exchange("POST", "/notes", "application/json", r#"{"id":7}"#),
            exchange("GET", "/notes", "application/json", r#"[{"id":7}]"#),
            exchange("GET", "/notes/7", "application/json", "{}"),
            exchange("GET", "/pages/7", "application/json", "{}"),
        ];
        let needed = link(&mut seen, &mut Names::default());
        assert_eq!(needed, BTreeSet::from([0]));
        assert_eq!(
            seen[0].captures,
            [("note_id".to_owned(), Source::Json("/id".to_owned()))]
        );
        assert_eq!(seen[2].request.segments[1], Text::code("note_id"));
        assert_eq!(
            seen[3].request.segments[1],
            Text::plain("7"),
            "another kind of thing"
        );
    }

    #[test]
    fn what_the_client_made_up_is_no_capture() {
        let mut seen = [
            exchange(
                "POST",
                "/notes?ref=ab12cd34",
                "application/json",
                r#"{"ref":"ab12cd34"}"#,
            ),
            exchange("GET", "/notes/ab12cd34", "text/html", ""),
        ];
        assert!(link(&mut seen, &mut Names::default()).is_empty());
    }

    #[test]
    fn a_token_of_a_page_is_found_by_selector_or_by_what_stands_before_it() {
        let mut seen = [
            exchange(
                "GET",
                "/",
                "text/html",
                r#"<meta name="csrf" content="tok1234567"><script>var key = "qrs7654321";</script>"#,
            ),
            exchange("POST", "/a", "text/html", ""),
        ];
        for (name, value) in [("x-csrf", "tok1234567"), ("x-key", "qrs7654321")] {
            seen[1].request.add_header(name, value);
        }
        link(&mut seen, &mut Names::default());
        let selector = "meta[name=\"csrf\"]".to_owned();
        assert_eq!(
            seen[0].captures[0].1,
            Source::Css {
                selector,
                attribute: Some("content".to_owned())
            }
        );
        let Source::Regex(regex) = &seen[0].captures[1].1 else {
            panic!("{:?}", seen[0].captures)
        };
        assert!(regex.ends_with("key = \"([A-Za-z0-9_.~+/=-]+)"), "{regex}");
    }

    #[test]
    fn names_can_stand_in_templates() {
        assert_eq!(identifier("X-CSRF-Token"), "x_csrf_token");
        assert_eq!(identifier("accessToken"), "access_token");
        assert_eq!(identifier("user"), "user_value");
        assert_eq!(identifier("9"), "value_9");
        assert_eq!(identifier("ü"), "value");
        let mut names = Names::default();
        assert_eq!(
            (names.give("a"), names.give("a")),
            ("a".to_owned(), "a_2".to_owned())
        );
    }
}
