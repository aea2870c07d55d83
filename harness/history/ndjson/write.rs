//! Writes a history as it comes, without the secrets.

use std::io::{self, Write};

use bytes::Bytes;

use crate::history::cookie::masked_head;
use crate::history::head::lines;
use crate::history::{End, Ending, Exchange, Outcome, Record, Sink, Start};
use crate::identity::{DecodeLimits, Finder, Redactor, Salt, decode_body};

/// Stores records as NDJSON.
///
/// Supplied secrets are masked wherever they stand. The values of `Set-Cookie` are replaced by fingerprints, so that whoever
/// reads a stored history cannot take over a session; what the judge concludes stays the same.
///
/// It writes in small pieces: give it something buffered. It flushes after the [`End`] record.
///
/// ```
/// use crosswire::history::{Record, Sink, Writer, read};
/// use crosswire::identity::Redactor;
///
/// let mut writer = Writer::new(Vec::new(), Redactor::new(["hunter22"]));
/// writer.take(&Record::Note { text: "logged in with hunter22".into() })?;
/// let line = String::from_utf8(writer.into_inner()).unwrap();
/// assert_eq!(line, "{\"record\":\"note\",\"text\":\"logged in with [secret]\"}\n");
///
/// let error = read(line.as_bytes()).unwrap_err();
/// assert_eq!(error.to_string(), "line 1: not a history: its first record is not `start`");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    redactor: Redactor,
    finder: Finder,
}

impl<W: Write> Writer<W> {
    /// Writes to `output`, with the redactor's secrets masked.
    pub fn new(output: W, redactor: Redactor) -> Writer<W> {
        Writer {
            output,
            redactor,
            finder: Finder::new(Salt::new(0)),
        }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn start(&mut self, start: &Start) -> Start {
        if let Ok(salt) = start.salt.parse() {
            self.finder = Finder::new(salt);
        }
        let mut start = start.clone();
        start.target.name = self.text(&start.target.name);
        start.target.url = self.text(&start.target.url);
        start
    }

    fn text(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    fn exchange(&self, exchange: &Exchange) -> Exchange {
        let mut stored = exchange.clone();
        stored.request.path = self.text(&exchange.request.path);
        match &mut stored.outcome {
            Outcome::Answer { head, body, .. } => self.answer(head, body),
            Outcome::Failed { why, partial } => {
                *why = self.text(why);
                if let Some(masked) = masked_head(partial, &self.redactor, &self.finder) {
                    *partial = masked.into();
                }
            }
        }
        stored
    }

    fn answer(&self, head: &mut Bytes, body: &mut Bytes) {
        if !self.redactor.is_empty()
            && let Some(unpacked) = self.unpacked_secret(head, body)
        {
            // A coded body hides a secret from the masks, but not from a reader: it is stored without its coding.
            *body = unpacked.into();
            *head = renamed_coding(head).into();
        } else {
            replace(body, &self.redactor);
        }
        if let Some(masked) = masked_head(head, &self.redactor, &self.finder) {
            *head = masked.into();
        }
    }

    /// The decoded and masked body, when the body is coded and holds a secret.
    fn unpacked_secret(&self, head: &[u8], body: &[u8]) -> Option<Vec<u8>> {
        let coding = content_encoding(head);
        let unpacked = decode_body(&coding, body, DecodeLimits::default()).bytes?;
        match self.redactor.bytes(&unpacked) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(masked) => Some(masked),
        }
    }
}

fn replace(bytes: &mut Bytes, redactor: &Redactor) {
    if let std::borrow::Cow::Owned(masked) = redactor.bytes(bytes) {
        *bytes = masked.into();
    }
}

/// The value of `Content-Encoding`, several of them joined.
fn content_encoding(head: &[u8]) -> String {
    let values = lines(head).filter(|line| line.is("content-encoding"));
    values
        .map(|line| String::from_utf8_lossy(line.value).into_owned())
        .collect::<Vec<_>>()
        .join(",")
}

fn renamed_coding(head: &[u8]) -> Vec<u8> {
    let mut renamed = Vec::with_capacity(head.len() + 16);
    for line in lines(head) {
        if line.is("content-encoding") {
            renamed.extend_from_slice(b"x-was-");
        }
        renamed.extend_from_slice(&head[line.start..line.end]);
    }
    renamed
}

impl<W: Write> Sink for Writer<W> {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        let stored = match record {
            Record::Start(start) => Record::Start(self.start(start)),
            Record::Exchange(exchange) => Record::Exchange(self.exchange(exchange)),
            Record::Note { text } => Record::Note {
                text: self.text(text),
            },
            Record::End(End {
                ending: Ending::Failed { why, cause },
                rounds,
                elapsed_ns,
            }) => {
                let ending = Ending::Failed {
                    why: self.text(why),
                    cause: *cause,
                };
                Record::End(End {
                    ending,
                    rounds: *rounds,
                    elapsed_ns: *elapsed_ns,
                })
            }
            Record::Planted(_) | Record::Volley(_) | Record::End(_) => record.clone(),
        };
        serde_json::to_writer(&mut self.output, &stored)?;
        self.output.write_all(b"\n")?;
        if matches!(record, Record::End(_)) {
            self.output.flush()?;
        }
        Ok(())
    }
}
