//! Why a check could not be run.

use std::fmt;
use std::io;
use std::path::Path;

use crate::fire::HostError;
use crate::scenario::{ScenarioError, UsersError};

/// Why a check could not be run. What goes wrong on the network is no error: it is in the report.
///
/// `Display` and `Debug` are the same text for people; it quotes no password.
#[derive(Clone)]
pub struct CheckError {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scenario,
    Host,
    System,
}

impl CheckError {
    fn new(kind: Kind, message: impl Into<String>) -> CheckError {
        CheckError {
            kind,
            message: message.into(),
        }
    }

    pub(super) fn wrong(message: impl Into<String>) -> CheckError {
        CheckError::new(Kind::Scenario, message)
    }

    pub(super) fn scenario(error: &ScenarioError, step: Option<String>) -> CheckError {
        let place = step.map_or_else(String::new, |step| format!("in {step}:\n"));
        CheckError::new(Kind::Scenario, format!("{place}{error}"))
    }

    pub(super) fn users(count: u32, error: &UsersError) -> CheckError {
        CheckError::new(Kind::Scenario, format!("users({count}): {error}"))
    }

    pub(super) fn unread(path: &Path, error: &io::Error) -> CheckError {
        let folder = std::env::current_dir().unwrap_or_default();
        CheckError::new(
            Kind::System,
            format!(
                "cannot read the scenario {}: {error}\n  looked for from {}",
                path.display(),
                folder.display()
            ),
        )
    }

    pub(super) fn bundled(target: &str) -> CheckError {
        CheckError::wrong(format!(
            "the scenario is about the bundled target {target}, which the command alone can start\n  give the check another one: `.url(\"http://127.0.0.1:8080\")` or, with the feature `service`, `.service(…)`"
        ))
    }

    pub(super) fn host(error: &HostError) -> CheckError {
        let advice = error.elsewhere().map_or_else(String::new, |host| {
            format!(
                "\n  crosswire fires at other hosts only when told to: if you may test it, add `.allow_host({host:?})`"
            )
        });
        CheckError::new(Kind::Host, format!("{error}{advice}"))
    }

    pub(super) fn host_name(error: &HostError) -> CheckError {
        CheckError::new(Kind::Host, format!("allow_host: {error}"))
    }

    pub(super) fn system(what: &str, error: &dyn fmt::Display) -> CheckError {
        CheckError::new(Kind::System, format!("{what}: {error}"))
    }

    /// Whether the scenario is wrong: a key, a template, a bound.
    #[must_use]
    pub fn is_scenario(&self) -> bool {
        self.kind == Kind::Scenario
    }

    /// Whether a host may not be fired at, or has no address.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.kind == Kind::Host
    }

    /// Whether the system would not have it: a file, a port, a thread.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.kind == Kind::System
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The same as `Display`, so that `unwrap` shows it as people read it.
impl fmt::Debug for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CheckError {}
