//! The service in Rust: notes of users in Redis, and the memo of 2008 that says who is asking, kept there as well.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::resp::Pool;

const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// The service, on threads of its own until it is dropped.
pub(crate) struct Memo {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Memo {
    /// Serves over this Redis. The fault is one memo for all; repaired, every request has its own.
    pub(crate) fn serve(redis: SocketAddr, fault: bool) -> Memo {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let desk = Arc::new(Desk {
            redis: Pool::new(redis),
            fault,
            requests: AtomicU64::new(0),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/note", get(read).put(write))
            .with_state(desk);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Memo {
            address,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Desk {
    redis: Pool,
    fault: bool,
    requests: AtomicU64,
}

impl Desk {
    /// Writes down who asks, and answers whoever is written down.
    async fn note(&self, user: &str) -> io::Result<String> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let memo = match self.fault {
            true => "memo".to_owned(),
            false => format!("memo:{number}"),
        };
        self.redis.ask(&["SET", &memo, user, "EX", "60"]).await?;
        let whom = self.redis.ask(&["GET", &memo]).await?;
        let note = format!("note:{}", whom.unwrap_or_default());
        Ok(self.redis.ask(&["GET", &note]).await?.unwrap_or_default())
    }
}

async fn read(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Result<String, StatusCode> {
    desk.note(user(&headers)?).await.map_err(no_store)
}

async fn write(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    note: String,
) -> Result<(), StatusCode> {
    let key = format!("note:{}", user(&headers)?);
    let written = desk.redis.ask(&["SET", &key, &note]).await;
    written.map(drop).map_err(no_store)
}

fn user(headers: &HeaderMap) -> Result<&'static str, StatusCode> {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = USERS.into_iter().find(|user| Some(*user) == given);
    known.ok_or(StatusCode::UNAUTHORIZED)
}

fn no_store(_: io::Error) -> StatusCode {
    StatusCode::BAD_GATEWAY
}
