//! Versions of policies in the database.

use diesel::prelude::*;

use super::rules::PolicyVersionState;
use crate::clock::Instant;
use crate::db::schema::policy_versions;
use crate::db::types::{PersonId, PolicyId, PolicyVersionId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `policy_versions`, but for its text.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = policy_versions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct PolicyVersionRow {
    pub school_id: SchoolId,
    pub id: PolicyVersionId,
    pub policy_id: PolicyId,
    pub number: i32,
    pub state: PolicyVersionState,
    /// Keeps what was acknowledged of the version before.
    pub minor: bool,
    pub change_summary: Option<String>,
    /// Of the clauses: see `policy::text`.
    pub content_hash: String,
    /// The version that was in force when this one was drafted.
    pub based_on_version_id: Option<PolicyVersionId>,
    /// Once it is published: the number of the first version whose acknowledgement still counts.
    pub acknowledged_from: Option<i32>,
    /// Absent where the program did.
    pub drafted_by: Option<PersonId>,
    pub published_at: Option<Instant>,
    /// Absent where the program did.
    pub published_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A version with its text.
#[derive(Clone, Debug)]
pub struct PolicyVersion {
    pub row: PolicyVersionRow,
    /// In canonical form.
    pub clauses: String,
}

/// What a caller may see of a school's versions.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those that are or were in force.
    Published,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> policy_versions::BoxedQuery<'a, MultiBackend> {
    let all = policy_versions::table.filter(policy_versions::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Published => all.filter(policy_versions::state.eq_any([PolicyVersionState::Published, PolicyVersionState::Superseded])),
    }
}

/// The version without its text, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, sight: Sight, id: PolicyVersionId) -> QueryResult<Option<PolicyVersionRow>> {
    visible(school, sight).filter(policy_versions::id.eq(id)).select(PolicyVersionRow::as_select()).first(conn).optional()
}

/// The version with its text, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: PolicyVersionId) -> Result<PolicyVersion, Problem> {
    let row = look_up(conn, school, sight, id)?.ok_or_else(Problem::not_found)?;
    Ok(PolicyVersion { clauses: text(conn, &row)?, row })
}

/// The text of a version, in canonical form.
///
/// # Errors
/// Where the database gives none.
pub fn text(conn: &mut Conn, of: &PolicyVersionRow) -> QueryResult<String> {
    policy_versions::table.find((of.school_id, of.id)).select(policy_versions::clauses).first(conn)
}

/// One page of a policy's versions without their texts, the first one first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    policy: PolicyId,
    states: &[PolicyVersionState],
    window: &Window<i32>,
) -> QueryResult<Vec<PolicyVersionRow>> {
    let mut query =
        visible(school, sight).filter(policy_versions::policy_id.eq(policy)).order(policy_versions::number).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(policy_versions::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(policy_versions::number.gt(after));
    }
    query.select(PolicyVersionRow::as_select()).load(conn)
}

/// The version in force, if there is one.
///
/// # Errors
/// Where the database gives none.
pub fn in_force(conn: &mut Conn, school: SchoolId, policy: PolicyId) -> QueryResult<Option<PolicyVersionRow>> {
    policy_versions::table
        .filter(policy_versions::school_id.eq(school))
        .filter(policy_versions::policy_id.eq(policy))
        .filter(policy_versions::state.eq(PolicyVersionState::Published))
        .select(PolicyVersionRow::as_select())
        .first(conn)
        .optional()
}

/// The number of the policy's next version.
///
/// # Errors
/// Where the database gives none.
pub fn next_number(tx: &mut Conn, school: SchoolId, policy: PolicyId) -> QueryResult<i32> {
    let last: Option<i32> = policy_versions::table
        .filter(policy_versions::school_id.eq(school))
        .filter(policy_versions::policy_id.eq(policy))
        .select(diesel::dsl::max(policy_versions::number))
        .first(tx)?;
    Ok(last.unwrap_or(0) + 1)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, version: &PolicyVersion) -> QueryResult<()> {
    diesel::insert_into(policy_versions::table).values((&version.row, policy_versions::clauses.eq(&version.clauses))).execute(tx)?;
    Ok(())
}

/// Stores a changed version under its next row version; its text as it was.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut PolicyVersionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let saved = diesel::update(policy_versions::table.find((row.school_id, row.id)).filter(policy_versions::version.eq(read)))
        .set(&*row)
        .execute(tx)?;
    precondition::saved(saved)
}

/// Stores the text of a version.
///
/// # Errors
/// Where the database gives none.
pub fn save_text(tx: &mut Conn, version: &PolicyVersion) -> QueryResult<()> {
    let row = &version.row;
    diesel::update(policy_versions::table.find((row.school_id, row.id))).set(policy_versions::clauses.eq(&version.clauses)).execute(tx)?;
    Ok(())
}
