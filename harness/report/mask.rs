//! The last net: no text enters a report with a supplied secret or a whole canary in it.

use std::borrow::Cow;

use super::visible::visible_line;
use crate::identity::{CANARY_LEN, Canary, Finder, Redactor, Salt};

/// Masks what a report must not show.
#[derive(Clone, Debug)]
pub(super) struct Mask<'a> {
    redactor: &'a Redactor,
    /// Finds the run's canaries, when the history says which salt they have.
    finder: Option<Finder>,
    /// What they start with.
    marker: Option<String>,
}

/// A stretch of bytes: text as it may be shown, or canaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// Text with secrets and pieces of canaries masked.
    Text(String),
    /// A canary, or several that overlap; the mask of the first.
    Canary {
        /// What stands for it.
        mask: String,
        /// All that were found there.
        canaries: Vec<Canary>,
    },
}

impl<'a> Mask<'a> {
    /// Masks the secrets of `redactor` and the canaries of `salt` (its text form).
    pub(super) fn new(redactor: &'a Redactor, salt: Option<&str>) -> Mask<'a> {
        let salt = salt.and_then(|text| text.parse::<Salt>().ok());
        Mask {
            redactor,
            finder: salt.map(Finder::new),
            marker: salt.map(Salt::marker),
        }
    }

    /// The text as it may be shown, on one line.
    pub(super) fn text(&self, text: &str) -> String {
        let text = self.redactor.text(text);
        let text = match &self.marker {
            Some(marker) => Cow::Owned(masked_canaries(&text, marker)),
            None => text,
        };
        visible_line(&text).into_owned()
    }

    /// The bytes, in stretches.
    pub(super) fn stretches(&self, bytes: &[u8]) -> Vec<Stretch> {
        let Some(finder) = &self.finder else {
            return self
                .plain(&self.redactor.bytes(bytes))
                .into_iter()
                .collect();
        };
        let bytes = self.redactor.bytes_around_canaries(bytes, finder);
        let mut stretches = Vec::new();
        let mut copied = 0;
        for span in finder.spans(&bytes) {
            stretches.extend(self.plain(&bytes[copied..span.start]));
            let mut canaries = Vec::new();
            finder.find(&bytes[span.clone()], |sighting| {
                canaries.push(sighting.canary)
            });
            let mask = canaries.first().map_or_else(
                || "…".to_owned(),
                |first| masked_canary(&first.encode(finder.salt())),
            );
            stretches.push(Stretch::Canary { mask, canaries });
            copied = span.end;
        }
        stretches.extend(self.plain(&bytes[copied..]));
        stretches
    }

    fn plain(&self, bytes: &[u8]) -> Option<Stretch> {
        if bytes.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(bytes);
        Some(Stretch::Text(match &self.marker {
            Some(marker) => without_beginning(masked_canaries(&text, marker), marker),
            None => text.into_owned(),
        }))
    }
}

/// Enough of a canary to tell two apart, too little to find anything with: its checksum, the last four characters.
pub(super) fn masked_canary(canary: &str) -> String {
    let tail: String = canary
        .chars()
        .skip(canary.chars().count().saturating_sub(4))
        .collect();
    format!("…{tail}")
}

/// Of a value that was learnt nothing but its length is shown: it is somebody's real data.
pub(super) fn masked_value(value: &str) -> String {
    format!(
        "[{}]",
        super::words::count(value.chars().count() as u64, "character")
    )
}

fn masked_canaries(text: &str, marker: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(marker) {
        masked.push_str(&rest[..at]);
        let length = rest[at..]
            .bytes()
            .take(CANARY_LEN)
            .take_while(u8::is_ascii_alphanumeric)
            .count();
        if length == CANARY_LEN {
            masked.push_str(&masked_canary(&rest[at..at + length]));
        } else {
            // The last characters of a piece are no checksum, but may be the marker's.
            masked.push('…');
        }
        rest = &rest[at + length..];
    }
    masked.push_str(rest);
    masked
}

/// Takes the beginning of a canary from the end of a text that was cut there.
fn without_beginning(mut text: String, marker: &str) -> String {
    /// Fewer characters of a marker than this are ordinary text.
    const TELLING: usize = 3;
    let cut = (TELLING..marker.len()).rev().find(|length| {
        marker
            .get(..*length)
            .is_some_and(|begin| text.ends_with(begin))
    });
    if let Some(length) = cut {
        text.truncate(text.len() - length);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Canary, UserId};

    #[test]
    fn canaries_and_secrets_are_masked_wherever_they_stand() {
        let salt = Salt::new(99);
        let canary = Canary {
            owner: UserId(3),
            slot: 1,
            serial: 7,
        }
        .encode(salt);
        let redactor = Redactor::new(["hunter2!"]);
        let salt_text = salt.to_string();
        let mask = Mask::new(&redactor, Some(&salt_text));
        let shown = mask.text(&format!("GET /?q={canary}&p=hunter2!&again={canary}"));
        assert!(
            !shown.contains(&canary) && !shown.contains("hunter2!"),
            "{shown}"
        );
        assert_eq!(
            shown,
            format!("GET /?q={0}&p=[secret]&again={0}", masked_canary(&canary))
        );
        // A canary that was cut off keeps its neighbours.
        assert_eq!(mask.text(&format!("{}é", &canary[..15])), "…é");
        assert_eq!(mask.text("nothing to hide"), "nothing to hide");
    }

    #[test]
    fn stretches_tell_canaries_from_text_and_show_no_piece_of_one() {
        use base64::Engine as _;
        let salt = Salt::new(99);
        let canary = Canary {
            owner: UserId(3),
            slot: 1,
            serial: 7,
        };
        let text = canary.encode(salt);
        let redactor = Redactor::new(["hunter2!"]);
        let salt_text = salt.to_string();
        let mask = Mask::new(&redactor, Some(&salt_text));
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("a {text} b"));
        let page = format!("hunter2! {text} \u{7}{encoded}. {}", &text[..8]);
        let stretches = mask.stretches(page.as_bytes());
        let found: Vec<&Canary> = stretches
            .iter()
            .flat_map(|stretch| match stretch {
                Stretch::Canary { canaries, .. } => canaries.as_slice(),
                Stretch::Text(_) => &[],
            })
            .collect();
        assert_eq!(found, [&canary, &canary]);
        assert_eq!(stretches[0], Stretch::Text("[secret] ".into()));
        let Some(Stretch::Text(last)) = stretches.last() else {
            panic!("{stretches:?}");
        };
        assert!(last.ends_with(". …"), "{last}");
        assert!(!format!("{stretches:?}").contains(&salt.marker()));
    }
}
