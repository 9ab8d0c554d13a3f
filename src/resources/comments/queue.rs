//! What to do next: the comments that are open, offensive ones first (HND-1).

use actix_web::web::Path;
use actix_web::{get, post};
use utoipa_actix_web::service_config::ServiceConfig;

use super::api::{Comment, CommentPage, attached, sight, view};
use super::rows::{self, CommentRow, QueueKey};
use super::rules;
use crate::access::caller::Caller;
use crate::access::permissions::{AnswerComment, ReadComments};
use crate::db::types::CommentId;
use crate::events::{self, Event, EventType};
use crate::http::body::NoBody;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Plain, Versioned};
use crate::page::{PageQuery, Window};
use crate::problem::Problem;
use crate::resources::schools;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_comment_queue).service(flag_comment_offensive);
}

/// List what to deal with next.
///
/// The comments that are open: offensive ones first (HND-1), then by their deadline (MON-2). Managers see the comments
/// on the accounts that they run.
#[utoipa::path(tag = "comments", security(("oauth2" = [ReadComments])), params(PageQuery),
    responses((status = 200, description = "One page.", body = CommentPage)))]
#[get("/v1/comment-queue")]
async fn list_comment_queue(caller: Caller<ReadComments>, query: Query<PageQuery>) -> Result<Plain<CommentPage>, Problem> {
    let window = Window::<QueueKey>::new(query.cursor.as_deref(), query.limit, &"comment-queue")?;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::queue(conn, me.school(), sight::<_, ReadComments>(me), &window)?;
            let mut attached = attached(conn, me, &rows)?;
            let key = |row: &CommentRow| (row.urgent, row.due_at, row.id);
            Ok(window.page(rows, key, |row| {
                let attached = attached.remove(&row.id).unwrap_or_default();
                view(me, row, attached)
            }))
        })
        .await?;
    Plain::page(&page, "/v1/comment-queue", &query.0, query.limit)
}

/// Flag a comment as offensive (HND-1).
///
/// It comes first in the queue, with a target of its own beside its deadline (a setting of the school's).
#[utoipa::path(tag = "comments", security(("oauth2" = [AnswerComment])), params(IfMatchHeader),
    responses((status = 200, description = "Flagged.", body = Comment), Fails<404, 409, 412, 428>))]
#[post("/v1/comments/{id}/flag-offensive")]
async fn flag_comment_offensive(
    caller: Caller<AnswerComment>,
    id: Path<CommentId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Comment>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight::<_, AnswerComment>(me), *id)?;
            rules::check(rules::CommentAction::FlagOffensive, row.state)?;
            seen.check(row.version)?;
            if !row.urgent {
                let minutes = schools::rows::find(tx, me.school())?.urgent_target_minutes;
                rules::flag(&mut row, minutes, me.now());
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::CommentFlaggedOffensive, row.id.uuid()).state(row.state))?;
            }
            let attached = attached(tx, me, std::slice::from_ref(&row))?.remove(&row.id).unwrap_or_default();
            Versioned::new(&view(me, row, attached))
        })
        .await
}
