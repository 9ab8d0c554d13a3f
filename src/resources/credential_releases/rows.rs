//! Releases of credentials in the database.

use std::collections::HashSet;

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{account_credentials, account_managers, credential_releases, people};
use crate::db::types::{AccountId, CredentialId, CredentialReleaseId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `credential_releases`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = credential_releases, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ReleaseRow {
    pub school_id: SchoolId,
    pub id: CredentialReleaseId,
    pub account_id: AccountId,
    pub credential_id: CredentialId,
    /// To whom.
    pub person_id: PersonId,
    pub released_by: PersonId,
    pub reason: String,
    pub expires_at: Instant,
    pub opened_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    pub revoked_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A release, and what bears on it.
#[derive(Clone, Debug)]
pub struct Release {
    pub row: ReleaseRow,
    /// What was released has been neither replaced nor destroyed.
    pub in_force: bool,
    /// Its holder is at the school and runs the account.
    pub holder_runs_account: bool,
}

/// What a caller may see of a school's releases.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those to the person.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> credential_releases::BoxedQuery<'a, MultiBackend> {
    let all = credential_releases::table.filter(credential_releases::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(credential_releases::person_id.eq(person)),
    }
}

/// The releases with what bears on them, for all of them at once.
fn complete(conn: &mut Conn, school: SchoolId, today: NaiveDate, rows: Vec<ReleaseRow>) -> QueryResult<Vec<Release>> {
    let credentials: Vec<CredentialId> = rows.iter().map(|row| row.credential_id).collect();
    let in_force: Vec<CredentialId> = account_credentials::table
        .filter(account_credentials::school_id.eq(school))
        .filter(account_credentials::id.eq_any(credentials))
        .filter(account_credentials::destroyed_at.is_null())
        .select(account_credentials::id)
        .load(conn)?;
    let in_force: HashSet<CredentialId> = in_force.into_iter().collect();
    let (accounts, holders): (Vec<AccountId>, Vec<PersonId>) = rows.iter().map(|row| (row.account_id, row.person_id)).unzip();
    let running: Vec<(AccountId, PersonId)> = account_managers::table
        .inner_join(people::table.on(people::school_id.eq(account_managers::school_id).and(people::id.eq(account_managers::person_id))))
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::account_id.eq_any(accounts))
        .filter(account_managers::person_id.eq_any(holders))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .select((account_managers::account_id, account_managers::person_id))
        .load(conn)?;
    let running: HashSet<(AccountId, PersonId)> = running.into_iter().collect();
    let release = |row: ReleaseRow| Release {
        in_force: in_force.contains(&row.credential_id),
        holder_runs_account: running.contains(&(row.account_id, row.person_id)),
        row,
    };
    Ok(rows.into_iter().map(release).collect())
}

/// The release, as far as this caller may see it.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: CredentialReleaseId, today: NaiveDate) -> Result<Release, Problem> {
    let rows: Vec<ReleaseRow> = visible(school, sight).filter(credential_releases::id.eq(id)).select(ReleaseRow::as_select()).load(conn)?;
    complete(conn, school, today, rows)?.pop().ok_or_else(Problem::not_found)
}

/// One page of releases, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    window: &Window<CredentialReleaseId>,
    today: NaiveDate,
) -> QueryResult<Vec<Release>> {
    let mut query = visible(school, sight).order(credential_releases::id).limit(window.fetch());
    if let Some(after) = window.after {
        query = query.filter(credential_releases::id.gt(after));
    }
    let rows = query.select(ReleaseRow::as_select()).load(conn)?;
    complete(conn, school, today, rows)
}

/// Stores a new release.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ReleaseRow) -> QueryResult<()> {
    diesel::insert_into(credential_releases::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed release under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ReleaseRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let at_that_version = credential_releases::table.find((row.school_id, row.id)).filter(credential_releases::version.eq(read));
    let saved = diesel::update(at_that_version).set(row).execute(tx)?;
    precondition::saved(saved)
}
