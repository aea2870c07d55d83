//! Opening connections: TCP, with TLS over it for `https`, always through a gate.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::address::Address;
use super::gate::{Gate, Latch};
use super::tls::Tls;
use crate::scenario::{Network, Protocol};

/// One host that requests go to, and how a connection to it is opened.
pub(crate) struct Dial {
    /// The base URL, parsed.
    pub(crate) base: url::Url,
    address: Address,
    tls: Option<(Tls, ServerName<'static>)>,
    pub(crate) protocol: Protocol,
}

/// A connection's byte stream.
pub(crate) enum Io {
    Plain(Gate),
    Tls(Box<TlsStream<Gate>>),
}

/// Whether a host speaks HTTP/2.
pub(crate) enum Chosen {
    /// TLS chose it, or there is no TLS in which anything could be chosen.
    Perhaps,
    /// TLS chose another protocol.
    No,
}

impl Dial {
    /// A host of a plain network, trusting `trusted_pem` besides the system.
    #[cfg(test)]
    pub(crate) async fn new(
        base_url: &str,
        trusted_pem: Option<&str>,
        protocol: Protocol,
    ) -> Result<Dial, String> {
        let network = Network::default();
        Dial::over(&network, trusted_pem, &mut None, base_url, protocol).await
    }

    /// A host that is in this process: nothing is looked up, and nothing connects to it.
    ///
    /// # Errors
    /// A sentence, when the text is no URL with a host.
    #[cfg(feature = "explore")]
    pub(crate) fn here(base_url: &str) -> Result<Dial, String> {
        let base = url::Url::parse(base_url)
            .map_err(|error| format!("`{base_url}` is not a URL: {error}"))?;
        if base.host_str().is_none() {
            return Err(format!("`{base_url}` names no host"));
        }
        Ok(Dial {
            address: Address::none(),
            base,
            tls: None,
            protocol: Protocol::Http1,
        })
    }

    /// Looks the host up and prepares TLS, once for all hosts of a run.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the address, the host or the certificates.
    pub(crate) async fn over(
        network: &Network,
        trusted_pem: Option<&str>,
        tls: &mut Option<Tls>,
        base_url: &str,
        protocol: Protocol,
    ) -> Result<Dial, String> {
        let base = url::Url::parse(base_url)
            .map_err(|error| format!("`{base_url}` is not a URL: {error}"))?;
        let host = base
            .host_str()
            .ok_or_else(|| format!("`{base_url}` names no host"))?
            .trim_matches(['[', ']'])
            .to_owned();
        let port = base
            .port_or_known_default()
            .ok_or_else(|| format!("`{base_url}` names no port"))?;
        let tls = match base.scheme() {
            "http" => None,
            "https" => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| format!("`{host}` cannot be a certificate's name"))?;
                let ready = match tls.take() {
                    Some(ready) => ready,
                    None => Tls::new(network, trusted_pem)?,
                };
                Some((tls.insert(ready).clone(), name))
            }
            other => {
                return Err(format!(
                    "`{base_url}`: the scheme is `{other}`, only http and https are known"
                ));
            }
        };
        Ok(Dial {
            address: Address::new(&host, port, network).await?,
            base,
            tls,
            protocol,
        })
    }

    /// Opens a connection for the host's protocol.
    ///
    /// # Errors
    /// A sentence that says which step failed.
    pub(crate) async fn open(&self) -> Result<(Io, Latch), String> {
        let (io, latch, chosen) = self.open_asking(self.protocol).await?;
        match (self.protocol, chosen) {
            (Protocol::Http2, Chosen::No) => Err(format!(
                "{} does not speak HTTP/2 (it did not choose `h2` by ALPN); use protocol http/1.1",
                self.base.authority()
            )),
            _ => Ok((io, latch)),
        }
    }

    /// Opens a connection and says whether TLS has chosen HTTP/2.
    ///
    /// # Errors
    /// A sentence that says which step failed.
    pub(crate) async fn open_asking(
        &self,
        protocol: Protocol,
    ) -> Result<(Io, Latch, Chosen), String> {
        let stream = self
            .address
            .connect()
            .await
            .map_err(|why| explained(&why))?;
        // Without it the kernel would hold small writes back by its own judgement.
        stream
            .set_nodelay(true)
            .map_err(|error| format!("cannot set TCP_NODELAY: {error}"))?;
        let (gate, latch) = Gate::new(stream);
        let Some((tls, name)) = &self.tls else {
            return Ok((Io::Plain(gate), latch, Chosen::Perhaps));
        };
        let authority = self.base.authority();
        let stream = tls
            .connector(protocol)
            .connect(name.clone(), gate)
            .await
            .map_err(|error| explained(&format!("TLS with {authority} failed: {error}")))?;
        let chosen = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Chosen::Perhaps,
            _ => Chosen::No,
        };
        Ok((Io::Tls(Box::new(stream)), latch, chosen))
    }
}

/// What people can do about some errors, by a piece of their text.
const EXPLANATIONS: [(&str, &str); 6] = [
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
        "nobody vouches for the certificate; trust its authority with --ca FILE, or check nothing with --insecure",
    ),
    (
        "CertificateRequired",
        "the server wants a client certificate: --client-cert FILE --client-key FILE",
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

/// The error with what can be done about it, when that is known.
pub(crate) fn explained(error: &str) -> String {
    let found = EXPLANATIONS.iter().find(|(piece, _)| error.contains(piece));
    found.map_or_else(
        || error.to_owned(),
        |(_, explanation)| format!("{error}: {explanation}"),
    )
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
