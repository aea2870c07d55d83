//! Rows of access logs: NDJSON, or CSV whose first line names the columns.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead};

use csv::{ByteRecord, ReaderBuilder};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::{Audit, Moment, Row};

/// Bytes of a line.
const LONGEST_LINE: u64 = 1 << 20;

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

/// Reads all rows, one after the other. The first byte tells the format: `{` begins NDJSON.
///
/// # Errors
/// An [`AuditError`] with the line that is no row, that has no time, principal or subject, or that cannot be read.
pub fn read(mut input: impl BufRead, audit: &mut Audit) -> Result<(), AuditError> {
    let begin = input.fill_buf().map_err(|error| broken(1, &error))?;
    match begin.first() {
        None => Err(AuditError::new("the log is empty")),
        Some(b'{') => read_ndjson(input, audit),
        Some(_) => read_csv(input, audit),
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

/// A text, or a whole number as it would be written.
#[derive(Default)]
struct Word<'l>(Cow<'l, str>);

impl<'de: 'l, 'l> Deserialize<'de> for Word<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Word<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text or a whole number")
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
        let mut limited = io::Read::take(&mut input, LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut bytes);
        if read.map_err(|error| broken(number, &error))? == 0 {
            return Ok(());
        }
        if bytes.len() as u64 == LONGEST_LINE {
            return Err(AuditError::at(number, "the line is longer than 1 MiB"));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        // What serde says may quote the row.
        let line: Line<'_> = serde_json::from_slice(&bytes).map_err(|_| {
            AuditError::at(
                number,
                "a row is a JSON object with time, principal and subject, and perhaps key and status: texts or whole numbers",
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

fn read_csv(input: impl BufRead, audit: &mut Audit) -> Result<(), AuditError> {
    let mut reader = ReaderBuilder::new().from_reader(input);
    let no_header = |_| AuditError::at(1, "it is no line that names the columns");
    let header = reader.headers().map_err(no_header)?.clone();
    let mut places = [None; 5];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        *place = header
            .iter()
            .position(|name| name.trim_start_matches('\u{feff}').trim() == column);
        if place.is_none() && !OPTIONAL.contains(&column) {
            let columns = COLUMNS.join(",");
            let what = format!("there is no column `{column}`: the first line names {columns}");
            return Err(AuditError::at(1, &what));
        }
    }
    let mut record = ByteRecord::new();
    loop {
        let line = reader.position().line();
        // What csv says may quote the row.
        let more = reader.read_byte_record(&mut record).map_err(|error| {
            let why = match error.kind() {
                csv::ErrorKind::UnequalLengths { .. } => "it has another number of columns",
                _ => "it cannot be read",
            };
            AuditError::at(line, why)
        });
        if !more? {
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

fn take(
    line: u64,
    [time, principal, key, subject, status]: [&str; 5],
    audit: &mut Audit,
) -> Result<(), AuditError> {
    let wrong = |what: &str| AuditError::at(line, what);
    let row = Row {
        time: Moment::parse(time).ok_or_else(|| {
            wrong("the time is neither a whole number of seconds since 1970 nor a date of RFC 3339")
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
    audit.add(&row).map_err(|error| wrong(&error.message))
}
