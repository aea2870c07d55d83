//! What a scenario file takes from outside: variables of the environment, and files beside it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crosswire::scenario::{NAMED_FILE_LIMIT, Surroundings};

/// The surroundings of a scenario file.
pub(crate) struct Beside<'p> {
    folder: &'p Path,
}

impl<'p> Beside<'p> {
    /// Those of the scenario at `path`: the files it names are looked for in its own folder.
    pub(crate) fn new(path: &'p Path) -> Beside<'p> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Beside { folder }
    }
}

impl Surroundings for Beside<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        // One byte more than a file may have, so that the parser can say that it is too large.
        let limit = u64::try_from(NAMED_FILE_LIMIT).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::open(self.folder.join(path))?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_beside_the_scenario() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "text").unwrap();
        let scenario = folder.path().join("mine.toml");
        let beside = Beside::new(&scenario);
        assert_eq!(beside.file("ca.pem").unwrap(), b"text");
        let missing = beside.file("none.pem").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
