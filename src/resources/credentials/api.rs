//! The operations on credentials.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;
use zeroize::Zeroizing;

use super::rows::{self, CredentialRow, RevealRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageCredentials, ReadCredentialReveals};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, CredentialId, CredentialRevealId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Reply, Resource};
use crate::http::secret::{Secret, to_json};
use crate::http::text::{Day, Line, Prose, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::credentials::{RotationReason, rotation_due};
use crate::problem::{Code, Problem};
use crate::resources::accounts::{self, AccountState};
use crate::vault::{self, Keyring, Label, Sealed, VaultError};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(find_account_credentials)
        .service(store_account_credentials)
        .service(list_credential_versions)
        .service(reveal_account_credentials)
        .service(list_credential_reveals);
}

words! {
    /// Where a version of an account's credentials stands.
    pub enum CredentialState {
        /// In force.
        Current,
        /// Replaced, and destroyed.
        Retired,
        /// Destroyed with the closing of the account.
        Destroyed,
    }

    /// What can be done with an account's credentials.
    pub enum CredentialAction { Replace, Reveal, Release }
}

/// What is known of an account's credentials; never what they are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-00000000000d", "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "number": 2, "state": "current",
    "allowed_actions": ["replace", "reveal", "release"], "fields": ["login", "password", "recovery_codes"],
    "stored_by": "0198a4b2-6f00-7000-8000-000000000002", "stored_at": "2026-01-14T11:00:00Z", "reason": "A manager has left.",
    "rotation_due": { "since_on": "2026-03-02", "reasons": ["released"] }
}))]
pub struct AccountCredentials {
    pub id: CredentialId,
    pub account_id: AccountId,
    /// Which version it is of the account's: the first is 1, and the newest says how many there have been.
    #[schema(minimum = 1)]
    pub number: i32,
    pub state: CredentialState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<CredentialAction>,
    /// The names of the fields that were stored.
    #[schema(max_items = 5, value_type = Vec<Line<40>>, inline)]
    pub fields: Vec<String>,
    pub stored_by: PersonId,
    pub stored_at: Instant,
    /// Why those before were replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub reason: Option<String>,
    /// Whether they have to be replaced; absent where they need not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rotation_due: Option<RotationDue>,
    /// When others took their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retired_at: Option<Instant>,
    /// When what was sealed was destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub destroyed_at: Option<Instant>,
}

type AccountCredentialsPage = Page<AccountCredentials>;

/// The newest version: its number is its version.
impl Resource for AccountCredentials {
    fn location(&self) -> String {
        format!("/v1/accounts/{}/credentials", self.account_id)
    }
    fn version(&self) -> i64 {
        self.number.into()
    }
}

/// Why credentials have to be replaced, and since when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RotationDue {
    pub since_on: Day,
    #[schema(max_items = 3)]
    pub reasons: Vec<RotationReason>,
}

/// How to log in to an account. Every field is kept exactly as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "login": "friends@weald.example", "password": "nine-geese-cross-the-lane", "recovery_codes": ["4821-7730", "1190-5527"] }))]
pub struct Credentials {
    #[schema(inline)]
    pub login: Secret<200>,
    #[schema(inline)]
    pub password: Secret<500>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, inline)]
    pub recovery_codes: Vec<Secret<100>>,
    /// The seed of the second factor's codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub totp_seed: Option<Secret<500>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub note: Option<Secret<2000, true>>,
}

/// Credentials to be stored, in place of those before: the whole of them. They are kept exactly as they are sent.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "login": "friends@weald.example", "password": "nine-geese-cross-the-lane", "recovery_codes": ["4821-7730", "1190-5527"], "reason": "A manager has left." }))]
pub struct NewCredentials {
    #[validate(nested)]
    #[schema(inline)]
    pub login: Secret<200>,
    #[validate(nested)]
    #[schema(inline)]
    pub password: Secret<500>,
    #[serde(default)]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20, inline)]
    pub recovery_codes: Vec<Secret<100>>,
    /// The seed of the second factor's codes.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub totp_seed: Option<Secret<500>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub note: Option<Secret<2000, true>>,
    /// Why those before are replaced. It is no secret, and is kept.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub reason: Option<Prose<500>>,
}

/// Why credentials are revealed.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The platform has locked the account." }))]
pub struct RevealReason {
    // R-IT-2: what is missing is refused as what is blank.
    #[serde(default = "blank")]
    #[validate(nested)]
    #[schema(inline, required)]
    pub reason: Prose<500>,
}

fn blank() -> Prose<500> {
    Prose::from("")
}

/// That somebody had an account's credentials revealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-00000000000e", "account_id": "0198a4b2-6f00-7000-8000-00000000000a",
    "credential_id": "0198a4b2-6f00-7000-8000-00000000000d",
    "revealed_by": "0198a4b2-6f00-7000-8000-000000000002", "revealed_at": "2026-01-20T11:00:00Z", "reason": "The platform has locked the account."
}))]
pub struct CredentialReveal {
    pub id: CredentialRevealId,
    pub account_id: AccountId,
    pub credential_id: CredentialId,
    pub revealed_by: PersonId,
    pub revealed_at: Instant,
    #[schema(max_length = 500)]
    pub reason: String,
}

type CredentialRevealPage = Page<CredentialReveal>;

/// Runs `work` in a transaction with the master keys at hand. Where one is lacking they are read once more, outside
/// of the transaction, and the work begins anew: so nobody notices that the master key is changed.
///
/// # Errors
/// What `work` says; `vault_sealed` where the key is still lacking.
pub async fn unsealed<P: 'static, R: Reply>(
    caller: Caller<P>,
    state: &State,
    work: impl Fn(&mut Conn, &Caller<P>, &Keyring) -> Result<R, Problem> + Clone + Send + 'static,
) -> Result<R, Problem> {
    let attempt = |caller: Caller<P>| {
        let (ring, work) = (state.vault.keyring(), work.clone());
        caller.write(move |tx, me| work(tx, me, &ring))
    };
    let now = caller.now();
    match attempt(caller.clone()).await {
        Err(problem) if problem.code() == Code::VaultSealed => {
            state.vault.refresh(&state.db, now).await?;
            attempt(caller).await
        }
        done => done,
    }
}

/// The answer that shows a secret: the JSON that was sealed, as it is.
///
/// # Errors
/// Where its master key is not at hand, or it was altered or moved.
pub fn opened(row: &CredentialRow, ring: &Keyring) -> Result<Plain<Credentials>, Problem> {
    let mut bytes = row.open(ring)?;
    let json = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| VaultError::Damaged(row.id))?;
    Ok(Plain::secret(Zeroizing::new(json)))
}

fn view(row: CredentialRow, account_closed: bool, due: Option<(NaiveDate, Vec<RotationReason>)>) -> AccountCredentials {
    use strum::IntoEnumIterator;
    let state = match (row.destroyed_at, row.retired_at) {
        (None, _) => CredentialState::Current,
        (Some(_), Some(_)) => CredentialState::Retired,
        (Some(_), None) => CredentialState::Destroyed,
    };
    let actions = state == CredentialState::Current && !account_closed;
    AccountCredentials {
        id: row.id,
        account_id: row.account_id,
        number: row.number,
        state,
        allowed_actions: CredentialAction::iter().filter(|_| actions).collect(),
        fields: row.fields.split(',').map(str::to_owned).collect(),
        stored_by: row.stored_by,
        stored_at: row.stored_at,
        reason: row.reason,
        rotation_due: due.map(|(since_on, reasons)| RotationDue { since_on: Day(since_on), reasons }),
        retired_at: row.retired_at,
        destroyed_at: row.destroyed_at,
    }
}

/// Find an account's credentials: when they were stored, by whom, and whether they have to be replaced.
///
/// Never what they are (R-IT-2). They have to be replaced when somebody who ran the account does so no more, when they
/// were read under a release, and after a year.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])),
    responses((status = 200, description = "The newest version.", body = AccountCredentials), Fails<404>))]
#[get("/v1/accounts/{id}/credentials")]
async fn find_account_credentials(caller: Caller<ManageCredentials>, id: Path<AccountId>) -> Result<Plain<AccountCredentials>, Problem> {
    caller
        .read(move |conn, me| {
            let account = accounts::rows::find(conn, me.school(), accounts::sight(me), *id)?;
            let row = rows::newest(conn, me.school(), *id)?.ok_or_else(Problem::not_found)?;
            let due = match row.destroyed_at {
                None => rotation_due(&rows::history(conn, &row, me.today())?, me.today()),
                Some(_) => None,
            };
            Plain::new(&view(row, account.row.state == AccountState::Closed, due))
        })
        .await
}

/// Store an account's credentials, in place of those before (R-IT-2).
///
/// Sealed in the vault. What was stored before is destroyed in the same transaction; the record of it is kept. A
/// closed account has none.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])), request_body = NewCredentials,
    responses((status = 201, description = "Stored.", body = AccountCredentials), Fails<404, 409>))]
#[post("/v1/accounts/{id}/credentials")]
async fn store_account_credentials(
    caller: Caller<ManageCredentials>,
    id: Path<AccountId>,
    new: Valid<NewCredentials>,
    state: Data<State>,
) -> Result<Created<AccountCredentials>, Problem> {
    let NewCredentials { login, password, recovery_codes, totp_seed, note, reason } = new.into_inner();
    let content = Arc::new(Credentials { login, password, recovery_codes, totp_seed, note });
    let (account, reason) = (*id, reason.map(Prose::into_inner));
    unsealed(caller, &state, move |tx, me, ring| {
        let stored_by = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
        if accounts::rows::find(tx, me.school(), accounts::sight(me), account)?.row.state == AccountState::Closed {
            return Err(Problem::new(Code::StateConflict).detail("This account is closed; it has no credentials any more."));
        }
        let before = rows::newest(tx, me.school(), account)?;
        let label = Label {
            school: me.school(),
            account,
            credential: CredentialId::new(),
            number: before.as_ref().map_or(0, |row| row.number) + 1,
        };
        let json = to_json(&*content).map_err(Problem::internal)?;
        let Sealed { master_key_id, key, content: sealed } = vault::seal(vault::sealing_key(tx, ring)?, &label, &json)?;
        if let Some(before) = before.as_ref().filter(|row| row.destroyed_at.is_none()) {
            rows::destroy(tx, before, Some(me.now()), me.now())?;
        }
        let row = CredentialRow {
            school_id: label.school,
            id: label.credential,
            account_id: account,
            number: label.number,
            fields: content.fields().join(","),
            master_key_id: Some(master_key_id),
            sealed_key: Some(key),
            sealed_content: Some(sealed),
            stored_by,
            stored_at: me.now(),
            stored_on: me.today(),
            reason: reason.clone(),
            leaver_on: None,
            released_on: None,
            retired_at: None,
            destroyed_at: None,
        };
        rows::insert(tx, &row)?;
        let kind = if before.is_some() { EventType::AccountCredentialsRotated } else { EventType::AccountCredentialsStored };
        events::record(tx, me, Event::new(kind, account.uuid()).related("credential_id", row.id.uuid()))?;
        Created::new(&view(row, false, None))
    })
    .await
}

impl Credentials {
    /// The names of the fields that there are.
    fn fields(&self) -> Vec<&'static str> {
        [
            ("login", true),
            ("password", true),
            ("recovery_codes", !self.recovery_codes.is_empty()),
            ("totp_seed", self.totp_seed.is_some()),
            ("note", self.note.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }
}

/// List the versions of an account's credentials.
///
/// Oldest first, never what they are (R-IT-2). Whether the newest has to be replaced is said where it stands alone.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])), params(PageQuery),
    responses((status = 200, description = "One page.", body = AccountCredentialsPage), Fails<404>))]
#[get("/v1/accounts/{id}/credentials/versions")]
async fn list_credential_versions(
    caller: Caller<ManageCredentials>,
    id: Path<AccountId>,
    query: Query<PageQuery>,
) -> Result<Plain<AccountCredentialsPage>, Problem> {
    let id = id.into_inner();
    let window = Window::new(query.cursor.as_deref(), query.limit, &("credential-versions", id))?;
    let page = caller
        .read(move |conn, me| {
            let account = accounts::rows::find(conn, me.school(), accounts::sight(me), id)?;
            let closed = account.row.state == AccountState::Closed;
            let versions = rows::list(conn, me.school(), id, &window)?;
            Ok(window.page(versions, |row| row.number, |row| view(row, closed, None)))
        })
        .await?;
    Plain::page(&page, &format!("/v1/accounts/{id}/credentials/versions"), &query.0, query.limit)
}

/// Reveal an account's credentials, with a reason (R-IT-2).
///
/// To the IT technician alone; who did and why is on record before the answer goes out. The answer is never stored: a
/// repeated request with the same `Idempotency-Key` is refused (`answer_shown_once`).
#[utoipa::path(tag = "credentials", security(("oauth2" = [ManageCredentials])), request_body = RevealReason,
    responses((status = 200, description = "The credentials.", body = Credentials), Fails<404, 409>))]
#[post("/v1/accounts/{id}/credentials/reveal")]
async fn reveal_account_credentials(
    caller: Caller<ManageCredentials>,
    id: Path<AccountId>,
    why: Valid<RevealReason>,
    state: Data<State>,
) -> Result<Plain<Credentials>, Problem> {
    let id = id.into_inner();
    unsealed(caller, &state, move |tx, me, ring| {
        accounts::rows::find(tx, me.school(), accounts::sight(me), id)?;
        let row = rows::in_force(tx, me.school(), id)?;
        let answer = opened(&row, ring)?;
        let reveal = RevealRow {
            school_id: me.school(),
            id: CredentialRevealId::new(),
            account_id: id,
            credential_id: row.id,
            revealed_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
            revealed_at: me.now(),
            reason: why.reason.as_str().to_owned(),
        };
        rows::insert_reveal(tx, &reveal)?;
        let revealed = Event::new(EventType::AccountCredentialsRevealed, id.uuid());
        events::record(tx, me, revealed.related("credential_id", row.id.uuid()).related("reveal_id", reveal.id.uuid()))?;
        Ok(answer)
    })
    .await
}

/// List who had an account's credentials revealed, and why.
///
/// Oldest first (R-IT-2). For those who watch over it: it shows nothing of the credentials.
#[utoipa::path(tag = "credentials", security(("oauth2" = [ReadCredentialReveals])), params(PageQuery),
    responses((status = 200, description = "One page.", body = CredentialRevealPage), Fails<404>))]
#[get("/v1/accounts/{id}/credentials/reveals")]
async fn list_credential_reveals(
    caller: Caller<ReadCredentialReveals>,
    id: Path<AccountId>,
    query: Query<PageQuery>,
) -> Result<Plain<CredentialRevealPage>, Problem> {
    let id = id.into_inner();
    let window = Window::new(query.cursor.as_deref(), query.limit, &("credential-reveals", id))?;
    let page = caller
        .read(move |conn, me| {
            accounts::rows::find(conn, me.school(), accounts::sight(me), id)?;
            let reveals = rows::reveals(conn, me.school(), id, &window)?;
            Ok(window.page(reveals, |row| row.id, reveal_view))
        })
        .await?;
    Plain::page(&page, &format!("/v1/accounts/{id}/credentials/reveals"), &query.0, query.limit)
}

fn reveal_view(row: RevealRow) -> CredentialReveal {
    CredentialReveal {
        id: row.id,
        account_id: row.account_id,
        credential_id: row.credential_id,
        revealed_by: row.revealed_by,
        revealed_at: row.revealed_at,
        reason: row.reason,
    }
}
