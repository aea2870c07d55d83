//! The day's clock: what is due when, on whatever clock it is given.

use super::draw::Slice;
use crate::fire::run::Halt;
use crate::history::{Day, DayPhase, DayWork};

/// A clock that can be waited on: that of a run, or a test's own.
pub(super) trait Clock {
    /// Nanoseconds since some fixed time.
    fn now_ns(&self) -> u64;

    /// Waits for a time; false when the run is to end before.
    async fn until(&self, at_ns: u64) -> bool;
}

/// Carries out what is due.
pub(super) trait Stage {
    /// A phase begins, and with it what is served.
    async fn phase(&mut self, place: u32, phase: &DayPhase) -> Result<(), Halt>;

    /// The users of a phase go through a list of steps, one after the other.
    async fn work(&mut self, round: u32, phase: &DayPhase, work: DayWork) -> Result<(), Halt>;

    /// Those who come in a slice come now, `scale` times as fast as on the day.
    async fn slice(&mut self, round: u32, slice: &Slice, scale: u32) -> Result<(), Halt>;

    /// A wait was cut short: why, if the run is over.
    fn interrupted(&mut self) -> Result<(), Halt>;
}

/// Plays the phases one after the other; `done` is how many have come to their end. While users go through steps before or
/// after a phase, the day's clock stands. `slices` draws those of a phase, by its place: none is drawn before it is due.
pub(super) async fn play_day<S: Iterator<Item = Slice>>(
    day: &Day,
    slices: impl Fn(usize) -> S,
    clock: &impl Clock,
    stage: &mut impl Stage,
    done: &mut u32,
) -> Result<(), Halt> {
    for (place, phase) in day.phases.iter().enumerate() {
        let round = u32::try_from(place + 1).unwrap_or(u32::MAX);
        stage.phase(round - 1, phase).await?;
        for work in &phase.before {
            stage.work(round, phase, *work).await?;
        }
        let begun_ns = clock.now_ns();
        let due = |at_s: u32| {
            let since_s = u64::from(at_s.saturating_sub(phase.from_s));
            begun_ns.saturating_add(since_s * 1_000_000_000 / u64::from(day.scale.max(1)))
        };
        for slice in slices(place) {
            if !clock.until(due(slice.at_s)).await {
                stage.interrupted()?;
            }
            stage.slice(round, &slice, day.scale.max(1)).await?;
        }
        if !clock.until(due(phase.to_s)).await {
            stage.interrupted()?;
        }
        for work in &phase.after {
            stage.work(round, phase, *work).await?;
        }
        *done = round;
    }
    Ok(())
}
