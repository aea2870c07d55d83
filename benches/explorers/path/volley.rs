//! One execution: several users read their first mail at the same time. `crate::threads` is the engine's.

use std::net::Ipv4Addr;

use crate::mail::memory::MemoryStore;
use crate::mail::note::{Note, Requester};
use crate::mail::service::{Action, Webmail};
use crate::mail::store::{Draft, NewUser, Store, UserId};
use crate::threads::{Shared, run, spawn};

/// Runs one execution; whether anybody was answered for somebody else.
pub(crate) fn crosses<N: Note>(users: u64) -> bool {
    let webmail = Shared::new(webmail_of::<N>(users));
    let requests: Vec<_> = (1..=users)
        .map(|user| {
            let webmail = Shared::clone(&webmail);
            spawn(move || {
                let answer = run(webmail.answer(requester(user), Action::Read(1)));
                answer.map_or(true, |answer| answer.whom.user != UserId(user))
            })
        })
        .collect();
    let crossed: Vec<bool> = requests
        .into_iter()
        .map(|request| request.join().expect("a request does not panic"))
        .collect();
    crossed.contains(&true)
}

/// A webmail in which each user has one mail.
fn webmail_of<N: Note>(users: u64) -> Webmail<MemoryStore, N> {
    let store = MemoryStore::new();
    for user in 1..=users {
        let new = NewUser {
            name: format!("user{user}"),
            display: String::new(),
            password_hash: String::new(),
            first_login: None,
        };
        let created = run(store.create_user(new)).expect("a store in memory does not fail");
        assert_eq!(created, Some(UserId(user)));
        let draft = Draft {
            to: format!("user{user}"),
            subject: format!("of user{user}"),
            body: String::new(),
            attachments: Vec::new(),
            sent_at: 0,
        };
        let number =
            run(store.deliver(UserId(user), draft)).expect("a store in memory does not fail");
        assert_eq!(number, Some(1));
    }
    Webmail::new(store)
}

fn requester(user: u64) -> Requester {
    Requester {
        user: UserId(user),
        last_login: 1_000 + user,
        address: Ipv4Addr::LOCALHOST,
    }
}
