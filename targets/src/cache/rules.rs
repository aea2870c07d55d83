//! What a cache stores, under which key, and who shares an answer. The variants differ in nothing else.

use std::time::Duration;

/// The rules of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// The query is part of the key.
    pub(super) query_in_key: bool,
    /// An answer is only for requests that are equal in the headers that its `Vary` names.
    pub(super) heeds_vary: bool,
    /// Answers that set a cookie are stored as well, cookie included.
    pub(super) stores_set_cookie: bool,
    /// Answers to requests with a cookie or a token are stored as well.
    pub(super) stores_private: bool,
    /// Requests with a cookie pass by the cache.
    pub(super) cookie_passes_by: bool,
    /// Requests that wait for the same key get one answer, whoever they are of.
    pub(super) joins: bool,
    /// How long an answer is good.
    pub(super) life: Duration,
}

impl Rules {
    /// Right in everything: what belongs to somebody is neither stored nor shared.
    const RIGHT: Self = Self {
        query_in_key: true,
        heeds_vary: true,
        stores_set_cookie: false,
        stores_private: false,
        cookie_passes_by: false,
        joins: false,
        life: Duration::from_secs(60),
    };

    /// Right as well, as far as the service says in `Vary` whom an answer is for.
    const TRUSTING: Self = Self {
        stores_private: true,
        ..Self::RIGHT
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "key-without-query" => Self {
                query_in_key: false,
                ..Self::TRUSTING
            },
            "cookie-stored" => Self {
                stores_set_cookie: true,
                ..Self::TRUSTING
            },
            "vary-ignored" => Self {
                heeds_vary: false,
                ..Self::TRUSTING
            },
            "joined" => Self {
                joins: true,
                ..Self::RIGHT
            },
            "cookie-bypass" => Self {
                heeds_vary: false,
                cookie_passes_by: true,
                ..Self::TRUSTING
            },
            "short-life" => Self {
                heeds_vary: false,
                life: Duration::from_secs(1),
                ..Self::TRUSTING
            },
            "public-only" => Self::RIGHT,
            _ => return None,
        })
    }
}
