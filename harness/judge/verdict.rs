//! The judge: takes a history in, record by record, and says what it proves.

use std::borrow::Borrow;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::{ControlRun, End, Ending, Explored, Overlaps, Record, Sink, Start};

use super::day::{DayJudged, DayTally};
use super::findings::{DISTINCT_COUNTED, EXPOSURES_KEPT};
use super::run::{NOTES_KEPT, Run};
use super::world::World;
use super::{Counts, Exposure, Reach, Spread, Strength, VolleyPoint, explored, upper_bound_95};
use super::{Reason, ReasonKind};

/// Share of failed exchanges in volleys above which a clean run proves nothing; the same holds for answers in volleys that
/// could not be searched to their end (cut at the run's limit, or in a coding that could not be undone).
///
/// Failed are those without a whole answer, those answered 401, 403, 429 or 5xx, and those refused, which means not answered
/// as the step expects ([`Exchange::refused`](crate::history::Exchange::refused)). Not counted is a refusal that a right
/// service gives too: when the user was refused the same step alone, or is told that something is not there (404, 409, 410)
/// after having asked to remove an item.
pub const FAILED_SHARE: f64 = 0.10;

/// What a run proves. Ordered: the worse of two is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing crossed, although it had the chance to: see [`Strength`].
    Isolated,
    /// Nothing crossed, but nothing is proved by that: see [`Judgement::reasons`].
    Inconclusive,
    /// A user received, or acted on, another user's data.
    Exposed,
}

impl Verdict {
    const ALL: [Verdict; 3] = [Verdict::Isolated, Verdict::Inconclusive, Verdict::Exposed];

    /// `isolated`, `inconclusive` or `exposed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Isolated => "isolated",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Exposed => "exposed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictError;

impl fmt::Display for VerdictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a verdict is one of isolated, inconclusive, exposed")
    }
}

impl std::error::Error for VerdictError {}

impl FromStr for Verdict {
    type Err = VerdictError;

    fn from_str(text: &str) -> Result<Verdict, VerdictError> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
            .ok_or(VerdictError)
    }
}

/// Everything that a history proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive; beside an exposure, what else was wrong with the run.
    pub reasons: Vec<Reason>,
    /// What a clean result is worth.
    pub strength: Strength,
    /// Exchanges in volleys, but for those that failed on purpose.
    pub fired: u64,
    /// Those of them that failed or were refused.
    pub failed: u64,
    /// Distinct exposures, by first occurrence; at most [`EXPOSURES_KEPT`].
    pub exposures: Vec<Exposure>,
    /// Distinct exposures in all.
    pub exposures_total: u64,
    /// Sums over all exposures.
    pub counts: Counts,
    /// How tightly the volleys arrived, by strategy.
    pub spread: Vec<Spread>,
    /// The volleys one by one; at most [`POINTS_KEPT`](super::POINTS_KEPT).
    pub points: Vec<VolleyPoint>,
    /// The history's header.
    pub start: Option<Start>,
    /// The explorations of schedules, one for each set of requests.
    pub explored: Vec<Explored>,
    /// The day that was replayed, when there was one.
    pub day: Option<DayJudged>,
    /// How the run ended; absent from a history that breaks off.
    pub end: Option<End>,
    /// What a reader of the report should know, from the run and from the rules: [`NOTES_KEPT`] of
    /// them, and those on what this judgement leaves out.
    pub notes: Vec<String>,
}

/// Judges a history as it comes.
///
/// Keeps no bodies: of an exchange nothing outlives its volley but sums, so a run of a million exchanges takes a few
/// megabytes.
pub struct Judge {
    run: Option<Run>,
    strength: Strength,
    notes: Vec<String>,
    reasons: Vec<Reason>,
    control: Option<ControlRun>,
    explored: Vec<Explored>,
    end: Option<End>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("strength", &self.strength)
            .finish_non_exhaustive()
    }
}

impl Default for Judge {
    fn default() -> Self {
        Judge::new()
    }
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new() -> Judge {
        Judge {
            run: None,
            strength: Strength::default(),
            notes: Vec::new(),
            reasons: Vec::new(),
            control: None,
            explored: Vec::new(),
            end: None,
        }
    }

    /// Takes the next record of the history.
    pub fn take(&mut self, record: &Record) {
        match (record, &mut self.run) {
            (Record::Start(start), None) => self.start(start),
            (Record::Start(_), Some(_)) => self.reason(
                ReasonKind::History,
                "the history has a second header; what follows it was judged by the first",
            ),
            (Record::Note { text }, _) => self.note(text.clone()),
            (Record::Control(control), _) => self.control = Some(*control),
            (Record::End(end), run) => {
                if let Some(run) = run {
                    run.end_read_back(&mut self.notes);
                }
                self.end = Some(end.clone());
            }
            (_, None) => self.reason(
                ReasonKind::History,
                "the history does not begin with its header",
            ),
            (Record::Planted(planted), Some(run)) => {
                if !run.planted(planted, &mut self.notes) {
                    self.reason(
                        ReasonKind::History,
                        "the history plants something that is no canary of its salt",
                    );
                }
            }
            (Record::Exchange(exchange), Some(run)) => {
                run.exchange(exchange, &mut self.strength, &mut self.notes)
            }
            (Record::Volley(volley), Some(run)) => run.volley(volley, &mut self.strength),
            (Record::Day(day), Some(run)) => {
                if !run.day(day, &mut self.notes) {
                    self.reason(
                        ReasonKind::History,
                        "the history tells of a replayed day out of order",
                    );
                }
            }
            (Record::Explored(explored), Some(run)) => {
                run.explored(explored, &mut self.strength, &mut self.notes);
                self.explored.push((**explored).clone());
            }
        }
    }

    fn start(&mut self, start: &Start) {
        match start.salt.parse() {
            Ok(salt) => self.run = Some(Run::new(World::new(start.clone(), salt))),
            Err(error) => self.reason(
                ReasonKind::History,
                format!(
                    "the history's salt {:?} cannot be used: {error}",
                    start.salt
                ),
            ),
        }
    }

    fn reason(&mut self, kind: ReasonKind, text: impl Into<String>) {
        let reason = Reason::new(kind, text);
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < NOTES_KEPT && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// The judgement over everything taken.
    #[must_use]
    pub fn finish(mut self) -> Judgement {
        let Some(mut run) = self.run.take() else {
            self.reason(ReasonKind::History, "the history has no usable header");
            return self.without_run();
        };
        run.finish(&mut self.strength, &mut self.notes);
        self.weigh(&run);
        if run.findings.is_capped {
            self.notes.push(format!(
                "more than {DISTINCT_COUNTED} distinct exposures: their number is a lower bound"
            ));
        }
        let is_exposed = !run.findings.is_empty();
        let day = run.findings.day.take().map(DayTally::finish);
        let (exposures, exposures_total, counts) = run.findings.finish();
        if exposures_total > EXPOSURES_KEPT as u64 {
            self.notes.push(format!("the first {EXPOSURES_KEPT} of {exposures_total} distinct exposures are kept in detail"));
        }
        let verdict = match (is_exposed, self.reasons.is_empty()) {
            (true, _) => Verdict::Exposed,
            (false, false) => Verdict::Inconclusive,
            (false, true) => Verdict::Isolated,
        };
        Judgement {
            verdict,
            reasons: self.reasons,
            strength: self.strength,
            fired: run.shots.fired,
            failed: run.shots.failed,
            exposures,
            exposures_total,
            counts,
            spread: run.spreads.finish(),
            points: run.points.finish(),
            start: Some(Arc::unwrap_or_clone(run.world.start)),
            explored: self.explored,
            day,
            end: self.end,
            notes: self.notes,
        }
    }

    fn without_run(self) -> Judgement {
        Judgement {
            verdict: Verdict::Inconclusive,
            reasons: self.reasons,
            strength: self.strength,
            fired: 0,
            failed: 0,
            exposures: Vec::new(),
            exposures_total: 0,
            counts: Counts::default(),
            spread: Vec::new(),
            points: Vec::new(),
            start: None,
            explored: self.explored,
            day: None,
            end: self.end,
            notes: self.notes,
        }
    }

    /// What a control run with planted exposures says of this one.
    fn weigh_control(&mut self) {
        let Some(control) = self.control else {
            return;
        };
        if control.is_blind() {
            self.reason(ReasonKind::PlantedExposures, control.to_string());
        } else {
            self.strength.notes.push(control.to_string());
        }
    }

    /// Strength, and the reasons for which nothing is proved.
    fn weigh(&mut self, run: &Run) {
        self.weigh_control();
        self.weigh_strength(run);
        self.weigh_ending();
        if self.strength.exchanges == 0 {
            let is_told = matches!(
                &self.end,
                Some(End {
                    ending: Ending::Failed { .. },
                    ..
                })
            );
            // An exploration keeps no exchanges of what fails before its first schedule: why it failed says it all.
            if !(run.world.is_explored() && is_told) {
                self.reason(ReasonKind::Nothing, "no request was made");
            }
            return;
        }
        // On a replayed day nobody runs every step alone. Without an exposure that weakens the day; beside one it says nothing.
        let is_told = run.findings.day.is_some() && !run.findings.is_empty();
        let of_control = run.control.reasons(&run.world).into_iter();
        let of_control = of_control.filter(|reason| !is_told || reason.kind != ReasonKind::Control);
        let of_control = of_control.chain(run.unserved.reasons(&run.world));
        for Reason { kind, text } in of_control.chain(run.reasons.iter().cloned()) {
            self.reason(kind, text);
        }
        self.weigh_reach(run);
        self.weigh_shots(run);
    }

    fn weigh_strength(&mut self, run: &Run) {
        let strength = &mut self.strength;
        if let Some(end) = &self.end {
            strength.rounds = end.rounds;
        }
        strength.reach = Reach::of(&self.explored);
        if strength.reach.is_some() {
            // Schedules are not drawn: no bound follows from pairs.
            (strength.overlapping_pairs, strength.pairs_by_server) = (0, 0);
        }
        strength.exposing_pairs = run.findings.in_volleys.min(strength.overlapping_pairs);
        strength.upper_bound_95 =
            upper_bound_95(strength.overlapping_pairs, strength.exposing_pairs);
        strength.notes.extend(run.control.note(&run.world));
        if run.shots.failed > 0 {
            strength.notes.push(failed(run));
        }
        if run.shots.unsearched > 0 {
            strength.notes.push(unsearched(run));
        }
        if strength.overlapping_pairs > 0 && strength.pairs_by_server == 0 {
            strength.notes.push(
                "the service does not tell its own times: pairs are those that overlapped as the client saw it, each request \
                 taken to be under way no longer than such a request takes alone"
                    .into(),
            );
        }
        strength
            .notes
            .extend(explored::notes(&self.explored, &run.world));
    }

    fn weigh_ending(&mut self) {
        match self.end.as_ref().map(|end| &end.ending) {
            Some(Ending::Completed) => {}
            Some(Ending::Limit { limit }) => {
                self.strength
                    .notes
                    .push(format!("ended by its limit: {limit}"));
            }
            Some(Ending::Interrupted) => {
                self.reason(ReasonKind::Interrupted, "the run was interrupted")
            }
            Some(Ending::Failed { why, .. }) => {
                let text = format!("the run failed: {why}");
                self.reason(ReasonKind::Failed, text);
            }
            None => self.reason(
                ReasonKind::History,
                "the history breaks off before the run's end",
            ),
        }
    }

    /// Whether requests met: enough of them overlapped, or enough schedules of them were run.
    fn weigh_reach(&mut self, run: &Run) {
        let is_exposed = !run.findings.is_empty();
        for Reason { kind, text } in explored::reasons(&self.explored, &run.world, is_exposed) {
            self.reason(kind, text);
        }
        let pairs = self.strength.overlapping_pairs;
        let needed = run.needed_overlaps();
        if !self.explored.is_empty() {
            return;
        }
        if run.world.is_explored() {
            let text = "no set of requests was explored to its end";
            self.reason(ReasonKind::Nothing, text);
        } else if pairs < needed {
            self.reason(
                ReasonKind::Overlaps,
                format!("overlapping pairs of different owners: {pairs}, needed: {needed}"),
            );
        }
    }

    /// Whether too much of what was raced failed, or could not be looked at.
    fn weigh_shots(&mut self, run: &Run) {
        if run.shots.failed as f64 > run.shots.fired as f64 * FAILED_SHARE {
            self.reason(
                ReasonKind::Refusals,
                format!(
                    "{}, more than one in ten; most often: {}",
                    failed(run),
                    run.shots.causes.most_frequent().unwrap_or("not known")
                ),
            );
        }
        if run.shots.unsearched as f64 > run.shots.answered as f64 * FAILED_SHARE {
            let text = format!("{}, more than one in ten", unsearched(run));
            self.reason(ReasonKind::Unsearched, text);
        }
    }
}

fn failed(run: &Run) -> String {
    format!(
        "{} of {} exchanges in {} failed or were refused",
        run.shots.failed,
        run.shots.fired,
        run.world.raced_in()
    )
}

fn unsearched(run: &Run) -> String {
    format!(
        "{} of {} answers in {} could not be searched to their end",
        run.shots.unsearched,
        run.shots.answered,
        run.world.raced_in()
    )
}

impl Sink for Judge {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        Judge::take(self, record);
        Ok(())
    }

    fn lacks(&self) -> Option<Overlaps> {
        let run = self.run.as_ref().filter(|run| run.findings.is_empty())?;
        let (pairs, needed) = (self.strength.overlapping_pairs, run.needed_overlaps());
        (pairs < needed).then_some(Overlaps { pairs, needed })
    }
}

/// Judges a whole history.
pub fn judge<R: Borrow<Record>>(records: impl IntoIterator<Item = R>) -> Judgement {
    let mut judge = Judge::new();
    for record in records {
        judge.take(record.borrow());
    }
    judge.finish()
}
