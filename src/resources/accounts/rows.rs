//! Accounts in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use super::rules::AccountState;
use crate::clock::Instant;
use crate::db::schema::{account_managers, accounts};
use crate::db::types::{AccountId, BusinessCaseId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::platforms::{Platform, Visibility};
use crate::problem::{Code, Problem};
use crate::resources::business_cases::rows::Manager;

/// One row of `accounts`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts, primary_key(school_id, id), treat_none_as_null = true)]
pub struct AccountRow {
    pub school_id: SchoolId,
    pub id: AccountId,
    pub business_case_id: BusinessCaseId,
    pub state: AccountState,
    /// Why it was suspended or closed.
    pub state_reason: Option<String>,
    pub platform: Platform,
    pub platform_other_name: Option<String>,
    pub name: String,
    pub handle: String,
    /// What makes the handle unique: see `rules::handle_key`.
    pub handle_key: String,
    pub url: Option<String>,
    pub visibility: Visibility,
    pub direct_messages_enabled: bool,
    pub tagging_allowed: bool,
    pub activated_at: Option<Instant>,
    pub closed_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// An account with the people who run it.
#[derive(Clone, Debug)]
pub struct Account {
    pub row: AccountRow,
    pub managers: Vec<Manager>,
}

impl Account {
    pub fn is_run_by(&self, person: PersonId) -> bool {
        self.managers.iter().any(|manager| manager.person_id == person)
    }
}

/// What a caller may see of a school's accounts.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those that the person runs.
    Own(PersonId),
}

/// Which accounts a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<AccountState>,
    pub updated_since: Option<Instant>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> accounts::BoxedQuery<'a, MultiBackend> {
    let all = accounts::table.filter(accounts::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(
            accounts::id.eq_any(
                account_managers::table
                    .filter(account_managers::school_id.eq(school))
                    .filter(account_managers::person_id.eq(person))
                    .select(account_managers::account_id),
            ),
        ),
    }
}

/// The account, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, sight: Sight, id: AccountId) -> Result<Option<Account>, Problem> {
    let row: Option<AccountRow> =
        visible(school, sight).filter(accounts::id.eq(id)).select(AccountRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let managers = managers(conn, school, &[id])?.remove(&id).unwrap_or_default();
    Ok(Some(Account { row, managers }))
}

/// The account, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: AccountId) -> Result<Account, Problem> {
    look_up(conn, school, sight, id)?.ok_or_else(Problem::not_found)
}

/// One page of accounts, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, sight: Sight, filter: &Filter, window: &Window<AccountId>) -> Result<Vec<Account>, Problem> {
    let mut query = visible(school, sight).order(accounts::id).limit(window.fetch());
    if !filter.states.is_empty() {
        query = query.filter(accounts::state.eq_any(filter.states.clone()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(accounts::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(accounts::id.gt(after));
    }
    let rows: Vec<AccountRow> = query.select(AccountRow::as_select()).load(conn)?;
    let ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
    let mut managers = managers(conn, school, &ids)?;
    Ok(rows.into_iter().map(|row| Account { managers: managers.remove(&row.id).unwrap_or_default(), row }).collect())
}

fn managers(conn: &mut Conn, school: SchoolId, ids: &[AccountId]) -> QueryResult<HashMap<AccountId, Vec<Manager>>> {
    let rows: Vec<(AccountId, Manager)> = account_managers::table
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::account_id.eq_any(ids))
        .order((account_managers::account_id, account_managers::lead.desc(), account_managers::person_id))
        .select((account_managers::account_id, (account_managers::person_id, account_managers::lead)))
        .load(conn)?;
    let mut by_account: HashMap<AccountId, Vec<Manager>> = HashMap::new();
    for (id, manager) in rows {
        by_account.entry(id).or_default().push(manager);
    }
    Ok(by_account)
}

/// The accounts that a person runs.
///
/// # Errors
/// Where the database gives none.
pub fn run_by(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<Vec<AccountId>> {
    account_managers::table
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::person_id.eq(person))
        .select(account_managers::account_id)
        .load(conn)
}

/// Whether another account has this handle.
///
/// # Errors
/// Where the database gives none.
pub fn handle_taken(conn: &mut Conn, school: SchoolId, key: &str, by_other_than: AccountId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        accounts::table.filter(accounts::school_id.eq(school)).filter(accounts::handle_key.eq(key)).filter(accounts::id.ne(by_other_than)),
    ))
    .get_result(conn)
}

/// Stores a new account.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, account: &Account) -> Result<(), Problem> {
    diesel::insert_into(accounts::table).values(&account.row).execute(tx)?;
    insert_managers(tx, account)
}

/// Stores a changed account under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, account: &mut Account, now: Instant) -> Result<(), Problem> {
    let read = account.row.version;
    account.row.version += 1;
    account.row.updated_at = now;
    let row = &account.row;
    let saved = diesel::update(accounts::table.find((row.school_id, row.id)).filter(accounts::version.eq(read))).set(row).execute(tx)?;
    if saved == 1 { Ok(()) } else { Err(Problem::new(Code::VersionConflict)) }
}

/// Replaces the people who run an account.
///
/// # Errors
/// Where the database gives none.
pub fn replace_managers(tx: &mut Conn, account: &Account) -> Result<(), Problem> {
    diesel::delete(
        account_managers::table
            .filter(account_managers::school_id.eq(account.row.school_id))
            .filter(account_managers::account_id.eq(account.row.id)),
    )
    .execute(tx)?;
    insert_managers(tx, account)
}

fn insert_managers(tx: &mut Conn, account: &Account) -> Result<(), Problem> {
    for manager in &account.managers {
        diesel::insert_into(account_managers::table)
            .values((
                account_managers::school_id.eq(account.row.school_id),
                account_managers::account_id.eq(account.row.id),
                account_managers::person_id.eq(manager.person_id),
                account_managers::lead.eq(manager.lead),
                account_managers::added_at.eq(account.row.updated_at),
            ))
            .execute(tx)?;
    }
    Ok(())
}
