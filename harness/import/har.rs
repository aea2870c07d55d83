//! HAR 1.2: requests and answers as a browser or a proxy recorded them.
//!
//! Format: <http://www.softwareishard.com/blog/har-12-spec/>; Chrome adds `_resourceType`.

use base64::Engine as _;

use super::error::ImportError;
use super::json::Json;
use super::seen::{Answer, Body, Exchange, Part, Request, Seen, media_type};
use super::text::Text;

/// Bytes of an answer that are looked at.
const ANSWER_LIMIT: usize = 4 << 20;

/// Kinds of requests in Chrome that are no pages and no calls of an interface.
const OTHER_KINDS: [&str; 9] = [
    "stylesheet",
    "script",
    "image",
    "font",
    "media",
    "manifest",
    "texttrack",
    "ping",
    "csp-violation-report",
];

pub(super) fn read(text: &str) -> Result<Seen, ImportError> {
    let root = Json::read(text).map_err(|error| broken(&error))?;
    let Some(log) = root.get("log") else {
        return Err(ImportError::new(
            "this is JSON, but no HAR: it has no `log`",
            "export one in the browser's network view (\"Save all as HAR\")",
        ));
    };
    let Some(Json::List(entries)) = log.get("entries") else {
        return Err(ImportError::new(
            "the HAR has no list `log.entries`",
            "export it again; a HAR lists every request there",
        ));
    };
    let creator = log.get("browser").or_else(|| log.get("creator"));
    let creator = creator
        .and_then(|creator| creator.str("name"))
        .unwrap_or_default();
    let creator: String = creator
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == ' ')
        .take(30)
        .collect();
    let mut seen = Seen {
        from: match creator.trim() {
            "" => "a HAR".to_owned(),
            creator => format!("a HAR of {creator}"),
        },
        ..Seen::default()
    };
    for entry in entries {
        match read_entry(entry) {
            Ok(exchange) => seen.exchanges.push(exchange),
            Err(why) => *seen.left_out.entry(why).or_default() += 1,
        }
    }
    if seen.exchanges.is_empty() {
        let count = entries.len();
        return Err(ImportError::new(
            format!("the HAR has {count} entries and none of them is a request to race"),
            "record with the network view open, log in, and open a page that shows the user's own data",
        ));
    }
    Ok(seen)
}

/// Why the text is no JSON.
fn broken(error: &serde_json::Error) -> ImportError {
    let (line, column) = (error.line(), error.column());
    let (message, remedy) = match error.classify() {
        serde_json::error::Category::Eof => {
            ("the HAR ends too early", "it was cut off: export it again")
        }
        _ if error.to_string().contains("recursion") => (
            "the HAR is nested too deeply",
            "export it with a browser; no HAR is so deep",
        ),
        _ => (
            "the HAR is not JSON",
            "export it again; what stands here breaks it",
        ),
    };
    ImportError::new(message, remedy).at(line, column)
}

/// An entry, or why it is left out.
fn read_entry(entry: &Json) -> Result<Exchange, &'static str> {
    let Some(request) = entry.get("request") else {
        return Err("without a request");
    };
    match entry.str("_resourceType") {
        Some("websocket") => return Err("for WebSockets"),
        Some("preflight") => return Err("that a browser asks beforehand (CORS)"),
        Some(kind) if OTHER_KINDS.contains(&kind) => return Err("for static files"),
        _ => {}
    }
    let url = request.str("url").unwrap_or_default();
    if url.starts_with("data:") || url.starts_with("blob:") || url.starts_with("chrome-extension:")
    {
        return Err("inside of the browser");
    }
    let url = url::Url::parse(url).map_err(|_| "with a URL that cannot be read")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("for WebSockets");
    }
    let answer = entry.get("response").map(read_answer).unwrap_or_default();
    match answer.status {
        0 => return Err("without an answer"),
        101 => return Err("for WebSockets"),
        _ => {}
    }
    Ok(Exchange {
        request: read_request(request, &url),
        answer: Some(answer),
        ..Exchange::default()
    })
}

fn read_request(from: &Json, url: &url::Url) -> Request {
    let mut request = Request {
        method: from.str("method").unwrap_or_default().to_ascii_uppercase(),
        ..Request::default()
    };
    request.set_url(url);
    for header in from.list("headers") {
        if let (Some(name), Some(value)) = (header.str("name"), header.str("value")) {
            request.add_header(name, value);
        }
    }
    if request.cookies.is_empty() {
        for cookie in from.list("cookies") {
            if let (Some(name), Some(value)) = (cookie.str("name"), cookie.str("value")) {
                request.cookies.push((name.to_owned(), Text::plain(value)));
            }
        }
    }
    if let Some(data) = from.get("postData") {
        request.body = read_body(data);
    }
    request
}

fn read_body(data: &Json) -> Body {
    let kind = data.str("mimeType").unwrap_or_default();
    let text = data.str("text").unwrap_or_default();
    if media_type(kind) == "multipart/form-data" {
        return read_multipart(data, kind, text);
    }
    if text.is_empty() && media_type(kind) == "application/x-www-form-urlencoded" {
        let field = |param: &Json| {
            let value = param.str("value").unwrap_or_default();
            Some((param.str("name")?.to_owned(), Text::plain(value)))
        };
        return Body::Form(data.list("params").iter().filter_map(field).collect());
    }
    match Body::from_text(kind, text) {
        Body::Text(_)
            if text.contains('\u{fffd}')
                || text.chars().any(|c| c.is_control() && !c.is_whitespace()) =>
        {
            Body::Left("it is no text: raw = { file = \"body.bin\" }".to_owned())
        }
        body => body,
    }
}

fn read_multipart(data: &Json, kind: &str, text: &str) -> Body {
    let params = data.list("params");
    if !params.is_empty() {
        let part = |param: &Json| {
            let filename = param.str("fileName").filter(|name| !name.is_empty());
            Some(Part {
                name: param.str("name")?.to_owned(),
                text: Text::plain(param.str("value").unwrap_or_default()),
                is_file: filename.is_some(),
                filename: filename.map(str::to_owned),
                kind: param
                    .str("contentType")
                    .filter(|kind| !kind.is_empty())
                    .map(str::to_owned),
            })
        };
        return Body::Multipart(params.iter().filter_map(part).collect());
    }
    let boundary = kind
        .split("boundary=")
        .nth(1)
        .map(|rest| rest.trim_matches('"'));
    let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
        return Body::Left("the multipart body has no boundary".to_owned());
    };
    let boundary = format!(
        "--{}",
        boundary
            .split(';')
            .next()
            .unwrap_or(boundary)
            .trim_matches('"')
    );
    let parts: Vec<Part> = text
        .split(boundary.as_str())
        .filter_map(read_part)
        .collect();
    match parts.is_empty() {
        true => Body::Left("the HAR has the multipart body without its parts".to_owned()),
        false => Body::Multipart(parts),
    }
}

fn read_part(text: &str) -> Option<Part> {
    let (head, body) = text
        .split_once("\r\n\r\n")
        .or_else(|| text.split_once("\n\n"))?;
    let parameter = |name: &str| {
        let start = head.find(&format!("{name}=\""))? + name.len() + 2;
        head[start..].split('"').next().map(str::to_owned)
    };
    let kind = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type")
            .then(|| value.trim().to_owned())
    });
    // `name` alone is also the end of `filename`.
    let name = head
        .match_indices("name=\"")
        .find(|(at, _)| !head[..*at].ends_with("file"))
        .and_then(|(at, _)| head[at + 6..].split('"').next())?;
    let filename = parameter("filename");
    let is_file = filename.is_some();
    let body = body
        .strip_suffix("\r\n")
        .or_else(|| body.strip_suffix('\n'))
        .unwrap_or(body);
    Some(Part {
        name: name.to_owned(),
        text: Text::plain(if is_file { "" } else { body }),
        is_file,
        filename,
        kind: kind.filter(|_| is_file),
    })
}

fn read_answer(from: &Json) -> Answer {
    let status = from
        .get("status")
        .and_then(Json::scalar)
        .unwrap_or_default();
    let mut answer = Answer {
        status: status.parse().unwrap_or_default(),
        ..Answer::default()
    };
    for header in from.list("headers") {
        if let (Some(name), Some(value)) = (header.str("name"), header.str("value")) {
            answer
                .headers
                .push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    if answer.header("set-cookie").is_none() {
        for cookie in from.list("cookies") {
            if let (Some(name), Some(value)) = (cookie.str("name"), cookie.str("value")) {
                answer
                    .headers
                    .push(("set-cookie".to_owned(), format!("{name}={value}")));
            }
        }
    }
    let content = from.get("content");
    let kind = content
        .and_then(|content| content.str("mimeType"))
        .or(answer.header("content-type"));
    answer.kind = media_type(kind.unwrap_or_default());
    let text = content
        .and_then(|content| content.str("text"))
        .unwrap_or_default();
    if text.len() <= ANSWER_LIMIT {
        answer.body = match content.and_then(|content| content.str("encoding")) {
            Some("base64") => base64::engine::general_purpose::STANDARD
                .decode(text)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .unwrap_or_default(),
            _ => text.to_owned(),
        };
    }
    answer
}
