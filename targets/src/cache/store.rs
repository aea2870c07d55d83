//! The cache itself: it stores answers, and lets requests share one that is on its way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, response};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::rules::Rules;
use crate::sync::Mutex;

/// Bytes of an answer that is stored; none is longer here.
const LARGEST: usize = 1 << 20;
/// Most keys; when there are as many, nothing more is stored.
const KEYS: usize = 10_000;

/// Answers that were stored, and those on their way.
#[derive(Debug)]
pub(super) struct Cache {
    rules: Rules,
    kept: Mutex<BTreeMap<String, Vec<Kept>>>,
    flights: Mutex<BTreeMap<String, Flight>>,
}

/// An answer on its way, for everybody who waits for it.
type Flight = Arc<OnceCell<Answer>>;

/// A whole answer.
#[derive(Clone, Debug)]
struct Answer {
    head: response::Parts,
    body: Bytes,
}

/// A stored answer, and which requests it is for.
#[derive(Debug)]
struct Kept {
    answer: Answer,
    /// The request's values of the headers that it depends on.
    varies: Vec<(HeaderName, Option<HeaderValue>)>,
    until: Instant,
}

impl Cache {
    /// An empty one.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            kept: Mutex::new(BTreeMap::new()),
            flights: Mutex::new(BTreeMap::new()),
        }
    }

    fn key(&self, request: &Request) -> String {
        let uri = request.uri();
        match uri.query().filter(|_| self.rules.query_in_key) {
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        }
    }

    fn find(&self, key: &str, headers: &HeaderMap) -> Option<Answer> {
        let kept = self.kept.lock();
        let fits = |one: &&Kept| {
            one.until > Instant::now()
                && one
                    .varies
                    .iter()
                    .all(|(name, value)| headers.get(name) == value.as_ref())
        };
        let found = kept.get(key)?.iter().find(fits)?;
        Some(found.answer.clone())
    }

    fn keep(&self, key: String, headers: &HeaderMap, answer: &Answer) {
        let Some(life) = self.life(headers, answer) else {
            return;
        };
        let names = answer.head.headers.get_all(VARY).into_iter();
        let names = names
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        let names = names.filter_map(|name| name.trim().parse::<HeaderName>().ok());
        let varies = names
            .filter(|_| self.rules.heeds_vary)
            .map(|name| (name.clone(), headers.get(name).cloned()))
            .collect();
        let mut kept = self.kept.lock();
        if kept.len() >= KEYS {
            return;
        }
        let now = Instant::now();
        let ones = kept.entry(key).or_default();
        ones.retain(|one| one.until > now);
        ones.push(Kept {
            answer: answer.clone(),
            varies,
            until: now + life,
        });
    }

    /// How long an answer to such a request may be kept, if it may.
    fn life(&self, asked: &HeaderMap, answer: &Answer) -> Option<Duration> {
        let said = &answer.head.headers;
        let may_be = said
            .get(CACHE_CONTROL)
            .is_some_and(|line| line.as_bytes().starts_with(b"max-age"));
        let is_public = !has_credentials(asked) || self.rules.stores_private;
        let sets_none = !said.contains_key(SET_COOKIE) || self.rules.stores_set_cookie;
        let is_good = answer.head.status == StatusCode::OK;
        (is_good && may_be && is_public && sets_none).then_some(self.rules.life)
    }
}

/// Answers from what is stored, or lets the service answer.
pub(super) async fn answer(
    State(cache): State<Arc<Cache>>,
    request: Request,
    next: Next,
) -> Response {
    let passes = cache.rules.cookie_passes_by && request.headers().contains_key(COOKIE);
    if request.method() != Method::GET || passes {
        return next.run(request).await;
    }
    let key = cache.key(&request);
    if let Some(found) = cache.find(&key, request.headers()) {
        return found.again();
    }
    let headers = request.headers().clone();
    let answer = match cache.rules.joins {
        false => fetched(request, next).await,
        true => {
            let flight = Arc::clone(cache.flights.lock().entry(key.clone()).or_default());
            let answer = flight.get_or_init(|| fetched(request, next)).await.clone();
            cache.flights.lock().remove(&key);
            answer
        }
    };
    cache.keep(key, &headers, &answer);
    answer.into_response()
}

async fn fetched(request: Request, next: Next) -> Answer {
    let (head, body) = next.run(request).await.into_parts();
    match to_bytes(body, LARGEST).await {
        Ok(body) => Answer { head, body },
        Err(_) => {
            let (head, ()) = StatusCode::BAD_GATEWAY
                .into_response()
                .map(|_| ())
                .into_parts();
            Answer {
                head,
                body: Bytes::new(),
            }
        }
    }
}

fn has_credentials(headers: &HeaderMap) -> bool {
    headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION)
}

impl Answer {
    /// As it is given from the store.
    fn again(self) -> Response {
        let mut response = self.into_response();
        response
            .headers_mut()
            .insert(AGE, HeaderValue::from_static("0"));
        response
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Response::from_parts(self.head, Body::from(self.body))
    }
}
