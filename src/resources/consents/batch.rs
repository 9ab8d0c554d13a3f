//! Many answers in one transaction, with a result for each: what the MIS holds on file.

use actix_web::post;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::api::{NewConsent, take_in};
use crate::access::caller::Caller;
use crate::access::permissions::RecordConsent;
use crate::db::types::ConsentId;
use crate::http::body::{Valid, objects};
use crate::http::document::IdempotencyKeyHeader;
use crate::http::precondition::KeyRequired;
use crate::http::reply::Multi;
use crate::problem::Problem;

/// What several people said.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{
    "subject_id": "0198a4b2-6f00-7000-8000-000000000009", "purpose": "school_website", "answer": "refused",
    "giver_id": "0198a4b2-6f00-7000-8000-000000000006", "notice_id": "0198a4b2-6f00-7000-8000-0000000000d1"
}] }))]
pub struct ConsentBatch {
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 1000), nested)]
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<NewConsent>,
}

/// What became of each item, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "results": [{ "index": 0, "status": 201, "consent_id": "0198a4b2-6f00-7000-8000-0000000000d2" }] }))]
pub struct ConsentResults {
    #[schema(max_items = 1000)]
    pub results: Vec<ConsentResult>,
}

/// What became of one item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentResult {
    /// Its place in the batch, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// 201 recorded; else why not.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub consent_id: Option<ConsentId>,
    /// What is wrong, for programs: as in a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60, nullable = false)]
    pub code: Option<&'static str>,
}

/// Record what several people said (IMG-1).
///
/// All in one transaction, with a result for each: what is refused keeps nothing else back. Needs an `Idempotency-Key`.
#[utoipa::path(tag = "consents", security(("oauth2" = [RecordConsent])), params(IdempotencyKeyHeader), request_body = ConsentBatch,
    responses((status = 207, description = "One result per item.", body = ConsentResults)))]
#[post("/v1/consent-answers/batch")]
pub(super) async fn record_consents(
    caller: Caller<RecordConsent>,
    _: KeyRequired,
    batch: Valid<ConsentBatch>,
) -> Result<Multi<ConsentResults>, Problem> {
    caller
        .write(move |tx, me| {
            let mut results = Vec::new();
            for (index, item) in batch.into_inner().items.into_iter().enumerate() {
                results.push(match take_in(tx, me, item) {
                    Ok(row) => ConsentResult { index, status: 201, consent_id: Some(row.id), code: None },
                    // Refused before anything was written.
                    Err(problem) if problem.code().status() < 500 => {
                        ConsentResult { index, status: problem.code().status(), consent_id: None, code: Some(problem.code().name()) }
                    }
                    Err(problem) => return Err(problem),
                });
            }
            Multi::new(&ConsentResults { results })
        })
        .await
}
