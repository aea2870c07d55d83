//! Finds every canary of a run in any bytes, plain and base64-encoded, at a cost that does not depend on the users.

use std::ops::Range;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::canary::{CANARY_LEN, MARKER_LEN, RUN};
use super::{Canary, Salt};

/// Bytes searched for one needle before the other one gets its turn, so that the second finds them in the first-level cache.
const BLOCK: usize = 16 * 1024;
/// Base64 of an aligned `qqq`.
const RUN_GROUP: &[u8; 4] = b"cXFx";
/// Base64 characters that hold a whole canary, counted from its [`RUN_GROUP`].
const ENCODED_LEN: usize = 34;

/// How a canary was written where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As it was planted.
    Plain,
    /// Within base64, in either alphabet, with or without line breaks.
    Base64,
}

/// A canary that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sighting {
    /// What it says.
    pub canary: Canary,
    /// Offset of its first byte; for [`Form::Base64`] that of the first group which lies wholly inside its run of `q`.
    pub at: usize,
    /// How it was written.
    pub form: Form,
}

/// Searches for all canaries of one salt at once.
///
/// Two passes whatever the number of users: one for the marker, one for the four characters that any base64 of a canary
/// contains. Linear in the input's length for every input: what is looked at around a hit is of fixed length, but for
/// white space inside base64, of which [`Finder::find`] allows a fixed number of characters.
///
/// ```
/// use crosswire::identity::{Canary, Finder, Form, Salt, UserId};
///
/// let salt = Salt::new(7);
/// let canary = Canary { owner: UserId(1), slot: 0, serial: 0 };
/// let page = format!("<td>{}</td>", canary.encode(salt));
/// let mut found = Vec::new();
/// Finder::new(salt).find(page.as_bytes(), |sighting| found.push((sighting.canary, sighting.at, sighting.form)));
/// assert_eq!(found, [(canary, 4, Form::Plain)]);
///
/// Finder::new(Salt::new(8)).find(page.as_bytes(), |_| panic!("not a canary of this run"));
/// ```
#[derive(Clone, Debug)]
pub struct Finder {
    salt: Salt,
    marker: memmem::Finder<'static>,
    group: memmem::Finder<'static>,
    /// The eight characters after the group, which hold the salt or most of it, by how many bytes of the canary stand
    /// before the group: none, one or two, depending on the alignment.
    after_group: [[u8; 8]; 3],
}

impl Finder {
    /// Searches for canaries of this salt.
    #[must_use]
    pub fn new(salt: Salt) -> Finder {
        let marker = salt.marker().into_bytes();
        let after_group = [0, 1, 2].map(|bytes_before| {
            let mut text = [0; 8];
            for (at, character) in text.iter_mut().enumerate() {
                *character = base64_character(&marker, bytes_before + 3, at);
            }
            text
        });
        Finder {
            salt,
            marker: memmem::Finder::new(&marker).into_owned(),
            group: memmem::Finder::new(RUN_GROUP),
            after_group,
        }
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// Calls `on` for every canary in `haystack`: block by block, the plain ones of a block before the encoded ones.
    pub fn find(&self, haystack: &[u8], mut on: impl FnMut(Sighting)) {
        self.search(haystack, &mut |sighting, _| on(sighting));
    }

    /// The bytes by which each canary in `haystack` is found, in order, those that overlap merged: copied elsewhere, they are
    /// found as the same canary in the same form.
    pub(crate) fn spans(&self, haystack: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.search(haystack, &mut |sighting, end| found.push(sighting.at..end));
        found.sort_unstable_by_key(|span| span.start);
        let mut spans: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for span in found {
            match spans.last_mut().filter(|last| span.start < last.end) {
                Some(last) => last.end = last.end.max(span.end),
                None => spans.push(span),
            }
        }
        spans
    }

    /// Calls `on` for every canary with the offset of the first byte that it does not need.
    fn search(&self, haystack: &[u8], on: &mut impl FnMut(Sighting, usize)) {
        let mut start = 0;
        let mut plain_from = 0;
        while start < haystack.len() {
            let end = haystack.len().min(start + BLOCK);
            plain_from = self.find_plain(haystack, plain_from.max(start), end, on);
            self.find_base64(haystack, start, end, on);
            start = end;
        }
    }

    /// Finds plain canaries that begin in `from..end`; returns where the next one may begin.
    fn find_plain(
        &self,
        haystack: &[u8],
        from: usize,
        end: usize,
        on: &mut impl FnMut(Sighting, usize),
    ) -> usize {
        let mut from = from;
        let stop = haystack.len().min(end + MARKER_LEN - 1);
        while let Some(hit) = haystack
            .get(from..stop)
            .and_then(|block| self.marker.find(block))
        {
            let at = from + hit;
            let text = haystack.get(at..at + CANARY_LEN);
            match text.and_then(|text| Canary::decode_bytes(text, self.salt)) {
                Some(canary) => {
                    from = at + CANARY_LEN;
                    let form = Form::Plain;
                    on(Sighting { canary, at, form }, from);
                }
                // No marker begins inside another one.
                None => from = at + MARKER_LEN,
            }
        }
        from
    }

    fn find_base64(
        &self,
        haystack: &[u8],
        from: usize,
        end: usize,
        on: &mut impl FnMut(Sighting, usize),
    ) {
        let mut from = from;
        let stop = haystack.len().min(end + RUN_GROUP.len() - 1);
        while let Some(hit) = haystack
            .get(from..stop)
            .and_then(|block| self.group.find(block))
        {
            let at = from + hit;
            if let Some((canary, length)) = self.decode_at(&haystack[at..]) {
                let form = Form::Base64;
                on(Sighting { canary, at, form }, at + length);
            }
            from = at + RUN_GROUP.len();
        }
    }

    /// Reads the canary whose aligned group the text begins with; also how many bytes of the text that took.
    fn decode_at(&self, text: &[u8]) -> Option<(Canary, usize)> {
        let mut characters = EncodedText {
            text,
            at: RUN_GROUP.len(),
            skipped: 0,
        };
        let mut encoded = [0u8; ENCODED_LEN];
        encoded[..RUN_GROUP.len()].copy_from_slice(RUN_GROUP);
        let mut length = RUN_GROUP.len();
        while length < RUN_GROUP.len() + 8 {
            encoded[length] = characters.next()?;
            length += 1;
        }
        let known = self
            .after_group
            .iter()
            .position(|after| *after == encoded[4..12])?;
        // The bytes of the canary that lie before the group are known: they are part of its run.
        let mut canary = [0u8; CANARY_LEN];
        canary[..known].copy_from_slice(&RUN[..known]);
        let wanted = ((CANARY_LEN - known) * 8).div_ceil(6);
        while length < wanted {
            encoded[length] = characters.next()?;
            length += 1;
        }
        for (at, byte) in canary.iter_mut().enumerate().skip(known) {
            *byte = byte_of(&encoded, at - known)?;
        }
        let canary = Canary::decode_bytes(&canary, self.salt)?;
        Some((canary, characters.at))
    }
}

/// Base64 characters in the order of the text, line breaks left out: CR, LF, blank and tab as such, and CR and LF as JSON
/// and most languages write them (`\r`, `\n`).
struct EncodedText<'a> {
    text: &'a [u8],
    at: usize,
    skipped: usize,
}

/// White-space characters passed over inside one encoded canary.
const SKIPPED_LIMIT: usize = 64;

impl Iterator for EncodedText<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let rest = self.text.get(self.at..)?;
            let width = match rest {
                [b'\r' | b'\n' | b' ' | b'\t', ..] => 1,
                [b'\\', b'r' | b'n', ..] => 2,
                [byte, ..] => {
                    self.at += 1;
                    return Some(*byte);
                }
                [] => return None,
            };
            self.skipped += 1;
            if self.skipped > SKIPPED_LIMIT {
                return None;
            }
            self.at += width;
        }
    }
}

/// The value of a base64 character. The two alphabets differ in the values 62 and 63 alone, which no group of letters and
/// digits contains, but which the last character of a canary may share with what follows it.
const fn sextet(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn byte_of(encoded: &[u8], index: usize) -> Option<u8> {
    let group = index / 3 * 4;
    let pair = |at: usize| {
        Some((
            sextet(*encoded.get(group + at)?)?,
            sextet(*encoded.get(group + at + 1)?)?,
        ))
    };
    Some(match index % 3 {
        0 => pair(0).map(|(high, low)| high << 2 | low >> 4)?,
        1 => pair(1).map(|(high, low)| high << 4 | low >> 2)?,
        _ => pair(2).map(|(high, low)| high << 6 | low)?,
    })
}

/// Character `index` of the base64 of `bytes[from..]`; `bytes` must reach that far.
fn base64_character(bytes: &[u8], from: usize, index: usize) -> u8 {
    const CHARACTERS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = index * 6;
    let word = |at: usize| u16::from(bytes.get(from + at).copied().unwrap_or(0));
    let pair = word(bit / 8) << 8 | word(bit / 8 + 1);
    CHARACTERS[usize::from(pair >> (10 - bit % 8) & 63)]
}
