//! The operations on media enquiries.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, EnquiryRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{ClearMediaEnquiry, LogMediaEnquiry, ReadComments, ReadMediaEnquiries};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{CommentId, MediaEnquiryId, PersonId, PolicyVersionId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, paged};
use crate::policy::media::{self, EnquiryAction, EnquiryState};
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::{comments, notifications, people, schools};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_media_enquiries)
        .service(log_media_enquiry)
        .service(find_media_enquiry)
        .service(request_media_clearance)
        .service(clear_media_enquiry)
        .service(decline_media_enquiry)
        .service(respond_to_media_enquiry)
        .service(close_media_enquiry);
}

/// What a journalist wants to know (BEH-4).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000a9", "state": "awaiting_clearance", "allowed_actions": ["clear", "decline"],
    "outlet": "Weald Gazette", "journalist_name": "K. Reporter", "question": "Is it true that the fair is cancelled?",
    "received_at": "2026-01-14T09:00:00Z", "logged_by": "0198a4b2-6f00-7000-8000-000000000002",
    "proposed_answer": "The fair takes place in June.", "version": 2, "created_at": "2026-01-14T09:05:00Z", "updated_at": "2026-01-14T09:30:00Z"
}))]
pub struct MediaEnquiry {
    pub id: MediaEnquiryId,
    pub state: EnquiryState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<EnquiryAction>,
    #[schema(max_length = 200)]
    pub outlet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub journalist_name: Option<String>,
    #[schema(max_length = 5000)]
    pub question: String,
    /// The comment in which it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
    pub received_at: Instant,
    /// The journalist's own deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deadline_at: Option<Instant>,
    pub logged_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub proposed_answer: Option<String>,
    /// What may be answered: as it was cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub answer: Option<String>,
    /// The version of the media policy under which it was cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy_version_id: Option<PolicyVersionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub decline_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responded_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responded_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type MediaEnquiryPage = Page<MediaEnquiry>;

impl Resource for MediaEnquiry {
    fn location(&self) -> String {
        format!("/v1/media-enquiries/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// What a journalist wants to know.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "outlet": "Weald Gazette", "journalist_name": "K. Reporter", "question": "Is it true that the fair is cancelled?" }))]
pub struct NewMediaEnquiry {
    #[validate(nested)]
    #[schema(inline)]
    pub outlet: Line<200>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub journalist_name: Option<Line<200>>,
    #[validate(nested)]
    #[schema(inline)]
    pub question: Prose<5000>,
    /// The comment in which it came, if it did.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub received_at: Option<Instant>,
    /// The journalist's own deadline.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub deadline_at: Option<Instant>,
}

/// What is to be answered.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "proposed_answer": "The fair takes place in June." }))]
pub struct ProposedAnswer {
    #[validate(nested)]
    #[schema(inline)]
    pub proposed_answer: Prose<5000>,
}

/// That it may be answered.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "answer": "The fair takes place on 20 June." }))]
pub struct ClearedAnswer {
    /// What may be answered; what was proposed, if absent.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub answer: Option<Prose<5000>>,
}

/// Why it is not answered so.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "This is for the local authority's press office." }))]
pub struct DeclineReason {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// When it was answered.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "responded_at": "2026-01-14T11:00:00Z" }))]
pub struct MediaResponse {
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub responded_at: Option<Instant>,
}

/// Which enquiries to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MediaEnquiryQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 6))]
    #[param(max_items = 6)]
    pub state: Vec<EnquiryState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(MediaEnquiryQuery);

/// What the caller may see, and whether they clear.
struct Part {
    sight: Sight,
    clears: bool,
}

fn part<P>(conn: &mut Conn, me: &Caller<P>) -> Result<Part, Problem> {
    let press_lead = schools::rows::find(conn, me.school())?.press_lead_id.is_some_and(|person| me.is(person));
    let sight = match me.person() {
        Some(person) if !me.may_all::<ReadMediaEnquiries>() && !press_lead => Sight::Own(person),
        _ => Sight::All,
    };
    Ok(Part { sight, clears: me.acts_as_head() || press_lead })
}

fn view(row: EnquiryRow, part: &Part) -> MediaEnquiry {
    let held = |action: &EnquiryAction| part.clears || !matches!(action, EnquiryAction::Clear | EnquiryAction::Decline);
    MediaEnquiry {
        id: row.id,
        state: row.state,
        allowed_actions: EnquiryAction::iter().filter(|&action| media::possible(action, row.state)).filter(held).collect(),
        outlet: row.outlet,
        journalist_name: row.journalist_name,
        question: row.question,
        comment_id: row.comment_id,
        received_at: row.received_at,
        deadline_at: row.deadline_at,
        logged_by: row.logged_by,
        proposed_answer: row.proposed_answer,
        answer: row.answer,
        policy_version_id: row.policy_version_id,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
        decline_reason: row.decline_reason,
        responded_at: row.responded_at,
        responded_by: row.responded_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The way of every move: find, check who and when, change, store, record.
async fn moved<P: 'static>(
    caller: Caller<P>,
    id: MediaEnquiryId,
    seen: IfMatch,
    action: EnquiryAction,
    kind: EventType,
    apply: impl FnOnce(&mut Conn, &Caller<P>, &mut EnquiryRow) -> Result<(), Problem> + Send + 'static,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    caller
        .write(move |tx, me| {
            let part = part(tx, me)?;
            let mut row = rows::find(tx, me.school(), part.sight, id)?;
            match action {
                EnquiryAction::Clear | EnquiryAction::Decline => media::may_clear(part.clears, false)?,
                EnquiryAction::Respond => media::may_respond(row.state)?,
                _ => {}
            }
            if !media::possible(action, row.state) {
                return Err(Problem::state_conflict(view(row, &part).allowed_actions));
            }
            seen.check(row.version)?;
            apply(tx, me, &mut row)?;
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(kind, id.uuid()).state(row.state))?;
            Versioned::new(&view(row, &part))
        })
        .await
}

/// List enquiries of journalists (BEH-4).
///
/// Oldest first. Most people see those that they logged.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [ReadMediaEnquiries])), params(MediaEnquiryQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((MediaEnquiryPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/media-enquiries")]
async fn list_media_enquiries(
    caller: Caller<ReadMediaEnquiries>,
    query: Query<MediaEnquiryQuery>,
    format: Format,
) -> Result<Listed<MediaEnquiry>, Problem> {
    listed(caller, "/v1/media-enquiries", query, format, |conn, me, query, window| {
        let part = part(conn, me)?;
        let rows = rows::list(conn, me.school(), part.sight, &query.state, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(row, &part)))
    })
    .await
}

/// Log the enquiry of a journalist (BEH-4).
///
/// Nobody responds before it is cleared; where it came in a comment, that comment is not answered before either. The
/// headteacher is told.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [LogMediaEnquiry])), request_body = NewMediaEnquiry,
    responses((status = 201, description = "Logged.", body = MediaEnquiry)))]
#[post("/v1/media-enquiries")]
async fn log_media_enquiry(caller: Caller<LogMediaEnquiry>, new: Valid<NewMediaEnquiry>) -> Result<Created<MediaEnquiry>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            if let Some(comment) = new.comment_id {
                comments::rows::find(tx, me.school(), comments::sight::<_, ReadComments>(me), comment)
                    .map_err(|_| Problem::invalid("/comment_id", "unknown", "There is no such comment for this caller."))?;
            }
            let received_at = new.received_at.unwrap_or_else(|| me.now());
            if !is_past(received_at, me.now()) {
                return Err(Problem::invalid("/received_at", "in_the_future", "This lies in the future."));
            }
            let row = EnquiryRow {
                school_id: me.school(),
                id: MediaEnquiryId::new(),
                state: EnquiryState::Received,
                outlet: new.outlet.into_inner(),
                journalist_name: new.journalist_name.map(Line::into_inner),
                question: new.question.into_inner(),
                comment_id: new.comment_id,
                received_at,
                deadline_at: new.deadline_at,
                logged_by: me.person().ok_or_else(Problem::not_found)?,
                proposed_answer: None,
                answer: None,
                policy_version_id: None,
                decided_by: None,
                decided_at: None,
                decline_reason: None,
                responded_at: None,
                responded_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            let told: Vec<PersonId> = people::rows::in_charge(tx, me.school(), me.today())?.into_iter().collect();
            notifications::rows::notify(tx, me.school(), &told, EventType::MediaEnquiryLogged, row.id.uuid(), me.now())?;
            events::record(tx, me, Event::new(EventType::MediaEnquiryLogged, row.id.uuid()).state(row.state))?;
            let part = part(tx, me)?;
            Created::new(&view(row, &part))
        })
        .await
}

/// Find the enquiry of a journalist.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [ReadMediaEnquiries])),
    responses((status = 200, description = "The enquiry.", body = MediaEnquiry), Fails<404>))]
#[get("/v1/media-enquiries/{id}")]
async fn find_media_enquiry(caller: Caller<ReadMediaEnquiries>, id: Path<MediaEnquiryId>) -> Result<Versioned<MediaEnquiry>, Problem> {
    caller
        .read(move |conn, me| {
            let part = part(conn, me)?;
            let row = rows::find(conn, me.school(), part.sight, *id)?;
            Versioned::new(&view(row, &part))
        })
        .await
}

/// Propose an answer to a journalist (BEH-4).
///
/// It waits to be cleared. What was declined can be proposed anew.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [LogMediaEnquiry])), params(IfMatchHeader), request_body = ProposedAnswer,
    responses((status = 200, description = "Proposed.", body = MediaEnquiry), Fails<404, 409, 412, 428>))]
#[post("/v1/media-enquiries/{id}/request-clearance")]
async fn request_media_clearance(
    caller: Caller<LogMediaEnquiry>,
    id: Path<MediaEnquiryId>,
    seen: IfMatch,
    proposed: Valid<ProposedAnswer>,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    moved(caller, *id, seen, EnquiryAction::RequestClearance, EventType::MediaClearanceRequested, move |_, _, row| {
        row.proposed_answer = Some(proposed.into_inner().proposed_answer.into_inner());
        row.state = EnquiryState::AwaitingClearance;
        Ok(())
    })
    .await
}

/// Clear the answer to a journalist (BEH-4).
///
/// By the headteacher, or the press lead whom the headteacher named, under the media policy that is in force.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [ClearMediaEnquiry])), params(IfMatchHeader), request_body = ClearedAnswer,
    responses((status = 200, description = "Cleared.", body = MediaEnquiry), Fails<404, 409, 412, 428>))]
#[post("/v1/media-enquiries/{id}/clear")]
async fn clear_media_enquiry(
    caller: Caller<ClearMediaEnquiry>,
    id: Path<MediaEnquiryId>,
    seen: IfMatch,
    cleared: Valid<ClearedAnswer>,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    moved(caller, *id, seen, EnquiryAction::Clear, EventType::MediaEnquiryCleared, move |tx, me, row| {
        row.policy_version_id = Some(media::needs_policy(rows::media_policy(tx, me.school())?)?);
        row.answer = cleared.into_inner().answer.map(Prose::into_inner).or_else(|| row.proposed_answer.clone());
        (row.state, row.decided_by, row.decided_at) = (EnquiryState::Cleared, me.person(), Some(me.now()));
        Ok(())
    })
    .await
}

/// Decline the answer to a journalist (BEH-4).
///
/// By the headteacher or the press lead, with a reason.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [ClearMediaEnquiry])), params(IfMatchHeader), request_body = DeclineReason,
    responses((status = 200, description = "Declined.", body = MediaEnquiry), Fails<404, 409, 412, 428>))]
#[post("/v1/media-enquiries/{id}/decline")]
async fn decline_media_enquiry(
    caller: Caller<ClearMediaEnquiry>,
    id: Path<MediaEnquiryId>,
    seen: IfMatch,
    decline: Valid<DeclineReason>,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    moved(caller, *id, seen, EnquiryAction::Decline, EventType::MediaEnquiryDeclined, move |_, me, row| {
        row.decline_reason = Some(decline.into_inner().reason.into_inner());
        (row.state, row.decided_by, row.decided_at) = (EnquiryState::Declined, me.person(), Some(me.now()));
        Ok(())
    })
    .await
}

/// Record that a journalist was answered (BEH-4).
///
/// After it was cleared.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [LogMediaEnquiry])), params(IfMatchHeader), request_body = MediaResponse,
    responses((status = 200, description = "Recorded.", body = MediaEnquiry), Fails<404, 409, 412, 428>))]
#[post("/v1/media-enquiries/{id}/respond")]
async fn respond_to_media_enquiry(
    caller: Caller<LogMediaEnquiry>,
    id: Path<MediaEnquiryId>,
    seen: IfMatch,
    response: Valid<MediaResponse>,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    moved(caller, *id, seen, EnquiryAction::Respond, EventType::MediaEnquiryAnswered, move |_, me, row| {
        let responded_at = response.into_inner().responded_at.unwrap_or_else(|| me.now());
        if !is_past(responded_at, me.now()) || row.decided_at.is_some_and(|cleared| responded_at < cleared) {
            return Err(Problem::invalid("/responded_at", "before_clearance", "This lies before the clearance or in the future."));
        }
        (row.state, row.responded_at, row.responded_by) = (EnquiryState::Responded, Some(responded_at), me.person());
        Ok(())
    })
    .await
}

/// Close the enquiry of a journalist.
#[utoipa::path(tag = "media-enquiries", security(("oauth2" = [LogMediaEnquiry])), params(IfMatchHeader),
    responses((status = 200, description = "Closed.", body = MediaEnquiry), Fails<404, 409, 412, 428>))]
#[post("/v1/media-enquiries/{id}/close")]
async fn close_media_enquiry(
    caller: Caller<LogMediaEnquiry>,
    id: Path<MediaEnquiryId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<MediaEnquiry>, Problem> {
    moved(caller, *id, seen, EnquiryAction::Close, EventType::MediaEnquiryClosed, |_, _, row| {
        row.state = EnquiryState::Closed;
        Ok(())
    })
    .await
}
