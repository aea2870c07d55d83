//! The targets in process, as an explorer of schedules has them: fresh each time, the same each time, stopped on the way.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use crosswire_targets::mail::seed;
use crosswire_targets::mail::variant::Variant;
use crosswire_targets::{explorable, sync};
use http::{Method, StatusCode};
use serde_json::json;
use tokio::task::coop::poll_proceed;

use crate::client::{Client, Reply, Service};

/// Units of the budget that tokio gives for one turn.
const BUDGET: usize = 128;

/// One turn of a request that goes on to the next place which asks for budget: one that waits at such a place already has a
/// unit for it, one that begins has none.
async fn step<F: Future>(mut request: Pin<&mut F>, begins: bool) -> Poll<F::Output> {
    // The next turn has the whole budget.
    tokio::task::yield_now().await;
    poll_fn(|context| {
        let left = usize::from(!begins);
        for _ in left..BUDGET {
            match poll_proceed(context) {
                Poll::Ready(unit) => unit.made_progress(),
                Poll::Pending => panic!("the budget is not what this test believes"),
            }
        }
        Poll::Ready(request.as_mut().poll(context))
    })
    .await
}

/// Two users ask for their inboxes; `order` says whose turn it is, 0 or 1, until both are answered.
async fn raced(variant: &str, order: impl IntoIterator<Item = usize>) -> [Reply; 2] {
    let router = explorable("mail", variant, 2).unwrap()();
    let mut clients = [
        Client::logged_in(&router, 1).await,
        Client::logged_in(&router, 2).await,
    ];
    let [first, second] = &mut clients;
    let (mut first, mut second) = (
        pin!(first.get("/api/inbox")),
        pin!(second.get("/api/inbox")),
    );
    let (mut answers, mut begun) = ([None, None], [false, false]);
    for turn in order {
        let answer = match turn {
            _ if answers[turn].is_some() => continue,
            0 => step(first.as_mut(), !begun[turn]).await,
            _ => step(second.as_mut(), !begun[turn]).await,
        };
        begun[turn] = true;
        if let Poll::Ready(answer) = answer {
            answers[turn] = Some(answer);
        }
        if answers.iter().all(Option::is_some) {
            break;
        }
    }
    answers.map(|answer| answer.expect("the order lets both come to their end"))
}

fn whose(answers: &[Reply; 2]) -> [String; 2] {
    [0, 1].map(|at| answers[at].json()["user"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn between_two_uses_of_the_store_another_request_can_go_on() {
    let alternating = || (0..100).map(|turn| turn % 2);
    for variant in ["shared-note", "locked-note"] {
        let crossed = whose(&raced(variant, alternating()).await);
        assert_eq!(crossed, ["user2", "user2"], "{variant}");
    }
    for variant in ["one-lock", "per-request"] {
        let own = whose(&raced(variant, alternating()).await);
        assert_eq!(own, ["user1", "user2"], "{variant}");
    }
    // One after the other nobody sees anything of anybody else.
    let sequence = || std::iter::repeat_n(0, 20).chain(std::iter::repeat_n(1, 20));
    assert_eq!(
        whose(&raced("shared-note", sequence()).await),
        ["user1", "user2"]
    );
}

/// A whole session, and all that was answered.
async fn session<S: Service>(service: &impl Fn() -> S) -> Vec<String> {
    let router = service();
    let mut client = Client::new(&router);
    let wrong = client.log_in(&seed::user_name(1), "password-user2").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let mut answers = vec![wrong];
    answers.push(client.log_in(&seed::user_name(1), &seed::password(1)).await);
    let mail = json!({ "to": "user1", "subject": "s", "body": "b" });
    answers.push(client.json(Method::POST, "/api/mail", &mail).await);
    for path in ["/api/inbox", "/api/history", "/inbox", "/login", "/nowhere"] {
        answers.push(client.get(path).await);
    }
    answers
        .iter()
        .map(|reply| format!("{:?} {:?} {}", reply.status, reply.headers, reply.text()))
        .collect()
}

#[tokio::test]
async fn each_is_fresh_and_equal_requests_give_equal_bytes() {
    for variant in Variant::ALL {
        let service = explorable("mail", variant.name(), 2).unwrap();
        let (first, second) = (session(&service).await, session(&service).await);
        assert_eq!(first, second, "{}", variant.name());
        assert!(
            first.iter().all(|answer| !answer.contains("x-arrived-us")),
            "a time would differ"
        );
    }
}

#[tokio::test]
async fn no_token_is_given_twice_by_one_service() {
    let router = explorable("mail", "per-request", 2).unwrap()();
    let mut tokens = std::collections::BTreeSet::new();
    for round in 0..50 {
        let client = Client::logged_in(&router, 1 + round % 2).await;
        assert!(tokens.insert(client.cookies["sid"].clone()));
        assert!(tokens.insert(client.csrf));
    }
}

#[tokio::test]
async fn what_is_unknown_or_too_much_is_told() {
    let told = |target: &str, variant: &str, users: usize| {
        explorable(target, variant, users).map(|_| ()).unwrap_err()
    };
    assert!(told("post", "shared-note", 2).is_unknown());
    assert!(told("mail", "shared-memo", 2).is_unknown());
    assert!(told("mail", "one-lock", seed::MAX_USERS + 1).is_store());
}

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn see(name: &'static str, wrote: bool, value: &dyn Display) {
    let how = if wrote { "<-" } else { "->" };
    SEEN.with_borrow_mut(|seen| seen.push(format!("{name} {how} {value}")));
}

#[tokio::test]
async fn the_memo_is_told_to_who_observes_and_where_there_is_none_nothing_is() {
    let mut seen = Vec::new();
    for variant in ["shared-note", "locked-note", "one-lock", "per-request"] {
        let router = explorable("mail", variant, 2).unwrap()();
        let mut client = Client::logged_in(&router, 2).await;
        assert!(sync::observe(Some(see)).is_none());
        client.get("/api/inbox").await;
        assert!(sync::observe(None).is_some());
        client.get("/api/inbox").await;
        seen.push(SEEN.take().join(", "));
    }
    let told = "memo <- user 2, memo -> user 2";
    assert_eq!(seen, [told, told, told, ""]);
}
