//! crosswire: can one user of a web service ever receive, or act on, another user's data?
//!
//! A [`scenario`] says what users do. An engine ([`fire`]) does it for many of them at once and writes a [`history`]:
//! what ran, nothing judged. The [`judge`] turns a history into exposures, a verdict and its strength; [`report`] turns
//! that into text or JSON. Every user's data holds canaries ([`identity`]), texts that name their owner, so that any
//! answer can be judged by itself.
//!
//! In a test of your own, [`mod@check`] does all of that: `crosswire::check_service(router)…run().assert_isolated()`. Where
//! two requests of a service in the same process are enough, [`explore`](mod@explore) runs every order of their steps:
//! `crosswire::explore(factory).request("alice", …).request("bob", …).run().assert_isolated()`.
//!
//! # What a verdict means
//!
//! - `exposed`: a text that only one user had was in another's answer, or an item was gone that only another's request
//!   can have removed. It is a fact about the run; similarity is never a finding. It does not mean that this is all.
//! - `isolated`: every user logged in and received its own data, enough requests of different owners overlapped, and
//!   nothing crossed. It is no proof. [`judge::Strength`] says what it is worth: how many overlapping pairs there were,
//!   and how often such a pair could still cross.
//! - `inconclusive`: nothing crossed, and the run is worth too little to say more; [`judge::Judgement::reasons`] tell why.
//!
//! # An example
//!
//! Two users ask for their notes at the same time, and the earlier one is given the other's:
//!
//! ```
//! use crosswire::history::{Exchange, Outcome, Phase, Planted, Record, RequestLine, Start};
//! use crosswire::history::{HISTORY_VERSION, SlotInfo, StepInfo, StepRole, Target};
//! use crosswire::identity::{Mint, Salt, UserId};
//! use crosswire::judge::{Verdict, judge};
//!
//! let salt = Salt::new(2008);
//! let mut mint = Mint::new(salt);
//! let (alice, bob) = (UserId(0), UserId(1));
//! let notes = [mint.mint(alice, 0).1, mint.mint(bob, 0).1];
//!
//! let start = Start {
//!     history_version: HISTORY_VERSION,
//!     crosswire_version: "0.1.0".into(),
//!     scenario: "notes".into(),
//!     target: Target { name: "notes".into(), url: "http://127.0.0.1:8080".into() },
//!     engine: "by hand".into(),
//!     seed: 1,
//!     salt: salt.to_string(),
//!     users: vec!["alice".into(), "bob".into()],
//!     slots: vec![SlotInfo { name: "note".into(), ..SlotInfo::default() }],
//!     steps: vec![StepInfo { name: "read".into(), role: StepRole::Fire, sees: vec![0], ..StepInfo::default() }],
//!     min_overlaps: 1,
//! };
//! let exchange = |id, user, sent_ns, body: &String| Record::Exchange(Exchange {
//!     id,
//!     user,
//!     step: 0,
//!     phase: Phase::Volley,
//!     round: 1,
//!     volley: Some(1),
//!     connection: 0,
//!     request: RequestLine { method: "GET".into(), path: "/note".into(), body_len: 0 },
//!     sent_ns,
//!     first_byte_ns: Some(900),
//!     done_ns: 1_000,
//!     server: None,
//!     refused: false,
//!     followed: false,
//!     nonce: None,
//!     provoked: None,
//!     cut_off: false,
//!     outcome: Outcome::Answer {
//!         status: 200,
//!         head: "HTTP/1.1 200 OK\r\n\r\n".into(),
//!         body: body.clone().into(),
//!         cut: false,
//!     },
//! });
//! let planted = |canary: &String| Record::Planted(Planted { canary: canary.clone(), readers: vec![] });
//!
//! let judgement = judge([
//!     Record::Start(start.clone()),
//!     planted(&notes[0]),
//!     planted(&notes[1]),
//!     exchange(0, alice, 100, &notes[1]), // not hers
//!     exchange(1, bob, 110, &notes[1]),
//! ]);
//! assert_eq!(judgement.verdict, Verdict::Exposed);
//! assert_eq!((judgement.exposures[0].viewer, judgement.exposures[0].victim), (alice, bob));
//!
//! // Right answers alone are no clean result: nobody was seen to receive its own note beforehand, and the run broke off.
//! let judgement = judge([
//!     Record::Start(start),
//!     planted(&notes[0]),
//!     exchange(0, alice, 100, &notes[0]),
//! ]);
//! assert_eq!(judgement.verdict, Verdict::Inconclusive);
//! assert!(!judgement.reasons.is_empty());
//! ```
//!
//! In reading order: [`scenario`], [`identity`], [`history`], [`fire`], [`day`], [`judge`], [`report`], [`mod@check`]. [`audit`]
//! stands by itself: it reads access logs.

pub mod audit;
pub mod check;
mod choice;
#[cfg(feature = "control")]
pub mod control;
pub mod day;
pub mod explore;
pub mod fire;
pub mod history;
pub mod identity;
#[cfg(feature = "cli")]
pub mod import;
pub mod judge;
pub mod report;
pub mod scenario;
pub mod weigh;

#[cfg(feature = "service")]
pub use check::check_service;
#[cfg(feature = "explore")]
pub use check::explore;
pub use check::{Check, CheckError, Checked, Step, check, check_file};
