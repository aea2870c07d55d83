//! Judgements made by hand, on which every format is tested, so that the formats cannot drift apart.

mod explorations;
mod replayed;

use std::collections::BTreeMap;

use super::{Facts, Report, TestOf};
use crate::history::{
    End, Ending, Explored, FoundSchedule, HISTORY_VERSION, Phase, SlotInfo, Start, StepInfo,
    StepRole, Target,
};
use crate::identity::{Canary, Redactor, Salt, UserId};
use crate::judge::{
    Counts, Evidence, Exposure, ExposureKind, Judgement, Place, RULES, Reason, ReasonKind, Side,
    Spread, Strength, ThresholdResult, Verdict, VolleyPoint, upper_bound_95,
};

/// The salt of the canaries.
pub(super) const SALT: Salt = Salt::new(0x1234_5678);
/// A password that a target's name happens to hold.
pub(super) const SECRET: &str = "hunter2-hunter2";
/// A session id that an answer holds.
pub(super) const SESSION: &str = "0123456789abcdefSESSION";
/// Texts that break out of what they are written into, where they can: HTML, attributes, XML, Markdown, a workflow command,
/// a terminal, the direction of writing.
pub(super) const HOSTILE: &str = "</script><script>alert(1)</script>\"><img src=x onerror=alert(1)>'`| ]]>&lt;\u{1b}[31m\u{202e}\0\r\n::error::x%0A";

fn start() -> Start {
    let step = |name: &str, line| StepInfo {
        name: name.into(),
        role: StepRole::Fire,
        sees: vec![0],
        line,
        ..StepInfo::default()
    };
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: "0.1.0".into(),
        scenario: "notes".into(),
        target: Target {
            name: "http://127.0.0.1:8080".into(),
            url: "http://127.0.0.1:8080".into(),
        },
        engine: "fire".into(),
        seed: 42,
        salt: SALT.to_string(),
        users: vec!["alice".into(), "bob".into(), "carol".into()],
        slots: vec![
            SlotInfo {
                name: "note".into(),
                attachment: false,
                ..SlotInfo::default()
            },
            SlotInfo {
                name: "file".into(),
                attachment: true,
                ..SlotInfo::default()
            },
        ],
        steps: vec![step("read", 21), step("delete", 27)],
        min_overlaps: 100,
    }
}

/// A run that nothing is wrong with: 1,900 overlapping pairs, most of them known by the server's clock, nothing crossed.
pub(super) fn isolated() -> Judgement {
    Judgement {
        explored: Vec::new(),
        day: None,
        verdict: Verdict::Isolated,
        reasons: vec![],
        strength: Strength {
            rounds: 10,
            exchanges: 640,
            volleys: 20,
            overlapping_pairs: 1_900,
            pairs_by_server: 1_400,
            exposing_pairs: 0,
            upper_bound_95: upper_bound_95(1_900, 0),
            reach: None,
            notes: vec![],
        },
        exposures: vec![],
        exposures_total: 0,
        counts: Counts::default(),
        points: points(0),
        fired: 200,
        failed: 0,
        spread: vec![Spread {
            strategy: "barrier".into(),
            volleys: 20,
            median_us: 180,
            p95_us: 4_200,
            by_server: true,
        }],
        start: Some(start()),
        end: Some(End {
            ending: Ending::Completed,
            rounds: 10,
            elapsed_ns: 2_300_000_000,
        }),
        notes: vec![],
    }
}

/// Twenty volleys, at three offsets, some of which crossed.
fn points(exposing: u64) -> Vec<VolleyPoint> {
    (1..=20)
        .map(|volley| VolleyPoint {
            volley,
            round: volley.div_ceil(2),
            offset_us: [0, 100, 400][volley as usize % 3],
            spread_us: 150 + u64::from(volley * 37 % 23) * 12,
            by_server: true,
            pairs: 95,
            exposing: if volley % 3 == 1 { exposing } else { 0 },
        })
        .collect()
}

/// The same, but nothing overlapped and the run was interrupted.
pub(super) fn inconclusive() -> Judgement {
    let mut judgement = isolated();
    judgement.verdict = Verdict::Inconclusive;
    judgement.reasons = vec![
        Reason::new(ReasonKind::Interrupted, "the run was interrupted"),
        Reason::new(ReasonKind::Overlaps, "0 pairs overlapped; 100 are needed"),
    ];
    judgement.strength = Strength {
        rounds: 1,
        exchanges: 12,
        ..Strength::default()
    };
    judgement.spread = vec![];
    judgement.points = vec![];
    judgement.end = Some(End {
        ending: Ending::Interrupted,
        rounds: 1,
        elapsed_ns: 90_000_000,
    });
    judgement
}

/// The page that a user is shown, with its own note and that of `other`, if it is somebody else's.
fn evidence(user: u32, other: u32) -> Evidence {
    let canary = |owner, serial| {
        Canary {
            owner: UserId(owner),
            slot: 0,
            serial,
        }
        .encode(SALT)
    };
    let body = format!(
        "<!doctype html>\n<title>Notes</title>\n<h1>Your notes</h1>\n<li>{}</li>\n<li>{}</li>\n<p>You are {SECRET}.</p>\n",
        canary(user, 1),
        canary(other, 3)
    );
    Evidence {
        head: format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nset-cookie: sid={SESSION}; Path=/; HttpOnly\r\n\
             authorization: Bearer {SESSION}\r\ncontent-length: {}\r\n\r\n",
            body.len() + 1_000
        )
        .into(),
        body_start: 512,
        body_len: body.len() as u64 + 1_000,
        body: body.into(),
    }
}

fn exposure(viewer: u32, victim: u32, times_seen: u64) -> Exposure {
    let side = |exchange, user, sent_ns, order| Side {
        exchange,
        step: 0,
        request: format!(
            "GET /note?q={}&p={SECRET}",
            Canary {
                owner: UserId(victim),
                slot: 0,
                serial: 9
            }
            .encode(SALT)
        ),
        status: Some(200),
        sent_ns,
        done_ns: sent_ns + 900_000,
        arrived_us: Some(1_000 + sent_ns / 1_000),
        order: Some(order),
        evidence: evidence(user, victim),
    };
    Exposure {
        id: format!("{viewer:04x}{victim:04x}"),
        rule: RULES[0].id,
        kind: ExposureKind::Read,
        viewer: UserId(viewer),
        victim: UserId(victim),
        step: 0,
        slot: Some(0),
        place: Place::Body,
        form: None,
        phase: Phase::Volley,
        round: 2,
        times_seen,
        viewer_side: side(7, viewer, 1_234_000_000, 11),
        victim_side: Some(side(8, victim, 1_234_042_000, 12)),
        value: None,
        canary: Some(
            Canary {
                owner: UserId(victim),
                slot: 0,
                serial: 3,
            }
            .encode(SALT),
        ),
    }
}

/// Two reads and a write; the write is the last that was found.
pub(super) fn exposed() -> Judgement {
    let mut judgement = isolated();
    let write = Exposure {
        kind: ExposureKind::Write,
        step: 1,
        place: Place::ReadBack,
        phase: Phase::ReadBack,
        ..exposure(2, 0, 1)
    };
    judgement.verdict = Verdict::Exposed;
    judgement.exposures = vec![exposure(0, 1, 3), exposure(1, 2, 1_200), write];
    judgement.exposures_total = 115;
    judgement.points = points(4);
    judgement.counts = Counts {
        viewers: 3,
        victims: 3,
        attachments: 2,
        writes: 1,
        exchanges: 170,
        viewer_earlier: 160,
        ordered: 161,
    };
    judgement.notes = vec![format!(
        "the answer of http://alice:{SECRET}@127.0.0.1 was slow"
    )];
    judgement
}

/// As exposed, but everything that a service or a file can choose is hostile.
pub(super) fn hostile() -> Judgement {
    let mut judgement = exposed();
    if let Some(start) = &mut judgement.start {
        start.scenario = HOSTILE.into();
        start.target.name = HOSTILE.into();
        start.target.url = HOSTILE.into();
        start.users[1] = HOSTILE.into();
        start.slots[0].name = HOSTILE.into();
        start.steps[0].name = HOSTILE.into();
    }
    for exposure in &mut judgement.exposures {
        for side in [
            Some(&mut exposure.viewer_side),
            exposure.victim_side.as_mut(),
        ]
        .into_iter()
        .flatten()
        {
            side.request = format!("GET /{HOSTILE}");
            side.evidence.head =
                format!("HTTP/1.1 200 {HOSTILE}\r\nx-{HOSTILE}: {HOSTILE}\r\n").into();
            let mut body = side.evidence.body.to_vec();
            body.extend_from_slice(HOSTILE.as_bytes());
            side.evidence.body = body.into();
        }
        exposure.place = Place::Header(HOSTILE.into());
    }
    judgement.spread[0].strategy = HOSTILE.into();
    judgement.day = Some(replayed::hostile());
    judgement.reasons = vec![Reason::new(ReasonKind::Failed, HOSTILE)];
    judgement.notes = vec![HOSTILE.into()];
    judgement
}

/// As reported.
pub(super) fn report(judgement: &Judgement) -> Report {
    let redactor = Redactor::new([SECRET]);
    let replay = Some("crosswire run ./notes.toml --seed 42".to_owned());
    Report::new(
        judgement,
        &Facts {
            replay,
            scenario_path: Some("scenarios/notes.toml".into()),
            stored_as: Some("out/report.json".into()),
            ..Facts::new(Verdict::Isolated, &redactor)
        },
    )
}

/// As reported, of an exploration.
fn explored(judgement: &Judgement) -> Report {
    let redactor = Redactor::new([SECRET]);
    let test = |_: &Explored, found: &FoundSchedule| {
        format!(
            "#[test]\nfn again() {{\n    crosswire::explore(service)\n        .bearer({SECRET:?})\n        .schedule({:?})\n        \
             .run()\n        .assert_isolated();\n}}\n",
            found.replay
        )
    };
    Report::new(
        judgement,
        &Facts {
            replay: Some("crosswire explore ./notes.toml --preemptions 2".to_owned()),
            scenario_path: Some("scenarios/notes.toml".into()),
            stored_as: Some("out/report.json".into()),
            test_of: Some(TestOf(&test)),
            ..Facts::new(Verdict::Isolated, &redactor)
        },
    )
}

/// All of them, by name.
pub(super) fn all() -> BTreeMap<&'static str, Report> {
    let thresholds = [
        ("pairs >= 1000", 1_900.0, true),
        ("upper-bound <= 0.001", 0.001_575_4, false),
    ];
    let with_thresholds = |mut report: Report| {
        report.thresholds = thresholds
            .map(|(threshold, value, holds)| ThresholdResult {
                threshold: threshold.parse().unwrap(),
                value: Some(value),
                holds,
            })
            .into();
        report
    };
    let explorations = explorations::all();
    let explorations = explorations.map(|(name, judgement)| (name, explored(&judgement)));
    let mut all: BTreeMap<&'static str, Report> = [
        ("isolated", report(&isolated())),
        ("inconclusive", report(&inconclusive())),
        ("exposed", report(&exposed())),
        ("hostile", with_thresholds(report(&hostile()))),
        ("thresholds", with_thresholds(report(&isolated()))),
        ("replayed", replayed::replayed()),
    ]
    .into();
    all.extend(explorations);
    all
}
