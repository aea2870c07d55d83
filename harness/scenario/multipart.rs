//! Bodies in several parts, as forms with files have them (RFC 7578).

use std::fmt;
use std::sync::Arc;

use minijinja::Environment;

use super::template::{Text, TextError, Values};

/// One part of a multipart body.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The form field.
    pub(super) name: String,
    /// The file's name; absent for a part that is no file.
    pub(super) filename: Option<Text>,
    /// The part's content type, when the file says one.
    pub(super) content_type: Option<String>,
    pub(super) content: PartContent,
}

/// What a part holds.
#[derive(Clone)]
pub(super) enum PartContent {
    /// A text.
    Text(Text),
    /// A file: its path as the scenario has it, and what was in it.
    File(String, Arc<[u8]>),
}

/// Shows the file's path, not what is in it.
impl fmt::Debug for PartContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartContent::Text(text) => text.fmt(f),
            PartContent::File(path, _) => path.fmt(f),
        }
    }
}

/// A part that is filled in: its headers, and what follows them.
struct Filled<'p> {
    head: String,
    content: std::borrow::Cow<'p, [u8]>,
}

/// The whole body and its content type; `values.chance` draws the boundary, which occurs in no part.
pub(super) fn render(
    parts: &[Part],
    environment: &Environment<'_>,
    values: &Values<'_>,
) -> Result<(Vec<u8>, String), TextError> {
    let filled: Vec<Filled<'_>> = parts
        .iter()
        .map(|part| part.fill(environment, values))
        .collect::<Result<_, _>>()?;
    let boundary = boundary(values.chance, |candidate| {
        let occurs = |bytes: &[u8]| memchr::memmem::find(bytes, candidate.as_bytes()).is_some();
        filled
            .iter()
            .any(|part| occurs(part.head.as_bytes()) || occurs(&part.content))
    });
    let length: usize = filled
        .iter()
        .map(|part| boundary.len() + part.head.len() + part.content.len() + 8)
        .sum();
    let mut body = Vec::with_capacity(length + boundary.len() + 8);
    for part in &filled {
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.head).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((body, format!("multipart/form-data; boundary={boundary}")))
}

impl Part {
    /// Every text in it that is filled in.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let content = match &self.content {
            PartContent::Text(text) => Some(text),
            PartContent::File(..) => None,
        };
        self.filename.iter().chain(content)
    }

    fn fill<'p>(
        &'p self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<Filled<'p>, TextError> {
        let mut head = format!(
            "Content-Disposition: form-data; name=\"{}\"",
            escape(&self.name)
        );
        let filename = match (&self.filename, &self.content) {
            (Some(text), _) => Some(text.render(environment, values)?),
            (None, PartContent::File(path, _)) => Some(last_of(path).into()),
            (None, PartContent::Text(_)) => None,
        };
        if let Some(filename) = &filename {
            head.push_str(&format!("; filename=\"{}\"", escape(filename)));
        }
        head.push_str("\r\n");
        let by_itself = match (&self.content, &filename) {
            (PartContent::File(..), _) => Some("application/octet-stream"),
            (PartContent::Text(_), Some(_)) => Some("text/plain"),
            (PartContent::Text(_), None) => None,
        };
        if let Some(content_type) = self.content_type.as_deref().or(by_itself) {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        let content = match &self.content {
            PartContent::File(_, bytes) => bytes[..].into(),
            PartContent::Text(text) => text
                .render(environment, values)?
                .into_owned()
                .into_bytes()
                .into(),
        };
        Ok(Filled { head, content })
    }
}

/// The last part of a path.
fn last_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// A name as browsers write it between quotes: `"`, CR and LF percent-encoded, nothing else (HTML standard, 4.10.21.8).
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' => out.push_str("%22"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            c => out.push(c),
        }
    }
    out
}

/// A boundary that `occurs` says is in no part: 13 letters and digits behind a word, drawn anew until it is so. Another
/// draw cannot fail for ever: parts are finite, and no two of the draws are the same.
fn boundary(chance: u64, occurs: impl Fn(&str) -> bool) -> String {
    (0u64..)
        .map(|draw| format!("crosswire-{}", letters(scramble(chance.wrapping_add(draw)))))
        .find(|candidate| !occurs(candidate))
        .expect("2^64 different candidates are more than any body can hold")
}

/// One-to-one on 64 bits, and far-reaching: the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable
/// pseudorandom number generators, 2014).
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number in base 36, always 13 places.
fn letters(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut places = [b'0'; 13];
    for place in places.iter_mut().rev() {
        *place = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    places.iter().map(|place| char::from(*place)).collect()
}

/// Equal when the file says the same; what is in the files does not count.
impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        (&self.name, &self.filename, &self.content_type)
            == (&other.name, &other.filename, &other.content_type)
            && match (&self.content, &other.content) {
                (PartContent::Text(a), PartContent::Text(b)) => a == b,
                (PartContent::File(a, _), PartContent::File(b, _)) => a == b,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_browsers_do() {
        assert_eq!(escape("a\"b\r\nc\\d ä%22"), "a%22b%0D%0Ac\\d ä%22");
        assert_eq!(last_of("folder/a.png"), "a.png");
        assert_eq!(last_of("a.png"), "a.png");
    }

    #[test]
    fn a_boundary_that_occurs_is_not_taken() {
        let first = boundary(7, |_| false);
        let second = boundary(7, |candidate| candidate == first);
        assert_ne!(first, second);
        assert_eq!(
            second,
            boundary(7, |candidate| candidate == first),
            "the same every time"
        );
        assert_ne!(first, boundary(8, |_| false));
        // RFC 2046, 5.1.1: 1 to 70 characters.
        assert!(first.len() == 23 && first.is_ascii(), "{first}");
    }
}
