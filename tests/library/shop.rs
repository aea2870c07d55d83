//! A service of baskets, with and without its fault, made anew for every execution. No tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use crosswire::Step;
use crosswire::check::Exploration;
use tokio::task::coop::consume_budget;

/// What every password begins with.
pub(crate) const PASSWORD: &str = "correct-horse";

#[derive(Clone, Default)]
struct Shop {
    baskets: Arc<Mutex<BTreeMap<String, String>>>,
    /// Whose basket is being paid, for all requests.
    paying: Arc<Mutex<String>>,
}

/// The memo of who pays is shared by all requests.
pub(crate) fn faulty() -> Router {
    routes()
        .route("/basket", get(pay).put(fill))
        .with_state(Shop::default())
}

/// There is no memo.
pub(crate) fn repaired() -> Router {
    routes()
        .route("/basket", get(pay_rightly).put(fill))
        .with_state(Shop::default())
}

fn routes() -> Router<Shop> {
    Router::new().route("/login", post(log_in))
}

/// An exploration of either service: alice and bob log in, fill their baskets, and pay at the same time.
pub(crate) fn all_orders(factory: fn() -> Router) -> Exploration {
    with_steps(crosswire::explore(factory))
}

/// The same within two preemptions, which is sooner over.
pub(crate) fn exploration(factory: fn() -> Router) -> Exploration {
    all_orders(factory).preemptions(2)
}

/// The same requests, of any service.
pub(crate) fn with_steps(exploration: Exploration) -> Exploration {
    let form = [
        ("user", "{{ user.name }}"),
        ("password", "{{ user.password }}"),
    ];
    exploration
        .named("shop")
        // No order is left out because the machine is busy.
        .duration(Duration::from_secs(3_600))
        .user("alice", [("password", format!("{PASSWORD}-alice"))])
        .user("bob", [("password", format!("{PASSWORD}-bob"))])
        .setup(
            Step::post("log in", "/login")
                .login()
                .form(form)
                .status(303),
        )
        .each_round(Step::put("fill the basket", "/basket").text("{{ secret('basket') }}"))
        .request("alice", pay_step())
        .request("bob", pay_step())
}

pub(crate) fn pay_step() -> Step {
    Step::get("pay", "/basket").sees(["basket"])
}

async fn log_in(Form(form): Form<BTreeMap<String, String>>) -> Response {
    if form["password"] != format!("{PASSWORD}-{}", form["user"]) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cookie = format!("sid={}; Path=/", form["user"]);
    let headers = [("set-cookie", cookie), ("location", "/basket".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn user(headers: &HeaderMap) -> String {
    let cookie = headers
        .get("cookie")
        .and_then(|cookie| cookie.to_str().ok());
    let user = cookie.and_then(|cookie| cookie.strip_prefix("sid="));
    user.unwrap_or("nobody").to_owned()
}

/// A query: others may go on while it is under way.
async fn basket(shop: &Shop, user: &str) -> String {
    consume_budget().await;
    shop.baskets
        .lock()
        .unwrap()
        .get(user)
        .cloned()
        .unwrap_or_default()
}

async fn fill(State(shop): State<Shop>, headers: HeaderMap, text: String) -> StatusCode {
    consume_budget().await;
    shop.baskets.lock().unwrap().insert(user(&headers), text);
    StatusCode::NO_CONTENT
}

async fn pay(State(shop): State<Shop>, headers: HeaderMap) -> String {
    *shop.paying.lock().unwrap() = user(&headers);
    let _own = basket(&shop, &user(&headers)).await;
    let paying = shop.paying.lock().unwrap().clone();
    basket(&shop, &paying).await
}

async fn pay_rightly(State(shop): State<Shop>, headers: HeaderMap) -> String {
    let _own = basket(&shop, &user(&headers)).await;
    basket(&shop, &user(&headers)).await
}
