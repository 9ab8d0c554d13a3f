//! The operations on business cases.

use std::collections::{BTreeSet, HashSet};

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, BusinessCaseRow, Filter, Manager, Sight};
use super::rules::{self, BusinessCaseAction, BusinessCaseState, Standing};
use crate::access::caller::Caller;
use crate::access::permissions::{ApproveBusinessCase, ProposeBusinessCase, ReadBusinessCases};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{BusinessCaseId, PersonId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid, objects, present_objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, Patch, Prose, present};
use crate::page::{Page, paged};
use crate::policy::conflict::{Decision, Informed};
use crate::policy::platforms::{Audience, Platform, Visibility};
use crate::policy::roles::{Role, is_staff};
use crate::policy::team;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::{incidents, notifications, people, schools};
use crate::words::joined;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_business_cases)
        .service(draft_business_case)
        .service(find_business_case)
        .service(edit_business_case)
        .service(submit_business_case)
        .service(withdraw_business_case)
        .service(request_business_case_changes)
        .service(approve_business_case)
        .service(reject_business_case);
}

/// A business case: what has to be approved before an account exists.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-000000000001", "state": "submitted", "allowed_actions": ["request_changes", "approve", "reject"],
    "name": "Friends of Weald", "platform": "facebook", "aim": "Tell families what happens at school.", "audiences": ["parents"],
    "direct_messages_enabled": false, "promotion_plan": "In the newsletter.", "visibility": "closed",
    "managers": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "lead": true }, { "person_id": "0198a4b2-6f00-7000-8000-000000000003", "lead": false }],
    "proposer_id": "0198a4b2-6f00-7000-8000-000000000002", "submitted_at": "2026-01-14T10:00:00Z",
    "version": 2, "created_at": "2026-01-13T09:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct BusinessCase {
    pub id: BusinessCaseId,
    pub state: BusinessCaseState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<BusinessCaseAction>,
    #[schema(max_length = 100)]
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub platform: Option<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    /// What the account is for (BC-1).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub aim: Option<String>,
    /// Whom it is for (BC-2).
    #[schema(max_items = 7)]
    pub audiences: Vec<Audience>,
    pub direct_messages_enabled: bool,
    /// How people will hear of it (BC-3).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub promotion_plan: Option<String>,
    /// Who can see it (BC-5).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visibility: Option<Visibility>,
    /// Who will run it (BC-4).
    #[schema(max_items = 20)]
    pub managers: Vec<NamedManager>,
    pub proposer_id: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub submitted_at: Option<Instant>,
    /// Who submitted it: like the proposer, they do not decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub submitted_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub decision_reason: Option<String>,
    /// When the approval lapses, unused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lapses_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type BusinessCasePage = Page<BusinessCase>;

/// Somebody named to run an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedManager {
    pub person_id: PersonId,
    /// Leads the account; exactly one does.
    #[serde(default)]
    pub lead: bool,
}

impl From<Manager> for NamedManager {
    fn from(Manager { person_id, lead }: Manager) -> Self {
        Self { person_id, lead }
    }
}

impl Resource for BusinessCase {
    fn location(&self) -> String {
        format!("/v1/business-cases/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new business case. Only its name is needed at first; submitting asks for the rest.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Friends of Weald", "platform": "facebook", "aim": "Tell families what happens at school.", "audiences": ["parents"],
    "promotion_plan": "In the newsletter.", "visibility": "closed"
}))]
pub struct NewBusinessCase {
    #[validate(nested)]
    #[schema(inline)]
    pub name: Line<100>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub platform: Option<Platform>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub platform_other_name: Option<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub aim: Option<Prose<2000>>,
    #[serde(default)]
    #[validate(length(max = 7))]
    #[schema(max_items = 7)]
    pub audiences: Vec<Audience>,
    #[serde(default)]
    pub direct_messages_enabled: bool,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub promotion_plan: Option<Prose<2000>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub visibility: Option<Visibility>,
    #[serde(default, deserialize_with = "objects")]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub managers: Vec<NamedManager>,
}

/// Changes to a business case (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "visibility": "closed" }))]
pub struct BusinessCasePatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub name: Option<Line<100>>,
    #[serde(default)]
    #[schema(inline)]
    pub platform: Patch<Platform>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub platform_other_name: Patch<Line<100>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub aim: Patch<Prose<2000>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 7))]
    #[schema(max_items = 7, nullable = false)]
    pub audiences: Option<Vec<Audience>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub direct_messages_enabled: Option<bool>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub promotion_plan: Patch<Prose<2000>>,
    #[serde(default)]
    #[schema(inline)]
    pub visibility: Patch<Visibility>,
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(max = 20))]
    #[schema(max_items = 20, nullable = false)]
    pub managers: Option<Vec<NamedManager>>,
}

/// Why a case goes back or is rejected.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Please name a second member of staff." }))]
pub struct DecisionReason {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// An approval; it may say why.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "A good way to reach families." }))]
pub struct Approval {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub reason: Option<Prose<2000>>,
}

/// Which business cases to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BusinessCaseQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 8))]
    #[param(max_items = 8)]
    pub state: Vec<BusinessCaseState>,
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

paged!(BusinessCaseQuery);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() && !me.has_role(Role::ChairOfGovernors) => Sight::Own(person),
        // A service, if one could read cases, would have drafted none of them.
        person => Sight::Staff(person.unwrap_or_default()),
    }
}

fn standing<P>(me: &Caller<P>, case: &rows::BusinessCase, heads: &HashSet<PersonId>) -> Standing {
    let has_part = me.person().is_some_and(|person| case.has_part(person));
    Standing {
        may_propose: me.may::<ProposeBusinessCase>(),
        may_decide: me.may::<ApproveBusinessCase>(),
        has_part,
        is_staff: is_staff(me.roles()),
        decision: Decision {
            own_case: has_part,
            heads_own: heads.iter().any(|head| case.has_part(*head)),
            acts_as_head: me.acts_as_head(),
            independent_delegate: me.delegated_by().iter().any(|granter| !case.has_part(*granter)),
            is_chair: me.has_role(Role::ChairOfGovernors),
        },
    }
}

fn view<P>(me: &Caller<P>, case: rows::BusinessCase, heads: &HashSet<PersonId>) -> BusinessCase {
    let allowed_actions = rules::allowed(&case, standing(me, &case, heads));
    let audiences = case.row.audiences();
    let rows::BusinessCase { row, managers, .. } = case;
    BusinessCase {
        id: row.id,
        state: row.state,
        allowed_actions,
        name: row.name,
        platform: row.platform,
        platform_other_name: row.platform_other_name,
        aim: row.aim,
        audiences,
        direct_messages_enabled: row.direct_messages_enabled,
        promotion_plan: row.promotion_plan,
        visibility: row.visibility,
        managers: managers.into_iter().map(NamedManager::from).collect(),
        proposer_id: row.proposer_id,
        submitted_at: row.submitted_at,
        submitted_by: row.submitted_by,
        decided_at: row.decided_at,
        decided_by: row.decided_by,
        decision_reason: row.decision_reason,
        lapses_at: row.lapses_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Finds the case, checks that the caller may take the action on the version that was read, changes it, stores
/// it and records what happened: the way of every decision here.
fn change<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    id: BusinessCaseId,
    seen: &IfMatch,
    action: BusinessCaseAction,
    apply: impl FnOnce(&mut Conn, &mut rows::BusinessCase) -> Result<Event, Problem>,
) -> Result<Versioned<BusinessCase>, Problem> {
    let mut case = rows::find(tx, me.school(), sight(me), id)?;
    let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
    rules::check(action, &case, standing(me, &case, &heads))?;
    seen.check(case.row.version)?;
    let event = apply(tx, &mut case)?;
    // What changes nothing leaves no trace.
    if action == BusinessCaseAction::Edit && event.data.changed.is_empty() {
        return Versioned::new(&view(me, case, &heads));
    }
    if let (BusinessCaseAction::Edit | BusinessCaseAction::Submit, Some(person)) = (action, me.person()) {
        rows::take_part(tx, &mut case, person)?;
    }
    rows::save(tx, &mut case, me.now())?;
    let told = told(tx, me, &case, action, &heads)?;
    notifications::rows::notify(tx, me.school(), &told, event.kind, case.row.id.uuid(), me.now())?;
    events::record(tx, me, event)?;
    Versioned::new(&view(me, case, &heads))
}

/// Whoever decides is told of a submission (R-HT-5, A11), and whoever had a part in the case of the decision.
fn told<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    case: &rows::BusinessCase,
    action: BusinessCaseAction,
    heads: &HashSet<PersonId>,
) -> Result<Vec<PersonId>, Problem> {
    use BusinessCaseAction::{Approve, Edit, Reject, RequestChanges, Submit, Withdraw};
    Ok(match action {
        Submit => {
            let decides = if heads.iter().any(|head| case.has_part(*head)) { Informed::ChairOfGovernors } else { Informed::Headteacher };
            incidents::rows::people_of(tx, me.school(), &BTreeSet::from([decides]), me.today())?
        }
        Approve | Reject | RequestChanges => {
            let managers = case.managers.iter().map(|manager| manager.person_id);
            case.contributors.iter().copied().chain(managers).filter(|person| Some(*person) != me.person()).collect()
        }
        Edit | Withdraw => Vec::new(),
    })
}

fn decide(row: &mut BusinessCaseRow, state: BusinessCaseState, by: Option<PersonId>, at: Instant, reason: Option<String>) {
    row.state = state;
    row.decided_at = Some(at);
    row.decided_by = by;
    row.decision_reason = reason;
}

/// The decision before is no decision on what the case is now.
fn undecide(row: &mut BusinessCaseRow) {
    (row.decided_at, row.decided_by, row.decision_reason, row.lapses_at) = (None, None, None, None);
}

/// Names each person once and people of this school only; how many and who is asked elsewhere.
///
/// # Errors
/// 422 with a pointer to each name that is unknown, or BC-4.
pub fn named(tx: &mut Conn, school: SchoolId, managers: &[NamedManager]) -> Result<Vec<Manager>, Problem> {
    let known = people::rows::known(tx, school, &managers.iter().map(|manager| manager.person_id).collect::<Vec<_>>())?;
    let unknown = managers.iter().enumerate().filter(|(_, manager)| !known.contains(&manager.person_id));
    let errors: Vec<FieldError> = unknown
        .map(|(index, _)| FieldError::new(format!("/managers/{index}/person_id"), "unknown", "There is no such person for this caller."))
        .collect();
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    team::distinct(managers.iter().map(|manager| manager.person_id))?;
    let mut named: Vec<Manager> = managers.iter().map(|manager| Manager { person_id: manager.person_id, lead: manager.lead }).collect();
    // As they are read back.
    named.sort_unstable_by_key(|manager| (!manager.lead, manager.person_id));
    Ok(named)
}

/// List business cases.
///
/// Oldest first. Staff see all but what other members of staff have not submitted (BC-0);
/// parents and volunteers see what they proposed or are named in.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ReadBusinessCases])), params(BusinessCaseQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((BusinessCasePage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/business-cases")]
async fn list_business_cases(
    caller: Caller<ReadBusinessCases>,
    query: Query<BusinessCaseQuery>,
    format: Format,
) -> Result<Listed<BusinessCase>, Problem> {
    listed(caller, "/v1/business-cases", query, format, |conn, me, query, window| {
        let filter = Filter { states: query.state.clone(), updated_since: query.updated_since };
        let cases = rows::list(conn, me.school(), sight(me), &filter, window)?;
        let heads = people::rows::holding(conn, me.school(), Role::Headteacher)?;
        Ok(window.page(cases, |case| case.row.id, |case| view(me, case, &heads)))
    })
    .await
}

/// Draft a business case.
///
/// Anyone in the school community but pupils may propose an account (BC-0). A draft needs only a name.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ProposeBusinessCase])), request_body = NewBusinessCase,
    responses((status = 201, description = "Drafted.", body = BusinessCase)))]
#[post("/v1/business-cases")]
async fn draft_business_case(caller: Caller<ProposeBusinessCase>, new: Valid<NewBusinessCase>) -> Result<Created<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let proposer_id = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            let managers = named(tx, me.school(), &new.managers)?;
            let mut case = rows::BusinessCase {
                row: BusinessCaseRow {
                    school_id: me.school(),
                    id: BusinessCaseId::new(),
                    state: BusinessCaseState::Draft,
                    proposer_id,
                    community: !is_staff(me.roles()),
                    name: new.name.into_inner(),
                    platform: new.platform,
                    platform_other_name: new.platform_other_name.map(Line::into_inner),
                    aim: new.aim.map(Prose::into_inner),
                    audiences: joined(&new.audiences),
                    direct_messages_enabled: new.direct_messages_enabled,
                    promotion_plan: new.promotion_plan.map(Prose::into_inner),
                    visibility: new.visibility,
                    submitted_at: None,
                    submitted_by: None,
                    decided_at: None,
                    decided_by: None,
                    decision_reason: None,
                    lapses_at: None,
                    version: 1,
                    created_at: me.now(),
                    updated_at: me.now(),
                },
                managers,
                contributors: Vec::new(),
            };
            rows::insert(tx, &case)?;
            rows::take_part(tx, &mut case, proposer_id)?;
            events::record(tx, me, Event::new(EventType::BusinessCaseDrafted, case.row.id.uuid()).state(case.row.state))?;
            let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
            Created::new(&view(me, case, &heads))
        })
        .await
}

/// Find a business case.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ReadBusinessCases])),
    responses((status = 200, description = "The case.", body = BusinessCase), Fails<404>))]
#[get("/v1/business-cases/{id}")]
async fn find_business_case(caller: Caller<ReadBusinessCases>, id: Path<BusinessCaseId>) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .read(move |conn, me| {
            let case = rows::find(conn, me.school(), sight(me), *id)?;
            let heads = people::rows::holding(conn, me.school(), Role::Headteacher)?;
            Versioned::new(&view(me, case, &heads))
        })
        .await
}

/// Edit a business case.
///
/// An edit of a submitted case must leave it complete (BC-1 to BC-5); an edit of an approved case undoes the
/// approval (R-HT-5): it waits to be decided again.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ProposeBusinessCase])), params(IfMatchHeader), request_body = BusinessCasePatch,
    responses((status = 200, description = "Edited.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[patch("/v1/business-cases/{id}")]
async fn edit_business_case(
    caller: Caller<ProposeBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    patch: Valid<BusinessCasePatch>,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::Edit, |tx, case| {
                let changed = edit(tx, case, patch.into_inner())?;
                if case.row.state == BusinessCaseState::Approved && changed.iter().any(|(_, changed)| *changed) {
                    case.row.state = BusinessCaseState::Submitted;
                    undecide(&mut case.row);
                }
                if case.row.state == BusinessCaseState::Submitted {
                    rules::complete(case, &people::rows::members(tx, me, &case.managers)?)?;
                }
                Ok(Event::new(EventType::BusinessCaseEdited, case.row.id.uuid()).state(case.row.state).changed(changed))
            })
        })
        .await
}

fn edit(tx: &mut Conn, case: &mut rows::BusinessCase, patch: BusinessCasePatch) -> Result<[(&'static str, bool); 9], Problem> {
    let before = case.clone();
    if let Some(managers) = patch.managers {
        case.managers = named(tx, case.row.school_id, &managers)?;
        if case.managers != before.managers {
            rows::replace_managers(tx, case)?;
        }
    }
    let row = &mut case.row;
    if let Some(name) = patch.name {
        row.name = name.into_inner();
    }
    if let Some(audiences) = patch.audiences {
        row.audiences = joined(&audiences);
    }
    row.direct_messages_enabled = patch.direct_messages_enabled.unwrap_or(row.direct_messages_enabled);
    row.platform = patch.platform.apply(row.platform.take());
    row.platform_other_name = patch.platform_other_name.map(Line::into_inner).apply(row.platform_other_name.take());
    row.aim = patch.aim.map(Prose::into_inner).apply(row.aim.take());
    row.promotion_plan = patch.promotion_plan.map(Prose::into_inner).apply(row.promotion_plan.take());
    row.visibility = patch.visibility.apply(row.visibility.take());
    let old = before.row;
    let fields = [
        ("name", old.name != row.name),
        ("platform", old.platform != row.platform),
        ("platform_other_name", old.platform_other_name != row.platform_other_name),
        ("aim", old.aim != row.aim),
        ("audiences", old.audiences != row.audiences),
        ("direct_messages_enabled", old.direct_messages_enabled != row.direct_messages_enabled),
        ("promotion_plan", old.promotion_plan != row.promotion_plan),
        ("visibility", old.visibility != row.visibility),
        ("managers", before.managers != case.managers),
    ];
    Ok(fields)
}

/// Submit a business case to the headteacher.
///
/// Asks for all five points at once: aim (BC-1), audience (BC-2), promotion (BC-3), at least two members of staff
/// and one lead (BC-4), open or closed (BC-5). Pupils in the audience and direct messages exclude each other
/// (SC-8).
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ProposeBusinessCase])), params(IfMatchHeader),
    responses((status = 200, description = "Submitted.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[post("/v1/business-cases/{id}/submit")]
async fn submit_business_case(
    caller: Caller<ProposeBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::Submit, |tx, case| {
                rules::complete(case, &people::rows::members(tx, me, &case.managers)?)?;
                case.row.state = BusinessCaseState::Submitted;
                undecide(&mut case.row);
                (case.row.submitted_at, case.row.submitted_by) = (Some(me.now()), me.person());
                Ok(Event::new(EventType::BusinessCaseSubmitted, case.row.id.uuid()).state(case.row.state))
            })
        })
        .await
}

/// Withdraw a business case.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ProposeBusinessCase])), params(IfMatchHeader),
    responses((status = 200, description = "Withdrawn.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[post("/v1/business-cases/{id}/withdraw")]
async fn withdraw_business_case(
    caller: Caller<ProposeBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::Withdraw, |_, case| {
                case.row.state = BusinessCaseState::Withdrawn;
                Ok(Event::new(EventType::BusinessCaseWithdrawn, case.row.id.uuid()).state(case.row.state))
            })
        })
        .await
}

/// Ask for changes to a business case (R-HT-5).
///
/// Nobody decides their own case; the headteacher's own goes to the chair of governors.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ApproveBusinessCase])), params(IfMatchHeader), request_body = DecisionReason,
    responses((status = 200, description = "Sent back.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[post("/v1/business-cases/{id}/request-changes")]
async fn request_business_case_changes(
    caller: Caller<ApproveBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    decision: Valid<DecisionReason>,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::RequestChanges, |_, case| {
                let reason = decision.into_inner().reason.into_inner();
                decide(&mut case.row, BusinessCaseState::ChangesRequested, me.person(), me.now(), Some(reason));
                Ok(Event::new(EventType::BusinessCaseChangesRequested, case.row.id.uuid()).state(case.row.state))
            })
        })
        .await
}

/// Approve a business case (R-HT-5).
///
/// Bound to the version that was read. Nobody decides their own case; the headteacher's own goes to the chair of
/// governors. What the case needs (BC-4) is asked again, for people may have left since. An approval that is not
/// used lapses after the school's number of days.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ApproveBusinessCase])), params(IfMatchHeader), request_body = Approval,
    responses((status = 200, description = "Approved.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[post("/v1/business-cases/{id}/approve")]
async fn approve_business_case(
    caller: Caller<ApproveBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    decision: Valid<Approval>,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::Approve, |tx, case| {
                rules::complete(case, &people::rows::members(tx, me, &case.managers)?)?;
                let reason = decision.into_inner().reason.map(Prose::into_inner);
                decide(&mut case.row, BusinessCaseState::Approved, me.person(), me.now(), reason);
                let days = schools::rows::find(tx, me.school())?.business_case_lapse_days;
                case.row.lapses_at = Some(rules::lapses_at(me.now(), days));
                Ok(Event::new(EventType::BusinessCaseApproved, case.row.id.uuid()).state(case.row.state))
            })
        })
        .await
}

/// Reject a business case, with a reason (R-HT-5).
///
/// Nobody decides their own case; the headteacher's own goes to the chair of governors.
#[utoipa::path(tag = "business-cases", security(("oauth2" = [ApproveBusinessCase])), params(IfMatchHeader), request_body = DecisionReason,
    responses((status = 200, description = "Rejected.", body = BusinessCase), Fails<404, 409, 412, 428>))]
#[post("/v1/business-cases/{id}/reject")]
async fn reject_business_case(
    caller: Caller<ApproveBusinessCase>,
    id: Path<BusinessCaseId>,
    seen: IfMatch,
    decision: Valid<DecisionReason>,
) -> Result<Versioned<BusinessCase>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, BusinessCaseAction::Reject, |_, case| {
                let reason = decision.into_inner().reason.into_inner();
                decide(&mut case.row, BusinessCaseState::Rejected, me.person(), me.now(), Some(reason));
                Ok(Event::new(EventType::BusinessCaseRejected, case.row.id.uuid()).state(case.row.state))
            })
        })
        .await
}
