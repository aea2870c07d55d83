//! Explorations of small programs, every order of which is run here by hand: what the pages that are tested show.
//!
//! A program is the steps of one request. Running them in some order says what shared state held, who read it, and whose
//! data an answer held, so that every told schedule is true to its moves.

use std::collections::BTreeMap;

use super::history::{
    BoundTold, Coverage, Decisive, Doubts, Explored, FoundSchedule, Move, OutcomeTold, PointCounts,
    Raced, Schedule, SharedTold, StepEnd, StepTold, ToldSchedule, Way,
};
use super::identity::UserId;

/// Names of the users.
pub(crate) const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// A step of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Goes on without touching anything.
    Pass(&'static str, StepEnd, Option<&'static str>),
    /// Writes its own user's name.
    Write(&'static str, &'static str),
    /// Reads, and keeps what it read.
    Read(&'static str, &'static str),
    /// Answers with what it has kept, or its own data.
    Answer,
}

/// Who runs which steps.
pub(crate) type Programs = Vec<Vec<Op>>;

/// The memo of the webmail: written for the requesting user, read for the answer.
pub(crate) fn memo() -> Programs {
    let one = vec![
        Op::Pass("call", StepEnd::Service, None),
        Op::Write("memo", "src/notes.rs:31:22"),
        Op::Read("memo", "src/notes.rs:34:18"),
        Op::Answer,
    ];
    vec![one; 2]
}

/// The same without the memo.
pub(crate) fn repaired() -> Programs {
    let one = vec![
        Op::Pass("call", StepEnd::Service, None),
        Op::Pass("await", StepEnd::Starved, Some("src/notes.rs:31:22")),
        Op::Pass("await", StepEnd::Natural, Some("src/notes.rs:34:18")),
        Op::Answer,
    ];
    vec![one; 2]
}

/// As the memo, with so many awaits in between.
pub(crate) fn long(awaits: usize) -> Programs {
    let mut one = memo().remove(0);
    for _ in 0..awaits {
        one.insert(
            2,
            Op::Pass("await", StepEnd::Starved, Some("src/notes.rs:33:9")),
        );
    }
    vec![one; 2]
}

/// Every order of the programs' steps.
pub(crate) fn orders(programs: &Programs) -> Vec<Vec<Move>> {
    let mut left: Vec<usize> = programs.iter().map(Vec::len).collect();
    let mut all = Vec::new();
    extend(&mut Vec::new(), &mut left, &mut all);
    all
}

fn extend(begun: &mut Vec<Move>, left: &mut [usize], all: &mut Vec<Vec<Move>>) {
    if left.iter().all(|left| *left == 0) {
        all.push(begun.clone());
    }
    for request in 0..left.len() {
        if left[request] > 0 {
            left[request] -= 1;
            begun.push(Move::Request(request as u8));
            extend(begun, left, all);
            begun.pop();
            left[request] += 1;
        }
    }
}

/// What came of one order.
pub(crate) fn run(programs: &Programs, moves: &[Move]) -> ToldSchedule {
    let mut next = vec![0; programs.len()];
    let mut state: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept: Vec<Option<usize>> = vec![None; programs.len()];
    let mut outcome = vec![String::new(); programs.len()];
    let mut exposures = Vec::new();
    let mut steps = Vec::new();
    for mv in moves {
        let who = mv.request().unwrap();
        let op = programs[who][next[who]];
        next[who] += 1;
        let mut step = StepTold {
            mv: *mv,
            what: String::new(),
            ended: StepEnd::Explicit,
            place: None,
            shared: Vec::new(),
            woke: Vec::new(),
            crossed: Vec::new(),
        };
        let access = |name: &str, wrote: bool, whose: usize| SharedTold {
            name: name.to_owned(),
            wrote,
            value: USERS[whose].to_owned(),
        };
        match op {
            Op::Pass(what, ended, place) => {
                step.what = what.to_owned();
                step.ended = ended;
                step.place = place.map(str::to_owned);
            }
            Op::Write(name, place) => {
                state.insert(name, who);
                step.what = format!("write {name}");
                step.place = Some(place.to_owned());
                step.shared.push(access(name, true, who));
            }
            Op::Read(name, place) => {
                kept[who] = state.get(name).copied();
                step.what = format!("read {name}");
                step.place = Some(place.to_owned());
                if let Some(whose) = kept[who] {
                    step.shared.push(access(name, false, whose));
                }
            }
            Op::Answer => {
                step.what = "answered 200".to_owned();
                step.ended = StepEnd::Finished;
                let whose = kept[who].unwrap_or(who);
                outcome[who] = format!("{} 200", USERS[who]);
                if whose != who {
                    step.crossed.push(UserId(whose as u32));
                    outcome[who] += &format!(" with {}'s note", USERS[whose]);
                    exposures.push(format!("{who:04x}{whose:04x}"));
                }
            }
        }
        steps.push(step);
    }
    ToldSchedule {
        schedule: Schedule(moves.to_vec()),
        outcome: outcome.join("; "),
        exposures,
        steps,
    }
}

/// Switches away from a request that still had steps.
pub(crate) fn preemptions(moves: &[Move]) -> u32 {
    (1..moves.len())
        .filter(|at| moves[at - 1] != moves[*at] && moves[*at..].contains(&moves[at - 1]))
        .count() as u32
}

/// Everything about all orders of the programs.
pub(crate) fn explored(programs: &Programs) -> Explored {
    let told: Vec<ToldSchedule> = orders(programs)
        .iter()
        .map(|moves| run(programs, moves))
        .collect();
    let mut explored = sums(programs, &told);
    let shortest = |viewer: &str| {
        told.iter()
            .filter(|told| told.exposures.iter().any(|id| id == viewer))
            .min_by_key(|told| (preemptions(&told.schedule.0), told.schedule.switches()))
    };
    for id in ["00000001", "00010000"] {
        explored
            .found
            .extend(shortest(id).map(|told| found(told, id)));
    }
    // The found ones first, as engines tell them.
    explored.told = told;
    let firsts: Vec<Schedule> = explored.found.iter().map(|f| f.schedule.clone()).collect();
    explored
        .told
        .sort_by_key(|told| !firsts.contains(&told.schedule));
    explored.told.truncate(Explored::TOLD);
    explored
}

fn sums(programs: &Programs, told: &[ToldSchedule]) -> Explored {
    let mut bounds: BTreeMap<u32, BoundTold> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for one in told {
        let exposes = !one.exposures.is_empty();
        let preemptions = preemptions(&one.schedule.0);
        let bound = bounds.entry(preemptions).or_insert(BoundTold {
            preemptions,
            complete: true,
            ..BoundTold::default()
        });
        bound.schedules += 1;
        bound.exposing += u64::from(exposes);
        let outcome = outcomes.entry(&one.outcome).or_insert((0, exposes));
        outcome.0 += 1;
    }
    let mut outcomes: Vec<OutcomeTold> = outcomes
        .into_iter()
        .map(|(what, (schedules, exposing))| OutcomeTold {
            what: what.to_owned(),
            schedules,
            exposing,
        })
        .collect();
    outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.schedules));
    Explored {
        way: Way::InProcess,
        requests: (0..programs.len())
            .map(|user| Raced {
                user: UserId(user as u32),
                step: 0,
            })
            .collect(),
        coverage: Coverage::All,
        schedules: told.len() as u64,
        exposing: bounds.values().map(|bound| bound.exposing).sum(),
        first_exposing: told
            .iter()
            .position(|told| !told.exposures.is_empty())
            .map(|at| at as u64 + 1),
        bounds: bounds.into_values().collect(),
        sampled: 0,
        points: programs.iter().map(|program| counts(program)).collect(),
        outcomes_total: outcomes.len() as u64,
        outcomes,
        doubts: Doubts::default(),
        found: Vec::new(),
        told: Vec::new(),
        warnings: Vec::new(),
        environment: "tokio 1.54.1".to_owned(),
        elapsed_ns: told.len() as u64 * 9_000,
    }
}

fn counts(program: &[Op]) -> PointCounts {
    let mut counts = PointCounts::default();
    for op in program {
        match op {
            Op::Pass(_, StepEnd::Starved, _) => counts.starved += 1,
            Op::Pass(_, StepEnd::Natural, _) => counts.natural += 1,
            Op::Pass(..) | Op::Answer => counts.service += 1,
            Op::Write(..) | Op::Read(..) => counts.explicit += 1,
        }
    }
    counts
}

fn found(told: &ToldSchedule, id: &str) -> FoundSchedule {
    FoundSchedule {
        exposures: vec![id.to_owned()],
        schedule: told.schedule.clone(),
        replay: format!("xw1:0123abcd:tokio 1.54.1:{}", told.schedule),
        preemptions: preemptions(&told.schedule.0),
        shrunk_in: 14,
        first_seen: "R1*2,R2*2,R1,R2,R1,R2".parse().unwrap(),
        repeated: (2, 2),
        decisive: told
            .steps
            .iter()
            .rposition(|step| step.what.starts_with("read"))
            .map(|at| Decisive {
                at: at as u32,
                before: (7, 3),
                after: 4,
                complete: true,
            }),
    }
}

/// Three requests through the turnstile; one client goes away while the answer to it is held, and the next user gets it.
pub(crate) fn cancelled() -> Explored {
    let backend = |mv, what: &str| StepTold {
        mv,
        what: what.to_owned(),
        ended: StepEnd::Backend,
        place: None,
        shared: Vec::new(),
        woke: Vec::new(),
        crossed: Vec::new(),
    };
    let over = |mv, what: &str, crossed: &[u32]| StepTold {
        ended: StepEnd::Finished,
        crossed: crossed.iter().map(|user| UserId(*user)).collect(),
        ..backend(mv, what)
    };
    let (a, b, c) = (Move::Request(0), Move::Request(1), Move::Request(2));
    let told = |steps: Vec<StepTold>, outcome: &str, exposures: &[&str]| ToldSchedule {
        schedule: Schedule(steps.iter().map(|step| step.mv).collect()),
        outcome: outcome.to_owned(),
        exposures: exposures.iter().map(|id| (*id).to_owned()).collect(),
        steps,
    };
    let mut freed = backend(Move::Background, "the pool takes its connection back");
    freed.ended = StepEnd::Other;
    freed.woke = vec![b];
    let first = told(
        vec![
            backend(a, "to redis: GET chat:alice"),
            over(
                Move::Cancel(0),
                "client goes away, the answer still held",
                &[],
            ),
            freed.clone(),
            backend(b, "to redis: GET chat:bob"),
            over(b, "answered 200", &[0]),
            backend(c, "to redis: GET chat:carol"),
            over(c, "answered 200", &[1]),
        ],
        "alice gone; bob 200 with alice's chat; carol 200 with bob's chat",
        &["00010000", "00020001"],
    );
    let later = told(
        vec![
            backend(a, "to redis: GET chat:alice"),
            backend(b, "to redis: GET chat:bob"),
            over(
                Move::Cancel(0),
                "client goes away, the answer already passed",
                &[],
            ),
            over(b, "answered 200", &[]),
            backend(c, "to redis: GET chat:carol"),
            over(c, "answered 200", &[]),
        ],
        "alice gone; bob 200; carol 200",
        &[],
    );
    let mut explored = sums(&vec![vec![Op::Answer]; 3], &[]);
    explored.way = Way::Turnstile;
    explored.coverage = Coverage::Capped {
        bound: Some(1),
        limit: "60 seconds".to_owned(),
    };
    explored.environment = "6380=127.0.0.1:6379".to_owned();
    (explored.schedules, explored.exposing) = (421, 97);
    explored.first_exposing = Some(3);
    explored.sampled = 40;
    explored.elapsed_ns = 60_000_000_000;
    explored.bounds = vec![
        BoundTold {
            preemptions: 0,
            schedules: 6,
            exposing: 0,
            complete: true,
        },
        BoundTold {
            preemptions: 1,
            schedules: 75,
            exposing: 12,
            complete: true,
        },
        BoundTold {
            preemptions: 2,
            schedules: 300,
            exposing: 80,
            complete: false,
        },
    ];
    explored.points = vec![
        PointCounts {
            backend: 2,
            front: 1,
            ..PointCounts::default()
        };
        3
    ];
    explored.outcomes = vec![
        OutcomeTold {
            what: later.outcome.clone(),
            schedules: 324,
            exposing: false,
        },
        OutcomeTold {
            what: first.outcome.clone(),
            schedules: 97,
            exposing: true,
        },
    ];
    explored.outcomes_total = 4;
    explored.doubts = Doubts {
        diverged: 1,
        background_messages: 12,
        ..Doubts::default()
    };
    explored.warnings =
        vec!["R1 has 1 point inside the service: little can be interleaved.".to_owned()];
    explored.found = vec![FoundSchedule {
        exposures: first.exposures.clone(),
        replay: format!("xw1:89ab0123:6380=127.0.0.1%3A6379:{}", first.schedule),
        decisive: None,
        first_seen: first.schedule.clone(),
        ..found(&first, "00010000")
    }];
    explored.told = vec![first, later];
    explored
}

/// A schedule of that many steps and more, with its neighbours.
pub(crate) fn sixty() -> Explored {
    let programs = long(26);
    let order = |text: &str| text.parse::<Schedule>().unwrap().0;
    let shortest = run(&programs, &order("R1*2,R2*30,R1*28"));
    let mut told = vec![shortest.clone()];
    let mut known = std::collections::BTreeSet::from([shortest.schedule.clone()]);
    let mut at = 0;
    while told.len() < 40 {
        let moves = told[at].schedule.0.clone();
        for place in 0..moves.len() - 1 {
            let mut swapped = moves.clone();
            swapped.swap(place, place + 1);
            if known.insert(Schedule(swapped.clone())) {
                told.push(run(&programs, &swapped));
            }
        }
        at += 1;
    }
    let mut explored = sums(&programs, &told);
    explored.coverage = Coverage::WithinBound { bound: 1 };
    explored.found = vec![found(&shortest, "00000001")];
    explored.told = told;
    explored
}
