//! What the movers of an exploration are called, and in which column each stands.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::Move;
use crate::report::Exploration;

/// Columns have as many colours, which begin anew after the last.
const COLOURS: usize = 8;

/// The names of an exploration's requests, and which columns its schedules use.
#[derive(Debug)]
pub(super) struct Movers<'a> {
    explored: &'a Exploration,
    has_service: bool,
    has_shared: bool,
}

/// A column of the schedule.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) colour: usize,
    /// `R1`; empty for what is no request.
    pub(super) mover: String,
    pub(super) name: String,
    /// Name of the request's step.
    pub(super) step: String,
}

impl<'a> Movers<'a> {
    pub(super) fn of(explored: &'a Exploration) -> Movers<'a> {
        let steps = || explored.told.iter().flat_map(|told| &told.steps);
        let requests = explored.requests.len();
        Movers {
            explored,
            has_service: steps()
                .any(|step| step.mv.request().is_none_or(|request| request >= requests)),
            has_shared: steps().any(|step| !step.shared.is_empty()),
        }
    }

    /// The columns from the left; what is no request's stands last.
    pub(super) fn columns(&self) -> Vec<Column> {
        let requests = self.explored.requests.iter().enumerate();
        let mut columns: Vec<Column> = requests
            .map(|(place, raced)| Column {
                colour: place % COLOURS,
                mover: format!("R{}", place + 1),
                name: raced.user.clone(),
                step: raced.step.clone(),
            })
            .collect();
        if self.has_service {
            columns.push(Column {
                colour: COLOURS,
                mover: String::new(),
                name: "Beside them".to_owned(),
                step: "background, time".to_owned(),
            });
        }
        columns
    }

    /// How many there are.
    pub(super) fn column_count(&self) -> usize {
        self.explored.requests.len() + usize::from(self.has_service)
    }

    /// Place of a move's column; a request that the exploration does not have stands with what is none.
    pub(super) fn lane(&self, mv: Move) -> usize {
        let requests = self.explored.requests.len();
        mv.request()
            .map_or(requests, |request| request.min(requests))
    }

    pub(super) fn has_shared(&self) -> bool {
        self.has_shared
    }

    /// `R1 alice`, `background`.
    pub(super) fn name(&self, mv: Move) -> String {
        let user = mv
            .request()
            .and_then(|request| self.explored.requests.get(request));
        match (mv, user) {
            (Move::Background, _) => "background".to_owned(),
            (Move::Time, _) => "time".to_owned(),
            (Move::Request(_) | Move::Cancel(_), None) => mv.to_string(),
            (Move::Request(_) | Move::Cancel(_), Some(raced)) => {
                format!("{mv} {}", raced.user)
            }
        }
    }

    /// The names of all moves that are told, by the move.
    pub(super) fn told_names(&self) -> BTreeMap<String, String> {
        let moves = self.explored.told.iter().flat_map(|told| &told.schedule.0);
        moves.map(|mv| (mv.to_string(), self.name(*mv))).collect()
    }

    /// The columns of all moves that are told, by the move.
    pub(super) fn told_lanes(&self) -> BTreeMap<String, usize> {
        let moves = self.explored.told.iter().flat_map(|told| &told.schedule.0);
        moves.map(|mv| (mv.to_string(), self.lane(*mv))).collect()
    }

    /// Whether the two moves are of different users' requests, or one of them is no request's.
    pub(super) fn is_of_others(&self, a: Move, b: Move) -> bool {
        let user = |mv: Move| {
            let request = mv.request()?;
            self.explored.requests.get(request).map(|raced| &raced.user)
        };
        user(a) != user(b)
    }
}
