//! The operations on deliveries.

use std::collections::HashSet;

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::api::open_to;
use super::rows::{self, DeliveryRow, Filter};
use super::rules::{DeliveryError, WebhookDeliveryState, WebhookEndpointAction};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageWebhooks, ReadEvents, ReadWebhooks};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{EventId, SchoolId, SubjectId, WebhookDeliveryId, WebhookEndpointId};
use crate::events::EventType;
use crate::http::body::NoBody;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::Plain;
use crate::http::text::Line;
use crate::page::{Page, Window};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::events::rows::{self as log, Eyes, Sight};
use crate::resources::events::{eyes, sight};
use crate::webhooks::nudge;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_webhook_deliveries).service(replay_webhook_delivery);
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "endpoint_id": "0198a4b2-6f00-7000-8000-0000000000f3", "state": "pending",
    "event_id": "0198a4b2-6f00-7000-8000-0000000000e1", "type": "comment.logged", "subject": "0198a4b2-6f00-7000-8000-0000000000c1",
    "attempts": 1, "next_attempt_at": "2026-01-17T08:00:05Z", "last_attempt_at": "2026-01-17T08:00:00Z",
    "last_error": "not_accepted", "last_status": 503, "created_at": "2026-01-17T08:00:00Z"
}))]
pub struct WebhookDelivery {
    pub id: WebhookDeliveryId,
    pub endpoint_id: WebhookEndpointId,
    pub state: WebhookDeliveryState,
    /// `webhook-id` of each attempt, and `id` of the event.
    pub event_id: EventId,
    #[schema(max_length = 60)]
    pub r#type: String,
    /// The id of the thing that it happened to.
    pub subject: SubjectId,
    /// How often it was tried.
    #[schema(minimum = 0, maximum = 1000)]
    pub attempts: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_attempt_at: Option<Instant>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_error: Option<DeliveryError>,
    /// What the receiver answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 999, nullable = false)]
    pub last_status: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivered_at: Option<Instant>,
    pub created_at: Instant,
}

type WebhookDeliveryPage = Page<WebhookDelivery>;

fn view(row: DeliveryRow) -> WebhookDelivery {
    WebhookDelivery {
        id: row.id,
        endpoint_id: row.endpoint_id,
        state: row.state,
        event_id: row.event_id,
        r#type: row.event_type,
        subject: row.subject_id,
        attempts: row.attempts,
        next_attempt_at: Some(row.next_at).filter(|_| row.state == WebhookDeliveryState::Pending),
        last_attempt_at: row.last_at,
        last_error: row.last_error,
        last_status: row.last_status,
        delivered_at: row.delivered_at,
        created_at: row.created_at,
    }
}

/// Which deliveries to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WebhookDeliveryQuery {
    /// In one of these states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 10))]
    #[param(max_items = 10)]
    pub state: Vec<WebhookDeliveryState>,
    /// Of an event of one of these types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 50))]
    #[param(max_items = 50, value_type = Vec<Line<60>>, inline)]
    pub r#type: Vec<String>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// Those deliveries that are of events which somebody with such eyes may know of.
fn known(conn: &mut Conn, school: SchoolId, (sight, eyes): &(Sight, Option<Eyes>), found: &mut Vec<DeliveryRow>) -> QueryResult<()> {
    let numbers: Vec<i64> = found.iter().map(|row| row.event_number).collect();
    let seen = log::of_numbers(conn, school, sight, eyes.as_ref(), &numbers)?;
    let seen: HashSet<i64> = seen.into_iter().map(|event| event.number).collect();
    found.retain(|row| seen.contains(&row.event_number));
    Ok(())
}

/// Deliveries looked at in one go at the least, for those of which the caller may not know.
const SCANNED: usize = 200;

/// List an endpoint's deliveries.
///
/// Newest first: those of events that the caller may read. What was delivered is kept for 30 days.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ReadWebhooks])), params(WebhookDeliveryQuery),
    responses((status = 200, description = "One page.", body = WebhookDeliveryPage), Fails<404>))]
#[get("/v1/webhook-endpoints/{id}/deliveries")]
async fn list_webhook_deliveries(
    caller: Caller<ReadWebhooks>,
    id: Path<WebhookEndpointId>,
    query: Query<WebhookDeliveryQuery>,
) -> Result<Plain<WebhookDeliveryPage>, Problem> {
    let path = format!("/v1/webhook-endpoints/{id}/deliveries");
    if query.r#type.iter().any(|name| EventType::named(name).is_none()) {
        let error = FieldError::new("type", "unacceptable_value", "This is not a type of event.");
        return Err(Problem::new(Code::MalformedQuery).with_errors(vec![error]));
    }
    let window: Window<WebhookDeliveryId> = Window::new(query.cursor.as_deref(), query.limit, &(&path, &query.0))?;
    let filter = Filter { states: query.state.clone(), types: query.r#type.clone() };
    let page = caller
        .read(move |conn, me| {
            rows::find(conn, me.school(), *id)?;
            // A page is full of what the caller may know of: that there was more between is not for them to see.
            let (mut shown, enough) = (Vec::new(), usize::try_from(window.fetch()).unwrap_or(usize::MAX));
            if me.may::<ReadEvents>() {
                let (reader, mut after, most) = ((sight(me), eyes(conn, me)?), window.after, enough.max(SCANNED));
                loop {
                    let mut found = rows::list_deliveries(conn, me.school(), *id, &filter, after, i64::try_from(most).unwrap_or(i64::MAX))?;
                    after = found.last().map(|row| row.id).filter(|_| found.len() == most);
                    known(conn, me.school(), &reader, &mut found)?;
                    shown.append(&mut found);
                    if shown.len() >= enough || after.is_none() {
                        break;
                    }
                }
                shown.truncate(enough);
            }
            Ok(window.page(shown, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, &path, &query.0, query.limit)
}

/// Deliver an event once more.
///
/// By the endpoint's owner: at once, or after those before it on the same thing; what is due later is tried at once.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])),
    responses((status = 200, description = "It will be.", body = WebhookDelivery), Fails<404, 409>))]
#[post("/v1/webhook-deliveries/{id}/replay")]
async fn replay_webhook_delivery(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookDeliveryId>,
    _: NoBody,
    state: Data<State>,
) -> Result<Plain<WebhookDelivery>, Problem> {
    let id = *id;
    let find = move |tx: &mut Conn, me: &Caller<ManageWebhooks>| {
        let mut found: Vec<DeliveryRow> = rows::delivery(tx, me.school(), id)?.into_iter().collect();
        let reader = (sight(me), eyes(tx, me)?);
        known(tx, me.school(), &reader, &mut found)?;
        found.pop().filter(|_| me.may::<ReadEvents>()).ok_or_else(Problem::not_found)
    };
    let replayed = caller
        .write_on(find, move |tx, me, mut row| {
            let endpoint = open_to(tx, me, row.endpoint_id, None, WebhookEndpointAction::Replay)?;
            if row.state != WebhookDeliveryState::Waiting {
                if row.state != WebhookDeliveryState::Pending {
                    row.state = WebhookDeliveryState::Waiting;
                }
                (row.attempts, row.next_at, row.delivered_at) = (0, me.now(), None);
                rows::save_delivery(tx, &row)?;
                rows::promote(tx, &endpoint, row.subject_id, me.now())?;
            }
            let row = rows::delivery(tx, me.school(), id)?.ok_or_else(Problem::not_found)?;
            Plain::new(&view(row))
        })
        .await?;
    nudge(&state);
    Ok(replayed)
}
