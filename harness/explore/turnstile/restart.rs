//! Starting the service anew before an execution, by a command, and waiting until it takes connections.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::fire::hosts::{Hosts, TARGET};

/// How long the command may take.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How long the service may take from then on, or in the beginning, until it takes connections.
const START_TIME: Duration = Duration::from_secs(30);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the command by the shell; what it prints is not shown.
///
/// # Errors
/// A sentence that says how it ended.
pub(super) async fn run(command: &str) -> Result<(), String> {
    let why = |what: String| format!("the restart command {what}; run it by hand to see why");
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = shell
        .spawn()
        .map_err(|error| why(format!("could not be run: {error}")))?;
    let until = Instant::now() + COMMAND_TIME;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(why(format!("ended with {status}"))),
            Err(error) => return Err(why(format!("could not be waited for: {error}"))),
            Ok(None) if Instant::now() > until => {
                let _ = child.kill();
                let _ = child.wait();
                let limit = COMMAND_TIME.as_secs();
                return Err(why(format!(
                    "did not end within {limit} s (a service is to be left in the background)"
                )));
            }
            // The relays go on meanwhile.
            Ok(None) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Waits until the target takes connections.
///
/// # Errors
/// A sentence that says why it does not.
pub(super) async fn wait_for(hosts: &Hosts) -> Result<(), String> {
    let until = Instant::now() + START_TIME;
    loop {
        match hosts.dial(TARGET).open().await {
            Ok(_) => return Ok(()),
            Err(why) if Instant::now() > until => {
                let limit = START_TIME.as_secs();
                return Err(format!(
                    "the target took no connection within {limit} s: {why}"
                ));
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
