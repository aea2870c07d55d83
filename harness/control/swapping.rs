//! Which answer goes to whom: pairs of answers under way together, or the answer last given to somebody else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::oneshot;

use super::headers::exchanged;
use super::{Swap, SwapCounts};

/// How long an answer waits for the one it is to be swapped with.
const WAIT: Duration = Duration::from_secs(2);
/// Bytes of answers that are remembered, at most.
pub(super) const MEMORY_BYTES: usize = 8 << 20;
/// Answers that are remembered, at most: one for each path.
pub(super) const MEMORY_PATHS: usize = 256;
/// Kinds of requests that are told apart, at most; further ones are swapped at the rate alone.
const KINDS: usize = 256;

/// Whose request it is, and of which kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) user: Bytes,
    pub(super) kind: String,
    pub(super) path: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) head: Parts,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

/// What somebody is given in the end.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) answer: Whole,
    /// True when it is somebody else's.
    pub(super) swapped: bool,
}

/// The place where answers change hands. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Swapping(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    swap: Swap,
    rng: StdRng,
    counts: SwapCounts,
    /// How many answers of each kind were given to somebody else.
    kinds: BTreeMap<String, u64>,
    next: u64,
    /// Requests whose answer has not come yet.
    under_way: BTreeMap<u64, Bytes>,
    parked: Option<Parked>,
    memory: BTreeMap<String, Remembered>,
    memory_bytes: usize,
}

/// An answer that waits for another one.
#[derive(Debug)]
struct Parked {
    number: u64,
    who: Who,
    answer: Whole,
    reply: oneshot::Sender<Given>,
}

#[derive(Debug)]
struct Remembered {
    who: Who,
    answer: Whole,
    age: u64,
    bytes: usize,
}

/// A request under way. Dropped before its answer is offered, nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    who: Who,
    swapping: Swapping,
}

/// What becomes of an offered answer.
enum Fate {
    Now(Box<Given>),
    Later(oneshot::Receiver<Given>),
}

impl Swapping {
    pub(super) fn new(swap: Swap) -> Swapping {
        Swapping(Rc::new(RefCell::new(State {
            swap,
            rng: StdRng::seed_from_u64(swap.seed),
            counts: SwapCounts::default(),
            kinds: BTreeMap::new(),
            next: 0,
            under_way: BTreeMap::new(),
            parked: None,
            memory: BTreeMap::new(),
            memory_bytes: 0,
        })))
    }

    pub(super) fn counts(&self) -> SwapCounts {
        self.0.borrow().counts
    }

    /// A request was answered by the proxy itself.
    pub(super) fn failed(&self) {
        self.0.borrow_mut().counts.failed += 1;
    }

    /// A request whose answer may be swapped is on its way.
    pub(super) fn begin(&self, who: Who) -> Ticket {
        let mut state = self.0.borrow_mut();
        state.next += 1;
        let number = state.next;
        state.under_way.insert(number, who.user.clone());
        Ticket {
            number,
            who,
            swapping: self.clone(),
        }
    }
}

impl Ticket {
    /// Gives the answer that came, and takes the one that is to be sent.
    pub(super) async fn offer(self, answer: Whole) -> Given {
        let fate = self
            .swapping
            .0
            .borrow_mut()
            .offer(self.number, &self.who, answer);
        let mut reply = match fate {
            Fate::Now(given) => return *given,
            Fate::Later(reply) => reply,
        };
        if let Ok(Ok(given)) = tokio::time::timeout(WAIT, &mut reply).await {
            return given;
        }
        self.swapping.0.borrow_mut().unpark(Some(self.number));
        reply.await.expect(
            "whoever takes the parked answer away replies, and this one has not been dropped",
        )
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.swapping.0.borrow_mut();
        state.under_way.remove(&self.number);
        let is_parked = |parked: &Parked| parked.number == self.number;
        if state.parked.as_ref().is_some_and(is_parked) {
            state.parked = None;
        }
        state.unpark_when_alone();
    }
}

impl State {
    fn offer(&mut self, number: u64, who: &Who, answer: Whole) -> Fate {
        self.under_way.remove(&number);
        self.counts.answers += 1;
        let own = Given {
            answer,
            swapped: false,
        };
        let wanted = self.wanted(who);
        let fits = |parked: &mut Parked| parked.who.user != who.user && !parked.reply.is_closed();
        let fate = if let Some(parked) = self.parked.take_if(fits) {
            self.remember(who, &own.answer);
            Fate::Now(Box::new(self.pair(parked, who, own.answer)))
        } else if !wanted {
            self.remember(who, &own.answer);
            Fate::Now(Box::new(own))
        } else if self.parked.is_none() && self.others_under_way(&who.user) {
            self.remember(who, &own.answer);
            let (reply, receiver) = oneshot::channel();
            self.parked = Some(Parked {
                number,
                who: who.clone(),
                answer: own.answer,
                reply,
            });
            return Fate::Later(receiver);
        } else {
            let given = self.repeated(who, own.answer.clone());
            self.remember(who, &own.answer);
            Fate::Now(Box::new(given))
        };
        self.unpark_when_alone();
        fate
    }

    /// Whether this answer is to be swapped: by chance, or because too little was swapped so far.
    fn wanted(&mut self, who: &Who) -> bool {
        // Drawn in any case, so that a seed means the same whatever else decides.
        let by_chance = self.rng.random_bool(self.swap.rate);
        let is_new = self.kinds.get(&who.kind).is_none_or(|given| *given == 0);
        let is_counted = self.kinds.contains_key(&who.kind) || self.kinds.len() < KINDS;
        let is_owed = self.swap.at_least > 0 && is_new && is_counted;
        by_chance || is_owed || self.counts.swapped < self.swap.at_least
    }

    fn others_under_way(&self, user: &Bytes) -> bool {
        self.under_way.values().any(|other| other != user)
    }

    fn count(&mut self, who: &Who) {
        self.counts.swapped += 1;
        if self.kinds.len() < KINDS || self.kinds.contains_key(&who.kind) {
            *self.kinds.entry(who.kind.clone()).or_default() += 1;
        }
    }

    /// Two answers change hands.
    fn pair(&mut self, parked: Parked, who: &Who, answer: Whole) -> Given {
        self.count(&parked.who);
        self.count(who);
        let theirs = exchanged(&parked.answer, answer.clone());
        let mine = exchanged(&answer, parked.answer);
        // When nobody waits any more the answer is lost with its request.
        let _ = parked.reply.send(Given {
            answer: theirs,
            swapped: true,
        });
        Given {
            answer: mine,
            swapped: true,
        }
    }

    /// The answer last given to somebody else, for the same path if there is one; otherwise the user's own.
    fn repeated(&mut self, who: &Who, own: Whole) -> Given {
        let same = self.memory.get(&who.path);
        let found = same.filter(|last| last.who.user != who.user).or_else(|| {
            let others = self.memory.values();
            others
                .filter(|last| last.who.user != who.user)
                .max_by_key(|last| last.age)
        });
        let Some(found) = found else {
            return Given {
                answer: own,
                swapped: false,
            };
        };
        let (donor, answer) = (found.who.clone(), found.answer.clone());
        self.count(&donor);
        self.counts.repeated += 1;
        Given {
            answer: exchanged(&own, answer),
            swapped: true,
        }
    }

    fn remember(&mut self, who: &Who, answer: &Whole) {
        let headers = answer.head.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let bytes = headers + answer.body.len();
        self.forget(&who.path.clone());
        self.next += 1;
        self.memory_bytes += bytes;
        self.memory.insert(
            who.path.clone(),
            Remembered {
                who: who.clone(),
                answer: answer.clone(),
                age: self.next,
                bytes,
            },
        );
        while self.memory_bytes > MEMORY_BYTES || self.memory.len() > MEMORY_PATHS {
            let oldest = self.memory.iter().min_by_key(|(_, last)| last.age);
            let Some(path) = oldest.map(|(path, _)| path.clone()) else {
                return;
            };
            self.forget(&path);
        }
    }

    fn forget(&mut self, path: &str) {
        if let Some(forgotten) = self.memory.remove(path) {
            self.memory_bytes -= forgotten.bytes;
        }
    }

    /// Lets a parked answer go when nothing is under way any more that it could be swapped with.
    fn unpark_when_alone(&mut self) {
        let waits_for_nobody = |parked: &Parked| !self.others_under_way(&parked.who.user);
        if self.parked.as_ref().is_some_and(waits_for_nobody) {
            self.unpark(None);
        }
    }

    /// Lets the parked answer go, if it is this one.
    fn unpark(&mut self, number: Option<u64>) {
        let is_meant = |parked: &mut Parked| number.is_none_or(|number| number == parked.number);
        if let Some(Parked {
            who, answer, reply, ..
        }) = self.parked.take_if(is_meant)
        {
            let given = self.repeated(&who, answer);
            // When nobody waits any more the answer is lost with its request.
            let _ = reply.send(given);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn who(user: &'static str, path: &str) -> Who {
        Who {
            user: Bytes::from_static(user.as_bytes()),
            kind: "page".to_owned(),
            path: path.to_owned(),
        }
    }

    fn answer(body: &str) -> Whole {
        Whole {
            head: http::Response::new(()).into_parts().0,
            body: Bytes::copy_from_slice(body.as_bytes()),
            trailers: None,
        }
    }

    fn always() -> Swapping {
        let (rate, at_least, seed) = (1.0, 0, 1);
        Swapping::new(Swap {
            rate,
            at_least,
            seed,
        })
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn body(polled: Poll<Given>) -> Option<String> {
        match polled {
            Poll::Ready(given) => Some(String::from_utf8(given.answer.body.to_vec()).unwrap()),
            Poll::Pending => None,
        }
    }

    /// The limit of waiting is tokio's.
    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    #[test]
    fn an_answer_waits_for_the_other_one_under_way() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let swapping = always();
        let (ann, bob) = (
            swapping.begin(who("ann", "/")),
            swapping.begin(who("bob", "/")),
        );
        let mut for_ann = pin!(ann.offer(answer("ann's")));
        assert_eq!(body(poll(for_ann.as_mut())), None);
        let for_bob = pin!(bob.offer(answer("bob's")));
        assert_eq!(body(poll(for_bob)).as_deref(), Some("ann's"));
        assert_eq!(body(poll(for_ann)).as_deref(), Some("bob's"));
        assert_eq!(swapping.counts().swapped, 2);
    }

    #[test]
    fn it_waits_for_nobody_who_has_gone() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let swapping = always();
        let (ann, bob) = (
            swapping.begin(who("ann", "/")),
            swapping.begin(who("bob", "/")),
        );
        let mut for_ann = pin!(ann.offer(answer("ann's")));
        assert_eq!(body(poll(for_ann.as_mut())), None);
        drop(bob);
        assert_eq!(body(poll(for_ann)).as_deref(), Some("ann's"));
        assert_eq!(swapping.counts().swapped, 0);
    }

    #[test]
    fn nobody_is_given_the_answer_of_one_who_has_gone_while_waiting() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let swapping = always();
        let (ann, bob) = (
            swapping.begin(who("ann", "/")),
            swapping.begin(who("bob", "/")),
        );
        {
            let for_ann = pin!(ann.offer(answer("ann's")));
            assert_eq!(body(poll(for_ann)), None);
        }
        // It was remembered, and is given from there: one answer changes hands, not two.
        let for_bob = pin!(bob.offer(answer("bob's")));
        assert_eq!(body(poll(for_bob)).as_deref(), Some("ann's"));
        let counts = swapping.counts();
        assert_eq!((counts.swapped, counts.repeated), (1, 1));
    }

    #[test]
    fn memory_has_a_limit_of_bytes_and_of_paths() {
        let swapping = always();
        let remember = |page: usize, text: &str| {
            let ticket = swapping.begin(who("ann", &format!("/{page}")));
            assert!(poll(pin!(ticket.offer(answer(text)))).is_ready());
            let state = swapping.0.borrow();
            let bodies = state.memory.values().map(|last| last.answer.body.len());
            assert_eq!(bodies.sum::<usize>(), state.memory_bytes);
            (state.memory.len(), state.memory_bytes)
        };
        let small = (0..MEMORY_PATHS * 2).map(|page| remember(page, "small").0);
        assert_eq!(small.max(), Some(MEMORY_PATHS));
        let text = "x".repeat(MEMORY_BYTES / 10);
        let large = (0..20).map(|page| remember(page, &text).1);
        let most = large.max().unwrap();
        assert!(most <= MEMORY_BYTES && most > MEMORY_BYTES / 2, "{most}");
    }
}
