//! Many people in one transaction, with a result for each: what the MIS knows of them.

use actix_web::post;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::bulk::{self, Details, ItemOutcome, Key, Record, Roles, Wish};
use crate::access::caller::Caller;
use crate::access::permissions::ManagePeople;
use crate::db::types::PersonId;
use crate::http::body::{self, Valid, objects};
use crate::http::document::IdempotencyKeyHeader;
use crate::http::precondition::KeyRequired;
use crate::http::reply::Multi;
use crate::http::text::{Day, Email, Line, present};
use crate::policy::roles::{PersonKind, Role};
use crate::problem::{FieldError, Problem};
use crate::resources::education_sessions::YearGroup;

/// Several people as another system knows them.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{
    "external_source": "mis", "external_id": "S-1042", "given_name": "Jo", "family_name": "Green",
    "email": "jo.green@weald.example", "kind": "staff", "roles": ["staff"]
}] }))]
pub struct PersonBatch {
    // Not nested: a name too long is a result of its item, and keeps nobody else back.
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 1000))]
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<PersonItem>,
}

/// A person as another system knows them.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonItem {
    #[validate(nested)]
    #[schema(inline)]
    pub external_source: Line<50>,
    /// Unique in its source.
    #[validate(nested)]
    #[schema(inline)]
    pub external_id: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub given_name: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub family_name: Line<100>,
    /// Absent: the person has none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub email: Option<Email>,
    pub kind: PersonKind,
    /// A pupil's; absent: none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    /// All roles that this caller assigns and the person is to hold; those that it does not assign stay. Absent:
    /// all roles stay.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 12))]
    #[schema(max_items = 12, nullable = false)]
    pub roles: Option<Vec<Role>>,
    /// The first day on which the person is no longer at the school; absent: what is on record stays.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left_on: Option<Day>,
}

impl From<PersonItem> for Record {
    fn from(item: PersonItem) -> Self {
        let details = Details {
            given_name: item.given_name.into_inner(),
            family_name: item.family_name.into_inner(),
            email: item.email.map(Email::into_inner).into(),
            kind: Some(item.kind),
            year_group: item.year_group.into(),
            roles: item.roles.map_or(Roles::Stay, Roles::Are),
            left_on: item.left_on.map(|day| day.0),
        };
        let key = Key { source: item.external_source.into_inner(), id: item.external_id.into_inner() };
        Self { key, wish: Wish::Be(Box::new(details)) }
    }
}

/// What became of each item, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "results": [
    { "index": 0, "status": 201, "outcome": "created", "person_id": "0198a4b2-6f00-7000-8000-000000000002" },
    { "index": 1, "status": 422, "outcome": "refused", "code": "validation_failed",
      "errors": [{ "pointer": "/items/1/email", "code": "not_an_email_address", "detail": "Must be an e-mail address of at most 254 characters." }] }
] }))]
pub struct PersonResults {
    #[schema(max_items = 1000)]
    pub results: Vec<PersonResult>,
}

/// What became of one item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonResult {
    /// Its place in the batch, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// 201 created, 200 there now as sent; else why not.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    pub outcome: ItemOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    #[serde(flatten)]
    pub refusal: Refused,
}

/// Why an item was refused; empty where it was not.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Refused {
    /// What is wrong, for programs: as in a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60, nullable = false)]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub detail: Option<String>,
    /// What is wrong with the item, all at once; the pointers begin at the batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<FieldError>,
}

impl Refused {
    pub fn new(index: usize, problem: &Problem) -> Self {
        let errors = problem.errors().iter();
        let errors = errors.map(|error| FieldError::new(format!("/items/{index}{}", error.pointer), &error.code, &error.detail));
        Self { code: Some(problem.code().name()), detail: problem.explanation(), errors: errors.collect() }
    }
}

/// Create or change several people, each as another system knows them.
///
/// All in one transaction, with a result for each: what is refused keeps nothing else back. The same batch again changes
/// nothing. An id that stands in the batch twice counts once. Who leaves is treated as if each leaving had been recorded
/// on its own (R-IT-4). Needs an `Idempotency-Key`.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IdempotencyKeyHeader), request_body = PersonBatch,
    responses((status = 207, description = "One result per item.", body = PersonResults)))]
#[post("/v1/people/batch")]
pub(super) async fn upsert_people(
    caller: Caller<ManagePeople>,
    _: KeyRequired,
    batch: Valid<PersonBatch>,
) -> Result<Multi<PersonResults>, Problem> {
    caller
        .write(move |tx, me| {
            let checked: Vec<Result<PersonItem, Problem>> = batch.into_inner().items.into_iter().map(body::valid).collect();
            let sound = checked.iter().flatten().cloned().map(Record::from).collect();
            let mut plans = bulk::apply(tx, &me.into(), sound)?.into_iter();
            let mut results = Vec::with_capacity(checked.len());
            for (index, item) in checked.into_iter().enumerate() {
                let plan = item.and_then(|_| plans.next().unwrap_or_else(|| Err(Problem::internal("an item without a plan"))));
                results.push(match plan {
                    Ok(change) => PersonResult {
                        index,
                        status: if change.old.is_none() { 201 } else { 200 },
                        outcome: change.outcome(),
                        person_id: Some(change.person.row.id),
                        refusal: Refused::default(),
                    },
                    Err(problem) => PersonResult {
                        index,
                        status: problem.code().status(),
                        outcome: ItemOutcome::Refused,
                        person_id: None,
                        refusal: Refused::new(index, &problem),
                    },
                });
            }
            Multi::new(&PersonResults { results })
        })
        .await
}
