//! What a scenario takes from outside its own text: variables of the environment, and files it names.

use std::io;

/// Largest file that a scenario may name, in bytes. Who loads one needs to read no more than one byte beyond it.
pub const NAMED_FILE_LIMIT: usize = 16 << 20;

/// Answers what a scenario asks of its surroundings. This module opens nothing itself.
pub trait Surroundings {
    /// The variable of that name; none when it is not set or not UTF-8.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of the file at `path`, as it stands in the scenario: relative to the scenario's own folder.
    ///
    /// # Errors
    /// When it cannot be read.
    fn file(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// An environment without files.
pub(super) struct VariablesAlone<'l>(pub(super) &'l dyn Fn(&str) -> Option<String>);

impl Surroundings for VariablesAlone<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    fn file(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this scenario was read without access to files",
        ))
    }
}
