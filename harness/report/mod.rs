//! Reports: a judgement goes in, bytes come out, one file per format.
//!
//! [`Report`] is what every format is made from. Names are looked up and evidence is masked on the way into it, so that
//! no format can show a whole canary or a secret. Nothing here opens a file or knows an exit code.

mod day;
mod evidence;
mod exploration;
mod format;
mod found_in;
mod github;
mod github_summary;
mod har;
mod html;
mod json;
mod junit;
mod mask;
mod model;
mod naming;
mod ndjson;
mod place;
mod sarif;
mod schedules;
pub mod telling;
mod terminal;
#[cfg(test)]
mod testing;
mod visible;
pub mod words;
mod xml;

pub use day::{DayInCi, DayRow, FirstFound, ReplayedDay};
pub use evidence::{Evidence, HEAD_SHOWN, Piece};
pub use exploration::{
    Exploration, ExploredStep, RacedRequest, ScheduleSteps, ShortestSchedule, ShownBy, TestOf,
};
pub use format::{FORMATS, Format};
pub use found_in::FoundIn;
pub use github_summary::SUMMARY_LIMIT;
pub use html::IN_DETAIL;
pub use json::{
    JsonAnswer, JsonBound, JsonCounts, JsonCoverage, JsonDay, JsonDayCounts, JsonDayEvent,
    JsonDayInCi, JsonDayPhase, JsonDayRow, JsonDaySlice, JsonDecisive, JsonDoubts, JsonEnding,
    JsonExploration, JsonExposure, JsonFirst, JsonFound, JsonFoundIn, JsonKind, JsonMoved,
    JsonOutcome, JsonPhase, JsonPiece, JsonPoints, JsonRaced, JsonReach, JsonReport, JsonRule,
    JsonRuling, JsonShared, JsonShownBy, JsonSide, JsonSpread, JsonStep, JsonStrength, JsonTarget,
    JsonThreshold, JsonTold, JsonVerdict, JsonVolley, ReportError, SCHEMA_VERSION, schema,
};
pub use model::{Facts, Finding, FindingSide, Report, Rule, Step};
pub use ndjson::event_schema;
pub use terminal::{Look, render_terminal};
