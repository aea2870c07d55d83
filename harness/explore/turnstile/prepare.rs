//! What comes before all executions: log-in, every request alone, what they hold, and a race in which nothing is held.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::board::{Alone, Mode, State};
use super::control::Course;
use super::first::Early;
use super::hall::{Off, Site};
use super::stage::{Manner, Turnstile};
use crate::explore::{Detail, ExecutionEnd, Guide, Point, StageError};
use crate::history::{Cause, Move, Phase, Record};

/// Lets whoever can go on go on.
struct Onward;

impl Guide for Onward {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        point.enabled.first().copied()
    }

    fn void(&mut self, _: Move) {}
}

impl<'a> Turnstile<'a> {
    /// Runs every request alone, and learns what it does.
    pub(super) fn prepared(&mut self) -> Result<Vec<Record>, StageError> {
        let shared = Rc::clone(&self.shared);
        let mut site = shared.site.borrow_mut();
        let learnt = shared.block_on(async {
            let learnt = self.learn(&mut site).await;
            if matches!(learnt, Err(Off::Failed(_))) {
                self.look_after_backends(true).await;
            }
            learnt
        });
        let records = site.take_records(&shared.board);
        match learnt {
            Ok(alone) => self.alone = alone,
            Err(Off::Failed(error)) => {
                self.records = records;
                return Err(self.explained(error));
            }
            // Whoever asked for it knows, and will not go on.
            Err(Off::Stopped) => {}
        }
        Ok(records)
    }

    async fn learn(&self, site: &mut Site<'a>) -> Result<Vec<Alone>, Off> {
        let board = Rc::clone(&self.shared.board);
        let users = self.users();
        site.begin().await?;
        site.before(&users, &board).await?;
        let idle = self.watch_idle().await;
        let others = {
            let state = board.state.borrow();
            state.messages + state.idle_messages
        };
        let begun = Instant::now();
        let mut walked = Vec::with_capacity(self.requests.len());
        for request in 0..self.requests.len() {
            walked.push(self.walked(site, request).await?);
        }
        board.state.borrow_mut().classify(idle, begun.elapsed());
        let mut learnt = Vec::with_capacity(self.requests.len());
        for (request, walked) in walked.into_iter().enumerate() {
            let mut alone = self.calibrated(site, request).await?;
            alone.messages = alone.messages.max(walked);
            learnt.push(alone);
        }
        self.told_of_silence(site, &learnt, others)?;
        self.warm_up(site, &users).await?;
        board.state.borrow_mut().pass(Mode::Idle);
        site.may_hold_dead = false;
        Ok(learnt)
    }

    /// Sees what the service says to its backends while nobody asks anything; for how long.
    async fn watch_idle(&self) -> Duration {
        /// Times the time in which a request alone shows what it does at once.
        const WATCH: u32 = 4;
        let board = &self.shared.board;
        board.settle(self.rules.settle).await;
        {
            let mut state = board.state.borrow_mut();
            state.forget_counts();
            state.pass(Mode::Idle);
        }
        let begun = Instant::now();
        let until = begun + self.rules.alone().settle * WATCH;
        board.wait(|_| false, |_| until).await;
        begun.elapsed()
    }

    /// Runs a request alone with nothing held; messages to backends meanwhile, the background's included.
    async fn walked(&self, site: &mut Site<'a>, request: usize) -> Result<usize, Off> {
        let board = &self.shared.board;
        let (user, step) = self.requests[request];
        site.before(&[user], board).await?;
        let round = site.round;
        let before = on_lines(&board.state.borrow());
        site.early(user, Early::Alone(step), round).await?;
        let messages = on_lines(&board.state.borrow()).saturating_sub(before);
        self.read_back(site, &[user], Phase::Solo).await?;
        Ok(usize::try_from(messages).unwrap_or(usize::MAX))
    }

    /// Runs a request alone under control, with time to show all that it does at once.
    async fn calibrated(&self, site: &mut Site<'a>, request: usize) -> Result<Alone, Off> {
        let (user, _) = self.requests[request];
        site.before(&[user], &self.shared.board).await?;
        let manner = Manner {
            rules: self.rules.alone(),
            detail: Detail::Brief,
            phase: Some(Phase::Solo),
        };
        let mut raceway = self.race(site, &[request], &mut Onward, manner).await?;
        self.read_back(site, &[user], Phase::Solo).await?;
        Ok(raceway.learnt.pop().unwrap_or_default())
    }

    /// All requests together, nothing held, so that pools open their connections. Its answers are not recorded.
    async fn warm_up(&self, site: &mut Site<'a>, users: &[usize]) -> Result<(), Off> {
        site.before(users, &self.shared.board).await?;
        let places: Vec<usize> = (0..self.requests.len()).collect();
        let manner = Manner {
            rules: self.rules.passing(),
            detail: Detail::Brief,
            phase: None,
        };
        self.race(site, &places, &mut Onward, manner)
            .await
            .map(drop)
    }

    /// Says so when there is nothing that could be held.
    fn told_of_silence(
        &self,
        site: &mut Site<'a>,
        learnt: &[Alone],
        others: u64,
    ) -> Result<(), Off> {
        let listening: Vec<String> = self
            .shared
            .through
            .iter()
            .map(|(_, address)| address.to_string())
            .collect();
        let listening = listening.join(", ");
        let silent = |place: &usize| learnt[*place].messages == 0;
        let silent: Vec<usize> = (0..learnt.len()).filter(silent).collect();
        let name = |place: usize| format!("`{}`", self.requests[place].1.name);
        if silent.is_empty() {
            return Ok(());
        }
        if silent.len() == learnt.len() && !self.rules.holds_front() {
            let connections = self.shared.board.state.borrow().lines.len();
            let others = others.max(u64::try_from(connections).unwrap_or(u64::MAX));
            let fire = "`crosswire fire` needs no backend and races them all the same";
            let why = match others {
                0 => format!(
                    "the service has opened no connection through {listening}: either it reaches its backends in another way (let it connect there instead), or it has none; {fire}"
                ),
                _ => format!(
                    "the service uses its backends through {listening}, but not in the raced requests: there is nothing between whose steps others could go on; {fire}"
                ),
            };
            return Err(Off::Failed(StageError::new(Cause::Step, why)));
        }
        let names: Vec<String> = silent.into_iter().map(name).collect();
        let text = format!(
            "no message to a backend was seen in {}: it runs in one step, and others go on before or after it",
            names.join(", ")
        );
        Ok(site.run.note(text)?)
    }

    /// The error with what is known of the backends.
    pub(super) fn explained(&self, error: StageError) -> StageError {
        let state = self.shared.board.state.borrow();
        let ended = state.ended_by.iter().map(|(relay, count)| {
            let backend = self.shared.through[*relay].0.backend();
            let connections = if *count == 1 {
                "connection"
            } else {
                "connections"
            };
            format!("the backend {backend} has ended {count} {connections} meanwhile")
        });
        let known: Vec<String> = match state.troubles.is_empty() {
            true => ended.collect(),
            false => state.troubles.clone(),
        };
        if known.is_empty() {
            return error;
        }
        let why = format!("{} ({})", error.why, known.join("; "));
        StageError::new(error.cause, why)
    }
}

/// Messages so far on connections that are not known to be quiet or busy by themselves.
fn on_lines(state: &State) -> u64 {
    let regular = |line: &&super::connection::Line| line.idle == 0;
    state
        .lines
        .values()
        .filter(regular)
        .map(|line| line.used)
        .sum()
}

impl Course<'_, '_> {
    /// Sends all requests and waits for their answers.
    pub(super) async fn all_at_once(&mut self) -> ExecutionEnd {
        let (rules, clock) = (self.rules, self.run.bounds.clock);
        let board = Rc::clone(&self.shared.board);
        for client in &mut self.clients {
            client.begin(&board, false, rules.keep(), clock);
        }
        let count = self.clients.len();
        let until = Instant::now() + rules.patience();
        let over = |state: &State| (0..count).all(|place| state.is_over(place));
        board.wait(over, |_| until).await;
        // What is left over is ended.
        ExecutionEnd::Complete
    }

    /// What the requests have shown.
    pub(super) fn learnt(&self) -> Vec<Alone> {
        let state = self.shared.board.state.borrow();
        let requests = state.requests.iter().zip(&self.widths).zip(&self.late);
        requests
            .map(|((seen, widths), late)| Alone {
                widths: widths.clone(),
                late: *late,
                messages: seen.messages,
                hashes: seen.hashes.clone(),
            })
            .collect()
    }
}
