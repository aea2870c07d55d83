//! Takes a Hurl file apart: entries, their sections and bodies. Format: <https://hurl.dev/docs/grammar.html>.

use super::error::ImportError;

/// A line that is not empty, with its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
}

/// A request and what is said of its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) request: Block,
    /// Status (none for `*`) and what follows it.
    pub(super) answer: Option<(Option<u16>, Block)>,
}

/// What follows a request's or an answer's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) headers: Vec<(String, String)>,
    /// Names without brackets, and their lines.
    pub(super) sections: Vec<(String, Vec<Line>)>,
    pub(super) body: Option<HurlBody>,
    /// Lines that were not understood.
    pub(super) unknown: Vec<Line>,
}

/// A body, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HurlBody {
    Json(String),
    Xml(String),
    /// Language (`json`, `graphql`, none) and text.
    Text(String, String),
    /// `file,…;`, `base64,…;`, `hex,…;`: the word before the comma.
    Other(String),
}

/// The entries of a file.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, ImportError> {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let number = at + 1;
        let text = without_comment(line).trim().to_owned();
        if text.is_empty() {
            at += 1;
        } else if let Some((method, url)) = request_line(&text) {
            entries.push(Entry {
                line: number,
                method: method.to_owned(),
                url: url.to_owned(),
                ..Entry::default()
            });
            at += 1;
        } else {
            let Some(entry) = entries.last_mut() else {
                return Err(ImportError::new(
                    "a Hurl file begins with a request such as `GET http://127.0.0.1:8080/`",
                    "give a Hurl file; curl commands go to --from-curl",
                )
                .at(number, 1));
            };
            if let Some(status) = answer_line(&text).filter(|_| entry.answer.is_none()) {
                entry.answer = Some((status, Block::default()));
                at += 1;
            } else {
                let block = match &mut entry.answer {
                    Some((_, block)) => block,
                    None => &mut entry.request,
                };
                at = read_line(&lines, at, &text, block)?;
            }
        }
    }
    if entries.is_empty() {
        return Err(ImportError::new(
            "the Hurl file has no request",
            "a request is a line such as `GET http://127.0.0.1:8080/`",
        ));
    }
    Ok(entries)
}

/// Reads a line of a block, and further ones that belong to it; returns the next line's place.
fn read_line(
    lines: &[&str],
    at: usize,
    text: &str,
    block: &mut Block,
) -> Result<usize, ImportError> {
    let number = at + 1;
    let raw = lines[at].trim_start();
    if let Some(name) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|name| is_name(name))
    {
        block.sections.push((name.to_owned(), Vec::new()));
        return Ok(at + 1);
    }
    if raw.starts_with("```") {
        return read_fenced(lines, at, block);
    }
    if let Some(rest) = raw.strip_prefix('`') {
        let inside = rest.rsplit_once('`').map_or(rest, |parts| parts.0);
        block.body = Some(HurlBody::Text(String::new(), inside.to_owned()));
        return Ok(at + 1);
    }
    if let Some(word) = ["file,", "base64,", "hex,"]
        .into_iter()
        .find(|word| raw.starts_with(word))
    {
        block.body = Some(HurlBody::Other(word.trim_end_matches(',').to_owned()));
        return Ok(at + 1);
    }
    let in_section = !block.sections.is_empty();
    let pair = key_and_value(text);
    if raw.starts_with(['{', '[']) || raw.starts_with('"') && !in_section || raw.starts_with('<') {
        return Ok(read_structure(lines, at, block));
    }
    match (block.sections.last_mut(), pair) {
        (Some((_, section)), _) => section.push(Line {
            number,
            text: text.to_owned(),
        }),
        (None, Some((name, value))) => block.headers.push((name, value)),
        (None, None) => block.unknown.push(Line {
            number,
            text: text.to_owned(),
        }),
    }
    Ok(at + 1)
}

fn read_fenced(lines: &[&str], at: usize, block: &mut Block) -> Result<usize, ImportError> {
    let rest = lines[at].trim_start().trim_start_matches("```");
    if let Some(inside) = rest.strip_suffix("```") {
        block.body = Some(HurlBody::Text(String::new(), inside.to_owned()));
        return Ok(at + 1);
    }
    let language = rest
        .split(',')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let end = (at + 1..lines.len()).find(|line| lines[*line].trim_end().ends_with("```"));
    let Some(end) = end else {
        return Err(ImportError::new(
            "the text that begins here is never closed",
            "close it with a line ```",
        )
        .at(at + 1, 1));
    };
    let mut text = lines[at + 1..end].join("\n");
    let last = lines[end].trim_end().trim_end_matches("```");
    if !last.trim().is_empty() {
        text.push('\n');
        text.push_str(last);
    }
    block.body = Some(HurlBody::Text(language, text));
    Ok(end + 1)
}

/// JSON reaches to its last bracket, XML to an empty line, the answer, or a section.
fn read_structure(lines: &[&str], at: usize, block: &mut Block) -> usize {
    let is_xml = lines[at].trim_start().starts_with('<');
    let mut text = String::new();
    let mut end = at;
    let (mut depth, mut in_string, mut escaped) = (0_i64, false, false);
    for (number, line) in lines.iter().enumerate().skip(at) {
        let ends_xml = is_xml
            && number > at
            && (line.trim().is_empty()
                || answer_line(line.trim()).is_some()
                || request_line(line.trim()).is_some());
        if ends_xml {
            break;
        }
        end = number;
        text.push_str(line);
        text.push('\n');
        for c in line.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if in_string => escaped = true,
                '"' => in_string = !in_string,
                '{' | '[' if !in_string => depth += 1,
                '}' | ']' if !in_string => depth -= 1,
                _ => {}
            }
        }
        if !is_xml && depth <= 0 && !in_string {
            break;
        }
    }
    block.body = Some(if is_xml {
        HurlBody::Xml(text)
    } else {
        HurlBody::Json(text)
    });
    end + 1
}

/// A method in capital letters and a URL.
fn request_line(text: &str) -> Option<(&str, &str)> {
    let (method, url) = text.split_once(char::is_whitespace)?;
    let url = url.trim();
    let is_url = url.contains("://") || url.starts_with("{{");
    (method.len() >= 2
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && is_url
        && method != "HTTP")
        .then_some((method, url))
}

/// The status of `HTTP 200`, `HTTP/1.1 200` or `HTTP *`.
fn answer_line(text: &str) -> Option<Option<u16>> {
    let rest = text.strip_prefix("HTTP")?;
    let rest = rest
        .strip_prefix("/1.0")
        .or_else(|| rest.strip_prefix("/1.1"))
        .or_else(|| rest.strip_prefix("/2"))
        .or_else(|| rest.strip_prefix("/3"))
        .unwrap_or(rest);
    let status = rest.strip_prefix(char::is_whitespace)?.trim();
    let status = status.split_whitespace().next()?;
    (status == "*" || status.parse::<u16>().is_ok()).then(|| status.parse().ok())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The line without its comment: a `#` at its beginning or after a space, outside of quotes and not quoted itself.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    let mut in_string = false;
    for (at, c) in line.char_indices() {
        if c == '"' && before != '\\' {
            in_string = !in_string;
        }
        if c == '#' && before.is_whitespace() && !in_string {
            return &line[..at];
        }
        before = c;
    }
    line
}

/// `key: value`, with Hurl's quoting undone.
pub(super) fn key_and_value(text: &str) -> Option<(String, String)> {
    let mut before = ' ';
    let at = text.char_indices().find(|(_, c)| {
        let is_it = *c == ':' && before != '\\';
        before = *c;
        is_it
    })?;
    let (key, value) = text.split_at(at.0);
    let key = unescaped(key.trim());
    (!key.is_empty() && !key.contains(char::is_whitespace))
        .then(|| (key, unescaped(value[1..].trim())))
}

/// Undoes `\#`, `\n`, `\u{1F600}` and the like.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let left = rest.as_str();
                let number = left.strip_prefix('{').and_then(|left| left.split_once('}'));
                let made = number.and_then(|(digits, after)| {
                    Some((
                        char::from_u32(u32::from_str_radix(digits, 16).ok()?)?,
                        after,
                    ))
                });
                match made {
                    Some((made, after)) => {
                        out.push(made);
                        rest = after.chars();
                    }
                    None => out.push_str("\\u"),
                }
            }
            Some(c) => out.push(c),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_taken_apart() {
        let text = "# a comment\nPOST http://h/login # here\nX-A: b\\#c\n[FormParams]\nuser: a\n```json\n{\n}\n```\nHTTP/1.1 200\nx-y: z\n[Captures]\nt: jsonpath \"$.t\"\n\nGET http://h/\n{\n \"a\": \"}\"\n}\nHTTP *\n";
        let entries = entries(text).unwrap();
        assert_eq!(entries.len(), 2);
        let first = &entries[0];
        assert_eq!(
            (first.line, first.method.as_str(), first.url.as_str()),
            (2, "POST", "http://h/login")
        );
        assert_eq!(
            first.request.headers,
            [("X-A".to_owned(), "b#c".to_owned())]
        );
        assert_eq!(first.request.sections[0].1[0].text, "user: a");
        assert_eq!(
            first.request.body,
            Some(HurlBody::Text("json".into(), "{\n}".into()))
        );
        let (status, block) = first.answer.as_ref().unwrap();
        assert_eq!(
            (*status, block.sections[0].0.as_str()),
            (Some(200), "Captures")
        );
        assert_eq!(
            entries[1].request.body,
            Some(HurlBody::Json("{\n \"a\": \"}\"\n}\n".into()))
        );
        assert_eq!(entries[1].answer.as_ref().unwrap().0, None);
    }

    #[test]
    fn what_is_no_hurl_is_told_with_its_place() {
        assert_eq!(super::entries("\nhello\n").unwrap_err().line(), Some(2));
        assert_eq!(
            super::entries("GET http://h/\n```\nopen\n")
                .unwrap_err()
                .line(),
            Some(2)
        );
        assert!(super::entries("# nothing\n").is_err());
    }
}
