//! Arguments of the commands that fire: `run` and `fire`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use crosswire::identity::UserId;
use crosswire::judge::Threshold;
use crosswire::scenario::{Connections, Protocol, StoreKind, StrategyName};

use super::values::{duration, scale, whole_number, word};
use super::{ConfigArgs, Expect, Loudness, NetworkArgs, OutputArgs};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenario files, folders of them, or names of shipped scenarios; `catalogue` for every fault class of the catalogue,
    /// `catalogue/NAME` for one
    #[arg(required = true, value_name = "FILE-OR-NAME")]
    pub(crate) scenarios: Vec<String>,

    /// Variant of the scenario's bundled target
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Target",
        conflicts_with = "url"
    )]
    pub(crate) variant: Option<String>,
    /// Service to test instead of the scenario's own target
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// Store of the bundled target
    #[arg(long, value_parser = word::<StoreKind>(StoreKind::WORDS), value_name = "STORE", help_heading = "Target", conflicts_with = "url")]
    pub(crate) store: Option<StoreKind>,
    /// Pause of the bundled target's store before each operation, such as 2ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Target", conflicts_with = "url")]
    pub(crate) store_delay: Option<Duration>,
    /// Users, made by the scenario's pattern
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=i64::from(UserId::LIMIT)), allow_negative_numbers = true)]
    pub(crate) users: Option<u32>,
    /// Seconds of a replayed day's clock in one second of the run: 60 plays an hour in a minute
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = scale, allow_negative_numbers = true, conflicts_with_all = ["url", "variant"])]
    pub(crate) scale: Option<u32>,
    /// Run only scenarios with this tag; repeatable, one of them is enough
    #[arg(long, value_name = "TAG", help_heading = "Run")]
    pub(crate) tag: Vec<String>,
    /// Leave scenarios with this tag out; repeatable
    #[arg(long, value_name = "TAG", help_heading = "Run")]
    pub(crate) skip_tag: Vec<String>,
    /// Of the catalogue, explore schedules with at most two preemptions
    #[arg(long, help_heading = "Run")]
    pub(crate) quick: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What every command that fires has.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    /// Verdict that counts as success
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Run")]
    pub(crate) expect: Option<Expect>,
    /// What the run must reach besides its verdict, such as 'pairs >= 1000'; repeatable, beside the scenario's own
    #[arg(long, value_name = "METRIC >= N", help_heading = "Run")]
    pub(crate) threshold: Vec<Threshold>,
    /// Seed of groups, mixes and offsets; random when absent, always printed
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) seed: Option<u64>,
    /// Rounds
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32), allow_negative_numbers = true)]
    pub(crate) rounds: Option<u32>,
    /// End the run after this time, such as 30s or 2m (at least 1s); what was done until then counts
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) duration: Option<Duration>,
    /// Requests a second at most, on the average (a volley leaves together and is made up for)
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64), allow_negative_numbers = true)]
    pub(crate) rate: Option<u64>,
    /// How the requests of a volley are released
    #[arg(long, value_parser = word::<StrategyName>(StrategyName::WORDS), value_name = "NAME", help_heading = "Run")]
    pub(crate) strategy: Option<StrategyName>,
    /// Which connections the users have
    #[arg(long, value_parser = word::<Connections>(Connections::WORDS), value_name = "HOW", help_heading = "Run")]
    pub(crate) connections: Option<Connections>,
    /// Protocol between crosswire and the target
    #[arg(long, value_parser = word::<Protocol>(Protocol::WORDS), value_name = "NAME", help_heading = "Run")]
    pub(crate) protocol: Option<Protocol>,

    /// Before the run, a short one through a proxy that swaps answers on purpose: shows whether this scenario would see an
    /// exposure
    #[arg(long, help_heading = "Run")]
    pub(crate) control: bool,
    /// Rounds of that short run (2 unless given)
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=1_000), allow_negative_numbers = true, requires = "control")]
    pub(crate) control_rounds: Option<u32>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Store the history of the run (one scenario only)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `fire`.
#[derive(Debug, Args)]
pub(crate) struct FireArgs {
    /// What every identity asks for, again and again
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// An identity: its name, and a header that proves it or @FILE with headers, one a line; repeatable, two identities at
    /// least, several headers for one by the same name again
    #[arg(
        long = "as",
        value_name = "NAME=HEADER|@FILE",
        required = true,
        help_heading = "Target"
    )]
    pub(crate) identities: Vec<String>,
    /// Header of every request, such as 'Accept: text/html'; repeatable
    #[arg(
        long = "header",
        short = 'H',
        value_name = "HEADER",
        help_heading = "Target"
    )]
    pub(crate) headers: Vec<String>,
    /// Print the scenario that is made of this, credentials replaced by ${env:…}, and do nothing else
    #[arg(long, help_heading = "Run")]
    pub(crate) print_scenario: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
