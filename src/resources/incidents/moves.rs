//! The moves of an incident along its states (decisions, section 6).

use actix_web::post;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::intake::inform;
use super::rows::{self, AssessmentRow, Incident as Whole};
use super::rules::{self, IncidentAction, IncidentState};
use super::view::{Incident, part, standing, view};
use crate::access::caller::Caller;
use crate::access::permissions::{ConfirmLegality, DecideSafeguarding, LeadIncident};
use crate::app::State;
use crate::db::Conn;
use crate::db::types::IncidentId;
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::reply::Versioned;
use crate::http::text::{Prose, present};
use crate::policy::clauses::Clause;
use crate::policy::incidents::{self, Agency, Category, HarmThreshold, Legality, Outcome, SafeguardingDecision, Scope, Severity};
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::{Code, Problem};
use crate::resources::referrals;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(assess_incident)
        .service(propose_lower_legality)
        .service(confirm_lower_legality)
        .service(decide_safeguarding)
        .service(investigate_incident)
        .service(record_incident_action)
        .service(close_incident)
        .service(dismiss_incident)
        .service(reopen_incident);
}

/// The initial assessment of an incident, or a later one.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "category": "colleague_abuse", "severity": "moderate", "harm_threshold": "not_applicable", "scope": "personal_impacting",
    "legality": "lawful", "safeguarding": false, "reasons": "Insults that colleagues and parents can read."
}))]
pub struct NewAssessment {
    pub category: Category,
    pub severity: Severity,
    pub harm_threshold: HarmThreshold,
    /// How it stands to the policy's scope (SC-1). Without it there is no assessment.
    #[serde(default, deserialize_with = "present")]
    #[schema(required, nullable = false)]
    pub scope: Option<Scope>,
    pub legality: Legality,
    /// A child's welfare is at stake. Once it is, only who looks after it says otherwise.
    pub safeguarding: bool,
    // SC-4: what is missing is refused as what is blank.
    #[serde(default = "blank")]
    #[validate(nested)]
    #[schema(inline, required)]
    pub reasons: Prose<5000>,
}

fn blank() -> Prose<5000> {
    Prose::from("")
}

/// A legality lower than what was assessed.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "legality": "lawful", "reason": "The police have found no offence." }))]
pub struct ProposedLegality {
    pub legality: Legality,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// What whoever looks after the child's welfare has decided.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "decision": "concern_addressed", "reason": "The family has support; children's social care knows." }))]
pub struct NewSafeguardingDecision {
    pub decision: SafeguardingDecision,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// What was done.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "action_taken": "Talked to both; the posts are gone." }))]
pub struct IncidentActionTaken {
    #[validate(nested)]
    #[schema(inline)]
    pub action_taken: Prose<5000>,
}

/// How an incident ended.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "outcome": "advice_given", "outcome_notice": "Thank you for telling us. We have dealt with it." }))]
pub struct IncidentClosing {
    pub outcome: Outcome,
    /// What the reporter is told.
    #[validate(nested)]
    #[schema(inline)]
    pub outcome_notice: Prose<2000>,
}

/// Why an incident is dismissed, and what the reporter is told.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "A misunderstanding: the account is not the school's.", "outcome_notice": "Thank you; it was none of ours." }))]
pub struct IncidentDismissal {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub outcome_notice: Option<Prose<2000>>,
}

/// Why an incident is opened again.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "There is a new post." }))]
pub struct IncidentReopening {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// The way of every move: find, check the caller's part, the state and the version that was read, change, find out
/// anew who deals with it, store, record.
async fn moved<P: 'static>(
    caller: Caller<P>,
    id: IncidentId,
    seen: IfMatch,
    action: IncidentAction,
    kind: EventType,
    apply: impl FnOnce(&mut Conn, &Caller<P>, &mut Whole) -> Result<(), Problem> + Send + 'static,
) -> Result<Versioned<Incident>, Problem> {
    caller
        .write_on(
            move |tx, me| part(tx, me, id),
            move |tx, me, (mut incident, capacity)| {
                rules::check(action, standing(me, &incident, capacity))?;
                seen.check(incident.row.version)?;
                apply(tx, me, &mut incident)?;
                let routing = rows::reroute(tx, &mut incident, me.today())?;
                rows::save(tx, &mut incident.row, me.now())?;
                events::record(tx, me, Event::new(kind, id.uuid()).state(incident.row.state))?;
                inform(tx, &incident, &routing, me.now(), me.today())?;
                Versioned::new(&view(me, incident, capacity, false))
            },
        )
        .await
}

fn next_assessment<P>(me: &Caller<P>, incident: &Whole, new: NewAssessment) -> Result<AssessmentRow, Problem> {
    Ok(AssessmentRow {
        school_id: me.school(),
        incident_id: incident.row.id,
        number: incident.assessment.as_ref().map_or(0, |row| row.number) + 1,
        category: new.category,
        severity: new.severity,
        harm_threshold: new.harm_threshold,
        scope: incidents::scoped(new.scope)?,
        legality: new.legality,
        safeguarding: new.safeguarding,
        reasons: new.reasons.into_inner(),
        assessed_by: me.person().ok_or_else(Problem::not_found)?,
        assessed_at: me.now(),
    })
}

/// Assess an incident (R-HT-4, SC-1, SC-4).
///
/// By whoever leads it, before anything else. A later assessment takes the place of the one before, which stays on
/// record; the legality goes down by a proposal alone. Contact of staff with pupils, and some other categories, are
/// about a child's welfare by themselves (PU-PU-1). Where the harm threshold may be met a referral to the LADO waits to
/// be made, and one to the police where it is illegal (BEH-7).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = NewAssessment,
    responses((status = 200, description = "Assessed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/assess")]
async fn assess_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    new: Valid<NewAssessment>,
    state: Data<State>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::Assess, EventType::IncidentAssessed, move |tx, me, incident| {
        let new = new.into_inner();
        incidents::may_assess(incident.assessment.as_ref().map(|row| row.legality), new.legality)?;
        let mut row = next_assessment(me, incident, new)?;
        // PU-PU-1; and once a child's welfare is at stake, an assessment does not say otherwise.
        row.safeguarding |= row.category.concerns_children() || incident.assessment.as_ref().is_some_and(|before| before.safeguarding);
        incident.row.child_involved |= row.safeguarding;
        incident.row.category = Some(row.category);
        incident.row.data_concerned |= row.category.concerns_data();
        if incident.row.state == IncidentState::Reported {
            incident.row.state = IncidentState::Assessed;
        }
        (incident.row.proposed_legality, incident.row.proposed_by, incident.row.proposed_reason) = (None, None, None);
        let referred = referrals::rows::agencies(tx, me.school(), incident.row.id)?;
        if row.harm_threshold == HarmThreshold::MayMeetThreshold && !referred.contains(&Agency::Lado) {
            referrals::open(tx, me, &state, incident.row.id, Agency::Lado)?;
        }
        if row.legality == Legality::Illegal && !referred.iter().any(|agency| agency.is_police()) {
            referrals::open(tx, me, &state, incident.row.id, Agency::Police101)?;
        }
        rows::insert_assessment(tx, &row)?;
        incident.assessment = Some(row);
        Ok(())
    })
    .await
}

/// Propose a lower legality for an incident (R-HT-4).
///
/// With a reason; a second person confirms it.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = ProposedLegality,
    responses((status = 200, description = "Proposed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/propose-legality")]
async fn propose_lower_legality(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    proposed: Valid<ProposedLegality>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::ProposeLegality, EventType::IncidentLegalityProposed, move |_, me, incident| {
        let ProposedLegality { legality, reason } = proposed.into_inner();
        let before = incident.assessment.as_ref().map(|row| row.legality).ok_or_else(|| Problem::new(Code::StateConflict))?;
        incidents::may_propose(before, legality)?;
        incident.row.proposed_legality = Some(legality);
        (incident.row.proposed_by, incident.row.proposed_reason) = (me.person(), Some(reason.into_inner()));
        Ok(())
    })
    .await
}

/// Confirm a lower legality of an incident (R-HT-4).
///
/// By a second person: who looks after the child's welfare or after data protection, or somebody else who leads.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ConfirmLegality])), params(IfMatchHeader),
    responses((status = 200, description = "Confirmed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/confirm-legality")]
async fn confirm_lower_legality(
    caller: Caller<ConfirmLegality>,
    id: Path<IncidentId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::ConfirmLegality, EventType::IncidentLegalityConfirmed, move |tx, me, incident| {
        incidents::may_confirm(incident.row.proposed_by.is_some_and(|person| me.is(person)))?;
        let (Some(legality), Some(before)) = (incident.row.proposed_legality.take(), incident.assessment.take()) else {
            return Err(Problem::new(Code::StateConflict));
        };
        let row = AssessmentRow {
            number: before.number + 1,
            legality,
            reasons: incident.row.proposed_reason.take().unwrap_or_default(),
            assessed_by: incident.row.proposed_by.take().unwrap_or(before.assessed_by),
            assessed_at: me.now(),
            ..before
        };
        rows::insert_assessment(tx, &row)?;
        incident.assessment = Some(row);
        Ok(())
    })
    .await
}

/// Decide on the child's welfare in an incident (PU-PU-1, R-HT-4).
///
/// By the designated safeguarding lead, or the deputy where it is about the lead; by whoever leads the incident where
/// nobody else can. It is closed only after this.
#[utoipa::path(tag = "incidents", security(("oauth2" = [DecideSafeguarding])), params(IfMatchHeader), request_body = NewSafeguardingDecision,
    responses((status = 200, description = "Decided.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/decide-safeguarding")]
async fn decide_safeguarding(
    caller: Caller<DecideSafeguarding>,
    id: Path<IncidentId>,
    seen: IfMatch,
    decision: Valid<NewSafeguardingDecision>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::DecideSafeguarding, EventType::IncidentSafeguardingDecided, move |_, me, incident| {
        let NewSafeguardingDecision { decision, reason } = decision.into_inner();
        let row = &mut incident.row;
        (row.safeguarding_decision, row.safeguarding_reason) = (Some(decision), Some(reason.into_inner()));
        (row.safeguarding_decided_by, row.safeguarding_decided_at) = (me.person(), Some(me.now()));
        Ok(())
    })
    .await
}

/// Investigate an incident (R-HT-3).
///
/// After the assessment; where the harm threshold may be met, not before the LADO has been told (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader),
    responses((status = 200, description = "Under investigation.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/investigate")]
async fn investigate_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::Investigate, EventType::IncidentInvestigated, |tx, _, incident| {
        let steps = rows::steps(tx, &incident.row)?;
        if let Some(findings) = incident.findings() {
            incidents::may_investigate(findings, steps)?;
        }
        incident.row.state = IncidentState::Investigating;
        Ok(())
    })
    .await
}

/// Record what was done about an incident (BEH-7).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = IncidentActionTaken,
    responses((status = 200, description = "Recorded.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/record-action")]
async fn record_incident_action(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    action: Valid<IncidentActionTaken>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::RecordAction, EventType::IncidentActionTaken, move |_, _, incident| {
        incident.row.action_taken = Some(action.into_inner().action_taken.into_inner());
        incident.row.state = IncidentState::ActionTaken;
        Ok(())
    })
    .await
}

/// Close an incident (BEH-7).
///
/// With its outcome, and what the reporter is told. What is illegal has been referred to the police; a child's welfare
/// has been decided on (PU-PU-1); what may meet the harm threshold has been referred to the LADO, and no lower legality
/// waits for a second person (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = IncidentClosing,
    responses((status = 200, description = "Closed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/close")]
async fn close_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    closing: Valid<IncidentClosing>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::Close, EventType::IncidentClosed, move |tx, me, incident| {
        let steps = rows::steps(tx, &incident.row)?;
        let findings = incident.findings().ok_or_else(|| Problem::new(Code::StateConflict))?;
        incidents::may_close(findings, steps)?;
        let IncidentClosing { outcome, outcome_notice } = closing.into_inner();
        let row = &mut incident.row;
        (row.state, row.closed_at) = (IncidentState::Closed, Some(me.now()));
        (row.outcome, row.outcome_notice) = (Some(outcome), Some(outcome_notice.into_inner()));
        Ok(())
    })
    .await
}

/// Dismiss an incident (R-HT-4).
///
/// After its assessment, with a reason; nothing that may be illegal, may meet the harm threshold or concerns a child's
/// welfare (BEH-7).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = IncidentDismissal,
    responses((status = 200, description = "Dismissed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/dismiss")]
async fn dismiss_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    dismissal: Valid<IncidentDismissal>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::Dismiss, EventType::IncidentDismissed, move |tx, me, incident| {
        let steps = rows::steps(tx, &incident.row)?;
        let findings = incident.findings().ok_or_else(|| Problem::new(Code::StateConflict))?;
        incidents::may_close(findings, steps)?;
        if findings.legality != Legality::Lawful {
            let cure = "Investigate it, or propose the lower legality with its reason; a second person confirms it.";
            let violation = Violation::new(Clause::Beh7, "This may be illegal.", cure);
            return Err(Refusal::new(Grounds::NotYet, violation).into());
        }
        let IncidentDismissal { reason, outcome_notice } = dismissal.into_inner();
        let row = &mut incident.row;
        (row.state, row.closed_at) = (IncidentState::Dismissed, Some(me.now()));
        (row.action_taken, row.outcome_notice) = (Some(reason.into_inner()), outcome_notice.map(Prose::into_inner));
        Ok(())
    })
    .await
}

/// Open an incident again (R-HT-3).
///
/// With a reason, kept as a note. It goes back into investigation, and a child's welfare is decided on anew.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = IncidentReopening,
    responses((status = 200, description = "Open again.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/reopen")]
async fn reopen_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    reopening: Valid<IncidentReopening>,
) -> Result<Versioned<Incident>, Problem> {
    moved(caller, *id, seen, IncidentAction::Reopen, EventType::IncidentReopened, move |tx, me, incident| {
        use crate::resources::incident_notes::{NoteAudience, rows::insert};
        let reason = reopening.into_inner().reason;
        insert(tx, me.school(), incident.row.id, NoteAudience::Internal, me.person(), reason.as_str(), me.now())?;
        let row = &mut incident.row;
        (row.state, row.closed_at, row.outcome) = (IncidentState::Investigating, None, None);
        (row.safeguarding_decision, row.safeguarding_reason) = (None, None);
        (row.safeguarding_decided_by, row.safeguarding_decided_at) = (None, None);
        Ok(())
    })
    .await
}
