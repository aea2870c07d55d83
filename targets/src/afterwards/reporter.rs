//! Contexts that requests use one after the other, and a reporter that goes on after the answer. The variants differ in
//! nothing else.

use std::fmt;
use std::sync::Arc;

use crate::members::{self, Member, Members};
use crate::sync::{AsyncMutex, Mutex, shared};

/// What is kept of a request until it is answered.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The session that the request came with: whose it is, and its token.
    pub(super) session: Option<(Member, String)>,
    /// A cookie that goes out with the answer.
    pub(super) cookie: Option<String>,
}

/// A context, for whoever has got hold of it.
type Handle = Arc<AsyncMutex<Context>>;

/// How contexts are used again, and what the reporter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    given: Given,
    /// A context is cleared when a request takes it as well, and not only when it is given back.
    clears_twice: bool,
    /// Contexts are used again; otherwise a new one takes the place of each that is given back.
    recycles: bool,
}

/// What the reporter is given of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// The number of the context.
    Number,
    /// A handle of its own to the context.
    Handle,
    /// The same, and it holds the lock for as long as the report takes.
    Locked,
    /// What the context held, to keep.
    Contents,
}

impl Rules {
    const FAULT: Self = Self {
        given: Given::Number,
        clears_twice: false,
        recycles: true,
    };

    /// The rules of that variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        let given = |given| Self {
            given,
            ..Self::FAULT
        };
        Some(match variant {
            "number-kept" => Self::FAULT,
            "handle-cloned" => given(Given::Handle),
            "locked-throughout" => given(Given::Locked),
            "cleared-twice" => Self {
                clears_twice: true,
                ..given(Given::Handle)
            },
            "snapshot" => given(Given::Contents),
            "context-per-request" => Self {
                recycles: false,
                ..given(Given::Handle)
            },
            _ => return None,
        })
    }
}

/// Contexts, each at its number, and which of them no request uses. The one given back last is taken first.
#[derive(Debug)]
pub(super) struct Pool {
    rules: Rules,
    all: Mutex<Vec<Handle>>,
    idle: Mutex<Vec<usize>>,
}

/// A context in use.
#[derive(Debug)]
pub(super) struct Used {
    number: usize,
    context: Handle,
}

impl Pool {
    /// An empty one.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            all: Mutex::new(Vec::new()),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// A context for a request with this session.
    pub(super) async fn take(&self, session: (Member, String)) -> Used {
        let idle = self.idle.lock().pop();
        let number = idle.unwrap_or_else(|| {
            let mut all = self.all.lock();
            all.push(Handle::default());
            all.len() - 1
        });
        let context = self.at(number);
        let mut locked = context.lock().await;
        shared("context", false, &*locked);
        if self.rules.clears_twice {
            *locked = Context::default();
        }
        locked.session = Some(session);
        drop(locked);
        Used { number, context }
    }

    /// The request is over: its context is cleared, and there for the next one. Gives what the context held.
    pub(super) async fn give_back(&self, used: &Used) -> Context {
        let contents = std::mem::take(&mut *used.context.lock().await);
        if !self.rules.recycles {
            self.all.lock()[used.number] = Handle::default();
        }
        self.idle.lock().push(used.number);
        contents
    }

    fn at(&self, number: usize) -> Handle {
        Arc::clone(&self.all.lock()[number])
    }
}

/// Reports a request that failed and is over, on a task of its own, so that its user need not wait.
pub(super) fn report(pool: &Arc<Pool>, members: Arc<Members>, used: Used, contents: Context) {
    let Some((member, token)) = contents.session.clone() else {
        return;
    };
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        match pool.rules.given {
            Given::Number => {
                let cookie = opened(&members, member, &token).await;
                queue(&mut *pool.at(used.number).lock().await, cookie);
            }
            Given::Handle => {
                let cookie = opened(&members, member, &token).await;
                queue(&mut *used.context.lock().await, cookie);
            }
            Given::Locked => {
                let mut context = used.context.lock().await;
                let cookie = opened(&members, member, &token).await;
                queue(&mut context, cookie);
            }
            Given::Contents => {
                let mut contents = contents;
                let cookie = opened(&members, member, &token).await;
                queue(&mut contents, cookie);
            }
        }
    });
}

/// A report says whose request it was and what they had last noted, and so it opens the session. One that is opened lives on
/// for longer, which its cookie has to say to the browser.
async fn opened(members: &Members, member: Member, token: &str) -> Option<String> {
    let note = members.ledger.note(member).await?;
    shared("report", true, &format_args!("{}: {note}", member.name()));
    Some(members::session_cookie(token))
}

/// Puts a cookie where the answer will find it.
fn queue(context: &mut Context, cookie: Option<String>) {
    context.cookie = cookie;
    shared("context", true, context);
}

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.session {
            None => out.write_str("nobody's")?,
            Some((member, _)) => write!(out, "{}'s", member.name())?,
        }
        match &self.cookie {
            None => Ok(()),
            Some(_) => out.write_str(", with a cookie to go out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the next request finds the cookie of one that was reported: when it comes after the report, and when it comes
    /// before.
    async fn found(variant: &str) -> [bool; 2] {
        let mut found = [false; 2];
        for (is_early, found) in [false, true].into_iter().zip(&mut found) {
            let members = Members::explored(2);
            let pool = Arc::new(Pool::new(Rules::of(variant).unwrap()));
            let used = pool.take((Member(1), "one".to_owned())).await;
            let contents = pool.give_back(&used).await;
            report(&pool, members, used, contents);
            // On a runtime of one thread the report goes on when this gives way, and then to its end.
            if !is_early {
                tokio::task::yield_now().await;
            }
            let next = pool.take((Member(2), "two".to_owned())).await;
            tokio::task::yield_now().await;
            *found = pool.give_back(&next).await.cookie.is_some();
        }
        found
    }

    #[tokio::test]
    async fn there_are_as_many_places_as_requests_at_one_time() {
        for variant in ["number-kept", "context-per-request"] {
            let pool = Pool::new(Rules::of(variant).unwrap());
            for _ in 0..3 {
                let first = pool.take((Member(1), String::new())).await;
                let second = pool.take((Member(2), String::new())).await;
                pool.give_back(&first).await;
                pool.give_back(&second).await;
            }
            assert_eq!(pool.all.lock().len(), 2, "{variant}");
        }
    }

    #[tokio::test]
    async fn a_cookie_that_is_queued_late_goes_to_whoever_has_the_context_then() {
        for (variant, expected) in [
            ("number-kept", [true, true]),
            ("handle-cloned", [true, true]),
            ("locked-throughout", [true, true]),
            ("cleared-twice", [false, true]),
            ("snapshot", [false, false]),
            ("context-per-request", [false, false]),
        ] {
            assert_eq!(found(variant).await, expected, "{variant}");
        }
    }
}
