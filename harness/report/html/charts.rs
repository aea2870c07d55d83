//! The charts of a run: how tightly each volley arrived, and at which offsets something crossed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::timeline::{Tick, percent, round_step};
use crate::judge::VolleyPoint;
use crate::report::words;

/// Height of the drawing area, from its top line to its axis.
const TOP: f64 = 20.0;
const AXIS: f64 = 206.0;
/// Where the first column begins, shares of a hundred: labels of the lines stand before it.
const LEFT: f64 = 11.0;
const RIGHT: f64 = 98.5;
/// Bars at most; more offsets than that are put together.
const BARS: usize = 24;
/// Dots at most; of more volleys an even selection is drawn, and all in which something crossed up to as many.
const DOTS: usize = 800;

/// A dot per volley.
#[derive(Debug, Serialize)]
pub(super) struct SpreadChart {
    caption: String,
    rows: Vec<Line>,
    columns: Vec<Tick>,
    dots: Vec<Dot>,
}

/// A bar per offset.
#[derive(Debug, Serialize)]
pub(super) struct OffsetChart {
    caption: String,
    rows: Vec<Line>,
    bars: Vec<OffsetBar>,
}

#[derive(Debug, Serialize)]
struct Line {
    y: f64,
    label: String,
}

#[derive(Debug, Serialize)]
struct Dot {
    x: String,
    y: String,
    exposing: bool,
}

#[derive(Debug, Serialize)]
struct OffsetBar {
    x: String,
    width: String,
    middle: String,
    y: String,
    height: String,
    labelled: bool,
    offset: String,
    volleys: String,
    pairs: String,
    exposing: String,
    share: String,
}

/// The spreads of the volleys; `None` for fewer than two.
pub(super) fn spread_chart(points: &[VolleyPoint]) -> Option<SpreadChart> {
    if points.len() < 2 {
        return None;
    }
    let (first, last) = (points.first()?.volley, points.last()?.volley);
    let most = points.iter().map(|point| point.spread_us).max()?.max(1);
    let least = points.iter().map(|point| point.spread_us).min()?.max(1);
    // A few volleys that were late must not press all others to the ground.
    let scale = Scale::of(least, most);
    let step = points.len().div_ceil(DOTS);
    let exposing: Vec<&VolleyPoint> = points.iter().filter(|point| point.exposing > 0).collect();
    let exposing_step = exposing.len().div_ceil(DOTS).max(1);
    let quiet = points
        .iter()
        .step_by(step)
        .filter(|point| point.exposing == 0);
    let drawn = quiet.chain(exposing.iter().copied().step_by(exposing_step));
    let dots = drawn
        .map(|point| Dot {
            x: percent(across(
                u64::from(point.volley - first.min(point.volley)),
                u64::from(last.saturating_sub(first)),
            )),
            y: format!("{:.1}", scale.y(point.spread_us)),
            exposing: point.exposing > 0,
        })
        .collect();
    let clock = if points.iter().all(|point| point.by_server) {
        "from the first arrival to the last, by the server's clock"
    } else {
        "from the first request to the last, by crosswire's releases or, where all tell, the server's clock"
    };
    Some(SpreadChart {
        caption: format!(
            "{} in order, with their spread: the time {clock}{}. {}",
            words::count(points.len() as u64, "volley"),
            if scale.is_logarithmic {
                " (logarithmic scale)"
            } else {
                ""
            },
            match exposing.len() {
                0 => "Nothing crossed in any of them.".to_owned(),
                n => format!("Something crossed in {}.", words::number(n as u64)),
            }
        ),
        rows: scale.rows(),
        columns: columns(first, last),
        dots,
    })
}

/// What crossed by offset; `None` unless there are several offsets and something crossed.
pub(super) fn offset_chart(points: &[VolleyPoint]) -> Option<OffsetChart> {
    let groups = by_offset(points);
    if groups.len() < 2 || groups.iter().all(|group| group.exposing == 0) {
        return None;
    }
    let highest = groups.iter().map(Group::share).fold(0.0, f64::max);
    let slot = (RIGHT - LEFT) / groups.len() as f64;
    let every = groups.len().div_ceil(8);
    let bars = groups
        .iter()
        .enumerate()
        .map(|(at, group)| {
            let left = LEFT + slot * at as f64;
            let height = (AXIS - TOP) * group.share() / highest;
            OffsetBar {
                x: percent(left + slot * 0.25),
                width: percent(slot * 0.5),
                middle: percent(left + slot / 2.0),
                y: format!("{:.1}", AXIS - height),
                height: format!("{height:.1}"),
                labelled: at % every == 0,
                offset: group.label(),
                volleys: words::number(group.volleys),
                pairs: words::number(group.pairs),
                exposing: words::number(group.exposing),
                share: words::percent(group.share()),
            }
        })
        .collect();
    let best = groups
        .iter()
        .max_by(|a, b| a.share().total_cmp(&b.share()))?;
    Some(OffsetChart {
        caption: format!(
            "Crossings per overlapping pair, by the offset between neighbouring users' requests. The most at {}: {} of {}.",
            best.label(),
            words::number(best.exposing),
            words::count(best.pairs, "pair")
        ),
        rows: [1.0, 0.5]
            .map(|share| Line {
                y: (AXIS - (AXIS - TOP) * share).round(),
                label: words::percent(highest * share),
            })
            .into(),
        bars,
    })
}

/// Volleys of one offset, or of several neighbouring ones.
struct Group {
    from_us: u32,
    to_us: u32,
    volleys: u64,
    pairs: u64,
    exposing: u64,
}

impl Group {
    /// Crossings per pair, of which there is one at least; a volley can have more crossings than pairs were counted.
    fn share(&self) -> f64 {
        (self.exposing as f64 / self.pairs as f64).min(1.0)
    }

    fn label(&self) -> String {
        let time = |us: u32| match us {
            0 => "0".to_owned(),
            us => words::time(Duration::from_micros(us.into())),
        };
        if self.from_us == self.to_us {
            time(self.from_us)
        } else {
            format!("{} to {}", time(self.from_us), time(self.to_us))
        }
    }
}

/// Offsets at which nothing overlapped are left out: no share can be said of them.
fn by_offset(points: &[VolleyPoint]) -> Vec<Group> {
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    for point in points {
        let group = groups.entry(point.offset_us).or_insert(Group {
            from_us: point.offset_us,
            to_us: point.offset_us,
            volleys: 0,
            pairs: 0,
            exposing: 0,
        });
        group.volleys += 1;
        group.pairs = group.pairs.saturating_add(point.pairs);
        group.exposing = group.exposing.saturating_add(point.exposing);
    }
    groups.retain(|_, group| group.pairs > 0);
    let together = groups.len().div_ceil(BARS).max(1);
    let mut bars: Vec<Group> = Vec::new();
    for (at, group) in groups.into_values().enumerate() {
        match bars.last_mut().filter(|_| at % together != 0) {
            Some(bar) => {
                bar.to_us = group.to_us;
                bar.volleys += group.volleys;
                bar.pairs = bar.pairs.saturating_add(group.pairs);
                bar.exposing = bar.exposing.saturating_add(group.exposing);
            }
            None => bars.push(group),
        }
    }
    bars
}

/// How a spread becomes a height.
struct Scale {
    least: f64,
    most: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(least: u64, most: u64) -> Scale {
        let is_logarithmic = most / least >= 30;
        if is_logarithmic {
            return Scale {
                least: 10f64.powf((least as f64).log10().floor()),
                most: most as f64,
                is_logarithmic,
            };
        }
        Scale {
            least: 0.0,
            most: most as f64,
            is_logarithmic,
        }
    }

    fn y(&self, us: u64) -> f64 {
        let us = us as f64;
        let share = if self.is_logarithmic {
            let (least, most) = (self.least.log10(), self.most.log10());
            (us.max(self.least).log10() - least) / (most - least)
        } else {
            us / self.most
        };
        AXIS - (AXIS - TOP) * share.clamp(0.0, 1.0)
    }

    /// Lines at round values.
    fn rows(&self) -> Vec<Line> {
        let line = |us: u64| Line {
            y: self.y(us).round(),
            label: words::time(Duration::from_micros(us)),
        };
        let mut rows = Vec::new();
        if self.is_logarithmic {
            let mut at = self.least.round() as u64;
            while (at as f64) <= self.most && rows.len() < 12 {
                rows.push(line(at));
                at = at.saturating_mul(10);
            }
        } else {
            let step = round_step((self.most as u64) / 4);
            let mut at = step;
            while (at as f64) <= self.most && rows.len() < 12 {
                rows.push(line(at));
                at = at.saturating_add(step);
            }
        }
        rows
    }
}

fn across(at: u64, of: u64) -> f64 {
    LEFT + (RIGHT - LEFT) * at as f64 / of.max(1) as f64
}

fn columns(first: u32, last: u32) -> Vec<Tick> {
    let of = u64::from(last.saturating_sub(first));
    [(0, "start"), (of / 2, "middle"), (of, "end")]
        .into_iter()
        .map(|(at, anchor)| Tick {
            x: percent(across(at, of)),
            label: format!("volley {}", words::number(u64::from(first) + at)),
            anchor,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::all;
    use super::*;

    fn point(volley: u32, offset_us: u32, spread_us: u64, exposing: u64) -> VolleyPoint {
        VolleyPoint {
            volley,
            round: 1,
            offset_us,
            spread_us,
            by_server: false,
            pairs: 10,
            exposing,
        }
    }

    #[test]
    fn there_is_no_chart_without_data() {
        assert!(spread_chart(&[]).is_none() && offset_chart(&[]).is_none());
        assert!(spread_chart(&[point(1, 0, 5, 0)]).is_none());
        assert!(
            offset_chart(&[point(1, 0, 5, 3), point(2, 0, 5, 0)]).is_none(),
            "one offset"
        );
        assert!(
            offset_chart(&[point(1, 0, 5, 0), point(2, 9, 5, 0)]).is_none(),
            "no exposure"
        );
    }

    #[test]
    fn every_volley_is_a_dot_inside_the_drawing() {
        let chart = spread_chart(&all()["exposed"].points).unwrap();
        assert_eq!(chart.dots.len(), 20);
        assert_eq!(chart.dots.iter().filter(|dot| dot.exposing).count(), 7);
        let many: Vec<VolleyPoint> = (1..=2_000)
            .map(|n| {
                point(
                    n,
                    0,
                    if n % 100 == 0 {
                        4_000_000
                    } else {
                        u64::from(n % 7)
                    },
                    u64::from(n % 50 == 0),
                )
            })
            .collect();
        let chart = spread_chart(&many).unwrap();
        assert!(
            chart.dots.len() <= 2 * DOTS && chart.dots.len() > 600,
            "{}",
            chart.dots.len()
        );
        assert_eq!(
            chart.dots.iter().filter(|dot| dot.exposing).count(),
            40,
            "none that crossed is left out"
        );
        assert!(chart.caption.contains("logarithmic"), "{}", chart.caption);
        for dot in &chart.dots {
            let (x, y): (f64, f64) = (dot.x.parse().unwrap(), dot.y.parse().unwrap());
            assert!(
                (LEFT - 0.1..=RIGHT + 0.1).contains(&x) && (TOP..=AXIS).contains(&y),
                "{dot:?}"
            );
        }
    }

    #[test]
    fn shares_are_of_the_pairs_at_that_offset() {
        let points = [
            point(1, 0, 5, 1),
            point(2, 100, 5, 8),
            point(3, 100, 5, 8),
            point(4, 200, 5, 0),
        ];
        let chart = offset_chart(&points).unwrap();
        let bars: Vec<(&str, &str, &str)> = chart
            .bars
            .iter()
            .map(|bar| (bar.offset.as_str(), bar.share.as_str(), bar.height.as_str()))
            .collect();
        assert_eq!(
            bars,
            [
                ("0", "10 %", "23.2"),
                ("100 µs", "80 %", "186.0"),
                ("200 µs", "0 %", "0.0")
            ]
        );
        assert!(
            chart
                .caption
                .ends_with("The most at 100 µs: 16 of 20 pairs."),
            "{}",
            chart.caption
        );
    }

    #[test]
    fn offsets_without_pairs_are_left_out() {
        let without = |at: usize| {
            let mut points = [
                point(1, 0, 5, 1),
                point(2, 100, 5, 2),
                point(3, 5_000, 5, 1),
            ];
            points[at].pairs = 0;
            points
        };
        let chart = offset_chart(&without(2)).unwrap();
        assert_eq!(chart.bars.len(), 2);
        assert!(
            chart
                .caption
                .ends_with("The most at 100 µs: 2 of 10 pairs."),
            "{}",
            chart.caption
        );
        assert!(
            offset_chart(&without(2)[1..]).is_none(),
            "one offset is left"
        );
    }

    #[test]
    fn many_offsets_are_put_together() {
        let points: Vec<VolleyPoint> = (0..100).map(|n| point(n + 1, n * 10, 5, 1)).collect();
        let chart = offset_chart(&points).unwrap();
        assert_eq!(chart.bars.len(), 20);
        assert_eq!(chart.bars[0].offset, "0 to 40 µs");
        assert_eq!(chart.bars[0].volleys, "5");
    }
}
