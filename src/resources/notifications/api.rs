//! The operations on notifications.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, NotificationRow};
use crate::access::caller::Caller;
use crate::access::permissions::ReadNotifications;
use crate::clock::Instant;
use crate::db::types::{NotificationId, SubjectId};
use crate::http::body::NoBody;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Gone, Plain};
use crate::page::{Page, Window};
use crate::problem::Problem;
use crate::resources::incidents::viewer;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_notifications).service(read_notification).service(read_all_notifications);
}

/// That the caller was told of something: ids, no names and no text. Whoever may know more asks for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f8", "event_type": "comment.overdue", "subject_type": "comment",
    "subject_id": "0198a4b2-6f00-7000-8000-0000000000c1", "created_at": "2026-01-15T10:00:00Z"
}))]
pub struct Notification {
    pub id: NotificationId,
    /// What happened, as the log names it.
    #[schema(max_length = 60)]
    pub event_type: String,
    #[schema(max_length = 40)]
    pub subject_type: String,
    /// What it happened to.
    pub subject_id: SubjectId,
    pub created_at: Instant,
    /// Absent while it is unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_at: Option<Instant>,
}

type NotificationPage = Page<Notification>;

/// Which notifications to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// `true`: those that have not been read.
    #[param(nullable = false)]
    pub unread: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view(row: NotificationRow) -> Notification {
    Notification {
        id: row.id,
        event_type: row.event_type,
        subject_type: row.subject_type,
        subject_id: row.subject_id,
        created_at: row.created_at,
        read_at: row.read_at,
    }
}

/// List one's notifications (BEH-5).
///
/// Newest first. Everybody sees their own.
#[utoipa::path(tag = "notifications", security(("oauth2" = [ReadNotifications])), params(NotificationQuery),
    responses((status = 200, description = "One page.", body = NotificationPage)))]
#[get("/v1/notifications")]
async fn list_notifications(
    caller: Caller<ReadNotifications>,
    query: Query<NotificationQuery>,
) -> Result<Plain<NotificationPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("notifications", &query.0))?;
    let unread = query.unread == Some(true);
    let page = caller
        .read(move |conn, me| {
            let viewer = viewer(conn, me)?;
            let rows = rows::list(conn, me.school(), &viewer, unread, &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/notifications", &query.0, query.limit)
}

/// Mark a notification as read.
///
/// The time of the first reading stays.
#[utoipa::path(tag = "notifications", security(("oauth2" = [ReadNotifications])),
    responses((status = 200, description = "Read.", body = Notification), Fails<404>))]
#[post("/v1/notifications/{id}/read")]
async fn read_notification(caller: Caller<ReadNotifications>, id: Path<NotificationId>, _: NoBody) -> Result<Plain<Notification>, Problem> {
    let id = *id;
    caller
        .write_on(
            move |tx, me| {
                let viewer = viewer(tx, me)?;
                Ok((rows::find(tx, me.school(), &viewer, id)?, viewer))
            },
            move |tx, me, (mut row, viewer)| {
                rows::mark_read(tx, me.school(), &viewer, Some(id), me.now())?;
                row.read_at = row.read_at.or(Some(me.now()));
                Plain::new(&view(row))
            },
        )
        .await
}

/// Mark all notifications as read.
#[utoipa::path(tag = "notifications", security(("oauth2" = [ReadNotifications])),
    responses((status = 204, description = "Read.")))]
#[post("/v1/notifications/read-all")]
async fn read_all_notifications(caller: Caller<ReadNotifications>, _: NoBody) -> Result<Gone<()>, Problem> {
    caller
        .write(move |tx, me| {
            let viewer = viewer(tx, me)?;
            rows::mark_read(tx, me.school(), &viewer, None, me.now())?;
            Ok(Gone::new())
        })
        .await
}
