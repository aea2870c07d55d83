//! A step that runs alone and is written several times in one write: each of its requests is an exchange of its own.

use super::alone::{Made, Unmet, unreachable};
use super::run::{Halt, Run};
use crate::history::Phase;
use crate::scenario::Step;

impl<'a> Run<'a> {
    /// Sends the step as often as it says, in one write, and takes the answers in order. Their redirects are not followed:
    /// the next answer stands behind them. The inner error is that of the first answer that is not what is expected.
    pub(super) async fn alone_pipelined(
        &mut self,
        user: usize,
        step: &'a Step,
        phase: Phase,
        round: u32,
    ) -> Result<Result<(), Unmet>, Halt> {
        let count = step.faults.pipeline as usize;
        self.pace(count).await?;
        let mut requests = Vec::with_capacity(count);
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            let Made {
                request,
                line,
                planted,
            } = self.make(user, step, round)?;
            self.record_planted(planted)?;
            requests.push(request);
            lines.push(line);
        }
        let host = self.pool.hosts.of(step);
        let key = self.key(user, host);
        let (mut connection, _) = self.pool.take(key).await.map_err(unreachable)?;
        let results = connection.pipeline(&requests, self.bounds).await;
        let number = connection.number;
        self.pool.put(key, connection);
        let mut verdict = Ok(());
        for ((mut done, line), request) in results.into_iter().zip(lines).zip(&requests) {
            let this = self.received(user, step, request, &mut done);
            self.record_exchange(user, step, phase, round, None, number, line, done)?;
            verdict = verdict.and(this);
        }
        Ok(verdict)
    }
}
