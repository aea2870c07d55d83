//! Who has read whose record, and when it was too many.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{Counted, MOST_READ};
use crate::members::Member;
use crate::sync::{Mutex, shared};

/// For each reader, the customers whose records were read, and when last.
#[derive(Debug)]
pub(super) struct Reads {
    counted: Counted,
    last: Mutex<BTreeMap<Member, BTreeMap<Member, Duration>>>,
}

impl Reads {
    /// None yet.
    pub(super) fn new(counted: Counted) -> Self {
        Self {
            counted,
            last: Mutex::new(BTreeMap::new()),
        }
    }

    /// Logs a read that is about to happen; false when it must not, since it would be of one customer too many.
    pub(super) fn admit(&self, reader: Member, customer: Member, now: Duration) -> bool {
        let mut last = self.last.lock();
        let read = last.entry(reader).or_default();
        let others = read.iter().filter(|(one, _)| **one != customer);
        let others = match self.counted {
            Counted::Nothing => 0,
            Counted::Within(window) => others.filter(|(_, at)| **at + window >= now).count(),
            Counted::WholeHistory => others.count(),
        };
        let is_admitted = others < MOST_READ;
        if is_admitted {
            read.insert(customer, now);
            let (name, count) = (reader.name(), read.len());
            shared("customers read", true, &format_args!("{name}: {count}"));
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of ten customers are read, one a day.
    fn a_day_each(variant: Counted) -> usize {
        let reads = Reads::new(variant);
        let day = Duration::from_secs(24 * 3600);
        let each =
            (2..12).map(|customer| reads.admit(Member(1), Member(customer), day * customer as u32));
        each.filter(|is_admitted| *is_admitted).count()
    }

    #[test]
    fn only_the_whole_history_sees_one_who_has_time() {
        assert_eq!(a_day_each(Counted::WholeHistory), MOST_READ);
        assert_eq!(
            a_day_each(Counted::Within(Duration::from_secs(12 * 3600))),
            10
        );
        assert_eq!(a_day_each(Counted::Nothing), 10);
    }

    #[test]
    fn the_same_customer_again_is_no_further_one() {
        let reads = Reads::new(Counted::WholeHistory);
        let now = Duration::ZERO;
        for customer in [2, 3, 4, 2, 3, 4] {
            assert!(reads.admit(Member(1), Member(customer), now));
        }
        assert!(!reads.admit(Member(1), Member(5), now));
        assert!(reads.admit(Member(5), Member(1), now), "of another reader");
    }
}
