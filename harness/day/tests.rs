//! Who comes when, and the day's clock, without a socket and without waiting.

use std::time::Duration;

use super::draw::{Slice, arrivals};
use super::pace::{Clock, Stage, play_day};
use super::trouble;
use crate::fire::run::Halt;
use crate::history::{Day, DayPhase, DayWork, Ending};
use crate::scenario::Scenario;

const TEXT: &str = r#"version = 1
target = { bundled = "mail/shared-note" }
users = { count = 30, name = "u{{ index }}" }

[day]
title = "a day"
scale = 60

[day.mix]
read = 5

[[day.phase]]
name = "trial"
date = "the day before"
from = "10:00"
to = "10:05"
serves = "shared-note"
users = [1, 3]
mean-gap-ms = 20000

[[day.phase]]
name = "open"
from = "15:10"
to = "16:10"
serves = "shared-note"
users = [4, 30]
mean-gap-ms = 3000
after = []

[[day.phase]]
name = "closed"
from = "16:10"
to = "16:12"

[[day.phase]]
name = "open again"
from = "16:15"
to = "16:20:30"
serves = "per-request"
users = [4, 30]
mean-gap-ms = 1000
before = ["read-back", "restore", "each-round"]

[[setup]]
name = "write"
path = "/{{ secret('mail') }}"

[[volley]]
name = "read"
path = "/"
sees = ["mail"]

[[volley]]
name = "delete"
path = "/d"
removes = ["mail"]

[[restore]]
name = "ask"
path = "/r"
"#;

fn scenario() -> Scenario {
    Scenario::parse("day", TEXT).unwrap()
}

#[test]
fn the_same_seed_draws_the_same_day_and_another_seed_another_one() {
    let scenario = scenario();
    let day = |seed| -> Vec<Vec<Slice>> {
        (0..4)
            .map(|phase| arrivals(&scenario, phase, seed).collect())
            .collect()
    };
    assert_eq!(day(2008), day(2008));
    assert_ne!(day(2008), day(2009));
    assert_eq!(arrivals(&scenario, 4, 2008).count(), 0);
}

#[test]
fn a_phase_is_drawn_alike_whatever_the_others_are() {
    let (one, mut other) = (scenario(), scenario());
    let phases = &mut other.day.as_mut().unwrap().phases;
    phases[0].mean_gap_ms = None;
    phases[3].users = (1, 2);
    let drawn = |scenario, phase| -> Vec<Slice> { arrivals(scenario, phase, 7).collect() };
    assert_eq!(drawn(&one, 1), drawn(&other, 1));
    let nobody = drawn(&other, 0);
    assert_eq!(nobody.len(), 5);
    assert!(nobody.iter().all(|slice| slice.arrivals.is_empty()));
}

#[test]
fn those_who_come_are_of_the_phase_once_a_slice_and_remove_once() {
    let scenario = scenario();
    for seed in 0..20 {
        let slices: Vec<Slice> = arrivals(&scenario, 1, seed).collect();
        assert_eq!(slices.len(), 60);
        let mut removed = [0; 30];
        for (minute, slice) in slices.iter().enumerate() {
            assert_eq!(slice.at_s, 54_600 + 60 * minute as u32);
            let mut users: Vec<usize> = slice.arrivals.iter().map(|one| one.user).collect();
            assert!(users.iter().all(|user| (3..30).contains(user)));
            let sorted = slice.arrivals.is_sorted_by_key(|one| one.after);
            let within = Duration::from_secs(Day::SLICE_S.into());
            assert!(sorted && slice.arrivals.iter().all(|one| one.after <= within));
            users.sort_unstable();
            let count = users.len();
            users.dedup();
            assert_eq!(users.len(), count, "nobody comes twice in a slice");
            for one in slice.arrivals.iter().filter(|one| one.step == 1) {
                removed[one.user] += 1;
            }
        }
        assert!(removed.iter().all(|times| *times <= 1), "{removed:?}");
        // 3,600 s at a mean gap of 3 s are 1,200; ten standard deviations either way.
        let all: usize = slices.iter().map(|slice| slice.arrivals.len()).sum();
        assert!((850..1_550).contains(&all), "{all}");
    }
}

#[test]
fn a_last_slice_is_as_long_as_its_phase() {
    let scenario = scenario();
    let slices: Vec<Slice> = arrivals(&scenario, 3, 1).collect();
    let last = slices.last().unwrap();
    assert_eq!((slices.len(), last.at_s), (6, 58_800));
    assert!(
        last.arrivals
            .iter()
            .all(|one| one.after <= Duration::from_secs(30))
    );
}

#[test]
fn users_that_are_not_there_are_told() {
    let mut scenario = scenario();
    assert_eq!(trouble(&scenario), None);
    scenario.set_user_count(20).unwrap();
    assert_eq!(
        trouble(&scenario).unwrap(),
        "`open` takes users 4 to 30, and there are 20"
    );
    scenario.day = None;
    assert!(trouble(&scenario).is_some());
}

/// Tokio's clock, which a test can let jump.
struct Paused {
    start: tokio::time::Instant,
    /// When somebody wants the day to end, if at all.
    until: Option<Duration>,
}

impl Clock for Paused {
    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    async fn until(&self, at_ns: u64) -> bool {
        let at = Duration::from_nanos(at_ns);
        let is_over = self.until.is_some_and(|until| at > until);
        if !is_over {
            tokio::time::sleep_until(self.start + at).await;
        }
        !is_over
    }
}

/// Writes down what is due, and takes its time with some of it.
struct Diary {
    start: tokio::time::Instant,
    work: Duration,
    entries: Vec<(u128, String)>,
}

impl Diary {
    fn note(&mut self, what: String) {
        self.entries.push((self.start.elapsed().as_millis(), what));
    }
}

impl Stage for Diary {
    async fn phase(&mut self, place: u32, phase: &DayPhase) -> Result<(), Halt> {
        let serves = phase.serves.as_deref().unwrap_or("nothing");
        self.note(format!("phase {place} serves {serves}"));
        Ok(())
    }

    async fn work(&mut self, round: u32, _: &DayPhase, work: DayWork) -> Result<(), Halt> {
        self.note(format!("round {round}: {work:?}"));
        tokio::time::sleep(self.work).await;
        Ok(())
    }

    async fn slice(&mut self, _: u32, slice: &Slice, scale: u32) -> Result<(), Halt> {
        self.note(format!("{} at {scale}", Day::clock(slice.at_s)));
        if let Some(last) = slice.arrivals.last() {
            tokio::time::sleep(last.after / scale).await;
        }
        Ok(())
    }

    fn interrupted(&mut self) -> Result<(), Halt> {
        Err(Halt::End(Ending::Interrupted))
    }
}

async fn played(scale: u32, until: Option<Duration>) -> (Diary, u32, bool) {
    let scenario = scenario();
    let mut day = scenario.day.clone().unwrap();
    day.scale = scale;
    let slices = |phase| arrivals(&scenario, phase, 3);
    let start = tokio::time::Instant::now();
    let mut diary = Diary {
        start,
        work: Duration::from_millis(250),
        entries: Vec::new(),
    };
    let mut done = 0;
    let clock = Paused { start, until };
    let ended = play_day(&day, slices, &clock, &mut diary, &mut done).await;
    (diary, done, ended.is_ok())
}

#[tokio::test(start_paused = true)]
async fn everything_is_due_at_its_time_on_the_scaled_clock() {
    let (diary, done, is_whole) = played(60, None).await;
    assert!(is_whole && done == 4);
    let at = |what: &str| {
        let found = diary.entries.iter().find(|entry| entry.1 == what);
        found
            .unwrap_or_else(|| panic!("{what}: {:?}", diary.entries))
            .0
    };
    // A minute of the day is a second; each piece of work takes 250 ms, while the clock stands.
    assert_eq!(at("phase 0 serves shared-note"), 0);
    assert_eq!(at("10:00 at 60"), 250);
    assert_eq!(at("10:04 at 60"), 4_250);
    assert_eq!(at("round 1: ReadBack"), 5_250);
    assert_eq!(at("phase 1 serves shared-note"), 5_500);
    assert_eq!(at("15:10 at 60"), 5_750);
    assert_eq!(at("15:25 at 60"), 5_750 + 15_000);
    assert_eq!(at("phase 2 serves nothing"), 65_750);
    assert_eq!(at("phase 3 serves per-request"), 67_750);
    assert_eq!(at("round 4: ReadBack"), 67_750);
    assert_eq!(at("round 4: Restore"), 68_000);
    assert_eq!(at("16:15 at 60"), 68_500);
    let works = diary
        .entries
        .iter()
        .filter(|entry| entry.1.starts_with("round 2"));
    assert_eq!(
        works.count(),
        1,
        "nobody looks while the wrong version is served"
    );
}

#[tokio::test(start_paused = true)]
async fn a_larger_factor_is_a_shorter_day_and_what_is_late_begins_at_once() {
    let (diary, _, _) = played(100_000, None).await;
    let (last, _) = diary.entries.last().unwrap();
    assert!(
        *last < 2_000,
        "{last} ms: the six pieces of work, and hardly anything else"
    );
}

#[tokio::test(start_paused = true)]
async fn a_day_that_is_to_end_ends_at_the_next_wait() {
    let (diary, done, is_whole) = played(60, Some(Duration::from_secs(30))).await;
    assert!(!is_whole && done == 1);
    let (last, what) = diary.entries.last().unwrap();
    assert!(
        *last <= 30_000 && what.starts_with("15:3"),
        "{last}: {what}"
    );
}
