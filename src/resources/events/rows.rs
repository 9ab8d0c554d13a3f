//! Queries on the log.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{event_heads, events, incidents};
use crate::db::types::{EventId, PersonId, SchoolId, SubjectId};
use crate::db::{Conn, MultiBackend};
use crate::events::EventRow;
use crate::resources::business_cases::rows as business_cases;
use crate::resources::incidents::rows::{self as incident_rows, Viewer};
use crate::resources::low_level_concerns::rows::{self as concerns, Reader};

/// Which events a feed shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub types: Vec<String>,
    pub subject_types: Vec<String>,
    pub subject: Option<SubjectId>,
}

/// What of the log a caller may know of, apart from incidents.
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

/// As whom a person looks at what is confidential; a service sees none of it.
#[derive(Clone, Debug)]
pub struct Eyes {
    pub viewer: Viewer,
    pub reader: Reader,
}

type Query<'a> = events::BoxedQuery<'a, MultiBackend>;

/// The events that a caller may know of: of incidents and concerns those alone that they may see now, whoever did what
/// then.
fn visible<'a>(school: SchoolId, sight: &Sight, eyes: Option<&Eyes>) -> Query<'a> {
    let query = events::table.filter(events::school_id.eq(school)).into_boxed();
    let query = match eyes {
        Some(Eyes { viewer, reader }) => {
            let Viewer { person, leads, safeguards, data, escalated } = viewer.clone();
            let seen = incident_rows::seen(school, person, leads, safeguards, data, escalated).select(incidents::id);
            query
                .filter(events::subject_type.ne("incident").or(events::subject_id.eq_any(seen)))
                .filter(events::subject_id.ne_all(concerns::hidden_from(school, *reader)))
        }
        None => query.filter(events::subject_type.ne_all(["incident", "low_level_concern"])),
    };
    match sight {
        Sight::Everything(person) => query.filter(events::subject_id.ne_all(business_cases::kept_from(school, *person))),
        Sight::Of(kinds, client) => query.filter(events::subject_type.eq_any(kinds.clone()).or(events::client_id.eq(client.clone()))),
        Sight::By(person) => query.filter(events::actor_id.eq(*person)),
    }
}

/// Events after a number, up to another, in their order.
///
/// # Errors
/// Where the database gives none.
#[allow(clippy::too_many_arguments, reason = "a range of a filtered view")]
pub fn between(
    conn: &mut Conn,
    school: SchoolId,
    sight: &Sight,
    eyes: Option<&Eyes>,
    filter: &Filter,
    after: i64,
    upto: i64,
    most: i64,
) -> QueryResult<Vec<EventRow>> {
    let mut query =
        visible(school, sight, eyes).filter(events::number.gt(after)).filter(events::number.le(upto)).order(events::number).limit(most);
    if !filter.types.is_empty() {
        query = query.filter(events::event_type.eq_any(filter.types.clone()));
    }
    if !filter.subject_types.is_empty() {
        query = query.filter(events::subject_type.eq_any(filter.subject_types.clone()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(events::subject_id.eq(subject));
    }
    query.select(EventRow::as_select()).load(conn)
}

/// Those of these events that a caller may know of, in their order.
///
/// # Errors
/// Where the database gives none.
pub fn of_numbers(conn: &mut Conn, school: SchoolId, sight: &Sight, eyes: Option<&Eyes>, numbers: &[i64]) -> QueryResult<Vec<EventRow>> {
    let found = visible(school, sight, eyes).filter(events::number.eq_any(numbers.to_vec())).order(events::number);
    found.select(EventRow::as_select()).load(conn)
}

/// The number of the first event at or after an instant.
///
/// # Errors
/// Where the database gives none.
pub fn first_since(conn: &mut Conn, school: SchoolId, since: Instant) -> QueryResult<Option<i64>> {
    let later = events::table.filter(events::school_id.eq(school)).filter(events::occurred_at.ge(since));
    later.select(diesel::dsl::min(events::number)).first(conn)
}

/// The newest event up to a number that a caller may know of.
///
/// # Errors
/// Where the database gives none.
pub fn newest(conn: &mut Conn, school: SchoolId, sight: &Sight, eyes: Option<&Eyes>, upto: i64) -> QueryResult<Option<EventId>> {
    visible(school, sight, eyes).filter(events::number.le(upto)).order(events::number.desc()).select(events::id).first(conn).optional()
}

/// The number of an event.
///
/// # Errors
/// Where the database gives none.
pub fn number_of(conn: &mut Conn, school: SchoolId, id: EventId) -> QueryResult<Option<i64>> {
    events::table.filter(events::school_id.eq(school)).filter(events::id.eq(id)).select(events::number).first(conn).optional()
}
