//! Whatever a day is like, who comes in it comes as it says: in its time, once a slice, and from its seed alone.

use std::collections::BTreeSet;
use std::time::Duration;

use crosswire::day::{Slice, arrivals};
use crosswire::history::{Day, DayPhase};
use crosswire::scenario::Scenario;
use proptest::prelude::*;

const TEXT: &str = r#"version = 1
target = { bundled = "mail/shared-note" }
users = { count = 12, name = "u{{ index }}" }

[day]
title = "a day"

[[day.phase]]
name = "open"
from = "10:00"
to = "10:01"
serves = "shared-note"

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
"#;

fn phase() -> impl Strategy<Value = DayPhase> {
    let users = (1u32..=12).prop_flat_map(|first| (Just(first), first..=14));
    let length_s = 1u32..=900;
    let gap_ms = proptest::option::weighted(0.9, 1u32..=60_000);
    (0u32..=Day::END_S - 900, length_s, users, gap_ms).prop_map(
        |(from_s, length_s, users, mean_gap_ms)| DayPhase {
            name: "p".into(),
            from_s,
            to_s: from_s + length_s,
            users,
            mean_gap_ms,
            ..DayPhase::default()
        },
    )
}

fn with(phases: &[DayPhase]) -> Scenario {
    let mut scenario = Scenario::parse("day", TEXT).unwrap();
    scenario.day.as_mut().unwrap().phases = phases.to_vec();
    scenario
}

proptest! {
    #[test]
    fn who_comes_comes_in_time_once_a_slice_and_removes_once(phase in phase(), seed: u64) {
        let scenario = with(std::slice::from_ref(&phase));
        let slices: Vec<Slice> = arrivals(&scenario, 0, seed).collect();
        let begins: Vec<u32> = slices.iter().map(|slice| slice.at_s).collect();
        let due: Vec<u32> = (phase.from_s..phase.to_s).step_by(Day::SLICE_S as usize).collect();
        prop_assert_eq!(begins, due, "each minute of the phase has its slice");
        let mut removed = BTreeSet::new();
        for slice in &slices {
            let length_s = Day::SLICE_S.min(phase.to_s - slice.at_s);
            let within = Duration::from_secs(length_s.into());
            prop_assert!(slice.arrivals.is_sorted_by_key(|one| one.after));
            prop_assert!(slice.arrivals.iter().all(|one| one.after <= within));
            let users: BTreeSet<usize> = slice.arrivals.iter().map(|one| one.user).collect();
            prop_assert_eq!(users.len(), slice.arrivals.len(), "nobody comes twice");
            let (first, last) = phase.users;
            prop_assert!(users.iter().all(|user| (first as usize..=last.min(12) as usize).contains(&(user + 1))));
            for one in slice.arrivals.iter().filter(|one| one.step == 1) {
                prop_assert!(removed.insert(one.user), "user {} removes twice", one.user);
            }
            prop_assert!(slice.arrivals.iter().all(|one| one.step < 2));
        }
        if phase.mean_gap_ms.is_none() {
            prop_assert!(slices.iter().all(|slice| slice.arrivals.is_empty()));
        }
    }

    #[test]
    fn a_phase_is_drawn_from_its_seed_and_place_whatever_else_there_is(
        phases in proptest::collection::vec(phase(), 1..4),
        other in phase(),
        place in 0usize..4,
        seed: u64,
    ) {
        let place = place % phases.len();
        let mut others = vec![other; phases.len()];
        others[place] = phases[place].clone();
        let drawn = |phases: &[DayPhase]| -> Vec<Slice> {
            arrivals(&with(phases), place, seed).collect()
        };
        prop_assert_eq!(drawn(&phases), drawn(&others));
    }

    #[test]
    fn users_come_about_as_often_as_the_mean_gap_says(seed: u64, gap_ms in 3_000u32..=10_000) {
        let mut scenario = with(&[DayPhase {
            to_s: 7_200,
            users: (1, 400),
            mean_gap_ms: Some(gap_ms),
            ..DayPhase::default()
        }]);
        scenario.set_user_count(400).unwrap();
        let came: usize = arrivals(&scenario, 0, seed).map(|slice| slice.arrivals.len()).sum();
        let due = 7.2e6 / f64::from(gap_ms);
        // A Poisson count lies within seven standard deviations of its mean but for once in 10^11.
        prop_assert!((came as f64 - due).abs() < 7.0 * due.sqrt() + 1.0, "{came} of {due}");
    }
}
