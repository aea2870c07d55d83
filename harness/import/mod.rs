//! Drafts a scenario from what a person has already: recorded requests, commands, a description of an interface.
//!
//! Text in, text out: nothing here opens a file or a socket. Each of [`SOURCES`] reads one format into one model of what
//! was seen; the rest is common: leaving out what no user's data can be in, finding the log-in, values of answers that
//! later requests send back, secrets, and where to plant. A secret is never written: it becomes a capture, or an attribute
//! of the users that the environment supplies.
//!
//! ```
//! use crosswire::import::Source;
//!
//! let curl = Source::named("curl").unwrap();
//! let draft = curl.draft(b"curl https://app.example/notes -H 'Authorization: Bearer hunter2'").unwrap();
//! assert!(draft.contains("bearer = \"{{ user.token }}\"") && !draft.contains("hunter2"));
//!
//! let error = Source::named("har").unwrap().draft(b"{\"log\":").unwrap_err();
//! assert_eq!(error.line(), Some(1));
//! ```

mod curl;
mod error;
mod har;
mod html;
mod hurl;
mod hurl_lines;
mod json;
mod lines;
mod links;
mod login;
mod openapi;
mod openapi_document;
mod openapi_sample;
mod plan;
mod secrets;
mod seen;
mod shell;
mod sift;
mod text;
mod write;
mod write_body;

pub use error::ImportError;

use crate::scenario::FILE_LIMIT;
use seen::Seen;

/// Largest input, in bytes: 64 MiB.
pub const INPUT_LIMIT: usize = 64 << 20;
/// Most steps of a draft.
pub const DRAFT_STEPS: usize = 100;

/// A format from which a scenario can be drafted.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name: `har`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    read: fn(&str) -> Result<Seen, ImportError>,
    /// How to get a smaller one.
    smaller: &'static str,
}

/// Every format, in the order in which they are listed to people.
pub const SOURCES: [Source; 4] = [
    Source {
        name: "har",
        what: "a HAR file, as browsers and proxies export",
        read: har::read,
        smaller: "clear the browser's list, do again only what matters, and export without contents of images and scripts",
    },
    Source {
        name: "curl",
        what: "curl commands",
        read: curl::read,
        smaller: "give fewer commands, or bodies by a file of their own",
    },
    Source {
        name: "openapi",
        what: "an OpenAPI description, JSON or YAML, 2.0 to 3.1",
        read: openapi::read,
        smaller: "take out the paths that do not matter",
    },
    Source {
        name: "hurl",
        what: "a Hurl file",
        read: hurl::read,
        smaller: "give a part of it",
    },
];

impl Source {
    /// The source of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Source> {
        SOURCES.iter().find(|source| source.name == name)
    }

    /// The draft of a scenario: TOML with comments that [`Scenario::parse`](crate::scenario::Scenario::parse) reads as it
    /// is, once the environment has the variables that it names.
    ///
    /// # Errors
    /// When the input is empty, larger than [`INPUT_LIMIT`], no text, or not what the format asks for.
    pub fn draft(&self, input: &[u8]) -> Result<String, ImportError> {
        let text = self.text_of(input)?;
        let seen = (self.read)(&text::without_marks(text))?;
        // A scenario has a limit of its own; long bodies and many steps together may go beyond it.
        for limit in [
            DRAFT_STEPS,
            DRAFT_STEPS / 2,
            DRAFT_STEPS / 4,
            DRAFT_STEPS / 10,
            1,
        ] {
            let draft = write::write(&plan::plan(seen.clone(), limit));
            if draft.len() <= FILE_LIMIT {
                return Ok(draft);
            }
        }
        Err(ImportError::new(
            format!("the draft would be larger than a scenario may be ({FILE_LIMIT} bytes)"),
            self.smaller,
        ))
    }

    fn text_of<'i>(&self, input: &'i [u8]) -> Result<&'i str, ImportError> {
        if input.len() > INPUT_LIMIT {
            let mib = input.len() >> 20;
            return Err(self.too_large(&format!("{mib} MiB")));
        }
        let text = std::str::from_utf8(input).map_err(|error| {
            let before = &input[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let remedy = if input.starts_with(&[0xff, 0xfe]) || input.starts_with(&[0xfe, 0xff]) {
                "it is UTF-16: save it as UTF-8"
            } else if input.starts_with(&[0x1f, 0x8b]) || input.starts_with(b"PK") {
                "it is compressed: unpack it first"
            } else {
                "save it as UTF-8; a binary file cannot be read"
            };
            ImportError::new("the input is not UTF-8", remedy).at(line, 0)
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(ImportError::new(
                "the input is empty",
                format!("give {}", self.what),
            ));
        }
        if text.contains('\0') {
            let line = text
                .split('\0')
                .next()
                .map_or(1, |before| before.matches('\n').count() + 1);
            return Err(ImportError::new(
                "the input holds NUL bytes: it is binary",
                format!("give {}", self.what),
            )
            .at(line, 0));
        }
        Ok(text)
    }

    /// The error of an input over [`INPUT_LIMIT`]; `size` is its size for people.
    #[must_use]
    pub fn too_large(&self, size: &str) -> ImportError {
        ImportError::new(
            format!(
                "the input has {size}; at most {} MiB are read",
                INPUT_LIMIT >> 20
            ),
            self.smaller,
        )
    }
}

/// A scenario to begin with, for services of which nothing is known.
#[must_use]
pub fn starter() -> &'static str {
    include_str!("starter.toml")
}
