//! Walks every order of a stage's requests, depth first, without any bound.

use std::collections::{BTreeMap, BTreeSet};

use crate::explore::{Detail, Execution, ExecutionEnd, Guide, Point, Stage};
use crate::history::{Move, Record};

/// What a walk has seen.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) executions: usize,
    pub(super) stuck: usize,
    pub(super) endless: usize,
    pub(super) foreign: u64,
    /// Enabled moves were others than the time before.
    pub(super) diverged: usize,
    /// Bodies of the race's answers (or why there is none), by place, and how often.
    pub(super) answers: BTreeMap<Vec<String>, usize>,
    pub(super) outcomes: BTreeSet<u128>,
    pub(super) last: Option<Execution>,
}

/// One node on the way: what could be done there, and how far that has been tried.
#[derive(Clone, Debug)]
struct Node {
    enabled: Vec<Move>,
    /// Places in `enabled` that are still to be tried.
    left: Vec<Move>,
    chosen: Move,
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
        let known = self.at < self.path.len();
        if known {
            let node = &self.path[self.at];
            if node.enabled != point.enabled {
                self.diverged += 1;
                return None;
            }
        } else {
            let mut left = point.enabled.to_vec();
            left.reverse();
            let chosen = left.pop().unwrap();
            self.path.push(Node {
                enabled: point.enabled.to_vec(),
                left,
                chosen,
            });
        }
        let mv = self.path[self.at].chosen;
        self.at += 1;
        Some(mv)
    }

    fn void(&mut self, mv: Move) {
        // The node becomes what is asked next.
        self.at -= 1;
        let node = self.path.pop().unwrap();
        assert_eq!(node.chosen, mv);
        assert_eq!(
            self.path.len(),
            self.at,
            "only what is new can turn out void"
        );
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
            ExecutionEnd::Stuck { .. } => walked.stuck += 1,
            ExecutionEnd::Endless => walked.endless += 1,
            ExecutionEnd::Complete | ExecutionEnd::Abandoned => {}
        }
        if execution
            .outcome
            .is_some_and(|outcome| walked.outcomes.insert(outcome))
        {
            *walked
                .answers
                .entry(answers(&stage.records(1)))
                .or_default() += 1;
        }
        walked.last = Some(execution);
        if walked.executions >= limit {
            break;
        }
        while let Some(node) = walker.path.last_mut() {
            if let Some(next) = node.left.pop() {
                node.chosen = next;
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
