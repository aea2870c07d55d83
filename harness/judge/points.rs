//! One point per volley, for charts: all of them in a short run, evenly thinned out in a long one.

use super::{POINTS_KEPT, VolleyPoint};

/// Collects points.
#[derive(Clone, Debug)]
pub(super) struct Points {
    kept: Vec<VolleyPoint>,
    /// Every so many volleys one is kept; a power of two.
    stride: usize,
    seen: usize,
}

impl Default for Points {
    fn default() -> Points {
        Points {
            kept: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }
}

impl Points {
    pub(super) fn take(&mut self, point: VolleyPoint) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == POINTS_KEPT {
                let mut at = 0..;
                self.kept
                    .retain(|_| at.next().is_some_and(|at: usize| at.is_multiple_of(2)));
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(point);
            }
        }
        self.seen += 1;
    }

    pub(super) fn finish(self) -> Vec<VolleyPoint> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(volleys: u32) -> Vec<u32> {
        let mut points = Points::default();
        for volley in 0..volleys {
            points.take(VolleyPoint {
                volley,
                round: 1,
                offset_us: 0,
                spread_us: 0,
                by_server: false,
                pairs: 0,
                exposing: 0,
            });
        }
        points.finish().iter().map(|point| point.volley).collect()
    }

    #[test]
    fn a_short_run_keeps_all_and_a_long_one_keeps_them_evenly() {
        let limit = POINTS_KEPT as u32;
        assert_eq!(kept(limit), (0..limit).collect::<Vec<_>>());
        let thinned = kept(limit * 5 + 3);
        assert!(
            thinned.len() <= POINTS_KEPT && thinned.len() > POINTS_KEPT / 2,
            "{}",
            thinned.len()
        );
        assert!(
            thinned
                .iter()
                .enumerate()
                .all(|(at, volley)| *volley == at as u32 * 8),
            "{thinned:?}"
        );
    }
}
