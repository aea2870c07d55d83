//! Which files a command reads and writes, so that no output destroys another, or an input.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The files of one command line. Told of all of them before the first is opened for writing.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Place>);

#[derive(Debug)]
struct Place {
    identity: Identity,
    /// What the file is, for people.
    what: String,
    is_output: bool,
}

/// What tells two files apart.
#[derive(Debug)]
struct Identity {
    /// Where the file is or will be: the same before and after it is made.
    path: PathBuf,
    /// Device and inode of a file that is there: the same for every hard link.
    inode: Option<(u64, u64)>,
}

impl Identity {
    fn same_as(&self, other: &Identity) -> bool {
        self.path == other.path || self.inode.is_some() && self.inode == other.inode
    }
}

impl Places {
    /// Takes note of a file that is read. Several may read one.
    pub(crate) fn input(&mut self, path: &Path, what: impl Into<String>) {
        if let Some(identity) = identity(path) {
            self.0.push(Place {
                identity,
                what: what.into(),
                is_output: false,
            });
        }
    }

    /// Takes note of a file that will be written.
    ///
    /// # Errors
    /// Usage, when it is an input or another output as well. Pipes and devices may take several.
    pub(crate) fn output(&mut self, path: &Path, what: impl Into<String>) -> Result<(), Failure> {
        let what = what.into();
        let Some(identity) = identity(path) else {
            return Ok(());
        };
        if let Some(other) = self
            .0
            .iter()
            .find(|other| other.identity.same_as(&identity))
        {
            let (path, before) = (path.display(), &other.what);
            return Err(Failure::usage(if !other.is_output {
                format!("{path} is {before}: {what} would destroy it, give it a file of its own")
            } else if *before == what {
                format!(
                    "{path} would be written twice, each time as {what}: scenarios with the same name need a run each"
                )
            } else {
                format!("{path} would be both {before} and {what}: give each a file of its own")
            }));
        }
        self.0.push(Place {
            identity,
            what,
            is_output: true,
        });
        Ok(())
    }
}

/// None for what is no regular file, and for what cannot be opened anyway.
fn identity(path: &Path) -> Option<Identity> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => None,
        Ok(found) => Some(Identity {
            path: fs::canonicalize(path).ok()?,
            inode: inode(&found),
        }),
        Err(_) => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
            Some(Identity {
                path: folder.join(path.file_name()?),
                inode: None,
            })
        }
    }
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_no_other_output_and_no_input_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("input"), "x").unwrap();
        fs::hard_link(at("input"), at("link")).unwrap();
        let mut places = Places::default();
        places.input(&at("input"), "the scenario");
        places.input(&at("input"), "the scenario");
        places.output(&at("new"), "the history").unwrap();
        places.output(&at("made"), "another report").unwrap();
        // As when an output is opened before the next one is looked at.
        fs::write(at("made"), "").unwrap();
        for (name, part) in [
            ("input", "is the scenario"),
            ("link", "is the scenario"),
            ("./new", "both the history and the report"),
            ("made", "both another report and the report"),
        ] {
            let refused = places.output(&at(name), "the report").unwrap_err();
            assert!(refused.message.contains(part), "{name}: {refused}");
        }
        let twice = places.output(&at("new"), "the history").unwrap_err();
        assert!(twice.message.contains("written twice"), "{twice}");
        places.output(&at("other"), "the report").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_device_takes_several_outputs() {
        let mut places = Places::default();
        for what in ["a report", "the history"] {
            places.output(Path::new("/dev/null"), what).unwrap();
        }
    }
}
