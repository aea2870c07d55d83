//! A client that calls a webmail's router in process and keeps its cookies.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use crosswire_targets::mail::memory::MemoryStore;
use crosswire_targets::mail::seed;
use crosswire_targets::mail::variant::Variant;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A webmail in memory with this many seeded users.
pub(crate) async fn webmail(variant: Variant, users: usize) -> Router {
    let store = MemoryStore::new();
    seed::seed(&store, users).await.unwrap();
    variant.router(store, false).unwrap()
}

/// What answers requests: a router, or a target as it is explored.
pub(crate) trait Service:
    tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
}

impl<S> Service for S where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
{
}

/// One browser or JSON client.
pub(crate) struct Client<S = Router> {
    router: S,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) csrf: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl<S: Service> Client<S> {
    pub(crate) fn new(router: &S) -> Self {
        Self {
            router: router.clone(),
            cookies: BTreeMap::new(),
            csrf: String::new(),
        }
    }

    /// A client that has logged in as a seeded user over JSON.
    pub(crate) async fn logged_in(router: &S, number: usize) -> Self {
        let mut client = Self::new(router);
        let reply = client
            .log_in(&seed::user_name(number), &seed::password(number))
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        client
    }

    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Reply {
        let reply = self
            .json(
                Method::POST,
                "/api/login",
                &json!({ "user": user, "password": password }),
            )
            .await;
        if reply.status.is_success() {
            self.csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
        }
        reply
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, "", Vec::new()).await
    }

    /// A JSON request with the session's CSRF token.
    pub(crate) async fn json(&mut self, method: Method, path: &str, body: &Value) -> Reply {
        self.send(
            method,
            path,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await
    }

    /// A form's fields, already encoded.
    pub(crate) async fn form(&mut self, path: &str, fields: &str) -> Reply {
        self.send(
            Method::POST,
            path,
            "application/x-www-form-urlencoded",
            fields.as_bytes().to_vec(),
        )
        .await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Reply {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookies.join("; "));
        if !media_type.is_empty() {
            request = request.header(CONTENT_TYPE, media_type);
        }
        if !self.csrf.is_empty() {
            request = request.header("x-csrf-token", &self.csrf);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("; HttpOnly; SameSite=Lax; Path=/"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
