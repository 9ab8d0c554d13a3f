//! The operations on comments.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, CommentRow, Filter, FollowedRow, Key, Order, ResponseRow, Sight};
use super::rules::{self, CommentAction, CommentKind, CommentState, ResponseKind};
use crate::access::caller::Caller;
use crate::access::permissions::{AnswerComment, LogComment, Permission, ReadComments};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, CommentId, PersonId, ResponseId, ResponseProcedureId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, Link, Prose, present};
use crate::page::{Page, paged};
use crate::policy::deadline::{self, DeadlineRule};
use crate::policy::media;
use crate::policy::mentions::Sentiment;
use crate::policy::procedures;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::{accounts, media_enquiries, moderation_actions, response_procedures, schools};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_comments)
        .service(log_comment)
        .service(find_comment)
        .service(respond_to_comment)
        .service(waive_comment_response)
        .service(close_comment);
}

/// A comment, query or complaint with its deadline (MON-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000c1", "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "kind": "query", "state": "received",
    "allowed_actions": ["respond", "no_response_required"], "overdue": false, "author_name": "A parent", "author_anonymous": false,
    "text": "When does the fair start?", "received_at": "2026-01-17T00:00:00Z", "noticed_at": "2026-01-17T08:00:00Z",
    "due_at": "2026-01-19T23:59:59Z", "deadline_rule": "next_working_day",
    "deadline_explanation": "Received on Saturday 17 January 2026 at 00:00, so due by the end of the next working day, Monday 19 January 2026 at 23:59:59.",
    "due_on_weekend": false, "urgent": false, "responses": [], "version": 1, "created_at": "2026-01-17T08:00:00Z", "updated_at": "2026-01-17T08:00:00Z"
}))]
pub struct Comment {
    pub id: CommentId,
    pub account_id: AccountId,
    pub kind: CommentKind,
    pub state: CommentState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<CommentAction>,
    /// Nobody has responded although it is due.
    pub overdue: bool,
    /// The platform's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub author_name: Option<String>,
    /// The author did not say who they are (BEH-3).
    pub author_anonymous: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub url: Option<String>,
    #[schema(max_length = 10000)]
    pub text: String,
    /// How the author speaks of the school, where somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sentiment: Option<Sentiment>,
    /// When the platform received it: the clock runs from here (A5).
    pub received_at: Instant,
    pub noticed_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub logged_by: Option<PersonId>,
    pub due_at: Instant,
    pub deadline_rule: DeadlineRule,
    /// How the deadline comes about, in local time.
    #[schema(max_length = 1000)]
    pub deadline_explanation: String,
    pub due_on_weekend: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_responded_at: Option<Instant>,
    /// Whether the first response came in time; stays as it is from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub on_time: Option<bool>,
    /// When it was found overdue and the headteacher was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub escalated_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub no_response_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub closed_at: Option<Instant>,
    /// Offensive: it comes first in the queue (HND-1).
    pub urgent: bool,
    /// By when an offensive comment is to be dealt with; the deadline stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub urgent_due_at: Option<Instant>,
    /// When something was first done about it (HND-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub moderated_at: Option<Instant>,
    /// The version of the response procedure that was followed (PRO-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub procedure_version_id: Option<ResponseProcedureId>,
    /// The branch of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub branch: Option<String>,
    /// Oldest first.
    #[schema(max_items = 50)]
    pub responses: Vec<CommentResponse>,
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was logged.
    pub created_at: Instant,
    pub updated_at: Instant,
}

pub type CommentPage = Page<Comment>;

/// An acknowledgement or an answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommentResponse {
    pub id: ResponseId,
    pub kind: ResponseKind,
    #[schema(max_length = 10000)]
    pub text: String,
    /// Sent by a program.
    pub automated: bool,
    pub responded_at: Instant,
    /// When it was recorded here.
    pub logged_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responded_by: Option<PersonId>,
}

impl Resource for Comment {
    fn location(&self) -> String {
        format!("/v1/comments/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        self.overdue.then_some("overdue")
    }
}

/// A comment that came in.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "kind": "query", "external_id": "fb-1007", "author_name": "A parent",
    "text": "When does the fair start?", "received_at": "2026-01-17T00:00:00Z"
}))]
pub struct NewComment {
    pub account_id: AccountId,
    pub kind: CommentKind,
    /// The platform's own id: the same one on the same account is the same comment.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub external_id: Option<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub author_name: Option<Line<200>>,
    /// The author did not say who they are (BEH-3).
    #[serde(default)]
    pub author_anonymous: bool,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub url: Option<Link<2000>>,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<10000>,
    /// How the author speaks of the school. A negative comment is closed by the response procedure (PRO-2).
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub sentiment: Option<Sentiment>,
    /// When the platform received it, with its offset.
    pub received_at: Instant,
    /// It is offensive, and comes first in the queue (HND-1).
    #[serde(default)]
    pub offensive: bool,
    /// When the school noticed it; now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub noticed_at: Option<Instant>,
}

/// A response to a comment.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "answer", "text": "At two o'clock. Do come!" }))]
pub struct NewResponse {
    pub kind: ResponseKind,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<10000>,
    /// Sent by a program.
    #[serde(default)]
    pub automated: bool,
    /// When it was sent; now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub responded_at: Option<Instant>,
    /// How the author speaks of the school, in place of what was said before.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub sentiment: Option<Sentiment>,
    /// Further comments that the same reply responds to (A9).
    #[serde(default)]
    #[validate(length(max = 100))]
    #[schema(max_items = 100)]
    pub answers: Vec<CommentId>,
}

/// Why a comment needs no response.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Spam." }))]
pub struct NoResponseReason {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// By which procedure a comment is closed; an empty object where nothing asks for one.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "procedure_version_id": "0198a4b2-6f00-7000-8000-0000000000f1", "branch": "acknowledge_and_talk" }))]
pub struct CommentClosing {
    /// The version of the response procedure that was followed: the one in force.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub procedure_version_id: Option<ResponseProcedureId>,
    /// The branch of it.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub branch: Option<Line<40>>,
}

words! {
    /// By what comments are ordered.
    pub enum CommentSort { DueAt, UpdatedAt }
}

/// Which comments to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CommentQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<CommentState>,
    /// On one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub kind: Vec<CommentKind>,
    /// Still to be answered, or not.
    #[param(nullable = false)]
    pub open: Option<bool>,
    /// Nobody has responded although it is due, or not so.
    #[param(nullable = false)]
    pub overdue: Option<bool>,
    /// Due at or after this instant.
    #[param(nullable = false)]
    pub due_from: Option<Instant>,
    /// Due before this instant.
    #[param(nullable = false)]
    pub due_to: Option<Instant>,
    /// Changed at or after this instant.
    #[param(nullable = false)]
    pub updated_since: Option<Instant>,
    /// Nearest deadline first, if absent.
    #[param(inline, nullable = false)]
    pub sort: Option<CommentSort>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(CommentQuery);

/// What this caller may do `Q` with: all comments of the school, or those on accounts that they run.
pub fn sight<P, Q: Permission>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<Q>() => Sight::Managed(person),
        _ => Sight::All,
    }
}

pub fn view<P>(me: &Caller<P>, row: CommentRow, attached: Attached) -> Comment {
    let Attached { responses, moderated_at, followed } = attached;
    let (procedure_version_id, branch) = followed.map(|row| (row.procedure_version_id, row.branch)).unzip();
    Comment {
        id: row.id,
        account_id: row.account_id,
        kind: row.kind,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<AnswerComment>()),
        overdue: rules::is_overdue(&row, me.now()),
        external_id: row.external_id,
        author_name: row.author_name,
        author_anonymous: row.author_anonymous,
        url: row.url,
        text: row.text,
        sentiment: row.sentiment,
        received_at: row.received_at,
        noticed_at: row.noticed_at,
        logged_by: row.logged_by,
        due_at: row.due_at,
        deadline_rule: row.deadline_rule,
        deadline_explanation: row.deadline_explanation,
        due_on_weekend: row.due_on_weekend,
        first_responded_at: row.first_responded_at,
        on_time: row.on_time,
        escalated_at: row.overdue_recorded_at,
        no_response_reason: row.no_response_reason,
        closed_at: row.closed_at,
        urgent: row.urgent,
        urgent_due_at: row.urgent_due_at,
        moderated_at,
        procedure_version_id,
        branch,
        responses: responses
            .into_iter()
            .map(|row| CommentResponse {
                id: row.id,
                kind: row.kind,
                text: row.text,
                automated: row.automated,
                responded_at: row.responded_at,
                logged_at: row.created_at,
                responded_by: row.responded_by,
            })
            .collect(),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn view_with_responses<P>(conn: &mut Conn, me: &Caller<P>, row: CommentRow) -> Result<Comment, Problem> {
    let attached = attached(conn, me, std::slice::from_ref(&row))?.remove(&row.id).unwrap_or_default();
    Ok(view(me, row, attached))
}

/// What belongs to a comment beside its row.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    responses: Vec<ResponseRow>,
    /// When it was first moderated.
    moderated_at: Option<Instant>,
    followed: Option<FollowedRow>,
}

/// What belongs to comments, for all of them at once.
pub fn attached<P>(conn: &mut Conn, me: &Caller<P>, comments: &[CommentRow]) -> Result<HashMap<CommentId, Attached>, Problem> {
    let ids: Vec<CommentId> = comments.iter().map(|row| row.id).collect();
    let mut responses = rows::responses_to(conn, me.school(), &ids)?;
    let moderated = moderation_actions::rows::first_of(conn, me.school(), &ids)?;
    let mut followed = rows::followed_by(conn, me.school(), &ids)?;
    let attached = |id: CommentId| {
        let responses = responses.remove(&id).unwrap_or_default();
        (id, Attached { responses, moderated_at: moderated.get(&id).copied(), followed: followed.remove(&id) })
    };
    Ok(ids.into_iter().map(attached).collect())
}

/// List comments.
///
/// The queue: nearest deadline first (MON-2). Managers see the comments on the accounts that they run.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadComments])), params(CommentQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((CommentPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/comments")]
async fn list_comments(caller: Caller<ReadComments>, query: Query<CommentQuery>, format: Format) -> Result<Listed<Comment>, Problem> {
    listed(caller, "/v1/comments", query, format, |conn, me, query, window| {
        let order = if query.sort == Some(CommentSort::UpdatedAt) { Order::Updated } else { Order::Due };
        let filter = Filter { overdue: query.overdue.map(|overdue| (overdue, me.now())), ..filter(query) };
        let rows = rows::list(conn, me.school(), sight::<_, ReadComments>(me), &filter, order, window)?;
        let mut attached = attached(conn, me, &rows)?;
        let key = |row: &CommentRow| -> Key { (if order == Order::Due { row.due_at } else { row.updated_at }, row.id) };
        Ok(window.page(rows, key, |row| {
            let attached = attached.remove(&row.id).unwrap_or_default();
            view(me, row, attached)
        }))
    })
    .await
}

fn filter(query: &CommentQuery) -> Filter {
    Filter {
        states: query.state.clone(),
        accounts: query.account_id.clone(),
        kinds: query.kind.clone(),
        open: query.open,
        overdue: None,
        due_from: query.due_from,
        due_to: query.due_to,
        updated_since: query.updated_since,
    }
}

/// Log a comment, query or complaint that came in on an account.
///
/// Its deadline is 24 hours after the platform received it, or the end of the next working day if that was at a
/// weekend (MON-2). The same `external_id` on the same account is the same comment: 200, and nothing is written.
/// An author is named, or flagged as anonymous (BEH-3).
#[utoipa::path(tag = "comments", security(("oauth2" = [LogComment])), request_body = NewComment,
    responses((status = 201, description = "Logged.", body = Comment), (status = 200, description = "Logged before.", body = Comment)))]
#[post("/v1/comments")]
async fn log_comment(caller: Caller<LogComment>, new: Valid<NewComment>, state: Data<State>) -> Result<Created<Comment>, Problem> {
    caller
        .write(move |tx, me| {
            let (new, now) = (new.into_inner(), me.now());
            let account = accounts::named(tx, me, new.account_id)?;
            let external_id = new.external_id.map(Line::into_inner);
            if let Some(external_id) = &external_id
                && let Some(row) = rows::by_external_id(tx, me.school(), account.row.id, external_id)?
            {
                // Who only logs learns that it is there, not what was responded.
                let known = if me.may::<ReadComments>() { view_with_responses(tx, me, row)? } else { view(me, row, Attached::default()) };
                return Ok(Created::new(&known)?.already_there());
            }
            accounts::rules::check_in_use(account.row.state)?;
            let author_name = new.author_name.map(Line::into_inner);
            rules::check_author(author_name.as_deref(), new.author_anonymous)?;
            let noticed_at = new.noticed_at.unwrap_or(now);
            check_past(&[("/received_at", new.received_at), ("/noticed_at", noticed_at)], now)?;
            if noticed_at < new.received_at && new.noticed_at.is_some() {
                return Err(Problem::invalid("/noticed_at", "before_receipt", "Nobody notices a comment before it is received."));
            }
            let calendar = schools::rows::calendar(tx, me.school(), &state.bank_holidays)?;
            let deadline = deadline::deadline(*new.received_at, &calendar)?;
            let mut row = CommentRow {
                school_id: me.school(),
                id: CommentId::new(),
                account_id: account.row.id,
                kind: new.kind,
                state: CommentState::Received,
                is_open: true,
                awaits_response: true,
                external_id,
                author_name,
                author_anonymous: new.author_anonymous,
                url: new.url.map(Link::into_inner),
                text: new.text.into_inner(),
                received_at: new.received_at,
                noticed_at,
                logged_by: me.person(),
                due_at: deadline.due_at.into(),
                deadline_rule: deadline.rule,
                deadline_explanation: deadline.explanation,
                due_on_weekend: deadline.due_on_weekend,
                first_responded_at: None,
                on_time: None,
                overdue_recorded_at: None,
                no_response_reason: None,
                closed_at: None,
                urgent: false,
                urgent_due_at: None,
                version: 1,
                created_at: now,
                updated_at: now,
                sentiment: new.sentiment,
            };
            if new.offensive {
                rules::flag(&mut row, schools::rows::find(tx, me.school())?.urgent_target_minutes, now);
            }
            rows::insert(tx, &row)?;
            let event = Event::new(EventType::CommentLogged, row.id.uuid()).state(row.state).related("account_id", row.account_id.uuid());
            events::record(tx, me, event)?;
            Created::new(&view(me, row, Attached::default()))
        })
        .await
}

/// Everything that is said to be past and is not, at once.
fn check_past(instants: &[(&str, Instant)], now: Instant) -> Result<(), Problem> {
    let ahead = instants.iter().filter(|(_, at)| !rules::is_past(*at, now));
    let errors: Vec<FieldError> =
        ahead.map(|(pointer, _)| FieldError::new(*pointer, "in_the_future", "This lies in the future.")).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::new(Code::ValidationFailed).with_errors(errors)) }
}

/// Find a comment.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadComments])),
    responses((status = 200, description = "The comment.", body = Comment), Fails<404>))]
#[get("/v1/comments/{id}")]
async fn find_comment(caller: Caller<ReadComments>, id: Path<CommentId>) -> Result<Versioned<Comment>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight::<_, ReadComments>(me), *id)?;
            Versioned::new(&view_with_responses(conn, me, row)?)
        })
        .await
}

/// Acknowledge or answer a comment (MON-2).
///
/// The first response stops the clock and settles `on_time`; acknowledging is enough. `answers` names further
/// comments that the same reply responds to. What a journalist asks is acknowledged, and not answered before it is
/// cleared (BEH-4).
#[utoipa::path(tag = "comments", security(("oauth2" = [AnswerComment])), request_body = NewResponse,
    responses((status = 200, description = "Responded.", body = Comment), Fails<404, 409>))]
#[post("/v1/comments/{id}/respond")]
async fn respond_to_comment(
    caller: Caller<AnswerComment>,
    id: Path<CommentId>,
    response: Valid<NewResponse>,
) -> Result<Versioned<Comment>, Problem> {
    caller
        .write(move |tx, me| {
            let response = response.into_inner();
            let sight = sight::<_, AnswerComment>(me);
            let mut first = rows::find(tx, me.school(), sight, *id)?;
            rules::check(CommentAction::Respond, first.state)?;
            let mut others = rows::find_all(tx, me.school(), sight, &response.answers)?;
            others.retain(|row| row.id != first.id);
            let errors: Vec<FieldError> = response
                .answers
                .iter()
                .enumerate()
                .filter(|(_, id)| **id != first.id)
                .filter_map(|(index, id)| {
                    let (code, detail) = match others.iter().find(|row| row.id == *id) {
                        None => ("unknown", "There is no such comment for this caller."),
                        Some(row) if rules::check(CommentAction::Respond, row.state).is_err() => {
                            ("state_conflict", "This comment cannot be responded to.")
                        }
                        Some(_) => return None,
                    };
                    Some(FieldError::new(format!("/answers/{index}"), code, detail))
                })
                .collect();
            if !errors.is_empty() {
                return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
            }
            if response.kind == ResponseKind::Answer {
                let named: Vec<CommentId> = [*id].into_iter().chain(response.answers.iter().copied()).collect();
                for state in media_enquiries::rows::of_comments(tx, me.school(), &named)? {
                    media::may_respond(state)?;
                }
            }
            let responded_at = response.responded_at.unwrap_or_else(|| me.now());
            let before = first.sentiment;
            first.sentiment = response.sentiment.or(before);
            let marked = first.sentiment != before;
            let mut happened = Vec::new();
            let mut answered = vec![first];
            answered.append(&mut others);
            let ids: Vec<CommentId> = answered.iter().map(|row| row.id).collect();
            let given = rows::responses_to(tx, me.school(), &ids)?;
            for row in &mut answered {
                check_past(&[("/responded_at", responded_at)], me.now())?;
                if responded_at < row.received_at {
                    return Err(Problem::invalid("/responded_at", "before_receipt", "A response comes after what it responds to."));
                }
                if given.get(&row.id).is_some_and(|given| given.len() >= rules::MOST_RESPONSES) {
                    return Err(Problem::state_conflict(rules::allowed(row.state, true)).detail("A comment has at most 50 responses."));
                }
                rules::check_backdated(row, responded_at, me.own_only())?;
                rules::respond(row, response.kind, responded_at);
                rows::save(tx, row, me.now())?;
                let response = ResponseRow {
                    school_id: me.school(),
                    id: ResponseId::new(),
                    comment_id: row.id,
                    kind: response.kind,
                    text: response.text.as_str().to_owned(),
                    automated: response.automated,
                    responded_at,
                    responded_by: me.person(),
                    created_at: me.now(),
                };
                rows::insert_response(tx, &response)?;
                let event = Event::new(EventType::CommentResponded, row.id.uuid()).state(row.state);
                let event = event.changed([("sentiment", marked && row.id == *id)]);
                happened.push(event.related("account_id", row.account_id.uuid()).related("response_id", response.id.uuid()));
            }
            events::record_all(tx, me, happened)?;
            Versioned::new(&view_with_responses(tx, me, answered.swap_remove(0))?)
        })
        .await
}

/// The way of the other moves: find, check against the version that was read, change, store, record.
fn change(
    tx: &mut Conn,
    me: &Caller<AnswerComment>,
    id: CommentId,
    seen: &IfMatch,
    action: CommentAction,
    apply: impl FnOnce(&mut Conn, &mut CommentRow) -> Result<EventType, Problem>,
) -> Result<Versioned<Comment>, Problem> {
    let mut row = rows::find(tx, me.school(), sight::<_, AnswerComment>(me), id)?;
    rules::check(action, row.state)?;
    seen.check(row.version)?;
    let kind = apply(tx, &mut row)?;
    rows::save(tx, &mut row, me.now())?;
    events::record(tx, me, Event::new(kind, row.id.uuid()).state(row.state).related("account_id", row.account_id.uuid()))?;
    Versioned::new(&view_with_responses(tx, me, row)?)
}

/// Record that a comment needs no response, with the reason (MON-2).
///
/// For spam or plain praise. The reason is kept.
#[utoipa::path(tag = "comments", security(("oauth2" = [AnswerComment])), params(IfMatchHeader), request_body = NoResponseReason,
    responses((status = 200, description = "Recorded.", body = Comment), Fails<404, 409, 412, 428>))]
#[post("/v1/comments/{id}/no-response-required")]
async fn waive_comment_response(
    caller: Caller<AnswerComment>,
    id: Path<CommentId>,
    seen: IfMatch,
    why: Valid<NoResponseReason>,
) -> Result<Versioned<Comment>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, CommentAction::NoResponseRequired, |_, row| {
                rules::need_no_response(row, why.into_inner().reason.into_inner());
                Ok(EventType::CommentNeedsNoResponse)
            })
        })
        .await
}

/// Close a comment that has been responded to (MON-2).
///
/// A negative one is closed by a branch of the response procedure in force (PRO-2).
#[utoipa::path(tag = "comments", security(("oauth2" = [AnswerComment])), params(IfMatchHeader), request_body = CommentClosing,
    responses((status = 200, description = "Closed.", body = Comment), Fails<404, 409, 412, 428>))]
#[post("/v1/comments/{id}/close")]
async fn close_comment(
    caller: Caller<AnswerComment>,
    id: Path<CommentId>,
    seen: IfMatch,
    closing: Valid<CommentClosing>,
) -> Result<Versioned<Comment>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, CommentAction::Close, |tx, row| {
                let CommentClosing { procedure_version_id, branch } = closing.into_inner();
                let followed = procedures::closable(row.sentiment, procedure_version_id, branch.map(Line::into_inner))?;
                if let Some((procedure_version_id, branch)) = followed {
                    response_procedures::followed(tx, me.school(), procedure_version_id, &branch)?;
                    let (school_id, comment_id) = (me.school(), row.id);
                    rows::insert_followed(tx, &FollowedRow { school_id, comment_id, procedure_version_id, branch })?;
                }
                rules::close(row, me.now());
                Ok(EventType::CommentClosed)
            })
        })
        .await
}
