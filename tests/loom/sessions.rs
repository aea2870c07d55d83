//! Logging out while a request of the same session is on its way.

use loom::sync::Arc;
use loom::thread;

use crate::explore::{Bound, Sighting, exhaust, run};
use crate::mail::memory::MemoryStore;
use crate::mail::note::PerRequest;
use crate::mail::service::{Action, Webmail};
use crate::mail::session::Token;
use crate::mail::store::{Account, Credentials, Login, NewUser, Store, UserId};

const TOKEN: Token = Token::new([1; 16]);
const OTHER_TOKEN: Token = Token::new([2; 16]);
const LOGIN: Login = Login {
    at: 1_216_707_000,
    address: std::net::Ipv4Addr::LOCALHOST,
};

#[test]
fn a_slow_request_does_not_bring_a_closed_session_back() {
    let (answered, refused) = (Sighting::default(), Sighting::default());
    let seen = (answered.clone(), refused.clone());
    let executions = exhaust(Bound::None, move |execution| {
        let webmail = Arc::new(logged_in());
        let slow = {
            let webmail = Arc::clone(&webmail);
            thread::spawn(move || request(&webmail, TOKEN))
        };
        let bystander = {
            let webmail = Arc::clone(&webmail);
            thread::spawn(move || request(&webmail, OTHER_TOKEN))
        };
        assert!(webmail.log_out(TOKEN));
        assert_eq!(
            request(&webmail, TOKEN),
            None,
            "a request started after log-out"
        );
        match slow.join().unwrap() {
            // It began before the log-out: it may end, with its own user's page.
            Some(owner) => {
                assert_eq!(owner, "user1");
                answered.saw(execution);
            }
            None => refused.saw(execution),
        }
        assert_eq!(
            bystander.join().unwrap().as_deref(),
            Some("user2"),
            "another's session was closed"
        );
        assert!(
            webmail.session(TOKEN).is_none(),
            "the slow request brought the session back"
        );
        assert!(!webmail.log_out(TOKEN));
    });
    let (answered, refused) = (seen.0.times(), seen.1.times());
    assert!(
        answered > 0 && refused > 0,
        "the log-out did not meet the request on both sides"
    );
    println!(
        "loom log-out against a slow request, {}: {executions} iterations, answered in {answered}",
        Bound::None
    );
}

#[test]
fn two_log_ins_of_one_user_see_each_other_in_order() {
    let executions = exhaust(Bound::None, |_| {
        let store = MemoryStore::new();
        let credentials = create(&store, 1);
        let webmail = Arc::new(Webmail::<_, PerRequest>::new(store));
        let log_in = |token, at| {
            let (webmail, credentials) = (Arc::clone(&webmail), credentials.clone());
            thread::spawn(move || {
                let login = Login { at, ..LOGIN };
                run(webmail.log_in(&credentials, login, token, token))
                    .unwrap()
                    .requester
                    .last_login
            })
        };
        let both = [log_in(TOKEN, 1), log_in(OTHER_TOKEN, 2)].map(|login| login.join().unwrap());
        assert!(
            [[0, 1], [2, 0]].contains(&both),
            "a log-in went missing: {both:?}"
        );
        assert_eq!(
            run(webmail.store().logins(credentials.user, 9))
                .unwrap()
                .len(),
            2
        );
    });
    println!(
        "loom two log-ins of one user, {}: {executions} iterations",
        Bound::None
    );
}

/// A request as the server handles it: the session is looked up once, at the start. The name on the page, if any.
fn request(webmail: &Webmail<MemoryStore, PerRequest>, token: Token) -> Option<String> {
    let session = webmail.session(token)?;
    let answer = run(webmail.answer(session.requester, Action::Profile)).unwrap();
    let Account { name, .. } = answer.owner;
    Some(name)
}

/// A webmail with two users, each logged in.
fn logged_in() -> Webmail<MemoryStore, PerRequest> {
    let store = MemoryStore::new();
    let users = [1, 2].map(|user| create(&store, user));
    let webmail = Webmail::new(store);
    for (credentials, token) in users.iter().zip([TOKEN, OTHER_TOKEN]) {
        run(webmail.log_in(credentials, LOGIN, token, token)).unwrap();
    }
    webmail
}

fn create(store: &MemoryStore, user: u64) -> Credentials {
    let name = format!("user{user}");
    let new = NewUser {
        name,
        display: String::new(),
        password_hash: String::new(),
        first_login: None,
    };
    assert_eq!(run(store.create_user(new)).unwrap(), Some(UserId(user)));
    Credentials {
        user: UserId(user),
        password_hash: String::new(),
    }
}
