//! An external issuer that does what a test says, the hostile things too: it has keys, shows them, and counts who asks.
//! That weald works with an honest one that is not ours is shown in `ci/oidc/`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey;
use rand_core::OsRng;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};

use super::{School, with};

/// Made once: it takes its time.
static RSA: LazyLock<Vec<u8>> =
    LazyLock::new(|| rsa::RsaPrivateKey::new(&mut OsRng, 2048).unwrap().to_pkcs1_der().unwrap().as_bytes().to_vec());

/// A key that signs tokens, and its public half.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub algorithm: Algorithm,
    pub signer: EncodingKey,
    pub public: Value,
}

impl Key {
    fn new(id: &str, algorithm: Algorithm, signer: EncodingKey) -> Self {
        let public = serde_json::to_value(Jwk::from_encoding_key(&signer, algorithm).unwrap()).unwrap();
        Self { id: id.into(), algorithm, signer, public: with(public, json!({ "kid": id, "use": "sig" })) }
    }

    pub fn es256(id: &str) -> Self {
        let secret = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap();
        Self::new(id, Algorithm::ES256, EncodingKey::from_ec_der(secret.as_bytes()))
    }

    pub fn rs256(id: &str) -> Self {
        Self::new(id, Algorithm::RS256, EncodingKey::from_rsa_der(&RSA))
    }

    /// The header of an honest token.
    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.algorithm, "kid": self.id })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    /// A token with this header, whatever it says.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.signer, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// What the issuer answers.
pub struct Shown {
    pub discovery: Value,
    pub keys: String,
    /// Answers 503.
    pub down: bool,
    /// Sends whoever asks to another address, which would answer.
    pub moved: bool,
    /// Answers never.
    pub hangs: bool,
}

/// An issuer that listens; it ends with this.
pub struct Issuer {
    pub url: String,
    shown: Arc<Mutex<Shown>>,
    asked: Arc<AtomicUsize>,
    handle: ServerHandle,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| &key.public).collect::<Vec<_>>() }).to_string()
}

impl Issuer {
    pub fn with_keys(keys: &[&Key]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let shown = Arc::new(Mutex::new(Shown { discovery, keys: set(keys), down: false, moved: false, hangs: false }));
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (Arc::clone(&shown), Arc::clone(&asked));
        let server = HttpServer::new(move || {
            let (answers, count) = (Arc::clone(&answers), Arc::clone(&count));
            App::new().default_service(web::to(move |request: actix_web::HttpRequest| {
                let shown = answers.lock().unwrap();
                let discovery = request.path() == "/.well-known/openid-configuration";
                count.fetch_add(usize::from(discovery), Ordering::SeqCst);
                let hangs = shown.hangs;
                let answer = match request.path() {
                    _ if shown.down => HttpResponse::ServiceUnavailable().finish(),
                    "/.well-known/openid-configuration" if shown.moved => {
                        HttpResponse::Found().insert_header(("location", "/moved")).finish()
                    }
                    "/.well-known/openid-configuration" | "/moved" => HttpResponse::Ok().json(&shown.discovery),
                    _ => HttpResponse::Ok().content_type("application/json").body(shown.keys.clone()),
                };
                async move { if hangs { std::future::pending().await } else { answer } }
            }))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, shown, asked, handle }
    }

    /// How often it was asked for its keys.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap());
    }

    pub fn show_keys(&self, keys: &[&Key]) {
        self.change(|shown| shown.keys = set(keys));
    }

    /// An entry of the file of issuers: one that knows people by e-mail address, and `lines` beside it.
    pub fn entry(&self, school: &School, lines: &str) -> String {
        let school = school.id;
        let person = if lines.contains("person") { "" } else { "person.email = {}" };
        let school = if lines.contains("school") { String::new() } else { format!("school.id = \"{school}\"") };
        format!("[[issuer]]\nissuer = \"{}\"\naudiences = [\"weald-api\"]\n{school}\n{person}\n{lines}\n", self.url)
    }

    /// What an honest token about a member of staff says.
    pub fn claims(&self, school: &School) -> Value {
        let now = school.now().timestamp();
        json!({
            "iss": self.url, "aud": "weald-api", "sub": "u-1", "azp": "front-end", "iat": now, "exp": now + 600,
            "email": "Staff@weald.example", "email_verified": true,
        })
    }
}

impl School {
    /// The same school through an instance that trusts these issuers.
    pub fn trusting(&self, file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuers.toml");
        std::fs::write(&path, file).unwrap();
        self.second_instance(|service| service.issuers = Some(path))
    }

    /// Whether a token opens a door that is open to every member of staff.
    pub async fn admits(&self, token: &str) -> bool {
        let status = self.answer(token).await;
        assert_ne!(status, 503, "the issuer is there");
        status != 401
    }

    /// What a door says to a token that is open to every member of staff.
    pub async fn answer(&self, token: &str) -> u16 {
        let reply = self.bearer(token).get("/v1/business-cases").await;
        let status = reply.status.as_u16();
        match status {
            200 => {}
            401 => {
                assert!(reply.header("www-authenticate").contains(r#"error="invalid_token""#), "{reply}");
                assert!(reply["detail"].is_null(), "which of it was wrong is not said: {reply}");
            }
            503 => assert_eq!(reply.problem("issuer_unavailable").header("retry-after"), "60"),
            _ => drop(reply.is(403).problem("forbidden")),
        }
        status
    }
}
