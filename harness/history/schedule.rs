//! Schedules: the order in which the steps of several requests ran, as moves that a person can read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One decision of an exploration: who goes on next. Requests count from 1 in texts and from 0 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// `R1`: that request takes its next step.
    Request(u8),
    /// `B`: one background task of the service runs until it waits.
    Background,
    /// `T`: time passes until the next timer.
    Time,
    /// `X1`: the client of that request goes away.
    Cancel(u8),
}

impl Move {
    /// Most requests of an exploration.
    pub const REQUESTS: usize = 8;

    /// The request that it is about.
    #[must_use]
    pub fn request(self) -> Option<usize> {
        match self {
            Move::Request(request) | Move::Cancel(request) => Some(usize::from(request)),
            Move::Background | Move::Time => None,
        }
    }

    /// Its place in a set of moves that is kept as bits: 0 to 17.
    #[must_use]
    pub fn bit(self) -> u32 {
        match self {
            Move::Request(request) => u32::from(request),
            Move::Background => 8,
            Move::Time => 9,
            Move::Cancel(request) => 10 + u32::from(request),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Request(request) => write!(f, "R{}", request + 1),
            Move::Background => f.write_str("B"),
            Move::Time => f.write_str("T"),
            Move::Cancel(request) => write!(f, "X{}", request + 1),
        }
    }
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    at: String,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no move of a schedule: R1 to R{most} (a request's next step), X1 to X{most} (its client goes away), B \
             (a background task), T (time passes), each perhaps repeated as in R1*3, separated by commas",
            self.at.escape_debug(),
            most = Move::REQUESTS,
        )
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Move {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Move, ScheduleError> {
        let wrong = || ScheduleError {
            at: text.to_owned(),
        };
        let number = |digits: &str| -> Result<u8, ScheduleError> {
            let number: u8 = digits.parse().map_err(|_| wrong())?;
            let is_known = (1..=Move::REQUESTS).contains(&usize::from(number));
            // One way to write a move: no sign, no zeros in front.
            let is_plain = number.to_string() == digits;
            (is_known && is_plain).then(|| number - 1).ok_or_else(wrong)
        };
        match text.split_at_checked(1) {
            Some(("B", "")) => Ok(Move::Background),
            Some(("T", "")) => Ok(Move::Time),
            Some(("R", digits)) => number(digits).map(Move::Request),
            Some(("X", digits)) => number(digits).map(Move::Cancel),
            _ => Err(wrong()),
        }
    }
}

/// The moves of one execution in their order; written as `R1*3,R2*2,B,R1`.
///
/// ```
/// use crosswire::history::{Move, Schedule};
///
/// let schedule: Schedule = "R1*2,R2,R1".parse().unwrap();
/// assert_eq!(schedule.0[2], Move::Request(1));
/// assert_eq!(schedule.switches(), 2);
/// assert_eq!(schedule.to_string(), "R1*2,R2,R1");
/// assert!("R1,R9".parse::<Schedule>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schedule(pub Vec<Move>);

impl Schedule {
    /// Most moves of a schedule that is read from a text.
    pub const MOVES: usize = 1_000_000;

    /// How often another one goes on than before.
    #[must_use]
    pub fn switches(&self) -> usize {
        self.0.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// Whether some request goes on after another one has gone on in between: that takes requests that meet.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        let mut over: Vec<usize> = Vec::new();
        let mut now = None;
        for request in self.0.iter().filter_map(|mv| mv.request()) {
            if now == Some(request) {
                continue;
            }
            if over.contains(&request) {
                return true;
            }
            over.extend(now.replace(request));
        }
        false
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, run) in self.0.chunk_by(|a, b| a == b).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}", run[0])?;
            if run.len() > 1 {
                write!(f, "*{}", run.len())?;
            }
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let mut moves = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let wrong = || ScheduleError {
                at: part.to_owned(),
            };
            let (name, times) = match part.split_once('*') {
                None => (part, 1),
                Some((name, times)) => (name, times.parse::<usize>().map_err(|_| wrong())?),
            };
            let one: Move = name.parse().map_err(|_| wrong())?;
            if times == 0 || moves.len().saturating_add(times) > Schedule::MOVES {
                return Err(wrong());
            }
            moves.extend(std::iter::repeat_n(one, times));
        }
        Ok(Schedule(moves))
    }
}

impl Serialize for Schedule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Schedule, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Move {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Move {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Move, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_run_one_after_the_other_are_not_interleaved() {
        for (text, is_interleaved) in [
            ("", false),
            ("R1*3,R2*2", false),
            ("R2,B,R2,T,R1", false),
            ("R1,X1,R2", false),
            ("R1,R2,R1", true),
            ("R1,R2*4,X1", true),
            ("R3,R1,R2,R3", true),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.is_interleaved(), is_interleaved, "{text}");
        }
    }
}
