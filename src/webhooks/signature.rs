//! Secrets and signatures of Standard Webhooks 1.0 (symmetric, `v1`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand_core::{OsRng, RngCore};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with, for those who look for secrets where none should be.
const PREFIX: &str = "whsec_";

/// A new secret of 256 bits, as the receiver is shown it.
pub fn new_secret() -> Zeroizing<String> {
    let mut key = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *key);
    Zeroizing::new(format!("{PREFIX}{}", *Zeroizing::new(STANDARD.encode(*key))))
}

/// What `webhook-signature` says: one signature with each secret that is valid. `None` where a secret is none.
pub fn sign(secrets: &[Zeroizing<String>], id: &str, timestamp: i64, body: &str) -> Option<String> {
    let signatures = secrets.iter().map(|secret| {
        let key = Zeroizing::new(STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Option<Vec<_>>>().map(|signatures| signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_libraries() {
        // The example of the Standard Webhooks libraries' own tests.
        let secret = Zeroizing::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signed = sign(std::slice::from_ref(&secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = sign(&[secret, new_secret()], "msg", 1, "{}").unwrap();
        assert_eq!(both.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }

    #[test]
    fn secrets_are_long_and_each_is_another() {
        let (one, two) = (new_secret(), new_secret());
        assert!(one != two && one.starts_with("whsec_"));
        assert_eq!(STANDARD.decode(&one[6..]).unwrap().len(), 32);
    }
}
