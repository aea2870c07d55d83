//! A model of the mailboxes: whatever users do with the right variant, and however it overlaps, everybody ends up with
//! what their own operations give.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crosswire_targets::mail::memory::MemoryStore;
use crosswire_targets::mail::note::{PerRequest, Requester};
use crosswire_targets::mail::remote::RemoteStore;
use crosswire_targets::mail::service::{Action, Outcome, Refusal, Webmail};
use crosswire_targets::mail::sqlite::SqliteStore;
use crosswire_targets::mail::store::{Account, Attachment, Draft, Folder, NewUser, Store, UserId};
use crosswire_targets::mail::store_server::StoreServer;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const USERS: usize = 3;
const MOST_OPERATIONS: usize = 12;
const MOST_MAILS: u64 = 4;

/// Receives mail from everybody and does nothing.
const COLLECTOR: &str = "collector";

/// Something that a user does.
#[derive(Clone, Debug)]
enum Operation {
    WriteToSelf(Vec<u8>),
    WriteToCollector,
    Delete(u64),
    Restore(u64),
    Read(u64),
    Fetch(u64),
    List,
    Rename(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = 1..=MOST_MAILS;
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..8).prop_map(Operation::WriteToSelf),
        1 => Just(Operation::WriteToCollector),
        2 => number.clone().prop_map(Operation::Delete),
        2 => number.clone().prop_map(Operation::Restore),
        2 => number.clone().prop_map(Operation::Read),
        1 => number.prop_map(Operation::Fetch),
        1 => Just(Operation::List),
        1 => any::<u8>().prop_map(Operation::Rename),
    ]
}

fn scripts() -> impl Strategy<Value = Vec<Vec<Operation>>> {
    prop::collection::vec(
        prop::collection::vec(operation(), 0..MOST_OPERATIONS),
        USERS,
    )
}

/// A user as their own operations leave them.
#[derive(Debug)]
struct Model {
    name: String,
    display: String,
    /// Attachment and whether deleted, by number from 1.
    mails: Vec<(Vec<u8>, bool)>,
    collected: usize,
}

impl Model {
    fn new(user: usize) -> Self {
        Self {
            name: name(user),
            display: String::new(),
            mails: Vec::new(),
            collected: 0,
        }
    }

    fn mail(&mut self, number: u64) -> Option<&mut (Vec<u8>, bool)> {
        self.mails.get_mut(usize::try_from(number).unwrap() - 1)
    }

    /// Does it here, and returns what to ask of the webmail.
    fn action(&mut self, operation: &Operation) -> Action {
        match operation {
            Operation::WriteToSelf(data) => {
                self.mails.push((data.clone(), false));
                let subject = format!("{} {}", self.name, self.mails.len());
                Action::Compose(draft(&self.name, subject, data))
            }
            Operation::WriteToCollector => {
                self.collected += 1;
                Action::Compose(draft(COLLECTOR, self.name.clone(), &[]))
            }
            Operation::Delete(number) => Action::Delete(*number),
            Operation::Restore(number) => Action::Restore(*number),
            Operation::Read(number) => Action::Read(*number),
            Operation::Fetch(number) => Action::Attachment(*number, 1),
            Operation::List => Action::List(Folder::Inbox),
            Operation::Rename(to) => {
                self.display = format!("{} {to}", self.name);
                Action::Rename(self.display.clone())
            }
        }
    }

    /// Whether the webmail did what this user may expect.
    fn expects(&mut self, operation: &Operation, outcome: Option<&Outcome>) -> bool {
        let name = self.name.clone();
        let subject = |number: &u64| format!("{name} {number}");
        match (operation, outcome) {
            (Operation::WriteToSelf(_), Some(Outcome::Sent(number))) => {
                *number == self.mails.len() as u64
            }
            (Operation::WriteToCollector, Some(Outcome::Sent(_))) => true,
            (Operation::Delete(number), outcome) => match (self.mail(*number), outcome) {
                (Some((_, deleted @ false)), Some(Outcome::Deleted(told))) => {
                    *deleted = true;
                    *told == subject(number)
                }
                (None | Some((_, true)), None) => true,
                _ => false,
            },
            (Operation::Restore(number), outcome) => match (self.mail(*number), outcome) {
                (Some((_, deleted @ true)), Some(Outcome::Restored(told))) => {
                    *deleted = false;
                    *told == subject(number)
                }
                (None | Some((_, false)), None) => true,
                _ => false,
            },
            (Operation::Read(number), outcome) => match (self.mail(*number), outcome) {
                (Some(_), Some(Outcome::Read(mail))) => mail.summary.subject == subject(number),
                (None, None) => true,
                _ => false,
            },
            (Operation::Fetch(number), outcome) => match (self.mail(*number), outcome) {
                (Some((data, _)), Some(Outcome::Attachment(attachment))) => {
                    attachment.data == *data
                }
                (None, None) => true,
                _ => false,
            },
            (Operation::List, Some(Outcome::Listed(mails))) => {
                mails.iter().map(|mail| mail.number).eq(self.numbers(false))
            }
            (Operation::Rename(_), Some(Outcome::Renamed)) => true,
            _ => false,
        }
    }

    fn numbers(&self, deleted: bool) -> impl Iterator<Item = u64> {
        (1..)
            .zip(&self.mails)
            .filter(move |(_, mail)| mail.1 == deleted)
            .map(|(number, _)| number)
    }
}

fn name(user: usize) -> String {
    format!("user{user}")
}

fn draft(to: &str, subject: String, data: &[u8]) -> Draft {
    let attachment = Attachment {
        name: "data".into(),
        media_type: "application/x-data".into(),
        data: data.to_vec(),
    };
    Draft {
        to: to.to_owned(),
        subject,
        body: String::new(),
        attachments: vec![attachment],
        sent_at: 1,
    }
}

type RightWebmail<S> = Webmail<S, PerRequest>;

async fn webmail<S: Store>(store: S) -> RightWebmail<S> {
    for name in (1..=USERS).map(name).chain([COLLECTOR.to_owned()]) {
        let new = NewUser {
            name,
            display: String::new(),
            password_hash: String::new(),
            first_login: None,
        };
        store.create_user(new).await.unwrap().unwrap();
    }
    Webmail::new(store)
}

/// One user's operations, one after the other.
async fn play<S: Store>(
    webmail: &RightWebmail<S>,
    model: &mut Model,
    user: usize,
    script: &[Operation],
) {
    for operation in script {
        let requester = Requester {
            user: UserId(user as u64),
            last_login: 7,
            address: Ipv4Addr::LOCALHOST,
        };
        let action = model.action(operation);
        let outcome = match webmail.answer(requester, action).await {
            Ok(answer) => {
                assert_eq!((answer.whom, &answer.owner.name), (requester, &model.name));
                Some(answer.outcome)
            }
            Err(Refusal::NotFound) => None,
            Err(other) => panic!("{other}"),
        };
        assert!(
            model.expects(operation, outcome.as_ref()),
            "{operation:?} gave {outcome:?} for {model:?}"
        );
    }
}

/// Whether the store holds what the models say, no more and no less.
async fn assert_as_modelled<S: Store>(store: &S, models: &[Model]) {
    for (user, model) in (1..).map(UserId).zip(models) {
        let account = Account {
            name: model.name.clone(),
            display: model.display.clone(),
        };
        assert_eq!(store.account(user).await.unwrap(), Some(account));
        for (folder, deleted) in [(Folder::Inbox, false), (Folder::Trash, true)] {
            let mails = store.list(user, folder).await.unwrap();
            assert!(
                mails
                    .iter()
                    .map(|mail| mail.number)
                    .eq(model.numbers(deleted)),
                "{mails:?} for {model:?}"
            );
            assert!(mails.iter().all(|mail| mail.from == model.name));
        }
        for (number, (data, _)) in (1..).zip(&model.mails) {
            assert_eq!(
                store
                    .attachment(user, number, 1)
                    .await
                    .unwrap()
                    .unwrap()
                    .data,
                *data
            );
        }
    }
    let mut collected = BTreeMap::new();
    for mail in store
        .list(UserId(USERS as u64 + 1), Folder::Inbox)
        .await
        .unwrap()
    {
        assert_eq!(mail.subject, mail.from, "sent by whoever wrote it");
        *collected.entry(mail.from).or_insert(0) += 1;
    }
    let sent = models
        .iter()
        .filter(|model| model.collected > 0)
        .map(|model| (model.name.clone(), model.collected));
    assert_eq!(collected, sent.collect());
}

/// All users' operations, one user's after the other's or all users at once; then everything is compared.
async fn run<S: Store>(store: S, scripts: Vec<Vec<Operation>>, at_once: bool) {
    let webmail = Arc::new(webmail(store).await);
    let mut models = Vec::new();
    let mut running = Vec::new();
    for (user, script) in (1..).zip(scripts) {
        let webmail = Arc::clone(&webmail);
        let playing = tokio::spawn(async move {
            let mut model = Model::new(user);
            play(&webmail, &mut model, user, &script).await;
            model
        });
        if at_once {
            running.push(playing);
        } else {
            models.push(playing.await.unwrap());
        }
    }
    for playing in running {
        models.push(playing.await.unwrap());
    }
    assert_as_modelled(webmail.store(), &models).await;
}

fn check<S: Store>(cases: u32, store: impl Fn() -> S) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let outcome = runner.run(&(scripts(), any::<bool>()), |(scripts, at_once)| {
        runtime.block_on(run(store(), scripts, at_once));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn users_keep_what_is_theirs_in_memory() {
    check(256, MemoryStore::new);
}

#[test]
fn users_keep_what_is_theirs_in_sqlite() {
    check(24, || SqliteStore::temporary().unwrap());
}

#[test]
fn users_keep_what_is_theirs_behind_a_connection() {
    let servers = RefCell::new(Vec::new());
    check(24, || {
        let server = StoreServer::start(0).unwrap();
        let store = RemoteStore::new(server.addr()).unwrap();
        servers.borrow_mut().push(server);
        store
    });
}
