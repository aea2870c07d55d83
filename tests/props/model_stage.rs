//! A stage in memory: requests are small programs over one shared slot, a few locks and background work.

use std::collections::BTreeMap;

use crosswire::explore::{
    Detail, Execution, ExecutionEnd, Guide, Oracle, Point, Stage, StageError, Weighed,
};
use crosswire::history::{
    Cause, Doubts, Exchange, Move, Outcome, Phase, Planted, PointCounts, Raced, Record,
    RequestLine, Schedule, StepEnd, StepTold, Way,
};
use crosswire::identity::UserId;

/// What a request does in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Nothing that others could see.
    Work,
    /// Writes its user into the slot.
    Write,
    /// Answers with what the slot holds.
    Read,
    /// Takes that lock, and waits while another one has it.
    Lock(usize),
    /// Gives it back.
    Unlock(usize),
    /// Leaves behind work in the background, which empties the slot.
    Spawn,
    /// Goes on only when the slot is somebody else's; until then it is busy.
    Spin,
    /// Is over at once in every second execution.
    Flaky,
    /// The service breaks down in that execution, from 1.
    Break(u64),
}

/// What the programs have done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    at: Vec<usize>,
    is_gone: Vec<bool>,
    slot: Option<usize>,
    locks: BTreeMap<usize, usize>,
    background: usize,
    last: Option<Move>,
    /// What each request is answered with: whose the slot was.
    pub(crate) answers: Vec<Option<usize>>,
}

/// The programs, and how the service behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) programs: Vec<Vec<Op>>,
    pub(crate) turnstile: bool,
    /// That a lock is taken shows only when it is tried.
    pub(crate) finds_out_late: bool,
    pub(crate) cancels: bool,
    pub(crate) moves: usize,
    pub(crate) environment: String,
}

impl Model {
    pub(crate) fn new(programs: &[&[Op]]) -> Model {
        Model {
            programs: programs.iter().map(|program| program.to_vec()).collect(),
            moves: 1_000,
            environment: "model-1".to_owned(),
            ..Model::default()
        }
    }

    pub(crate) fn start(&self) -> State {
        let requests = self.programs.len();
        State {
            at: vec![0; requests],
            is_gone: vec![false; requests],
            slot: None,
            locks: BTreeMap::new(),
            background: 0,
            last: None,
            answers: vec![None; requests],
        }
    }

    fn is_over(&self, state: &State, request: usize) -> bool {
        state.is_gone[request] || state.at[request] >= self.programs[request].len()
    }

    pub(crate) fn is_complete(&self, state: &State) -> bool {
        (0..self.programs.len()).all(|request| self.is_over(state, request))
    }

    fn is_blocked(&self, state: &State, request: usize) -> bool {
        match self.programs[request].get(state.at[request]) {
            Some(Op::Lock(lock)) => state.locks.contains_key(lock),
            _ => false,
        }
    }

    /// What can go on, the one that went on last first.
    pub(crate) fn enabled(&self, state: &State, late: bool) -> Vec<Move> {
        let requests = 0..self.programs.len();
        let live = requests.filter(|request| !self.is_over(state, *request));
        let live: Vec<usize> = live.collect();
        let ready = live
            .iter()
            .filter(|request| late || !self.is_blocked(state, **request));
        let mut enabled: Vec<Move> = ready.map(|request| Move::Request(*request as u8)).collect();
        if state.background > 0 {
            enabled.push(Move::Background);
        }
        if self.cancels {
            enabled.extend(live.iter().map(|request| Move::Cancel(*request as u8)));
        }
        if let Some(last) = state.last
            && let Some(place) = enabled.iter().position(|mv| *mv == last)
        {
            enabled[..=place].rotate_right(1);
        }
        enabled
    }

    pub(crate) fn apply(&self, state: &mut State, mv: Move, execution: u64) {
        state.last = Some(mv);
        match mv {
            Move::Background => {
                state.background -= 1;
                state.slot = None;
            }
            Move::Cancel(request) => {
                let request = usize::from(request);
                state.is_gone[request] = true;
                state.locks.retain(|_, holder| *holder != request);
            }
            Move::Time => {}
            Move::Request(request) => self.step(state, usize::from(request), execution),
        }
    }

    fn step(&self, state: &mut State, request: usize, execution: u64) {
        match self.programs[request][state.at[request]] {
            Op::Work | Op::Break(_) => {}
            Op::Write => state.slot = Some(request),
            Op::Read => state.answers[request] = state.slot,
            Op::Lock(lock) => {
                state.locks.insert(lock, request);
            }
            Op::Unlock(lock) => {
                state.locks.remove(&lock);
            }
            Op::Spawn => state.background += 1,
            Op::Spin => {
                if state.slot.is_none_or(|owner| owner == request) {
                    return;
                }
            }
            Op::Flaky => {
                if execution.is_multiple_of(2) {
                    state.at[request] = usize::MAX - 1;
                }
            }
        }
        state.at[request] += 1;
    }

    /// Every complete schedule with its preemptions and answers, by plain recursion.
    pub(crate) fn enumerate(&self) -> BTreeMap<Schedule, (u32, State)> {
        let mut all = BTreeMap::new();
        self.go_on(&self.start(), &mut Vec::new(), 0, &mut all);
        all
    }

    fn go_on(
        &self,
        state: &State,
        moves: &mut Vec<Move>,
        preemptions: u32,
        all: &mut BTreeMap<Schedule, (u32, State)>,
    ) {
        let enabled = self.enabled(state, false);
        if self.is_complete(state) || enabled.is_empty() {
            let before = all.insert(Schedule(moves.clone()), (preemptions, state.clone()));
            assert!(before.is_none());
            return;
        }
        let continues = state.last.is_some_and(|last| enabled.contains(&last));
        for mv in &enabled {
            let costs = continues && state.last != Some(*mv);
            let mut next = state.clone();
            self.apply(&mut next, *mv, 0);
            moves.push(*mv);
            self.go_on(&next, moves, preemptions + u32::from(costs), all);
            moves.pop();
        }
    }
}

/// Ids of what is exposed by these answers, sorted.
pub(crate) fn exposures(answers: &[Option<usize>]) -> Vec<String> {
    let mut ids: Vec<String> = crossings(answers)
        .map(|(viewer, victim)| format!("{viewer} saw {victim}"))
        .collect();
    ids.sort_unstable();
    ids
}

fn crossings(answers: &[Option<usize>]) -> impl Iterator<Item = (usize, usize)> {
    let answers = answers.iter().enumerate();
    answers.filter_map(|(viewer, owner)| Some((viewer, (*owner)?)).filter(|pair| pair.0 != pair.1))
}

/// Runs a model.
#[derive(Debug)]
pub(crate) struct ModelStage {
    pub(crate) model: Model,
    executions: u64,
    state: State,
}

impl ModelStage {
    pub(crate) fn new(model: &Model) -> ModelStage {
        ModelStage {
            state: model.start(),
            model: model.clone(),
            executions: 0,
        }
    }

    /// Does the move that the guide chooses; `None` when it chooses none, or none is possible after all.
    fn move_on(&mut self, step: usize, guide: &mut dyn Guide) -> Result<Move, ExecutionEnd> {
        let mut enabled = self.model.enabled(&self.state, self.model.finds_out_late);
        loop {
            if enabled.is_empty() {
                let waits = (0..self.model.programs.len())
                    .filter(|request| !self.model.is_over(&self.state, *request));
                return Err(ExecutionEnd::Stuck {
                    waiting: waits.collect(),
                });
            }
            let point = Point {
                step,
                enabled: &enabled,
                continues: enabled.first().copied() == self.state.last,
            };
            let mv = guide.choose(&point).ok_or(ExecutionEnd::Abandoned)?;
            assert!(enabled.contains(&mv), "{mv} is not possible");
            if let Move::Request(request) = mv
                && self.model.is_blocked(&self.state, usize::from(request))
            {
                guide.void(mv);
                enabled.retain(|other| *other != mv);
                continue;
            }
            self.model.apply(&mut self.state, mv, self.executions);
            return Ok(mv);
        }
    }

    fn exchange(&self, request: usize, phase: Phase, volley: Option<u32>, body: String) -> Record {
        Record::Exchange(Exchange {
            id: 77,
            user: UserId(request as u32),
            step: 0,
            phase,
            round: volley.unwrap_or(0),
            volley,
            connection: 0,
            request: RequestLine {
                method: "GET".into(),
                path: "/".into(),
                body_len: 0,
            },
            sent_ns: request as u64,
            first_byte_ns: None,
            done_ns: 10,
            server: None,
            refused: false,
            followed: false,
            nonce: None,
            provoked: None,
            cut_off: false,
            outcome: Outcome::Answer {
                status: 200,
                head: "HTTP/1.1 200 OK\r\n\r\n".into(),
                body: body.into(),
                cut: false,
            },
        })
    }
}

impl Stage for ModelStage {
    fn way(&self) -> Way {
        if self.model.turnstile {
            Way::Turnstile
        } else {
            Way::InProcess
        }
    }

    fn requests(&self) -> Vec<Raced> {
        (0..self.model.programs.len() as u32)
            .map(|user| Raced {
                user: UserId(user),
                step: 0,
            })
            .collect()
    }

    fn environment(&self) -> String {
        self.model.environment.clone()
    }

    fn warnings(&self) -> Vec<String> {
        vec!["it is a model".to_owned()]
    }

    fn prepare(&mut self) -> Result<Vec<Record>, StageError> {
        let alone = |request| self.exchange(request, Phase::Solo, None, "alone".into());
        Ok((0..self.model.programs.len()).map(alone).collect())
    }

    fn execute(&mut self, guide: &mut dyn Guide, detail: Detail) -> Result<Execution, StageError> {
        self.executions += 1;
        let breaks = self.model.programs.iter().flatten();
        if breaks
            .into_iter()
            .any(|op| *op == Op::Break(self.executions))
        {
            return Err(StageError::new(Cause::Unreachable, "it is gone"));
        }
        self.state = self.model.start();
        let mut moves = Vec::new();
        let end = loop {
            if self.model.is_complete(&self.state) {
                break ExecutionEnd::Complete;
            }
            if moves.len() >= self.model.moves {
                break ExecutionEnd::Endless;
            }
            match self.move_on(moves.len(), guide) {
                Ok(mv) => moves.push(mv),
                Err(end) => break end,
            }
        };
        let steps = match detail {
            Detail::Brief => Vec::new(),
            Detail::Full => steps(&moves),
        };
        let counts = |request: usize| PointCounts {
            explicit: moves
                .iter()
                .filter(|mv| **mv == Move::Request(request as u8))
                .count() as u32,
            ..PointCounts::default()
        };
        let points = (0..self.model.programs.len()).map(counts).collect();
        let answers = self.state.answers.iter();
        let outcome = answers.fold(1, |sum, answer| {
            sum * 10 + answer.map_or(9, |owner| owner as u128)
        });
        Ok(Execution {
            points,
            schedule: Schedule(moves),
            end,
            outcome: (!self.model.turnstile).then_some(outcome),
            doubts: Doubts::default(),
            steps,
        })
    }

    fn records(&mut self, number: u32) -> Vec<Record> {
        let body = |owner: &Option<usize>| owner.map_or("-".to_owned(), |owner| owner.to_string());
        let answers = self.state.answers.iter().enumerate();
        let raced = answers.map(|(request, owner)| {
            self.exchange(request, Phase::Volley, Some(number), body(owner))
        });
        let read_back = self.exchange(0, Phase::ReadBack, None, "back".into());
        // Through the turnstile the service keeps what was planted, and everybody may read it.
        let planted = self.model.turnstile.then(|| {
            Record::Planted(Planted {
                canary: format!("canary {}", self.executions),
                readers: vec![UserId(0), UserId(1)],
            })
        });
        planted
            .into_iter()
            .chain(raced)
            .chain([read_back])
            .collect()
    }
}

fn steps(moves: &[Move]) -> Vec<StepTold> {
    let last = |place: usize| !moves[place + 1..].contains(&moves[place]);
    let told = moves.iter().enumerate().map(|(place, mv)| StepTold {
        mv: *mv,
        what: format!("step {place}"),
        ended: match mv {
            Move::Request(_) if last(place) => StepEnd::Finished,
            Move::Request(_) => StepEnd::Explicit,
            _ => StepEnd::Other,
        },
        place: None,
        shared: Vec::new(),
        woke: Vec::new(),
        crossed: Vec::new(),
    });
    told.collect()
}

/// The canaries that these records plant.
pub(crate) fn canaries(records: &[Record]) -> Vec<&str> {
    let canaries = records.iter().filter_map(|record| match record {
        Record::Planted(planted) => Some(planted.canary.as_str()),
        _ => None,
    });
    canaries.collect()
}

/// Sees crossings in the bodies of a model's answers.
#[derive(Debug, Default)]
pub(crate) struct ModelOracle {
    outcomes: Vec<Vec<Option<usize>>>,
    prepared: usize,
    canaries: usize,
}

impl Oracle for ModelOracle {
    fn prepare(&mut self, records: &[Record]) {
        assert!(matches!(records[0], Record::Start(_)));
        self.prepared = records.len();
    }

    fn weigh(&mut self, _: Option<u128>, records: &mut dyn FnMut() -> Vec<Record>) -> Weighed {
        assert!(self.prepared > 1, "every request alone comes first");
        let records = records();
        for canary in canaries(&records) {
            // What was planted before may still be seen, so it has to be known, and is told once.
            self.canaries += 1;
            assert_eq!(canary, format!("canary {}", self.canaries));
        }
        let raced = records.iter().filter_map(|record| match record {
            Record::Exchange(exchange) if exchange.phase == Phase::Volley => Some(exchange),
            _ => None,
        });
        let answers: Vec<Option<usize>> = raced
            .map(|exchange| match &exchange.outcome {
                Outcome::Answer { body, .. } => String::from_utf8_lossy(body).parse().ok(),
                Outcome::Failed { .. } => None,
            })
            .collect();
        let known = self.outcomes.iter().position(|known| *known == answers);
        let outcome = known.unwrap_or_else(|| {
            self.outcomes.push(answers.clone());
            self.outcomes.len() - 1
        });
        Weighed {
            outcome,
            what: format!("{answers:?}"),
            exposures: exposures(&answers),
            crossed: crossings(&answers)
                .map(|(viewer, victim)| (viewer, vec![UserId(victim as u32)]))
                .collect(),
        }
    }
}
