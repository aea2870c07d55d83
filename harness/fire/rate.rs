//! Keeps a run to so many requests a second, whatever it is told to do.

/// A second's worth may go at once, so that a volley leaves together; what is beyond that waits. The generic cell rate
/// algorithm (ITU-T I.371), in which one number says when the service would have worked everything off at that rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    per_second: u64,
    /// When all requests so far would have gone, one after another at the rate; nanoseconds on the run's clock.
    worked_off_ns: u64,
}

const SECOND_NS: u64 = 1_000_000_000;

impl Rate {
    /// So many requests a second; at least one.
    pub(crate) fn new(per_second: u64) -> Rate {
        Rate {
            per_second: per_second.max(1),
            worked_off_ns: 0,
        }
    }

    /// Takes in that `count` requests are to go; says when they may, nanoseconds on the run's clock.
    pub(crate) fn admit(&mut self, now_ns: u64, count: usize) -> u64 {
        let cost = u128::from(SECOND_NS) * count as u128 / u128::from(self.per_second);
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        let at = self.worked_off_ns.saturating_sub(SECOND_NS).max(now_ns);
        self.worked_off_ns = self.worked_off_ns.max(now_ns).saturating_add(cost);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_goes_at_once_and_the_rest_at_the_rate() {
        let mut rate = Rate::new(10);
        for _ in 0..11 {
            assert_eq!(rate.admit(5, 1), 5);
        }
        let later: Vec<u64> = (0..3).map(|_| rate.admit(5, 1)).collect();
        let step = SECOND_NS / 10;
        assert_eq!(later, [5 + step, 5 + 2 * step, 5 + 3 * step]);
    }

    #[test]
    fn a_volley_larger_than_the_rate_leaves_together_and_is_paid_for_afterwards() {
        let mut rate = Rate::new(10);
        assert_eq!(rate.admit(0, 40), 0);
        assert_eq!(rate.admit(0, 1), 3 * SECOND_NS);
    }

    #[test]
    fn over_a_long_time_there_is_never_more_than_the_rate_and_one_second() {
        let mut rate = Rate::new(100);
        let mut now = 0;
        let mut sent = 0;
        for step in 0..2_000_u64 {
            now = rate.admit(now + step % 7, 1 + (step % 3) as usize);
            sent += 1 + step % 3;
            let most = 100 + 100 * now / SECOND_NS + 3;
            assert!(sent <= most, "{sent} requests by {now} ns");
        }
    }
}
