//! The gate: holds back what a connection writes, directly above the socket, and lets it go in one system call.
//!
//! It stands below TLS and below HTTP, so every release strategy is a choice of how much to send ahead:
//! nothing (`barrier`, `single-packet`: one write carries the whole requests), or all but the last byte (`last-byte`).
//! Below TLS, the last byte is the last byte of a record, and a peer can authenticate no byte of a record before it has
//! the last one, so even a `GET` is held whole. See the facts on records and packets in `fire/release.rs`.

use std::cell::RefCell;
use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The stream that HTTP or TLS is spoken over. Reading is never held back.
#[derive(Debug)]
pub(crate) struct Gate {
    stream: Rc<TcpStream>,
    held: Rc<RefCell<Held>>,
}

/// The hand on the gate of one connection. It does not keep the socket open: dropping the gate closes it.
#[derive(Clone, Debug)]
pub(crate) struct Latch {
    stream: Weak<TcpStream>,
    held: Rc<RefCell<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    closed: bool,
    bytes: Vec<u8>,
}

impl Gate {
    /// A gate, open, and the hand on it.
    pub(crate) fn new(stream: TcpStream) -> (Gate, Latch) {
        let stream = Rc::new(stream);
        let held = Rc::new(RefCell::new(Held::default()));
        let latch = Latch {
            stream: Rc::downgrade(&stream),
            held: Rc::clone(&held),
        };
        (Gate { stream, held }, latch)
    }
}

impl Latch {
    /// From now on nothing that is written leaves.
    pub(crate) fn close(&self) {
        self.held.borrow_mut().closed = true;
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.held.borrow().bytes.len()
    }

    /// What is held.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> Vec<u8> {
        self.held.borrow().bytes.clone()
    }

    /// Sends what is held but for the last `keep` bytes, and goes on holding those.
    pub(crate) async fn send_ahead(&self, keep: usize) -> io::Result<()> {
        let ahead = {
            let mut held = self.held.borrow_mut();
            let ahead = held.bytes.len().saturating_sub(keep);
            let rest = held.bytes.split_off(ahead);
            std::mem::replace(&mut held.bytes, rest)
        };
        self.write_all(&ahead).await
    }

    /// Lets go what is held: one write, at once. What the kernel did not take stays held for [`Latch::open`], which
    /// must follow; true when it took everything.
    pub(crate) fn release(&self) -> io::Result<bool> {
        let stream = self.stream()?;
        let mut held = self.held.borrow_mut();
        match stream.try_write(&held.bytes) {
            Ok(written) if written == held.bytes.len() => {
                held.bytes.clear();
                Ok(true)
            }
            Ok(written) => {
                held.bytes.drain(..written);
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Forgets what is held: nothing of it will leave.
    pub(crate) fn discard(&self) {
        self.held.borrow_mut().bytes.clear();
    }

    /// Sends whatever is still held and opens the gate.
    pub(crate) async fn open(&self) -> io::Result<()> {
        let rest = {
            let mut held = self.held.borrow_mut();
            held.closed = false;
            std::mem::take(&mut held.bytes)
        };
        self.write_all(&rest).await
    }

    /// True when the peer has closed or reset the connection, as far as this side knows without waiting.
    pub(crate) fn dead(&self) -> bool {
        let mut byte = [0_u8; 1];
        // A zero-length answer to a read means the peer's FIN. An idle connection has nothing to read; a byte that did
        // come unasked must not be lost, so only the readiness is looked at, through a peek.
        let mut context = Context::from_waker(std::task::Waker::noop());
        let Ok(stream) = self.stream() else {
            return true;
        };
        match stream.poll_peek(&mut context, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(0) | Err(_)) => true,
            Poll::Ready(Ok(_)) | Poll::Pending => false,
        }
    }

    /// Waits until the peer has sent something, or has gone, and takes nothing of it.
    pub(crate) async fn has_come(&self) {
        if let Ok(stream) = self.stream() {
            let _ = stream.peek(&mut [0_u8; 1]).await;
        }
    }

    /// Address of this side; with the peer's it names the connection in the kernel's tables.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.stream().ok()?.local_addr().ok()
    }

    /// Says to the peer that nothing more comes (FIN), and takes what it has sent until now off the socket: a close with
    /// something unread would be a reset.
    pub(crate) fn finish(&self) {
        /// More than a receive buffer holds is not waited for.
        const UNREAD_LIMIT: usize = 8 << 20;
        let Ok(stream) = self.stream() else {
            return;
        };
        let socket = SockRef::from(&*stream);
        // Fails when the peer has gone already; then there is nobody to say it to.
        let _ = socket.shutdown(Shutdown::Write);
        let mut rubbish = [0_u8; 16 * 1024];
        let mut taken = 0;
        while let Ok(read @ 1..) = (&*socket).read(&mut rubbish) {
            taken += read;
            if taken > UNREAD_LIMIT {
                return;
            }
        }
    }

    /// From now on dropping the gate resets the connection (RST) instead of closing it.
    pub(crate) fn reset_at_end(&self) {
        if let Ok(stream) = self.stream() {
            // Fails for a socket that is closed already.
            let _ = SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Lets the kernel take about so many bytes ahead of the reader, and returns what it took before.
    pub(crate) fn receive_buffer(&self, bytes: usize) -> Option<usize> {
        let stream = self.stream().ok()?;
        let socket = SockRef::from(&*stream);
        let before = socket.recv_buffer_size().ok()?;
        socket.set_recv_buffer_size(bytes).ok()?;
        Some(before)
    }

    fn stream(&self) -> io::Result<Rc<TcpStream>> {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the connection is closed");
        self.stream.upgrade().ok_or_else(gone)
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        while !bytes.is_empty() {
            stream.writable().await?;
            match stream.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        {
            let mut held = self.held.borrow_mut();
            if held.closed {
                held.bytes.extend_from_slice(bytes);
                return Poll::Ready(Ok(bytes.len()));
            }
        }
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(Shutdown::Write))
    }
}
