//! Counts, from an access log, whose records each principal and each key has read. One pass over the rows, exact counts, and
//! memory that grows with the different subjects and not with the rows. Never: files, the clock.
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

mod moment;
mod rows;
mod subjects;

use std::collections::BTreeMap;

pub use self::moment::Moment;
pub use self::rows::{AuditError, read};
use self::subjects::{Subjects, count};
use crate::identity::digest;

/// The most pairs of a principal and a key.
pub const PAIRS: usize = 1_000_000;
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
    /// By principal and key, the place in `pairs`.
    places: BTreeMap<String, BTreeMap<String, usize>>,
    pairs: Vec<Pair>,
    fresh: usize,
    rows: u64,
    refused: u64,
    newest: Option<Moment>,
}

/// What a principal has read by one key.
#[derive(Debug)]
struct Pair {
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
        let keys = self.places.get(row.principal);
        if let Some(place) = keys.and_then(|keys| keys.get(row.key)) {
            return Ok(*place);
        }
        if self.pairs.len() == PAIRS {
            return Err(AuditError::new(format!(
                "more than {PAIRS} pairs of a principal and a key: audit the log in parts"
            )));
        }
        let place = self.pairs.len();
        self.pairs.push(Pair {
            subjects: Subjects::near(row.time.0),
            reads: 0,
            first: row.time,
            last: row.time,
        });
        let keys = self.places.entry(row.principal.to_owned()).or_default();
        keys.insert(row.key.to_owned(), place);
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
        let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (key, place) in self.places.values().flatten() {
            by_key.entry(key).or_default().push(*place);
        }
        by_key.remove("");
        let keys = by_key.into_iter();
        let keys = keys.filter_map(|(key, places)| self.sum(key, &places, since));
        let keys = in_order(keys.collect());
        let principals = self.places.iter().filter_map(|(principal, keys)| {
            let places: Vec<usize> = keys.values().copied().collect();
            self.sum(principal, &places, since)
        });
        Counted {
            principals: in_order(principals.collect()),
            keys,
            rows: self.rows,
            refused: self.refused,
            newest: self.newest,
        }
    }

    /// The sum of these pairs; `None` when there are none.
    fn sum(&self, name: &str, places: &[usize], since: Option<i64>) -> Option<Sum> {
        let pairs = || places.iter().filter_map(|place| self.pairs.get(*place));
        let sets = pairs().map(|pair| &pair.subjects);
        let (subjects, recent) = count(sets, since.unwrap_or(i64::MAX));
        Some(Sum {
            name: name.to_owned(),
            subjects,
            recent: since.map(|_| recent),
            reads: pairs().map(|pair| pair.reads).sum(),
            first: pairs().map(|pair| pair.first).min()?,
            last: pairs().map(|pair| pair.last).max()?,
        })
    }
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
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn row<'r>(day: i64, principal: &'r str, key: &'r str, subject: &'r str) -> Row<'r> {
        Row {
            time: Moment(day * DAY),
            principal,
            key,
            subject,
            status: Some(200),
        }
    }

    #[test]
    fn a_short_window_counts_too_few() {
        let mut audit = Audit::new();
        for day in 0..150 {
            let subjects: Vec<String> =
                (0..100).map(|one| format!("{}", day * 100 + one)).collect();
            for subject in &subjects {
                audit.add(&row(day, "gone", "k1", subject)).unwrap();
            }
            audit.add(&row(day, "clerk", "k2", "c-17")).unwrap();
        }
        let counted = audit.finish(Some(6 * DAY as u64));
        let sums = counted.principals.iter();
        let sums: Vec<_> = sums
            .map(|sum| (&*sum.name, sum.subjects, sum.recent))
            .collect();
        assert_eq!(sums, [("gone", 15_000, Some(700)), ("clerk", 1, Some(1))]);
        assert_eq!(counted.keys[0].name, "k1");
        assert_eq!(
            (counted.principals[0].first, counted.principals[0].last),
            (Moment(0), Moment(149 * DAY))
        );
        assert_eq!(counted.rows, 15_150);
    }

    #[test]
    fn keys_of_one_principal_and_principals_of_one_key_are_not_added_up() {
        let mut audit = Audit::new();
        for (principal, key, subject) in [
            ("a", "k1", "x"),
            ("a", "k2", "x"),
            ("a", "k2", "y"),
            ("b", "k1", "x"),
            ("b", "k1", "z"),
        ] {
            audit.add(&row(1, principal, key, subject)).unwrap();
        }
        let counted = audit.finish(None);
        let sums = |of: &[Sum]| {
            of.iter()
                .map(|sum| (sum.name.clone(), sum.subjects, sum.reads))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sums(&counted.principals),
            [("a".into(), 2, 3), ("b".into(), 2, 2)]
        );
        assert_eq!(
            sums(&counted.keys),
            [("k1".into(), 2, 3), ("k2".into(), 2, 2)]
        );
        assert_eq!(counted.keys[0].recent, None);
    }

    #[test]
    fn what_was_refused_counts_for_nothing_and_a_log_without_keys_has_none() {
        let mut audit = Audit::new();
        let log = "{\"time\":1,\"principal\":\"a\",\"subject\":7,\"status\":200}\n\n\
                   {\"time\":\"1970-01-01T00:00:02Z\",\"principal\":\"a\",\"subject\":\"8\",\"status\":\"403\",\"more\":[]}\n\
                   {\"time\":3,\"principal\":\"a\",\"subject\":\"7\",\"status\":null}\n";
        read(log.as_bytes(), &mut audit).unwrap();
        let counted = audit.finish(None);
        assert!(counted.keys.is_empty());
        assert_eq!((counted.rows, counted.refused), (3, 1));
        assert_eq!(
            (counted.principals[0].subjects, counted.principals[0].reads),
            (1, 2)
        );
    }

    #[test]
    fn errors_name_the_line_and_quote_nothing() {
        let errors = [
            ("", "the log is empty"),
            ("time,subject\n", "line 1: there is no column `principal`"),
            (
                "time,principal,subject\n1,secret,a\nsecret,b,c\n",
                "line 3: the time is neither",
            ),
            (
                "time,principal,subject\n1,secret\n",
                "line 2: it has another number of columns",
            ),
            (
                "time,principal,subject\n1,secret,\n",
                "line 2: principal or subject is empty",
            ),
            (
                "{\"time\":1,\"principal\":\"secret\"}\n",
                "line 1: a row is a JSON object",
            ),
            (
                "{\"time\":1,\"principal\":\"a\",\"subject\":\"b\"}\nsecret",
                "line 2: a row is a JSON object",
            ),
            (
                "time,principal,subject,status\n1,a,b,secret\n",
                "line 2: the status is no number",
            ),
        ];
        for (log, expected) in errors {
            let error = read(log.as_bytes(), &mut Audit::new())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_numbers_as_they_are_written_stand_for_themselves() {
        assert_eq!((stands_for("0"), stands_for("17")), (0, 17));
        let written = [
            "00",
            "017",
            "+17",
            "-17",
            "17 ",
            "9223372036854775808",
            "x",
            "",
        ];
        let hashed: std::collections::BTreeSet<u64> = written.map(stands_for).into_iter().collect();
        assert_eq!(hashed.len(), written.len());
        assert!(hashed.iter().all(|one| one & HASHED != 0));
    }
}
