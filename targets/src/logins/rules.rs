//! Where the ids of sessions come from, and how a session begins, changes and ends. The variants differ in nothing else.

/// The rules of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) ids: Ids,
    pub(super) insert: Insert,
    /// A log-in keeps the id that the visitor came with.
    pub(super) keeps_id: bool,
    /// A session that a request has changed is written back whole; otherwise only if nobody has changed it meanwhile.
    pub(super) writes_whole: bool,
    /// A session that has ended leaves a mark in its place.
    pub(super) leaves_mark: bool,
}

/// Where ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// A hash of the second and the number of the worker.
    SecondAndWorker,
    /// A generator that every worker starts from the same seed; so many times 64 bits.
    Seeded(u32),
    /// The operating system.
    Random,
}

/// How a new session is put into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insert {
    /// In place of what is there.
    Replace,
    /// It is looked up first; when there is one of that id, another id is drawn.
    Check,
    /// In one statement that does nothing when there is one of that id; another one is drawn then.
    IfAbsent,
}

impl Rules {
    /// Right in everything.
    const RIGHT: Self = Self {
        ids: Ids::Random,
        insert: Insert::IfAbsent,
        keeps_id: false,
        writes_whole: false,
        leaves_mark: true,
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "second-and-worker" => Self {
                ids: Ids::SecondAndWorker,
                insert: Insert::Replace,
                ..Self::RIGHT
            },
            "seeded-alike" => Self {
                ids: Ids::Seeded(2),
                insert: Insert::Replace,
                ..Self::RIGHT
            },
            "written-back" => Self {
                writes_whole: true,
                ..Self::RIGHT
            },
            "id-kept" => Self {
                keeps_id: true,
                ..Self::RIGHT
            },
            "longer-id" => Self {
                ids: Ids::Seeded(4),
                insert: Insert::Replace,
                ..Self::RIGHT
            },
            "check-then-insert" => Self {
                ids: Ids::Seeded(2),
                insert: Insert::Check,
                ..Self::RIGHT
            },
            "no-mark" => Self {
                leaves_mark: false,
                ..Self::RIGHT
            },
            "random-id" => Self::RIGHT,
            _ => return None,
        })
    }
}
