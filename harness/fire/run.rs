//! A run: its state, its limits, its first record and its last. What happens between them is in `phases.rs`.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::connection::Bounds;
use super::fallback;
use super::fault;
use super::hosts::Hosts;
use super::pool::{Key, Pool};
use super::rate::Rate;
use super::release::Tactics;
use super::session::Session;
use super::{Clock, Plan, Stop, Watch, wait};
use crate::history::{Cause, End, Ending, HISTORY_VERSION, Record, Sink, Start, Target};
use crate::identity::{Mint, Redactor, UserId};
use crate::scenario::{Connections, Network, Scenario};

/// Why a run goes no further.
pub(crate) enum Halt {
    /// The sink refused a record.
    Sink(io::Error),
    /// It ends so.
    End(Ending),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Halt {
        Halt::Sink(error)
    }
}

/// The state of a run.
pub(crate) struct Run<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) sink: Box<dyn Sink + 'a>,
    pub(crate) watch: Box<dyn Watch + 'a>,
    pub(crate) stop: &'a Stop,
    pub(crate) bounds: Bounds<'a>,
    pub(crate) tactics: Tactics,
    pub(crate) sessions: Vec<Session>,
    pub(crate) pool: Pool,
    /// Decides groups, mixes, offsets and arrivals.
    pub(crate) rng: StdRng,
    /// Decides what templates draw, apart from the other, so that a template changes no group.
    pub(crate) text_rng: StdRng,
    rate: Rate,
    pub(crate) volleys: u32,
    /// Rounds that are to be run, as far as is known: more than the scenario's while too few requests met.
    pub(crate) rounds: u32,
    pub(crate) mint: Mint,
    pub(crate) redactor: Redactor,
    pub(crate) exchanges: u64,
    /// Steps of which it was told that they are left out where there is no session that must be dead.
    pub(crate) left_out: BTreeSet<u16>,
    /// Most exchanges.
    pub(crate) most: u64,
    /// Cleaning up has begun: it has a limit of its own, the end of its time.
    pub(crate) cleaning_up: bool,
}

/// Runs the plan into the sink: rounds of volleys.
pub(crate) async fn run(
    plan: &Plan<'_>,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<()> {
    let rounds = async |run: &mut Run<'_>, done: &mut u32| run.phases(done).await;
    run_with(plan, sink, watch, stop, rounds).await
}

/// Runs what `act` does with a run of the plan, from the first record to the last; it counts the rounds that have come to
/// their end.
pub(crate) async fn run_with<F>(
    plan: &Plan<'_>,
    sink: &mut dyn Sink,
    watch: &mut dyn Watch,
    stop: &Stop,
    act: F,
) -> io::Result<()>
where
    F: for<'r, 's> AsyncFnOnce(&'r mut Run<'s>, &'r mut u32) -> Result<(), Halt>,
{
    let clock = Clock::start();
    sink.take(&Record::Start(start(plan)))?;
    // Whoever interrupts a run wants it cleaned up; a second time ends the process.
    let unstopped = Stop::default();
    let mut rounds = 0;
    let ending = match Run::open(plan, clock, (&mut *sink, &mut *watch, stop)).await {
        Err(why) => Ending::Failed {
            why,
            cause: Cause::Unreachable,
        },
        Ok((mut run, notes)) => {
            for text in notes {
                run.sink.take(&Record::Note { text })?;
            }
            let ending = match act(&mut run, &mut rounds).await {
                Ok(()) => Ending::Completed,
                Err(Halt::End(ending)) => ending,
                Err(Halt::Sink(error)) => return Err(error),
            };
            match run.clean_up(rounds, &unstopped).await {
                Ok(()) => ending,
                Err(Halt::Sink(error)) => return Err(error),
                // It has told by itself why it did not come to its end, which changes nothing of what was found.
                Err(Halt::End(_)) => ending,
            }
        }
    };
    sink.take(&Record::End(End {
        ending,
        rounds,
        elapsed_ns: clock.now(),
    }))
}

fn start(plan: &Plan<'_>) -> Start {
    let scenario = plan.scenario;
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        target: Target {
            name: plan.target_name.clone(),
            url: plan.base_url.clone(),
        },
        engine: "fire".to_owned(),
        seed: plan.seed,
        salt: plan.salt.to_string(),
        users: scenario
            .users
            .list()
            .iter()
            .map(|user| user.name.clone())
            .collect(),
        slots: scenario.slots.clone(),
        steps: scenario.step_infos(),
        min_overlaps: scenario.fire.min_overlaps,
    }
}

/// What a reader of the report should know of the way to the target.
fn network_notes(network: &Network) -> Vec<String> {
    let mut notes = Vec::new();
    if network.insecure {
        notes.push("certificates were not checked (insecure): who answered is not proven".into());
    }
    let proxy = network.proxy.as_deref();
    if let Some(Ok(proxy)) = proxy.map(super::proxy::Proxy::parse) {
        notes.push(format!(
            "connections went through the proxy {}: requests were let go together as far as the proxy, and what is said of acknowledged bytes is what the proxy had",
            proxy.shown()
        ));
    }
    notes
}

impl<'a> Run<'a> {
    /// Looks the hosts up and settles how they are spoken to; with it, what a reader should know of that, a sentence each.
    ///
    /// # Errors
    /// A sentence that says which host is at fault, and how.
    pub(crate) async fn open(
        plan: &Plan<'a>,
        clock: Clock,
        (sink, watch, stop): (impl Sink + 'a, impl Watch + 'a, &'a Stop),
    ) -> Result<(Run<'a>, Vec<String>), String> {
        let wished = Tactics::new(&plan.scenario.fire);
        let mut hosts = Hosts::new(plan, wished.protocol).await?;
        let tactics = fallback::settle(&mut hosts, wished, plan.scenario).await;
        let mut notes = tactics.notes.clone();
        notes.extend(network_notes(&plan.scenario.network));
        notes.extend(fault::not_over(tactics.protocol, plan.scenario));
        let ends = (
            Box::new(sink) as Box<dyn Sink + 'a>,
            Box::new(watch) as _,
            stop,
        );
        let run = Run::new(plan, tactics, Pool::new(hosts), clock, ends);
        Ok((run, notes))
    }

    fn new(
        plan: &Plan<'a>,
        tactics: Tactics,
        pool: Pool,
        clock: Clock,
        (sink, watch, stop): (Box<dyn Sink + 'a>, Box<dyn Watch + 'a>, &'a Stop),
    ) -> Run<'a> {
        /// Makes of the run's seed another one.
        const TEXTS: u64 = 0x7465_7874_7365_6564;
        let scenario = plan.scenario;
        let limits = &scenario.limits;
        Run {
            scenario,
            sink,
            watch,
            stop,
            bounds: Bounds {
                keep: usize::try_from(limits.answer_bytes).unwrap_or(usize::MAX),
                timeout: Duration::from_millis(limits.timeout_ms),
                clock,
                stop,
                until_ns: limits.duration_s.saturating_mul(1_000_000_000),
            },
            tactics,
            sessions: (0..scenario.users.count())
                .map(|user| Session::new(UserId(user)))
                .collect(),
            pool,
            rng: StdRng::seed_from_u64(plan.seed),
            text_rng: StdRng::seed_from_u64(plan.seed ^ TEXTS),
            rate: Rate::new(scenario.limits.rate),
            volleys: 0,
            rounds: scenario.fire.rounds,
            mint: Mint::new(plan.salt),
            redactor: Redactor::new(scenario.supplied_secrets()),
            exchanges: 0,
            left_out: BTreeSet::new(),
            most: limits.requests,
            cleaning_up: false,
        }
    }

    /// The connection to a host on which a user's steps run alone.
    pub(crate) fn key(&self, user: usize, host: usize) -> Key {
        let lane = match self.tactics.connections {
            Connections::PerUser | Connections::Rotating => user,
            Connections::Shared => 0,
        };
        Key { host, lane }
    }

    /// Waits until that many exchanges more are within the limits, the rate included.
    pub(crate) async fn pace(&mut self, count: usize) -> Result<(), Halt> {
        self.admit(count)?;
        let now = self.bounds.clock.now();
        let at = self.rate.admit(now, count);
        if at > now && !wait::until(at, self.bounds).await {
            // What ended the wait is what the limits tell now.
            self.admit(0)?;
        }
        Ok(())
    }

    /// Whether that many exchanges more are within the limits. Cleaning up has one of its own, its time.
    pub(crate) fn admit(&self, count: usize) -> Result<(), Halt> {
        let limits = &self.scenario.limits;
        let limit = |limit: String| Err(Halt::End(Ending::Limit { limit }));
        let late = self.bounds.clock.now() > self.bounds.until_ns;
        if self.cleaning_up {
            return match late {
                true => limit("the time for cleaning up".to_owned()),
                false => Ok(()),
            };
        }
        if self.stop.asked() {
            return Err(Halt::End(Ending::Interrupted));
        }
        if self.exchanges + count as u64 > self.most {
            return limit(format!("{} requests", self.most));
        }
        if late {
            return limit(format!("{} s", limits.duration_s));
        }
        Ok(())
    }
}
