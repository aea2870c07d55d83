//! The service: every user is a tenant with pages of its own, and a front page that shows how the first one begins.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde::Deserialize;

use super::Site;
use super::database::{Failure, Statement};
use super::pool::Pool;
use super::tenancy::{Rule, Work, done};
use crate::members::{self, Member};

/// Most pages that are given at once.
const MOST_PAGES: u16 = 2_000;

/// The service's paths.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/page", put(write).get(page))
        .route("/pages", get(pages))
        .route("/front", get(front))
}

async fn write(
    State(pool): State<Arc<Pool>>,
    State(rule): State<Rule>,
    member: Member,
    text: String,
) -> Response {
    answer(done(&pool, rule, member, Work::Write(text)).await)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default = "first")]
    number: u16,
}

fn first() -> u16 {
    1
}

async fn page(
    State(pool): State<Arc<Pool>>,
    State(rule): State<Rule>,
    member: Member,
    Query(Wanted { number }): Query<Wanted>,
) -> Response {
    answer(done(&pool, rule, member, Work::Page(number)).await)
}

#[derive(Deserialize)]
struct Last {
    last: u16,
}

async fn pages(
    State(pool): State<Arc<Pool>>,
    State(rule): State<Rule>,
    member: Member,
    Query(Last { last }): Query<Last>,
) -> Response {
    let work = Work::Pages(last.min(MOST_PAGES));
    answer(done(&pool, rule, member, work).await)
}

/// The path on which nobody thought of tenants: it asks the view as it finds it.
async fn front(State(pool): State<Arc<Pool>>, _: Member) -> Response {
    answer(begins(&pool).await)
}

async fn begins(pool: &Pool) -> Result<String, Failure> {
    let text = pool.lend().await?.run(Statement::Front).await?;
    Ok(text.unwrap_or_default())
}

fn answer(done: Result<String, Failure>) -> Response {
    let private = members::private();
    match done {
        Ok(text) => (private, text).into_response(),
        Err(Failure::Missing) => (StatusCode::NOT_FOUND, private, "no such page\n").into_response(),
        Err(Failure::Broken(why)) => {
            let said = format!("the database refuses: {why}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, private, said).into_response()
        }
        Err(Failure::Ended(why)) => {
            let said = format!("the connection to the database has ended: {why}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, private, said).into_response()
        }
    }
}
