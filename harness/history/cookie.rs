//! `Set-Cookie` values: their fingerprint, which keeps equality and nothing else, and the masking of a head.

use super::head::{Line, lines};
use crate::identity::{Finder, Redactor, Salt, digest};

/// A value shorter than this is no session id: sixteen hexadecimal digits are the 64 bits that OWASP's session management
/// cheat sheet asks of one at least.
pub(crate) const SHORTEST_SESSION_ID: usize = 16;

const STORED_PREFIX: &[u8] = b"[id:";
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
        let blanks = pair[equals + 1..]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
        Some(Cookie {
            name: pair[..equals].trim_ascii(),
            value: pair[equals + 1..].trim_ascii(),
            value_start: line.value_start + equals + 1 + blanks,
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

fn stored_fingerprint(value: &[u8]) -> Option<u64> {
    let digits = value.strip_prefix(STORED_PREFIX)?.strip_suffix(b"]")?;
    if digits.len() != 16 {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The head (or raw answer) as it may be stored: secrets masked, the values of `Set-Cookie` replaced by their fingerprints
/// unless they hold a canary. `None` when nothing has to change.
pub(super) fn masked_head(head: &[u8], redactor: &Redactor, finder: &Finder) -> Option<Vec<u8>> {
    let mut masked = Vec::new();
    let mut copied = 0;
    for cookie in lines(head).filter_map(|line| Cookie::of(&line)) {
        let is_stored = cookie.value == STORED_SHORT || stored_fingerprint(cookie.value).is_some();
        if cookie.value.is_empty() || holds_canary(cookie.value, finder) {
            continue;
        }
        masked.extend_from_slice(&redactor.bytes(&head[copied..cookie.value_start]));
        copied = cookie.value_start + cookie.value.len();
        match cookie.fingerprint(finder.salt()) {
            _ if is_stored => masked.extend_from_slice(cookie.value),
            Some(fingerprint) => {
                masked.extend_from_slice(format!("[id:{fingerprint:016x}]").as_bytes())
            }
            None => masked.extend_from_slice(STORED_SHORT),
        }
    }
    masked.extend_from_slice(&redactor.bytes(&head[copied..]));
    (masked != head).then_some(masked)
}

fn holds_canary(value: &[u8], finder: &Finder) -> bool {
    let mut holds = false;
    finder.find(value, |_| holds = true);
    holds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Canary, UserId};

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
        let finder = Finder::new(Salt::new(3));
        let head = "HTTP/1.1 200 OK\r\nset-cookie:  sid = beef456789abcdef01 ;Path=/\r\n";
        let stored = masked(head);
        let of = |head: &str| {
            let cookie = lines(head.as_bytes()).find_map(|line| Cookie::of(&line))?;
            cookie.fingerprint(finder.salt())
        };
        assert!(of(head).is_some());
        assert_eq!(of(head), of(&stored), "{stored}");
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
    fn a_canary_in_a_cookie_stays_findable() {
        let canary = Canary {
            owner: UserId(1),
            slot: 0,
            serial: 0,
        }
        .encode(Salt::new(3));
        let head = format!("H\r\nSet-Cookie: last={canary}; Path=/\r\n");
        assert_eq!(masked(&head), head);
    }
}
