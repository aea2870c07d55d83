//! Requests under control in this process: any `tower` service whose futures are polled by hand, step by step.
//!
//! One execution: `host` is a runtime of one thread on which time stands still; the factory makes a new service; set-up
//! steps run alone (`alone`); then each request is a `child` whose wakers (`wake`) tell who can go on, the guide decides
//! (`race`), and a step is one poll in which tokio's budget ends at the next await (`starve`); then the state is read
//! back. `points` are those that a service names itself, `place` tells where a request waits, `calibrate` finds out at the
//! start what of this works with the tokio that is linked. `world` is what all executions share, `happened` makes records, `panics` are caught.
//!
//! What is controlled is the order of polls between awaits. Not controlled are other threads (`spawn_blocking`), sockets,
//! `HashMap`'s order, the wall clock, and what a `static` keeps from one execution to the next. Redirects are not followed
//! and sessions are not refreshed in this process: every answer is the last one of its step.

mod alarm;
mod alone;
mod body;
mod calibrate;
mod child;
mod happened;
mod host;
mod outcome;
mod panics;
mod place;
mod points;
mod race;
mod starve;
#[cfg(test)]
mod tests;
mod wake;
mod world;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use tower_service::Service;

pub use body::{Body, BoxError};
pub use points::{Point, PointFuture, PointLayer, PointService, point, shared};

use self::alarm::Alarm;
use self::child::{Came, Child};
use self::happened::{Happened, Numbers, Unmet};
use self::host::Host;
use self::outcome::Outcome;
use self::race::{Race, Rules};
use self::starve::Starving;
use self::wake::Hub;
use self::world::{Cast, Given, Told, World};
use super::{Detail, Execution, ExecutionEnd, Guide, Plan, Stage, StageError};
use crate::fire::session::Line;
use crate::history::{Cause, Doubts, Move, Phase, Planted, Raced, Record, Schedule, Way};

/// How long something outside of the runtime is waited for while nothing else can go on.
const REAL_LIMIT: Duration = Duration::from_secs(10);
/// The same, once it is known that there is no timer, so that nothing in the runtime works on another thread: only threads
/// of the service's own and sockets are left.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same, once waiting has been in vain and nothing has ever come from another thread.
const IMPATIENCE: Duration = Duration::from_millis(2);

/// Runs executions of requests to a service in this process.
///
/// It stays on the thread on which it was made. `S` is what `F` makes; nothing of it needs to be `Send`.
pub struct InProcess<'a, F, S: Service<Request<Body>>, B> {
    factory: F,
    world: World<'a>,
    requests: Vec<Raced>,
    rules: Rules,
    hub: Arc<Hub>,
    /// None after an execution that left tasks behind, or in which time has passed.
    host: Option<Host>,
    starving: Starving,
    children: Vec<Child<S, B>>,
    /// The requests; made once if they are the same in every execution.
    cues: Vec<Cue>,
    /// What happened in the last execution, but for the race where requests are made once.
    cast: Option<Cast<'a>>,
    outcome: Outcome,
    next_id: u64,
    since_us: u64,
    /// Moves of the longest execution.
    longest: usize,
    /// Something came from another thread, once.
    foreign: bool,
    /// A background task has run between steps of requests, once.
    background: bool,
    alarm: Option<Alarm>,
    tell: Arc<Mutex<Option<alarm::Tell>>>,
}

/// A request that is raced.
struct Cue {
    given: Given,
    line: Line,
    planted: Vec<Planted>,
    url: Option<url::Url>,
}

impl<'a, F, S, B> InProcess<'a, F, S, B>
where
    F: Fn() -> S,
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone + 'static,
    B: http_body::Body<Error: Into<BoxError>>,
{
    /// Executions of these requests, each in a service that `factory` makes for it. The factory is called on the runtime of
    /// the execution, so it may spawn tasks.
    ///
    /// # Errors
    /// When a request cannot be sent in this process, or this is called from within an async runtime.
    pub fn new(
        factory: F,
        plan: &Plan<'a>,
        raced: &[Raced],
    ) -> Result<InProcess<'a, F, S, B>, StageError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(StageError::new(
                Cause::Step,
                "exploring has a runtime of its own: call it from outside of async code, or through `spawn_blocking`",
            ));
        }
        if raced.is_empty() || raced.len() > Move::REQUESTS {
            let why = format!(
                "between 1 and {} requests can be explored, not {}",
                Move::REQUESTS,
                raced.len()
            );
            return Err(StageError::new(Cause::Step, why));
        }
        let world = World::new(plan, raced)?;
        let explore = &plan.scenario.explore;
        let hub = Hub::new();
        let mut stage = InProcess {
            factory,
            rules: Rules {
                cancel: explore.cancel,
                time: explore.time,
                moves: usize::try_from(explore.moves).unwrap_or(usize::MAX),
                keep: world.keep,
                told: false,
                patience: PATIENCE,
            },
            requests: raced.to_vec(),
            children: raced.iter().map(|_| Child::new(&hub)).collect(),
            host: None,
            starving: Starving::new(),
            cues: Vec::new(),
            cast: None,
            outcome: Outcome::default(),
            next_id: 0,
            since_us: 0,
            longest: 0,
            foreign: false,
            background: false,
            alarm: None,
            tell: Arc::default(),
            world,
            hub,
        };
        if stage.world.is_plain() {
            let mut cast = stage.world.cast();
            stage.make(&mut cast)?;
        }
        Ok(stage)
    }

    /// Lets `tell` know, on another thread, of a step that has not ended for five seconds: the explorer's own thread cannot
    /// be freed from within, so ending the process is all that is left. The text is for people.
    #[must_use]
    pub fn when_blocked(self, tell: impl FnMut(&str) + Send + 'static) -> Self {
        *self.tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
        self
    }

    /// The second thread is there from the first execution on.
    fn watch(&mut self) {
        let scenario = self.world.scenario;
        let raced = &self.world.raced;
        self.alarm.get_or_insert_with(|| {
            let name = |(user, step): &(usize, &crate::scenario::Step)| {
                format!("`{}` of {}", step.name, scenario.users.list()[*user].name)
            };
            let names = raced.iter().map(name).collect();
            Alarm::start(&self.hub, names, &self.tell, alarm::BLOCKED)
        });
    }

    fn make(&mut self, cast: &mut Cast<'a>) -> Result<(), StageError> {
        self.cues.clear();
        for &(user, step) in &self.world.raced {
            let made = self.world.make(cast, user, step, world::ROUND)?;
            self.cues.push(Cue {
                given: Given::new(step, &made.request)?,
                line: made.line,
                planted: made.planted,
                url: made.request.url(),
            });
        }
        Ok(())
    }

    fn host(&mut self) -> Result<Host, StageError> {
        self.host.take().map_or_else(
            || {
                Host::new(&self.hub).map_err(|error| {
                    StageError::new(
                        Cause::Step,
                        format!("there is no runtime to be had: {error}"),
                    )
                })
            },
            Ok,
        )
    }

    /// Keeps the runtime for the next execution if it is as good as new.
    fn put_back(&mut self, host: Host) {
        self.hub.end();
        match host.is_as_new() {
            true => self.host = Some(host),
            false => host.shut_down(),
        }
    }

    async fn execution(
        &mut self,
        host: &Host,
        guide: &mut dyn Guide,
        detail: Detail,
    ) -> Result<Execution, StageError> {
        enter(&self.hub).await;
        if !self.starving.has_begun() {
            // It wants the whole budget of a poll. There is no service yet whose tasks could run meanwhile.
            host::turn(&self.hub).await;
            self.starving.begin();
            self.starving.leave_all();
        }
        let service = (self.factory)();
        let users = self.world.users(0..self.requests.len());
        let plain = self.world.is_plain();
        let mut cast = None;
        if !plain {
            let mut own = self.world.cast();
            self.world.set_up(&mut own, &service, &users).await?;
            self.make(&mut own)?;
            cast = Some(own);
        }
        let told = detail == Detail::Full;
        for (child, cue) in self.children.iter_mut().zip(&self.cues) {
            child.begin(service.clone(), cue.given.request(), &self.hub, told);
        }
        self.starving.returned();
        let rules = Rules { told, ..self.rules };
        let controlled = Controlled::begin(told);
        let mut race = Race::new(
            (host, &self.hub, &mut self.starving),
            &mut self.children,
            guide,
            rules,
            self.longest,
        );
        let end = race.run().await;
        let (moves, steps) = (race.moves, race.steps);
        drop(controlled);
        self.starving.leave_all();
        self.longest = self.longest.max(moves.len());
        self.background = self.background || moves.contains(&Move::Background);
        if let Some(own) = &mut cast {
            self.tell_race(own);
            if end != ExecutionEnd::Abandoned {
                self.children.iter_mut().for_each(Child::leave);
                self.world
                    .read_back(own, &service, &users, Phase::ReadBack)
                    .await?;
            }
        }
        // Also of one that was ended early: none would say that the service goes on in the next.
        let outcome = Some(self.outcome(cast.as_ref()));
        self.cast = cast;
        self.leave(host, service).await;
        let foreign_wakes = u64::from(self.hub.take_foreign() > 0);
        self.learn(&end, foreign_wakes > 0);
        Ok(Execution {
            schedule: Schedule(moves),
            outcome,
            points: self.children.iter().map(|child| child.counts).collect(),
            doubts: Doubts {
                foreign_wakes,
                ..Doubts::default()
            },
            steps: self.masked(steps),
            end,
        })
    }

    /// Waiting in vain for other threads is not repeated at length where there are none.
    fn learn(&mut self, end: &ExecutionEnd, foreign: bool) {
        self.foreign |= foreign;
        self.rules.patience = match (self.foreign, end) {
            (true, _) => PATIENCE,
            (false, ExecutionEnd::Stuck { .. }) => IMPATIENCE,
            (false, _) => self.rules.patience,
        };
    }

    /// Lets go of what the execution used, within its runtime.
    async fn leave(&mut self, host: &Host, service: S) {
        /// Turns for each task that is left, to notice that nobody wants anything of it any more.
        const TURNS: usize = 4;
        self.children.iter_mut().for_each(Child::leave);
        let _ = panics::caught(|| drop(service));
        let mut turns = host.alive().saturating_mul(TURNS);
        while turns > 0 && host.alive() > 0 && host.run_one().await {
            turns -= 1;
        }
    }

    fn outcome(&mut self, cast: Option<&Cast<'a>>) -> u128 {
        self.outcome.clear();
        for child in &self.children {
            self.outcome.request(&child.got, child.came.as_ref());
        }
        let told = cast.into_iter().flat_map(|cast| &cast.told);
        for told in told {
            let Told::Happened(happened) = told else {
                continue;
            };
            // Those of the race were taken before.
            if happened.phase == Phase::Volley {
                continue;
            }
            match &happened.result {
                Ok(answer) => self.outcome.alone(&answer.head, &answer.body),
                Err(failure) => self.outcome.alone(failure.why.as_bytes(), &failure.partial),
            }
        }
        self.outcome.number()
    }

    /// What happened in the race, in the order in which it ended.
    fn tell_race(&self, cast: &mut Cast<'a>) {
        let planted = self.cues.iter().flat_map(|cue| &cue.planted);
        cast.told.extend(planted.cloned().map(Told::Planted));
        let mut over: Vec<usize> = (0..self.children.len())
            .filter(|place| self.children[*place].came.is_some())
            .collect();
        over.sort_by_key(|place| self.children[*place].times[2]);
        let since = cast.us;
        let mut last = 0;
        for place in over {
            let (child, cue) = (&self.children[place], &self.cues[place]);
            let (user, step) = self.world.raced[place];
            let (result, cancelled) = match &child.came {
                Some(Came::Failed(why, cancelled)) => {
                    (Err(happened::failure(why, &child.got)), *cancelled)
                }
                _ => {
                    let answer = happened::answer(&child.got);
                    let none = || happened::failure("there is no answer", &child.got);
                    (answer.ok_or_else(none), false)
                }
            };
            let verdict = self
                .world
                .received(cast, user, step, cue.url.as_ref(), &result);
            let at = |time: Option<usize>| time.map(|step| since + step as u64);
            let done_us = at(child.times[2]).unwrap_or(since);
            last = last.max(child.times[2].unwrap_or(0));
            cast.told.push(Told::Happened(Happened {
                user,
                step,
                phase: Phase::Volley,
                line: Line {
                    request: cue.line.request.clone(),
                    nonce: cue.line.nonce.clone(),
                },
                // A step begins when the one before it has ended.
                sent_us: at(child.times[0].map(|step| step - 1)).unwrap_or(since),
                first_us: at(child.times[1]),
                done_us,
                refused: matches!(verdict, Err(Unmet::Answered(_))),
                result,
                cancelled,
            }));
        }
        cast.us = since + last as u64;
    }

    fn write(&mut self, cast: Cast<'a>, execution: u32) -> Vec<Record> {
        let since_us = self.since_us;
        self.since_us += cast.us + 1;
        let mut records = Vec::with_capacity(cast.told.len());
        for told in cast.told {
            records.push(match told {
                Told::Planted(planted) => Record::Planted(planted),
                Told::Happened(happened) => {
                    let id = self.next_id;
                    self.next_id += 1;
                    Record::Exchange(happened.record(Numbers {
                        id,
                        execution,
                        since_us,
                    }))
                }
            });
        }
        records
    }

    fn masked(&self, mut steps: Vec<crate::history::StepTold>) -> Vec<crate::history::StepTold> {
        let world = &self.world;
        for step in &mut steps {
            for shared in &mut step.shared {
                let masked = world
                    .redactor
                    .text_around_canaries(&shared.value, &world.finder);
                shared.value = masked.into_owned();
            }
        }
        steps
    }

    /// One request in a service of its own.
    async fn solo(&mut self, host: &Host, place: usize) -> Result<Cast<'a>, StageError> {
        enter(&self.hub).await;
        let service = (self.factory)();
        let (user, step) = self.world.raced[place];
        let mut cast = self.world.cast();
        self.world.set_up(&mut cast, &service, &[user]).await?;
        let round = world::ROUND;
        let asked = (user, step, Phase::Solo, round);
        // Whether it is answered as expected is for the judge to say: that is the control.
        let _ = self.world.alone(&mut cast, &service, asked).await?;
        self.world
            .read_back(&mut cast, &service, &[user], Phase::Solo)
            .await?;
        self.leave(host, service).await;
        Ok(cast)
    }
}

impl<F, S, B> Stage for InProcess<'_, F, S, B>
where
    F: Fn() -> S,
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone + 'static,
    B: http_body::Body<Error: Into<BoxError>>,
{
    fn way(&self) -> Way {
        Way::InProcess
    }

    fn requests(&self) -> Vec<Raced> {
        self.requests.clone()
    }

    fn environment(&self) -> String {
        calibrate::calibration().environment().to_owned()
    }

    fn warnings(&self) -> Vec<String> {
        /// Tokio gives tasks of its own the whole budget, and runs them in their order.
        const BACKGROUND: &str = "background tasks of the service took part: each goes on until it really waits, and those that are ready run \
             first come, first served; that another request goes in between two awaits of a task that do not wait, or that \
             tasks run in another order, is not seen";
        let mut warnings = calibrate::calibration().sentences();
        if self.background {
            warnings.push(BACKGROUND.to_owned());
        }
        warnings
    }

    fn prepare(&mut self) -> Result<Vec<Record>, StageError> {
        self.watch();
        let mut records = Vec::new();
        for place in 0..self.requests.len() {
            if self.requests[..place].contains(&self.requests[place]) {
                continue;
            }
            let host = self.host()?;
            let cast = host.runtime().block_on(self.solo(&host, place));
            self.put_back(host);
            // Nobody else was there: whatever came from another thread was in nobody's way.
            self.hub.take_foreign();
            records.extend(self.write(cast?, 0));
        }
        Ok(records)
    }

    fn execute(&mut self, guide: &mut dyn Guide, detail: Detail) -> Result<Execution, StageError> {
        let host = self.host()?;
        let execution = host
            .runtime()
            .block_on(self.execution(&host, guide, detail));
        self.put_back(host);
        execution
    }

    fn records(&mut self, number: u32) -> Vec<Record> {
        let cast = self.cast.take().unwrap_or_else(|| {
            let mut cast = self.world.cast();
            self.tell_race(&mut cast);
            cast
        });
        self.write(cast, number)
    }
}

/// Between these requests are under control.
struct Controlled;

impl Controlled {
    fn begin(told: bool) -> Controlled {
        points::begin(told);
        Controlled
    }
}

impl Drop for Controlled {
    fn drop(&mut self) {
        points::end();
    }
}

/// An execution begins: wakers know now whom to wake.
async fn enter(hub: &Hub) {
    poll_fn(|context| {
        hub.begin(context.waker());
        Poll::Ready(())
    })
    .await;
}
