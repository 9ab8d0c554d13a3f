//! Many guardians in one transaction, with a result for each: what the MIS knows of who is whose.

use actix_web::post;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::batch::Refused;
use super::bulk::{self, ItemOutcome, Key, Link};
use super::rules::Relationship;
use crate::access::caller::Caller;
use crate::access::permissions::ManagePeople;
use crate::db::types::PersonId;
use crate::http::body::{self, Valid, objects};
use crate::http::document::IdempotencyKeyHeader;
use crate::http::precondition::KeyRequired;
use crate::http::reply::Multi;
use crate::http::text::Line;
use crate::problem::Problem;

/// Who is whose guardian.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{
    "pupil": { "external_source": "mis", "external_id": "P-7" }, "guardian": { "external_source": "mis", "external_id": "G-7" },
    "relationship": "parent", "has_parental_responsibility": true
}] }))]
pub struct GuardianBatch {
    // Not nested: see `PersonBatch`.
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 1000))]
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<GuardianItem>,
}

/// Somebody's being a pupil's guardian.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardianItem {
    #[validate(nested)]
    pub pupil: ExternalKey,
    #[validate(nested)]
    pub guardian: ExternalKey,
    pub relationship: Relationship,
    pub has_parental_responsibility: bool,
}

/// By which another system knows somebody.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalKey {
    #[validate(nested)]
    #[schema(inline)]
    pub external_source: Line<50>,
    #[validate(nested)]
    #[schema(inline)]
    pub external_id: Line<100>,
}

impl From<ExternalKey> for Key {
    fn from(key: ExternalKey) -> Self {
        Self { source: key.external_source.into_inner(), id: key.external_id.into_inner() }
    }
}

impl From<GuardianItem> for Link {
    fn from(item: GuardianItem) -> Self {
        Self {
            pupil: item.pupil.into(),
            guardian: item.guardian.into(),
            relationship: item.relationship,
            has_parental_responsibility: Some(item.has_parental_responsibility),
        }
    }
}

/// What became of each item, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "results": [{
    "index": 0, "status": 200, "outcome": "created",
    "pupil_id": "0198a4b2-6f00-7000-8000-000000000005", "guardian_id": "0198a4b2-6f00-7000-8000-000000000006"
}] }))]
pub struct GuardianResults {
    #[schema(max_items = 1000)]
    pub results: Vec<GuardianResult>,
}

/// What became of one item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GuardianResult {
    /// Its place in the batch, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// 200 on record now; else why not.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    pub outcome: ItemOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pupil_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guardian_id: Option<PersonId>,
    #[serde(flatten)]
    pub refusal: Refused,
}

/// Record who is whose guardian, several at once.
///
/// All in one transaction, with a result for each: what is refused keeps nothing else back. The same batch again changes
/// nothing. Parental responsibility is what consent asks for. Needs an `Idempotency-Key`.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IdempotencyKeyHeader), request_body = GuardianBatch,
    responses((status = 207, description = "One result per item.", body = GuardianResults)))]
#[post("/v1/guardians/batch")]
pub(super) async fn set_guardians(
    caller: Caller<ManagePeople>,
    _: KeyRequired,
    batch: Valid<GuardianBatch>,
) -> Result<Multi<GuardianResults>, Problem> {
    caller
        .write(move |tx, me| {
            let agent = me.into();
            let checked: Vec<Result<GuardianItem, Problem>> = batch.into_inner().items.into_iter().map(body::valid).collect();
            let sound: Vec<Link> = checked.iter().flatten().cloned().map(Link::from).collect();
            let plans = bulk::plan_links(tx, &agent, &sound)?;
            bulk::write_links(tx, &agent, plans.iter().flatten())?;
            let mut plans = plans.into_iter();
            let mut results = Vec::with_capacity(checked.len());
            for (index, item) in checked.into_iter().enumerate() {
                let plan = item.and_then(|_| plans.next().unwrap_or_else(|| Err(Problem::internal("an item without a plan"))));
                results.push(match plan {
                    Ok(change) => GuardianResult {
                        index,
                        status: 200,
                        outcome: change.outcome,
                        pupil_id: Some(change.link.pupil_id),
                        guardian_id: Some(change.link.guardian_id),
                        refusal: Refused::default(),
                    },
                    Err(problem) => GuardianResult {
                        index,
                        status: problem.code().status(),
                        outcome: ItemOutcome::Refused,
                        pupil_id: None,
                        guardian_id: None,
                        refusal: Refused::new(index, &problem),
                    },
                });
            }
            Multi::new(&GuardianResults { results })
        })
        .await
}
