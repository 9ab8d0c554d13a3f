//! Sessions: what a login opens, refresh tokens prolong and revocation ends.

use std::net::IpAddr;

use chrono::Duration;
use diesel::prelude::*;
use uuid::Uuid;

use super::caller::Identity;
use super::permissions::scopes_of;
use super::services::admits;
use super::tokens::Claims;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{delegations, people, person_roles, refresh_tokens, schools, service_accounts, sessions};
use crate::db::types::{PersonId, SchoolId, ServiceAccountId, SessionId};
use crate::policy::deadline::{local_day, time_zone};
use crate::policy::roles::{Role, has_left};

/// How long a session can be prolonged.
pub const LIFE: Duration = Duration::hours(12);

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Person(PersonId),
    Service(ServiceAccountId),
}

/// An open session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub school: SchoolId,
    pub holder: Holder,
    pub client_id: String,
    /// What the login asked for, if it did in particular: no refresh gives more (RFC 6749, section 6).
    pub scope: Option<String>,
}

impl Holder {
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Person(id) => id.uuid(),
            Self::Service(id) => id.uuid(),
        }
    }
}

/// Opens a session.
///
/// # Errors
/// Where the database gives none.
pub fn open(tx: &mut Conn, school: SchoolId, holder: Holder, client_id: &str, scope: Option<String>, now: Instant) -> QueryResult<Session> {
    let session = Session { id: SessionId::new(), school, holder, client_id: client_id.to_owned(), scope };
    let (person, service) = match holder {
        Holder::Person(id) => (Some(id), None),
        Holder::Service(id) => (None, Some(id)),
    };
    diesel::insert_into(sessions::table)
        .values((
            sessions::school_id.eq(school),
            sessions::id.eq(session.id),
            sessions::person_id.eq(person),
            sessions::service_account_id.eq(service),
            sessions::client_id.eq(client_id),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(now + LIFE),
            sessions::scope.eq(&session.scope),
        ))
        .execute(tx)?;
    Ok(session)
}

/// A new refresh token of a session; only its digest is kept.
///
/// # Errors
/// Where the database gives none.
pub fn new_refresh_token(tx: &mut Conn, session: &Session, expires_at: Instant) -> QueryResult<String> {
    let token = super::new_secret();
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(super::digest(&token)),
            refresh_tokens::school_id.eq(session.school),
            refresh_tokens::session_id.eq(session.id),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(tx)?;
    Ok(token)
}

/// What became of a refresh token that was presented.
pub enum Refresh {
    /// Spent now; the session goes on until then.
    Good(Session, Instant),
    /// Spent before: somebody else has it, and the whole session has been ended.
    Reused(Session),
    Unknown,
}

/// A refresh token (used, expires) with its session (school, id, person, client, scope, expires, revoked).
type Spendable = (Option<Instant>, Instant, SchoolId, SessionId, Option<PersonId>, String, Option<String>, Instant, Option<Instant>);

/// Spends a refresh token.
///
/// # Errors
/// Where the database gives none.
pub fn spend(tx: &mut Conn, token: &str, client_id: &str, now: Instant) -> QueryResult<Refresh> {
    let hash = super::digest(token);
    let found: Option<Spendable> = refresh_tokens::table
        .inner_join(sessions::table.on(sessions::school_id.eq(refresh_tokens::school_id).and(sessions::id.eq(refresh_tokens::session_id))))
        .filter(refresh_tokens::token_hash.eq(&hash))
        .select((
            refresh_tokens::used_at.nullable(),
            refresh_tokens::expires_at,
            sessions::school_id,
            sessions::id,
            sessions::person_id.nullable(),
            sessions::client_id,
            sessions::scope,
            sessions::expires_at,
            sessions::revoked_at.nullable(),
        ))
        .first(tx)
        .optional()?;
    let Some((used, expires, school, id, Some(person), holder_client, scope, session_expires, revoked)) = found else {
        return Ok(Refresh::Unknown);
    };
    if holder_client != client_id || revoked.is_some() || expires <= now || session_expires <= now {
        return Ok(Refresh::Unknown);
    }
    let session = Session { id, school, holder: Holder::Person(person), client_id: holder_client, scope };
    if used.is_some() {
        revoke(tx, school, id, now)?;
        return Ok(Refresh::Reused(session));
    }
    diesel::update(refresh_tokens::table.find(&hash)).set(refresh_tokens::used_at.eq(now)).execute(tx)?;
    Ok(Refresh::Good(session, session_expires))
}

/// The session of a refresh token, and the client that it was given to.
///
/// # Errors
/// Where the database gives none.
pub fn of_refresh_token(conn: &mut Conn, token: &str) -> QueryResult<Option<(SchoolId, SessionId, String)>> {
    refresh_tokens::table
        .inner_join(sessions::table.on(sessions::school_id.eq(refresh_tokens::school_id).and(sessions::id.eq(refresh_tokens::session_id))))
        .filter(refresh_tokens::token_hash.eq(super::digest(token)))
        .select((sessions::school_id, sessions::id, sessions::client_id))
        .first(conn)
        .optional()
}

/// Ends a session: its tokens are dead at once.
///
/// # Errors
/// Where the database gives none.
pub fn revoke(tx: &mut Conn, school: SchoolId, session: SessionId, now: Instant) -> QueryResult<()> {
    diesel::update(sessions::table.find((school, session)).filter(sessions::revoked_at.is_null()))
        .set(sessions::revoked_at.eq(now))
        .execute(tx)?;
    Ok(())
}

/// Ends every session of some people.
///
/// # Errors
/// Where the database gives none.
pub fn revoke_all(tx: &mut Conn, school: SchoolId, people: &[PersonId], now: Instant) -> QueryResult<()> {
    diesel::update(
        sessions::table
            .filter(sessions::school_id.eq(school))
            .filter(sessions::person_id.eq_any(people.iter().copied().map(Some).collect::<Vec<_>>()))
            .filter(sessions::revoked_at.is_null()),
    )
    .set(sessions::revoked_at.eq(now))
    .execute(tx)?;
    Ok(())
}

/// The roles that the school grants to a person.
///
/// # Errors
/// Where the database gives none.
pub fn roles_of(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<Vec<Role>> {
    person_roles::table
        .filter(person_roles::school_id.eq(school))
        .filter(person_roles::person_id.eq(person))
        .order(person_roles::role)
        .select(person_roles::role)
        .load(conn)
}

/// The holder of a session: the person and when they left, or the service account with its end, its permissions and
/// from where it may call; the school's time zone.
type Bearer =
    (Option<PersonId>, Option<chrono::NaiveDate>, Option<ServiceAccountId>, Option<Instant>, Option<String>, Option<String>, String);

/// Who presents these claims from that address, as things are now; `None` where the session or its holder has ended, or
/// a service calls from elsewhere than it may.
///
/// # Errors
/// Where the database gives none.
pub fn identity(conn: &mut Conn, claims: &Claims, from: IpAddr, now: Instant) -> QueryResult<Option<Identity>> {
    let school = SchoolId::from(claims.school);
    let found: Option<Bearer> =
        sessions::table
            .inner_join(schools::table.on(schools::id.eq(sessions::school_id)))
            .left_join(people::table.on(people::school_id.eq(sessions::school_id).and(people::id.nullable().eq(sessions::person_id))))
            .left_join(service_accounts::table.on(
                service_accounts::school_id.eq(sessions::school_id).and(service_accounts::id.nullable().eq(sessions::service_account_id)),
            ))
            .filter(sessions::school_id.eq(school))
            .filter(sessions::id.eq(SessionId::from(claims.sid)))
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::expires_at.gt(now))
            .select((
                people::id.nullable(),
                people::left_on.nullable(),
                service_accounts::id.nullable(),
                service_accounts::revoked_at.nullable(),
                service_accounts::permissions.nullable(),
                service_accounts::allowed_networks.nullable(),
                schools::time_zone,
            ))
            .first(conn)
            .optional()?;
    let Some((person, left_on, service, service_revoked, permissions, networks, zone)) = found else { return Ok(None) };
    let zone = time_zone(&zone);
    let today = local_day(*now, zone);
    let mut scopes: Vec<String> = claims.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let (roles, delegated_by) = if let Some(id) = person.filter(|id| id.uuid() == claims.sub && !has_left(left_on, today)) {
        let claimed = claims.known_roles();
        let mut roles = roles_of(conn, school, id)?;
        roles.retain(|role| claimed.contains(role));
        let delegated_by = if roles.contains(&Role::LeadershipTeam) { delegated(conn, school, id, today)? } else { Vec::new() };
        (roles, delegated_by)
    } else if service.is_some_and(|id| id.uuid() == claims.sub) && service_revoked.is_none() && admits(&networks.unwrap_or_default(), from)
    {
        let permitted = permissions.unwrap_or_default();
        scopes.retain(|scope| permitted.split(' ').any(|permission| permission == scope));
        (vec![Role::MisIntegration], Vec::new())
    } else {
        return Ok(None);
    };
    Ok(Some(Identity { school, zone, person, service, client_id: claims.client_id.clone(), roles, delegated_by, scopes }))
}

/// As whom somebody stands now, without a token: for what is done on their behalf. `None` where they have left, or the
/// service account was revoked.
///
/// # Errors
/// Where the database gives none.
pub fn standing(conn: &mut Conn, school: SchoolId, holder: Holder, now: Instant) -> QueryResult<Option<Identity>> {
    let zone: String = schools::table.find(school).select(schools::time_zone).first(conn)?;
    let zone = time_zone(&zone);
    let nobody = Identity {
        school,
        zone,
        person: None,
        service: None,
        client_id: "weald".into(),
        roles: vec![Role::MisIntegration],
        delegated_by: Vec::new(),
        scopes: Vec::new(),
    };
    match holder {
        Holder::Person(id) => {
            let today = local_day(*now, zone);
            let left_on: Option<Option<chrono::NaiveDate>> =
                people::table.find((school, id)).select(people::left_on).first(conn).optional()?;
            if left_on.is_none_or(|left_on| has_left(left_on, today)) {
                return Ok(None);
            }
            let roles = roles_of(conn, school, id)?;
            let delegated_by = if roles.contains(&Role::LeadershipTeam) { delegated(conn, school, id, today)? } else { Vec::new() };
            let scopes = scopes_of(&roles).into_iter().map(str::to_owned).collect();
            Ok(Some(Identity { person: Some(id), roles, delegated_by, scopes, ..nobody }))
        }
        Holder::Service(id) => {
            let account = service_accounts::table.find((school, id)).filter(service_accounts::revoked_at.is_null());
            let found: Option<(String, String)> =
                account.select((service_accounts::client_id, service_accounts::permissions)).first(conn).optional()?;
            Ok(found.map(|(client_id, permissions)| Identity {
                service: Some(id),
                client_id,
                scopes: permissions.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
                ..nobody
            }))
        }
    }
}

/// Who granted the headteacher's delegations that a person holds today (A10).
///
/// # Errors
/// Where the database gives none.
pub(super) fn delegated(conn: &mut Conn, school: SchoolId, person: PersonId, today: chrono::NaiveDate) -> QueryResult<Vec<PersonId>> {
    delegations::table
        .filter(delegations::school_id.eq(school))
        .filter(delegations::delegate_id.eq(person))
        .filter(delegations::starts_on.le(today))
        .filter(delegations::ends_on.ge(today))
        .filter(delegations::revoked_at.is_null())
        .select(delegations::granted_by)
        .load(conn)
}
