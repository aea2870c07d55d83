//! What several commands take: expectations, how loud they are, where settings come from, how a target is reached, reports.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::flags::FormatFlags;

/// A verdict that can be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    /// No user's data reaches another
    Isolated,
    /// At least one exposure
    Exposed,
    /// Nothing found, and too little done for that to mean anything
    Inconclusive,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Loudness {
    /// Print nothing but errors and what was asked for with --report
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell on stderr, line by line, how far the run has come
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Where settings come from besides the command line.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// Print every setting with its value and where it comes from (command line, CROSSWIRE_… variable, crosswire.toml),
    /// and do nothing else
    #[arg(long, help_heading = "Settings")]
    pub(crate) show_config: bool,
    /// Leave crosswire.toml out
    #[arg(long, help_heading = "Settings")]
    pub(crate) no_config: bool,
}

/// How a target is reached.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Host besides this machine that may be fired at; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Target")]
    pub(crate) allow_host: Vec<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate (PEM) by which crosswire says who it is
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Target",
        requires = "client_key"
    )]
    pub(crate) client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Target",
        requires = "client_cert"
    )]
    pub(crate) client_key: Option<PathBuf>,
    /// Do not check the certificates of the target
    #[arg(long, help_heading = "Target")]
    pub(crate) insecure: bool,
    /// Proxy to go through: socks5://host:port or http://host:port, perhaps with user:password@
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) proxy: Option<String>,
    /// Address to connect to instead of looking the host up; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = crate::network::resolve, help_heading = "Target")]
    pub(crate) resolve: Vec<(String, String)>,
}

/// Reports to write.
#[derive(Debug, Default, Args)]
pub(crate) struct OutputArgs {
    /// Write a report, for instance json=report.json; `-` is stdout, and {scenario} in the name stands for the
    /// scenario's; repeatable
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Reports")]
    pub(crate) report: Vec<String>,
    #[command(flatten)]
    shorthand: FormatFlags,
}

impl OutputArgs {
    /// Everything that is to be written, as `FORMAT=FILE`.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let short = self.shorthand.0.iter();
        let short = short.map(|(format, file)| format!("{format}={file}"));
        self.report.iter().cloned().chain(short).collect()
    }
}
