//! A store that pauses before every call, to widen the window between write and read. Off unless asked for.

use std::time::Duration;

use super::store::{
    Account, Attachment, Credentials, Draft, Folder, Login, Mail, NewUser, Store, StoreError,
    Summary, UserId,
};

/// Any store, with a pause before each call.
#[derive(Debug)]
pub struct DelayedStore<S> {
    store: S,
    pause: Duration,
}

impl<S: Store> DelayedStore<S> {
    /// `store`, with this pause; zero is none at all.
    pub fn new(store: S, pause: Duration) -> Self {
        Self { store, pause }
    }

    async fn paused(&self) -> &S {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        &self.store
    }
}

impl<S: Store> Store for DelayedStore<S> {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        self.paused().await.create_user(new).await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        self.paused().await.credentials(name).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.paused().await.account(user).await
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        self.paused().await.rename(user, display).await
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        self.paused().await.record_login(user, login).await
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        self.paused().await.logins(user, limit).await
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        self.paused().await.list(user, folder).await
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        self.paused().await.read(user, number).await
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        self.paused().await.attachment(user, number, index).await
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        self.paused().await.deliver(from, draft).await
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        self.paused().await.file(user, number, folder).await
    }
}
