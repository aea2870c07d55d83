//! Open sessions, and the tokens by which they are known.

use std::collections::BTreeMap;

use super::Member;
use crate::sync::{AtomicU64, Mutex, Ordering};

/// The most sessions open at one time.
const MAX_SESSIONS: usize = 200_000;

/// Where tokens come from.
#[derive(Debug)]
pub(crate) enum Tokens {
    /// From the operating system's randomness.
    Random,
    /// One after the other, for executions that must repeat. Nobody can reach such a service who could guess one.
    Counted(AtomicU64),
}

impl Tokens {
    /// From the first one on.
    pub(crate) fn counted() -> Self {
        Self::counted_from(0)
    }

    /// From the one after `drawn` on, for a source that must not draw what another one does.
    pub(crate) fn counted_from(drawn: u64) -> Self {
        Self::Counted(AtomicU64::new(drawn))
    }

    /// 32 hexadecimal digits that were not drawn before; `None` when the operating system gives no randomness.
    pub(crate) fn draw(&self) -> Option<String> {
        let mut bytes = [0; 16];
        match self {
            Self::Random => getrandom::fill(&mut bytes).ok()?,
            Self::Counted(drawn) => {
                let number = u128::from(drawn.fetch_add(1, Ordering::Relaxed)) + 1;
                // An odd factor, so that no two numbers meet; the bits are spread, so that a token looks like one.
                bytes = number
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                    .to_be_bytes();
            }
        }
        Some(format!("{:032x}", u128::from_be_bytes(bytes)))
    }
}

/// Whose session each token is.
#[derive(Debug)]
pub(crate) struct Sessions {
    tokens: Tokens,
    open: Mutex<BTreeMap<String, Member>>,
}

impl Sessions {
    /// None yet.
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            open: Mutex::new(BTreeMap::new()),
        }
    }

    /// Opens one; its token, or `None` when there are too many or there is no randomness.
    pub(crate) fn open(&self, member: Member) -> Option<String> {
        let token = self.tokens.draw()?;
        let mut open = self.open.lock();
        if open.len() >= MAX_SESSIONS {
            return None;
        }
        open.insert(token.clone(), member);
        Some(token)
    }

    /// Whose it is.
    pub(crate) fn find(&self, token: &str) -> Option<Member> {
        self.open.lock().get(token).copied()
    }

    /// Ends one.
    pub(crate) fn close(&self, token: &str) {
        self.open.lock().remove(token);
    }
}
