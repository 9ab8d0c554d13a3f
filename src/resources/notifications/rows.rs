//! Notifications in the database.

use std::collections::BTreeSet;

use diesel::prelude::*;
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::schema::{incidents, notifications};
use crate::db::types::{NotificationId, PersonId, SchoolId, SubjectId};
use crate::db::{Conn, MultiBackend};
use crate::events::EventType;
use crate::page::Window;
use crate::problem::Problem;
use crate::resources::incidents::rows::{self as incident_rows, Viewer};

/// One row of `notifications`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications)]
pub struct NotificationRow {
    pub school_id: SchoolId,
    pub id: NotificationId,
    pub person_id: PersonId,
    pub event_type: String,
    pub subject_type: String,
    pub subject_id: SubjectId,
    pub created_at: Instant,
    pub read_at: Option<Instant>,
}

/// Tells people of what has happened to a thing, each once.
///
/// # Errors
/// Where the database gives none.
pub fn notify(tx: &mut Conn, school: SchoolId, people: &[PersonId], kind: EventType, subject: Uuid, now: Instant) -> QueryResult<()> {
    let each: BTreeSet<PersonId> = people.iter().copied().collect();
    let row = |person_id| NotificationRow {
        school_id: school,
        id: NotificationId::new(),
        person_id,
        event_type: kind.name().to_owned(),
        subject_type: kind.subject_type().to_owned(),
        subject_id: subject.into(),
        created_at: now,
        read_at: None,
    };
    for row in each.into_iter().map(row) {
        diesel::insert_into(notifications::table).values(&row).execute(tx)?;
    }
    Ok(())
}

/// Whom a thing was brought to, and when, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn of(conn: &mut Conn, school: SchoolId, subject: Uuid) -> QueryResult<Vec<NotificationRow>> {
    notifications::table
        .filter(notifications::school_id.eq(school))
        .filter(notifications::subject_id.eq(SubjectId::from(subject)))
        .order(notifications::id)
        .limit(1000)
        .select(NotificationRow::as_select())
        .load(conn)
}

/// Whom a thing was brought to before.
///
/// # Errors
/// Where the database gives none.
pub fn told_of(conn: &mut Conn, school: SchoolId, subject: Uuid) -> QueryResult<Vec<PersonId>> {
    Ok(of(conn, school, subject)?.into_iter().map(|told| told.person_id).collect())
}

/// What of their notifications somebody may know of: none on an incident that has come to be hidden from them.
fn visible<'a>(school: SchoolId, viewer: &Viewer) -> notifications::BoxedQuery<'a, MultiBackend> {
    let Viewer { person, leads, safeguards, data, escalated } = viewer.clone();
    let seen = incident_rows::seen(school, person, leads, safeguards, data, escalated).select(incidents::id);
    notifications::table
        .filter(notifications::school_id.eq(school))
        .filter(notifications::person_id.eq(person))
        .filter(notifications::subject_type.ne("incident").or(notifications::subject_id.eq_any(seen)))
        .into_boxed()
}

/// One page, newest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    viewer: &Viewer,
    unread: bool,
    window: &Window<NotificationId>,
) -> QueryResult<Vec<NotificationRow>> {
    let mut query = visible(school, viewer).order(notifications::id.desc()).limit(window.fetch());
    if unread {
        query = query.filter(notifications::read_at.is_null());
    }
    if let Some(after) = window.after {
        query = query.filter(notifications::id.lt(after));
    }
    query.select(NotificationRow::as_select()).load(conn)
}

/// The notification, or 404.
///
/// # Errors
/// 404 where there is none for this person.
pub fn find(conn: &mut Conn, school: SchoolId, viewer: &Viewer, id: NotificationId) -> Result<NotificationRow, Problem> {
    let found = visible(school, viewer).filter(notifications::id.eq(id)).select(NotificationRow::as_select()).first(conn).optional()?;
    found.ok_or_else(Problem::not_found)
}

/// Marks as read what somebody has not read of what they see: all, or one.
///
/// # Errors
/// Where the database gives none.
pub fn mark_read(tx: &mut Conn, school: SchoolId, viewer: &Viewer, one: Option<NotificationId>, now: Instant) -> QueryResult<()> {
    let Viewer { person, leads, safeguards, data, escalated } = viewer.clone();
    let seen = incident_rows::seen(school, person, leads, safeguards, data, escalated).select(incidents::id);
    let unread = notifications::table
        .filter(notifications::school_id.eq(school))
        .filter(notifications::person_id.eq(person))
        .filter(notifications::read_at.is_null())
        // What is hidden from them now is news to them when it no longer is.
        .filter(notifications::subject_type.ne("incident").or(notifications::subject_id.eq_any(seen)));
    match one {
        Some(id) => diesel::update(unread.filter(notifications::id.eq(id))).set(notifications::read_at.eq(Some(now))).execute(tx)?,
        None => diesel::update(unread).set(notifications::read_at.eq(Some(now))).execute(tx)?,
    };
    Ok(())
}
