//! A store before each call of which another request can go on. A store in memory never waits, as one behind a connection
//! does at every call; where requests are explored, this stands for it.

use super::store::{
    Account, Attachment, Credentials, Draft, Folder, Login, Mail, NewUser, Store, StoreError,
    Summary, UserId,
};
use crate::sync::point;

/// Any store, with a point for other requests before each call.
#[derive(Debug)]
pub struct StepwiseStore<S>(S);

impl<S: Store> StepwiseStore<S> {
    /// `store`, with these points.
    pub fn new(store: S) -> Self {
        Self(store)
    }
}

impl<S: Store> Store for StepwiseStore<S> {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        point().await;
        self.0.create_user(new).await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        point().await;
        self.0.credentials(name).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        point().await;
        self.0.account(user).await
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        point().await;
        self.0.rename(user, display).await
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        point().await;
        self.0.record_login(user, login).await
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        point().await;
        self.0.logins(user, limit).await
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        point().await;
        self.0.list(user, folder).await
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        point().await;
        self.0.read(user, number).await
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        point().await;
        self.0.attachment(user, number, index).await
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        point().await;
        self.0.deliver(from, draft).await
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        point().await;
        self.0.file(user, number, folder).await
    }
}
