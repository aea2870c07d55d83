//! The last net: no text enters a report with a supplied secret or a whole canary in it.

use crate::identity::{CANARY_LEN, Redactor, Salt};

/// Masks what a report must not show.
#[derive(Clone, Debug)]
pub(super) struct Mask<'a> {
    redactor: &'a Redactor,
    /// What the run's canaries start with, when the history says which salt they have.
    marker: Option<String>,
}

impl<'a> Mask<'a> {
    /// Masks the secrets of `redactor` and the canaries of `salt` (its text form).
    pub(super) fn new(redactor: &'a Redactor, salt: Option<&str>) -> Mask<'a> {
        Mask {
            redactor,
            marker: salt
                .and_then(|text| text.parse::<Salt>().ok())
                .map(Salt::marker),
        }
    }

    /// The text as it may be shown.
    pub(super) fn text(&self, text: &str) -> String {
        let text = self.redactor.text(text);
        match &self.marker {
            Some(marker) => masked_canaries(&text, marker),
            None => text.into_owned(),
        }
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
        masked.push_str(&masked_canary(&rest[at..at + length]));
        rest = &rest[at + length..];
    }
    masked.push_str(rest);
    masked
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
        assert_eq!(
            mask.text(&format!("{}é", &canary[..15])),
            format!("…{}é", &canary[11..15])
        );
        assert_eq!(mask.text("nothing to hide"), "nothing to hide");
    }
}
