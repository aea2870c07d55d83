//! Which backends are relayed, and where: `6380=127.0.0.1:6379`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use crate::fire::{HostError, permission};

/// A backend of the service, and where crosswire listens in its place.
///
/// ```
/// use crosswire::explore::turnstile::Through;
///
/// let through: Through = "6380=127.0.0.1:6379".parse().unwrap();
/// assert_eq!(through.listen.to_string(), "127.0.0.1:6380");
/// assert_eq!((through.host.as_str(), through.port), ("127.0.0.1", 6379));
/// // Whoever reaches a relay reaches the backend behind it: it listens on this machine alone.
/// assert!("0.0.0.0:6380=127.0.0.1:6379".parse::<Through>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Where the service connects to; always loopback. Port 0 for any that is free.
    pub listen: SocketAddr,
    /// Name or address of the backend's host, without the brackets of an IPv6 address.
    pub host: String,
    /// The backend's port, from 1.
    pub port: u16,
}

impl Through {
    /// Checks that the backend may be connected to: on this machine, or on a host that is named among `allowed`.
    ///
    /// # Errors
    /// When its host has no address, or is another machine and not named.
    pub fn check(&self, allowed: &[String]) -> Result<(), HostError> {
        permission::check_backend(&self.host, self.port, allowed)
    }

    /// The backend for people: `127.0.0.1:6379`.
    #[must_use]
    pub fn backend(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.listen, self.backend())
    }
}

/// A text that names no relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThroughError {
    why: String,
}

impl fmt::Display for ThroughError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n  a relay looks like 6380=127.0.0.1:6379: the port that the service connects to, then host and port of its backend",
            self.why
        )
    }
}

impl std::error::Error for ThroughError {}

impl FromStr for Through {
    type Err = ThroughError;

    fn from_str(text: &str) -> Result<Through, ThroughError> {
        let wrong = |why: String| ThroughError { why };
        let shown = text.escape_debug();
        let (listen, backend) = text
            .split_once('=')
            .ok_or_else(|| wrong(format!("`{shown}` has no `=`")))?;
        let listen = listening(listen).map_err(wrong)?;
        let (host, port) = backend
            .rsplit_once(':')
            .ok_or_else(|| wrong(format!("the backend of `{shown}` has no port")))?;
        let port = match port.parse() {
            Ok(port) if port > 0 => port,
            _ => {
                return Err(wrong(format!(
                    "the backend of `{shown}` has no port from 1 to 65535"
                )));
            }
        };
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        let is_host = match bracketed {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(['/', '@', ' ', ':', '[', ']']),
        };
        if !is_host {
            return Err(wrong(format!("the backend of `{shown}` has no host")));
        }
        Ok(Through {
            listen,
            host: host.to_owned(),
            port,
        })
    }
}

fn listening(text: &str) -> Result<SocketAddr, String> {
    let shown = text.escape_debug();
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let named = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = named
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("`{shown}` is no port to listen on"))?;
    if !address.ip().to_canonical().is_loopback() {
        return Err(format!(
            "`{shown}` is not on this machine alone: whoever reaches a relay reaches the backend behind it"
        ));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match text.parse::<Through>() {
            Ok(through) => through.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_relay_is_a_place_and_a_backend() {
        assert_eq!(told("6380=127.0.0.1:6379"), "127.0.0.1:6380=127.0.0.1:6379");
        assert_eq!(
            told("127.0.0.1:0=db.example:5432"),
            "127.0.0.1:0=db.example:5432"
        );
        assert_eq!(told("[::1]:1=[::1]:2"), "[::1]:1=[::1]:2");
        assert_eq!(told("localhost:7=localhost:8"), "127.0.0.1:7=localhost:8");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("6379", "has no `=`"),
            ("x=127.0.0.1:1", "no port to listen on"),
            ("0.0.0.0:1=127.0.0.1:1", "not on this machine alone"),
            ("192.0.2.1:1=127.0.0.1:1", "not on this machine alone"),
            ("1=127.0.0.1", "has no port"),
            ("1=127.0.0.1:0", "from 1 to 65535"),
            ("1=:5", "has no host"),
            ("1=::1:5", "has no host"),
            ("1=redis://a:5", "has no host"),
        ] {
            let told = told(text);
            assert!(told.contains(why), "{text}: {told}");
            assert!(told.contains("6380=127.0.0.1:6379"), "{text}: {told}");
        }
    }

    #[test]
    fn a_backend_elsewhere_must_be_named() {
        let through: Through = "1=192.0.2.1:5432".parse().unwrap();
        assert_eq!(
            through.check(&[]).unwrap_err().elsewhere(),
            Some("192.0.2.1")
        );
        assert!(through.check(&["192.0.2.1".to_owned()]).is_ok());
        let own: Through = "1=127.0.0.1:5432".parse().unwrap();
        assert!(own.check(&[]).is_ok());
    }
}
