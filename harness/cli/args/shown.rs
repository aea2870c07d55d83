//! Arguments of the commands that a person watches: `serve` and `demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{duration, whole_number};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The target and its variant, as `crosswire targets` lists them
    #[arg(value_name = "TARGET/VARIANT")]
    pub(crate) target: String,
    /// Loopback address to listen on; it never listens beyond this machine
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// Database file that survives a restart; temporary when absent
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Loopback address of the store that keeps the data: a Redis for `replies`, a PostgreSQL for `tenants`
    #[arg(long, value_name = "ADDR", conflicts_with = "db")]
    pub(crate) store_at: Option<SocketAddr>,
    /// Pause of the store before each operation, such as 200ms: widens the window for a person
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, default_value = "0ms")]
    pub(crate) store_delay: Duration,
    /// Users to create
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000), allow_negative_numbers = true)]
    pub(crate) users: u32,
    /// Serve over TLS with a certificate made for this run
    #[arg(long)]
    pub(crate) tls: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Users in acts 3 to 5
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(4..=200), allow_negative_numbers = true)]
    pub(crate) users: u32,
    /// Seed; random when absent, always printed
    #[arg(long, value_name = "N", value_parser = whole_number, allow_hyphen_values = true)]
    pub(crate) seed: Option<u64>,
    /// A short version for regression suites: fewer users and rounds
    #[arg(long)]
    pub(crate) quick: bool,
}
