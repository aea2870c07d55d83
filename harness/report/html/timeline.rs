//! The timeline of a finding: both users' requests as bars on one axis, and the crossing between them.
//!
//! Positions across are shares of the width, so that the drawing fits any screen while its letters keep their size.

use std::time::Duration;

use serde::Serialize;

use crate::judge::ExposureKind;
use crate::report::{Finding, FindingSide, telling, words};

/// Characters of a request that are shown above its bar; the exchange below the drawing has all of it.
const LABEL: usize = 48;
/// Least width of a bar, shares of a hundred.
const THINNEST: f64 = 0.6;

/// A timeline, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    number: usize,
    title: String,
    caption: String,
    height: u32,
    /// Where the axis stands, from the top.
    axis: u32,
    viewer: Bar,
    victim: Option<Bar>,
    victim_role: &'static str,
    together: Option<Bar>,
    ticks: Vec<Tick>,
    from_x: String,
    from_y: u32,
    to_x: String,
    to_y: u32,
    /// The arrow's head.
    tip: &'static str,
}

/// A bar of a lane.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    x: String,
    width: String,
    label: String,
}

/// A time on the axis.
#[derive(Debug, Serialize)]
pub(super) struct Tick {
    pub(super) x: String,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

/// The span of time that is drawn, nanoseconds.
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// From 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing has a few hundred columns"
    )]
    fn share(&self, at: u64) -> f64 {
        let at = at.clamp(self.start, self.end) - self.start;
        at as f64 / (self.end - self.start).max(1) as f64
    }

    fn x(&self, at: u64) -> f64 {
        1.0 + 98.0 * self.share(at)
    }

    fn bar(&self, from: u64, to: u64, label: String) -> Bar {
        let x = self.x(from);
        let width = (self.x(to) - x).max(THINNEST);
        Bar {
            x: percent(x.min(99.0 - width)),
            width: percent(width),
            label,
        }
    }
}

/// The timeline of a finding; `None` when its times are not known.
pub(super) fn timeline(number: usize, finding: &Finding) -> Option<Timeline> {
    let viewer = &finding.viewer_side;
    let victim = finding.victim_side.as_ref();
    let span = Span {
        start: victim.map_or(viewer.sent_ns, |side| side.sent_ns.min(viewer.sent_ns)),
        end: victim.map_or(viewer.done_ns, |side| side.done_ns.max(viewer.done_ns)),
    };
    if span.end <= span.start {
        return None;
    }
    let together = victim
        .map(|side| {
            (
                side.sent_ns.max(viewer.sent_ns),
                side.done_ns.min(viewer.done_ns),
            )
        })
        .filter(|(from, to)| from < to);
    // What was read came with the viewer's answer; what was changed is the victim's.
    let is_write = finding.kind == ExposureKind::Write;
    let of_viewer = span.x(viewer.done_ns);
    let of_victim = victim.map_or(of_viewer, |side| {
        span.x(viewer
            .done_ns
            .clamp(side.sent_ns, side.done_ns.max(side.sent_ns)))
    });
    let (from, to) = if is_write {
        ((of_viewer, 42), (of_victim, 90))
    } else {
        ((of_victim, 92), (of_viewer, 44))
    };
    let axis = if victim.is_some() { 124 } else { 54 };
    Some(Timeline {
        number,
        title: format!("Timeline: {}", telling::headline(finding)),
        caption: caption(finding, together),
        height: axis + 22,
        axis,
        viewer: span.bar(
            viewer.sent_ns,
            viewer.done_ns,
            label(&finding.viewer, viewer),
        ),
        victim: victim
            .map(|side| span.bar(side.sent_ns, side.done_ns, label(&finding.victim, side))),
        victim_role: if finding.viewer == finding.victim {
            "before"
        } else {
            "victim"
        },
        together: together.map(|(from, to)| span.bar(from, to, String::new())),
        ticks: ticks(&span),
        from_x: percent(from.0),
        from_y: from.1,
        to_x: percent(to.0),
        to_y: to.1,
        tip: if is_write {
            "M0 2L-5-8H5z"
        } else {
            "M0-2L-5 8H5z"
        },
    })
}

fn label(user: &str, side: &FindingSide) -> String {
    let mut request: String = side.request.chars().take(LABEL).collect();
    if request.len() < side.request.len() {
        request.push('…');
    }
    format!("{user}: {request}")
}

fn caption(finding: &Finding, together: Option<(u64, u64)>) -> String {
    let met = match together {
        Some((from, to)) => format!(
            "Both requests were under way together for {} (shaded). ",
            words::time(Duration::from_nanos(to - from))
        ),
        None if finding.victim_side.is_some() => {
            "The two requests were not under way together. ".to_owned()
        }
        None => String::new(),
    };
    let crossing = match finding.kind {
        _ if finding.victim_side.is_none() => "",
        ExposureKind::Write => {
            "The arrow marks the crossing: from the viewer's request to the victim's data."
        }
        ExposureKind::Read => {
            "The arrow marks the crossing: the victim's data came with the viewer's answer."
        }
        ExposureKind::Session if finding.viewer == finding.victim => {
            "The arrow marks the session, which still worked after its end."
        }
        ExposureKind::Session => {
            "The arrow marks the crossing: both answers gave the same session."
        }
    };
    let bars = "Each bar reaches from the last byte of the request to the end of the answer, on crosswire's clock. ";
    format!("{bars}{met}{crossing}").trim_end().to_owned()
}

fn ticks(span: &Span) -> Vec<Tick> {
    let length = span.end - span.start;
    let step = round_step(length / 4);
    let mut ticks = Vec::new();
    let mut at = 0;
    while at <= length && ticks.len() < 6 {
        let x = span.x(span.start.saturating_add(at));
        let anchor = match x {
            ..4.0 => "start",
            94.0.. => "end",
            _ => "middle",
        };
        ticks.push(Tick {
            x: percent(x),
            label: match at {
                0 => "0".to_owned(),
                at => words::time(Duration::from_nanos(at)),
            },
            anchor,
        });
        at = at.saturating_add(step);
    }
    ticks
}

/// The least of 1, 2, 5, 10, 20, … that is no smaller.
pub(super) fn round_step(least: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for times in [1, 2, 5] {
            let step = unit.saturating_mul(times);
            if step >= least.max(1) {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// Hundredths are finer than any screen.
pub(super) fn percent(share: f64) -> String {
    format!("{share:.2}")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::all;
    use super::*;

    #[test]
    fn bars_stand_where_their_times_are() {
        let report = &all()["exposed"];
        let read = report
            .findings
            .iter()
            .find(|f| f.kind == ExposureKind::Read)
            .unwrap();
        let drawn = timeline(3, read).unwrap();
        // 942 µs in all: the viewer from 0 to 900, the victim from 42 to 942.
        assert_eq!(
            (drawn.viewer.x.as_str(), drawn.viewer.width.as_str()),
            ("1.00", "93.63")
        );
        let victim = drawn.victim.unwrap();
        assert_eq!(
            (victim.x.as_str(), victim.width.as_str()),
            ("5.37", "93.63")
        );
        assert_eq!(drawn.to_x, "94.63");
        assert!(
            drawn.caption.contains("under way together for 858 µs"),
            "{}",
            drawn.caption
        );
        let labels: Vec<&str> = drawn.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["0", "500 µs"]);
    }

    #[test]
    fn strange_times_are_drawn_within_the_picture() {
        let mut finding = all()["exposed"].findings[0].clone();
        for (sent, done) in [(0, 0), (u64::MAX, 0), (0, u64::MAX), (5, 4)] {
            (finding.viewer_side.sent_ns, finding.viewer_side.done_ns) = (sent, done);
            if let Some(drawn) = timeline(0, &finding) {
                for bar in [Some(&drawn.viewer), drawn.victim.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    let (x, width): (f64, f64) =
                        (bar.x.parse().unwrap(), bar.width.parse().unwrap());
                    assert!(x >= 0.0 && width > 0.0 && x + width <= 99.1, "{bar:?}");
                }
            }
        }
        finding.victim_side = None;
        (finding.viewer_side.sent_ns, finding.viewer_side.done_ns) = (7, 7);
        assert!(timeline(0, &finding).is_none());
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(
            [0, 1, 3, 11, 235_500].map(round_step),
            [1, 1, 5, 20, 500_000]
        );
        assert_eq!(round_step(u64::MAX), u64::MAX);
    }
}
