//! The operations on declarations of personal accounts.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, DeclarationRow, Filter, Sight};
use super::rules::{self, DeclarationAction, DeclarationState, Standing};
use crate::access::caller::Caller;
use crate::access::permissions::{CheckDeclaration, MakeDeclaration, ReadDeclarations};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{DeclarationId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Day, Line, Patch, Prose, present};
use crate::page::{Page, paged};
use crate::policy::declarations::{self, Compliance, DeclarationTask};
use crate::policy::platforms::{self, Platform};
use crate::problem::{Code, Problem};
use crate::resources::accounts::rules::handle_key;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_declarations)
        .service(make_declaration)
        .service(find_declaration)
        .service(edit_declaration)
        .service(check_declaration)
        .service(withdraw_declaration);
}

/// A personal account that names or affects the school, as its owner declared it (SC-6).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d5", "person_id": "0198a4b2-6f00-7000-8000-000000000003", "state": "active",
    "allowed_actions": ["edit", "withdraw"], "platform": "x", "handle": "jo_teaches", "names_school": true, "impacts_school": false,
    "disclaimer_present": false, "uses_school_branding": false, "compliance": "disclaimer_required", "tasks": ["add_disclaimer"],
    "due_on": "2026-01-28", "overdue": false, "version": 1, "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct Declaration {
    pub id: DeclarationId,
    pub person_id: PersonId,
    pub state: DeclarationState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<DeclarationAction>,
    pub platform: Platform,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    /// Forgotten once the declaration is withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub handle: Option<String>,
    pub names_school: bool,
    pub impacts_school: bool,
    pub disclaimer_present: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, nullable = false)]
    pub disclaimer_text: Option<String>,
    pub uses_school_branding: bool,
    /// Absent once the declaration is withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compliance: Option<Compliance>,
    /// What the owner has to do.
    #[schema(max_items = 2)]
    pub tasks: Vec<DeclarationTask>,
    /// The last day for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub due_on: Option<Day>,
    pub overdue: bool,
    /// When somebody else looked at the disclaimer; absent again once the owner changes the declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checked_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checked_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type DeclarationPage = Page<Declaration>;

impl Resource for Declaration {
    fn location(&self) -> String {
        format!("/v1/personal-account-declarations/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A personal account of the caller.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "platform": "x", "handle": "jo_teaches", "names_school": true, "impacts_school": false, "disclaimer_present": false,
    "uses_school_branding": false
}))]
pub struct NewDeclaration {
    pub platform: Platform,
    /// The name of an `other` platform.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub platform_other_name: Option<Line<100>>,
    #[validate(nested)]
    #[schema(inline)]
    pub handle: Line<100>,
    pub names_school: bool,
    pub impacts_school: bool,
    /// Whether it says that the views are the owner's own.
    pub disclaimer_present: bool,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub disclaimer_text: Option<Prose<1000>>,
    /// Whether it shows the school's logo or branding.
    pub uses_school_branding: bool,
}

/// Changes to a declaration (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "disclaimer_present": true, "disclaimer_text": "All views are my own." }))]
pub struct DeclarationPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub platform: Option<Platform>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub platform_other_name: Patch<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub handle: Option<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub names_school: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub impacts_school: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub disclaimer_present: Option<bool>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub disclaimer_text: Patch<Prose<1000>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub uses_school_branding: Option<bool>,
}

/// Which declarations to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeclarationQuery {
    /// That stand in one of these ways to the policy.
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub compliance: Vec<Compliance>,
    /// `true`: what the owner has to do was due before today.
    #[param(nullable = false)]
    pub overdue: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(DeclarationQuery);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadDeclarations>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn standing<P>(me: &Caller<P>, row: &DeclarationRow) -> Standing {
    Standing {
        state: row.state,
        disclaimer_present: row.disclaimer_present,
        own: me.is(row.person_id),
        may_check: me.may::<CheckDeclaration>(),
    }
}

fn view<P>(me: &Caller<P>, row: DeclarationRow) -> Declaration {
    let active = row.state == DeclarationState::Active;
    Declaration {
        id: row.id,
        person_id: row.person_id,
        state: row.state,
        allowed_actions: rules::allowed(standing(me, &row)),
        tasks: if active { declarations::tasks(row.account()) } else { Vec::new() },
        platform: row.platform,
        platform_other_name: row.platform_other_name,
        handle: row.handle,
        names_school: row.names_school,
        impacts_school: row.impacts_school,
        disclaimer_present: row.disclaimer_present,
        disclaimer_text: row.disclaimer_text,
        uses_school_branding: row.uses_school_branding,
        compliance: row.compliance,
        due_on: row.due_on.map(Day),
        overdue: declarations::is_overdue(row.due_on, me.today()),
        checked_at: row.checked_at,
        checked_by: row.checked_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Finds out where the account stands and by when it has to be put right; what is out of scope goes no further.
fn assess<P>(me: &Caller<P>, row: &mut DeclarationRow) -> Result<(), Problem> {
    // SC-7 first: nothing else is said about what is none of the school's business.
    declarations::in_scope(row.account())?;
    platforms::named(row.platform, row.platform_other_name.as_deref())?;
    let compliance = declarations::compliance(row.account());
    row.compliance = Some(compliance);
    row.due_on = declarations::due_on(compliance, row.due_on, me.today());
    row.handle_key = row.handle.as_deref().map(|handle| handle_key(row.platform, row.platform_other_name.as_deref(), handle));
    Ok(())
}

/// The way of every change: find, check against the version that was read, change, store, record.
fn change<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    id: DeclarationId,
    seen: &IfMatch,
    action: DeclarationAction,
    apply: impl FnOnce(&mut DeclarationRow) -> Result<Event, Problem>,
) -> Result<Versioned<Declaration>, Problem> {
    let mut row = rows::find(tx, me.school(), sight(me), id)?;
    if action == DeclarationAction::Check {
        declarations::may_check(me.is(row.person_id))?;
    } else if !me.is(row.person_id) {
        return Err(Problem::new(Code::Forbidden).detail("Only whose account it is changes or withdraws the declaration."));
    }
    rules::check(action, standing(me, &row))?;
    seen.check(row.version)?;
    let event = apply(&mut row)?;
    rows::save(tx, &mut row, me.now())?;
    events::record(tx, me, event.state(row.state))?;
    Versioned::new(&view(me, row))
}

/// List declarations.
///
/// Oldest first. Most people see their own.
#[utoipa::path(tag = "declarations", security(("oauth2" = [ReadDeclarations])), params(DeclarationQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((DeclarationPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/personal-account-declarations")]
async fn list_declarations(
    caller: Caller<ReadDeclarations>,
    query: Query<DeclarationQuery>,
    format: Format,
) -> Result<Listed<Declaration>, Problem> {
    listed(caller, "/v1/personal-account-declarations", query, format, |conn, me, query, window| {
        let due_before = (query.overdue == Some(true)).then(|| me.today());
        let filter = Filter { compliance: query.compliance.clone(), due_before };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Declare a personal account that names or affects the school (SC-6, R-ST-4).
///
/// One's own. Without a disclaimer, or with the school's branding (APX-2), it is taken in with a task for its owner,
/// due in 14 days. An account that neither refers to nor affects the school is refused, and nothing of it is
/// kept (SC-7).
#[utoipa::path(tag = "declarations", security(("oauth2" = [MakeDeclaration])), request_body = NewDeclaration,
    responses((status = 201, description = "Declared.", body = Declaration)))]
#[post("/v1/personal-account-declarations")]
async fn make_declaration(caller: Caller<MakeDeclaration>, new: Valid<NewDeclaration>) -> Result<Created<Declaration>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let mut row = DeclarationRow {
                school_id: me.school(),
                id: DeclarationId::new(),
                person_id: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                state: DeclarationState::Active,
                platform: new.platform,
                platform_other_name: new.platform_other_name.map(Line::into_inner),
                handle: Some(new.handle.into_inner()),
                handle_key: None,
                names_school: new.names_school,
                impacts_school: new.impacts_school,
                disclaimer_present: new.disclaimer_present,
                disclaimer_text: new.disclaimer_text.map(Prose::into_inner),
                uses_school_branding: new.uses_school_branding,
                compliance: None,
                due_on: None,
                checked_at: None,
                checked_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            assess(me, &mut row)?;
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::PersonalAccountDeclared, row.id.uuid()).state(row.state))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find a declaration.
#[utoipa::path(tag = "declarations", security(("oauth2" = [ReadDeclarations])),
    responses((status = 200, description = "The declaration.", body = Declaration), Fails<404>))]
#[get("/v1/personal-account-declarations/{id}")]
async fn find_declaration(caller: Caller<ReadDeclarations>, id: Path<DeclarationId>) -> Result<Versioned<Declaration>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Change a declaration, as when the account has been put right (SC-6, R-ST-4, APX-2).
///
/// By its owner. Once nothing is left to do, nothing is due. An account that no longer names nor affects the school
/// is no business of the school's: withdraw its declaration (SC-7).
#[utoipa::path(tag = "declarations", security(("oauth2" = [MakeDeclaration])), params(IfMatchHeader), request_body = DeclarationPatch,
    responses((status = 200, description = "Changed.", body = Declaration), Fails<404, 409, 412, 428>))]
#[patch("/v1/personal-account-declarations/{id}")]
async fn edit_declaration(
    caller: Caller<MakeDeclaration>,
    id: Path<DeclarationId>,
    seen: IfMatch,
    patch: Valid<DeclarationPatch>,
) -> Result<Versioned<Declaration>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, DeclarationAction::Edit, |row| {
                let (patch, old) = (patch.into_inner(), row.clone());
                row.platform = patch.platform.unwrap_or(row.platform);
                row.platform_other_name = patch.platform_other_name.map(Line::into_inner).apply(row.platform_other_name.take());
                row.handle = patch.handle.map(Line::into_inner).or_else(|| row.handle.take());
                row.names_school = patch.names_school.unwrap_or(row.names_school);
                row.impacts_school = patch.impacts_school.unwrap_or(row.impacts_school);
                row.disclaimer_present = patch.disclaimer_present.unwrap_or(row.disclaimer_present);
                row.disclaimer_text = patch.disclaimer_text.map(Prose::into_inner).apply(row.disclaimer_text.take());
                row.uses_school_branding = patch.uses_school_branding.unwrap_or(row.uses_school_branding);
                assess(me, row)?;
                // Whoever looked at it looked at something else.
                (row.checked_at, row.checked_by) = (None, None);
                Ok(Event::new(EventType::PersonalAccountChanged, row.id.uuid()).changed([
                    ("platform", old.platform != row.platform),
                    ("platform_other_name", old.platform_other_name != row.platform_other_name),
                    ("handle", old.handle != row.handle),
                    ("names_school", old.names_school != row.names_school),
                    ("impacts_school", old.impacts_school != row.impacts_school),
                    ("disclaimer_present", old.disclaimer_present != row.disclaimer_present),
                    ("disclaimer_text", old.disclaimer_text != row.disclaimer_text),
                    ("uses_school_branding", old.uses_school_branding != row.uses_school_branding),
                    ("compliance", old.compliance != row.compliance),
                ]))
            })
        })
        .await
}

/// Record that the disclaimer on somebody's personal account was looked at (R-ST-4, SC-6).
///
/// Never on one's own account.
#[utoipa::path(tag = "declarations", security(("oauth2" = [CheckDeclaration])), params(IfMatchHeader),
    responses((status = 200, description = "Recorded.", body = Declaration), Fails<404, 409, 412, 428>))]
#[post("/v1/personal-account-declarations/{id}/check")]
async fn check_declaration(
    caller: Caller<CheckDeclaration>,
    id: Path<DeclarationId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Declaration>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, DeclarationAction::Check, |row| {
                (row.checked_at, row.checked_by) = (Some(me.now()), me.person());
                Ok(Event::new(EventType::PersonalAccountChecked, row.id.uuid()))
            })
        })
        .await
}

/// Withdraw a declaration, as when the account no longer exists (SC-7).
///
/// By its owner. What it said of the account is forgotten.
#[utoipa::path(tag = "declarations", security(("oauth2" = [MakeDeclaration])), params(IfMatchHeader),
    responses((status = 200, description = "Withdrawn.", body = Declaration), Fails<404, 409, 412, 428>))]
#[post("/v1/personal-account-declarations/{id}/withdraw")]
async fn withdraw_declaration(
    caller: Caller<MakeDeclaration>,
    id: Path<DeclarationId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Declaration>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, DeclarationAction::Withdraw, |row| {
                row.state = DeclarationState::Withdrawn;
                (row.handle, row.handle_key, row.platform_other_name, row.disclaimer_text) = (None, None, None, None);
                (row.compliance, row.due_on) = (None, None);
                Ok(Event::new(EventType::PersonalAccountWithdrawn, row.id.uuid()))
            })
        })
        .await
}
