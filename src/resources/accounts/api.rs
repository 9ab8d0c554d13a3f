//! The operations on accounts.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, AccountRow, Filter, Sight};
use super::rules::{self, AccountAction, AccountState};
use crate::access::caller::Caller;
use crate::access::permissions::{CreateAccount, ManageAccount, ReadAccounts, SuspendAccount};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, BusinessCaseId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{NoBody, Valid, objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, Link, Patch, Prose, present};
use crate::page::{Page, paged};
use crate::policy::handover;
use crate::policy::platforms::{Platform, Visibility};
use crate::policy::refusal::{Grounds, Refusal};
use crate::policy::team;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::business_cases::rows::Manager;
use crate::resources::business_cases::{self, BusinessCaseState, NamedManager};
use crate::resources::{credentials, eligibility, handovers, people};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_accounts)
        .service(create_account)
        .service(find_account)
        .service(edit_account)
        .service(change_account_managers)
        .service(activate_account)
        .service(suspend_account)
        .service(resume_account)
        .service(close_account);
}

/// An account of the school on social media.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-00000000000a", "business_case_id": "0198a4b2-6f00-7000-8000-000000000001", "state": "active",
    "allowed_actions": [], "platform": "facebook", "name": "Friends of Weald", "handle": "friendsofweald", "visibility": "closed",
    "direct_messages_enabled": false, "tagging_allowed": false,
    "managers": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "lead": true }, { "person_id": "0198a4b2-6f00-7000-8000-000000000003", "lead": false }],
    "activated_at": "2026-01-15T09:00:00Z", "version": 2, "created_at": "2026-01-14T11:00:00Z", "updated_at": "2026-01-15T09:00:00Z"
}))]
pub struct Account {
    pub id: AccountId,
    pub business_case_id: BusinessCaseId,
    pub state: AccountState,
    /// Why it was suspended or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub state_reason: Option<String>,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<AccountAction>,
    pub platform: Platform,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    #[schema(max_length = 100)]
    pub name: String,
    #[schema(max_length = 100)]
    pub handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub url: Option<String>,
    pub visibility: Visibility,
    pub direct_messages_enabled: bool,
    /// Whether people can be tagged in its posts.
    pub tagging_allowed: bool,
    /// Who runs it (BC-4).
    #[schema(max_items = 20)]
    pub managers: Vec<NamedManager>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub activated_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub closed_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type AccountPage = Page<Account>;

impl Resource for Account {
    fn location(&self) -> String {
        format!("/v1/accounts/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new account, from an approved business case.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "business_case_id": "0198a4b2-6f00-7000-8000-000000000001", "handle": "friendsofweald" }))]
pub struct NewAccount {
    pub business_case_id: BusinessCaseId,
    /// What the platform calls the account; unique per platform and school.
    #[validate(nested)]
    #[schema(inline)]
    pub handle: Line<100>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub url: Option<Link<500>>,
    #[serde(default)]
    pub tagging_allowed: bool,
}

/// Changes to an account (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tagging_allowed": false }))]
pub struct AccountPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub name: Option<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub handle: Option<Line<100>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub url: Patch<Link<500>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub tagging_allowed: Option<bool>,
}

/// Who runs an account from now on.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "managers": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "lead": true }, { "person_id": "0198a4b2-6f00-7000-8000-000000000003" }] }))]
pub struct AccountManagers {
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 20))]
    #[schema(min_items = 1, max_items = 20)]
    pub managers: Vec<NamedManager>,
}

/// Why an account is suspended or closed.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Nobody is there to run it." }))]
pub struct AccountReason {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which accounts to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<AccountState>,
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

paged!(AccountQuery);

/// What this caller may see of the accounts.
pub fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadAccounts>() => Sight::Own(person),
        _ => Sight::All,
    }
}

/// The account that a body names. Whoever holds the permission for their own alone has to run it.
///
/// # Errors
/// 422 where there is none for this caller, 403 where others run it.
pub fn named<P>(tx: &mut Conn, me: &Caller<P>, id: AccountId) -> Result<rows::Account, Problem> {
    let account = rows::look_up(tx, me.school(), sight(me), id)?
        .ok_or_else(|| Problem::invalid("/account_id", "unknown", "There is no such account for this caller."))?;
    if me.own_only() && !me.person().is_some_and(|person| account.is_run_by(person)) {
        return Err(Problem::new(Code::Forbidden).detail("Only those who run the account do this."));
    }
    Ok(account)
}

fn held<P>(me: &Caller<P>, being_handed_over: bool) -> impl Fn(AccountAction) -> bool {
    move |action| match action {
        AccountAction::Activate => me.may::<CreateAccount>() && !being_handed_over,
        AccountAction::Suspend => me.may::<SuspendAccount>(),
        AccountAction::Resume => me.may::<ManageAccount>() && !being_handed_over,
        AccountAction::Edit | AccountAction::ChangeManagers | AccountAction::Close => me.may::<ManageAccount>(),
    }
}

fn view<P>(me: &Caller<P>, account: rows::Account) -> Account {
    let rows::Account { row, managers } = account;
    let allowed_actions = rules::allowed(row.state, held(me, row.is_being_handed_over()));
    Account {
        id: row.id,
        business_case_id: row.business_case_id,
        state: row.state,
        state_reason: row.state_reason,
        allowed_actions,
        platform: row.platform,
        platform_other_name: row.platform_other_name,
        name: row.name,
        handle: row.handle,
        url: row.url,
        visibility: row.visibility,
        direct_messages_enabled: row.direct_messages_enabled,
        tagging_allowed: row.tagging_allowed,
        managers: managers.into_iter().map(NamedManager::from).collect(),
        activated_at: row.activated_at,
        closed_at: row.closed_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The way of every change: find, check against the version that was read, change, store, record.
fn change<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    id: AccountId,
    seen: &IfMatch,
    action: AccountAction,
    apply: impl FnOnce(&mut Conn, &mut rows::Account) -> Result<Event, Problem>,
) -> Result<Versioned<Account>, Problem> {
    let mut account = rows::find(tx, me.school(), sight(me), id)?;
    rules::check(action, account.row.state, held(me, account.row.is_being_handed_over()))?;
    seen.check(account.row.version)?;
    let event = apply(tx, &mut account)?;
    // What changes nothing leaves no trace.
    if action == AccountAction::Edit && event.data.changed.is_empty() {
        return Versioned::new(&view(me, account));
    }
    rows::save(tx, &mut account, me.now())?;
    events::record(tx, me, event.state(account.row.state))?;
    Versioned::new(&view(me, account))
}

/// At least two active members of staff run an account, one of them the lead (BC-4); and it is not being handed over
/// (R-IT-4).
fn check_team<P>(tx: &mut Conn, me: &Caller<P>, account: &rows::Account) -> Result<(), Problem> {
    handover::none_open(account.row.is_being_handed_over())?;
    let team = people::rows::members(tx, me, &account.managers)?;
    Ok(Refusal::unless_empty(Grounds::NotYet, team::violations(&team))?)
}

/// Makes `managers` those who run an account: two active members of staff at least (BC-4). Whoever ran it and has left
/// stays until the handover (R-IT-4).
fn change_team<P>(tx: &mut Conn, me: &Caller<P>, account: &mut rows::Account, managers: Vec<Manager>) -> Result<(), Problem> {
    let before = people::rows::members(tx, me, &account.managers)?;
    account.managers = managers;
    handover::keeps_leavers(before.iter().any(|member| !member.active && !account.is_run_by(member.person)))?;
    let team = people::rows::members(tx, me, &account.managers)?;
    let team = handover::despite_leavers(team, |person| before.iter().any(|member| member.person == *person));
    Ok(Refusal::unless_empty(Grounds::NotAcceptable, team::violations(&team))?)
}

/// Those who begin to run an account have read what is in force and are trained (ELIG-1); asked in the transaction in
/// which they begin, so that nothing is published in between.
fn check_eligible<P>(tx: &mut Conn, me: &Caller<P>, people: &[PersonId]) -> Result<(), Problem> {
    Ok(eligibility::rows::assess(tx, me.school(), people, me.now())?.gate(people.iter().copied())?)
}

fn check_handle(tx: &mut Conn, row: &AccountRow) -> Result<(), Problem> {
    if rows::handle_taken(tx, row.school_id, &row.handle_key, row.id)? {
        let error = FieldError::new("/handle", "taken", "Another account on this platform has this handle.");
        return Err(Problem::new(Code::AlreadyExists).with_errors(vec![error]));
    }
    Ok(())
}

/// List accounts.
///
/// Oldest first. Volunteers and parents see those that they run.
#[utoipa::path(tag = "accounts", security(("oauth2" = [ReadAccounts])), params(AccountQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((AccountPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/accounts")]
async fn list_accounts(caller: Caller<ReadAccounts>, query: Query<AccountQuery>, format: Format) -> Result<Listed<Account>, Problem> {
    listed(caller, "/v1/accounts", query, format, |conn, me, query, window| {
        let filter = Filter { states: query.state.clone(), updated_since: query.updated_since };
        let accounts = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(accounts, |account| account.row.id, |account| view(me, account)))
    })
    .await
}

/// Create an account from an approved business case (R-IT-1).
///
/// The IT technician alone creates accounts, and from each approved, unused case only one. The people whom the
/// case names run it. It waits in `pending_activation`.
#[utoipa::path(tag = "accounts", security(("oauth2" = [CreateAccount])), request_body = NewAccount,
    responses((status = 201, description = "Created.", body = Account)))]
#[post("/v1/accounts")]
async fn create_account(caller: Caller<CreateAccount>, new: Valid<NewAccount>) -> Result<Created<Account>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let mut case = business_cases::rows::look_up(tx, me.school(), business_cases::rows::Sight::All, new.business_case_id)?
                .ok_or_else(|| Problem::invalid("/business_case_id", "unknown", "There is no such business case for this caller."))?;
            rules::usable(&case.row, me.now())?;
            let (Some(platform), Some(visibility)) = (case.row.platform, case.row.visibility) else {
                return Err(Problem::internal("an approved business case is not complete"));
            };
            let handle = new.handle.into_inner();
            let account = rows::Account {
                row: AccountRow {
                    school_id: me.school(),
                    id: AccountId::new(),
                    business_case_id: case.row.id,
                    state: AccountState::PendingActivation,
                    state_reason: None,
                    platform,
                    platform_other_name: case.row.platform_other_name.clone(),
                    name: case.row.name.clone(),
                    handle_key: rules::handle_key(platform, case.row.platform_other_name.as_deref(), &handle),
                    handle,
                    url: new.url.map(Link::into_inner),
                    visibility,
                    direct_messages_enabled: case.row.direct_messages_enabled,
                    tagging_allowed: new.tagging_allowed,
                    activated_at: None,
                    closed_at: None,
                    version: 1,
                    created_at: me.now(),
                    updated_at: me.now(),
                    before_handover: None,
                    reason_before_handover: None,
                },
                managers: case.managers.clone(),
            };
            check_handle(tx, &account.row)?;
            rows::insert(tx, &account)?;
            case.row.state = BusinessCaseState::Used;
            business_cases::rows::save(tx, &mut case, me.now())?;
            let (account_id, case_id) = (account.row.id.uuid(), case.row.id.uuid());
            events::record_all(
                tx,
                me,
                vec![
                    Event::new(EventType::AccountCreated, account_id).state(account.row.state).related("business_case_id", case_id),
                    Event::new(EventType::BusinessCaseUsed, case_id).state(case.row.state).related("account_id", account_id),
                ],
            )?;
            Created::new(&view(me, account))
        })
        .await
}

/// Find an account.
#[utoipa::path(tag = "accounts", security(("oauth2" = [ReadAccounts])),
    responses((status = 200, description = "The account.", body = Account), Fails<404>))]
#[get("/v1/accounts/{id}")]
async fn find_account(caller: Caller<ReadAccounts>, id: Path<AccountId>) -> Result<Versioned<Account>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Edit an account.
#[utoipa::path(tag = "accounts", security(("oauth2" = [ManageAccount])), params(IfMatchHeader), request_body = AccountPatch,
    responses((status = 200, description = "Edited.", body = Account), Fails<404, 409, 412, 428>))]
#[patch("/v1/accounts/{id}")]
async fn edit_account(
    caller: Caller<ManageAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    patch: Valid<AccountPatch>,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, AccountAction::Edit, |tx, account| {
                let (patch, old) = (patch.into_inner(), account.row.clone());
                let row = &mut account.row;
                if let Some(name) = patch.name {
                    row.name = name.into_inner();
                }
                if let Some(handle) = patch.handle {
                    row.handle = handle.into_inner();
                    row.handle_key = rules::handle_key(row.platform, row.platform_other_name.as_deref(), &row.handle);
                    check_handle(tx, row)?;
                }
                row.url = patch.url.map(Link::into_inner).apply(row.url.take());
                row.tagging_allowed = patch.tagging_allowed.unwrap_or(row.tagging_allowed);
                let changed = [
                    ("name", old.name != row.name),
                    ("handle", old.handle != row.handle),
                    ("url", old.url != row.url),
                    ("tagging_allowed", old.tagging_allowed != row.tagging_allowed),
                ];
                Ok(Event::new(EventType::AccountChanged, row.id.uuid()).changed(changed))
            })
        })
        .await
}

/// Say who runs an account.
///
/// The whole list, with its lead. An account is never left with fewer than two active members of staff (BC-4); whoever is
/// added has acknowledged what is in force and is trained (ELIG-1), volunteers and parents too (ELIG-2). Somebody who has
/// left stays on the list until the handover (R-IT-4).
#[utoipa::path(tag = "accounts", security(("oauth2" = [ManageAccount])), params(IfMatchHeader), request_body = AccountManagers,
    responses((status = 200, description = "Changed.", body = Account), Fails<404, 409, 412, 428>))]
#[post("/v1/accounts/{id}/change-managers")]
async fn change_account_managers(
    caller: Caller<ManageAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    team: Valid<AccountManagers>,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, AccountAction::ChangeManagers, |tx, account| {
                let before = account.people();
                let managers = business_cases::named(tx, me.school(), &team.managers)?;
                change_team(tx, me, account, managers)?;
                let mut added = account.people();
                added.retain(|person| !before.contains(person));
                check_eligible(tx, me, &added)?;
                rows::replace_managers(tx, account, me.now())?;
                let taken_off: Vec<PersonId> = before.into_iter().filter(|&person| !account.is_run_by(person)).collect();
                credentials::rows::mark_taken_off(tx, me.school(), account.row.id, &taken_off, me.today())?;
                Ok(Event::new(EventType::AccountManagersChanged, account.row.id.uuid()).changed([("managers", true)]))
            })
        })
        .await
}

/// Take an account into use (R-IT-1).
///
/// Not while it is being handed over (R-IT-4). Needs at least two active members of staff to run it (BC-4), and each who runs it to have acknowledged what is in
/// force and to be trained (ELIG-1), volunteers and parents too (ELIG-2): the answer names all that is missing.
#[utoipa::path(tag = "accounts", security(("oauth2" = [CreateAccount])), params(IfMatchHeader),
    responses((status = 200, description = "In use.", body = Account), Fails<404, 409, 412, 428>))]
#[post("/v1/accounts/{id}/activate")]
async fn activate_account(
    caller: Caller<CreateAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, AccountAction::Activate, |tx, account| {
                check_team(tx, me, account)?;
                check_eligible(tx, me, &account.people())?;
                account.row.state = AccountState::Active;
                account.row.activated_at = Some(me.now());
                Ok(Event::new(EventType::AccountActivated, account.row.id.uuid()))
            })
        })
        .await
}

/// Suspend an account, with a reason.
#[utoipa::path(tag = "accounts", security(("oauth2" = [SuspendAccount])), params(IfMatchHeader), request_body = AccountReason,
    responses((status = 200, description = "Suspended.", body = Account), Fails<404, 409, 412, 428>))]
#[post("/v1/accounts/{id}/suspend")]
async fn suspend_account(
    caller: Caller<SuspendAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    why: Valid<AccountReason>,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, AccountAction::Suspend, |_, account| {
                let reason = Some(why.into_inner().reason.into_inner());
                if account.row.is_being_handed_over() {
                    // It stays suspended when the handover is done.
                    account.row.before_handover = Some(AccountState::Suspended);
                    account.row.reason_before_handover.clone_from(&reason);
                }
                account.row.state = AccountState::Suspended;
                account.row.state_reason = reason;
                Ok(Event::new(EventType::AccountSuspended, account.row.id.uuid()))
            })
        })
        .await
}

/// Take a suspended account into use again.
///
/// Needs what activating it needs (BC-4, ELIG-1, ELIG-2, R-IT-4).
#[utoipa::path(tag = "accounts", security(("oauth2" = [ManageAccount])), params(IfMatchHeader),
    responses((status = 200, description = "In use again.", body = Account), Fails<404, 409, 412, 428>))]
#[post("/v1/accounts/{id}/resume")]
async fn resume_account(
    caller: Caller<ManageAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, AccountAction::Resume, |tx, account| {
                check_team(tx, me, account)?;
                check_eligible(tx, me, &account.people())?;
                account.row.state = AccountState::Active;
                account.row.state_reason = None;
                Ok(Event::new(EventType::AccountResumed, account.row.id.uuid()))
            })
        })
        .await
}

/// Close an account for good, with a reason. The record is kept.
///
/// Its credentials are destroyed in the same transaction (R-IT-2), and its handovers end (R-IT-4).
#[utoipa::path(tag = "accounts", security(("oauth2" = [ManageAccount])), params(IfMatchHeader), request_body = AccountReason,
    responses((status = 200, description = "Closed.", body = Account), Fails<404, 409, 412, 428>))]
#[post("/v1/accounts/{id}/close")]
async fn close_account(
    caller: Caller<ManageAccount>,
    id: Path<AccountId>,
    seen: IfMatch,
    why: Valid<AccountReason>,
) -> Result<Versioned<Account>, Problem> {
    caller
        .write(move |tx, me| change(tx, me, *id, &seen, AccountAction::Close, |tx, account| close(tx, me, account, why.into_inner())))
        .await
}

/// Closes an account for good, but does not store it yet. Ends what hangs on it.
///
/// # Errors
/// Where the database gives none.
pub fn close<P>(tx: &mut Conn, me: &Caller<P>, account: &mut rows::Account, why: AccountReason) -> Result<Event, Problem> {
    let row = &mut account.row;
    row.state = AccountState::Closed;
    row.state_reason = Some(why.reason.into_inner());
    row.closed_at = Some(me.now());
    (row.before_handover, row.reason_before_handover) = (None, None);
    // Somebody else may take the handle from now on, the school's next account too.
    row.handle_key = format!("closed/{}", row.id);
    // R-IT-2: nobody needs them any more.
    if let Some(credential) = credentials::rows::destroy_current(tx, me.school(), row.id, me.now())? {
        let destroyed = Event::new(EventType::AccountCredentialsDestroyed, row.id.uuid());
        events::record(tx, me, destroyed.related("credential_id", credential.uuid()))?;
    }
    handovers::close_all(tx, &Actor::from(me), row.id)?;
    Ok(Event::new(EventType::AccountClosed, row.id.uuid()))
}
