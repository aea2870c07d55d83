//! What all turnstiles of a run share: the runtime, the relays, and the sessions of the users.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::TurnstileOptions;
use super::board::{Board, Mode};
use super::first::Early;
use super::relay;
use super::restart::{self, Absent, Waiting};
use super::stage::Turnstile;
use crate::explore::StageError;
use crate::fire::run::{Halt, Run};
use crate::fire::{Clock, Plan, Stop};
use crate::history::{Cause, Ending, Raced, Record, Sink};
use crate::scenario::Limits;

/// Listens in place of the backends, and keeps the users logged in, for every race of a run.
///
/// The relays carry bytes only while one of its [`Turnstile`]s is at work.
pub struct Hall<'a>(Rc<Shared<'a>>);

pub(super) struct Shared<'a> {
    pub(super) site: RefCell<Site<'a>>,
    pub(super) board: Rc<Board>,
    pub(super) through: Vec<(super::Through, SocketAddr)>,
    local: LocalSet,
    runtime: Runtime,
}

/// The users and their sessions at the service.
pub(super) struct Site<'a> {
    pub(super) run: Run<'a>,
    /// What the run has recorded and nobody has taken.
    pub(super) records: Rc<RefCell<Vec<Record>>>,
    pub(super) board: Rc<Board>,
    restart: Option<String>,
    /// Where the relays listen.
    pub(super) relays: Vec<SocketAddr>,
    /// Is told what is waited for.
    tell: Box<dyn FnMut(&Waiting) + 'a>,
    /// Users who are set up.
    set_up: BTreeSet<usize>,
    /// Whether the service may hold connections from before the relays were there.
    pub(super) may_hold_dead: bool,
    /// When the run's own limit of time is over, on its clock.
    until_ns: Option<u64>,
    /// Rounds so far.
    pub(super) round: u32,
}

/// Why an execution goes no further.
pub(super) enum Off {
    /// It was asked for.
    Stopped,
    Failed(StageError),
}

impl From<Halt> for Off {
    fn from(halt: Halt) -> Off {
        let (cause, why) = match halt {
            Halt::End(Ending::Failed { why, cause }) => (cause, why),
            Halt::End(Ending::Limit { limit }) => (
                Cause::Step,
                format!("the limit of {limit} (limits of the scenario) was reached before that"),
            ),
            Halt::End(_) => return Off::Stopped,
            Halt::Sink(error) => (Cause::Step, format!("it could not be recorded: {error}")),
        };
        Off::Failed(StageError::new(cause, why))
    }
}

/// Keeps records until they are taken.
struct Kept(Rc<RefCell<Vec<Record>>>);

impl Sink for Kept {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        self.0.borrow_mut().push(record.clone());
        Ok(())
    }
}

impl<'a> Hall<'a> {
    /// Listens in place of every backend, and looks the target up. The target need not run yet.
    ///
    /// # Errors
    /// When a port cannot be listened on, a backend is another machine that nobody named, or the target has no address.
    pub fn open(
        plan: &Plan<'a>,
        options: &TurnstileOptions,
        stop: &'a Stop,
    ) -> Result<Hall<'a>, StageError> {
        let failed = |why: String| StageError::new(Cause::Unreachable, why);
        if options.through.is_empty() {
            return Err(failed(
                "no backend is relayed: name one, such as --through 6380=127.0.0.1:6379, and let the service connect to port 6380 of 127.0.0.1"
                    .to_owned(),
            ));
        }
        for through in &options.through {
            through
                .check(&options.allowed_hosts)
                .map_err(|error| failed(format!("the backend {}: {error}", through.backend())))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(format!("the system gives no runtime: {error}")))?;
        let (local, board) = (LocalSet::new(), Rc::new(Board::default()));
        let records = Rc::new(RefCell::new(Vec::new()));
        let kept = Kept(Rc::clone(&records));
        let opening = async {
            let mut through = Vec::with_capacity(options.through.len());
            for (place, one) in options.through.iter().enumerate() {
                let (listener, address) = relay::listen(one).await?;
                tokio::task::spawn_local(relay::serve(
                    listener,
                    one.clone(),
                    place,
                    Rc::clone(&board),
                ));
                through.push((one.clone(), address));
            }
            let (mut run, notes) = Run::open(plan, Clock::start(), (kept, (), stop)).await?;
            // Whether it is over is asked between executions, which are not to be cut.
            run.bounds.until_ns = u64::MAX;
            Ok((through, run, notes))
        };
        let (through, run, notes) = local.block_on(&runtime, opening).map_err(failed)?;
        let notes = notes.into_iter().map(|text| Record::Note { text });
        records.borrow_mut().extend(notes);
        let site = Site {
            run,
            records,
            board: Rc::clone(&board),
            restart: options.restart.clone(),
            relays: through.iter().map(|(_, address)| *address).collect(),
            tell: Box::new(|_| {}),
            set_up: BTreeSet::new(),
            may_hold_dead: options.restart.is_none(),
            until_ns: None,
            round: 0,
        };
        Ok(Hall(Rc::new(Shared {
            site: RefCell::new(site),
            board,
            through,
            local,
            runtime,
        })))
    }

    /// Tells while the target is waited for because it takes no connections: at once, and every second from then on. Of one
    /// that was started anew it is told only when that takes long.
    #[must_use]
    pub fn telling(self, tell: impl FnMut(&Waiting) + 'a) -> Hall<'a> {
        self.0.site.borrow_mut().tell = Box::new(tell);
        self
    }

    /// Where the service is to connect to, in the order of [`TurnstileOptions::through`], real ports in place of 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.through.iter().map(|(_, address)| *address).collect()
    }

    /// A turnstile for these requests.
    ///
    /// # Errors
    /// When the scenario has no such user or raced step, or more than [`Move::REQUESTS`](crate::history::Move::REQUESTS).
    pub fn turnstile(&self, raced: &[Raced]) -> Result<Turnstile<'a>, StageError> {
        Turnstile::new(Rc::clone(&self.0), raced)
    }
}

impl Shared<'_> {
    /// Runs the future; the relays are at work meanwhile.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.local.block_on(&self.runtime, future)
    }
}

impl<'a> Site<'a> {
    /// Takes what was recorded since the last time, with what went wrong between relays and backends.
    pub(super) fn take_records(&self, board: &Board) -> Vec<Record> {
        let mut records = self.records.borrow_mut().split_off(0);
        let mut state = board.state.borrow_mut();
        let untold = state.troubles.iter().skip(state.troubles_told);
        records.extend(untold.map(|text| Record::Note { text: text.clone() }));
        state.troubles_told = state.troubles.len();
        records
    }

    /// Waits until the target takes connections, unless it is to be started first.
    pub(super) async fn begin(&mut self) -> Result<(), Off> {
        if self.restart.is_none() {
            self.arrive(Duration::ZERO).await?;
        }
        let limit_s = self.run.scenario.limits.duration_s;
        if limit_s != Limits::DURATION_S.default && self.until_ns.is_none() {
            let limit_ns = limit_s.saturating_mul(1_000_000_000);
            self.until_ns = Some(self.run.bounds.clock.now().saturating_add(limit_ns));
        }
        Ok(())
    }

    /// The limit of the scenario's that is reached when so many more requests are sent, as people may read it.
    pub(super) fn limit(&self, requests: u64) -> Option<String> {
        let limits = &self.run.scenario.limits;
        if self.run.exchanges.saturating_add(requests) > self.run.most {
            return Some(format!("limits.requests = {}", limits.requests));
        }
        let is_late = self
            .until_ns
            .is_some_and(|until| self.run.bounds.clock.now() >= until);
        is_late.then(|| format!("limits.duration-s = {}", limits.duration_s))
    }

    /// Requests that come before and after a race of these users, when nothing is redirected or refreshed.
    pub(super) fn around(&self, users: usize) -> u64 {
        let scenario = self.run.scenario;
        let anew = self.restart.as_ref().map_or(0, |_| scenario.setup.len());
        let each = anew + scenario.each_round.len() + scenario.read_back.len();
        u64::try_from(users * each).unwrap_or(u64::MAX)
    }

    async fn arrive(&mut self, silent: Duration) -> Result<(), Off> {
        let (hosts, bounds) = (&self.run.pool.hosts, self.run.bounds);
        let waited = restart::wait_for(hosts, bounds, &self.relays, silent, &mut *self.tell).await;
        waited.map_err(|absent| match absent {
            Absent::Stopped => Off::Stopped,
            Absent::Late(why) => Off::Failed(StageError::new(Cause::Unreachable, why)),
        })
    }

    /// Starts the service anew where that is wished; then everything that comes before the race.
    pub(super) async fn before(&mut self, users: &[usize], board: &Board) -> Result<(), Off> {
        board.state.borrow_mut().ended_by.clear();
        // What has come while nobody looked is nobody's.
        board.settle(Duration::ZERO).await;
        board.state.borrow_mut().pass(Mode::Pass);
        if let Some(command) = &self.restart {
            let restarted = restart::run(command).await;
            restarted.map_err(|why| Off::Failed(StageError::new(Cause::Unreachable, why)))?;
            self.arrive(restart::ANEW_SILENT).await?;
            self.set_up.clear();
        }
        self.prepare_users(users).await?;
        self.round = self.round.saturating_add(1);
        for user in users {
            for step in &self.run.scenario.each_round {
                self.early(*user, Early::Before(step), self.round).await?;
            }
        }
        Ok(())
    }

    /// Sets those users up who are not, each once.
    async fn prepare_users(&mut self, users: &[usize]) -> Result<(), Off> {
        for user in users {
            if !self.set_up.contains(user) {
                for step in &self.run.scenario.setup {
                    self.early(*user, Early::Before(step), 0).await?;
                }
                self.set_up.insert(*user);
            }
        }
        Ok(())
    }
}
