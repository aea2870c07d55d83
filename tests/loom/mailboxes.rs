//! The store in memory under several requests at once.

use loom::sync::Arc;
use loom::thread;

use crate::explore::{Bound, exhaust, run};
use crate::mail::memory::MemoryStore;
use crate::mail::store::{Draft, Folder, NewUser, Store, UserId};

const OWNER: UserId = UserId(1);

#[test]
fn mails_that_arrive_together_get_numbers_of_their_own() {
    let executions = exhaust(Bound::None, |_| {
        let store = Arc::new(store());
        let deliver = |subject: &'static str| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                (
                    subject,
                    run(store.deliver(OWNER, draft(subject))).unwrap().unwrap(),
                )
            })
        };
        let placed = ["one", "two"]
            .map(deliver)
            .map(|delivery| delivery.join().unwrap());
        let mut numbers = placed.map(|(_, number)| number);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2]);
        for (subject, number) in placed {
            assert_eq!(
                run(store.read(OWNER, number))
                    .unwrap()
                    .unwrap()
                    .summary
                    .subject,
                subject
            );
        }
    });
    println!(
        "loom two deliveries to one mailbox, {}: {executions} iterations",
        Bound::None
    );
}

#[test]
fn of_two_deletions_one_is_done() {
    let executions = exhaust(Bound::None, |_| {
        let store = Arc::new(store());
        run(store.deliver(OWNER, draft("once"))).unwrap();
        let delete = |_| {
            let store = Arc::clone(&store);
            thread::spawn(move || run(store.file(OWNER, 1, Folder::Trash)).unwrap())
        };
        let deleted = [(), ()]
            .map(delete)
            .map(|deletion| deletion.join().unwrap());
        assert_eq!(deleted.iter().flatten().collect::<Vec<_>>(), ["once"]);
        assert_eq!(
            run(store.file(OWNER, 1, Folder::Inbox)).unwrap().as_deref(),
            Some("once")
        );
    });
    println!(
        "loom two deletions of one mail, {}: {executions} iterations",
        Bound::None
    );
}

fn store() -> MemoryStore {
    let store = MemoryStore::new();
    let name = "owner".to_owned();
    let new = NewUser {
        name,
        display: String::new(),
        password_hash: String::new(),
        first_login: None,
    };
    assert_eq!(run(store.create_user(new)).unwrap(), Some(OWNER));
    store
}

fn draft(subject: &str) -> Draft {
    let (to, subject) = ("owner".to_owned(), subject.to_owned());
    Draft {
        to,
        subject,
        body: String::new(),
        attachments: Vec::new(),
        sent_at: 0,
    }
}
