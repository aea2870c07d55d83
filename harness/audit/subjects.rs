//! A set of subjects with the last access to each, in few bytes: sorted, and written as differences.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bytes of a chunk, about. While two sets are merged, one more chunk of each is in memory than their sizes say.
const CHUNK: usize = 64 * 1024;
/// The most bytes of an entry: two numbers of at most ten bytes.
const LARGEST_ENTRY: usize = 20;

/// A subject, and the second of the last access to it.
pub(super) type Entry = (u64, i64);

/// A set of subjects. An entry takes 5 bytes where the subjects are numbers in a row, and about 10 where 34 million are spread
/// over 63 bits.
#[derive(Debug)]
pub(super) struct Subjects {
    /// Times are written as differences to this one.
    base: i64,
    /// In the order of subjects; each chunk can be read by itself.
    chunks: Vec<Box<[u8]>>,
    /// Not yet sorted in.
    fresh: Vec<Entry>,
}

impl Subjects {
    /// An empty set, most of whose accesses are near `base`.
    pub(super) fn near(base: i64) -> Self {
        Self {
            base,
            chunks: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Adds an access. It costs 16 bytes until [`Subjects::settle`].
    pub(super) fn add(&mut self, subject: u64, at: i64) {
        self.fresh.push((subject, at));
    }

    /// Sorts in what was added.
    pub(super) fn settle(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        let mut fresh = fresh.into_iter().peekable();
        let old = std::mem::take(&mut self.chunks);
        // Chunks are freed as soon as they are read.
        let mut old = Entries::new(old.into_iter(), self.base).peekable();
        let mut writer = Writer::new(self.base);
        loop {
            let is_old_next = match (old.peek(), fresh.peek()) {
                (Some(old), Some(fresh)) => old.0 <= fresh.0,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if is_old_next {
                old.next()
            } else {
                fresh.next()
            };
            if let Some((subject, at)) = next {
                writer.push(subject, at);
            }
        }
        self.chunks = writer.finish();
    }

    /// Those that are sorted in, in order.
    fn entries(&self) -> Entries<std::slice::Iter<'_, Box<[u8]>>> {
        Entries::new(self.chunks.iter(), self.base)
    }
}

/// How many different subjects are in at least one of these sets, and in how many of them the last access was at `since` or
/// later. What was added last must have been settled.
pub(super) fn count<'s>(sets: impl Iterator<Item = &'s Subjects>, since: i64) -> (u64, u64) {
    let mut sets: Vec<_> = sets.map(Subjects::entries).collect();
    let mut heads = BinaryHeap::with_capacity(sets.len());
    for (place, set) in sets.iter_mut().enumerate() {
        heads.extend(set.next().map(|entry| Reverse((entry, place))));
    }
    let (mut all, mut recent) = (0, 0);
    let mut before: Option<Entry> = None;
    while let Some(mut head) = heads.peek_mut() {
        let Reverse((entry, place)) = *head;
        match sets[place].next() {
            Some(next) => *head = Reverse((next, place)),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
        match &mut before {
            Some(before) if before.0 == entry.0 => before.1 = before.1.max(entry.1),
            _ => {
                all += 1;
                recent += u64::from(before.is_some_and(|before| before.1 >= since));
                before = Some(entry);
            }
        }
    }
    recent += u64::from(before.is_some_and(|before| before.1 >= since));
    (all, recent)
}

/// Writes entries that come in the order of subjects; of equal subjects the latest access is kept.
struct Writer {
    base: i64,
    chunks: Vec<Box<[u8]>>,
    chunk: Vec<u8>,
    before: u64,
    pending: Option<Entry>,
}

impl Writer {
    fn new(base: i64) -> Self {
        Self {
            base,
            chunks: Vec::new(),
            chunk: Vec::with_capacity(CHUNK),
            before: 0,
            pending: None,
        }
    }

    fn push(&mut self, subject: u64, at: i64) {
        match &mut self.pending {
            Some(pending) if pending.0 == subject => pending.1 = pending.1.max(at),
            _ => {
                self.write();
                self.pending = Some((subject, at));
            }
        }
    }

    fn write(&mut self) {
        let Some((subject, at)) = self.pending.take() else {
            return;
        };
        if self.chunk.len() + LARGEST_ENTRY > CHUNK {
            self.chunks.push(self.chunk.as_slice().into());
            self.chunk.clear();
            self.before = 0;
        }
        put(&mut self.chunk, subject.wrapping_sub(self.before));
        let later = at.wrapping_sub(self.base);
        // Zigzag: small differences of both signs become small numbers.
        put(
            &mut self.chunk,
            ((later << 1) ^ (later >> 63)).cast_unsigned(),
        );
        self.before = subject;
    }

    fn finish(mut self) -> Vec<Box<[u8]>> {
        self.write();
        if !self.chunk.is_empty() {
            self.chunks.push(self.chunk.into_boxed_slice());
        }
        // Most sets of many are of one chunk.
        self.chunks.shrink_to_fit();
        self.chunks
    }
}

/// Reads entries.
struct Entries<C: Iterator> {
    chunks: C,
    chunk: Option<C::Item>,
    at: usize,
    before: u64,
    base: i64,
}

impl<C: Iterator> Entries<C> {
    fn new(mut chunks: C, base: i64) -> Self {
        Self {
            chunk: chunks.next(),
            chunks,
            at: 0,
            before: 0,
            base,
        }
    }
}

impl<C: Iterator<Item: AsRef<[u8]>>> Iterator for Entries<C> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let bytes = self.chunk.as_ref()?.as_ref();
            if self.at < bytes.len() {
                let difference = take(bytes, &mut self.at);
                let later = take(bytes, &mut self.at);
                let later = (later >> 1).cast_signed() ^ -(later & 1).cast_signed();
                self.before = self.before.wrapping_add(difference);
                return Some((self.before, self.base.wrapping_add(later)));
            }
            self.chunk = self.chunks.next();
            (self.at, self.before) = (0, 0);
        }
    }
}

/// Appends a number: seven bits a byte, the lowest first, the high bit set in all bytes but the last (LEB128).
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a number that [`put`] has written.
fn take(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::digest;

    #[test]
    fn counts_are_those_of_a_plain_map() {
        for spread in [500, 1 << 20, u64::MAX >> 1] {
            let mut sets = [Subjects::near(1_000), Subjects::near(-5)];
            let mut plain: BTreeMap<u64, i64> = BTreeMap::new();
            for step in 0..30_000u64 {
                let drawn = digest(step, &[]);
                let (subject, at) = (drawn % spread, (drawn >> 40) as i64 - 8_000_000);
                sets[usize::from(step % 3 == 0)].add(subject, at);
                let last = plain.entry(subject).or_insert(at);
                *last = at.max(*last);
                if step % 7_001 == 0 {
                    sets.iter_mut().for_each(Subjects::settle);
                }
            }
            sets.iter_mut().for_each(Subjects::settle);
            for since in [i64::MIN, -4_000_000, 0, 7_999_000, i64::MAX] {
                let recent = plain.values().filter(|last| **last >= since).count();
                assert_eq!(
                    count(sets.iter(), since),
                    (plain.len() as u64, recent as u64),
                    "{spread} {since}"
                );
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_kept() {
        let all = [
            (0, i64::MIN),
            (1, i64::MAX),
            (u64::MAX - 1, 0),
            (u64::MAX, -1),
        ];
        let mut set = Subjects::near(17);
        for (subject, at) in all {
            set.add(subject, at);
        }
        set.settle();
        set.settle();
        assert_eq!(set.entries().collect::<Vec<_>>(), all);
        assert_eq!(count(std::iter::empty(), 0), (0, 0));
    }

    #[test]
    fn numbers_in_a_row_take_few_bytes() {
        let mut set = Subjects::near(0);
        for number in 0..100_000u64 {
            set.add(number, number as i64 * 130);
        }
        set.settle();
        let bytes: usize = set.chunks.iter().map(|chunk| chunk.len()).sum();
        assert!(bytes < 100_000 * 5, "{bytes}");
        assert!(set.chunks.len() > 5);
    }
}
