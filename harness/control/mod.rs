//! The planted-exposure control: crosswire's own proxy stands between crosswire and the target and now and then gives
//! one user's answer to another, on purpose. A scenario that does not notice that would not notice a fault either.
//!
//! [`Proxy`] listens on this machine alone; [`Recognition`] counts what the judge makes of the swapped answers. The
//! result goes into the history of the real run as a [`ControlRun`], and the judge weighs it. [`rehearse`] does all of that
//! for a plan, and [`Told`] puts it into the history.
//!
//! # What is swapped
//!
//! Status, headers and body of a 2xx answer, whole or not at all. Not `Set-Cookie`: whoever got another user's session
//! would go on as that user, so that from then on the run would show its own damage and not what the scenario sees.
//! Not what frames a message either, since each connection has its own.
//!
//! ```no_run
//! use crosswire::control::{Proxy, Swap, Upstream};
//!
//! let upstream = Upstream::plain("http://127.0.0.1:8080");
//! let proxy = Proxy::start(vec![upstream], Swap::default())?;
//! println!("requests to {} are answered as usual", proxy.url());
//! proxy.arm();
//! // … requests of several users at once: one answer in fifty is another user's.
//! let counts = proxy.stop();
//! println!("{} of {} answers were swapped", counts.swapped, counts.answers);
//! # Ok::<(), crosswire::control::StartError>(())
//! ```

mod body;
mod headers;
mod recognition;
mod rehearsal;
mod serve;
mod swapping;
#[cfg(test)]
mod tests;
mod upstream;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use self::recognition::Recognition;
pub use self::rehearsal::{CONTROL_ROUNDS, Rehearsed, Told, rehearse};
use crate::fire::{LEAVE_ALONE, MARK};
pub use crate::history::ControlRun;
use crate::scenario::Network;

/// The value of [`MARK`] on an answer that belongs to somebody else.
const SWAPPED: &str = "swapped";

/// Where the proxy passes requests on to.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Scheme, host and port, optionally a path, as in a scenario.
    pub base_url: String,
    /// How connections to it are opened: certificates, proxy, addresses.
    pub network: Network,
    /// Certificates (PEM) trusted besides the system's and the network's, for `https`.
    pub trusted_pem: Option<String>,
    /// Speak HTTP/2 to it (by ALPN over TLS, by prior knowledge in the clear), otherwise, or when it does not speak that,
    /// HTTP/1.1. What crosswire speaks to the proxy is recognised by its first bytes.
    pub http2: bool,
}

impl Upstream {
    /// HTTP/1.1 over a plain network, with the system's certificates.
    pub fn plain(base_url: impl Into<String>) -> Upstream {
        Upstream {
            base_url: base_url.into(),
            network: Network::default(),
            trusted_pem: None,
            http2: false,
        }
    }
}

/// How often answers are swapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swap {
    /// Share of the answers that could be swapped, from 0 to 1.
    pub rate: f64,
    /// So many at least, whatever the rate gives, as soon as there are answers to swap. Above that, of every kind of
    /// request (step, or method and path without numbers) one answer at least is given to somebody else: otherwise
    /// chance could pick nothing but answers that hold no user's data.
    pub at_least: u64,
    /// Decides which answers, in the order in which they come; over a network that order is not the seed's.
    pub seed: u64,
}

impl Swap {
    /// Default of [`Swap::rate`]: one in fifty.
    pub const RATE: f64 = 0.02;
    /// Default of [`Swap::at_least`].
    pub const AT_LEAST: u64 = 3;
}

impl Default for Swap {
    fn default() -> Swap {
        Swap {
            rate: Swap::RATE,
            at_least: Swap::AT_LEAST,
            seed: 0,
        }
    }
}

/// What a proxy did while it was armed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapCounts {
    /// Answers that could have been swapped: whole, 2xx, not empty, to a user who could be told from others.
    pub answers: u64,
    /// Answers that a user was given instead of its own.
    pub swapped: u64,
    /// Those of them that had been given to their owner as well, earlier: nobody else's request was under way then.
    pub repeated: u64,
    /// Requests that the target did not answer; crosswire was answered 502 with a sentence that says why. Counted whether
    /// the proxy was armed or not.
    pub failed: u64,
}

/// Why a proxy could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the control's proxy could not be started: {}", self.0)
    }
}

impl std::error::Error for StartError {}

/// A proxy on 127.0.0.1, on a thread of its own. It begins disarmed. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    urls: Vec<String>,
    armed: Arc<AtomicBool>,
    running: Option<(oneshot::Sender<()>, JoinHandle<SwapCounts>)>,
}

impl Proxy {
    /// Starts a proxy with a port of its own for each upstream; all of them swap with one another.
    ///
    /// # Errors
    /// When there is no upstream, an address is wrong or unknown, certificates cannot be used, the rate is no share, or the
    /// system gives no thread or port.
    pub fn start(upstreams: Vec<Upstream>, swap: Swap) -> Result<Proxy, StartError> {
        if upstreams.is_empty() {
            return Err(StartError("no upstream is given".to_owned()));
        }
        if !(0.0..=1.0).contains(&swap.rate) {
            let why = format!("the rate must be from 0 to 1, not {}", swap.rate);
            return Err(StartError(why));
        }
        let armed = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::sync_channel(1);
        let flag = Arc::clone(&armed);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || serve::run(&upstreams, swap, flag, &tell, stopped))
            .map_err(|error| StartError(error.to_string()))?;
        let urls = told
            .recv()
            .unwrap_or_else(|_| Err("its thread ended".to_owned()))
            .map_err(StartError)?;
        Ok(Proxy {
            urls,
            armed,
            running: Some((stop, thread)),
        })
    }

    /// What takes the place of the first upstream's base URL: `http://127.0.0.1:PORT` and the base URL's path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.urls[0]
    }

    /// What takes the place of each upstream's base URL, in their order.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// From now on answers may be swapped.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::Relaxed);
    }

    /// From now on every answer goes to whom it belongs.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }

    /// Closes all connections and tells what was done.
    #[must_use]
    pub fn stop(mut self) -> SwapCounts {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<SwapCounts> {
        let (stop, thread) = self.running.take()?;
        // A thread that has ended hears nothing and needs nothing.
        let _ = stop.send(());
        thread.join().ok()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}
