//! What an incident looks like, to whom.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::rows::{self, Incident as Whole, Viewer};
use super::rules::{self, Capacity, IncidentAction, IncidentState, Standing, SubjectPart, SubjectStatus};
use crate::access::caller::Caller;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, CommentId, EventId, IncidentId, MentionId, MonitoringCheckId, PersonId};
use crate::http::reply::Resource;
use crate::http::text::{Line, present};
use crate::page::Page;
use crate::policy::conflict::{self, Duty, LeadRole, SafeguardingRole};
use crate::policy::incidents::{Category, FirstStep, HarmThreshold, Legality, Outcome, SafeguardingDecision, Scope, Severity};
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::notifications::rows::NotificationRow;
use crate::resources::schools;
use crate::words::words;

/// Something that went wrong. Whoever leads it sees all of it, others what their part asks for; whom it is about
/// sees nothing, anywhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f1", "state": "assessed", "capacity": "lead", "allowed_actions": ["assess", "investigate"],
    "category": "colleague_abuse", "description": "Insults in a staff group chat.", "discovered_at": "2026-01-14T08:00:00Z",
    "reported_at": "2026-01-14T10:00:00Z", "late_report": false, "minutes_to_report": 120, "self_reported": false, "lead_role": "headteacher",
    "guidance": [],
    "details": {
        "reporter_id": "0198a4b2-6f00-7000-8000-000000000003",
        "subjects": [{ "part": "alleged", "person_id": "0198a4b2-6f00-7000-8000-000000000002", "status_at_time": "staff" }],
        "evidence": [], "account_ids": [], "comment_ids": [], "monitoring_check_ids": [], "mention_ids": [], "involved": [], "child_involved": false, "duties": []
    },
    "version": 2, "updated_at": "2026-01-14T11:00:00Z"
}))]
pub struct Incident {
    pub id: IncidentId,
    pub state: IncidentState,
    /// As what the caller sees it.
    pub capacity: Capacity,
    /// What this caller can do with it now.
    #[schema(max_items = 20)]
    pub allowed_actions: Vec<IncidentAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub category: Option<Category>,
    #[schema(max_length = 5000)]
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub occurred_at: Option<Instant>,
    pub discovered_at: Instant,
    pub reported_at: Instant,
    /// Reported more than 24 hours after it was discovered (BEH-5).
    pub late_report: bool,
    #[schema(minimum = 0)]
    pub minutes_to_report: i64,
    /// Whoever reported it reported themselves (DO-9).
    pub self_reported: bool,
    pub lead_role: LeadRole,
    /// Who looks after the child's welfare.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub safeguarding_role: Option<SafeguardingRole>,
    /// What to do at once, and what not to.
    #[schema(max_items = 5)]
    pub guidance: Vec<FirstStep>,
    /// What the reporter is told of the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub outcome_notice: Option<String>,
    /// For the lead, and for whoever protects children or data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub details: Option<Details>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub updated_at: Instant,
}

/// What the lead and whoever protects children or data see beyond that.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Details {
    /// For the lead alone, and for whom it was disclosed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reporter_id: Option<PersonId>,
    #[schema(max_items = 20)]
    pub subjects: Vec<Subject>,
    #[schema(max_items = 20)]
    pub evidence: Vec<Evidence>,
    #[schema(max_items = 20)]
    pub account_ids: Vec<AccountId>,
    #[schema(max_items = 20)]
    pub comment_ids: Vec<CommentId>,
    #[schema(max_items = 20)]
    pub monitoring_check_ids: Vec<MonitoringCheckId>,
    #[schema(max_items = 6)]
    pub mention_ids: Vec<MentionId>,
    #[schema(max_items = 50)]
    pub involved: Vec<PersonId>,
    pub child_involved: bool,
    /// What it asks of whoever leads it.
    #[schema(max_items = 10)]
    pub duties: Vec<Duty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assessment: Option<Assessment>,
    /// A lower legality that waits for a second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub proposed_legality: Option<Legality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub proposed_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub safeguarding_decision: Option<SafeguardingDecision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub safeguarding_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub action_taken: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub closed_at: Option<Instant>,
}

/// What was found at the assessment that holds (R-HT-4).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Assessment {
    pub severity: Severity,
    pub harm_threshold: HarmThreshold,
    pub scope: Scope,
    pub legality: Legality,
    pub safeguarding: bool,
    #[schema(max_length = 5000)]
    pub reasons: String,
    pub assessed_by: PersonId,
    pub assessed_at: Instant,
}

/// Somebody whom an incident names.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subject {
    pub part: SubjectPart,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub description: Option<String>,
    pub status_at_time: SubjectStatus,
}

words! {
    /// What a piece of evidence is. No files: what shows a child, or may be illegal, stays where it is.
    pub enum EvidenceKind {
        Text,
        /// An `https` address.
        Link,
        /// Of a screenshot that is kept elsewhere, in hexadecimal.
        Sha256,
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub kind: EvidenceKind,
    #[validate(nested)]
    #[schema(inline)]
    pub value: Line<1000>,
}

/// Somebody whom an incident names: a person of the school, present or former, or a description of somebody else.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedSubject {
    /// `alleged`, if absent.
    #[serde(default = "alleged")]
    pub part: SubjectPart,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub description: Option<Line<200>>,
}

const fn alleged() -> SubjectPart {
    SubjectPart::Alleged
}

pub type IncidentPage = Page<Incident>;

impl Resource for Incident {
    fn location(&self) -> String {
        format!("/v1/incidents/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        (self.capacity != Capacity::Lead).then(|| self.capacity.into())
    }
}

/// Something that happened to an incident.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "items": [{
    "id": "0198a4b2-6f00-7000-8000-0000000000e1", "type": "incident.assessed", "at": "2026-01-14T11:00:00Z",
    "actor_id": "0198a4b2-6f00-7000-8000-000000000001", "actor_role": "headteacher", "state": "assessed"
}] }))]
pub struct Timeline {
    #[schema(max_items = 1000)]
    pub items: Vec<Moment>,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Moment {
    pub id: EventId,
    #[schema(max_length = 60)]
    pub r#type: String,
    pub at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub actor_id: Option<PersonId>,
    #[schema(max_length = 60)]
    pub actor_role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub state: Option<String>,
}

/// Who was told of an incident.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "items": [{
    "person_id": "0198a4b2-6f00-7000-8000-000000000001", "event_type": "incident.reported", "told_at": "2026-01-14T10:00:00Z",
    "read_at": "2026-01-14T10:20:00Z"
}] }))]
pub struct Escalations {
    #[schema(max_items = 1000)]
    pub items: Vec<Escalation>,
}

/// That somebody was told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Escalation {
    pub person_id: PersonId,
    /// Of what, as the log names it.
    #[schema(max_length = 60)]
    pub event_type: String,
    pub told_at: Instant,
    /// Absent until they have read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_at: Option<Instant>,
}

impl From<NotificationRow> for Escalation {
    fn from(row: NotificationRow) -> Self {
        Self { person_id: row.person_id, event_type: row.event_type, told_at: row.created_at, read_at: row.read_at }
    }
}

/// As whom the caller looks at incidents.
///
/// # Errors
/// 404 for a service, which sees none.
pub fn viewer<P>(conn: &mut Conn, me: &Caller<P>) -> Result<Viewer, Problem> {
    let person = me.person().ok_or_else(Problem::not_found)?;
    let escalation = schools::rows::find(conn, me.school())?.escalation_contact_id == Some(person);
    let leads = [
        (LeadRole::Headteacher, me.acts_as_head()),
        (LeadRole::ChairOfGovernors, me.has_role(Role::ChairOfGovernors)),
        (LeadRole::EscalationContact, escalation),
    ];
    let safeguards = [(SafeguardingRole::Dsl, Role::Dsl), (SafeguardingRole::DeputyDsl, Role::DeputyDsl)];
    Ok(Viewer {
        person,
        leads: leads.into_iter().filter_map(|(lead, is)| is.then_some(lead)).collect(),
        safeguards: safeguards.into_iter().filter_map(|(part, role)| me.has_role(role).then_some(part)).collect(),
        data: if me.has_role(Role::Dpo) { vec![true] } else { Vec::new() },
        escalated: if escalation { vec![true] } else { Vec::new() },
    })
}

/// The incident that a caller may know of, and their part in it.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn part<P>(conn: &mut Conn, me: &Caller<P>, id: IncidentId) -> Result<(Whole, Capacity), Problem> {
    let viewer = viewer(conn, me)?;
    let incident = rows::find(conn, me.school(), &viewer, id)?;
    let capacity = viewer.capacity(&incident);
    Ok((incident, capacity))
}

/// The incident that a body names.
///
/// # Errors
/// 422 where there is none for this caller.
pub fn named<P>(conn: &mut Conn, me: &Caller<P>, id: IncidentId) -> Result<Whole, Problem> {
    let found = part(conn, me, id);
    found
        .map(|(incident, _)| incident)
        .map_err(|_| Problem::invalid("/incident_id", "unknown", "There is no such incident for this caller."))
}

/// How an incident and the caller stand.
pub fn standing<P>(me: &Caller<P>, incident: &Whole, capacity: Capacity) -> Standing {
    let row = &incident.row;
    Standing {
        state: row.state,
        capacity,
        has_safeguarding: row.safeguarding_role.is_some(),
        proposed_by_caller: row.proposed_legality.map(|_| row.proposed_by.is_some_and(|person| me.is(person))),
    }
}

/// What a caller sees of an incident. `disclosed`: who reported it was disclosed to them.
pub fn view<P>(me: &Caller<P>, incident: Whole, capacity: Capacity, disclosed: bool) -> Incident {
    let allowed_actions = rules::allowed(standing(me, &incident, capacity));
    let row = &incident.row;
    Incident {
        id: row.id,
        state: row.state,
        capacity,
        allowed_actions,
        category: row.category,
        description: row.description.clone(),
        occurred_at: row.occurred_at,
        discovered_at: row.discovered_at,
        reported_at: row.reported_at,
        late_report: row.late_report,
        minutes_to_report: (row.reported_at - row.discovered_at).num_minutes().max(0),
        self_reported: row.self_reported,
        lead_role: row.lead_role,
        safeguarding_role: row.safeguarding_role,
        guidance: row.category.map(Category::guidance).unwrap_or_default(),
        outcome_notice: row.outcome_notice.clone(),
        version: row.version,
        updated_at: row.updated_at,
        details: capacity.is_full().then(|| details(incident, capacity == Capacity::Lead || disclosed)),
    }
}

fn details(incident: Whole, with_reporter: bool) -> Details {
    let routing = conflict::route(&incident.matter());
    let Whole { row, assessment, subjects, links, involved } = incident;
    let subject = |row: rows::SubjectRow| Subject {
        part: row.part,
        person_id: row.person_id,
        description: row.description,
        status_at_time: row.status_at_time,
    };
    Details {
        reporter_id: row.reporter_id.filter(|_| with_reporter),
        subjects: subjects.into_iter().map(subject).collect(),
        evidence: row.evidence.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
        account_ids: links.iter().filter_map(|link| link.account_id).collect(),
        comment_ids: links.iter().filter_map(|link| link.comment_id).collect(),
        monitoring_check_ids: links.iter().filter_map(|link| link.monitoring_check_id).collect(),
        mention_ids: links.iter().filter_map(|link| link.mention_id).collect(),
        involved,
        child_involved: row.child_involved,
        duties: routing.duties.iter().copied().collect(),
        assessment: assessment.map(|row| Assessment {
            severity: row.severity,
            harm_threshold: row.harm_threshold,
            scope: row.scope,
            legality: row.legality,
            safeguarding: row.safeguarding,
            reasons: row.reasons,
            assessed_by: row.assessed_by,
            assessed_at: row.assessed_at,
        }),
        proposed_legality: row.proposed_legality,
        proposed_reason: row.proposed_reason,
        safeguarding_decision: row.safeguarding_decision,
        safeguarding_reason: row.safeguarding_reason,
        action_taken: row.action_taken,
        outcome: row.outcome,
        closed_at: row.closed_at,
    }
}
