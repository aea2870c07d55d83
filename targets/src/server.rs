//! A running target: its own threads, its address, and its end.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::catalogue::{self, Building, Setup};
use crate::certificate::{self, Certificate};
use crate::connections;
use crate::options::Options;
use crate::start_error::StartError;

/// A target that is being served. It stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    certificate: Option<Certificate>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a target on threads of its own and returns once it accepts connections. Blocks while the store is opened and
/// its users are seeded.
///
/// # Errors
/// A [`StartError`] that says what is unknown, what address cannot be had, or what is wrong with the store.
pub fn start(options: Options) -> Result<Server, StartError> {
    let (target, variant) = catalogue::find(&options.target, &options.variant)?;
    serve(options, target.name, variant.name, target.build)
}

/// Starts what `build` makes of the circumstances, under the name of a target.
///
/// # Errors
/// As for [`start`].
pub(crate) fn serve(
    options: Options,
    name: &'static str,
    variant: &'static str,
    build: impl FnOnce(Setup) -> Building + Send + 'static,
) -> Result<Server, StartError> {
    if !options.allow_remote && !options.addr.ip().is_loopback() {
        let addr = options.addr;
        return Err(StartError::address(format!(
            "{addr} is not a loopback address, and a target with a known fault and public passwords listens on others \
             only when that is allowed"
        )));
    }
    let (certificate, tls) = match options.tls {
        true => certificate::issue().map(|(certificate, tls)| (Some(certificate), Some(tls)))?,
        false => (None, None),
    };
    let Options {
        addr,
        store,
        users,
        store_delay,
        workers,
        tls: secure,
        ..
    } = options;
    let setup = Setup {
        variant,
        store,
        users,
        store_delay,
        tls: secure,
    };
    let (stop, stopped) = oneshot::channel();
    let (ready, readiness) = mpsc::channel();
    let thread = thread::Builder::new().name(format!("target {name}"));
    let thread = thread.spawn(move || {
        match prepare(name, build, setup, addr, workers) {
            Ok(prepared) => {
                // The receiver waits below; if its thread is gone, there is nobody to serve.
                if ready.send(Ok(prepared.addr)).is_ok() {
                    prepared.serve(tls, stopped);
                }
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    });
    let thread = thread.map_err(StartError::system)?;
    let addr = readiness
        .recv()
        .map_err(|_| StartError::system("the server's thread ended"))??;
    Ok(Server {
        addr,
        certificate,
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Server {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its URL without a path, for instance `http://127.0.0.1:40123`.
    pub fn base_url(&self) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.addr)
    }

    /// The certificate that it made for itself, in PEM; `None` without TLS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate
            .as_ref()
            .map(|certificate| certificate.pem.as_str())
    }

    /// The certificate that it made for itself, in DER; `None` without TLS.
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.certificate
            .as_ref()
            .map(|certificate| certificate.der.as_slice())
    }

    /// Stops it: no further connections or requests, those being answered are finished, for at most
    /// [`STOP_LIMIT`](crate::STOP_LIMIT). Blocks until then. Dropping the server does the same.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dropping the sender is the sign to stop.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}

/// All that a server's thread needs before it can say that it is ready.
struct Prepared {
    runtime: Runtime,
    router: Router,
    listener: TcpListener,
    addr: SocketAddr,
}

fn prepare(
    name: &str,
    build: impl FnOnce(Setup) -> Building,
    setup: Setup,
    addr: SocketAddr,
    workers: usize,
) -> Result<Prepared, StartError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers.max(1))
        .thread_name(format!("target {name}"))
        .enable_all()
        .build()
        .map_err(StartError::system)?;
    // The port first: it costs nothing to find out that it is taken.
    let listener = runtime.block_on(async { connections::listen(addr) });
    let no_listener = |error| StartError::address(format!("cannot listen on {addr}: {error}"));
    let listener = listener.map_err(no_listener)?;
    let addr = listener.local_addr().map_err(no_listener)?;
    let router = runtime.block_on(build(setup))?;
    Ok(Prepared {
        runtime,
        router,
        listener,
        addr,
    })
}

impl Prepared {
    fn serve(self, tls: Option<TlsAcceptor>, stopped: oneshot::Receiver<()>) {
        self.runtime
            .block_on(connections::serve(self.listener, self.router, tls, stopped));
        self.runtime.shutdown_timeout(connections::STOP_LIMIT);
    }
}
