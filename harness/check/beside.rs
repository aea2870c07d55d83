//! What a scenario file takes from outside: the process's environment, and files beside it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::scenario::{NAMED_FILE_LIMIT, Surroundings};

/// The surroundings of a scenario in a folder: files that it names are relative to it.
#[derive(Debug)]
pub struct Beside {
    folder: PathBuf,
}

impl Beside {
    /// Of the scenario at `path`.
    pub fn new(path: &Path) -> Beside {
        Beside {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        }
    }

    /// Of a scenario that stands in `folder`; the empty path is the current one.
    pub fn folder(folder: impl Into<PathBuf>) -> Beside {
        Beside {
            folder: folder.into(),
        }
    }
}

impl Surroundings for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = self.folder.join(path);
        // Opening anything else might wait for ever.
        if !std::fs::metadata(&path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let file = File::open(path)?;
        let mut content = Vec::new();
        // One byte more than there may be, so that the reader can say that it is too large.
        let limit = NAMED_FILE_LIMIT as u64 + 1;
        file.take(limit).read_to_end(&mut content)?;
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_for_beside_the_scenario() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("users.csv"), "name\n").unwrap();
        let beside = Beside::new(&folder.path().join("mine.toml"));
        assert_eq!(beside.file("users.csv").unwrap(), b"name\n");
        assert!(beside.file("none.csv").is_err());
        assert!(beside.file(".").is_err(), "a folder is no file");
    }
}
