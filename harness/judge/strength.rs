//! How much a clean run is worth.

use super::Reach;

/// What the run did, and the bound it gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strength {
    /// Rounds that were finished.
    pub rounds: u32,
    /// Exchanges, of every phase.
    pub exchanges: u64,
    /// Volleys.
    pub volleys: u64,
    /// Pairs of exchanges of different users that were under way at the same time, within a volley, and that show
    /// something: answered below 400 and as their steps expect and, where their users should see own canaries, not without
    /// any canary.
    ///
    /// Two exchanges of which the server tells when each arrived and was answered are compared on its clock: that they
    /// overlapped is a fact. All others are compared on the client's clock, which knows less: it sees when a request left
    /// and when its answer was read, and in a volley nothing is read before everything is released, so that all of a volley
    /// would seem to overlap. Hence such a request counts as under way from its last byte for as long as the same step
    /// took alone at its quickest (any step, when that one never ran alone), and never beyond the first byte of its answer.
    /// That is an estimate: a request may have waited on its way, and the handlers may have met later, or not at all. Only
    /// when nothing was measured alone is the time to the answer taken whole.
    pub overlapping_pairs: u64,
    /// Those of the pairs that are known by the server's own times; the rest are as the client saw them.
    pub pairs_by_server: u64,
    /// Crossings inside volleys, at most [`Strength::overlapping_pairs`].
    pub exposing_pairs: u64,
    /// [`upper_bound_95`] for the two; `None` when nothing overlapped.
    pub upper_bound_95: Option<f64>,
    /// How far explorations of schedules went; `None` when there were none. With it, nothing is said of pairs: what holds
    /// then holds for schedules.
    pub reach: Option<Reach>,
    /// What weakens the run, one sentence each.
    pub notes: Vec<String>,
}

impl Strength {
    /// Share of the pairs that are known by the server's own times, 0 to 1; `None` when nothing overlapped.
    #[must_use]
    pub fn share_by_server(&self) -> Option<f64> {
        (self.overlapping_pairs > 0)
            .then(|| self.pairs_by_server as f64 / self.overlapping_pairs as f64)
    }
}

/// One-sided 95 % upper bound for the probability that an overlapping pair exposes something, after `exposing` of `pairs`
/// did; `None` for no pairs.
///
/// Exact (Clopper and Pearson, Biometrika 26, 1934): the probability at which so few exposures have a chance of 5 %. For
/// none of n that is `1 - 0.05^(1/n)`, about `3/n` (the rule of three: Hanley and Lippman-Hand, JAMA 249, 1983).
///
/// It takes pairs for independent draws. Those of one volley are not: they share its timing. Read it as the bound for the
/// kind of overlaps that the run made, not for any overlap.
///
/// ```
/// use crosswire::judge::upper_bound_95;
///
/// let bound = upper_bound_95(1_000, 0).unwrap();
/// assert!((bound - 0.002_991).abs() < 0.000_001, "{bound}");
/// assert_eq!(upper_bound_95(0, 0), None, "nothing overlapped, nothing is known");
/// assert_eq!(upper_bound_95(5, 5), Some(1.0));
/// ```
#[must_use]
pub fn upper_bound_95(pairs: u64, exposing: u64) -> Option<f64> {
    const LEVEL: f64 = 0.05;
    if pairs == 0 {
        return None;
    }
    if exposing >= pairs {
        return Some(1.0);
    }
    let n = pairs as f64;
    if exposing == 0 {
        return Some(-(LEVEL.ln() / n).exp_m1());
    }
    let ways = ln_choose(pairs, exposing);
    let (mut low, mut high) = (exposing as f64 / n, 1.0);
    // 60 halvings leave less than 1e-18.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if chance_of_at_most(pairs, exposing, ways, middle) > LEVEL {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// `P(X <= k)` for a binomial X with `p > k/n`: summed downwards from k, where the terms fall ever faster.
fn chance_of_at_most(n: u64, k: u64, ln_choose_k: f64, p: f64) -> f64 {
    let mut term = (ln_choose_k + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp();
    let odds = (1.0 - p) / p;
    let mut sum = 0.0;
    let mut at = k;
    loop {
        sum += term;
        if at == 0 || term <= sum * 1e-17 {
            return sum;
        }
        term *= at as f64 / (n - at + 1) as f64 * odds;
        at -= 1;
    }
}

fn ln_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n - k);
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_sum_of_the_binomial() {
        // Clopper-Pearson, one-sided 95 %: the 0.95 quantile of Beta(k + 1, n - k).
        for (n, k, bound) in [
            (10, 0, 0.258_866),
            (10, 1, 0.394_163),
            (10, 5, 0.777_559),
            (100, 3, 0.075_711),
            (20, 19, 0.997_439),
        ] {
            let got = upper_bound_95(n, k).unwrap();
            assert!((got - bound).abs() < 2e-6, "{n} {k}: {got}");
        }
    }

    #[test]
    fn grows_with_exposures_and_falls_with_pairs() {
        let mut last = 0.0;
        for k in [0, 1, 2, 1_000, 500_000, 999_999, 1_000_000] {
            let bound = upper_bound_95(1_000_000, k).unwrap();
            assert!(bound > last && bound >= k as f64 / 1e6, "{k}: {bound}");
            last = bound;
        }
        assert!(upper_bound_95(u64::MAX, 0).unwrap() > 0.0);
    }
}
