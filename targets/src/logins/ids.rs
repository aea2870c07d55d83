//! Ids of sessions, good ones and bad ones.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tokio::time::Instant;

use super::rules::Ids;
use crate::members::Tokens;
use crate::sync::Mutex;

/// Where a worker's ids come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Seconds are counted from here: of the system's clock when served, of the exploration's when explored.
    Clock { began: Instant, worker: usize },
    /// The generator's state, and how many times 64 bits an id has.
    Generator(Mutex<u64>, u32),
    /// The operating system, or what stands for it where executions must repeat.
    Tokens(Tokens),
}

impl Source {
    /// That of a worker, by its number.
    pub(super) fn of(ids: Ids, worker: usize, began: Instant, is_explored: bool) -> Self {
        match ids {
            Ids::SecondAndWorker => Self::Clock { began, worker },
            // As a process does that seeds its generator, and then makes its workers out of itself.
            Ids::Seeded(words) => Self::Generator(Mutex::new(2007), words),
            // Two workers count in different ranges: what the operating system gives is never the same.
            Ids::Random if is_explored => {
                Self::Tokens(Tokens::counted_from(worker as u64 * 1_000_000))
            }
            Ids::Random => Self::Tokens(Tokens::Random),
        }
    }

    /// An id; `None` when the operating system gives no randomness.
    pub(super) fn draw(&self) -> Option<String> {
        match self {
            Self::Clock { began, worker } => {
                let mut hasher = DefaultHasher::new();
                (began.elapsed().as_secs(), worker).hash(&mut hasher);
                Some(format!("{:032x}", hasher.finish()))
            }
            Self::Generator(state, words) => {
                let mut state = state.lock();
                let words = (0..*words).map(|_| format!("{:016x}", next(&mut state)));
                Some(words.collect())
            }
            Self::Tokens(tokens) => tokens.draw(),
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): good enough for simulations, and no secret to anybody who knows the seed.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: Ids, worker: usize) -> [String; 3] {
        let source = Source::of(ids, worker, Instant::now(), false);
        [(); 3].map(|()| source.draw().unwrap())
    }

    #[test]
    fn only_the_operating_system_gives_different_ids_to_workers() {
        assert_eq!(ids(Ids::Seeded(2), 0), ids(Ids::Seeded(2), 1));
        assert_eq!(ids(Ids::Seeded(4), 0)[0].len(), 64);
        assert_ne!(ids(Ids::Seeded(2), 0)[0], ids(Ids::Seeded(2), 0)[1]);
        assert_ne!(ids(Ids::Random, 0), ids(Ids::Random, 1));
        let [first, second, _] = ids(Ids::SecondAndWorker, 0);
        assert!(first == second && first != ids(Ids::SecondAndWorker, 1)[0]);
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for the seed 1234567, as other implementations have them.
        let mut state = 1_234_567;
        assert_eq!(next(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(next(&mut state), 3_203_168_211_198_807_973);
    }
}
