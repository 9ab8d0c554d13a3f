//! The operations on exit records.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ExitRecordRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{MakeExitRecord, ReadExitRecords};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{ExitRecordId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Prose, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::handover::may_acknowledge_exit;
use crate::problem::{Code, Problem};
use crate::resources::people;
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_exit_records).service(make_exit_record).service(list_outstanding_exit_records).service(find_exit_record);
}

words! {
    /// How somebody acknowledged it.
    pub enum ExitMethod { InPerson, Letter, Email, Form }
}

/// That somebody who leaves has acknowledged that confidentiality continues (BEH-2d). Never changed; it counts no more once
/// the person is at the school after all.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f2", "person_id": "0198a4b2-6f00-7000-8000-000000000002", "acknowledged_on": "2026-07-20",
    "method": "in_person", "recorded_by": "0198a4b2-6f00-7000-8000-000000000004", "recorded_at": "2026-07-20T15:00:00Z", "version": 1
}))]
pub struct ExitRecord {
    pub id: ExitRecordId,
    pub person_id: PersonId,
    pub acknowledged_on: Day,
    pub method: ExitMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub note: Option<String>,
    pub recorded_by: PersonId,
    pub recorded_at: Instant,
    /// When the person was at the school after all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub void_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
}

type ExitRecordPage = Page<ExitRecord>;

impl Resource for ExitRecord {
    fn location(&self) -> String {
        format!("/v1/exit-records/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Somebody who leaves, or has left, without having acknowledged that confidentiality continues.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "left_on": "2026-07-22" }))]
pub struct OutstandingExitRecord {
    pub person_id: PersonId,
    /// The first day on which the person is no longer at the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left_on: Option<Day>,
}

type OutstandingExitRecordPage = Page<OutstandingExitRecord>;

/// That somebody who leaves has acknowledged that confidentiality continues.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "acknowledged_on": "2026-01-12", "method": "in_person" }))]
pub struct NewExitRecord {
    pub person_id: PersonId,
    /// Not ahead.
    pub acknowledged_on: Day,
    pub method: ExitMethod,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub note: Option<Prose<500>>,
}

/// Which exit records to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExitRecordQuery {
    /// Of this person.
    #[param(nullable = false)]
    pub person_id: Option<PersonId>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadExitRecords>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view(row: ExitRecordRow) -> ExitRecord {
    ExitRecord {
        id: row.id,
        person_id: row.person_id,
        acknowledged_on: Day(row.acknowledged_on),
        method: row.method,
        note: row.note,
        recorded_by: row.recorded_by,
        recorded_at: row.recorded_at,
        void_at: row.void_at,
        version: if row.void_at.is_some() { 2 } else { 1 },
    }
}

/// List exit records (BEH-2d).
///
/// Oldest first. Headteacher, IT and data protection officer see all of them, everyone else their own.
#[utoipa::path(tag = "exit-records", security(("oauth2" = [ReadExitRecords])), params(ExitRecordQuery),
    responses((status = 200, description = "One page.", body = ExitRecordPage)))]
#[get("/v1/exit-records")]
async fn list_exit_records(caller: Caller<ReadExitRecords>, query: Query<ExitRecordQuery>) -> Result<Plain<ExitRecordPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("exit-records", &query.0))?;
    let person = query.person_id;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), sight(me), person, &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/exit-records", &query.0, query.limit)
}

/// Record that somebody who leaves has acknowledged that confidentiality continues (BEH-2d).
///
/// Of somebody who has a leaving date, whether it has come or lies ahead, and once for each leaving. Whoever leaves can
/// record it themselves for as long as they are at the school.
#[utoipa::path(tag = "exit-records", security(("oauth2" = [MakeExitRecord])), request_body = NewExitRecord,
    responses((status = 201, description = "Recorded.", body = ExitRecord)))]
#[post("/v1/exit-records")]
async fn make_exit_record(caller: Caller<MakeExitRecord>, new: Valid<NewExitRecord>) -> Result<Created<ExitRecord>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let recorded_by = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            if me.own_only() && !me.is(new.person_id) {
                return Err(Problem::new(Code::Forbidden).detail("One records it of oneself, or has it recorded."));
            }
            let acknowledged_on = new.acknowledged_on.not_after(me.today(), "/acknowledged_on")?;
            let left_on = people::rows::left_on(tx, me.school(), new.person_id)?
                .ok_or_else(|| Problem::invalid("/person_id", "unknown", "There is no such person for this caller."))?;
            may_acknowledge_exit(left_on)?;
            let row = ExitRecordRow {
                school_id: me.school(),
                id: ExitRecordId::new(),
                person_id: new.person_id,
                acknowledged_on,
                method: new.method,
                note: new.note.map(Prose::into_inner),
                recorded_by,
                recorded_at: me.now(),
                void_at: None,
            };
            rows::insert(tx, &row)?;
            let made = Event::new(EventType::ExitRecordMade, row.id.uuid()).related("person_id", row.person_id.uuid());
            events::record(tx, me, made)?;
            Created::new(&view(row))
        })
        .await
}

/// List who leaves, or has left, and has not acknowledged that confidentiality continues (BEH-2d).
///
/// Members of staff, volunteers and governors, in the order in which they became known.
#[utoipa::path(tag = "exit-records", security(("oauth2" = [ReadExitRecords])), params(PageQuery),
    responses((status = 200, description = "One page.", body = OutstandingExitRecordPage)))]
#[get("/v1/exit-records/outstanding")]
async fn list_outstanding_exit_records(
    caller: Caller<ReadExitRecords>,
    query: Query<PageQuery>,
) -> Result<Plain<OutstandingExitRecordPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"outstanding-exit-records")?;
    let page = caller
        .read(move |conn, me| {
            let people = rows::outstanding(conn, me.school(), sight(me), &window)?;
            let view = |(person_id, left_on): (PersonId, Option<_>)| OutstandingExitRecord { person_id, left_on: left_on.map(Day) };
            Ok(window.page(people, |(person, _)| *person, view))
        })
        .await?;
    Plain::page(&page, "/v1/exit-records/outstanding", &query.0, query.limit)
}

/// Find an exit record.
#[utoipa::path(tag = "exit-records", security(("oauth2" = [ReadExitRecords])),
    responses((status = 200, description = "The exit record.", body = ExitRecord), Fails<404>))]
#[get("/v1/exit-records/{id}")]
async fn find_exit_record(caller: Caller<ReadExitRecords>, id: Path<ExitRecordId>) -> Result<Versioned<ExitRecord>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Has the exit record of somebody who is at the school after all count no more.
///
/// # Errors
/// Where the database gives none.
pub fn void(tx: &mut Conn, actor: &Actor, person: PersonId) -> Result<(), Problem> {
    if let Some(id) = rows::void(tx, actor.school, person, actor.at)? {
        let voided = Event::new(EventType::ExitRecordVoided, id.uuid()).related("person_id", person.uuid());
        events::record(tx, actor.clone(), voided)?;
    }
    Ok(())
}
