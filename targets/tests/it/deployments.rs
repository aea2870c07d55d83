//! A webmail whose version changes while it is served.

use crosswire_targets::Options;
use crosswire_targets::mail::deployments::Deployments;
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::Client;

fn started() -> Deployments {
    Deployments::start(Options::new("mail", "shared-note")).unwrap()
}

#[tokio::test]
async fn sessions_and_mail_outlive_a_roll_out_and_a_roll_back() {
    let deployments = started();
    let mut user = Client::logged_in(&deployments.router(), 2).await;
    let mail = json!({ "to": "user2", "subject": "kept" });
    let sent = user.json(Method::POST, "/api/mail", &mail).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.text());

    deployments.deploy("per-request").unwrap();
    let inbox = user.get("/api/inbox").await;
    assert_eq!(inbox.status, StatusCode::OK, "the session goes on");
    assert!(inbox.text().contains("kept"), "{}", inbox.text());

    deployments.close();
    let closed = user.get("/api/inbox").await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!closed.text().contains("kept"));

    deployments.deploy("shared-note").unwrap();
    let deleted = user.json(Method::DELETE, "/api/mail/4", &json!({})).await;
    assert_eq!(deleted.status, StatusCode::OK, "the CSRF token goes on");
}

#[tokio::test]
async fn what_is_logged_out_under_one_version_is_out_under_the_next() {
    let deployments = started();
    let mut user = Client::logged_in(&deployments.router(), 1).await;
    let mut same = Client::new(&deployments.router());
    same.cookies.clone_from(&user.cookies);
    let out = user.json(Method::POST, "/api/logout", &json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    deployments.deploy("per-request").unwrap();
    assert_eq!(
        same.get("/api/inbox").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn what_cannot_be_deployed_is_told() {
    let deployments = started();
    assert!(deployments.deploy("no-note").unwrap_err().is_unknown());
    let error = Deployments::start(Options::new("cache", "no-user")).unwrap_err();
    assert!(error.is_unknown(), "{error}");
    let mut remote = Options::new("mail", "per-request");
    remote.store = crosswire_targets::StoreKind::Remote(([127, 0, 0, 1], 1).into());
    assert!(Deployments::start(remote).unwrap_err().is_store());
    let other = Options::new("cache", crosswire_targets::targets()[1].variants[0].name);
    let error = Deployments::start(other).unwrap_err().to_string();
    assert!(
        error.contains("cannot be changed to another version"),
        "{error}"
    );
}
