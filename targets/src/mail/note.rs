//! The note that says on whose behalf a request is answered: four ways to keep it, side by side.
//!
//! [`Webmail::answer`](super::service::Webmail::answer) writes the requester down, waits for the store, and makes the
//! page for whoever the note then names. Only the two methods of [`Note`] differ between the variants.

use std::future::Future;
use std::net::Ipv4Addr;

use super::store::UserId;
use crate::sync::{
    AsyncMutex, AsyncMutexGuard, AtomicU32, AtomicU64, Mutex, Ordering, Portable, shared,
};

/// Who asks, and what the log-in history function shows about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The user whose session the request came with.
    pub user: UserId,
    /// When that user logged in the time before this session, in seconds since 1970 (UTC); 0 if never.
    pub last_login: u64,
    /// From where that was; `0.0.0.0` if never or if unknown.
    pub address: Ipv4Addr,
}

impl Requester {
    /// Nobody: what a note names before the first request.
    pub const NOBODY: Self = Self {
        user: UserId(0),
        last_login: 0,
        address: Ipv4Addr::UNSPECIFIED,
    };
}

/// Where the server keeps the requester while the store is at work.
pub trait Note: Default + Send + Sync + 'static {
    /// What a request holds from writing the note until its answer is ready.
    type Held<'a>: Portable;

    /// Writes down who asks.
    fn write(&self, requester: Requester) -> impl Future<Output = Self::Held<'_>> + Send;

    /// Reads who is to be answered.
    fn read(&self, held: &Self::Held<'_>) -> Requester;

    /// Tells whoever watches shared state of an access to the memo that requests share; nothing where there is none.
    fn tell(wrote: bool, requester: Requester) {
        shared("memo", wrote, &format_args!("user {}", requester.user.0));
    }
}

// ---- shared-note: one memo for the whole server, its fields stored one by one (the fault) ----

/// The defect of 2008: every request writes into the same memo, field by field.
#[derive(Debug, Default)]
pub struct SharedNote {
    user: AtomicU64,
    last_login: AtomicU64,
    address: AtomicU32,
}

impl Note for SharedNote {
    type Held<'a> = ();

    async fn write(&self, requester: Requester) {
        self.user.store(requester.user.0, Ordering::Relaxed);
        self.last_login
            .store(requester.last_login, Ordering::Relaxed);
        self.address
            .store(requester.address.to_bits(), Ordering::Relaxed);
    }

    fn read(&self, (): &()) -> Requester {
        Requester {
            user: UserId(self.user.load(Ordering::Relaxed)),
            last_login: self.last_login.load(Ordering::Relaxed),
            address: Ipv4Addr::from_bits(self.address.load(Ordering::Relaxed)),
        }
    }
}

// ---- locked-note: the same memo, a lock around each access (looks right, and is not) ----

/// The tempting repair: nothing mixes any more, but between the two accesses anybody may write.
#[derive(Debug)]
pub struct LockedNote(Mutex<Requester>);

impl Note for LockedNote {
    type Held<'a> = ();

    async fn write(&self, requester: Requester) {
        *self.0.lock() = requester;
    }

    fn read(&self, (): &()) -> Requester {
        *self.0.lock()
    }
}

// ---- one-lock: the lock is held from write to answer (right, and everybody queues) ----

/// The costly repair: each user waits for every other.
#[derive(Debug)]
pub struct OneLock(AsyncMutex<Requester>);

impl Note for OneLock {
    type Held<'a> = AsyncMutexGuard<'a, Requester>;

    async fn write(&self, requester: Requester) -> AsyncMutexGuard<'_, Requester> {
        let mut held = self.0.lock().await;
        *held = requester;
        held
    }

    fn read(&self, held: &AsyncMutexGuard<'_, Requester>) -> Requester {
        **held
    }
}

// ---- per-request: the value travels with the request (right) ----

/// The repair: there is no memo.
#[derive(Debug, Default)]
pub struct PerRequest;

impl Note for PerRequest {
    type Held<'a> = Requester;

    async fn write(&self, requester: Requester) -> Requester {
        requester
    }

    fn read(&self, held: &Requester) -> Requester {
        *held
    }

    fn tell(_: bool, _: Requester) {}
}

// ---- how each begins ----

impl Default for LockedNote {
    fn default() -> Self {
        Self(Mutex::new(Requester::NOBODY))
    }
}

impl Default for OneLock {
    fn default() -> Self {
        Self(AsyncMutex::new(Requester::NOBODY))
    }
}
