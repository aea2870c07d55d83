//! What the judge makes of answers that were swapped on purpose.

use std::io;

use super::{MARK, SWAPPED};
use crate::history::{ControlRun, End, Exchange, Outcome, Record, Sink, lines};
use crate::judge::Judge;

/// Takes the history of a run through a [`Proxy`](super::Proxy) and counts the swapped answers in which the judge finds
/// another user's data.
///
/// The history is judged twice, with and without the swapped answers: what a faulty target crossed by itself is in both,
/// and the difference is what was planted and recognised.
#[derive(Debug, Default)]
pub struct Recognition {
    with: Judge,
    without: Judge,
    swapped: u64,
    end: Option<End>,
}

impl Recognition {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new() -> Recognition {
        Recognition::default()
    }

    /// How the run ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The result over everything taken.
    #[must_use]
    pub fn finish(self) -> ControlRun {
        let found = |judge: Judge| judge.finish().counts.exchanges;
        let recognised = found(self.with).saturating_sub(found(self.without));
        ControlRun {
            swapped: self.swapped,
            recognised: recognised.min(self.swapped),
        }
    }
}

impl Sink for Recognition {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        self.with.take(record);
        match record {
            Record::Exchange(exchange) if is_swapped(exchange) => self.swapped += 1,
            _ => self.without.take(record),
        }
        if let Record::End(end) = record {
            self.end = Some(end.clone());
        }
        Ok(())
    }
}

/// The proxy marks what it swaps, and takes such a mark off whatever the target says.
fn is_swapped(exchange: &Exchange) -> bool {
    let head = match &exchange.outcome {
        Outcome::Answer { head, .. } => head,
        Outcome::Failed { partial, .. } => partial,
    };
    lines(head).any(|line| line.is(MARK) && line.value == SWAPPED.as_bytes())
}
