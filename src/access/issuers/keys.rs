//! An issuer's public keys: found by discovery (`OpenID Connect` Discovery 1.0), kept for an hour, and asked for before
//! that where a token names another, at most once a minute. Nothing but the configuration says where they are asked for,
//! never a token.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration as Wait;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::{Client, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::config::{is_loopback, is_safe};
use crate::clock::Instant;
use crate::problem::{Code, Problem};

/// How long keys are used without asking for them again.
const FRESH: Duration = Duration::hours(1);
/// How long they are used while the issuer cannot be reached.
const USABLE: Duration = Duration::hours(24);
/// The least time between two attempts for the same reason.
const PAUSE: Duration = Duration::minutes(1);
/// For discovery and keys together.
const PATIENCE: Wait = Wait::from_secs(5);
/// For somebody whose key is there, though old.
const HASTE: Wait = Wait::from_secs(1);
/// The largest document.
const MAX_DOCUMENT: usize = 256 << 10;
/// The shortest modulus of an RSA key, in bytes (RFC 7518, section 3.3).
const MIN_MODULUS: usize = 256;

/// A key with which tokens can be checked.
pub struct Key {
    id: String,
    pub verifier: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// What an issuer's address says of it.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Vec<Arc<Key>>,
    fetched_at: Option<Instant>,
    /// Asked last because there were none, or because they were old.
    tried_at: Option<Instant>,
    /// Asked last for a key that is not among them.
    sought_at: Option<Instant>,
}

impl Known {
    fn key(&self, id: &str, now: Instant) -> Option<&Arc<Key>> {
        self.keys.iter().find(|key| key.id == id).filter(|_| within(self.fetched_at, now, USABLE))
    }
}

/// The keys of one issuer.
pub struct Keys {
    issuer: String,
    client: Client,
    known: RwLock<Known>,
    /// Held by whoever asks the issuer: one at a time.
    turn: Arc<Mutex<()>>,
}

/// Whether `at` is less than `span` away: a clock that is put back does not make old things young for longer.
fn within(at: Option<Instant>, now: Instant, span: Duration) -> bool {
    at.is_some_and(|at| (now - at).abs() < span)
}

impl Keys {
    /// # Errors
    /// A sentence for the operator.
    pub fn new(issuer: &str) -> Result<Self, String> {
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).pool_max_idle_per_host(0);
        let client = if Url::parse(issuer).is_ok_and(|url| is_loopback(&url)) { client.no_proxy() } else { client.https_only(true) };
        let client = client.build().map_err(|error| format!("cannot set up what asks {issuer} for its keys: {error}"))?;
        Ok(Self { issuer: issuer.to_owned(), client, known: RwLock::default(), turn: Arc::default() })
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The key of this name, if it is one for `algorithm`. Asks the issuer where the keys are old or do not have it.
    ///
    /// # Errors
    /// 401 where there is none; 503 where the issuer, being out of reach, cannot say so.
    pub async fn find(self: &Arc<Self>, id: &str, algorithm: Algorithm, now: Instant) -> Result<Arc<Key>, Problem> {
        let known = self.known();
        let found = known.key(id, now);
        if !within(known.fetched_at, now, FRESH) || found.is_none() {
            // Who waits is given up on, the asking is not.
            let patience = if found.is_some() { HASTE } else { PATIENCE };
            let _ = tokio::time::timeout(patience, self.refresh(id, now)).await;
        }
        let known = self.known();
        match known.key(id, now) {
            Some(key) if key.algorithms.contains(&algorithm) => Ok(Arc::clone(key)),
            None if !within(known.fetched_at, now, FRESH) => Err(Problem::new(Code::IssuerUnavailable)),
            _ => Err(Problem::token_refused()),
        }
    }

    /// Asks the issuer for its keys, unless that was done for the same reason in the last minute.
    async fn refresh(self: &Arc<Self>, id: &str, now: Instant) {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let known = self.known();
        let fresh = within(known.fetched_at, now, FRESH);
        let asked_at = if fresh { known.sought_at } else { known.tried_at };
        // While this one waited for its turn, another may have brought the key.
        if within(asked_at, now, PAUSE) || (fresh && known.key(id, now).is_some()) {
            return;
        }
        self.update(|known| *(if fresh { &mut known.sought_at } else { &mut known.tried_at }) = Some(now));
        let keys = Arc::clone(self);
        // Goes on when the request that began it is given up: otherwise that would be a way to keep new keys out.
        let asked = actix_web::rt::spawn(async move {
            let _turn = turn;
            match tokio::time::timeout(PATIENCE, keys.fetch()).await.unwrap_or_else(|_| Err("it did not answer in time".into())) {
                Ok(fetched) => keys.update(|known| {
                    known.keys = fetched;
                    known.fetched_at = Some(now);
                }),
                Err(why) => tracing::warn!(issuer = keys.issuer, why, "an issuer's keys could not be read; those known go on for a day"),
            }
        });
        let _ = asked.await;
    }

    async fn fetch(&self) -> Result<Vec<Arc<Key>>, String> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|error| error.to_string())?;
        let on_this_machine = is_loopback(&address);
        let discovery: Discovery = self.document(address).await?;
        if discovery.issuer != self.issuer {
            return Err("its discovery document names another issuer; it has to be configured exactly as written there".into());
        }
        let keys = Url::parse(&discovery.jwks_uri).ok().filter(|keys| is_safe(keys) && (on_this_machine || !is_loopback(keys)));
        let set: KeySet = self.document(keys.ok_or("its discovery document names no https address for the keys")?).await?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(Key::from_jwk).map(Arc::new).collect();
        if keys.is_empty() { Err("it has no key that signs".into()) } else { Ok(keys) }
    }

    async fn document<T: DeserializeOwned>(&self, address: Url) -> Result<T, String> {
        let unreachable = |error: reqwest::Error| format!("{address} cannot be read: {}", error.without_url());
        let mut response = self.client.get(address.clone()).send().await.map_err(unreachable)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("{address} answers {}", response.status()));
        }
        let mut document = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            document.extend_from_slice(&part);
            if document.len() > MAX_DOCUMENT {
                return Err(format!("{address} answers with more than {} KiB", MAX_DOCUMENT >> 10));
            }
        }
        serde_json::from_slice(&document).map_err(|error| format!("{address} does not answer with what is expected: {error}"))
    }
}

impl Key {
    /// One of a JWK Set, if it checks signatures and its kind is known here; the others are not our business.
    fn from_jwk(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) if URL_SAFE_NO_PAD.decode(&key.n).is_ok_and(|modulus| modulus.len() >= MIN_MODULUS) => {
                use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
                vec![RS256, RS384, RS512, PS256, PS384, PS512]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => vec![Algorithm::ES384],
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => Vec::new(),
        };
        if let Some(only) = common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == only);
        }
        let id = common.key_id.clone()?;
        let verifier = DecodingKey::from_jwk(&jwk).ok()?;
        (signs && !algorithms.is_empty()).then_some(Self { id, verifier, algorithms })
    }
}
