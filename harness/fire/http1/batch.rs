//! Requests that leave as one: what is written first, what follows slowly, and what is done to them on purpose.

use bytes::Bytes;

use super::head::wire;
use crate::fire::exchange::Request;
use crate::fire::fault::{Deeds, Script};
use crate::scenario::AbortWhen;

/// One request, or several that are written in one write and answered in order.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) methods: Vec<String>,
    pub(crate) script: Script,
    pub(crate) deeds: Deeds,
    /// What leaves at the release.
    pub(crate) first: Bytes,
    /// What a slow writer sends after that.
    pub(crate) later: Bytes,
}

impl Batch {
    /// The first request's faults are those of all: they are of one step.
    pub(crate) fn new(requests: &[&Request]) -> Batch {
        let faults = requests.first().map(|request| request.faults);
        let script = Script::of(&faults.unwrap_or_default());
        let mut deeds = Deeds::default();
        let mut bytes = Vec::new();
        for request in requests {
            bytes.append(&mut wire(request, script.malformed()));
        }
        if requests.len() > 1 {
            deeds.pipelined(requests.len());
        }
        if let Some(malformed) = script.malformed() {
            deeds.sent_malformed(malformed);
        }
        if script.breaks_off(AbortWhen::MidRequest).is_some() {
            bytes.truncate(bytes.len() / 2);
        }
        let mut first = Bytes::from(bytes);
        let mut later = Bytes::new();
        if let Some(pace) = script.slow_write() {
            later = first.split_off(first.len().min(pace.bytes as usize));
            deeds.wrote_slowly(pace);
        }
        Batch {
            methods: requests.iter().map(|one| one.method.clone()).collect(),
            script,
            deeds,
            first,
            later,
        }
    }

    /// How many requests it holds.
    pub(crate) fn len(&self) -> usize {
        self.methods.len()
    }

    /// Whether its end leaves only after the release: nothing of it is to be sent ahead then.
    pub(crate) fn slow(&self) -> bool {
        !self.later.is_empty()
    }

    /// Changes what is done to it.
    pub(crate) fn script_mut(&mut self) -> &mut Script {
        &mut self.script
    }
}
