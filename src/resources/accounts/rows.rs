//! Accounts in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use super::rules::AccountState;
use crate::clock::Instant;
use crate::db::schema::{account_managers, accounts, former_account_managers as former};
use crate::db::types::{AccountId, BusinessCaseId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::platforms::{Platform, Visibility};
use crate::problem::Problem;
use crate::resources::business_cases::rows::Manager;
use crate::resources::publications::touch;

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
    /// What it goes back to when its handovers have come to their end; absent while there is none.
    pub before_handover: Option<AccountState>,
    pub reason_before_handover: Option<String>,
}

impl AccountRow {
    /// Somebody who ran it has left, and their handover is open (R-IT-4).
    pub fn is_being_handed_over(&self) -> bool {
        self.before_handover.is_some()
    }
}

/// An account with the people who run it.
#[derive(Clone, Debug)]
pub struct Account {
    pub row: AccountRow,
    pub managers: Vec<Manager>,
}

impl Account {
    /// Who runs it.
    pub fn people(&self) -> Vec<PersonId> {
        self.managers.iter().map(|manager| manager.person_id).collect()
    }

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

/// The ids of the accounts that a person runs, for use inside of other queries.
#[diesel::dsl::auto_type]
pub fn run_by(school: SchoolId, person: PersonId) -> _ {
    account_managers::table
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::person_id.eq(person))
        .select(account_managers::account_id)
}

/// The accounts that any of some people run.
///
/// # Errors
/// Where the database gives none.
pub fn run_by_any(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<Vec<AccountId>> {
    account_managers::table
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::person_id.eq_any(people))
        .select(account_managers::account_id)
        .distinct()
        .load(conn)
}

/// The accounts of a school, as far as the caller may see them.
pub fn visible<'a>(school: SchoolId, sight: Sight) -> accounts::BoxedQuery<'a, MultiBackend> {
    let all = accounts::table.filter(accounts::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(accounts::id.eq_any(run_by(school, person))),
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
    Ok(complete(conn, school, vec![row])?.pop())
}

/// The account, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: AccountId) -> Result<Account, Problem> {
    look_up(conn, school, sight, id)?.ok_or_else(Problem::not_found)
}

/// Several accounts at once.
///
/// # Errors
/// Where the database gives none.
pub fn several(conn: &mut Conn, school: SchoolId, ids: &[AccountId]) -> Result<Vec<Account>, Problem> {
    let rows: Vec<AccountRow> =
        visible(school, Sight::All).filter(accounts::id.eq_any(ids)).order(accounts::id).select(AccountRow::as_select()).load(conn)?;
    complete(conn, school, rows)
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
    complete(conn, school, rows)
}

/// The accounts with the people who run them.
fn complete(conn: &mut Conn, school: SchoolId, rows: Vec<AccountRow>) -> Result<Vec<Account>, Problem> {
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
    for manager in &account.managers {
        insert_manager(tx, account, manager, account.row.created_at)?;
    }
    Ok(())
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
    precondition::saved(saved)?;
    // IMG-3: what was cleared for it is not cleared any more, also once it is in use again.
    if row.state != AccountState::Active {
        touch::revoke_on(tx, row.school_id, Some(row.id), now)?;
    }
    Ok(())
}

/// Changes who runs an account to `account.managers`: who goes stays on record.
///
/// # Errors
/// Where the database gives none.
pub fn replace_managers(tx: &mut Conn, account: &Account, now: Instant) -> Result<(), Problem> {
    let (school, id) = (account.row.school_id, account.row.id);
    let before: Vec<(PersonId, bool, Instant)> = account_managers::table
        .filter(account_managers::school_id.eq(school))
        .filter(account_managers::account_id.eq(id))
        .select((account_managers::person_id, account_managers::lead, account_managers::added_at))
        .load(tx)?;
    for (person, lead, added_at) in before.iter().filter(|(person, ..)| !account.is_run_by(*person)) {
        diesel::insert_into(former::table)
            .values((
                former::school_id.eq(school),
                former::account_id.eq(id),
                former::person_id.eq(person),
                former::removed_at.eq(now),
                former::lead.eq(lead),
                former::added_at.eq(added_at),
            ))
            .execute(tx)?;
        diesel::delete(account_managers::table.find((school, id, *person))).execute(tx)?;
    }
    for manager in &account.managers {
        match before.iter().find(|(person, ..)| *person == manager.person_id) {
            None => insert_manager(tx, account, manager, now)?,
            Some((person, lead, _)) if *lead != manager.lead => {
                diesel::update(account_managers::table.find((school, id, *person)))
                    .set(account_managers::lead.eq(manager.lead))
                    .execute(tx)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn insert_manager(tx: &mut Conn, account: &Account, manager: &Manager, now: Instant) -> QueryResult<()> {
    diesel::insert_into(account_managers::table)
        .values((
            account_managers::school_id.eq(account.row.school_id),
            account_managers::account_id.eq(account.row.id),
            account_managers::person_id.eq(manager.person_id),
            account_managers::lead.eq(manager.lead),
            account_managers::added_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

/// The accounts in use.
///
/// # Errors
/// Where the database gives none.
pub fn in_use(conn: &mut Conn, school: SchoolId, sight: Sight) -> Result<Vec<Account>, Problem> {
    let rows: Vec<AccountRow> = visible(school, sight)
        .filter(accounts::state.eq_any(AccountState::IN_USE))
        .order(accounts::id)
        .select(AccountRow::as_select())
        .load(conn)?;
    complete(conn, school, rows)
}
