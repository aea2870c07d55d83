//! A replayed day: what it is made of, and where its clock stands as a history goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a history says of a replayed day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "day", rename_all = "kebab-case")]
pub enum DayRecord {
    /// First: all that is to happen.
    Plan(Box<Day>),
    /// A phase begins: what follows, up to the next such record, is part of it.
    Phase {
        /// Its place in [`Day::phases`], from 0.
        phase: u32,
    },
    /// The volley that follows holds the requests that arrived from this time of the day's clock on.
    Slice {
        /// Seconds since midnight.
        at_s: u32,
        /// When that was, nanoseconds since the run began.
        at_ns: u64,
    },
}

impl Day {
    /// Length of a slice, seconds of the day's clock: requests are recorded slice by slice, and nobody comes twice in one.
    pub const SLICE_S: u32 = 60;
}

/// A day: phases on a clock, what else happened, and what a court found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Which day it is, for people.
    pub title: String,
    /// Seconds of the day's clock in one second of the run.
    pub scale: u32,
    /// What is served when and who comes, in order.
    pub phases: Vec<DayPhase>,
    /// What else happened, for the timeline; by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<DayEvent>,
    /// How often a raced step is drawn, by its name, beside those that are not named and count once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mix: BTreeMap<String, u32>,
    /// What a court found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    /// The run that would have been made beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<DayCheck>,
}

/// A stretch of the clock in which one version is served, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayPhase {
    /// What it is called.
    pub name: String,
    /// When it was, if not on the day itself. Only phases of the day itself count in its sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// When it begins, seconds since midnight.
    pub from_s: u32,
    /// When it ends, seconds since midnight.
    pub to_s: u32,
    /// The variant that is served; none while the service is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// The numbers of the first and the last user that take part, from 1.
    pub users: (u32, u32),
    /// Mean time between two requests, milliseconds of the day's clock; none when nobody comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_gap_ms: Option<u32>,
    /// What every user of the phase does at its beginning, one after the other, while the clock stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<DayWork>,
    /// The same at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<DayWork>,
    /// What the ruling says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<String>,
}

/// A list of steps that users go through one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DayWork {
    /// The steps that prepare a round.
    EachRound,
    /// The steps by which users look at what is theirs.
    ReadBack,
    /// The steps by which users ask for what they miss: those who, when they last looked, did not find what they had not
    /// removed themselves.
    Restore,
}

/// Something that happened on the day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayEvent {
    /// When, seconds since midnight.
    pub at_s: u32,
    /// What, in a few words.
    pub says: String,
}

/// What a court found, in its own few words, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Which ruling.
    pub source: String,
    /// Users whose data others were shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<String>,
    /// Users whose attachments others downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<String>,
    /// Items that the wrong person removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// What became of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// How and when it was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<String>,
}

/// A run of the same steps by the engine that makes requests meet, as a change to the service would have had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCheck {
    /// Users.
    pub users: u32,
    /// Rounds.
    pub rounds: u32,
}

impl Day {
    /// Most phases of a day.
    pub const PHASES: usize = 64;
    /// Most events of a day.
    pub const EVENTS: usize = 64;
    /// The last second of a clock's day, which no phase goes beyond.
    pub const END_S: u32 = 24 * 60 * 60;

    /// A time of the clock as people write it: `15:10`, or `15:10:30` where there are seconds.
    #[must_use]
    pub fn clock(at_s: u32) -> String {
        let (hours, minutes, seconds) = (at_s / 3600, at_s / 60 % 60, at_s % 60);
        match seconds {
            0 => format!("{hours:02}:{minutes:02}"),
            _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }

    /// The seconds since midnight of a time such as `15:10` or `15:10:30`, up to `24:00`.
    #[must_use]
    pub fn seconds(clock: &str) -> Option<u32> {
        let mut parts = clock.split(':');
        let mut part = |below: u32| {
            let text = parts.next()?;
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| plain && *number < below)
        };
        let hours: u32 = part(25)?;
        let minutes: u32 = part(60)?;
        let seconds = if clock.len() > 5 { part(60)? } else { 0 };
        let at_s = hours * 3600 + minutes * 60 + seconds;
        (parts.next().is_none() && at_s <= Day::END_S).then_some(at_s)
    }
}

impl DayPhase {
    /// How long it is, seconds of the day's clock.
    #[must_use]
    pub fn length_s(&self) -> u32 {
        self.to_s.saturating_sub(self.from_s)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn a_time_of_the_clock_reads_back() {
        for at_s in [0, 60, 54_600, 54_630, 86_399, 86_400] {
            assert_eq!(Day::seconds(&Day::clock(at_s)), Some(at_s));
        }
        assert_eq!(Day::clock(54_600), "15:10");
        for wrong in [
            "",
            "15",
            "15:1",
            "5:10",
            "15:60",
            "25:00",
            "24:01",
            "15:10:",
            "15:10:00:00",
            "15:+1",
            "15.10",
            "15:10:61",
        ] {
            assert_eq!(Day::seconds(wrong), None, "{wrong}");
        }
    }
}
