//! Which hosts may be fired at: this machine, and those that a person names.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use http::Uri;

use crate::scenario::{Network, Scenario, TargetSpec};

/// Why a scenario may not be fired, or cannot be. It echoes no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    message: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A URL, an address or a name is not what it should be.
    Wrong,
    /// The host has no address.
    Unknown,
    /// The host is not this machine, and nobody named it.
    Elsewhere(String),
}

impl HostError {
    fn wrong(message: impl Into<String>) -> HostError {
        HostError {
            message: message.into(),
            kind: Kind::Wrong,
        }
    }

    fn unknown(message: String) -> HostError {
        HostError {
            message,
            kind: Kind::Unknown,
        }
    }

    /// The host that is not this machine and would have to be named, when that is what is wrong.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&str> {
        match &self.kind {
            Kind::Elsewhere(host) => Some(host),
            _ => None,
        }
    }

    /// Whether a host has no address.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HostError {}

/// Checks that every host of the scenario is this machine, or that `allowed` names it: the target, the further hosts, the
/// proxy, and the addresses that hosts are resolved to. [`fire`](super::fire) itself does not ask.
///
/// # Errors
/// When a URL is not one of a service, a host is not allowed, or a host has no address.
pub fn check_hosts(scenario: &Scenario, allowed: &[String]) -> Result<(), HostError> {
    let target = match &scenario.target {
        TargetSpec::Url(url) => Some(url),
        TargetSpec::Bundled { .. } => None,
    };
    let urls: Vec<&String> = target.into_iter().chain(scenario.hosts.values()).collect();
    check_with(&urls, &scenario.network, allowed, &|host, port| {
        Ok((host, port).to_socket_addrs()?.map(|a| a.ip()).collect())
    })
}

/// Checks that a host which is no service's may be connected to: a backend behind a relay.
///
/// # Errors
/// When it has no address, or is not this machine and not named.
pub(crate) fn check_backend(host: &str, port: u16, allowed: &[String]) -> Result<(), HostError> {
    let bare = |name: &str| name.trim_matches(['[', ']']).to_ascii_lowercase();
    if allowed.iter().any(|name| bare(name) == bare(host)) {
        return Ok(());
    }
    let resolve: Resolve<'_> =
        &|host, port| Ok((host, port).to_socket_addrs()?.map(|a| a.ip()).collect());
    own_addresses(host, &addresses(host, port, resolve)?)
}

/// Checks a name by which a host is to be allowed.
///
/// # Errors
/// When it is anything but a host.
pub fn check_host_name(name: &str) -> Result<(), HostError> {
    let bare = name.trim_matches(['[', ']']);
    let is_host = bare.parse::<IpAddr>().is_ok()
        || !bare.is_empty() && !bare.contains([':', '/', '@', '?', '#', ' ']);
    if is_host {
        return Ok(());
    }
    // Not echoed: what looks like a URL may hold a password.
    Err(HostError::wrong(
        "name the host alone, without scheme, port and path, such as staging.example",
    ))
}

type Resolve<'a> = &'a dyn Fn(&str, u16) -> std::io::Result<Vec<IpAddr>>;

fn check_with(
    urls: &[&String],
    network: &Network,
    allowed: &[String],
    resolve: Resolve<'_>,
) -> Result<(), HostError> {
    let named = |host: &str| {
        let bare = |name: &str| name.trim_matches(['[', ']']).to_ascii_lowercase();
        allowed.iter().any(|name| bare(name) == bare(host))
    };
    if let Some(proxy) = &network.proxy {
        let (host, port) = proxy_host(proxy)?;
        if !named(&host) {
            own_addresses(&host, &addresses(&host, port, resolve)?)?;
        }
    }
    for url in urls {
        let (host, port) = host_and_port(url)?;
        if let Some(to) = instead(network, &host, port)? {
            // A scenario must not lead to another machine under a name that is allowed.
            if !named(&to.to_string()) {
                own_addresses(&to.to_string(), &[to])?;
            }
            continue;
        }
        if named(&host) {
            continue;
        }
        let looked_up_here =
            network.proxy.is_none() || host.parse::<IpAddr>().is_ok() || host == "localhost";
        if !looked_up_here {
            return Err(not_this_machine(&host, " (the proxy looks it up)"));
        }
        own_addresses(&host, &addresses(&host, port, resolve)?)?;
    }
    Ok(())
}

fn addresses(host: &str, port: u16, resolve: Resolve<'_>) -> Result<Vec<IpAddr>, HostError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let found = resolve(host, port)
        .map_err(|error| HostError::unknown(format!("the host {host} has no address: {error}")))?;
    if found.is_empty() {
        return Err(HostError::unknown(format!(
            "the host {host} has no address"
        )));
    }
    Ok(found)
}

fn own_addresses(host: &str, addresses: &[IpAddr]) -> Result<(), HostError> {
    let Some(other) = addresses.iter().find(|address| !own(**address)) else {
        return Ok(());
    };
    let at = if other.to_string() == host {
        String::new()
    } else {
        format!(" (at {other})")
    };
    Err(not_this_machine(host, &at))
}

fn not_this_machine(host: &str, at: &str) -> HostError {
    HostError {
        message: format!("{host}{at} is not this machine"),
        kind: Kind::Elsewhere(host.to_owned()),
    }
}

/// The address that a host is resolved to by the scenario.
fn instead(network: &Network, host: &str, port: u16) -> Result<Option<IpAddr>, HostError> {
    let spellings = [format!("{host}:{port}"), format!("[{host}]:{port}")];
    let found = network.resolve.iter().find(|(key, _)| {
        spellings
            .iter()
            .any(|spelling| spelling.eq_ignore_ascii_case(key))
    });
    let Some((key, value)) = found else {
        return Ok(None);
    };
    let address = address_of(value);
    address.map(Some).ok_or_else(|| {
        HostError::wrong(format!(
            "resolve {key}: what it is resolved to is no address, such as 127.0.0.1"
        ))
    })
}

/// Host and port of a proxy's URL, which is never echoed: it may hold a password.
fn proxy_host(proxy: &str) -> Result<(String, u16), HostError> {
    let uri = proxy.parse::<Uri>().ok();
    let found = uri.as_ref().and_then(|uri| {
        let usual = match uri.scheme_str()? {
            "socks5" | "socks5h" => 1080,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host()?.trim_matches(['[', ']']);
        (!host.is_empty()).then(|| (host.to_owned(), uri.port_u16().unwrap_or(usual)))
    });
    found.ok_or_else(|| {
        HostError::wrong("the proxy cannot be read\n  it looks like socks5://127.0.0.1:1080 or http://127.0.0.1:3128")
    })
}

/// The address in what a host is resolved to, with or without a port behind it.
#[must_use]
pub fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']']).parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.or_else(|_| with_port()).ok()
}

/// Loopback, also when written as an IPv6 address that holds an IPv4 one.
fn own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Host (without the brackets of an IPv6 address) and port of a service's URL.
fn host_and_port(url: &str) -> Result<(String, u16), HostError> {
    let wrong = |why: &str| {
        HostError::wrong(format!(
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

    fn fixed(
        addresses: &'static [&'static str],
    ) -> impl Fn(&str, u16) -> std::io::Result<Vec<IpAddr>> {
        move |_, _| Ok(addresses.iter().map(|a| a.parse().unwrap()).collect())
    }

    fn verdict(url: &str, allowed: &[&str], addresses: &'static [&'static str]) -> Option<Kind> {
        let allowed: Vec<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        check_with(
            &[&url.to_owned()],
            &Network::default(),
            &allowed,
            &fixed(addresses),
        )
        .err()
        .map(|error| error.kind)
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
            assert!(
                matches!(verdict(url, &[], &[]), Some(Kind::Elsewhere(_))),
                "{url}"
            );
        }
        // One address elsewhere is enough: nobody knows which one is connected to.
        assert_eq!(
            verdict("http://mixed.test", &[], &["127.0.0.1", "192.0.2.1"]),
            Some(Kind::Elsewhere("mixed.test".to_owned()))
        );
        assert_eq!(
            verdict("http://staging.test", &["Staging.Test"], &["192.0.2.1"]),
            None
        );
        assert_eq!(
            verdict("http://staging.test", &["staging"], &["192.0.2.1"]),
            Some(Kind::Elsewhere("staging.test".to_owned()))
        );
        assert_eq!(verdict("http://[2001:db8::1]", &["2001:db8::1"], &[]), None);
    }

    #[test]
    fn a_host_without_address_is_unreachable_not_allowed() {
        assert_eq!(verdict("http://gone.test", &[], &[]), Some(Kind::Unknown));
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
            let error = check_with(
                &[&url.to_owned()],
                &Network::default(),
                &[],
                &fixed(&["127.0.0.1"]),
            )
            .unwrap_err();
            assert_eq!(error.kind, Kind::Wrong, "{url}");
            assert!(!error.message.contains("hunter2"));
        }
    }

    fn with_network(change: impl Fn(&mut Network), allowed: &[&str]) -> Option<String> {
        let mut network = Network::default();
        change(&mut network);
        let allowed: Vec<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        let url = "https://app.test".to_owned();
        check_with(&[&url], &network, &allowed, &fixed(&["127.0.0.1"]))
            .err()
            .map(|error| error.message)
    }

    #[test]
    fn what_a_host_is_resolved_to_is_checked_and_not_its_name() {
        let to = |address: &'static str| {
            move |network: &mut Network| {
                let key = "app.test:443".to_owned();
                network.resolve.insert(key, address.to_owned());
            }
        };
        assert_eq!(with_network(to("127.0.0.1:8443"), &[]), None);
        let why = with_network(to("192.0.2.1"), &["app.test"]).expect("it is refused");
        assert_eq!(why, "192.0.2.1 is not this machine");
        assert_eq!(with_network(to("192.0.2.1"), &["192.0.2.1"]), None);
    }

    #[test]
    fn a_proxy_is_a_host_too_and_nobody_here_knows_where_it_looks_names_up() {
        let by = |proxy: &'static str| move |n: &mut Network| n.proxy = Some(proxy.to_owned());
        let why = with_network(by("socks5://a:hunter2@192.0.2.1:1080"), &["app.test"]);
        let why = why.expect("the proxy is elsewhere");
        assert!(
            why.contains("192.0.2.1 is not") && !why.contains("hunter2"),
            "{why}"
        );
        let why = with_network(by("http://127.0.0.1:3128"), &[]).expect("the host is elsewhere");
        assert!(why.contains("the proxy looks it up"), "{why}");
        assert_eq!(
            with_network(by("http://127.0.0.1:3128"), &["app.test"]),
            None
        );
        let why = with_network(by("ftp://a:hunter2@x"), &["app.test"]).expect("no proxy");
        assert!(
            why.contains("cannot be read") && !why.contains("hunter2"),
            "{why}"
        );
    }

    #[test]
    fn a_host_is_named_alone() {
        for name in [
            "staging.example",
            "192.0.2.1",
            "2001:db8::1",
            "[2001:db8::1]",
        ] {
            assert!(check_host_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "http://example.com",
            "example.com:80",
            "example.com/x",
            "a@b",
        ] {
            let error = check_host_name(name).unwrap_err();
            assert!(error.message.contains("name the host alone"), "{name}");
        }
    }
}
