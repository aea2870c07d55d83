//! A batch from its first byte to the last answer, with everything that is done to it on purpose.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;

use super::push::Pushed;
use super::{Batch, Http1};
use crate::fire::connection::Bounds;
use crate::fire::exchange::{Answer, Done, Failure};
use crate::fire::fault::{BreakOff, Cut};
use crate::fire::wait::pause;
use crate::scenario::{AbortHow, AbortWhen, Pace};

/// Least room that the kernel is asked to receive in for a slow reader, bytes.
const SMALL_BUFFER: usize = 2_048;

/// Where a batch stands when it is performed.
#[derive(Clone, Copy, Debug)]
pub(in crate::fire) enum Begin {
    /// Nothing is written yet.
    Now,
    /// The gate was released at this time, nanoseconds since the run began.
    Released(u64),
}

/// Why not all answers came.
enum Ended {
    Failed(Failure),
    BrokenOff(BreakOff, Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended::Failed(failure)
    }
}

/// What has come of a batch so far.
struct Course {
    begin: Begin,
    sent_ns: u64,
    answers: Vec<Answer>,
}

impl Http1 {
    /// Makes the receive buffer small when the batch's answers are to be read slowly, so that the server feels it.
    pub(in crate::fire) fn prepare(&mut self, batch: &Batch) {
        if let Some(pace) = batch.script.slow_read() {
            self.buffer = self
                .latch
                .receive_buffer(SMALL_BUFFER.max(pace.bytes as usize));
        }
    }

    /// Writes what of the batch leaves at the release into the closed gate.
    pub(in crate::fire) async fn hold(&mut self, batch: &Batch) -> std::io::Result<()> {
        self.push(&batch.first).await.map(|_| ())
    }

    /// Carries the batch out; one result for each of its requests.
    pub(in crate::fire) async fn perform(
        &mut self,
        mut batch: Batch,
        begin: Begin,
        bounds: Bounds<'_>,
    ) -> Vec<Done> {
        let clock = bounds.clock;
        let mut course = Course {
            begin,
            sent_ns: match begin {
                Begin::Now => clock.now(),
                Begin::Released(released_ns) => released_ns,
            },
            answers: Vec::with_capacity(batch.len()),
        };
        let script = batch.script;
        // On the heap: it is moved several times on its way into the run's own future.
        let act = Box::pin(self.act(&mut batch, &mut course, bounds));
        let mut cut_off = false;
        let failure = match script.bounded(bounds, act).await {
            Ok(Ok(())) => None,
            Ok(Err(Ended::Failed(failure))) => Some(failure),
            Ok(Err(Ended::BrokenOff(break_off, failure))) => {
                batch.deeds.broke_off(break_off);
                cut_off = true;
                Some(self.broken_off(break_off.how, failure))
            }
            Err(cut) => {
                let failure = Failure::new(cut.why()).at(self.came_ns);
                Some(match cut {
                    Cut::GaveUp(limit) => {
                        batch.deeds.gave_up(limit);
                        cut_off = true;
                        self.broken_off(AbortHow::Close, failure)
                    }
                    Cut::Late(_) | Cut::Over => failure,
                })
            }
        };
        self.ordinary_again();
        let missing = batch.len() - course.answers.len();
        let mut results: Vec<Result<Answer, Failure>> =
            course.answers.into_iter().map(Ok).collect();
        if let Some(failure) = failure {
            let failure = self.with_partial(failure);
            // What had come belongs to the first that has no answer.
            let rest = Failure::new(failure.why.clone());
            results.push(Err(failure));
            results.extend((1..missing).map(|_| Err(rest.clone())));
        }
        let provoked = batch.deeds.told();
        let mut from_ns = course.sent_ns;
        let done = |result| {
            let done = Done::new(from_ns, result, clock)
                .provoked(provoked.clone())
                .cut_off(cut_off);
            // Answers come in order: nobody need look at a request before the one in front of it is being answered.
            from_ns = from_ns.max(done.answering_ns());
            done
        };
        results.into_iter().map(done).collect()
    }

    async fn act(
        &mut self,
        batch: &mut Batch,
        course: &mut Course,
        bounds: Bounds<'_>,
    ) -> Result<(), Ended> {
        let clock = bounds.clock;
        self.came_ns = None;
        // Set again only when all of it is written: whoever stops in between leaves half a request behind.
        let reusable = std::mem::replace(&mut self.reusable, false);
        // What the kernel did not take at the release leaves later.
        let late = batch.slow() || self.latch.held() > 0;
        let unsent = self.send(batch, course).await.err();
        let whole = unsent.is_none();
        if whole && let Some(break_off) = batch.script.breaks_off(AbortWhen::MidRequest) {
            return Err(self.break_off(break_off, bounds).await);
        }
        if whole && batch.script.half_close() {
            self.half_close().await;
            batch.deeds.half_closed();
        }
        if matches!(course.begin, Begin::Now) || late {
            course.sent_ns = clock.now();
        }
        if let Some(break_off) = batch.script.breaks_off(AbortWhen::BeforeAnswer) {
            return Err(self.break_off(break_off, bounds).await);
        }
        self.reusable = reusable && whole && !batch.script.half_close();
        if let Some(pace) = batch.script.slow_read() {
            self.pace = Some(pace);
            batch.deeds.read_slowly(pace);
        }
        if let Some(break_off) = batch.script.breaks_off(AbortWhen::MidAnswer) {
            if self.read.is_empty() {
                self.reusable = false;
                let place = "before the head of the answer was whole";
                self.more(place).await?;
            }
            self.came_ns.get_or_insert_with(|| clock.now());
            return Err(self.break_off(break_off, bounds).await);
        }
        for method in &batch.methods {
            let answer = self.answer(method, bounds.keep, clock).await;
            course.answers.push(answer.map_err(|failure| {
                // A server that answers nothing to a request that did not reach it: the first cause is the telling one.
                match &unsent {
                    Some(why) if failure.closed && failure.first_ns.is_none() => Failure {
                        why: why.clone(),
                        ..failure
                    },
                    _ => failure,
                }
            })?);
        }
        Ok(())
    }

    /// Writes the batch; the error says why it did not leave whole, when no answer had come before.
    async fn send(&mut self, batch: &Batch, course: &mut Course) -> Result<(), String> {
        let said = |error: std::io::Error| format!("the request could not be sent: {error}");
        let mut pushed = match course.begin {
            Begin::Now => self.push(&batch.first).await,
            Begin::Released(_) => self.push_held().await,
        };
        if let Some(pace) = batch.script.slow_write() {
            let mut later = batch.later.chunks(pace.bytes.max(1) as usize);
            while let (Ok(Pushed::All), Some(chunk)) = (&pushed, later.next()) {
                pause_of(pace).await;
                pushed = self.push(chunk).await;
            }
        }
        match pushed {
            Ok(Pushed::All) => Ok(()),
            Ok(Pushed::Answered) => {
                self.latch.discard();
                let why = "the server closed the connection before the request was sent";
                Err(why.to_owned())
            }
            Err(error) => Err(said(error)),
        }
    }

    /// Waits as long as is wished and takes what has come meanwhile.
    async fn break_off(&mut self, break_off: BreakOff, bounds: Bounds<'_>) -> Ended {
        self.reusable = false;
        pause(break_off.after, bounds.clock).await;
        self.take_what_came(bounds).await;
        let failure = Failure::new("broken off on purpose").at(self.came_ns);
        Ended::BrokenOff(break_off, failure)
    }

    /// Reads what has come already, without waiting for more.
    async fn take_what_came(&mut self, bounds: Bounds<'_>) {
        let taken = |read: Poll<std::io::Result<usize>>| matches!(read, Poll::Ready(Ok(1..)));
        while self.read.len() < bounds.keep
            && taken(poll_fn(|cx| Poll::Ready(self.poll_listen(cx))).await)
        {
            self.came_ns.get_or_insert_with(|| bounds.clock.now());
        }
    }

    /// Says that no more requests come: TLS's close_notify, then FIN. A server that takes no more learns of it later.
    async fn half_close(&mut self) {
        if let Some(io) = self.io.as_mut() {
            let _ = poll_fn(|cx| Pin::new(&mut *io).poll_shutdown(cx)).await;
        }
    }

    /// Closes or resets the connection, at once.
    fn broken_off(&mut self, how: AbortHow, failure: Failure) -> Failure {
        self.reusable = false;
        match how {
            AbortHow::Close => {
                if let Some(io) = self.io.as_mut() {
                    // close_notify, if the socket takes it now; whoever goes away does not wait for that.
                    let mut context = Context::from_waker(std::task::Waker::noop());
                    let _ = Pin::new(io).poll_shutdown(&mut context);
                }
                self.latch.finish();
            }
            AbortHow::Reset => self.latch.reset_at_end(),
        }
        self.latch.discard();
        self.io = None;
        failure
    }

    /// Ends what holds for one batch alone.
    fn ordinary_again(&mut self) {
        self.pace = None;
        if let Some(before) = self.buffer.take() {
            // The kernel reports twice of what was asked for (socket(7)).
            let _ = self.latch.receive_buffer(before / 2);
        }
    }
}

async fn pause_of(pace: Pace) {
    tokio::time::sleep(Duration::from_millis(u64::from(pace.every_ms))).await;
}
