//! Finds every canary of an exchange: head, body as it came, body without its coding, partial bytes.

use crate::history::{Exchange, Line, Outcome, lines};
use crate::identity::{Canary, DecodeLimits, Finder, Form, Salt, decode_body};

use super::Place;

/// A canary in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) spot: Spot,
    pub(super) canary: Canary,
    pub(super) form: Form,
}

/// Where it stood. Cheaper than a [`Place`]: most canaries that are found are the user's own, and nobody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    StatusLine,
    /// Offset of the header line in the head.
    Header(usize),
    /// In the name of a header, or in a line that is none.
    HeaderName,
    Body,
    Partial,
}

impl Spot {
    /// The place in the exchange that was looked at.
    pub(super) fn place(self, exchange: &Exchange) -> Place {
        match self {
            Spot::StatusLine => Place::StatusLine,
            Spot::HeaderName => Place::Header("(name)".into()),
            Spot::Body => Place::Body,
            Spot::Partial => Place::Partial,
            Spot::Header(start) => {
                let head: &[u8] = match &exchange.outcome {
                    Outcome::Answer { head, .. } => head,
                    Outcome::Failed { .. } => &[],
                };
                let line = lines(head).find(|line| line.start == start);
                let name = line.map_or(&b""[..], |line| line.name);
                Place::Header(String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            }
        }
    }
}

/// Looks at one exchange after the other.
#[derive(Clone, Debug)]
pub(super) struct Look {
    finder: Finder,
    limits: DecodeLimits,
    found: Vec<Found>,
    complete: bool,
}

impl Look {
    pub(super) fn new(salt: Salt) -> Look {
        Look {
            finder: Finder::new(salt),
            limits: DecodeLimits::default(),
            found: Vec::new(),
            complete: true,
        }
    }

    /// What was found last, each canary once per spot and form.
    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// False when the exchange that was looked at last had bytes that could not be looked at: cut, or a coding that could
    /// not be undone to the end.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Looks at an exchange.
    pub(super) fn at(&mut self, exchange: &Exchange) {
        self.found.clear();
        self.complete = true;
        match &exchange.outcome {
            Outcome::Answer {
                head, body, cut, ..
            } => {
                self.head(head);
                self.bytes(body, Spot::Body);
                self.decoded(head, body, Spot::Body);
                self.complete &= !cut;
            }
            Outcome::Failed { partial, .. } => {
                self.bytes(partial, Spot::Partial);
                self.complete = false;
                if let Some(body) = memchr::memmem::find(partial, b"\r\n\r\n") {
                    self.decoded(&partial[..body + 2], &partial[body + 4..], Spot::Partial);
                }
            }
        }
        if self.found.len() > 1 {
            self.found.sort_unstable();
            self.found.dedup();
        }
    }

    fn bytes(&mut self, bytes: &[u8], spot: Spot) {
        let found = &mut self.found;
        self.finder.find(bytes, |sighting| {
            found.push(Found {
                spot,
                canary: sighting.canary,
                form: sighting.form,
            })
        });
    }

    fn head(&mut self, head: &[u8]) {
        let mut sightings = Vec::new();
        self.finder.find(head, |sighting| sightings.push(sighting));
        if sightings.is_empty() {
            return;
        }
        sightings.sort_unstable_by_key(|sighting| sighting.at);
        let mut lines = lines(head).peekable();
        let mut last_header = None;
        for sighting in sightings {
            while let Some(line) = lines.next_if(|line| line.end <= sighting.at) {
                last_header = header(&line).or(last_header);
            }
            let spot = match lines.peek() {
                Some(line) if line.start == 0 => Spot::StatusLine,
                Some(line) if line.name.is_empty() => last_header.unwrap_or(Spot::HeaderName),
                Some(line) if sighting.at < line.value_start => Spot::HeaderName,
                Some(line) => Spot::Header(line.start),
                None => Spot::HeaderName,
            };
            self.found.push(Found {
                spot,
                canary: sighting.canary,
                form: sighting.form,
            });
        }
    }

    fn decoded(&mut self, head: &[u8], body: &[u8], spot: Spot) {
        if body.is_empty() {
            return;
        }
        let mut coding = String::new();
        for line in lines(head).filter(|line| line.is("content-encoding")) {
            coding.push_str(&String::from_utf8_lossy(line.value));
            coding.push(',');
        }
        let decoded = decode_body(&coding, body, self.limits);
        self.complete &= decoded.note.is_none();
        if let Some(bytes) = decoded.bytes {
            self.bytes(&bytes, spot);
        }
    }
}

fn header(line: &Line<'_>) -> Option<Spot> {
    (!line.name.is_empty()).then_some(Spot::Header(line.start))
}
