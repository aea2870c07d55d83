//! The primitives that request paths are built from: the served ones, from the standard library and tokio.
//!
//! Files that hold state shared by requests take their primitives from `crate::sync` and from nowhere else. A model
//! checker can therefore include the very same files beside a `sync` of its own.

use std::sync::PoisonError;

pub use std::sync::MutexGuard;
pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
pub use tokio::sync::MutexGuard as AsyncMutexGuard;

/// What may be kept across an await: anything that may move to another thread.
///
/// A model checker that runs each request on one thread asks for less.
pub trait Portable: Send {}

impl<T: Send> Portable for T {}

/// A lock for short sections without an await. It does not poison: the state it guards is changed in single steps.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that may be held across an await; those who wait get it in the order they came.
#[derive(Debug, Default)]
pub struct AsyncMutex<T>(tokio::sync::Mutex<T>);

impl<T> AsyncMutex<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Self {
        Self(tokio::sync::Mutex::new(value))
    }

    /// Waits for the lock, without holding up the thread, and takes it.
    pub async fn lock(&self) -> AsyncMutexGuard<'_, T> {
        self.0.lock().await
    }
}
