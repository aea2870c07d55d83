//! Starts a service with its fault or repaired, its backend behind the address that it is given.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crosswire_targets::{Options, Server, StoreKind, start};

use crate::memo::Memo;
use crate::processes::{Running, bound};
use crate::software::program;

/// A service that runs until this is dropped.
pub(crate) struct Service {
    /// Where it answers.
    pub(crate) url: String,
    /// Held for its end.
    _runs: Runs,
}

enum Runs {
    Program { _running: Running },
    Here { _memo: Memo },
    Target { _server: Server },
}

/// Folder of the services' own files.
pub(crate) fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/turnstile/services")
}

/// Python: a pool that takes connections back whose answer has not been read.
pub(crate) fn profile(folder: &Path, redis: SocketAddr, fault: bool) -> Result<Service, String> {
    let mut command = bound(&program("python3")?);
    command.arg(files().join("profile.py"));
    command.arg("--redis").arg(redis.to_string());
    Ok(run(command, folder, fault))
}

/// Node: a setting of the session behind a pooler that lends sessions for one transaction.
pub(crate) fn notes(folder: &Path, postgres: SocketAddr, fault: bool) -> Result<Service, String> {
    let mut command = bound(&program("node")?);
    command.arg(files().join("notes.js"));
    command.arg("--postgres").arg(postgres.to_string());
    Ok(run(command, folder, fault))
}

/// Rust: one memo for all requests.
pub(crate) fn memo(_: &Path, redis: SocketAddr, fault: bool) -> Result<Service, String> {
    let memo = Memo::serve(redis, fault);
    Ok(Service {
        url: memo.url(),
        _runs: Runs::Here { _memo: memo },
    })
}

/// The bundled webmail in this variant, over the store there.
pub(crate) fn webmail(variant: &str, store: SocketAddr) -> Result<Service, String> {
    let options = Options {
        store: StoreKind::Remote(store),
        ..Options::new("mail", variant)
    };
    let server = start(options).map_err(|error| error.to_string())?;
    Ok(Service {
        url: server.base_url(),
        _runs: Runs::Target { _server: server },
    })
}

fn run(mut command: Command, folder: &Path, fault: bool) -> Service {
    if fault {
        command.arg("--fault");
    }
    let mut running = Running::start(command, folder);
    Service {
        url: running.first_line(),
        _runs: Runs::Program { _running: running },
    }
}
