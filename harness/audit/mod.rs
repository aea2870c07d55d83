//! Counts, from an access log, whose records each principal and each key has read. One pass over the rows, counts that are
//! exact (see [`Sum::subjects`] for subjects that are no numbers), and memory that grows with the different subjects and not
//! with the rows. Never: files, the clock.
//!
//! ```
//! use crosswire::audit::{Audit, read};
//!
//! let log = "time,principal,key,subject,status\n\
//!            2025-06-24T00:00:00Z,staff7,k1,1,200\n\
//!            2025-07-24T00:00:00Z,staff7,k1,2,200\n\
//!            2025-11-16T00:00:00Z,staff7,k2,2,200\n";
//! let mut audit = Audit::new();
//! read(log.as_bytes(), &mut audit)?;
//! let week = 7 * 24 * 3600;
//! let counted = audit.finish(Some(week));
//! let staff = &counted.principals[0];
//! assert_eq!((staff.subjects, staff.recent), (2, Some(1)));
//!
//! let error = read("{\"time\":0}".as_bytes(), &mut Audit::new()).unwrap_err();
//! assert!(error.to_string().starts_with("line 1: a row is a JSON object"));
//! # Ok::<(), crosswire::audit::AuditError>(())
//! ```

mod json;
mod moment;
mod rows;
mod subjects;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::json::{render, schema};
pub use self::moment::Moment;
pub use self::rows::{AuditError, read};
use self::subjects::{Subjects, count};
use crate::identity::digest;

/// The most pairs of a principal and a key. Each takes about 600 bytes besides its subjects and names.
pub const PAIRS: usize = 500_000;
/// Accesses that are kept as they come before they are sorted in: 32 MiB.
const FRESH: usize = 2 << 20;
/// Set in what stands for a subject that is no number.
const HASHED: u64 = 1 << 63;

/// One access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'r> {
    /// When.
    pub time: Moment,
    /// Who read.
    pub principal: &'r str,
    /// The key or credential by which; empty when the log has none.
    pub key: &'r str,
    /// Whose record.
    pub subject: &'r str,
    /// Status of the answer. An access counts when there is none, or a 2xx.
    pub status: Option<u16>,
}

/// An audit under way.
#[derive(Debug, Default)]
pub struct Audit {
    principals: Names,
    keys: Names,
    /// By the numbers of a principal and a key, the place in `pairs`. Like [`Names`] it is only looked up in, never gone through.
    places: HashMap<(usize, usize), usize>,
    pairs: Vec<Pair>,
    /// The place of the row before: many rows in a row are of one reader.
    before: usize,
    fresh: usize,
    rows: u64,
    refused: u64,
    newest: Option<Moment>,
}

/// Different names, numbered in the order in which they came.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Arc<str>, usize>,
    all: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name; a new one if need be.
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (name, number) = (Arc::<str>::from(name), self.all.len());
        self.numbers.insert(Arc::clone(&name), number);
        self.all.push(name);
        number
    }
}

/// What a principal has read by one key.
#[derive(Debug)]
struct Pair {
    principal: usize,
    key: usize,
    subjects: Subjects,
    reads: u64,
    first: Moment,
    last: Moment,
}

/// What an audit has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// One for each principal, the most subjects first, then by name.
    pub principals: Vec<Sum>,
    /// One for each key, in the same order; none when the log has no keys.
    pub keys: Vec<Sum>,
    /// Rows that were read.
    pub rows: u64,
    /// Of these, the accesses that were refused: they are in no count.
    pub refused: u64,
    /// The last access of all, refused ones included.
    pub newest: Option<Moment>,
}

impl Counted {
    /// How many principals have read more different subjects than that.
    #[must_use]
    pub fn beyond(&self, limit: u64) -> u64 {
        let principals = self.principals.iter();
        principals.filter(|sum| sum.subjects > limit).count() as u64
    }
}

/// The accesses of a principal, or by a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Of the principal, or of the key.
    pub name: String,
    /// Different subjects over the whole history. Subjects that are whole numbers below 2^63 are told apart exactly, others by a
    /// hash of 63 bits: among n of these two are taken for one with a probability of about n²/2^64 (for 34 million 1 in
    /// 16,000), and the count is too small by one then.
    pub subjects: u64,
    /// What a count within the window before the last access of the log says: different subjects. `None` without a window.
    pub recent: Option<u64>,
    /// Accesses.
    pub reads: u64,
    /// The first access.
    pub first: Moment,
    /// The last access.
    pub last: Moment,
}

impl Audit {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one access. Rows may come in any order.
    ///
    /// # Errors
    /// An [`AuditError`] when there are more than [`PAIRS`] pairs of a principal and a key.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), AuditError> {
        self.rows += 1;
        self.newest = self.newest.max(Some(row.time));
        if row
            .status
            .is_some_and(|status| !(200..300).contains(&status))
        {
            self.refused += 1;
            return Ok(());
        }
        let place = self.place(row)?;
        let pair = &mut self.pairs[place];
        pair.reads += 1;
        pair.first = pair.first.min(row.time);
        pair.last = pair.last.max(row.time);
        pair.subjects.add(stands_for(row.subject), row.time.0);
        self.fresh += 1;
        if self.fresh == FRESH {
            self.settle();
        }
        Ok(())
    }

    /// Where the pair of that row is; new if need be.
    fn place(&mut self, row: &Row<'_>) -> Result<usize, AuditError> {
        if let Some(pair) = self.pairs.get(self.before)
            && *self.principals.all[pair.principal] == *row.principal
            && *self.keys.all[pair.key] == *row.key
        {
            return Ok(self.before);
        }
        let numbers = (
            self.principals.number(row.principal),
            self.keys.number(row.key),
        );
        self.before = match self.places.get(&numbers) {
            Some(place) => *place,
            None => self.new_place(numbers, row.time)?,
        };
        Ok(self.before)
    }

    fn new_place(
        &mut self,
        (principal, key): (usize, usize),
        time: Moment,
    ) -> Result<usize, AuditError> {
        let place = self.pairs.len();
        if place == PAIRS {
            return Err(AuditError::new(format!(
                "more than {PAIRS} pairs of a principal and a key: leave out the rows of those who read what is their own, or audit \
                 the log in parts"
            )));
        }
        self.pairs.push(Pair {
            principal,
            key,
            subjects: Subjects::near(time.0),
            reads: 0,
            first: time,
            last: time,
        });
        self.places.insert((principal, key), place);
        Ok(place)
    }

    fn settle(&mut self) {
        for pair in &mut self.pairs {
            pair.subjects.settle();
        }
        self.fresh = 0;
    }

    /// The counts; with a window in seconds also what a count would say that looks no further back than that from the last
    /// access.
    #[must_use]
    pub fn finish(mut self, window_s: Option<u64>) -> Counted {
        self.settle();
        let since = window_s.map(|window| {
            let newest = self.newest.map_or(0, |newest| newest.0);
            newest.saturating_sub_unsigned(window)
        });
        let mut keys = self.sums(&self.keys, |pair| pair.key, since);
        keys.retain(|sum| !sum.name.is_empty());
        Counted {
            principals: self.sums(&self.principals, |pair| pair.principal, since),
            keys,
            rows: self.rows,
            refused: self.refused,
            newest: self.newest,
        }
    }

    /// A sum for each of the names, by what tells which of them a pair belongs to.
    fn sums(&self, names: &Names, of: fn(&Pair) -> usize, since: Option<i64>) -> Vec<Sum> {
        let mut pairs: Vec<&Pair> = self.pairs.iter().collect();
        pairs.sort_by_key(|pair| of(pair));
        let groups = pairs.chunk_by(|a, b| of(a) == of(b));
        let sums = groups.filter_map(|group| {
            let name = &names.all[of(group.first()?)];
            sum(name, group, since)
        });
        in_order(sums.collect())
    }
}

/// The sum of these pairs; `None` when there are none.
fn sum(name: &str, pairs: &[&Pair], since: Option<i64>) -> Option<Sum> {
    let sets = pairs.iter().map(|pair| &pair.subjects);
    let (subjects, recent) = count(sets, since.unwrap_or(i64::MAX));
    Some(Sum {
        name: name.to_owned(),
        subjects,
        recent: since.map(|_| recent),
        reads: pairs.iter().map(|pair| pair.reads).sum(),
        first: pairs.iter().map(|pair| pair.first).min()?,
        last: pairs.iter().map(|pair| pair.last).max()?,
    })
}

fn in_order(mut sums: Vec<Sum>) -> Vec<Sum> {
    sums.sort_by(|a, b| {
        b.subjects
            .cmp(&a.subjects)
            .then_with(|| a.name.cmp(&b.name))
    });
    sums
}

/// The number that stands for a subject: itself when it is one, as it would be written; otherwise a hash.
fn stands_for(subject: &str) -> u64 {
    let is_plain = subject == "0" || !subject.starts_with(['0', '+']);
    match subject.parse::<u64>() {
        Ok(number) if number < HASHED && is_plain => number,
        _ => digest(0, &[subject.as_bytes()]) | HASHED,
    }
}

#[cfg(test)]
mod tests;
