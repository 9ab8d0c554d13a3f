//! Access tokens: RFC 9068 JWTs, signed with EdDSA by keys of our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use rand_core::OsRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Instant;
use crate::policy::roles::Role;

/// How long an access token lives.
pub const LIFE: Duration = Duration::minutes(10);
/// How far the clocks of issuer and verifier may differ.
pub(super) const LEEWAY: Duration = Duration::seconds(30);
/// Verified tokens kept, so that a signature is checked once and not at each request.
pub(super) const CACHED: usize = 10_000;
/// The audience of our tokens.
pub const AUDIENCE: &str = "weald";
const KIND: &str = "at+jwt";

/// What an access token of our own says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// The person, or the service account.
    pub sub: Uuid,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub jti: Uuid,
    pub client_id: String,
    /// Space-separated permissions.
    pub scope: String,
    pub roles: Vec<String>,
    pub school: Uuid,
    /// The session that the token belongs to: revoked with it.
    pub sid: Uuid,
}

impl Claims {
    /// Whether the token is good at that time.
    pub fn in_force(&self, now: Instant) -> bool {
        let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
        let begun = self.iat <= now + leeway && self.nbf.is_none_or(|nbf| nbf <= now + leeway);
        begun && now < self.exp.saturating_add(leeway)
    }

    /// The roles that this version knows; an unknown one gives nothing.
    pub fn known_roles(&self) -> Vec<Role> {
        self.roles.iter().filter_map(|role| role.parse().ok()).collect()
    }
}

struct Key {
    id: String,
    public: [u8; 32],
    verifier: DecodingKey,
    signer: EncodingKey,
}

impl Key {
    fn from_pem(pem: &str) -> Result<Self, String> {
        let wrong = "expected an Ed25519 private key in PKCS #8 PEM";
        let secret = SigningKey::from_pkcs8_pem(pem).map_err(|_| wrong)?;
        let public = secret.verifying_key().to_bytes();
        // RFC 7638: the thumbprint over the required members in lexicographic order.
        let x = URL_SAFE_NO_PAD.encode(public);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)));
        let signer = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| wrong)?;
        Ok(Self { id, public, verifier: DecodingKey::from_ed_der(&public), signer })
    }
}

/// The keys of this issuer: the first signs, all verify. To rotate, put a new one first and drop the old one
/// when the last token it signed has expired.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    issuer: String,
    keys: Vec<Key>,
    validation: Validation,
    verified: Cache<[u8; 32], Arc<Claims>>,
}

impl Tokens {
    /// Reads the keys; makes the one in `folder` on the first start if none are given.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn open(issuer: &str, given: &[PathBuf], folder: &Path) -> Result<Self, String> {
        let made = [folder.join("signing-key.pem")];
        let paths = if given.is_empty() {
            make_key(&made[0]).map_err(|error| format!("cannot make the signing key {}: {error}", made[0].display()))?;
            &made[..]
        } else {
            given
        };
        let keys = paths.iter().map(|path| {
            let pem = std::fs::read_to_string(path).map_err(|error| format!("cannot read the signing key {}: {error}", path.display()))?;
            Key::from_pem(&pem).map_err(|why| format!("the signing key {} is not usable: {why}", path.display()))
        });
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are checked below, against the program's own clock.
        validation.validate_exp = false;
        Ok(Self(Arc::new(Inner {
            issuer: issuer.to_owned(),
            keys: keys.collect::<Result<_, String>>()?,
            validation,
            verified: Cache::new(CACHED),
        })))
    }

    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Signs a token for a session.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn issue(&self, now: Instant, grant: &NewToken<'_>) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: self.0.issuer.clone(),
            sub: grant.subject,
            aud: AUDIENCE.into(),
            exp: (now + LIFE).timestamp(),
            iat: now.timestamp(),
            nbf: None,
            jti: Uuid::now_v7(),
            client_id: grant.client_id.to_owned(),
            scope: grant.scopes.join(" "),
            roles: grant.roles.iter().map(ToString::to_string).collect(),
            school: grant.school,
            sid: grant.session,
        };
        self.sign(KIND, &claims)
    }

    /// Signs `claims` as a JWT of the kind `typ`.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let key = self.0.keys.first().ok_or(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?;
        let header = Header { typ: Some(typ.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key.signer)
    }

    /// What a JWT of the kind `typ` says, if one of our keys signed it.
    pub fn read<T: DeserializeOwned + Clone>(&self, typ: &str, token: &str, validation: &Validation) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let kind = header.typ.as_deref()?.to_ascii_lowercase();
        if kind.strip_prefix("application/").unwrap_or(&kind) != typ {
            return None;
        }
        // The key comes out of our own, by its id; what else the header offers (jku, jwk, x5u) is not looked at.
        let named = header.kid?;
        let key = self.0.keys.iter().find(|key| key.id == named)?;
        Some(jsonwebtoken::decode::<T>(token, &key.verifier, validation).ok()?.claims)
    }

    /// What the token says, if it is one of ours and in force.
    pub fn verify(&self, token: &str, now: Instant) -> Option<Arc<Claims>> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let claims = if let Some(claims) = self.0.verified.get(&digest) {
            claims
        } else {
            let claims: Arc<Claims> = Arc::new(self.read(KIND, token, &self.0.validation)?);
            self.0.verified.insert(digest, Arc::clone(&claims));
            claims
        };
        claims.in_force(now).then_some(claims)
    }

    /// The public keys, as a JWK Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.0.keys.iter().map(|key| {
            json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id, "x": URL_SAFE_NO_PAD.encode(key.public) })
        }).collect();
        json!({ "keys": keys })
    }
}

/// For whom a token is.
pub struct NewToken<'a> {
    pub subject: Uuid,
    pub school: Uuid,
    pub session: Uuid,
    pub client_id: &'a str,
    pub scopes: &'a [&'a str],
    pub roles: &'a [Role],
}

fn make_key(path: &Path) -> std::io::Result<()> {
    let pem = SigningKey::generate(&mut OsRng).to_pkcs8_pem(LineEnding::LF).map_err(std::io::Error::other)?;
    crate::config::create_private(path, pem.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(folder: &Path) -> Tokens {
        Tokens::open("https://weald.example", &[], folder).unwrap()
    }

    fn now() -> Instant {
        chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap().into()
    }

    fn grant<'a>() -> NewToken<'a> {
        NewToken {
            subject: Uuid::now_v7(),
            school: Uuid::now_v7(),
            session: Uuid::now_v7(),
            client_id: "web",
            scopes: &["school:read"],
            roles: &[Role::Staff],
        }
    }

    #[test]
    fn a_token_is_good_from_now_until_it_expires_and_thirty_seconds_are_forgiven() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = tokens(folder.path());
        let now = now();
        let token = tokens.issue(now, &grant()).unwrap();
        let good = |at: Instant| tokens.verify(&token, at).is_some();
        assert!(good(now) && good(now + LIFE + Duration::seconds(29)) && good(now + Duration::seconds(-30)));
        assert!(!good(now + LIFE + Duration::seconds(30)));
        assert!(!good(now + Duration::seconds(-31)));
    }

    #[test]
    fn only_our_own_kind_of_token_signed_by_our_own_key_is_accepted() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (tokens, strangers) = (tokens(ours.path()), tokens(theirs.path()));
        let now = now();
        let good = tokens.issue(now, &grant()).unwrap();
        assert!(tokens.verify(&good, now).is_some());
        assert!(strangers.verify(&good, now).is_none(), "another issuer's key");

        let claims: Value = serde_json::to_value(&*tokens.verify(&good, now).unwrap()).unwrap();
        let key = &tokens.0.keys[0];
        let ours = Header { typ: Some(KIND.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let forge = |header: Header, claims: &Value| jsonwebtoken::encode(&header, claims, &key.signer).unwrap();
        assert!(tokens.verify(&forge(ours.clone(), &claims), now).is_some(), "the forge itself works");
        assert!(tokens.verify(&forge(Header { typ: Some("JWT".into()), ..ours.clone() }, &claims), now).is_none(), "wrong kind");
        assert!(tokens.verify(&forge(Header { kid: None, ..ours.clone() }, &claims), now).is_none(), "no key id");
        assert!(tokens.verify(&forge(Header { kid: Some("other".into()), ..ours.clone() }, &claims), now).is_none(), "unknown key");
        for (claim, value) in [
            ("aud", json!("other")),
            ("iss", json!("https://evil.example")),
            ("exp", json!("tomorrow")),
            ("exp", Value::Null),
            ("sub", json!(1)),
            ("nbf", json!(now.timestamp() + 60)),
            ("iat", json!(now.timestamp() + 60)),
            ("school", json!([])),
        ] {
            let mut changed = claims.clone();
            changed[claim] = value;
            assert!(tokens.verify(&forge(ours.clone(), &changed), now).is_none(), "{claim}");
        }
        // A public key used as the secret of a symmetric algorithm.
        let header = Header { typ: Some(KIND.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        let confused = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&key.public)).unwrap();
        assert!(tokens.verify(&confused, now).is_none());
    }

    #[test]
    fn a_second_key_still_verifies_after_the_first_has_been_replaced() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = now();
        let token = tokens(old.path()).issue(now, &grant()).unwrap();
        tokens(new.path());
        let given = [new.path().join("signing-key.pem"), old.path().join("signing-key.pem")];
        let rotated = Tokens::open("https://weald.example", &given, new.path()).unwrap();
        assert!(rotated.verify(&token, now).is_some());
        assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        tokens(folder.path());
        let mode = std::fs::metadata(folder.path().join("signing-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
