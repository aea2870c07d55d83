//! What is kept of the answers of an exposure: the head, and a part of the body around what was found.

use bytes::Bytes;

use crate::history::{Exchange, Outcome, lines};
use crate::identity::{Canary, DecodeLimits, Finder, Salt, decode_body};

use super::Evidence;

/// An answer as it came; both parts share the memory of the exchange they are from.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    head: Bytes,
    body: Bytes,
}

/// What an excerpt is made around.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark<'a> {
    /// This canary, in whichever form.
    Canary(Canary),
    /// The first canary of this owner and slot.
    AnyOf(crate::identity::UserId, u16),
    /// This text.
    Text(&'a str),
    /// Nothing: the excerpt is the body's beginning.
    Beginning,
}

impl Kept {
    /// The parts of an exchange's answer, or of what had come of it.
    pub(super) fn of(exchange: &Exchange) -> Kept {
        match &exchange.outcome {
            Outcome::Answer { head, body, .. } => Kept {
                head: head.clone(),
                body: body.clone(),
            },
            Outcome::Failed { partial, .. } => {
                let end = memchr::memmem::find(partial, b"\r\n\r\n").map(|at| at + 4);
                let end = end.unwrap_or_else(|| {
                    if partial.starts_with(b"HTTP/") {
                        partial.len()
                    } else {
                        0
                    }
                });
                Kept {
                    head: partial.slice(..end),
                    body: partial.slice(end..),
                }
            }
        }
    }

    /// Copies what a report needs; bounded by [`Evidence::HEAD_KEPT`] and [`Evidence::BODY_KEPT`].
    pub(super) fn evidence(&self, mark: Mark<'_>, salt: Salt) -> Evidence {
        let head = &self.head[..self.head.len().min(Evidence::HEAD_KEPT)];
        let mut coding = String::new();
        for line in lines(&self.head).filter(|line| line.is("content-encoding")) {
            coding.push_str(&String::from_utf8_lossy(line.value));
            coding.push(',');
        }
        let decoded = decode_body(&coding, &self.body, DecodeLimits::default()).bytes;
        // A canary may stand in the coded bytes, and not in what they decode to.
        let bodies = [decoded.as_deref(), Some(&self.body[..])];
        let found = bodies
            .into_iter()
            .flatten()
            .find_map(|body| place(body, mark, salt).map(|at| (body, at)));
        let (body, at) = found.unwrap_or_else(|| (decoded.as_deref().unwrap_or(&self.body), 0));
        let excerpt = excerpt(body, at);
        Evidence {
            head: Bytes::copy_from_slice(head),
            body: Bytes::copy_from_slice(&body[excerpt.clone()]),
            body_start: excerpt.start as u64,
            body_len: body.len() as u64,
        }
    }
}

/// Where in the body the mark stands.
fn place(body: &[u8], mark: Mark<'_>, salt: Salt) -> Option<usize> {
    let first = |is_it: &dyn Fn(Canary) -> bool| {
        let mut first: Option<usize> = None;
        Finder::new(salt).find(body, |sighting| {
            if is_it(sighting.canary) {
                first = Some(first.map_or(sighting.at, |at| at.min(sighting.at)));
            }
        });
        first
    };
    match mark {
        Mark::Canary(canary) => first(&|found| found == canary),
        Mark::AnyOf(owner, slot) => first(&|found| (found.owner, found.slot) == (owner, slot)),
        Mark::Text(text) => memchr::memmem::find(body, text.as_bytes()),
        Mark::Beginning => None,
    }
}

/// The part of `body` that is kept around `at`: a quarter before it, the rest after, no gap at either end that could be
/// filled.
fn excerpt(body: &[u8], at: usize) -> std::ops::Range<usize> {
    let kept = Evidence::BODY_KEPT.min(body.len());
    let start = at
        .saturating_sub(Evidence::BODY_KEPT / 4)
        .min(body.len() - kept);
    start..start + kept
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::identity::UserId;
    use crate::judge::rules::testing::{answer, exchange};

    const SALT: Salt = Salt::new(7);

    fn canary() -> Canary {
        Canary {
            owner: UserId(3),
            slot: 1,
            serial: 9,
        }
    }

    fn kept(head: &str, body: &[u8]) -> Kept {
        let mut exchange = exchange(0, 1, 1);
        exchange.outcome = answer(200, head, body);
        Kept::of(&exchange)
    }

    #[test]
    fn a_long_body_is_kept_around_the_find() {
        let text = canary().encode(SALT);
        let body = [&[b'.'; 9_000][..], text.as_bytes(), &[b'.'; 9_000]].concat();
        let evidence = kept("", &body).evidence(Mark::Canary(canary()), SALT);
        assert_eq!(
            (evidence.body.len(), evidence.body_start, evidence.body_len),
            (Evidence::BODY_KEPT, 9_000 - 512, 18_025)
        );
        assert_eq!(&evidence.body[512..512 + text.len()], text.as_bytes());
        let other = kept("", &body).evidence(Mark::AnyOf(UserId(3), 0), SALT);
        assert_eq!(other.body_start, 0, "another slot's is not there");
    }

    #[test]
    fn a_find_at_either_end_leaves_no_room_unused() {
        let text = canary().encode(SALT);
        let body = [&[b'.'; 5_000][..], text.as_bytes()].concat();
        let evidence = kept("", &body).evidence(Mark::Canary(canary()), SALT);
        assert_eq!(evidence.body.len(), Evidence::BODY_KEPT);
        assert!(evidence.body.ends_with(text.as_bytes()));
        let evidence = kept("", text.as_bytes()).evidence(Mark::Canary(canary()), SALT);
        assert_eq!(
            (evidence.body_start, &evidence.body[..]),
            (0, text.as_bytes())
        );
    }

    #[test]
    fn coded_bodies_are_shown_undone() {
        let text = format!("<p>{}</p>", canary().encode(SALT));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        let kept = kept("content-encoding: gzip\r\n", &encoder.finish().unwrap());
        let evidence = kept.evidence(Mark::Canary(canary()), SALT);
        assert_eq!(&evidence.body[..], text.as_bytes());
        let evidence = kept.evidence(Mark::Text("</p>"), SALT);
        assert_eq!(&evidence.body[..], text.as_bytes());
    }

    #[test]
    fn what_broke_off_is_split_at_its_blank_line() {
        let of = |partial: &'static [u8]| {
            let mut exchange = exchange(0, 1, 1);
            exchange.outcome = Outcome::Failed {
                why: "reset".into(),
                partial: Bytes::from_static(partial),
            };
            let evidence = Kept::of(&exchange).evidence(Mark::Beginning, SALT);
            (evidence.head, evidence.body)
        };
        assert_eq!(of(b"HTTP/1.1 200 OK\r\n\r\nxy").1, "xy");
        assert_eq!(of(b"HTTP/1.1 200 OK\r\nx: y").0, "HTTP/1.1 200 OK\r\nx: y");
        assert_eq!(of(b"no head").1, "no head");
    }
}
