//! A second thread that looks after the explorer's own: it knocks while that waits, and notices when a step never ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::wake::Hub;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long one step of a request may take. A step is one poll, which ends at the next await.
pub(super) const BLOCKED: Duration = Duration::from_secs(5);

/// Told, on another thread, of a step that does not end.
pub(super) type Tell = Box<dyn FnMut(&str) + Send>;

/// The thread; it ends when this is dropped.
pub(super) struct Alarm {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Alarm {
    /// Starts it; where the system gives no thread, there is none. `names` are the requests, for people.
    pub(super) fn start(
        hub: &Arc<Hub>,
        names: Vec<String>,
        tell: &Arc<Mutex<Option<Tell>>>,
        blocked: Duration,
    ) -> Alarm {
        let ended = Arc::new(AtomicBool::new(false));
        let (hub, tell, own) = (Arc::clone(hub), Arc::clone(tell), Arc::clone(&ended));
        let look = LOOK.min(blocked);
        let watch = move || {
            let mut last = (0, Instant::now());
            let mut told = 0;
            while !own.load(Ordering::Relaxed) {
                thread::park_timeout(look);
                hub.knock();
                let pulse = hub.pulse();
                if pulse != last.0 || !hub.steps() {
                    last = (pulse, Instant::now());
                } else if last.1.elapsed() >= blocked && told != pulse {
                    told = pulse;
                    let mut tell = tell.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(tell) = &mut *tell {
                        tell(&explained(names.get(hub.polled()), blocked));
                    }
                }
            }
        };
        let name = "crosswire-explore".to_owned();
        Alarm {
            ended,
            thread: thread::Builder::new().name(name).spawn(watch).ok(),
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It looks at nothing that could fail.
            let _ = thread.join();
        }
    }
}

fn explained(name: Option<&String>, blocked: Duration) -> String {
    let name = name.map_or("a request", String::as_str);
    format!(
        "a step of {name} has not ended for {blocked:?}. All requests share one thread, so most likely it waits for a lock \
         (of `std` or `parking_lot`) that another request holds across an await; in a server that blocks a worker thread. \
         Hold such a lock only between two awaits, or use tokio's"
    )
}
