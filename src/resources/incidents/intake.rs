//! Taking a report in, by whatever way it comes: who deals with it is found out in the same transaction.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;
use validator::Validate;

use super::rows::{self, Incident, IncidentRow, LinkRow, Linked, SubjectRow};
use super::rules::{IncidentState, SubjectPart, SubjectStatus};
use super::view::{Evidence, EvidenceKind, NamedSubject};
use crate::access::{digest, new_secret};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{accounts, comments, mentions, monitoring_checks};
use crate::db::types::{AccountId, CommentId, IncidentId, MentionId, MonitoringCheckId, PersonId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::text::{Line, Link};
use crate::policy::conflict::{Informed, LeadRole, Routing};
use crate::policy::deadline::local_day;
use crate::policy::incidents::{self, Category};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::comments::rules::is_past;
use crate::resources::{notifications, schools};
use crate::words::joined;

/// What is reported.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub description: String,
    pub category: Option<Category>,
    pub occurred_at: Option<Instant>,
    /// Now, if absent.
    pub discovered_at: Option<Instant>,
    pub subjects: Vec<NamedSubject>,
    pub about_head: bool,
    pub child_involved: bool,
    pub evidence: Vec<Evidence>,
    pub account_ids: Vec<AccountId>,
    pub comment_ids: Vec<CommentId>,
    pub monitoring_check_ids: Vec<MonitoringCheckId>,
    pub mention_ids: Vec<MentionId>,
    /// The safeguarding lead and the deputy take part from the start, but for whom it is about.
    pub with_safeguarding_team: bool,
}

/// Whom a body names, as rows; what they are is looked up for all at once.
///
/// # Errors
/// 422 where somebody is named twice, not at all, or not known.
pub fn subjects(
    conn: &mut Conn,
    school: SchoolId,
    incident: IncidentId,
    named: Vec<NamedSubject>,
    today: NaiveDate,
) -> Result<Vec<SubjectRow>, Problem> {
    let ids: Vec<PersonId> = named.iter().filter_map(|subject| subject.person_id).collect();
    let known = rows::known(conn, school, &ids, today)?;
    let (mut errors, mut seen, mut subjects) = (Vec::new(), HashSet::new(), Vec::new());
    for ((index, number), subject) in (0..).zip(1..).zip(named) {
        let at = |field: &str| format!("/subjects/{index}{field}");
        let person = subject.person_id.map(|id| (id, known.get(&id)));
        match (person, &subject.description) {
            (Some((_, None)), _) => errors.push(FieldError::new(at("/person_id"), "unknown", "There is no such person.")),
            (Some((id, _)), _) if !seen.insert(id) => errors.push(FieldError::new(at("/person_id"), "duplicate", "Named already.")),
            (Some(_), Some(_)) | (None, None) => {
                errors.push(FieldError::new(at(""), "person_or_description", "Give person_id, or a description of somebody else."));
            }
            _ => {}
        }
        let known = person.and_then(|(_, known)| known);
        subjects.push(SubjectRow {
            school_id: school,
            incident_id: incident,
            number,
            part: subject.part,
            person_id: subject.person_id,
            description: subject.description.map(Line::into_inner),
            status_at_time: known.map_or(SubjectStatus::Unknown, |known| known.status),
            parties: known.map(|known| joined(&known.parties.iter().copied().collect::<Vec<_>>())).unwrap_or_default(),
        });
    }
    if errors.is_empty() { Ok(subjects) } else { Err(Problem::new(Code::ValidationFailed).with_errors(errors)) }
}

/// A link is one, and a hash too.
fn check_evidence(evidence: &[Evidence]) -> Result<(), Problem> {
    let acceptable = |piece: &Evidence| match piece.kind {
        EvidenceKind::Text => true,
        EvidenceKind::Link => serde_json::from_value::<Link<1000>>(piece.value.as_str().into()).is_ok_and(|link| link.validate().is_ok()),
        EvidenceKind::Sha256 => piece.value.as_str().len() == 64 && piece.value.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()),
    };
    let wrong = evidence.iter().enumerate().filter(|(_, piece)| !acceptable(piece));
    let error = |(index, _): (usize, &Evidence)| {
        FieldError::new(format!("/evidence/{index}/value"), "not_of_its_kind", "Must be an https address, or a SHA-256 in hexadecimal.")
    };
    let errors: Vec<FieldError> = wrong.map(error).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::new(Code::ValidationFailed).with_errors(errors)) }
}

/// The accounts, comments, checks and mentions that a report names.
fn links(conn: &mut Conn, school: SchoolId, incident: IncidentId, new: &Report) -> Result<Vec<LinkRow>, Problem> {
    let mut targets = Vec::new();
    let mut errors = Vec::new();
    macro_rules! link {
        ($table:ident, $field:ident, $id:ty, $target:expr) => {
            let known = $table::table.filter($table::school_id.eq(school)).filter($table::id.eq_any(&new.$field));
            let known: HashSet<$id> = known.select($table::id).load::<$id>(conn)?.into_iter().collect();
            for (index, id) in new.$field.iter().enumerate() {
                if known.contains(id) {
                    targets.push($target(*id));
                } else {
                    let at = format!(concat!("/", stringify!($field), "/{}"), index);
                    errors.push(FieldError::new(at, "unknown", "There is none such."));
                }
            }
        };
    }
    link!(accounts, account_ids, AccountId, Linked::Account);
    link!(comments, comment_ids, CommentId, Linked::Comment);
    link!(monitoring_checks, monitoring_check_ids, MonitoringCheckId, Linked::Check);
    link!(mentions, mention_ids, MentionId, Linked::Mention);
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    Ok((1..).zip(targets).map(|(number, target)| LinkRow::new(school, incident, number, target)).collect())
}

/// Takes a report in: who deals with it is found out and recorded in the same transaction. With the receipt, which is
/// shown once.
///
/// # Errors
/// 422 where the report is not acceptable.
pub fn take_in(tx: &mut Conn, reporter: Option<PersonId>, new: Report, by: Actor) -> Result<(Incident, String), Problem> {
    let (school, now) = (by.school, by.at);
    let today = local_day(*now, schools::rows::find(tx, school)?.zone());
    let discovered_at = new.discovered_at.or(new.occurred_at).unwrap_or(now);
    for (at, pointer) in [(new.occurred_at, "/occurred_at"), (new.discovered_at, "/discovered_at")] {
        if at.is_some_and(|at| !is_past(at, now)) {
            return Err(Problem::invalid(pointer, "in_the_future", "This lies in the future."));
        }
    }
    check_evidence(&new.evidence)?;
    incidents::may_keep_evidence(new.category, !new.evidence.is_empty())?;
    incidents::needs_evidence(new.category, !new.evidence.is_empty())?;
    let id = IncidentId::new();
    let links = links(tx, school, id, &new)?;
    let subjects = subjects(tx, school, id, new.subjects, today)?;
    let receipt = new_secret();
    let alleged = |person: PersonId| subjects.iter().any(|row| row.part == SubjectPart::Alleged && row.person_id == Some(person));
    let pupil_named = subjects.iter().any(|row| matches!(row.status_at_time, SubjectStatus::Pupil | SubjectStatus::FormerPupil));
    let mut incident = Incident {
        row: IncidentRow {
            school_id: school,
            id,
            state: IncidentState::Reported,
            category: new.category,
            description: new.description,
            evidence: if new.evidence.is_empty() { None } else { Some(serde_json::to_string(&new.evidence).map_err(Problem::internal)?) },
            occurred_at: new.occurred_at,
            discovered_at,
            reported_at: now,
            late_report: incidents::is_late(*discovered_at, *now),
            reporter_id: reporter,
            self_reported: reporter.is_some_and(alleged),
            receipt_hash: digest(&receipt),
            about_head: new.about_head,
            child_involved: new.child_involved || pupil_named || new.category.is_some_and(Category::concerns_children),
            lead_role: LeadRole::Headteacher,
            safeguarding_role: None,
            escalation: false,
            data_concerned: new.category.is_some_and(Category::concerns_data),
            proposed_legality: None,
            proposed_by: None,
            proposed_reason: None,
            safeguarding_decision: None,
            safeguarding_reason: None,
            safeguarding_decided_by: None,
            safeguarding_decided_at: None,
            action_taken: None,
            outcome: None,
            outcome_notice: None,
            closed_at: None,
            version: 1,
            updated_at: now,
        },
        assessment: None,
        subjects,
        links,
        involved: Vec::new(),
    };
    // The row first: who may not know of it refers to it.
    rows::insert(tx, &incident)?;
    let mut routing = rows::reroute(tx, &mut incident, today)?;
    rows::settle(tx, &incident.row)?;
    if new.with_safeguarding_team {
        let team = BTreeSet::from([Informed::Dsl, Informed::DeputyDsl]);
        let named: Vec<Option<PersonId>> = incident.subjects.iter().map(|subject| subject.person_id).collect();
        incident.involved = rows::people_of(tx, school, &team, today)?;
        incident.involved.retain(|person| !named.contains(&Some(*person)));
        rows::replace_involved(tx, &incident, now)?;
        routing.informed.extend(team);
    }
    // Who reported it is for the lead alone: the log, which more people read, does not say (decisions, section 3, rule 5).
    let reporter = by.as_a_reporter();
    events::record(tx, reporter, Event::new(EventType::IncidentReported, id.uuid()).state(IncidentState::Reported))?;
    inform(tx, &incident, &routing, now, today)?;
    Ok((incident, receipt))
}

/// Tells whom the routing names, and who has not been told yet (R-HT-3, BEH-5).
///
/// # Errors
/// Where the database gives none.
pub fn inform(tx: &mut Conn, incident: &Incident, routing: &Routing, now: Instant, today: NaiveDate) -> Result<(), Problem> {
    let row = &incident.row;
    let mut told = notifications::rows::told_of(tx, row.school_id, row.id.uuid())?;
    told.extend(rows::hidden_from(tx, row)?);
    let mut people = rows::people_of(tx, row.school_id, &routing.informed, today)?;
    people.retain(|person| !told.contains(person));
    notifications::rows::notify(tx, row.school_id, &people, EventType::IncidentReported, row.id.uuid(), now)?;
    Ok(())
}

/// Tells whoever leads an incident, and whom else it concerns, of something that has become due in it.
///
/// # Errors
/// Where the database gives none.
pub fn remind(
    tx: &mut Conn,
    school: SchoolId,
    id: IncidentId,
    kind: EventType,
    others: &[Informed],
    now: Instant,
    today: NaiveDate,
) -> QueryResult<()> {
    let Some(row) = rows::row(tx, school, id)? else { return Ok(()) };
    let informed = others.iter().copied().chain([row.lead_role.informed()]).collect();
    let mut people = rows::people_of(tx, school, &informed, today)?;
    let hidden = rows::hidden_from(tx, &row)?;
    people.retain(|person| !hidden.contains(person));
    notifications::rows::notify(tx, school, &people, kind, id.uuid(), now)
}
