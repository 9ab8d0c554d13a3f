//! The operations on low-level concerns.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, LowLevelConcernRow, Reader, Subject};
use super::rules::{self, ConcernOutcome, LowLevelConcernAction, LowLevelConcernState};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadLowLevelConcerns, RecordLowLevelConcern, ReviewLowLevelConcern};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{LowLevelConcernId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Prose, present};
use crate::page::{Page, Window};
use crate::policy::concerns;
use crate::problem::{Code, Problem};
use crate::resources::{people, schools};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_low_level_concerns)
        .service(record_low_level_concern)
        .service(find_low_level_concern)
        .service(review_low_level_concern);
}

/// A low-level concern about somebody who works with the school.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f5", "about_person_id": "0198a4b2-6f00-7000-8000-000000000004",
    "recorded_by": "0198a4b2-6f00-7000-8000-000000000003", "self_reported": false, "state": "recorded", "allowed_actions": ["review"],
    "pattern": false, "occurred_on": "2026-01-13", "what_happened": "Took a picture of the class on a phone of their own.",
    "context": "On the trip to the museum; the school's tablet was flat.", "version": 1,
    "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct LowLevelConcern {
    pub id: LowLevelConcernId,
    pub about_person_id: PersonId,
    pub recorded_by: PersonId,
    /// Who told whoever recorded it; absent where they are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub shared_by_id: Option<PersonId>,
    /// The person whom it is about reported it (DO-9).
    pub self_reported: bool,
    pub state: LowLevelConcernState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<LowLevelConcernAction>,
    /// There are `concern_pattern_at` concerns about this person, a setting of the school, or more.
    pub pattern: bool,
    pub occurred_on: Day,
    #[schema(max_length = 5000)]
    pub what_happened: String,
    #[schema(max_length = 5000)]
    pub context: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub action_taken: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<ConcernOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub review_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reviewed_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reviewed_by: Option<PersonId>,
    /// It is kept at least until then: the day on which the person leaves. Absent while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retention_until: Option<Day>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type LowLevelConcernPage = Page<LowLevelConcern>;

impl Resource for LowLevelConcern {
    fn location(&self) -> String {
        format!("/v1/low-level-concerns/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That a concern was recorded: all that whoever recorded it is told.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": "0198a4b2-6f00-7000-8000-0000000000f5", "recorded_at": "2026-01-14T10:00:00Z" }))]
pub struct ConcernReceipt {
    pub id: LowLevelConcernId,
    pub recorded_at: Instant,
}

impl Resource for ConcernReceipt {
    fn location(&self) -> String {
        format!("/v1/low-level-concerns/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A low-level concern.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "about_person_id": "0198a4b2-6f00-7000-8000-000000000004", "occurred_on": "2026-01-13",
    "what_happened": "Took a picture of the class on a phone of their own.",
    "context": "On the trip to the museum; the school's tablet was flat."
}))]
pub struct NewLowLevelConcern {
    /// A member of staff, a volunteer, a contractor or a governor: a colleague or oneself.
    pub about_person_id: PersonId,
    /// Who told the caller; the caller, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub shared_by_id: Option<PersonId>,
    pub occurred_on: Day,
    #[validate(nested)]
    #[schema(inline)]
    pub what_happened: Prose<5000>,
    #[validate(nested)]
    #[schema(inline)]
    pub context: Prose<5000>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub action_taken: Option<Prose<5000>>,
}

/// What follows from a concern.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "outcome": "advice", "reason": "Reminded of the rule on own phones; a spare tablet goes along." }))]
pub struct ConcernReview {
    pub outcome: ConcernOutcome,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which concerns to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LowLevelConcernQuery {
    /// About one of these people.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub about_person_id: Vec<PersonId>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn reader<P>(me: &Caller<P>) -> Result<Reader, Problem> {
    let person = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
    Ok(Reader::new(person, me.roles()))
}

fn view<P>(me: &Caller<P>, row: LowLevelConcernRow, subject: Subject, pattern_at: i32) -> LowLevelConcern {
    LowLevelConcern {
        id: row.id,
        about_person_id: row.about_person_id,
        recorded_by: row.recorded_by,
        shared_by_id: row.shared_by_id,
        self_reported: row.shared_by_id.unwrap_or(row.recorded_by) == row.about_person_id,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<ReviewLowLevelConcern>()),
        pattern: subject.concerns >= pattern_at.into(),
        occurred_on: Day(row.occurred_on),
        what_happened: row.what_happened,
        context: row.context,
        action_taken: row.action_taken,
        outcome: row.outcome,
        review_reason: row.review_reason,
        reviewed_at: row.reviewed_at,
        reviewed_by: row.reviewed_by,
        retention_until: subject.left_on.map(Day),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn views<P>(
    conn: &mut Conn,
    me: &Caller<P>,
    rows: &[LowLevelConcernRow],
) -> Result<impl Fn(LowLevelConcernRow) -> LowLevelConcern + use<P>, Problem> {
    let ids: Vec<PersonId> = rows.iter().map(|row| row.about_person_id).collect();
    let subjects = rows::subjects(conn, me.school(), &ids)?;
    let pattern_at = schools::rows::find(conn, me.school())?.concern_pattern_at;
    let me = me.clone();
    Ok(move |row: LowLevelConcernRow| {
        let subject = subjects.get(&row.about_person_id).copied().unwrap_or_default();
        view(&me, row, subject, pattern_at)
    })
}

fn one<P>(conn: &mut Conn, me: &Caller<P>, row: LowLevelConcernRow) -> Result<Versioned<LowLevelConcern>, Problem> {
    let view = views(conn, me, std::slice::from_ref(&row))?;
    Versioned::new(&view(row))
}

/// List low-level concerns.
///
/// Oldest first. The headteacher and the designated safeguarding lead see them, but none about themselves: those about
/// the headteacher are seen by the chair of governors instead, those about the lead by the deputy.
#[utoipa::path(tag = "low-level-concerns", security(("oauth2" = [ReadLowLevelConcerns])), params(LowLevelConcernQuery),
    responses((status = 200, description = "One page.", body = LowLevelConcernPage)))]
#[get("/v1/low-level-concerns")]
async fn list_low_level_concerns(
    caller: Caller<ReadLowLevelConcerns>,
    query: Query<LowLevelConcernQuery>,
) -> Result<Plain<LowLevelConcernPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("low-level-concerns", &query.0))?;
    let about = query.about_person_id.clone();
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), reader(me)?, &about, &window)?;
            let view = views(conn, me, &rows)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/low-level-concerns", &query.0, query.limit)
}

/// Record a low-level concern about a colleague, or about oneself (DO-9).
///
/// Never about a pupil. Whoever records it gets a receipt, and does not see it again unless they are one of those who
/// see such concerns.
#[utoipa::path(tag = "low-level-concerns", security(("oauth2" = [RecordLowLevelConcern])), request_body = NewLowLevelConcern,
    responses((status = 201, description = "Recorded.", body = ConcernReceipt)))]
#[post("/v1/low-level-concerns")]
async fn record_low_level_concern(
    caller: Caller<RecordLowLevelConcern>,
    new: Valid<NewLowLevelConcern>,
) -> Result<Created<ConcernReceipt>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let about = new.about_person_id;
            let named: Vec<PersonId> = [about].into_iter().chain(new.shared_by_id).collect();
            let kinds = people::rows::kinds(tx, me.school(), &named)?;
            let unknown = |pointer| Problem::invalid(pointer, "unknown", "There is no such person for this caller.");
            let kind = *kinds.get(&about).ok_or_else(|| unknown("/about_person_id"))?;
            if new.shared_by_id.is_some_and(|person| !kinds.contains_key(&person)) {
                return Err(unknown("/shared_by_id"));
            }
            let roles = people::rows::roles_of(tx, me.school(), &[about])?.remove(&about).unwrap_or_default();
            if !concerns::can_be_about(kind, &roles) {
                return Err(Problem::invalid("/about_person_id", "no_colleague", "This person does not work with the school."));
            }
            let row = LowLevelConcernRow {
                school_id: me.school(),
                id: LowLevelConcernId::new(),
                about_person_id: about,
                recorded_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                shared_by_id: new.shared_by_id.filter(|person| !me.is(*person)),
                state: LowLevelConcernState::Recorded,
                occurred_on: new.occurred_on.not_after(me.today(), "/occurred_on")?,
                what_happened: new.what_happened.into_inner(),
                context: new.context.into_inner(),
                action_taken: new.action_taken.map(Prose::into_inner),
                outcome: None,
                review_reason: None,
                reviewed_at: None,
                reviewed_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::LowLevelConcernRecorded, row.id.uuid()).state(row.state))?;
            Created::new(&ConcernReceipt { id: row.id, recorded_at: row.created_at })
        })
        .await
}

/// Find a low-level concern.
#[utoipa::path(tag = "low-level-concerns", security(("oauth2" = [ReadLowLevelConcerns])),
    responses((status = 200, description = "The concern.", body = LowLevelConcern), Fails<404>))]
#[get("/v1/low-level-concerns/{id}")]
async fn find_low_level_concern(
    caller: Caller<ReadLowLevelConcerns>,
    id: Path<LowLevelConcernId>,
) -> Result<Versioned<LowLevelConcern>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), reader(me)?, *id)?;
            one(conn, me, row)
        })
        .await
}

/// Decide what follows from a low-level concern.
///
/// By the headteacher; by the chair of governors where it is about the headteacher.
#[utoipa::path(tag = "low-level-concerns", security(("oauth2" = [ReviewLowLevelConcern])), params(IfMatchHeader),
    request_body = ConcernReview, responses((status = 200, description = "Reviewed.", body = LowLevelConcern), Fails<404, 409, 412, 428>))]
#[post("/v1/low-level-concerns/{id}/review")]
async fn review_low_level_concern(
    caller: Caller<ReviewLowLevelConcern>,
    id: Path<LowLevelConcernId>,
    seen: IfMatch,
    review: Valid<ConcernReview>,
) -> Result<Versioned<LowLevelConcern>, Problem> {
    caller
        .write_on(
            move |tx, me| rows::find(tx, me.school(), reader(me)?, *id),
            move |tx, me, mut row| {
                rules::check(row.state)?;
                seen.check(row.version)?;
                let review = review.into_inner();
                (row.state, row.outcome, row.review_reason) =
                    (LowLevelConcernState::Reviewed, Some(review.outcome), Some(review.reason.into_inner()));
                (row.reviewed_at, row.reviewed_by) = (Some(me.now()), me.person());
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::LowLevelConcernReviewed, row.id.uuid()).state(row.state))?;
                one(tx, me, row)
            },
        )
        .await
}
