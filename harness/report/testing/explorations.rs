//! Explorations made by hand: exposed in process, clean over all schedules, capped through the turnstile, and one in which
//! nothing could be interleaved.

use super::{HOSTILE, SALT, SECRET, exposure, isolated};
use crate::history::{
    BoundTold, Coverage, Decisive, Doubts, End, Ending, Explored, FoundSchedule, Move, OutcomeTold,
    PointCounts, Raced, Schedule, SharedTold, StepEnd, StepTold, ToldSchedule, Way,
};
use crate::identity::{Canary, UserId};
use crate::judge::{Counts, Judgement, Reach, Reason, ReasonKind, Strength, Verdict};

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

fn raced(user: u32, step: u16) -> Raced {
    Raced {
        user: UserId(user),
        step,
    }
}

fn bound(preemptions: u32, schedules: u64, exposing: u64) -> BoundTold {
    BoundTold {
        preemptions,
        schedules,
        exposing,
        complete: true,
    }
}

fn points(starved: u32, explicit: u32) -> PointCounts {
    PointCounts {
        natural: 1,
        starved,
        explicit,
        service: 3,
        ..PointCounts::default()
    }
}

/// A whole canary of a user, as a service that is not right might name it.
fn canary(owner: u32) -> String {
    let canary = Canary {
        owner: UserId(owner),
        slot: 0,
        serial: 3,
    };
    canary.encode(SALT)
}

fn step(mv: &str, what: &str, ended: StepEnd, place: Option<&str>) -> StepTold {
    StepTold {
        mv: mv.parse().unwrap(),
        what: what.into(),
        ended,
        place: place.map(str::to_owned),
        shared: Vec::new(),
        woke: Vec::new(),
        crossed: Vec::new(),
    }
}

/// Alice writes the memo, bob overwrites it, alice is answered with it.
fn crossing() -> ToldSchedule {
    let memo = |wrote, owner| SharedTold {
        name: "memo".into(),
        wrote,
        value: canary(owner),
    };
    let mut steps = vec![
        step("R1", "call", StepEnd::Service, None),
        step("R1", "await", StepEnd::Starved, Some("src/notes.rs:31:18")),
        step("R2", "call", StepEnd::Service, None),
        step("R2", "await", StepEnd::Starved, Some("src/notes.rs:31:18")),
        step("R1", "await", StepEnd::Natural, Some("src/notes.rs:40:9")),
        step("B", "background", StepEnd::Other, None),
        step("R1", "answered 200", StepEnd::Finished, None),
        step("R2", "answered 200", StepEnd::Finished, None),
    ];
    steps[1].shared.push(memo(true, 0));
    steps[3].shared.push(memo(true, 1));
    steps[4].shared.push(memo(false, 1));
    steps[5].woke.push(Move::Request(0));
    steps[6].crossed.push(UserId(1));
    ToldSchedule {
        schedule: schedule("R1*2,R2*2,R1,B,R1,R2"),
        outcome: "alice 200 with bob's note; bob 200 with own note".into(),
        exposures: vec!["00000001".into()],
        steps,
    }
}

/// Its neighbour: the decisive switch is not made.
fn neighbour() -> ToldSchedule {
    let mut told = crossing();
    told.schedule = schedule("R1*3,B,R1,R2*3");
    told.outcome = "alice 200 with own note; bob 200 with own note".into();
    told.exposures.clear();
    let order = [0, 1, 4, 5, 6, 2, 3, 7];
    told.steps = order.iter().map(|at| told.steps[*at].clone()).collect();
    for step in &mut told.steps {
        step.crossed.clear();
        step.shared.clear();
    }
    told
}

/// All schedules of two requests were run; in 4 of 70 alice was shown bob's note.
pub(in crate::report) fn in_process() -> Explored {
    Explored {
        way: Way::InProcess,
        requests: vec![raced(0, 0), raced(1, 0)],
        coverage: Coverage::All,
        schedules: 70,
        exposing: 4,
        first_exposing: Some(3),
        bounds: vec![bound(0, 2, 0), bound(1, 24, 1), bound(2, 44, 3)],
        sampled: 0,
        points: vec![points(2, 1), points(2, 0)],
        outcomes: vec![
            OutcomeTold {
                what: "alice 200 with own note; bob 200 with own note".into(),
                schedules: 66,
                exposing: false,
            },
            OutcomeTold {
                what: "alice 200 with bob's note; bob 200 with own note".into(),
                schedules: 4,
                exposing: true,
            },
        ],
        outcomes_total: 2,
        doubts: Doubts::default(),
        found: vec![FoundSchedule {
            exposures: vec!["00000001".into()],
            schedule: schedule("R1*2,R2*2,R1,B,R1,R2"),
            replay: "xw1:1f2e3d4c:tokio-permit-first:R1*2,R2*2,R1,B,R1,R2".into(),
            preemptions: 1,
            shrunk_in: 9,
            first_seen: schedule("R1*2,R2,R1,R2,R1,B,R1,R2"),
            repeated: (2, 2),
            decisive: Some(Decisive {
                at: 2,
                before: (12, 4),
                after: 4,
                complete: true,
            }),
        }],
        told: vec![crossing(), neighbour()],
        warnings: vec![format!(
            "the store answered http://alice:{SECRET}@127.0.0.1 late"
        )],
        environment: "tokio-permit-first".into(),
        elapsed_ns: 1_400_000,
    }
}

/// What no schedule crossed in.
pub(in crate::report) fn all_clean() -> Explored {
    Explored {
        coverage: Coverage::All,
        schedules: 12_870,
        exposing: 0,
        first_exposing: None,
        bounds: vec![bound(0, 2, 0), bound(1, 14, 0), bound(2, 12_854, 0)],
        outcomes: vec![OutcomeTold {
            what: "alice 200 with own note; bob 200 with own note".into(),
            schedules: 12_870,
            exposing: false,
        }],
        outcomes_total: 1,
        found: Vec::new(),
        told: Vec::new(),
        warnings: Vec::new(),
        elapsed_ns: 210_000_000,
        ..in_process()
    }
}

/// Through the turnstile, ended by a limit.
pub(in crate::report) fn capped() -> Explored {
    let points = PointCounts {
        backend: 4,
        front: 2,
        ..PointCounts::default()
    };
    Explored {
        way: Way::Turnstile,
        requests: vec![raced(0, 0), raced(1, 1), raced(2, 0)],
        coverage: Coverage::Capped {
            bound: Some(1),
            limit: "2,000 executions".into(),
        },
        schedules: 2_050,
        sampled: 50,
        bounds: vec![
            bound(0, 6, 0),
            bound(1, 180, 0),
            BoundTold {
                complete: false,
                ..bound(2, 1_814, 0)
            },
        ],
        points: vec![points; 3],
        outcomes: vec![OutcomeTold {
            what: "alice 200 with own note; bob 302; carol 200 with own note".into(),
            schedules: 2_050,
            exposing: false,
        }],
        doubts: Doubts {
            background_messages: 17,
            ..Doubts::default()
        },
        warnings: vec!["17 messages belonged to no request and were let through".into()],
        environment: "relays-1".into(),
        elapsed_ns: 11_000_000_000,
        ..all_clean()
    }
}

/// Nothing could be stopped inside the service.
pub(in crate::report) fn without_points() -> Explored {
    let points = PointCounts {
        service: 3,
        ..PointCounts::default()
    };
    Explored {
        schedules: 20,
        bounds: vec![bound(0, 2, 0), bound(1, 18, 0)],
        points: vec![points; 2],
        ..all_clean()
    }
}

fn judged(explored: Vec<Explored>) -> Judgement {
    let mut judgement = isolated();
    if let Some(start) = &mut judgement.start {
        start.engine = "explore".into();
        start.target.name = "mail/shared-note, in process".into();
        start.min_overlaps = 0;
    }
    judgement.strength = Strength {
        exchanges: 12,
        volleys: 2,
        reach: Reach::of(&explored),
        notes: explored
            .iter()
            .flat_map(|one| one.warnings.clone())
            .collect(),
        ..Strength::default()
    };
    judgement.end = Some(End {
        ending: Ending::Completed,
        rounds: 2,
        elapsed_ns: explored.iter().map(|one| one.elapsed_ns).sum(),
    });
    judgement.spread.clear();
    judgement.points.clear();
    judgement.explored = explored;
    judgement
}

/// As the judge would judge them.
pub(in crate::report) fn all() -> [(&'static str, Judgement); 5] {
    let mut exposed = judged(vec![in_process()]);
    exposed.verdict = Verdict::Exposed;
    exposed.exposures = vec![exposure(0, 1, 1)];
    exposed.exposures_total = 1;
    exposed.counts = Counts {
        viewers: 1,
        victims: 1,
        exchanges: 1,
        ..Counts::default()
    };
    let mut inconclusive = judged(vec![without_points()]);
    inconclusive.verdict = Verdict::Inconclusive;
    inconclusive.reasons = vec![Reason::new(
        ReasonKind::Points,
        "read by alice and read by bob: no request could be stopped inside the service, so nothing was interleaved",
    )];
    let mut hostile = exposed.clone();
    hostile.explored = vec![hostile_one(), capped()];
    hostile.strength.reach = Reach::of(&hostile.explored);
    [
        ("explored-exposed", exposed),
        ("explored-isolated", judged(vec![all_clean()])),
        ("explored-capped", judged(vec![capped(), all_clean()])),
        ("explored-inconclusive", inconclusive),
        ("explored-hostile", hostile),
    ]
}

/// Every text is hostile, and longer than there is room for.
fn hostile_one() -> Explored {
    let mut one = in_process();
    one.environment = HOSTILE.into();
    one.warnings = vec![HOSTILE.into()];
    one.outcomes[1].what = HOSTILE.repeat(3);
    one.found[0].replay = format!("xw1:{HOSTILE}:{}", canary(1));
    for told in &mut one.told {
        told.outcome = HOSTILE.into();
        for step in &mut told.steps {
            step.what = format!("{HOSTILE}{SECRET}{}", canary(0));
            step.place = Some(HOSTILE.into());
            for shared in &mut step.shared {
                (shared.name, shared.value) = (HOSTILE.into(), HOSTILE.into());
            }
        }
    }
    one
}
