//! A report of a replayed day.

use super::{SECRET, exposed};
use crate::history::{Day, DayEvent, DayPhase, Ruling};
use crate::identity::Redactor;
use crate::judge::{DayCounts, DayJudged, DaySlice, PhaseJudged, Verdict};
use crate::report::{DayInCi, Facts, FirstFound, Report};

const OPEN_S: u32 = 15 * 3600 + 600;

fn phase(name: &str, from_s: u32, to_s: u32, serves: Option<&str>) -> DayPhase {
    DayPhase {
        name: name.into(),
        from_s,
        to_s,
        serves: serves.map(str::to_owned),
        users: (1, 5),
        ruling: Some(format!("what is said of it {SECRET}")),
        ..DayPhase::default()
    }
}

fn judged(requests: u64, crossings: u64, slices: &[(u32, u64, u64)]) -> PhaseJudged {
    let slice = |(at_s, requests, crossings): &(u32, u64, u64)| DaySlice {
        at_s: *at_s,
        requests: *requests,
        pairs: 2,
        crossings: *crossings,
    };
    PhaseJudged {
        counts: DayCounts {
            requests,
            pairs: requests / 3,
            crossings,
            ..DayCounts::default()
        },
        slices: slices.iter().map(slice).collect(),
    }
}

/// The day: a quiet trial, an hour of exposures, a closed quarter of an hour.
pub(in crate::report) fn replayed() -> Report {
    let mut judgement = exposed();
    let trial = DayPhase {
        date: Some("the week before".into()),
        ..phase("QA", 36_000, 36_300, Some("shared-note"))
    };
    let mut shut = judged(9, 0, &[(OPEN_S + 3_600, 9, 0)]);
    shut.counts.turned_away = 9;
    judgement.day = Some(DayJudged {
        day: Day {
            title: "22 July 2008".into(),
            scale: 60,
            phases: vec![
                trial,
                phase("rolled out", OPEN_S, OPEN_S + 3_600, Some("shared-note")),
                phase("closed", OPEN_S + 3_600, OPEN_S + 4_500, None),
                phase(
                    "not begun",
                    OPEN_S + 4_500,
                    OPEN_S + 5_400,
                    Some("per-request"),
                ),
            ],
            events: [(0, "roll-out"), (900, "first report"), (3_600, "closed")]
                .map(|(after, says)| DayEvent {
                    at_s: OPEN_S + after,
                    says: says.into(),
                })
                .into(),
            ruling: Some(Ruling {
                source: "a court".into(),
                exposed: Some("at most 307 users".into()),
                downloaded: Some("at most 141 users".into()),
                ..Ruling::default()
            }),
            ..Day::default()
        },
        phases: vec![
            judged(12, 0, &[(36_000, 12, 0)]),
            judged(300, 21, &[(OPEN_S, 100, 1), (OPEN_S + 1_800, 200, 20)]),
            shut,
        ],
        whole: DayCounts {
            requests: 309,
            turned_away: 9,
            pairs: 100,
            crossings: 21,
            viewers: 18,
            exposed: 17,
            downloaded: 6,
            deleted: 2,
            asked_back: 2,
            restored: 1,
        },
        first_s: Some(OPEN_S + 7),
    });
    let redactor = Redactor::new([SECRET]);
    let facts = Facts {
        replay: Some("crosswire run replay-2008 --seed 2008".into()),
        day_in_ci: Some(DayInCi {
            variant: "shared-note".into(),
            users: 20,
            verdict: Verdict::Exposed,
            exposures: 12,
            first: Some(FirstFound {
                requests: 624,
                after_ns: 412_000_000,
            }),
        }),
        ..Facts::new(Verdict::Exposed, &redactor)
    };
    Report::new(&judgement, &facts)
}

/// A day every text of which is hostile.
pub(super) fn hostile() -> DayJudged {
    let hostile = || super::HOSTILE.to_owned();
    let phase = DayPhase {
        date: Some(hostile()),
        ..phase(super::HOSTILE, 0, 60, Some(super::HOSTILE))
    };
    let own = DayPhase {
        date: None,
        ..phase.clone()
    };
    DayJudged {
        day: Day {
            title: hostile(),
            phases: vec![phase, own],
            events: vec![DayEvent {
                at_s: 7,
                says: hostile(),
            }],
            ruling: Some(Ruling {
                source: hostile(),
                exposed: Some(hostile()),
                ..Ruling::default()
            }),
            ..Day::default()
        },
        phases: vec![PhaseJudged::default(); 2],
        ..DayJudged::default()
    }
}
