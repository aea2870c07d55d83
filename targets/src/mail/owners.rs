//! A store with several owners: versions of the webmail that are served one after the other.

use std::sync::Arc;

use super::store::{
    Account, Attachment, Credentials, Draft, Folder, Login, Mail, NewUser, Store, StoreError,
    Summary, UserId,
};

impl<S: Store> Store for Arc<S> {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        (**self).create_user(new).await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        (**self).credentials(name).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        (**self).account(user).await
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        (**self).rename(user, display).await
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        (**self).record_login(user, login).await
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        (**self).logins(user, limit).await
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        (**self).list(user, folder).await
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        (**self).read(user, number).await
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        (**self).attachment(user, number, index).await
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        (**self).deliver(from, draft).await
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        (**self).file(user, number, folder).await
    }
}
