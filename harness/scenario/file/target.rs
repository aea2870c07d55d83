//! Reads `[target]`: the service, and how it is reached.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::fields::{Fields, Located, text};
use super::pem::{Pem, read_pem};
use super::texts::Compiler;
use crate::scenario::error::Fault;
use crate::scenario::network::Network;
use crate::scenario::settings::{StoreKind, TargetSpec};
use crate::scenario::written::Written;

/// The keys of `[target]`.
pub(super) const KEYS: [&str; 11] = [
    "bundled",
    "url",
    "store",
    "tls",
    "hosts",
    "ca",
    "client-certificate",
    "client-key",
    "insecure",
    "proxy",
    "resolve",
];
/// Keys that a bundled target has alone, and those that it cannot have.
const BUNDLED_KEYS: [&str; 2] = ["store", "tls"];
const URL_KEYS: [&str; 7] = [
    "hosts",
    "ca",
    "client-certificate",
    "client-key",
    "insecure",
    "proxy",
    "resolve",
];
/// Most entries of `hosts` and of `resolve`.
const ENTRIES_LIMIT: usize = 100;

/// What `[target]` says.
pub(super) struct Target {
    pub(super) spec: TargetSpec,
    pub(super) hosts: BTreeMap<String, String>,
    pub(super) network: Network,
    pub(super) written: Written,
}

pub(super) fn read_target(root: &Fields<'_>, compiler: &mut Compiler<'_>) -> Result<Target, Fault> {
    let hint = "add `[target]` with `url = \"http://127.0.0.1:8080\"`, or with `bundled = \"mail/shared-note\"`";
    let fields = Fields::open(root.required("target", hint)?, "[target]", &KEYS)?;
    let mut written = Written::default();
    let spec = read_spec(&fields, compiler, &mut written)?;
    let (other, with) = match spec {
        TargetSpec::Bundled { .. } => (&URL_KEYS[..], "bundled"),
        TargetSpec::Url(_) => (&BUNDLED_KEYS[..], "url"),
    };
    if let Some(key) = other.iter().find(|key| fields.get(key).is_some()) {
        let (of, do_this) = match with {
            "url" => (
                "bundled targets",
                "remove it, or name a target with `bundled`",
            ),
            _ => (
                "services that run already",
                "remove it, or name the service with `url`",
            ),
        };
        let fault = Fault::new(
            fields.key_span(key),
            format!("`{key}` is a setting of {of}"),
            format!("has no meaning with `{with}`"),
        );
        return Err(fault.hint(do_this));
    }
    let hosts = read_hosts(&fields, compiler, &mut written)?;
    let network = read_network(&fields, compiler, &mut written)?;
    compiler.hosts = hosts.keys().cloned().collect();
    Ok(Target {
        spec,
        hosts,
        network,
        written,
    })
}

fn read_spec(
    fields: &Fields<'_>,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<TargetSpec, Fault> {
    match (fields.text("bundled")?, fields.text("url")?) {
        (Some(bundled), None) => read_bundled(fields, &bundled),
        (None, Some(given)) => {
            let url = read_url(&given, &compiler.plain(&given, false)?)?;
            // An address that stands there as it is needs no note: it is written in its normal form.
            if given.text.contains('$') {
                written.note("url", &url, given.text);
            }
            Ok(TargetSpec::Url(url))
        }
        (Some(_), Some(url)) => Err(Fault::new(
            url.span,
            "a scenario has one target: `bundled` or `url`",
            "a second target",
        )
        .hint("remove one of them; further hosts of the same service belong to `hosts`")),
        (None, None) => Err(fields.missing(
            "url",
            "`url = \"http://127.0.0.1:8080\"`, or `bundled = \"mail/shared-note\"`",
        )),
    }
}

fn read_bundled(fields: &Fields<'_>, bundled: &Located<'_>) -> Result<TargetSpec, Fault> {
    let store = fields
        .word::<StoreKind>("store", StoreKind::WORDS)?
        .unwrap_or(StoreKind::Sqlite);
    let tls = fields.flag("tls", false)?;
    let part_is_right = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let parts = bundled
        .text
        .split_once('/')
        .filter(|parts| part_is_right(parts.0) && part_is_right(parts.1));
    let Some((target, variant)) = parts else {
        let fault = Fault::new(
            bundled.span.clone(),
            "a bundled target is named with its variant",
            "not `target/variant`",
        );
        return Err(fault.hint("for example `mail/shared-note`"));
    };
    Ok(TargetSpec::Bundled {
        target: target.to_owned(),
        variant: variant.to_owned(),
        store,
        tls,
    })
}

fn read_hosts(
    fields: &Fields<'_>,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut hosts = BTreeMap::new();
    let Some(node) = fields.get("hosts") else {
        return Ok(hosts);
    };
    for (key, node) in Fields::open_any(node, "hosts")?.entries() {
        let name_is_right = key
            .text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if key.text.is_empty() || key.text.len() > 64 || !name_is_right {
            let message = "the name of a host has 1 to 64 letters, digits, `-` or `_`";
            let fault = Fault::new(key.span, message, "not a host's name");
            return Err(fault.hint("a short word that steps use: `hosts = { auth = \"https://login.example\" }` and `host = \"auth\"`"));
        }
        check_room(&key, hosts.len())?;
        let given = text(node, key.text)?;
        let url = read_url(&given, &compiler.plain(&given, false)?)?;
        if given.text.contains('$') {
            written.note(&format!("hosts.{}", key.text), &url, given.text);
        }
        hosts.insert(key.text.to_owned(), url);
    }
    Ok(hosts)
}

fn check_room(key: &Located<'_>, entries: usize) -> Result<(), Fault> {
    match entries < ENTRIES_LIMIT {
        true => Ok(()),
        false => Err(Fault::new(
            key.span.clone(),
            format!("a scenario has at most {ENTRIES_LIMIT} of these"),
            "one too many",
        )
        .hint("leave out those that no step needs")),
    }
}

fn read_network(
    fields: &Fields<'_>,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<Network, Fault> {
    let network = Network {
        ca: read_pem(fields, "ca", Pem::Certificates, compiler, written)?,
        client_certificate: read_pem(
            fields,
            "client-certificate",
            Pem::Certificates,
            compiler,
            written,
        )?,
        client_key: read_pem(fields, "client-key", Pem::Key, compiler, written)?,
        insecure: fields.flag("insecure", false)?,
        proxy: read_proxy(fields, compiler, written)?,
        resolve: read_resolve(fields, compiler, written)?,
    };
    let (has, lacks, what) = match (&network.client_certificate, &network.client_key) {
        (Some(_), None) => (
            "client-certificate",
            "client-key",
            "the private key of this certificate",
        ),
        (None, Some(_)) => (
            "client-key",
            "client-certificate",
            "the certificate of this key",
        ),
        _ => return Ok(network),
    };
    let fault = Fault::new(
        fields.key_span(has),
        format!("`{has}` without `{lacks}`"),
        "one half of two",
    );
    Err(fault.hint(format!("add `{lacks} = \"….pem\"`, {what}")))
}

fn read_proxy(
    fields: &Fields<'_>,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<Option<String>, Fault> {
    let Some(given) = fields.text("proxy")? else {
        return Ok(None);
    };
    let proxy = compiler.plain(&given, true)?;
    let fault = |message: &str| {
        let fault = Fault::new(given.span.clone(), message, "not a proxy");
        Err(fault.hint("`http://host:port` or `socks5://host:port`, with `user:password@` before the host where it asks for one"))
    };
    let Some((_, rest)) = proxy
        .split_once("://")
        .filter(|parts| matches!(parts.0, "http" | "socks5"))
    else {
        return fault("a proxy's URL begins with `http://` or `socks5://`");
    };
    let (user_info, authority) = match rest.rsplit_once('@') {
        Some((user_info, authority)) => (Some(user_info), authority),
        None => (None, rest),
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if !is_authority(authority) || !has_port(authority) {
        return fault("a proxy's URL has a host and a port, and nothing after them");
    }
    if let Some(user_info) = user_info {
        let is_right = |c: char| c.is_ascii_graphic() && !"/?#@[]".contains(c);
        if !user_info.chars().all(is_right) || user_info.starts_with(':') {
            return fault(
                "user and password of a proxy are printable ASCII; other characters are written as `%XX`",
            );
        }
        if let Some((_, password)) = user_info.split_once(':') {
            let plain = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
            compiler
                .supplied
                .extend([password.to_owned(), plain.into_owned()]);
        }
    }
    written.note("proxy", &proxy, given.text);
    Ok(Some(proxy))
}

fn read_resolve(
    fields: &Fields<'_>,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut resolve = BTreeMap::new();
    let Some(node) = fields.get("resolve") else {
        return Ok(resolve);
    };
    for (key, node) in Fields::open_any(node, "resolve")?.entries() {
        if !is_authority(key.text) || !has_port(key.text) {
            let message = "`resolve` is for a host and a port";
            let fault = Fault::new(key.span, message, "not `host:port`");
            return Err(
                fault.hint("for example `resolve = { \"app.example:443\" = \"127.0.0.1\" }`")
            );
        }
        check_room(&key, resolve.len())?;
        let given = text(node, key.text)?;
        let address = compiler.plain(&given, false)?;
        if !is_address(&address) {
            let message = "`resolve` leads to an IP address, with or without a port";
            let fault = Fault::new(given.span, message, "not an address");
            return Err(
                fault.hint("for example `127.0.0.1`, `127.0.0.1:8443`, `::1` or `[::1]:8443`")
            );
        }
        written.note(&format!("resolve.{}", key.text), &address, given.text);
        resolve.insert(key.text.to_owned(), address);
    }
    Ok(resolve)
}

fn is_address(text: &str) -> bool {
    let has_right_port = |address: SocketAddr| address.port() > 0;
    text.parse::<IpAddr>().is_ok() || text.parse().is_ok_and(has_right_port)
}

/// A base URL without a slash at its end.
fn read_url(given: &Located<'_>, url: &str) -> Result<String, Fault> {
    let fault = |message: &str, hint: &str| {
        Err(Fault::new(given.span.clone(), message, "not a base URL").hint(hint))
    };
    let Some((scheme, rest)) = url
        .split_once("://")
        .filter(|parts| matches!(parts.0, "http" | "https"))
    else {
        return fault(
            "a URL begins with `http://` or `https://`",
            "for example `http://127.0.0.1:8080`",
        );
    };
    let base = rest.strip_suffix('/').unwrap_or(rest);
    if base.contains('@') {
        return fault(
            "a URL with a password in it",
            "log in with a `[[setup]]` step or a header",
        );
    }
    if rest.contains(['?', '#']) {
        return fault(
            "the target's URL has no query",
            "write it into the paths of the steps",
        );
    }
    let (authority, path) = base.find('/').map_or((base, ""), |at| base.split_at(at));
    if !is_authority(authority) {
        return fault(
            "the URL has no host, or one with characters that cannot be",
            "for example `http://127.0.0.1:8080`",
        );
    }
    match path.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(format!("{scheme}://{authority}{path}")),
        false => fault(
            "the URL's path is not printable ASCII",
            "for example `http://127.0.0.1:8080/app`",
        ),
    }
}

/// Whether it is a host, with or without a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) if host.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", None),
            Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                ("v6", Some(rest.strip_prefix(':').unwrap_or("")))
            }
            _ => return false,
        },
        None => text
            .split_once(':')
            .map_or((text, None), |parts| (parts.0, Some(parts.1))),
    };
    let host_is_right = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    host_is_right && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
}

/// Whether an authority that is right has a port.
fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        && !authority.ends_with(']')
}
