//! A pool of request contexts, and when a context is cleared. The variants differ in nothing else.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::members::Member;
use crate::sync::{Mutex, shared};

/// The header by which a customer says what a receipt is for. Most requests leave it out.
const REFERENCE: &str = "x-reference";
/// Most idle contexts; further ones are let go.
const IDLE: usize = 64;

/// What the parts of the service tell each other of one request, and what goes into its answer.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Who asks, when the request says so.
    pub(super) member: Option<Member>,
    /// What the receipt is for, when the request says so.
    pub(super) reference: Option<String>,
    /// Headers of the answer.
    pub(super) outgoing: Vec<(HeaderName, String)>,
}

/// When a context is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// When the handler has given a good answer.
    after_success: bool,
    /// When the handler has refused.
    after_refusal: bool,
    /// When a request takes it.
    when_taken: Cleared,
    /// Contexts are used again.
    recycles: bool,
}

/// What is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cleared {
    Nothing,
    /// The one field that somebody complained about.
    Member,
    Everything,
}

impl Rules {
    const NEVER: Self = Self {
        after_success: false,
        after_refusal: false,
        when_taken: Cleared::Nothing,
        recycles: true,
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "cleared-after-success" => Self {
                after_success: true,
                ..Self::NEVER
            },
            "overwritten-only" => Self::NEVER,
            "cleared-after-refusal" => Self {
                after_success: true,
                after_refusal: true,
                ..Self::NEVER
            },
            "one-field-cleared" => Self {
                after_success: true,
                when_taken: Cleared::Member,
                ..Self::NEVER
            },
            "cleared-when-taken" => Self {
                when_taken: Cleared::Everything,
                ..Self::NEVER
            },
            "new-each-time" => Self {
                recycles: false,
                ..Self::NEVER
            },
            _ => return None,
        })
    }
}

/// Contexts that no request uses. The one given back last is taken first, since it is still in the processor's cache.
#[derive(Debug)]
pub(super) struct Pool {
    rules: Rules,
    idle: Mutex<Vec<Context>>,
}

/// A context while a request uses it. However that ends, it goes back to the pool.
#[derive(Debug)]
pub(super) struct Lease {
    context: Context,
    pool: Arc<Pool>,
}

impl Pool {
    /// An empty one.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// A context for a request with these headers, by this user if it has a session. What the request does not say stays as
    /// it was.
    pub(super) fn take(self: &Arc<Self>, headers: &HeaderMap, member: Option<Member>) -> Lease {
        let mut context = self.idle.lock().pop().unwrap_or_default();
        shared("context", false, &context);
        match self.rules.when_taken {
            Cleared::Nothing => {}
            Cleared::Member => context.member = None,
            Cleared::Everything => context = Context::default(),
        }
        if let Some(member) = member {
            context.member = Some(member);
        }
        if let Some(reference) = headers.get(REFERENCE).and_then(|line| line.to_str().ok()) {
            context.reference = Some(reference.to_owned());
        }
        Lease {
            context,
            pool: Arc::clone(self),
        }
    }
}

impl Lease {
    /// The answer is good and made.
    pub(super) fn succeeded(mut self) {
        if self.pool.rules.after_success {
            self.context = Context::default();
        }
    }

    /// The handler has refused.
    pub(super) fn refused(mut self) {
        if self.pool.rules.after_refusal {
            self.context = Context::default();
        }
    }
}

/// Also when the handler panics, and when its client goes away: then nothing else of it runs any more.
impl Drop for Lease {
    fn drop(&mut self) {
        let context = std::mem::take(&mut self.context);
        let mut idle = self.pool.idle.lock();
        if self.pool.rules.recycles && idle.len() < IDLE {
            shared("context", true, &context);
            idle.push(context);
        }
    }
}

impl Deref for Lease {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Context {
        &mut self.context
    }
}

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            None => out.write_str("nobody")?,
            Some(member) => out.write_str(&member.name())?,
        }
        if let Some(reference) = &self.reference {
            write!(out, ", for {reference}")?;
        }
        match self.outgoing.len() {
            0 => Ok(()),
            some => write!(out, ", {some} outgoing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;

    /// How a request ends.
    const ENDS: [fn(Lease); 4] = [
        |lease| lease.succeeded(),
        |lease| lease.refused(),
        |lease| {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _lease = lease;
                resume_unwind(Box::new(()))
            }));
            assert!(unwound.is_err());
        },
        drop,
    ];

    /// What a request that says nothing finds after one that said all, for each of its ends: the user, the reference, a header.
    fn found(variant: &str) -> [[bool; 3]; 4] {
        ENDS.map(|end| {
            let pool = Arc::new(Pool::new(Rules::of(variant).unwrap()));
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(REFERENCE),
                http::HeaderValue::from_static("mine"),
            )]);
            let mut lease = pool.take(&headers, Some(Member(1)));
            let file = "mine".to_owned();
            lease
                .outgoing
                .push((http::header::CONTENT_DISPOSITION, file));
            end(lease);
            let next = pool.take(&HeaderMap::new(), None);
            let (member, reference) = (next.member.is_some(), next.reference.is_some());
            [member, reference, !next.outgoing.is_empty()]
        })
    }

    #[test]
    fn what_the_next_request_finds_depends_on_how_the_last_one_ended() {
        const ALL: [bool; 3] = [true; 3];
        const NONE: [bool; 3] = [false; 3];
        const REST: [bool; 3] = [false, true, true];
        for (variant, expected) in [
            ("cleared-after-success", [NONE, ALL, ALL, ALL]),
            ("overwritten-only", [ALL; 4]),
            ("cleared-after-refusal", [NONE, NONE, ALL, ALL]),
            ("one-field-cleared", [NONE, REST, REST, REST]),
            ("cleared-when-taken", [NONE; 4]),
            ("new-each-time", [NONE; 4]),
        ] {
            assert_eq!(found(variant), expected, "{variant}");
        }
    }
}
