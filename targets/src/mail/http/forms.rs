//! The pages' routes: the webmail for a person with a browser, scripts off.

use axum::extract::Path;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::failure::Manner;
use super::limits::{BadInput, MAX_ATTACHMENTS, check_display_name, check_draft};
use super::site::{At, Site};
use super::visit::{FormBody, LOGIN_COOKIE, SESSION_COOKIE, Visitor, cookie, number, numbers};
use super::{App, cookies, download, login, page};
use crate::Peer;
use crate::mail::service::{Action, Outcome};
use crate::mail::session::Token;
use crate::mail::store::{Attachment, Draft, Folder};

type Outgoing = Result<Response, Response>;

/// All routes of this file.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/inbox") }))
        .route("/login", get(show_login).post(log_in))
        .route("/logout", post(log_out))
        .route("/inbox", get(inbox))
        .route("/trash", get(trash))
        .route("/history", get(history))
        .route("/profile", get(profile).post(rename))
        .route("/compose", get(show_compose).post(compose))
        .route("/mail/{number}", get(read))
        .route("/mail/{number}/delete", post(delete))
        .route("/mail/{number}/restore", post(restore))
        .route("/mail/{number}/attachment/{index}", get(attachment))
}

#[derive(Deserialize)]
struct LoginForm {
    csrf: String,
    user: String,
    password: String,
}

#[derive(Deserialize)]
struct CsrfForm {
    csrf: String,
}

#[derive(Deserialize)]
struct ProfileForm {
    csrf: String,
    name: String,
}

async fn show_login(At(app): At) -> Response {
    login_page(&app, StatusCode::OK, None)
}

/// The log-in form, tied to this browser by a cookie: there is no session yet that could do it.
fn login_page(app: &App, status: StatusCode, problem: Option<&str>) -> Response {
    let Some(token) = app.world.fresh_token() else {
        return login::Failed::Unable.reply(Manner::Page);
    };
    let csrf = token.to_hex();
    (
        status,
        cookies::set(LOGIN_COOKIE, &csrf, app.secure),
        page::login(&csrf, problem),
    )
        .into_response()
}

async fn log_in(
    At(app): At,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    FormBody(form): FormBody<LoginForm>,
) -> Outgoing {
    let served = cookie(&headers, LOGIN_COOKIE).and_then(Token::from_hex);
    if served.is_none() || served != Token::from_hex(&form.csrf) {
        return Err(Manner::Page.forged());
    }
    match login::log_in(
        &app,
        peer.map(|Extension(peer)| peer),
        &form.user,
        form.password,
    )
    .await
    {
        Ok(opened) => {
            let session = cookies::set(SESSION_COOKIE, &opened.token.to_hex(), app.secure);
            Ok((
                session,
                cookies::clear(LOGIN_COOKIE, app.secure),
                Redirect::to("/inbox"),
            )
                .into_response())
        }
        Err(login::Failed::Wrong) => Ok(login_page(
            &app,
            StatusCode::UNAUTHORIZED,
            Some("Wrong user name or password."),
        )),
        Err(failed) => Err(failed.reply(Manner::Page)),
    }
}

async fn log_out(At(app): At, visitor: Visitor, FormBody(form): FormBody<CsrfForm>) -> Outgoing {
    visitor.check_form(&form.csrf)?;
    app.desk.log_out(visitor.token);
    Ok((
        cookies::clear(SESSION_COOKIE, app.secure),
        Redirect::to("/login"),
    )
        .into_response())
}

async fn inbox(At(app): At, visitor: Visitor) -> Response {
    show(&app, &visitor, Action::List(Folder::Inbox)).await
}

async fn trash(At(app): At, visitor: Visitor) -> Response {
    show(&app, &visitor, Action::List(Folder::Trash)).await
}

async fn history(At(app): At, visitor: Visitor) -> Response {
    show(&app, &visitor, Action::History).await
}

async fn profile(At(app): At, visitor: Visitor) -> Response {
    show(&app, &visitor, Action::Profile).await
}

async fn read(At(app): At, visitor: Visitor, Path(mail): Path<String>) -> Outgoing {
    let number = number(&mail, Manner::Page)?;
    Ok(show(&app, &visitor, Action::Read(number)).await)
}

async fn attachment(At(app): At, visitor: Visitor, Path(path): Path<(String, String)>) -> Outgoing {
    let (number, index) = numbers(&path, Manner::Page)?;
    Ok(show(&app, &visitor, Action::Attachment(number, index)).await)
}

async fn show_compose(At(app): At, visitor: Visitor) -> Response {
    let csrf = visitor.session.csrf.to_hex();
    let asked = app.ask(&visitor, Action::Profile).await;
    asked.reply(Manner::Page, |answer| {
        page::compose(&answer, &csrf).into_response()
    })
}

async fn rename(At(app): At, visitor: Visitor, FormBody(form): FormBody<ProfileForm>) -> Outgoing {
    visitor.check_form(&form.csrf)?;
    check_display_name(&form.name).map_err(unprocessable)?;
    Ok(then(&app, &visitor, Action::Rename(form.name), "/profile").await)
}

async fn delete(
    At(app): At,
    visitor: Visitor,
    Path(mail): Path<String>,
    FormBody(form): FormBody<CsrfForm>,
) -> Outgoing {
    visitor.check_form(&form.csrf)?;
    let number = number(&mail, Manner::Page)?;
    Ok(then(&app, &visitor, Action::Delete(number), "/inbox").await)
}

async fn restore(
    At(app): At,
    visitor: Visitor,
    Path(mail): Path<String>,
    FormBody(form): FormBody<CsrfForm>,
) -> Outgoing {
    visitor.check_form(&form.csrf)?;
    let number = number(&mail, Manner::Page)?;
    Ok(then(&app, &visitor, Action::Restore(number), "/trash").await)
}

async fn compose(At(app): At, visitor: Visitor, form: Multipart) -> Outgoing {
    let (csrf, draft) = read_draft(form, app.world.unix_seconds()).await?;
    visitor.check_form(&csrf)?;
    let draft = check_draft(draft).map_err(unprocessable)?;
    Ok(then(&app, &visitor, Action::Compose(draft), "/inbox").await)
}

/// Reads the compose form: the token, and the mail as it stands.
async fn read_draft(mut form: Multipart, sent_at: u64) -> Result<(String, Draft), Response> {
    let mut csrf = String::new();
    let mut draft = Draft {
        to: String::new(),
        subject: String::new(),
        body: String::new(),
        attachments: Vec::new(),
        sent_at,
    };
    while let Some(field) = form.next_field().await.map_err(bad_form)? {
        match field.name().unwrap_or_default() {
            "csrf" => csrf = field.text().await.map_err(bad_form)?,
            "to" => draft.to = field.text().await.map_err(bad_form)?,
            "subject" => draft.subject = field.text().await.map_err(bad_form)?,
            "body" => draft.body = field.text().await.map_err(bad_form)?,
            "attachment" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let media_type = field.content_type().unwrap_or_default().to_owned();
                let data = field.bytes().await.map_err(bad_form)?.to_vec();
                // A browser sends a nameless, empty file when none was chosen.
                if !(name.is_empty() && data.is_empty())
                    && draft.attachments.len() <= MAX_ATTACHMENTS
                {
                    draft.attachments.push(Attachment {
                        name,
                        media_type,
                        data,
                    });
                }
            }
            other => {
                return Err(unprocessable(BadInput(format!(
                    "the form has no field \"{other}\""
                ))));
            }
        }
    }
    Ok((csrf, draft))
}

fn bad_form(error: MultipartError) -> Response {
    Manner::Page.failure(error.status(), &error.body_text())
}

fn unprocessable(bad: BadInput) -> Response {
    Manner::Page.failure(StatusCode::UNPROCESSABLE_ENTITY, &bad.0)
}

/// Answers with a page, made for whoever the answer is for.
async fn show(app: &App, visitor: &Visitor, action: Action) -> Response {
    let csrf = visitor.session.csrf.to_hex();
    let in_trash = action == Action::List(Folder::Trash);
    app.ask(visitor, action)
        .await
        .reply(Manner::Page, |answer| match &answer.outcome {
            Outcome::Listed(mails) if in_trash => {
                page::trash(&answer, mails, &csrf).into_response()
            }
            Outcome::Listed(mails) => page::inbox(&answer, mails, &csrf).into_response(),
            Outcome::Read(mail) => page::mail(&answer, mail, &csrf).into_response(),
            Outcome::History(logins) => page::history(&answer, logins, &csrf).into_response(),
            Outcome::Attachment(attachment) => download::download(attachment.clone()),
            _ => page::profile(&answer, &csrf).into_response(),
        })
}

/// Does something and sends the browser on, so that reloading the page does not do it again.
async fn then(app: &App, visitor: &Visitor, action: Action, next: &str) -> Response {
    app.ask(visitor, action)
        .await
        .reply(Manner::Page, |_| Redirect::to(next).into_response())
}
