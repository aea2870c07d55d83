//! Executions through the turnstile: what comes before, the controlled part, what is recorded, the read-back.

use std::rc::Rc;

use super::board::{Alone, Mode};
use super::client::Client;
use super::control::{Course, Rules};
use super::hall::{Off, Shared, Site};
use super::relay;
use crate::explore::{Detail, Execution, ExecutionEnd, Guide, Stage, StageError};
use crate::fire::alone::{Made, unreachable};
use crate::fire::pool::Key;
use crate::fire::session::Line;
use crate::history::{Cause, Doubts, Move, Phase, PointCounts, Raced, Record, Schedule, Way};
use crate::scenario::Step;

/// One race through the relays of a [`Hall`](super::Hall).
pub struct Turnstile<'a> {
    pub(super) shared: Rc<Shared<'a>>,
    raced: Vec<Raced>,
    /// The users' places and the raced steps, in the order of the requests.
    pub(super) requests: Vec<(usize, &'a Step)>,
    pub(super) rules: Rules,
    /// What was learnt of each request alone.
    pub(super) alone: Vec<Alone>,
    /// Of the last execution, or of what was begun and did not succeed.
    pub(super) records: Vec<Record>,
    /// Executions so far.
    executions: u64,
    /// Most requests that an execution has taken.
    most_requests: u64,
}

/// What an execution's requests have come to.
pub(super) struct Raceway {
    pub(super) end: ExecutionEnd,
    pub(super) schedule: Schedule,
    pub(super) points: Vec<PointCounts>,
    pub(super) doubts: Doubts,
    pub(super) steps: Vec<crate::history::StepTold>,
    /// What is learnt of each request, when it was alone.
    pub(super) learnt: Vec<Alone>,
}

/// How the requests of an execution run, and are recorded.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) rules: Rules,
    pub(super) detail: Detail,
    /// Part of the run as which the exchanges are recorded; none for not at all.
    pub(super) phase: Option<Phase>,
}

impl<'a> Turnstile<'a> {
    pub(super) fn new(
        shared: Rc<Shared<'a>>,
        raced: &[Raced],
    ) -> Result<Turnstile<'a>, StageError> {
        let wrong = |why: String| StageError::new(Cause::Step, why);
        if raced.is_empty() || raced.len() > Move::REQUESTS {
            let most = Move::REQUESTS;
            return Err(wrong(format!(
                "a race has from 1 to {most} requests, not {}",
                raced.len()
            )));
        }
        let (requests, rules) = {
            let site = shared.site.borrow();
            let scenario = site.run.scenario;
            let find = |raced: &Raced| {
                let step = scenario.volley.iter().find(|step| step.index == raced.step);
                let step =
                    step.ok_or_else(|| wrong("a race names a step that is not raced".to_owned()))?;
                match raced.user.index() < scenario.users.list().len() {
                    true => Ok((raced.user.index(), step)),
                    false => Err(wrong(
                        "a race names a user that the scenario does not have".to_owned(),
                    )),
                }
            };
            let requests: Vec<_> = raced.iter().map(find).collect::<Result<_, _>>()?;
            (requests, Rules::new(&scenario.explore, &site.run))
        };
        Ok(Turnstile {
            shared,
            raced: raced.to_vec(),
            requests,
            rules,
            alone: Vec::new(),
            records: Vec::new(),
            executions: 0,
            most_requests: 0,
        })
    }

    /// The users, each once, in the order of their first request.
    pub(super) fn users(&self) -> Vec<usize> {
        let mut users = Vec::new();
        for (user, _) in &self.requests {
            if !users.contains(user) {
                users.push(*user);
            }
        }
        users
    }

    /// Runs these requests under control, or all at once where the rules hold nothing, and records them.
    pub(super) async fn race(
        &self,
        site: &mut Site<'a>,
        places: &[usize],
        guide: &mut dyn Guide,
        manner: Manner,
    ) -> Result<Raceway, Off> {
        let Manner {
            rules,
            detail,
            phase,
        } = manner;
        let mut clients = Vec::with_capacity(places.len());
        let mut lines = Vec::with_capacity(places.len());
        let mut hosts = Vec::with_capacity(places.len());
        for (place, request) in places.iter().enumerate() {
            let (client, line) = self.client(site, place, *request).await?;
            clients.push(client);
            lines.push(line);
            hosts.push(site.run.pool.hosts.of(self.requests[*request].1));
        }
        let board = Rc::clone(&self.shared.board);
        // What the service has still to do for what came before is not part of it.
        board.settle(rules.settle).await;
        {
            let mut state = board.state.borrow_mut();
            state.begin(places.len(), rules.hold);
            state.alone = places
                .iter()
                .map(|request| self.alone.get(*request).cloned().unwrap_or_default())
                .collect();
        }
        let count = places.len();
        let mut course = Course {
            shared: &self.shared,
            run: &mut site.run,
            rules,
            clients,
            hosts,
            detail,
            schedule: Schedule::default(),
            points: vec![PointCounts::default(); count],
            steps: Vec::new(),
            taken: vec![0; count],
            widths: vec![Vec::new(); count],
            late: vec![0; count],
        };
        let end = match rules.hold {
            Mode::Hold { .. } => course.moves(guide).await,
            Mode::Idle | Mode::Pass => Ok(course.all_at_once().await),
        };
        let told = end.as_ref().unwrap_or(&ExecutionEnd::Abandoned);
        course.let_go(told).await;
        let doubts = course.doubts(told);
        let learnt = course.learnt();
        let Course {
            clients,
            schedule,
            points,
            steps,
            ..
        } = course;
        self.landed(site, places, clients, lines, phase)?;
        Ok(Raceway {
            end: end?,
            schedule,
            points,
            doubts,
            steps,
            learnt,
        })
    }

    /// A request ready to be sent, over a connection that its user has for that alone.
    async fn client(
        &self,
        site: &mut Site<'a>,
        place: usize,
        request: usize,
    ) -> Result<(Client, Line), Off> {
        let (user, step) = self.requests[request];
        if site.run.left_out(user, step)? {
            let why = format!(
                "`{}` needs a session that has ended before, and there is none",
                step.name
            );
            return Err(Off::Failed(StageError::new(Cause::Step, why)));
        }
        site.run.pace(1).await?;
        let Made {
            request: made,
            line,
            planted,
        } = site.run.make(user, step, site.round)?;
        site.run.record_planted(planted)?;
        let key = self.key(site, request);
        let taken = site.run.pool.take(key).await.map_err(unreachable)?;
        Ok((Client::new(place, made, taken), line))
    }

    fn key(&self, site: &Site<'_>, request: usize) -> Key {
        Key {
            host: site.run.pool.hosts.of(self.requests[request].1),
            // Beside the connections on which users' steps run alone.
            lane: 2 * site.run.sessions.len() + request,
        }
    }

    /// Takes in what became of the requests, in the order in which they ended.
    fn landed(
        &self,
        site: &mut Site<'a>,
        places: &[usize],
        clients: Vec<Client>,
        lines: Vec<Line>,
        phase: Option<Phase>,
    ) -> Result<(), Off> {
        let clock = site.run.bounds.clock;
        let mut ended = Vec::with_capacity(clients.len());
        for ((client, line), request) in clients.into_iter().zip(lines).zip(places) {
            let number = client.number;
            let (made, done, connection) = client.end(clock);
            let key = self.key(site, *request);
            if let Some(connection) = connection {
                site.run.pool.put(key, connection);
            }
            ended.push((*request, number, made, done, line));
        }
        ended.sort_by_key(|(_, _, _, done, _)| done.done_ns);
        for (request, number, made, mut done, line) in ended {
            let (user, step) = self.requests[request];
            // What the step expects of an answer in a race is for the judge to weigh.
            let _ = site.run.received(user, step, &made, &mut done);
            // What is not recorded was sent all the same.
            site.run.exchanges += u64::from(phase.is_none());
            if let Some(phase) = phase {
                let round = site.round;
                site.run
                    .record_exchange(user, step, phase, round, None, number, line, done)?;
            }
        }
        Ok(())
    }

    /// One execution: what comes before, the race, and reading back.
    async fn executed(
        &self,
        site: &mut Site<'a>,
        guide: &mut dyn Guide,
        detail: Detail,
    ) -> Result<Raceway, Off> {
        let users = self.users();
        site.before(&users, &self.shared.board).await?;
        let places: Vec<usize> = (0..self.requests.len()).collect();
        let manner = Manner {
            rules: self.rules,
            detail,
            phase: Some(Phase::Volley),
        };
        let raceway = self.race(site, &places, guide, manner).await?;
        if !matches!(raceway.end, ExecutionEnd::Abandoned | ExecutionEnd::Endless) {
            self.read_back(site, &users, Phase::ReadBack).await?;
        }
        self.shared.board.state.borrow_mut().pass(Mode::Idle);
        Ok(raceway)
    }

    /// The race, unless a backend could not be reached meanwhile that could before: what it shows is that, and no schedule.
    fn sound(&self, raceway: Raceway, troubles: usize) -> Result<Raceway, Off> {
        let state = self.shared.board.state.borrow();
        match state.troubles.get(troubles) {
            None => Ok(raceway),
            Some(_) => {
                let why = "a backend could not be reached any more".to_owned();
                Err(Off::Failed(StageError::new(Cause::Unreachable, why)))
            }
        }
    }

    /// Sees whether those backends that have ended connections meanwhile, or all of them, still take new ones.
    pub(super) async fn look_after_backends(&self, all: bool) {
        let has_ended = |relay: &usize| {
            self.shared
                .board
                .state
                .borrow()
                .ended_by
                .contains_key(relay)
        };
        let relays = 0..self.shared.through.len();
        for relay in relays.filter(|relay| all || has_ended(relay)) {
            let through = &self.shared.through[relay].0;
            if let Err(why) = relay::reach(through).await {
                let backend = through.backend();
                let text = format!("the backend {backend} takes no connections: {why}");
                self.shared.board.trouble(text);
            }
        }
    }

    /// The error of an execution: where it was, and what to do.
    fn broken_off(&self, error: StageError, troubles: usize) -> StageError {
        let StageError { why, mut cause } = self.explained(error);
        if self.shared.board.state.borrow().troubles.len() > troubles {
            cause = Cause::Unreachable;
        }
        let number = self.executions;
        let why = format!(
            "execution {number} of the race could not be run to its end: {why}; what was explored before it is recorded: see that the service and its backends run, then explore again"
        );
        StageError::new(cause, why)
    }

    /// Every user's state, one request at a time.
    pub(super) async fn read_back(
        &self,
        site: &mut Site<'a>,
        users: &[usize],
        phase: Phase,
    ) -> Result<(), Off> {
        let round = site.round;
        for user in users {
            for step in &site.run.scenario.read_back {
                site.run.walk(*user, step, phase, round).await?;
            }
        }
        Ok(())
    }
}

/// What has gone wrong with backends so far, counted.
fn troubles(shared: &Shared<'_>) -> usize {
    shared.board.state.borrow().troubles.len()
}

impl Stage for Turnstile<'_> {
    fn way(&self) -> Way {
        Way::Turnstile
    }

    fn requests(&self) -> Vec<Raced> {
        self.raced.clone()
    }

    fn environment(&self) -> String {
        format!("relays-{}{}", self.shared.through.len(), self.rules.told())
    }

    fn prepare(&mut self) -> Result<Vec<Record>, StageError> {
        self.prepared()
    }

    fn execute(&mut self, guide: &mut dyn Guide, detail: Detail) -> Result<Execution, StageError> {
        let shared = Rc::clone(&self.shared);
        let mut site = shared.site.borrow_mut();
        let (before, troubles) = (site.run.exchanges, troubles(&shared));
        self.executions += 1;
        let executed = shared.block_on(async {
            let executed = self.executed(&mut site, guide, detail).await;
            let is_broken = matches!(executed, Err(Off::Failed(_)));
            self.look_after_backends(is_broken).await;
            executed
        });
        self.most_requests = self.most_requests.max(site.run.exchanges - before);
        self.records = site.take_records(&shared.board);
        let executed = executed.and_then(|raceway| self.sound(raceway, troubles));
        let raceway = match executed {
            Ok(raceway) => raceway,
            Err(Off::Failed(error)) => return Err(self.broken_off(error, troubles)),
            Err(Off::Stopped) => Raceway {
                end: ExecutionEnd::Abandoned,
                schedule: Schedule::default(),
                points: vec![PointCounts::default(); self.raced.len()],
                doubts: Doubts::default(),
                steps: Vec::new(),
                learnt: Vec::new(),
            },
        };
        Ok(Execution {
            schedule: raceway.schedule,
            end: raceway.end,
            outcome: None,
            points: raceway.points,
            doubts: raceway.doubts,
            steps: raceway.steps,
        })
    }

    fn limit(&self, executions: u64) -> Option<String> {
        let site = self.shared.site.borrow();
        let raced = u64::try_from(self.requests.len()).unwrap_or(u64::MAX);
        let around = site.around(self.users().len());
        let each = self.most_requests.max(around.saturating_add(raced));
        site.limit(each.saturating_mul(executions))
    }

    fn unfinished(&mut self, number: u32) -> Vec<Record> {
        let mut records = self.records(number);
        self.records.clear();
        // A race that was not finished is none.
        let is_raced = |record: &Record| matches!(record, Record::Exchange(exchange) if exchange.phase == Phase::Volley);
        records.retain(|record| !is_raced(record));
        records
    }

    fn records(&mut self, number: u32) -> Vec<Record> {
        let mut records = self.records.clone();
        for record in &mut records {
            if let Record::Exchange(exchange) = record {
                exchange.round = number;
                exchange.volley = (exchange.phase == Phase::Volley).then_some(number);
            }
        }
        records
    }
}
