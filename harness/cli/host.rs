//! Which hosts may be fired at: this machine, and those that the command line names.

use std::net::{IpAddr, ToSocketAddrs};

use http::Uri;

use crate::exit::Failure;

/// Checks that every address behind `url` is this machine's own, or that `allowed` names its host.
///
/// # Errors
/// Usage, when the URL is not one of a service or its host is not allowed; unreachable, when the host has no address.
pub(crate) fn check(url: &str, allowed: &[String]) -> Result<(), Failure> {
    check_with(url, allowed, &|host, port| {
        Ok((host, port).to_socket_addrs()?.map(|a| a.ip()).collect())
    })
}

/// Checks the value of an `--allow-host`.
///
/// # Errors
/// Usage, when it is anything but a host.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let bare = name.trim_matches(['[', ']']);
    let is_host = bare.parse::<IpAddr>().is_ok()
        || !bare.is_empty() && !bare.contains([':', '/', '@', '?', '#', ' ']);
    if is_host {
        return Ok(());
    }
    // Not echoed: what looks like a URL may hold a password.
    Err(Failure::usage(
        "--allow-host: name the host alone, without scheme, port and path, such as staging.example",
    ))
}

type Resolve<'a> = &'a dyn Fn(&str, u16) -> std::io::Result<Vec<IpAddr>>;

fn check_with(url: &str, allowed: &[String], resolve: Resolve<'_>) -> Result<(), Failure> {
    let (host, port) = host_and_port(url)?;
    if allowed
        .iter()
        .any(|name| name.trim_matches(['[', ']']).eq_ignore_ascii_case(&host))
    {
        return Ok(());
    }
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => resolve(&host, port).map_err(|error| {
            Failure::unreachable(format!("the host {host} has no address: {error}"))
        })?,
    };
    match addresses.iter().find(|address| !own(**address)) {
        None if addresses.is_empty() => Err(Failure::unreachable(format!(
            "the host {host} has no address"
        ))),
        None => Ok(()),
        Some(other) => {
            let at = if other.to_string() == host {
                String::new()
            } else {
                format!(" (at {other})")
            };
            Err(Failure::usage(format!(
                "{host}{at} is not this machine\n  crosswire fires at other hosts only when told to: if you may test it, add --allow-host {host}"
            )))
        }
    }
}

/// Loopback, also when written as an IPv6 address that holds an IPv4 one.
fn own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Host (without the brackets of an IPv6 address) and port of a service's URL.
fn host_and_port(url: &str) -> Result<(String, u16), Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!(
            "{why}\n  a target looks like http://127.0.0.1:8080 or https://staging.example:8443"
        ))
    };
    if url.contains(['?', '#']) {
        return Err(wrong(
            "the target's URL has no query: write it into the paths of the steps",
        ));
    }
    let uri: Uri = url
        .parse()
        .map_err(|_| wrong("the target's URL cannot be read"))?;
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => {
            return Err(wrong(
                "the target's URL must begin with http:// or https://",
            ));
        }
    };
    let authority = uri
        .authority()
        .ok_or_else(|| wrong("the target's URL names no host"))?;
    if authority.as_str().contains('@') {
        // Not echoed: it may hold a password.
        return Err(wrong(
            "the target's URL must not hold a user or a password: they belong into the scenario's users",
        ));
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(wrong("the target's URL names no host"));
    }
    let after_host = authority.as_str().rsplit_once(authority.host());
    match after_host.map_or("", |(_, after)| after) {
        "" => Ok((host, port)),
        _ => match authority.port_u16() {
            Some(port) if port > 0 => Ok((host, port)),
            _ => Err(wrong("the target's URL has no port from 1 to 65535")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    fn fixed(
        addresses: &'static [&'static str],
    ) -> impl Fn(&str, u16) -> std::io::Result<Vec<IpAddr>> {
        move |_, _| Ok(addresses.iter().map(|a| a.parse().unwrap()).collect())
    }

    fn verdict(url: &str, allowed: &[&str], addresses: &'static [&'static str]) -> Option<u8> {
        let allowed: Vec<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        check_with(url, &allowed, &fixed(addresses))
            .err()
            .map(|f| f.code)
    }

    #[test]
    fn this_machine_is_allowed_in_every_spelling() {
        for url in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9/app",
            "https://[::1]:8443",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert_eq!(verdict(url, &[], &[]), None, "{url}");
        }
        assert_eq!(
            verdict("http://localhost:1", &[], &["127.0.0.1", "::1"]),
            None
        );
    }

    #[test]
    fn another_host_must_be_named() {
        for url in [
            "http://192.0.2.1",
            "http://0.0.0.0:80",
            "http://[2001:db8::1]",
            "http://[::ffff:192.0.2.1]",
        ] {
            assert_eq!(verdict(url, &[], &[]), Some(exit::USAGE), "{url}");
        }
        // One address elsewhere is enough: nobody knows which one is connected to.
        assert_eq!(
            verdict("http://mixed.test", &[], &["127.0.0.1", "192.0.2.1"]),
            Some(exit::USAGE)
        );
        assert_eq!(
            verdict("http://staging.test", &["Staging.Test"], &["192.0.2.1"]),
            None
        );
        assert_eq!(
            verdict("http://staging.test", &["staging"], &["192.0.2.1"]),
            Some(exit::USAGE)
        );
        assert_eq!(verdict("http://[2001:db8::1]", &["2001:db8::1"], &[]), None);
    }

    #[test]
    fn a_host_without_address_is_unreachable_not_allowed() {
        assert_eq!(
            verdict("http://gone.test", &[], &[]),
            Some(exit::UNREACHABLE)
        );
    }

    #[test]
    fn what_is_no_url_of_a_service_is_refused_without_echoing_a_password() {
        for url in [
            "",
            "localhost:8080",
            "ftp://127.0.0.1",
            "http://",
            "/path",
            "http://a:hunter2@127.0.0.1",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://[::1]:65536",
            "http://127.0.0.1:8080/?a=hunter2",
            "http://127.0.0.1:8080/#a",
        ] {
            let failure = check_with(url, &[], &fixed(&["127.0.0.1"])).unwrap_err();
            assert_eq!(failure.code, exit::USAGE, "{url}");
            assert!(!failure.message.contains("hunter2"));
        }
    }

    #[test]
    fn a_host_is_named_alone() {
        for name in [
            "staging.example",
            "192.0.2.1",
            "2001:db8::1",
            "[2001:db8::1]",
        ] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "http://example.com",
            "example.com:80",
            "example.com/x",
            "a@b",
        ] {
            let failure = check_name(name).unwrap_err();
            assert!(failure.message.contains("name the host alone"), "{name}");
        }
    }
}
