//! Who has read whose record and from where, and when that raises an alarm.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::limits::{Counted, Limits, MOST_READ};
use crate::members::Member;
use crate::sync::{Mutex, shared};

/// The most places that are remembered of one person. Of more, the one with the longest time since a log-in is forgotten: a
/// read from there raises an alarm until the next log-in there, which is better than nobody being able to log in elsewhere.
const MAX_PLACES: usize = 100;
/// Bytes of the longest place that is remembered; a read from one that is longer raises an alarm.
const LONGEST_PLACE: usize = 256;

/// The reads of everybody.
#[derive(Debug)]
pub(super) struct Reads {
    limits: Limits,
    readers: Mutex<BTreeMap<Member, Reader>>,
}

#[derive(Debug, Default)]
struct Reader {
    /// Where this person has logged in, the place of the last log-in at the end.
    places: VecDeque<String>,
    /// The customers whose records were read, and when last.
    last: BTreeMap<Member, Duration>,
}

/// Why a read must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The reader has never logged in there.
    Elsewhere,
    /// It would be of one customer too many.
    TooMany,
}

impl Reads {
    /// None yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            readers: Mutex::new(BTreeMap::new()),
        }
    }

    /// That person has logged in there.
    pub(super) fn logged_in(&self, reader: Member, place: &str) {
        if place.len() > LONGEST_PLACE {
            return;
        }
        let mut readers = self.readers.lock();
        let places = &mut readers.entry(reader).or_default().places;
        places.retain(|known| known != place);
        if places.len() >= MAX_PLACES {
            places.pop_front();
        }
        places.push_back(place.to_owned());
    }

    /// Logs a read that is about to happen.
    ///
    /// # Errors
    /// The alarm that it raises; it must not happen then.
    pub(super) fn admit(
        &self,
        reader: Member,
        customer: Member,
        place: &str,
        now: Duration,
    ) -> Result<(), Alarm> {
        let mut readers = self.readers.lock();
        let known = readers.entry(reader).or_default();
        if self.limits.where_from && !known.places.iter().any(|known| known == place) {
            return Err(Alarm::Elsewhere);
        }
        let others = known.last.iter().filter(|(one, _)| **one != customer);
        let others = match self.limits.counted {
            Counted::Nothing => 0,
            Counted::Within(window) => others
                .filter(|(_, at)| now.saturating_sub(**at) <= window)
                .count(),
            Counted::WholeHistory => others.count(),
        };
        if others >= MOST_READ {
            return Err(Alarm::TooMany);
        }
        known.last.insert(customer, now);
        let (name, count) = (reader.name(), known.last.len());
        shared("customers read", true, &format_args!("{name}: {count}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const WORK: &str = "10.0.0.1";

    /// How many of ten customers one is given who takes so long for each, at work.
    fn given(variant: &str, each: Duration) -> usize {
        let reads = Reads::new(Limits::of(variant).unwrap());
        let reader = Member(1);
        reads.logged_in(reader, WORK);
        let customers = 2..12;
        let asked = customers.map(|one| reads.admit(reader, Member(one), WORK, each * one as u32));
        asked.filter(Result::is_ok).count()
    }

    #[test]
    fn only_the_whole_history_sees_one_who_has_time() {
        for (variant, at_once, a_day_each) in [
            ("limits-held", MOST_READ, MOST_READ),
            ("short-window", MOST_READ, 10),
            ("where-from-alone", 10, 10),
            ("reads-not-counted", 10, 10),
        ] {
            assert_eq!(given(variant, Duration::ZERO), at_once, "{variant}");
            assert_eq!(given(variant, 24 * HOUR), a_day_each, "{variant}");
        }
    }

    #[test]
    fn a_read_from_elsewhere_is_seen_by_all_who_ask_where_from() {
        for (variant, expected) in [
            ("limits-held", Err(Alarm::Elsewhere)),
            ("where-from-alone", Err(Alarm::Elsewhere)),
            ("reads-not-counted", Ok(())),
        ] {
            let reads = Reads::new(Limits::of(variant).unwrap());
            reads.logged_in(Member(1), WORK);
            reads.logged_in(Member(2), "198.51.100.7");
            let read = reads.admit(Member(1), Member(3), "198.51.100.7", HOUR);
            assert_eq!(read, expected, "{variant}");
        }
    }

    #[test]
    fn so_many_places_are_remembered_and_no_more() {
        let reads = Reads::new(Limits::of("where-from-alone").unwrap());
        let one = Member(1);
        let is_known = |place: &str| reads.admit(one, Member(2), place, HOUR).is_ok();
        let places: Vec<String> = (0..=MAX_PLACES).map(|at| format!("10.0.0.{at}")).collect();
        let (last, first) = places.split_last().unwrap();
        for place in first {
            reads.logged_in(one, place);
        }
        // Once more at the first one: it is the second that nobody has logged in at for longest.
        reads.logged_in(one, &places[0]);
        assert!(first.iter().all(|place| is_known(place)));
        reads.logged_in(one, last);
        assert!(is_known(last) && is_known(&places[0]) && is_known(&places[2]));
        assert!(!is_known(&places[1]), "forgotten");
        let long = "1".repeat(LONGEST_PLACE + 1);
        for place in [&long, &long[1..]] {
            reads.logged_in(one, place);
        }
        assert!(!is_known(&long) && is_known(&long[1..]));
        assert_eq!(reads.readers.lock()[&one].places.len(), MAX_PLACES);
    }

    #[test]
    fn the_same_customer_again_is_no_further_one() {
        let reads = Reads::new(Limits::of("limits-held").unwrap());
        let admit = |reader, customer| {
            reads.logged_in(Member(reader), WORK);
            reads.admit(Member(reader), Member(customer), WORK, HOUR)
        };
        for customer in [2, 3, 4, 2, 3, 4] {
            assert_eq!(admit(1, customer), Ok(()));
        }
        assert_eq!(admit(1, 5), Err(Alarm::TooMany));
        assert_eq!(admit(5, 1), Ok(()), "of another reader");
    }
}
