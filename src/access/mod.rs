//! Who may: the table of permissions, the proof that each handler asks for, and how people get in.

pub mod caller;
pub mod issuers;
pub mod oauth;
pub mod passwords;
pub mod permissions;
pub mod services;
pub mod sessions;
pub mod throttle;
pub mod tokens;

use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A new secret of 256 bits, as text that goes into a URL.
pub fn new_secret() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a secret of ours. It has 256 bits of chance, so a plain hash tells nothing about it.
pub fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}
