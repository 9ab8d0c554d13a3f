//! Acknowledgements in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::acknowledgements;
use crate::db::types::{AcknowledgementId, PersonId, PolicyId, PolicyVersionId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::problem::Problem;

/// One row of `acknowledgements`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = acknowledgements)]
pub struct AcknowledgementRow {
    pub school_id: SchoolId,
    pub id: AcknowledgementId,
    pub person_id: PersonId,
    pub policy_id: PolicyId,
    pub policy_version_id: PolicyVersionId,
    /// Of the version.
    pub number: i32,
    /// Of the version's text.
    pub content_hash: String,
    pub typed_name: String,
    pub acknowledged_at: Instant,
}

/// What a caller may see of a school's acknowledgements.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// The person's.
    Own(PersonId),
}

/// Which acknowledgements a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub people: Vec<PersonId>,
    pub policies: Vec<PolicyId>,
    pub versions: Vec<PolicyVersionId>,
}

type Query<'a> = acknowledgements::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = acknowledgements::table.filter(acknowledgements::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(acknowledgements::person_id.eq(person)),
    }
}

/// The acknowledgement, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: AcknowledgementId) -> Result<AcknowledgementRow, Problem> {
    let row = visible(school, sight).filter(acknowledgements::id.eq(id)).select(AcknowledgementRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The person's acknowledgement of a version, if there is one.
///
/// # Errors
/// Where the database gives none.
pub fn given(conn: &mut Conn, school: SchoolId, person: PersonId, version: PolicyVersionId) -> QueryResult<Option<AcknowledgementRow>> {
    visible(school, Sight::Own(person))
        .filter(acknowledgements::policy_version_id.eq(version))
        .select(AcknowledgementRow::as_select())
        .first(conn)
        .optional()
}

/// The query behind a page of acknowledgements, oldest first. One value of a filter is an equality, which an index
/// has before its order.
pub fn listing<'a>(school: SchoolId, sight: Sight, filter: &Filter, window: &Window<AcknowledgementId>) -> Query<'a> {
    let mut query = visible(school, sight).order(acknowledgements::id).limit(window.fetch());
    query = match filter.people[..] {
        [] => query,
        [person] => query.filter(acknowledgements::person_id.eq(person)),
        _ => query.filter(acknowledgements::person_id.eq_any(filter.people.clone())),
    };
    query = match filter.policies[..] {
        [] => query,
        [policy] => query.filter(acknowledgements::policy_id.eq(policy)),
        _ => query.filter(acknowledgements::policy_id.eq_any(filter.policies.clone())),
    };
    query = match filter.versions[..] {
        [] => query,
        [version] => query.filter(acknowledgements::policy_version_id.eq(version)),
        _ => query.filter(acknowledgements::policy_version_id.eq_any(filter.versions.clone())),
    };
    if let Some(after) = window.after {
        query = query.filter(acknowledgements::id.gt(after));
    }
    query
}

/// One page of acknowledgements.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<AcknowledgementId>,
) -> QueryResult<Vec<AcknowledgementRow>> {
    listing(school, sight, filter, window).select(AcknowledgementRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &AcknowledgementRow) -> QueryResult<()> {
    diesel::insert_into(acknowledgements::table).values(row).execute(tx)?;
    Ok(())
}
