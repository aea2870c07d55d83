//! Keys by which tokens are signed. A token names its key and its holder, and is stored nowhere.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::hmac;

use super::clock::Clock;
use super::limits::Limits;
use crate::members::{Member, Tokens};
use crate::sync::{Mutex, shared};

/// The most keys that are known at one time, retired ones included.
const MAX_KEYS: usize = 100_000;

/// All keys, by number.
#[derive(Debug)]
pub(super) struct Keys {
    limits: Limits,
    secrets: Tokens,
    known: Mutex<BTreeMap<usize, Key>>,
}

#[derive(Debug)]
struct Key {
    holder: Member,
    secret: hmac::Key,
    /// When it was retired, on its holder's clock.
    retired: Option<Duration>,
}

impl Keys {
    /// None yet; their secrets are drawn from `secrets`.
    pub(super) fn new(limits: Limits, secrets: Tokens) -> Self {
        Self {
            limits,
            secrets,
            known: Mutex::new(BTreeMap::new()),
        }
    }

    /// A token of that person, by a key that is not retired: a new one when there is none. `None` when there are too many keys
    /// or there is no randomness.
    pub(super) fn token(&self, member: Member) -> Option<String> {
        let mut known = self.known.lock();
        let in_use = known
            .iter()
            .find(|(_, key)| key.holder == member && key.retired.is_none());
        let (number, secret) = match in_use {
            Some((number, key)) => (*number, key.secret.clone()),
            None if known.len() >= MAX_KEYS => return None,
            None => {
                let drawn = self.secrets.draw()?;
                let secret = hmac::Key::new(hmac::HMAC_SHA256, drawn.as_bytes());
                let number = known.len() + 1;
                let key = Key {
                    holder: member,
                    secret: secret.clone(),
                    retired: None,
                };
                known.insert(number, key);
                (number, secret)
            }
        };
        let said = format!("{number}.{}", member.0);
        let tag = hmac::sign(&secret, said.as_bytes());
        Some(format!("{said}.{}", hex(tag.as_ref())))
    }

    /// Retires the keys of that person.
    pub(super) fn retire(&self, member: Member, now: Duration) {
        let mut known = self.known.lock();
        let of_member = known.values_mut().filter(|key| key.holder == member);
        for key in of_member.filter(|key| key.retired.is_none()) {
            key.retired = Some(now);
        }
    }

    /// Who holds a token, if it is signed by a key that is good at this time.
    pub(super) fn holder(&self, token: &str, clock: &Clock) -> Option<Member> {
        let (said, tag) = token.rsplit_once('.')?;
        let (number, holder) = said.split_once('.')?;
        let holder = Member(holder.parse().ok()?);
        let number: usize = number.parse().ok()?;
        let known = self.known.lock();
        let key = known.get(&number)?;
        hmac::verify(&key.secret, said.as_bytes(), &bytes(tag)?).ok()?;
        let is_good = match (key.retired, self.limits.grace) {
            (Some(retired), Some(grace)) => clock.now(key.holder).saturating_sub(retired) <= grace,
            _ => true,
        };
        let state = if key.retired.is_some() {
            "retired"
        } else {
            "in use"
        };
        shared("signing key", false, &format_args!("{number}, {state}"));
        (is_good && key.holder == holder).then_some(holder)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_key_has_been_retired_for_the_grace() {
        let grace = Duration::from_secs(300);
        for (variant, lives_on) in [("limits-held", false), ("retired-key-verifies", true)] {
            let keys = Keys::new(Limits::of(variant).unwrap(), Tokens::counted());
            let (clock, one) = (Clock::default(), Member(1));
            let token = keys.token(one).unwrap();
            assert_eq!(keys.holder(&token, &clock), Some(one));
            keys.retire(one, clock.now(one));
            clock.advance(one, grace);
            assert_eq!(keys.holder(&token, &clock), Some(one), "within the grace");
            clock.advance(one, Duration::from_secs(1));
            assert_eq!(keys.holder(&token, &clock).is_some(), lives_on);
            let next = keys.token(one).unwrap();
            assert_eq!(keys.holder(&next, &clock), Some(one));
        }
    }

    #[test]
    fn a_token_that_was_changed_is_none() {
        let keys = Keys::new(Limits::of("limits-held").unwrap(), Tokens::counted());
        let clock = Clock::default();
        let token = keys.token(Member(1)).unwrap();
        keys.token(Member(2)).unwrap();
        for changed in [
            token.replacen("1.1.", "1.2.", 1),
            token.replacen("1.1.", "2.1.", 1),
            token[..token.len() - 1].to_owned(),
            token[..token.len() - 2].to_owned(),
            format!("{}é", &token[..token.len() - 2]),
            "1.1.".to_owned(),
            String::new(),
        ] {
            assert_eq!(keys.holder(&changed, &clock), None, "{changed}");
        }
    }
}
