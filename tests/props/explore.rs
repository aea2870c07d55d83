//! The search visits every schedule once, those with the fewest preemptions first, and never claims more than it has run.

use std::collections::{BTreeMap, BTreeSet};

use crosswire::explore::search::{Bounded, ByChance, Gap, Pct, Ran, Random, Reach, Search};
use crosswire::explore::{Detail, ExecutionEnd, Guide, Stage as _};
use crosswire::history::{Move, Schedule};
use proptest::prelude::*;

use crate::model_stage::{Model, ModelStage, Op};

type Make = fn(Option<u32>, u64) -> Box<dyn Search>;

/// Everything a search runs, with the preemptions, in its order; at most so many executions.
fn run(model: &Model, search: &mut dyn Search, most: usize) -> Vec<(Schedule, u32)> {
    let mut stage = ModelStage::new(model);
    let mut run = Vec::new();
    for _ in 0..most {
        if !search.begin() {
            break;
        }
        let execution = stage.execute(search, Detail::Brief).unwrap();
        if let Ran::Schedule { preemptions } = search.end(&execution.end) {
            assert_ne!(execution.end, ExecutionEnd::Abandoned);
            run.push((execution.schedule, preemptions));
        }
    }
    run
}

fn all(model: &Model, search: &mut Bounded) -> Vec<(Schedule, u32)> {
    run(model, search, 1_000_000)
}

fn distinct(run: &[(Schedule, u32)]) -> BTreeSet<&Schedule> {
    run.iter().map(|(schedule, _)| schedule).collect()
}

#[test]
fn requests_without_effects_on_each_other_have_as_many_schedules_as_there_are_orders() {
    // C(8,4), C(16,8), 9!/(3!)^3.
    for (requests, steps, schedules) in [(2, 4, 70), (2, 8, 12_870), (3, 3, 1_680)] {
        let program = vec![Op::Work; steps];
        let model = Model::new(&vec![program.as_slice(); requests]);
        let mut search = Bounded::new(None);
        let run = all(&model, &mut search);
        assert_eq!(run.len(), schedules);
        assert_eq!(distinct(&run).len(), schedules);
        assert!(search.reach().all);
        let serial: usize = (1..=requests).product();
        assert_eq!(run.iter().filter(|one| one.1 == 0).count(), serial);
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let part = prop_oneof![
        3 => Just(vec![Op::Work]),
        2 => Just(vec![Op::Write]),
        2 => Just(vec![Op::Read]),
        1 => Just(vec![Op::Spawn]),
        1 => (0..2usize).prop_map(|lock| vec![Op::Lock(lock), Op::Unlock(lock)]),
        1 => (0..2usize).prop_map(|lock| vec![Op::Lock(lock), Op::Write, Op::Unlock(lock)]),
        // Two of these in different orders wait for each other.
        1 => (0..2usize).prop_map(|lock| {
            vec![Op::Lock(lock), Op::Lock(1 - lock), Op::Unlock(lock), Op::Unlock(1 - lock)]
        }),
    ];
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.concat())
}

fn models() -> impl Strategy<Value = Model> {
    let programs = prop_oneof![
        4 => prop::collection::vec(ops(), 2),
        1 => prop::collection::vec(ops().prop_map(|mut ops| { ops.truncate(2); ops }), 3),
    ];
    (programs, any::<bool>()).prop_map(|(programs, finds_out_late)| {
        let programs: Vec<&[Op]> = programs.iter().map(Vec::as_slice).collect();
        Model {
            finds_out_late,
            ..Model::new(&programs)
        }
    })
}

/// How many schedules there are by preemptions.
fn table(schedules: impl Iterator<Item = u32>) -> BTreeMap<u32, usize> {
    schedules.fold(BTreeMap::new(), |mut table, preemptions| {
        *table.entry(preemptions).or_default() += 1;
        table
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_schedule_is_run_once_and_in_the_order_of_its_preemptions(model in models()) {
        let naive = model.enumerate();
        let mut search = Bounded::new(None);
        let run = all(&model, &mut search);
        prop_assert_eq!(run.len(), naive.len());
        prop_assert_eq!(distinct(&run), naive.keys().collect());
        prop_assert!(run.is_sorted_by_key(|one| one.1));
        prop_assert!(search.reach().all);
        if !model.finds_out_late {
            // Where a lock shows only when it is tried, what would have been a preemption may be none.
            for (schedule, preemptions) in &run {
                prop_assert_eq!(naive[schedule].0, *preemptions);
            }
        }
    }

    #[test]
    fn a_bound_leaves_out_exactly_what_is_beyond_it(model in models(), bound in 0u32..4) {
        let naive = model.enumerate();
        let model = Model { finds_out_late: false, ..model };
        let mut search = Bounded::new(Some(bound));
        let run = all(&model, &mut search);
        let expected = naive.values().map(|one| one.0).filter(|preemptions| *preemptions <= bound);
        prop_assert_eq!(table(run.iter().map(|one| one.1)), table(expected));
        let reach = search.reach();
        let most = naive.values().map(|one| one.0).max();
        prop_assert_eq!(reach.all, most <= Some(bound));
        prop_assert_eq!(reach.complete, Some(bound).min(most));
        prop_assert_eq!(reach.gap, None);
    }

    #[test]
    fn what_begins_with_given_moves_is_run_once(model in models(), place in any::<prop::sample::Index>(), kept in any::<prop::sample::Index>()) {
        let model = Model { finds_out_late: false, ..model };
        let naive = model.enumerate();
        let moves = &naive.keys().nth(place.index(naive.len())).unwrap().0;
        let beginning = &moves[..kept.index(moves.len() + 1)];
        let mut search = Bounded::after(beginning, None);
        let run = all(&model, &mut search);
        let expected: BTreeSet<&Schedule> =
            naive.keys().filter(|schedule| schedule.0.starts_with(beginning)).collect();
        prop_assert_eq!(run.len(), expected.len());
        prop_assert_eq!(distinct(&run), expected);
        prop_assert!(search.reach().all);
    }

    #[test]
    fn what_is_drawn_is_a_schedule_and_the_seed_decides_it(model in models(), seed in any::<u64>(), most in prop::option::of(0u32..3)) {
        let naive = model.enumerate();
        let make: [Make; 3] = [
            |most, seed| Box::new(Random::new(most, seed)),
            |most, seed| Box::new(Pct::new(most, seed)),
            |most, seed| Box::new(ByChance::new(Reach::default(), most, seed)),
        ];
        for make in make {
            let drawn = run(&model, &mut *make(most, seed), 40);
            prop_assert_eq!(drawn.len(), 40);
            prop_assert_eq!(&drawn, &run(&model, &mut *make(most, seed), 40));
            for (schedule, preemptions) in &drawn {
                prop_assert!(naive.contains_key(schedule));
                prop_assert!(most.is_none_or(|most| *preemptions <= most));
                if !model.finds_out_late {
                    prop_assert_eq!(naive[schedule].0, *preemptions);
                }
            }
        }
    }
}

#[test]
fn another_seed_draws_other_schedules() {
    let model = Model::new(&[&[Op::Work; 6], &[Op::Work; 6]]);
    let draw = |seed| run(&model, &mut Random::new(None, seed), 20);
    assert_ne!(draw(1), draw(2));
    let draw = |seed| run(&model, &mut Pct::new(None, seed), 20);
    assert_ne!(draw(1), draw(2));
}

#[test]
fn priorities_change_so_that_both_orders_of_three_steps_are_met() {
    // 1 must run between two steps of 0, and 0 between two of 1: two preemptions at the right moves.
    let model = Model::new(&[&[Op::Work; 4], &[Op::Work; 4]]);
    let drawn = run(&model, &mut Pct::new(None, 7), 300);
    let switches: BTreeSet<usize> = drawn.iter().map(|one| one.0.switches()).collect();
    assert_eq!(
        switches,
        [1, 2, 3].into(),
        "two changes of priority are at most three switches"
    );
    assert!(distinct(&drawn).len() > 20);
}

#[test]
fn clients_go_away_at_every_point() {
    let model = Model {
        cancels: true,
        ..Model::new(&[&[Op::Write, Op::Read], &[Op::Write]])
    };
    let naive = model.enumerate();
    let mut search = Bounded::new(None);
    let run = all(&model, &mut search);
    assert_eq!(distinct(&run), naive.keys().collect());
    assert_eq!(run.len(), naive.len());
    let drawn = self::run(&model, &mut Pct::new(None, 1), 200);
    let goes_away = |one: &&(Schedule, u32)| one.0.0.iter().any(|mv| matches!(mv, Move::Cancel(_)));
    let gone = drawn.iter().filter(goes_away).count();
    assert!((20..200).contains(&gone), "{gone}");
}

#[test]
fn an_execution_that_goes_another_way_is_no_schedule_and_leaves_a_gap() {
    let model = Model::new(&[&[Op::Flaky, Op::Work, Op::Work], &[Op::Work; 3]]);
    let mut stage = ModelStage::new(&model);
    let mut search = Bounded::new(None);
    let (mut again, mut given_up) = (0, 0);
    while search.begin() {
        let execution = stage.execute(&mut search, Detail::Brief).unwrap();
        match search.end(&execution.end) {
            Ran::Diverged { again: true } => again += 1,
            Ran::Diverged { again: false } => given_up += 1,
            _ => {}
        }
    }
    assert!(again > 0);
    let reach = search.reach();
    let leaves_a_gap = reach.gap == Some(Gap::Diverged);
    assert_eq!((given_up > 0, !reach.all), (leaves_a_gap, leaves_a_gap));
}

/// Goes another way from that step on, always.
struct Contrary<'a> {
    stage: ModelStage,
    from_execution: u64,
    executions: u64,
    other: &'a Model,
}

impl Contrary<'_> {
    fn execute(&mut self, guide: &mut dyn Guide) -> ExecutionEnd {
        self.executions += 1;
        if self.executions == self.from_execution {
            self.stage = ModelStage::new(self.other);
        }
        self.stage.execute(guide, Detail::Brief).unwrap().end
    }
}

#[test]
fn what_cannot_be_repeated_is_tried_four_times_and_then_left_out() {
    let model = Model::new(&[&[Op::Work; 3], &[Op::Work; 3]]);
    let other = Model::new(&[&[Op::Work], &[Op::Work; 3]]);
    let mut stage = Contrary {
        stage: ModelStage::new(&model),
        from_execution: 3,
        executions: 0,
        other: &other,
    };
    let mut search = Bounded::new(None);
    let mut ran = Vec::new();
    while search.begin() {
        let end = stage.execute(&mut search);
        ran.push(search.end(&end));
    }
    let again = Ran::Diverged { again: true };
    let schedule = |preemptions| Ran::Schedule { preemptions };
    assert_eq!(ran[..2], [schedule(0), schedule(0)]);
    assert_eq!(
        ran[2..6],
        [again, again, again, Ran::Diverged { again: false }]
    );
    assert_eq!(search.reach().gap, Some(Gap::Diverged));
    assert_eq!(
        search.reach().complete,
        Some(0),
        "those without a preemption were run before"
    );
    assert!(!search.reach().all);
}

#[test]
fn without_room_for_what_is_to_be_run_the_search_says_so() {
    let model = Model::new(&[&[Op::Work; 5], &[Op::Work; 5]]);
    let mut search = Bounded::new(None).with_bytes(2_000);
    let run = all(&model, &mut search);
    assert!(run.len() < 252);
    assert_eq!(distinct(&run).len(), run.len());
    let reach = search.reach();
    assert_eq!((reach.all, reach.gap), (false, Some(Gap::Memory)));
    let complete = reach.complete.unwrap();
    let naive = model.enumerate();
    for bound in 0..=complete {
        let of = |one: &u32| *one == bound;
        let expected = naive.values().map(|one| one.0).filter(of).count();
        assert_eq!(run.iter().map(|one| one.1).filter(of).count(), expected);
    }
}

#[test]
fn an_execution_without_an_end_leaves_a_gap() {
    // 0 is busy until 1 has written.
    let model = Model {
        moves: 20,
        ..Model::new(&[&[Op::Spin], &[Op::Write]])
    };
    let mut search = Bounded::new(Some(1));
    let run = all(&model, &mut search);
    assert!(!run.is_empty());
    let reach = search.reach();
    assert_eq!(
        (reach.all, reach.complete, reach.gap),
        (false, None, Some(Gap::Endless))
    );
}
