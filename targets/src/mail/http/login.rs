//! Logging in: the password is checked off the reactor, and the session gets fresh tokens.

use axum::response::Response;
use http::StatusCode;

use super::App;
use super::failure::Manner;
use super::limits::MAX_PASSWORD_BYTES;
use crate::Peer;
use crate::mail::service::Refusal;
use crate::mail::session::{Session, Token};
use crate::mail::store::{Credentials, Login};

/// A session that was just opened.
pub(super) struct Opened {
    pub(super) token: Token,
    pub(super) session: Session,
}

/// Why nobody was logged in.
pub(super) enum Failed {
    /// No such user, or another password: nobody learns which.
    Wrong,
    /// The webmail refused.
    Refused(Refusal),
    /// The operating system gave no randomness, or the server is ending.
    Unable,
}

impl Failed {
    /// The answer to the attempt.
    pub(super) fn reply(&self, manner: Manner) -> Response {
        match self {
            Self::Wrong => manner.failure(StatusCode::UNAUTHORIZED, "wrong user name or password"),
            Self::Refused(refusal) => manner.refused(refusal),
            Self::Unable => manner.failure(
                StatusCode::SERVICE_UNAVAILABLE,
                "log-in is not possible now",
            ),
        }
    }
}

/// Logs `name` in if the password is right.
pub(super) async fn log_in(
    app: &App,
    peer: Option<Peer>,
    name: &str,
    password: String,
) -> Result<Opened, Failed> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Failed::Wrong);
    }
    let found = app
        .desk
        .credentials(name)
        .await
        .map_err(|error| Failed::Refused(error.into()))?;
    let hash = found.as_ref().map(|found| found.password_hash.as_str());
    let checked = app.world.is_right(password, hash).await;
    let right = checked.ok_or(Failed::Unable)?;
    let credentials = found.filter(|_| right).ok_or(Failed::Wrong)?;
    open(app, peer, &credentials).await
}

async fn open(app: &App, peer: Option<Peer>, credentials: &Credentials) -> Result<Opened, Failed> {
    let (token, csrf) = (
        app.world.fresh_token().ok_or(Failed::Unable)?,
        app.world.fresh_token().ok_or(Failed::Unable)?,
    );
    let login = Login {
        at: app.world.unix_seconds(),
        address: peer.unwrap_or_default().address,
    };
    let session = app
        .desk
        .log_in(credentials, login, token, csrf)
        .await
        .map_err(Failed::Refused)?;
    Ok(Opened { token, session })
}
