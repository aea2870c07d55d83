//! The users that a webmail starts with, so that a person or a test can log in at once.
//!
//! They are `user1`, `user2` … with the passwords `password-user1`, `password-user2` …; everybody may know them. Each
//! has one earlier log-in, at a time and from an address of its own, so that a page that shows somebody else's can be
//! told from one's own. The first three have a few mails.

use std::net::Ipv4Addr;
use std::thread;

use super::password::{self, HashError};
use super::store::{Attachment, Draft, Login, NewUser, Store, StoreError, UserId};

/// The most users that can be seeded.
pub const MAX_USERS: usize = 100_000;

/// The log-in name of the seeded user with this number, from 1.
pub fn user_name(number: usize) -> String {
    format!("user{number}")
}

/// The password of the seeded user with this number, from 1.
pub fn password(number: usize) -> String {
    format!("password-user{number}")
}

/// The earlier log-in of the seeded user with this number: 21 July 2008, a second apart, from the addresses that are
/// set aside for measurements (198.18.0.0/15, RFC 2544).
pub fn first_login(number: usize) -> Login {
    const MIDNIGHT: u64 = 1_216_598_400;
    let offset = u32::try_from(number % MAX_USERS).unwrap_or_default();
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + offset);
    Login {
        at: MIDNIGHT + u64::from(offset),
        address,
    }
}

/// Why the users could not be created.
#[derive(Debug)]
pub enum SeedError {
    /// A password could not be hashed.
    Hash(HashError),
    /// The store failed.
    Store(StoreError),
    /// The number of users is over [`MAX_USERS`].
    TooMany,
}

impl std::fmt::Display for SeedError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hash(error) => error.fmt(out),
            Self::Store(error) => error.fmt(out),
            Self::TooMany => write!(out, "at most {MAX_USERS} users can be seeded"),
        }
    }
}

impl std::error::Error for SeedError {}

/// Creates the users 1 to `users` as far as `store` does not have them.
///
/// # Errors
/// A [`SeedError`] if there are too many, or a password or the store fails.
pub async fn seed<S: Store>(store: &S, users: usize) -> Result<(), SeedError> {
    if users > MAX_USERS {
        return Err(SeedError::TooMany);
    }
    let mut missing = Vec::new();
    for number in 1..=users {
        if store
            .credentials(&user_name(number))
            .await
            .map_err(SeedError::Store)?
            .is_none()
        {
            missing.push(number);
        }
    }
    let hashes = hash_all(&missing).map_err(SeedError::Hash)?;
    let mut created = Vec::new();
    for (&number, password_hash) in missing.iter().zip(hashes) {
        let name = user_name(number);
        let new = NewUser {
            display: format!("User {number}"),
            name,
            password_hash,
            first_login: Some(first_login(number)),
        };
        let id = store.create_user(new).await.map_err(SeedError::Store)?;
        created.extend(id.map(|id| (number, id)));
    }
    for (number, id) in created.into_iter().take_while(|(number, _)| *number <= 3) {
        welcome(store, number, id).await.map_err(SeedError::Store)?;
    }
    Ok(())
}

/// The hashes of these users' passwords, in order, on all cores.
fn hash_all(numbers: &[usize]) -> Result<Vec<String>, HashError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = numbers.len().div_ceil(cores).max(1);
    let hash_share = |share: &[usize]| -> Result<Vec<String>, HashError> {
        share
            .iter()
            .map(|number| password::hash(&password(*number)))
            .collect()
    };
    let shares = thread::scope(|scope| {
        let running: Vec<_> = numbers
            .chunks(share)
            .map(|share| scope.spawn(move || hash_share(share)))
            .collect();
        running
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect::<Vec<_>>()
    });
    let mut hashes = Vec::with_capacity(numbers.len());
    for share in shares {
        hashes.extend(share.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(hashes)
}

/// The mails that a person finds when trying the webmail.
async fn welcome<S: Store>(store: &S, number: usize, user: UserId) -> Result<(), StoreError> {
    let name = user_name(number);
    let sent_at = first_login(number).at;
    let minutes =
        format!("Minutes of {name}'s team\n\n1. Nobody but {name} should be able to read this.\n");
    let mails = [
        (
            "Welcome",
            format!(
                "This is the mailbox of {name}.\n\nReload the inbox in two browsers at once.\n"
            ),
            None,
        ),
        (
            "Minutes",
            "The minutes are attached.\n".to_owned(),
            Some((format!("minutes-{name}.txt"), minutes)),
        ),
        (
            "To be deleted",
            "Delete me. The trash gives me back.\n".to_owned(),
            None,
        ),
    ];
    for (subject, body, file) in mails {
        let attachment = |(name, text): (String, String)| Attachment {
            name,
            media_type: "text/plain; charset=utf-8".to_owned(),
            data: text.into_bytes(),
        };
        let attachments = file.map(attachment).into_iter().collect();
        let subject = format!("{subject} ({name})");
        store
            .deliver(
                user,
                Draft {
                    to: name.clone(),
                    subject,
                    body,
                    attachments,
                    sent_at,
                },
            )
            .await?;
    }
    Ok(())
}
