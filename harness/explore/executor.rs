//! Runs executions, has them weighed, and writes those that are kept.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use super::{Detail, Execution, Guide, Oracle, Stage, StageError, Weighed};
use crate::history::{Doubts, Phase, Record, Release, Sink, Volley, Way};

/// Outcomes that are remembered by their bytes, so that the oracle is not asked again.
const OUTCOMES_REMEMBERED: usize = 100_000;

/// An execution, and what it shows.
pub(super) struct Weighing {
    pub(super) execution: Execution,
    pub(super) weighed: Rc<Weighed>,
    /// Its records, where the oracle has wanted them.
    records: Option<Vec<Record>>,
}

/// Numbers that go on over the races of a run.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    exchanges: u64,
    pub(super) kept: u32,
}

/// Runs the executions of one race.
pub(super) struct Executor<'a> {
    pub(super) stage: &'a mut dyn Stage,
    oracle: &'a mut dyn Oracle,
    known: HashMap<u128, Rc<Weighed>>,
    numbers: &'a mut Numbers,
    way: Way,
    requests: u32,
    pub(super) executions: u64,
    pub(super) doubts: Doubts,
    /// Records of the execution that was run last, when they had to be taken at once.
    taken: Option<Vec<Record>>,
    planted: Planted,
}

/// What executions have planted that the service may still hold when the next ones run: through the turnstile it is one
/// process. Of executions that are not kept, this is, for otherwise a reader of it would be taken for a thief.
#[derive(Debug, Default)]
struct Planted {
    /// By the execution that was run last.
    last: Vec<Record>,
    /// By those before it that were not kept, to be written.
    unwritten: Vec<Record>,
    /// By those before it that were not weighed: the oracle has to know them.
    unweighed: Vec<Record>,
    /// The execution that was run last was weighed.
    is_weighed: bool,
}

impl Planted {
    /// The execution that was run last was not kept.
    fn leave(&mut self) {
        if !self.is_weighed {
            self.unweighed.extend_from_slice(&self.last);
        }
        self.unwritten.append(&mut self.last);
    }

    /// The execution that was run last is kept, with what it has planted.
    fn keep(&mut self) {
        self.last.clear();
    }
}

impl<'a> Executor<'a> {
    pub(super) fn new(
        stage: &'a mut dyn Stage,
        oracle: &'a mut dyn Oracle,
        numbers: &'a mut Numbers,
    ) -> Executor<'a> {
        let way = stage.way();
        let requests = stage.requests().len() as u32;
        Executor {
            stage,
            oracle,
            known: HashMap::new(),
            numbers,
            way,
            requests,
            executions: 0,
            doubts: Doubts::default(),
            taken: None,
            planted: Planted::default(),
        }
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// What stands before the executions, written and shown to the oracle.
    pub(super) fn prepare(
        &mut self,
        start: &Record,
        sink: &mut dyn Sink,
    ) -> io::Result<Result<(), StageError>> {
        let mut records = match self.stage.prepare() {
            Ok(records) => records,
            Err(error) => {
                self.unfinished(sink)?;
                return Ok(Err(error));
            }
        };
        self.numbers.exchanges = number(&mut records, self.numbers.exchanges);
        records.iter().try_for_each(|record| sink.take(record))?;
        records.insert(0, start.clone());
        self.oracle.prepare(&records);
        Ok(Ok(()))
    }

    /// Runs an execution without looking at what it shows.
    pub(super) fn execute(
        &mut self,
        guide: &mut dyn Guide,
        detail: Detail,
    ) -> Result<Execution, StageError> {
        self.executions += 1;
        self.planted.leave();
        self.taken = None;
        let execution = self.stage.execute(guide, detail)?;
        if self.way == Way::Turnstile {
            let records = records(self.stage, self.numbers, self.way, self.requests);
            let planted = records
                .iter()
                .filter(|record| matches!(record, Record::Planted(_)));
            self.planted.last = planted.cloned().collect();
            self.planted.is_weighed = false;
            self.taken = Some(records);
        }
        let (sum, one) = (&mut self.doubts, &execution.doubts);
        sum.foreign_wakes += u64::from(one.foreign_wakes > 0);
        sum.background_messages += one.background_messages;
        Ok(execution)
    }

    /// Has the execution that was run last weighed.
    pub(super) fn weigh(&mut self, execution: Execution) -> Weighing {
        if let Some(weighed) = execution
            .outcome
            .and_then(|outcome| self.known.get(&outcome))
        {
            return Weighing {
                weighed: Rc::clone(weighed),
                execution,
                records: None,
            };
        }
        let mut made = self.taken.take();
        let unweighed = std::mem::take(&mut self.planted.unweighed);
        self.planted.is_weighed = true;
        let weighed = {
            let mut make = || {
                let records = made.get_or_insert_with(|| {
                    records(self.stage, self.numbers, self.way, self.requests)
                });
                unweighed.iter().chain(&*records).cloned().collect()
            };
            Rc::new(self.oracle.weigh(execution.outcome, &mut make))
        };
        if let Some(outcome) = execution.outcome
            && self.known.len() < OUTCOMES_REMEMBERED
        {
            self.known.insert(outcome, Rc::clone(&weighed));
        }
        Weighing {
            execution,
            weighed,
            records: made,
        }
    }

    /// Runs an execution and has it weighed.
    pub(super) fn run(
        &mut self,
        guide: &mut dyn Guide,
        detail: Detail,
    ) -> Result<Weighing, StageError> {
        let execution = self.execute(guide, detail)?;
        Ok(self.weigh(execution))
    }

    /// Writes the records of the execution that was run last.
    pub(super) fn keep(&mut self, weighing: Weighing, sink: &mut dyn Sink) -> io::Result<()> {
        let made = weighing.records;
        let made =
            made.unwrap_or_else(|| records(self.stage, self.numbers, self.way, self.requests));
        let exchanges = made
            .iter()
            .filter(|record| matches!(record, Record::Exchange(_)));
        self.numbers.exchanges += exchanges.count() as u64;
        self.numbers.kept += 1;
        self.planted.keep();
        self.finish(sink)?;
        made.iter().try_for_each(|record| sink.take(record))
    }

    /// Writes what was done when the stage failed.
    pub(super) fn unfinished(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let mut records = self.stage.unfinished(self.numbers.kept + 1);
        self.numbers.exchanges = number(&mut records, self.numbers.exchanges);
        records.iter().try_for_each(|record| sink.take(record))
    }

    /// Whether so many executions more are within the limits on what is asked of the service.
    pub(super) fn has_room(&self, executions: u64) -> bool {
        self.stage.limit(executions).is_none()
    }

    /// Writes what executions that were not kept have planted.
    pub(super) fn finish(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        self.planted.leave();
        let mut unwritten = self.planted.unwritten.drain(..);
        unwritten.try_for_each(|record| sink.take(&record))
    }
}

/// The records of the execution that was run last, as they are kept next: numbered on, with the volley's end before what was
/// read back.
fn records(stage: &mut dyn Stage, numbers: &Numbers, way: Way, requests: u32) -> Vec<Record> {
    let volley = numbers.kept + 1;
    let mut records = stage.records(volley);
    number(&mut records, numbers.exchanges);
    let raced = |record: &Record| match record {
        Record::Exchange(exchange) if exchange.phase == Phase::Volley => Some(exchange.sent_ns),
        _ => None,
    };
    let sent = || records.iter().filter_map(raced);
    let spread = sent().max().unwrap_or(0) - sent().min().unwrap_or(0);
    let last = records.iter().rposition(|record| raced(record).is_some());
    let end = Record::Volley(Volley {
        volley,
        round: volley,
        requests,
        server_spread_us: None,
        offset_us: 0,
        release: Release {
            strategy: match way {
                Way::InProcess => "in-process".to_owned(),
                Way::Turnstile => "turnstile".to_owned(),
            },
            connections: requests,
            writes: 0,
            client_spread_ns: spread,
            armed: true,
        },
    });
    records.insert(last.map_or(records.len(), |last| last + 1), end);
    records
}

/// Numbers exchanges from `next` on and gives the number after them.
fn number(records: &mut [Record], mut next: u64) -> u64 {
    for record in records {
        if let Record::Exchange(exchange) = record {
            exchange.id = next;
            next += 1;
        }
    }
    next
}
