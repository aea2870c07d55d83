//! `Set-Cookie` values: their fingerprint, which keeps equality and nothing else, and the masking of a head.

use super::head::{Line, lines};
use crate::identity::{Finder, Redactor, Salt, digest};

/// A value shorter than this, bytes, is compared with no other and stored without a fingerprint, from which it could be
/// guessed.
pub(crate) const SHORTEST_SESSION_ID: usize = 8;

const STORED_PREFIX: &[u8] = b"[id:";
const STORED_DIGITS: usize = 16;
const STORED_SHORT: &[u8] = b"[id]";

/// A cookie that an answer sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Offset of the value in the head.
    pub(crate) value_start: usize,
    /// From the first `;` on.
    pub(crate) attributes: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// The cookie that a line sets, when it sets one.
    pub(crate) fn of(line: &Line<'a>) -> Option<Cookie<'a>> {
        if !line.is("set-cookie") {
            return None;
        }
        let pair_len = memchr::memchr(b';', line.value).unwrap_or(line.value.len());
        let (pair, attributes) = line.value.split_at(pair_len);
        let equals = memchr::memchr(b'=', pair)?;
        let value = pair[equals + 1..].trim_ascii_start();
        Some(Cookie {
            name: pair[..equals].trim_ascii(),
            value: value.trim_ascii_end(),
            value_start: line.value_start + pair_len - value.len(),
            attributes,
        })
    }

    /// The fingerprint of the value, the same whether the head is as it came or as it is stored; `None` for a value too
    /// short to be a session's.
    pub(crate) fn fingerprint(&self, salt: Salt) -> Option<u64> {
        if let Some(stored) = stored_fingerprint(self.value) {
            return Some(stored);
        }
        (self.value.len() >= SHORTEST_SESSION_ID)
            .then(|| digest(u64::from(salt.bits()), &[self.value]))
    }
}

/// The fingerprint that a stored value begins with; a blank and canaries may follow.
fn stored_fingerprint(value: &[u8]) -> Option<u64> {
    let rest = value.strip_prefix(STORED_PREFIX)?;
    let (digits, rest) = rest.split_at_checked(STORED_DIGITS)?;
    let is_stored = digits
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && rest
            .strip_prefix(b"]")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "));
    is_stored
        .then(|| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .flatten()
}

/// Writes a value as it is stored: its fingerprint, then the canaries in it, so that they are still found. What is stored
/// already comes out the same.
fn push_stored(masked: &mut Vec<u8>, cookie: &Cookie<'_>, finder: &Finder) {
    match cookie.fingerprint(finder.salt()) {
        Some(fingerprint) => {
            masked.extend_from_slice(format!("[id:{fingerprint:016x}]").as_bytes())
        }
        None => masked.extend_from_slice(STORED_SHORT),
    }
    for span in finder.spans(cookie.value) {
        masked.push(b' ');
        masked.extend_from_slice(&cookie.value[span]);
    }
}

/// The head (or raw answer) as it may be stored: secrets masked, the values of `Set-Cookie` replaced by their fingerprints
/// and the canaries in them. `None` when nothing has to change.
pub(super) fn masked_head(head: &[u8], redactor: &Redactor, finder: &Finder) -> Option<Vec<u8>> {
    let mut masked = Vec::new();
    let mut copied = 0;
    for cookie in lines(head).filter_map(|line| Cookie::of(&line)) {
        if cookie.value.is_empty() {
            continue;
        }
        let before = &head[copied..cookie.value_start];
        masked.extend_from_slice(&redactor.bytes_around_canaries(before, finder));
        copied = cookie.value_start + cookie.value.len();
        push_stored(&mut masked, &cookie, finder);
    }
    masked.extend_from_slice(&redactor.bytes_around_canaries(&head[copied..], finder));
    (masked != head).then_some(masked)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::identity::{Canary, Form, UserId};

    fn masked(head: &str) -> String {
        let finder = Finder::new(Salt::new(3));
        let masked = masked_head(
            head.as_bytes(),
            &Redactor::new(["hunter22", "beef"]),
            &finder,
        );
        masked.map_or_else(
            || head.to_owned(),
            |bytes| String::from_utf8(bytes).unwrap(),
        )
    }

    /// The fingerprint of the first cookie.
    fn fingerprint(head: &str) -> Option<u64> {
        let cookie = lines(head.as_bytes()).find_map(|line| Cookie::of(&line))?;
        cookie.fingerprint(Salt::new(3))
    }

    #[test]
    fn session_ids_become_fingerprints() {
        let head = "HTTP/1.1 200 OK\r\nX-P: hunter22\r\nSet-Cookie: sid=0123456789abcdef; Path=/; HttpOnly\r\n\r\nhunter22";
        let stored = masked(head);
        assert!(
            !stored.contains("0123456789abcdef") && !stored.contains("hunter22"),
            "{stored}"
        );
        assert!(stored.contains("; Path=/; HttpOnly\r\n"), "{stored}");
        let again = head.replace("X-P: hunter22\r\n", "");
        let of = |text: &str| text.split("sid=").nth(1).map(|rest| rest[..21].to_owned());
        assert_eq!(
            of(&masked(&again)),
            of(&stored),
            "equal values keep their equality"
        );
        assert_ne!(of(&masked(&head.replace("cdef", "cdee"))), of(&stored));
        assert_eq!(
            masked(&stored),
            stored,
            "storing what is stored changes nothing"
        );
    }

    #[test]
    fn the_fingerprint_survives_storing() {
        let head = "HTTP/1.1 200 OK\r\nset-cookie:  sid = beef456789abcdef01 ;Path=/\r\n";
        let stored = masked(head);
        assert!(fingerprint(head).is_some());
        assert_eq!(fingerprint(head), fingerprint(&stored), "{stored}");
    }

    #[test]
    fn short_values_are_hidden_and_deletions_stay() {
        assert_eq!(
            masked("H\r\nSet-Cookie: lang=en\r\n"),
            "H\r\nSet-Cookie: lang=[id]\r\n"
        );
        let deletion = "H\r\nSet-Cookie: sid=; Max-Age=0\r\n";
        assert_eq!(masked(deletion), deletion);
    }

    #[test]
    fn of_a_value_that_holds_canaries_they_alone_are_stored() {
        let canary = |serial| {
            let (owner, slot) = (UserId(1), 0);
            Canary {
                owner,
                slot,
                serial,
            }
            .encode(Salt::new(3))
        };
        let encoded = STANDARD.encode(format!("{{\"note\":\"{}\"}}", canary(1)));
        let value = format!("0123456789abcdef.{}.{encoded}", canary(0));
        let head = format!("H\r\nSet-Cookie: sid={value}; Path=/\r\n");
        let stored = masked(&head);
        assert!(!stored.contains("0123456789abcdef."), "{stored}");
        assert!(stored.contains(&format!("] {} ", canary(0))), "{stored}");
        assert!(stored.ends_with("; Path=/\r\n"), "{stored}");
        let found = |head: &str| {
            let mut found = Vec::new();
            Finder::new(Salt::new(3)).find(head.as_bytes(), |sighting| {
                found.push((sighting.canary.serial, sighting.form));
            });
            found
        };
        assert_eq!(found(&stored), [(0, Form::Plain), (1, Form::Base64)]);
        assert_eq!(found(&head), found(&stored));
        assert_eq!(fingerprint(&head), fingerprint(&stored));
        assert!(fingerprint(&head).is_some());
        assert_eq!(
            masked(&stored),
            stored,
            "storing what is stored changes nothing"
        );
    }

    #[test]
    fn what_only_looks_stored_does_not_pass() {
        for value in [
            "[id:0123456789abcdef] hidden-in-plain-sight",
            "[id:0123456789abcdef]hidden-in-plain-sight",
            "[id:+123456789abcdef]hidden-in-plain-sight",
        ] {
            let head = format!("H\r\nSet-Cookie: sid={value}; Path=/\r\n");
            let stored = masked(&head);
            assert!(!stored.contains("hidden"), "{stored}");
            assert_eq!(fingerprint(&head), fingerprint(&stored), "{stored}");
        }
    }

    #[test]
    fn blanks_and_tabs_before_a_value_shift_nothing() {
        for blanks in ["", " ", "\t\t", " \t \t", "\x0c"] {
            let head = format!("H\r\nSet-Cookie: sid={blanks}0123456789abcdef\t ; Path=/\r\n");
            let stored = masked(&head);
            assert!(
                stored.starts_with(&format!("H\r\nSet-Cookie: sid={blanks}[id:")),
                "{stored:?}"
            );
            assert!(stored.ends_with("]\t ; Path=/\r\n"), "{stored:?}");
            assert_eq!(fingerprint(&head), fingerprint(&stored));
        }
    }

    #[test]
    fn a_secret_inside_a_canary_leaves_it_whole() {
        let (owner, slot, serial) = (UserId(1), 0, 0);
        let canary = Canary {
            owner,
            slot,
            serial,
        }
        .encode(Salt::new(3));
        let finder = Finder::new(Salt::new(3));
        let head =
            format!("H\r\nLocation: /{canary}?0000\r\nSet-Cookie: a={canary}\r\nX: {canary}\r\n");
        let stored = masked_head(head.as_bytes(), &Redactor::new(["0000"]), &finder).unwrap();
        let stored = String::from_utf8(stored).unwrap();
        assert_eq!(stored.matches(&canary).count(), 3, "{stored}");
        assert!(
            stored.contains(&format!("/{canary}?[secret]\r\n")),
            "{stored}"
        );
    }
}
