//! Passwords: Argon2id, a bounded number at a time, and no difference between a wrong one and nobody's.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::OsRng;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// The fewest characters that a password may have.
pub const MIN: usize = 8;
/// The most; nothing is ever cut off.
pub const MAX: usize = 256;
/// Guesses below which zxcvbn counts a password as common (10^6 is its own limit for "very guessable").
const COMMON: u64 = 1_000_000;

/// Hashes and verifies. Each hash takes 19 MiB (OWASP's choice for Argon2id), so few run at once.
#[derive(Clone)]
pub struct Passwords(Arc<Semaphore>);

/// A hash of no password that anybody has: unknown users cost as much time as known ones.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(&super::new_secret()).ok());

impl Passwords {
    pub fn new() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        // Hash it now rather than at the first unknown user's login, which would take longer for it.
        LazyLock::force(&NOBODY);
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// Where the machine cannot hash.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.alone(move || hash_now(&password)).await?.map_err(Problem::internal)
    }

    /// Whether `password` is the one behind `hash`; takes as long where there is no hash.
    ///
    /// # Errors
    /// Where the machine cannot hash.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        self.alone(move || {
            let known = hash.is_some();
            let Some(hash) = hash.or_else(|| NOBODY.clone()) else { return false };
            let matches = PasswordHash::new(&hash).is_ok_and(|parsed| hasher().verify_password(password.as_bytes(), &parsed).is_ok());
            known && matches
        })
        .await
    }

    async fn alone<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(Problem::internal)?;
        // The permit goes with the work, which goes on where the client has hung up.
        let work = move || (work(), drop(permit));
        tokio::task::spawn_blocking(work).await.map(|(done, ())| done).map_err(Problem::internal)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(hasher().hash_password(password.as_bytes(), &SaltString::generate(&mut OsRng))?.to_string())
}

/// What keeps a password from being chosen, if anything: its length, or that it is a common one.
pub fn objection(password: &str, username: &str) -> Option<(&'static str, &'static str)> {
    match password.chars().count() {
        _ if password.contains('\0') => Some(("control_character", "A password cannot contain NUL.")),
        0..MIN => Some(("too_short", "A password has at least 8 characters; 15 or more are recommended.")),
        MIN..=MAX if zxcvbn::zxcvbn(password, &[username, "weald"]).guesses() < COMMON => {
            Some(("too_common", "This password is one of the first that would be guessed."))
        }
        MIN..=MAX => None,
        _ => Some(("too_long", "A password has at most 256 characters.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_short_passwords_are_refused_and_long_ones_of_any_composition_are_not() {
        let code = |password: &str| objection(password, "jo@school.example").map(|(code, _)| code);
        assert_eq!(code("short-1"), Some("too_short"));
        for common in ["password", "password1", "Password123", "qwertyuiop", "12345678", "jo@school.example"] {
            assert_eq!(code(common), Some("too_common"), "{common}");
        }
        for good in ["correct horse battery staple", "four tall trees in june", "żółw na rowerze w parku"] {
            assert_eq!(code(good), None, "{good}");
        }
        assert_eq!(code(&"nineteen purple kites; ".repeat(4)), None);
    }
}
