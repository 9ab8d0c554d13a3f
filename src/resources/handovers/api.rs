//! The operations on handovers.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::moves::{complete, event, settle};
use super::rows::{self, Filter, HandoverRow};
use super::rules::{self, HandoverAction, HandoverOutcome, HandoverState};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageHandovers, ReadHandovers};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, HandoverId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Resource, Versioned};
use crate::http::text::Day;
use crate::page::{Page, paged};
use crate::policy::handover as policy;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::team::{self, Member};
use crate::problem::Problem;
use crate::resources::accounts::rows::{Account, Sight};
use crate::resources::accounts::{self, AccountReason, AccountState};
use crate::resources::business_cases::rows::Manager;
use crate::resources::{credentials, eligibility, people};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_handovers)
        .service(find_handover)
        .service(propose_successor)
        .service(confirm_rotation)
        .service(transfer_account)
        .service(close_leavers_account);
}

/// What becomes of an account of which somebody who ran it has left (R-IT-4).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f1", "account_id": "0198a4b2-6f00-7000-8000-00000000000a",
    "leaver_id": "0198a4b2-6f00-7000-8000-000000000002", "left_on": "2026-01-14", "leaver_was_lead": true, "state": "lead_proposed",
    "allowed_actions": ["propose_successor", "confirm_rotation", "close"], "successor_id": "0198a4b2-6f00-7000-8000-000000000003",
    "opened_at": "2026-01-14T09:00:00Z", "version": 2, "updated_at": "2026-01-14T11:00:00Z"
}))]
pub struct Handover {
    pub id: HandoverId,
    pub account_id: AccountId,
    pub leaver_id: PersonId,
    /// The leaver's first day away.
    pub left_on: Day,
    pub leaver_was_lead: bool,
    pub state: HandoverState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<HandoverAction>,
    /// How it ended; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<HandoverOutcome>,
    /// Who is to take, or has taken, the leaver's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub successor_id: Option<PersonId>,
    /// When the credentials were stored that took the place of those that the leaver knew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub credentials_rotated_at: Option<Instant>,
    pub opened_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub completed_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub completed_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub updated_at: Instant,
}

type HandoverPage = Page<Handover>;

impl Resource for Handover {
    fn location(&self) -> String {
        format!("/v1/handovers/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Who is to take a leaver's place.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000003" }))]
pub struct ProposedSuccessor {
    pub person_id: PersonId,
}

/// Which handovers to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HandoverQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 4))]
    #[param(max_items = 4)]
    pub state: Vec<HandoverState>,
    /// Of one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
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

paged!(HandoverQuery);

/// What this caller may see of the handovers.
fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadHandovers>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: HandoverRow) -> Handover {
    Handover {
        id: row.id,
        account_id: row.account_id,
        leaver_id: row.leaver_id,
        left_on: Day(row.left_on),
        leaver_was_lead: row.leaver_was_lead,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<ManageHandovers>()),
        outcome: row.outcome,
        successor_id: row.successor_id,
        credentials_rotated_at: row.credentials_rotated_at,
        opened_at: row.opened_at,
        completed_at: row.completed_at,
        completed_by: row.completed_by,
        version: row.version,
        updated_at: row.updated_at,
    }
}

/// The handover and its account, for an action that the state allows, on the version that was read.
fn begin<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    id: HandoverId,
    seen: &IfMatch,
    action: HandoverAction,
) -> Result<(HandoverRow, Account), Problem> {
    let row = rows::find(tx, me.school(), sight(me), id)?;
    rules::check(action, row.state)?;
    seen.check(row.version)?;
    let account = accounts::rows::find(tx, me.school(), Sight::All, row.account_id)?;
    Ok((row, account))
}

fn finish<P>(tx: &mut Conn, me: &Caller<P>, mut row: HandoverRow, kind: EventType) -> Result<Versioned<Handover>, Problem> {
    rows::save(tx, &mut row, me.now())?;
    events::record(tx, me, event(kind, &row))?;
    Versioned::new(&view(me, row))
}

/// Who takes over is an active member of staff and may run an account from now on (R-IT-4, ELIG-1): asked in the
/// transaction in which it matters.
fn check_successor<P>(tx: &mut Conn, me: &Caller<P>, person: PersonId) -> Result<(), Problem> {
    let team = people::rows::members(tx, me, &[Manager { person_id: person, lead: false }])?;
    let assessment = eligibility::rows::assess(tx, me.school(), &[person], me.now())?;
    let active_staff = team.iter().any(|member| member.active_staff);
    let mut found: Vec<Violation> = policy::cannot_succeed(active_staff, assessment.of(person).len())
        .into_iter()
        .map(|violation| violation.of(person.uuid()))
        .collect();
    found.extend(assessment.gate([person]).err().into_iter().flat_map(|refusal| refusal.violations));
    Ok(Refusal::unless_empty(Grounds::NotYet, found)?)
}

/// Somebody takes the leaver's place where somebody has to (R-IT-4, BC-4).
fn check_succeeded<P>(tx: &mut Conn, me: &Caller<P>, row: &HandoverRow, account: &Account) -> Result<(), Problem> {
    let team = people::rows::members(tx, me, &account.managers)?;
    let assessment = eligibility::rows::assess(tx, me.school(), &account.people(), me.now())?;
    let needed = policy::needs_successor(&team, row.leaver_id, |person| assessment.may_go_on(*person));
    Ok(policy::succeeded(needed, row.successor_id.is_some())?)
}

/// The leaver's credentials are replaced (R-IT-4): when, as the vault has it, never as anybody says.
fn check_rotation<P>(tx: &mut Conn, me: &Caller<P>, row: &mut HandoverRow) -> Result<(), Problem> {
    let newest = credentials::rows::newest(tx, me.school(), row.account_id)?;
    let rotation =
        newest.as_ref().map(|newest| policy::Rotation { stored_on: newest.stored_on, known_to_leaver: newest.leaver_on.is_some() });
    policy::rotated(row.left_on, rotation)?;
    row.credentials_rotated_at = newest.map(|newest| newest.stored_at);
    Ok(())
}

/// List handovers (R-IT-4).
///
/// Oldest first. Whoever runs accounts sees those of the accounts that they run.
#[utoipa::path(tag = "handovers", security(("oauth2" = [ReadHandovers])), params(HandoverQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((HandoverPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/handovers")]
async fn list_handovers(caller: Caller<ReadHandovers>, query: Query<HandoverQuery>, format: Format) -> Result<Listed<Handover>, Problem> {
    listed(caller, "/v1/handovers", query, format, |conn, me, query, window| {
        let filter = Filter { states: query.state.clone(), accounts: query.account_id.clone(), updated_since: query.updated_since };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Find a handover.
#[utoipa::path(tag = "handovers", security(("oauth2" = [ReadHandovers])),
    responses((status = 200, description = "The handover.", body = Handover), Fails<404>))]
#[get("/v1/handovers/{id}")]
async fn find_handover(caller: Caller<ReadHandovers>, id: Path<HandoverId>) -> Result<Versioned<Handover>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Propose who takes a leaver's place (R-IT-4).
///
/// An active member of staff who has acknowledged what is in force and is trained (ELIG-1): the answer names all that is
/// missing. If the leaver leads the account the successor will. Where another leaves, and two active members of staff who
/// may run the account are left (BC-4), nobody has to be proposed. Somebody else can be proposed until the account is
/// transferred; credentials that have been replaced stay so.
#[utoipa::path(tag = "handovers", security(("oauth2" = [ManageHandovers])), params(IfMatchHeader), request_body = ProposedSuccessor,
    responses((status = 200, description = "Proposed.", body = Handover), Fails<404, 409, 412, 428>))]
#[post("/v1/handovers/{id}/propose-successor")]
async fn propose_successor(
    caller: Caller<ManageHandovers>,
    id: Path<HandoverId>,
    seen: IfMatch,
    proposed: Valid<ProposedSuccessor>,
) -> Result<Versioned<Handover>, Problem> {
    caller
        .write(move |tx, me| {
            let (mut row, _) = begin(tx, me, *id, &seen, HandoverAction::ProposeSuccessor)?;
            if people::rows::known(tx, me.school(), &[proposed.person_id])?.is_empty() {
                return Err(Problem::invalid("/person_id", "unknown", "There is no such person for this caller."));
            }
            check_successor(tx, me, proposed.person_id)?;
            row.successor_id = Some(proposed.person_id);
            if row.state == HandoverState::Open {
                row.state = HandoverState::LeadProposed;
            }
            finish(tx, me, row, EventType::HandoverSuccessorProposed)
        })
        .await
}

/// Confirm that the credentials are replaced that a leaver knew (R-IT-4).
///
/// That is found in the vault: the account's newest credentials were stored on the leaver's first day away or later, and
/// after the leaving was on record. An account that has none there needs them stored first. The leaver's successor has
/// to be proposed before, where there has to be one (BC-4).
#[utoipa::path(tag = "handovers", security(("oauth2" = [ManageHandovers])), params(IfMatchHeader),
    responses((status = 200, description = "Confirmed.", body = Handover), Fails<404, 409, 412, 428>))]
#[post("/v1/handovers/{id}/confirm-rotation")]
async fn confirm_rotation(
    caller: Caller<ManageHandovers>,
    id: Path<HandoverId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Handover>, Problem> {
    caller
        .write(move |tx, me| {
            let (mut row, account) = begin(tx, me, *id, &seen, HandoverAction::ConfirmRotation)?;
            check_succeeded(tx, me, &row, &account)?;
            check_rotation(tx, me, &mut row)?;
            row.state = HandoverState::CredentialsRotated;
            finish(tx, me, row, EventType::HandoverRotationConfirmed)
        })
        .await
}

/// Transfer a leaver's account to those who run it from now on (R-IT-4).
///
/// The leaver goes off the account and stays on its record; the successor takes that place. At least two active members
/// of staff have to result (BC-4), the successor still to be eligible (ELIG-1), and the credentials still to be replaced.
/// With its last handover the account is again what it was: in use only if everyone who runs it may (ELIG-1, ELIG-2).
#[utoipa::path(tag = "handovers", security(("oauth2" = [ManageHandovers])), params(IfMatchHeader),
    responses((status = 200, description = "Transferred.", body = Handover), Fails<404, 409, 412, 428>))]
#[post("/v1/handovers/{id}/transfer")]
async fn transfer_account(
    caller: Caller<ManageHandovers>,
    id: Path<HandoverId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Handover>, Problem> {
    caller
        .write(move |tx, me| {
            let (mut row, mut account) = begin(tx, me, *id, &seen, HandoverAction::Transfer)?;
            check_succeeded(tx, me, &row, &account)?;
            check_rotation(tx, me, &mut row)?;
            if let Some(successor) = row.successor_id {
                check_successor(tx, me, successor)?;
            }
            let ran_before = account.people();
            replace(&mut account.managers, row.leaver_id, row.successor_id);
            check_team(people::rows::members(tx, me, &account.managers)?, &ran_before)?;
            accounts::rows::replace_managers(tx, &account, me.now())?;
            let mut happened = vec![Event::new(EventType::AccountManagersChanged, account.row.id.uuid()).changed([("managers", true)])];
            let open = rows::open_of(tx, me.school(), &[account.row.id])?;
            if open.iter().all(|other| other.id == row.id) {
                if account.row.before_handover == Some(AccountState::Active) {
                    eligibility::rows::assess(tx, me.school(), &account.people(), me.now())?.gate(account.people())?;
                }
                happened.push(settle(&mut account));
            }
            accounts::rows::save(tx, &mut account, me.now())?;
            happened.push(complete(tx, &Actor::from(me), &mut row, HandoverOutcome::Transferred)?);
            events::record_all(tx, me, happened)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Puts the successor in the leaver's place.
fn replace(managers: &mut Vec<Manager>, leaver: PersonId, successor: Option<PersonId>) {
    let led = managers.iter().any(|manager| manager.person_id == leaver && manager.lead);
    managers.retain(|manager| manager.person_id != leaver);
    let Some(successor) = successor else { return };
    match managers.iter_mut().find(|manager| manager.person_id == successor) {
        Some(manager) => manager.lead |= led,
        None => managers.push(Manager { person_id: successor, lead: led }),
    }
}

/// At least two active members of staff result, one of the managers leading (BC-4). Other leavers are still to be handed over.
fn check_team(team: Vec<Member<PersonId>>, ran_before: &[PersonId]) -> Result<(), Refusal> {
    let team = policy::despite_leavers(team, |person| ran_before.contains(person));
    let short = team::violations(&team).into_iter().map(|violation| Violation { pointer: None, ..violation });
    Refusal::unless_empty(Grounds::NotYet, short.collect())
}

/// Close a leaver's account for good, with a reason (R-IT-4).
///
/// As an account is closed at any time: its credentials are destroyed (R-IT-2), its record is kept. Its other handovers
/// end with this one.
#[utoipa::path(tag = "handovers", security(("oauth2" = [ManageHandovers])), params(IfMatchHeader), request_body = AccountReason,
    responses((status = 200, description = "Closed.", body = Handover), Fails<404, 409, 412, 428>))]
#[post("/v1/handovers/{id}/close")]
async fn close_leavers_account(
    caller: Caller<ManageHandovers>,
    id: Path<HandoverId>,
    seen: IfMatch,
    why: Valid<AccountReason>,
) -> Result<Versioned<Handover>, Problem> {
    caller
        .write(move |tx, me| {
            let (row, mut account) = begin(tx, me, *id, &seen, HandoverAction::Close)?;
            let closed = accounts::close(tx, me, &mut account, why.into_inner())?;
            accounts::rows::save(tx, &mut account, me.now())?;
            events::record(tx, me, closed.state(account.row.state))?;
            Versioned::new(&view(me, rows::find(tx, me.school(), sight(me), row.id)?))
        })
        .await
}
