//! Queries on the log.

use diesel::prelude::*;

use crate::db::schema::{event_heads, events};
use crate::db::types::{PersonId, SchoolId, SubjectId};
use crate::db::{Conn, MultiBackend};
use crate::events::EventRow;
use crate::resources::business_cases::rows as business_cases;

/// Which events a feed shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub types: Vec<String>,
    pub subject_types: Vec<String>,
    pub subject: Option<SubjectId>,
}

/// What of the log a caller may know of.
#[derive(Clone, Debug)]
pub enum Sight {
    /// What happened to anything, but to what members of staff keep to themselves until they submit it.
    Everything(PersonId),
    /// What happened to things of these kinds, and what this client did itself.
    Of(Vec<&'static str>, String),
    /// What the person did.
    By(PersonId),
}

/// The number of the newest event, and its hash.
///
/// # Errors
/// Where the database gives none.
pub fn head(conn: &mut Conn, school: SchoolId) -> QueryResult<(i64, String)> {
    event_heads::table.find(school).select((event_heads::number, event_heads::hash)).first(conn)
}

/// Events after a number, up to another, in their order.
///
/// # Errors
/// Where the database gives none.
pub fn between(
    conn: &mut Conn,
    school: SchoolId,
    sight: &Sight,
    filter: &Filter,
    after: i64,
    upto: i64,
    most: i64,
) -> QueryResult<Vec<EventRow>> {
    let mut query: events::BoxedQuery<'_, MultiBackend> = events::table
        .filter(events::school_id.eq(school))
        .filter(events::number.gt(after))
        .filter(events::number.le(upto))
        .order(events::number)
        .limit(most)
        .into_boxed();
    if !filter.types.is_empty() {
        query = query.filter(events::event_type.eq_any(filter.types.clone()));
    }
    if !filter.subject_types.is_empty() {
        query = query.filter(events::subject_type.eq_any(filter.subject_types.clone()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(events::subject_id.eq(subject));
    }
    query = match sight {
        Sight::Everything(person) => query.filter(events::subject_id.ne_all(business_cases::kept_from(school, *person))),
        Sight::Of(kinds, client) => query.filter(events::subject_type.eq_any(kinds.clone()).or(events::client_id.eq(client.clone()))),
        Sight::By(person) => query.filter(events::actor_id.eq(*person)),
    };
    query.select(EventRow::as_select()).load(conn)
}
