//! The folder in which documents lie until they are fetched: files, or a table in memory where every order is explored.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::members::Tokens;
use crate::start_error::StartError;
use crate::sync::{Mutex, point};

/// The folder. Several processes may have the same one.
#[derive(Debug)]
pub(super) enum Folder {
    /// Files, which are removed with it. They are written and read on tokio's threads for such work.
    Files(TempDir),
    /// In memory; before each use another request can go on.
    Memory(Mutex<BTreeMap<String, String>>),
}

impl Folder {
    /// An empty one on disk.
    ///
    /// # Errors
    /// A [`StartError`] when there is no temporary folder to be had.
    pub(super) fn served() -> Result<Self, StartError> {
        let folder = TempDir::with_prefix("certificates-").map_err(StartError::store)?;
        Ok(Self::Files(folder))
    }

    /// An empty one for one execution.
    pub(super) fn explored() -> Self {
        Self::Memory(Mutex::new(BTreeMap::new()))
    }

    /// A name of 32 hexadecimal digits that was not drawn before.
    pub(super) fn tokens(&self) -> Tokens {
        match self {
            Self::Files(_) => Tokens::Random,
            Self::Memory(_) => Tokens::counted(),
        }
    }

    /// Writes a document; with `new`, only where none of that name is.
    ///
    /// # Errors
    /// When there is one already, and when the system refuses.
    pub(super) async fn write(&self, name: &str, text: String, new: bool) -> io::Result<()> {
        match self {
            Self::Files(folder) => {
                let path = file(folder, name);
                off(move || {
                    let mut options = OpenOptions::new();
                    options.write(true).create_new(new);
                    if !new {
                        options.create(true).truncate(true);
                    }
                    options.open(path)?.write_all(text.as_bytes())
                })
                .await
            }
            Self::Memory(documents) => {
                point().await;
                let mut documents = documents.lock();
                if new && documents.contains_key(name) {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                documents.insert(name.to_owned(), text);
                Ok(())
            }
        }
    }

    /// Reads a document and removes it.
    ///
    /// # Errors
    /// When there is none of that name, and when the system refuses.
    pub(super) async fn take(&self, name: &str) -> io::Result<String> {
        match self {
            Self::Files(folder) => {
                let path = file(folder, name);
                off(move || {
                    let text = fs::read_to_string(&path)?;
                    // It may have been taken by another, who has read the same.
                    let _ = fs::remove_file(path);
                    Ok(text)
                })
                .await
            }
            Self::Memory(documents) => {
                point().await;
                let found = documents.lock().remove(name);
                found.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// Removes a document, if it is there.
    pub(super) async fn remove(&self, name: &str) {
        match self {
            Self::Files(folder) => {
                let path = file(folder, name);
                // What cannot be removed goes with the folder.
                let _ = off(move || fs::remove_file(path)).await;
            }
            Self::Memory(documents) => {
                point().await;
                documents.lock().remove(name);
            }
        }
    }
}

#[cfg(test)]
impl Folder {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Files(folder) => fs::read_dir(folder.path()).unwrap().next().is_none(),
            Self::Memory(documents) => documents.lock().is_empty(),
        }
    }
}

/// Names are made of letters, digits and `-` by the desk.
fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(format!("{name}.txt"))
}

/// Does it on a thread that may wait for the disk.
async fn off<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_kinds_of_folder_keep_the_same() {
        for folder in [Folder::served().unwrap(), Folder::explored()] {
            folder.write("a", "one".to_owned(), true).await.unwrap();
            let error = folder.write("a", "two".to_owned(), true).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            folder.write("a", "2".to_owned(), false).await.unwrap();
            assert_eq!(folder.take("a").await.unwrap(), "2");
            let error = folder.take("a").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            folder.write("a", "three".to_owned(), true).await.unwrap();
            folder.remove("a").await;
            folder.remove("a").await;
            assert!(folder.take("a").await.is_err());
        }
    }
}
