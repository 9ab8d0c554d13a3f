//! The operations on content permissions.

use actix_web::web::Path;
use actix_web::{get, post};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ContentPermissionRow, ValidOn};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadContentPermissions, RecordContentPermission, WithdrawContentPermission};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{ContentPermissionId, PersonId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Line, Prose, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::copyright::{self, ContentBasis, ContentPermissionState, LICENCES, Licence, LicenceTerms};
use crate::policy::deadline::day_begins;
use crate::policy::platforms::Platform;
use crate::policy::publication::TakedownCause;
use crate::problem::{Code, Problem};
use crate::resources::publications::touch::{self, Reach};
use crate::resources::schools;
use crate::words::{joined, split, words};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_licences)
        .service(list_content_permissions)
        .service(record_content_permission)
        .service(find_content_permission)
        .service(withdraw_content_permission);
}

words! {
    /// What can be done with a content permission.
    pub enum ContentPermissionAction { Withdraw }
}

/// By what right a work is used (LEG-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000c9", "state": "in_force", "allowed_actions": ["withdraw"],
    "work": "Photograph of the village green", "rights_holder": "A. Villager", "basis": "licence", "licence": "cc_by_4_0",
    "granted_on": "2026-01-14", "scope": ["facebook"], "attribution_text": "Photo: A. Villager, CC BY 4.0",
    "recorded_by": "0198a4b2-6f00-7000-8000-000000000002",
    "version": 1, "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct ContentPermission {
    pub id: ContentPermissionId,
    pub state: ContentPermissionState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ContentPermissionAction>,
    #[schema(max_length = 300)]
    pub work: String,
    #[schema(max_length = 200)]
    pub rights_holder: String,
    pub basis: ContentBasis,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub licence: Option<Licence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub exception: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub evidence: Option<String>,
    pub granted_on: Day,
    /// The last day on which the work may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_on: Option<Day>,
    /// Where it may be used; everywhere, if empty.
    #[schema(max_items = 12)]
    pub scope: Vec<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub attribution_text: Option<String>,
    pub recorded_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub withdrawn_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub withdrawn_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub withdrawal_reason: Option<String>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ContentPermissionPage = Page<ContentPermission>;
type LicenceTermsPage = Page<LicenceTerms>;

impl Resource for ContentPermission {
    fn location(&self) -> String {
        format!("/v1/content-permissions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        (self.state == ContentPermissionState::Expired).then_some("expired")
    }
}

/// By what right a work is used.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "work": "Photograph of the village green", "rights_holder": "A. Villager", "basis": "licence", "licence": "cc_by_4_0",
    "scope": ["facebook"], "attribution_text": "Photo: A. Villager, CC BY 4.0"
}))]
pub struct NewContentPermission {
    #[validate(nested)]
    #[schema(inline)]
    pub work: Line<300>,
    #[validate(nested)]
    #[schema(inline)]
    pub rights_holder: Line<200>,
    pub basis: ContentBasis,
    /// Of the basis `licence`, and of no other.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub licence: Option<Licence>,
    /// Of the basis `exception`: which it is, such as quotation.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub exception: Option<Line<200>>,
    /// Where the permission is on record; the basis `permission` needs it.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub evidence: Option<Line<500>>,
    /// Not ahead; today, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub granted_on: Option<Day>,
    /// The last day on which the work may be used; without end, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub expires_on: Option<Day>,
    /// Where it may be used; everywhere, if empty.
    #[serde(default)]
    #[validate(length(max = 12))]
    #[schema(max_items = 12)]
    pub scope: Vec<Platform>,
    /// How the author is named; most licences ask for it (DO-6).
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub attribution_text: Option<Line<500>>,
}

/// Why a work may not be used any more.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The photographer wants to sell it." }))]
pub struct ContentPermissionWithdrawal {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which permissions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContentPermissionQuery {
    /// That hold through this day.
    #[param(nullable = false)]
    pub valid_on: Option<Day>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view<P>(me: &Caller<P>, row: ContentPermissionRow) -> ContentPermission {
    let state = row.right().state(me.today());
    let mine = me.may_all::<WithdrawContentPermission>() || me.is(row.recorded_by);
    let open = row.withdrawn_at.is_none() && me.may::<WithdrawContentPermission>() && mine;
    ContentPermission {
        id: row.id,
        state,
        allowed_actions: if open { vec![ContentPermissionAction::Withdraw] } else { Vec::new() },
        work: row.work,
        rights_holder: row.rights_holder,
        basis: row.basis,
        licence: row.licence,
        exception: row.exception,
        evidence: row.evidence,
        granted_on: Day(row.granted_on),
        expires_on: row.expires_on.map(Day),
        scope: split(&row.scope),
        attribution_text: row.attribution_text,
        recorded_by: row.recorded_by,
        withdrawn_at: row.withdrawn_at,
        withdrawn_by: row.withdrawn_by,
        withdrawal_reason: row.withdrawal_reason,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// A day and the end of it on the school's clock.
fn through(conn: &mut Conn, school: SchoolId, day: NaiveDate) -> Result<ValidOn, Problem> {
    let zone = schools::rows::find(conn, school)?.zone();
    Ok((day, day_begins(day + Days::new(1), zone).into()))
}

/// List licences, with what each asks of whoever uses the work (LEG-1).
#[utoipa::path(tag = "content-permissions", security(("oauth2" = [ReadContentPermissions])), params(PageQuery),
    responses((status = 200, description = "One page.", body = LicenceTermsPage)))]
#[get("/v1/licences")]
async fn list_licences(_: Caller<ReadContentPermissions>, query: Query<PageQuery>) -> Result<Plain<LicenceTermsPage>, Problem> {
    let window: Window<Licence> = Window::new(query.cursor.as_deref(), query.limit, &"licences")?;
    let after = LICENCES.iter().copied().filter(|terms| window.after.is_none_or(|after| terms.licence > after));
    let page = window.page(after.take(window.limit + 1).collect(), |terms| terms.licence, |terms| terms);
    Plain::page(&page, "/v1/licences", &query.0, query.limit)
}

/// List by what right others' works are used (LEG-1).
///
/// Oldest first.
#[utoipa::path(tag = "content-permissions", security(("oauth2" = [ReadContentPermissions])), params(ContentPermissionQuery),
    responses((status = 200, description = "One page.", body = ContentPermissionPage)))]
#[get("/v1/content-permissions")]
async fn list_content_permissions(
    caller: Caller<ReadContentPermissions>,
    query: Query<ContentPermissionQuery>,
) -> Result<Plain<ContentPermissionPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("content-permissions", &query.0))?;
    let valid_on = query.valid_on;
    let page = caller
        .read(move |conn, me| {
            let valid_on = valid_on.map(|day| through(conn, me.school(), day.0)).transpose()?;
            let rows = rows::list(conn, me.school(), valid_on, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/content-permissions", &query.0, query.limit)
}

/// Record by what right a work is used (LEG-1).
///
/// A licence is named, an exception of the law too, and a permission is evidenced. Where the licence asks for it, it is
/// said how the author is named (DO-6).
#[utoipa::path(tag = "content-permissions", security(("oauth2" = [RecordContentPermission])), request_body = NewContentPermission,
    responses((status = 201, description = "Recorded.", body = ContentPermission)))]
#[post("/v1/content-permissions")]
async fn record_content_permission(
    caller: Caller<RecordContentPermission>,
    new: Valid<NewContentPermission>,
) -> Result<Created<ContentPermission>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let granted_on = new.granted_on.unwrap_or(Day(me.today())).not_after(me.today(), "/granted_on")?;
            if new.expires_on.is_some_and(|last| last.0 < granted_on) {
                return Err(Problem::invalid("/expires_on", "before_granted", "This lies before the day on which it was granted."));
            }
            let row = ContentPermissionRow {
                school_id: me.school(),
                id: ContentPermissionId::new(),
                work: new.work.into_inner(),
                rights_holder: new.rights_holder.into_inner(),
                basis: new.basis,
                licence: new.licence,
                exception: new.exception.map(Line::into_inner),
                evidence: new.evidence.map(Line::into_inner),
                granted_on,
                expires_on: new.expires_on.map(|day| day.0),
                scope: joined(&new.scope),
                attribution_text: new.attribution_text.map(Line::into_inner),
                recorded_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                withdrawn_at: None,
                withdrawn_by: None,
                withdrawal_reason: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
                expiry_recorded_at: None,
            };
            copyright::may_record(&row.right())?;
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ContentPermissionRecorded, row.id.uuid()))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find by what right a work is used.
#[utoipa::path(tag = "content-permissions", security(("oauth2" = [ReadContentPermissions])),
    responses((status = 200, description = "The permission.", body = ContentPermission), Fails<404>))]
#[get("/v1/content-permissions/{id}")]
async fn find_content_permission(
    caller: Caller<ReadContentPermissions>,
    id: Path<ContentPermissionId>,
) -> Result<Versioned<ContentPermission>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), *id)?))).await
}

/// Record that the right to use a work was withdrawn (LEG-1).
///
/// By whoever recorded it, or the headteacher. It stays on record, and the work may not be used from now on.
#[utoipa::path(tag = "content-permissions", security(("oauth2" = [WithdrawContentPermission])), params(IfMatchHeader),
    request_body = ContentPermissionWithdrawal,
    responses((status = 200, description = "Withdrawn.", body = ContentPermission), Fails<404, 409, 412, 428>))]
#[post("/v1/content-permissions/{id}/withdraw")]
async fn withdraw_content_permission(
    caller: Caller<WithdrawContentPermission>,
    id: Path<ContentPermissionId>,
    seen: IfMatch,
    withdrawal: Valid<ContentPermissionWithdrawal>,
) -> Result<Versioned<ContentPermission>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), *id)?;
            copyright::may_withdraw(!me.own_only(), me.is(row.recorded_by))?;
            if row.withdrawn_at.is_some() {
                return Err(Problem::state_conflict(view(me, row).allowed_actions));
            }
            seen.check(row.version)?;
            (row.withdrawn_at, row.withdrawn_by) = (Some(me.now()), me.person());
            row.withdrawal_reason = Some(withdrawal.into_inner().reason.into_inner());
            rows::save(tx, &mut row, me.now())?;
            let withdrawn = Event::new(EventType::ContentPermissionWithdrawn, row.id.uuid());
            events::record(tx, me, withdrawn.state(ContentPermissionState::Withdrawn))?;
            touch::touch(tx, me.school(), &Reach::Work { permission: row.id }, TakedownCause::PermissionEnded, me.now())?;
            Versioned::new(&view(me, row))
        })
        .await
}
