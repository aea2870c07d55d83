//! Starts Redis: a server of the test's own, in a folder of the test's own.

use std::path::Path;

use crate::processes::{Running, as_user, on_a_free_port, own_folder};
use crate::software::{Account, program};

/// Redis, in memory alone; and its port.
pub(crate) fn redis(folder: &Path, account: &Account) -> Result<(Running, u16), String> {
    let redis = program("redis-server")?;
    let folder = own_folder(folder, "redis", account);
    let log = folder.join("redis.log");
    on_a_free_port(&folder, &log, "Ready to accept connections", |port| {
        let mut command = as_user(&redis, account);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(&folder).arg("--logfile").arg(&log);
        command
    })
}
