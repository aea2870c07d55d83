//! The session table. Sessions live in memory and end with the process; users, mails and log-ins do not.
//!
//! A request copies its session out of the table once, when it starts, and never writes it back: a slow request
//! cannot bring back a session that was closed meanwhile.

use std::collections::BTreeMap;
use std::fmt;

use super::note::Requester;
use crate::sync::Mutex;

/// The most sessions open at one time, over all users.
pub const MAX_SESSIONS: usize = 200_000;

/// A secret of 128 bits. The caller makes it, from the operating system's randomness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token([u8; 16]);

impl Token {
    /// A token of these random bytes.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads back what [`Token::to_hex`] wrote; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let well_formed = text.len() == 32
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = u128::from_str_radix(text, 16)
            .ok()
            .filter(|_| well_formed)?;
        Some(Self(value.to_be_bytes()))
    }

    /// 32 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Token {
    /// Does not show the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

/// One log-in's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who logged in, with their log-in before this one.
    pub requester: Requester,
    /// What a form must send along to prove that it was served in this session.
    pub csrf: Token,
}

/// All open sessions.
#[derive(Debug)]
pub struct Sessions(Mutex<BTreeMap<Token, Session>>);

impl Sessions {
    /// An empty table.
    pub fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Opens a session; false, and nothing changed, if the table is full or the token is in use.
    #[must_use]
    pub fn open(&self, token: Token, session: Session) -> bool {
        let mut sessions = self.0.lock();
        let accepted = sessions.len() < MAX_SESSIONS && !sessions.contains_key(&token);
        if accepted {
            sessions.insert(token, session);
        }
        accepted
    }

    /// The open session with this token. Once [`Sessions::close`] has returned, no call finds it again.
    pub fn find(&self, token: Token) -> Option<Session> {
        self.0.lock().get(&token).copied()
    }

    /// Closes a session; false if there was none.
    pub fn close(&self, token: Token) -> bool {
        self.0.lock().remove(&token).is_some()
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}
