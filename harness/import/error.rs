//! Why nothing could be drafted from an input.

use std::fmt;

/// Why an input gives no draft: what is wrong, where, and what to do. It quotes nothing of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    place: Option<(usize, usize)>,
    message: String,
    remedy: String,
}

impl ImportError {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> ImportError {
        ImportError {
            place: None,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Adds the place, both from 1; column 0 is left out.
    pub(super) fn at(mut self, line: usize, column: usize) -> ImportError {
        self.place = Some((line, column));
        self
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// Line of the place, from 1, when there is one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.map(|place| place.0)
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, 0)) => write!(f, "line {line}: ")?,
            Some((line, column)) => write!(f, "line {line}, column {column}: ")?,
            None => {}
        }
        write!(f, "{}\nhelp: {}", self.message, self.remedy)
    }
}

impl std::error::Error for ImportError {}
