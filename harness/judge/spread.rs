//! How tightly the volleys of each strategy arrived.

use std::collections::BTreeMap;

use crate::history::Volley;

use super::Spread;
use super::facts::Fact;

/// Volleys of one strategy whose spread is kept; the rest is counted only.
const SPREADS_KEPT: usize = 1 << 20;

/// Spreads of the volleys of one strategy, microseconds.
#[derive(Clone, Debug, Default)]
struct OfStrategy {
    volleys: u64,
    by_client: Vec<u32>,
    /// As long as `by_client` while every volley's server told every arrival; given up at the first that did not.
    by_server: Option<Vec<u32>>,
}

/// Collects the spreads of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Spreads {
    strategies: BTreeMap<String, OfStrategy>,
}

impl Spreads {
    pub(super) fn take(&mut self, volley: &Volley, facts: &[Fact]) {
        let release = &volley.release;
        if !self.strategies.contains_key(&release.strategy) {
            let first = OfStrategy {
                by_server: Some(Vec::new()),
                ..OfStrategy::default()
            };
            self.strategies.insert(release.strategy.clone(), first);
        }
        let Some(strategy) = self.strategies.get_mut(&release.strategy) else {
            return;
        };
        strategy.volleys += 1;
        if strategy.by_client.len() == SPREADS_KEPT {
            return;
        }
        strategy
            .by_client
            .push(u32::try_from(release.client_spread_ns / 1_000).unwrap_or(u32::MAX));
        let arrivals = facts
            .iter()
            .map(|fact| fact.times.map(|times| times.arrived_us));
        let ends = arrivals
            .collect::<Option<Vec<u64>>>()
            .and_then(|all| Some((*all.iter().min()?, *all.iter().max()?)));
        match (ends, &mut strategy.by_server) {
            (Some((first, last)), Some(spreads)) => {
                spreads.push(u32::try_from(last - first).unwrap_or(u32::MAX))
            }
            _ => strategy.by_server = None,
        }
    }

    /// One line per strategy, by name.
    pub(super) fn finish(self) -> Vec<Spread> {
        let line = |(strategy, of): (String, OfStrategy)| {
            let by_server = of.by_server.is_some();
            let mut spreads = of.by_server.unwrap_or(of.by_client);
            spreads.sort_unstable();
            Spread {
                strategy,
                volleys: of.volleys,
                median_us: nearest_rank(&spreads, 50),
                p95_us: nearest_rank(&spreads, 95),
                by_server,
            }
        };
        self.strategies.into_iter().map(line).collect()
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed; 0 for none.
fn nearest_rank(sorted: &[u32], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .map_or(0, u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Release, ServerTimes};
    use crate::judge::facts::Facts;
    use crate::judge::rules::testing::exchange;

    fn volley(strategy: &str, client_us: u64) -> Volley {
        let strategy = strategy.to_owned();
        let release = Release {
            strategy,
            connections: 2,
            writes: 2,
            client_spread_ns: client_us * 1_000,
            armed: true,
        };
        Volley {
            volley: 1,
            round: 1,
            requests: 2,
            offset_us: 0,
            server_spread_us: None,
            release,
        }
    }

    fn facts(arrivals: [Option<u64>; 2]) -> Facts {
        let mut facts = Facts::default();
        for (user, arrival) in arrivals.into_iter().enumerate() {
            let mut exchange = exchange(user as u64, user as u32, 0);
            exchange.server = arrival.map(|arrived_us| ServerTimes {
                arrived_us,
                answered_us: None,
                order: None,
            });
            facts.push(&exchange, true, false, None);
        }
        facts
    }

    #[test]
    fn the_servers_arrivals_count_when_all_tell_them() {
        let mut spreads = Spreads::default();
        for spread in [30, 10, 20] {
            spreads.take(
                &volley("barrier", 500),
                facts([Some(100 + spread), Some(100)]).all(),
            );
        }
        spreads.take(&volley("last-byte", 7), facts([Some(1), Some(2)]).all());
        spreads.take(&volley("last-byte", 9), facts([Some(1), None]).all());
        let lines = spreads.finish();
        let seen: Vec<_> = lines
            .iter()
            .map(|s| {
                (
                    s.strategy.as_str(),
                    s.volleys,
                    s.median_us,
                    s.p95_us,
                    s.by_server,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [("barrier", 3, 20, 30, true), ("last-byte", 2, 7, 9, false)]
        );
    }

    #[test]
    fn ranks() {
        assert_eq!(nearest_rank(&[], 50), 0);
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(
            (nearest_rank(&sorted, 50), nearest_rank(&sorted, 95)),
            (50, 95)
        );
        assert_eq!(nearest_rank(&[5], 95), 5);
    }
}
