//! The operations on exceptions for contact with pupils.

use std::collections::HashSet;

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ContactExceptionRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{AskContactException, DecideContactException, ReadContactExceptions};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{ContactExceptionId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Prose, present, unless_blank};
use crate::page::{Page, Window};
use crate::policy::clauses::Clause;
use crate::policy::conflict::{Decision, may_decide};
use crate::policy::contact::{self, ContactExceptionAction, ContactExceptionState, ContactRelationship};
use crate::policy::refusal::Refusal;
use crate::policy::roles::{PersonKind, Role};
use crate::problem::{Code, Problem};
use crate::resources::people;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_contact_exceptions)
        .service(ask_contact_exception)
        .service(find_contact_exception)
        .service(grant_contact_exception)
        .service(refuse_contact_exception)
        .service(end_contact_exception);
}

/// That a member of staff asks to be in contact with a current or former pupil on personal accounts (PU-PU-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000e2", "person_id": "0198a4b2-6f00-7000-8000-000000000002", "state": "requested",
    "allowed_actions": ["grant", "refuse"], "pupil_id": "0198a4b2-6f00-7000-8000-000000000009", "relationship": "own_child", "version": 1,
    "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct ContactException {
    pub id: ContactExceptionId,
    /// Who asks.
    pub person_id: PersonId,
    pub state: ContactExceptionState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ContactExceptionAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pupil_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub pupil_description: Option<String>,
    pub relationship: ContactRelationship,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub explanation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub decision_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ContactExceptionPage = Page<ContactException>;

impl Resource for ContactException {
    fn location(&self) -> String {
        format!("/v1/contact-exceptions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// With which pupil the caller asks to be in contact: `pupil_id`, or `pupil_description`.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "pupil_id": "0198a4b2-6f00-7000-8000-000000000009", "relationship": "own_child" }))]
pub struct NewContactException {
    /// A pupil, or somebody who was one when they left.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub pupil_id: Option<PersonId>,
    /// Who it is, where the pupil is not on record.
    #[serde(default, deserialize_with = "unless_blank")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub pupil_description: Option<Prose<500>>,
    pub relationship: ContactRelationship,
    /// Why; needed where the relationship is `other`.
    #[serde(default, deserialize_with = "unless_blank")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub explanation: Option<Prose<2000>>,
}

/// That contact is granted; it may say why.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "A parent and her child." }))]
pub struct ContactGrant {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub reason: Option<Prose<2000>>,
}

/// Why contact is refused.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "A former pupil is reached by the school's own account." }))]
pub struct ContactRefusal {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which exceptions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactExceptionQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 4))]
    #[param(max_items = 4)]
    pub state: Vec<ContactExceptionState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadContactExceptions>() => {
            if me.has_role(Role::ChairOfGovernors) {
                Sight::Heads(person)
            } else {
                Sight::Own(person)
            }
        }
        _ => Sight::All,
    }
}

/// Whether this caller decides on it: the headteacher's own is the chair's (PU-PU-1).
fn decides<P>(me: &Caller<P>, row: &ContactExceptionRow, heads: &HashSet<PersonId>) -> Result<(), Refusal> {
    let decision = Decision {
        own_case: me.is(row.person_id),
        heads_own: heads.contains(&row.person_id),
        acts_as_head: me.acts_as_head(),
        independent_delegate: me.delegated_by().iter().any(|granter| *granter != row.person_id),
        is_chair: me.has_role(Role::ChairOfGovernors),
    };
    may_decide(decision, Clause::PuPu1)
}

fn allowed<P>(me: &Caller<P>, row: &ContactExceptionRow, heads: &HashSet<PersonId>) -> Vec<ContactExceptionAction> {
    let decides = me.may::<DecideContactException>() && decides(me, row, heads).is_ok();
    ContactExceptionAction::iter().filter(|&action| decides && contact::possible(action, row.state)).collect()
}

fn view<P>(me: &Caller<P>, row: ContactExceptionRow, heads: &HashSet<PersonId>) -> ContactException {
    ContactException {
        id: row.id,
        person_id: row.person_id,
        state: row.state,
        allowed_actions: allowed(me, &row, heads),
        pupil_id: row.pupil_id,
        pupil_description: row.pupil_description,
        relationship: row.relationship,
        explanation: row.explanation,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
        decision_reason: row.decision_reason,
        ended_by: row.ended_by,
        ended_at: row.ended_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// A pupil of the school, current or former (A23).
fn check_pupil<P>(tx: &mut Conn, me: &Caller<P>, pupil: PersonId) -> Result<(), Problem> {
    match people::rows::kinds(tx, me.school(), &[pupil])?.get(&pupil) {
        None => Err(Problem::invalid("/pupil_id", "unknown", "There is no such person for this caller.")),
        Some(PersonKind::Pupil) => Ok(()),
        Some(_) => Err(Problem::invalid("/pupil_id", "no_pupil", "This person is not known as a pupil.")),
    }
}

/// The way of every decision: find, check who decides, the state and the version that was read, change, store, record.
async fn decided(
    caller: Caller<DecideContactException>,
    id: ContactExceptionId,
    seen: IfMatch,
    (action, kind): (ContactExceptionAction, EventType),
    apply: impl FnOnce(&Caller<DecideContactException>, &mut ContactExceptionRow) + Send + 'static,
) -> Result<Versioned<ContactException>, Problem> {
    caller
        .write_on(
            move |tx, me| rows::find(tx, me.school(), sight(me), id),
            move |tx, me, mut row| {
                let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
                decides(me, &row, &heads)?;
                if !contact::possible(action, row.state) {
                    return Err(Problem::state_conflict(allowed(me, &row, &heads)));
                }
                seen.check(row.version)?;
                apply(me, &mut row);
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(kind, row.id.uuid()).state(row.state))?;
                Versioned::new(&view(me, row, &heads))
            },
        )
        .await
}

/// List exceptions for contact with pupils (PU-PU-1).
///
/// Oldest first. Headteacher and those who safeguard see all of them, the chair of governors the headteacher's, everyone
/// else their own.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [ReadContactExceptions])), params(ContactExceptionQuery),
    responses((status = 200, description = "One page.", body = ContactExceptionPage)))]
#[get("/v1/contact-exceptions")]
async fn list_contact_exceptions(
    caller: Caller<ReadContactExceptions>,
    query: Query<ContactExceptionQuery>,
) -> Result<Plain<ContactExceptionPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("contact-exceptions", &query.0))?;
    let states = query.state.clone();
    let page = caller
        .read(move |conn, me| {
            let heads = people::rows::holding(conn, me.school(), Role::Headteacher)?;
            let rows = rows::list(conn, me.school(), sight(me), &states, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row, &heads)))
        })
        .await?;
    Plain::page(&page, "/v1/contact-exceptions", &query.0, query.limit)
}

/// Ask to be in contact with a pupil on personal accounts (PU-PU-1).
///
/// Each member of staff for themselves: with their own child, another relative, or somebody else and why. A former pupil
/// is a pupil.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [AskContactException])), request_body = NewContactException,
    responses((status = 201, description = "Asked for.", body = ContactException)))]
#[post("/v1/contact-exceptions")]
async fn ask_contact_exception(
    caller: Caller<AskContactException>,
    new: Valid<NewContactException>,
) -> Result<Created<ContactException>, Problem> {
    caller
        .write(move |tx, me| {
            let NewContactException { pupil_id, pupil_description, relationship, explanation } = new.into_inner();
            contact::is_complete(pupil_id.is_some(), pupil_description.is_some(), relationship, explanation.is_some())?;
            pupil_id.map_or(Ok(()), |pupil| check_pupil(tx, me, pupil))?;
            let row = ContactExceptionRow {
                school_id: me.school(),
                id: ContactExceptionId::new(),
                person_id: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                state: ContactExceptionState::Requested,
                pupil_id,
                pupil_description: pupil_description.map(Prose::into_inner),
                relationship,
                explanation: explanation.map(Prose::into_inner),
                decided_by: None,
                decided_at: None,
                decision_reason: None,
                ended_by: None,
                ended_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ContactExceptionRequested, row.id.uuid()).state(row.state))?;
            let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
            Created::new(&view(me, row, &heads))
        })
        .await
}

/// Find an exception for contact with a pupil.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [ReadContactExceptions])),
    responses((status = 200, description = "The exception.", body = ContactException), Fails<404>))]
#[get("/v1/contact-exceptions/{id}")]
async fn find_contact_exception(
    caller: Caller<ReadContactExceptions>,
    id: Path<ContactExceptionId>,
) -> Result<Versioned<ContactException>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            let heads = people::rows::holding(conn, me.school(), Role::Headteacher)?;
            Versioned::new(&view(me, row, &heads))
        })
        .await
}

/// Grant contact with a pupil on personal accounts (PU-PU-1).
///
/// By the headteacher; the headteacher's own by the chair of governors. Nobody grants their own.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [DecideContactException])), params(IfMatchHeader), request_body = ContactGrant,
    responses((status = 200, description = "Granted.", body = ContactException), Fails<404, 409, 412, 428>))]
#[post("/v1/contact-exceptions/{id}/grant")]
async fn grant_contact_exception(
    caller: Caller<DecideContactException>,
    id: Path<ContactExceptionId>,
    seen: IfMatch,
    grant: Valid<ContactGrant>,
) -> Result<Versioned<ContactException>, Problem> {
    decided(caller, *id, seen, (ContactExceptionAction::Grant, EventType::ContactExceptionGranted), move |me, row| {
        row.decision_reason = grant.into_inner().reason.map(Prose::into_inner);
        (row.state, row.decided_by, row.decided_at) = (ContactExceptionState::Granted, me.person(), Some(me.now()));
    })
    .await
}

/// Refuse contact with a pupil on personal accounts (PU-PU-1).
///
/// With a reason, by whoever could grant it.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [DecideContactException])), params(IfMatchHeader), request_body = ContactRefusal,
    responses((status = 200, description = "Refused.", body = ContactException), Fails<404, 409, 412, 428>))]
#[post("/v1/contact-exceptions/{id}/refuse")]
async fn refuse_contact_exception(
    caller: Caller<DecideContactException>,
    id: Path<ContactExceptionId>,
    seen: IfMatch,
    refusal: Valid<ContactRefusal>,
) -> Result<Versioned<ContactException>, Problem> {
    decided(caller, *id, seen, (ContactExceptionAction::Refuse, EventType::ContactExceptionRefused), move |me, row| {
        row.decision_reason = Some(refusal.into_inner().reason.into_inner());
        (row.state, row.decided_by, row.decided_at) = (ContactExceptionState::Refused, me.person(), Some(me.now()));
    })
    .await
}

/// End an exception that was granted (PU-PU-1).
///
/// By whoever could grant it.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [DecideContactException])), params(IfMatchHeader),
    responses((status = 200, description = "Ended.", body = ContactException), Fails<404, 409, 412, 428>))]
#[post("/v1/contact-exceptions/{id}/end")]
async fn end_contact_exception(
    caller: Caller<DecideContactException>,
    id: Path<ContactExceptionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<ContactException>, Problem> {
    decided(caller, *id, seen, (ContactExceptionAction::End, EventType::ContactExceptionEnded), |me, row| {
        (row.state, row.ended_by, row.ended_at) = (ContactExceptionState::Ended, me.person(), Some(me.now()));
    })
    .await
}
