//! The operations on acknowledgements.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, AcknowledgementRow, Filter, Sight};
use super::rules::{self, Attestation};
use crate::access::caller::Caller;
use crate::access::permissions::{AcknowledgePolicy, ReadAcknowledgements};
use crate::clock::Instant;
use crate::db::types::{AcknowledgementId, PersonId, PolicyId, PolicyVersionId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, present};
use crate::page::{Page, paged};
use crate::problem::{Code, Problem};
use crate::resources::people;
use crate::resources::policy_versions;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_acknowledgements).service(acknowledge_policy).service(find_acknowledgement);
}

/// That somebody has read and understood a version of a policy. Never changed, never removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000e1", "person_id": "0198a4b2-6f00-7000-8000-000000000002",
    "policy_id": "0198a4b2-6f00-7000-8000-0000000000d1", "policy_version_id": "0198a4b2-6f00-7000-8000-0000000000d2", "number": 1,
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "typed_name": "Ada Low",
    "acknowledged_at": "2026-01-14T10:00:00Z", "version": 1
}))]
pub struct Acknowledgement {
    pub id: AcknowledgementId,
    pub person_id: PersonId,
    pub policy_id: PolicyId,
    pub policy_version_id: PolicyVersionId,
    /// Of the version.
    #[schema(minimum = 1)]
    pub number: i32,
    /// Of the version's text.
    #[schema(min_length = 64, max_length = 64)]
    pub content_hash: String,
    #[schema(max_length = 400)]
    pub typed_name: String,
    pub acknowledged_at: Instant,
    /// Always 1.
    #[schema(minimum = 1)]
    pub version: i64,
}

type AcknowledgementPage = Page<Acknowledgement>;

impl Resource for Acknowledgement {
    fn location(&self) -> String {
        format!("/v1/acknowledgements/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// An acknowledgement in two parts: read, and understood (A14).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "policy_version_id": "0198a4b2-6f00-7000-8000-0000000000d2", "read": true, "understood": true, "typed_name": "Ada Low",
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
}))]
pub struct NewAcknowledgement {
    pub policy_version_id: PolicyVersionId,
    /// The caller; nobody acknowledges for somebody else.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    /// I have read this version.
    pub read: bool,
    /// I have understood it.
    pub understood: bool,
    /// Given name and family name of the caller.
    #[validate(nested)]
    #[schema(inline)]
    pub typed_name: Line<400>,
    /// The `content_hash` of what was read.
    #[validate(nested)]
    #[schema(inline)]
    pub content_hash: Line<64>,
}

/// Which acknowledgements to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AcknowledgementQuery {
    /// By one of these people.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub person_id: Vec<PersonId>,
    /// Of one of these policies.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub policy_id: Vec<PolicyId>,
    /// Of one of these versions.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub policy_version_id: Vec<PolicyVersionId>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(AcknowledgementQuery);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view(row: AcknowledgementRow) -> Acknowledgement {
    Acknowledgement {
        id: row.id,
        person_id: row.person_id,
        policy_id: row.policy_id,
        policy_version_id: row.policy_version_id,
        number: row.number,
        content_hash: row.content_hash,
        typed_name: row.typed_name,
        acknowledged_at: row.acknowledged_at,
        version: 1,
    }
}

/// List acknowledgements.
///
/// Oldest first, those of superseded versions too (R-ST-1). Who holds the permission for their own only sees what
/// they gave themselves.
#[utoipa::path(tag = "acknowledgements", security(("oauth2" = [ReadAcknowledgements])), params(AcknowledgementQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((AcknowledgementPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/acknowledgements")]
async fn list_acknowledgements(
    caller: Caller<ReadAcknowledgements>,
    query: Query<AcknowledgementQuery>,
    format: Format,
) -> Result<Listed<Acknowledgement>, Problem> {
    listed(caller, "/v1/acknowledgements", query, format, |conn, me, query, window| {
        let filter =
            Filter { people: query.person_id.clone(), policies: query.policy_id.clone(), versions: query.policy_version_id.clone() };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, view))
    })
    .await
}

/// Acknowledge a policy as read and understood (R-ST-1).
///
/// In person, of the version in force, signed with one's own name. Running an account asks for it (ELIG-1). Once more
/// is the same acknowledgement: 200, and nothing is written.
#[utoipa::path(tag = "acknowledgements", security(("oauth2" = [AcknowledgePolicy])), request_body = NewAcknowledgement,
    responses((status = 201, description = "Acknowledged.", body = Acknowledgement), (status = 200, description = "Acknowledged before.", body = Acknowledgement)))]
#[post("/v1/acknowledgements")]
async fn acknowledge_policy(
    caller: Caller<AcknowledgePolicy>,
    new: Valid<NewAcknowledgement>,
) -> Result<Created<Acknowledgement>, Problem> {
    caller
        .write(move |tx, me| {
            let (new, school) = (new.into_inner(), me.school());
            let person = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            rules::in_person(new.person_id.is_none_or(|named| named == person))?;
            let version = policy_versions::rows::look_up(tx, school, policy_versions::sight(me), new.policy_version_id)?
                .ok_or_else(|| Problem::invalid("/policy_version_id", "unknown", "There is no such version for this caller."))?;
            let in_force = policy_versions::rows::in_force(tx, school, version.policy_id)?;
            rules::of_force(&version, in_force.as_ref())?;
            let (typed_name, content_hash) = (new.typed_name.into_inner(), new.content_hash.into_inner());
            let attestation =
                Attestation { read: new.read, understood: new.understood, typed_name: &typed_name, content_hash: &content_hash };
            let name = people::rows::find(tx, school, people::rows::Sight::Own(person), person)?.row;
            rules::complete(attestation, &name.given_name, &name.family_name, &version.content_hash)?;
            if let Some(before) = rows::given(tx, school, person, version.id)? {
                return Ok(Created::new(&view(before))?.already_there());
            }
            let row = AcknowledgementRow {
                school_id: school,
                id: AcknowledgementId::new(),
                person_id: person,
                policy_id: version.policy_id,
                policy_version_id: version.id,
                number: version.number,
                content_hash: version.content_hash,
                typed_name,
                acknowledged_at: me.now(),
            };
            rows::insert(tx, &row)?;
            let event = Event::new(EventType::PolicyAcknowledged, row.id.uuid())
                .related("person_id", person.uuid())
                .related("policy_version_id", version.id.uuid());
            events::record(tx, me, event)?;
            Created::new(&view(row))
        })
        .await
}

/// Find an acknowledgement.
#[utoipa::path(tag = "acknowledgements", security(("oauth2" = [ReadAcknowledgements])),
    responses((status = 200, description = "The acknowledgement.", body = Acknowledgement), Fails<404>))]
#[get("/v1/acknowledgements/{id}")]
async fn find_acknowledgement(
    caller: Caller<ReadAcknowledgements>,
    id: Path<AcknowledgementId>,
) -> Result<Versioned<Acknowledgement>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(rows::find(conn, me.school(), sight(me), *id)?))).await
}
