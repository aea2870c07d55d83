//! The controlled part of an execution: who can go on, the moves, and when each is over.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::board::{Board, Front, Mode, Released, State};
use super::client::Client;
use super::hall::{Off, Shared};
use super::words;
use crate::explore::{Detail, ExecutionEnd, Guide, Point, StageError};
use crate::fire::run::Run;
use crate::history::{Cause, Doubts, Move, PointCounts, Schedule, StepEnd, StepTold};
use crate::scenario::{ExploreSettings, HoldName};

/// How long nothing may come after a mover is held or over: another piece of its message is on its way within that, or
/// the service pauses inside a message, and then the rest is known as one when it comes.
const SETTLE: Duration = Duration::from_micros(200);
/// How long a blocked request may take to show that another's move has woken it.
const WAKE: Duration = Duration::from_millis(10);
/// How long a service may take to notice that a client has gone.
const NOTICE: Duration = Duration::from_millis(20);

/// What holds for all executions of a race.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) hold: Mode,
    /// Whether the client's side is held as well.
    front: bool,
    cancel: bool,
    blocked: Duration,
    /// How long nobody may be able to go on.
    patience: Duration,
    moves: usize,
    keep: usize,
    /// How long nothing may come after a step.
    pub(super) settle: Duration,
}

impl Rules {
    pub(super) fn new(settings: &ExploreSettings, run: &Run<'_>) -> Rules {
        let holds = |name| settings.hold.contains(&name);
        Rules {
            hold: Mode::Hold {
                messages: holds(HoldName::Messages),
                // A client that goes away while an answer is on its way is the point of it.
                answers: holds(HoldName::Answers) || settings.cancel,
            },
            front: holds(HoldName::Front),
            cancel: settings.cancel,
            blocked: Duration::from_millis(settings.blocked_ms),
            patience: run.bounds.timeout,
            moves: usize::try_from(settings.moves).unwrap_or(usize::MAX),
            keep: run.bounds.keep,
            settle: SETTLE,
        }
    }

    /// What is held, for the environment of schedules.
    pub(super) fn told(self) -> String {
        let Mode::Hold { messages, answers } = self.hold else {
            return String::new();
        };
        let all = [
            (messages, "-messages"),
            (answers, "-answers"),
            (self.front, "-front"),
        ];
        let held = all.into_iter().filter(|(held, _)| *held);
        held.map(|(_, name)| name).collect()
    }

    /// The same for a request alone, which cannot be blocked and has time to show how much it does at once.
    pub(super) fn alone(self) -> Rules {
        /// Longer than a service takes between two messages that wait for nothing.
        const SHOW: Duration = Duration::from_millis(25);
        Rules {
            cancel: false,
            settle: SHOW.min(self.blocked),
            blocked: self.patience,
            ..self
        }
    }

    /// The same with nothing held.
    pub(super) fn passing(self) -> Rules {
        Rules {
            hold: Mode::Pass,
            ..self
        }
    }

    pub(super) fn keep(self) -> usize {
        self.keep
    }

    pub(super) fn patience(self) -> Duration {
        self.patience
    }

    /// Whether the client's side has steps of its own.
    pub(super) fn holds_front(self) -> bool {
        self.front
    }
}

/// One execution's controlled part.
pub(super) struct Course<'c, 'a> {
    pub(super) shared: &'c Shared<'a>,
    pub(super) run: &'c mut Run<'a>,
    pub(super) rules: Rules,
    pub(super) clients: Vec<Client>,
    /// Hosts of the requests.
    pub(super) hosts: Vec<usize>,
    pub(super) detail: Detail,
    pub(super) schedule: Schedule,
    pub(super) points: Vec<PointCounts>,
    pub(super) steps: Vec<StepTold>,
    /// Moves of each request so far.
    pub(super) taken: Vec<usize>,
    /// How many things each request held after each of its moves.
    pub(super) widths: Vec<Vec<usize>>,
    /// How many it held when it had its answer.
    pub(super) late: Vec<usize>,
}

impl Course<'_, '_> {
    fn board(&self) -> &Rc<Board> {
        &self.shared.board
    }

    /// Asks the guide and moves, until nobody is left or something ends it.
    pub(super) async fn moves(&mut self, guide: &mut dyn Guide) -> Result<ExecutionEnd, Off> {
        let mut last = None;
        loop {
            if self.all(State::is_over) {
                return Ok(ExecutionEnd::Complete);
            }
            if self.schedule.0.len() >= self.rules.moves {
                return Ok(ExecutionEnd::Endless);
            }
            let enabled = self.enabled(last);
            let can_go_on = enabled.iter().any(|mv| matches!(mv, Move::Request(_)));
            if !can_go_on && self.somebody_wakes(enabled.is_empty()).await {
                continue;
            }
            if enabled.is_empty() {
                let count = self.clients.len();
                let state = self.board().state.borrow();
                let waiting = (0..count).filter(|place| !state.is_over(*place)).collect();
                return Ok(ExecutionEnd::Stuck { waiting });
            }
            let point = Point {
                step: self.schedule.0.len(),
                enabled: &enabled,
                continues: last == enabled.first().copied(),
            };
            let Some(mv) = guide.choose(&point) else {
                return Ok(ExecutionEnd::Abandoned);
            };
            if !enabled.contains(&mv) {
                // Whoever asks for it is told so, and nothing has changed.
                guide.void(mv);
                continue;
            }
            self.make(mv).await?;
            last = Some(mv).filter(|mv| matches!(mv, Move::Request(_)));
        }
    }

    fn all(&self, holds: impl Fn(&State, usize) -> bool) -> bool {
        let state = self.board().state.borrow();
        (0..self.clients.len()).all(|place| holds(&state, place))
    }

    /// Who can go on: the last one first, then the requests, then those whose client can go away.
    fn enabled(&self, last: Option<Move>) -> Vec<Move> {
        let state = self.board().state.borrow();
        let places =
            || (0..self.clients.len()).filter_map(|place| Some((place, u8::try_from(place).ok()?)));
        let mut enabled: Vec<Move> = places()
            .filter(|(place, _)| state.can_go(*place))
            .map(|(_, number)| Move::Request(number))
            .collect();
        if let Some(at) = enabled.iter().position(|mv| Some(*mv) == last) {
            enabled[..=at].rotate_right(1);
        }
        let leaves = |place: usize| {
            let seen = &state.requests[place];
            let is_sent = !matches!(seen.front, Front::Unsent | Front::Over);
            is_sent && (state.holds(place) > 0 || seen.blocked.is_some())
        };
        if self.rules.cancel {
            let cancels = places().filter(|(place, _)| leaves(*place));
            enabled.extend(cancels.map(|(_, number)| Move::Cancel(number)));
        }
        enabled
    }

    /// Waits until somebody can go on after all; where clients could go away instead, only as long as others may be blocked.
    async fn somebody_wakes(&self, nothing_else: bool) -> bool {
        let patience = match nothing_else {
            true => self.rules.patience,
            false => self.rules.blocked,
        };
        let until = Instant::now() + patience;
        let count = self.clients.len();
        let wakes = |state: &State| {
            let mut places = 0..count;
            places.any(|place| state.can_go(place)) || (0..count).all(|place| state.is_over(place))
        };
        let woke = self.board().wait(wakes, |_| until).await;
        if woke {
            self.board().settle(self.rules.settle).await;
        }
        woke
    }

    /// Makes a move and waits until it is over.
    async fn make(&mut self, mv: Move) -> Result<(), Off> {
        let Some(place) = mv.request() else {
            return Ok(());
        };
        let blocked: Vec<usize> = {
            let mut state = self.board().state.borrow_mut();
            state.mover = Some(place);
            let others = (0..state.requests.len()).filter(|other| *other != place);
            others
                .filter(|other| state.requests[*other].blocked.is_some())
                .collect()
        };
        let was_over = self.front(place) == Front::Over;
        let what = match mv {
            Move::Cancel(_) => self.cancel(place).await,
            _ => self.go_on(place).await?,
        };
        self.let_wake(&blocked).await;
        let state = &mut self.shared.board.state.borrow_mut();
        state.mover = None;
        let is_over = state.requests[place].front == Front::Over;
        let ended = ending(state, place, is_over && !was_over);
        let points = &mut self.points[place];
        match ended {
            StepEnd::Backend => points.backend += 1,
            StepEnd::Front => points.front += 1,
            StepEnd::Blocked => points.natural += 1,
            _ => {}
        }
        self.widths[place].push(state.holds(place));
        if is_over && !was_over {
            self.late[place] = state.holds(place);
        }
        self.schedule.0.push(mv);
        if self.detail == Detail::Full {
            let wakes = |other: &usize| state.can_go(*other);
            let woke = blocked
                .into_iter()
                .filter(wakes)
                .filter_map(|other| u8::try_from(other).ok());
            let answer = self.clients[place]
                .status()
                .filter(|_| is_over && !was_over);
            self.steps.push(StepTold {
                mv,
                what: match answer {
                    Some(status) => words::with(&what, &format!("; answered {status}")),
                    None => what,
                },
                ended,
                place: None,
                shared: Vec::new(),
                woke: woke.map(Move::Request).collect(),
                crossed: Vec::new(),
            });
        }
        Ok(())
    }

    fn front(&self, place: usize) -> Front {
        self.board().state.borrow().requests[place].front
    }

    /// Sends the request, or lets go what of it has been held longest; then waits for where that leads.
    async fn go_on(&mut self, place: usize) -> Result<String, Off> {
        let board = Rc::clone(self.board());
        let turn = self.taken[place];
        self.taken[place] += 1;
        let is_first = self.front(place) == Front::Unsent;
        let what = if is_first {
            self.begin(place);
            let request = self.clients[place].request();
            let path = request.path.split('?').next().unwrap_or_default();
            words::shown(&format!("{} {path}", request.method), &self.run.redactor)
        } else {
            let released = board.state.borrow_mut().release(place);
            self.told(released.as_ref())
        };
        self.wait_for(place, turn).await;
        if is_first && self.clients[place].was_closed_idle() {
            // As browsers do; nothing of it has reached the service.
            let fresh = self.run.pool.fresh(self.hosts[place]).await;
            let fresh =
                fresh.map_err(|why| Off::Failed(StageError::new(Cause::Unreachable, why)))?;
            self.clients[place].again(fresh);
            self.begin(place);
            self.wait_for(place, turn).await;
        }
        board.settle(self.rules.settle).await;
        Ok(what)
    }

    fn begin(&mut self, place: usize) {
        let (rules, clock) = (self.rules, self.run.bounds.clock);
        self.clients[place].begin(&self.shared.board, rules.front, rules.keep, clock);
    }

    /// Waits until the mover is held, is over, or gives no sign of life for so long that it counts as blocked.
    async fn wait_for(&mut self, place: usize, turn: usize) {
        let board = self.board();
        let (wanted, late) = {
            let state = board.state.borrow();
            let alone = state.alone.get(place);
            let wanted = alone.and_then(|alone| alone.widths.get(turn)).copied();
            let was_over = state.requests[place].front == Front::Over;
            match was_over {
                // What goes on after the answer has steps of its own; after a failure nothing may.
                true if self.clients[place].has_failed() => (0, 0),
                true => (0, wanted.unwrap_or(0)),
                false => (
                    wanted.unwrap_or(1).max(1),
                    alone.map_or(0, |alone| alone.late),
                ),
            }
        };
        let (begun, client) = (Instant::now(), &self.clients[place]);
        let there = |state: &State| {
            let (seen, holds) = (&state.requests[place], state.holds(place));
            match (seen.front == Front::Over, seen.cancelled) {
                (_, true) => holds > 0,
                (true, false) => holds >= late || client.has_failed(),
                (false, false) => holds >= wanted,
            }
        };
        let until = |state: &State| {
            let seen = &state.requests[place];
            // For a client that has gone nothing may be done any more.
            let patience = match seen.cancelled {
                true => NOTICE.min(self.rules.blocked),
                false => self.rules.blocked,
            };
            seen.sign.map_or(begun, |sign| sign.max(begun)) + patience
        };
        if board.wait(there, until).await {
            return;
        }
        let mut state = board.state.borrow_mut();
        if state.requests[place].front != Front::Over && state.holds(place) == 0 {
            state.requests[place].blocked = Some(Instant::now());
        }
    }

    /// The client goes away; then the service has time to notice.
    async fn cancel(&mut self, place: usize) -> String {
        let why = format!("its client went away (X{})", place + 1);
        self.clients[place].go_away(why, true);
        let board = self.board();
        {
            let mut state = board.state.borrow_mut();
            let seen = &mut state.requests[place];
            (seen.cancelled, seen.front, seen.blocked) = (true, Front::Over, None);
        }
        let begun = Instant::now();
        let notice = NOTICE.min(self.rules.blocked);
        let held = board.state.borrow().holds(place);
        // It may roll something back, close its connection, go on as if nothing had been, or be through with it.
        let noticed = |state: &State| state.holds(place) != held;
        let quiet = |state: &State| {
            let sign = state.requests[place].sign;
            sign.map_or(begun, |sign| sign.max(begun)) + notice
        };
        board.wait(noticed, quiet).await;
        board.settle(self.rules.settle).await;
        "the client goes away".to_owned()
    }

    /// Waits for those who may have been woken by the move.
    async fn let_wake(&self, blocked: &[usize]) {
        let board = self.board();
        let begun = Instant::now();
        for other in blocked {
            let there =
                |state: &State| state.requests[*other].blocked.is_none() || state.is_over(*other);
            let until = |state: &State| {
                let seen = &state.requests[*other];
                // Who has given a sign since is on its way.
                match (seen.sign, seen.blocked) {
                    (Some(sign), Some(since)) if sign > since => sign + self.rules.blocked,
                    _ => begun + WAKE,
                }
            };
            if board.wait(there, until).await {
                board.settle(self.rules.settle).await;
            } else if let Some(seen) = board.state.borrow_mut().requests.get_mut(*other)
                && seen.sign > seen.blocked
            {
                // It went on, and waits for something else now.
                seen.blocked = seen.blocked.map(|_| Instant::now());
            }
        }
    }

    /// What was let go, in words.
    fn told(&self, released: Option<&Released>) -> String {
        if self.detail == Detail::Brief {
            return String::new();
        }
        let backend = |relay: usize| self.shared.through[relay].0.backend();
        match released {
            Some(Released::Message(relay, bytes)) => {
                words::message(bytes, &backend(*relay), &self.run.redactor)
            }
            Some(Released::Answer(relay, bytes)) => words::answer(bytes, &backend(*relay)),
            Some(Released::Half) => "the second half of the body".to_owned(),
            Some(Released::Reading) => "reads its answer".to_owned(),
            None => "nothing".to_owned(),
        }
    }

    /// What speaks against the execution being repeatable.
    pub(super) fn doubts(&self, end: &ExecutionEnd) -> Doubts {
        Doubts {
            stuck: u64::from(matches!(end, ExecutionEnd::Stuck { .. })),
            endless: u64::from(matches!(end, ExecutionEnd::Endless)),
            background_messages: self.board().state.borrow().background,
            ..Doubts::default()
        }
    }

    /// Holds nothing any more; who is still under way comes to its end, or is ended.
    pub(super) async fn let_go(&mut self, end: &ExecutionEnd) {
        let board = Rc::clone(self.board());
        if let ExecutionEnd::Stuck { waiting } = end {
            for place in waiting {
                let why = "it waited for another request, or for something that never came";
                self.clients[*place].go_away(why.to_owned(), false);
            }
        }
        board.state.borrow_mut().pass(Mode::Pass);
        for wake in &board.state.borrow().requests {
            wake.go.notify_one();
        }
        if *end != ExecutionEnd::Complete {
            /// Everything that goes on after the guide has ended an execution is of no use to anybody.
            const RUN_OUT: u32 = 3;
            let sent: Vec<usize> = (0..self.clients.len())
                .filter(|place| !matches!(self.front(*place), Front::Unsent | Front::Over))
                .collect();
            let until = Instant::now() + self.rules.blocked * RUN_OUT;
            let over = |state: &State| {
                // Both of a body's halves and the reading may be waited for in turn.
                let held = |front| matches!(front, Front::Half(_) | Front::Answered(_));
                for seen in state.requests.iter().filter(|seen| held(seen.front)) {
                    seen.go.notify_one();
                }
                sent.iter()
                    .all(|place| state.requests[*place].front == Front::Over)
            };
            board.wait(over, |_| until).await;
        }
        for client in &mut self.clients {
            client.go_away(
                "the execution was ended before its answer came".to_owned(),
                false,
            );
        }
        board.settle(SETTLE).await;
    }
}

/// How a request's step has ended.
fn ending(state: &State, place: usize, is_over_now: bool) -> StepEnd {
    let seen = &state.requests[place];
    let fronts = usize::from(matches!(seen.front, Front::Half(_) | Front::Answered(_)));
    match state.holds(place) {
        _ if is_over_now => StepEnd::Finished,
        0 if seen.blocked.is_some() => StepEnd::Blocked,
        0 => StepEnd::Other,
        held if held > fronts => StepEnd::Backend,
        _ => StepEnd::Front,
    }
}
