//! The judge finds a canary wherever it is put, and never one that is not there.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crosswire::history::{
    Exchange, Outcome, Phase, Planted, Record, Release, RequestLine, ServerTimes, Sink, Tee, Volley,
};
use crosswire::identity::{Canary, Form, Redactor, Salt, UserId};
use crosswire::judge::{Judge, Judgement, Place, Verdict, judge};
use proptest::prelude::*;

use crate::bare;
use crate::history::{start, written};

const SALT: Salt = Salt::new(0x0bad_cafe);

fn text(owner: u32, slot: u16, serial: u32) -> String {
    Canary {
        owner: UserId(owner),
        slot,
        serial,
    }
    .encode(SALT)
}

fn exchange(id: u64, user: u32, outcome: Outcome) -> Exchange {
    Exchange {
        id,
        user: UserId(user),
        step: 1,
        phase: Phase::Volley,
        round: 1,
        volley: Some(1),
        connection: user,
        request: RequestLine {
            method: "GET".into(),
            path: "/".into(),
            body_len: 0,
        },
        sent_ns: 10,
        first_byte_ns: Some(20),
        done_ns: 30,
        server: None,
        refused: false,
        followed: false,
        nonce: None,
        provoked: None,
        cut_off: false,
        outcome,
    }
}

fn volley() -> Record {
    let release = Release {
        strategy: "barrier".into(),
        connections: 2,
        writes: 2,
        client_spread_ns: 1,
        armed: true,
    };
    Record::Volley(Volley {
        volley: 1,
        round: 1,
        requests: 2,
        server_spread_us: None,
        offset_us: 0,
        release,
    })
}

/// Two users in one volley; the first gets `outcome`.
fn judged(outcome: Outcome) -> Judgement {
    judge([
        Record::Start(start(SALT)),
        Record::Exchange(exchange(0, 0, outcome)),
        Record::Exchange(exchange(1, 1, answer("", Bytes::from(text(1, 0, 0))))),
        volley(),
    ])
}

fn answer(headers: &str, body: Bytes) -> Outcome {
    Outcome::Answer {
        status: 200,
        head: format!("HTTP/1.1 200 OK\r\n{headers}").into(),
        body,
        cut: false,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8], is_wrapped: bool) -> Vec<u8> {
    if is_wrapped {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        return encoder.finish().unwrap();
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A brotli stream of one uncompressed meta-block (RFC 7932, section 9.2), for at most 65,536 bytes.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let header = ((bytes.len() as u32 - 1) << 3 | 1 << 19) << 1;
    [&header.to_le_bytes()[..3], bytes, &[3]].concat()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A body in one of the content codings, with the header that says so (if it needs one).
fn coded(body: &[u8], coding: usize) -> (&'static str, Vec<u8>) {
    match coding {
        0 => ("", body.to_vec()),
        1 => ("Content-Encoding: gzip\r\n", gzip(body)),
        2 => ("content-encoding:deflate\r\n", deflate(body, true)),
        3 => ("Content-Encoding: deflate\r\n", deflate(body, false)),
        4 => ("Content-Encoding: br\r\n", brotli(body)),
        5 => ("Content-Encoding: zstd\r\n", zstd(body)),
        6 => ("Content-Encoding: zstd, gzip\r\n", gzip(&zstd(body))),
        7 => (
            "Content-Encoding: deflate\r\nContent-Encoding: gzip\r\n",
            gzip(&deflate(body, true)),
        ),
        8 => ("Content-Type: application/gzip\r\n", gzip(body)),
        _ => ("Content-Encoding: gzip\r\n", gzip(&zstd(body))),
    }
}

fn in_form(text: &str, form: usize) -> (String, Form) {
    match form {
        0 => (text.to_owned(), Form::Plain),
        _ => {
            let mut encoded = STANDARD.encode(text);
            if form == 2 {
                let lines: Vec<_> = encoded
                    .as_bytes()
                    .chunks(76)
                    .map(|line| String::from_utf8_lossy(line))
                    .collect();
                encoded = lines.join("\r\n");
            }
            (encoded, Form::Base64)
        }
    }
}

proptest! {
    #[test]
    fn found_in_a_body_however_it_is_coded(
        slot in 0u16..2, serial in 0..Canary::SERIALS, form in 0usize..3, coding in 0usize..10,
        before in "[ -~]{0,300}", after in "[ -~]{0,300}",
    ) {
        let (body, form) = in_form(&format!("{before}{}{after}", text(1, slot, serial)), form);
        let (headers, body) = coded(body.as_bytes(), coding);
        let judgement = judged(answer(headers, body.into()));
        prop_assert_eq!(judgement.verdict, Verdict::Exposed);
        // A coding that stores short bodies as they are shows it raw as well: still one exposure.
        prop_assert_eq!(judgement.exposures.len(), 1);
        let exposure = &judgement.exposures[0];
        prop_assert_eq!((exposure.viewer, exposure.victim, exposure.slot), (UserId(0), UserId(1), Some(slot)));
        prop_assert_eq!((&exposure.place, exposure.form), (&Place::Body, Some(form)));
        prop_assert_eq!(exposure.victim_side.as_ref().map(|side| side.exchange), Some(1));
    }

    #[test]
    fn found_outside_the_body(serial in 0..Canary::SERIALS, form in 0usize..2, place in 0usize..6, before in "[a-z ]{0,30}") {
        let (secret, _) = in_form(&format!("{before}{}", text(1, 0, serial)), form);
        let head = |head: String| Outcome::Answer { status: 302, head: head.into(), body: Bytes::new(), cut: false };
        let (outcome, expected) = match place {
            0 => (head(format!("HTTP/1.1 302 {secret}\r\nA: b\r\n")), Place::StatusLine),
            1 => (head(format!("HTTP/1.1 302 Found\r\nLocation: /?u={secret}\r\nA: b\r\n")), Place::Header("location".into())),
            2 => (head(format!("HTTP/1.1 302 Found\r\nA: b\r\nSet-Cookie: last={secret}; Path=/")), Place::Header("set-cookie".into())),
            3 => (Outcome::Failed { why: "reset".into(), partial: secret.into() }, Place::Partial),
            4 => {
                let raw = format!("HTTP/1.1 200 OK\r\nLocation: {secret}\r\n");
                (Outcome::Failed { why: "reset".into(), partial: raw.into() }, Place::Partial)
            }
            _ => {
                let body = gzip(secret.as_bytes());
                let raw = [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", &body[..body.len() - 8]].concat();
                (Outcome::Failed { why: "timed out".into(), partial: raw.into() }, Place::Partial)
            }
        };
        let judgement = judged(outcome);
        prop_assert_eq!(judgement.exposures.len(), 1);
        prop_assert_eq!(&judgement.exposures[0].place, &expected);
    }

    #[test]
    fn what_is_no_others_is_never_found(
        noise in prop::collection::vec(any::<u8>(), 0..2_000), coding in 0usize..10,
        others in any::<u32>(), serial in 0..Canary::SERIALS, broken in 0usize..25,
    ) {
        prop_assume!(Salt::new(others) != SALT);
        let foreign_run = Canary { owner: UserId(1), slot: 0, serial }.encode(Salt::new(others));
        let mut damaged = text(1, 0, serial).into_bytes();
        damaged[broken] = if damaged[broken] == b'x' { b'y' } else { b'x' };
        // One change in a million gives another right check; it is then a canary.
        prop_assume!(Canary::decode(&String::from_utf8_lossy(&damaged), SALT).is_none());
        let mut body = noise;
        for part in [foreign_run.as_bytes(), &damaged, text(0, 0, serial).as_bytes(), STANDARD.encode(text(0, 1, serial)).as_bytes()] {
            body.push(b' ');
            body.extend_from_slice(part);
        }
        let (headers, body) = coded(&body, coding);
        let judgement = judged(answer(headers, body.into()));
        prop_assert_eq!(judgement.exposures, []);
        prop_assert_eq!(judgement.counts.exchanges, 0);
    }

    #[test]
    fn readers_may_read_what_was_planted_for_them(serials in prop::collection::vec(any::<bool>(), 1..40), seen in 0usize..40) {
        let mut records = vec![Record::Start(start(SALT))];
        for (serial, &is_shared) in serials.iter().enumerate() {
            let readers = if is_shared { vec![UserId(3), UserId(0)] } else { vec![] };
            records.push(Record::Planted(Planted { canary: text(1, 0, serial as u32), readers }));
        }
        let seen = seen % serials.len();
        records.push(Record::Exchange(exchange(0, 0, answer("", text(1, 0, seen as u32).into()))));
        prop_assert_eq!(judge(&records).exposures.is_empty(), serials[seen]);
    }

    #[test]
    fn record_by_record_or_whole_or_beside_a_file_is_the_same(
        drawn in prop::collection::vec((0u32..5, 0u16..4, 0usize..5, 0u32..6, 0u32..3, 0u64..50, 0u64..50), 0..60),
    ) {
        let records = random_run(&drawn);
        let whole = judge(&records);
        let mut tee = Tee(Judge::new(), Vec::new());
        for record in &records {
            tee.take(record).unwrap();
        }
        prop_assert_eq!(&tee.0.finish(), &whole);
        prop_assert_eq!(&judge(tee.1), &whole);
        let stored = written(&records, Redactor::default());
        let again = judge(crosswire::history::read(&stored[..]).unwrap());
        prop_assert_eq!(bare(again), bare(whole));
    }

    #[test]
    fn the_sums_fit_the_exposures(
        drawn in prop::collection::vec((0u32..5, 0u16..4, 0usize..5, 0u32..6, 0u32..3, 0u64..50, 0u64..50), 0..60),
    ) {
        let judgement = judge(random_run(&drawn));
        let counts = judgement.counts;
        prop_assert_eq!(judgement.exposures.len() as u64, judgement.exposures_total);
        prop_assert_eq!(judgement.verdict == Verdict::Exposed, judgement.exposures_total > 0);
        let mut viewers: Vec<_> = judgement.exposures.iter().map(|exposure| exposure.viewer).collect();
        viewers.sort_unstable();
        viewers.dedup();
        prop_assert_eq!(viewers.len() as u64, counts.viewers);
        prop_assert!(judgement.exposures.iter().all(|exposure| exposure.viewer != exposure.victim));
        let mut ids: Vec<_> = judgement.exposures.iter().map(|exposure| &exposure.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), judgement.exposures.len(), "ids tell exposures apart");
        prop_assert!(counts.viewer_earlier <= counts.ordered);
        let exchanges: Vec<_> = judgement.exposures.iter().map(|exposure| exposure.viewer_side.exchange).collect();
        prop_assert!(exchanges.is_sorted());
        for side in judgement.exposures.iter().filter_map(|exposure| exposure.victim_side.as_ref()) {
            prop_assert!(side.exchange < drawn.len() as u64);
        }
    }
}

/// A run of drawn exchanges: user, step, phase, whose canary its answer holds, volley (0 for none), times.
fn random_run(drawn: &[(u32, u16, usize, u32, u32, u64, u64)]) -> Vec<Record> {
    let mut records = vec![Record::Start(start(SALT))];
    for owner in 0..5 {
        records.push(Record::Planted(Planted {
            canary: text(owner, 0, 0),
            readers: vec![UserId((owner + 1) % 5)],
        }));
    }
    for (id, &(user, step, phase, owner, volley, sent, first)) in drawn.iter().enumerate() {
        // A sixth owner stands for an answer without any canary.
        let body = if owner < 5 {
            text(owner, step % 2, 0)
        } else {
            String::new()
        };
        let mut exchange = exchange(
            id as u64,
            user,
            answer("Set-Cookie: sid=0123456789abcdef; Path=/\r\n", body.into()),
        );
        exchange.step = step;
        exchange.phase = [
            Phase::Setup,
            Phase::Solo,
            Phase::Sequence,
            Phase::Volley,
            Phase::ReadBack,
        ][phase];
        exchange.volley = (volley > 0 && exchange.phase == Phase::Volley).then_some(volley);
        (exchange.sent_ns, exchange.first_byte_ns) = (sent, Some(first));
        let times = ServerTimes {
            arrived_us: sent,
            answered_us: Some(first),
            order: Some(id as u64),
        };
        exchange.server = (first % 3 > 0).then_some(times);
        records.push(Record::Exchange(exchange));
    }
    records.push(volley());
    records
}
