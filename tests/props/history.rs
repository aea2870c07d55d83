//! A history says the same after it was written and read.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crosswire::history::{
    Exchange, Outcome, Phase, Planted, Reader, Record, RequestLine, Sink, SlotInfo, Start,
    StepInfo, StepRole, Target, Writer, read,
};
use crosswire::identity::{Canary, Finder, Redactor, Salt, UserId};
use crosswire::judge::judge;
use proptest::prelude::*;

use crate::bare;
use crate::records::records;

pub(crate) fn start(salt: Salt) -> Start {
    let step = |name: &str, role, sees: &[u16], removes: &[u16]| StepInfo {
        name: name.into(),
        role,
        session: None,
        sees: sees.to_vec(),
        removes: removes.to_vec(),
        ..StepInfo::default()
    };
    Start {
        history_version: 1,
        crosswire_version: "0".into(),
        scenario: "props".into(),
        target: Target {
            name: "t".into(),
            url: "http://127.0.0.1".into(),
        },
        engine: "fire".into(),
        seed: 7,
        salt: salt.to_string(),
        users: (0..5).map(|user| format!("user-{user}")).collect(),
        slots: vec![
            SlotInfo {
                name: "mail".into(),
                attachment: false,
                ..SlotInfo::default()
            },
            SlotInfo {
                name: "file".into(),
                attachment: true,
                ..SlotInfo::default()
            },
        ],
        steps: vec![
            step("log in", StepRole::LogIn, &[], &[]),
            step("read", StepRole::Fire, &[0], &[]),
            step("delete", StepRole::Fire, &[], &[0]),
            step("read back", StepRole::ReadBack, &[0], &[]),
        ],
        min_overlaps: 1,
    }
}

fn histories() -> impl Strategy<Value = Vec<Record>> {
    let engines = prop::sample::select(vec!["fire", "explore"]);
    let records = prop::collection::vec(records(), 0..12);
    (any::<u32>(), engines, records).prop_map(|(salt, engine, mut records)| {
        let start = Start {
            engine: engine.into(),
            ..start(Salt::new(salt))
        };
        records.insert(0, Record::Start(start));
        records
    })
}

fn canary(salt: Salt, owner: u32, serial: u32) -> String {
    let (owner, slot) = (UserId(owner), 0);
    Canary {
        owner,
        slot,
        serial,
    }
    .encode(salt)
}

/// Kinds of places in which [`shows`] puts a canary.
const PLACES: usize = 9;

/// A log-in (so that its cookie counts) whose path and answer hold the canary.
fn shows(id: u64, viewer: u32, canary: &str, place: usize) -> Exchange {
    let encoded = STANDARD.encode(format!("note: {canary}, 1"));
    let (headers, body) = match place {
        0 => (String::new(), canary.into()),
        1 => (format!("Location: /u/{canary}?x\r\n"), Vec::new()),
        2 => (
            format!("Set-Cookie: sid=0123456789abcdef.{canary}; Path=/\r\n"),
            Vec::new(),
        ),
        3 => (
            format!("Set-Cookie: sid=0123456789abcdef.{encoded}; Path=/\r\n"),
            Vec::new(),
        ),
        4 => (String::new(), encoded.into()),
        5 => ("Content-Encoding: gzip\r\n".into(), gzip(canary.as_bytes())),
        6 => ("Content-Encoding: zstd\r\n".into(), zstd(canary)),
        7 => (
            "Content-Encoding: gzip\r\n".into(),
            cut_in_two(canary.as_bytes()),
        ),
        _ => (format!("{canary}: 1\r\n"), Vec::new()),
    };
    let head = format!("HTTP/1.1 200 OK\r\n{headers}");
    let outcome = if id % 4 == 3 {
        let partial = [head.as_bytes(), b"\r\n", &body].concat().into();
        let why = "reset".into();
        Outcome::Failed { why, partial }
    } else {
        let (body, cut) = (body.into(), false);
        let head = head.into();
        Outcome::Answer {
            status: 200,
            head,
            body,
            cut,
        }
    };
    Exchange {
        id,
        user: UserId(viewer),
        step: 0,
        phase: Phase::Setup,
        round: 0,
        volley: None,
        connection: 0,
        request: RequestLine {
            method: "GET".into(),
            path: format!("/mail/{canary}/read"),
            body_len: 0,
        },
        sent_ns: id,
        first_byte_ns: None,
        done_ns: id + 1,
        server: None,
        refused: false,
        followed: false,
        nonce: None,
        provoked: None,
        cut_off: false,
        outcome,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Gzip that stores the canary as it is, in two blocks: in the coded bytes its halves do not look like one.
fn cut_in_two(canary: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let (first, last) = canary.split_at(12);
    gzip.write_all(first).unwrap();
    gzip.flush().unwrap();
    gzip.write_all(last).unwrap();
    gzip.finish().unwrap()
}

/// Canaries that share a beginning: the coder copies it and writes the rest as it is, cut off from its marker.
fn zstd(canary: &str) -> Vec<u8> {
    let text = format!("{canary} {} {canary}", &canary[..20]);
    ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
}

pub(crate) fn written(records: &[Record], redactor: Redactor) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), redactor);
    for record in records {
        writer.take(record).unwrap();
    }
    writer.into_inner()
}

proptest! {
    #[test]
    fn reads_what_was_written(records in histories()) {
        let text = written(&records, Redactor::default());
        prop_assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), records.len());
        prop_assert_eq!(read(&text[..]).unwrap(), records);
    }

    #[test]
    fn a_cut_history_gives_every_whole_record(records in histories(), keep in 0.0f64..1.0) {
        let text = written(&records, Redactor::default());
        let cut = &text[..(text.len() as f64 * keep) as usize];
        let whole = cut.iter().filter(|byte| **byte == b'\n').count();
        let mut got = Vec::new();
        let mut error = None;
        for record in Reader::new(cut) {
            match record {
                Ok(record) => got.push(record),
                Err(why) => error = Some(why),
            }
        }
        prop_assert!(got.len() == whole || (got.len() == whole + 1 && error.is_none()), "all but the line feed may be there");
        prop_assert_eq!(&got[..], &records[..got.len()]);
        if let Some(error) = error {
            prop_assert_eq!(error.line(), whole as u64 + 1);
            prop_assert!(error.is_cut_off() || (whole == 0 && error.is_not_a_history()), "{}", error);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(.{0,60}\n){0,5}", records in histories()) {
        let _ = Reader::new(text.as_bytes()).collect::<Vec<_>>();
        let mut mixed = written(&records, Redactor::default());
        mixed.extend_from_slice(text.as_bytes());
        let _ = Reader::new(&mixed[..]).collect::<Vec<_>>();
    }

    #[test]
    fn no_secret_is_stored_and_storing_again_changes_nothing(records in histories(), secret in "[A-Z]{12}", at in 0usize..12) {
        let mut records = records;
        if let Some(Record::Exchange(exchange)) = records.get_mut(at) {
            exchange.request.path = format!("/?p={secret}");
            let body = format!("{{\"p\":\"{secret}\"}}").into();
            let head = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={secret}{secret}; Path=/\r\nX: {secret}\r\n").into();
            exchange.outcome = Outcome::Answer { status: 200, head, body, cut: false };
        }
        let redactor = Redactor::new([&secret]);
        let text = written(&records, redactor.clone());
        prop_assert!(!String::from_utf8_lossy(&text).contains(&secret));
        let stored = read(&text[..]).unwrap();
        prop_assert_eq!(written(&stored, redactor), text);
    }

    #[test]
    fn a_stored_history_is_judged_as_the_run_was(
        records in histories(),
        ids in prop::collection::vec((0u32..5, 0usize..5), 0..12),
        is_named in any::<bool>(),
    ) {
        let mut records = records;
        let mut with_canary = String::new();
        if let Some(Record::Start(start)) = records.first_mut() {
            start.steps[0].session = is_named.then(|| "sid".into());
            with_canary = format!("dddddddddddddddddddd.{}", canary(start.salt.parse().unwrap(), 3, 0));
        }
        for (id, (user, which)) in ids.into_iter().enumerate() {
            // Few values, so that some are issued twice.
            let sid = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccc", "short", &with_canary][which];
            let head = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={sid}; HttpOnly\r\n").into();
            records.push(Record::Exchange(Exchange {
                id: id as u64, user: UserId(user), step: 0, phase: Phase::Setup, round: 1, volley: None, connection: 0,
                request: RequestLine { method: "POST".into(), path: "/login".into(), body_len: 0 },
                sent_ns: 0, first_byte_ns: None, done_ns: 1, server: None, refused: false, followed: false, nonce: None, provoked: None, cut_off: false,
                outcome: Outcome::Answer { status: 200, head, body: Bytes::new(), cut: false },
            }));
        }
        let text = written(&records, Redactor::default());
        prop_assert!(!String::from_utf8_lossy(&text).contains("aaaaaaaaaaaaaaaaaaaa"));
        prop_assert!(!String::from_utf8_lossy(&text).contains("dddddddddddddddddddd"));
        prop_assert_eq!(bare(judge(read(&text[..]).unwrap())), bare(judge(&records)));
    }

    #[test]
    fn a_secret_that_is_a_piece_of_a_canary_hides_no_exposure(
        salt in any::<u32>(),
        shown in prop::collection::vec((0u32..5, 0u32..5, 0u32..3, 0..PLACES), 1..8),
        pieces in prop::collection::vec((0usize..8, 0usize..22, 4usize..26), 1..4),
    ) {
        let salt = Salt::new(salt);
        let mut records = vec![Record::Start(start(salt))];
        let mut canaries = Vec::new();
        for (id, (viewer, owner, serial, place)) in shown.into_iter().enumerate() {
            let text = canary(salt, owner, serial);
            records.push(Record::Planted(Planted { canary: text.clone(), readers: Vec::new() }));
            records.push(Record::Exchange(shows(id as u64, viewer, &text, place)));
            canaries.push(text);
        }
        let secrets: Vec<&str> = pieces
            .iter()
            .map(|(which, from, length)| {
                let text = &canaries[which % canaries.len()];
                &text[*from..text.len().min(from + length)]
            })
            .filter(|piece| piece.len() >= Redactor::SHORTEST)
            .collect();
        let redactor = Redactor::new(&secrets);
        let text = written(&records, redactor.clone());
        let stored = read(&text[..]).unwrap();
        prop_assert_eq!(bare(judge(&stored)), bare(judge(&records)), "{:?}", secrets);
        prop_assert_eq!(written(&stored, redactor), text);
    }

    #[test]
    fn what_is_masked_lies_outside_of_every_canary(
        parts in prop::collection::vec((0usize..4, "[0-9a-hq -]{0,6}"), 1..8),
        secret in "[0-9a-hq]{4,7}",
    ) {
        let salt = Salt::new(11);
        let text: String = parts
            .iter()
            .map(|(which, plain)| match which {
                0 => plain.clone(),
                which => format!("{plain}{}", canary(salt, *which as u32, 0)),
            })
            .collect();
        let finder = Finder::new(salt);
        let found = |text: &str| {
            let mut found = Vec::new();
            finder.find(text.as_bytes(), |sighting| found.push((sighting.canary, sighting.form)));
            found
        };
        let redactor = Redactor::new([&secret]);
        let masked = redactor.text_around_canaries(&text, &finder);
        prop_assert_eq!(found(&masked), found(&text));
        let mut rest = masked.into_owned();
        for owner in 1..4 {
            rest = rest.replace(&canary(salt, owner, 0), "\n");
        }
        prop_assert!(!rest.contains(&secret), "{}", rest);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let good = String::from_utf8(written(
        &[Record::Start(start(Salt::new(1)))],
        Redactor::default(),
    ))
    .unwrap();
    let error = |text: &str| read(text.as_bytes()).unwrap_err();
    for (text, expected) in [
        (String::new(), "line 1: not a history: it is empty"),
        (
            "PNG\n".into(),
            "line 1: not a history: its first line is not a record",
        ),
        (
            "{\"record\":\"end\"}\n".into(),
            "line 1: not a history: its first record is not `start`",
        ),
        (
            "{\"record\":\"start\"}\n".into(),
            "line 1: not a history: its first record has no `history_version`",
        ),
        (
            good.replace("\"history_version\":1", "\"history_version\":2"),
            "line 1: history version 2 is newer than 1, which this crosswire reads; use a newer one",
        ),
        (
            format!("{good}{{\"record\":\"note\",\"te"),
            "line 2: is cut off; the records before it are whole",
        ),
        (
            format!("{good}{{\"record\":\"note\"}}\n"),
            "line 2: not a record: missing field `text`",
        ),
    ] {
        assert_eq!(error(&text).to_string(), expected);
    }
    assert!(error(&good.replace("\"history_version\":1", "\"history_version\":2")).is_newer());
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let good = String::from_utf8(written(
        &[Record::Start(start(Salt::new(1)))],
        Redactor::default(),
    ))
    .unwrap();
    let text = format!(
        "{}\n\n{{\"record\":\"weather\",\"sky\":1}}\r\n{{\"record\":\"note\",\"text\":\"a\",\"tone\":\"b\"}}",
        good.trim_end().replacen('{', "{\"new\":[],", 1)
    );
    let mut reader = Reader::new(text.as_bytes());
    let records: Vec<Record> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(
        records,
        [
            Record::Start(start(Salt::new(1))),
            Record::Note { text: "a".into() }
        ]
    );
    assert_eq!(reader.passed_over(), 1);
}

#[test]
fn a_secret_inside_a_coded_body_is_not_stored() {
    let body = Bytes::from(gzip(b"your password is hunter22"));
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX: 1\r\n";
    let exchange = Exchange {
        id: 0,
        user: UserId(0),
        step: 0,
        phase: Phase::Setup,
        round: 0,
        volley: None,
        connection: 0,
        request: RequestLine {
            method: "GET".into(),
            path: "/".into(),
            body_len: 0,
        },
        sent_ns: 0,
        first_byte_ns: None,
        done_ns: 1,
        server: None,
        refused: false,
        followed: false,
        nonce: None,
        provoked: None,
        cut_off: false,
        outcome: Outcome::Answer {
            status: 200,
            head: head.into(),
            body: body.clone(),
            cut: false,
        },
    };
    let partial = [head.as_bytes(), b"\r\n", &body].concat().into();
    let why = "reset".into();
    let broken_off = Exchange {
        outcome: Outcome::Failed { why, partial },
        ..exchange.clone()
    };
    let records = [
        Record::Start(start(Salt::new(1))),
        Record::Exchange(exchange),
        Record::Exchange(broken_off),
    ];
    let stored = read(&written(&records, Redactor::new(["hunter22"]))[..]).unwrap();
    let Record::Exchange(Exchange {
        outcome: Outcome::Answer { head, body, .. },
        ..
    }) = &stored[1]
    else {
        panic!()
    };
    assert_eq!(&body[..], b"your password is [secret]");
    assert_eq!(
        &head[..],
        b"HTTP/1.1 200 OK\r\nx-was-Content-Encoding: gzip\r\nX: 1\r\n"
    );
    let Record::Exchange(Exchange {
        outcome: Outcome::Failed { partial, .. },
        ..
    }) = &stored[2]
    else {
        panic!()
    };
    assert_eq!(&partial[..], [&head[..], b"\r\n", &body[..]].concat());
}
