//! The operations on parent ladders.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, LadderRow, Sight, StepRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageParentLadders, ReadComments, ReadParentLadders};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{CommentId, ParentLadderId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Prose, present};
use crate::page::{Page, Window};
use crate::policy::ladder::{self, LadderChannel, LadderState};
use crate::policy::roles::is_parent;
use crate::problem::Problem;
use crate::resources::{comments, people};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_parent_ladders)
        .service(open_parent_ladder)
        .service(find_parent_ladder)
        .service(request_comment_removal)
        .service(invite_to_discussion)
        .service(resolve_parent_ladder)
        .service(refer_to_complaints)
        .service(skip_parent_ladder_steps);
}

/// How an offensive comment of a parent is dealt with (PU-PC-3).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000a7", "parent_id": "0198a4b2-6f00-7000-8000-000000000006", "state": "removal_requested",
    "allowed_actions": ["discussion_invited", "resolved"],
    "steps": [{ "state": "removal_requested", "channel": "telephone", "outcome": "Will take it down.", "skipped": false,
        "taken_by": "0198a4b2-6f00-7000-8000-000000000001", "taken_at": "2026-01-17T09:00:00Z" }],
    "version": 2, "created_at": "2026-01-17T08:00:00Z", "updated_at": "2026-01-17T09:00:00Z"
}))]
pub struct ParentLadder {
    pub id: ParentLadderId,
    /// Absent while the parent is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parent_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
    pub state: LadderState,
    /// The steps that this caller can take next.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<LadderState>,
    /// Oldest first.
    #[schema(max_items = 10)]
    pub steps: Vec<LadderStep>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A step that was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LadderStep {
    /// To which it led.
    pub state: LadderState,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub channel: Option<LadderChannel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub outcome: Option<String>,
    /// For the school alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub internal_note: Option<String>,
    /// The headteacher has left out steps before it.
    pub skipped: bool,
    pub taken_by: PersonId,
    pub taken_at: Instant,
}

type ParentLadderPage = Page<ParentLadder>;

impl Resource for ParentLadder {
    fn location(&self) -> String {
        format!("/v1/parent-ladders/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Something offensive by a parent.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "parent_id": "0198a4b2-6f00-7000-8000-000000000006", "comment_id": "0198a4b2-6f00-7000-8000-0000000000c1" }))]
pub struct NewParentLadder {
    /// One of the two at least.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub parent_id: Option<PersonId>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
}

/// A step that was taken with a parent.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "channel": "telephone", "outcome": "Will take it down." }))]
pub struct NewLadderStep {
    pub channel: LadderChannel,
    /// What came of it: the parent can read it.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub outcome: Option<Prose<2000>>,
    /// For the school alone.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub internal_note: Option<Prose<2000>>,
}

/// To which step the headteacher goes at once, and why.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "to": "complaints_referred", "reason": "It is a threat." }))]
pub struct LadderSkip {
    pub to: LadderState,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which ladders to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ParentLadderQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<LadderState>,
    /// About this parent.
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
        _ if me.may_all::<ReadParentLadders>() => Sight::All,
        // Parents run accounts too: what other parents are asked is none of their business.
        Some(person) if me.may::<ManageParentLadders>() => Sight::Handled(person),
        Some(person) => Sight::About(person),
        None => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: LadderRow, steps: Vec<StepRow>) -> ParentLadder {
    // A parent reads what was agreed with them, not what the school notes for itself (A27).
    let for_school = me.may::<ManageParentLadders>() && !row.parent_id.is_some_and(|parent| me.is(parent));
    let step = |row: StepRow| LadderStep {
        state: row.state,
        channel: row.channel,
        outcome: row.outcome,
        internal_note: row.internal_note.filter(|_| for_school),
        skipped: row.skipped,
        taken_by: row.taken_by,
        taken_at: row.taken_at,
    };
    ParentLadder {
        id: row.id,
        parent_id: row.parent_id,
        comment_id: row.comment_id,
        state: row.state,
        allowed_actions: if for_school { ladder::next(row.state).to_vec() } else { Vec::new() },
        steps: steps.into_iter().map(step).collect(),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn whole<P>(conn: &mut Conn, me: &Caller<P>, row: LadderRow) -> Result<ParentLadder, Problem> {
    let steps = rows::steps_of(conn, me.school(), &[row.id])?.remove(&row.id).unwrap_or_default();
    Ok(view(me, row, steps))
}

/// List how offensive comments of parents are dealt with (PU-PC-3).
///
/// Oldest first. Managers see those about comments on the accounts that they run, parents their own.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadParentLadders])), params(ParentLadderQuery),
    responses((status = 200, description = "One page.", body = ParentLadderPage)))]
#[get("/v1/parent-ladders")]
async fn list_parent_ladders(
    caller: Caller<ReadParentLadders>,
    query: Query<ParentLadderQuery>,
) -> Result<Plain<ParentLadderPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("parent-ladders", &query.0))?;
    let (states, parent) = (query.state.clone(), query.person_id);
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), sight(me), &states, parent, &window)?;
            let ids: Vec<ParentLadderId> = rows.iter().map(|row| row.id).collect();
            let mut steps = rows::steps_of(conn, me.school(), &ids)?;
            Ok(window.page(
                rows,
                |row| row.id,
                |row| {
                    let taken = steps.remove(&row.id).unwrap_or_default();
                    view(me, row, taken)
                },
            ))
        })
        .await?;
    Plain::page(&page, "/v1/parent-ladders", &query.0, query.limit)
}

/// Begin to deal with something offensive by a parent (PU-PC-3).
///
/// About a comment, a parent, or both.
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), request_body = NewParentLadder,
    responses((status = 201, description = "Begun.", body = ParentLadder)))]
#[post("/v1/parent-ladders")]
async fn open_parent_ladder(caller: Caller<ManageParentLadders>, new: Valid<NewParentLadder>) -> Result<Created<ParentLadder>, Problem> {
    caller
        .write(move |tx, me| {
            let NewParentLadder { parent_id, comment_id } = new.into_inner();
            if let Some(comment) = comment_id {
                comments::rows::find(tx, me.school(), comments::sight::<_, ReadComments>(me), comment)
                    .map_err(|_| Problem::invalid("/comment_id", "unknown", "There is no such comment for this caller."))?;
            }
            if let Some(parent) = parent_id {
                let kind = people::rows::kinds(tx, me.school(), &[parent])?.remove(&parent);
                let roles = people::rows::roles_of(tx, me.school(), &[parent])?.remove(&parent).unwrap_or_default();
                if !kind.is_some_and(|kind| is_parent(kind, &roles)) {
                    return Err(Problem::invalid("/parent_id", "unknown", "There is no such parent."));
                }
            }
            ladder::may_deal(parent_id.is_some_and(|parent| me.is(parent)))?;
            if parent_id.is_none() && comment_id.is_none() {
                return Err(Problem::invalid("", "missing", "Name a parent, a comment, or both."));
            }
            let row = LadderRow {
                school_id: me.school(),
                id: ParentLadderId::new(),
                parent_id,
                comment_id,
                state: LadderState::Opened,
                opened_by: me.person().ok_or_else(Problem::not_found)?,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ParentLadderOpened, row.id.uuid()).state(row.state))?;
            Created::new(&view(me, row, Vec::new()))
        })
        .await
}

/// Find how something offensive by a parent is dealt with.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadParentLadders])),
    responses((status = 200, description = "How it is dealt with.", body = ParentLadder), Fails<404>))]
#[get("/v1/parent-ladders/{id}")]
async fn find_parent_ladder(caller: Caller<ReadParentLadders>, id: Path<ParentLadderId>) -> Result<Versioned<ParentLadder>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&whole(conn, me, row)?)
        })
        .await
}

/// A step: what is recorded of it, and whether steps before it are left out.
struct Step {
    to: LadderState,
    channel: Option<LadderChannel>,
    outcome: Option<String>,
    internal_note: Option<String>,
    skipped: bool,
}

impl Step {
    fn new(to: LadderState, step: NewLadderStep) -> Self {
        Self {
            to,
            channel: Some(step.channel),
            outcome: step.outcome.map(Prose::into_inner),
            internal_note: step.internal_note.map(Prose::into_inner),
            skipped: false,
        }
    }
}

/// The way of every step.
async fn take(
    caller: Caller<ManageParentLadders>,
    id: ParentLadderId,
    seen: IfMatch,
    step: Step,
) -> Result<Versioned<ParentLadder>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), id)?;
            ladder::may_deal(row.parent_id.is_some_and(|parent| me.is(parent)))?;
            if step.skipped {
                ladder::may_skip(row.state, step.to, me.acts_as_head())?;
            } else {
                ladder::may_step(row.state, step.to)?;
            }
            seen.check(row.version)?;
            let taken = rows::steps_of(tx, me.school(), &[id])?.remove(&id).unwrap_or_default();
            row.state = step.to;
            rows::save(tx, &mut row, me.now())?;
            let step = StepRow {
                school_id: me.school(),
                ladder_id: id,
                number: taken.last().map_or(0, |last| last.number) + 1,
                state: step.to,
                channel: step.channel,
                outcome: step.outcome,
                internal_note: step.internal_note,
                skipped: step.skipped,
                taken_by: me.person().ok_or_else(Problem::not_found)?,
                taken_at: me.now(),
            };
            rows::insert_step(tx, &step)?;
            events::record(tx, me, Event::new(EventType::ParentLadderMoved, id.uuid()).state(row.state))?;
            Versioned::new(&whole(tx, me, row)?)
        })
        .await
}

/// Record that a parent was asked to remove something offensive (PU-PC-3).
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), params(IfMatchHeader), request_body = NewLadderStep,
    responses((status = 200, description = "Recorded.", body = ParentLadder), Fails<404, 409, 412, 428>))]
#[post("/v1/parent-ladders/{id}/request-removal")]
async fn request_comment_removal(
    caller: Caller<ManageParentLadders>,
    id: Path<ParentLadderId>,
    seen: IfMatch,
    step: Valid<NewLadderStep>,
) -> Result<Versioned<ParentLadder>, Problem> {
    take(caller, *id, seen, Step::new(LadderState::RemovalRequested, step.into_inner())).await
}

/// Record that a parent was invited to talk in person (PU-PC-3).
///
/// After the request to remove it.
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), params(IfMatchHeader), request_body = NewLadderStep,
    responses((status = 200, description = "Recorded.", body = ParentLadder), Fails<404, 409, 412, 428>))]
#[post("/v1/parent-ladders/{id}/invite-discussion")]
async fn invite_to_discussion(
    caller: Caller<ManageParentLadders>,
    id: Path<ParentLadderId>,
    seen: IfMatch,
    step: Valid<NewLadderStep>,
) -> Result<Versioned<ParentLadder>, Problem> {
    take(caller, *id, seen, Step::new(LadderState::DiscussionInvited, step.into_inner())).await
}

/// Record that it is resolved with a parent (PU-PC-3).
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), params(IfMatchHeader), request_body = NewLadderStep,
    responses((status = 200, description = "Recorded.", body = ParentLadder), Fails<404, 409, 412, 428>))]
#[post("/v1/parent-ladders/{id}/resolve")]
async fn resolve_parent_ladder(
    caller: Caller<ManageParentLadders>,
    id: Path<ParentLadderId>,
    seen: IfMatch,
    step: Valid<NewLadderStep>,
) -> Result<Versioned<ParentLadder>, Problem> {
    take(caller, *id, seen, Step::new(LadderState::Resolved, step.into_inner())).await
}

/// Record that a parent was referred to the complaints procedure (PU-PC-3).
///
/// After the invitation to talk.
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), params(IfMatchHeader), request_body = NewLadderStep,
    responses((status = 200, description = "Recorded.", body = ParentLadder), Fails<404, 409, 412, 428>))]
#[post("/v1/parent-ladders/{id}/refer-to-complaints")]
async fn refer_to_complaints(
    caller: Caller<ManageParentLadders>,
    id: Path<ParentLadderId>,
    seen: IfMatch,
    step: Valid<NewLadderStep>,
) -> Result<Versioned<ParentLadder>, Problem> {
    take(caller, *id, seen, Step::new(LadderState::ComplaintsReferred, step.into_inner())).await
}

/// Leave steps with a parent out (PU-PC-3).
///
/// The headteacher alone, with a reason, as for a threat; the reason is for the school alone.
#[utoipa::path(tag = "comments", security(("oauth2" = [ManageParentLadders])), params(IfMatchHeader), request_body = LadderSkip,
    responses((status = 200, description = "Recorded.", body = ParentLadder), Fails<404, 409, 412, 428>))]
#[post("/v1/parent-ladders/{id}/skip")]
async fn skip_parent_ladder_steps(
    caller: Caller<ManageParentLadders>,
    id: Path<ParentLadderId>,
    seen: IfMatch,
    skip: Valid<LadderSkip>,
) -> Result<Versioned<ParentLadder>, Problem> {
    let LadderSkip { to, reason } = skip.into_inner();
    take(caller, *id, seen, Step { to, channel: None, outcome: None, internal_note: Some(reason.into_inner()), skipped: true }).await
}
