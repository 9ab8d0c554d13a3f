//! Credentials in the database: every version of an account's, of which the last one can be opened.

use chrono::NaiveDate;
use diesel::prelude::*;
use zeroize::Zeroizing;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{account_credentials, account_managers, credential_reveals, people};
use crate::db::types::{AccountId, CredentialId, CredentialRevealId, PersonId, SchoolId};
use crate::page::Window;
use crate::policy::credentials::{History, ran_until};
use crate::problem::{Code, Problem};
use crate::vault::{self, Keyring, Label, Sealed, VaultError};

/// One row of `account_credentials`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_credentials)]
pub struct CredentialRow {
    pub school_id: SchoolId,
    pub id: CredentialId,
    pub account_id: AccountId,
    /// Which version it is of the account's, from 1.
    pub number: i32,
    /// The names of the fields that it has, separated by commas.
    pub fields: String,
    /// Absent, as the two below are, from when it is destroyed.
    pub master_key_id: Option<String>,
    pub sealed_key: Option<Vec<u8>>,
    pub sealed_content: Option<Vec<u8>>,
    pub stored_by: PersonId,
    pub stored_at: Instant,
    /// The school's local day of that.
    pub stored_on: NaiveDate,
    /// Why those before were replaced.
    pub reason: Option<String>,
    /// When it was found that somebody who may know them ceased to run the account.
    pub leaver_on: Option<NaiveDate>,
    /// When they were read under a release.
    pub released_on: Option<NaiveDate>,
    /// When others took their place.
    pub retired_at: Option<Instant>,
    pub destroyed_at: Option<Instant>,
}

/// One row of `credential_reveals`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = credential_reveals)]
pub struct RevealRow {
    pub school_id: SchoolId,
    pub id: CredentialRevealId,
    pub account_id: AccountId,
    pub credential_id: CredentialId,
    pub revealed_by: PersonId,
    pub revealed_at: Instant,
    pub reason: String,
}

impl CredentialRow {
    pub fn label(&self) -> Label {
        Label { school: self.school_id, account: self.account_id, credential: self.id, number: self.number }
    }

    /// What is sealed; `None` once it is destroyed.
    fn sealed(&self) -> Option<Sealed> {
        Some(Sealed { master_key_id: self.master_key_id.clone()?, key: self.sealed_key.clone()?, content: self.sealed_content.clone()? })
    }

    /// The secret, as the JSON that was sealed.
    ///
    /// # Errors
    /// Where its master key is not at hand, or it was altered or moved.
    pub fn open(&self, ring: &Keyring) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        vault::open(ring, &self.label(), &self.sealed().ok_or(VaultError::Damaged(self.id))?)
    }
}

/// The newest credentials of an account, destroyed or not.
///
/// # Errors
/// Where the database gives none.
pub fn newest(conn: &mut Conn, school: SchoolId, account: AccountId) -> QueryResult<Option<CredentialRow>> {
    account_credentials::table
        .filter(account_credentials::school_id.eq(school))
        .filter(account_credentials::account_id.eq(account))
        .order(account_credentials::number.desc())
        .select(CredentialRow::as_select())
        .first(conn)
        .optional()
}

/// The credentials of an account that can be opened.
///
/// # Errors
/// 409 where there are none.
pub fn in_force(conn: &mut Conn, school: SchoolId, account: AccountId) -> Result<CredentialRow, Problem> {
    let newest = newest(conn, school, account)?.filter(|row| row.destroyed_at.is_none());
    newest.ok_or_else(|| Problem::new(Code::StateConflict).detail("No credentials of this account are in force."))
}

/// One page of an account's credentials, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, account: AccountId, window: &Window<i32>) -> QueryResult<Vec<CredentialRow>> {
    account_credentials::table
        .filter(account_credentials::school_id.eq(school))
        .filter(account_credentials::account_id.eq(account))
        .filter(account_credentials::number.gt(window.after.unwrap_or(0)))
        .order(account_credentials::number)
        .limit(window.fetch())
        .select(CredentialRow::as_select())
        .load(conn)
}

/// What has happened to an account's credentials.
///
/// # Errors
/// Where the database gives none.
pub fn history(conn: &mut Conn, row: &CredentialRow, today: NaiveDate) -> QueryResult<History> {
    let manager_left_on: Option<Option<NaiveDate>> = account_managers::table
        .inner_join(people::table.on(people::school_id.eq(account_managers::school_id).and(people::id.eq(account_managers::person_id))))
        .filter(account_managers::school_id.eq(row.school_id))
        .filter(account_managers::account_id.eq(row.account_id))
        .filter(people::left_on.gt(row.stored_on))
        .filter(people::left_on.le(today))
        .order(people::left_on)
        .select(people::left_on)
        .first(conn)
        .optional()?;
    Ok(History {
        stored_on: row.stored_on,
        leaver_on: row.leaver_on,
        manager_left_on: manager_left_on.flatten(),
        released_on: row.released_on,
    })
}

/// Stores new credentials.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &CredentialRow) -> QueryResult<()> {
    diesel::insert_into(account_credentials::table).values(row).execute(tx)?;
    Ok(())
}

/// Empties what is sealed; the record is kept. `retired_at` says when others take its place.
///
/// # Errors
/// Where the database gives none.
pub fn destroy(tx: &mut Conn, row: &CredentialRow, retired_at: Option<Instant>, now: Instant) -> QueryResult<()> {
    diesel::update(account_credentials::table.find((row.school_id, row.id)))
        .set((
            account_credentials::master_key_id.eq(None::<String>),
            account_credentials::sealed_key.eq(None::<Vec<u8>>),
            account_credentials::sealed_content.eq(None::<Vec<u8>>),
            account_credentials::retired_at.eq(retired_at),
            account_credentials::destroyed_at.eq(Some(now)),
        ))
        .execute(tx)?;
    Ok(())
}

/// Destroys what an account's credentials are, and says which did; the record is kept.
///
/// # Errors
/// Where the database gives none.
pub fn destroy_current(tx: &mut Conn, school: SchoolId, account: AccountId, now: Instant) -> QueryResult<Option<CredentialId>> {
    let Some(row) = newest(tx, school, account)?.filter(|row| row.destroyed_at.is_none()) else { return Ok(None) };
    destroy(tx, &row, None, now)?;
    Ok(Some(row.id))
}

/// Marks the credentials of accounts as known to somebody who ceased to run them on the day after `until`: they have
/// to be replaced. What was stored later the leaver never knew.
///
/// # Errors
/// Where the database gives none.
pub fn mark_leaver(tx: &mut Conn, school: SchoolId, accounts: &[AccountId], until: NaiveDate, today: NaiveDate) -> QueryResult<()> {
    let known = account_credentials::table
        .filter(account_credentials::school_id.eq(school))
        .filter(account_credentials::account_id.eq_any(accounts))
        .filter(account_credentials::stored_on.le(until))
        .filter(account_credentials::destroyed_at.is_null())
        .filter(account_credentials::leaver_on.is_null());
    diesel::update(known).set(account_credentials::leaver_on.eq(Some(today))).execute(tx)?;
    Ok(())
}

/// Marks the credentials of an account as known to people who were taken off it (see [`mark_leaver`]).
///
/// # Errors
/// Where the database gives none.
pub fn mark_taken_off(tx: &mut Conn, school: SchoolId, account: AccountId, who: &[PersonId], today: NaiveDate) -> QueryResult<()> {
    let left: Vec<Option<NaiveDate>> =
        people::table.filter(people::school_id.eq(school)).filter(people::id.eq_any(who)).select(people::left_on).load(tx)?;
    match left.into_iter().map(|left_on| ran_until(left_on, today)).max() {
        Some(until) => mark_leaver(tx, school, &[account], until, today),
        None => Ok(()),
    }
}

/// Marks credentials as read under a release.
///
/// # Errors
/// Where the database gives none.
pub fn mark_released(tx: &mut Conn, row: &CredentialRow, today: NaiveDate) -> QueryResult<()> {
    let first = account_credentials::table.find((row.school_id, row.id)).filter(account_credentials::released_on.is_null());
    diesel::update(first).set(account_credentials::released_on.eq(Some(today))).execute(tx)?;
    Ok(())
}

/// Stores that credentials were revealed.
///
/// # Errors
/// Where the database gives none.
pub fn insert_reveal(tx: &mut Conn, row: &RevealRow) -> QueryResult<()> {
    diesel::insert_into(credential_reveals::table).values(row).execute(tx)?;
    Ok(())
}

/// One page of when an account's credentials were revealed, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn reveals(conn: &mut Conn, school: SchoolId, account: AccountId, window: &Window<CredentialRevealId>) -> QueryResult<Vec<RevealRow>> {
    let mut query = credential_reveals::table
        .filter(credential_reveals::school_id.eq(school))
        .filter(credential_reveals::account_id.eq(account))
        .order(credential_reveals::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(credential_reveals::id.gt(after));
    }
    query.select(RevealRow::as_select()).load(conn)
}

/// Up to `most` credentials of a school that can be opened, in the order of their ids; for the commands. Where
/// `but_under` names a master key, those that are sealed under another one.
///
/// # Errors
/// Where the database gives none.
pub fn sealed(
    conn: &mut Conn,
    school: SchoolId,
    after: Option<CredentialId>,
    but_under: Option<&str>,
    most: i64,
) -> QueryResult<Vec<CredentialRow>> {
    let mut query = account_credentials::table
        .filter(account_credentials::school_id.eq(school))
        .filter(account_credentials::destroyed_at.is_null())
        .order(account_credentials::id)
        .limit(most)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(account_credentials::id.gt(after));
    }
    if let Some(master_key_id) = but_under {
        query = query.filter(account_credentials::master_key_id.ne(master_key_id));
    }
    query.select(CredentialRow::as_select()).load(conn)
}

/// The ids of the master keys under which secrets of any school are sealed.
///
/// # Errors
/// Where the database gives none.
pub fn master_keys_in_use(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let used = account_credentials::table.filter(account_credentials::master_key_id.is_not_null()).distinct();
    let ids: Vec<Option<String>> = used.select(account_credentials::master_key_id).load(conn)?;
    Ok(ids.into_iter().flatten().collect())
}

/// Seals the keys of up to `most` secrets of a school, after the one of the id `after`, under the current master key.
/// Gives the last id that it looked at and how many it sealed anew; `None` where no more are sealed under another one.
/// What does not open stays as it is.
///
/// # Errors
/// Where the current master key is not at hand.
pub fn reseal(
    tx: &mut Conn,
    ring: &Keyring,
    school: SchoolId,
    after: Option<CredentialId>,
    most: i64,
) -> Result<Option<(CredentialId, usize)>, VaultError> {
    let current = vault::sealing_key(tx, ring)?;
    // What is stored meanwhile is under the current one already: this comes to its end however much that is.
    let rows = sealed(tx, school, after, Some(current.id()), most)?;
    let mut resealed = 0;
    for row in &rows {
        let Some(sealed) = row.sealed() else { continue };
        let Ok(Sealed { master_key_id, key, .. }) = vault::reseal(ring, current, &row.label(), sealed) else { continue };
        diesel::update(account_credentials::table.find((school, row.id)))
            .set((account_credentials::master_key_id.eq(Some(master_key_id)), account_credentials::sealed_key.eq(Some(key))))
            .execute(tx)?;
        resealed += 1;
    }
    Ok(rows.last().map(|row| (row.id, resealed)))
}
