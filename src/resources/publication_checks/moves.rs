//! What the headteacher and other readers say of a check.

use std::collections::BTreeSet;

use actix_web::post;
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::api::sight;
use super::rows::{self, Check, CheckRow, OpinionRow};
use super::view::{PublicationCheck, view};
use crate::access::caller::Caller;
use crate::access::permissions::{DecidePublication, PreparePublication};
use crate::db::Conn;
use crate::db::types::{PersonId, PublicationCheckId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::reply::Versioned;
use crate::http::text::{Prose, present};
use crate::policy::clauses::Clause;
use crate::policy::conflict::{self, Decision, Informed};
use crate::policy::publication::{self, CheckAction, CheckState};
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::{eligibility, incidents, notifications, people};

/// That it may be published.
#[derive(Clone, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "feedback": "Well put." }))]
pub struct PublicationApproval {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub feedback: Option<Prose<2000>>,
}

/// Why it may not be published.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "feedback": "It takes sides in an election." }))]
pub struct PublicationRefusal {
    #[validate(nested)]
    #[schema(inline)]
    pub feedback: Prose<2000>,
}

/// Who is asked for a second opinion.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000003" }))]
pub struct OpinionRequest {
    pub person_id: PersonId,
}

/// A second opinion.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "agrees": false, "comment": "The joke can hurt." }))]
pub struct OpinionGiven {
    pub agrees: bool,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub comment: Option<Prose<2000>>,
}

/// Whoever decides is told: the chair of governors of what the headteacher wrote.
pub(super) fn tell_decider<P>(tx: &mut Conn, me: &Caller<P>, row: &CheckRow) -> Result<(), Problem> {
    let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
    let decides = if heads.contains(&row.author_id) { Informed::ChairOfGovernors } else { Informed::Headteacher };
    let told = incidents::rows::people_of(tx, me.school(), &BTreeSet::from([decides]), me.today())?;
    Ok(notifications::rows::notify(tx, me.school(), &told, EventType::PublicationChecked, row.id.uuid(), me.now())?)
}

/// The way of every move: find, check the state and the version, change, store, record.
async fn moved<P: 'static>(
    caller: Caller<P>,
    id: PublicationCheckId,
    seen: IfMatch,
    action: CheckAction,
    kind: EventType,
    apply: impl FnOnce(&mut Conn, &Caller<P>, &mut Check) -> Result<(), Problem> + Send + 'static,
) -> Result<Versioned<PublicationCheck>, Problem> {
    caller
        .write(move |tx, me| {
            let mut check = rows::find(tx, me.school(), sight(me), id)?;
            if matches!(action, CheckAction::Approve | CheckAction::Refuse) {
                let heads = people::rows::holding(tx, me.school(), Role::Headteacher)?;
                let decision = Decision {
                    own_case: me.is(check.row.author_id),
                    heads_own: heads.contains(&check.row.author_id),
                    acts_as_head: me.acts_as_head(),
                    independent_delegate: me.delegated_by().iter().any(|granter| *granter != check.row.author_id),
                    is_chair: me.has_role(Role::ChairOfGovernors),
                };
                conflict::may_decide(decision, Clause::Do1)?;
            }
            if !publication::possible(action, check.row.state_at(me.now())) {
                return Err(Problem::state_conflict(view(me, check).allowed_actions));
            }
            seen.check(check.row.version)?;
            apply(tx, me, &mut check)?;
            rows::save(tx, &mut check.row, me.now())?;
            events::record(tx, me, Event::new(kind, id.uuid()).state(check.row.state))?;
            let check = rows::find(tx, me.school(), sight(me), id)?;
            Versioned::new(&view(me, check))
        })
        .await
}

fn decided<P>(
    tx: &mut Conn,
    me: &Caller<P>,
    check: &mut Check,
    state: CheckState,
    kind: EventType,
    feedback: Option<String>,
) -> Result<(), Problem> {
    let row = &mut check.row;
    (row.state, row.feedback, row.decided_by, row.decided_at) = (state, feedback, me.person(), Some(me.now()));
    row.expires_at = me.now() + publication::LASTS;
    Ok(notifications::rows::notify(tx, me.school(), &[row.author_id], kind, row.id.uuid(), me.now())?)
}

/// Approve a publication (DO-1).
///
/// By the headteacher; what the headteacher wrote, by the chair of governors. It can be used for 24 hours from now.
#[utoipa::path(tag = "publications", security(("oauth2" = [DecidePublication])), params(IfMatchHeader), request_body = PublicationApproval,
    responses((status = 200, description = "Approved.", body = PublicationCheck), Fails<404, 409, 412, 428>))]
#[post("/v1/publication-checks/{id}/approve")]
pub(super) async fn approve_publication(
    caller: Caller<DecidePublication>,
    id: Path<PublicationCheckId>,
    seen: IfMatch,
    approval: Valid<PublicationApproval>,
) -> Result<Versioned<PublicationCheck>, Problem> {
    let kind = EventType::PublicationApproved;
    moved(caller, *id, seen, CheckAction::Approve, kind, move |tx, me, check| {
        let feedback = approval.into_inner().feedback.map(Prose::into_inner);
        decided(tx, me, check, CheckState::Approved, kind, feedback)
    })
    .await
}

/// Refuse a publication, with feedback (DO-1).
#[utoipa::path(tag = "publications", security(("oauth2" = [DecidePublication])), params(IfMatchHeader), request_body = PublicationRefusal,
    responses((status = 200, description = "Refused.", body = PublicationCheck), Fails<404, 409, 412, 428>))]
#[post("/v1/publication-checks/{id}/refuse")]
pub(super) async fn refuse_publication(
    caller: Caller<DecidePublication>,
    id: Path<PublicationCheckId>,
    seen: IfMatch,
    refusal: Valid<PublicationRefusal>,
) -> Result<Versioned<PublicationCheck>, Problem> {
    let kind = EventType::PublicationRefused;
    moved(caller, *id, seen, CheckAction::Refuse, kind, move |tx, me, check| {
        decided(tx, me, check, CheckState::Refused, kind, Some(refusal.into_inner().feedback.into_inner()))
    })
    .await
}

fn check_opinion<P>(tx: &mut Conn, me: &Caller<P>, check: &Check, person: PersonId) -> Result<(), Problem> {
    let assessment = eligibility::rows::assess(tx, me.school(), &[person], me.now())?;
    let known = !people::rows::known(tx, me.school(), &[person])?.is_empty();
    publication::may_opine(person == check.row.author_id, known && assessment.of(person).is_empty())?;
    Ok(())
}

/// Ask for a second opinion (DO-8).
///
/// Of anybody else who is eligible to run an account.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), params(IfMatchHeader), request_body = OpinionRequest,
    responses((status = 200, description = "Asked.", body = PublicationCheck), Fails<404, 409, 412, 428>))]
#[post("/v1/publication-checks/{id}/request-second-opinion")]
pub(super) async fn request_second_opinion(
    caller: Caller<PreparePublication>,
    id: Path<PublicationCheckId>,
    seen: IfMatch,
    request: Valid<OpinionRequest>,
) -> Result<Versioned<PublicationCheck>, Problem> {
    let kind = EventType::SecondOpinionRequested;
    moved(caller, *id, seen, CheckAction::RequestSecondOpinion, kind, move |tx, me, check| {
        let person_id = request.into_inner().person_id;
        check_opinion(tx, me, check, person_id)?;
        let (school_id, check_id) = (me.school(), check.row.id);
        let asked = OpinionRow { school_id, check_id, person_id, requested_at: me.now(), agrees: None, comment: None, given_at: None };
        rows::put_opinion(tx, &asked)?;
        Ok(notifications::rows::notify(tx, me.school(), &[person_id], kind, check_id.uuid(), me.now())?)
    })
    .await
}

/// Give a second opinion (DO-8).
///
/// By whoever was asked for it, and never on what one wrote.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), params(IfMatchHeader), request_body = OpinionGiven,
    responses((status = 200, description = "Given.", body = PublicationCheck), Fails<404, 409, 412, 428>))]
#[post("/v1/publication-checks/{id}/give-second-opinion")]
pub(super) async fn give_second_opinion(
    caller: Caller<PreparePublication>,
    id: Path<PublicationCheckId>,
    seen: IfMatch,
    opinion: Valid<OpinionGiven>,
) -> Result<Versioned<PublicationCheck>, Problem> {
    let kind = EventType::SecondOpinionGiven;
    moved(caller, *id, seen, CheckAction::GiveSecondOpinion, kind, move |tx, me, check| {
        let OpinionGiven { agrees, comment } = opinion.into_inner();
        let person = me.person().ok_or_else(Problem::not_found)?;
        check_opinion(tx, me, check, person)?;
        let Some(asked) = check.opinions.iter().find(|asked| asked.person_id == person) else {
            return Err(Problem::state_conflict(view(me, check.clone()).allowed_actions));
        };
        let comment = comment.map(Prose::into_inner);
        rows::put_opinion(tx, &OpinionRow { agrees: Some(agrees), comment, given_at: Some(me.now()), ..asked.clone() })?;
        Ok(notifications::rows::notify(tx, me.school(), &[check.row.author_id], kind, check.row.id.uuid(), me.now())?)
    })
    .await
}
