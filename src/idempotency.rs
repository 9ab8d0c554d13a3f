//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the answer is stored in the transaction of
//! its effect. A refused request has no effect, and so leaves nothing to repeat.

use chrono::Duration;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::idempotency_keys::{self, dsl};
use crate::db::types::SchoolId;
use crate::http::reply::Answer;
use crate::problem::{Code, Problem};

/// How long an answer is kept.
pub const KEPT: Duration = Duration::hours(48);
/// The longest key.
pub const MAX_KEY: usize = 255;

/// A request that can be told from others.
pub struct Request {
    school: SchoolId,
    key_hash: String,
    body_hash: String,
}

impl Request {
    /// `target` is method and path, `body` the digest of what was sent.
    pub fn new(school: SchoolId, who: &str, client_id: &str, target: &str, key: &str, body: [u8; 32]) -> Self {
        let scope = [who, client_id, target, key].join("\n");
        // Of a body with a password, a hash of its own would let whoever reads the table try passwords. The key is not
        // stored, and has to be guessed with it.
        let body_hash = Sha256::new().chain_update(body).chain_update(&scope).finalize();
        Self { school, key_hash: URL_SAFE_NO_PAD.encode(Sha256::digest(scope)), body_hash: URL_SAFE_NO_PAD.encode(body_hash) }
    }

    /// The answer that was given before.
    ///
    /// # Errors
    /// 422 where the key was used for another body, 409 where the answer held a secret.
    pub fn answered(&self, tx: &mut Conn) -> Result<Option<Answer>, Problem> {
        let stored: Option<(String, i32, String, Option<String>, bool)> = dsl::idempotency_keys
            .find((self.school, &self.key_hash))
            .select((dsl::request_hash, dsl::status, dsl::headers, dsl::body, dsl::secret))
            .first(tx)
            .optional()?;
        let Some((request_hash, status, headers, body, secret)) = stored else { return Ok(None) };
        if request_hash != self.body_hash {
            return Err(Problem::new(Code::IdempotencyKeyReused));
        }
        if secret {
            return Err(Problem::new(Code::AnswerShownOnce));
        }
        Ok(Some(Answer {
            status: u16::try_from(status).map_err(Problem::internal)?,
            headers: serde_json::from_str(&headers).map_err(Problem::internal)?,
            body: body.map(Zeroizing::new),
            secret,
            replayed: true,
        }))
    }

    /// Keeps the answer beside its effect.
    ///
    /// # Errors
    /// Where the database gives none.
    pub fn store(&self, tx: &mut Conn, answer: &Answer, now: Instant) -> Result<(), Problem> {
        diesel::insert_into(idempotency_keys::table)
            .values((
                dsl::school_id.eq(self.school),
                dsl::key_hash.eq(&self.key_hash),
                dsl::request_hash.eq(&self.body_hash),
                dsl::status.eq(i32::from(answer.status)),
                dsl::headers.eq(serde_json::to_string(&answer.headers).map_err(Problem::internal)?),
                dsl::body.eq(answer.body.as_deref().filter(|_| !answer.secret).map(String::as_str)),
                dsl::secret.eq(answer.secret),
                dsl::created_at.eq(now),
            ))
            .execute(tx)?;
        Ok(())
    }
}

/// Forgets what was answered of a thing that is to leave no trace: whoever repeats such a request learns only that it
/// was answered.
///
/// # Errors
/// Where the database gives none.
pub fn forget(tx: &mut Conn, school: SchoolId, thing: Uuid) -> QueryResult<()> {
    let kept = dsl::idempotency_keys.filter(dsl::school_id.eq(school)).filter(dsl::body.like(format!("%{thing}%")));
    diesel::update(kept).set((dsl::body.eq(None::<String>), dsl::secret.eq(true))).execute(tx)?;
    Ok(())
}
