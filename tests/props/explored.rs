//! What an exploration records: counts, coverage, findings that are minimal and can be run again, and never more than was run.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crosswire::explore::{
    Plan, Progress, Stage, StageError, TELL_FURTHER_AT_TURNSTILE, TELL_STEPS, Watch, explore,
};
use crosswire::fire::Stop;
use crosswire::history::{
    Coverage, Ending, Explored, FoundSchedule, Move, Phase, Record, Schedule, Writer, read,
};
use crosswire::identity::{Redactor, Salt};
use crosswire::scenario::{Scenario, SearchName};
use proptest::prelude::*;

use crate::model_stage::{Model, ModelOracle, ModelStage, Op, State, canaries, exposures};

pub(crate) fn scenario(users: usize) -> Scenario {
    let text = format!(
        "version = 1\n[target]\nurl = \"http://127.0.0.1:1\"\n[users]\ncount = {users}\nname = \"u{{{{ index }}}}\"\n\
         [[volley]]\nname = \"read\"\npath = \"/\"\n"
    );
    let mut scenario = Scenario::parse("model", &text).unwrap();
    scenario.explore.races = vec![vec!["read".to_owned(); users]];
    scenario
}

pub(crate) fn plan(scenario: &Scenario) -> Plan<'_> {
    Plan {
        scenario,
        target_name: "model".into(),
        base_url: "http://127.0.0.1:1".into(),
        seed: 1,
        salt: Salt::new(1),
        follows_up: true,
    }
}

pub(crate) fn stage(model: &Model) -> Result<Box<dyn Stage>, StageError> {
    Ok(Box::new(ModelStage::new(model)))
}

fn records_with(model: &Model, set: impl FnOnce(&mut Scenario), stop: &Stop) -> Vec<Record> {
    let mut scenario = scenario(model.programs.len());
    set(&mut scenario);
    let mut records = Vec::new();
    let done = explore(
        &plan(&scenario),
        &mut |_| stage(model),
        &mut |_, _| Box::new(ModelOracle::default()),
        &mut records,
        &mut (),
        stop,
    );
    done.unwrap();
    assert!(matches!(records[0], Record::Start(_)));
    records
}

pub(crate) fn the_explored(records: &[Record]) -> Explored {
    let explored = records.iter().filter_map(|record| match record {
        Record::Explored(explored) => Some(explored),
        _ => None,
    });
    let explored: Vec<_> = explored.collect();
    assert_eq!(explored.len(), 1);
    (**explored[0]).clone()
}

fn explored_with(model: &Model, set: impl FnOnce(&mut Scenario)) -> Explored {
    the_explored(&records_with(model, set, &Stop::default()))
}

pub(crate) fn explored(model: &Model) -> Explored {
    explored_with(model, |_| {})
}

pub(crate) fn ending(records: &[Record]) -> &Ending {
    match records.last() {
        Some(Record::End(end)) => &end.ending,
        other => panic!("{other:?}"),
    }
}

/// The race of 2008: one memo for all, written, and read a while later.
pub(crate) fn memo() -> Model {
    let program = [Op::Work, Op::Write, Op::Work, Op::Work, Op::Read, Op::Work];
    Model::new(&[&program, &program])
}

/// As it should be: nobody gets in between.
pub(crate) fn repaired() -> Model {
    let program = [
        Op::Lock(0),
        Op::Write,
        Op::Work,
        Op::Work,
        Op::Read,
        Op::Unlock(0),
    ];
    Model::new(&[&program, &program])
}

fn shows(state: &State, id: &str) -> bool {
    exposures(&state.answers).iter().any(|known| known == id)
}

#[test]
fn counts_are_those_of_plain_recursion() {
    let model = memo();
    let naive = model.enumerate();
    let explored = explored(&model);
    assert_eq!(explored.coverage, Coverage::All);
    assert_eq!(explored.schedules, naive.len() as u64);
    let exposing = naive
        .values()
        .filter(|one| !exposures(&one.1.answers).is_empty());
    assert_eq!(explored.exposing, exposing.count() as u64);
    for told in &explored.bounds {
        let of_bound = naive.values().filter(|one| one.0 == told.preemptions);
        let (all, exposing): (Vec<_>, Vec<_>) = of_bound
            .map(|one| ((), exposures(&one.1.answers).is_empty()))
            .unzip();
        assert_eq!(told.schedules, all.len() as u64);
        assert_eq!(
            told.exposing,
            exposing.iter().filter(|clean| !**clean).count() as u64
        );
        assert!(told.complete);
    }
    let outcomes: BTreeSet<_> = naive.values().map(|one| one.1.answers.clone()).collect();
    assert_eq!(explored.outcomes_total, outcomes.len() as u64);
    let sum: u64 = explored
        .outcomes
        .iter()
        .map(|outcome| outcome.schedules)
        .sum();
    assert_eq!(sum, explored.schedules);
    assert!(
        explored
            .outcomes
            .is_sorted_by(|a, b| a.schedules >= b.schedules)
    );
    assert_eq!(
        explored.bounds[0].exposing, 0,
        "one after the other, nothing crosses"
    );
    assert!(
        explored.first_exposing <= Some(5),
        "{:?}",
        explored.first_exposing
    );
    assert_eq!(explored.points[1].explicit, 6);
    assert_eq!(explored.sampled, 0);
}

#[test]
fn a_repaired_service_shows_nothing_in_all_schedules() {
    let explored = explored(&repaired());
    assert_eq!(explored.coverage, Coverage::All);
    assert_eq!((explored.exposing, explored.first_exposing), (0, None));
    assert!(explored.found.is_empty() && explored.told.is_empty());
    assert_eq!(explored.schedules, repaired().enumerate().len() as u64);
}

#[test]
fn what_is_kept_can_be_read_again() {
    let records = records_with(&memo(), |_| {}, &Stop::default());
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Redactor::default());
    for record in &records {
        crosswire::history::Sink::take(&mut writer, record).unwrap();
    }
    drop(writer);
    let again = read(bytes.as_slice()).unwrap();
    assert_eq!(again, records);
    assert_eq!(*ending(&records), Ending::Completed);

    let exchanges = || {
        records.iter().filter_map(|record| match record {
            Record::Exchange(exchange) => Some(exchange),
            _ => None,
        })
    };
    assert!(
        exchanges()
            .map(|exchange| exchange.id)
            .eq(0..exchanges().count() as u64)
    );
    let volleys: Vec<u32> = records
        .iter()
        .filter_map(|record| match record {
            Record::Volley(volley) => Some(volley.volley),
            _ => None,
        })
        .collect();
    // Each outcome once: own or the other's, for both; not each the other's.
    assert_eq!(
        volleys,
        (1..=explored(&memo()).outcomes_total as u32).collect::<Vec<_>>()
    );
    // A volley ends after its exchanges, and before its read-back.
    for (place, record) in records.iter().enumerate() {
        let Record::Volley(volley) = record else {
            continue;
        };
        let of = |record: &Record, phase| matches!(record, Record::Exchange(exchange) if exchange.phase == phase);
        assert!(of(&records[place - 1], Phase::Volley), "{}", volley.volley);
        assert!(
            of(&records[place + 1], Phase::ReadBack),
            "{}",
            volley.volley
        );
    }
}

#[test]
fn through_the_turnstile_every_execution_is_kept() {
    let program = [Op::Write, Op::Read];
    let model = Model {
        turnstile: true,
        ..Model::new(&[&program, &program])
    };
    let records = records_with(&model, |_| {}, &Stop::default());
    let volleys = records
        .iter()
        .filter(|record| matches!(record, Record::Volley(_)));
    assert_eq!(volleys.count(), 6);
    assert_eq!(the_explored(&records).coverage, Coverage::All);
    // What was planted by executions that were not kept is told as well.
    let canaries = canaries(&records);
    assert!(canaries.len() > 6 + 4, "{}", canaries.len());
    for (place, canary) in canaries.iter().enumerate() {
        assert_eq!(*canary, format!("canary {}", place + 1));
    }
}

fn is_minimal(model: &Model, id: &str, found: &FoundSchedule) -> Result<(), TestCaseError> {
    let naive = model.enumerate();
    let fewest = naive
        .values()
        .filter(|one| shows(&one.1, id))
        .map(|one| one.0)
        .min();
    prop_assert_eq!(Some(found.preemptions), fewest);
    prop_assert_eq!(naive[&found.schedule].0, found.preemptions);
    let fewest_switches = naive
        .iter()
        .filter(|(_, one)| one.0 == found.preemptions && shows(&one.1, id))
        .map(|(schedule, _)| schedule.switches())
        .min();
    prop_assert_eq!(Some(found.schedule.switches()), fewest_switches);
    Ok(())
}

fn sharing() -> impl Strategy<Value = Model> {
    let op = prop_oneof![
        2 => Just(vec![Op::Work]),
        2 => Just(vec![Op::Write]),
        3 => Just(vec![Op::Read]),
        1 => Just(vec![Op::Lock(0), Op::Write, Op::Unlock(0)]),
        1 => Just(vec![Op::Lock(0), Op::Read, Op::Unlock(0)]),
    ];
    let program = prop::collection::vec(op, 1..5).prop_map(|parts| parts.concat());
    prop::collection::vec(program, 2).prop_map(|programs| {
        let programs: Vec<&[Op]> = programs.iter().map(Vec::as_slice).collect();
        Model::new(&programs)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn findings_are_shortest_expose_and_are_told(model in sharing()) {
        let naive = model.enumerate();
        let explored = explored(&model);
        let ids: BTreeSet<String> =
            naive.values().flat_map(|one| exposures(&one.1.answers)).collect();
        let found: BTreeSet<String> =
            explored.found.iter().flat_map(|found| found.exposures.clone()).collect();
        prop_assert_eq!(&found, &ids);
        for found in &explored.found {
            prop_assert_eq!(found.repeated, (2, 2));
            let state = &naive[&found.schedule].1;
            prop_assert_eq!(&exposures(&state.answers), &found.exposures);
            // It is the shortest of one of them, and the first seen has no more preemptions.
            prop_assert!(found.exposures.iter().any(|id| is_minimal(&model, id, found).is_ok()));
            prop_assert_eq!(naive[&found.first_seen].0, found.preemptions);
            let told = explored.told.iter().find(|told| told.schedule == found.schedule).unwrap();
            prop_assert_eq!(told.steps.len(), found.schedule.0.len());
            prop_assert_eq!(&told.exposures, &found.exposures);
            prop_assert!(told.steps.iter().any(|step| !step.crossed.is_empty()));
            check_decisive(&model, found)?;
        }
        for told in &explored.told {
            prop_assert_eq!(&exposures(&naive[&told.schedule].1.answers), &told.exposures);
        }
        prop_assert_eq!(explored.doubts, Default::default());
    }
}

/// The decisive move against plain recursion.
fn check_decisive(model: &Model, found: &FoundSchedule) -> Result<(), TestCaseError> {
    let naive = model.enumerate();
    let ways = |len: usize| {
        let beginning = &found.schedule.0[..len];
        let ways = naive.iter().filter(|one| one.0.0.starts_with(beginning));
        let exposing = ways
            .clone()
            .filter(|one| !exposures(&one.1.1.answers).is_empty());
        (ways.count() as u64, exposing.count() as u64)
    };
    let first = (0..=found.schedule.0.len())
        .find(|len| ways(*len).0 == ways(*len).1)
        .unwrap();
    let Some(decisive) = found.decisive else {
        prop_assert_eq!(first, 0, "every schedule exposes");
        return Ok(());
    };
    prop_assert_eq!(decisive.at as usize + 1, first);
    prop_assert_eq!(decisive.before, ways(first - 1));
    prop_assert_eq!(decisive.after, ways(first).0);
    prop_assert!(decisive.complete);
    Ok(())
}

#[test]
fn neighbours_and_orders_without_overlap_are_told() {
    let explored = explored(&memo());
    let schedules: BTreeSet<String> = explored
        .told
        .iter()
        .map(|told| told.schedule.to_string())
        .collect();
    assert!(schedules.contains("R1*6,R2*6") && schedules.contains("R2*6,R1*6"));
    let found = &explored.found[0].schedule;
    let mut swaps = 0;
    for first in 0..found.0.len() - 1 {
        let mut swapped = found.clone();
        swapped.0.swap(first, first + 1);
        if swapped != *found {
            swaps += 1;
            assert!(schedules.contains(&swapped.to_string()), "{swapped}");
        }
    }
    assert!(swaps >= 2);
}

/// The schedules by how many swaps of two steps lie between them and the nearest found one.
fn swaps_away(explored: &Explored) -> BTreeMap<Schedule, usize> {
    let found = explored.found.iter().map(|found| found.schedule.clone());
    let mut away: BTreeMap<Schedule, usize> = found.map(|found| (found, 0)).collect();
    let mut next: VecDeque<Schedule> = away.keys().cloned().collect();
    while let Some(schedule) = next.pop_front() {
        let further = away[&schedule] + 1;
        for first in 0..schedule.0.len() - 1 {
            let mut swapped = schedule.clone();
            swapped.0.swap(first, first + 1);
            if !away.contains_key(&swapped) {
                away.insert(swapped.clone(), further);
                next.push_back(swapped);
            }
        }
    }
    away
}

#[test]
fn neighbours_of_neighbours_are_told_the_nearest_first() {
    let explored = explored(&memo());
    let away = swaps_away(&explored);
    assert_eq!(away.len(), 924, "all of them");
    let told: BTreeSet<&Schedule> = explored.told.iter().map(|told| &told.schedule).collect();
    assert_eq!(told.len(), explored.told.len(), "each once");
    // Those in which nothing overlaps are told wherever they are.
    let nearby = told.iter().filter(|told| told.switches() > 1);
    let furthest = nearby.map(|told| away[*told]).max().unwrap();
    assert!(furthest >= 3, "{furthest}");
    for (schedule, _) in away.iter().filter(|(_, away)| **away < furthest) {
        assert!(told.contains(schedule), "{schedule}");
    }
    let steps: usize = explored.told.iter().map(|told| told.steps.len()).sum();
    assert!(
        (TELL_STEPS..TELL_STEPS + 12).contains(&steps),
        "it is told until there is no more room: {steps}"
    );
}

#[test]
fn through_the_turnstile_fewer_are_told() {
    let mut model = memo();
    model.turnstile = true;
    let explored = explored_with(&model, |scenario| scenario.explore.executions = 50);
    let away = swaps_away(&explored);
    let further = explored.told.iter().filter(|told| {
        let is_serial = told.schedule.switches() == 1;
        !is_serial && away[&told.schedule] > 1
    });
    let further = further.count() as u64;
    let most = TELL_FURTHER_AT_TURNSTILE;
    assert!((most / 2..=most).contains(&further), "{further}");
}

#[test]
fn a_request_that_has_no_part_in_it_is_left_out() {
    let mut model = memo();
    model.programs.push(vec![Op::Work, Op::Work]);
    let explored = explored_with(&model, |scenario| scenario.explore.preemptions = Some(1));
    let found = &explored.found[0];
    assert!(
        !found.schedule.0.contains(&Move::Request(2)),
        "{}",
        found.schedule
    );
    assert_eq!(found.repeated, (2, 2));
    assert_eq!(explored.coverage, Coverage::WithinBound { bound: 1 });
}

#[test]
fn background_work_that_is_not_needed_is_left_out() {
    // The answer of 0 is 1's only when the background work does not come between.
    let model = Model::new(&[&[Op::Spawn, Op::Work, Op::Read, Op::Work], &[Op::Write]]);
    let explored = explored(&model);
    let found = &explored.found[0];
    assert!(
        !found.schedule.0.contains(&Move::Background),
        "{}",
        found.schedule
    );
}

pub(crate) fn limit(explored: &Explored) -> (Option<u32>, &str) {
    match &explored.coverage {
        Coverage::Capped { bound, limit } => (*bound, limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_on_executions_is_told_and_then_some_are_drawn() {
    let model = memo();
    let of = |executions, samples| {
        explored_with(&model, |scenario| {
            scenario.explore.executions = executions;
            scenario.explore.samples = samples;
        })
    };
    let few = of(20, 0);
    assert_eq!(limit(&few), (Some(1), "20 executions"));
    assert_eq!((few.schedules, few.sampled), (20, 0));
    assert!(few.bounds[1].complete && !few.bounds[2].complete);

    let sampled = of(20, 300);
    assert_eq!(limit(&sampled), (Some(1), "20 executions"));
    assert!(sampled.sampled > 100, "{}", sampled.sampled);
    assert_eq!(sampled.schedules, 20 + sampled.sampled);
    assert!(sampled.sampled < 300, "some came twice");

    // As many as there are: nothing was left out.
    let exactly = of(924, 10);
    assert_eq!((exactly.coverage, exactly.sampled), (Coverage::All, 0));
    assert_eq!(limit(&of(923, 0)).1, "923 executions");
    assert_eq!(limit(&of(1, 0)), (None, "1 execution"));
}

#[test]
fn what_is_drawn_is_counted_once() {
    let program = [Op::Write, Op::Read];
    for search in [SearchName::Random, SearchName::Pct] {
        let explored = explored_with(&Model::new(&[&program, &program]), |scenario| {
            scenario.explore.search = search;
            scenario.explore.executions = 2_000;
        });
        assert_eq!((explored.schedules, explored.sampled), (6, 6), "{search}");
        assert_eq!(limit(&explored), (None, "2000 executions"));
        assert!(explored.bounds.is_empty());
        assert!(!explored.found.is_empty());
    }
}

#[test]
fn time_moves_and_interruption_end_it_and_are_told() {
    let no_time = explored_with(&memo(), |scenario| scenario.explore.duration_s = 0);
    assert_eq!(limit(&no_time), (None, "0 s"));

    let endless = Model {
        moves: 30,
        ..Model::new(&[&[Op::Spin], &[Op::Write, Op::Write]])
    };
    let endless = explored_with(&endless, |scenario| {
        scenario.explore.moves = 30;
        scenario.explore.executions = 500;
    });
    assert_eq!(limit(&endless).0, None);
    assert!(endless.doubts.endless > 0);

    let stop = Stop::default();
    let model = Model::new(&[&[Op::Work; 9], &[Op::Work; 9]]);
    let told = Cell::new(0);
    struct Impatient<'a>(&'a Stop, &'a Cell<u32>);
    impl Watch for Impatient<'_> {
        fn progress(&mut self, progress: &Progress) {
            assert_eq!((progress.race, progress.races), (1, 1));
            assert_eq!(progress.requests, "u1 read, u2 read");
            self.1.set(self.1.get() + 1);
            self.0.ask();
        }
    }
    let scenario = scenario(2);
    let mut records: Vec<Record> = Vec::new();
    let done = explore(
        &plan(&scenario),
        &mut |_| stage(&model),
        &mut |_, _| Box::new(ModelOracle::default()),
        &mut records,
        &mut Impatient(&stop, &told),
        &stop,
    );
    done.unwrap();
    assert!(told.get() > 0);
    assert_eq!(*ending(&records), Ending::Interrupted);
    assert_eq!(limit(&the_explored(&records)), (None, "interrupted"));
}

#[test]
fn requests_that_wait_for_each_other_are_a_schedule_and_a_doubt() {
    let one = [Op::Lock(0), Op::Lock(1), Op::Unlock(1), Op::Unlock(0)];
    let other = [Op::Lock(1), Op::Lock(0), Op::Unlock(0), Op::Unlock(1)];
    let model = Model::new(&[&one, &other]);
    let naive = model.enumerate();
    let explored = explored(&model);
    let stuck = naive
        .values()
        .filter(|one| !model.is_complete(&one.1))
        .count();
    assert!(stuck > 0);
    assert_eq!(explored.doubts.stuck, stuck as u64);
    assert_eq!(
        (explored.coverage, explored.schedules),
        (Coverage::All, naive.len() as u64)
    );
}

#[test]
fn a_service_that_cannot_be_repeated_is_never_said_to_be_covered() {
    let program = [Op::Work, Op::Flaky, Op::Work, Op::Work];
    let model = Model::new(&[&program, &program]);
    let explored = explored(&model);
    let is_doubted = explored.doubts.diverged > 0;
    let was_tried_again = |warning: &String| warning.contains("tried again");
    assert!(is_doubted || explored.warnings.iter().any(was_tried_again));
    assert_eq!(explored.coverage == Coverage::All, !is_doubted);
}

#[test]
fn a_service_that_breaks_down_leaves_what_was_found() {
    let mut model = memo();
    model.programs[1][5] = Op::Break(200);
    let records = records_with(&model, |_| {}, &Stop::default());
    let explored = the_explored(&records);
    assert_eq!(explored.schedules, 199);
    assert!(explored.exposing > 0);
    assert_eq!(limit(&explored).1, "the service could not be run any more");
    assert!(matches!(ending(&records), Ending::Failed { why, .. } if why == "it is gone"));
}
