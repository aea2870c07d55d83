//! The store behind a connection: every call is one line to a [`StoreServer`](super::store_server::StoreServer), and one
//! line back. Whoever relays these connections decides in which order the calls go on.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use tokio::io::BufStream;
use tokio::net::TcpStream;

use super::store::{
    Account, Attachment, Credentials, Draft, Folder, Login, Mail, NewUser, Store, StoreError,
    Summary, UserId,
};
use super::wire::{Call, Reply, receive, send};
use crate::sync::Mutex;

/// A store at an address, over connections that are lent for one call each; the one that came back last goes first.
#[derive(Debug)]
pub struct RemoteStore {
    address: SocketAddr,
    idle: Mutex<Vec<BufStream<TcpStream>>>,
}

impl RemoteStore {
    /// The store there. Nothing is connected before the first call.
    ///
    /// # Errors
    /// When the address is not a loopback address: what is sent is not encrypted, and nobody logs in.
    pub fn new(address: SocketAddr) -> Result<Self, StoreError> {
        if !address.ip().is_loopback() {
            let why = format!("{address} is not a loopback address");
            return Err(StoreError::new(why));
        }
        Ok(Self {
            address,
            idle: Mutex::new(Vec::new()),
        })
    }

    async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, StoreError> {
        let reply: Reply<T> = self.exchange(&call).await.map_err(|error| {
            let address = self.address;
            StoreError::new(format!("the store at {address} does not answer: {error}"))
        })?;
        reply.map_err(StoreError::new)
    }

    /// One call and its answer. The connection comes back once the answer is read whole; a call that is given up takes its
    /// connection along.
    async fn exchange<T: DeserializeOwned>(&self, call: &Call) -> io::Result<T> {
        let lent = self.idle.lock().pop();
        let mut connection = match lent {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                BufStream::new(stream)
            }
        };
        send(&mut connection, call).await?;
        let reply = receive(&mut connection).await?;
        let reply = reply.ok_or(ErrorKind::UnexpectedEof)?;
        self.idle.lock().push(connection);
        Ok(reply)
    }
}

impl Store for RemoteStore {
    async fn create_user(&self, new: NewUser) -> Result<Option<UserId>, StoreError> {
        self.call(Call::CreateUser { new }).await
    }

    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let name = name.to_owned();
        self.call(Call::Credentials { name }).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.call(Call::Account { user }).await
    }

    async fn rename(&self, user: UserId, display: String) -> Result<bool, StoreError> {
        self.call(Call::Rename { user, display }).await
    }

    async fn record_login(&self, user: UserId, login: Login) -> Result<Option<Login>, StoreError> {
        self.call(Call::RecordLogin { user, login }).await
    }

    async fn logins(&self, user: UserId, limit: usize) -> Result<Vec<Login>, StoreError> {
        self.call(Call::Logins { user, limit }).await
    }

    async fn list(&self, user: UserId, folder: Folder) -> Result<Vec<Summary>, StoreError> {
        self.call(Call::List { user, folder }).await
    }

    async fn read(&self, user: UserId, number: u64) -> Result<Option<Mail>, StoreError> {
        self.call(Call::Read { user, number }).await
    }

    async fn attachment(
        &self,
        user: UserId,
        number: u64,
        index: usize,
    ) -> Result<Option<Attachment>, StoreError> {
        let call = Call::Attachment {
            user,
            number,
            index,
        };
        self.call(call).await
    }

    async fn deliver(&self, from: UserId, draft: Draft) -> Result<Option<u64>, StoreError> {
        self.call(Call::Deliver { from, draft }).await
    }

    async fn file(
        &self,
        user: UserId,
        number: u64,
        folder: Folder,
    ) -> Result<Option<String>, StoreError> {
        let call = Call::File {
            user,
            number,
            folder,
        };
        self.call(call).await
    }
}
