//! Where answers are kept: so many, so many under one key, so many bytes. What is oldest makes room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::store::Answer;

/// Most answers that are kept at one time.
const MOST: usize = 10_000;
/// Most answers under one key: one for each reader, where the answer depends on who reads. No key takes the room of all others.
const MOST_OF_A_KEY: usize = 1_000;
/// Most bytes of all that is kept, of bodies, keys and the request's headers.
const MOST_BYTES: usize = 64 << 20;

/// Answers by key.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    by_key: BTreeMap<Arc<str>, VecDeque<Kept>>,
    /// The key of each that is kept, in the order in which they came. They all live equally long, so that is the order in
    /// which they expire, too.
    order: VecDeque<Arc<str>>,
    bytes: usize,
}

/// A stored answer, and which requests it is for.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) answer: Answer,
    /// The request's values of the headers that it depends on.
    pub(super) varies: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(super) until: Instant,
}

impl Kept {
    fn fits(&self, headers: &HeaderMap) -> bool {
        let mut varies = self.varies.iter();
        varies.all(|(name, value)| headers.get(name) == value.as_ref())
    }

    fn bytes(&self, key: &str) -> usize {
        let values = self.varies.iter().filter_map(|(_, value)| value.as_ref());
        key.len() + self.answer.body.len() + values.map(HeaderValue::len).sum::<usize>()
    }
}

impl Shelf {
    /// The oldest answer for a request with these headers that has not expired.
    pub(super) fn find(&self, key: &str, headers: &HeaderMap, now: Instant) -> Option<&Answer> {
        let mut of_key = self.by_key.get(key)?.iter();
        let found = of_key.find(|one| one.until > now && one.fits(headers))?;
        Some(&found.answer)
    }

    /// Keeps one, which must live on for as long as each of the others did when it came. What has expired goes, and the oldest
    /// where there is no room.
    pub(super) fn keep(&mut self, key: &str, one: Kept, now: Instant) {
        while self.oldest().is_some_and(|oldest| oldest.until <= now) {
            self.drop_at(0);
        }
        if self.by_key.get(key).map_or(0, VecDeque::len) >= MOST_OF_A_KEY {
            let first = self.order.iter().position(|known| **known == *key);
            first.into_iter().for_each(|at| self.drop_at(at));
        }
        let bytes = one.bytes(key);
        while self.order.len() >= MOST
            || (self.bytes + bytes > MOST_BYTES && !self.order.is_empty())
        {
            self.drop_at(0);
        }
        let known = self.by_key.get_key_value(key);
        let key = known.map_or_else(|| Arc::from(key), |(known, _)| Arc::clone(known));
        self.bytes += bytes;
        self.order.push_back(Arc::clone(&key));
        self.by_key.entry(key).or_default().push_back(one);
    }

    fn oldest(&self) -> Option<&Kept> {
        self.by_key.get(self.order.front()?)?.front()
    }

    /// Drops the oldest of the key that is there in the order: the first place of a key is that of its oldest answer.
    fn drop_at(&mut self, at: usize) {
        let Some(key) = self.order.remove(at) else {
            return;
        };
        let Some(of_key) = self.by_key.get_mut(&key) else {
            return;
        };
        if let Some(gone) = of_key.pop_front() {
            self.bytes -= gone.bytes(&key);
        }
        if of_key.is_empty() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use axum::response::IntoResponse as _;
    use http::StatusCode;
    use http::header::COOKIE;

    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn headers(reader: usize) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from(reader))])
    }

    /// An answer for one reader, of so many bytes.
    fn kept(reader: usize, bytes: usize, now: Instant) -> Kept {
        let (head, _) = StatusCode::OK.into_response().into_parts();
        Kept {
            answer: Answer {
                head,
                body: Bytes::from(vec![0; bytes]),
            },
            varies: vec![(COOKIE, headers(reader).remove(COOKIE))],
            until: now + LIFE,
        }
    }

    impl Shelf {
        fn has(&self, key: &str, reader: usize, now: Instant) -> bool {
            self.find(key, &headers(reader), now).is_some()
        }

        /// What is counted is what is there.
        fn is_consistent(&self) -> bool {
            let all = self.by_key.iter();
            let all = all.flat_map(|(key, of_key)| of_key.iter().map(|one| one.bytes(key)));
            let sizes: Vec<usize> = all.collect();
            let bytes = sizes.iter().sum::<usize>();
            sizes.len() == self.order.len()
                && bytes == self.bytes
                && self.by_key.values().all(|of_key| !of_key.is_empty())
        }
    }

    #[test]
    fn the_oldest_of_all_makes_room_for_a_further_key() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        for at in 0..MOST + 2 {
            shelf.keep(&at.to_string(), kept(1, 1, now), now);
        }
        assert_eq!(shelf.order.len(), MOST);
        assert!(!shelf.has("0", 1, now) && !shelf.has("1", 1, now));
        assert!(shelf.has("2", 1, now) && shelf.has(&(MOST + 1).to_string(), 1, now));
        assert!(shelf.is_consistent());
    }

    #[test]
    fn the_oldest_of_a_key_makes_room_for_a_further_one_of_it() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        shelf.keep("other", kept(1, 1, now), now);
        for reader in 0..=MOST_OF_A_KEY {
            shelf.keep("key", kept(reader, 1, now), now);
        }
        assert_eq!(shelf.by_key["key"].len(), MOST_OF_A_KEY);
        assert!(shelf.has("other", 1, now) && !shelf.has("key", 0, now));
        assert!(shelf.has("key", 1, now) && shelf.has("key", MOST_OF_A_KEY, now));
        assert!(shelf.is_consistent());
    }

    #[test]
    fn what_has_expired_under_any_key_goes() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        for key in ["a", "b", "a"] {
            shelf.keep(key, kept(1, 1, now), now);
        }
        let half = now + LIFE / 2;
        shelf.keep("b", kept(2, 1, half), half);
        assert_eq!(shelf.order.len(), 4);
        let later = now + LIFE;
        assert!(!shelf.has("a", 1, later), "expired, and there still");
        shelf.keep("c", kept(3, 1, later), later);
        let keys: Vec<&str> = shelf.by_key.keys().map(|key| &**key).collect();
        assert_eq!(keys, ["b", "c"]);
        assert!(shelf.has("b", 2, later) && shelf.is_consistent());
    }

    #[test]
    fn large_answers_make_room_for_one_another() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        for key in ["a", "b", "c"] {
            shelf.keep(key, kept(1, MOST_BYTES / 2, now), now);
        }
        assert!(shelf.bytes <= MOST_BYTES && shelf.is_consistent());
        assert!(!shelf.has("a", 1, now) && shelf.has("c", 1, now));
    }
}
