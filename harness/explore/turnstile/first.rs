//! The first requests: a service may hold connections from before the relays were there, and must be given the chance to throw
//! them out.

use super::board::State;
use super::client::SERVER_ERROR;
use super::hall::{Off, Site};
use crate::explore::StageError;
use crate::fire::run::Halt;
use crate::history::{Ending, Outcome, Phase, Record};
use crate::scenario::Step;

/// How often one of the first requests is sent at most: a pool throws out a dead connection at each try, and few hold more.
pub(super) const FIRST_TRIES: u32 = 20;

/// What is sent, and what it is recorded as.
#[derive(Clone, Copy)]
pub(super) enum Early<'a> {
    /// A step that must succeed before anything is raced.
    Before(&'a Step),
    /// A raced step, alone.
    Alone(&'a Step),
}

/// How one try has ended.
struct Tried {
    /// What the service did instead of answering well.
    failed: Option<String>,
    result: Result<(), Off>,
}

impl<'a> Site<'a> {
    /// Runs a step with nothing else under way. While the service may hold connections that are dead, one that the service
    /// fails is tried again, up to [`FIRST_TRIES`] times in all, as long as something shows that this may help: there is a
    /// relay through which no connection has come yet, or one has come since the last try.
    ///
    /// Tries that failed are told in a note and are no part of the record: nobody else was there.
    pub(super) async fn early(
        &mut self,
        user: usize,
        early: Early<'a>,
        round: u32,
    ) -> Result<(), Off> {
        let mut first_failure = None;
        for tries in 1.. {
            let opened = self.board.state.borrow().opened;
            let recorded = self.records.borrow().len();
            let Tried { failed, result } = self.tried(user, early, round, recorded).await;
            let Some(failed) = failed else {
                self.told_of_tries(user, early, tries, first_failure)?;
                return result;
            };
            let may_help = {
                let state = self.board.state.borrow();
                state.reached.len() < self.relays.len() || state.opened > opened
            };
            if !self.may_hold_dead || !may_help || tries >= FIRST_TRIES {
                if let (Early::Alone(step), Ok(())) = (early, &result)
                    && tries > 1
                {
                    let text = format!(
                        "`{}` failed when it ran alone, in each of {tries} tries ({failed})",
                        step.name
                    );
                    self.run.note(text)?;
                }
                let is_untouched = self.may_hold_dead && self.board.state.borrow().is_untouched();
                return result.map_err(|off| after(off, tries, is_untouched));
            }
            self.forget_exchanges(recorded);
            first_failure = first_failure.or(Some(failed));
        }
        Ok(())
    }

    async fn tried(&mut self, user: usize, early: Early<'a>, round: u32, recorded: usize) -> Tried {
        let (step, result) = match early {
            Early::Before(step) => {
                let steps = std::slice::from_ref(step);
                (step, self.run.prepare(user, steps, round).await)
            }
            Early::Alone(step) => (step, self.run.walk(user, step, Phase::Solo, round).await),
        };
        let records = self.records.borrow();
        let last = records[recorded..]
            .iter()
            .rev()
            .find_map(|record| match record {
                Record::Exchange(exchange) => Some(exchange),
                _ => None,
            });
        let failed = last.filter(|_| !step.faults.breaks_off());
        let failed = failed.and_then(|exchange| match &exchange.outcome {
            Outcome::Answer { status, .. } => (exchange.refused && *status >= SERVER_ERROR)
                .then(|| format!("it was answered {status}")),
            Outcome::Failed { why, .. } => Some(why.clone()),
        });
        drop(records);
        // Stopped, or a limit: trying again changes nothing.
        let is_final = matches!(&result, Err(Halt::Sink(_)))
            || matches!(&result, Err(Halt::End(ending)) if !matches!(ending, Ending::Failed { .. }));
        Tried {
            failed: failed.filter(|_| !is_final),
            result: result.map_err(Off::from),
        }
    }

    /// Takes the exchanges since then back; what they planted stays, for the service may hold it.
    fn forget_exchanges(&self, recorded: usize) {
        let mut records = self.records.borrow_mut();
        let since = records.split_off(recorded);
        let is_kept = |record: &Record| !matches!(record, Record::Exchange(_));
        records.extend(since.into_iter().filter(is_kept));
    }

    fn told_of_tries(
        &mut self,
        user: usize,
        early: Early<'_>,
        tries: u32,
        first_failure: Option<String>,
    ) -> Result<(), Off> {
        let Some(why) = first_failure else {
            return Ok(());
        };
        let (Early::Before(step) | Early::Alone(step)) = early;
        let name = &self.run.scenario.users.list()[user].name;
        let (step, failed) = (&step.name, tries - 1);
        let these = match failed {
            1 => "the first try".to_owned(),
            _ => format!("the first {failed} tries"),
        };
        let text = format!(
            "{these} of `{step}` of {name} failed ({why}), the next one did not: the service held connections from before the relays were there, and has opened new ones"
        );
        Ok(self.run.note(text)?)
    }
}

/// The error of the last of several tries. Where no connection has come through the relays, a pool may hold some from before,
/// which nobody answers any more.
fn after(off: Off, tries: u32, is_untouched: bool) -> Off {
    let Off::Failed(StageError { mut why, cause }) = off else {
        return off;
    };
    if tries > 1 {
        why.push_str(&format!(" (the last of {tries} tries)"));
    }
    if is_untouched {
        why.push_str(
            "; no connection had come through a relay until then: a service that was started before the relays, or that was \
             explored already, may hold connections that are dead, so start it anew (--restart does so before each execution)",
        );
    }
    Off::Failed(StageError::new(cause, why))
}

impl State {
    /// A connection of the service has come through that relay.
    pub(super) fn reached(&mut self, relay: usize) {
        self.opened += 1;
        self.reached.insert(relay);
    }
}
