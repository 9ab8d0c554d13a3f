//! The operations on image objections.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ObjectionRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{ObjectToImages, ReadImageObjections};
use crate::clock::Instant;
use crate::db::types::{ImageObjectionId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Line, Prose, present};
use crate::page::{Page, Window};
use crate::policy::clauses::Clause;
use crate::policy::publication::TakedownCause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::people;
use crate::resources::publications::touch::{self, Reach};
use crate::words::words;

words! {
    /// What can be done with an objection.
    pub enum ObjectionAction { Lift }
}

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_image_objections).service(raise_image_objection).service(find_image_objection).service(lift_image_objection);
}

/// That somebody is not to be filmed or photographed. It overrides every consent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d3", "allowed_actions": ["lift"], "person_id": "0198a4b2-6f00-7000-8000-000000000009",
    "event_on": "2026-01-20", "event_name": "Nativity", "raised_by": "0198a4b2-6f00-7000-8000-000000000006",
    "raised_at": "2026-01-14T10:00:00Z", "version": 1
}))]
pub struct ImageObjection {
    pub id: ImageObjectionId,
    /// What this caller can do with it now.
    #[schema(max_items = 1)]
    pub allowed_actions: Vec<ObjectionAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    /// Of somebody whom the school has no record of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub description: Option<String>,
    /// Only to what is taken on this day; to everything, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub event_on: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub event_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub reason: Option<String>,
    pub raised_by: PersonId,
    pub raised_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lifted_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lifted_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
}

type ImageObjectionPage = Page<ImageObjection>;

impl Resource for ImageObjection {
    fn location(&self) -> String {
        format!("/v1/image-objections/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That somebody is not to be filmed or photographed.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event_on": "2026-01-20", "event_name": "Nativity" }))]
pub struct NewImageObjection {
    /// The caller, if this and `description` are absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    /// Of somebody whom the school has no record of, in place of `person_id`.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub description: Option<Line<500>>,
    /// Only to what is taken on this day; to everything, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub event_on: Option<Day>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub event_name: Option<Line<200>>,
    /// Nobody asks for it.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub reason: Option<Prose<2000>>,
}

/// Which objections to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImageObjectionQuery {
    /// `true`: those that have not been lifted.
    #[param(nullable = false)]
    pub in_force: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadImageObjections>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: ObjectionRow) -> ImageObjection {
    let open = row.lifted_at.is_none() && me.may::<ObjectToImages>() && row.person_id.is_some();
    ImageObjection {
        id: row.id,
        allowed_actions: if open { vec![ObjectionAction::Lift] } else { Vec::new() },
        person_id: row.person_id,
        description: row.description,
        event_on: row.event_on.map(Day),
        event_name: row.event_name,
        reason: row.reason,
        raised_by: row.raised_by,
        raised_at: row.raised_at,
        lifted_by: row.lifted_by,
        lifted_at: row.lifted_at,
        version: row.version,
    }
}

/// List who is not to be filmed or photographed (IMG-2).
///
/// Oldest first. Most people see what is about themselves and their children, and what they raised.
#[utoipa::path(tag = "image-objections", security(("oauth2" = [ReadImageObjections])), params(ImageObjectionQuery),
    responses((status = 200, description = "One page.", body = ImageObjectionPage)))]
#[get("/v1/image-objections")]
async fn list_image_objections(
    caller: Caller<ReadImageObjections>,
    query: Query<ImageObjectionQuery>,
) -> Result<Plain<ImageObjectionPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("image-objections", &query.0))?;
    let in_force = query.in_force == Some(true);
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), sight(me), in_force, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/image-objections", &query.0, query.limit)
}

/// Ask not to be filmed or photographed (IMG-2).
///
/// For oneself, one's children, or, as a member of staff, for anybody who asks, visitors too. No reason is asked for. It
/// counts at once and overrides every consent: clearances die, and what is published has to go.
#[utoipa::path(tag = "image-objections", security(("oauth2" = [ObjectToImages])), request_body = NewImageObjection,
    responses((status = 201, description = "Recorded.", body = ImageObjection)))]
#[post("/v1/image-objections")]
async fn raise_image_objection(caller: Caller<ObjectToImages>, new: Valid<NewImageObjection>) -> Result<Created<ImageObjection>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let raised_by = me.person().ok_or_else(Problem::not_found)?;
            if new.person_id.is_some() && new.description.is_some() {
                return Err(Problem::invalid("/description", "person_or_description", "Give one of person_id and description."));
            }
            let person_id = if new.description.is_some() { None } else { Some(new.person_id.unwrap_or(raised_by)) };
            let unknown = || Problem::invalid("/person_id", "unknown", "There is no such person for this caller.");
            match person_id {
                Some(person) if me.own_only() && person != raised_by => {
                    people::rows::guardian(tx, me.school(), person, raised_by)?.ok_or_else(unknown)?;
                }
                Some(person) if people::rows::known(tx, me.school(), &[person])?.is_empty() => return Err(unknown()),
                None if me.own_only() => return Err(unknown()),
                _ => {}
            }
            let row = ObjectionRow {
                school_id: me.school(),
                id: ImageObjectionId::new(),
                person_id,
                description: new.description.map(Line::into_inner),
                event_on: new.event_on.map(|day| day.0),
                event_name: new.event_name.map(Line::into_inner),
                reason: new.reason.map(Prose::into_inner),
                raised_by,
                raised_at: me.now(),
                lifted_by: None,
                lifted_at: None,
                version: 1,
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ImageObjectionRaised, row.id.uuid()))?;
            if let Some(person) = row.person_id {
                let reach = Reach::Objection { person, event_on: row.event_on };
                touch::touch(tx, me.school(), &reach, TakedownCause::Objected, me.now())?;
            }
            Created::new(&view(me, row))
        })
        .await
}

/// Find an objection.
#[utoipa::path(tag = "image-objections", security(("oauth2" = [ReadImageObjections])),
    responses((status = 200, description = "The objection.", body = ImageObjection), Fails<404>))]
#[get("/v1/image-objections/{id}")]
async fn find_image_objection(
    caller: Caller<ReadImageObjections>,
    id: Path<ImageObjectionId>,
) -> Result<Versioned<ImageObjection>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Lift an objection (IMG-2).
///
/// By whom it is about, or a parent with parental responsibility; by nobody else.
#[utoipa::path(tag = "image-objections", security(("oauth2" = [ObjectToImages])), params(IfMatchHeader),
    responses((status = 200, description = "Lifted.", body = ImageObjection), Fails<404, 409, 412, 428>))]
#[post("/v1/image-objections/{id}/lift")]
async fn lift_image_objection(
    caller: Caller<ObjectToImages>,
    id: Path<ImageObjectionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<ImageObjection>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), *id)?;
            let person = me.person().ok_or_else(Problem::not_found)?;
            let of_child = match row.person_id {
                Some(child) => people::rows::guardian(tx, me.school(), child, person)?.is_some_and(|link| link.has_parental_responsibility),
                None => false,
            };
            // What a parent raised, the child does not lift.
            let own = row.person_id == Some(person) && (row.raised_by == person || !me.has_role(Role::Pupil));
            if !own && !of_child {
                let violation = Violation::new(Clause::Img2, "This objection is somebody else's.", "Ask them, or a parent, to lift it.");
                return Err(Refusal::new(Grounds::NotThisPerson, violation).into());
            }
            if row.lifted_at.is_some() {
                return Err(Problem::state_conflict::<ObjectionAction>([]));
            }
            seen.check(row.version)?;
            (row.lifted_by, row.lifted_at) = (Some(person), Some(me.now()));
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::ImageObjectionLifted, row.id.uuid()))?;
            Versioned::new(&view(me, row))
        })
        .await
}
