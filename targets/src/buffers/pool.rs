//! A pool of buffers that answers are sent from, and what becomes of a buffer when it is released. The variants differ in
//! nothing else.

use std::sync::{Arc, MutexGuard};

use axum::body::Bytes;

use crate::sync::{Mutex, shared};

/// How buffers are taken and released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// A handle that has been released can be released again.
    released_again: bool,
    /// A handle is good for one use of its buffer: the next use has another generation.
    generations: bool,
    /// A buffer is emptied when it is taken.
    truncates: bool,
    /// A buffer is overwritten with zeros and emptied when it is released.
    wipes: bool,
    /// Nobody does anything with the pool or its buffers while somebody else does.
    one_lock: bool,
}

impl Rules {
    const RIGHT: Self = Self {
        released_again: false,
        generations: false,
        truncates: true,
        wipes: false,
        one_lock: false,
    };

    const TWICE: Self = Self {
        released_again: true,
        ..Self::RIGHT
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "released-twice" => Self::TWICE,
            "not-truncated" => Self {
                truncates: false,
                ..Self::RIGHT
            },
            "one-lock" => Self {
                one_lock: true,
                ..Self::TWICE
            },
            "wiped" => Self {
                wipes: true,
                ..Self::TWICE
            },
            "handle-consumed" => Self::RIGHT,
            "generation-checked" => Self {
                generations: true,
                ..Self::TWICE
            },
            _ => return None,
        })
    }
}

/// Buffers, each at its place, and which of them nobody uses. The one released last is taken first, since it is still in the
/// processor's cache.
#[derive(Debug)]
pub(super) struct Pool {
    rules: Rules,
    all: Mutex<Vec<Arc<Mutex<Buffer>>>>,
    free: Mutex<Vec<usize>>,
    /// For whoever wants to be alone.
    gate: Mutex<()>,
}

/// A buffer, and how often it has been released.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    generation: u64,
}

/// Says which buffer, and which use of it.
#[derive(Clone, Copy, Debug)]
struct Handle {
    place: usize,
    generation: u64,
}

/// A buffer in use. It is released when this is dropped, if it was not before.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<Pool>,
    handle: Option<Handle>,
}

impl Pool {
    /// An empty one.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            all: Mutex::new(Vec::new()),
            free: Mutex::new(Vec::new()),
            gate: Mutex::new(()),
        }
    }

    /// A buffer that holds this text.
    pub(super) fn filled(self: &Arc<Self>, text: &[u8]) -> Lease {
        let _alone = self.alone();
        let free = self.free.lock().pop();
        let place = free.unwrap_or_else(|| {
            let mut all = self.all.lock();
            all.push(Arc::default());
            all.len() - 1
        });
        let buffer = self.at(place);
        let mut buffer = buffer.lock();
        if self.rules.truncates {
            buffer.bytes.clear();
        }
        let over = buffer.bytes.len().min(text.len());
        buffer.bytes[..over].copy_from_slice(&text[..over]);
        buffer.bytes.extend_from_slice(&text[over..]);
        shared("buffer", true, &place);
        Lease {
            pool: Arc::clone(self),
            handle: Some(Handle {
                place,
                generation: buffer.generation,
            }),
        }
    }

    fn release(&self, handle: Handle) {
        let _alone = self.alone();
        let buffer = self.at(handle.place);
        let mut buffer = buffer.lock();
        if self.rules.generations && buffer.generation != handle.generation {
            return;
        }
        buffer.generation += 1;
        if self.rules.wipes {
            buffer.bytes.fill(0);
            buffer.bytes.clear();
        }
        self.free.lock().push(handle.place);
    }

    fn at(&self, place: usize) -> Arc<Mutex<Buffer>> {
        Arc::clone(&self.all.lock()[place])
    }

    fn alone(&self) -> Option<MutexGuard<'_, ()>> {
        self.rules.one_lock.then(|| self.gate.lock())
    }
}

impl Lease {
    /// Bytes of the buffer; nothing once it has been released.
    pub(super) fn len(&self) -> usize {
        let _alone = self.pool.alone();
        let handle = self.handle;
        handle.map_or(0, |handle| self.pool.at(handle.place).lock().bytes.len())
    }

    /// The bytes from there on, as many as that, or as there are.
    pub(super) fn piece(&self, from: usize, most: usize) -> Bytes {
        let _alone = self.pool.alone();
        let Some(handle) = self.handle else {
            return Bytes::new();
        };
        let buffer = self.pool.at(handle.place);
        let buffer = buffer.lock();
        shared("buffer", false, &handle.place);
        let end = buffer.bytes.len().min(from.saturating_add(most));
        Bytes::copy_from_slice(buffer.bytes.get(from..end).unwrap_or_default())
    }

    /// Releases the buffer now.
    pub(super) fn release(&mut self) {
        let handle = match self.pool.rules.released_again {
            true => self.handle,
            false => self.handle.take(),
        };
        if let Some(handle) = handle {
            self.pool.release(handle);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(variant: &str) -> Arc<Pool> {
        Arc::new(Pool::new(Rules::of(variant).unwrap()))
    }

    /// What the first of two answers is sent with, after one that was refused.
    fn first_of_two(variant: &str) -> Vec<u8> {
        let pool = pool(variant);
        let mut refused = pool.filled(b"refused");
        refused.release();
        drop(refused);
        let first = pool.filled(b"first ");
        let second = pool.filled(b"second");
        let sent = first.piece(0, 6).to_vec();
        drop(second);
        sent
    }

    #[test]
    fn who_releases_twice_makes_two_owners_unless_the_second_time_is_of_no_use() {
        for variant in ["released-twice", "one-lock", "wiped"] {
            assert_eq!(first_of_two(variant), b"second", "{variant}");
        }
        for variant in ["not-truncated", "handle-consumed", "generation-checked"] {
            assert_eq!(first_of_two(variant), b"first ", "{variant}");
        }
    }

    #[test]
    fn a_shorter_text_has_a_tail_only_where_buffers_are_not_truncated() {
        for variant in ["released-twice", "not-truncated", "handle-consumed"] {
            let pool = pool(variant);
            drop(pool.filled(b"a long one"));
            let short = pool.filled(b"short");
            let tail: &[u8] = match variant {
                "not-truncated" => b"g one",
                _ => b"",
            };
            assert_eq!(short.piece(5, 99), tail, "{variant}");
            assert_eq!(short.len(), 5 + tail.len());
        }
    }

    #[test]
    fn a_buffer_is_used_again_however_its_use_has_ended() {
        for variant in ["handle-consumed", "generation-checked"] {
            let pool = pool(variant);
            for _ in 0..3 {
                let mut lease = pool.filled(b"once more");
                lease.release();
                drop(lease);
                drop(pool.filled(b"and again"));
            }
            assert_eq!(pool.all.lock().len(), 1, "{variant}");
        }
    }
}
