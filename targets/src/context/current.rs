//! How the code that serves a request knows whose it is. The variants differ in nothing else.

use std::cell::RefCell;
use std::future::Future;
use std::sync::{Arc, Weak};

use axum::response::Response;

use super::lane::Lane;
use crate::members::Member;

thread_local! {
    /// Who is being served on this thread, for each service that runs in this process: none disturbs another one.
    static CURRENT: RefCell<Vec<(Weak<Service>, Member)>> = const { RefCell::new(Vec::new()) };
}

tokio::task_local! {
    /// Who is being served, wherever this request goes on.
    static SERVED: Member;
}

/// Where the current user is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the thread.
    Thread,
    /// With the thread, and put there again once the first wait is over.
    ThreadAgain,
    /// With the thread, of which there is one.
    OneThread,
    /// With the request, whichever thread runs it.
    Task,
    /// Nowhere: whoever needs it is told.
    Argument,
}

impl Way {
    /// That of the variant.
    pub(super) fn of(variant: &str) -> Option<Self> {
        Some(match variant {
            "thread-local" => Self::Thread,
            "set-again" => Self::ThreadAgain,
            "one-thread" => Self::OneThread,
            "task-local" => Self::Task,
            "argument" => Self::Argument,
            _ => return None,
        })
    }
}

/// A service, by which threads tell apart whom they serve.
#[derive(Debug)]
struct Service;

/// What a service knows of whom it serves.
#[derive(Clone, Debug)]
pub(super) struct Context {
    way: Way,
    service: Arc<Service>,
    lane: Option<Lane>,
}

impl Context {
    /// Of a service that knows it in this way; with a lane, requests are served there.
    pub(super) fn new(way: Way, lane: Option<Lane>) -> Self {
        Self {
            way,
            service: Arc::new(Service),
            lane,
        }
    }

    /// Serves a request as that user's; `None` when its lane has ended.
    pub(super) async fn serve<F>(&self, member: Member, rest: F) -> Option<Response>
    where
        F: Future<Output = Response> + Send + 'static,
    {
        match (self.way, &self.lane) {
            (Way::Argument, _) => Some(rest.await),
            (Way::Task, _) => Some(SERVED.scope(member, rest).await),
            (_, None) => {
                self.set(member);
                Some(rest.await)
            }
            (_, Some(lane)) => {
                let own = self.clone();
                let served = async move {
                    own.set(member);
                    rest.await
                };
                lane.run(served).await
            }
        }
    }

    /// Who is being served. `told` is what the caller was told.
    pub(super) fn current(&self, told: Member) -> Option<Member> {
        match self.way {
            Way::Argument => Some(told),
            Way::Task => SERVED.try_with(|member| *member).ok(),
            Way::Thread | Way::ThreadAgain | Way::OneThread => self.get(),
        }
    }

    /// The first wait of a request.
    pub(super) async fn first<T>(&self, wait: impl Future<Output = T>) -> T {
        match self.way {
            Way::ThreadAgain => {
                let before = self.get();
                let value = wait.await;
                if let Some(member) = before {
                    self.set(member);
                }
                value
            }
            _ => wait.await,
        }
    }

    /// Work that a request gives to a task of its own.
    pub(super) async fn spawned<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = match SERVED.try_with(|member| *member) {
            Ok(member) => tokio::spawn(SERVED.scope(member, work)),
            Err(_) => tokio::spawn(work),
        };
        // It fails only when the service is ending.
        drop(task.await);
    }

    fn set(&self, member: Member) {
        CURRENT.with_borrow_mut(|current| {
            current.retain(|(service, _)| !self.is(service) && service.strong_count() > 0);
            current.push((Arc::downgrade(&self.service), member));
        });
    }

    fn get(&self) -> Option<Member> {
        CURRENT.with_borrow(|current| {
            let mut own = current.iter().filter(|(service, _)| self.is(service));
            own.next().map(|(_, member)| *member)
        })
    }

    fn is(&self, service: &Weak<Service>) -> bool {
        Weak::as_ptr(service) == Arc::as_ptr(&self.service)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    #[test]
    fn two_services_on_one_thread_know_nothing_of_each_other() {
        let [first, second] = [(); 2].map(|()| Context::new(Way::Thread, None));
        first.set(Member(1));
        second.set(Member(2));
        first.set(Member(3));
        assert_eq!(
            [first.get(), second.get()],
            [Some(Member(3)), Some(Member(2))]
        );
        drop(first);
        second.set(Member(4));
        assert_eq!(CURRENT.with_borrow(Vec::len), 1);
    }

    /// Whom two requests take for their user that run in turns on one thread: after the first wait, and in a task that they
    /// spawn then.
    async fn seen(variant: &str) -> [[usize; 2]; 2] {
        let context = Context::new(Way::of(variant).unwrap(), None);
        let request = |told: Member| {
            let own = context.clone();
            let (sender, seen) = tokio::sync::oneshot::channel();
            let work = async move {
                own.first(yield_now()).await;
                let here = own.current(told).unwrap();
                let (name, from_task) = tokio::sync::oneshot::channel();
                let spawned = own.clone();
                let line = async move {
                    yield_now().await;
                    name.send(spawned.current(told).unwrap()).unwrap();
                };
                own.spawned(line).await;
                sender.send([here, from_task.await.unwrap()]).unwrap();
                Response::default()
            };
            let served = context.serve(told, work);
            async move {
                served.await.unwrap();
                seen.await.unwrap().map(|member| member.0)
            }
        };
        let (first, second) = tokio::join!(biased; request(Member(1)), request(Member(2)));
        [first, second]
    }

    #[tokio::test]
    async fn only_what_belongs_to_the_request_outlives_its_waits() {
        for (variant, expected) in [
            ("thread-local", [[2, 2], [2, 2]]),
            ("one-thread", [[2, 2], [2, 2]]),
            ("set-again", [[1, 2], [2, 2]]),
            ("task-local", [[1, 1], [2, 2]]),
            ("argument", [[1, 1], [2, 2]]),
        ] {
            assert_eq!(seen(variant).await, expected, "{variant}");
        }
    }
}
