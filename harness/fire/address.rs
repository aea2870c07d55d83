//! From a host's name to a TCP connection: looked up once, or said by the scenario, or left to a proxy.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use super::proxy::{Proxy, authority};
use crate::scenario::Network;

/// How long looking a host up may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connecting may take over all addresses of a host; each has its share of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(9);

/// Where connections to one host go.
pub(super) struct Address {
    /// Host and port, for people.
    shown: String,
    /// What is connected to: the host's addresses, or the proxy's.
    addresses: Vec<SocketAddr>,
    proxied: Option<Proxied>,
}

/// What a proxy is asked for.
struct Proxied {
    proxy: Proxy,
    host: String,
    port: u16,
}

impl Address {
    /// Of what is never connected to.
    #[cfg(feature = "explore")]
    pub(super) fn none() -> Address {
        Address {
            shown: String::new(),
            addresses: Vec::new(),
            proxied: None,
        }
    }

    /// Looks the host up, or its proxy.
    ///
    /// # Errors
    /// A sentence that says what is not known.
    pub(super) async fn new(host: &str, port: u16, network: &Network) -> Result<Address, String> {
        let shown = authority(host, port);
        let instead = instead(&network.resolve, host, port)?;
        let Some(proxy) = &network.proxy else {
            let addresses = match instead {
                Some(address) => vec![address],
                None => lookup("host", host, port).await?,
            };
            return Ok(Address {
                shown,
                addresses,
                proxied: None,
            });
        };
        let proxy = Proxy::parse(proxy)?;
        let addresses = lookup("proxy", &proxy.host, proxy.port).await?;
        let (host, port) = instead.map_or_else(
            || (host.to_owned(), port),
            |address| (address.ip().to_string(), address.port()),
        );
        Ok(Address {
            shown,
            addresses,
            proxied: Some(Proxied { proxy, host, port }),
        })
    }

    /// Connects to the first address that takes the connection.
    ///
    /// # Errors
    /// A sentence that says which step failed.
    pub(super) async fn connect(&self) -> Result<TcpStream, String> {
        let Some(Proxied { proxy, host, port }) = &self.proxied else {
            return first(&self.addresses)
                .await
                .map_err(|error| format!("cannot connect to {}: {error}", self.shown));
        };
        let mut stream = first(&self.addresses)
            .await
            .map_err(|error| format!("cannot connect to the proxy {}: {error}", proxy.shown()))?;
        proxy.pass(&mut stream, host, *port).await?;
        Ok(stream)
    }
}

async fn first(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let share = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut failures = Vec::new();
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failures.push((address, error.to_string())),
            Err(_) => failures.push((
                address,
                format!("no answer within {} ms", share.as_millis()),
            )),
        }
    }
    Err(match failures.as_slice() {
        [(_, why)] => why.clone(),
        several => several
            .iter()
            .map(|(address, why)| format!("{address}: {why}"))
            .collect::<Vec<_>>()
            .join("; "),
    })
}

async fn lookup(what: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| {
            let seconds = LOOKUP_TIMEOUT.as_secs();
            format!("the {what} `{host}` was not found within {seconds} s")
        })?;
    let addresses: Vec<SocketAddr> = found
        .map_err(|error| format!("the {what} `{host}` is not known: {error}"))?
        .collect();
    if addresses.is_empty() {
        return Err(format!("the {what} `{host}` has no address"));
    }
    Ok(addresses)
}

/// What the scenario says is to be connected to instead, if anything.
fn instead(
    resolve: &BTreeMap<String, String>,
    host: &str,
    port: u16,
) -> Result<Option<SocketAddr>, String> {
    let wanted = authority(host, port);
    let plain = format!("{host}:{port}");
    let Some((key, value)) = resolve
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(&wanted) || key.eq_ignore_ascii_case(&plain))
    else {
        return Ok(None);
    };
    let address = value
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, port))
        .or_else(|_| value.parse::<SocketAddr>());
    address.map(Some).map_err(|_| {
        format!("resolve `{key}`: `{value}` is no address, such as 127.0.0.1 or 127.0.0.1:8443")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_said_with_or_without_a_port() {
        let resolve = |value: &str| {
            let map = BTreeMap::from([("App.example:443".to_owned(), value.to_owned())]);
            instead(&map, "app.example", 443).map(|found| found.map(|at| at.to_string()))
        };
        assert_eq!(resolve("127.0.0.1"), Ok(Some("127.0.0.1:443".to_owned())));
        assert_eq!(
            resolve("127.0.0.1:8443"),
            Ok(Some("127.0.0.1:8443".to_owned()))
        );
        assert_eq!(resolve("::1"), Ok(Some("[::1]:443".to_owned())));
        assert_eq!(resolve("[::1]:1"), Ok(Some("[::1]:1".to_owned())));
        assert!(resolve("localhost").is_err());
        let other = BTreeMap::from([("app.example:80".to_owned(), "127.0.0.1".to_owned())]);
        assert_eq!(instead(&other, "app.example", 443), Ok(None));
    }
}
