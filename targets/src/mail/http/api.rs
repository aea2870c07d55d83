//! The routes under `/api`: the webmail as JSON.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::StatusCode;

use super::failure::Manner;
use super::json::{AnswerOut, LoggedIn, LoginIn, MailIn, ProfileIn, last_login};
use super::limits::{BadInput, check_display_name, check_draft};
use super::site::{At, Site};
use super::visit::{Author, JsonBody, SESSION_COOKIE, Visitor, number, numbers};
use super::{App, cookies, download, login};
use crate::Peer;
use crate::mail::service::{Action, Outcome};
use crate::mail::store::Folder;

type Outgoing = Result<Response, Response>;

/// All routes of this file.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/api/login", post(log_in))
        .route("/api/logout", post(log_out))
        .route("/api/inbox", get(inbox))
        .route("/api/trash", get(trash))
        .route("/api/history", get(history))
        .route("/api/profile", get(profile).put(rename))
        .route("/api/mail", post(compose))
        .route("/api/mail/{number}", get(read).delete(delete))
        .route("/api/mail/{number}/restore", post(restore))
        .route("/api/mail/{number}/attachment/{index}", get(attachment))
}

async fn log_in(
    At(app): At,
    peer: Option<Extension<Peer>>,
    JsonBody(attempt): JsonBody<LoginIn>,
) -> Outgoing {
    let opened = login::log_in(
        &app,
        peer.map(|Extension(peer)| peer),
        &attempt.user,
        attempt.password,
    )
    .await;
    let opened = opened.map_err(|failed| failed.reply(Manner::Json))?;
    let body = LoggedIn {
        user: attempt.user,
        csrf: opened.session.csrf.to_hex(),
        last_login: last_login(&opened.session.requester),
    };
    Ok((
        cookies::set(SESSION_COOKIE, &opened.token.to_hex(), app.secure),
        Json(body),
    )
        .into_response())
}

async fn log_out(At(app): At, Author(visitor): Author) -> Response {
    app.desk.log_out(visitor.token);
    (
        StatusCode::NO_CONTENT,
        cookies::clear(SESSION_COOKIE, app.secure),
    )
        .into_response()
}

async fn inbox(At(app): At, visitor: Visitor) -> Response {
    reply(&app, &visitor, Action::List(Folder::Inbox), 0).await
}

async fn trash(At(app): At, visitor: Visitor) -> Response {
    reply(&app, &visitor, Action::List(Folder::Trash), 0).await
}

async fn history(At(app): At, visitor: Visitor) -> Response {
    reply(&app, &visitor, Action::History, 0).await
}

async fn profile(At(app): At, visitor: Visitor) -> Response {
    reply(&app, &visitor, Action::Profile, 0).await
}

async fn rename(
    At(app): At,
    Author(visitor): Author,
    JsonBody(new): JsonBody<ProfileIn>,
) -> Outgoing {
    check_display_name(&new.name).map_err(unprocessable)?;
    Ok(reply(&app, &visitor, Action::Rename(new.name), 0).await)
}

async fn read(At(app): At, visitor: Visitor, Path(mail): Path<String>) -> Outgoing {
    let number = number(&mail, Manner::Json)?;
    Ok(reply(&app, &visitor, Action::Read(number), number).await)
}

async fn attachment(At(app): At, visitor: Visitor, Path(path): Path<(String, String)>) -> Outgoing {
    let (number, index) = numbers(&path, Manner::Json)?;
    Ok(reply(&app, &visitor, Action::Attachment(number, index), number).await)
}

async fn compose(
    At(app): At,
    Author(visitor): Author,
    JsonBody(mail): JsonBody<MailIn>,
) -> Outgoing {
    let draft = mail
        .into_draft(app.world.unix_seconds())
        .and_then(check_draft)
        .map_err(unprocessable)?;
    Ok(reply(&app, &visitor, Action::Compose(draft), 0).await)
}

async fn delete(At(app): At, Author(visitor): Author, Path(mail): Path<String>) -> Outgoing {
    let number = number(&mail, Manner::Json)?;
    Ok(reply(&app, &visitor, Action::Delete(number), number).await)
}

async fn restore(At(app): At, Author(visitor): Author, Path(mail): Path<String>) -> Outgoing {
    let number = number(&mail, Manner::Json)?;
    Ok(reply(&app, &visitor, Action::Restore(number), number).await)
}

async fn reply(app: &App, visitor: &Visitor, action: Action, number: u64) -> Response {
    let asked = app.ask(visitor, action).await;
    asked.reply(Manner::Json, |answer| match answer.outcome {
        Outcome::Attachment(attachment) => download::download(attachment),
        Outcome::Sent(_) => {
            (StatusCode::CREATED, Json(AnswerOut::new(answer, number))).into_response()
        }
        _ => Json(AnswerOut::new(answer, number)).into_response(),
    })
}

fn unprocessable(bad: BadInput) -> Response {
    Manner::Json.failure(StatusCode::UNPROCESSABLE_ENTITY, &bad.0)
}
