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
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        (**self).take(record)
    }
}

impl<S: Sink> Sink for Option<S> {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        match self {
            Some(sink) => sink.take(record),
            None => Ok(()),
        }
    }
}
