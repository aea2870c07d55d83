//! Arguments of `explore`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use crosswire::explore::Replay;
use crosswire::judge::Threshold;
use crosswire::scenario::{HoldName, SearchName};

use super::values::{duration, whole_number, word};
use super::{ConfigArgs, Expect, Loudness, NetworkArgs, OutputArgs};

/// Arguments of `explore`.
#[derive(Debug, Args)]
pub(crate) struct ExploreArgs {
    /// Scenario file, name of a shipped scenario, or bundled target: TARGET/VARIANT, or TARGET for all its variants
    #[arg(value_name = "FILE|NAME|TARGET")]
    pub(crate) what: String,

    /// Variant of the scenario's bundled target
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Target",
        conflicts_with = "url"
    )]
    pub(crate) variant: Option<String>,
    /// Service to explore instead of the scenario's own target; its backends go through --through
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// Relay between the service and a backend, such as 6380=127.0.0.1:6379: the service connects to port 6380; repeatable
    #[arg(long, value_name = "LISTEN=BACKEND", help_heading = "Target")]
    pub(crate) through: Vec<String>,
    /// Command by which the service is ended and started anew before each execution: it waits for the end of the one before,
    /// leaves the new one in the background, and returns
    #[arg(
        long,
        value_name = "COMMAND",
        help_heading = "Target",
        requires = "through"
    )]
    pub(crate) restart: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    /// Requests to explore together: names of raced steps, one for each user, such as read,delete; repeatable
    #[arg(long, value_name = "STEP,STEP", help_heading = "Run")]
    pub(crate) race: Vec<String>,
    /// Order in which schedules are run
    #[arg(long, value_parser = word::<SearchName>(SearchName::WORDS), value_name = "NAME", help_heading = "Run")]
    pub(crate) search: Option<SearchName>,
    /// Most switches away from a request that could have gone on
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) preemptions: Option<u64>,
    /// Most executions of a race
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) executions: Option<u64>,
    /// Executions drawn by chance once these are used up
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) samples: Option<u64>,
    /// Most moves of an execution
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) moves: Option<u64>,
    /// End a race after this time, such as 30s or 2m (at least 1s); what was done until then counts
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) duration: Option<Duration>,
    /// A request's client may go away at any point
    #[arg(long, help_heading = "Run")]
    pub(crate) cancel: bool,
    /// Time may pass while requests can go on (in process alone)
    #[arg(long, help_heading = "Run", conflicts_with = "through")]
    pub(crate) time: bool,
    /// What a relay holds until it is let go: messages, answers, front; separated by commas
    #[arg(long, value_parser = word::<HoldName>(HoldName::WORDS), value_name = "WHAT", value_delimiter = ',', help_heading = "Run", requires = "through")]
    pub(crate) hold: Vec<HoldName>,
    /// How long a request without a sign of life counts as waiting for another one, such as 250ms (at least 1ms)
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Run", requires = "through")]
    pub(crate) blocked: Option<Duration>,
    /// Run one schedule alone: the line xw1:… of a report
    #[arg(long, value_name = "LINE", help_heading = "Run")]
    pub(crate) schedule: Option<Replay>,
    /// Seed of what is drawn by chance; random when absent, always printed
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) seed: Option<u64>,
    /// Verdict that counts as success
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Run")]
    pub(crate) expect: Option<Expect>,
    /// What the exploration must reach besides its verdict; repeatable, beside the scenario's own
    #[arg(long, value_name = "METRIC >= N", help_heading = "Run")]
    pub(crate) threshold: Vec<Threshold>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Store the history of the exploration (one target only)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

impl ExploreArgs {
    /// Takes another variant of the bundled target.
    pub(crate) fn set_variant(&mut self, variant: &str) {
        let target = self.what.split_once('/').map(|(target, _)| target);
        let is_bundled = |name: &&str| {
            let mut known = crosswire_targets::targets().iter();
            known.any(|target| target.name == *name)
        };
        match target.filter(is_bundled) {
            Some(target) => (self.what, self.variant) = (format!("{target}/{variant}"), None),
            None => self.variant = Some(variant.to_owned()),
        }
    }
}
