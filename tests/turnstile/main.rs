//! The turnstile against services in Python, Node and Rust over a real Redis and PostgreSQL: each with a fault, which must be
//! found, and repaired, where every schedule must be run and none may expose.
//!
//! The backends are Debian's (`redis-server`, `postgresql`, `pgbouncer`), started by the tests on loopback, in folders of
//! their own, and ended with them. What is not installed is skipped, and said.
//!
//! - `backends`: starts Redis, PostgreSQL and pgbouncer. No tests.
//! - `services`: starts the services. `memo`: the one in Rust. No tests.
//! - `software`, `processes`: shared with the tests of software of others. No tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected begins"
)]

mod backends;
mod memo;
#[expect(dead_code, reason = "the tests of software of others use the rest")]
#[path = "../foreign/processes.rs"]
mod processes;
mod resp;
mod services;
#[expect(dead_code, reason = "the tests of software of others use the rest")]
#[path = "../foreign/software.rs"]
mod software;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use backends::Backend;
use services::Service;

/// A service with its backend: the name of its scenario, and how both are started.
struct Subject {
    name: &'static str,
    backend: fn(&Path) -> Result<Backend, String>,
    service: fn(&Path, SocketAddr, bool) -> Result<Service, String>,
}

const PROFILE: Subject = Subject {
    name: "profile",
    backend: backends::redis,
    service: services::profile,
};
const NOTES: Subject = Subject {
    name: "notes",
    backend: backends::pooled_postgres,
    service: services::notes,
};
const MEMO: Subject = Subject {
    name: "memo",
    backend: backends::redis,
    service: services::memo,
};

#[test]
fn requests_at_the_same_time_stay_apart_in_what_is_repaired() {
    for subject in [PROFILE, NOTES, MEMO] {
        let folder = tempfile::tempdir().unwrap();
        let started = (subject.backend)(folder.path()).and_then(|backend| {
            let service = (subject.service)(folder.path(), backend.address, false)?;
            Ok((service, backend))
        });
        let (service, _backend) = match started {
            Ok(started) => started,
            Err(why) => {
                eprintln!("skipped {}: {why}", subject.name);
                continue;
            }
        };
        let scenario = format!("tests/turnstile/scenarios/{}.toml", subject.name);
        let output = Command::new(env!("CARGO_BIN_EXE_crosswire"))
            .env_clear()
            .args(["run", &scenario, "--url", &service.url, "--rounds", "30"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("30 rounds"), "{shown}");
        assert!(!shown.starts_with("EXPOSED"), "{shown}");
    }
}
