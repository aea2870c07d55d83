//! Where an engine puts its records.

use super::Record;

/// Takes the records of a run, in order.
///
/// An engine calls it between volleys, never inside one, so a sink may take its time; it must not lose a record.
pub trait Sink {
    /// Takes one record.
    ///
    /// # Errors
    /// When it cannot be kept; the engine then ends the run.
    fn take(&mut self, record: &Record) -> std::io::Result<()>;

    /// What a clean result lacks so far of requests that met: more rounds would help. `None` when there are enough, when
    /// something was exposed, and from a sink that does not weigh what it takes.
    fn lacks(&self) -> Option<Overlaps> {
        None
    }
}

/// How many pairs of requests of different owners overlapped, and how many must for a clean result: more than did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlaps {
    /// How many there were.
    pub pairs: u64,
    /// How many there must be.
    pub needed: u64,
}

/// Keeps everything: a history in memory.
impl Sink for Vec<Record> {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        self.push(record.clone());
        Ok(())
    }
}

/// Gives every record to two sinks, the first one first.
#[derive(Debug)]
pub struct Tee<A, B>(pub A, pub B);

impl<A: Sink, B: Sink> Sink for Tee<A, B> {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        self.0.take(record)?;
        self.1.take(record)
    }

    fn lacks(&self) -> Option<Overlaps> {
        self.0.lacks().or_else(|| self.1.lacks())
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        (**self).take(record)
    }

    fn lacks(&self) -> Option<Overlaps> {
        (**self).lacks()
    }
}

impl<S: Sink> Sink for Option<S> {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        match self {
            Some(sink) => sink.take(record),
            None => Ok(()),
        }
    }

    fn lacks(&self) -> Option<Overlaps> {
        self.as_ref().and_then(Sink::lacks)
    }
}
