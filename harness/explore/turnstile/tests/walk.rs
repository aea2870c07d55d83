//! A walk over all schedules of a stage, depth first, and what each shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::explore::{Detail, Execution, ExecutionEnd, Guide, Point, Stage, StageError};
use crate::history::{Move, Outcome, Phase, Record, Schedule};
use crate::identity::{Finder, Salt};

/// What came of an execution, and who could go on before each move.
pub(super) struct Run {
    pub(super) execution: Execution,
    pub(super) enabled: Vec<Vec<Move>>,
    /// The users' answers, and whose note each of them held: the owner's place.
    pub(super) answers: BTreeMap<usize, String>,
    /// Whether a user was answered with another's note.
    pub(super) crossed: bool,
}

/// Follows moves, then lets whoever can go on go on.
pub(super) struct Follow<'m> {
    moves: &'m [Move],
    enabled: Vec<Vec<Move>>,
    pub(super) lost: bool,
}

impl Guide for Follow<'_> {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        self.enabled.push(point.enabled.to_vec());
        assert_eq!(point.step + 1, self.enabled.len());
        let wanted = self.moves.get(point.step);
        if wanted.is_some_and(|mv| !point.enabled.contains(mv)) {
            self.lost = true;
            return None;
        }
        wanted.or(point.enabled.first()).copied()
    }

    fn void(&mut self, _: Move) {
        panic!("only what is possible was chosen");
    }
}

/// Runs the moves and goes on as it comes; none when a move was not possible.
pub(super) fn run(
    stage: &mut dyn Stage,
    moves: &[Move],
    detail: Detail,
) -> Result<Option<Run>, StageError> {
    let mut guide = Follow {
        moves,
        enabled: Vec::new(),
        lost: false,
    };
    let execution = stage.execute(&mut guide, detail)?;
    if guide.lost {
        return Ok(None);
    }
    let records = stage.records(1);
    let mut planted: BTreeMap<usize, String> = BTreeMap::new();
    let finder = Finder::new(Salt::new(7));
    for record in &records {
        if let Record::Planted(one) = record {
            finder.find(one.canary.as_bytes(), |sighting| {
                planted.insert(sighting.canary.owner.index(), one.canary.clone());
            });
        }
    }
    let mut answers = BTreeMap::new();
    for record in &records {
        if let Record::Exchange(exchange) = record
            && exchange.phase == Phase::Volley
        {
            assert_eq!((exchange.volley, exchange.round), (Some(1), 1));
            let body = match &exchange.outcome {
                Outcome::Answer { body, .. } => String::from_utf8_lossy(body).into_owned(),
                Outcome::Failed { why, .. } => format!("failed: {why}"),
            };
            answers.insert(exchange.user.index(), body);
        }
    }
    let crossed = answers.iter().any(|(user, body)| {
        planted
            .iter()
            .any(|(owner, canary)| owner != user && body.contains(canary.as_str()))
    });
    Ok(Some(Run {
        execution,
        enabled: guide.enabled,
        answers,
        crossed,
    }))
}

/// Every schedule, depth first; `lost` counts prefixes that were not possible when they were run again.
pub(super) struct Walk {
    pub(super) runs: Vec<Run>,
    pub(super) lost: usize,
}

impl Walk {
    pub(super) fn over(stage: &mut dyn Stage, most: usize) -> Walk {
        let mut walk = Walk {
            runs: Vec::new(),
            lost: 0,
        };
        let mut left: Vec<Vec<Move>> = vec![Vec::new()];
        while let Some(prefix) = left.pop() {
            if walk.runs.len() + walk.lost >= most {
                break;
            }
            let Some(run) = run(stage, &prefix, Detail::Brief).expect("it runs") else {
                walk.lost += 1;
                continue;
            };
            let done = run.execution.schedule.0.clone();
            for at in (prefix.len()..done.len()).rev() {
                let others = run.enabled[at].iter().filter(|mv| **mv != done[at]);
                left.extend(others.map(|mv| [&done[..at], &[*mv]].concat()));
            }
            walk.runs.push(run);
        }
        walk
    }

    pub(super) fn schedules(&self) -> BTreeSet<Schedule> {
        self.runs
            .iter()
            .map(|run| run.execution.schedule.clone())
            .collect()
    }

    pub(super) fn crossed(&self) -> usize {
        self.runs.iter().filter(|run| run.crossed).count()
    }

    /// Every execution came to its end, none twice, none was lost.
    pub(super) fn is_sound(&self) -> bool {
        let complete = |run: &Run| run.execution.end == ExecutionEnd::Complete;
        self.lost == 0
            && self.runs.iter().all(complete)
            && self.schedules().len() == self.runs.len()
    }
}
