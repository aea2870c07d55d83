//! The record of a run: which exchanges took place, when, and which canaries were planted. It never judges.
//!
//! A history is a sequence of [`Record`]s: one [`Start`], then whatever happened in the order in which the engine
//! learnt of it, then at most one [`End`]. It is stored as NDJSON, one record a line ([`Writer`], [`read`]), and a
//! stored one can be judged again by a later version. Engines write into a [`Sink`]; the judge reads records one by
//! one, so that neither has to hold a whole run in memory.

mod cookie;
mod day;
mod explored;
mod head;
mod ndjson;
mod record;
mod schedule;
mod sink;

pub(crate) use cookie::Cookie;
pub use day::{Day, DayCheck, DayEvent, DayPhase, DayRecord, DayWork, Ruling};
pub use explored::{
    BoundTold, Coverage, Decisive, Doubts, Explored, FoundSchedule, OutcomeTold, PointCounts,
    Raced, SharedTold, StepEnd, StepTold, ToldSchedule, Way,
};
pub(crate) use head::{Line, lines};
pub use ndjson::{HISTORY_VERSION, LINE_LIMIT, ReadError, Reader, Writer, read};
pub use record::{
    Cause, ControlRun, Dead, End, Ending, Exchange, Outcome, Phase, Planted, Record, Release,
    RequestLine, ServerTimes, SlotInfo, Start, StepInfo, StepRole, Target, Volley,
};
pub use schedule::{Move, Schedule, ScheduleError};
pub use sink::{Overlaps, Sink, Tee};
