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
use super::shelf::{Kept, Shelf};
use crate::sync::Mutex;

/// Bytes of an answer that is stored; none is longer here.
const LARGEST: usize = 1 << 20;

/// Answers that were stored, and those on their way.
#[derive(Debug)]
pub(super) struct Cache {
    rules: Rules,
    kept: Mutex<Shelf>,
    flights: Mutex<BTreeMap<String, Flight>>,
}

/// An answer on its way, for everybody who waits for it.
type Flight = Arc<OnceCell<Answer>>;

/// A request that waits for one. Once it is there, or the last request has left before, nobody joins it any more.
struct Aboard<'c> {
    cache: &'c Cache,
    key: &'c str,
    flight: Flight,
}

impl Drop for Aboard<'_> {
    fn drop(&mut self) {
        let mut flights = self.cache.flights.lock();
        let is_there = flights
            .get(self.key)
            .is_some_and(|there| Arc::ptr_eq(there, &self.flight));
        // Two hold it when this is the last request: the table and this one.
        let is_last = Arc::strong_count(&self.flight) <= 2;
        if is_there && (self.flight.initialized() || is_last) {
            flights.remove(self.key);
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) head: response::Parts,
    pub(super) body: Bytes,
}

impl Cache {
    /// An empty one.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            kept: Mutex::new(Shelf::default()),
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
        kept.find(key, headers, Instant::now()).cloned()
    }

    fn keep(&self, key: &str, headers: &HeaderMap, answer: &Answer) {
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
        // Taken under the lock: they come in the order of their times.
        let mut kept = self.kept.lock();
        let now = Instant::now();
        let one = Kept {
            answer: answer.clone(),
            varies,
            until: now + life,
        };
        kept.keep(key, one, now);
    }

    /// The answer that is on its way for that key, or is to be.
    fn board<'c>(&'c self, key: &'c str) -> Aboard<'c> {
        let mut flights = self.flights.lock();
        let flight = Arc::clone(flights.entry(key.to_owned()).or_default());
        Aboard {
            cache: self,
            key,
            flight,
        }
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
            let aboard = cache.board(&key);
            let answer = aboard.flight.get_or_init(|| fetched(request, next));
            answer.await.clone()
        }
    };
    cache.keep(&key, &headers, &answer);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_under_way(cache: &Cache) -> bool {
        cache.flights.lock().contains_key("/profile")
    }

    #[test]
    fn a_flight_that_all_have_left_is_not_kept() {
        let cache = Cache::new(Rules::of("joined").unwrap());
        let (one, other) = (cache.board("/profile"), cache.board("/profile"));
        assert!(Arc::ptr_eq(&one.flight, &other.flight));
        drop(one);
        assert!(is_under_way(&cache), "somebody waits still");
        drop(other);
        assert!(!is_under_way(&cache));
    }

    #[test]
    fn a_flight_that_has_arrived_is_joined_by_nobody() {
        let cache = Cache::new(Rules::of("joined").unwrap());
        let (one, other) = (cache.board("/profile"), cache.board("/profile"));
        let (head, _) = StatusCode::OK.into_response().into_parts();
        let body = Bytes::new();
        one.flight.set(Answer { head, body }).unwrap();
        drop(one);
        assert!(!is_under_way(&cache));
        let next = cache.board("/profile");
        assert!(!Arc::ptr_eq(&next.flight, &other.flight));
        drop(other);
        assert!(is_under_way(&cache), "the next one is another");
    }
}
