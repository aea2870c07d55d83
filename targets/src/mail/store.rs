//! What the webmail keeps: the data types, and the trait that every store implements.
//!
//! Mails are numbered per mailbox (1, 2, 3 … of that user), as mail protocols do. "Delete mail 2" therefore means
//! nothing without a user, and deletes the wrong person's mail when the user is wrong.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// A user's number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct UserId(pub u64);

/// A user to be created.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewUser {
    /// The name to log in with; unique.
    pub name: String,
    /// The name shown to others.
    pub display: String,
    /// The password's hash in PHC string format.
    pub password_hash: String,
    /// A log-in to start the history with.
    pub first_login: Option<Login>,
}

/// What a log-in is checked against.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Credentials {
    /// The user of that name.
    pub user: UserId,
    /// The password's hash in PHC string format.
    pub password_hash: String,
}

/// A user as the pages name them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Account {
    /// The name to log in with.
    pub name: String,
    /// The name shown to others.
    pub display: String,
}

/// One log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Login {
    /// When, in seconds since 1970 (UTC).
    pub at: u64,
    /// From where; `0.0.0.0` if unknown.
    pub address: Ipv4Addr,
}

/// Where a mail lies within its mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Folder {
    /// Not deleted.
    Inbox,
    /// Deleted, and can be restored.
    Trash,
}

/// A mail in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Summary {
    /// Its number in the mailbox, from 1.
    pub number: u64,
    /// The sender's log-in name.
    pub from: String,
    /// The subject line.
    pub subject: String,
    /// When it was sent, in seconds since 1970 (UTC).
    pub sent_at: u64,
    /// How many attachments it has.
    pub attachments: usize,
    /// Where it lies.
    pub folder: Folder,
}

/// A whole mail, without its attachments' bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Mail {
    /// What a list shows of it.
    pub summary: Summary,
    /// The text.
    pub body: String,
    /// The attachments in order; the first has index 1.
    pub attachments: Vec<AttachmentInfo>,
}

/// An attachment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AttachmentInfo {
    /// The file name.
    pub name: String,
    /// The media type, for instance `text/plain`.
    pub media_type: String,
    /// The length in bytes.
    pub size: usize,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Attachment {
    /// The file name.
    pub name: String,
    /// The media type, for instance `text/plain`.
    pub media_type: String,
    /// The content.
    pub data: Vec<u8>,
}

impl AttachmentInfo {
    /// What there is to say about `attachment` without its bytes.
    pub fn of(attachment: &Attachment) -> Self {
        Self {
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            size: attachment.data.len(),
        }
    }
}

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Draft {
    /// The recipient's log-in name.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The attachments in order.
    pub attachments: Vec<Attachment>,
    /// When it is sent, in seconds since 1970 (UTC).
    pub sent_at: u64,
}

/// Keeps users, their log-ins and their mail. Every call is one atomic step; what it returned as done is kept.
///
/// Each method fails with a [`StoreError`] if the store itself cannot be read or written. What is not there is `None`.
pub trait Store: Send + Sync + 'static {
    /// Creates a user; `None` if the name is taken.
    fn create_user(
        &self,
        new: NewUser,
    ) -> impl Future<Output = Result<Option<UserId>, StoreError>> + Send;

    /// What a log-in as `name` is checked against.
    fn credentials(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Credentials>, StoreError>> + Send;

    /// How the pages name `user`.
    fn account(
        &self,
        user: UserId,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// Sets the name shown to others; false if there is no such user.
    fn rename(
        &self,
        user: UserId,
        display: String,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Appends a log-in to the user's history and returns the one before it.
    fn record_login(
        &self,
        user: UserId,
        login: Login,
    ) -> impl Future<Output = Result<Option<Login>, StoreError>> + Send;

    /// The user's log-ins, newest first, at most `limit`.
    fn logins(
        &self,
        user: UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Login>, StoreError>> + Send;

    /// The user's mails in one folder, by number.
    fn list(
        &self,
        user: UserId,
        folder: Folder,
    ) -> impl Future<Output = Result<Vec<Summary>, StoreError>> + Send;

    /// The user's mail of that number, in whichever folder.
    fn read(
        &self,
        user: UserId,
        number: u64,
    ) -> impl Future<Output = Result<Option<Mail>, StoreError>> + Send;

    /// An attachment of the user's mail of that number; the first has index 1.
    fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> impl Future<Output = Result<Option<Attachment>, StoreError>> + Send;

    /// Puts a mail into the recipient's inbox and returns its number there; `None` if nobody has the recipient's name.
    fn deliver(
        &self,
        from: UserId,
        draft: Draft,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Moves the user's mail of that number from the other folder to `folder` and returns its subject; `None` if it
    /// is not in the other folder.
    fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;
}

/// A store that could not be opened, read or written.
#[derive(Debug)]
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// An error for this reason.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }

    /// The reason alone.
    pub fn reason(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "mail store: {}", self.0)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
