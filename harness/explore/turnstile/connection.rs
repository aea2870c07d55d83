//! One relayed connection: what is held in each direction, and who uses it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::framing::Framing;

/// Bytes that are taken off a side ahead of the one across.
const OUT: usize = 256 * 1024;
/// Bytes of held messages that are kept in memory; what is longer waits in the kernel.
const HELD: usize = 16 * 1024 * 1024;

/// An end of a relayed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Service,
    Backend,
}

/// A connection of the service, and the one to the backend behind it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Place among the relays.
    pub(super) relay: usize,
    /// From the service to the backend.
    pub(super) up: Flow,
    /// From the backend to the service.
    pub(super) down: Flow,
    /// Of what the service sends.
    pub(super) framing: Framing,
    /// The request that used it last, in this execution.
    pub(super) user: Option<usize>,
    /// Whose bytes the service sent last, in this execution; the inner one is none for nobody's.
    pub(super) last: Option<Option<usize>>,
    /// Requests whose messages have gone out and whose answers have not gone in, in order.
    waiting: VecDeque<usize>,
    /// While nothing is held: whether bytes have gone out since the last ones came in.
    pub(super) unanswered: bool,
    /// Messages that came while nobody was at work.
    pub(super) idle: u64,
    /// Messages that came while somebody was, and nothing was held.
    pub(super) used: u64,
    /// Whether it is used for something else than requests.
    pub(super) background: bool,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// What is held, in order.
    pub(super) held: VecDeque<Held>,
    /// What may go.
    pub(super) out: BytesMut,
    /// Nothing comes after what may go.
    end: bool,
    /// The end has come, though it may be held.
    came_to_end: bool,
    /// Whose message has been let go last, as long as more of it may come.
    pub(super) open_for: Option<usize>,
    /// Rings when something may go.
    pub(super) bell: Rc<Notify>,
    /// Rings when there is room again.
    pub(super) room: Rc<Notify>,
}

/// A message that is held.
#[derive(Debug)]
pub(super) struct Held {
    /// Whose it is; none for what belongs to nobody and stands behind another's.
    pub(super) owner: Option<usize>,
    /// The event since when.
    pub(super) since: u64,
    pub(super) bytes: BytesMut,
    /// The side sends no more after it.
    pub(super) end: bool,
}

/// What a direction has to write.
#[derive(Debug)]
pub(super) enum Flowing {
    Bytes(Bytes),
    /// Now nothing.
    Nothing,
    /// Never again.
    Over,
}

impl Line {
    pub(super) fn new(relay: usize) -> Line {
        Line {
            relay,
            ..Line::default()
        }
    }

    /// Of an execution nothing is known yet.
    pub(super) fn begin(&mut self) {
        self.user = None;
        self.last = None;
        self.waiting.clear();
        (self.up.open_for, self.down.open_for) = (None, None);
    }

    /// What comes from that side.
    pub(super) fn flow(&mut self, from: Side) -> &mut Flow {
        match from {
            Side::Service => &mut self.up,
            Side::Backend => &mut self.down,
        }
    }

    /// Whether what is sent now is more of the message before it.
    pub(super) fn writes_on(&self, owner: Option<usize>) -> bool {
        match (self.up.held.back(), owner) {
            (Some(held), owner) => held.owner == owner,
            (None, Some(request)) => self.up.open_for == Some(request),
            (None, None) => self.last == Some(None) && self.unanswered,
        }
    }

    /// A message of that request has gone out.
    pub(super) fn asked_by(&mut self, request: usize) {
        self.up.open_for = Some(request);
        if self.down.open_for == Some(request) {
            self.down.open_for = None;
        }
        if self.waiting.back() != Some(&request) {
            self.waiting.push_back(request);
        }
    }

    /// The first of an answer to that request has gone in.
    pub(super) fn answered(&mut self, request: usize) {
        self.down.open_for = Some(request);
        if self.up.open_for == Some(request) {
            self.up.open_for = None;
        }
        self.waiting.retain(|waiting| *waiting != request);
    }

    /// Whether a message of that request has gone out and its answer has not come.
    pub(super) fn waits(&self, request: usize) -> bool {
        self.waiting.contains(&request)
    }

    /// Whose answer comes: answers come in order, and whoever moves and waits here is the one who set this one free.
    pub(super) fn answer_for(&self, mover: Option<usize>) -> Option<usize> {
        mover
            .filter(|mover| self.waits(*mover))
            .or(self.waiting.front().copied())
            .or(self.down.open_for)
    }

    /// Says whether it is used for something else than requests: it is as busy while nobody is at work as while somebody is.
    /// Of what comes seldom nobody can tell, and whatever is not known is held.
    pub(super) fn classify(&mut self, idle: Duration, work: Duration) {
        /// Messages while nobody is at work that are no accident.
        const REGULAR: u64 = 2;
        /// How much busier it may seem.
        const MARGIN: f64 = 2.0;
        let share = work.as_secs_f64() / idle.as_secs_f64().max(f64::EPSILON);
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
        let (idle, used) = (self.idle as f64, self.used as f64);
        self.background = self.idle >= REGULAR && used <= MARGIN * idle * share + 1.0;
    }
}

impl Flow {
    /// Lets bytes through, or behind what is held.
    pub(super) fn put(&mut self, owner: Option<usize>, since: u64, bytes: &[u8]) {
        if self.held.is_empty() {
            self.out.extend_from_slice(bytes);
            self.bell.notify_one();
        } else {
            self.append(owner, since, bytes);
        }
    }

    /// Holds bytes.
    pub(super) fn hold(&mut self, owner: usize, since: u64, bytes: &[u8]) {
        self.append(Some(owner), since, bytes);
    }

    fn append(&mut self, owner: Option<usize>, since: u64, bytes: &[u8]) {
        match self.held.back_mut() {
            Some(last) if last.owner == owner || owner.is_none() => {
                last.bytes.extend_from_slice(bytes)
            }
            _ => self.held.push_back(Held::new(owner, since, bytes)),
        }
    }

    /// Lets the first of what is held go.
    pub(super) fn release(&mut self) -> Option<Bytes> {
        let held = self.held.pop_front()?;
        let bytes = held.bytes.freeze();
        self.out.extend_from_slice(&bytes);
        self.end |= held.end;
        self.bell.notify_one();
        self.room.notify_one();
        Some(bytes)
    }

    /// Lets everything go that is held.
    pub(super) fn flush(&mut self) {
        while self.release().is_some() {}
    }

    /// The side sends no more.
    pub(super) fn end(&mut self) {
        self.came_to_end = true;
        match self.held.back_mut() {
            Some(last) => last.end = true,
            None => self.end = true,
        }
        self.bell.notify_one();
    }

    /// Whether the side sends no more.
    pub(super) fn ended(&self) -> bool {
        self.came_to_end
    }

    /// Takes what may go.
    pub(super) fn take_out(&mut self) -> Flowing {
        if !self.out.is_empty() {
            self.room.notify_one();
            return Flowing::Bytes(self.out.split().freeze());
        }
        match self.end {
            true => Flowing::Over,
            false => Flowing::Nothing,
        }
    }

    /// Whether nothing more is to be read for now.
    pub(super) fn full(&self) -> bool {
        let held: usize = self.held.iter().map(|held| held.bytes.len()).sum();
        self.out.len() >= OUT || held >= HELD
    }
}
