//! Counts the pairs of different users whose requests were under way at the same time, in O(n log n).

use super::facts::{Fact, Interval};

/// Overlapping pairs of a volley.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// All of them.
    pub(super) all: u64,
    /// Those that both sides' server times show.
    pub(super) by_server: u64,
}

/// Pairs of served exchanges of different users that overlap: on the server's clock when both have it, otherwise on the
/// client's, where a request counts as under way no longer than one takes alone ([`Facts::push`](super::facts::Facts::push)).
pub(super) fn overlapping_pairs(facts: &[Fact]) -> Pairs {
    let mut served: Vec<&Fact> = facts.iter().filter(|fact| fact.is_served()).collect();
    served.sort_unstable_by_key(|fact| fact.user);
    let mut pairs = pairs_of_users(&served);
    // Two anonymous requests have no owner between them.
    served.retain(|fact| fact.is_anonymous());
    if served.len() > 1 {
        let of_nobody = pairs_of_users(&served);
        pairs.all -= of_nobody.all;
        pairs.by_server -= of_nobody.by_server;
    }
    pairs
}

/// Pairs of different users; `served` is ordered by user.
fn pairs_of_users(served: &[&Fact]) -> Pairs {
    let mut pairs = pairs_of_any_users(served);
    // Pairs of one user do not count; each user's own are few.
    for own in served
        .chunk_by(|a, b| a.user == b.user)
        .filter(|own| own.len() > 1)
    {
        let own = pairs_of_any_users(own);
        pairs.all -= own.all;
        pairs.by_server -= own.by_server;
    }
    pairs
}

/// Two exchanges are compared on the server's clock when both have it, otherwise on the client's: so all pairs on the
/// client's clock, but for the pairs that both have the server's, which are counted on that.
fn pairs_of_any_users(facts: &[&Fact]) -> Pairs {
    let by_server = meeting(facts.iter().filter_map(|fact| fact.server));
    if facts.iter().all(|fact| fact.server.is_some()) {
        return Pairs {
            all: by_server,
            by_server,
        };
    }
    let by_client = meeting(facts.iter().map(|fact| fact.client));
    let replaced = meeting(
        facts
            .iter()
            .filter(|fact| fact.server.is_some())
            .map(|fact| fact.client),
    );
    Pairs {
        all: by_client - replaced + by_server,
        by_server,
    }
}

/// Pairs of intervals that have an instant in common: all pairs but those of which one ends before the other begins.
fn meeting(intervals: impl Iterator<Item = Interval>) -> u64 {
    let (mut starts, mut ends): (Vec<u64>, Vec<u64>) = intervals.unzip();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut apart = 0;
    let mut ended = 0;
    for start in &starts {
        ended += ends[ended..].iter().take_while(|end| *end < start).count();
        apart += ended as u64;
    }
    let all = starts.len() as u64;
    all * all.saturating_sub(1) / 2 - apart
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::judge::facts::Facts;
    use crate::judge::rules::testing::{answer, exchange};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sweep_counts_what_the_definition_says(
            drawn in prop::collection::vec((0u32..4, 0u64..20, 0u64..20, prop::option::of((0u64..20, 0u64..20)), 0u8..8), 0..40),
        ) {
            let exchanges: Vec<_> = drawn.iter().enumerate().map(|(id, (user, sent, first, server, fate))| {
                let mut exchange = exchange(id as u64, *user, 0);
                exchange.sent_ns = *sent;
                exchange.first_byte_ns = Some(*first);
                exchange.server = server.map(|(arrived_us, answered_us)| crate::history::ServerTimes {
                    arrived_us, answered_us: Some(answered_us), order: None,
                });
                let status = [200, 200, 302, 404, 401, 429, 503, 200][usize::from(*fate)];
                exchange.outcome = answer(status, "", b"");
                exchange
            }).collect();
            let mut facts = Facts::default();
            for exchange in &exchanges {
                facts.push(exchange, true, false, None);
            }
            let mut expected = 0;
            for (at, a) in exchanges.iter().enumerate() {
                for (b_at, b) in exchanges.iter().enumerate().skip(at + 1) {
                    let served = facts.all()[at].is_served() && facts.all()[b_at].is_served();
                    expected += u64::from(served && a.user != b.user && a.overlaps(b));
                }
            }
            prop_assert_eq!(overlapping_pairs(facts.all()).all, expected);
        }
    }
}
