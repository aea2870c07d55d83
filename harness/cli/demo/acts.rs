//! The story as data: five acts, each the same scenario with other settings, and how each must end.

use crosswire::judge::Verdict;
use crosswire::report::Report;
use crosswire::scenario::{FireSettings, StrategyName};

/// One act.
#[derive(Debug)]
pub(super) struct Act {
    /// What it is called.
    pub(super) title: &'static str,
    /// When it was.
    pub(super) date: &'static str,
    /// What the reader is told before it runs.
    pub(super) before: &'static str,
    /// Variant of the webmail.
    pub(super) variant: &'static str,
    /// How the users use it.
    pub(super) use_: Use,
    /// How it must end.
    pub(super) must: Must,
    /// What is told afterwards.
    pub(super) tells: Tells,
}

/// How the users use the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// One at a time: every user alone, then one after the other; nothing at the same time.
    OneAtATime,
    /// Requests come one by one, as from people who do not know of each other.
    Sparse,
    /// Volleys of many users.
    Volleys,
}

/// How an act must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    /// Nothing found, and nothing that could have been: no overlapping pair.
    FindNothingWithoutOverlap,
    /// Whatever the run finds is told as it was.
    Run,
    /// With this verdict.
    Be(Verdict),
}

/// What is told after an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// How little a clean run is worth that never overlapped.
    HowLittle,
    /// What was found, if anything, and what that is worth.
    AsItWas,
    /// Everything: counts, order, three exposures in full.
    Everything,
    /// What the repair did not repair.
    Still,
    /// What a clean run is worth that did overlap.
    Worth,
}

/// Sizes of a performance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Users in the volleys.
    pub(super) users: u32,
    /// Testers and employees.
    pub(super) few: u32,
    /// Rounds of volleys.
    pub(super) rounds: u32,
    /// Rounds of sparse arrivals.
    pub(super) sparse_rounds: u32,
}

impl Size {
    /// The whole performance.
    pub(super) fn full(users: u32) -> Size {
        Size {
            users,
            few: users.min(20),
            rounds: 5,
            sparse_rounds: 2,
        }
    }

    /// For regression suites.
    pub(super) fn quick(users: u32) -> Size {
        Size {
            users: users.min(24),
            few: users.min(8),
            rounds: 4,
            sparse_rounds: 1,
        }
    }

    /// Users of an act.
    pub(super) fn users(self, use_: Use) -> u32 {
        if use_ == Use::Volleys {
            self.users
        } else {
            self.few
        }
    }
}

impl Use {
    /// Sets the scenario's firing accordingly.
    pub(super) fn apply(self, fire: &mut FireSettings, size: Size) {
        match self {
            Use::OneAtATime => fire.rounds = 0,
            Use::Sparse => {
                fire.set_strategy(StrategyName::Arrivals);
                fire.mean_gap_ms = 10;
                fire.rounds = size.sparse_rounds;
            }
            Use::Volleys => {
                fire.group = fire.group.min(20);
                fire.rounds = size.rounds;
            }
        }
    }
}

impl Must {
    /// Whether the act ended so.
    pub(super) fn holds(self, report: &Report) -> bool {
        match self {
            Must::FindNothingWithoutOverlap => {
                report.verdict == Verdict::Inconclusive && report.strength.overlapping_pairs == 0
            }
            Must::Run => true,
            Must::Be(verdict) => report.verdict == verdict,
        }
    }

    /// How it should have ended, for a sentence.
    pub(super) fn told(self) -> String {
        match self {
            Must::FindNothingWithoutOverlap => {
                "inconclusive, without an overlapping pair".to_owned()
            }
            Must::Run => "any verdict".to_owned(),
            Must::Be(verdict) => verdict.to_string(),
        }
    }
}

/// The story, in order.
pub(super) static ACTS: [Act; 5] = [
    Act {
        title: "QA, one tester at a time",
        date: "10 to 14 July 2008",
        before: "The webmail gets a new function: it shows when and from where one was last logged in. To do so, each \
                 request writes its user into one memo on the server, asks the store, and answers with what the memo then \
                 holds. Five days of tests follow. Each tester works alone.",
        variant: "mail/shared-note",
        use_: Use::OneAtATime,
        must: Must::FindNothingWithoutOverlap,
        tells: Tells::HowLittle,
    },
    Act {
        title: "Employees only",
        date: "15 July 2008",
        before: "For a day the company's own people use it. They are few, and their requests come as people click: one \
                 now, one a little later, hardly ever two at once.",
        variant: "mail/shared-note",
        use_: Use::Sparse,
        must: Must::Run,
        tells: Tells::AsItWas,
    },
    Act {
        title: "Production",
        date: "22 July 2008, 15:10",
        before: "The function is switched on for everybody. Requests of many users now arrive together.",
        variant: "mail/shared-note",
        use_: Use::Volleys,
        must: Must::Be(Verdict::Exposed),
        tells: Tells::Everything,
    },
    Act {
        title: "The repair that looks right",
        date: "what a hurried review might accept",
        before: "The memo gets a lock: nobody can write it while somebody else reads or writes it. The lock is released \
                 between a request's own write and its own read.",
        variant: "mail/locked-note",
        use_: Use::Volleys,
        must: Must::Be(Verdict::Exposed),
        tells: Tells::Still,
    },
    Act {
        title: "The repair",
        date: "",
        before: "There is no memo. Who asks travels with the request. The volleys are the same as in act 3.",
        variant: "mail/per-request",
        use_: Use::Volleys,
        must: Must::Be(Verdict::Isolated),
        tells: Tells::Worth,
    },
];
