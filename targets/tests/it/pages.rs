//! The pages, as a browser without scripts uses them.

use axum::Router;
use crosswire_targets::mail::variant::Variant;
use http::{Method, StatusCode};

use crate::client::{Client, Reply, webmail};

/// The value of the first hidden token on a page.
fn csrf(page: &Reply) -> String {
    let rest = page
        .text()
        .split_once("name=\"csrf\" value=\"")
        .expect("a form with a token")
        .1;
    rest.split_once('"').unwrap().0.to_owned()
}

async fn browser(router: &Router, number: usize) -> Client {
    let mut browser = Client::new(router);
    let token = csrf(&browser.get("/login").await);
    let fields = format!("csrf={token}&user=user{number}&password=password-user{number}");
    let reply = browser.form("/login", &fields).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (StatusCode::SEE_OTHER, "/inbox")
    );
    browser
}

#[tokio::test]
async fn every_page_shows_whose_it_is_and_is_safe_to_show() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut browser = browser(&router, 1).await;
    for path in [
        "/inbox", "/trash", "/history", "/profile", "/compose", "/mail/2",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{path}"
        );
        let text = page.text();
        assert!(
            text.contains("<strong>User 1</strong> (user1)"),
            "{path}: {text}"
        );
        assert!(
            text.contains("Last log-in: Mon, 21 Jul 2008 00:00:01 GMT from 198.18.0.1"),
            "{path}: {text}"
        );
        assert!(
            text.contains("<html lang=\"en\">") && text.contains("<h1>"),
            "{path}"
        );
        assert!(!text.contains("<script"), "{path}");
    }
    assert_eq!(browser.get("/").await.header("location"), "/inbox");
    let attachment = browser.get("/mail/2/attachment/1").await;
    assert!(attachment.text().starts_with("Minutes of user1's team"));
    assert_eq!(
        attachment.header("content-disposition"),
        "attachment; filename=\"minutes-user1.txt\""
    );
}

#[tokio::test]
async fn a_mail_is_written_with_a_file_and_shown_as_text() {
    let router = webmail(Variant::PerRequest, 4).await;
    let mut writer = browser(&router, 1).await;
    let token = csrf(&writer.get("/compose").await);
    let field = |name: &str, text: &str| {
        format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let file = |name: &str, text: &str| {
        format!(
            "--cut\r\ncontent-disposition: form-data; name=\"attachment\"; filename=\"{name}\"\r\n\
             content-type: text/plain\r\n\r\n{text}\r\n"
        )
    };
    let form = |csrf: &str| {
        let fields = [
            ("csrf", csrf),
            ("to", "user4"),
            ("subject", "<script>"),
            ("body", "a & b"),
        ];
        let fields: String = fields.map(|(name, text)| field(name, text)).concat();
        format!(
            "{fields}{}{}--cut--\r\n",
            file("f.txt", "bytes"),
            file("", "")
        )
        .into_bytes()
    };
    let media_type = "multipart/form-data; boundary=cut";
    let forged = writer
        .send(Method::POST, "/compose", media_type, form(""))
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let sent = writer
        .send(Method::POST, "/compose", media_type, form(&token))
        .await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/inbox"),
        "{}",
        sent.text()
    );

    let mut reader = browser(&router, 4).await;
    assert!(
        reader
            .get("/inbox")
            .await
            .text()
            .contains("<a href=\"/mail/1\">&lt;script&gt;</a>")
    );
    let page = reader.get("/mail/1").await;
    assert!(
        page.text().contains("a &amp; b") && page.text().contains("f.txt</a> (5 bytes)"),
        "{}",
        page.text()
    );
    assert_eq!(reader.get("/mail/1/attachment/1").await.body, b"bytes");
    assert_eq!(
        reader.get("/mail/1/attachment/2").await.status,
        StatusCode::NOT_FOUND,
        "no file was chosen"
    );
}

#[tokio::test]
async fn buttons_delete_restore_rename_and_log_out() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut browser = browser(&router, 1).await;
    let token = csrf(&browser.get("/inbox").await);
    let forms = [
        ("/mail/1/delete", format!("csrf={token}"), "/inbox"),
        (
            "/profile",
            format!("csrf={token}&name=%3CAda%3E"),
            "/profile",
        ),
    ];
    for (path, fields, next) in &forms {
        assert_eq!(
            browser.form(path, "csrf=0&name=x").await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        let reply = browser.form(path, fields).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (StatusCode::SEE_OTHER, *next),
            "{path}"
        );
        assert!(!reply.header("x-note-order").is_empty());
    }
    let inbox = browser.get("/inbox").await;
    assert!(
        !inbox.text().contains("Welcome (user1)")
            && inbox.text().contains("<strong>&lt;Ada&gt;</strong>")
    );
    assert!(
        browser
            .get("/trash")
            .await
            .text()
            .contains("Welcome (user1)")
    );
    let restored = browser
        .form("/mail/1/restore", &format!("csrf={token}"))
        .await;
    assert_eq!(restored.header("location"), "/trash");
    assert!(
        browser
            .get("/inbox")
            .await
            .text()
            .contains("Welcome (user1)")
    );
    assert_eq!(
        browser
            .form("/mail/1/restore", &format!("csrf={token}"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );

    assert_eq!(
        browser.form("/logout", "csrf=").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        browser
            .form("/logout", &format!("csrf={token}"))
            .await
            .header("location"),
        "/login"
    );
    for path in ["/inbox", "/mail/1", "/compose"] {
        let reply = browser.get(path).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (StatusCode::SEE_OTHER, "/login")
        );
    }
}

#[tokio::test]
async fn the_log_in_form_works_only_in_the_browser_it_was_sent_to() {
    let router = webmail(Variant::PerRequest, 1).await;
    let mut attacker = Client::new(&router);
    let token = csrf(&attacker.get("/login").await);
    let fields = format!("csrf={token}&user=user1&password=password-user1");
    let mut victim = Client::new(&router);
    assert_eq!(
        victim.form("/login", &fields).await.status,
        StatusCode::FORBIDDEN
    );
    let wrong = attacker
        .form("/login", &format!("csrf={token}&user=user1&password=x"))
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text().contains("Wrong user name or password."));
    assert!(!attacker.cookies.contains_key("sid"));
    assert_eq!(
        victim.form("/login", "user=user1").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(victim.get("/nothing").await.status, StatusCode::NOT_FOUND);
}
