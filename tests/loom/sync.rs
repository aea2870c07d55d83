//! The primitives of the request path, made of loom's: the counterpart of `targets/src/sync.rs`.

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::MutexGuard as AsyncMutexGuard;
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
// Who counts owners hands nothing from one request to another.
pub(crate) use std::sync::Arc;

/// Nothing is asked for: each request stays on its own thread.
pub(crate) trait Portable {}

impl<T> Portable for T {}

/// A lock for short sections.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's locks do not poison")
    }
}

/// A lock that is held across awaits. Each request has a thread of its own, so blocking it is awaiting.
#[derive(Debug)]
pub(crate) struct AsyncMutex<T>(Mutex<T>);

impl<T> AsyncMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) async fn lock(&self) -> AsyncMutexGuard<'_, T> {
        self.0.lock()
    }
}

/// Nobody watches: loom sees every access by itself.
pub(crate) fn shared(_name: &'static str, _wrote: bool, _value: &dyn std::fmt::Display) {}
