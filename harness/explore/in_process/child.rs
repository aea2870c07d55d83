//! One request under control: its steps, from asking the service whether it is ready to the last piece of the answer.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Buf as _;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Body as _;
use tower_service::Service;

use super::body::{Body, BoxError};
use super::panics;
use super::place::Seen;
use super::points::{self, Hit};
use super::starve::{Starving, Units};
use super::wake::{self, Hub, Slot};
use crate::history::{PointCounts, StepEnd};

/// Steps in a row after which a request is taken to need more than one unit for what it awaits.
const STALLED: u8 = 4;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// The service is asked whether it is ready.
    Asking,
    /// It is, and is called next.
    Calling,
    /// Its future is polled.
    Answering,
    /// The answer's head is there, and its body is read.
    Reading,
    /// Nothing comes after.
    Over,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub(super) enum Came {
    /// The whole answer.
    Whole,
    /// No whole answer, and why; true when the explorer itself ended it.
    Failed(String, bool),
}

/// What of an answer has come.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) head: Option<(Version, StatusCode, HeaderMap)>,
    pub(super) body: Vec<u8>,
    /// The body was longer than what is kept.
    pub(super) cut: bool,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) end: StepEnd,
    /// What it did.
    pub(super) did: Did,
    pub(super) hit: Option<Hit>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Asked the service whether it is ready.
    Asked,
    /// Called it.
    Called,
    /// Polled its future.
    Polled,
    /// Read of the answer.
    Read,
}

/// A request under control.
pub(super) struct Child<S: Service<Request<Body>>, B> {
    service: Option<S>,
    request: Option<Request<Body>>,
    /// Kept from execution to execution, so that its place in memory is.
    future: Pin<Box<Option<S::Future>>>,
    body: Pin<Box<Option<B>>>,
    stand: Stand,
    /// Of the last poll.
    slot: Arc<Slot>,
    waker: Waker,
    /// Where it waits; only when that is told.
    seen: Option<Arc<Seen>>,
    /// Slots of polls after which it was ready at once.
    old: Vec<Arc<Slot>>,
    /// It can go on whether or not it was woken.
    ready: bool,
    /// What it is left of tokio's budget when it is polled next.
    units: Units,
    /// Steps in a row that needed more than one unit for a single await.
    stalled: u8,
    /// Futures within it were made to yield, and are woken when the explorer's future next returns.
    owes_turn: bool,
    pub(super) got: Got,
    pub(super) came: Option<Came>,
    pub(super) counts: PointCounts,
    /// Numbers of the steps at which it began, its answer's head came, and it was over, from 1.
    pub(super) times: [Option<usize>; 3],
}

impl<S, B> Child<S, B>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Error: Into<BoxError>>,
{
    pub(super) fn new(hub: &Arc<Hub>) -> Child<S, B> {
        let slot = Slot::new(hub);
        Child {
            service: None,
            request: None,
            future: Box::pin(None),
            body: Box::pin(None),
            stand: Stand::Over,
            waker: wake::waker(&slot, None),
            slot,
            seen: None,
            old: Vec::new(),
            ready: false,
            units: Units::None,
            stalled: 0,
            owes_turn: false,
            got: Got::default(),
            came: None,
            counts: PointCounts::default(),
            times: [None; 3],
        }
    }

    /// Begins anew.
    pub(super) fn begin(&mut self, service: S, request: Request<Body>, hub: &Arc<Hub>, told: bool) {
        self.leave();
        self.service = Some(service);
        self.request = Some(request);
        self.stand = Stand::Asking;
        self.seen = told.then(Arc::default);
        self.new_slot(hub);
        self.old.clear();
        self.ready = true;
        self.units = Units::None;
        self.stalled = 0;
        self.owes_turn = false;
        self.got.head = None;
        self.got.body.clear();
        self.got.cut = false;
        self.came = None;
        self.counts = PointCounts::default();
        self.times = [None; 3];
    }

    fn new_slot(&mut self, hub: &Arc<Hub>) {
        self.slot = Slot::new(hub);
        self.waker = wake::waker(&self.slot, self.seen.as_ref());
    }

    pub(super) fn is_over(&self) -> bool {
        self.stand == Stand::Over
    }

    /// Whether it can take a step.
    pub(super) fn is_ready(&self) -> bool {
        !self.is_over() && (self.ready || self.slot.is_woken())
    }

    /// Whether the service has been given the request, and is not done with it: its client can go away.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stand, Stand::Answering | Stand::Reading)
    }

    /// Takes an old waker's being woken for a reason to go on, for futures that keep a waker that is not that of their last
    /// poll; with `whoever`, even if it may have been tokio's list of those who yielded. True when there is one.
    pub(super) fn heed_old(&mut self, whoever: bool) -> bool {
        let heeded = |slot: &Arc<Slot>| match whoever {
            true => slot.is_woken(),
            false => slot.is_woken_by_a_step(),
        };
        let found = !self.is_over() && self.old.iter().any(heeded);
        if found {
            self.old.clear();
            self.ready = true;
        }
        found
    }

    /// Why there is no whole answer, when it is over without one.
    pub(super) fn failure(&self) -> Option<&str> {
        match &self.came {
            Some(Came::Failed(why, _)) => Some(why),
            _ => None,
        }
    }

    /// Where it waits, when that is told.
    pub(super) fn place(&self) -> Option<String> {
        self.seen.as_ref()?.take()
    }

    /// Takes the next step; it must be ready. `number` is the step's in the execution, from 1.
    pub(super) fn step(
        &mut self,
        starving: &mut Starving,
        hub: &Arc<Hub>,
        keep: usize,
        number: usize,
    ) -> Ended {
        self.ready = false;
        self.slot.reset();
        self.times[0].get_or_insert(number);
        let _ = points::take_hit();
        let (did, mut outcome) = self.polled(starving, hub, keep);
        let hit = points::take_hit();
        let mut end = StepEnd::Finished;
        if outcome.is_pending() {
            end = self.waits(starving, hub, hit.is_some());
            let waits = end == StepEnd::Natural && !self.is_ready() && self.units != Units::All;
            if waits {
                outcome = self.look_again(starving, hub, keep);
            }
        }
        let end = match outcome {
            Poll::Pending => end,
            Poll::Ready(Ok(())) => self.went_on(did, number),
            Poll::Ready(Err(why)) => {
                self.fail(why, false, number);
                StepEnd::Finished
            }
        };
        Ended { end, did, hit }
    }

    /// Polls it with what it is left of the budget.
    fn polled(
        &mut self,
        starving: &mut Starving,
        hub: &Arc<Hub>,
        keep: usize,
    ) -> (Did, Poll<Result<(), String>>) {
        starving.before(self.units);
        hub.step(true);
        let stepped = panics::caught(|| self.advance(keep));
        hub.step(false);
        stepped.unwrap_or_else(|panic| {
            let why = format!("the service panicked: {}", said(&*panic));
            (self.doing(), Poll::Ready(Err(why)))
        })
    }

    fn doing(&self) -> Did {
        match self.stand {
            Stand::Asking => Did::Asked,
            Stand::Calling => Did::Called,
            Stand::Answering => Did::Polled,
            Stand::Reading | Stand::Over => Did::Read,
        }
    }

    /// The step itself; an error ends the request.
    fn advance(&mut self, keep: usize) -> (Did, Poll<Result<(), String>>) {
        let did = self.doing();
        let mut context = Context::from_waker(&self.waker);
        let poll = match self.stand {
            Stand::Asking => match &mut self.service {
                Some(service) => match service.poll_ready(&mut context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Ok(())) => {
                        self.stand = Stand::Calling;
                        Poll::Ready(Ok(()))
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(Err(refused(error))),
                },
                None => Poll::Ready(Ok(())),
            },
            Stand::Calling => {
                if let (Some(service), Some(request)) = (&mut self.service, self.request.take()) {
                    let future = service.call(request);
                    self.future.set(Some(future));
                    self.stand = Stand::Answering;
                }
                Poll::Ready(Ok(()))
            }
            Stand::Answering => self.poll_answer(),
            Stand::Reading => self.poll_body(keep),
            Stand::Over => Poll::Ready(Ok(())),
        };
        (did, poll)
    }

    fn poll_answer(&mut self) -> Poll<Result<(), String>> {
        let mut context = Context::from_waker(&self.waker);
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            return Poll::Ready(Ok(()));
        };
        match future.poll(&mut context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                self.future.set(None);
                let response = match result {
                    Ok(response) => response,
                    Err(error) => return Poll::Ready(Err(refused(error))),
                };
                let (parts, body) = response.into_parts();
                self.got.head = Some((parts.version, parts.status, parts.headers));
                self.stand = match body.is_end_stream() {
                    true => Stand::Over,
                    false => Stand::Reading,
                };
                if self.stand == Stand::Reading {
                    self.body.set(Some(body));
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_body(&mut self, keep: usize) -> Poll<Result<(), String>> {
        let mut context = Context::from_waker(&self.waker);
        let Some(mut body) = self.body.as_mut().as_pin_mut() else {
            return Poll::Ready(Ok(()));
        };
        match body.as_mut().poll_frame(&mut context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers are no part of a record.
                if let Ok(mut data) = frame.into_data() {
                    self.got.take(&mut data, keep);
                }
                if !body.is_end_stream() {
                    return Poll::Ready(Ok(()));
                }
            }
            Poll::Ready(Some(Err(error))) => {
                let error: BoxError = error.into();
                let why = format!("the answer's body broke off: {error}");
                return Poll::Ready(Err(why));
            }
            Poll::Ready(None) => {}
        }
        self.body.set(None);
        self.stand = Stand::Over;
        Poll::Ready(Ok(()))
    }

    /// It is not done with what it is doing.
    fn waits(&mut self, starving: &mut Starving, hub: &Arc<Hub>, at_point: bool) -> StepEnd {
        let left = starving.after();
        let given = self.units;
        if left.yielded {
            // Tokio keeps this poll's waker in its list.
            self.replace_slot(hub);
            self.ready = true;
        }
        let is_at_leaf = left.yielded && left.exhausted && !at_point;
        // A wait that costs a unit had it back, so that who goes on from one that costs nothing has it to spare.
        let keeps_it = given == Units::One && !left.exhausted;
        self.stalled = match (left.yielded, given) {
            (true, Units::One) if keeps_it => self.stalled + 1,
            (true, Units::None) => self.stalled,
            _ => 0,
        };
        let was_made_to_yield = !self.old.is_empty() && !left.yielded;
        self.owes_turn = keeps_it && was_made_to_yield && !at_point;
        self.units = match given {
            Units::All if !left.yielded => Units::All,
            _ if self.stalled >= STALLED => Units::All,
            _ if is_at_leaf => Units::One,
            _ => Units::None,
        };
        let counts = &mut self.counts;
        match (at_point, is_at_leaf) {
            (true, _) => {
                counts.explicit += 1;
                StepEnd::Explicit
            }
            (false, true) => {
                counts.starved += 1;
                StepEnd::Starved
            }
            (false, false) => {
                counts.natural += 1;
                StepEnd::Natural
            }
        }
    }

    /// It really waits: is that an await of tokio's which takes a unit when it goes on, or one that takes none? In the first
    /// case it must be left one, and in the second none, or it would go on over the await that follows. Polled once more with
    /// nothing left, which changes nothing, the first says that it has to yield and does not look at its waker, and the other
    /// takes the waker. Whoever waits for both is left none: it may have to stop once more.
    fn look_again(
        &mut self,
        starving: &mut Starving,
        hub: &Arc<Hub>,
        keep: usize,
    ) -> Poll<Result<(), String>> {
        /// Of a slot that nobody waits with: the child's own, its waker's, and that of tokio's list.
        const UNUSED: usize = 3;
        self.replace_slot(hub);
        self.units = Units::None;
        let (_, again) = self.polled(starving, hub, keep);
        if again.is_ready() {
            return again;
        }
        let left = starving.after();
        if !left.yielded {
            // Futures that were made to yield within a set of futures are not looked at until they are woken. They go on then.
            if self.owes_turn {
                self.units = Units::One;
            }
            return again;
        }
        self.owes_turn = false;
        let costs_a_unit = Arc::strong_count(&self.slot) <= UNUSED;
        self.replace_slot(hub);
        self.units = Units::One;
        let (_, again) = self.polled(starving, hub, keep);
        if again.is_pending() {
            if starving.after().yielded {
                self.replace_slot(hub);
                self.ready = true;
            }
            if !costs_a_unit {
                self.units = Units::None;
            }
        }
        again
    }

    /// Whether tokio's list has to be emptied for it to go on; asked once.
    pub(super) fn takes_turn(&mut self) -> bool {
        std::mem::take(&mut self.owes_turn) && !self.is_over()
    }

    /// What was woken so far says nothing any more.
    fn replace_slot(&mut self, hub: &Arc<Hub>) {
        let old = std::mem::replace(&mut self.slot, Slot::new(hub));
        self.waker = wake::waker(&self.slot, self.seen.as_ref());
        self.old.push(old);
    }

    /// A part of the protocol is done.
    fn went_on(&mut self, did: Did, number: usize) -> StepEnd {
        if did == Did::Polled {
            self.times[1] = Some(number);
        }
        if self.is_over() {
            self.times[2] = Some(number);
            self.came = Some(Came::Whole);
            self.old.clear();
            return StepEnd::Finished;
        }
        self.ready = true;
        self.units = Units::None;
        self.counts.service += 1;
        StepEnd::Service
    }

    /// It ends without a whole answer; what it holds is let go.
    pub(super) fn fail(&mut self, why: String, by_the_explorer: bool, number: usize) {
        self.came = Some(Came::Failed(why, by_the_explorer));
        self.times[2] = Some(number);
        self.stand = Stand::Over;
        self.leave();
    }

    /// Lets go of everything but what has come.
    pub(super) fn leave(&mut self) {
        let _ = panics::caught(|| self.future.set(None));
        let _ = panics::caught(|| self.body.set(None));
        self.request = None;
        let service = self.service.take();
        let _ = panics::caught(|| drop(service));
        self.old.clear();
    }
}

impl Got {
    pub(super) fn take(&mut self, data: &mut impl bytes::Buf, keep: usize) {
        while data.has_remaining() {
            let chunk = data.chunk();
            let (length, free) = (chunk.len(), keep.saturating_sub(self.body.len()));
            self.cut |= length > free;
            self.body.extend_from_slice(&chunk[..length.min(free)]);
            data.advance(length);
        }
    }
}

fn refused(error: impl Into<BoxError>) -> String {
    let error: BoxError = error.into();
    format!("the service gave an error instead of an answer: {error}")
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a text".to_owned())
}
