//! The release strategies: what of a request goes ahead, over which connections, and when each is let go.
//!
//! - `barrier`: nothing goes ahead; each connection's requests leave in one write, connection after connection.
//! - `last-byte`: everything but one byte goes ahead and is acknowledged; the release is one byte a connection. It holds
//!   back a `GET` too: a head without its last byte is no request.
//! - `single-packet`: HTTP/2, one connection; whole HEADERS frames of all users in one write. To withhold END_STREAM
//!   would not hold a `GET`, since servers dispatch on HEADERS. Over TLS, up to 16,384 bytes of it are one record, which
//!   the peer cannot read before its last byte, however the network splits it.
//! - `arrivals`: no simultaneity; users come as they do in life, with exponential gaps.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::scenario::{Connections, FireSettings, Pattern, Protocol, StrategyName};

/// What a strategy does. The list is [`STRATEGIES`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strategy {
    pub(crate) name: StrategyName,
    /// How many bytes stay behind when a request is sent ahead; `None` when nothing goes ahead.
    pub(crate) keep: Option<usize>,
    /// The connections it needs, when it does not work with both kinds.
    needs: Option<Connections>,
    /// Whether users are let go one after another, at random times.
    pub(crate) arrivals: bool,
}

const STRATEGIES: [Strategy; 4] = [
    Strategy {
        name: StrategyName::Barrier,
        keep: None,
        needs: None,
        arrivals: false,
    },
    Strategy {
        name: StrategyName::LastByte,
        keep: Some(1),
        needs: Some(Connections::PerUser),
        arrivals: false,
    },
    Strategy {
        name: StrategyName::SinglePacket,
        keep: None,
        needs: Some(Connections::Shared),
        arrivals: false,
    },
    Strategy {
        name: StrategyName::Arrivals,
        keep: None,
        needs: Some(Connections::PerUser),
        arrivals: true,
    },
];

/// How the volleys of a run are released: the settings, made consistent.
#[derive(Clone, Debug)]
pub(crate) struct Tactics {
    pub(crate) strategy: Strategy,
    pub(crate) protocol: Protocol,
    pub(crate) connections: Connections,
    offsets_us: Vec<u32>,
    /// Whether the offset is the time after which some break off, and not one between users.
    offset_breaks_off: bool,
    mean_gap: Duration,
    /// What was used instead of what was wished, a sentence each.
    pub(crate) notes: Vec<String>,
}

impl Tactics {
    pub(crate) fn new(settings: &FireSettings) -> Tactics {
        let strategy = STRATEGIES
            .into_iter()
            .find(|strategy| strategy.name == settings.strategy)
            .unwrap_or(STRATEGIES[0]);
        let mut notes = Vec::new();
        let mut protocol = settings.protocol;
        if strategy.name == StrategyName::SinglePacket && protocol != Protocol::Http2 {
            notes.push("single-packet is an HTTP/2 release: HTTP/2 was used".to_owned());
            protocol = Protocol::Http2;
        }
        let mut connections = strategy.needs.unwrap_or(settings.connections);
        if connections != settings.connections && strategy.name != StrategyName::SinglePacket {
            notes.push(format!(
                "{} needs {connections} connections: they were used instead of {} ones",
                strategy.name, settings.connections
            ));
        }
        if connections == Connections::Shared && protocol == Protocol::Http1 {
            notes.push("HTTP/1.1 carries one request at a time on a connection: a connection per user was used instead of a shared one".to_owned());
            connections = Connections::PerUser;
        }
        let mut offsets_us = settings.offsets_us.clone();
        let offset_breaks_off = settings.pattern == Pattern::AbortThenAsk;
        if !offset_breaks_off
            && connections == Connections::Shared
            && offsets_us.iter().any(|offset| *offset != 0)
        {
            notes.push("offsets need a connection per user: requests on the shared connection were released together".to_owned());
            offsets_us.clear();
        }
        let mean_gap = Duration::from_millis(u64::from(settings.mean_gap_ms));
        Tactics {
            strategy,
            protocol,
            connections,
            offsets_us,
            offset_breaks_off,
            mean_gap,
            notes,
        }
    }

    /// When each of `count` users is let go, counted from the release of the first, for the volley with this number
    /// (from 1). All zero: together.
    pub(crate) fn schedule(&self, volley: u32, count: usize, rng: &mut StdRng) -> Vec<Duration> {
        if self.strategy.arrivals {
            let mut at = Duration::ZERO;
            return (0..count)
                .map(|_| {
                    let now = at;
                    // Inverse of the exponential distribution; 1 - u is never 0.
                    let gap = -(1.0 - rng.random::<f64>()).ln();
                    at += self.mean_gap.mul_f64(gap);
                    now
                })
                .collect();
        }
        let offset = match self.offset_breaks_off {
            true => 0,
            false => self.offset_us(volley),
        };
        (0..count)
            .map(|user| Duration::from_micros(u64::from(offset) * user as u64))
            .collect()
    }

    /// The offset of the volley with this number (from 1), microseconds: between neighbouring users or, when some break
    /// off, from the release to that.
    pub(crate) fn offset_us(&self, volley: u32) -> u32 {
        if self.strategy.arrivals && !self.offset_breaks_off || self.offsets_us.is_empty() {
            return 0;
        }
        let turn = volley.saturating_sub(1) as usize;
        self.offsets_us[turn % self.offsets_us.len()]
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn every_strategy_is_in_the_list() {
        for name in StrategyName::ALL {
            assert!(
                STRATEGIES.iter().any(|strategy| strategy.name == *name),
                "{name}"
            );
        }
    }

    #[test]
    fn offsets_are_swept_volley_by_volley() {
        let settings = FireSettings {
            offsets_us: vec![0, 50],
            ..FireSettings::default()
        };
        let tactics = Tactics::new(&settings);
        let mut rng = StdRng::seed_from_u64(1);
        assert!(
            tactics
                .schedule(1, 3, &mut rng)
                .iter()
                .all(Duration::is_zero)
        );
        assert_eq!(
            tactics.schedule(2, 3, &mut rng)[2],
            Duration::from_micros(100)
        );
        assert!(
            tactics
                .schedule(3, 3, &mut rng)
                .iter()
                .all(Duration::is_zero)
        );
    }

    #[test]
    fn a_shared_connection_is_not_wished_upon_http1() {
        let settings = FireSettings {
            connections: Connections::Shared,
            ..FireSettings::default()
        };
        let tactics = Tactics::new(&settings);
        assert_eq!(tactics.connections, Connections::PerUser);
        assert_eq!(tactics.notes.len(), 1);
    }

    #[test]
    fn arrivals_come_one_after_another_and_by_the_seed() {
        let settings = FireSettings {
            strategy: StrategyName::Arrivals,
            mean_gap_ms: 10,
            ..FireSettings::default()
        };
        let tactics = Tactics::new(&settings);
        let schedule = tactics.schedule(1, 50, &mut StdRng::seed_from_u64(7));
        assert!(schedule.is_sorted() && schedule[49] > schedule[1]);
        assert_eq!(
            schedule,
            tactics.schedule(1, 50, &mut StdRng::seed_from_u64(7))
        );
    }
}
