//! The store in memory: for exploring schedules and for model checks. It ends with the process.

use std::collections::BTreeMap;

use super::store::{
    Account, Attachment, AttachmentInfo, Credentials, Draft, Folder, Login, Mail, NewUser, Store,
    StoreError, Summary, UserId,
};
use crate::sync::Mutex;

/// Everything behind one lock, taken once per call.
#[derive(Debug)]
pub struct MemoryStore(Mutex<Users>);

#[derive(Clone, Debug, Default)]
struct Users {
    /// The user with id `n` is at `n - 1`.
    users: Vec<User>,
    ids: BTreeMap<String, UserId>,
}

#[derive(Clone, Debug)]
struct User {
    account: Account,
    password_hash: String,
    logins: Vec<Login>,
    /// The mail with number `n` is at `n - 1`.
    mails: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    from: String,
    subject: String,
    body: String,
    attachments: Vec<Attachment>,
    sent_at: u64,
    folder: Folder,
}

impl Users {
    fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(position(id.0)?)
    }

    fn get_mut(&mut self, id: UserId) -> Option<&mut User> {
        self.users.get_mut(position(id.0)?)
    }

    fn mail(&self, id: UserId, number: u64) -> Option<&Kept> {
        self.get(id)?.mails.get(position(number)?)
    }

    fn create(&mut self, new: NewUser) -> Option<UserId> {
        if self.ids.contains_key(&new.name) {
            return None;
        }
        let id = UserId(self.users.len() as u64 + 1);
        self.ids.insert(new.name.clone(), id);
        self.users.push(User {
            account: Account {
                name: new.name,
                display: new.display,
            },
            password_hash: new.password_hash,
            logins: new.first_login.into_iter().collect(),
            mails: Vec::new(),
        });
        Some(id)
    }

    fn deliver(&mut self, from: UserId, draft: Draft) -> Option<u64> {
        let sender = self.get(from)?.account.name.clone();
        let to = *self.ids.get(&draft.to)?;
        let mails = &mut self.get_mut(to)?.mails;
        mails.push(Kept {
            from: sender,
            subject: draft.subject,
            body: draft.body,
            attachments: draft.attachments,
            sent_at: draft.sent_at,
            folder: Folder::Inbox,
        });
        Some(mails.len() as u64)
    }
}

impl Kept {
    fn summary(&self, number: u64) -> Summary {
        Summary {
            number,
            from: self.from.clone(),
            subject: self.subject.clone(),
            sent_at: self.sent_at,
            attachments: self.attachments.len(),
            folder: self.folder,
        }
    }
}

/// Where the item with a number counted from 1 lies.
fn position(number: u64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

impl MemoryStore {
    /// A store without users.
    pub fn new() -> Self {
        Self(Mutex::new(Users::default()))
    }

    /// A store of its own with the same content.
    #[must_use]
    pub fn copied(&self) -> Self {
        let users = self.0.lock().clone();
        Self(Mutex::new(users))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        Ok(self.0.lock().create(new))
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let users = self.0.lock();
        let found = users
            .ids
            .get(name)
            .and_then(|id| Some((*id, users.get(*id)?)));
        Ok(found.map(|(id, user)| Credentials {
            user: id,
            password_hash: user.password_hash.clone(),
        }))
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.0.lock().get(user).map(|user| user.account.clone()))
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        let mut users = self.0.lock();
        let Some(user) = users.get_mut(user) else {
            return Ok(false);
        };
        user.account.display = display;
        Ok(true)
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        let mut users = self.0.lock();
        let Some(user) = users.get_mut(user) else {
            return Ok(None);
        };
        let previous = user.logins.last().copied();
        user.logins.push(login);
        Ok(previous)
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        let users = self.0.lock();
        Ok(users.get(user).map_or_else(Vec::new, |user| {
            user.logins.iter().rev().take(limit).copied().collect()
        }))
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        let users = self.0.lock();
        let Some(user) = users.get(user) else {
            return Ok(Vec::new());
        };
        let numbered = (1..)
            .zip(&user.mails)
            .filter(|(_, mail)| mail.folder == folder);
        Ok(numbered
            .map(|(number, mail)| mail.summary(number))
            .collect())
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        let users = self.0.lock();
        Ok(users.mail(user, number).map(|mail| Mail {
            summary: mail.summary(number),
            body: mail.body.clone(),
            attachments: mail.attachments.iter().map(AttachmentInfo::of).collect(),
        }))
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        let users = self.0.lock();
        let Some(mail) = users.mail(user, number) else {
            return Ok(None);
        };
        Ok(index
            .checked_sub(1)
            .and_then(|at| mail.attachments.get(at))
            .cloned())
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        Ok(self.0.lock().deliver(from, draft))
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        let mut users = self.0.lock();
        let mails = users.get_mut(user).map(|user| &mut user.mails);
        let mail = mails.and_then(|mails| mails.get_mut(position(number)?));
        Ok(mail.filter(|mail| mail.folder != folder).map(|mail| {
            mail.folder = folder;
            mail.subject.clone()
        }))
    }
}
