//! Serves a store over connections, on loopback alone, for a webmail whose calls are to be relayed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::memory::MemoryStore;
use super::seed;
use super::store::{Store, StoreError};
use super::wire::{Call, Reply, receive, send};

/// A store that is being served. It stops when it is dropped, and what it holds in memory is gone.
///
/// ```
/// use crosswire_targets::mail::store_server::StoreServer;
/// use crosswire_targets::{Options, StoreKind, start};
///
/// let store = StoreServer::start(2)?;
/// let mut options = Options::new("mail", "per-request");
/// options.store = StoreKind::Remote(store.addr());
/// let webmail = start(options)?;
///
/// // Without its store, there is nothing to log in to.
/// drop(store);
/// # drop(webmail);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoreServer {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreServer {
    /// Serves a store in memory on a free port of 127.0.0.1, in a thread of its own. It has so many seeded users, as
    /// [`seed`] makes them.
    ///
    /// # Errors
    /// When there is no thread or no port to be had, or the users cannot be made.
    pub fn start(users: usize) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (ready, readiness) = mpsc::channel();
        let thread = thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || {
            let runtime = Builder::new_current_thread().enable_io().build();
            let serving = runtime.and_then(|runtime| {
                let store = MemoryStore::new();
                let seeded = runtime.block_on(seed::seed(&store, users));
                seeded.map_err(|error| io::Error::other(error.to_string()))?;
                let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
                Ok((listener.local_addr()?, listener, store, runtime))
            });
            match serving {
                Err(error) => drop(ready.send(Err(error))),
                // The receiver waits below; if its thread is gone, there is nobody to serve.
                Ok((addr, listener, store, runtime)) => {
                    if ready.send(Ok(addr)).is_ok() {
                        runtime.block_on(serve(listener, store, stopped));
                    }
                }
            }
        })?;
        let addr = readiness
            .recv()
            .map_err(|_| io::Error::other("the store's thread ended"))??;
        Ok(Self {
            addr,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for StoreServer {
    fn drop(&mut self) {
        // Dropping the sender is the sign to stop.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}

async fn serve<S: Store>(listener: TcpListener, store: S, mut stopped: oneshot::Receiver<()>) {
    let store = Arc::new(store);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => {
                // One that is gone again before it was taken is no reason to stop.
                if let Ok((stream, _)) = accepted {
                    let store = Arc::clone(&store);
                    connections.spawn(async move { converse(&*store, stream).await });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the calls of one connection until it ends or breaks the rules; then it is closed.
async fn converse<S: Store>(store: &S, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = BufStream::new(stream);
    while let Some(call) = receive(&mut connection).await? {
        answer(store, call, &mut connection).await?;
    }
    Ok(())
}

async fn answer<S: Store>(store: &S, call: Call, to: &mut BufStream<TcpStream>) -> io::Result<()> {
    match call {
        Call::CreateUser { new } => send(to, &reply(store.create_user(new).await)).await,
        Call::Credentials { name } => send(to, &reply(store.credentials(&name).await)).await,
        Call::Account { user } => send(to, &reply(store.account(user).await)).await,
        Call::Rename { user, display } => send(to, &reply(store.rename(user, display).await)).await,
        Call::RecordLogin { user, login } => {
            send(to, &reply(store.record_login(user, login).await)).await
        }
        Call::Logins { user, limit } => send(to, &reply(store.logins(user, limit).await)).await,
        Call::List { user, folder } => send(to, &reply(store.list(user, folder).await)).await,
        Call::Read { user, number } => send(to, &reply(store.read(user, number).await)).await,
        Call::Attachment {
            user,
            number,
            index,
        } => send(to, &reply(store.attachment(user, number, index).await)).await,
        Call::Deliver { from, draft } => send(to, &reply(store.deliver(from, draft).await)).await,
        Call::File {
            user,
            number,
            folder,
        } => send(to, &reply(store.file(user, number, folder).await)).await,
    }
}

fn reply<T>(result: Result<T, StoreError>) -> Reply<T> {
    result.map_err(|error| error.reason())
}
