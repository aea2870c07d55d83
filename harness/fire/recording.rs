//! From what has happened to the records of it.

use super::Event;
use super::exchange::Done;
use super::run::{Halt, Run};
use super::session::{Line, server_times};
use crate::history::{Exchange, Outcome, Phase, Planted, Record};
use crate::scenario::Step;

impl Run<'_> {
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), Halt> {
        Ok(self.sink.take(record)?)
    }

    pub(crate) fn note(&mut self, text: String) -> Result<(), Halt> {
        self.record(&Record::Note { text })
    }

    pub(crate) fn record_planted(&mut self, planted: Vec<Planted>) -> Result<(), Halt> {
        planted
            .into_iter()
            .try_for_each(|planted| self.record(&Record::Planted(planted)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an exchange has that many sides, and one place puts them together"
    )]
    pub(crate) fn record_exchange(
        &mut self,
        user: usize,
        step: &Step,
        phase: Phase,
        round: u32,
        volley: Option<u32>,
        connection: u32,
        line: Line,
        done: Done,
    ) -> Result<(), Halt> {
        let (first_byte_ns, server, outcome) = match done.result {
            Ok(answer) => {
                let server = server_times(&answer.head);
                (
                    Some(answer.first_ns),
                    server,
                    Outcome::Answer {
                        status: answer.status,
                        head: answer.head,
                        body: answer.body,
                        cut: answer.cut,
                    },
                )
            }
            Err(failure) => (
                failure.first_ns,
                None,
                Outcome::Failed {
                    why: failure.why,
                    partial: failure.partial,
                },
            ),
        };
        let exchange = Exchange {
            id: self.exchanges,
            user: self.sessions[user].user,
            step: step.index,
            phase,
            round,
            volley,
            connection,
            request: line.request,
            sent_ns: done.sent_ns,
            first_byte_ns,
            done_ns: done.done_ns,
            server,
            refused: done.refused,
            followed: done.followed,
            nonce: line.nonce,
            provoked: done.provoked,
            cut_off: done.cut_off,
            outcome,
        };
        self.exchanges += 1;
        self.sessions[user].begun |= phase != Phase::CleanUp;
        self.record(&Record::Exchange(exchange))
    }

    pub(crate) fn event_phase(&mut self, phase: Phase, round: u32) {
        self.watch.event(&Event::Phase {
            phase,
            round,
            rounds: self.rounds,
        });
    }
}
