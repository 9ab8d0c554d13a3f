//! The operation on deadlines.

use actix_web::post;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::access::caller::Caller;
use crate::access::permissions::PreviewDeadline;
use crate::app::State;
use crate::clock::Instant;
use crate::http::body::Valid;
use crate::http::reply::Plain;
use crate::policy::deadline::{self, DeadlineRule};
use crate::problem::Problem;
use crate::resources::schools;

pub fn operations(config: &mut ServiceConfig) {
    config.service(preview_deadline);
}

/// When something would have been received.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "received_at": "2026-01-17T00:00:00Z" }))]
pub struct Receipt {
    pub received_at: Instant,
}

/// By when it would have to be answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "received_at": "2026-01-17T00:00:00Z", "due_at": "2026-01-19T23:59:59Z", "deadline_rule": "next_working_day",
    "deadline_explanation": "Received on Saturday 17 January 2026 at 00:00, so due by the end of the next working day, Monday 19 January 2026 at 23:59:59.",
    "due_on_weekend": false
}))]
pub struct Deadline {
    pub received_at: Instant,
    pub due_at: Instant,
    pub deadline_rule: DeadlineRule,
    /// How the deadline comes about, in local time.
    #[schema(max_length = 1000)]
    pub deadline_explanation: String,
    pub due_on_weekend: bool,
}

/// Compute a deadline without writing anything (MON-2).
///
/// For any instant up to the last year whose bank holidays are on file, past or future.
#[utoipa::path(tag = "deadlines", security(("oauth2" = [PreviewDeadline])), request_body = Receipt,
    responses((status = 200, description = "The deadline.", body = Deadline)))]
#[post("/v1/deadlines/preview")]
async fn preview_deadline(
    caller: Caller<PreviewDeadline>,
    receipt: Valid<Receipt>,
    state: Data<State>,
) -> Result<Plain<Deadline>, Problem> {
    caller
        .read(move |conn, me| {
            let calendar = schools::rows::calendar(conn, me.school(), &state.bank_holidays)?;
            let deadline = deadline::deadline(*receipt.received_at, &calendar)?;
            Plain::new(&Deadline {
                received_at: receipt.received_at,
                due_at: deadline.due_at.into(),
                deadline_rule: deadline.rule,
                deadline_explanation: deadline.explanation,
                due_on_weekend: deadline.due_on_weekend,
            })
        })
        .await
}
