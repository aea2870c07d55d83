//! Records of every kind, with anything in them.

use bytes::Bytes;
use crosswire::history::{
    BoundTold, Cause, Coverage, Day, DayPhase, DayRecord, DayWork, Decisive, Doubts, End, Ending,
    Exchange, Explored, FoundSchedule, Move, Outcome, OutcomeTold, Phase, Planted, PointCounts,
    Raced, Record, Release, RequestLine, Schedule, ServerTimes, SharedTold, StepEnd, StepTold,
    ToldSchedule, Volley, Way,
};
use crosswire::identity::UserId;
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        ".{0,40}".prop_map(|text: String| Bytes::from(text)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

/// Heads without cookies, which are changed on purpose.
fn heads() -> impl Strategy<Value = Bytes> {
    bytes().prop_filter("sets no cookie", |head| {
        !head.to_ascii_lowercase().starts_with(b"set-cookie")
    })
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (100u16..600, heads(), bytes(), any::<bool>()).prop_map(|(status, head, body, cut)| {
            Outcome::Answer {
                status,
                head,
                body,
                cut,
            }
        }),
        (".{0,20}", bytes()).prop_map(|(why, partial)| Outcome::Failed { why, partial }),
    ]
}

fn times() -> impl Strategy<Value = ServerTimes> {
    (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>()).prop_map(
        |(arrived_us, answered_us, order)| ServerTimes {
            arrived_us,
            answered_us,
            order,
        },
    )
}

fn phases() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Setup,
        Phase::Solo,
        Phase::Sequence,
        Phase::Volley,
        Phase::ReadBack,
    ])
}

fn exchanges() -> impl Strategy<Value = Exchange> {
    let who = (
        any::<u64>(),
        0u32..5,
        0u16..4,
        phases(),
        0u32..9,
        any::<Option<u32>>(),
        any::<u32>(),
    );
    let what = ("[A-Z]{1,7}", ".{0,30}", any::<u64>());
    let when = (
        any::<u64>(),
        any::<Option<u64>>(),
        any::<u64>(),
        prop::option::of(times()),
        any::<bool>(),
    );
    (who, what, when, outcomes()).prop_map(|(who, (method, path, body_len), when, outcome)| {
        Exchange {
            id: who.0,
            user: UserId(who.1),
            step: who.2,
            phase: who.3,
            round: who.4,
            volley: who.5,
            connection: who.6,
            request: RequestLine {
                method,
                path,
                body_len,
            },
            sent_ns: when.0,
            first_byte_ns: when.1,
            done_ns: when.2,
            server: when.3,
            refused: when.4,
            followed: false,
            nonce: None,
            provoked: None,
            cut_off: false,
            outcome,
        }
    })
}

fn volleys() -> impl Strategy<Value = Volley> {
    let release = (
        "[a-z-]{1,9}",
        any::<u32>(),
        any::<u32>(),
        any::<u64>(),
        any::<bool>(),
    );
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>());
    (numbers, any::<Option<u64>>(), release).prop_map(
        |((volley, round, requests), server_spread_us, release)| {
            let (strategy, connections, writes, client_spread_ns, armed) = release;
            Volley {
                volley,
                round,
                requests,
                server_spread_us,
                offset_us: 0,
                release: Release {
                    strategy,
                    connections,
                    writes,
                    client_spread_ns,
                    armed,
                },
            }
        },
    )
}

fn causes() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Unreachable),
        Just(Cause::LogIn),
        Just(Cause::Step)
    ]
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Completed),
        Just(Ending::Interrupted),
        ".{0,20}".prop_map(|limit| Ending::Limit { limit }),
        (".{0,20}", causes()).prop_map(|(why, cause)| Ending::Failed { why, cause }),
    ]
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        (0u8..8).prop_map(Move::Request),
        (0u8..8).prop_map(Move::Cancel),
        Just(Move::Background),
        Just(Move::Time),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    prop::collection::vec(moves(), 0..9).prop_map(Schedule)
}

fn coverages() -> impl Strategy<Value = Coverage> {
    prop_oneof![
        Just(Coverage::All),
        any::<u32>().prop_map(|bound| Coverage::WithinBound { bound }),
        (any::<Option<u32>>(), ".{0,20}")
            .prop_map(|(bound, limit)| Coverage::Capped { bound, limit }),
    ]
}

fn points() -> impl Strategy<Value = PointCounts> {
    (0u32..3, 0u32..3, 0u32..3, 0u32..3).prop_map(|(natural, starved, service, backend)| {
        PointCounts {
            natural,
            starved,
            service,
            backend,
            ..PointCounts::default()
        }
    })
}

fn doubts() -> impl Strategy<Value = Doubts> {
    let few = || prop_oneof![3 => Just(0u64), 1 => any::<u64>()];
    (few(), few(), few(), few()).prop_map(|(diverged, differed, stuck, endless)| Doubts {
        diverged,
        differed,
        stuck,
        endless,
        ..Doubts::default()
    })
}

fn steps() -> impl Strategy<Value = StepTold> {
    let shared = (".{0,9}", any::<bool>(), ".{0,9}").prop_map(|(name, wrote, value)| SharedTold {
        name,
        wrote,
        value,
    });
    let ends = prop::sample::select(vec![
        StepEnd::Natural,
        StepEnd::Starved,
        StepEnd::Backend,
        StepEnd::Finished,
        StepEnd::Other,
    ]);
    let lists = (
        prop::collection::vec(shared, 0..2),
        prop::collection::vec(moves(), 0..2),
        prop::collection::vec((0u32..9).prop_map(UserId), 0..2),
    );
    (moves(), ".{0,20}", ends, prop::option::of(".{0,20}"), lists).prop_map(
        |(mv, what, ended, place, (shared, woke, crossed))| StepTold {
            mv,
            what,
            ended,
            place,
            shared,
            woke,
            crossed,
        },
    )
}

fn told() -> impl Strategy<Value = ToldSchedule> {
    (
        schedules(),
        ".{0,20}",
        prop::collection::vec("[0-9a-f]{8}", 0..2),
        prop::collection::vec(steps(), 0..4),
    )
        .prop_map(|(schedule, outcome, exposures, steps)| ToldSchedule {
            schedule,
            outcome,
            exposures,
            steps,
        })
}

fn found() -> impl Strategy<Value = FoundSchedule> {
    let decisive = (
        any::<u32>(),
        any::<(u64, u64)>(),
        any::<u64>(),
        any::<bool>(),
    );
    let decisive = decisive.prop_map(|(at, before, after, complete)| Decisive {
        at,
        before,
        after,
        complete,
    });
    (
        prop::collection::vec("[0-9a-f]{8}", 0..2),
        schedules(),
        ".{0,30}",
        any::<(u32, u64)>(),
        schedules(),
        any::<(u32, u32)>(),
        prop::option::of(decisive),
    )
        .prop_map(
            |(
                exposures,
                schedule,
                replay,
                (preemptions, shrunk_in),
                first_seen,
                repeated,
                decisive,
            )| {
                FoundSchedule {
                    exposures,
                    schedule,
                    replay,
                    preemptions,
                    shrunk_in,
                    first_seen,
                    repeated,
                    decisive,
                }
            },
        )
}

fn explored() -> impl Strategy<Value = Explored> {
    let raced = (0u32..5, 0u16..5).prop_map(|(user, step)| Raced {
        user: UserId(user),
        step,
    });
    let bound =
        any::<(u32, u64, u64, bool)>().prop_map(|(preemptions, schedules, exposing, complete)| {
            BoundTold {
                preemptions,
                schedules,
                exposing,
                complete,
            }
        });
    let outcome =
        (".{0,20}", any::<u64>(), any::<bool>()).prop_map(|(what, schedules, exposing)| {
            OutcomeTold {
                what,
                schedules,
                exposing,
            }
        });
    let way = prop::sample::select(vec![Way::InProcess, Way::Turnstile]);
    let what = (way, prop::collection::vec(raced, 0..4), coverages());
    let counts = (
        any::<(u64, u64, u64, u64)>(),
        any::<Option<u64>>(),
        any::<u64>(),
    );
    let lists = (
        prop::collection::vec(bound, 0..3),
        prop::collection::vec(points(), 0..4),
        prop::collection::vec(outcome, 0..3),
        prop::collection::vec(found(), 0..2),
        prop::collection::vec(told(), 0..3),
        prop::collection::vec(".{0,20}", 0..2),
    );
    (what, counts, lists, doubts(), ".{0,12}").prop_map(
        |(
            (way, requests, coverage),
            (numbers, first_exposing, elapsed_ns),
            lists,
            doubts,
            environment,
        )| {
            let (schedules, exposing, sampled, outcomes_total) = numbers;
            let (bounds, points, outcomes, found, told, warnings) = lists;
            Explored {
                way,
                requests,
                coverage,
                schedules,
                exposing,
                first_exposing,
                bounds,
                sampled,
                points,
                outcomes,
                outcomes_total,
                doubts,
                found,
                told,
                warnings,
                environment,
                elapsed_ns,
            }
        },
    )
}

fn days() -> impl Strategy<Value = DayRecord> {
    let phase = (
        ".{0,9}",
        prop::option::of(".{0,9}"),
        0..90_000u32,
        0..90_000u32,
    );
    let phase = phase.prop_map(|(name, serves, from_s, to_s)| DayPhase {
        name,
        date: serves.clone(),
        serves,
        from_s,
        to_s,
        before: vec![DayWork::EachRound],
        ..DayPhase::default()
    });
    let plan = (any::<u32>(), prop::collection::vec(phase, 0..3));
    prop_oneof![
        plan.prop_map(|(scale, phases)| DayRecord::Plan(Box::new(Day {
            scale,
            phases,
            ..Day::default()
        }))),
        (0..4u32).prop_map(|phase| DayRecord::Phase { phase }),
        (any::<u32>(), any::<u64>()).prop_map(|(at_s, at_ns)| DayRecord::Slice { at_s, at_ns }),
    ]
}

pub(crate) fn records() -> impl Strategy<Value = Record> {
    prop_oneof![
        (
            ".{0,30}",
            prop::collection::vec((0u32..9).prop_map(UserId), 0..3)
        )
            .prop_map(|(canary, readers)| Record::Planted(Planted { canary, readers })),
        exchanges().prop_map(Record::Exchange),
        volleys().prop_map(Record::Volley),
        ".{0,30}".prop_map(|text| Record::Note { text }),
        days().prop_map(Record::Day),
        explored().prop_map(|explored| Record::Explored(Box::new(explored))),
        (endings(), any::<u32>(), any::<u64>()).prop_map(|(ending, rounds, elapsed_ns)| {
            Record::End(End {
                ending,
                rounds,
                elapsed_ns,
            })
        }),
    ]
}
