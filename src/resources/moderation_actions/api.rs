//! The operations on moderation actions.

use std::collections::HashMap;

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Filter, ModerationRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ModerateComment, ReadComments};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, CommentId, ModerationActionId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IdempotencyKeyHeader};
use crate::http::precondition::KeyRequired;
use crate::http::query::Query;
use crate::http::reply::{Created, Multi, Plain, Resource};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, Window};
use crate::policy::moderation::{ModerationKind, ModerationReason, check_explanation};
use crate::problem::{Code, Problem};
use crate::resources::comments;
use crate::resources::comments::rows::CommentRow;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_moderation_actions).service(moderate_comment).service(moderate_comments).service(find_moderation_action);
}

/// Something that was done about an unacceptable comment (HND-2). There is never another version of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000b1", "comment_id": "0198a4b2-6f00-7000-8000-0000000000c1",
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "kind": "delete", "reason": "offensive",
    "public_explanation": "We have removed a comment that insulted a member of staff.", "internal_reason": "The third one this week.",
    "snapshot_text": "…", "snapshot_author": "A parent", "acted_by": "0198a4b2-6f00-7000-8000-000000000002", "acted_at": "2026-01-17T09:00:00Z"
}))]
pub struct ModerationAction {
    pub id: ModerationActionId,
    pub comment_id: CommentId,
    pub account_id: AccountId,
    pub kind: ModerationKind,
    pub reason: ModerationReason,
    /// What the audience is told.
    #[schema(max_length = 2000)]
    pub public_explanation: String,
    /// For the school alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub internal_reason: Option<String>,
    /// Where evidence is kept, or its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub evidence_ref: Option<String>,
    /// The comment as it was (A20).
    #[schema(max_length = 10000)]
    pub snapshot_text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub snapshot_author: Option<String>,
    pub acted_by: PersonId,
    pub acted_at: Instant,
}

type ModerationActionPage = Page<ModerationAction>;

impl Resource for ModerationAction {
    fn location(&self) -> String {
        format!("/v1/moderation-actions/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// What is done about a comment, and what the audience is told.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "comment_id": "0198a4b2-6f00-7000-8000-0000000000c1", "kind": "delete", "reason": "offensive",
    "public_explanation": "We have removed a comment that insulted a member of staff."
}))]
pub struct NewModerationAction {
    pub comment_id: CommentId,
    pub kind: ModerationKind,
    pub reason: ModerationReason,
    /// What the audience is told: exactly why, and no names (HND-2).
    #[serde(default = "none")]
    #[validate(length(max = 2000))]
    #[schema(max_length = 2000, required)]
    pub public_explanation: String,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub internal_reason: Option<Prose<2000>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub evidence_ref: Option<Line<500>>,
}

/// The same done about several comments, for one reason.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "comment_ids": ["0198a4b2-6f00-7000-8000-0000000000c1"], "kind": "hide", "reason": "spam",
    "public_explanation": "We have hidden advertisements."
}))]
pub struct ModerationBatch {
    #[validate(length(min = 1, max = 1000))]
    #[schema(min_items = 1, max_items = 1000)]
    pub comment_ids: Vec<CommentId>,
    pub kind: ModerationKind,
    pub reason: ModerationReason,
    /// What the audience is told: exactly why, and no names (HND-2).
    #[serde(default = "none")]
    #[validate(length(max = 2000))]
    #[schema(max_length = 2000, required)]
    pub public_explanation: String,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub internal_reason: Option<Prose<2000>>,
}

// HND-2: what is missing is refused as what is blank.
const fn none() -> String {
    String::new()
}

/// What became of each item.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "results": [{ "index": 0, "status": 201, "moderation_action_id": "0198a4b2-6f00-7000-8000-0000000000b1" }] }))]
pub struct ModerationResults {
    #[schema(max_items = 1000)]
    pub results: Vec<ModerationResult>,
}

/// What became of one item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModerationResult {
    /// Its place in the batch, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// 201 done; else why not.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub moderation_action_id: Option<ModerationActionId>,
    /// What is wrong, for programs: as in a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60, nullable = false)]
    pub code: Option<&'static str>,
}

/// Which actions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ModerationQuery {
    /// About this comment.
    #[param(nullable = false)]
    pub comment_id: Option<CommentId>,
    /// On one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
    /// Of one of these kinds.
    #[serde(default)]
    #[validate(length(max = 4))]
    #[param(max_items = 4)]
    pub kind: Vec<ModerationKind>,
    /// At or after this instant.
    #[param(nullable = false)]
    pub acted_from: Option<Instant>,
    /// Before this instant.
    #[param(nullable = false)]
    pub acted_to: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view(row: ModerationRow) -> ModerationAction {
    ModerationAction {
        id: row.id,
        comment_id: row.comment_id,
        account_id: row.account_id,
        kind: row.kind,
        reason: row.reason,
        public_explanation: row.public_explanation,
        internal_reason: row.internal_reason,
        evidence_ref: row.evidence_ref,
        snapshot_text: row.snapshot_text,
        snapshot_author: row.snapshot_author,
        acted_by: row.acted_by,
        acted_at: row.acted_at,
    }
}

/// What is done to one comment: a snapshot is kept, and the explanation counts as the response (A6).
fn act(
    tx: &mut Conn,
    me: &Caller<ModerateComment>,
    comment: &mut CommentRow,
    how: &NewModerationAction,
) -> Result<(ModerationRow, Event), Problem> {
    let row = ModerationRow {
        school_id: me.school(),
        id: ModerationActionId::new(),
        comment_id: comment.id,
        account_id: comment.account_id,
        kind: how.kind,
        reason: how.reason,
        public_explanation: how.public_explanation.trim().to_owned(),
        internal_reason: how.internal_reason.as_ref().map(|reason| reason.as_str().to_owned()),
        evidence_ref: how.evidence_ref.as_ref().map(|evidence| evidence.as_str().to_owned()),
        snapshot_text: comment.text.clone(),
        snapshot_author: comment.author_name.clone(),
        acted_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
        acted_at: me.now(),
    };
    rows::insert(tx, &row)?;
    if comments::rules::moderated(comment, me.now()) {
        comments::rows::save(tx, comment, me.now())?;
    }
    let event = Event::new(EventType::CommentModerated, row.id.uuid()).related("comment_id", comment.id.uuid());
    Ok((row, event.state(comment.state)))
}

/// List moderation actions (HND-2).
///
/// Oldest first. Managers see those on the accounts that they run.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadComments])), params(ModerationQuery),
    responses((status = 200, description = "One page.", body = ModerationActionPage)))]
#[get("/v1/moderation-actions")]
async fn list_moderation_actions(
    caller: Caller<ReadComments>,
    query: Query<ModerationQuery>,
) -> Result<Plain<ModerationActionPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("moderation-actions", &query.0))?;
    let filter = Filter {
        comment: query.comment_id,
        accounts: query.account_id.clone(),
        kinds: query.kind.clone(),
        acted_from: query.acted_from,
        acted_to: query.acted_to,
    };
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), comments::sight::<_, ReadComments>(me), &filter, &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/moderation-actions", &query.0, query.limit)
}

/// Hide, delete or report an unacceptable comment, or block its author, and tell the audience why (HND-2).
///
/// The explanation names no pupil; what is for the school alone is the internal reason. The comment as it was is kept,
/// and the explanation counts as the response to it (MON-2). Several things can be done about one comment.
#[utoipa::path(tag = "comments", security(("oauth2" = [ModerateComment])), request_body = NewModerationAction,
    responses((status = 201, description = "Done.", body = ModerationAction)))]
#[post("/v1/moderation-actions")]
async fn moderate_comment(caller: Caller<ModerateComment>, new: Valid<NewModerationAction>) -> Result<Created<ModerationAction>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let sight = comments::sight::<_, ModerateComment>(me);
            let mut comment = comments::rows::find(tx, me.school(), sight, new.comment_id)
                .map_err(|_| Problem::invalid("/comment_id", "unknown", "There is no such comment for this caller."))?;
            check_explanation(&new.public_explanation, &rows::pupils(tx, me.school())?)?;
            let (row, event) = act(tx, me, &mut comment, &new)?;
            events::record(tx, me, event)?;
            Created::new(&view(row))
        })
        .await
}

/// Do the same about several comments, for one reason (HND-2).
///
/// All in one transaction, with a result for each: what is refused keeps nothing else back. Needs an `Idempotency-Key`.
#[utoipa::path(tag = "comments", security(("oauth2" = [ModerateComment])), params(IdempotencyKeyHeader), request_body = ModerationBatch,
    responses((status = 207, description = "One result per item.", body = ModerationResults)))]
#[post("/v1/moderation/batch")]
async fn moderate_comments(
    caller: Caller<ModerateComment>,
    _: KeyRequired,
    batch: Valid<ModerationBatch>,
) -> Result<Multi<ModerationResults>, Problem> {
    caller
        .write(move |tx, me| {
            let ModerationBatch { comment_ids, kind, reason, public_explanation, internal_reason } = batch.into_inner();
            check_explanation(&public_explanation, &rows::pupils(tx, me.school())?)?;
            let found = comments::rows::find_all(tx, me.school(), comments::sight::<_, ModerateComment>(me), &comment_ids)?;
            let mut found: HashMap<CommentId, CommentRow> = found.into_iter().map(|row| (row.id, row)).collect();
            let (mut results, mut happened) = (Vec::with_capacity(comment_ids.len()), Vec::new());
            for (index, comment_id) in comment_ids.into_iter().enumerate() {
                let how = NewModerationAction {
                    comment_id,
                    kind,
                    reason,
                    public_explanation: public_explanation.clone(),
                    internal_reason: internal_reason.clone(),
                    evidence_ref: None,
                };
                // Named twice, it is dealt with once.
                results.push(if let Some(mut comment) = found.remove(&comment_id) {
                    let (row, event) = act(tx, me, &mut comment, &how)?;
                    happened.push(event);
                    ModerationResult { index, status: 201, moderation_action_id: Some(row.id), code: None }
                } else {
                    ModerationResult { index, status: 404, moderation_action_id: None, code: Some(Code::NotFound.name()) }
                });
            }
            events::record_all(tx, me, happened)?;
            Multi::new(&ModerationResults { results })
        })
        .await
}

/// Find a moderation action.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadComments])),
    responses((status = 200, description = "The action.", body = ModerationAction), Fails<404>))]
#[get("/v1/moderation-actions/{id}")]
async fn find_moderation_action(caller: Caller<ReadComments>, id: Path<ModerationActionId>) -> Result<Plain<ModerationAction>, Problem> {
    caller.read(move |conn, me| Plain::new(&view(rows::find(conn, me.school(), comments::sight::<_, ReadComments>(me), *id)?))).await
}
