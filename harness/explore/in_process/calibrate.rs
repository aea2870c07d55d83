//! Finds out at the start which points work with the tokio that is linked, by races that are known to leak.
//!
//! Up to tokio 1.53 a lock looks at the budget before it is taken. From 1.54 on it is taken first, and the request yields
//! while it holds it: then others are seen between two uses of the same lock only if they waited for it. Which of the two it is decides which schedules
//! exist, so it is measured, and is what a schedule's environment says. A version number would say less: what is linked into
//! the test of somebody's service is not what this crate was built with.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::sync::{Mutex, RwLock};
use tower_service::Service;

use super::body::Body;
use super::child::Child;
use super::host::{self, Host};
use super::race::{Race, Rules};
use super::starve::Starving;
use super::wake::Hub;
use super::{Controlled, enter, point};
use crate::explore::{Guide, Point};
use crate::history::Move;

/// What works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calibration {
    /// Tokio's budget stops requests between two locks.
    starved: bool,
    /// It stops them between two uses of the same lock.
    same_mutex: bool,
    same_rwlock: bool,
    /// A free lock is taken before a request is stopped at it.
    held: bool,
    /// `tokio::task::coop::consume_budget` stops them where nothing is held.
    consumed: bool,
    /// So does a named point.
    explicit: bool,
}

/// A race: write the slot under one lock, read it under the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TwoMutexes,
    OneMutex,
    OneRwLock,
    Held,
    Consumed,
    Explicit,
}

/// Found out once in a process.
pub(super) fn calibration() -> Calibration {
    static FOUND: OnceLock<Calibration> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // On a thread of its own: its budget and its points are nobody else's business.
        let found = std::thread::spawn(|| Calibration {
            starved: leaks(Kind::TwoMutexes),
            same_mutex: leaks(Kind::OneMutex),
            same_rwlock: leaks(Kind::OneRwLock),
            held: leaks(Kind::Held),
            consumed: leaks(Kind::Consumed),
            explicit: leaks(Kind::Explicit),
        })
        .join();
        found.unwrap_or(Calibration::NONE)
    })
}

impl Calibration {
    const NONE: Calibration = Calibration {
        starved: false,
        same_mutex: false,
        same_rwlock: false,
        held: false,
        consumed: false,
        explicit: false,
    };

    pub(super) fn environment(self) -> &'static str {
        match (self.starved, self.held) {
            (true, false) => "tokio-budget-first",
            (true, true) => "tokio-permit-first",
            (false, _) => "tokio-unstarved",
        }
    }

    pub(super) fn sentences(self) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.starved {
            sentences.push("tokio's budget does not make requests stop at awaits here: only awaits that really wait, and points that the service names, are scheduling points".to_owned());
        } else if self.held || !(self.same_mutex && self.same_rwlock) {
            let mut way = "the tokio in use makes a request stop after it has taken a lock, not before: that another request goes in between two uses of the same lock is only seen where it waits for that lock, or where the service has a point before the second one".to_owned();
            match (self.explicit, self.consumed) {
                (true, true) => way.push_str(
                    " (`crosswire::explore::point`, or `tokio::task::coop::consume_budget`)",
                ),
                (true, false) => way.push_str(" (`crosswire::explore::point`)"),
                (false, _) => {}
            }
            sentences.push(way);
        }
        if !self.explicit {
            sentences.push("points that the service names do not work here: a race that they must show was not seen".to_owned());
        }
        sentences
    }
}

/// Whether the race is seen to leak in any order of two requests.
fn leaks(kind: Kind) -> bool {
    let hub = Hub::new();
    let Ok(host) = Host::new(&hub) else {
        return false;
    };
    let mut orders = Orders::default();
    let mut starving = Starving::new();
    let mut children = [Child::new(&hub), Child::new(&hub)];
    loop {
        let told = (&mut starving, &mut children, &mut orders);
        if host.runtime().block_on(leaks_once(kind, &host, &hub, told)) {
            return true;
        }
        if !orders.next() {
            return false;
        }
    }
}

async fn leaks_once(
    kind: Kind,
    host: &Host,
    hub: &Arc<Hub>,
    (starving, children, orders): (&mut Starving, &mut [Child<Slot, Body>; 2], &mut Orders),
) -> bool {
    enter(hub).await;
    let service = Slot::new(kind);
    for (child, user) in children.iter_mut().zip(1..) {
        let mut request = Request::new(Body::default());
        request.extensions_mut().insert(User(user));
        child.begin(service.clone(), request, hub, false);
    }
    if !starving.has_begun() {
        host::turn(hub).await;
    }
    starving.returned();
    let rules = Rules {
        cancel: false,
        time: false,
        moves: 100,
        keep: 0,
        told: false,
        patience: Duration::ZERO,
    };
    let controlled = Controlled::begin(false);
    Race::new((host, hub, &mut *starving), children, orders, rules, 16)
        .run()
        .await;
    drop(controlled);
    let got = children.iter().zip(1..).any(|(child, user)| {
        let head = child.got.head.as_ref();
        head.is_some_and(|head| head.1.as_u16() != answer(user))
    });
    children.iter_mut().for_each(Child::leave);
    got
}

fn answer(user: u16) -> u16 {
    200 + user
}

#[derive(Clone, Copy)]
struct User(u16);

/// A service with a slot that its requests share.
#[derive(Clone)]
struct Slot {
    kind: Kind,
    shared: Rc<Shared>,
}

struct Shared {
    user: Cell<u16>,
    first: Mutex<()>,
    second: Mutex<()>,
    lock: RwLock<()>,
}

impl Slot {
    fn new(kind: Kind) -> Slot {
        Slot {
            kind,
            shared: Rc::new(Shared {
                user: Cell::new(0),
                first: Mutex::new(()),
                second: Mutex::new(()),
                lock: RwLock::new(()),
            }),
        }
    }

    /// Writes who asks, and answers with who is read.
    async fn ask(self, user: u16) -> u16 {
        let shared = &*self.shared;
        if self.kind == Kind::Held {
            let is_held = shared.first.try_lock().is_err();
            drop(shared.first.lock().await);
            // Whoever finds it held answers wrongly.
            return user + u16::from(is_held);
        }
        self.stop().await;
        match self.kind {
            Kind::OneRwLock => drop(write(shared, user, shared.lock.write().await)),
            _ => drop(write(shared, user, shared.first.lock().await)),
        }
        self.stop().await;
        match self.kind {
            Kind::OneRwLock => drop(shared.lock.read().await),
            Kind::TwoMutexes => return read(shared, shared.second.lock().await),
            _ => return read(shared, shared.first.lock().await),
        }
        shared.user.get()
    }

    async fn stop(&self) {
        match self.kind {
            Kind::Consumed => tokio::task::coop::consume_budget().await,
            Kind::Explicit => point("calibration").await,
            Kind::TwoMutexes | Kind::OneMutex | Kind::OneRwLock | Kind::Held => {}
        }
    }
}

/// Under that lock.
fn write<G>(shared: &Shared, user: u16, guard: G) -> G {
    shared.user.set(user);
    guard
}

/// Under that lock.
fn read<G>(shared: &Shared, _guard: G) -> u16 {
    shared.user.get()
}

impl Service<Request<Body>> for Slot {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let user = request.extensions().get::<User>().map_or(0, |user| user.0);
        let slot = self.clone();
        Box::pin(async move {
            let read = slot.ask(user).await;
            let mut response = Response::new(Body::default());
            let status = StatusCode::from_u16(answer(read));
            *response.status_mut() = status.unwrap_or(StatusCode::OK);
            Ok(response)
        })
    }
}

/// Walks every order, depth first: at each point which of how many was chosen.
#[derive(Default)]
struct Orders {
    path: Vec<(usize, usize)>,
    at: usize,
}

impl Orders {
    /// The next one; false when there is none.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, of)) = self.path.last_mut() {
            *chosen += 1;
            if chosen < of {
                return true;
            }
            self.path.pop();
        }
        false
    }
}

impl Guide for Orders {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        if self.at == self.path.len() {
            self.path.push((0, point.enabled.len()));
        }
        let chosen = self.path[self.at].0;
        self.at += 1;
        point.enabled.get(chosen).copied()
    }

    fn void(&mut self, _: Move) {
        // No background, no timers: nothing turns out void. The same is asked once more.
        self.at -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_this_tokio_are_taken_before_a_request_yields() {
        let found = calibration();
        let expected = Calibration {
            starved: true,
            same_mutex: true,
            same_rwlock: true,
            held: true,
            consumed: true,
            explicit: true,
        };
        assert_eq!(found, expected, "tokio 1.54 and later");
        assert_eq!(found.environment(), "tokio-permit-first");
        let [sentence] = found.sentences().try_into().unwrap();
        assert!(sentence.contains("explore::point"), "{sentence}");
    }

    #[test]
    fn what_does_not_work_is_said() {
        assert_eq!(Calibration::NONE.sentences().len(), 2);
        let all = Calibration {
            starved: true,
            same_mutex: true,
            same_rwlock: true,
            held: false,
            consumed: true,
            explicit: true,
        };
        assert_eq!(all.sentences(), [""; 0]);
        assert_eq!(all.environment(), "tokio-budget-first");
    }
}
