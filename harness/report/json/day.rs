//! A replayed day in the JSON report.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read::ReportError;
use super::shape::JsonVerdict;
use crate::history::{Day, DayEvent, DayPhase, Ruling};
use crate::judge::{DayCounts, DayJudged, DaySlice, PhaseJudged};
use crate::report::{DayInCi, FirstFound, ReplayedDay};

/// A day that was replayed on a scaled clock. Times of its clock are texts such as `15:10` or `15:10:30`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Day")]
pub struct JsonDay {
    /// Which day it is.
    pub title: String,
    /// Seconds of its clock in one second of the run.
    pub scale: u32,
    /// What a court found; null when the scenario does not say.
    pub ruling: Option<JsonRuling>,
    /// The ruling's table beside the replay's, for people.
    pub rows: Vec<JsonDayRow>,
    /// The phases, in order.
    pub phases: Vec<JsonDayPhase>,
    /// What else happened.
    pub events: Vec<JsonDayEvent>,
    /// Sums over the phases of the day itself.
    pub counts: JsonDayCounts,
    /// When on the day itself the first exposure was; null when there was none.
    pub first_at: Option<String>,
    /// What a run beforehand found; null when none was made.
    pub in_ci: Option<JsonDayInCi>,
}

/// What a court found, row by row; null where it says nothing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Ruling")]
pub struct JsonRuling {
    /// Which ruling.
    pub source: String,
    /// Users whose data others were shown.
    pub exposed: Option<String>,
    /// Users whose attachments others downloaded.
    pub downloaded: Option<String>,
    /// Items that the wrong person removed.
    pub deleted: Option<String>,
    /// What became of those.
    pub restored: Option<String>,
    /// How and when it was noticed.
    pub noticed: Option<String>,
}

/// A row of the table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DayRow")]
pub struct JsonDayRow {
    /// What it is about.
    pub what: String,
    /// What the ruling says; empty where it says nothing.
    pub ruling: String,
    /// What the replay says.
    pub replay: String,
}

/// A stretch of the day's clock.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DayPhase")]
pub struct JsonDayPhase {
    /// What it is called.
    pub name: String,
    /// When it was, if not on the day itself.
    pub date: Option<String>,
    /// When it begins.
    pub from: String,
    /// When it ends.
    pub to: String,
    /// The variant that is served; null while the service is closed.
    pub serves: Option<String>,
    /// Number of the first user that takes part, from 1.
    pub first_user: u32,
    /// Number of the last one.
    pub last_user: u32,
    /// Mean time between two requests, milliseconds of the day's clock; null when nobody comes.
    pub mean_gap_ms: Option<u32>,
    /// What the ruling says of it.
    pub ruling: Option<String>,
    /// What it came to; null when it was not begun.
    pub counts: Option<JsonDayCounts>,
    /// Its minutes.
    pub slices: Vec<JsonDaySlice>,
}

/// Sums of a phase or of the day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DayCounts")]
pub struct JsonDayCounts {
    /// Requests of users that came as they pleased.
    pub requests: u64,
    /// Those of them that were answered 503, or not at all.
    pub turned_away: u64,
    /// Pairs of them, of different users, that were under way at the same time.
    pub overlapping_pairs: u64,
    /// Pairs of a request and a user whose data its answer held.
    pub crossings: u64,
    /// Users who received or acted on somebody else's data.
    pub viewers: u64,
    /// Users whose data was in somebody else's answer.
    pub exposed: u64,
    /// Users of whom an attachment was in somebody else's answer.
    pub downloaded: u64,
    /// Items that somebody else's request removed.
    pub deleted: u64,
    /// Requests for what was missed.
    pub asked_back: u64,
    /// Those of them that were granted.
    pub restored: u64,
}

/// A minute of the day's clock.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DaySlice")]
pub struct JsonDaySlice {
    /// When it begins.
    pub at: String,
    /// Requests.
    pub requests: u64,
    /// Overlapping pairs of different users.
    pub overlapping_pairs: u64,
    /// Pairs of a request and a user whose data its answer held.
    pub crossings: u64,
}

/// Something that happened on the day.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DayEvent")]
pub struct JsonDayEvent {
    /// When.
    pub at: String,
    /// What.
    pub says: String,
}

/// The run that would have been made in CI.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DayInCi")]
pub struct JsonDayInCi {
    /// The variant.
    pub variant: String,
    /// Its users.
    pub users: u64,
    /// What it came to.
    pub verdict: JsonVerdict,
    /// Distinct exposures.
    pub exposures: u64,
    /// How soon the first of them was found; null when nothing was.
    pub first: Option<JsonFirst>,
}

/// How soon something was found.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FirstFound")]
pub struct JsonFirst {
    /// Requests up to and with the one that showed it.
    pub requests: u64,
    /// Time until its answer was there, nanoseconds since the run began.
    pub after_ns: u64,
}

impl From<&ReplayedDay> for JsonDay {
    fn from(replayed: &ReplayedDay) -> JsonDay {
        let judged = &replayed.judged;
        let day = &judged.day;
        let phases = day.phases.iter().enumerate();
        JsonDay {
            title: day.title.clone(),
            scale: day.scale,
            ruling: day.ruling.clone().map(JsonRuling::from),
            rows: replayed.rows().into_iter().map(row).collect(),
            phases: phases
                .map(|(place, phase)| json_phase(phase, judged.phases.get(place)))
                .collect(),
            events: day.events.iter().map(event).collect(),
            counts: judged.whole.into(),
            first_at: judged.first_s.map(Day::clock),
            in_ci: replayed.in_ci.as_ref().map(in_ci),
        }
    }
}

fn row(row: crate::report::DayRow) -> JsonDayRow {
    JsonDayRow {
        what: row.what,
        ruling: row.ruling,
        replay: row.replay,
    }
}

fn event(event: &DayEvent) -> JsonDayEvent {
    JsonDayEvent {
        at: Day::clock(event.at_s),
        says: event.says.clone(),
    }
}

fn in_ci(found: &DayInCi) -> JsonDayInCi {
    JsonDayInCi {
        variant: found.variant.clone(),
        users: found.users,
        verdict: found.verdict.into(),
        exposures: found.exposures,
        first: found.first.map(|first| JsonFirst {
            requests: first.requests,
            after_ns: first.after_ns,
        }),
    }
}

fn json_phase(phase: &DayPhase, judged: Option<&PhaseJudged>) -> JsonDayPhase {
    let slices = judged.into_iter().flat_map(|judged| &judged.slices);
    JsonDayPhase {
        name: phase.name.clone(),
        date: phase.date.clone(),
        from: Day::clock(phase.from_s),
        to: Day::clock(phase.to_s),
        serves: phase.serves.clone(),
        first_user: phase.users.0,
        last_user: phase.users.1,
        mean_gap_ms: phase.mean_gap_ms,
        ruling: phase.ruling.clone(),
        counts: judged.map(|judged| judged.counts.into()),
        slices: slices
            .map(|slice| JsonDaySlice {
                at: Day::clock(slice.at_s),
                requests: slice.requests,
                overlapping_pairs: slice.pairs,
                crossings: slice.crossings,
            })
            .collect(),
    }
}

impl From<Ruling> for JsonRuling {
    fn from(ruling: Ruling) -> JsonRuling {
        JsonRuling {
            source: ruling.source,
            exposed: ruling.exposed,
            downloaded: ruling.downloaded,
            deleted: ruling.deleted,
            restored: ruling.restored,
            noticed: ruling.noticed,
        }
    }
}

impl From<DayCounts> for JsonDayCounts {
    fn from(counts: DayCounts) -> JsonDayCounts {
        JsonDayCounts {
            requests: counts.requests,
            turned_away: counts.turned_away,
            overlapping_pairs: counts.pairs,
            crossings: counts.crossings,
            viewers: counts.viewers,
            exposed: counts.exposed,
            downloaded: counts.downloaded,
            deleted: counts.deleted,
            asked_back: counts.asked_back,
            restored: counts.restored,
        }
    }
}

impl From<JsonDayCounts> for DayCounts {
    fn from(json: JsonDayCounts) -> DayCounts {
        DayCounts {
            requests: json.requests,
            turned_away: json.turned_away,
            pairs: json.overlapping_pairs,
            crossings: json.crossings,
            viewers: json.viewers,
            exposed: json.exposed,
            downloaded: json.downloaded,
            deleted: json.deleted,
            asked_back: json.asked_back,
            restored: json.restored,
        }
    }
}

/// Reads a day back. Its rows are made anew, and what users do before and after a phase is not in a report.
pub(super) fn replayed(json: JsonDay) -> Result<ReplayedDay, ReportError> {
    let (mut phases, mut judged) = (Vec::new(), Vec::new());
    for one in json.phases {
        let (phase, counted) = phase(one)?;
        phases.push(phase);
        judged.extend(counted);
    }
    let events = json.events.into_iter().map(|event| {
        Ok(DayEvent {
            at_s: seconds(&event.at)?,
            says: event.says,
        })
    });
    let ruling = json.ruling.map(|ruling| Ruling {
        source: ruling.source,
        exposed: ruling.exposed,
        downloaded: ruling.downloaded,
        deleted: ruling.deleted,
        restored: ruling.restored,
        noticed: ruling.noticed,
    });
    let day = Day {
        title: json.title,
        scale: json.scale,
        phases,
        events: events.collect::<Result<_, ReportError>>()?,
        mix: BTreeMap::new(),
        ruling,
        ci: None,
    };
    let in_ci = json.in_ci.map(|found| DayInCi {
        variant: found.variant,
        users: found.users,
        verdict: found.verdict.into(),
        exposures: found.exposures,
        first: found.first.map(|first| FirstFound {
            requests: first.requests,
            after_ns: first.after_ns,
        }),
    });
    let judged = DayJudged {
        day,
        phases: judged,
        whole: json.counts.into(),
        first_s: json.first_at.as_deref().map(seconds).transpose()?,
    };
    Ok(ReplayedDay { judged, in_ci })
}

fn phase(json: JsonDayPhase) -> Result<(DayPhase, Option<PhaseJudged>), ReportError> {
    let phase = DayPhase {
        name: json.name,
        date: json.date,
        from_s: seconds(&json.from)?,
        to_s: seconds(&json.to)?,
        serves: json.serves,
        users: (json.first_user, json.last_user),
        mean_gap_ms: json.mean_gap_ms,
        before: Vec::new(),
        after: Vec::new(),
        ruling: json.ruling,
    };
    let slices = json.slices.into_iter().map(|slice| {
        Ok(DaySlice {
            at_s: seconds(&slice.at)?,
            requests: slice.requests,
            pairs: slice.overlapping_pairs,
            crossings: slice.crossings,
        })
    });
    let slices = slices.collect::<Result<_, ReportError>>()?;
    let counts = json.counts.map(DayCounts::from);
    Ok((phase, counts.map(|counts| PhaseJudged { counts, slices })))
}

fn seconds(clock: &str) -> Result<u32, ReportError> {
    Day::seconds(clock).ok_or_else(|| ReportError::Field {
        why: format!("`{clock}` is no time of a day"),
    })
}
