//! Arguments of the commands that start from something stored: `init`, `replay`, `report`, `judge`, `audit`.

use std::path::PathBuf;

use clap::Args;

use super::values::{span, whole_number};
use super::{ConfigArgs, Expect, Loudness, OutputArgs};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Draft from a HAR file; `-` is stdin
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_har: Option<String>,
    /// Draft from curl commands: one in quotes, a file of them, or `-`
    #[arg(
        long,
        value_name = "COMMAND",
        group = "from",
        allow_hyphen_values = true
    )]
    pub(crate) from_curl: Option<String>,
    /// Draft from an OpenAPI description, JSON or YAML, 2.0 to 3.1
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_openapi: Option<String>,
    /// Draft from a Hurl file
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_hurl: Option<String>,
    /// Write into this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it is there already
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The file of a JSON report, and the id of one of its findings
    #[arg(value_name = "REPORT#ID")]
    pub(crate) finding: String,
    /// Service to test instead of the one in the report
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Target",
        conflicts_with = "variant"
    )]
    pub(crate) url: Option<String>,
    /// Variant of the bundled target, such as its repair
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub(crate) variant: Option<String>,
    /// Host besides this machine that may be fired at; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Target")]
    pub(crate) allow_host: Vec<String>,
    /// Rounds, instead of those of the report's run
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32), allow_negative_numbers = true)]
    pub(crate) rounds: Option<u32>,
    /// Seed, instead of that of the report's run
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A JSON report, or a history
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Verdict that counts as success, instead of the report's (a history has none: isolated)
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub(crate) expect: Option<Expect>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
}

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// The history
    #[arg(value_name = "FILE")]
    pub(crate) history: PathBuf,
    /// Verdict that counts as success: a history does not hold what its scenario expected
    #[arg(long, value_enum, value_name = "VERDICT", default_value = "isolated")]
    pub(crate) expect: Expect,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The log, `-` is stdin: NDJSON, or CSV whose first line names the columns; of time, principal, subject, and perhaps key and
    /// status. Others are passed over. A time is in seconds since 1970 or a date of RFC 3339, without a zone in UTC; rows may come
    /// in any order
    #[arg(value_name = "FILE")]
    pub(crate) log: PathBuf,
    /// Beside the whole history, count what a look no further back than this from the last row finds, such as 7d
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) window: Option<u64>,
    /// The most different subjects that one principal may have read: more is an exposure
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) limit: Option<u64>,
    /// Write all counts as JSON into this file; `-` is stdout, instead of the tables
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub(crate) json: Option<PathBuf>,
}
