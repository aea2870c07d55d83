//! What is still to be run with one preemption more: beginnings of schedules, kept in a few flat lists.

/// Most memory that the beginnings put off by a search take, bytes. Beyond it they are left out, and the search cannot come
/// to its end any more.
pub const DEFERRED_BYTES: usize = 256 << 20;

/// A step of a schedule as it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// What was possible, as bits; 0 for not known.
    pub(super) mask: u32,
    /// What was done: its place in such a set.
    pub(super) done: u8,
}

/// A beginning: the first moves of an execution, and another one than it took then.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// Where the execution's steps are.
    start: usize,
    /// How many of them are kept as they were.
    len: usize,
    other: u8,
}

/// Beginnings, first in, first out. Those of one execution share its steps, so that long executions cost no more than their
/// length.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    steps: Vec<Known>,
    beginnings: Vec<Beginning>,
    taken: usize,
}

impl Deferred {
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.beginnings.len()
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.beginnings.clear();
        self.taken = 0;
    }

    /// Takes the steps of an execution; false when there is no room for them and `beginnings` more.
    pub(super) fn add_steps(
        &mut self,
        steps: impl ExactSizeIterator<Item = Known>,
        beginnings: usize,
        most_bytes: usize,
    ) -> bool {
        let bytes = (self.steps.len() + steps.len()) * size_of::<Known>()
            + (self.beginnings.len() + beginnings) * size_of::<Beginning>();
        if bytes > most_bytes {
            return false;
        }
        self.steps.extend(steps);
        true
    }

    /// Puts off: the first `len` of the `of` steps added last, then `other`.
    pub(super) fn add(&mut self, of: usize, len: usize, other: u8) {
        let start = self.steps.len() - of;
        self.beginnings.push(Beginning { start, len, other });
    }

    /// The next beginning: its steps but for the last, of which the set of what was possible is the second part, and the
    /// move to be done there the third.
    pub(super) fn take(&mut self) -> Option<(&[Known], u32, u8)> {
        let next = *self.beginnings.get(self.taken)?;
        self.taken += 1;
        let end = next.start + next.len;
        let mask = self.steps[end].mask;
        Some((&self.steps[next.start..end], mask, next.other))
    }
}

/// The places of a list of `len` from its middle outwards: the halves, the quarters, the eighths. A stretch of it is met
/// soon, wherever it lies.
pub(super) fn middle_first(len: usize) -> impl Iterator<Item = usize> {
    // Every number from 1 is an odd number times a power of two, in one way.
    let strides = (0..usize::BITS - len.leading_zeros()).rev();
    strides.flat_map(move |power| {
        let stride = 1 << power;
        (stride..=len).step_by(2 * stride).map(|place| place - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_first_takes_every_place_once() {
        assert_eq!(middle_first(7).collect::<Vec<_>>(), [3, 1, 5, 0, 2, 4, 6]);
        for len in 0..70 {
            let mut places: Vec<usize> = middle_first(len).collect();
            places.sort_unstable();
            assert_eq!(places, (0..len).collect::<Vec<_>>());
        }
    }
}
