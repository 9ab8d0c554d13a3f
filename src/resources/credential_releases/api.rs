//! The operations on releases of credentials.

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ReleaseRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageCredentials, OpenCredentialRelease, ReadCredentialReleases};
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{AccountId, CredentialReleaseId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::Prose;
use crate::page::{Page, PageQuery, Window};
use crate::policy::credentials::{self as policy, Recipient, ReleaseState};
use crate::problem::{Code, Problem};
use crate::resources::credentials::{self, Credentials};
use crate::resources::{accounts, eligibility, notifications, people};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(release_account_credentials)
        .service(list_credential_releases)
        .service(find_credential_release)
        .service(open_credential_release)
        .service(revoke_credential_release);
}

words! {
    /// What can be done with a release.
    pub enum ReleaseAction { Open, Revoke }
}

/// That somebody who runs an account may read its credentials, once and within a time (R-IT-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-00000000000f", "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "state": "ready",
    "allowed_actions": ["revoke"], "person_id": "0198a4b2-6f00-7000-8000-000000000003", "released_by": "0198a4b2-6f00-7000-8000-000000000002",
    "reason": "To log in on the new phone.", "expires_at": "2026-01-14T12:00:00Z", "version": 1,
    "created_at": "2026-01-14T11:00:00Z", "updated_at": "2026-01-14T11:00:00Z"
}))]
pub struct CredentialRelease {
    pub id: CredentialReleaseId,
    pub account_id: AccountId,
    pub state: ReleaseState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ReleaseAction>,
    /// To whom.
    pub person_id: PersonId,
    pub released_by: PersonId,
    #[schema(max_length = 500)]
    pub reason: String,
    pub expires_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub opened_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type CredentialReleasePage = Page<CredentialRelease>;

impl Resource for CredentialRelease {
    fn location(&self) -> String {
        format!("/v1/credential-releases/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// To whom an account's credentials are released, and for how long.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000003", "minutes": 60, "reason": "To log in on the new phone." }))]
pub struct NewCredentialRelease {
    /// Somebody who runs the account.
    pub person_id: PersonId,
    /// How long it can be opened.
    #[validate(range(min = 5, max = 1440))]
    #[schema(minimum = 5, maximum = 1440)]
    pub minutes: i32,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<500>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadCredentialReleases>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn state(release: &rows::Release, now: Instant) -> ReleaseState {
    policy::release_state(&policy::Release {
        opened: release.row.opened_at.is_some(),
        revoked: release.row.revoked_at.is_some(),
        expired: release.row.expires_at <= now,
        in_force: release.in_force,
        holder_runs_account: release.holder_runs_account,
    })
}

fn view<P>(me: &Caller<P>, release: rows::Release) -> CredentialRelease {
    let state = state(&release, me.now());
    let row = release.row;
    let held = [
        (ReleaseAction::Open, me.is(row.person_id) && me.may::<OpenCredentialRelease>()),
        (ReleaseAction::Revoke, me.may::<ManageCredentials>()),
    ];
    CredentialRelease {
        id: row.id,
        account_id: row.account_id,
        state,
        allowed_actions: held.into_iter().filter_map(|(action, held)| (held && state == ReleaseState::Ready).then_some(action)).collect(),
        person_id: row.person_id,
        released_by: row.released_by,
        reason: row.reason,
        expires_at: row.expires_at,
        opened_at: row.opened_at,
        revoked_at: row.revoked_at,
        revoked_by: row.revoked_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn event(kind: EventType, row: &ReleaseRow, state: ReleaseState) -> Event {
    let happened = Event::new(kind, row.account_id.uuid()).state(state);
    happened
        .related("release_id", row.id.uuid())
        .related("credential_id", row.credential_id.uuid())
        .related("person_id", row.person_id.uuid())
}

/// Release an account's credentials to somebody who runs it, once (R-IT-2).
///
/// The named person alone can open the release, within its time and for one reading, for as long as the credentials are
/// in force and the person runs the account. Nobody releases credentials to themselves.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])), request_body = NewCredentialRelease,
    responses((status = 201, description = "Released.", body = CredentialRelease), Fails<404, 409>))]
#[post("/v1/accounts/{id}/credentials/release")]
async fn release_account_credentials(
    caller: Caller<ManageCredentials>,
    id: Path<AccountId>,
    new: Valid<NewCredentialRelease>,
) -> Result<Created<CredentialRelease>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let released_by = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            let account = accounts::rows::find(tx, me.school(), accounts::sight(me), *id)?;
            let credential = credentials::rows::in_force(tx, me.school(), *id)?;
            let team = people::rows::members(tx, me, &account.managers)?;
            let named = team.iter().find(|member| member.person == new.person_id);
            policy::may_receive(Recipient {
                oneself: me.is(new.person_id),
                runs_account: named.is_some(),
                active: named.is_some_and(|member| member.active),
            })?;
            // ELIG-1: what would keep them from beginning keeps the password from them.
            eligibility::rows::assess(tx, me.school(), &[new.person_id], me.now())?.gate([new.person_id])?;
            let row = ReleaseRow {
                school_id: me.school(),
                id: CredentialReleaseId::new(),
                account_id: *id,
                credential_id: credential.id,
                person_id: new.person_id,
                released_by,
                reason: new.reason.into_inner(),
                expires_at: me.now() + Duration::minutes(new.minutes.into()),
                opened_at: None,
                revoked_at: None,
                revoked_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            let released = event(EventType::AccountCredentialsReleased, &row, ReleaseState::Ready);
            notifications::rows::notify(tx, me.school(), &[row.person_id], released.kind, released.subject.uuid(), me.now())?;
            events::record(tx, me, released)?;
            Created::new(&view(me, rows::Release { row, in_force: true, holder_runs_account: true }))
        })
        .await
}

/// List releases of credentials.
///
/// Oldest first (R-IT-2). The IT technician sees all of them, everyone else those to themselves.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ReadCredentialReleases])), params(PageQuery),
    responses((status = 200, description = "One page.", body = CredentialReleasePage)))]
#[get("/v1/credential-releases")]
async fn list_credential_releases(
    caller: Caller<ReadCredentialReleases>,
    query: Query<PageQuery>,
) -> Result<Plain<CredentialReleasePage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"credential-releases")?;
    let page = caller
        .read(move |conn, me| {
            let releases = rows::list(conn, me.school(), sight(me), &window, me.today())?;
            Ok(window.page(releases, |release| release.row.id, |release| view(me, release)))
        })
        .await?;
    Plain::page(&page, "/v1/credential-releases", &query.0, query.limit)
}

/// Find a release of credentials.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ReadCredentialReleases])),
    responses((status = 200, description = "The release.", body = CredentialRelease), Fails<404>))]
#[get("/v1/credential-releases/{id}")]
async fn find_credential_release(
    caller: Caller<ReadCredentialReleases>,
    id: Path<CredentialReleaseId>,
) -> Result<Versioned<CredentialRelease>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id, me.today())?))).await
}

/// Open a release of credentials (R-IT-2).
///
/// By the person alone to whom they were released, once. That it was opened is on record before the answer goes out,
/// and from then on the credentials have to be replaced. The answer is never stored: a repeated request with the same
/// `Idempotency-Key` is refused (`answer_shown_once`).
#[utoipa::path(tag = "credentials", security(("oauth2" = [OpenCredentialRelease])),
    responses((status = 200, description = "The credentials.", body = Credentials), Fails<404, 409>))]
#[post("/v1/credential-releases/{id}/open")]
async fn open_credential_release(
    caller: Caller<OpenCredentialRelease>,
    id: Path<CredentialReleaseId>,
    _: NoBody,
    state: Data<State>,
) -> Result<Plain<Credentials>, Problem> {
    let id = id.into_inner();
    credentials::unsealed(caller, &state, move |tx, me, ring| {
        // To its holder alone, whatever else this person may see.
        let holder = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
        let mut release = rows::find(tx, me.school(), Sight::Own(holder), id, me.today())?;
        policy::may_open(self::state(&release, me.now()))?;
        let row = credentials::rows::in_force(tx, me.school(), release.row.account_id)?;
        let answer = credentials::opened(&row, ring)?;
        release.row.opened_at = Some(me.now());
        rows::save(tx, &mut release.row, me.now())?;
        credentials::rows::mark_released(tx, &row, me.today())?;
        events::record(tx, me, event(EventType::AccountCredentialsReleaseOpened, &release.row, ReleaseState::Opened))?;
        Ok(answer)
    })
    .await
}

/// Revoke a release of credentials (R-IT-2).
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])), params(IfMatchHeader),
    responses((status = 200, description = "Revoked.", body = CredentialRelease), Fails<404, 409, 412, 428>))]
#[post("/v1/credential-releases/{id}/revoke")]
async fn revoke_credential_release(
    caller: Caller<ManageCredentials>,
    id: Path<CredentialReleaseId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<CredentialRelease>, Problem> {
    caller
        .write(move |tx, me| {
            let mut release = rows::find(tx, me.school(), sight(me), *id, me.today())?;
            if state(&release, me.now()) != ReleaseState::Ready {
                return Err(Problem::state_conflict([] as [ReleaseAction; 0]));
            }
            seen.check(release.row.version)?;
            release.row.revoked_at = Some(me.now());
            release.row.revoked_by = me.person();
            rows::save(tx, &mut release.row, me.now())?;
            events::record(tx, me, event(EventType::AccountCredentialsReleaseRevoked, &release.row, ReleaseState::Revoked))?;
            Versioned::new(&view(me, release))
        })
        .await
}
