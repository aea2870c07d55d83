//! The engine over schedules: it decides, step by step, which request goes on next, and walks every order.
//!
//! A [`Stage`] is where requests run under control: in this process (`in_process`), or in a service in any language whose
//! connections to its backends are relayed (`turnstile`). It asks a [`Guide`] at every point who goes on. Which schedules
//! are run is `search`; what an execution shows is for an [`Oracle`] to say, never for this engine. `run` puts them
//! together: it searches, runs every finding again, makes it shorter, tells it step by step, and writes the history.

mod decisive;
mod executor;
mod findings;
mod fingerprint;
#[cfg(feature = "explore")]
pub mod guide;
#[cfg(feature = "explore")]
pub mod in_process;
mod oracle;
mod progress;
mod race;
mod races;
mod replay;
pub mod run;
pub mod search;
mod shrink;
mod stage;
mod tally;
mod tell;
pub mod turnstile;

pub use decisive::{WAYS, WAYS_SAMPLED};
pub use findings::AFTERWARDS;
#[cfg(feature = "explore")]
pub use in_process::{Body, Point as AwaitPoint, PointLayer, PointService, point, shared};
pub use oracle::{Oracle, Weighed};
pub use progress::{Progress, Watch, Work};
pub use race::KEPT;
pub use races::{in_words, left_out, races};
pub use replay::{Replay, ReplayError, Replayed, replay};
pub use run::{OracleFor, Plan, StageFor, explore};
pub use shrink::SHRINK_EXECUTIONS;
pub use stage::{Detail, Execution, ExecutionEnd, Guide, Point, Stage, StageError};
pub use tally::SCHEDULES_REMEMBERED;
pub use tell::{TELL_FURTHER, TELL_FURTHER_AT_TURNSTILE, TELL_STEPS};
