//! What is held, whose it is, and what may go: the state that relays and clients share with the stage, on one thread.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection::{Flow, Flowing, Held, Line, Side};

/// The state and the bell that rings when it changes.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) state: RefCell<State>,
    changed: Notify,
    /// Rises with every change.
    events: Cell<u64>,
}

/// What is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing; messages are counted as those of nobody.
    #[default]
    Idle,
    /// Nothing; messages are counted as those of the service's work.
    Pass,
    /// What belongs to a request.
    Hold {
        /// Whether messages to a backend are.
        messages: bool,
        /// Whether answers of a backend are.
        answers: bool,
    },
}

/// Where a controlled request's client stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Front {
    /// Nothing has left.
    #[default]
    Unsent,
    /// The second half of the body is held; since that event.
    Half(u64),
    /// All of it has left.
    Sent,
    /// The answer has begun to come, and is not read; since that event.
    Answered(u64),
    /// Its whole answer is there, or it never comes.
    Over,
}

/// What is known of a request in this execution.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) front: Front,
    /// Lets the client go on.
    pub(super) go: Rc<Notify>,
    /// Since when it counts as blocked.
    pub(super) blocked: Option<Instant>,
    /// Its last sign of life.
    pub(super) sign: Option<Instant>,
    /// Messages to backends so far.
    pub(super) messages: usize,
    /// The client has gone.
    pub(super) cancelled: bool,
    /// Hashes of the messages.
    pub(super) hashes: Vec<u64>,
}

/// What was learnt of a request by running it alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Alone {
    /// How many things it holds after each of its moves.
    pub(super) widths: Vec<usize>,
    /// How many things it still holds when its answer is there: work that goes on afterwards.
    pub(super) late: usize,
    /// Messages to backends.
    pub(super) messages: usize,
    /// Hashes of those.
    pub(super) hashes: Vec<u64>,
}

/// Something that was let go.
#[derive(Clone, Debug)]
pub(super) enum Released {
    /// A message to the backend of that relay.
    Message(usize, Bytes),
    /// An answer of the backend of that relay.
    Answer(usize, Bytes),
    /// The second half of the body.
    Half,
    /// The reading of the answer.
    Reading,
}

/// Everything that relays, clients and the stage share.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) mode: Mode,
    pub(super) lines: BTreeMap<u64, Line>,
    /// Connections of the service so far.
    pub(super) opened: u64,
    /// Relays through which one has come.
    pub(super) reached: BTreeSet<usize>,
    /// How many connections each relay's backend has ended, since somebody began to count.
    pub(super) ended_by: BTreeMap<usize, u64>,
    serial: u64,
    /// Who moves.
    pub(super) mover: Option<usize>,
    pub(super) requests: Vec<Seen>,
    pub(super) alone: Vec<Alone>,
    /// Messages of this execution that belong to no request.
    pub(super) background: u64,
    /// Messages while nobody was at work.
    pub(super) idle_messages: u64,
    /// Messages while somebody was.
    pub(super) messages: u64,
    /// What went wrong with a backend, each once.
    pub(super) troubles: Vec<String>,
    /// How many of those were told.
    pub(super) troubles_told: usize,
    /// The last event on any relay.
    pub(super) last: Option<Instant>,
}

impl Board {
    /// Something has changed.
    pub(super) fn ring(&self) {
        self.events.set(self.events.get() + 1);
        self.state.borrow_mut().last = Some(Instant::now());
        self.changed.notify_one();
    }

    /// Waits until the condition holds; false when the time that is said anew after each event is over before.
    pub(super) async fn wait(
        &self,
        mut holds: impl FnMut(&State) -> bool,
        mut until: impl FnMut(&State) -> Instant,
    ) -> bool {
        loop {
            let until = {
                let state = self.state.borrow();
                if holds(&state) {
                    return true;
                }
                until(&state)
            };
            let rung = tokio::time::timeout_at(until, self.changed.notified()).await;
            if rung.is_err() {
                // On a busy machine this process may be the one that was late: what lies in the kernel counts.
                let before = self.events.get();
                self.settle(Duration::ZERO).await;
                if before == self.events.get() {
                    return holds(&self.state.borrow());
                }
            }
        }
    }

    /// Waits until nothing has come for so long, in turns of reading whatever is there; the processor is left to others
    /// meanwhile.
    pub(super) async fn settle(&self, quiet: Duration) {
        /// Turns at least: one hears of what has come, one reads it, one lets what that sets free go.
        const TURNS: u32 = 3;
        /// Times the quiet, or turns, after which it will not come: something sends without a pause.
        const MOST: u32 = 20;
        let begun = Instant::now();
        let mut all = 0;
        let mut seen = self.events.get();
        let (mut since, mut turns) = (Instant::now(), 0);
        while turns < TURNS || since.elapsed() < quiet {
            std::thread::yield_now();
            tokio::task::yield_now().await;
            (turns, all) = (turns + 1, all + 1);
            if all >= MOST && begun.elapsed() > quiet * MOST {
                return;
            }
            if self.events.get() != seen {
                (seen, since, turns) = (self.events.get(), Instant::now(), 0);
            }
        }
    }

    /// A new connection of the service, through that relay; its number.
    pub(super) fn opened(&self, relay: usize) -> u64 {
        let mut state = self.state.borrow_mut();
        state.reached(relay);
        let number = state.opened;
        state.lines.insert(number, Line::new(relay));
        number
    }

    /// A connection is over, and what was held on it with it.
    pub(super) fn closed(&self, line: u64) {
        self.state.borrow_mut().lines.remove(&line);
        self.ring();
    }

    /// Bytes have come from that side of a connection.
    pub(super) fn came(&self, line: u64, from: Side, bytes: &[u8]) {
        let is_background = {
            let mut state = self.state.borrow_mut();
            match from {
                Side::Service => state.message(line, bytes),
                Side::Backend => state.answer(line, bytes),
            }
            state.lines.get(&line).is_some_and(|line| line.background)
        };
        // Nobody waits for what is always under way, nor for its end.
        if !is_background {
            self.ring();
        }
    }

    /// That side of a connection sends no more.
    pub(super) fn ended(&self, line: u64, from: Side) {
        let mut ended_by = None;
        if let Some(line) = self.state.borrow_mut().lines.get_mut(&line) {
            let is_first = !line.flow(Side::Service).ended();
            ended_by = (from == Side::Backend && is_first).then_some(line.relay);
            if from == Side::Service {
                // Who reads no answers any more is not to be waited for.
                line.down.flush();
            }
            line.flow(from).end();
        }
        if let Some(relay) = ended_by {
            *self.state.borrow_mut().ended_by.entry(relay).or_default() += 1;
        }
        self.ring();
    }

    /// What is to be written next to the side across.
    pub(super) fn next_out(&self, line: u64, from: Side) -> Flowing {
        match self.state.borrow_mut().lines.get_mut(&line) {
            Some(line) => line.flow(from).take_out(),
            None => Flowing::Over,
        }
    }

    /// Whether that side may be read, and the bell that rings when that changes.
    pub(super) fn room(&self, line: u64, from: Side) -> Option<Rc<Notify>> {
        let mut state = self.state.borrow_mut();
        let flow = state.lines.get_mut(&line)?.flow(from);
        flow.full().then(|| Rc::clone(&flow.room))
    }

    /// The bell that rings when there is something to write.
    pub(super) fn bell(&self, line: u64, from: Side) -> Rc<Notify> {
        let mut state = self.state.borrow_mut();
        let line = state.lines.get_mut(&line);
        line.map(|line| Rc::clone(&line.flow(from).bell))
            .unwrap_or_default()
    }

    /// Where a client stands now.
    pub(super) fn front(&self, request: usize, front: impl FnOnce(u64) -> Front) {
        {
            let mut state = self.state.borrow_mut();
            state.serial += 1;
            let serial = state.serial;
            if let Some(seen) = state.requests.get_mut(request) {
                seen.front = front(serial);
                seen.sign = Some(Instant::now());
            }
        }
        self.ring();
    }

    /// What went wrong with a backend.
    pub(super) fn trouble(&self, text: String) {
        let mut state = self.state.borrow_mut();
        if !state.troubles.contains(&text) {
            state.troubles.push(text);
        }
    }
}

impl State {
    /// Whether no connection of the service has come yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.opened == 0
    }

    /// From now on what belongs to one of so many requests is held.
    pub(super) fn begin(&mut self, requests: usize, mode: Mode) {
        self.requests = (0..requests).map(|_| Seen::default()).collect();
        self.background = 0;
        self.mover = None;
        for line in self.lines.values_mut() {
            line.begin();
        }
        self.mode = mode;
    }

    /// Finds the connections that are used for something else than requests, from what came in so long a time in which
    /// nobody was at work, and in so long a one in which somebody was.
    pub(super) fn classify(&mut self, idle: Duration, work: Duration) {
        for line in self.lines.values_mut() {
            line.classify(idle, work);
        }
    }

    /// Counts anew.
    pub(super) fn forget_counts(&mut self) {
        for line in self.lines.values_mut() {
            (line.idle, line.used) = (0, 0);
        }
    }

    /// Lets everything go that is held, and holds nothing any more.
    pub(super) fn pass(&mut self, mode: Mode) {
        self.mode = mode;
        self.mover = None;
        for line in self.lines.values_mut() {
            line.up.flush();
            line.down.flush();
        }
    }

    /// How many things of a request are held, behind others' included.
    pub(super) fn holds(&self, request: usize) -> usize {
        let flows = self.lines.values().flat_map(|line| [&line.up, &line.down]);
        let held = flows.flat_map(|flow| &flow.held);
        let front = self.requests.get(request).map(|seen| seen.front);
        held.filter(|held| held.owner == Some(request)).count()
            + usize::from(matches!(front, Some(Front::Half(_) | Front::Answered(_))))
    }

    /// Whether something of a request can be let go, or it has not begun.
    pub(super) fn can_go(&self, request: usize) -> bool {
        let front = self.requests[request].front;
        front == Front::Unsent && !self.requests[request].cancelled
            || self.oldest(request).is_some()
    }

    /// Whether a request has its answer, or its client has gone, and nothing of it is held.
    pub(super) fn is_over(&self, request: usize) -> bool {
        self.requests[request].front == Front::Over && self.holds(request) == 0
    }

    /// What of a request has been held longest and can be let go: the event since when, and where.
    fn oldest(&self, request: usize) -> Option<(u64, Option<(u64, Side)>)> {
        let front = match self.requests[request].front {
            Front::Half(since) | Front::Answered(since) => Some((since, None)),
            _ => None,
        };
        let first = |number: u64, side: Side, flow: &Flow| {
            let held = flow
                .held
                .front()
                .filter(|held| held.owner == Some(request))?;
            Some((held.since, Some((number, side))))
        };
        let lines = self.lines.iter().flat_map(|(number, line)| {
            [
                first(*number, Side::Service, &line.up),
                first(*number, Side::Backend, &line.down),
            ]
        });
        lines.flatten().chain(front).min()
    }

    /// Lets go what of a request has been held longest.
    pub(super) fn release(&mut self, request: usize) -> Option<Released> {
        let (_, place) = self.oldest(request)?;
        let seen = &mut self.requests[request];
        seen.sign = Some(Instant::now());
        seen.blocked = None;
        let Some((number, side)) = place else {
            let released = match seen.front {
                Front::Half(_) => Released::Half,
                _ => Released::Reading,
            };
            seen.front = Front::Sent;
            seen.go.notify_one();
            return Some(released);
        };
        let line = self.lines.get_mut(&number)?;
        let bytes = line.flow(side).release()?;
        Some(match side {
            Side::Service => {
                line.asked_by(request);
                Released::Message(line.relay, bytes)
            }
            Side::Backend => {
                line.answered(request);
                Released::Answer(line.relay, bytes)
            }
        })
    }

    /// The service has sent something to a backend.
    fn message(&mut self, number: u64, bytes: &[u8]) {
        let Mode::Hold { messages, .. } = self.mode else {
            self.passed(number, bytes);
            return;
        };
        let owner = self.whose(number, bytes);
        self.serial += 1;
        let serial = self.serial;
        let Some(line) = self.lines.get_mut(&number) else {
            return;
        };
        line.framing.take(bytes);
        let goes_on = line.writes_on(owner);
        line.last = Some(owner);
        line.unanswered = true;
        let Some(request) = owner else {
            if !goes_on {
                self.background += 1;
            }
            // Behind what is held it has to wait: a stream keeps its order.
            line.up.put(None, serial, bytes);
            return;
        };
        line.user = Some(request);
        let seen = &mut self.requests[request];
        seen.sign = Some(Instant::now());
        if !goes_on {
            seen.messages += 1;
            seen.hashes.push(hash(bytes));
        }
        let rest = goes_on && line.up.held.is_empty();
        if messages && !rest {
            seen.blocked = None;
            line.up.hold(request, serial, bytes);
        } else {
            line.up.put(None, serial, bytes);
            line.asked_by(request);
        }
    }

    fn passed(&mut self, number: u64, bytes: &[u8]) {
        let Some(line) = self.lines.get_mut(&number) else {
            return;
        };
        line.framing.take(bytes);
        if !std::mem::replace(&mut line.unanswered, true) {
            match self.mode {
                Mode::Idle => {
                    line.idle += 1;
                    self.idle_messages += 1;
                }
                _ => {
                    line.used += 1;
                    self.messages += 1;
                }
            }
        }
        line.up.out.extend_from_slice(bytes);
        line.up.bell.notify_one();
    }

    /// A backend has sent something to the service.
    fn answer(&mut self, number: u64, bytes: &[u8]) {
        self.serial += 1;
        let serial = self.serial;
        let Some(line) = self.lines.get_mut(&number) else {
            return;
        };
        line.unanswered = false;
        let holds = matches!(self.mode, Mode::Hold { answers: true, .. });
        // What a backend sends to nobody in particular passes.
        let owner = line.answer_for(self.mover);
        if let Some(seen) = owner.and_then(|owner| self.requests.get_mut(owner)) {
            seen.sign = Some(Instant::now());
        }
        match owner.filter(|_| holds && !line.up.ended()) {
            Some(owner) if line.down.open_for == Some(owner) && line.down.held.is_empty() => {
                line.down.put(None, serial, bytes);
            }
            Some(owner) => {
                line.down.hold(owner, serial, bytes);
                if let Some(seen) = self.requests.get_mut(owner) {
                    seen.blocked = None;
                }
            }
            None => {
                line.down.put(None, serial, bytes);
                if let Some(owner) = owner {
                    line.answered(owner);
                }
            }
        }
    }
}

/// Of a message, to be compared with others of this process.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Held {
    /// Something that is held since that event.
    pub(super) fn new(owner: Option<usize>, since: u64, bytes: &[u8]) -> Held {
        Held {
            owner,
            since,
            bytes: BytesMut::from(bytes),
            end: false,
        }
    }
}
