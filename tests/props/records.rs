//! Records of every kind, with anything in them.

use bytes::Bytes;
use crosswire::history::{
    Cause, End, Ending, Exchange, Outcome, Phase, Planted, Record, Release, RequestLine,
    ServerTimes, Volley,
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
        (endings(), any::<u32>(), any::<u64>()).prop_map(|(ending, rounds, elapsed_ns)| {
            Record::End(End {
                ending,
                rounds,
                elapsed_ns,
            })
        }),
    ]
}
