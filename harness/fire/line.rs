//! Connections to a target for those who speak to it themselves: opened as the engine opens its own, without a gate.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::{Dial, Io};
use super::fallback::refuses_http2;
use crate::scenario::{Network, Protocol};

/// A way to a target.
pub(crate) struct Line(Dial);

/// An open connection, TLS included.
pub(crate) struct LineIo(Io);

impl Line {
    /// Looks the host up and prepares TLS. Where HTTP/2 is wished and the host does not speak it, HTTP/1.1 is spoken.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the address, the host or the certificates.
    pub(crate) async fn new(
        network: &Network,
        base_url: &str,
        trusted_pem: Option<&str>,
        http2: bool,
    ) -> Result<Line, String> {
        let protocol = if http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        let mut dial = Dial::over(network, trusted_pem, &mut None, base_url, protocol).await?;
        if http2 && refuses_http2(&dial).await {
            dial.protocol = Protocol::Http1;
        }
        Ok(Line(dial))
    }

    /// The base URL.
    pub(crate) fn base(&self) -> &url::Url {
        &self.0.base
    }

    /// Whether HTTP/2 is spoken on its connections.
    pub(crate) fn http2(&self) -> bool {
        self.0.protocol == Protocol::Http2
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// A sentence that says which step failed.
    pub(crate) async fn open(&self) -> Result<LineIo, String> {
        // Without its latch the gate stays open for ever.
        self.0.open().await.map(|(io, _latch)| LineIo(io))
    }
}

impl AsyncRead for LineIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for LineIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}
