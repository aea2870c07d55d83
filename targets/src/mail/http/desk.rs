//! The webmail as its HTTP side sees it: one object, whatever the store and the note.

use std::future::Future;
use std::pin::Pin;

use crate::mail::note::{Note, Requester};
use crate::mail::service::{Action, Answer, Refusal, Webmail};
use crate::mail::session::{Session, Token};
use crate::mail::store::{Credentials, Login, Store, StoreError};

type Reply<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// [`Webmail`] without its type parameters, so that the handlers are compiled once for all variants.
pub(super) trait Desk: Send + Sync + 'static {
    fn answer(&self, requester: Requester, action: Action) -> Reply<'_, Answer, Refusal>;
    fn credentials<'a>(&'a self, name: &'a str) -> Reply<'a, Option<Credentials>, StoreError>;
    fn log_in<'a>(
        &'a self,
        credentials: &'a Credentials,
        login: Login,
        token: Token,
        csrf: Token,
    ) -> Reply<'a, Session, Refusal>;
    fn session(&self, token: Token) -> Option<Session>;
    fn log_out(&self, token: Token) -> bool;
}

impl<S: Store, N: Note> Desk for Webmail<S, N> {
    fn answer(&self, requester: Requester, action: Action) -> Reply<'_, Answer, Refusal> {
        Box::pin(Webmail::answer(self, requester, action))
    }

    fn credentials<'a>(&'a self, name: &'a str) -> Reply<'a, Option<Credentials>, StoreError> {
        Box::pin(Webmail::credentials(self, name))
    }

    fn log_in<'a>(
        &'a self,
        credentials: &'a Credentials,
        login: Login,
        token: Token,
        csrf: Token,
    ) -> Reply<'a, Session, Refusal> {
        Box::pin(Webmail::log_in(self, credentials, login, token, csrf))
    }

    fn session(&self, token: Token) -> Option<Session> {
        Webmail::session(self, token)
    }

    fn log_out(&self, token: Token) -> bool {
        Webmail::log_out(self, token)
    }
}
