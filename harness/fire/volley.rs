//! One volley: who takes part over which connection, arming every request behind its gate, letting them go, the record.

use std::time::Duration;

use super::acknowledged::acknowledged;
use super::alone::Made;
use super::connection::Armed;
use super::exchange::{Done, Failure, Request};
use super::fault::BreakOff;
use super::lane::{Landed, Lane, Let, release_and_collect, summary};
use super::pattern::Part;
use super::pool::Key;
use super::run::{Halt, Run};
use super::session::server_times;
use super::{Clock, Event};
use crate::history::{Phase, Record, Volley};
use crate::scenario::{AbortHow, AbortWhen, Connections, Step};

/// One request of a volley.
#[derive(Clone, Copy)]
struct Shot<'a> {
    user: usize,
    step: &'a Step,
    /// Place of its user among those who take part.
    place: usize,
    /// Whether it goes over its user's second connection.
    second: bool,
    /// Whether it is written together with the one before it.
    pipelined: bool,
    /// Whether it is broken off before its answer, and the others wait for that.
    breaks_off: bool,
}

/// What a volley has come to.
struct Fired {
    /// By the positions of the requests: number of the connection, and result.
    results: Vec<Option<(u32, Done)>>,
    lets: Vec<Let>,
    /// Whether everything sent ahead is known to have arrived.
    armed: bool,
    /// Why the run goes no further, when that turned out after the first release.
    halt: Option<Halt>,
}

impl<'a> Run<'a> {
    /// Fires what the parts say, released together as the strategy wants it.
    pub(super) async fn volley(&mut self, parts: &[Part<'a>], round: u32) -> Result<(), Halt> {
        self.volley_at(parts, round, None).await
    }

    /// The same, each part at its own time after the first when these are given.
    pub(crate) async fn volley_at(
        &mut self,
        parts: &[Part<'a>],
        round: u32,
        times: Option<Vec<Duration>>,
    ) -> Result<(), Halt> {
        let shots = shots(parts);
        self.pace(shots.len()).await?;
        self.volleys += 1;
        let volley = self.volleys;
        let mut requests = Vec::with_capacity(shots.len());
        let mut lines = Vec::with_capacity(shots.len());
        for shot in &shots {
            let Made {
                request,
                line,
                planted,
            } = self.make(shot.user, shot.step, round)?;
            self.record_planted(planted)?;
            requests.push(request);
            lines.push(line);
        }
        let fired = self.fire(&shots, &requests, volley, times).await?;
        let strategy = self.tactics.strategy.name.to_string();
        let release = summary(&fired.lets, strategy, fired.armed);
        let server_spread_us = server_spread_us(&fired.results);
        let client_spread_us = release.client_spread_ns / 1_000;
        for (at, (result, line)) in fired.results.into_iter().zip(lines).enumerate() {
            let shot = shots[at];
            let (number, mut done) = result.unwrap_or_else(|| (0, lost(self.bounds.clock)));
            let (user, step) = (shot.user, shot.step);
            // What the step expects of an answer in a volley is for the judge to weigh.
            let _ = self.received(user, step, &requests[at], &mut done);
            let volley = Some(volley);
            self.record_exchange(user, step, Phase::Volley, round, volley, number, line, done)?;
        }
        let count = u32::try_from(shots.len()).unwrap_or(u32::MAX);
        self.record(&Record::Volley(Volley {
            volley,
            round,
            requests: count,
            server_spread_us,
            offset_us: self.tactics.offset_us(volley),
            release,
        }))?;
        self.watch.event(&Event::Volley {
            volley,
            requests: count,
            step: name(&shots),
            spread_us: server_spread_us.unwrap_or(client_spread_us),
            by_server: server_spread_us.is_some(),
        });
        fired.halt.map_or(Ok(()), Err)
    }

    /// Releases the requests: all together or, when some are broken off, those first, and as soon as they have been, the
    /// others. The error is one of before the first release.
    async fn fire(
        &mut self,
        shots: &[Shot<'a>],
        requests: &[Request],
        volley: u32,
        times: Option<Vec<Duration>>,
    ) -> Result<Fired, Halt> {
        let mut fired = Fired {
            results: shots.iter().map(|_| None).collect(),
            lets: Vec::new(),
            armed: true,
            halt: None,
        };
        let places = shots.last().map_or(0, |shot| shot.place + 1);
        let drawn = || self.tactics.schedule(volley, places, &mut self.rng);
        let schedule = times.unwrap_or_else(drawn);
        let waves = [true, false].map(|breaks_off| -> Vec<usize> {
            let of_wave = |at: &usize| shots[*at].breaks_off == breaks_off;
            (0..shots.len()).filter(of_wave).collect()
        });
        let volley = Loaded {
            shots,
            requests,
            schedule: &schedule,
            volley,
        };
        if self.tactics.connections == Connections::Shared {
            // The others ask on the very connection on which those before them have broken off: it is armed anew.
            for wave in waves.iter().filter(|wave| !wave.is_empty()) {
                match self.ready(wave, &volley, &mut fired).await {
                    Ok(lanes) => {
                        let landed = release_and_collect(lanes, self.bounds).await;
                        self.take_in(landed, &mut fired);
                    }
                    Err(halt) if fired.lets.is_empty() => return Err(halt),
                    Err(halt) => {
                        fired.halt = Some(halt);
                        break;
                    }
                }
            }
            return Ok(fired);
        }
        let [breaking, others] = &waves;
        let breaking = self.ready(breaking, &volley, &mut fired).await?;
        let others = self.ready(others, &volley, &mut fired).await?;
        let broken = match breaking.is_empty() {
            true => Vec::new(),
            false => release_and_collect(breaking, self.bounds).await,
        };
        let landed = release_and_collect(others, self.bounds).await;
        self.take_in(broken, &mut fired);
        self.take_in(landed, &mut fired);
        Ok(fired)
    }

    /// Connections for the requests at these positions, armed, and what the strategy does not withhold sent ahead.
    async fn ready(
        &mut self,
        wave: &[usize],
        volley: &Loaded<'_, 'a>,
        fired: &mut Fired,
    ) -> Result<Vec<Lane>, Halt> {
        let mut lanes = self.lanes(wave, volley, fired).await?;
        for lane in &mut lanes {
            self.admit(0)?;
            let mine: Vec<&Request> = lane
                .shots
                .iter()
                .map(|shot| &volley.requests[*shot])
                .collect();
            lane.armed = lane.connection.arm(&mine, self.bounds).await;
            if volley.shots[lane.shots[0]].breaks_off {
                lane.armed.break_off(self.break_off(volley.volley));
            }
        }
        fired.armed &= self.send_ahead(&mut lanes).await?;
        Ok(lanes)
    }

    /// How those break off after whom the others ask. A shared connection stays: the others are on it.
    fn break_off(&self, volley: u32) -> BreakOff {
        let how = match self.tactics.connections {
            Connections::Shared => AbortHow::Reset,
            Connections::PerUser | Connections::Rotating => AbortHow::Close,
        };
        BreakOff {
            when: AbortWhen::BeforeAnswer,
            how,
            after: Duration::from_micros(u64::from(self.tactics.offset_us(volley))),
        }
    }

    /// The connections of a wave. A user without one has its result at once.
    async fn lanes(
        &mut self,
        wave: &[usize],
        volley: &Loaded<'_, 'a>,
        fired: &mut Fired,
    ) -> Result<Vec<Lane>, Halt> {
        let mut lanes: Vec<Lane> = Vec::new();
        for second in [false, true] {
            let from = lanes.len();
            for at in wave.iter().copied() {
                let shot = volley.shots[at];
                if shot.second != second {
                    continue;
                }
                let host = self.pool.hosts.of(shot.step);
                if let Some(lane) = lanes[from..].iter_mut().rfind(|lane| lane.key.host == host)
                    && self.joins(at, shot, lane)
                {
                    lane.shots.push(at);
                    continue;
                }
                self.admit(0)?;
                let lane = self.lane_number(shot, lanes.len() - from);
                let key = Key { host, lane };
                match self.pool.take(key).await {
                    Ok((connection, _)) => lanes.push(Lane {
                        key,
                        connection,
                        shots: vec![at],
                        armed: Armed::none(),
                        at: volley.schedule[shot.place],
                    }),
                    Err(why) => {
                        let clock = self.bounds.clock;
                        let done = Done::new(clock.now(), Err(Failure::new(why)), clock);
                        fired.results[at] = Some((0, done));
                    }
                }
            }
        }
        Ok(lanes)
    }

    /// Whether the request at this position goes over the lane of those before it.
    fn joins(&self, at: usize, shot: Shot<'_>, lane: &Lane) -> bool {
        let shared = self.tactics.connections == Connections::Shared;
        let follows = shot.pipelined && lane.shots.last() == Some(&(at - 1));
        match lane.connection.pipelines() {
            true => follows,
            false => (shared || follows) && lane.shots.len() < lane.connection.capacity(),
        }
    }

    /// Which of its host's connections a shot goes over: `before` lanes of its kind stand before it.
    fn lane_number(&self, shot: Shot<'_>, before: usize) -> usize {
        let users = self.sessions.len();
        let first = match self.tactics.connections {
            Connections::PerUser => shot.user,
            Connections::Rotating => taken_over(shot.user, users, self.volleys),
            Connections::Shared => before,
        };
        if shot.second { users + first } else { first }
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

    fn take_in(&mut self, landed: Vec<Landed>, fired: &mut Fired) {
        for lane in landed {
            for (shot, done) in lane.shots.iter().zip(lane.done) {
                fired.results[*shot] = Some((lane.connection.number, done));
            }
            fired.lets.push(lane.gone);
            self.pool.put(lane.key, lane.connection);
        }
    }
}

/// What is fired in a volley.
struct Loaded<'v, 'a> {
    shots: &'v [Shot<'a>],
    requests: &'v [Request],
    /// When the user at each place is let go.
    schedule: &'v [Duration],
    /// Number in the run.
    volley: u32,
}

/// The requests of the parts: each as often as its step is written in one write, companions behind their steps.
fn shots<'a>(parts: &[Part<'a>]) -> Vec<Shot<'a>> {
    let mut shots = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let own = (part.step, false);
        let companion = part.companion.map(|step| (step, true));
        for (step, second) in std::iter::once(own).chain(companion) {
            shots.extend((0..step.faults.pipeline.max(1)).map(|turn| Shot {
                user: part.user,
                step,
                place,
                second,
                pipelined: turn > 0,
                breaks_off: part.breaks_off && !second,
            }));
        }
    }
    shots
}

/// Whose connection a user takes over in the volley with this number: never its own, in no two volleys in a row that of
/// the same user (unless there are two alone), and no two users the same.
fn taken_over(user: usize, users: usize, volley: u32) -> usize {
    match users {
        0 | 1 => user,
        _ => (user + 1 + (volley as usize) % (users - 1)) % users,
    }
}

/// Name of the step, or `mixed`.
fn name<'a>(shots: &[Shot<'a>]) -> &'a str {
    match shots {
        [first, rest @ ..] if rest.iter().all(|shot| shot.step.index == first.step.index) => {
            &first.step.name
        }
        _ => "mixed",
    }
}

/// Last arrival minus first, when every answer tells its own; what was broken off on purpose has none.
fn server_spread_us(results: &[Option<(u32, Done)>]) -> Option<u64> {
    let arrivals: Option<Vec<u64>> = results
        .iter()
        .filter(|result| !matches!(result, Some((_, done)) if done.cut_off))
        .map(|result| {
            let (_, done) = result.as_ref()?;
            Some(server_times(&done.result.as_ref().ok()?.head)?.arrived_us)
        })
        .collect();
    let arrivals = arrivals?;
    Some(arrivals.iter().max()? - arrivals.iter().min()?)
}

fn lost(clock: Clock) -> Done {
    let failure = Failure::new("the request was never armed");
    Done::new(clock.now(), Err(failure), clock)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::taken_over;

    #[test]
    fn a_rotating_connection_is_anothers_and_nobody_elses() {
        for users in 2..8 {
            for volley in 1..20 {
                let taken: Vec<usize> = (0..users)
                    .map(|user| taken_over(user, users, volley))
                    .collect();
                assert!(taken.iter().enumerate().all(|(user, key)| user != *key));
                let different: BTreeSet<_> = taken.iter().collect();
                assert_eq!(different.len(), users, "{taken:?}");
                if users > 2 {
                    assert_ne!(taken[0], taken_over(0, users, volley + 1));
                }
            }
        }
        assert_eq!(taken_over(0, 1, 7), 0);
    }
}
