//! What is done for an endpoint in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::Duration;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::sender::{Message, Outcome};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageWebhooks, ReadEventHead, ReadEvents};
use crate::access::sessions::standing;
use crate::clock::{Instant, SKEW};
use crate::db::types::{LeaseHolder, SchoolId, WebhookDeliveryId, WebhookEndpointId};
use crate::db::{Conn, Db};
use crate::events::chain::Head;
use crate::events::{self, Actor, Event, EventRow, EventType};
use crate::policy::deadline::local_day;
use crate::policy::roles::Role;
use crate::problem::{Code, Problem};
use crate::resources::events::rows::{self as log, Eyes, Filter, Sight};
use crate::resources::events::{cloud_event, eyes, sight};
use crate::resources::incidents::rows::present;
use crate::resources::notifications::rows::notify;
use crate::resources::schools;
use crate::resources::webhook_endpoints::rows::{self, DeliveryRow, EndpointRow};
use crate::resources::webhook_endpoints::{DeliveryError, DisabledReason, WebhookDeliveryState, WebhookEndpointState, pause};
use crate::vault::{Keyring, VaultError};

/// As which the program stands in the log where it disables an endpoint.
const CLIENT: &str = "weald-webhooks";
/// Events that become deliveries in one transaction: requests wait for no longer than that.
const BATCH: i64 = 200;
/// How far an endpoint may stand behind the newest event where nothing between is for it: so a commit that is for nobody
/// costs no other one.
const BEHIND: i64 = 500;
/// How long a program that has died keeps the others from its endpoints: longer than a delivery can take.
const LEASE: Duration = Duration::seconds(60);
/// How long deliveries that were made are kept.
const KEPT: Duration = Duration::days(30);

/// As whom an endpoint reads the log.
struct Owner {
    caller: Caller<ReadEvents>,
    sight: Sight,
    eyes: Option<Eyes>,
}

/// The owner as things are now, with no more rights than those with which they made the endpoint; `None` where there is
/// none who may have events delivered.
fn owner(conn: &mut Conn, db: &Db, row: &EndpointRow, now: Instant) -> Result<Option<Owner>, Problem> {
    let Some(holder) = row.owner() else { return Ok(None) };
    let Some(mut identity) = standing(conn, row.school_id, holder, now)? else { return Ok(None) };
    identity.roles.retain(|role| row.roles.split(' ').any(|name| name == <&str>::from(role)));
    identity.scopes.retain(|scope| row.scopes.split(' ').any(|name| name == scope));
    match Caller::<ReadEvents>::on_behalf(db, identity, now) {
        Ok(caller) if caller.may::<ManageWebhooks>() => {
            let (sight, eyes) = (sight(&caller), eyes(conn, &caller)?);
            Ok(Some(Owner { caller, sight, eyes }))
        }
        _ => Ok(None),
    }
}

/// What has happened since that is for the endpoint, at most `most`, and up to which event that is all.
fn news(conn: &mut Conn, row: &EndpointRow, owner: &Owner, most: i64) -> Result<(Vec<EventRow>, i64), Problem> {
    let (head, _) = log::head(conn, row.school_id)?;
    let filter = Filter { types: row.types(), ..Filter::default() };
    let found = log::between(conn, row.school_id, &owner.sight, owner.eyes.as_ref(), &filter, row.position, head, most)?;
    let full = i64::try_from(found.len()).unwrap_or(most) == most;
    let upto = found.last().filter(|_| full).map_or(head, |last| last.number);
    Ok((found, upto))
}

/// Until when the endpoint is another program's; no lease is longer than that, whatever a clock has done.
fn leased_until(row: &EndpointRow, holder: LeaseHolder, now: Instant) -> Option<Instant> {
    row.leased_until.filter(|until| row.leased_by != Some(holder) && *until > now && *until <= now + LEASE + SKEW)
}

/// The endpoints that are enabled, and when there is something to do for each for `holder`. They are few: each is looked at
/// with its owner's eyes.
pub fn look(conn: &mut Conn, db: &Db, holder: LeaseHolder, now: Instant) -> Result<Vec<(SchoolId, WebhookEndpointId, Instant)>, Problem> {
    let mut found = Vec::new();
    for row in rows::enabled(conn)? {
        let when = match leased_until(&row, holder, now) {
            Some(until) => until,
            None if has_news(conn, db, &row, now)? => now,
            None => rows::next_due(conn, &row)?.unwrap_or(now + Duration::days(1)),
        };
        found.push((row.school_id, row.id, when));
    }
    Ok(found)
}

fn has_news(conn: &mut Conn, db: &Db, row: &EndpointRow, now: Instant) -> Result<bool, Problem> {
    let Some(owner) = owner(conn, db, row, now)? else { return Ok(true) };
    let (found, upto) = news(conn, row, &owner, 1)?;
    Ok(!found.is_empty() || upto - row.position > BEHIND)
}

/// What a program does next for an endpoint.
pub struct Round {
    pub school: SchoolId,
    pub endpoint: WebhookEndpointId,
    pub holder: LeaseHolder,
    /// What has become of deliveries.
    pub ended: Vec<(WebhookDeliveryId, Outcome)>,
    pub under_way: Vec<WebhookDeliveryId>,
    /// How many more can be under way.
    pub room: usize,
    pub ring: Arc<Keyring>,
    pub db: Db,
    pub now: Instant,
}

/// What comes of it.
pub enum Step {
    /// These are to be sent, with this head.
    Take(Vec<Message>, Option<Head>),
    /// There is more to do before anything can be sent.
    More,
    /// Nothing is due.
    Idle,
    /// The secrets do not open.
    Sealed,
    /// Another program delivers to it.
    Elsewhere,
}

impl Round {
    /// Writes down what has ended, turns what has happened into deliveries, and takes up those that are due.
    ///
    /// # Errors
    /// Where the database gives none.
    pub fn step(mut self, tx: &mut Conn) -> Result<Step, Problem> {
        let mut row = match rows::find(tx, self.school, self.endpoint) {
            Err(problem) if problem.code() == Code::NotFound => return Ok(Step::Idle),
            found => found?,
        };
        // What was delivered was, whoever has the endpoint now.
        for (id, outcome) in std::mem::take(&mut self.ended) {
            self.write_down(tx, &mut row, id, outcome)?;
        }
        if leased_until(&row, self.holder, self.now).is_some() {
            rows::note(tx, &row)?;
            return Ok(Step::Elsewhere);
        }
        let step = if row.state == WebhookEndpointState::Disabled || self.room == 0 {
            Step::Idle
        } else if let Some(owner) = owner(tx, &self.db, &row, self.now)? {
            self.take(tx, &mut row, &owner)?
        } else {
            disable(tx, &mut row, DisabledReason::OwnerNotPermitted, self.now)?;
            Step::Idle
        };
        let goes_on = matches!(step, Step::Take(..) | Step::More) || !self.under_way.is_empty();
        (row.leased_by, row.leased_until) = if goes_on { (Some(self.holder), Some(self.now + LEASE)) } else { (None, None) };
        rows::note(tx, &row)?;
        // With deliveries under way there is something to wait for.
        Ok(if goes_on && matches!(step, Step::Idle) { Step::Take(Vec::new(), None) } else { step })
    }

    fn take(&self, tx: &mut Conn, row: &mut EndpointRow, owner: &Owner) -> Result<Step, Problem> {
        let mut secrets = Vec::new();
        for secret in rows::secrets(tx, row.school_id, row.id)? {
            if secret.expires_at.is_none_or(|end| self.now < end) {
                match secret.open(&self.ring) {
                    Err(VaultError::Locked(_)) => return Ok(Step::Sealed),
                    Err(VaultError::Damaged(_)) => tracing::error!(endpoint = %row.id, "a webhook secret does not open any more"),
                    opened => secrets.push(opened?),
                }
            }
            if secrets.is_empty() {
                // The newest first: without it nothing is signed as the receiver expects.
                disable(tx, row, DisabledReason::SecretDamaged, self.now)?;
                return Ok(Step::Idle);
            }
        }
        let (found, upto) = news(tx, row, owner, BATCH)?;
        let more = i64::try_from(found.len()).unwrap_or(BATCH) == BATCH;
        if !found.is_empty() || upto - row.position > BEHIND {
            rows::add_deliveries(tx, row, &found, self.now)?;
            row.position = upto;
        }
        let due = rows::due(tx, row, &self.under_way, self.room, self.now)?;
        if due.is_empty() {
            return Ok(if more { Step::More } else { Step::Idle });
        }
        let numbers: Vec<i64> = due.iter().map(|one| one.event_number).collect();
        // Once more with the owner's eyes: what was to be told may have been hidden from them since.
        let events = log::of_numbers(tx, row.school_id, &owner.sight, owner.eyes.as_ref(), &numbers)?;
        let mut events: HashMap<i64, EventRow> = events.into_iter().map(|event| (event.number, event)).collect();
        let mut messages = Vec::new();
        for delivery in &due {
            match events.remove(&delivery.event_number) {
                Some(event) => messages.push(message(row, delivery, event, &secrets)?),
                None => rows::drop_delivery(tx, row, delivery, self.now)?,
            }
        }
        if messages.is_empty() {
            return Ok(Step::More);
        }
        let head = if owner.caller.may::<ReadEventHead>() {
            let (number, hash) = log::head(tx, row.school_id)?;
            Some(Head { school: row.school_id, number, hash, iat: self.now.timestamp() })
        } else {
            None
        };
        Ok(Step::Take(messages, head))
    }

    fn write_down(&self, tx: &mut Conn, row: &mut EndpointRow, id: WebhookDeliveryId, outcome: Outcome) -> Result<(), Problem> {
        // Replayed meanwhile, or asked for anew: it is another delivery.
        let found = rows::delivery(tx, self.school, id)?.filter(|one| one.state == WebhookDeliveryState::Pending);
        let Some(mut delivery) = found else { return Ok(()) };
        let status = outcome.status.map(i32::from);
        delivery.attempts += 1;
        delivery.last_at = Some(self.now);
        delivery.last_status = status;
        delivery.last_error = outcome.error;
        (row.last_status, row.last_error) = (status, outcome.error);
        let Some(error) = outcome.error else {
            row.failing_since = None;
            delivery.state = WebhookDeliveryState::Delivered;
            delivery.delivered_at = Some(self.now);
            rows::save_delivery(tx, &delivery)?;
            return Ok(rows::promote(tx, row, delivery.subject_id, self.now)?);
        };
        row.failing_since = row.failing_since.or(Some(self.now));
        let [chance, ..] = OsRng.next_u32().to_le_bytes();
        let next = pause(delivery.attempts, chance).filter(|_| error != DeliveryError::Gone);
        match next {
            Some(pause) => delivery.next_at = self.now + pause,
            None => delivery.state = WebhookDeliveryState::Failed,
        }
        rows::save_delivery(tx, &delivery)?;
        if next.is_none() && row.state == WebhookEndpointState::Enabled {
            let gone = error == DeliveryError::Gone;
            disable(tx, row, if gone { DisabledReason::ReceiverGone } else { DisabledReason::DeliveriesFailed }, self.now)?;
        }
        Ok(())
    }
}

fn message(row: &EndpointRow, delivery: &DeliveryRow, event: EventRow, secrets: &[Zeroizing<String>]) -> Result<Message, Problem> {
    Ok(Message {
        delivery: delivery.id,
        url: row.url.clone(),
        event: event.id,
        body: serde_json::to_string(&cloud_event(event)).map_err(Problem::internal)?,
        secrets: secrets.to_vec(),
        head: None,
    })
}

/// Ends deliveries without anybody's wish: the IT technicians are told.
fn disable(tx: &mut Conn, row: &mut EndpointRow, reason: DisabledReason, now: Instant) -> Result<(), Problem> {
    row.state = WebhookEndpointState::Disabled;
    row.disabled_reason = Some(reason);
    row.disabled_at = Some(now);
    rows::save(tx, row, now)?;
    let kind = EventType::WebhookEndpointDisabled;
    let today = local_day(*now, schools::rows::find(tx, row.school_id)?.zone());
    let technicians = present(tx, row.school_id, Role::ItTechnician, today)?;
    notify(tx, row.school_id, &technicians, kind, row.id.uuid(), now)?;
    events::record(tx, Actor::system(row.school_id, CLIENT, now), Event::new(kind, row.id.uuid()).state(row.state))?;
    tracing::warn!(school = %row.school_id, endpoint = %row.id, %reason, "nothing is delivered to a webhook endpoint any more");
    Ok(())
}

/// Removes deliveries that were made long ago, at most `most`; how many.
///
/// # Errors
/// Where the database gives none.
pub fn forget(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> Result<usize, Problem> {
    Ok(rows::forget(tx, school, now + -KEPT, most)?)
}
