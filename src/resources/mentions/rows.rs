//! Postings in the database.

use chrono::NaiveDate;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::rules::MentionState;
use crate::clock::Instant;
use crate::db::schema::mention_purges;
use crate::db::schema::mentions::{self, dsl};
use crate::db::types::{AccountId, MentionId, MentionSweepId, PersonId, ResponseProcedureId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::idempotency;
use crate::page::Window;
use crate::policy::mentions::{MentionScope, Sentiment};
use crate::policy::platforms::Platform;
use crate::problem::Problem;

/// One row of `mentions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = mentions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct MentionRow {
    pub school_id: SchoolId,
    pub id: MentionId,
    pub state: MentionState,
    pub sweep_id: Option<MentionSweepId>,
    pub account_id: Option<AccountId>,
    pub url: String,
    /// What makes the address unique, however long it is: see [`url_hash`].
    pub url_hash: String,
    pub platform: Platform,
    pub platform_other_name: Option<String>,
    pub captured_at: Instant,
    pub captured_by: PersonId,
    pub author_name: Option<String>,
    pub author_anonymous: bool,
    pub excerpt: String,
    pub sentiment: Sentiment,
    /// One a line.
    pub topics: String,
    pub scope: Option<MentionScope>,
    pub scope_reason: Option<String>,
    pub assessed_at: Option<Instant>,
    /// Absent where it is professional by itself (SC-5).
    pub assessed_by: Option<PersonId>,
    pub procedure_version_id: Option<ResponseProcedureId>,
    pub branch: Option<String>,
    pub responded_at: Option<Instant>,
    pub responded_by: Option<PersonId>,
    pub response_note: Option<String>,
    pub no_response_reason: Option<String>,
    pub closed_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// An address in a form that fits an index.
pub fn url_hash(url: &str) -> String {
    format!("{:x}", Sha256::digest(url))
}

/// What a caller may see of a school's postings.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those that the person captured.
    Own(PersonId),
}

/// Which postings a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<MentionState>,
    pub sentiments: Vec<Sentiment>,
    pub accounts: Vec<AccountId>,
    pub sweeps: Vec<MentionSweepId>,
}

type Query<'a> = mentions::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = dsl::mentions.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(dsl::captured_by.eq(person)),
    }
}

/// The posting, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: MentionId) -> Result<MentionRow, Problem> {
    let row = visible(school, sight).filter(dsl::id.eq(id)).select(MentionRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page of postings, oldest first.
pub fn listing<'a>(school: SchoolId, sight: Sight, filter: &Filter, window: &Window<MentionId>) -> Query<'a> {
    let mut query = visible(school, sight).order(dsl::id).limit(window.fetch());
    // One value is the second column of an index whose next one is the order.
    match filter.states[..] {
        [] => {}
        [state] => query = query.filter(dsl::state.eq(state)),
        _ => query = query.filter(dsl::state.eq_any(filter.states.clone())),
    }
    match filter.sentiments[..] {
        [] => {}
        [sentiment] => query = query.filter(dsl::sentiment.eq(sentiment)),
        _ => query = query.filter(dsl::sentiment.eq_any(filter.sentiments.clone())),
    }
    match filter.accounts[..] {
        [] => {}
        [account] => query = query.filter(dsl::account_id.eq(account)),
        _ => query = query.filter(dsl::account_id.eq_any(filter.accounts.clone())),
    }
    match filter.sweeps[..] {
        [] => {}
        [sweep] => query = query.filter(dsl::sweep_id.eq(sweep)),
        _ => query = query.filter(dsl::sweep_id.eq_any(filter.sweeps.clone())),
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query
}

/// One page of postings.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, sight: Sight, filter: &Filter, window: &Window<MentionId>) -> QueryResult<Vec<MentionRow>> {
    listing(school, sight, filter, window).select(MentionRow::as_select()).load(conn)
}

/// # Errors
/// 409 where the address is on record already.
pub fn insert(tx: &mut Conn, row: &MentionRow) -> QueryResult<()> {
    diesel::insert_into(dsl::mentions).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed posting under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut MentionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let saved = diesel::update(dsl::mentions.find((row.school_id, row.id)).filter(dsl::version.eq(read))).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// Deletes a posting that is none of the school's business, with the answers that repeat it, and counts it (SC-7).
///
/// # Errors
/// Where the database gives none.
pub fn purge(tx: &mut Conn, row: &MentionRow, today: NaiveDate) -> QueryResult<()> {
    diesel::delete(dsl::mentions.find((row.school_id, row.id))).execute(tx)?;
    idempotency::forget(tx, row.school_id, row.id.uuid())?;
    let counted = diesel::update(mention_purges::table.find((row.school_id, today)))
        .set(mention_purges::purged.eq(mention_purges::purged + 1))
        .execute(tx)?;
    if counted == 0 {
        diesel::insert_into(mention_purges::table)
            .values((mention_purges::school_id.eq(row.school_id), mention_purges::purged_on.eq(today), mention_purges::purged.eq(1)))
            .execute(tx)?;
    }
    Ok(())
}

/// How many postings were purged, from one day to another, each with it.
///
/// # Errors
/// Where the database gives none.
pub fn purged(conn: &mut Conn, school: SchoolId, from: Option<NaiveDate>, to: Option<NaiveDate>) -> QueryResult<i64> {
    let mut query = mention_purges::table.filter(mention_purges::school_id.eq(school)).into_boxed();
    if let Some(from) = from {
        query = query.filter(mention_purges::purged_on.ge(from));
    }
    if let Some(to) = to {
        query = query.filter(mention_purges::purged_on.le(to));
    }
    let sum: Option<i64> = query.select(diesel::dsl::sum(mention_purges::purged)).first(conn)?;
    Ok(sum.unwrap_or(0))
}
