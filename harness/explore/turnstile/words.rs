//! What a held message says, in a few words for people, without what may open a door.

use crate::identity::Redactor;

/// Longest description, characters.
pub(super) const LONGEST: usize = 80;
/// Runs of letters and digits that are longer, and hold a digit, may be keys, tokens or canaries.
const SHOWN: usize = 15;

/// A message to a backend: `GET note`, `SELECT … FROM notes`, `34 bytes to 127.0.0.1:6379`.
pub(super) fn message(bytes: &[u8], backend: &str, redactor: &Redactor) -> String {
    let told = resp(bytes)
        .or_else(|| postgres(bytes))
        .or_else(|| http(bytes))
        .unwrap_or_else(|| match bytes.len() {
            0 => format!("end of the connection to {backend}"),
            1 => format!("1 byte to {backend}"),
            count => format!("{count} bytes to {backend}"),
        });
    shown(&told, redactor)
}

/// An answer of a backend.
pub(super) fn answer(bytes: &[u8], backend: &str) -> String {
    cut(&format!("answer of {backend} ({} bytes)", bytes.len()))
}

/// A text as it may be shown.
pub(super) fn shown(text: &str, redactor: &Redactor) -> String {
    let masked = redactor.text(text);
    let mut plain = String::new();
    let mut run = String::new();
    for character in masked.chars().chain(std::iter::once(' ')) {
        if character.is_alphanumeric() || character == '_' {
            run.push(character);
            continue;
        }
        let is_key = run.chars().count() > SHOWN && run.contains(|c: char| c.is_ascii_digit());
        plain.push_str(if is_key { "…" } else { &run });
        run.clear();
        plain.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    cut(plain.trim_end())
}

/// A description with an end that is not cut.
pub(super) fn with(what: &str, end: &str) -> String {
    let room = LONGEST.saturating_sub(end.chars().count());
    format!("{}{end}", cut_to(what, room))
}

fn cut(text: &str) -> String {
    cut_to(text, LONGEST)
}

fn cut_to(text: &str, longest: usize) -> String {
    let Some(before) = longest.checked_sub(1) else {
        return String::new();
    };
    match text.char_indices().nth(before) {
        Some((at, last)) if at + last.len_utf8() < text.len() => format!("{}…", &text[..at]),
        _ => text.to_owned(),
    }
}

/// The verb of a Redis command and its first argument, which is the key, and how many commands follow.
fn resp(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let mut commands: Vec<Vec<&[u8]>> = Vec::new();
    while let Some(number) = counted(&mut rest, b'*') {
        let mut parts = Vec::new();
        for _ in 0..number {
            let Some(length) = counted(&mut rest, b'$') else {
                break;
            };
            let part = rest.get(..length)?;
            rest = rest.get(length + 2..)?;
            parts.push(part);
        }
        commands.push(parts);
    }
    let first = commands.first()?;
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let verb = text(first.first()?);
    let is_secret = matches!(
        verb.to_ascii_uppercase().as_str(),
        "AUTH" | "HELLO" | "ECHO"
    );
    let key = first.get(1).filter(|_| !is_secret).map(|key| text(key));
    let more = match commands.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(match key {
        Some(key) => format!("{verb} {key}{more}"),
        None => format!("{verb}{more}"),
    })
}

/// The number in a line such as `*2` or `$3`, which is taken off.
fn counted(rest: &mut &[u8], kind: u8) -> Option<usize> {
    let end = memchr::memmem::find(rest, b"\r\n")?;
    let (first, digits) = rest.get(..end)?.split_first()?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if *first != kind {
        return None;
    }
    *rest = &rest[end + 2..];
    Some(number)
}

/// The first statement of a simple or extended query of PostgreSQL, without its values.
fn postgres(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let mut prepared = None;
    while let Some((kind, body)) = unit(&mut rest) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut parts = body.split(|byte| *byte == 0);
        match kind {
            b'Q' => return Some(statement(&text(parts.next()?))),
            b'P' => return Some(statement(&text(parts.nth(1)?))),
            b'B' => {
                let name = text(parts.nth(1)?);
                prepared = prepared.or(Some(format!("execute {name}").trim_end().to_owned()));
            }
            b'p' => return Some("password".to_owned()),
            b'X' => return Some("good-bye".to_owned()),
            b'D' | b'E' | b'C' | b'S' | b'H' | b'd' | b'c' | b'f' | b'F' => {}
            _ => return None,
        }
    }
    if !rest.is_empty() {
        return None;
    }
    prepared
}

fn unit<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let length = u32::from_be_bytes(rest.get(1..5)?.try_into().ok()?) as usize;
    let body = rest.get(5..length.checked_add(1)?)?;
    let kind = rest[0];
    *rest = &rest[length + 1..];
    Some((kind, body))
}

/// A statement on a line: literals and columns left out.
fn statement(sql: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    for character in sql.chars() {
        match character {
            '\'' => {
                if !quoted {
                    plain.push('…');
                }
                quoted = !quoted;
            }
            _ if quoted => {}
            character => plain.push(character),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    let from = words.iter().position(|word| is(word, "from"));
    match (words.first(), from) {
        (Some(first), Some(from)) if is(first, "select") && from > 1 => {
            format!("{first} … {}", words[from..].join(" "))
        }
        _ => words.join(" "),
    }
}

/// Method and path of a request over HTTP/1.1, without its query.
fn http(bytes: &[u8]) -> Option<String> {
    let end = memchr::memmem::find(bytes, b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let (asked, version) = line.rsplit_once(' ')?;
    let path = asked.split('?').next()?;
    version.starts_with("HTTP/1.").then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> String {
        message(bytes, "127.0.0.1:1", &Redactor::new(["hunter22"]))
    }

    fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    #[test]
    fn commands_are_told_by_verb_and_key() {
        let set = b"*3\r\n$3\r\nSET\r\n$4\r\nnote\r\n$5\r\nvalue\r\n";
        assert_eq!(told(set), "SET note");
        let two = [&set[..], b"*1\r\n$4\r\nPING\r\n"].concat();
        assert_eq!(told(&two), "SET note and 1 more");
        assert_eq!(told(b"*2\r\n$4\r\nAUTH\r\n$4\r\nopen\r\n"), "AUTH");
        let key = b"*2\r\n$3\r\nGET\r\n$28\r\nsession:0123456789abcdef0123\r\n";
        assert_eq!(told(key), "GET session:…");
        assert_eq!(
            told(b"*2\r\n$3\r\nGET\r\n$8\r\nhunter22\r\n"),
            "GET [secret]"
        );
    }

    #[test]
    fn statements_are_told_without_values() {
        let query = typed(
            b'Q',
            b"SELECT id,\n body FROM notes WHERE owner = 'it''s bob'\0",
        );
        assert_eq!(told(&query), "SELECT … FROM notes WHERE owner = ……");
        let parse = [
            typed(b'P', b"\0update notes set body = $1\0\0\0"),
            typed(b'S', b""),
        ]
        .concat();
        assert_eq!(told(&parse), "update notes set body = $1");
        let bind = [
            typed(b'B', b"\0s1\0\0\0"),
            typed(b'E', b"\0\0\0\0\0"),
            typed(b'S', b""),
        ]
        .concat();
        assert_eq!(told(&bind), "execute s1");
    }

    #[test]
    fn anything_else_is_told_by_its_length() {
        assert_eq!(told(b"GET /a?token=x HTTP/1.1\r\n\r\n"), "GET /a");
        assert_eq!(told(b"\xff\x00\x01"), "3 bytes to 127.0.0.1:1");
        assert_eq!(told(b"Q\xff\xff\xff\xff"), "5 bytes to 127.0.0.1:1");
        let long = typed(b'Q', "x ".repeat(200).as_bytes());
        assert!(told(&long).chars().count() <= LONGEST);
        for length in 0..query_like().len() {
            let _ = told(&query_like()[..length]);
        }
    }

    fn query_like() -> Vec<u8> {
        [
            typed(b'P', b"a\0b\0"),
            b"*2\r\n$3\r\nGET\r\n$3\r\nabc\r\n".to_vec(),
        ]
        .concat()
    }
}
