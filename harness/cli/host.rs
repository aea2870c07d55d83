//! Which hosts may be fired at, in the words and with the exit codes of the command.

use crosswire::fire::{HostError, check_host_name, check_hosts};
use crosswire::scenario::Scenario;

use crate::exit::Failure;

/// Checks that every host of the scenario is this machine, or that an `--allow-host` names it.
///
/// # Errors
/// Usage, when a URL is not one of a service or a host is not allowed; unreachable, when a host has no address.
pub(crate) fn check(scenario: &Scenario, allowed: &[String]) -> Result<(), Failure> {
    check_hosts(scenario, allowed).map_err(|error| failure(&error))
}

/// Checks the value of an `--allow-host`.
///
/// # Errors
/// Usage, when it is anything but a host.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    check_host_name(name).map_err(|error| Failure::usage(format!("--allow-host: {error}")))
}

fn failure(error: &HostError) -> Failure {
    match error.elsewhere() {
        Some(host) => Failure::usage(format!(
            "{error}\n  crosswire fires at other hosts only when told to: if you may test it, add --allow-host {host}"
        )),
        None if error.is_unknown() => Failure::unreachable(error.to_string()),
        None => Failure::usage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    fn refused(url: &str) -> Failure {
        let text = format!(
            "version = 1\n[target]\nurl = \"{url}\"\n[users]\ncount = 2\nname = \"u{{{{ index }}}}\"\n[[volley]]\nname = \"a\"\npath = \"/\"\n"
        );
        check(&Scenario::parse("a", &text).unwrap(), &[]).unwrap_err()
    }

    #[test]
    fn a_host_elsewhere_is_told_with_the_flag_that_allows_it() {
        let failure = refused("http://192.0.2.1");
        assert_eq!(failure.code, exit::USAGE);
        assert!(
            failure.message.contains("add --allow-host 192.0.2.1"),
            "{}",
            failure.message
        );
        let failure = check_name("http://a").unwrap_err();
        assert!(
            failure.message.starts_with("--allow-host: name the host"),
            "{}",
            failure.message
        );
    }
}
