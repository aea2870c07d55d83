//! How to make a service of one's own explorable, and what a result means. There is no code here.
//!
//! # What is needed
//!
//! ```toml
//! [dev-dependencies]
//! crosswire = { version = "0.1", default-features = false, features = ["explore"] }
//! ```
//!
//! and a *factory*: a function without arguments that makes the service as it is before its first request, with everything
//! that it keeps. Any [`tower` service](tower_service::Service) of HTTP requests will do, so an `axum::Router`, a tonic
//! service, or `tower::service_fn`. [`crosswire::explore`](fn@crate::explore) calls it once for every execution, then lets
//! two or more requests of different users take their steps in one order after the other, until no order is left.
//!
//! A *step* is what a request does between two awaits. At an await another request may go on; nowhere else. Whoever reads a
//! shared memo, awaits, and reads it again has three steps in which others may write.
//!
//! # A service with a fault, and without it
//!
//! A shop keeps the basket that is being paid. The store is in memory, and each call of it awaits, as a database would:
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Arc, Mutex};
//!
//! use axum::{Router, extract::State, http::HeaderMap, routing};
//! use crosswire::Step;
//! use tokio::task::coop::consume_budget;
//!
//! /// Stands for the database: the same calls, in memory.
//! #[derive(Default)]
//! struct Store(Mutex<BTreeMap<String, String>>);
//!
//! impl Store {
//!     async fn put(&self, user: &str, basket: String) {
//!         consume_budget().await; // here a query would be on its way
//!         self.0.lock().unwrap().insert(user.to_owned(), basket);
//!     }
//!
//!     async fn get(&self, user: &str) -> String {
//!         consume_budget().await;
//!         self.0.lock().unwrap().get(user).cloned().unwrap_or_default()
//!     }
//! }
//!
//! #[derive(Clone, Default)]
//! struct Shop {
//!     store: Arc<Store>,
//!     paying: Arc<Mutex<String>>, // the fault: one for all requests
//! }
//!
//! fn user(headers: &HeaderMap) -> String {
//!     headers["x-user"].to_str().unwrap().to_owned()
//! }
//!
//! async fn fill(State(shop): State<Shop>, headers: HeaderMap, basket: String) {
//!     shop.store.put(&user(&headers), basket).await;
//! }
//!
//! async fn pay(State(shop): State<Shop>, headers: HeaderMap) -> String {
//!     *shop.paying.lock().unwrap() = user(&headers);
//!     let basket = shop.store.get(&user(&headers)).await;
//!     let paying = shop.paying.lock().unwrap().clone();
//!     if paying == user(&headers) { basket } else { shop.store.get(&paying).await }
//! }
//!
//! async fn pay_rightly(State(shop): State<Shop>, headers: HeaderMap) -> String {
//!     shop.store.get(&user(&headers)).await
//! }
//!
//! fn faulty() -> Router {
//!     let basket = routing::get(pay).put(fill);
//!     Router::new().route("/basket", basket).with_state(Shop::default())
//! }
//!
//! fn repaired() -> Router {
//!     let basket = routing::get(pay_rightly).put(fill);
//!     Router::new().route("/basket", basket).with_state(Shop::default())
//! }
//!
//! fn exploration(factory: fn() -> Router) -> crosswire::check::Exploration {
//!     let pay = Step::get("pay", "/basket").header("x-user", "{{ user.name }}").sees(["basket"]);
//!     crosswire::explore(factory)
//!         .each_round(
//!             Step::put("fill the basket", "/basket")
//!                 .header("x-user", "{{ user.name }}")
//!                 .text("{{ secret('basket') }}"),
//!         )
//!         .request("alice", pay.clone())
//!         .request("bob", pay)
//! }
//!
//! // In a test of one's own: .run().assert_isolated(), of the one factory that there is.
//! exploration(faulty).run().assert_exposed();
//! exploration(repaired).run().assert_isolated();
//!
//! let told = std::panic::catch_unwind(|| exploration(faulty).run().assert_isolated());
//! let text = *told.unwrap_err().downcast::<String>().unwrap();
//! assert!(text.contains("the verdict is exposed"), "{text}");
//! assert!(text.contains("xw1:"), "the line that runs the schedule again: {text}");
//! ```
//!
//! # Points at which others can go on
//!
//! Awaiting something that is there already does not stop a future, so the awaits of a service in memory would be invisible.
//! Three kinds of points make them visible; a report counts each kind by itself:
//!
//! | kind | what it is | what to do for it |
//! | --- | --- | --- |
//! | natural | an await that really waits: a lock that is taken, a channel that is empty, a timer | nothing |
//! | starved | an await of tokio's that would have gone on; it gives way because its budget is used up, which tokio may do in production too | nothing for tokio's locks, channels, timers and sockets; where a query of a replaced client stood, `tokio::task::coop::consume_budget().await` |
//! | explicit | [`point`](super::point) with a name of its own, and `PointLayer` around a service | for a place that no await marks, and for names in the report |
//!
//! `yield_now` stops a request as well, but the await after it then counts as used up, so that nobody goes in at that one:
//! prefer `consume_budget`, or a point. So it is after `tokio::select!` when the branch that came first was a `Notify`, or a
//! channel that is not tokio's. Tasks that the service spawns are the runtime's: each goes on until it really waits.
//! Work that a handler hands over to a task and waits for is seen as one step, unless the task stops at awaits that wait.
//!
//! `consume_budget` belongs to tokio and costs nothing worth mentioning in production; put it where the replaced client
//! would have sent something. From tokio 1.54 on, a free lock is taken *before* its await gives way: whoever gives way holds
//! it, so that others go in between two locks only if they waited for the first one. Put a point before each lock too.
//! crosswire tries at its start what the tokio in use does, and a report says so. To have such points without touching every
//! place, import locks from one module of one's own and let that one place await first:
//!
//! ```
//! mod sync {
//!     //! The locks of the service; a model checker may have other ones under the same names.
//!     pub struct Mutex<T>(tokio::sync::Mutex<T>);
//!
//!     impl<T> Mutex<T> {
//!         pub fn new(value: T) -> Mutex<T> {
//!             Mutex(tokio::sync::Mutex::new(value))
//!         }
//!
//!         pub async fn lock(&self) -> tokio::sync::MutexGuard<'_, T> {
//!             tokio::task::coop::consume_budget().await;
//!             self.0.lock().await
//!         }
//!     }
//! }
//! # let lock = sync::Mutex::new(1);
//! # let _ = lock;
//! ```
//!
//! [`shared::wrote`](super::shared::wrote) and [`shared::read`](super::shared::read) tell the report what shared state held
//! at a step. Outside of an exploration they do nothing.
//!
//! # What a result means
//!
//! - **exposed**: in some order one user was given, or acted on, another's data. The report has the shortest such order that
//!   was found, step by step, and a line `xw1:…`; [`Exploration::schedule`] runs that order again. It is no guess.
//! - **isolated**, with *all N schedules*: no order of these requests' steps crosses anything. With *all N schedules within
//!   B preemptions*, none with at most that many switches away from a request that could have gone on. With *capped*, what
//!   was run before the limit; the report says which limit, and up to how many preemptions everything was run.
//! - **inconclusive**: no request has a point inside its work, so that nothing was interleaved (add points, or fire at the
//!   service); a user did not receive its own data when alone; executions did not repeat.
//!
//! A clean result is about awaits. Between two awaits a request has the thread to itself here, while several threads may
//! work for it in production:
//!
//! | fault | is found by |
//! | --- | --- |
//! | between two awaits of one request another one changes what both share | an exploration |
//! | a lock that is given back before what it guards was used | an exploration, if an await lies between |
//! | two sections under `std::sync::Mutex` without an await between them, on two threads | [loom](https://docs.rs/loom), or firing |
//! | atomics with too weak an ordering | loom |
//! | a proxy, a cache or a pool in front of or behind the service | firing, and the turnstile of the command |
//!
//! # What makes executions differ
//!
//! Every schedule of a finding is run twice, and an order that does not repeat never counts. If a report says that executions
//! differed: a `static` or a file keeps something from one execution to the next; another thread wakes a request
//! (`spawn_blocking`, a client with threads of its own); the wall clock, random numbers or the order of a `HashMap` decide
//! something. Time within tokio stands still, and passes when nobody else can go on; with [`Exploration::time`] it may pass
//! at any point.
//!
//! # More requests
//!
//! Two requests of 8 points have 12,870 orders, two of 12 points 2.7 million; three of 6 points 17 million. Set
//! [`Exploration::preemptions`] to 2 when it takes too long: almost every fault shows within two switches, and the report
//! says *within 2 preemptions*. With [`Exploration::cancel`] clients go away at every point as well, which finds what a request
//! leaves behind in a pool or in a buffer.
//!
//! Tests are built without optimisation unless one says otherwise, and an exploration feels it: the 45,092 orders of two small
//! requests took 35 s so, 6 s with the first two lines below, and 3 s with all four. The lines go into the `Cargo.toml` of the
//! workspace; dependencies are then built once more, and slower.
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 3
//! [profile.dev]
//! opt-level = 1
//! ```
//!
//! [`Exploration::schedule`]: crate::check::Exploration::schedule
//! [`Exploration::time`]: crate::check::Exploration::time
//! [`Exploration::preemptions`]: crate::check::Exploration::preemptions
//! [`Exploration::cancel`]: crate::check::Exploration::cancel
