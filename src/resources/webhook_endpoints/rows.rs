//! Endpoints, their secrets and deliveries in the database.

use std::collections::HashSet;

use diesel::dsl::min;
use diesel::prelude::*;
use zeroize::Zeroizing;

use super::rules::{DeliveryError, DisabledReason, GRACE, WebhookDeliveryState, WebhookEndpointState};
use crate::access::sessions::Holder;
use crate::clock::Instant;
use crate::db::bulk::insert_all;
use crate::db::schema::{webhook_deliveries, webhook_endpoints, webhook_secrets};
use crate::db::types::{EventId, LeaseHolder, PersonId, SchoolId, ServiceAccountId, SubjectId, WebhookDeliveryId, WebhookEndpointId};
use crate::db::{Conn, MultiBackend};
use crate::events::EventRow;
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;
use crate::vault::{self, Keyring, Label, Sealed, VaultError};

/// One row of `webhook_endpoints`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_endpoints, primary_key(school_id, id), treat_none_as_null = true)]
pub struct EndpointRow {
    pub school_id: SchoolId,
    pub id: WebhookEndpointId,
    /// The owner: a person, or a service account.
    pub person_id: Option<PersonId>,
    pub service_account_id: Option<ServiceAccountId>,
    pub url: String,
    pub description: Option<String>,
    /// Separated by spaces; none: all.
    pub event_types: String,
    pub state: WebhookEndpointState,
    pub disabled_reason: Option<DisabledReason>,
    pub disabled_at: Option<Instant>,
    /// The number of the last event for which there are deliveries, as far as there are to be any.
    pub position: i64,
    /// Since when no attempt has succeeded, and how the last one failed.
    pub failing_since: Option<Instant>,
    pub last_error: Option<DeliveryError>,
    pub last_status: Option<i32>,
    /// Which running program delivers, and until when nobody else does.
    pub leased_by: Option<LeaseHolder>,
    pub leased_until: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// The rights of the token with which the owner made it or last enabled or edited it, each separated by spaces: it
    /// reads with no more, whatever else the owner may.
    pub roles: String,
    pub scopes: String,
}

impl EndpointRow {
    pub fn owner(&self) -> Option<Holder> {
        self.person_id.map(Holder::Person).or(self.service_account_id.map(Holder::Service))
    }

    pub fn types(&self) -> Vec<String> {
        self.event_types.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

/// One row of `webhook_deliveries`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_deliveries, primary_key(school_id, id), treat_none_as_null = true)]
pub struct DeliveryRow {
    pub school_id: SchoolId,
    pub id: WebhookDeliveryId,
    pub endpoint_id: WebhookEndpointId,
    pub event_number: i64,
    pub event_id: EventId,
    pub event_type: String,
    pub subject_id: SubjectId,
    pub state: WebhookDeliveryState,
    pub attempts: i32,
    pub next_at: Instant,
    pub last_at: Option<Instant>,
    pub last_error: Option<DeliveryError>,
    pub last_status: Option<i32>,
    pub delivered_at: Option<Instant>,
    pub created_at: Instant,
}

/// One row of `webhook_secrets`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_secrets)]
pub struct SecretRow {
    pub school_id: SchoolId,
    pub endpoint_id: WebhookEndpointId,
    pub number: i32,
    pub master_key_id: String,
    pub sealed_key: Vec<u8>,
    pub sealed_content: Vec<u8>,
    pub expires_at: Option<Instant>,
    pub created_at: Instant,
}

impl SecretRow {
    fn sealed(&self) -> Sealed {
        Sealed { master_key_id: self.master_key_id.clone(), key: self.sealed_key.clone(), content: self.sealed_content.clone() }
    }

    /// The secret.
    ///
    /// # Errors
    /// Where its master key is not at hand, or it was altered or moved.
    pub fn open(&self, ring: &Keyring) -> Result<Zeroizing<String>, VaultError> {
        let label = label(self.school_id, self.endpoint_id, self.number);
        let mut bytes = vault::open(ring, &label, &self.sealed())?;
        String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| VaultError::Damaged(label.credential))
    }
}

/// Ids are unique whatever they are of: an endpoint stands where an account does, and for its own credentials.
fn label(school: SchoolId, endpoint: WebhookEndpointId, number: i32) -> Label {
    Label { school, account: endpoint.uuid().into(), credential: endpoint.uuid().into(), number }
}

/// The endpoint.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: WebhookEndpointId) -> Result<EndpointRow, Problem> {
    let row = webhook_endpoints::table.find((school, id)).select(EndpointRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of endpoints, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, window: &Window<WebhookEndpointId>) -> QueryResult<Vec<EndpointRow>> {
    let mut query = webhook_endpoints::table
        .filter(webhook_endpoints::school_id.eq(school))
        .order(webhook_endpoints::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(webhook_endpoints::id.gt(after));
    }
    query.select(EndpointRow::as_select()).load(conn)
}

/// Every endpoint that is enabled, of all schools.
///
/// # Errors
/// Where the database gives none.
pub fn enabled(conn: &mut Conn) -> QueryResult<Vec<EndpointRow>> {
    let enabled = webhook_endpoints::table.filter(webhook_endpoints::state.eq(WebhookEndpointState::Enabled));
    enabled.order((webhook_endpoints::school_id, webhook_endpoints::id)).select(EndpointRow::as_select()).load(conn)
}

/// How many endpoints of a school are enabled.
///
/// # Errors
/// Where the database gives none.
pub fn count_enabled(conn: &mut Conn, school: SchoolId) -> QueryResult<i64> {
    let ours = webhook_endpoints::table.filter(webhook_endpoints::school_id.eq(school));
    ours.filter(webhook_endpoints::state.eq(WebhookEndpointState::Enabled)).count().get_result(conn)
}

/// Stores a new endpoint.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &EndpointRow) -> QueryResult<()> {
    diesel::insert_into(webhook_endpoints::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed endpoint under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut EndpointRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let endpoint = webhook_endpoints::table.find((row.school_id, row.id)).filter(webhook_endpoints::version.eq(read));
    precondition::saved(diesel::update(endpoint).set(row).execute(tx)?)
}

/// Stores how delivering goes: no change of the endpoint itself, so its version stays.
///
/// # Errors
/// Where the database gives none.
pub fn note(tx: &mut Conn, row: &EndpointRow) -> QueryResult<()> {
    diesel::update(webhook_endpoints::table.find((row.school_id, row.id))).set(row).execute(tx)?;
    Ok(())
}

/// Stores a new secret; the one before goes on signing for a while, the one before that no longer.
///
/// # Errors
/// Where the master key is not at hand.
pub fn add_secret(tx: &mut Conn, endpoint: &EndpointRow, secret: &str, ring: &Keyring, now: Instant) -> Result<(), Problem> {
    let (school, id) = (endpoint.school_id, endpoint.id);
    let before = secrets(tx, school, id)?;
    let newest = before.iter().map(|row| row.number).max().unwrap_or(0);
    let ours = webhook_secrets::table.filter(webhook_secrets::school_id.eq(school)).filter(webhook_secrets::endpoint_id.eq(id));
    diesel::delete(ours.filter(webhook_secrets::number.lt(newest))).execute(tx)?;
    diesel::update(ours).set(webhook_secrets::expires_at.eq(Some(now + GRACE))).execute(tx)?;
    let number = newest + 1;
    let Sealed { master_key_id, key, content } = vault::seal(vault::sealing_key(tx, ring)?, &label(school, id, number), secret.as_bytes())?;
    let row = SecretRow {
        school_id: school,
        endpoint_id: id,
        number,
        master_key_id,
        sealed_key: key,
        sealed_content: content,
        expires_at: None,
        created_at: now,
    };
    diesel::insert_into(webhook_secrets::table).values(&row).execute(tx)?;
    Ok(())
}

/// The secrets of an endpoint, newest first: expired ones too, until the next rotation.
///
/// # Errors
/// Where the database gives none.
pub fn secrets(conn: &mut Conn, school: SchoolId, endpoint: WebhookEndpointId) -> QueryResult<Vec<SecretRow>> {
    let ours = webhook_secrets::table.filter(webhook_secrets::school_id.eq(school)).filter(webhook_secrets::endpoint_id.eq(endpoint));
    ours.order(webhook_secrets::number.desc()).select(SecretRow::as_select()).load(conn)
}

/// Until when the secret before the last rotation signs, by endpoint.
///
/// # Errors
/// Where the database gives none.
pub fn expiring(conn: &mut Conn, school: SchoolId, endpoints: &[WebhookEndpointId]) -> QueryResult<Vec<(WebhookEndpointId, Instant)>> {
    let ours = webhook_secrets::table.filter(webhook_secrets::school_id.eq(school)).filter(webhook_secrets::expires_at.is_not_null());
    let ours = ours.filter(webhook_secrets::endpoint_id.eq_any(endpoints.to_vec()));
    let found: Vec<(WebhookEndpointId, Option<Instant>)> =
        ours.select((webhook_secrets::endpoint_id, webhook_secrets::expires_at)).load(conn)?;
    Ok(found.into_iter().filter_map(|(id, end)| Some((id, end?))).collect())
}

/// Every secret of a school; for the commands.
///
/// # Errors
/// Where the database gives none.
pub fn all_secrets(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<SecretRow>> {
    webhook_secrets::table.filter(webhook_secrets::school_id.eq(school)).select(SecretRow::as_select()).load(conn)
}

/// The ids of the master keys under which secrets of any school are sealed.
///
/// # Errors
/// Where the database gives none.
pub fn master_keys_in_use(conn: &mut Conn) -> QueryResult<Vec<String>> {
    webhook_secrets::table.select(webhook_secrets::master_key_id).distinct().load(conn)
}

/// Seals the keys of a school's secrets under the current master key; how many. What does not open stays as it is.
///
/// # Errors
/// Where the current master key is not at hand.
pub fn reseal(tx: &mut Conn, ring: &Keyring, school: SchoolId) -> Result<usize, VaultError> {
    let current = vault::sealing_key(tx, ring)?;
    let mut resealed = 0;
    for row in all_secrets(tx, school)?.into_iter().filter(|row| row.master_key_id != current.id()) {
        let label = label(school, row.endpoint_id, row.number);
        let Ok(Sealed { master_key_id, key, .. }) = vault::reseal(ring, current, &label, row.sealed()) else { continue };
        diesel::update(webhook_secrets::table.find((school, row.endpoint_id, row.number)))
            .set((webhook_secrets::master_key_id.eq(master_key_id), webhook_secrets::sealed_key.eq(key)))
            .execute(tx)?;
        resealed += 1;
    }
    Ok(resealed)
}

/// Which deliveries a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<WebhookDeliveryState>,
    pub types: Vec<String>,
}

type Deliveries<'a> = webhook_deliveries::BoxedQuery<'a, MultiBackend>;

/// One page of an endpoint's deliveries, newest first.
pub fn listing<'a>(
    school: SchoolId,
    endpoint: WebhookEndpointId,
    filter: &Filter,
    after: Option<WebhookDeliveryId>,
    most: i64,
) -> Deliveries<'a> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(school))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id.desc())
        .limit(most)
        .into_boxed();
    if !filter.states.is_empty() {
        query = query.filter(webhook_deliveries::state.eq_any(filter.states.clone()));
    }
    if !filter.types.is_empty() {
        query = query.filter(webhook_deliveries::event_type.eq_any(filter.types.clone()));
    }
    if let Some(after) = after {
        query = query.filter(webhook_deliveries::id.lt(after));
    }
    query
}

/// # Errors
/// Where the database gives none.
pub fn list_deliveries(
    conn: &mut Conn,
    school: SchoolId,
    endpoint: WebhookEndpointId,
    filter: &Filter,
    after: Option<WebhookDeliveryId>,
    most: i64,
) -> QueryResult<Vec<DeliveryRow>> {
    listing(school, endpoint, filter, after, most).select(DeliveryRow::as_select()).load(conn)
}

/// The delivery, if there is such a one.
///
/// # Errors
/// Where the database gives none.
pub fn delivery(conn: &mut Conn, school: SchoolId, id: WebhookDeliveryId) -> QueryResult<Option<DeliveryRow>> {
    webhook_deliveries::table.find((school, id)).select(DeliveryRow::as_select()).first(conn).optional()
}

/// # Errors
/// Where the database gives none.
pub fn save_delivery(tx: &mut Conn, row: &DeliveryRow) -> QueryResult<()> {
    diesel::update(webhook_deliveries::table.find((row.school_id, row.id))).set(row).execute(tx)?;
    Ok(())
}

/// Has events delivered to an endpoint: each at once, or behind the earlier one on the same thing that is still to be.
///
/// # Errors
/// Where the database gives none.
pub fn add_deliveries(tx: &mut Conn, endpoint: &EndpointRow, happened: &[EventRow], now: Instant) -> QueryResult<()> {
    let subjects: Vec<SubjectId> = happened.iter().map(|event| event.subject_id).collect();
    let ahead = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id))
        .filter(webhook_deliveries::subject_id.eq_any(subjects))
        .filter(webhook_deliveries::state.ne(WebhookDeliveryState::Delivered));
    let mut ahead: HashSet<SubjectId> = ahead.select(webhook_deliveries::subject_id).distinct().load(tx)?.into_iter().collect();
    let delivery = |event: &EventRow| {
        let state = if ahead.insert(event.subject_id) { WebhookDeliveryState::Pending } else { WebhookDeliveryState::Waiting };
        DeliveryRow {
            school_id: endpoint.school_id,
            id: WebhookDeliveryId::new(),
            endpoint_id: endpoint.id,
            event_number: event.number,
            event_id: event.id,
            event_type: event.event_type.clone(),
            subject_id: event.subject_id,
            state,
            attempts: 0,
            next_at: now,
            last_at: None,
            last_error: None,
            last_status: None,
            delivered_at: None,
            created_at: now,
        }
    };
    let rows: Vec<DeliveryRow> = happened.iter().map(delivery).collect();
    insert_all!(tx, webhook_deliveries::table, rows)
}

/// When the next delivery of an endpoint is due.
///
/// # Errors
/// Where the database gives none.
pub fn next_due(conn: &mut Conn, endpoint: &EndpointRow) -> QueryResult<Option<Instant>> {
    webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id))
        .filter(webhook_deliveries::state.eq(WebhookDeliveryState::Pending))
        .order(webhook_deliveries::next_at)
        .select(webhook_deliveries::next_at)
        .first(conn)
        .optional()
}

/// Up to `most` deliveries that are due and not under way.
///
/// # Errors
/// Where the database gives none.
pub fn due(
    conn: &mut Conn,
    endpoint: &EndpointRow,
    under_way: &[WebhookDeliveryId],
    most: usize,
    now: Instant,
) -> QueryResult<Vec<DeliveryRow>> {
    webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id))
        .filter(webhook_deliveries::state.eq(WebhookDeliveryState::Pending))
        .filter(webhook_deliveries::next_at.le(now))
        .filter(webhook_deliveries::id.ne_all(under_way.to_vec()))
        .order((webhook_deliveries::next_at, webhook_deliveries::event_number))
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select(DeliveryRow::as_select())
        .load(conn)
}

/// Lets the next delivery on a thing come up, where none is before it.
///
/// # Errors
/// Where the database gives none.
pub fn promote(tx: &mut Conn, endpoint: &EndpointRow, subject: SubjectId, now: Instant) -> QueryResult<()> {
    let of_subject = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id))
        .filter(webhook_deliveries::subject_id.eq(subject));
    let ahead = [WebhookDeliveryState::Pending, WebhookDeliveryState::Failed];
    let ahead: i64 = of_subject.filter(webhook_deliveries::state.eq_any(ahead)).count().get_result(tx)?;
    let next: Option<WebhookDeliveryId> = of_subject
        .filter(webhook_deliveries::state.eq(WebhookDeliveryState::Waiting))
        .order(webhook_deliveries::event_number)
        .select(webhook_deliveries::id)
        .first(tx)
        .optional()?;
    if let (0, Some(id)) = (ahead, next) {
        diesel::update(webhook_deliveries::table.find((endpoint.school_id, id)))
            .set((webhook_deliveries::state.eq(WebhookDeliveryState::Pending), webhook_deliveries::next_at.eq(now)))
            .execute(tx)?;
    }
    Ok(())
}

/// Removes a delivery of what the owner may not know of any more.
///
/// # Errors
/// Where the database gives none.
pub fn drop_delivery(tx: &mut Conn, endpoint: &EndpointRow, row: &DeliveryRow, now: Instant) -> QueryResult<()> {
    diesel::delete(webhook_deliveries::table.find((row.school_id, row.id))).execute(tx)?;
    promote(tx, endpoint, row.subject_id, now)
}

/// Begins anew with everything that was not delivered, from the first attempt, in order.
///
/// # Errors
/// Where the database gives none.
pub fn begin_anew(tx: &mut Conn, endpoint: &EndpointRow, now: Instant) -> QueryResult<()> {
    /// Parameters that one statement takes on either engine.
    const CHUNK: usize = 1000;
    let ours = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id));
    let left = ours.filter(webhook_deliveries::state.ne(WebhookDeliveryState::Delivered));
    diesel::update(left)
        .set((
            webhook_deliveries::state.eq(WebhookDeliveryState::Waiting),
            webhook_deliveries::attempts.eq(0),
            webhook_deliveries::next_at.eq(now),
        ))
        .execute(tx)?;
    let waiting = ours.filter(webhook_deliveries::state.eq(WebhookDeliveryState::Waiting));
    let first: Vec<Option<i64>> =
        waiting.group_by(webhook_deliveries::subject_id).select(min(webhook_deliveries::event_number)).load(tx)?;
    let first: Vec<i64> = first.into_iter().flatten().collect();
    for chunk in first.chunks(CHUNK) {
        diesel::update(ours.filter(webhook_deliveries::event_number.eq_any(chunk.to_vec())))
            .set(webhook_deliveries::state.eq(WebhookDeliveryState::Pending))
            .execute(tx)?;
    }
    Ok(())
}

/// Goes back to where an endpoint stood before an event: what was made of it and of what followed is made anew.
///
/// # Errors
/// Where the database gives none.
pub fn rewind(tx: &mut Conn, endpoint: &mut EndpointRow, first: i64, now: Instant) -> QueryResult<()> {
    endpoint.position = endpoint.position.min(first - 1);
    let later = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(endpoint.school_id))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.id))
        .filter(webhook_deliveries::event_number.gt(endpoint.position));
    diesel::delete(later).execute(tx)?;
    // One that waited behind what is gone comes up.
    begin_anew(tx, endpoint, now)?;
    note(tx, endpoint)
}

/// Removes up to `most` deliveries that were made before an instant; how many.
///
/// # Errors
/// Where the database gives none.
pub fn forget(tx: &mut Conn, school: SchoolId, before: Instant, most: i64) -> QueryResult<usize> {
    let old: Vec<WebhookDeliveryId> = webhook_deliveries::table
        .filter(webhook_deliveries::school_id.eq(school))
        .filter(webhook_deliveries::delivered_at.lt(before))
        .filter(webhook_deliveries::state.eq(WebhookDeliveryState::Delivered))
        .order(webhook_deliveries::delivered_at)
        .limit(most)
        .select(webhook_deliveries::id)
        .load(tx)?;
    let ours = webhook_deliveries::table.filter(webhook_deliveries::school_id.eq(school));
    diesel::delete(ours.filter(webhook_deliveries::id.eq_any(old))).execute(tx)
}
