//! Starts the backends: Redis, and PostgreSQL behind pgbouncer, each in a folder of its own, as an unprivileged user; and the
//! store of the bundled webmail.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use crosswire_targets::mail::store_server::StoreServer;

use crate::processes::{Running, as_user, free_ports, hand_over};
use crate::services::files;
use crate::software::{Account, account, place, program};

/// Where Debian keeps the versions of PostgreSQL.
const POSTGRES: &str = "/usr/lib/postgresql";

/// Ports that are tried: another program may take one between its being found free and its being used.
const PORTS: usize = 5;

/// A backend that runs until this is dropped. The programs end in the order in which they stand here.
pub(crate) struct Backend {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Held for its end.
    _runs: Runs,
}

enum Runs {
    Programs { _programs: Vec<Running> },
    Here { _store: StoreServer },
}

/// The bundled webmail's store, with two users.
pub(crate) fn store(_: &Path) -> Result<Backend, String> {
    let store = StoreServer::start(2).map_err(|error| error.to_string())?;
    Ok(Backend {
        address: store.addr(),
        _runs: Runs::Here { _store: store },
    })
}

/// Redis, in memory alone.
pub(crate) fn redis(folder: &Path) -> Result<Backend, String> {
    let (redis, account) = (program("redis-server")?, account()?);
    let folder = own_folder(folder, "redis", &account);
    let log = folder.join("redis.log");
    let (running, port) = on_a_free_port(&folder, &log, "Ready to accept connections", |port| {
        let mut command = as_user(&redis, &account);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(&folder).arg("--logfile").arg(&log);
        command
    })?;
    Ok(Backend {
        address: loopback(port),
        _runs: Runs::Programs {
            _programs: vec![running],
        },
    })
}

/// PostgreSQL with the table of `services/notes.sql`, behind pgbouncer, which lends its sessions for a transaction each.
pub(crate) fn pooled_postgres(folder: &Path) -> Result<Backend, String> {
    let (pgbouncer, account) = (program("pgbouncer")?, account()?);
    let (postgres, port) = postgres(folder, &account)?;
    let folder = own_folder(folder, "pgbouncer", &account);
    let template = fs::read_to_string(files().join("pgbouncer.ini")).unwrap();
    let settings = folder.join("pgbouncer.ini");
    let log = folder.join("pgbouncer.stderr");
    let (running, port) = on_a_free_port(&folder, &log, "process up", |own| {
        let filled = template.replace("@POSTGRES@", &port.to_string());
        fs::write(&settings, filled.replace("@PORT@", &own.to_string())).unwrap();
        hand_over(&settings, &account);
        let mut command = as_user(&pgbouncer, &account);
        command.arg(&settings);
        command
    })?;
    Ok(Backend {
        address: loopback(port),
        _runs: Runs::Programs {
            _programs: vec![running, postgres],
        },
    })
}

fn postgres(folder: &Path, account: &Account) -> Result<(Running, u16), String> {
    let programs = postgres_programs()?;
    let folder = own_folder(folder, "postgres", account);
    let data = folder.join("data");
    let mut initdb = as_user(&programs.join("initdb"), account);
    initdb.args(["--username=postgres", "--auth=trust", "--no-sync"]);
    initdb.args(["--encoding=UTF8", "--locale=C", "--pgdata"]);
    must_run(initdb.arg(&data).current_dir(&folder));
    let log = folder.join("postgres.stderr");
    let is_ready = "database system is ready to accept connections";
    let (running, port) = on_a_free_port(&folder, &log, is_ready, |port| {
        let mut command = as_user(&programs.join("postgres"), account);
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "fsync=off",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
        ] {
            command.args(["-c", setting]);
        }
        command
    })?;
    let psql = |database: &str| {
        let mut command = Command::new(programs.join("psql"));
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        command.args(["-U", "postgres", "-d", database]);
        command
    };
    must_run(psql("postgres").args(["-c", "CREATE DATABASE notes"]));
    must_run(psql("notes").arg("-f").arg(files().join("notes.sql")));
    Ok((running, port))
}

/// The folder of the newest PostgreSQL's programs.
fn postgres_programs() -> Result<PathBuf, String> {
    let mut found = fs::read_dir(POSTGRES)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| {
            let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
            path.join("bin/initdb").is_file().then_some((version, path))
        })
        .collect::<Vec<_>>();
    found.sort();
    let (_, newest) = found.pop().ok_or("`postgresql` is not installed")?;
    place(newest.join("bin"))
}

/// A folder in `folder` that belongs to the account.
fn own_folder(folder: &Path, name: &str, account: &Account) -> PathBuf {
    let own = folder.join(name);
    fs::create_dir(&own).unwrap();
    // It must be able to get there.
    hand_over(folder, account);
    own
}

/// Starts a program that cannot choose its port; it is ready when its log says so.
fn on_a_free_port(
    folder: &Path,
    log: &Path,
    ready: &str,
    command: impl Fn(u16) -> Command,
) -> Result<(Running, u16), String> {
    let says_ready = || fs::read_to_string(log).is_ok_and(|text| text.contains(ready));
    let mut problem = String::new();
    for _ in 0..PORTS {
        let [port] = free_ports();
        // What an earlier attempt has written says nothing about this one.
        let _absent = fs::remove_file(log);
        let mut running = Running::start(command(port), folder);
        match running.ready(says_ready) {
            Ok(()) => return Ok((running, port)),
            Err(why) => problem = why,
        }
    }
    panic!("{problem}")
}

fn must_run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
