//! Reading incidents, and who has a part in them.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::intake::{inform, subjects};
use super::rows::{self, Filter};
use super::rules::{self, Capacity, IncidentAction, IncidentState, SubjectPart};
use super::view::{Escalation, Escalations, Incident, IncidentPage, Moment, NamedSubject, Timeline, part, standing, view, viewer};
use crate::access::caller::Caller;
use crate::access::permissions::{LeadIncident, ReadIncidents};
use crate::clock::Instant;
use crate::db::types::{AccountId, IncidentId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{Valid, objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Gone, Plain, Versioned};
use crate::http::text::{Prose, present};
use crate::page::paged;
use crate::policy::clauses::Clause;
use crate::policy::conflict;
use crate::policy::incidents::Category;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::resources::{disclosures, notifications, people, schools};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_incidents)
        .service(find_incident)
        .service(change_incident_subjects)
        .service(involve_people)
        .service(recuse_from_incident)
        .service(find_incident_timeline)
        .service(find_incident_escalations);
}

/// Which incidents to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 6))]
    #[param(max_items = 6)]
    pub state: Vec<IncidentState>,
    /// Of one of these categories.
    #[serde(default)]
    #[validate(length(max = 40))]
    #[param(max_items = 40)]
    pub category: Vec<Category>,
    /// That name this person.
    #[param(nullable = false)]
    pub person_id: Option<PersonId>,
    /// That are linked to this account.
    #[param(nullable = false)]
    pub account_id: Option<AccountId>,
    /// At or after this instant.
    #[param(nullable = false)]
    pub reported_from: Option<Instant>,
    /// Before this instant.
    #[param(nullable = false)]
    pub reported_to: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(IncidentQuery);

/// Whom an incident names from now on.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "subjects": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002" }] }))]
pub struct IncidentSubjects {
    #[serde(deserialize_with = "objects")]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20)]
    pub subjects: Vec<NamedSubject>,
    /// Whether it is still said to be about the headteacher, whatever names there are; as it was, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub report_about_head: Option<bool>,
}

/// Who takes part in dealing with an incident.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "people": ["0198a4b2-6f00-7000-8000-000000000003"] }))]
pub struct InvolvedPeople {
    #[validate(length(max = 50))]
    #[schema(max_items = 50)]
    pub people: Vec<PersonId>,
}

/// Why somebody withdraws.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The person is my sister." }))]
pub struct Recusal {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// List incidents.
///
/// Oldest first: those that the caller leads, protects a child or data in, takes part in, or reported (R-HT-3). Whom an
/// incident is about does not see it.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])), params(IncidentQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((IncidentPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/incidents")]
async fn list_incidents(caller: Caller<ReadIncidents>, query: Query<IncidentQuery>, format: Format) -> Result<Listed<Incident>, Problem> {
    listed(caller, "/v1/incidents", query, format, |conn, me, query, window| {
        let filter = Filter {
            states: query.state.clone(),
            categories: query.category.clone(),
            subject: query.person_id,
            account: query.account_id,
            reported_from: query.reported_from,
            reported_to: query.reported_to,
        };
        let viewer = viewer(conn, me)?;
        let incidents = rows::list(conn, me.school(), &viewer, &filter, window)?;
        let disclosed = disclosures::rows::granted_to(conn, me.school(), viewer.person)?;
        Ok(window.page(
            incidents,
            |incident| incident.row.id,
            |incident| {
                let (capacity, disclosed) = (viewer.capacity(&incident), disclosed.contains(&incident.row.id));
                view(me, incident, capacity, disclosed)
            },
        ))
    })
    .await
}

/// Find an incident.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])),
    responses((status = 200, description = "The incident.", body = Incident), Fails<404>))]
#[get("/v1/incidents/{id}")]
async fn find_incident(caller: Caller<ReadIncidents>, id: Path<IncidentId>) -> Result<Versioned<Incident>, Problem> {
    caller
        .read(move |conn, me| {
            let (incident, capacity) = part(conn, me, *id)?;
            let disclosed = match me.person() {
                Some(person) => disclosures::rows::granted_to(conn, me.school(), person)?.contains(&incident.row.id),
                None => false,
            };
            Versioned::new(&view(me, incident, capacity, disclosed))
        })
        .await
}

/// Change whom an incident names (R-HT-3).
///
/// All of them, in place of those before. Who leads, who has to be told and from whom it is hidden is found out anew in
/// the same transaction: a lead whom it comes to be about loses sight of it with this answer.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = IncidentSubjects,
    responses((status = 200, description = "Changed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/change-subjects")]
async fn change_incident_subjects(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    change: Valid<IncidentSubjects>,
) -> Result<Versioned<Incident>, Problem> {
    caller
        .write_on(
            move |tx, me| part(tx, me, *id),
            move |tx, me, (mut incident, capacity)| {
                rules::check(IncidentAction::ChangeSubjects, standing(me, &incident, capacity))?;
                seen.check(incident.row.version)?;
                let IncidentSubjects { subjects: named, report_about_head } = change.into_inner();
                let before = incident.subjects.clone();
                incident.subjects = subjects(tx, me.school(), incident.row.id, named, me.today())?;
                // What somebody was at the time, and has been since, stays on record (BEH-2d).
                for subject in &mut incident.subjects {
                    if let Some(old) = before.iter().find(|old| old.person_id.is_some() && old.person_id == subject.person_id) {
                        (subject.status_at_time, subject.parties) = (old.status_at_time, old.parties.clone());
                    }
                }
                incident.row.about_head = report_about_head.unwrap_or(incident.row.about_head);
                let pupil = incident.subjects.iter().any(|subject| conflict::is_pupil(&subject.parties));
                incident.row.child_involved |= pupil;
                let routing = rows::reroute(tx, &mut incident, me.today())?;
                rows::replace_subjects(tx, &incident)?;
                rows::replace_involved(tx, &incident, me.now())?;
                rows::save(tx, &mut incident.row, me.now())?;
                events::record(tx, me, Event::new(EventType::IncidentSubjectsChanged, incident.row.id.uuid()).state(incident.row.state))?;
                inform(tx, &incident, &routing, me.now(), me.today())?;
                Versioned::new(&view(me, incident, capacity, false))
            },
        )
        .await
}

/// Say who takes part in dealing with an incident (R-HT-4).
///
/// All of them, in place of those before; they see what happened and the notes that are shared with them. Nobody whom
/// it is about (R-HT-3).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = InvolvedPeople,
    responses((status = 200, description = "Changed.", body = Incident), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/involve")]
async fn involve_people(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    involved: Valid<InvolvedPeople>,
) -> Result<Versioned<Incident>, Problem> {
    caller
        .write_on(
            move |tx, me| part(tx, me, *id),
            move |tx, me, (mut incident, capacity)| {
                rules::check(IncidentAction::Involve, standing(me, &incident, capacity))?;
                seen.check(incident.row.version)?;
                let mut people = involved.into_inner().people;
                people.sort_unstable();
                people.dedup();
                let known = people::rows::known(tx, me.school(), &people)?;
                if let Some(index) = people.iter().position(|person| !known.contains(person)) {
                    return Err(Problem::invalid(format!("/people/{index}"), "unknown", "There is no such person."));
                }
                let about = |person: &PersonId| {
                    incident.subjects.iter().any(|subject| subject.part == SubjectPart::Alleged && subject.person_id == Some(*person))
                };
                if people.iter().any(about) {
                    let violation = Violation::new(Clause::RHt3, "The incident is about one of these people.", "Involve others.");
                    return Err(Refusal::new(Grounds::NotAcceptable, violation.at("/people")).into());
                }
                incident.involved = people;
                rows::replace_involved(tx, &incident, me.now())?;
                rows::save(tx, &mut incident.row, me.now())?;
                events::record(tx, me, Event::new(EventType::IncidentPeopleInvolved, incident.row.id.uuid()).state(incident.row.state))?;
                Versioned::new(&view(me, incident, capacity, false))
            },
        )
        .await
}

/// Withdraw from leading an incident (R-HT-3).
///
/// Whoever is next leads it, and the caller sees it no more. Not if nobody would be left to lead.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = Recusal,
    responses((status = 204, description = "Withdrawn."), Fails<404, 409, 412, 428>))]
#[post("/v1/incidents/{id}/recuse")]
async fn recuse_from_incident(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    seen: IfMatch,
    recusal: Valid<Recusal>,
) -> Result<Gone<()>, Problem> {
    caller
        .write_on(
            move |tx, me| part(tx, me, *id),
            move |tx, me, (mut incident, capacity)| {
                rules::check(IncidentAction::Recuse, standing(me, &incident, capacity))?;
                seen.check(incident.row.version)?;
                let person = me.person().ok_or_else(Problem::not_found)?;
                let contact = schools::rows::find(tx, me.school())?.escalation_contact_id;
                let matter = rows::matter(tx, &incident, me.today())?;
                conflict::may_recuse(&matter, incident.row.lead_role, contact.is_some_and(|contact| contact != person))?;
                rows::recuse(tx, &incident.row, person, recusal.into_inner().reason.as_str(), me.now())?;
                let routing = rows::reroute(tx, &mut incident, me.today())?;
                rows::save(tx, &mut incident.row, me.now())?;
                events::record(tx, me, Event::new(EventType::IncidentLeadRecused, incident.row.id.uuid()).state(incident.row.state))?;
                inform(tx, &incident, &routing, me.now(), me.today())?;
                Ok(Gone::new())
            },
        )
        .await
}

/// Find what has happened to an incident.
///
/// For whoever leads it or protects a child or data in it (R-HT-3). Oldest first.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])),
    responses((status = 200, description = "What has happened.", body = Timeline), Fails<404>))]
#[get("/v1/incidents/{id}/timeline")]
async fn find_incident_timeline(caller: Caller<ReadIncidents>, id: Path<IncidentId>) -> Result<Plain<Timeline>, Problem> {
    caller
        .read(move |conn, me| {
            let (incident, capacity) = part(conn, me, *id)?;
            for_full(capacity)?;
            let rows = events::history(conn, me.school(), incident.row.id.uuid(), 1000)?;
            let moment = |row: events::EventRow| {
                let data: events::Data = serde_json::from_str(&row.data).unwrap_or_default();
                Moment {
                    id: row.id,
                    r#type: row.event_type,
                    at: row.occurred_at,
                    actor_id: row.actor_id,
                    actor_role: row.actor_role,
                    state: data.state,
                }
            };
            Plain::new(&Timeline { items: rows.into_iter().map(moment).collect() })
        })
        .await
}

/// Find who was told of an incident, and when (BEH-5).
///
/// For whoever leads it or protects a child or data in it (R-HT-3). Oldest first.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])),
    responses((status = 200, description = "Who was told.", body = Escalations), Fails<404>))]
#[get("/v1/incidents/{id}/escalations")]
async fn find_incident_escalations(caller: Caller<ReadIncidents>, id: Path<IncidentId>) -> Result<Plain<Escalations>, Problem> {
    caller
        .read(move |conn, me| {
            let (incident, capacity) = part(conn, me, *id)?;
            for_full(capacity)?;
            let told = notifications::rows::of(conn, me.school(), incident.row.id.uuid())?;
            Plain::new(&Escalations { items: told.into_iter().map(Escalation::from).collect() })
        })
        .await
}

/// What is for whoever leads, or protects a child or data.
///
/// # Errors
/// 403 for whoever else sees the incident.
pub fn for_full(capacity: Capacity) -> Result<(), Refusal> {
    if capacity.is_full() {
        return Ok(());
    }
    let violation = Violation::new(Clause::RHt3, "This is for whoever deals with the incident.", "Ask whoever leads it.");
    Err(Refusal::new(Grounds::NotThisPerson, violation))
}
