//! The controlled part of an execution: who can go on, asking the guide, doing the move.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tower_service::Service;

use super::body::{Body, BoxError};
use super::child::{Child, Did, Ended};
use super::host::{Host, Passed};
use super::points;
use super::starve::Starving;
use super::wake::Hub;
use crate::explore::{ExecutionEnd, Guide, Point};
use crate::history::{Move, StepEnd, StepTold};

/// How an execution is run, whatever the guide says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Clients may go away.
    pub(super) cancel: bool,
    /// Time may pass while requests can go on.
    pub(super) time: bool,
    /// Most moves.
    pub(super) moves: usize,
    /// Bytes of an answer's body that are kept.
    pub(super) keep: usize,
    /// Steps are told.
    pub(super) told: bool,
    /// How long nobody's being able to go on is waited out, in real time.
    pub(super) patience: Duration,
}

/// What went on while the guide was asked, beside moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The next point.
    Point,
    /// The end.
    End,
}

/// Requests under control.
pub(super) struct Race<'e, S: Service<Request<Body>>, B> {
    pub(super) host: &'e Host,
    pub(super) hub: &'e Arc<Hub>,
    pub(super) starving: &'e mut Starving,
    pub(super) children: &'e mut [Child<S, B>],
    pub(super) guide: &'e mut dyn Guide,
    pub(super) rules: Rules,
    pub(super) moves: Vec<Move>,
    pub(super) steps: Vec<StepTold>,
    enabled: Vec<Move>,
    /// The request that went on last, if it was one.
    last: Option<usize>,
    /// No background task is waiting to run.
    background_idle: bool,
    end: ExecutionEnd,
}

impl<'e, S, B> Race<'e, S, B>
where
    S: Service<Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Error: Into<BoxError>>,
{
    pub(super) fn new(
        (host, hub, starving): (&'e Host, &'e Arc<Hub>, &'e mut Starving),
        children: &'e mut [Child<S, B>],
        guide: &'e mut dyn Guide,
        rules: Rules,
        room: usize,
    ) -> Race<'e, S, B> {
        Race {
            host,
            hub,
            starving,
            children,
            guide,
            rules,
            moves: Vec::with_capacity(room),
            steps: Vec::new(),
            enabled: Vec::with_capacity(2 * Move::REQUESTS + 2),
            last: None,
            background_idle: false,
            end: ExecutionEnd::Complete,
        }
    }

    /// Runs it to its end.
    pub(super) async fn run(&mut self) -> ExecutionEnd {
        self.starving.begin();
        loop {
            if self.children.iter().all(Child::is_over) {
                return ExecutionEnd::Complete;
            }
            if self.moves.len() >= self.rules.moves {
                return ExecutionEnd::Endless;
            }
            let next = match self.ready() == 0 && !self.can_cancel() {
                true => self.forced().await,
                false => self.choice().await,
            };
            if next == Next::End {
                return self.end.clone();
            }
        }
    }

    /// The requests that can take a step, as bits.
    fn ready(&self) -> u32 {
        ready(self.children)
    }

    fn can_cancel(&self) -> bool {
        self.rules.cancel && self.children.iter().any(Child::is_under_way)
    }

    fn may_run_background(&self) -> bool {
        !self.background_idle && self.host.alive() > 0
    }

    /// Lists what is possible, but for what is void; true when the one that went on last can go on.
    fn list(&mut self, void: u32) -> bool {
        let ready = self.ready();
        let is_ready = |place: usize| ready & 1 << place != 0;
        let last = self.last.filter(|last| is_ready(*last));
        let background = self.may_run_background();
        let places = 0..self.children.len();
        let enabled = &mut self.enabled;
        enabled.clear();
        enabled.extend(last.map(|last| Move::Request(last as u8)));
        let others = places.clone().filter(|place| is_ready(*place));
        enabled.extend(
            others
                .filter(|place| Some(*place) != last)
                .map(|place| Move::Request(place as u8)),
        );
        if background {
            enabled.push(Move::Background);
        }
        if self.rules.time || ready == 0 {
            enabled.push(Move::Time);
        }
        if self.rules.cancel {
            let under_way = places.filter(|place| self.children[*place].is_under_way());
            enabled.extend(under_way.map(|place| Move::Cancel(place as u8)));
        }
        if void != 0 {
            enabled.retain(|mv| void & 1 << mv.bit() == 0);
        }
        last.is_some()
    }

    /// Asks what to do, and does it.
    async fn choice(&mut self) -> Next {
        let mut void = 0;
        loop {
            let continues = self.list(void);
            if self.enabled.is_empty() {
                return self.nobody().await;
            }
            let point = Point {
                step: self.moves.len(),
                enabled: &self.enabled,
                continues,
            };
            let chosen = self.guide.choose(&point);
            let Some(mv) = chosen.filter(|mv| self.enabled.contains(mv)) else {
                self.end = ExecutionEnd::Abandoned;
                return Next::End;
            };
            match mv {
                Move::Request(place) => {
                    self.step(usize::from(place));
                    return Next::Point;
                }
                Move::Cancel(place) => {
                    self.cancel(usize::from(place));
                    return Next::Point;
                }
                Move::Background | Move::Time => {
                    let before = self.ready();
                    let what = match mv {
                        Move::Background => self.background().await,
                        _ => self.time(before).await,
                    };
                    if let Some(what) = what {
                        self.did(mv, before, what);
                        return Next::Point;
                    }
                    self.guide.void(mv);
                    void |= 1 << mv.bit();
                }
            }
        }
    }

    /// Nobody of ours can go on: what happens then is no choice, and the guide hears of it.
    async fn forced(&mut self) -> Next {
        if self.may_run_background()
            && let Some(what) = self.background().await
        {
            return self.happened(Move::Background, what);
        }
        if self.ready() != 0 {
            return Next::Point;
        }
        let heeded = self.children.iter_mut().map(|child| child.heed_old(false));
        if heeded.fold(false, |any, one| any | one) {
            return Next::Point;
        }
        // Its own timer wants some budget.
        self.starving.leave_all();
        let children = &*self.children;
        let passed = self.host.pass_time(|| ready(children) != 0).await;
        self.starving.returned();
        self.background_idle = false;
        match passed {
            Passed::Time(by) => self.happened(Move::Time, passing(by)),
            // Another thread did something: that is no move of ours.
            Passed::Changed => Next::Point,
            Passed::Nothing | Passed::Late => self.nobody().await,
        }
    }

    /// Nothing is left that could make anybody go on, but for other threads and sockets.
    async fn nobody(&mut self) -> Next {
        let children = &*self.children;
        let changed = self
            .host
            .wait(self.rules.patience, || ready(children) != 0)
            .await;
        self.starving.returned();
        self.background_idle = false;
        let heeded = |child: &mut Child<S, B>| child.heed_old(true);
        if changed
            || self
                .children
                .iter_mut()
                .map(heeded)
                .fold(false, |any, one| any | one)
        {
            return Next::Point;
        }
        let number = self.moves.len();
        let mut waiting = Vec::new();
        for (place, child) in self.children.iter_mut().enumerate() {
            if !child.is_over() {
                waiting.push(place);
                let why = "it waits for what never comes: for another request, or for nobody";
                child.fail(why.to_owned(), false, number);
            }
        }
        self.end = ExecutionEnd::Stuck { waiting };
        Next::End
    }

    /// Something happened that was no choice.
    fn happened(&mut self, mv: Move, what: String) -> Next {
        let point = Point {
            step: self.moves.len(),
            enabled: &[mv],
            continues: false,
        };
        if self.guide.choose(&point) != Some(mv) {
            self.end = ExecutionEnd::Abandoned;
            return Next::End;
        }
        self.did(mv, 0, what);
        Next::Point
    }

    /// Lets one background task run; nothing when none was waiting to and nothing has changed.
    async fn background(&mut self) -> Option<String> {
        let before = self.ready();
        let ran = self.host.run_one().await;
        self.starving.returned();
        self.background_idle = !ran;
        (ran || self.ready() != before).then(|| "a background task went on".to_owned())
    }

    /// Lets time pass; nothing when there is no timer and nothing has changed.
    async fn time(&mut self, before: u32) -> Option<String> {
        // Its own timer wants some budget.
        self.starving.leave_all();
        let children = &*self.children;
        let passed = self.host.pass_time(|| ready(children) != before).await;
        self.starving.returned();
        self.background_idle = false;
        match passed {
            Passed::Time(by) => Some(passing(by)),
            Passed::Changed => Some("others went on first".to_owned()),
            Passed::Nothing | Passed::Late => None,
        }
    }

    fn step(&mut self, place: usize) {
        let before = match self.rules.told {
            true => self.ready(),
            false => 0,
        };
        let number = self.moves.len() + 1;
        self.hub.polls(place);
        let child = &mut self.children[place];
        let ended = child.step(self.starving, self.hub, self.rules.keep, number);
        self.moves.push(Move::Request(place as u8));
        self.last = Some(place);
        self.background_idle = false;
        if self.rules.told {
            self.tell_step(place, before, &ended);
        }
    }

    fn cancel(&mut self, place: usize) {
        let before = self.ready();
        let number = self.moves.len() + 1;
        self.hub.step(true);
        self.children[place].fail("its client went away".to_owned(), true, number);
        self.hub.step(false);
        self.background_idle = false;
        self.did(
            Move::Cancel(place as u8),
            before,
            "the client went away".to_owned(),
        );
    }

    /// A move that was no step of a request.
    fn did(&mut self, mv: Move, before: u32, what: String) {
        self.moves.push(mv);
        self.last = None;
        if self.rules.told {
            let ended = match mv {
                Move::Cancel(_) => StepEnd::Finished,
                _ => StepEnd::Other,
            };
            self.tell(mv, before, what, ended, None);
        }
    }

    fn tell_step(&mut self, place: usize, before: u32, ended: &Ended) {
        let child = &self.children[place];
        let status = || child.got.head.as_ref().map_or(0, |head| head.1.as_u16());
        let waits = ended.end != StepEnd::Finished && ended.end != StepEnd::Service;
        let what = match (ended.did, &ended.hit, waits) {
            (_, Some(hit), true) => format!("stopped at `{}`", hit.name),
            (Did::Asked, _, true) => "waits for the service to be ready".to_owned(),
            (Did::Asked, ..) => "the service is ready".to_owned(),
            (Did::Called, ..) => "called the service".to_owned(),
            (Did::Polled | Did::Read, _, true) => "stopped at an await".to_owned(),
            _ if ended.end == StepEnd::Finished => match child.failure() {
                Some(why) => why.to_owned(),
                None => format!("answered {}", status()),
            },
            (Did::Polled, ..) => format!("answers {}", status()),
            (Did::Read, ..) => "a piece of the answer".to_owned(),
        };
        let at_point = ended.hit.map(|hit| hit.place.to_string());
        let place_told = match waits {
            true => at_point.or_else(|| child.place()),
            false => None,
        };
        let mv = Move::Request(place as u8);
        // That it can go on itself needs no saying.
        let before = before | 1 << place;
        self.tell(mv, before, what, ended.end, place_told);
    }

    fn tell(&mut self, mv: Move, before: u32, what: String, ended: StepEnd, place: Option<String>) {
        let woken = self.ready() & !before;
        let woke = (0..self.children.len()).filter(|place| woken & 1 << place != 0);
        self.steps.push(StepTold {
            mv,
            what,
            ended,
            place,
            shared: points::take_shared(),
            woke: woke.map(|place| Move::Request(place as u8)).collect(),
            crossed: Vec::new(),
        });
    }
}

/// The requests that can take a step, as bits.
fn ready<S, B>(children: &[Child<S, B>]) -> u32
where
    S: Service<Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Error: Into<BoxError>>,
{
    children.iter().enumerate().fold(0, |bits, (place, child)| {
        bits | u32::from(child.is_ready()) << place
    })
}

fn passing(by: Duration) -> String {
    format!("{by:?} pass")
}
