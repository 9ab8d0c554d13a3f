//! Handovers in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::rules::{HandoverOutcome, HandoverState};
use crate::clock::Instant;
use crate::db::schema::{account_managers, accounts, handovers, people};
use crate::db::types::{AccountId, HandoverId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;
use crate::resources::accounts::AccountState;
use crate::resources::accounts::rows::{Sight, run_by};

/// One row of `handovers`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = handovers, primary_key(school_id, id), treat_none_as_null = true)]
pub struct HandoverRow {
    pub school_id: SchoolId,
    pub id: HandoverId,
    pub account_id: AccountId,
    pub leaver_id: PersonId,
    /// The leaver's first day away.
    pub left_on: NaiveDate,
    pub leaver_was_lead: bool,
    pub state: HandoverState,
    /// How it ended; absent before.
    pub outcome: Option<HandoverOutcome>,
    pub successor_id: Option<PersonId>,
    /// When the credentials were stored that took the place of those that the leaver knew.
    pub credentials_rotated_at: Option<Instant>,
    pub opened_at: Instant,
    pub completed_at: Option<Instant>,
    /// Absent where a service account or the program ended it.
    pub completed_by: Option<PersonId>,
    pub version: i64,
    pub updated_at: Instant,
}

/// Which handovers a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<HandoverState>,
    pub accounts: Vec<AccountId>,
    pub updated_since: Option<Instant>,
}

type Query<'a> = handovers::BoxedQuery<'a, MultiBackend>;

/// The handovers of a school, as far as the caller may see them.
fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = handovers::table.filter(handovers::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(handovers::account_id.eq_any(run_by(school, person))),
    }
}

/// The handover, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: HandoverId) -> Result<HandoverRow, Problem> {
    let row = visible(school, sight).filter(handovers::id.eq(id)).select(HandoverRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page of handovers, oldest first. One value of a filter is an equality, which an index has before
/// its order.
pub fn listing<'a>(school: SchoolId, sight: Sight, filter: &Filter, window: &Window<HandoverId>) -> Query<'a> {
    let mut query = visible(school, sight).order(handovers::id).limit(window.fetch());
    query = match filter.accounts[..] {
        [] => query,
        [account] => query.filter(handovers::account_id.eq(account)),
        _ => query.filter(handovers::account_id.eq_any(filter.accounts.clone())),
    };
    if !filter.states.is_empty() {
        query = query.filter(handovers::state.eq_any(filter.states.clone()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(handovers::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(handovers::id.gt(after));
    }
    query
}

/// One page of handovers.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<HandoverId>,
) -> QueryResult<Vec<HandoverRow>> {
    listing(school, sight, filter, window).select(HandoverRow::as_select()).load(conn)
}

/// Somebody who has left and still stands among those who run an account, without a handover.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct Due {
    pub account_id: AccountId,
    pub leaver_id: PersonId,
    pub lead: bool,
    pub left_on: Option<NaiveDate>,
}

/// Up to `most` handovers that have to be opened by `today`: of some leavers, or of everybody.
///
/// # Errors
/// Where the database gives none.
pub fn due(conn: &mut Conn, school: SchoolId, leavers: Option<&[PersonId]>, today: NaiveDate, most: i64) -> QueryResult<Vec<Due>> {
    let opened = handovers::table
        .filter(handovers::school_id.eq(account_managers::school_id))
        .filter(handovers::account_id.eq(account_managers::account_id))
        .filter(handovers::leaver_id.eq(account_managers::person_id))
        .filter(handovers::completed_at.is_null());
    let mut query = account_managers::table
        .inner_join(people::table.on(people::school_id.eq(account_managers::school_id).and(people::id.eq(account_managers::person_id))))
        .inner_join(
            accounts::table.on(accounts::school_id.eq(account_managers::school_id).and(accounts::id.eq(account_managers::account_id))),
        )
        .filter(account_managers::school_id.eq(school))
        .filter(people::left_on.le(today))
        .filter(accounts::state.ne(AccountState::Closed))
        .filter(diesel::dsl::not(diesel::dsl::exists(opened)))
        .order((account_managers::account_id, account_managers::person_id))
        .limit(most)
        .select((account_managers::account_id, account_managers::person_id, account_managers::lead, people::left_on))
        .into_boxed();
    if let Some(leavers) = leavers {
        query = query.filter(account_managers::person_id.eq_any(leavers.to_vec()));
    }
    query.load(conn)
}

/// The open handovers of accounts.
///
/// # Errors
/// Where the database gives none.
pub fn open_of(conn: &mut Conn, school: SchoolId, accounts: &[AccountId]) -> QueryResult<Vec<HandoverRow>> {
    handovers::table
        .filter(handovers::school_id.eq(school))
        .filter(handovers::account_id.eq_any(accounts))
        .filter(handovers::completed_at.is_null())
        .order(handovers::id)
        .select(HandoverRow::as_select())
        .load(conn)
}

/// The open handovers of a leaver's accounts.
///
/// # Errors
/// Where the database gives none.
pub fn open_of_leaver(conn: &mut Conn, school: SchoolId, leaver: PersonId) -> QueryResult<Vec<HandoverRow>> {
    handovers::table
        .filter(handovers::school_id.eq(school))
        .filter(handovers::leaver_id.eq(leaver))
        .filter(handovers::completed_at.is_null())
        .order(handovers::id)
        .select(HandoverRow::as_select())
        .load(conn)
}

/// Stores a new handover.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &HandoverRow) -> QueryResult<()> {
    diesel::insert_into(handovers::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed handover under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut HandoverRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = handovers::table.find((row.school_id, row.id)).filter(handovers::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
