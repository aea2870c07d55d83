//! The judge over a run of a million exchanges, made as it goes: exchanges per second, and the memory it takes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crosswire::history::{
    End, Ending, Exchange, HISTORY_VERSION, Outcome, Phase, Planted, Record, Release, RequestLine,
    ServerTimes, SlotInfo, Start, StepInfo, StepRole, Target, Volley,
};
use crosswire::identity::{Canary, Salt, UserId};
use crosswire::judge::{Judge, Judgement, Verdict};

const SALT: Salt = Salt::new(0x2aaa_aaaa);
const EXCHANGES: u64 = 1_000_000;
const USERS: u32 = 100;
const BODY: usize = 2 << 10;

fn start() -> Start {
    let step = |name: &str, role, sees: &[u16]| StepInfo {
        name: name.into(),
        role,
        session: None,
        sees: sees.to_vec(),
        removes: Vec::new(),
        ..StepInfo::default()
    };
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: "bench".into(),
        scenario: "bench".into(),
        target: Target {
            name: "bench".into(),
            url: "http://127.0.0.1:1".into(),
        },
        engine: "fire".into(),
        seed: 1,
        salt: SALT.to_string(),
        users: (0..USERS).map(|user| format!("user-{user:03}")).collect(),
        slots: vec![SlotInfo {
            name: "mail".into(),
            attachment: false,
            ..SlotInfo::default()
        }],
        steps: vec![
            step("log in", StepRole::LogIn, &[]),
            step("inbox", StepRole::Fire, &[0]),
        ],
        min_overlaps: 1,
    }
}

fn canary(user: u32) -> String {
    Canary {
        owner: UserId(user),
        slot: 0,
        serial: 0,
    }
    .encode(SALT)
}

/// A page of the user's with the canary of `owner` in it.
fn exchange(user: u32, owner: u32, step: u16, phase: Phase) -> Exchange {
    let mut body = format!("<html><body><h1>Inbox</h1><p>{}</p>", canary(owner));
    while body.len() < BODY {
        body.push_str("<li><a href=\"/mail/123\">Re: the question of last week, and a word about Friday</a></li>\n");
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 2048\r\ncache-control: no-store\r\n\
                x-arrived-us: 123456\r\nx-answered-us: 123999\r\ndate: Tue, 22 Jul 2008 06:10:00 GMT\r\n";
    Exchange {
        id: 0,
        user: UserId(user),
        step,
        phase,
        round: 1,
        volley: None,
        connection: user,
        request: RequestLine {
            method: "GET".into(),
            path: "/inbox?view=newest".into(),
            body_len: 0,
        },
        sent_ns: 0,
        first_byte_ns: None,
        done_ns: 0,
        server: None,
        refused: false,
        followed: false,
        nonce: None,
        provoked: None,
        cut_off: false,
        outcome: Outcome::Answer {
            status: 200,
            head: head.into(),
            body: body.into(),
            cut: false,
        },
    }
}

/// Judges a run of volleys of all users, each record built in place: what is measured is the judge alone.
fn judged(crosses: bool) -> Judgement {
    let mut judge = Judge::new();
    judge.take(&Record::Start(start()));
    for user in 0..USERS {
        judge.take(&Record::Exchange(exchange(user, user, 0, Phase::Setup)));
        judge.take(&Record::Planted(Planted {
            canary: canary(user),
            readers: Vec::new(),
        }));
        judge.take(&Record::Exchange(exchange(user, user, 1, Phase::Solo)));
    }
    let owner = |user: u32| if crosses { (user + 1) % USERS } else { user };
    let mut fired: Vec<Record> = (0..USERS)
        .map(|user| Record::Exchange(exchange(user, owner(user), 1, Phase::Volley)))
        .collect();
    let mut id = 0;
    for number in 1..=(EXCHANGES / u64::from(USERS)) as u32 {
        for record in &mut fired {
            if let Record::Exchange(exchange) = record {
                exchange.id = id;
                exchange.volley = Some(number);
                exchange.round = number;
                exchange.sent_ns = id * 100;
                exchange.first_byte_ns = Some(id * 100 + 9_000);
                exchange.done_ns = id * 100 + 10_000;
                let arrived_us = id * 7 % 1_000;
                exchange.server = Some(ServerTimes {
                    arrived_us,
                    answered_us: Some(arrived_us + 300),
                    order: Some(id),
                });
            }
            judge.take(black_box(record));
            id += 1;
        }
        let release = Release {
            strategy: "barrier".into(),
            connections: USERS,
            writes: USERS,
            client_spread_ns: 9_000,
            armed: true,
        };
        judge.take(&Record::Volley(Volley {
            volley: number,
            round: number,
            requests: USERS,
            server_spread_us: None,
            offset_us: 0,
            release,
        }));
    }
    judge.take(&Record::End(End {
        ending: Ending::Completed,
        rounds: 1,
        elapsed_ns: 1,
    }));
    judge.finish()
}

/// Highest resident memory of this process so far, in KiB, where the system tells (Linux).
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[expect(
    clippy::print_stderr,
    reason = "a figure that criterion has no place for"
)]
fn memory() {
    let before = peak_kib();
    let clean = judged(false);
    assert_eq!(clean.verdict, Verdict::Isolated, "{:?}", clean.reasons);
    let between = peak_kib();
    assert_eq!(judged(true).verdict, Verdict::Exposed);
    if let (Some(before), Some(between), Some(after)) = (before, between, peak_kib()) {
        eprintln!(
            "judge, {EXCHANGES} exchanges: peak memory {before} KiB before, {between} KiB after a clean run, {after} KiB after an exposed one"
        );
    }
}

fn million(c: &mut Criterion) {
    memory();
    let mut group = c.benchmark_group("judge, 1,000,000 exchanges of 2 KiB");
    group
        .throughput(Throughput::Elements(EXCHANGES))
        .sample_size(10);
    for (name, crosses) in [("clean", false), ("each one exposed", true)] {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| judged(crosses))
        });
    }
    group.finish();
}

criterion_group!(benches, million);
criterion_main!(benches);
