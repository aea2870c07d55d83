//! The JSON routes: what each answers, and what each refuses.

use crosswire_targets::mail::http::limits;
use crosswire_targets::mail::seed;
use crosswire_targets::mail::variant::Variant;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Client, webmail};

#[tokio::test]
async fn every_variant_serves_one_user_alone_rightly() {
    for variant in Variant::ALL {
        let router = webmail(variant, 2).await;
        let mut client = Client::logged_in(&router, 2).await;
        let inbox = client.get("/api/inbox").await;
        assert_eq!(inbox.status, StatusCode::OK);
        let inbox = inbox.json();
        let first = seed::first_login(2);
        assert_eq!(inbox["user"], "user2", "{variant:?}");
        assert_eq!(
            inbox["last_login"],
            json!({ "at": first.at, "address": first.address.to_string() })
        );
        assert_eq!(inbox["mails"].as_array().unwrap().len(), 3);
        assert_eq!(inbox["mails"][1]["subject"], "Minutes (user2)");
        assert_eq!(inbox["mails"][1]["attachments"], 1);
    }
}

#[tokio::test]
async fn mails_are_sent_read_deleted_and_restored_by_number_per_mailbox() {
    let router = webmail(Variant::PerRequest, 5).await;
    let mut sender = Client::logged_in(&router, 4).await;
    let mut recipient = Client::logged_in(&router, 5).await;
    let draft = json!({
        "to": "user5", "subject": "Hé <b>", "body": "text\n",
        "attachments": [{ "name": "naïve \"plan\".bin", "type": "application/x-plan", "data": "AAH/" }],
    });
    let sent = sender.json(Method::POST, "/api/mail", &draft).await;
    assert_eq!(
        (sent.status, &sent.json()["number"]),
        (StatusCode::CREATED, &json!(1))
    );
    let own = sender
        .json(
            Method::POST,
            "/api/mail",
            &json!({ "to": "user4", "subject": "own" }),
        )
        .await;
    assert_eq!(own.json()["number"], 1, "numbers belong to a mailbox");

    let mail = recipient.get("/api/mail/1").await.json();
    assert_eq!(
        (&mail["from"], &mail["subject"], &mail["body"]),
        (&json!("user4"), &json!("Hé <b>"), &json!("text\n"))
    );
    let attachment = json!([{ "index": 1, "name": "naïve \"plan\".bin", "type": "application/x-plan", "size": 3 }]);
    assert_eq!(mail["attachments"], attachment);
    assert_eq!(mail["deleted"], false);

    let deleted = recipient
        .send(Method::DELETE, "/api/mail/1", "", Vec::new())
        .await;
    assert_eq!(
        (deleted.status, &deleted.json()["deleted"]),
        (StatusCode::OK, &json!(1))
    );
    assert_eq!(deleted.json()["subject"], "Hé <b>");
    assert_eq!(recipient.get("/api/inbox").await.json()["mails"], json!([]));
    assert_eq!(
        recipient.get("/api/trash").await.json()["mails"][0]["number"],
        1
    );
    assert_eq!(recipient.get("/api/mail/1").await.json()["deleted"], true);
    let again = recipient
        .send(Method::DELETE, "/api/mail/1", "", Vec::new())
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(
        sender.get("/api/inbox").await.json()["mails"][0]["subject"],
        "own",
        "another's mail 1 stays"
    );

    let restored = recipient
        .send(Method::POST, "/api/mail/1/restore", "", Vec::new())
        .await;
    assert_eq!(
        (restored.status, &restored.json()["restored"]),
        (StatusCode::OK, &json!(1))
    );
    assert_eq!(
        recipient.get("/api/inbox").await.json()["mails"][0]["number"],
        1
    );
}

#[tokio::test]
async fn an_attachment_comes_as_a_download() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut client = Client::logged_in(&router, 1).await;
    let draft = json!({
        "to": "user1", "subject": "", "attachments": [{ "name": "é.html", "type": "text/html", "data": "PGI+AP8=" }],
    });
    assert_eq!(
        client.json(Method::POST, "/api/mail", &draft).await.json()["number"],
        4
    );
    let reply = client.get("/api/mail/4/attachment/1").await;
    assert_eq!(reply.body, b"<b>\0\xff");
    assert_eq!(reply.header("content-type"), "text/html");
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%A9.html"
    );
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("cache-control"), "no-store");
    for missing in [
        "/api/mail/4/attachment/2",
        "/api/mail/9/attachment/1",
        "/api/mail/18446744073709551615",
    ] {
        assert_eq!(
            client.get(missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
}

#[tokio::test]
async fn a_profile_and_the_history_belong_to_the_user() {
    let router = webmail(Variant::PerRequest, 2).await;
    let mut client = Client::logged_in(&router, 2).await;
    let renamed = client
        .json(Method::PUT, "/api/profile", &json!({ "name": "Zoë" }))
        .await
        .json();
    assert_eq!(
        (&renamed["user"], &renamed["name"]),
        (&json!("user2"), &json!("Zoë"))
    );
    assert_eq!(client.get("/api/profile").await.json()["name"], "Zoë");
    assert_eq!(client.get("/api/inbox").await.json()["name"], "Zoë");
    let logins = client.get("/api/history").await.json()["logins"].clone();
    assert_eq!(logins.as_array().unwrap().len(), 2);
    assert_eq!(logins[1]["at"], seed::first_login(2).at, "newest first");

    let mut other = Client::logged_in(&router, 1).await;
    assert_eq!(other.get("/api/profile").await.json()["name"], "User 1");
    let mut later = Client::logged_in(&router, 2).await;
    let last = later.get("/api/inbox").await.json()["last_login"].clone();
    assert_eq!(
        last, logins[0],
        "the last log-in is the one before this session's own"
    );
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut replies = Vec::new();
    let long = "x".repeat(limits::MAX_PASSWORD_BYTES + 1);
    for (user, password) in [
        ("user1", "wrong"),
        ("nobody", "password-user1"),
        ("user1", ""),
        ("user1", &long),
    ] {
        let mut client = Client::new(&router);
        let reply = client.log_in(user, password).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(client.cookies.is_empty());
        replies.push(reply.body);
    }
    assert!(replies.iter().all(|body| *body == replies[0]));
}

#[tokio::test]
async fn nothing_is_answered_without_an_open_session() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut client = Client::logged_in(&router, 1).await;
    let mut copy = Client::logged_in(&router, 1).await;
    copy.cookies = client.cookies.clone();
    let logged_out = client
        .send(Method::POST, "/api/logout", "", Vec::new())
        .await;
    assert_eq!(logged_out.status, StatusCode::NO_CONTENT);
    assert!(client.cookies.is_empty(), "the browser forgets the session");
    for path in [
        "inbox",
        "trash",
        "history",
        "profile",
        "mail/1",
        "mail/2/attachment/1",
    ] {
        let path = format!("/api/{path}");
        for client in [&mut client, &mut copy] {
            let reply = client.get(&path).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(reply.json(), json!({ "error": "log in first" }));
        }
    }
    for cookie in ["", "0", &"f".repeat(32), &"F".repeat(32)] {
        client.cookies.insert("sid".to_owned(), cookie.to_owned());
        assert_eq!(
            client.get("/api/inbox").await.status,
            StatusCode::UNAUTHORIZED,
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn a_write_needs_the_token_of_its_own_session() {
    let router = webmail(Variant::PerRequest, 2).await;
    let mut client = Client::logged_in(&router, 1).await;
    let other = Client::logged_in(&router, 2).await;
    let own = client.csrf.clone();
    let writes = [
        (Method::POST, "/api/logout", Value::Null),
        (
            Method::POST,
            "/api/mail",
            json!({ "to": "user1", "subject": "forged" }),
        ),
        (Method::DELETE, "/api/mail/1", Value::Null),
        (Method::POST, "/api/mail/1/restore", Value::Null),
        (Method::PUT, "/api/profile", json!({ "name": "forged" })),
    ];
    for csrf in ["", "0", &other.csrf] {
        client.csrf = csrf.to_owned();
        for (method, path, body) in &writes {
            let reply = client.json(method.clone(), path, body).await;
            assert_eq!(
                reply.status,
                StatusCode::FORBIDDEN,
                "{method} {path} with {csrf:?}"
            );
        }
    }
    client.csrf = own;
    let inbox = client.get("/api/inbox").await.json();
    assert_eq!(
        (inbox["mails"].as_array().unwrap().len(), &inbox["name"]),
        (3, &json!("User 1"))
    );
}

#[tokio::test]
async fn bad_input_gets_a_clear_refusal() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut client = Client::logged_in(&router, 1).await;
    let mail = |changes: Value| {
        let mut mail = json!({ "to": "user1", "subject": "s" });
        mail.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        mail
    };
    let file = |name: &str, media_type: &str, data: &str| json!({ "name": name, "type": media_type, "data": data });
    let many = vec![file("a", "", ""); limits::MAX_ATTACHMENTS + 1];
    let cases = [
        (
            mail(json!({ "to": "nobody" })),
            "nobody has the recipient's name",
        ),
        (
            mail(json!({ "subject": "x".repeat(limits::MAX_SUBJECT_CHARS + 1) })),
            "the subject is longer than",
        ),
        (mail(json!({ "subject": "a\r\nb" })), "control character"),
        (
            mail(json!({ "body": "x".repeat(limits::MAX_TEXT_BYTES + 1) })),
            "the text is longer than",
        ),
        (
            mail(json!({ "attachments": many })),
            "more than 10 attachments",
        ),
        (
            mail(json!({ "attachments": [file("", "", "")] })),
            "no file name",
        ),
        (
            mail(json!({ "attachments": [file("a", "plain", "")] })),
            "media type",
        ),
        (
            mail(json!({ "attachments": [file("a", "text/é", "")] })),
            "media type",
        ),
        (
            mail(json!({ "attachments": [file("a", "", "?")] })),
            "not base64",
        ),
        (mail(json!({ "colour": "red" })), "unknown field `colour`"),
    ];
    for (body, expected) in cases {
        let reply = client.json(Method::POST, "/api/mail", &body).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            reply.text()
        );
        assert!(
            reply.json()["error"].as_str().unwrap().contains(expected),
            "{}",
            reply.text()
        );
    }
    let too_large = vec![b' '; limits::MAX_REQUEST_BYTES + 1];
    let reply = client
        .send(Method::POST, "/api/mail", "application/json", too_large)
        .await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    let reply = client
        .send(Method::POST, "/api/mail", "text/plain", b"{}".to_vec())
        .await;
    assert_eq!(
        reply.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "another site's form cannot send this"
    );
    for (path, status) in [
        ("/api/mail/x", StatusCode::BAD_REQUEST),
        ("/api/mail/0", StatusCode::BAD_REQUEST),
        ("/api/nothing", StatusCode::NOT_FOUND),
        ("/api/login", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.json()["error"].is_string(), "{path}");
    }
    assert_eq!(
        client.get("/api/inbox").await.json()["mails"]
            .as_array()
            .unwrap()
            .len(),
        3,
        "nothing was sent"
    );
}

#[tokio::test]
async fn answers_carry_their_times_and_the_order_of_the_note() {
    let router = webmail(Variant::SharedNote, 1).await;
    let mut client = Client::logged_in(&router, 1).await;
    let mut earlier = 0;
    for order in 0..3_u64 {
        let reply = client.get("/api/inbox").await;
        let [arrived, answered, place]: [u64; 3] =
            ["x-arrived-us", "x-answered-us", "x-note-order"]
                .map(|name| reply.header(name).parse().unwrap());
        assert!(
            earlier <= arrived && arrived <= answered,
            "{earlier} {arrived} {answered}"
        );
        assert_eq!(place, order);
        earlier = answered;
    }
    let reply = client.get("/api/nothing").await;
    assert!(!reply.header("x-answered-us").is_empty());
    assert!(
        reply.header("x-note-order").is_empty(),
        "it did not touch the note"
    );
}
