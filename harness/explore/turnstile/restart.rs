//! Starting the service anew before an execution, by a command, and waiting until it takes connections.

use std::fmt;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::fire::connection::Bounds;
use crate::fire::hosts::{Hosts, TARGET};
use crate::fire::wait::unless_over;

/// How long the command may take.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How long the service may take from then on, or in the beginning, until it takes connections.
const START_TIME: Duration = Duration::from_secs(30);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(5);
/// How often it is told how long is still waited.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long a service that was started anew may take until that is worth a word.
pub(super) const ANEW_SILENT: Duration = Duration::from_secs(2);

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

/// A target that takes no connections yet, while it is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Scheme, host and port of the target.
    pub target: String,
    /// Why the last connection was not taken.
    pub why: String,
    /// Where the relays listen, in the order of the backends.
    pub relays: Vec<SocketAddr>,
    /// How long it is waited for at most, from the beginning.
    pub most: Duration,
    /// What is left of that.
    pub left: Duration,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, why) = (&self.target, &self.why);
        let (most, relays) = (self.most.as_secs(), listed(&self.relays));
        write!(
            f,
            "waiting up to {most} s for {target}, which takes no connections yet ({why}); the service has to listen there, connected to its backends through {relays}"
        )
    }
}

fn listed(relays: &[SocketAddr]) -> String {
    let relays: Vec<String> = relays.iter().map(ToString::to_string).collect();
    relays.join(", ")
}

/// Why a target was not waited for any longer.
pub(super) enum Absent {
    /// It was asked to stop.
    Stopped,
    /// The time is over; a sentence that says why it takes no connection, and what to do.
    Late(String),
}

/// Waits until the target takes connections; tells so once that has taken as long as `silent`, and every second from then on.
///
/// # Errors
/// When it was asked to stop, or the time is over.
pub(super) async fn wait_for(
    hosts: &Hosts,
    bounds: Bounds<'_>,
    relays: &[SocketAddr],
    silent: Duration,
    tell: &mut dyn FnMut(&Waiting),
) -> Result<(), Absent> {
    let begun = Instant::now();
    let until = begun + START_TIME;
    let mut tell_at = begun + silent;
    let mut why = "no answer".to_owned();
    loop {
        let opening = tokio::time::timeout_at(until, hosts.dial(TARGET).open());
        match unless_over(opening, bounds).await {
            Some(Ok(Ok(_))) => return Ok(()),
            Some(Ok(Err(error))) => why = error,
            // The time is over in the middle of it: what was the reason before is still.
            Some(Err(_)) => {}
            None => return Err(Absent::Stopped),
        }
        let now = Instant::now();
        let target = hosts.base(TARGET).origin().ascii_serialization();
        if now >= until {
            let (limit, relays) = (START_TIME.as_secs(), listed(relays));
            return Err(Absent::Late(format!(
                "the target {target} took no connection within {limit} s: {why}; start the service, connected to its backends through {relays}, or name the URL at which it listens"
            )));
        }
        if now >= tell_at {
            tell_at = now + TELL_EVERY;
            tell(&Waiting {
                target,
                why: why.clone(),
                relays: relays.to_vec(),
                most: START_TIME,
                left: until - now,
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}
