//! What stays in a file when the server ends, and what goes with a temporary one.

use std::fs;

use crosswire_targets::mail::sqlite::SqliteStore;
use crosswire_targets::mail::store::{Attachment, Draft, Folder, Login, Store, UserId};
use crosswire_targets::mail::{password, seed};
use crosswire_targets::{Options, StoreKind, start};

#[tokio::test]
async fn a_file_keeps_users_mail_trash_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.sqlite");
    let user = UserId(2);
    let login = Login {
        at: 99,
        address: "192.0.2.1".parse().unwrap(),
    };
    let attachment = Attachment {
        name: "a".into(),
        media_type: "b/c".into(),
        data: vec![0, 255],
    };
    {
        let store = SqliteStore::open(&path).unwrap();
        seed::seed(&store, 2).await.unwrap();
        let draft = Draft {
            to: "user2".into(),
            subject: "kept".into(),
            body: "text".into(),
            attachments: vec![attachment.clone()],
            sent_at: 98,
        };
        assert_eq!(store.deliver(UserId(1), draft).await.unwrap(), Some(4));
        assert_eq!(
            store.file(user, 1, Folder::Trash).await.unwrap().as_deref(),
            Some("Welcome (user2)")
        );
        assert!(store.rename(user, "Renamed".into()).await.unwrap());
        assert_eq!(
            store.record_login(user, login).await.unwrap(),
            Some(seed::first_login(2))
        );
    }
    let store = SqliteStore::open(&path).unwrap();
    seed::seed(&store, 3).await.unwrap();
    assert_eq!(
        store.account(user).await.unwrap().unwrap().display,
        "Renamed",
        "seeding leaves users as they are"
    );
    let inbox = store.list(user, Folder::Inbox).await.unwrap();
    assert_eq!(
        inbox.iter().map(|mail| mail.number).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    assert_eq!(store.list(user, Folder::Trash).await.unwrap()[0].number, 1);
    let mail = store.read(user, 4).await.unwrap().unwrap();
    assert_eq!(
        (
            mail.body.as_str(),
            mail.summary.from.as_str(),
            mail.summary.sent_at
        ),
        ("text", "user1", 98)
    );
    assert_eq!(
        store.attachment(user, 4, 1).await.unwrap(),
        Some(attachment)
    );
    assert_eq!(
        store.logins(user, 9).await.unwrap(),
        [login, seed::first_login(2)]
    );
    assert_eq!(store.logins(user, 1).await.unwrap(), [login]);
    let added = store.credentials("user3").await.unwrap().unwrap();
    assert!(
        password::matches("password-user3", &added.password_hash),
        "a new user was added"
    );
}

#[test]
fn a_stopped_server_leaves_its_file_and_can_start_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.sqlite");
    for _ in 0..2 {
        let store = StoreKind::File(path.clone());
        start(Options {
            store,
            ..Options::new("mail", "one-lock")
        })
        .unwrap()
        .stop();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["mail.sqlite"], "the log was folded into the file");
    }
}
