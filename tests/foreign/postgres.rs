//! Starts PostgreSQL: a server of the test's own, in a folder of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::processes::{Running, as_user, on_a_free_port, own_folder};
use crate::software::{Account, place};

/// Where Debian keeps the versions of PostgreSQL.
const POSTGRES: &str = "/usr/lib/postgresql";

/// PostgreSQL with a database of this name, in which `made` has been run; and its port.
pub(crate) fn postgres(
    folder: &Path,
    account: &Account,
    database: &str,
    made: &Path,
) -> Result<(Running, u16), String> {
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
    must_run(psql("postgres").args(["-c", &format!("CREATE DATABASE {database}")]));
    must_run(psql(database).arg("-f").arg(made));
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

fn must_run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
