//! The operations on accidental images.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, AccidentalImage as Whole, AccidentalImageRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadIncidents, RecordImageDeletion, ReportAccidentalImage};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccidentalImageId, IncidentId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{Valid, objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, Window};
use crate::policy::accidental_images::{self as policy, AccidentalImageAction, AccidentalImageState, HeldAt, ImagePlace};
use crate::policy::incidents::FirstStep;
use crate::problem::{Code, Problem};
use crate::resources::comments::rules::is_past;
use crate::resources::incidents::{self, NamedSubject, Report, SubjectPart};
use crate::resources::people;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_accidental_images).service(report_accidental_image).service(find_accidental_image).service(record_image_deletion);
}

/// A compromising picture that somebody took by accident (IMG-5): that there was one, and that it is deleted. The
/// picture itself is never taken in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "state": "deleted", "allowed_actions": [],
    "incident_id": "0198a4b2-6f00-7000-8000-0000000000f1", "taken_at": "2026-01-14T09:40:00Z", "noticed_at": "2026-01-14T09:50:00Z",
    "description": "A child in the background was changing.", "possibly_illegal": false, "places": [{ "place": "device", "detail": "Tablet 3" }],
    "guidance": [], "overdue": false, "deleted_at": "2026-01-14T09:55:00Z", "immediate": true,
    "deleted_places": [{ "place": "device", "detail": "Tablet 3" }], "witness_id": "0198a4b2-6f00-7000-8000-000000000003",
    "version": 2, "created_at": "2026-01-14T09:52:00Z", "updated_at": "2026-01-14T09:56:00Z"
}))]
pub struct AccidentalImage {
    pub id: AccidentalImageId,
    pub state: AccidentalImageState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<AccidentalImageAction>,
    /// As what it is dealt with.
    pub incident_id: IncidentId,
    pub taken_at: Instant,
    pub noticed_at: Instant,
    #[schema(max_length = 2000)]
    pub description: String,
    pub possibly_illegal: bool,
    /// Where it was when it was reported.
    #[schema(max_items = 10)]
    pub places: Vec<HeldAt>,
    /// What to do at once, and what not to.
    #[schema(max_items = 5)]
    pub guidance: Vec<FirstStep>,
    /// Not deleted within 30 minutes after it was noticed, though it ought to be.
    pub overdue: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deleted_at: Option<Instant>,
    /// Deleted within 30 minutes after it was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub immediate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10, nullable = false)]
    pub deleted_places: Option<Vec<HeldAt>>,
    /// Who saw that it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub witness_id: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type AccidentalImagePage = Page<AccidentalImage>;

impl Resource for AccidentalImage {
    fn location(&self) -> String {
        format!("/v1/accidental-images/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        self.overdue.then_some("overdue")
    }
}

/// A place that holds a picture, or held it.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedPlace {
    pub place: ImagePlace,
    /// Which of its kind it is.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub detail: Option<Line<200>>,
}

/// A compromising picture that the caller took by accident. Words alone: no picture, and no link to one.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "taken_at": "2026-01-14T09:40:00Z", "noticed_at": "2026-01-14T09:50:00Z", "description": "A child in the background was changing.",
    "possibly_illegal": false, "places": [{ "place": "device", "detail": "Tablet 3" }]
}))]
pub struct NewAccidentalImage {
    pub taken_at: Instant,
    pub noticed_at: Instant,
    /// What is wrong with it; no names are needed.
    #[validate(nested)]
    #[schema(inline)]
    pub description: Prose<2000>,
    /// It may be a crime to hold: then it is not deleted, but left alone and brought to the safeguarding lead (A19).
    pub possibly_illegal: bool,
    /// Everywhere that it is or was.
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 10), nested)]
    #[schema(min_items = 1, max_items = 10)]
    pub places: Vec<NamedPlace>,
    /// When it was deleted everywhere, if it has been.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub deleted_at: Option<Instant>,
    /// Who saw that it was deleted; not the caller.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub witness_id: Option<PersonId>,
}

/// That a picture was deleted everywhere.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "deleted_at": "2026-01-14T09:55:00Z", "places": [{ "place": "device", "detail": "Tablet 3" }],
    "witness_id": "0198a4b2-6f00-7000-8000-000000000003"
}))]
pub struct ImageDeletion {
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub deleted_at: Option<Instant>,
    /// Where it was deleted: each place that was reported, as it was reported.
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 10), nested)]
    #[schema(min_items = 1, max_items = 10)]
    pub places: Vec<NamedPlace>,
    /// Who saw it; neither the caller nor whoever took the picture.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub witness_id: Option<PersonId>,
}

/// Which pictures to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccidentalImageQuery {
    /// That are deleted, or are not.
    #[param(nullable = false)]
    pub deleted: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn held(places: Vec<NamedPlace>) -> Vec<HeldAt> {
    places.into_iter().map(|named| HeldAt { place: named.place, detail: named.detail.map(Line::into_inner) }).collect()
}

fn written(places: &[HeldAt]) -> Result<String, Problem> {
    serde_json::to_string(places).map_err(Problem::internal)
}

fn places(json: &str) -> Vec<HeldAt> {
    serde_json::from_str(json).unwrap_or_default()
}

fn view<P>(me: &Caller<P>, whole: &Whole) -> AccidentalImage {
    let Whole { row, deals_with_it } = whole;
    let may_delete = me.may::<RecordImageDeletion>()
        && policy::may_record_deletion(row.possibly_illegal, me.is(row.reporter_id), *deals_with_it).is_ok();
    let ends = row.deleted_at.unwrap_or_else(|| me.now());
    let immediate = policy::is_immediate(*row.noticed_at, *ends);
    AccidentalImage {
        id: row.id,
        state: policy::state(row.possibly_illegal, row.deleted_at.is_some()),
        allowed_actions: if row.deleted_at.is_none() && may_delete { vec![AccidentalImageAction::RecordDeletion] } else { Vec::new() },
        incident_id: row.incident_id,
        taken_at: row.taken_at,
        noticed_at: row.noticed_at,
        description: row.description.clone(),
        possibly_illegal: row.possibly_illegal,
        places: places(&row.places),
        guidance: if row.possibly_illegal { policy::category(true).guidance() } else { Vec::new() },
        overdue: row.deleted_at.is_none() && !row.possibly_illegal && !immediate,
        deleted_at: row.deleted_at,
        immediate: row.deleted_at.map(|_| immediate),
        deleted_places: row.deleted_places.as_deref().map(places),
        witness_id: row.witness_id,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Each instant lies after the one before, and none ahead.
fn check_order(moments: &[(&str, Option<Instant>)], now: Instant) -> Result<(), Problem> {
    let mut before = None;
    for (pointer, at) in moments.iter().filter_map(|(pointer, at)| Some((*pointer, (*at)?))) {
        if !is_past(at, now) {
            return Err(Problem::invalid(pointer, "in_the_future", "This lies in the future."));
        }
        if before.is_some_and(|before| at < before) {
            return Err(Problem::invalid(pointer, "out_of_order", "A picture is taken, then noticed, then deleted."));
        }
        before = Some(at);
    }
    Ok(())
}

fn check_witness<P>(conn: &mut Conn, me: &Caller<P>, witness: Option<PersonId>, reporter: PersonId) -> Result<(), Problem> {
    let Some(witness) = witness else { return Ok(()) };
    policy::may_witness(me.is(witness) || witness == reporter)?;
    if people::rows::known(conn, me.school(), &[witness])?.is_empty() {
        return Err(Problem::invalid("/witness_id", "unknown", "There is no such person."));
    }
    Ok(())
}

/// Records what happened to a picture. Who reported it is for the lead alone, as with any incident.
fn happened<P>(tx: &mut Conn, me: &Caller<P>, row: &AccidentalImageRow, kind: EventType) -> Result<(), Problem> {
    let actor = Actor::from(me);
    let actor = if me.is(row.reporter_id) { actor.as_a_reporter() } else { actor };
    let event = Event::new(kind, row.incident_id.uuid()).related("accidental_image_id", row.id.uuid());
    Ok(events::record(tx, actor, event)?)
}

/// List compromising pictures that were taken by accident (IMG-5).
///
/// Oldest first: those that the caller reported, and those whose incidents the caller may know of (R-HT-3).
#[utoipa::path(tag = "accidental-images", security(("oauth2" = [ReadIncidents])), params(AccidentalImageQuery),
    responses((status = 200, description = "One page.", body = AccidentalImagePage)))]
#[get("/v1/accidental-images")]
async fn list_accidental_images(
    caller: Caller<ReadIncidents>,
    query: Query<AccidentalImageQuery>,
) -> Result<Plain<AccidentalImagePage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("accidental-images", &query.0))?;
    let deleted = query.deleted;
    let page = caller
        .read(move |conn, me| {
            let viewer = incidents::viewer(conn, me)?;
            let images = rows::list(conn, me.school(), &viewer, deleted, &window)?;
            Ok(window.page(images, |whole| whole.row.id, |whole| view(me, &whole)))
        })
        .await?;
    Plain::page(&page, "/v1/accidental-images", &query.0, query.limit)
}

/// Report a compromising picture that one took by accident (IMG-5, DO-9).
///
/// It is deleted at once, everywhere; no picture and no link to one is taken here. What may be a crime to hold is not
/// deleted by whoever took it, and both safeguarding leads are told. An incident is opened in the same transaction, and led
/// by whom it is not about (R-HT-3). What others took is reported as an incident.
#[utoipa::path(tag = "accidental-images", security(("oauth2" = [ReportAccidentalImage])), request_body = NewAccidentalImage,
    responses((status = 201, description = "Reported.", body = AccidentalImage)))]
#[post("/v1/accidental-images")]
async fn report_accidental_image(
    caller: Caller<ReportAccidentalImage>,
    new: Valid<NewAccidentalImage>,
) -> Result<Created<AccidentalImage>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let reporter = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            let moments = [("/taken_at", Some(new.taken_at)), ("/noticed_at", Some(new.noticed_at)), ("/deleted_at", new.deleted_at)];
            check_order(&moments, me.now())?;
            check_witness(tx, me, new.witness_id, reporter)?;
            let (description, held) = (new.description.into_inner(), written(&held(new.places))?);
            let report = Report {
                description: description.clone(),
                category: Some(policy::category(new.possibly_illegal)),
                occurred_at: Some(new.taken_at),
                discovered_at: Some(new.noticed_at),
                // Of themselves: whoever took it does not lead what is about them, and goes on seeing it (DO-9).
                subjects: vec![NamedSubject { part: SubjectPart::Alleged, person_id: Some(reporter), description: None }],
                with_safeguarding_team: new.possibly_illegal,
                ..Report::default()
            };
            let (incident, _) = incidents::take_in(tx, Some(reporter), report, me.into())?;
            let row = AccidentalImageRow {
                school_id: me.school(),
                id: AccidentalImageId::new(),
                incident_id: incident.row.id,
                reporter_id: reporter,
                taken_at: new.taken_at,
                noticed_at: new.noticed_at,
                description,
                possibly_illegal: new.possibly_illegal,
                deleted_places: new.deleted_at.map(|_| held.clone()),
                places: held,
                deleted_at: new.deleted_at,
                witness_id: new.witness_id,
                overdue_recorded_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            happened(tx, me, &row, EventType::AccidentalImageReported)?;
            if row.deleted_at.is_some() {
                happened(tx, me, &row, EventType::AccidentalImageDeleted)?;
            }
            let viewer = incidents::viewer(tx, me)?;
            Created::new(&view(me, &rows::find(tx, me.school(), &viewer, row.id)?))
        })
        .await
}

/// Find a compromising picture that was taken by accident (IMG-5).
#[utoipa::path(tag = "accidental-images", security(("oauth2" = [ReadIncidents])),
    responses((status = 200, description = "What is known of it.", body = AccidentalImage), Fails<404>))]
#[get("/v1/accidental-images/{id}")]
async fn find_accidental_image(caller: Caller<ReadIncidents>, id: Path<AccidentalImageId>) -> Result<Versioned<AccidentalImage>, Problem> {
    caller
        .read(move |conn, me| {
            let viewer = incidents::viewer(conn, me)?;
            Versioned::new(&view(me, &rows::find(conn, me.school(), &viewer, *id)?))
        })
        .await
}

/// Record that a compromising picture was deleted everywhere (IMG-5).
///
/// By whoever took it, or deals with the incident; by the latter alone where it may be a crime to hold. Each place that was
/// reported is covered.
#[utoipa::path(tag = "accidental-images", security(("oauth2" = [RecordImageDeletion])), params(IfMatchHeader), request_body = ImageDeletion,
    responses((status = 200, description = "Recorded.", body = AccidentalImage), Fails<404, 409, 412, 428>))]
#[post("/v1/accidental-images/{id}/record-deletion")]
async fn record_image_deletion(
    caller: Caller<RecordImageDeletion>,
    id: Path<AccidentalImageId>,
    seen: IfMatch,
    deletion: Valid<ImageDeletion>,
) -> Result<Versioned<AccidentalImage>, Problem> {
    caller
        .write_on(
            move |tx, me| {
                let viewer = incidents::viewer(tx, me)?;
                rows::find(tx, me.school(), &viewer, *id)
            },
            move |tx, me, mut whole| {
                let row = &mut whole.row;
                policy::may_record_deletion(row.possibly_illegal, me.is(row.reporter_id), whole.deals_with_it)?;
                if row.deleted_at.is_some() {
                    return Err(Problem::state_conflict::<AccidentalImageAction>([]));
                }
                seen.check(row.version)?;
                let deletion = deletion.into_inner();
                let deleted_at = deletion.deleted_at.unwrap_or_else(|| me.now());
                check_order(&[("/noticed_at", Some(row.noticed_at)), ("/deleted_at", Some(deleted_at))], me.now())?;
                check_witness(tx, me, deletion.witness_id, row.reporter_id)?;
                let deleted = held(deletion.places);
                policy::covers(&places(&row.places), &deleted)?;
                (row.deleted_at, row.deleted_places) = (Some(deleted_at), Some(written(&deleted)?));
                row.witness_id = deletion.witness_id.or(row.witness_id);
                rows::save(tx, row, me.now())?;
                happened(tx, me, row, EventType::AccidentalImageDeleted)?;
                Versioned::new(&view(me, &whole))
            },
        )
        .await
}
