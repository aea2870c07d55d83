//! The day over the network: log-ins, deployments, requests at their times, and who misses what.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use bytes::Bytes;

use super::Operator;
use super::draw::Slice;
use super::pace::{Clock, Stage};
use crate::fire::connection::Bounds;
use crate::fire::pattern::Part;
use crate::fire::run::{Halt, Run};
use crate::fire::wait;
use crate::history::{
    Cause, Day, DayPhase, DayRecord, DayWork, Ending, Outcome, Phase, Record, Sink,
};
use crate::scenario::Step;

/// The run's own clock.
pub(super) struct RunClock<'a>(Bounds<'a>);

impl<'a> RunClock<'a> {
    pub(super) fn of(run: &Run<'a>) -> RunClock<'a> {
        RunClock(run.bounds)
    }
}

impl Clock for RunClock<'_> {
    fn now_ns(&self) -> u64 {
        self.0.clock.now()
    }

    async fn until(&self, at_ns: u64) -> bool {
        wait::until(at_ns, self.0).await
    }
}

/// The last page that a user was shown when it looked at what is its own.
#[derive(Debug, Default)]
pub(super) struct Heard {
    page: Option<Bytes>,
}

/// A sink that remembers that page, as its user does.
pub(super) struct Listening<'s> {
    sink: &'s mut dyn Sink,
    heard: Rc<RefCell<Heard>>,
}

impl<'s> Listening<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink, heard: Rc<RefCell<Heard>>) -> Listening<'s> {
        Listening { sink, heard }
    }
}

impl Sink for Listening<'_> {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        if let Record::Exchange(exchange) = record
            && exchange.phase == Phase::ReadBack
        {
            let page = match &exchange.outcome {
                Outcome::Answer { body, .. } if !exchange.refused => Some(body.clone()),
                Outcome::Answer { .. } | Outcome::Failed { .. } => None,
            };
            self.heard.borrow_mut().page = page;
        }
        self.sink.take(record)
    }
}

/// A day that is played with a run.
pub(super) struct OnRun<'r, 'a> {
    run: &'r mut Run<'a>,
    operator: &'r mut dyn Operator,
    heard: Rc<RefCell<Heard>>,
    /// Users and slots of which they have asked to remove the newest item.
    removed: BTreeSet<(usize, u16)>,
    /// Users who did not find something when they last looked.
    missing: BTreeSet<usize>,
}

impl<'r, 'a> OnRun<'r, 'a> {
    pub(super) fn new(
        run: &'r mut Run<'a>,
        operator: &'r mut dyn Operator,
        heard: Rc<RefCell<Heard>>,
    ) -> OnRun<'r, 'a> {
        OnRun {
            run,
            operator,
            heard,
            removed: BTreeSet::new(),
            missing: BTreeSet::new(),
        }
    }

    /// Everybody logs in, before the day begins, with what its first phase serves.
    pub(super) async fn open(&mut self, day: &Day) -> Result<(), Halt> {
        let plan = DayRecord::Plan(Box::new(day.clone()));
        self.run.record(&Record::Day(plan))?;
        let first = day.phases.iter().find_map(|phase| phase.serves.as_deref());
        self.deploy(first)?;
        self.run.event_phase(Phase::Setup, 0);
        let scenario = self.run.scenario;
        for user in 0..self.run.sessions.len() {
            self.run.prepare(user, &scenario.setup, 0).await?;
        }
        Ok(())
    }

    fn deploy(&mut self, variant: Option<&str>) -> Result<(), Halt> {
        self.operator.deploy(variant).map_err(|why| {
            Halt::End(Ending::Failed {
                why,
                cause: Cause::Unreachable,
            })
        })
    }

    async fn prepare(&mut self, user: usize, round: u32) -> Result<(), Halt> {
        let scenario = self.run.scenario;
        self.run.prepare(user, &scenario.each_round, round).await?;
        let planted = scenario.each_round.iter().flat_map(Step::plants);
        for slot in planted {
            self.removed.remove(&(user, *slot));
        }
        self.missing.remove(&user);
        Ok(())
    }

    /// A user looks at what is its own, and notices what it misses: what can be removed, and what it has not removed.
    async fn look(&mut self, user: usize, round: u32) -> Result<(), Halt> {
        let scenario = self.run.scenario;
        let removable: BTreeSet<u16> = scenario
            .volley
            .iter()
            .flat_map(|step| step.removes.iter().copied())
            .collect();
        self.missing.remove(&user);
        for step in &scenario.read_back {
            self.heard.borrow_mut().page = None;
            self.run.walk(user, step, Phase::ReadBack, round).await?;
            let Some(page) = self.heard.borrow_mut().page.take() else {
                continue;
            };
            let own = step
                .sees
                .iter()
                .filter(|slot| removable.contains(slot) && !self.removed.contains(&(user, **slot)));
            let mut own = own.filter_map(|slot| self.run.sessions[user].canary(*slot));
            if own.any(|text| memchr::memmem::find(&page, text.as_bytes()).is_none()) {
                self.missing.insert(user);
            }
        }
        Ok(())
    }

    /// Whoever misses something asks for it, and looks again.
    async fn restore(&mut self, user: usize, round: u32) -> Result<(), Halt> {
        if !self.missing.contains(&user) {
            return Ok(());
        }
        let scenario = self.run.scenario;
        for step in &scenario.restore {
            self.run.walk(user, step, Phase::Setup, round).await?;
        }
        self.look(user, round).await
    }
}

impl Stage for OnRun<'_, '_> {
    async fn phase(&mut self, place: u32, phase: &DayPhase) -> Result<(), Halt> {
        self.run
            .record(&Record::Day(DayRecord::Phase { phase: place }))?;
        self.run.event_phase(Phase::Setup, place + 1);
        self.deploy(phase.serves.as_deref())
    }

    async fn work(&mut self, round: u32, phase: &DayPhase, work: DayWork) -> Result<(), Halt> {
        let (first, last) = phase.users;
        let users = (first.saturating_sub(1) as usize)..(last as usize);
        let users = users.start..users.end.min(self.run.sessions.len());
        if work == DayWork::ReadBack {
            self.run.event_phase(Phase::ReadBack, round);
        }
        for user in users {
            match work {
                DayWork::EachRound => self.prepare(user, round).await?,
                DayWork::ReadBack => self.look(user, round).await?,
                DayWork::Restore => self.restore(user, round).await?,
            }
        }
        Ok(())
    }

    async fn slice(&mut self, round: u32, slice: &Slice, scale: u32) -> Result<(), Halt> {
        let scenario = self.run.scenario;
        let (mut parts, mut schedule) = (Vec::new(), Vec::new());
        for arrival in &slice.arrivals {
            let step = &scenario.volley[arrival.step];
            if self.run.left_out(arrival.user, step)? {
                continue;
            }
            let removes = step.removes.iter().map(|slot| (arrival.user, *slot));
            self.removed.extend(removes);
            parts.push(Part {
                user: arrival.user,
                step,
                companion: None,
                breaks_off: false,
            });
            schedule.push(arrival.after / scale);
        }
        let stands = DayRecord::Slice {
            at_s: slice.at_s,
            at_ns: self.run.bounds.clock.now(),
        };
        self.run.record(&Record::Day(stands))?;
        if parts.is_empty() {
            return Ok(());
        }
        self.run.event_phase(Phase::Volley, round);
        self.run.volley_at(&parts, round, Some(schedule)).await
    }

    fn interrupted(&mut self) -> Result<(), Halt> {
        self.run.admit(0)
    }
}
