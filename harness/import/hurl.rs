//! Hurl: requests with captures and asserts, in plain text.

use std::collections::BTreeMap;

use super::error::ImportError;
use super::hurl_lines::{Block, Entry, HurlBody, Line, entries, key_and_value, unescaped};
use super::json::Json;
use super::links::{Names, escaped, identifier, is_token};
use super::secrets::{attribute_of, is_secret_name, looks_secret, names_a_secret};
use super::seen::{Answer, Body, Exchange, Part, Seen, Source};
use super::text::{Text, marked};

pub(super) fn read(text: &str) -> Result<Seen, ImportError> {
    let mut seen = Seen {
        from: "a Hurl file".to_owned(),
        ..Seen::default()
    };
    let mut reader = Reader {
        captured: BTreeMap::new(),
        names: Names::default(),
    };
    for entry in entries(text)? {
        let exchange = reader.exchange(&entry, &mut seen)?;
        seen.exchanges.push(exchange);
    }
    Ok(seen)
}

/// Marks a variable that stands where JSON has a number.
const NUMBER: &str = "number:";

struct Reader {
    /// Hurl's name of a capture, and the scenario's.
    captured: BTreeMap<String, String>,
    names: Names,
}

impl Reader {
    fn exchange(&mut self, entry: &Entry, seen: &mut Seen) -> Result<Exchange, ImportError> {
        let mut exchange = Exchange::default();
        exchange.request.method.clone_from(&entry.method);
        let given = templated(&entry.url);
        let url = if given.starts_with('\u{e000}') {
            // `{{host}}/path`: the host is a variable, so it is for a person to fill in.
            let remark = "TO DO: the URL's host is a variable of Hurl: write it under [target].";
            if !seen.remarks.iter().any(|known| known == remark) {
                seen.remarks.push(remark.to_owned());
            }
            let path = given.split_once('\u{e001}').map_or("", |parts| parts.1);
            format!(
                "http://127.0.0.1:8080{}{path}",
                if path.starts_with('/') { "" } else { "/" }
            )
        } else {
            given
        };
        let parsed = url::Url::parse(&url).ok().filter(|url| {
            let host = url.host_str().unwrap_or_default();
            matches!(url.scheme(), "http" | "https")
                && !host.is_empty()
                && !host.contains('%')
                && !host.contains('\u{e000}')
        });
        let Some(url) = parsed else {
            return Err(ImportError::new("this URL cannot be read", "a URL is `http://host/path`; a variable can stand for all of the host, not for a part").at(entry.line, 1));
        };
        exchange.request.set_url(&url);
        for (name, value) in &entry.request.headers {
            exchange.request.add_header(name, &templated(value));
        }
        self.sections(&entry.request, &mut exchange, seen);
        if let Some(body) = &entry.request.body {
            exchange.request.body = body_of(body, &exchange);
        }
        unknown(&entry.request.unknown, &mut exchange);
        self.unmark(&mut exchange);
        if let Some((status, block)) = &entry.answer {
            exchange.expect.status = *status;
            self.answer(block, &mut exchange);
        }
        Ok(exchange)
    }

    /// Makes variables of Hurl captures, functions, or attributes of the users.
    fn unmark(&self, exchange: &mut Exchange) {
        let code_of = |name: &str| match (self.captured.get(name), name) {
            (Some(capture), _) => capture.clone(),
            (None, "newUuid") => "uuid()".to_owned(),
            (None, "newDate") => "timestamp()".to_owned(),
            (None, _) => format!("user.{}", attribute_of(name)),
        };
        exchange.request.visit(&mut |_, _, text| {
            text.unmark(&|name| match name.strip_prefix(NUMBER) {
                Some(name) => format!("{} | int", code_of(name)),
                None => code_of(name),
            });
        });
    }

    fn sections(&mut self, block: &Block, exchange: &mut Exchange, seen: &mut Seen) {
        for (section, lines) in &block.sections {
            let pairs = pairs(lines);
            match section.as_str() {
                "QueryStringParams" | "Query" => {
                    exchange.request.query.extend(pairs.iter().map(text_pair))
                }
                "FormParams" | "Form" => {
                    exchange.request.body = Body::Form(pairs.iter().map(text_pair).collect())
                }
                "MultipartFormData" | "Multipart" => {
                    exchange.request.body = Body::Multipart(pairs.iter().map(part).collect())
                }
                "Cookies" => exchange.request.cookies.extend(pairs.iter().map(text_pair)),
                "BasicAuth" => {
                    let text = |text: &str| Text::plain(templated(text));
                    exchange.request.basic =
                        pairs.first().map(|pair| (text(&pair.0), text(&pair.1)));
                }
                "Options" => options(&pairs, exchange, seen),
                _ => {
                    unknown(lines, exchange);
                    continue;
                }
            }
            let odd: Vec<Line> = lines
                .iter()
                .filter(|line| key_and_value(&line.text).is_none())
                .cloned()
                .collect();
            unknown(&odd, exchange);
        }
    }

    fn answer(&mut self, block: &Block, exchange: &mut Exchange) {
        for (name, value) in &block.headers {
            let headers = &mut exchange.expect.headers;
            let name = name.to_ascii_lowercase();
            if headers.iter().any(|header| header.0 == name) {
                let remark = "TO DO: several headers of one name were expected, this is the first.";
                exchange.remarks.push(remark.to_owned());
            } else if is_token(&name) && !value.contains("{{") {
                headers.push((name, format!("^{}$", escaped(value))));
            }
        }
        for (section, lines) in &block.sections {
            for line in lines {
                let understood = match section.as_str() {
                    "Captures" => self.capture(line, exchange),
                    "Asserts" => assert(&line.text, exchange),
                    _ => false,
                };
                if !understood {
                    unknown(std::slice::from_ref(line), exchange);
                }
            }
        }
        unknown(&block.unknown, exchange);
        if block.body.is_some() {
            exchange.remarks.push(
                "TO DO: the Hurl file compares the whole answer; write what matters as `expect`."
                    .to_owned(),
            );
        }
        // A cookie that is captured tells what the answer sets, as a recording would.
        let cookies: Vec<(String, String)> = exchange
            .captures
            .iter()
            .filter_map(|capture| match &capture.1 {
                Source::Cookie(name) => Some(("set-cookie".to_owned(), format!("{name}=…"))),
                _ => None,
            })
            .collect();
        if !cookies.is_empty() {
            exchange.answer = Some(Answer {
                status: exchange.expect.status.unwrap_or(200),
                headers: cookies,
                ..Answer::default()
            });
        }
    }

    fn capture(&mut self, line: &Line, exchange: &mut Exchange) -> bool {
        let Some((name, query)) = key_and_value_raw(&line.text) else {
            return false;
        };
        let Some(source) = source_of(query.trim()) else {
            return false;
        };
        if let Source::Json(pointer) = &source {
            let field = pointer.rsplit('/').next().unwrap_or_default();
            exchange.answer_fields.push(field.to_owned());
        }
        let own = self.names.give(&identifier(name));
        self.captured.insert(name.to_owned(), own.clone());
        exchange.captures.push((own, source));
        true
    }
}

/// Name and query of a capture: quotes in the query stay.
fn key_and_value_raw(text: &str) -> Option<(&str, &str)> {
    let (name, query) = text.split_once(':')?;
    Some((name.trim(), query))
}

fn pairs(lines: &[Line]) -> Vec<(String, String)> {
    lines
        .iter()
        .filter_map(|line| key_and_value(&line.text))
        .collect()
}

fn text_pair(pair: &(String, String)) -> (String, Text) {
    (pair.0.clone(), Text::plain(templated(&pair.1)))
}

/// `file,name.png; image/png` or a text.
fn part((name, value): &(String, String)) -> Part {
    let file = value
        .strip_prefix("file,")
        .map(|rest| rest.split_once(';').unwrap_or((rest, "")));
    Part {
        name: name.clone(),
        text: Text::plain(if file.is_some() {
            String::new()
        } else {
            templated(value)
        }),
        is_file: file.is_some(),
        filename: file.and_then(|file| file.0.trim().rsplit('/').next().map(str::to_owned)),
        kind: file
            .map(|file| file.1.trim().to_owned())
            .filter(|kind| !kind.is_empty()),
    }
}

/// `[Options]`: few of them mean something to a scenario; variables are never quoted.
fn options(pairs: &[(String, String)], exchange: &mut Exchange, seen: &mut Seen) {
    for (name, value) in pairs {
        match name.as_str() {
            "insecure" => seen.insecure |= value == "true",
            "user" => {
                let (user, password) = value.split_once(':').unwrap_or((value, ""));
                exchange.request.basic = Some((
                    Text::plain(templated(user)),
                    Text::plain(templated(password)),
                ));
            }
            "location" | "compressed" | "verbose" | "very-verbose" | "output" | "retry"
            | "retry-interval" | "http1.1" | "skip" => {}
            _ => {
                let name: String = name
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                    .take(30)
                    .collect();
                exchange
                    .remarks
                    .push(format!("TO DO: the option {name} of Hurl was left out."));
            }
        }
    }
}

/// Comments for lines that were not understood; one that may hold a secret is not quoted.
fn unknown(lines: &[Line], exchange: &mut Exchange) {
    for line in lines {
        let name = line.text.split([':', ' ']).next().unwrap_or_default();
        let is_secret = names_a_secret(&line.text)
            || looks_secret(&line.text)
            || is_secret_name(name)
            || line.text.to_ascii_lowercase().contains("secret");
        let text: String = line.text.chars().take(100).collect();
        exchange
            .remarks
            .push(match is_secret || text.len() < line.text.len() {
                true => format!(
                    "TO DO: line {} of the Hurl file was not understood.",
                    line.number
                ),
                false => format!(
                    "TO DO: line {} of the Hurl file was not understood: {text}",
                    line.number
                ),
            });
    }
}

/// A text with Hurl's `{{name}}` marked.
fn templated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, left)) = after.split_once("}}") else {
            break;
        };
        let name = name.split_whitespace().next().unwrap_or_default();
        out.push_str(before);
        out.push_str(&marked(name));
        rest = left;
    }
    out.push_str(rest);
    out
}

fn body_of(body: &HurlBody, exchange: &Exchange) -> Body {
    let kind = exchange
        .request
        .header("content-type")
        .map(Text::shown)
        .unwrap_or_default();
    match body {
        HurlBody::Json(text) => json_of(text),
        HurlBody::Text(language, text) if language == "json" => json_of(text),
        HurlBody::Text(language, text) if language == "graphql" => Body::Json(Json::Table(vec![(
            "query".to_owned(),
            Json::text(templated(text)),
        )])),
        HurlBody::Text(_, text) | HurlBody::Xml(text) => Body::from_text(&kind, &templated(text)),
        HurlBody::Other(word) if word == "file" => {
            Body::Left("it stands in a file: raw = { file = \"FILE\" }".to_owned())
        }
        HurlBody::Other(word) => Body::Left(format!(
            "it is written as {word}: raw = {{ base64 = \"…\" }}"
        )),
    }
}

/// JSON, in which variables may stand for values as well.
fn json_of(text: &str) -> Body {
    let mut quoted = String::new();
    let (mut in_string, mut before) = (false, ' ');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !in_string
            && rest.starts_with("{{")
            && let Some((name, left)) = rest[2..].split_once("}}").filter(|parts| {
                parts
                    .0
                    .trim()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            })
        {
            quoted.push_str(&format!(
                "\"{}\"",
                marked(&format!("{NUMBER}{}", name.trim()))
            ));
            rest = left;
            before = '}';
            continue;
        }
        if c == '"' && before != '\\' {
            in_string = !in_string;
        }
        before = if before == '\\' { ' ' } else { c };
        quoted.push(c);
        rest = &rest[c.len_utf8()..];
    }
    match Json::read(&templated(&quoted)) {
        Ok(json) => Body::Json(json),
        Err(_) => Body::Left("its JSON could not be read".to_owned()),
    }
}

/// What a query of Hurl takes from the answer, when a scenario can do the same.
fn source_of(query: &str) -> Option<Source> {
    let (word, rest) = query.split_once(char::is_whitespace)?;
    let rest = rest.trim();
    match word {
        "jsonpath" => pointer_of(&string(rest)?).map(Source::Json),
        "header" => Some(string(rest)?.to_ascii_lowercase())
            .filter(|name| is_token(name))
            .map(Source::Header),
        "cookie" => Some(string(rest)?)
            .filter(|name| is_token(name))
            .map(Source::Cookie),
        "regex" => Some(Source::Regex(string(rest)?)),
        "xpath" => css_of(&string(rest)?),
        "body" => {
            let rest = rest.strip_prefix("regex")?.trim();
            Some(Source::Regex(string(rest)?))
        }
        _ => None,
    }
}

/// The one text in quotes or slashes; nothing may follow.
fn string(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '/'))?;
    let inside = text[1..].strip_suffix(quote)?;
    let is_one = !inside
        .replace("\\\\", "")
        .replace(&format!("\\{quote}"), "")
        .contains(quote);
    is_one.then(|| {
        if quote == '"' {
            unescaped(inside)
        } else {
            inside.replace("\\/", "/")
        }
    })
}

/// `$.a[0].b` as a JSON pointer; none for what is more than a path.
fn pointer_of(path: &str) -> Option<String> {
    let mut rest = path.strip_prefix('$')?;
    let mut pointer = String::new();
    while !rest.is_empty() {
        let (part, left) =
            if let Some(after) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
                let end = after.find(['\'', '"'])?;
                (&after[..end], after[end + 1..].strip_prefix(']')?)
            } else if let Some(after) = rest.strip_prefix('[') {
                let (number, left) = after.split_once(']')?;
                number.parse::<u32>().ok()?;
                (number, left)
            } else {
                let after = rest.strip_prefix('.')?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                after.split_at(end)
            };
        let is_plain = !part.is_empty() && !part.contains(['*', '?', '@', '(', ' ']);
        if !is_plain {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        rest = left;
    }
    Some(pointer)
}

/// `string(//meta[@name='x']/@content)` as a selector and an attribute.
fn css_of(xpath: &str) -> Option<Source> {
    let inner = xpath
        .strip_prefix("string(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(xpath);
    let path = inner.strip_prefix("//")?;
    let (element, attribute) = match path.rsplit_once("/@") {
        Some((element, attribute)) => (element, Some(attribute.to_owned())),
        None => (path, None),
    };
    let (tag, condition) = element
        .split_once('[')
        .map_or((element, None), |parts| (parts.0, Some(parts.1)));
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let selector = match condition {
        None => tag.to_owned(),
        Some(condition) => {
            let (name, value) = condition
                .strip_suffix(']')?
                .strip_prefix('@')?
                .split_once('=')?;
            let value = value.trim_matches(['\'', '"']);
            let is_right = is_word(name)
                && value
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '[' | ']'));
            is_right.then(|| format!("{tag}[{name}=\"{value}\"]"))?
        }
    };
    let is_right = is_word(tag) && attribute.as_deref().is_none_or(is_word);
    is_right.then_some(Source::Css {
        selector,
        attribute,
    })
}

/// Takes an assert over, when a scenario can expect the same.
fn assert(text: &str, exchange: &mut Exchange) -> bool {
    let expect = &mut exchange.expect;
    let words: Vec<&str> = text.split_whitespace().collect();
    if let ["status", "==", code] = words[..] {
        expect.status = code.parse().ok();
        return expect.status.is_some();
    }
    if let Some(rest) = text.strip_prefix("header ") {
        return header_assert(rest.trim(), expect).is_some();
    }
    let Some(rest) = text.strip_prefix("body ").map(str::trim) else {
        return false;
    };
    let (target, rest) = match rest.strip_prefix("not ") {
        Some(rest) => (&mut expect.not_body, rest.trim()),
        None => (&mut expect.body, rest),
    };
    let Some((predicate, value)) = rest.split_once(char::is_whitespace) else {
        return false;
    };
    let Some(value) =
        string(value.trim()).filter(|value| !value.contains("{{") && target.is_none())
    else {
        return false;
    };
    *target = match predicate {
        "contains" => Some(escaped(&value)),
        "matches" => Some(value),
        _ => return false,
    };
    true
}

fn header_assert(rest: &str, expect: &mut super::seen::Expect) -> Option<()> {
    let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let (predicate, value) = rest.trim().split_once(char::is_whitespace)?;
    let value = string(value.trim()).filter(|value| !value.contains("{{"))?;
    let regex = match predicate {
        "==" => format!("^{}$", escaped(&value)),
        "contains" => escaped(&value),
        "startsWith" => format!("^{}", escaped(&value)),
        "endsWith" => format!("{}$", escaped(&value)),
        "matches" => value,
        _ => return None,
    };
    let is_new = is_token(name)
        && !expect
            .headers
            .iter()
            .any(|header| header.0.eq_ignore_ascii_case(name));
    is_new.then(|| expect.headers.push((name.to_ascii_lowercase(), regex)))
}
