//! What the webmail takes from outside itself: the time, chance, and somewhere to check passwords.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::mail::password::{self, HashError};
use crate::mail::session::Token;
use crate::sync::{AtomicU64, Mutex, Ordering};

/// When everything happens that is explored: 22 July 2008, 15:10 in Tokyo, in seconds since 1970 (UTC).
const ROLL_OUT: u64 = 1_216_707_000;
/// The most checked passwords that are remembered; further ones are checked each time.
const REMEMBERED: usize = 10_000;

/// Where a webmail stands.
#[derive(Debug)]
pub(super) enum World {
    /// It is served: clocks, the operating system's randomness, threads for what takes long.
    Served {
        /// The start, on the steady clock.
        start: Instant,
        /// The hash of a password that nobody has.
        nobodys_hash: String,
    },
    /// It is called in process, over and over from its beginning, and equal schedules give equal bytes: time stands still,
    /// tokens are counted, nothing leaves the thread. Nobody can reach it who could guess a token.
    Explored {
        /// Tokens drawn before.
        drawn: AtomicU64,
        once: Arc<Once>,
    },
}

/// What all executions of an exploration share: it costs much, and is the same each time.
#[derive(Debug)]
pub(super) struct Once {
    nobodys_hash: String,
    /// Passwords and hashes, and whether they fit. That is a pure function of the two, so that an execution cannot tell
    /// whether another one has asked before.
    checked: Mutex<BTreeMap<(String, String), bool>>,
}

impl Once {
    /// With nothing checked yet.
    ///
    /// # Errors
    /// A [`HashError`] if the operating system gives no randomness.
    pub(super) fn new() -> Result<Self, HashError> {
        Ok(Self {
            nobodys_hash: password::hash("")?,
            checked: Mutex::new(BTreeMap::new()),
        })
    }

    fn matches(&self, password: String, hash: String) -> bool {
        let mut checked = self.checked.lock();
        let asked = (password, hash);
        if let Some(known) = checked.get(&asked) {
            return *known;
        }
        let fits = password::matches(&asked.0, &asked.1);
        if checked.len() < REMEMBERED {
            checked.insert(asked, fits);
        }
        fits
    }
}

impl World {
    /// That of a server that starts now.
    pub(super) fn served() -> Result<Self, HashError> {
        Ok(Self::Served {
            start: Instant::now(),
            nobodys_hash: password::hash("")?,
        })
    }

    /// That of one execution.
    pub(super) fn explored(once: Arc<Once>) -> Self {
        Self::Explored {
            drawn: AtomicU64::new(0),
            once,
        }
    }

    /// Microseconds since the start, on the steady clock; `None` where time stands still.
    pub(super) fn micros(&self) -> Option<u64> {
        match self {
            Self::Served { start, .. } => {
                Some(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
            }
            Self::Explored { .. } => None,
        }
    }

    /// Seconds since 1970 (UTC), on the wall clock.
    pub(super) fn unix_seconds(&self) -> u64 {
        match self {
            Self::Served { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            Self::Explored { .. } => ROLL_OUT,
        }
    }

    /// A token that was not drawn before; `None` if the operating system gives no randomness.
    pub(super) fn fresh_token(&self) -> Option<Token> {
        let mut bytes = [0; 16];
        match self {
            Self::Served { .. } => getrandom::fill(&mut bytes).ok()?,
            Self::Explored { drawn, .. } => {
                let number = drawn.fetch_add(1, Ordering::Relaxed);
                // Odd factors, so that no two numbers meet; the bits are spread, so that a token looks like one.
                let spread = (u128::from(number) + 1)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                bytes = spread.to_be_bytes();
            }
        }
        Some(Token::new(bytes))
    }

    /// Whether a password is the one that `hash` was made from; `None` if the server is ending. Without a hash it is
    /// checked against nobody's, so that the time taken does not tell an unknown name from a wrong password.
    pub(super) async fn is_right(&self, password: String, hash: Option<&str>) -> Option<bool> {
        match self {
            Self::Served { nobodys_hash, .. } => {
                let hash = hash.unwrap_or(nobodys_hash).to_owned();
                let check =
                    tokio::task::spawn_blocking(move || password::matches(&password, &hash));
                check.await.ok()
            }
            Self::Explored { once, .. } => {
                let hash = hash.unwrap_or(&once.nobodys_hash).to_owned();
                Some(once.matches(password, hash))
            }
        }
    }
}
