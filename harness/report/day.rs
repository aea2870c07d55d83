//! A replayed day as it is reported: what a court found beside what the replay came to, and the timeline.

use std::time::Duration;

use super::words::{self, count, number};
use crate::history::{Day, DayEvent, DayPhase, Ruling};
use crate::judge::{DayCounts, DayJudged, DaySlice, Judgement, PhaseJudged, Verdict};

/// What the counts of a replay are worth.
pub(super) const WORTH: &str = "Who comes when is drawn from the seed; which requests then meet is up to the machine, its load \
     and the factor. Counts vary from run to run, and are no estimate of those of the day itself.";
/// Length of a line of the timeline in a terminal, seconds of the day's clock.
const LINE_S: u32 = 5 * 60;

/// A replayed day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayedDay {
    /// What happened, and what it came to. Its texts may be shown.
    pub judged: DayJudged,
    /// What a run beforehand found, when one was made.
    pub in_ci: Option<DayInCi>,
}

/// The run that would have been made in CI: the same steps at what was served first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayInCi {
    /// The variant.
    pub variant: String,
    /// Its users.
    pub users: u64,
    /// What it came to.
    pub verdict: Verdict,
    /// Distinct exposures.
    pub exposures: u64,
    /// The first of them; none when nothing was found.
    pub first: Option<FirstFound>,
}

/// How soon something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstFound {
    /// Requests up to and with the one that showed it.
    pub requests: u64,
    /// Time until its answer was there, nanoseconds since the run began.
    pub after_ns: u64,
}

/// A row of the table: what the ruling says, and what the replay says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRow {
    /// What it is about.
    pub what: String,
    /// What the ruling says; empty where it says nothing.
    pub ruling: String,
    /// What the replay says.
    pub replay: String,
}

/// A line of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DayLine {
    pub(super) at_s: u32,
    pub(super) requests: u64,
    pub(super) crossings: u64,
    /// Whether the replay came that far.
    pub(super) is_played: bool,
    /// What happened from then on, with its time where that is another one.
    pub(super) events: Vec<String>,
}

impl DayInCi {
    /// What the judgement of that run says.
    #[must_use]
    pub fn of(judgement: &Judgement, variant: &str) -> DayInCi {
        let sides = judgement.exposures.iter().map(|found| &found.viewer_side);
        let first = sides.min_by_key(|side| side.exchange);
        DayInCi {
            variant: variant.to_owned(),
            users: judgement
                .start
                .as_ref()
                .map_or(0, |start| start.users.len() as u64),
            verdict: judgement.verdict,
            exposures: judgement.exposures_total,
            first: first.map(|side| FirstFound {
                requests: side.exchange + 1,
                after_ns: side.done_ns,
            }),
        }
    }
}

impl ReplayedDay {
    /// With every text masked.
    pub(super) fn new(
        judged: &DayJudged,
        in_ci: Option<&DayInCi>,
        mask: &dyn Fn(&str) -> String,
    ) -> ReplayedDay {
        let some = |text: &Option<String>| text.as_deref().map(mask);
        let day = &judged.day;
        let phases = day.phases.iter().map(|phase| DayPhase {
            name: mask(&phase.name),
            date: some(&phase.date),
            serves: some(&phase.serves),
            ruling: some(&phase.ruling),
            from_s: phase.from_s.min(Day::END_S),
            to_s: phase.to_s.min(Day::END_S),
            ..phase.clone()
        });
        let events = day.events.iter().map(|event| DayEvent {
            at_s: event.at_s.min(Day::END_S),
            says: mask(&event.says),
        });
        let ruling = day.ruling.as_ref().map(|ruling| Ruling {
            source: mask(&ruling.source),
            exposed: some(&ruling.exposed),
            downloaded: some(&ruling.downloaded),
            deleted: some(&ruling.deleted),
            restored: some(&ruling.restored),
            noticed: some(&ruling.noticed),
        });
        let day = Day {
            title: mask(&day.title),
            phases: phases.collect(),
            events: events.collect(),
            ruling,
            ..day.clone()
        };
        let in_ci = in_ci.map(|found| DayInCi {
            variant: mask(&found.variant),
            ..found.clone()
        });
        // Anybody may have written the history: no clock goes beyond its day.
        let mut judged = judged.clone();
        let slices = judged.phases.iter_mut().flat_map(|one| &mut one.slices);
        slices.for_each(|slice| slice.at_s = slice.at_s.min(Day::END_S));
        ReplayedDay {
            judged: DayJudged { day, ..judged },
            in_ci,
        }
    }

    /// The phases that were begun, with what they came to.
    pub(super) fn phases(&self) -> impl Iterator<Item = (&DayPhase, &PhaseJudged)> {
        self.judged.day.phases.iter().zip(&self.judged.phases)
    }

    /// Those of the day itself.
    pub(super) fn own_phases(&self) -> impl Iterator<Item = (&DayPhase, &PhaseJudged)> {
        self.phases().filter(|(phase, _)| phase.date.is_none())
    }

    /// How far the clock of the day itself came, when the replay ended before the day did.
    pub(super) fn ended_at(&self) -> Option<u32> {
        let last = self.phases().last();
        let reached = last.and_then(|(phase, judged)| {
            let slice = judged.slices.last()?;
            Some(slice.at_s.saturating_add(Day::SLICE_S).min(phase.to_s))
        });
        let is_begun = self.judged.phases.len() >= self.judged.day.phases.len();
        let is_over = last.is_some_and(|(phase, _)| reached.is_some_and(|at_s| at_s >= phase.to_s));
        let of_other_day = last.is_none_or(|(phase, _)| phase.date.is_some());
        match (is_begun && is_over, of_other_day) {
            (true, _) => None,
            (false, true) => Some(0),
            (false, false) => {
                Some(reached.unwrap_or_else(|| last.map_or(0, |(one, _)| one.from_s)))
            }
        }
    }

    /// The table.
    #[must_use]
    pub fn rows(&self) -> Vec<DayRow> {
        let mut rows: Vec<DayRow> = self.phases().map(of_phase).collect();
        rows.extend(self.sums());
        rows.extend(self.in_ci.as_ref().map(|found| DayRow {
            what: "in CI".to_owned(),
            ruling: String::new(),
            replay: told_in_ci(found),
        }));
        rows
    }

    fn sums(&self) -> Vec<DayRow> {
        let whole = &self.judged.whole;
        let ruling = self.judged.day.ruling.clone().unwrap_or_default();
        // Owners find what was deleted later, and ask for it later still.
        let so_far = match self.ended_at() {
            Some(_) => " so far",
            None => "",
        };
        let row = |what: &str, ruling: Option<String>, replay: String| DayRow {
            what: what.to_owned(),
            ruling: ruling.unwrap_or_default(),
            replay: replay + so_far,
        };
        let noticed = match self.judged.first_s {
            Some(at_s) => format!("first crossing at {}", Day::clock(at_s)),
            None => "nothing crossed".to_owned(),
        };
        let restored = match whole.asked_back {
            0 => "nothing was asked for".to_owned(),
            asked => format!("{} of {} asked for", number(whole.restored), number(asked)),
        };
        vec![
            row("mail exposed", ruling.exposed, count(whole.exposed, "user")),
            row(
                "attachments downloaded",
                ruling.downloaded,
                count(whole.downloaded, "user"),
            ),
            row(
                "deleted by others",
                ruling.deleted,
                count(whole.deleted, "mail"),
            ),
            row("restored", ruling.restored, restored),
            DayRow {
                replay: noticed,
                ..row("noticed", ruling.noticed, String::new())
            },
        ]
    }

    /// The day itself in lines of five minutes; the last event may stand at its very end.
    pub(super) fn lines(&self) -> Vec<DayLine> {
        let from = self.own_phases().map(|(phase, _)| phase.from_s).min();
        let to = self.own_phases().map(|(phase, _)| phase.to_s).max();
        let (Some(from), Some(to)) = (from, to) else {
            return Vec::new();
        };
        let slices: Vec<&DaySlice> = self
            .own_phases()
            .flat_map(|(_, judged)| &judged.slices)
            .collect();
        let events = &self.judged.day.events;
        let ended_at = self.ended_at();
        let begins = (from..to.max(from + 1)).step_by(LINE_S as usize);
        begins
            .map(|at_s| {
                let is_last = at_s + LINE_S >= to;
                let is_within =
                    |other: u32| (at_s..at_s + LINE_S).contains(&other) || is_last && other == to;
                let within = || slices.iter().filter(|slice| is_within(slice.at_s));
                let here = events.iter().filter(|event| is_within(event.at_s));
                let told = |event: &DayEvent| match event.at_s == at_s {
                    true => event.says.clone(),
                    false => format!("{} {}", Day::clock(event.at_s), event.says),
                };
                DayLine {
                    at_s,
                    requests: within().fold(0, |sum, slice| slice.requests.saturating_add(sum)),
                    crossings: within().fold(0, |sum, slice| slice.crossings.saturating_add(sum)),
                    is_played: ended_at.is_none_or(|ended_at| at_s < ended_at),
                    events: here.map(told).collect(),
                }
            })
            .collect()
    }
}

fn of_phase((phase, judged): (&DayPhase, &PhaseJudged)) -> DayRow {
    let what = match &phase.date {
        Some(date) => format!("{}, {date}", phase.name),
        None => format!(
            "{}, {} to {}",
            phase.name,
            Day::clock(phase.from_s),
            Day::clock(phase.to_s)
        ),
    };
    DayRow {
        what,
        ruling: phase.ruling.clone().unwrap_or_default(),
        replay: told_counts(phase, &judged.counts),
    }
}

/// What a phase came to, in a few words.
fn told_counts(phase: &DayPhase, counts: &DayCounts) -> String {
    let requests = count(counts.requests, "request");
    if phase.serves.is_none() {
        return format!("{requests}, {} turned away", number(counts.turned_away));
    }
    let pairs = count(counts.pairs, "overlapping pair");
    match counts.crossings {
        0 => format!("{requests}, {pairs}: nothing found"),
        crossings => format!("{requests}, {pairs}, {}", count(crossings, "crossing")),
    }
}

/// What a run beforehand would have said.
pub(super) fn told_in_ci(found: &DayInCi) -> String {
    let users = count(found.users, "user");
    match &found.first {
        Some(first) => format!(
            "found in QA, {} and {} of {users} after the run began",
            words::time(Duration::from_nanos(first.after_ns)),
            count(first.requests, "request"),
        ),
        None => format!("not found with {users}: {}", found.verdict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::all;

    #[test]
    fn the_table_sets_the_ruling_beside_the_replay() {
        let day = all()["replayed"].day.clone().unwrap();
        let rows = day.rows();
        let row = |what: &str| {
            let found = rows.iter().find(|row| row.what.starts_with(what));
            let row = found.unwrap_or_else(|| panic!("{what}: {rows:?}"));
            (row.ruling.as_str(), row.replay.as_str())
        };
        assert_eq!(
            row("mail exposed"),
            ("at most 307 users", "17 users so far")
        );
        assert_eq!(row("attachments"), ("at most 141 users", "6 users so far"));
        assert_eq!(row("deleted"), ("", "2 mails so far"));
        assert_eq!(row("restored"), ("", "1 of 2 asked for so far"));
        assert_eq!(row("noticed"), ("", "first crossing at 15:10:07"));
        assert_eq!(
            row("in CI").1,
            "found in QA, 412.0 ms and 624 requests of 20 users after the run began"
        );
        assert_eq!(
            row("QA").1,
            "12 requests, 4 overlapping pairs: nothing found"
        );
        assert_eq!(row("closed, 16:10 to 16:25").1, "9 requests, 9 turned away");
        assert!(!rows.iter().any(|row| row.what.contains("not begun")));
        assert!(!format!("{day:?}").contains(crate::report::testing::SECRET));
    }

    #[test]
    fn the_timeline_has_a_line_for_five_minutes_and_every_event_is_in_it() {
        let day = all()["replayed"].day.clone().unwrap();
        let lines = day.lines();
        assert_eq!(lines.len(), 15);
        assert_eq!((lines[0].at_s, lines[0].crossings), (15 * 3600 + 600, 1));
        assert_eq!((lines[6].requests, lines[6].crossings), (200, 20));
        let told: Vec<String> = lines.iter().flat_map(|line| line.events.clone()).collect();
        assert_eq!(told, ["roll-out", "first report", "closed"]);
        assert_eq!(
            lines[12].requests, 9,
            "those who were turned away came all the same"
        );
    }

    #[test]
    fn a_day_that_was_cut_short_tells_how_far_it_came() {
        let mut day = all()["replayed"].day.clone().unwrap();
        let played = |day: &ReplayedDay| day.lines().iter().filter(|line| line.is_played).count();
        // The clock stands at 16:11: nothing after the line of 16:10 was played.
        assert_eq!(day.ended_at(), Some(16 * 3_600 + 660));
        assert_eq!(played(&day), 13);
        let (phases, judged) = (&mut day.judged.day.phases, &mut day.judged.phases);
        phases.truncate(3);
        phases[2].to_s = phases[2].from_s + Day::SLICE_S;
        assert_eq!(judged.len(), 3);
        assert_eq!(day.ended_at(), None);
        assert_eq!(played(&day), day.lines().len());
        assert!(day.rows().iter().all(|row| !row.replay.ends_with("so far")));
        day.judged.phases.truncate(1);
        assert_eq!(played(&day), 0, "not even its own day has begun");
    }

    #[test]
    fn a_clock_beyond_its_day_makes_no_endless_table() {
        let phase = DayPhase {
            to_s: u32::MAX,
            ..DayPhase::default()
        };
        let judged = DayJudged {
            day: Day {
                phases: vec![phase],
                ..Day::default()
            },
            phases: vec![PhaseJudged::default()],
            ..DayJudged::default()
        };
        let day = ReplayedDay::new(&judged, None, &str::to_owned);
        assert_eq!(day.lines().len(), 288);
    }
}
