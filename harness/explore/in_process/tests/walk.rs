//! Walks every order of a stage's requests, depth first, without any bound.

use std::collections::BTreeSet;

use crate::explore::{Detail, Execution, ExecutionEnd, Guide, Point, Stage};
use crate::history::{Move, Record};

/// What a walk has seen.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) executions: usize,
    pub(super) stuck: usize,
    /// The last one of those.
    pub(super) stuck_at: String,
    pub(super) endless: usize,
    pub(super) foreign: u64,
    /// Enabled moves were others than the time before.
    pub(super) diverged: usize,
    /// Status and body of the race's answers (or why there is none), by user.
    pub(super) answers: BTreeSet<Vec<String>>,
    /// Schedules that ended whole.
    pub(super) schedules: BTreeSet<String>,
    pub(super) outcomes: BTreeSet<u128>,
    pub(super) last: Option<Execution>,
}

/// One node on the way: what could be done there, and how far that has been tried.
#[derive(Clone, Debug)]
struct Node {
    /// But for what turned out void.
    enabled: Vec<Move>,
    void: Vec<Move>,
    /// Those of `enabled` that are still to be tried.
    left: Vec<Move>,
    /// None when all that was left turned out void.
    chosen: Option<Move>,
}

#[derive(Default)]
struct Walker {
    path: Vec<Node>,
    at: usize,
    diverged: usize,
}

impl Guide for Walker {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        assert!(!point.enabled.is_empty());
        if let Some(node) = self.path.get(self.at) {
            let mut enabled = point.enabled.to_vec();
            enabled.retain(|mv| !node.void.contains(mv));
            // Who comes first depends on who went on last, which is the same after the same moves.
            if node.enabled != enabled {
                self.diverged += 1;
                return None;
            }
        } else {
            let mut left = point.enabled.to_vec();
            left.reverse();
            let chosen = left.pop();
            self.path.push(Node {
                enabled: point.enabled.to_vec(),
                void: Vec::new(),
                left,
                chosen,
            });
        }
        let chosen = self.path[self.at].chosen;
        self.at += 1;
        chosen
    }

    fn void(&mut self, mv: Move) {
        self.at -= 1;
        assert_eq!(
            self.path.len(),
            self.at + 1,
            "only what is new turns out void"
        );
        let node = &mut self.path[self.at];
        assert_eq!(node.chosen, Some(mv));
        node.enabled.retain(|other| *other != mv);
        node.void.push(mv);
        node.chosen = node.left.pop();
    }
}

/// All executions, at most `limit` of them.
pub(super) fn walk(stage: &mut dyn Stage, limit: usize) -> Walked {
    let mut walker = Walker::default();
    let mut walked = Walked::default();
    loop {
        walker.at = 0;
        let execution = stage.execute(&mut walker, Detail::Brief).unwrap();
        walked.executions += 1;
        walked.foreign += execution.doubts.foreign_wakes;
        match &execution.end {
            ExecutionEnd::Stuck { .. } => {
                walked.stuck += 1;
                walked.stuck_at = execution.schedule.to_string();
            }
            ExecutionEnd::Endless => walked.endless += 1,
            ExecutionEnd::Complete | ExecutionEnd::Abandoned => {}
        }
        if execution
            .outcome
            .is_some_and(|outcome| walked.outcomes.insert(outcome))
        {
            walked.answers.insert(answers(&stage.records(1)));
        }
        if execution.outcome.is_some() {
            let is_new = walked.schedules.insert(execution.schedule.to_string());
            assert!(is_new, "{} was run twice", execution.schedule);
        }
        walked.last = Some(execution);
        if walked.executions >= limit {
            break;
        }
        while let Some(node) = walker.path.last_mut() {
            if let Some(next) = node.left.pop() {
                node.chosen = Some(next);
                break;
            }
            walker.path.pop();
        }
        if walker.path.is_empty() {
            break;
        }
    }
    walked.diverged = walker.diverged;
    walked
}

/// Bodies of the volley's answers in the order of the users.
pub(super) fn answers(records: &[Record]) -> Vec<String> {
    let mut answers: Vec<(u32, String)> = records
        .iter()
        .filter_map(|record| match record {
            Record::Exchange(exchange) if exchange.volley.is_some() => {
                let text = match &exchange.outcome {
                    crate::history::Outcome::Answer { status, body, .. } => {
                        format!("{status} {}", String::from_utf8_lossy(body))
                    }
                    crate::history::Outcome::Failed { why, .. } => why.clone(),
                };
                Some((exchange.user.0, text))
            }
            _ => None,
        })
        .collect();
    answers.sort();
    answers.into_iter().map(|answer| answer.1).collect()
}

/// Goes on as a schedule says; then with the first of what is possible, if it is to go on.
pub(super) struct Along {
    pub(super) moves: Vec<Move>,
    pub(super) at: usize,
    pub(super) goes_on: bool,
}

impl Along {
    pub(super) fn new(schedule: &str, goes_on: bool) -> Along {
        Along {
            moves: schedule.parse::<crate::history::Schedule>().unwrap().0,
            at: 0,
            goes_on,
        }
    }
}

impl Guide for Along {
    fn choose(&mut self, point: &Point<'_>) -> Option<Move> {
        let next = self.moves.get(self.at).copied();
        self.at += 1;
        next.or_else(|| point.enabled.first().copied().filter(|_| self.goes_on))
    }

    fn void(&mut self, mv: Move) {
        panic!("{mv} was not possible");
    }
}
