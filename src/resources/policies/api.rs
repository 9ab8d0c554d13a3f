//! The operations on policies.

use std::collections::HashMap;

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, PolicyRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManagePolicies, ReadPolicies};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PolicyId, PolicyVersionId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, present};
use crate::page::{Page, paged};
use crate::policy::required::{PolicyKind, depends_soundly};
use crate::problem::{Code, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_policies).service(create_policy).service(find_policy).service(edit_policy);
}

/// A policy of the school; its text stands in its versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "kind": "social_media", "title": "Social Media Policy",
    "depends_on": ["aup_parent", "aup_staff", "e_safety"], "published_version_id": "0198a4b2-6f00-7000-8000-0000000000d2",
    "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct Policy {
    pub id: PolicyId,
    pub kind: PolicyKind,
    #[schema(max_length = 200)]
    pub title: String,
    /// What it is subject to (CTX-3): whoever has to acknowledge this policy has to acknowledge those too, as far as
    /// they are published and meant for them.
    #[schema(max_items = 10)]
    pub depends_on: Vec<PolicyKind>,
    /// The version in force; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub published_version_id: Option<PolicyVersionId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type PolicyPage = Page<Policy>;

impl Resource for Policy {
    fn location(&self) -> String {
        format!("/v1/policies/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new policy. Its text comes with its first version.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "e_safety", "title": "E-Safety Policy", "depends_on": ["data_protection"] }))]
pub struct NewPolicy {
    pub kind: PolicyKind,
    #[validate(nested)]
    #[schema(inline)]
    pub title: Line<200>,
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub depends_on: Vec<PolicyKind>,
}

/// Changes to a policy (a merge patch: absent keeps).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "depends_on": ["e_safety", "aup_staff"] }))]
pub struct PolicyPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub title: Option<Line<200>>,
    /// All of them: replaces the ones on file.
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 10))]
    #[schema(max_items = 10, nullable = false)]
    pub depends_on: Option<Vec<PolicyKind>>,
}

/// Which policies to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PolicyQuery {
    /// Of one of these kinds.
    #[serde(default)]
    #[validate(length(max = 10))]
    #[param(max_items = 10)]
    pub kind: Vec<PolicyKind>,
    /// Changed at or after this instant.
    #[param(nullable = false)]
    pub updated_since: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(PolicyQuery since);

fn view(row: PolicyRow, published: &HashMap<PolicyId, PolicyVersionId>) -> Policy {
    Policy {
        published_version_id: published.get(&row.id).copied(),
        depends_on: rows::kinds(&row.depends_on),
        id: row.id,
        kind: row.kind,
        title: row.title,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What a policy is to depend on, as it is stored: each kind once, and in no circle (CTX-3).
fn joined(conn: &mut Conn, school: SchoolId, kind: PolicyKind, depends_on: Vec<PolicyKind>) -> Result<String, Problem> {
    let mut all = rows::dependencies(conn, school)?;
    let mut words: Vec<&str> = depends_on.iter().map(Into::into).collect();
    words.sort_unstable();
    words.dedup();
    let words = words.join(" ");
    all.insert(kind, depends_on);
    depends_soundly(kind, &all)?;
    Ok(words)
}

/// List policies.
#[utoipa::path(tag = "policies", security(("oauth2" = [ReadPolicies])), params(PolicyQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((PolicyPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/policies")]
async fn list_policies(caller: Caller<ReadPolicies>, query: Query<PolicyQuery>, format: Format) -> Result<Listed<Policy>, Problem> {
    listed(caller, "/v1/policies", query, format, |conn, me, query, window| {
        let rows = rows::list(conn, me.school(), &query.kind, window)?;
        let ids: Vec<PolicyId> = rows.iter().map(|row| row.id).collect();
        let published = rows::published(conn, me.school(), &ids)?;
        Ok(window.page(rows, |row| row.id, |row| view(row, &published)))
    })
    .await
}

/// Set up a policy.
///
/// A school has one policy of each kind at the most. It may depend on others (CTX-3), whether they are there yet or
/// not, but not on itself.
#[utoipa::path(tag = "policies", security(("oauth2" = [ManagePolicies])), request_body = NewPolicy,
    responses((status = 201, description = "Set up.", body = Policy)))]
#[post("/v1/policies")]
async fn create_policy(caller: Caller<ManagePolicies>, new: Valid<NewPolicy>) -> Result<Created<Policy>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            if rows::dependencies(tx, me.school())?.contains_key(&new.kind) {
                return Err(Problem::new(Code::AlreadyExists).detail("The school has a policy of this kind: draft a version of it."));
            }
            let row = PolicyRow {
                school_id: me.school(),
                id: PolicyId::new(),
                kind: new.kind,
                title: new.title.into_inner(),
                depends_on: joined(tx, me.school(), new.kind, new.depends_on)?,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::PolicyCreated, row.id.uuid()))?;
            Created::new(&view(row, &HashMap::new()))
        })
        .await
}

/// Find a policy.
#[utoipa::path(tag = "policies", security(("oauth2" = [ReadPolicies])),
    responses((status = 200, description = "The policy.", body = Policy), Fails<404>))]
#[get("/v1/policies/{id}")]
async fn find_policy(caller: Caller<ReadPolicies>, id: Path<PolicyId>) -> Result<Versioned<Policy>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), *id)?;
            let published = rows::published(conn, me.school(), &[*id])?;
            Versioned::new(&view(row, &published))
        })
        .await
}

/// Edit a policy.
///
/// Its title and what it depends on (CTX-3); its text changes by a new version.
#[utoipa::path(tag = "policies", security(("oauth2" = [ManagePolicies])), params(IfMatchHeader), request_body = PolicyPatch,
    responses((status = 200, description = "Edited.", body = Policy), Fails<404, 412, 422, 428>))]
#[patch("/v1/policies/{id}")]
async fn edit_policy(
    caller: Caller<ManagePolicies>,
    id: Path<PolicyId>,
    seen: IfMatch,
    patch: Valid<PolicyPatch>,
) -> Result<Versioned<Policy>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), *id)?;
            seen.check(row.version)?;
            let (before, patch) = (row.clone(), patch.into_inner());
            if let Some(title) = patch.title {
                row.title = title.into_inner();
            }
            if let Some(depends_on) = patch.depends_on {
                row.depends_on = joined(tx, me.school(), row.kind, depends_on)?;
            }
            let changed = [("title", before.title != row.title), ("depends_on", before.depends_on != row.depends_on)];
            if changed.iter().any(|(_, changed)| *changed) {
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::PolicyChanged, id.uuid()).changed(changed))?;
            }
            let published = rows::published(tx, me.school(), &[*id])?;
            Versioned::new(&view(row, &published))
        })
        .await
}
