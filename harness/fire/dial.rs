//! Opening connections: TCP, with TLS over it for `https`, always through a gate.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::gate::{Gate, Latch};
use crate::scenario::Protocol;

/// Where requests go, and how a connection to it is opened.
pub(super) struct Dial {
    /// The base URL, parsed.
    pub(super) base: url::Url,
    addresses: Vec<SocketAddr>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) protocol: Protocol,
}

/// A connection's byte stream.
pub(super) enum Io {
    Plain(Gate),
    Tls(Box<TlsStream<Gate>>),
}

impl Dial {
    /// Looks the host up and prepares TLS.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the address, the host or the certificates.
    pub(super) async fn new(
        base_url: &str,
        trusted_pem: Option<&str>,
        protocol: Protocol,
    ) -> Result<Dial, String> {
        let base = url::Url::parse(base_url)
            .map_err(|error| format!("`{base_url}` is not a URL: {error}"))?;
        let host = base
            .host_str()
            .ok_or_else(|| format!("`{base_url}` names no host"))?
            .to_owned();
        let port = base
            .port_or_known_default()
            .ok_or_else(|| format!("`{base_url}` names no port"))?;
        let tls = match base.scheme() {
            "http" => None,
            "https" => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                    .map_err(|_| format!("`{host}` cannot be a certificate's name"))?;
                Some((connector(trusted_pem, protocol)?, name))
            }
            other => {
                return Err(format!(
                    "`{base_url}`: the scheme is `{other}`, only http and https are known"
                ));
            }
        };
        let lookup = (host.trim_matches(['[', ']']), port);
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(lookup)
            .await
            .map_err(|error| format!("the host `{host}` is not known: {error}"))?
            .collect();
        if addresses.is_empty() {
            return Err(format!("the host `{host}` has no address"));
        }
        Ok(Dial {
            base,
            addresses,
            tls,
            protocol,
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// A sentence that says which step failed.
    pub(super) async fn open(&self) -> Result<(Io, Latch), String> {
        let authority = self.base.authority();
        let stream = TcpStream::connect(self.addresses.as_slice())
            .await
            .map_err(|error| explained(&format!("cannot connect to {authority}: {error}")))?;
        // Without it the kernel would hold small writes back by its own judgement.
        stream
            .set_nodelay(true)
            .map_err(|error| format!("cannot set TCP_NODELAY: {error}"))?;
        let (gate, latch) = Gate::new(stream);
        let Some((connector, name)) = &self.tls else {
            return Ok((Io::Plain(gate), latch));
        };
        let stream = connector
            .connect(name.clone(), gate)
            .await
            .map_err(|error| explained(&format!("TLS with {authority} failed: {error}")))?;
        if self.protocol == Protocol::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(format!(
                "{authority} does not speak HTTP/2 (it did not choose `h2` by ALPN); use protocol http/1.1"
            ));
        }
        Ok((Io::Tls(Box::new(stream)), latch))
    }
}

/// What people can do about some errors, by a piece of their text.
const EXPLANATIONS: [(&str, &str); 5] = [
    (
        "InvalidContentType",
        "the port does not speak TLS; is it http?",
    ),
    (
        "CaUsedAsEndEntity",
        "the certificate is that of an authority; one for a server is made with basicConstraints=CA:FALSE",
    ),
    (
        "UnknownIssuer",
        "nobody vouches for the certificate; trust its authority with --ca FILE",
    ),
    (
        "NotValidForName",
        "the certificate is for another host name",
    ),
    (
        "Too many open files",
        "each user has a connection of its own; raise `ulimit -n` or take fewer users",
    ),
];

fn explained(error: &str) -> String {
    let found = EXPLANATIONS.iter().find(|(piece, _)| error.contains(piece));
    found.map_or_else(
        || error.to_owned(),
        |(_, explanation)| format!("{error}: {explanation}"),
    )
}

fn connector(trusted_pem: Option<&str>, protocol: Protocol) -> Result<TlsConnector, String> {
    let mut roots = rustls::RootCertStore::empty();
    // Certificates of the system that cannot be read are not this run's business; a missing one shows at the handshake.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = trusted_pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate
                .map_err(|error| format!("the given CA certificate is not PEM: {error}"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("the given CA certificate cannot be used: {error}"))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![match protocol {
        Protocol::Http1 => b"http/1.1".to_vec(),
        Protocol::Http2 => b"h2".to_vec(),
    }];
    Ok(TlsConnector::from(Arc::new(config)))
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn what_can_be_done_is_said() {
        let error =
            explained("TLS with x failed: received corrupt message of type InvalidContentType");
        assert!(error.ends_with("is it http?"), "{error}");
        assert_eq!(explained("connection refused"), "connection refused");
    }
}
