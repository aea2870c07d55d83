//! What is done to an exchange on purpose: what its step wishes, within which time, and what was done, in words.

use std::future::Future;
use std::time::Duration;

use super::connection::Bounds;
use super::wait::unless_over;
use crate::scenario::{AbortHow, AbortWhen, Faults, Malformed, Pace, Protocol, Scenario};

/// A request is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BreakOff {
    pub(crate) when: AbortWhen,
    pub(crate) how: AbortHow,
    /// Since the release, the first byte of the answer, or the first half of the request.
    pub(crate) after: Duration,
}

/// What is done to one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Script {
    faults: Faults,
    break_off: Option<BreakOff>,
}

/// Why a script did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The run's time for an exchange was over.
    Late(Duration),
    /// Its own time was, on purpose.
    GaveUp(Duration),
    /// The run was ended.
    Over,
}

impl Cut {
    pub(crate) fn why(self) -> String {
        match self {
            Cut::Late(limit) | Cut::GaveUp(limit) => {
                format!("no whole answer within {} ms", limit.as_millis())
            }
            Cut::Over => "the run was ended before a whole answer came".to_owned(),
        }
    }
}

impl Script {
    pub(crate) fn of(faults: &Faults) -> Script {
        let break_off = faults.abort.map(|abort| BreakOff {
            when: abort.when,
            how: abort.how,
            after: Duration::from_millis(abort.after_ms),
        });
        Script {
            faults: *faults,
            break_off,
        }
    }

    /// The same, broken off so, whatever the step says.
    pub(crate) fn broken_off(self, break_off: BreakOff) -> Script {
        Script {
            break_off: Some(break_off),
            ..self
        }
    }

    /// How it is broken off then, if it is.
    pub(crate) fn breaks_off(&self, when: AbortWhen) -> Option<BreakOff> {
        self.break_off.filter(|break_off| break_off.when == when)
    }

    pub(crate) fn slow_read(&self) -> Option<Pace> {
        self.faults.slow_read
    }

    pub(crate) fn slow_write(&self) -> Option<Pace> {
        self.faults.slow_write
    }

    pub(crate) fn half_close(&self) -> bool {
        self.faults.half_close
    }

    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.faults.malformed
    }

    /// Runs what the script asks for: an ordinary request within the run's time for an exchange; with a time-out of its
    /// own within that, if it is shorter; one that is broken off later has so much more.
    pub(crate) async fn bounded<F: Future>(
        &self,
        bounds: Bounds<'_>,
        act: F,
    ) -> Result<F::Output, Cut> {
        let ordinary = self.faults.is_none() && self.break_off.is_none();
        let own = self.faults.timeout_ms.map(Duration::from_millis);
        let own = own.filter(|own| *own <= bounds.timeout);
        let more = self.break_off.map(|break_off| break_off.after);
        let limit = own.unwrap_or(bounds.timeout + more.unwrap_or_default());
        let act = tokio::time::timeout(limit, act);
        let acted = if ordinary {
            act.await
        } else {
            unless_over(act, bounds).await.ok_or(Cut::Over)?
        };
        acted.map_err(|_| match own {
            Some(limit) => Cut::GaveUp(limit),
            None => Cut::Late(limit),
        })
    }
}

/// What was done to an exchange, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds(Vec<String>);

impl Deeds {
    pub(crate) fn broke_off(&mut self, break_off: BreakOff) {
        let place = match break_off.when {
            AbortWhen::MidRequest => "in the middle of the request",
            AbortWhen::BeforeAnswer => "before the answer",
            AbortWhen::MidAnswer => "in the middle of the answer",
        };
        let since = match break_off.when {
            AbortWhen::MidRequest => "its first half",
            AbortWhen::BeforeAnswer => "the release",
            AbortWhen::MidAnswer => "its first byte",
        };
        let mut text = format!("aborted {place} by {}", break_off.how);
        if !break_off.after.is_zero() {
            let micros = break_off.after.as_micros();
            let length = if micros.is_multiple_of(1_000) {
                format!("{} ms", micros / 1_000)
            } else {
                format!("{micros} us")
            };
            text.push_str(&format!(", {length} after {since}"));
        }
        self.0.push(text);
    }

    pub(crate) fn gave_up(&mut self, limit: Duration) {
        self.0.push(format!(
            "given up by its own time-out of {} ms",
            limit.as_millis()
        ));
    }

    pub(crate) fn wrote_slowly(&mut self, pace: Pace) {
        let (bytes, every) = (pace.bytes, pace.every_ms);
        self.0
            .push(format!("written {bytes} bytes every {every} ms"));
    }

    pub(crate) fn read_slowly(&mut self, pace: Pace) {
        let (bytes, every) = (pace.bytes, pace.every_ms);
        self.0
            .push(format!("its answer read {bytes} bytes every {every} ms"));
    }

    pub(crate) fn half_closed(&mut self) {
        let text = "its sending side closed after the request";
        self.0.push(text.to_owned());
    }

    pub(crate) fn pipelined(&mut self, count: usize) {
        self.0.push(format!("one of {count} requests in one write"));
    }

    pub(crate) fn sent_malformed(&mut self, malformed: Malformed) {
        let what = match malformed {
            Malformed::RequestLine => "a request line that is none",
            Malformed::Header => "a header line without a colon",
            Malformed::Length => "a Content-Length that is no number",
            Malformed::Chunk => "a chunk whose size is no number",
            Malformed::DoubleLength => "two Content-Length headers that differ",
        };
        self.0.push(format!("sent with {what}"));
    }

    /// Another request took the connection away.
    pub(crate) fn lost_its_connection(&mut self) {
        let text = "its connection closed on purpose, to abort another request on it";
        self.0.push(text.to_owned());
    }

    pub(crate) fn told(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

/// What of a scenario's wishes the protocol does not know, a sentence each: those requests are sent without.
pub(crate) fn not_over(protocol: Protocol, scenario: &Scenario) -> Vec<String> {
    if protocol == Protocol::Http1 {
        return Vec::new();
    }
    let wished = |asks: fn(&Faults) -> bool| {
        let steps = scenario.steps().filter(|step| asks(&step.faults));
        let names: Vec<String> = steps.map(|step| format!("`{}`", step.name)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let closes = wished(|faults| faults.half_close).map(|names| {
        format!("over HTTP/2 the end of every request closes its stream's sending side: half-close does nothing more in {names}")
    });
    let malformed = wished(|faults| faults.malformed.is_some()).map(|names| {
        format!("a malformed request is one of HTTP/1.1: over HTTP/2 the ordinary one was sent in {names}")
    });
    let pipeline = wished(|faults| faults.pipeline > 1).map(|names| {
        format!("HTTP/2 knows no pipeline: the requests were streams at the same time in {names}")
    });
    [closes, malformed, pipeline]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_in_order() {
        let mut deeds = Deeds::default();
        assert_eq!(deeds.told(), None);
        deeds.wrote_slowly(Pace {
            bytes: 16,
            every_ms: 20,
        });
        deeds.broke_off(BreakOff {
            when: AbortWhen::BeforeAnswer,
            how: AbortHow::Reset,
            after: Duration::from_millis(5),
        });
        let told = deeds.told().expect("two deeds");
        assert_eq!(
            told,
            "written 16 bytes every 20 ms; aborted before the answer by reset, 5 ms after the release"
        );
    }

    #[test]
    fn times_finer_than_the_timer_are_told_as_such() {
        let mut deeds = Deeds::default();
        deeds.broke_off(BreakOff {
            when: AbortWhen::MidAnswer,
            how: AbortHow::Close,
            after: Duration::from_micros(1_250),
        });
        let told = deeds.told().expect("one deed");
        assert!(told.ends_with("1250 us after its first byte"), "{told}");
    }
}
