//! The operations on versions of policies.

use std::collections::HashSet;

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::{Validate, ValidationError};

use super::rows::{self, PolicyVersionRow, Sight};
use super::rules::{self, PolicyVersionAction, PolicyVersionState};
use crate::access::caller::Caller;
use crate::access::permissions::{DraftPolicy, PublishPolicy, ReadPolicies};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PersonId, PolicyId, PolicyVersionId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid, present_objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Patch, Prose, present};
use crate::page::{Page, Window};
use crate::policy::required::PolicyKind;
use crate::policy::text::{self, PolicyClause};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::policies;
use crate::resources::publications::touch;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_policy_versions)
        .service(draft_policy_version)
        .service(find_policy_version)
        .service(edit_policy_version)
        .service(submit_policy_version)
        .service(return_policy_version)
        .service(publish_policy_version)
        .service(withdraw_policy_version);
}

/// A version of a policy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d3", "policy_id": "0198a4b2-6f00-7000-8000-0000000000d1", "number": 2, "state": "in_review",
    "allowed_actions": ["return", "publish", "withdraw"], "minor": false, "change_summary": "Says who answers at weekends.",
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    "based_on_version_id": "0198a4b2-6f00-7000-8000-0000000000d2",
    "clauses": [{ "id": "MON-1", "title": "Accounts are monitored", "text": "School accounts must be monitored every day." }],
    "drafted_by": "0198a4b2-6f00-7000-8000-000000000003",
    "version": 2, "created_at": "2026-01-13T09:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct PolicyVersion {
    pub id: PolicyVersionId,
    pub policy_id: PolicyId,
    /// 1 for the policy's first version.
    #[schema(minimum = 1)]
    pub number: i32,
    pub state: PolicyVersionState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<PolicyVersionAction>,
    /// Keeps what people have acknowledged of the version before.
    pub minor: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub change_summary: Option<String>,
    /// SHA-256, in hexadecimal, of the clauses as JSON without spaces: what an acknowledgement names.
    #[schema(min_length = 64, max_length = 64)]
    pub content_hash: String,
    /// The version that was in force when this one was drafted: it has to be still when this one is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub based_on_version_id: Option<PolicyVersionId>,
    /// Once it is published: whoever acknowledged the version of this number, or one after it, need not again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, nullable = false)]
    pub acknowledged_from: Option<i32>,
    /// The text; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200, nullable = false)]
    pub clauses: Option<Vec<PolicyClause>>,
    /// Absent where the policy came with the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub drafted_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub published_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub published_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type PolicyVersionPage = Page<PolicyVersion>;

impl Resource for PolicyVersion {
    fn location(&self) -> String {
        format!("/v1/policy-versions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// One clause of a draft.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicyClause {
    /// By which the clause is cited, like `MON-2` or `4.1`; unique in the version.
    #[validate(custom(function = "clause_id"))]
    #[schema(min_length = 1, max_length = 20, pattern = "^[A-Za-z0-9]+([.-][A-Za-z0-9]+)*$")]
    pub id: String,
    #[validate(nested)]
    #[schema(inline)]
    pub title: Line<200>,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<5000>,
}

fn clause_id(id: &str) -> Result<(), ValidationError> {
    let sound =
        id.len() <= 20 && id.split(['.', '-']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let wrong = || ValidationError::new("not_a_clause_id").with_message("Must be letters and digits, parted by dots or hyphens.".into());
    if sound { Ok(()) } else { Err(wrong()) }
}

/// A new draft. Without clauses it starts with those of the version in force.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "change_summary": "Says who answers at weekends." }))]
pub struct NewPolicyVersion {
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(max = 200), nested)]
    #[schema(max_items = 200, nullable = false)]
    pub clauses: Option<Vec<NewPolicyClause>>,
    /// Keeps what people have acknowledged of the version before.
    #[serde(default)]
    pub minor: bool,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub change_summary: Option<Prose<2000>>,
}

/// Changes to a draft (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "clauses": [{ "id": "MON-1", "title": "Accounts are monitored", "text": "School accounts must be monitored every day." }] }))]
pub struct PolicyVersionPatch {
    /// All of them: replaces the ones on file.
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(max = 200), nested)]
    #[schema(max_items = 200, nullable = false)]
    pub clauses: Option<Vec<NewPolicyClause>>,
    /// Keeps what people have acknowledged of the version before.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub minor: Option<bool>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub change_summary: Patch<Prose<2000>>,
}

/// Which versions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PolicyVersionQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<PolicyVersionState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// Who drafts sees drafts; everyone else sees what is or was in force.
pub fn sight<P>(me: &Caller<P>) -> Sight {
    if me.may::<DraftPolicy>() { Sight::All } else { Sight::Published }
}

fn held<P>(me: &Caller<P>) -> impl Fn(PolicyVersionAction) -> bool {
    let (drafts, publishes) = (me.may::<DraftPolicy>(), me.may::<PublishPolicy>());
    move |action| if action == PolicyVersionAction::Publish { publishes } else { drafts }
}

fn view<P>(me: &Caller<P>, row: PolicyVersionRow, clauses: Option<Vec<PolicyClause>>) -> PolicyVersion {
    PolicyVersion {
        id: row.id,
        policy_id: row.policy_id,
        number: row.number,
        state: row.state,
        allowed_actions: rules::allowed(row.state, held(me)),
        minor: row.minor,
        change_summary: row.change_summary,
        content_hash: row.content_hash,
        based_on_version_id: row.based_on_version_id,
        acknowledged_from: row.acknowledged_from,
        clauses,
        drafted_by: row.drafted_by,
        published_at: row.published_at,
        published_by: row.published_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn whole<P>(me: &Caller<P>, version: rows::PolicyVersion) -> Result<PolicyVersion, Problem> {
    let clauses = serde_json::from_str(&version.clauses).map_err(Problem::internal)?;
    Ok(view(me, version.row, Some(clauses)))
}

/// The clauses in canonical form; each id stands once.
fn written(clauses: Vec<NewPolicyClause>) -> Result<String, Problem> {
    let mut ids = HashSet::new();
    let twice = |(index, clause): (usize, &NewPolicyClause)| {
        let error = || FieldError::new(format!("/clauses/{index}/id"), "duplicate", "This id stands twice.");
        (!ids.insert(clause.id.clone())).then(error)
    };
    let errors: Vec<FieldError> = clauses.iter().enumerate().filter_map(twice).collect();
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    let clause = |new: NewPolicyClause| PolicyClause { id: new.id, title: new.title.into_inner(), text: new.text.into_inner() };
    let clauses: Vec<PolicyClause> = clauses.into_iter().map(clause).collect();
    text::canonical(&clauses).map_err(Problem::internal)
}

/// Finds the version, checks that the caller may take the action on the one that was read, changes it, stores it and
/// records what happened: the way of every decision here.
fn change<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    id: PolicyVersionId,
    seen: &IfMatch,
    action: PolicyVersionAction,
    apply: impl FnOnce(&mut Conn, &mut rows::PolicyVersion) -> Result<Vec<Event>, Problem>,
) -> Result<Versioned<PolicyVersion>, Problem> {
    let mut version = rows::find(tx, me.school(), sight(me), id)?;
    rules::check(action, version.row.state, held(me))?;
    seen.check(version.row.version)?;
    let happened = apply(tx, &mut version)?;
    rows::save(tx, &mut version.row, me.now())?;
    events::record_all(tx, me, happened)?;
    Versioned::new(&whole(me, version)?)
}

/// Moves a version into another state.
fn moved(version: &mut rows::PolicyVersion, state: PolicyVersionState, event: EventType) -> Vec<Event> {
    version.row.state = state;
    vec![happened(event, &version.row)]
}

fn happened(event: EventType, row: &PolicyVersionRow) -> Event {
    Event::new(event, row.id.uuid()).state(row.state).related("policy_id", row.policy_id.uuid())
}

/// List the versions of a policy.
///
/// The first one first, without their texts. Who may draft sees all; everyone else sees those that are or were in
/// force (R-HT-2).
#[utoipa::path(tag = "policies", security(("oauth2" = [ReadPolicies])), params(PolicyVersionQuery),
    responses((status = 200, description = "One page.", body = PolicyVersionPage), Fails<404>))]
#[get("/v1/policies/{id}/versions")]
async fn list_policy_versions(
    caller: Caller<ReadPolicies>,
    id: Path<PolicyId>,
    query: Query<PolicyVersionQuery>,
) -> Result<Plain<Page<PolicyVersion>>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("policy-versions", *id, &query.0))?;
    let (policy, states) = (*id, query.state.clone());
    let page = caller
        .read(move |conn, me| {
            policies::rows::find(conn, me.school(), policy)?;
            let rows = rows::list(conn, me.school(), sight(me), policy, &states, &window)?;
            Ok(window.page(rows, |row| row.number, |row| view(me, row, None)))
        })
        .await?;
    Plain::page(&page, &format!("/v1/policies/{id}/versions"), &query.0, query.limit)
}

/// Draft a version of a policy (R-HT-2).
///
/// Without clauses it starts as a copy of the version in force.
#[utoipa::path(tag = "policies", security(("oauth2" = [DraftPolicy])), request_body = NewPolicyVersion,
    responses((status = 201, description = "Drafted.", body = PolicyVersion), Fails<404>))]
#[post("/v1/policies/{id}/versions")]
async fn draft_policy_version(
    caller: Caller<DraftPolicy>,
    id: Path<PolicyId>,
    new: Valid<NewPolicyVersion>,
) -> Result<Created<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            let (new, policy) = (new.into_inner(), policies::rows::find(tx, me.school(), *id)?);
            let in_force = rows::in_force(tx, me.school(), policy.id)?;
            let clauses = match (new.clauses, &in_force) {
                (Some(clauses), _) => written(clauses)?,
                (None, Some(in_force)) => rows::text(tx, in_force)?,
                (None, None) => written(Vec::new())?,
            };
            let row = PolicyVersionRow {
                school_id: me.school(),
                id: PolicyVersionId::new(),
                policy_id: policy.id,
                number: rows::next_number(tx, me.school(), policy.id)?,
                state: PolicyVersionState::Draft,
                minor: new.minor,
                change_summary: new.change_summary.map(Prose::into_inner),
                content_hash: text::content_hash(&clauses),
                based_on_version_id: in_force.map(|row| row.id),
                acknowledged_from: None,
                drafted_by: me.person(),
                published_at: None,
                published_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            let version = rows::PolicyVersion { row, clauses };
            rows::insert(tx, &version)?;
            events::record(tx, me, happened(EventType::PolicyVersionDrafted, &version.row))?;
            Created::new(&whole(me, version)?)
        })
        .await
}

/// Find a version of a policy.
///
/// Superseded versions stay readable (R-HT-2); drafts are shown to those who may draft.
#[utoipa::path(tag = "policies", security(("oauth2" = [ReadPolicies])),
    responses((status = 200, description = "The version.", body = PolicyVersion), Fails<404>))]
#[get("/v1/policy-versions/{id}")]
async fn find_policy_version(caller: Caller<ReadPolicies>, id: Path<PolicyVersionId>) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .read(move |conn, me| {
            let version = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&whole(me, version)?)
        })
        .await
}

/// Edit a draft of a policy (R-HT-2).
#[utoipa::path(tag = "policies", security(("oauth2" = [DraftPolicy])), params(IfMatchHeader), request_body = PolicyVersionPatch,
    responses((status = 200, description = "Edited.", body = PolicyVersion), Fails<404, 409, 412, 428>))]
#[patch("/v1/policy-versions/{id}")]
async fn edit_policy_version(
    caller: Caller<DraftPolicy>,
    id: Path<PolicyVersionId>,
    seen: IfMatch,
    patch: Valid<PolicyVersionPatch>,
) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, PolicyVersionAction::Edit, |tx, version| {
                let (before, patch) = (version.row.clone(), patch.into_inner());
                if let Some(clauses) = patch.clauses {
                    version.clauses = written(clauses)?;
                    version.row.content_hash = text::content_hash(&version.clauses);
                    rows::save_text(tx, version)?;
                }
                let row = &mut version.row;
                row.minor = patch.minor.unwrap_or(row.minor);
                row.change_summary = patch.change_summary.map(Prose::into_inner).apply(row.change_summary.take());
                let changed = [
                    ("clauses", before.content_hash != row.content_hash),
                    ("minor", before.minor != row.minor),
                    ("change_summary", before.change_summary != row.change_summary),
                ];
                Ok(vec![happened(EventType::PolicyVersionEdited, row).changed(changed)])
            })
        })
        .await
}

/// Submit a draft of a policy for review (R-HT-2).
#[utoipa::path(tag = "policies", security(("oauth2" = [DraftPolicy])), params(IfMatchHeader),
    responses((status = 200, description = "In review.", body = PolicyVersion), Fails<404, 409, 412, 428>))]
#[post("/v1/policy-versions/{id}/submit")]
async fn submit_policy_version(
    caller: Caller<DraftPolicy>,
    id: Path<PolicyVersionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, PolicyVersionAction::Submit, |_, version| {
                Ok(moved(version, PolicyVersionState::InReview, EventType::PolicyVersionSubmitted))
            })
        })
        .await
}

/// Return a version of a policy to draft (R-HT-2).
#[utoipa::path(tag = "policies", security(("oauth2" = [DraftPolicy])), params(IfMatchHeader),
    responses((status = 200, description = "A draft again.", body = PolicyVersion), Fails<404, 409, 412, 428>))]
#[post("/v1/policy-versions/{id}/return")]
async fn return_policy_version(
    caller: Caller<DraftPolicy>,
    id: Path<PolicyVersionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, PolicyVersionAction::Return, |_, version| {
                Ok(moved(version, PolicyVersionState::Draft, EventType::PolicyVersionReturned))
            })
        })
        .await
}

/// Publish a version of a policy (R-HT-2).
///
/// Only the headteacher does, or a delegate on record. The version has clauses, and was drafted from the one in
/// force, which it supersedes. Unless it is a minor one, everyone has to acknowledge it anew (R-ST-1, ELIG-1).
#[utoipa::path(tag = "policies", security(("oauth2" = [PublishPolicy])), params(IfMatchHeader),
    responses((status = 200, description = "In force.", body = PolicyVersion), Fails<404, 409, 412, 428>))]
#[post("/v1/policy-versions/{id}/publish")]
async fn publish_policy_version(
    caller: Caller<PublishPolicy>,
    id: Path<PolicyVersionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, PolicyVersionAction::Publish, |tx, version| {
                let row = &mut version.row;
                let in_force = rows::in_force(tx, row.school_id, row.policy_id)?;
                let empty = version.clauses == written(Vec::new())?;
                rules::publishable(empty, row.based_on_version_id, in_force.as_ref().map(|row| row.id))?;
                let kept = in_force.as_ref().and_then(|row| row.acknowledged_from);
                row.acknowledged_from = Some(rules::acknowledged_from(row.number, row.minor, kept));
                (row.published_at, row.published_by) = (Some(me.now()), me.person());
                let mut happened_now = moved(version, PolicyVersionState::Published, EventType::PolicyVersionPublished);
                if let Some(mut old) = in_force {
                    old.state = PolicyVersionState::Superseded;
                    rows::save(tx, &mut old, me.now())?;
                    happened_now.push(happened(EventType::PolicyVersionSuperseded, &old));
                }
                // The policy shows which of its versions is in force.
                let mut policy = policies::rows::find(tx, me.school(), version.row.policy_id)?;
                policies::rows::save(tx, &mut policy, me.now())?;
                // A16: what was cleared was cleared under the version before.
                if matches!(policy.kind, PolicyKind::SocialMedia | PolicyKind::Images) && !version.row.minor {
                    touch::revoke_on(tx, me.school(), None, me.now())?;
                }
                Ok(happened_now)
            })
        })
        .await
}

/// Withdraw a draft of a policy, or a version in review (R-HT-2).
///
/// It stays on file.
#[utoipa::path(tag = "policies", security(("oauth2" = [DraftPolicy])), params(IfMatchHeader),
    responses((status = 200, description = "Withdrawn.", body = PolicyVersion), Fails<404, 409, 412, 428>))]
#[post("/v1/policy-versions/{id}/withdraw")]
async fn withdraw_policy_version(
    caller: Caller<DraftPolicy>,
    id: Path<PolicyVersionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<PolicyVersion>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, PolicyVersionAction::Withdraw, |_, version| {
                Ok(moved(version, PolicyVersionState::Withdrawn, EventType::PolicyVersionWithdrawn))
            })
        })
        .await
}
