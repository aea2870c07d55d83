//! Cleaning up after a run, however it has ended: once per user, alone, within a short time of its own. What goes wrong is
//! told in notes and changes no verdict.

use std::time::Duration;

use super::Stop;
use super::run::{Halt, Run};
use crate::history::Phase;

/// How long cleaning up may take, all users together: somebody may be waiting for an interrupted run to end.
const CLEAN_UP_TIME: Duration = Duration::from_secs(20);
/// How many failures are told one by one.
const TOLD: usize = 5;

impl<'a> Run<'a> {
    /// Runs the clean-up steps of every user for whom anything was sent; `unstopped` is nobody's request to stop.
    ///
    /// # Errors
    /// When the sink refuses a record. Whatever else goes wrong is in a note.
    pub(crate) async fn clean_up(&mut self, round: u32, unstopped: &'a Stop) -> Result<(), Halt> {
        let scenario = self.scenario;
        if scenario.clean_up.is_empty() || !self.sessions.iter().any(|session| session.begun) {
            return Ok(());
        }
        let time = u64::try_from(CLEAN_UP_TIME.as_nanos()).unwrap_or(u64::MAX);
        self.cleaning_up = true;
        self.bounds.until_ns = self.bounds.clock.now().saturating_add(time);
        self.bounds.stop = unstopped;
        self.bounds.timeout = self.bounds.timeout.min(CLEAN_UP_TIME / 2);
        self.event_phase(Phase::CleanUp, round);
        let mut failed = 0;
        let users: Vec<usize> = (0..self.sessions.len())
            .filter(|user| self.sessions[*user].begun)
            .collect();
        for user in users {
            for step in &scenario.clean_up {
                let why = match self.alone(user, step, Phase::CleanUp, round).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(unmet)) => unmet.why(),
                    Err(Halt::Sink(error)) => return Err(Halt::Sink(error)),
                    Err(Halt::End(_)) if self.admit(1).is_err() => {
                        return self.note(format!(
                            "cleaning up was ended after {} s: what users from the {}. on have left behind may still be there",
                            CLEAN_UP_TIME.as_secs(),
                            user + 1
                        ));
                    }
                    Err(Halt::End(ending)) => ending_words(ending),
                };
                failed += 1;
                if failed <= TOLD {
                    let name = &scenario.users.list()[user].name;
                    let step = &step.name;
                    self.note(format!(
                        "clean-up step `{step}` of {name} did not succeed: {why}"
                    ))?;
                }
            }
        }
        if failed > TOLD {
            self.note(format!(
                "{} further clean-up steps did not succeed",
                failed - TOLD
            ))?;
        }
        Ok(())
    }
}

fn ending_words(ending: crate::history::Ending) -> String {
    match ending {
        crate::history::Ending::Failed { why, .. } => why,
        _ => "it was ended".to_owned(),
    }
}
