//! The flags that say how the target is reached, and the files they name.

use std::path::Path;

use crosswire::fire::address_of;
use crosswire::scenario::Network;

use crate::args::NetworkArgs;
use crate::exit::Failure;

/// What stands at the beginning of a certificate.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Lets the flags change how the target is reached.
///
/// # Errors
/// Usage, when a file cannot be read or holds something else.
pub(crate) fn apply(network: &mut Network, args: &NetworkArgs) -> Result<(), Failure> {
    if let Some(path) = &args.ca {
        network.ca = Some(certificate("--ca", path)?);
    }
    if let (Some(chain), Some(key)) = (&args.client_cert, &args.client_key) {
        network.client_certificate = Some(certificate("--client-cert", chain)?);
        network.client_key = Some(read(key)?);
    }
    network.insecure |= args.insecure;
    if let Some(proxy) = &args.proxy {
        network.proxy = Some(proxy.clone());
    }
    network.resolve.extend(args.resolve.iter().cloned());
    Ok(())
}

/// The proxy as a command shows it to anybody: without user and password, which the reader has to put in again.
pub(crate) fn shown_proxy(proxy: &str) -> String {
    match (proxy.split_once("://"), proxy.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => proxy.to_owned(),
    }
}

/// Reads `HOST:PORT:ADDRESS`, as curl has it.
///
/// # Errors
/// A sentence that says what is missing.
pub(crate) fn resolve(text: &str) -> Result<(String, String), String> {
    const FORM: &str = "say HOST:PORT:ADDRESS, such as app.example:443:127.0.0.1";
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':'),
    }
    .ok_or(FORM)?;
    let (port, address) = rest.split_once(':').ok_or(FORM)?;
    if host.is_empty() || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(FORM.to_owned());
    }
    if address_of(address).is_none() {
        return Err(format!("`{address}` is no address: {FORM}"));
    }
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Ok((format!("{host}:{port}"), address.to_owned()))
}

fn certificate(flag: &str, path: &Path) -> Result<String, Failure> {
    let pem = read(path)?;
    if pem.contains(CERTIFICATE) {
        return Ok(pem);
    }
    Err(Failure::usage(format!(
        "{flag} {}: there is no certificate in it; PEM begins with {CERTIFICATE}",
        path.display()
    )))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_resolved_as_curl_has_it() {
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(
            resolve("app.example:443:127.0.0.1"),
            pair("app.example:443", "127.0.0.1")
        );
        assert_eq!(
            resolve("app.example:443:127.0.0.1:8443"),
            pair("app.example:443", "127.0.0.1:8443")
        );
        assert_eq!(
            resolve("[2001:db8::1]:443:[::1]"),
            pair("[2001:db8::1]:443", "[::1]")
        );
        for wrong in [
            "",
            "app.example",
            "app.example:443",
            ":443:127.0.0.1",
            "app.example:x:127.0.0.1",
            "app.example:0:127.0.0.1",
            "app.example:443:localhost",
        ] {
            assert!(resolve(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shown_proxy_has_no_password() {
        assert_eq!(
            shown_proxy("socks5://ann:hunter2@127.0.0.1:1080"),
            "socks5://127.0.0.1:1080"
        );
        assert_eq!(
            shown_proxy("http://127.0.0.1:3128"),
            "http://127.0.0.1:3128"
        );
    }
}
