//! The relays: they listen in a backend's place, and carry bytes both ways, as the board lets them go.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::try_join4;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::board::Board;
use super::connection::{Flowing, Side};
use super::through::Through;

/// How long connecting to a backend may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long taking connections rests after it has failed.
const REST: Duration = Duration::from_millis(50);
const READ_CHUNK: usize = 16 * 1024;

/// Listens where the service will connect to.
///
/// # Errors
/// A sentence that says what is wrong with the port, and what to do.
pub(super) async fn listen(through: &Through) -> Result<(TcpListener, SocketAddr), String> {
    let at = through.listen;
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {at} in place of {}: the port is in use; end what listens there, or choose another one and let the service connect to that",
            through.backend()
        ),
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {at}: ports below 1024 need a privilege; choose another one and let the service connect to that"
        ),
        _ => format!(
            "cannot listen on {at} in place of {}: {error}",
            through.backend()
        ),
    };
    let listener = TcpListener::bind(at).await.map_err(told)?;
    let address = listener.local_addr().map_err(told)?;
    Ok((listener, address))
}

/// Takes the service's connections, for ever.
pub(super) async fn serve(listener: TcpListener, through: Through, relay: usize, board: Rc<Board>) {
    let through = Rc::new(through);
    loop {
        match listener.accept().await {
            Ok((service, _)) => {
                let (through, board) = (Rc::clone(&through), Rc::clone(&board));
                tokio::task::spawn_local(async move {
                    carry(service, &through, relay, &board).await;
                });
            }
            // Too many open files, mostly: it may pass.
            Err(error) => {
                board.trouble(format!(
                    "the relay of {} takes no connections: {error}",
                    through.backend()
                ));
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Connects to the backend.
///
/// # Errors
/// Why that is not possible.
pub(super) async fn reach(through: &Through) -> Result<TcpStream, String> {
    let connecting = TcpStream::connect((through.host.as_str(), through.port));
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

/// One connection, from its beginning to its end.
async fn carry(mut service: TcpStream, through: &Through, relay: usize, board: &Board) {
    let mut backend = match reach(through).await {
        Ok(backend) => backend,
        Err(why) => {
            let backend = through.backend();
            board.trouble(format!(
                "the service asked for its backend {backend} through {}, which cannot be reached: {why}",
                through.listen
            ));
            reset(&service);
            board.ring();
            return;
        }
    };
    // The service's own pauses are what is explored; the kernel must add none.
    let _ = service.set_nodelay(true);
    let _ = backend.set_nodelay(true);
    let line = board.opened(relay);
    let outcome = {
        let (from_service, to_service) = service.split();
        let (from_backend, to_backend) = backend.split();
        try_join4(
            read(from_service, board, line, Side::Service),
            write(to_backend, board, line, Side::Service),
            read(from_backend, board, line, Side::Backend),
            write(to_service, board, line, Side::Backend),
        )
        .await
    };
    if outcome.is_err() {
        // Whoever reset his side gets the other one reset.
        reset(&service);
        reset(&backend);
    }
    drop((service, backend));
    board.closed(line);
}

async fn read(mut half: ReadHalf<'_>, board: &Board, line: u64, from: Side) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        while let Some(room) = board.room(line, from) {
            room.notified().await;
        }
        buffer.clear();
        buffer.reserve(READ_CHUNK);
        match half.read_buf(&mut buffer).await {
            Ok(0) => {
                board.ended(line, from);
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => {
                board.ended(line, from);
                return Err(error);
            }
        }
        board.came(line, from, &buffer);
    }
}

async fn write(mut half: WriteHalf<'_>, board: &Board, line: u64, from: Side) -> io::Result<()> {
    let bell = board.bell(line, from);
    loop {
        match board.next_out(line, from) {
            Flowing::Bytes(bytes) => half.write_all(&bytes).await?,
            Flowing::Nothing => bell.notified().await,
            Flowing::Over => {
                // Fails when the side has gone altogether; then nobody waits for it.
                let _ = half.shutdown().await;
                return Ok(());
            }
        }
    }
}

/// Dropping it resets the connection from now on.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
