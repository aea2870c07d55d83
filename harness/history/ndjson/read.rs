//! Reads a stored history record by record, and says where and why it cannot.

use std::fmt;
use std::io::{self, BufRead};

use serde::Deserialize;

use super::HISTORY_VERSION;
use crate::history::Record;

/// Bytes that one line may have: a body of 16 MiB in its longest JSON form, and then some.
pub const LINE_LIMIT: usize = 128 << 20;

/// Why a history could not be read, or not to its end.
#[derive(Debug)]
pub struct ReadError {
    line: u64,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    NotAHistory(String),
    Newer(u64),
    CutOff,
    Malformed(serde_json::Error),
    TooLong,
}

impl ReadError {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// True when the last line ends in the middle, as after a crash: every record before it is whole.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        matches!(self.why, Why::CutOff)
    }

    /// True when a newer version of crosswire wrote the history.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self.why, Why::Newer(_))
    }

    /// True when the file is not a history at all.
    #[must_use]
    pub fn is_not_a_history(&self) -> bool {
        matches!(self.why, Why::NotAHistory(_))
    }

    /// True when the file could not be read.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.why, Why::Io(_))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            Why::Io(error) => write!(f, "cannot be read: {error}"),
            Why::NotAHistory(why) => write!(f, "not a history: {why}"),
            Why::Newer(version) => {
                write!(
                    f,
                    "history version {version} is newer than {HISTORY_VERSION}, which this crosswire reads; use a newer one"
                )
            }
            Why::CutOff => f.write_str("is cut off; the records before it are whole"),
            Why::Malformed(error) => write!(f, "not a record: {error}"),
            Why::TooLong => write!(f, "longer than {LINE_LIMIT} bytes"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Io(error) => Some(error),
            Why::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

/// The records of a stored history, one by one.
///
/// The first must be a `start` of a version that this crosswire knows. Kinds of records and fields that are not known are
/// passed over ([`Reader::passed_over`] counts the records). After an error it ends.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: u64,
    buffer: Vec<u8>,
    started: bool,
    ended: bool,
    passed_over: u64,
}

#[derive(Deserialize)]
struct Header {
    record: String,
    history_version: Option<u64>,
}

/// The kinds of records of this version, for telling an unknown kind from a broken record.
const KINDS: [&str; 7] = [
    "start", "planted", "exchange", "volley", "note", "control", "end",
];

impl<R: BufRead> Reader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Reader<R> {
        Reader {
            input,
            line: 0,
            buffer: Vec::new(),
            started: false,
            ended: false,
            passed_over: 0,
        }
    }

    /// Records of a kind that this version does not know, so far.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    fn next_record(&mut self) -> Result<Option<Record>, Why> {
        loop {
            self.line += 1;
            let whole = self.next_line()?;
            if self.buffer.is_empty() && !whole {
                return if self.started {
                    Ok(None)
                } else {
                    Err(Why::NotAHistory("it is empty".into()))
                };
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            if !self.started {
                check_start(text, whole)?;
                self.started = true;
            }
            match serde_json::from_slice(text) {
                Ok(record) => return Ok(Some(record)),
                Err(error) if !whole && error.is_eof() => return Err(Why::CutOff),
                Err(error) => match serde_json::from_slice::<Header>(text) {
                    Ok(header) if !KINDS.contains(&header.record.as_str()) => self.passed_over += 1,
                    _ => return Err(Why::Malformed(error)),
                },
            }
        }
    }

    /// Reads a line into the buffer; false when the input ended before a line feed.
    fn next_line(&mut self) -> Result<bool, Why> {
        self.buffer.clear();
        loop {
            let piece = match self.input.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Why::Io(error)),
            };
            if piece.is_empty() {
                return Ok(false);
            }
            let feed = memchr::memchr(b'\n', piece);
            let length = feed.unwrap_or(piece.len());
            if self.buffer.len() + length > LINE_LIMIT {
                return Err(Why::TooLong);
            }
            self.buffer.extend_from_slice(&piece[..length]);
            self.input.consume(length + usize::from(feed.is_some()));
            if feed.is_some() {
                return Ok(true);
            }
        }
    }
}

fn check_start(text: &[u8], whole: bool) -> Result<(), Why> {
    let header: Header = match serde_json::from_slice(text) {
        Ok(header) => header,
        Err(error) if !whole && error.is_eof() && text.starts_with(b"{\"record\"") => {
            return Err(Why::CutOff);
        }
        Err(_) => return Err(Why::NotAHistory("its first line is not a record".into())),
    };
    if header.record != "start" {
        return Err(Why::NotAHistory("its first record is not `start`".into()));
    }
    match header.history_version {
        Some(version) if version > u64::from(HISTORY_VERSION) => Err(Why::Newer(version)),
        Some(1..) => Ok(()),
        _ => Err(Why::NotAHistory(
            "its first record has no `history_version`".into(),
        )),
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.next_record() {
            Ok(Some(record)) => Some(Ok(record)),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(why) => {
                self.ended = true;
                Some(Err(ReadError {
                    line: self.line,
                    why,
                }))
            }
        }
    }
}

/// Reads a whole history.
///
/// # Errors
/// When any line cannot be read; use [`Reader`] to keep what came before it.
pub fn read(input: impl BufRead) -> Result<Vec<Record>, ReadError> {
    Reader::new(input).collect()
}
