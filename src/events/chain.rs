//! The hash chain: proves that no row of the log was changed, removed, inserted or swapped.

use diesel::prelude::*;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::EventRow;
use crate::access::tokens::Tokens;
use crate::db::Conn;
use crate::db::schema::{event_heads, events, schools};
use crate::db::types::SchoolId;

/// The hash before the first event.
pub const GENESIS: &str = "";
/// Rows read at a time: memory does not grow with the log.
const CHUNK: i64 = 5_000;

/// SHA-256 over every column but the hash itself, as a JSON array (so that no column can run into the next).
pub fn hash(row: &EventRow) -> String {
    let columns = serde_json::json!([
        row.school_id,
        row.number,
        row.id,
        row.occurred_at.timestamp_micros(),
        row.event_type,
        row.subject_type,
        row.subject_id,
        row.actor_id,
        row.actor_role,
        row.client_id,
        row.data,
        row.previous_hash,
    ]);
    URL_SAFE_NO_PAD.encode(Sha256::digest(columns.to_string()))
}

/// What a school's log was at a time: signed and kept elsewhere, it shows a log that was cut off or written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub school: SchoolId,
    pub number: i64,
    pub hash: String,
    pub iat: i64,
}

impl Head {
    const KIND: &str = "weald-head+jwt";

    /// Signs it.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn sign(&self, keys: &Tokens) -> Result<String, jsonwebtoken::errors::Error> {
        keys.sign(Self::KIND, self)
    }

    /// The head behind a signature, if it is one of ours.
    pub fn read(signed: &str, keys: &Tokens) -> Option<Self> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // It is as good as on its first day for as long as the log is kept.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        keys.read(Self::KIND, signed, &validation)
    }
}

/// A place where the log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    #[error("event {0} is missing or out of place")]
    Missing(i64),
    #[error("event {0} is not as it was written")]
    Changed(i64),
    #[error("event {0} does not follow the one before it")]
    Unlinked(i64),
    #[error("the log ends at event {found} but its head says {head}")]
    Truncated { found: i64, head: i64 },
    #[error("the head of the log is missing")]
    Headless,
    #[error("event {0} is not the one of the signed head: the log was cut off or written anew")]
    NotTheHead(i64),
}

/// Whether a school's log still is what led to a head.
///
/// # Errors
/// Where the database gives none.
pub fn leads_to(conn: &mut Conn, head: &Head) -> QueryResult<Result<(), Break>> {
    let hash: Option<String> = events::table.find((head.school, head.number)).select(events::hash).first(conn).optional()?;
    let at_genesis = head.number == 0 && head.hash == GENESIS;
    Ok(if at_genesis || hash.as_ref() == Some(&head.hash) { Ok(()) } else { Err(Break::NotTheHead(head.number)) })
}

/// Verifies a school's log from its first event to its head.
///
/// # Errors
/// Where the database gives none.
pub fn verify(conn: &mut Conn, school: SchoolId) -> QueryResult<Result<i64, Break>> {
    let (mut number, mut previous) = (0, GENESIS.to_owned());
    loop {
        // Read before the rows: what is written meanwhile comes after it, so the head of a log without a break is
        // never ahead of its rows.
        let head: Option<(i64, String)> =
            event_heads::table.find(school).select((event_heads::number, event_heads::hash)).first(conn).optional()?;
        let Some(head) = head else { return Ok(Err(Break::Headless)) };
        let rows: Vec<EventRow> = events::table
            .filter(events::school_id.eq(school))
            .filter(events::number.gt(number))
            .order(events::number)
            .limit(CHUNK)
            .select(EventRow::as_select())
            .load(conn)?;
        if rows.is_empty() {
            return Ok(if head == (number, previous) { Ok(number) } else { Err(Break::Truncated { found: number, head: head.0 }) });
        }
        for row in rows {
            if row.number != number + 1 {
                return Ok(Err(Break::Missing(number + 1)));
            }
            if row.hash != hash(&row) {
                return Ok(Err(Break::Changed(row.number)));
            }
            if row.previous_hash != previous {
                return Ok(Err(Break::Unlinked(row.number)));
            }
            number = row.number;
            previous = row.hash;
        }
    }
}

/// Every school, for the command.
///
/// # Errors
/// Where the database gives none.
pub fn schools_on_file(conn: &mut Conn) -> QueryResult<Vec<(SchoolId, String)>> {
    schools::table.order(schools::id).select((schools::id, schools::name)).load(conn)
}
