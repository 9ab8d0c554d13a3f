//! Reporting an incident: by anyone with a token, and without one through the school's public address.

use actix_web::post;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::intake::{Report, take_in};
use super::rows;
use super::rules::IncidentState;
use super::view::{Evidence, NamedSubject};
use crate::access::caller::Caller;
use crate::access::digest;
use crate::access::permissions::ReportIncident;
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{AccountId, CommentId, IncidentId, MentionId, MonitoringCheckId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{Valid, objects};
use crate::http::document::Fails;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Prose, present};
use crate::policy::conflict::LeadRole;
use crate::policy::incidents::{Category, FirstStep};
use crate::problem::Problem;
use crate::resources::incident_notes::{self, NoteAudience};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config.service(report_incident).service(report_anonymously).service(follow_up_report);
}

/// What somebody reports.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "description": "Insults in a staff group chat.", "category": "colleague_abuse", "discovered_at": "2026-01-14T08:00:00Z",
    "subjects": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002" }]
}))]
pub struct NewIncident {
    /// What has happened, in the reporter's words.
    #[validate(nested)]
    #[schema(inline)]
    pub description: Prose<5000>,
    /// A worry needs none.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub category: Option<Category>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub occurred_at: Option<Instant>,
    /// When the reporter learnt of it; now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub discovered_at: Option<Instant>,
    /// Whom it is about, and whom it was done to.
    #[serde(default, deserialize_with = "objects")]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20)]
    pub subjects: Vec<NamedSubject>,
    /// It is about the headteacher: the chair of governors alone is told, whatever names follow.
    #[serde(default)]
    pub report_about_head: bool,
    /// A child is, or may be, affected.
    #[serde(default)]
    pub child_involved: bool,
    /// Words, links and hashes; no files.
    #[serde(default, deserialize_with = "objects")]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20)]
    pub evidence: Vec<Evidence>,
    #[serde(default)]
    #[validate(length(max = 6))]
    #[schema(max_items = 6)]
    pub account_ids: Vec<AccountId>,
    #[serde(default)]
    #[validate(length(max = 6))]
    #[schema(max_items = 6)]
    pub comment_ids: Vec<CommentId>,
    #[serde(default)]
    #[validate(length(max = 6))]
    #[schema(max_items = 6)]
    pub monitoring_check_ids: Vec<MonitoringCheckId>,
    #[serde(default)]
    #[validate(length(max = 6))]
    #[schema(max_items = 6)]
    pub mention_ids: Vec<MentionId>,
}

impl From<NewIncident> for Report {
    fn from(new: NewIncident) -> Self {
        Self {
            description: new.description.into_inner(),
            category: new.category,
            occurred_at: new.occurred_at,
            discovered_at: new.discovered_at,
            subjects: new.subjects,
            about_head: new.report_about_head,
            child_involved: new.child_involved,
            evidence: new.evidence,
            account_ids: new.account_ids,
            comment_ids: new.comment_ids,
            monitoring_check_ids: new.monitoring_check_ids,
            mention_ids: new.mention_ids,
            with_safeguarding_team: false,
        }
    }
}

/// What is reported without a token.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "description": "A fake page of the school insults a teacher.", "category": "impersonation_fake_account" }))]
pub struct NewAnonymousReport {
    #[validate(nested)]
    #[schema(inline)]
    pub description: Prose<5000>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub category: Option<Category>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub discovered_at: Option<Instant>,
    /// It is about the headteacher: the chair of governors alone is told.
    #[serde(default)]
    pub report_about_head: bool,
    #[serde(default)]
    pub child_involved: bool,
}

/// That an incident was reported. The receipt is shown once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f1", "state": "reported", "lead_role": "headteacher", "reported_at": "2026-01-14T10:00:00Z",
    "late_report": false, "receipt_code": "k3J1Zy0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHE", "guidance": []
}))]
pub struct IncidentReceipt {
    pub id: IncidentId,
    pub state: IncidentState,
    pub lead_role: LeadRole,
    pub reported_at: Instant,
    /// More than 24 hours after it was discovered (BEH-5).
    pub late_report: bool,
    /// With it, and without a token, the reporter can follow up.
    #[schema(max_length = 43)]
    pub receipt_code: String,
    /// What to do at once, and what not to.
    #[schema(max_items = 5)]
    pub guidance: Vec<FirstStep>,
}

impl Resource for IncidentReceipt {
    fn location(&self) -> String {
        format!("/v1/incidents/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// That something was reported without a token. The receipt is shown once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "receipt_code": "k3J1Zy0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHE", "reported_at": "2026-01-14T10:00:00Z", "guidance": [] }))]
pub struct AnonymousReceipt {
    #[serde(skip)]
    school: SchoolId,
    #[schema(max_length = 43)]
    pub receipt_code: String,
    pub reported_at: Instant,
    /// What to do at once, and what not to.
    #[schema(max_items = 5)]
    pub guidance: Vec<FirstStep>,
}

impl Resource for AnonymousReceipt {
    fn location(&self) -> String {
        format!("/v1/schools/{}/reports/follow-up", self.school)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A receipt, and what else the reporter has to say.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "receipt_code": "k3J1Zy0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHE" }))]
pub struct FollowUp {
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub receipt_code: String,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub message: Option<Prose<5000>>,
}

words! {
    /// What a reporter learns of where their report stands.
    pub enum ReportState { Received, InHand, Closed }
}

/// Where a report stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "state": "in_hand", "reported_at": "2026-01-14T10:00:00Z", "messages": [] }))]
pub struct ReportStatus {
    pub state: ReportState,
    pub reported_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub outcome_notice: Option<String>,
    /// Between the reporter and whoever leads: the newest 100.
    #[schema(max_items = 100)]
    pub messages: Vec<Message>,
}

/// Something that was said between the reporter and whoever leads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// By the reporter.
    pub own: bool,
    #[schema(max_length = 5000)]
    pub text: String,
    pub sent_at: Instant,
}

/// Report an incident (BEH-5, R-HT-3, HND-3).
///
/// By anybody, at any hour; a pupil's worry needs no more than a description. The headteacher leads, but what is about
/// the headteacher goes to the chair of governors, and is hidden from the headteacher (R-HT-3). Who reported it is for
/// the lead alone. The receipt is shown once. Where an image may be illegal, no link to it is taken (IMG-5), and
/// suspected excessive use is reported with how the duties suffer (PU-ST-3).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReportIncident])), request_body = NewIncident,
    responses((status = 201, description = "Reported.", body = IncidentReceipt)))]
#[post("/v1/incidents")]
async fn report_incident(caller: Caller<ReportIncident>, new: Valid<NewIncident>) -> Result<Created<IncidentReceipt>, Problem> {
    caller
        .write(move |tx, me| {
            let (incident, receipt_code) = take_in(tx, me.person(), new.into_inner().into(), me.into())?;
            let row = incident.row;
            Created::secret(&IncidentReceipt {
                id: row.id,
                state: row.state,
                lead_role: row.lead_role,
                reported_at: row.reported_at,
                late_report: row.late_report,
                receipt_code,
                guidance: row.category.map(Category::guidance).unwrap_or_default(),
            })
        })
        .await
}

fn anybody(school: SchoolId, at: Instant) -> Actor {
    Actor { school, person: None, role: "anonymous".into(), client_id: "public-report".into(), at }
}

/// Report something without a token (BEH-5, HND-3).
///
/// Needs no access token. The receipt is shown once; with it the reporter can follow up, and with nothing else. What
/// is about the headteacher goes to the chair of governors (R-HT-3).
#[utoipa::path(tag = "incidents", security(()), request_body = NewAnonymousReport,
    responses((status = 201, description = "Reported.", body = AnonymousReceipt), Fails<404>))]
#[post("/v1/schools/{id}/reports")]
async fn report_anonymously(
    id: Path<SchoolId>,
    new: Valid<NewAnonymousReport>,
    state: Data<State>,
) -> Result<Created<AnonymousReceipt>, Problem> {
    let (school, now, new) = (*id, state.clock.now(), new.into_inner());
    state
        .db
        .write(school.uuid(), move |tx| {
            let report = Report {
                description: new.description.into_inner(),
                category: new.category,
                discovered_at: new.discovered_at,
                about_head: new.report_about_head,
                child_involved: new.child_involved,
                ..Report::default()
            };
            let (incident, receipt_code) = take_in(tx, None, report, anybody(school, now))?;
            let guidance = incident.row.category.map(Category::guidance).unwrap_or_default();
            Created::secret(&AnonymousReceipt { school, receipt_code, reported_at: incident.row.reported_at, guidance })
        })
        .await
}

/// Follow up a report with its receipt (BEH-5).
///
/// Needs no access token, only the receipt. Says where the report stands, and takes a further message.
#[utoipa::path(tag = "incidents", security(()), request_body = FollowUp,
    responses((status = 200, description = "Where it stands.", body = ReportStatus), Fails<404>))]
#[post("/v1/schools/{id}/reports/follow-up")]
async fn follow_up_report(id: Path<SchoolId>, follow_up: Valid<FollowUp>, state: Data<State>) -> Result<Plain<ReportStatus>, Problem> {
    let (school, now) = (*id, state.clock.now());
    let FollowUp { receipt_code, message } = follow_up.into_inner();
    state
        .db
        .write(school.uuid(), move |tx| {
            let row = rows::by_receipt(tx, school, &digest(receipt_code.trim()))?;
            if let Some(message) = message {
                incident_notes::rows::insert(tx, school, row.id, NoteAudience::Reporter, None, &message.into_inner(), now)?;
                events::record(tx, anybody(school, now), Event::new(EventType::IncidentNoted, row.id.uuid()))?;
            }
            let messages = incident_notes::rows::with_reporter(tx, school, row.id)?;
            let message =
                |note: incident_notes::rows::NoteRow| Message { own: note.author_id.is_none(), text: note.text, sent_at: note.created_at };
            Plain::new(&ReportStatus {
                state: match row.state {
                    IncidentState::Reported => ReportState::Received,
                    state if state.is_open() => ReportState::InHand,
                    _ => ReportState::Closed,
                },
                reported_at: row.reported_at,
                outcome_notice: row.outcome_notice,
                messages: messages.into_iter().map(message).collect(),
            })
        })
        .await
}
