//! What each engine is expected to say of a variant. It is data, held against what the engines do say.

use std::fmt;

/// Something that looks for crossings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Fires at a served target: first every user alone, then one after the other, then all at once.
    Fire,
    /// Runs a few requests in process in every order, or in those within the bound that the scenario sets.
    Explore,
}

impl Engine {
    /// All, in the order of the matrix.
    pub const ALL: [Self; 2] = [Self::Fire, Self::Explore];

    /// The word by which the matrix and the command name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Explore => "explore",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// What an engine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// A crossing, while each user was alone, or one was after the other: no race is needed.
    InSequence,
    /// A crossing, once requests met, those of several users or of one; not before.
    InRace,
    /// A crossing, and whether it is seen before requests meet is up to the machine: expected where a fault shows whenever
    /// another thread goes on with a request. No engine says it of one run.
    EitherWay,
    /// No crossing, and enough of a trial for that to count.
    Nothing,
}

impl Sees {
    /// Whether an engine that was expected to say this may say that.
    ///
    /// ```
    /// use crosswire_targets::Sees;
    ///
    /// assert!(Sees::EitherWay.allows(Sees::InRace));
    /// assert!(!Sees::EitherWay.allows(Sees::Nothing));
    /// assert!(!Sees::InSequence.allows(Sees::InRace));
    /// ```
    pub fn allows(self, said: Self) -> bool {
        self == said || (self == Self::EitherWay && matches!(said, Self::InSequence | Self::InRace))
    }
}

/// An engine and what it is expected to say. An engine that is not named does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The engine.
    pub engine: Engine,
    /// What it says.
    pub sees: Sees,
}

impl Expected {
    /// That engine says this.
    pub const fn new(engine: Engine, sees: Sees) -> Self {
        Self { engine, sees }
    }
}

/// Both engines see it before anybody races anybody.
pub(crate) const IN_SEQUENCE: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::InSequence),
    Expected::new(Engine::Explore, Sees::InSequence),
];

/// Both engines see it, and only when requests meet.
pub(crate) const IN_RACE: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::InRace),
    Expected::new(Engine::Explore, Sees::InRace),
];

/// Neither engine sees anything.
pub(crate) const NOTHING: &[Expected] = &[
    Expected::new(Engine::Fire, Sees::Nothing),
    Expected::new(Engine::Explore, Sees::Nothing),
];
