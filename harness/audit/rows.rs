//! Rows of access logs: NDJSON, or CSV whose first line names the columns.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use csv::{ByteRecord, ReaderBuilder};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::{Audit, Moment, Row};

/// Bytes of a row.
const LONGEST_ROW: u64 = 1 << 20;
/// Bytes of the name of a principal or of a key: names are kept for as long as the audit takes.
const LONGEST_NAME: usize = 1 << 10;
/// From here on, 2^53, neighbouring whole numbers are one number with a floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Bytes by which the format is known.
const BEGINNING: u64 = 8;
const TOO_LONG: &str =
    "the row is longer than 1 MiB; in CSV this may be a quotation mark that nothing closes";

/// Why a log could not be read. Nothing of its rows is quoted.
#[derive(Debug)]
pub struct AuditError {
    message: String,
}

impl AuditError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message }
    }

    fn at(line: u64, what: &str) -> Self {
        Self::new(format!("line {line}: {what}"))
    }
}

impl fmt::Display for AuditError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for AuditError {}

/// Reads all rows, one after the other. The first sign tells the format: `{` begins NDJSON.
///
/// # Errors
/// An [`AuditError`] with the line that is no row, that has no time, principal or subject, or that cannot be read; and when the
/// log is empty, compressed, or one JSON array.
pub fn read(mut input: impl BufRead, audit: &mut Audit) -> Result<(), AuditError> {
    let mut begin = Vec::new();
    let beginning = input.by_ref().take(BEGINNING).read_to_end(&mut begin);
    let is_all = beginning.map_err(|error| broken(1, &error))? < BEGINNING as usize;
    let mark = b"\xef\xbb\xbf";
    let begin = begin.strip_prefix(mark).unwrap_or(&begin);
    let packed = [
        b"\x1f\x8b".as_slice(),
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"\xfd7zXZ",
    ];
    let row = begin.trim_ascii_start();
    if row.is_empty() && is_all {
        return Err(AuditError::new("the log is empty"));
    }
    if packed.iter().any(|sign| begin.starts_with(sign)) {
        return Err(AuditError::new("the log is compressed: unpack it first"));
    }
    let input = begin.chain(input);
    match row {
        [b'{', ..] => read_ndjson(input, audit),
        [b'[', b'{' | b'\n' | b'\r' | b' ', ..] => Err(AuditError::new(
            "the log is one JSON array: write each object of it on a line of its own, without commas between them",
        )),
        _ => read_csv(input, audit),
    }
}

fn broken(line: u64, error: &io::Error) -> AuditError {
    AuditError::at(line, &format!("cannot be read: {error}"))
}

/// One line of NDJSON. Fields that are not named here are passed over.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    time: Word<'l>,
    #[serde(borrow)]
    principal: Word<'l>,
    #[serde(borrow, default)]
    key: Word<'l>,
    #[serde(borrow)]
    subject: Word<'l>,
    #[serde(borrow, default)]
    status: Word<'l>,
}

/// A text, or a number as it would be written.
#[derive(Default)]
struct Word<'l>(Cow<'l, str>);

impl<'de: 'l, 'l> Deserialize<'de> for Word<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Word<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text or a number")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Owned(number.to_string())))
            }

            /// Such as seconds with a fraction, be it `.0`. Whole numbers come here too when they are too large to be told
            /// apart.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Word<'de>, E> {
                if number.fract() == 0.0 && number.abs() >= EXACT {
                    return Err(E::custom(
                        "a number of which neighbours cannot be told apart: beyond 2^53",
                    ));
                }
                Ok(Word(Cow::Owned(number.to_string())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Word<'de>, E> {
                Ok(Word::default())
            }
        }
        deserializer.deserialize_any(Words)
    }
}

fn read_ndjson(mut input: impl BufRead, audit: &mut Audit) -> Result<(), AuditError> {
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        bytes.clear();
        let mut limited = Read::take(&mut input, LONGEST_ROW);
        let read = limited.read_until(b'\n', &mut bytes);
        if read.map_err(|error| broken(number, &error))? == 0 {
            return Ok(());
        }
        if bytes.len() as u64 == LONGEST_ROW {
            return Err(AuditError::at(number, TOO_LONG));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        // What serde says may quote the row.
        let line: Line<'_> = serde_json::from_slice(&bytes).map_err(|_| {
            AuditError::at(
                number,
                "a row is a JSON object with time, principal and subject, and perhaps key and status: texts or numbers below 2^64",
            )
        })?;
        let row = [
            &line.time,
            &line.principal,
            &line.key,
            &line.subject,
            &line.status,
        ];
        take(number, row.map(|word| word.0.as_ref()), audit)?;
    }
}

/// Columns in the order of a row.
const COLUMNS: [&str; 5] = ["time", "principal", "key", "subject", "status"];
/// Those that a log may leave out.
const OPTIONAL: [&str; 2] = ["key", "status"];

/// Lets no more bytes through than are left for the row under way.
struct Limited<'l, R> {
    input: R,
    left: &'l Cell<u64>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or(io::ErrorKind::FileTooLarge)?);
        Ok(read)
    }
}

fn read_csv(input: impl Read, audit: &mut Audit) -> Result<(), AuditError> {
    let left = Cell::new(LONGEST_ROW);
    let mut reader = ReaderBuilder::new().from_reader(Limited { input, left: &left });
    let mut line = 1;
    let header = reader.headers().map_err(|error| no_row(line, &error))?;
    let places = places(header)?;
    let mut record = ByteRecord::new();
    loop {
        left.set(LONGEST_ROW);
        line = reader.position().line();
        let more = reader.read_byte_record(&mut record);
        if !more.map_err(|error| no_row(line, &error))? {
            return Ok(());
        }
        let mut words = [""; 5];
        for (word, place) in words.iter_mut().zip(places) {
            let bytes = place.and_then(|place| record.get(place));
            let text = std::str::from_utf8(bytes.unwrap_or_default());
            *word = text
                .map_err(|_| AuditError::at(line, "it is not UTF-8"))?
                .trim();
        }
        take(line, words, audit)?;
    }
}

/// What csv says may quote the row.
fn no_row(line: u64, error: &csv::Error) -> AuditError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let what = format!("it has {len} columns, and the first line names {expected_len}");
            AuditError::at(line, &what)
        }
        csv::ErrorKind::Utf8 { .. } => AuditError::at(line, "it is not UTF-8"),
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            AuditError::at(line, TOO_LONG)
        }
        csv::ErrorKind::Io(error) => broken(line, error),
        _ => AuditError::at(line, "it cannot be read as CSV"),
    }
}

/// Where in a row each of the [`COLUMNS`] is.
fn places(header: &csv::StringRecord) -> Result<[Option<usize>; 5], AuditError> {
    let mut places = [None; 5];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = header.iter().position(|name| name.trim() == column);
        if place.is_none() && !OPTIONAL.contains(&column) {
            let what = format!(
                "there is no column `{column}`: the first line of CSV names the columns, separated by commas: {}, of which {} may \
                 be missing",
                COLUMNS.join(","),
                OPTIONAL.join(" and ")
            );
            return Err(AuditError::at(1, &what));
        }
    }
    Ok(places)
}

fn take(
    line: u64,
    [time, principal, key, subject, status]: [&str; 5],
    audit: &mut Audit,
) -> Result<(), AuditError> {
    let wrong = |what: &str| AuditError::at(line, what);
    let row = Row {
        time: Moment::parse(time).ok_or_else(|| {
            wrong(
                "the time is neither a number of seconds since 1970 (milliseconds are none) nor a date of RFC 3339, such as \
                 2025-06-24T09:00:00+09:00",
            )
        })?,
        principal,
        key,
        subject,
        status: match status {
            "" => None,
            said => Some(said.parse().map_err(|_| wrong("the status is no number"))?),
        },
    };
    if principal.is_empty() || subject.is_empty() {
        return Err(wrong("principal or subject is empty"));
    }
    if principal.len().max(key.len()) > LONGEST_NAME {
        return Err(wrong(
            "the name of a principal or of a key is longer than 1 KiB",
        ));
    }
    audit.add(&row).map_err(|error| wrong(&error.message))
}
