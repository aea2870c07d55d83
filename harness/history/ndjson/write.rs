//! Writes a history as it comes, without the secrets.

use std::borrow::Cow;
use std::io::{self, Write};

use bytes::Bytes;

use crate::history::cookie::masked_head;
use crate::history::head::lines;
use crate::history::{End, Ending, Exchange, Explored, Outcome, Record, Sink, Start};
use crate::identity::{DecodeLimits, Finder, Redactor, Salt, decode_body};

/// Stores records as NDJSON.
///
/// Supplied secrets are masked wherever they stand, but for the canaries of the run, which stay as they are. The values of
/// `Set-Cookie` are replaced by fingerprints (and the canaries in them), so that a stored history holds no session cookie;
/// what the judge concludes stays the same.
///
/// Whatever else an answer holds stays as it came. A token in a body or in another header, such as one that a step captures
/// at log-in, is stored whole, and while it is valid, whoever reads the history can take over the session that it opens.
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

    /// Masks what came from the service: shared values and what steps did. Paths in the source are the user's own.
    fn explored(&self, explored: &Explored) -> Explored {
        let mut stored = explored.clone();
        let steps = stored.told.iter_mut().flat_map(|told| &mut told.steps);
        for step in steps {
            step.what = self.text(&step.what);
            for shared in &mut step.shared {
                shared.value = self.text(&shared.value);
            }
        }
        stored
    }

    fn exchange(&self, exchange: &Exchange) -> Exchange {
        let mut stored = exchange.clone();
        let path = &exchange.request.path;
        let path = self.redactor.text_around_canaries(path, &self.finder);
        stored.request.path = path.into_owned();
        match &mut stored.outcome {
            Outcome::Answer {
                head, body, cut, ..
            } => self.answer(head, body, cut),
            Outcome::Failed { why, partial } => {
                *why = self.text(why);
                self.partial(partial);
            }
        }
        stored
    }

    fn answer(&self, head: &mut Bytes, body: &mut Bytes, cut: &mut bool) {
        if !self.redactor.is_empty() {
            if let Some((unpacked, is_whole)) = self.unpacked_secret(head, body) {
                // A coded body hides a secret from the masks, but not from a reader: it is stored without its coding.
                *body = unpacked.into();
                *head = renamed_coding(head).into();
                *cut |= !is_whole;
            } else if let Cow::Owned(masked) = self.masked(body) {
                *body = masked.into();
            }
        }
        if let Some(masked) = masked_head(head, &self.redactor, &self.finder) {
            *head = masked.into();
        }
    }

    /// Masks an answer that broke off: split where the judge splits it, so that a coded body is seen as one.
    fn partial(&self, partial: &mut Bytes) {
        let head_len = memchr::memmem::find(partial, b"\r\n\r\n").map(|at| at + 2);
        let mut head = partial.slice(..head_len.unwrap_or(partial.len()));
        let mut body = head_len.map_or_else(Bytes::new, |at| partial.slice(at + 2..));
        self.answer(&mut head, &mut body, &mut false);
        let between: &[u8] = head_len.map_or(b"", |_| b"\r\n");
        *partial = [&head, between, &body].concat().into();
    }

    /// The bytes with the secrets outside of canaries masked.
    fn masked<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.redactor.bytes_around_canaries(bytes, &self.finder)
    }

    /// The decoded and masked body, when the body is coded and holds a secret; also whether that is all of it.
    fn unpacked_secret(&self, head: &[u8], body: &[u8]) -> Option<(Vec<u8>, bool)> {
        let coding = content_encoding(head);
        let decoded = decode_body(&coding, body, DecodeLimits::default());
        let (unpacked, is_whole) = (decoded.bytes?, decoded.note.is_none());
        match self.masked(&unpacked) {
            Cow::Owned(masked) => Some((masked, is_whole)),
            // A mask within the coded bytes would break the coding: a coder may have copied a piece of a canary, which no
            // longer looks like one.
            Cow::Borrowed(_) if matches!(self.masked(body), Cow::Owned(_)) => {
                Some((unpacked, is_whole))
            }
            Cow::Borrowed(_) => None,
        }
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
            Record::Explored(explored) => Record::Explored(Box::new(self.explored(explored))),
            Record::Planted(_)
            | Record::Volley(_)
            | Record::Control(_)
            | Record::Day(_)
            | Record::End(_) => record.clone(),
        };
        serde_json::to_writer(&mut self.output, &stored)?;
        self.output.write_all(b"\n")?;
        if matches!(record, Record::End(_)) {
            self.output.flush()?;
        }
        Ok(())
    }
}
