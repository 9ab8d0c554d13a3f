//! Publications in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{accounts, people, publication_check_works, publication_subjects, publications, takedowns};
use crate::db::types::{AccountId, ContentPermissionId, PersonId, PublicationCheckId, PublicationId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::consent::Purpose;
use crate::policy::platforms::Platform;
use crate::policy::publication::{TakedownCause, TakedownState};
use crate::problem::Problem;
use crate::resources::accounts::rows::run_by;

/// One row of `publications`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = publications, primary_key(school_id, id), treat_none_as_null = true)]
pub struct PublicationRow {
    pub school_id: SchoolId,
    pub id: PublicationId,
    pub check_id: PublicationCheckId,
    pub account_id: AccountId,
    pub author_id: PersonId,
    pub consent_purpose: Purpose,
    /// Words, separated by spaces.
    pub flags: String,
    pub taken_on: Option<NaiveDate>,
    pub url: String,
    pub published_at: Instant,
    pub review_due_on: NaiveDate,
    pub reviewed_at: Option<Instant>,
    pub audited_at: Option<Instant>,
    /// A face is seen from the front; as the last audit found.
    pub face_on: Option<bool>,
    pub removed_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's publications.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// What the person wrote, and what is on the accounts that they run.
    Own(PersonId),
}

/// Which publications a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub accounts: Vec<AccountId>,
    pub live: Option<bool>,
    /// Due to be looked at again on this day.
    pub stale_on: Option<NaiveDate>,
    /// Not audited since this instant.
    pub unaudited_since: Option<Instant>,
    pub face_on: Option<bool>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> publications::BoxedQuery<'a, MultiBackend> {
    let all = publications::table.filter(publications::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(publications::author_id.eq(person).or(publications::account_id.eq_any(run_by(school, person)))),
    }
}

/// The publication, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: PublicationId) -> Result<PublicationRow, Problem> {
    let row = visible(school, sight).filter(publications::id.eq(id)).select(PublicationRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, newest first.
pub fn listing<'a>(
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<PublicationId>,
) -> publications::BoxedQuery<'a, MultiBackend> {
    let mut query = visible(school, sight).order(publications::id.desc()).limit(window.fetch());
    if !filter.accounts.is_empty() {
        query = query.filter(publications::account_id.eq_any(filter.accounts.clone()));
    }
    query = match filter.live {
        Some(true) => query.filter(publications::removed_at.is_null()),
        Some(false) => query.filter(publications::removed_at.is_not_null()),
        None => query,
    };
    if let Some(day) = filter.stale_on {
        query = query.filter(publications::removed_at.is_null()).filter(publications::review_due_on.le(day));
    }
    if let Some(since) = filter.unaudited_since {
        let unaudited = publications::audited_at.is_null().or(publications::audited_at.lt(Some(since)));
        query = query.filter(publications::removed_at.is_null()).filter(unaudited);
    }
    if let Some(face_on) = filter.face_on {
        query = query.filter(publications::face_on.eq(Some(face_on)));
    }
    if let Some(since) = window.updated_since {
        query = query.filter(publications::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(publications::id.lt(after));
    }
    query
}

/// One page, newest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<PublicationId>,
) -> QueryResult<Vec<PublicationRow>> {
    listing(school, sight, filter, window).select(PublicationRow::as_select()).load(conn)
}

/// Whom something that was published shows or names.
///
/// # Errors
/// Where the database gives none.
pub fn subjects(conn: &mut Conn, school: SchoolId, ids: &[PublicationId]) -> QueryResult<Vec<(PublicationId, PersonId)>> {
    publication_subjects::table
        .filter(publication_subjects::school_id.eq(school))
        .filter(publication_subjects::publication_id.eq_any(ids))
        .order(publication_subjects::person_id)
        .select((publication_subjects::publication_id, publication_subjects::person_id))
        .load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &PublicationRow, subjects: &[PersonId]) -> QueryResult<()> {
    diesel::insert_into(publications::table).values(row).execute(tx)?;
    for person in subjects {
        diesel::insert_into(publication_subjects::table)
            .values((
                publication_subjects::school_id.eq(row.school_id),
                publication_subjects::publication_id.eq(row.id),
                publication_subjects::person_id.eq(person),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Stores a changed publication under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut PublicationRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = publications::table.find((row.school_id, row.id)).filter(publications::version.eq(read));
    precondition::saved(diesel::update(stored).set(row).execute(tx)?)
}

/// What is live and shows or names somebody, with where it is.
///
/// # Errors
/// Where the database gives none.
pub fn live_about(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<Vec<(PublicationRow, Platform)>> {
    let about = publication_subjects::table
        .filter(publication_subjects::school_id.eq(school))
        .filter(publication_subjects::person_id.eq(person))
        .select(publication_subjects::publication_id);
    publications::table
        .inner_join(accounts::table.on(accounts::school_id.eq(publications::school_id).and(accounts::id.eq(publications::account_id))))
        .filter(publications::school_id.eq(school))
        .filter(publications::removed_at.is_null())
        .filter(publications::id.eq_any(about))
        .select((PublicationRow::as_select(), accounts::platform))
        .load(conn)
}

/// Those of `people` whom something that is live is about.
///
/// # Errors
/// Where the database gives none.
pub fn subjects_of_live(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<Vec<PersonId>> {
    publication_subjects::table
        .inner_join(
            publications::table.on(publications::school_id
                .eq(publication_subjects::school_id)
                .and(publications::id.eq(publication_subjects::publication_id))),
        )
        .filter(publication_subjects::school_id.eq(school))
        .filter(publication_subjects::person_id.eq_any(people))
        .filter(publications::removed_at.is_null())
        .select(publication_subjects::person_id)
        .load(conn)
}

/// Who has left, is shown or named by something that is live, and of whom nobody has decided yet.
///
/// # Errors
/// Where the database gives none.
pub fn left_behind(conn: &mut Conn, school: SchoolId, today: NaiveDate, most: i64) -> QueryResult<Vec<PersonId>> {
    let decided =
        takedowns::table
            .filter(takedowns::school_id.eq(publications::school_id))
            .filter(takedowns::publication_id.eq(publications::id))
            .filter(takedowns::state.eq(TakedownState::Open).or(
                takedowns::cause.eq(TakedownCause::Left).and(takedowns::person_id.assume_not_null().eq(publication_subjects::person_id)),
            ));
    publication_subjects::table
        .inner_join(
            publications::table.on(publications::school_id
                .eq(publication_subjects::school_id)
                .and(publications::id.eq(publication_subjects::publication_id))),
        )
        .inner_join(
            people::table.on(people::school_id.eq(publication_subjects::school_id).and(people::id.eq(publication_subjects::person_id))),
        )
        .filter(publication_subjects::school_id.eq(school))
        .filter(people::left_on.le(Some(today)))
        .filter(publications::removed_at.is_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(decided)))
        .select(publication_subjects::person_id)
        .distinct()
        .limit(most)
        .load(conn)
}

/// What is live and rests on a permission, with where it is.
///
/// # Errors
/// Where the database gives none.
pub fn live_with(conn: &mut Conn, school: SchoolId, permission: ContentPermissionId) -> QueryResult<Vec<(PublicationRow, Platform)>> {
    let with = publication_check_works::table
        .filter(publication_check_works::school_id.eq(school))
        .filter(publication_check_works::content_permission_id.eq(permission))
        .select(publication_check_works::check_id);
    publications::table
        .inner_join(accounts::table.on(accounts::school_id.eq(publications::school_id).and(accounts::id.eq(publications::account_id))))
        .filter(publications::school_id.eq(school))
        .filter(publications::removed_at.is_null())
        .filter(publications::check_id.eq_any(with))
        .select((PublicationRow::as_select(), accounts::platform))
        .load(conn)
}
