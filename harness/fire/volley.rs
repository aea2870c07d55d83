//! One volley: arm every request behind its gate, let them go, collect the answers, record.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::acknowledged::acknowledged;
use super::alone::Made;
use super::connection::{Armed, Bounds, Connection};
use super::exchange::{Answer, Done, Failure, Request};
use super::pattern::Part;
use super::pool::Key;
use super::run::{Halt, Run};
use super::session::server_times;
use super::{Clock, Event};
use crate::history::{Phase, Record, Release, Volley};
use crate::scenario::{Connections, Step};

/// A connection that takes part in a volley, with the requests armed on it.
struct Lane {
    key: Key,
    connection: Connection,
    /// Positions in the volley.
    shots: Vec<usize>,
    armed: Vec<Armed>,
    /// When it is let go, after the first.
    at: Duration,
}

/// What a lane has come to.
struct Landed {
    key: Key,
    connection: Connection,
    shots: Vec<usize>,
    sent_ns: u64,
    whole: bool,
    results: Vec<Result<Answer, Failure>>,
}

/// A release of one lane: when it was, and whether the kernel took everything at once.
#[derive(Clone, Copy)]
struct Let {
    sent_ns: u64,
    whole: bool,
}

impl<'a> Run<'a> {
    /// Fires one step for each of the users, released together as the strategy says.
    pub(super) async fn volley(&mut self, parts: &[Part<'a>], round: u32) -> Result<(), Halt> {
        let users: Vec<usize> = parts.iter().map(|part| part.user).collect();
        let steps: Vec<&Step> = parts.iter().map(|part| part.step).collect();
        self.admit(users.len())?;
        self.volleys += 1;
        let volley = self.volleys;
        let (mut requests, mut lines) = (
            Vec::with_capacity(users.len()),
            Vec::with_capacity(users.len()),
        );
        for (user, step) in users.iter().zip(&steps) {
            let Made {
                request,
                line,
                planted,
            } = self.make(*user, step, round)?;
            self.record_planted(planted)?;
            requests.push(request);
            lines.push(line);
        }
        let mut results: Vec<Option<(u32, Done)>> = users.iter().map(|_| None).collect();
        let mut lanes = self.lanes(&users, &steps, &mut results).await?;
        self.arm(&mut lanes, &requests, volley).await?;
        let armed = self.send_ahead(&mut lanes).await?;
        let landed = release_and_collect(lanes, self.bounds).await;
        let release = summary(&landed, self.tactics.strategy.name.to_string(), armed);
        for lane in landed {
            for (shot, result) in lane.shots.iter().zip(lane.results) {
                results[*shot] = Some((
                    lane.connection.number,
                    Done::new(lane.sent_ns, result, self.bounds.clock),
                ));
            }
            self.pool.put(lane.key, lane.connection);
        }
        let server_spread_us = server_spread_us(&results);
        let client_spread_us = release.client_spread_ns / 1_000;
        for (shot, (result, line)) in results.into_iter().zip(lines).enumerate() {
            let (number, mut done) = result.unwrap_or_else(|| (0, lost(self.bounds.clock)));
            // What the step expects of an answer in a volley is for the judge to weigh.
            let _ = self.received(users[shot], steps[shot], &requests[shot], &mut done);
            self.record_exchange(
                users[shot],
                steps[shot],
                Phase::Volley,
                round,
                Some(volley),
                number,
                line,
                done,
            )?;
        }
        self.record(&Record::Volley(Volley {
            volley,
            round,
            requests: u32::try_from(users.len()).unwrap_or(u32::MAX),
            server_spread_us,
            offset_us: 0,
            release,
        }))?;
        let step = if steps.iter().all(|step| step.index == steps[0].index) {
            steps[0].name.as_str()
        } else {
            "mixed"
        };
        self.watch.event(&Event::Volley {
            volley,
            requests: u32::try_from(users.len()).unwrap_or(u32::MAX),
            step,
            spread_us: server_spread_us.unwrap_or(client_spread_us),
            by_server: server_spread_us.is_some(),
        });
        Ok(())
    }

    /// The connections of a volley. A user without one has its result at once.
    async fn lanes(
        &mut self,
        users: &[usize],
        steps: &[&'a Step],
        results: &mut [Option<(u32, Done)>],
    ) -> Result<Vec<Lane>, Halt> {
        let mut lanes: Vec<Lane> = Vec::new();
        for (shot, (user, step)) in users.iter().zip(steps).enumerate() {
            let host = self.pool.hosts.of(step);
            if self.tactics.connections == Connections::Shared
                && let Some(lane) = lanes.iter_mut().rfind(|lane| lane.key.host == host)
                && lane.shots.len() < lane.connection.capacity()
            {
                lane.shots.push(shot);
                continue;
            }
            let lane = match self.tactics.connections {
                Connections::PerUser => *user,
                Connections::Rotating => (*user + self.volleys as usize) % self.sessions.len(),
                Connections::Shared => lanes.len(),
            };
            let key = Key { host, lane };
            self.admit(0)?;
            match self.pool.take(key).await {
                Ok((connection, _)) => lanes.push(Lane {
                    key,
                    connection,
                    shots: vec![shot],
                    armed: Vec::new(),
                    at: Duration::ZERO,
                }),
                Err(why) => {
                    let now = self.bounds.clock.now();
                    results[shot] =
                        Some((0, Done::new(now, Err(Failure::new(why)), self.bounds.clock)));
                }
            }
        }
        Ok(lanes)
    }

    async fn arm(
        &mut self,
        lanes: &mut [Lane],
        requests: &[Request],
        volley: u32,
    ) -> Result<(), Halt> {
        let schedule = self.tactics.schedule(volley, lanes.len(), &mut self.rng);
        for (lane, at) in lanes.iter_mut().zip(schedule) {
            self.admit(0)?;
            let mine: Vec<&Request> = lane.shots.iter().map(|shot| &requests[*shot]).collect();
            lane.armed = lane.connection.arm(&mine, self.bounds).await;
            lane.at = at;
        }
        Ok(())
    }

    /// Sends ahead what the strategy does not withhold; true when it is known to have arrived.
    async fn send_ahead(&self, lanes: &mut [Lane]) -> Result<bool, Halt> {
        let Some(keep) = self.tactics.strategy.keep else {
            return Ok(true);
        };
        for lane in lanes.iter_mut() {
            self.admit(0)?;
            let Lane {
                connection, armed, ..
            } = lane;
            connection.send_ahead(keep, armed, self.bounds).await;
        }
        let locals: Vec<_> = lanes
            .iter()
            .filter_map(|lane| lane.connection.latch().local())
            .collect();
        Ok(acknowledged(&locals).await)
    }
}

async fn release_and_collect(lanes: Vec<Lane>, bounds: Bounds<'_>) -> Vec<Landed> {
    let together = lanes.iter().all(|lane| lane.at.is_zero());
    let collecting: FuturesUnordered<_> = if together {
        // Nothing but one system call a lane, no await in between.
        let gone: Vec<Let> = lanes
            .iter()
            .map(|lane| release(lane, bounds.clock))
            .collect();
        lanes
            .into_iter()
            .zip(gone)
            .map(|(lane, gone)| land(lane, Some(gone), 0, bounds))
            .collect()
    } else {
        let start_ns = bounds.clock.now();
        lanes
            .into_iter()
            .map(|lane| land(lane, None, start_ns, bounds))
            .collect()
    };
    collecting.collect().await
}

fn release(lane: &Lane, clock: Clock) -> Let {
    // A connection that is broken tells it again when its answer is read.
    let whole = lane.connection.latch().release().unwrap_or(false);
    Let {
        sent_ns: clock.now(),
        whole,
    }
}

/// Lets the lane go when its time comes, unless it has gone already, and reads its answers.
async fn land(mut lane: Lane, gone: Option<Let>, start_ns: u64, bounds: Bounds<'_>) -> Landed {
    let at_ns = start_ns.saturating_add(u64::try_from(lane.at.as_nanos()).unwrap_or(u64::MAX));
    let gone = match gone {
        Some(gone) => Some(gone),
        None if wait_until(at_ns, bounds).await => Some(release(&lane, bounds.clock)),
        None => None,
    };
    let results = match gone {
        Some(_) => lane.connection.collect(lane.armed, bounds).await,
        None => {
            lane.connection.give_up();
            lane.connection.latch().discard();
            let why = "the run was ended before the request was released";
            let ended = || Err(Failure::new(why));
            lane.armed.iter().map(|_| ended()).collect()
        }
    };
    let gone = gone.unwrap_or(Let {
        sent_ns: bounds.clock.now(),
        whole: true,
    });
    Landed {
        key: lane.key,
        connection: lane.connection,
        shots: lane.shots,
        sent_ns: gone.sent_ns,
        whole: gone.whole,
        results,
    }
}

/// Waits for a time on the run's clock: the timer, which ticks in milliseconds, for the most of it, then turn by turn,
/// in which the other lanes' answers are read. False when the run is to end before.
async fn wait_until(at_ns: u64, bounds: Bounds<'_>) -> bool {
    const TIMER_SLACK_NS: u64 = 2_000_000;
    /// How soon a request to stop is noticed.
    const LOOK_NS: u64 = 50_000_000;
    loop {
        let now = bounds.clock.now();
        if now >= at_ns {
            return true;
        }
        if bounds.stop.asked() || now > bounds.until_ns {
            return false;
        }
        let left = at_ns - now;
        if left > TIMER_SLACK_NS {
            let nap = (left - TIMER_SLACK_NS).min(LOOK_NS);
            tokio::time::sleep(Duration::from_nanos(nap)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

/// Last arrival minus first, when every answer tells its own.
fn server_spread_us(results: &[Option<(u32, Done)>]) -> Option<u64> {
    let arrivals: Option<Vec<u64>> = results
        .iter()
        .map(|result| {
            let (_, done) = result.as_ref()?;
            Some(server_times(&done.result.as_ref().ok()?.head)?.arrived_us)
        })
        .collect();
    let arrivals = arrivals?;
    Some(arrivals.iter().max()? - arrivals.iter().min()?)
}

fn summary(landed: &[Landed], strategy: String, armed: bool) -> Release {
    let first = landed
        .iter()
        .map(|lane| lane.sent_ns)
        .min()
        .unwrap_or_default();
    let last = landed
        .iter()
        .map(|lane| lane.sent_ns)
        .max()
        .unwrap_or_default();
    let writes: usize = landed
        .iter()
        .map(|lane| if lane.whole { 1 } else { 2 })
        .sum();
    Release {
        strategy,
        connections: u32::try_from(landed.len()).unwrap_or(u32::MAX),
        writes: u32::try_from(writes).unwrap_or(u32::MAX),
        client_spread_ns: last - first,
        armed,
    }
}

fn lost(clock: Clock) -> Done {
    let failure = Failure::new("the request was never armed");
    Done::new(clock.now(), Err(failure), clock)
}
