//! Password hashes: argon2id with parameters that are cheap on purpose.
//!
//! A test logs hundreds of users in and must not spend its time here. A real service takes the parameters that its
//! hardware can bear, hundreds of times what this model spends.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory per hash in KiB. Recommendations for real use begin at about 19,000.
const MEMORY_KIB: u32 = 64;
const PASSES: u32 = 1;
const LANES: u32 = 1;

/// A password that could not be hashed.
#[derive(Debug)]
pub struct HashError(String);

impl std::fmt::Display for HashError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "cannot hash a password: {}", self.0)
    }
}

impl std::error::Error for HashError {}

fn cheap_argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| HashError(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string of `password` with a fresh salt.
///
/// # Errors
/// A [`HashError`] if the operating system gives no randomness or the password is longer than argon2 takes.
pub fn hash(password: &str) -> Result<String, HashError> {
    let hash = cheap_argon2()?.hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| HashError(error.to_string()))
}

/// Whether `password` is the one that `phc` was made from. A string that is no PHC hash fits no password.
pub fn matches(password: &str, phc: &str) -> bool {
    let parsed = PasswordHash::new(phc);
    parsed.is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_alone_and_is_salted() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(matches("correct horse", &hash));
        assert!(!matches("correct horsf", &hash));
        assert!(!matches("", &hash));
        assert!(!matches("correct horse", "plain text"));
        assert_ne!(hash, super::hash("correct horse").unwrap());
    }
}
