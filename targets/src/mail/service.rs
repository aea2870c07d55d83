//! The request path, one source for all variants: who asks is written down, the store is awaited, and the page is
//! made for whoever the note names.

use std::fmt;

use super::note::{Note, Requester};
use super::session::{Session, Sessions, Token};
use super::store::{
    Account, Attachment, Credentials, Draft, Folder, Login, Mail, Store, StoreError, Summary,
};
use crate::sync::{Arc, AtomicU64, Ordering};

/// The most log-ins that the history page lists.
pub const MAX_LOGINS_SHOWN: usize = 50;

/// What a user can ask for once logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List the mails of a folder.
    List(Folder),
    /// Read the mail of that number.
    Read(u64),
    /// Fetch an attachment: the mail's number, and the attachment's index from 1.
    Attachment(u64, usize),
    /// Send a mail.
    Compose(Draft),
    /// Move the mail of that number to the trash.
    Delete(u64),
    /// Move the mail of that number back to the inbox.
    Restore(u64),
    /// List the latest log-ins.
    History,
    /// Show the profile.
    Profile,
    /// Set the display name.
    Rename(String),
}

/// What an action led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mails of a folder, by number.
    Listed(Vec<Summary>),
    /// A mail.
    Read(Mail),
    /// An attachment.
    Attachment(Attachment),
    /// Sent; the number in the recipient's mailbox.
    Sent(u64),
    /// Now in the trash; its subject.
    Deleted(String),
    /// Back in the inbox; its subject.
    Restored(String),
    /// The latest log-ins, newest first.
    History(Vec<Login>),
    /// The profile is the answer's owner.
    Profile,
    /// The display name was set.
    Renamed,
}

/// An answer, made for whoever the note named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The place of this request's write among all writes to the note, from 0.
    pub order: u64,
    /// Whom the note named when the answer was made.
    pub whom: Requester,
    /// The account of that user.
    pub owner: Account,
    /// What was asked for.
    pub outcome: Outcome,
}

/// A request that was not granted.
#[derive(Debug)]
pub enum Refusal {
    /// The account does not exist (any more).
    NoAccount,
    /// There is no such mail or attachment, or it is not in that folder.
    NotFound,
    /// Nobody has the recipient's name.
    NoRecipient,
    /// No further session can be opened.
    TooManySessions,
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccount => out.write_str("this account does not exist"),
            Self::NotFound => out.write_str("no such mail"),
            Self::NoRecipient => out.write_str("nobody has the recipient's name"),
            Self::TooManySessions => out.write_str("too many sessions are open"),
            Self::Store(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A webmail with the store `S`, keeping its requesters in the note `N`.
#[derive(Debug)]
pub struct Webmail<S, N> {
    store: S,
    note: N,
    writes: AtomicU64,
    sessions: Arc<Sessions>,
}

impl<S: Store, N: Note> Webmail<S, N> {
    /// A webmail over `store`, with nobody logged in.
    pub fn new(store: S) -> Self {
        Self::with_sessions(store, Arc::new(Sessions::new()))
    }

    /// A webmail over `store` in which those are logged in who have a session in this table, as when another version takes
    /// over from one that was served before.
    pub fn with_sessions(store: S, sessions: Arc<Sessions>) -> Self {
        Self {
            store,
            note: N::default(),
            writes: AtomicU64::new(0),
            sessions,
        }
    }

    /// Answers one request. Everything a user can do once logged in goes through here.
    ///
    /// # Errors
    /// A [`Refusal`] if there is nothing to answer with.
    pub async fn answer(&self, requester: Requester, action: Action) -> Result<Answer, Refusal> {
        let held = self.note.write(requester).await;
        N::tell(true, requester);
        let order = self.writes.fetch_add(1, Ordering::Relaxed);
        let account = self.store.account(requester.user).await?;
        account.ok_or(Refusal::NoAccount)?;
        let whom = self.note.read(&held);
        N::tell(false, whom);
        let (owner, outcome) = self.perform(whom, action).await?;
        Ok(Answer {
            order,
            whom,
            owner,
            outcome,
        })
    }

    /// Does what was asked, on behalf of `whom`.
    async fn perform(
        &self,
        whom: Requester,
        action: Action,
    ) -> Result<(Account, Outcome), Refusal> {
        let store = &self.store;
        let outcome = match action {
            Action::List(folder) => Outcome::Listed(store.list(whom.user, folder).await?),
            Action::Read(number) => Outcome::Read(found(store.read(whom.user, number).await?)?),
            Action::Attachment(number, index) => {
                Outcome::Attachment(found(store.attachment(whom.user, number, index).await?)?)
            }
            Action::Compose(draft) => Outcome::Sent(
                store
                    .deliver(whom.user, draft)
                    .await?
                    .ok_or(Refusal::NoRecipient)?,
            ),
            Action::Delete(number) => {
                Outcome::Deleted(found(store.file(whom.user, number, Folder::Trash).await?)?)
            }
            Action::Restore(number) => {
                Outcome::Restored(found(store.file(whom.user, number, Folder::Inbox).await?)?)
            }
            Action::History => Outcome::History(store.logins(whom.user, MAX_LOGINS_SHOWN).await?),
            Action::Profile => Outcome::Profile,
            Action::Rename(display) => {
                store.rename(whom.user, display).await?;
                Outcome::Renamed
            }
        };
        let owner = store.account(whom.user).await?.ok_or(Refusal::NoAccount)?;
        Ok((owner, outcome))
    }

    /// What a log-in as `name` is checked against; `None` if there is no such user.
    ///
    /// # Errors
    /// A [`StoreError`] if the store cannot be read.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        self.store.credentials(name).await
    }

    /// Logs in a user whose password was found right: enters the log-in into the history and opens a session.
    ///
    /// # Errors
    /// A [`Refusal`] if the store fails or no session can be opened.
    pub async fn log_in(
        &self,
        credentials: &Credentials,
        login: Login,
        token: Token,
        csrf: Token,
    ) -> Result<Session, Refusal> {
        let user = credentials.user;
        let previous = self.store.record_login(user, login).await?;
        let requester = match previous {
            Some(previous) => Requester {
                user,
                last_login: previous.at,
                address: previous.address,
            },
            None => Requester {
                user,
                ..Requester::NOBODY
            },
        };
        let session = Session { requester, csrf };
        if self.sessions.open(token, session) {
            Ok(session)
        } else {
            Err(Refusal::TooManySessions)
        }
    }

    /// The open session with this token.
    pub fn session(&self, token: Token) -> Option<Session> {
        self.sessions.find(token)
    }

    /// Ends a session. Once this has returned, no request can start with its token.
    pub fn log_out(&self, token: Token) -> bool {
        self.sessions.close(token)
    }

    /// The store under this webmail.
    pub fn store(&self) -> &S {
        &self.store
    }
}

fn found<T>(item: Option<T>) -> Result<T, Refusal> {
    item.ok_or(Refusal::NotFound)
}
