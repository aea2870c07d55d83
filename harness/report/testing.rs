//! Judgements made by hand, on which every format is tested, so that the formats cannot drift apart.

use std::collections::BTreeMap;

use super::{Facts, Report};
use crate::history::{
    End, Ending, HISTORY_VERSION, Phase, SlotInfo, Start, StepInfo, StepRole, Target,
};
use crate::identity::{Canary, Redactor, Salt, UserId};
use crate::judge::{
    Counts, Evidence, Exposure, ExposureKind, Judgement, Place, RULES, Reason, ReasonKind, Side,
    Spread, Strength, Verdict, upper_bound_95,
};

/// The salt of the canaries.
pub(super) const SALT: Salt = Salt::new(0x1234_5678);
/// A password that a target's name happens to hold.
pub(super) const SECRET: &str = "hunter2-hunter2";

fn start() -> Start {
    let step = |name: &str| StepInfo {
        name: name.into(),
        role: StepRole::Fire,
        session: None,
        sees: vec![0],
        removes: vec![],
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
        steps: vec![step("read"), step("delete")],
        min_overlaps: 100,
    }
}

/// A run that nothing is wrong with: 1,900 overlapping pairs, most of them known by the server's clock, nothing crossed.
pub(super) fn isolated() -> Judgement {
    Judgement {
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
            notes: vec![],
        },
        exposures: vec![],
        exposures_total: 0,
        counts: Counts::default(),
        points: Vec::new(),
        fired: 0,
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
    judgement.end = Some(End {
        ending: Ending::Interrupted,
        rounds: 1,
        elapsed_ns: 90_000_000,
    });
    judgement
}

fn exposure(viewer: u32, victim: u32, times_seen: u64) -> Exposure {
    let side = |exchange, sent_ns, order| Side {
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
        evidence: Evidence::default(),
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
        viewer_side: side(7, 1_234_000_000, 11),
        victim_side: Some(side(8, 1_234_042_000, 12)),
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

/// As reported.
pub(super) fn report(judgement: &Judgement) -> Report {
    let redactor = Redactor::new([SECRET]);
    let replay = Some("crosswire run ./notes.toml --seed 42".to_owned());
    Report::new(
        judgement,
        &Facts {
            expected: Verdict::Isolated,
            replay,
            redactor: &redactor,
        },
    )
}

/// All of them, by name.
pub(super) fn all() -> BTreeMap<&'static str, Report> {
    [
        ("isolated", isolated()),
        ("inconclusive", inconclusive()),
        ("exposed", exposed()),
    ]
    .into_iter()
    .map(|(name, judgement)| (name, report(&judgement)))
    .collect()
}
