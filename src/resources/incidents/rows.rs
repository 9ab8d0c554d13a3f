//! Incidents in the database, and who may know of them.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::rules::{self, Capacity, IncidentState, SubjectPart, SubjectStatus};
use crate::access::digest;
use crate::clock::Instant;
use crate::db::schema::{
    delegations, incident_assessments, incident_hidden_from, incident_leads, incident_links, incident_people, incident_recusals,
    incident_referrals, incident_subjects, incidents, people, person_roles,
};
use crate::db::types::{AccountId, CommentId, IncidentId, MentionId, MonitoringCheckId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::conflict::{self, Informed, LeadRole, Matter, Party, Routing, SafeguardingRole};
use crate::policy::incidents::{
    Agency, Category, Findings, HarmThreshold, Legality, Outcome, ReferralState, SafeguardingDecision, Scope, Severity, Steps,
};
use crate::policy::roles::{PersonKind, Role, has_left};
use crate::problem::Problem;
use crate::resources::people::rows::{holding, in_charge, roles_of};
use crate::resources::schools;
use crate::words::{joined, split};

/// One row of `incidents`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = incidents, primary_key(school_id, id), treat_none_as_null = true)]
pub struct IncidentRow {
    pub school_id: SchoolId,
    pub id: IncidentId,
    pub state: IncidentState,
    pub category: Option<Category>,
    pub description: String,
    /// JSON: a list of `Evidence`.
    pub evidence: Option<String>,
    pub occurred_at: Option<Instant>,
    pub discovered_at: Instant,
    pub reported_at: Instant,
    pub late_report: bool,
    pub reporter_id: Option<PersonId>,
    /// The reporter is one of those whom the report was about from the start (DO-9).
    pub self_reported: bool,
    pub receipt_hash: String,
    pub about_head: bool,
    pub child_involved: bool,
    pub lead_role: LeadRole,
    pub safeguarding_role: Option<SafeguardingRole>,
    pub escalation: bool,
    pub data_concerned: bool,
    pub proposed_legality: Option<Legality>,
    pub proposed_by: Option<PersonId>,
    pub proposed_reason: Option<String>,
    pub safeguarding_decision: Option<SafeguardingDecision>,
    pub safeguarding_reason: Option<String>,
    pub safeguarding_decided_by: Option<PersonId>,
    pub safeguarding_decided_at: Option<Instant>,
    pub action_taken: Option<String>,
    pub outcome: Option<Outcome>,
    /// What the reporter is told of it.
    pub outcome_notice: Option<String>,
    pub closed_at: Option<Instant>,
    pub version: i64,
    pub updated_at: Instant,
}

/// One row of `incident_assessments`; the newest holds.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = incident_assessments)]
pub struct AssessmentRow {
    pub school_id: SchoolId,
    pub incident_id: IncidentId,
    pub number: i32,
    pub category: Category,
    pub severity: Severity,
    pub harm_threshold: HarmThreshold,
    pub scope: Scope,
    pub legality: Legality,
    pub safeguarding: bool,
    pub reasons: String,
    pub assessed_by: PersonId,
    pub assessed_at: Instant,
}

/// One row of `incident_subjects`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = incident_subjects)]
pub struct SubjectRow {
    pub school_id: SchoolId,
    pub incident_id: IncidentId,
    pub number: i32,
    pub part: SubjectPart,
    pub person_id: Option<PersonId>,
    /// Of somebody whom the school does not know.
    pub description: Option<String>,
    pub status_at_time: SubjectStatus,
    /// Words: all that the person was to the school since they were named.
    pub parties: String,
}

/// One row of `incident_links`: one of the three.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = incident_links)]
pub struct LinkRow {
    pub school_id: SchoolId,
    pub incident_id: IncidentId,
    pub number: i32,
    pub account_id: Option<AccountId>,
    pub comment_id: Option<CommentId>,
    pub monitoring_check_id: Option<MonitoringCheckId>,
    pub mention_id: Option<MentionId>,
}

/// What an incident is linked to.
#[derive(Clone, Copy, Debug)]
pub enum Linked {
    Account(AccountId),
    Comment(CommentId),
    Check(MonitoringCheckId),
    Mention(MentionId),
}

impl LinkRow {
    /// The `number`th link of an incident.
    pub fn new(school_id: SchoolId, incident_id: IncidentId, number: i32, target: Linked) -> Self {
        let none = Self { school_id, incident_id, number, account_id: None, comment_id: None, monitoring_check_id: None, mention_id: None };
        match target {
            Linked::Account(id) => Self { account_id: Some(id), ..none },
            Linked::Comment(id) => Self { comment_id: Some(id), ..none },
            Linked::Check(id) => Self { monitoring_check_id: Some(id), ..none },
            Linked::Mention(id) => Self { mention_id: Some(id), ..none },
        }
    }
}

/// An incident with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Incident {
    pub row: IncidentRow,
    pub assessment: Option<AssessmentRow>,
    pub subjects: Vec<SubjectRow>,
    pub links: Vec<LinkRow>,
    /// Whom the lead has asked to take part.
    pub involved: Vec<PersonId>,
}

impl Incident {
    /// What was found out so far; before the assessment nothing.
    pub fn findings(&self) -> Option<Findings> {
        let assessment = self.assessment.as_ref()?;
        Some(Findings {
            legality: assessment.legality,
            harm_threshold: assessment.harm_threshold,
            safeguarding: self.is_safeguarding(),
            downgrade_proposed: self.row.proposed_legality.is_some(),
        })
    }

    /// What matters about it for who deals with it.
    pub fn matter(&self) -> Matter {
        let alleged = || self.subjects.iter().filter(|subject| subject.part == SubjectPart::Alleged);
        let mut parties: BTreeSet<Party> = alleged().flat_map(|subject| split(&subject.parties)).collect();
        if alleged().any(|subject| subject.person_id.is_none()) {
            parties.insert(Party::Unknown);
        }
        let assessment = self.assessment.as_ref();
        Matter {
            parties,
            about_head: self.row.about_head,
            unavailable: BTreeSet::new(),
            child_involved: self.row.child_involved,
            may_meet_threshold: assessment.is_some_and(|assessment| assessment.harm_threshold == HarmThreshold::MayMeetThreshold),
            illegal: assessment.is_some_and(|assessment| assessment.legality == Legality::Illegal),
            data_concerned: self.row.data_concerned,
        }
    }

    /// A child's welfare is at stake, until whoever looks after it has said otherwise.
    pub fn is_safeguarding(&self) -> bool {
        self.row.safeguarding_role.is_some() || self.assessment.as_ref().is_some_and(|assessment| assessment.safeguarding)
    }
}

/// As whom somebody looks at incidents: the values of an incident's columns that let them see it.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub person: PersonId,
    pub leads: Vec<LeadRole>,
    pub safeguards: Vec<SafeguardingRole>,
    /// `true`, of whoever looks after data protection.
    pub data: Vec<bool>,
    /// `true`, of the school's escalation contact.
    pub escalated: Vec<bool>,
}

impl Viewer {
    /// As what the viewer sees an incident that is not hidden from them.
    pub fn capacity(&self, incident: &Incident) -> Capacity {
        let involved = incident.involved.contains(&self.person);
        self.full(&incident.row).unwrap_or(if involved { Capacity::Involved } else { Capacity::Reporter })
    }

    /// As what the viewer deals with it, if they do: never with what they reported of themselves (R-HT-3, DO-9).
    pub fn full(&self, row: &IncidentRow) -> Option<Capacity> {
        if row.self_reported && row.reporter_id == Some(self.person) {
            None
        } else if self.leads.contains(&row.lead_role) || self.escalated.contains(&row.escalation) {
            Some(Capacity::Lead)
        } else if row.safeguarding_role.is_some_and(|role| self.safeguards.contains(&role)) {
            Some(Capacity::Safeguarding)
        } else {
            self.data.contains(&row.data_concerned).then_some(Capacity::DataProtection)
        }
    }
}

/// Which incidents a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<IncidentState>,
    pub categories: Vec<Category>,
    pub subject: Option<PersonId>,
    pub account: Option<AccountId>,
    pub reported_from: Option<Instant>,
    pub reported_to: Option<Instant>,
}

type Query<'a> = incidents::BoxedQuery<'a, MultiBackend>;

/// The incidents that somebody may know of: the one door to them, for lists, finders, events and notifications.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn seen(
    school: SchoolId,
    me: PersonId,
    leads: Vec<LeadRole>,
    safeguards: Vec<SafeguardingRole>,
    data: Vec<bool>,
    escalated: Vec<bool>,
) -> _ {
    let hidden = incident_hidden_from::table
        .filter(incident_hidden_from::school_id.eq(school))
        .filter(incident_hidden_from::person_id.eq(me))
        .select(incident_hidden_from::incident_id);
    let involved = incident_people::table
        .filter(incident_people::school_id.eq(school))
        .filter(incident_people::person_id.eq(me))
        .select(incident_people::incident_id);
    incidents::table.filter(incidents::school_id.eq(school)).filter(incidents::id.ne_all(hidden)).filter(
        incidents::lead_role
            .eq_any(leads)
            .or(incidents::escalation.eq_any(escalated))
            .or(incidents::safeguarding_role.assume_not_null().eq_any(safeguards))
            .or(incidents::data_concerned.eq_any(data))
            .or(incidents::reporter_id.assume_not_null().eq(me))
            .or(incidents::id.eq_any(involved)),
    )
}

/// Those with which the viewer deals, as [`Viewer::full`] says.
#[diesel::dsl::auto_type(no_type_alias)]
fn dealt_with(viewer: &Viewer) -> _ {
    let (leads, safeguards, data, escalated): (Vec<LeadRole>, Vec<SafeguardingRole>, Vec<bool>, Vec<bool>) =
        (viewer.leads.clone(), viewer.safeguards.clone(), viewer.data.clone(), viewer.escalated.clone());
    let me: PersonId = viewer.person;
    incidents::lead_role
        .eq_any(leads)
        .or(incidents::escalation.eq_any(escalated))
        .or(incidents::safeguarding_role.assume_not_null().eq_any(safeguards))
        .or(incidents::data_concerned.eq_any(data))
        .and(incidents::self_reported.eq(false).or(incidents::reporter_id.assume_not_null().ne(me)))
}

fn visible<'a>(school: SchoolId, viewer: &Viewer) -> Query<'a> {
    let Viewer { person, leads, safeguards, data, escalated } = viewer.clone();
    seen(school, person, leads, safeguards, data, escalated).into_boxed()
}

/// The incident, or 404.
///
/// # Errors
/// 404 where there is none for this viewer.
pub fn find(conn: &mut Conn, school: SchoolId, viewer: &Viewer, id: IncidentId) -> Result<Incident, Problem> {
    let row = visible(school, viewer).filter(incidents::id.eq(id)).select(IncidentRow::as_select()).first(conn).optional()?;
    complete(conn, school, row.into_iter().collect())?.pop().ok_or_else(Problem::not_found)
}

/// One page of incidents, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    viewer: &Viewer,
    filter: &Filter,
    window: &Window<IncidentId>,
) -> QueryResult<Vec<Incident>> {
    let mut query = visible(school, viewer).order(incidents::id).limit(window.fetch());
    if filter.subject.is_some() || filter.account.is_some() {
        // Who is shown neither the names nor the accounts does not learn them by asking for one after the other.
        query = query.filter(dealt_with(viewer));
    }
    if !filter.states.is_empty() {
        query = query.filter(incidents::state.eq_any(filter.states.clone()));
    }
    if !filter.categories.is_empty() {
        query = query.filter(incidents::category.eq_any(filter.categories.clone()));
    }
    if let Some(person) = filter.subject {
        let about = incident_subjects::table
            .filter(incident_subjects::school_id.eq(school))
            .filter(incident_subjects::person_id.eq(person))
            .select(incident_subjects::incident_id);
        query = query.filter(incidents::id.eq_any(about));
    }
    if let Some(account) = filter.account {
        let linked = incident_links::table
            .filter(incident_links::school_id.eq(school))
            .filter(incident_links::account_id.eq(account))
            .select(incident_links::incident_id);
        query = query.filter(incidents::id.eq_any(linked));
    }
    if let Some(from) = filter.reported_from {
        query = query.filter(incidents::reported_at.ge(from));
    }
    if let Some(to) = filter.reported_to {
        query = query.filter(incidents::reported_at.lt(to));
    }
    if let Some(after) = window.after {
        query = query.filter(incidents::id.gt(after));
    }
    let rows = query.select(IncidentRow::as_select()).load(conn)?;
    complete(conn, school, rows)
}

/// The incidents with all that belongs to them, for all of them at once.
fn complete(conn: &mut Conn, school: SchoolId, rows: Vec<IncidentRow>) -> QueryResult<Vec<Incident>> {
    let ids: Vec<IncidentId> = rows.iter().map(|row| row.id).collect();
    let assessments: Vec<AssessmentRow> = incident_assessments::table
        .filter(incident_assessments::school_id.eq(school))
        .filter(incident_assessments::incident_id.eq_any(&ids))
        .order((incident_assessments::incident_id, incident_assessments::number))
        .select(AssessmentRow::as_select())
        .load(conn)?;
    let mut assessments: HashMap<IncidentId, AssessmentRow> = assessments.into_iter().map(|row| (row.incident_id, row)).collect();
    let subjects: Vec<SubjectRow> = incident_subjects::table
        .filter(incident_subjects::school_id.eq(school))
        .filter(incident_subjects::incident_id.eq_any(&ids))
        .order((incident_subjects::incident_id, incident_subjects::number))
        .select(SubjectRow::as_select())
        .load(conn)?;
    let links: Vec<LinkRow> = incident_links::table
        .filter(incident_links::school_id.eq(school))
        .filter(incident_links::incident_id.eq_any(&ids))
        .order((incident_links::incident_id, incident_links::number))
        .select(LinkRow::as_select())
        .load(conn)?;
    let involved: Vec<(IncidentId, PersonId)> = incident_people::table
        .filter(incident_people::school_id.eq(school))
        .filter(incident_people::incident_id.eq_any(&ids))
        .order((incident_people::incident_id, incident_people::person_id))
        .select((incident_people::incident_id, incident_people::person_id))
        .load(conn)?;
    let incident = |row: IncidentRow| Incident {
        assessment: assessments.remove(&row.id),
        subjects: subjects.iter().filter(|subject| subject.incident_id == row.id).cloned().collect(),
        links: links.iter().filter(|link| link.incident_id == row.id).cloned().collect(),
        involved: involved.iter().filter(|(id, _)| *id == row.id).map(|(_, person)| *person).collect(),
        row,
    };
    Ok(rows.into_iter().map(incident).collect())
}

/// Stores a new incident with what belongs to it.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, incident: &Incident) -> QueryResult<()> {
    diesel::insert_into(incidents::table).values(&incident.row).execute(tx)?;
    for link in &incident.links {
        diesel::insert_into(incident_links::table).values(link).execute(tx)?;
    }
    insert_subjects(tx, incident)
}

fn insert_subjects(tx: &mut Conn, incident: &Incident) -> QueryResult<()> {
    for subject in &incident.subjects {
        diesel::insert_into(incident_subjects::table).values(subject).execute(tx)?;
    }
    Ok(())
}

/// Replaces those whom an incident names.
///
/// # Errors
/// Where the database gives none.
pub fn replace_subjects(tx: &mut Conn, incident: &Incident) -> QueryResult<()> {
    let (school, id) = (incident.row.school_id, incident.row.id);
    let before = incident_subjects::table.filter(incident_subjects::school_id.eq(school)).filter(incident_subjects::incident_id.eq(id));
    diesel::delete(before).execute(tx)?;
    insert_subjects(tx, incident)
}

/// Stores what was found out of a new incident in the transaction that began it.
///
/// # Errors
/// Where the database gives none.
pub fn settle(tx: &mut Conn, row: &IncidentRow) -> QueryResult<()> {
    diesel::update(incidents::table.find((row.school_id, row.id))).set(row).execute(tx)?;
    Ok(())
}

/// Stores a changed incident under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut IncidentRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let saved = diesel::update(incidents::table.find((row.school_id, row.id)).filter(incidents::version.eq(read))).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// # Errors
/// Where the database gives none.
pub fn insert_assessment(tx: &mut Conn, row: &AssessmentRow) -> QueryResult<()> {
    diesel::insert_into(incident_assessments::table).values(row).execute(tx)?;
    Ok(())
}

/// What the policy has to know of somebody whom an incident names.
#[derive(Clone, Debug)]
pub struct Known {
    pub status: SubjectStatus,
    pub is_pupil: bool,
    pub parties: BTreeSet<Party>,
}

/// Those of `ids` that are people of the school, present and former (BEH-2d).
///
/// # Errors
/// Where the database gives none.
pub fn known(conn: &mut Conn, school: SchoolId, ids: &[PersonId], today: NaiveDate) -> QueryResult<HashMap<PersonId, Known>> {
    let found: Vec<(PersonId, PersonKind, Option<NaiveDate>)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(ids))
        .select((people::id, people::kind, people::left_on))
        .load(conn)?;
    let roles = roles_of(conn, school, ids)?;
    let acting = acting_heads(conn, school, today)?;
    let known = |(id, kind, left_on): (PersonId, PersonKind, Option<NaiveDate>)| {
        let mut parties = conflict::parties(kind, roles.get(&id).map_or(&[], Vec::as_slice));
        if acting.contains(&id) {
            parties.insert(Party::Headteacher);
        }
        (id, Known { status: rules::status(kind, left_on, today), is_pupil: kind == PersonKind::Pupil, parties })
    };
    Ok(found.into_iter().map(known).collect())
}

/// Finds out anew who deals with an incident, and from whom it is hidden: whenever those whom it is about change, what
/// they are to the school, or what was found out of it. In the transaction of that change; the caller saves the row.
///
/// # Errors
/// Where the database gives none.
pub fn reroute(tx: &mut Conn, incident: &mut Incident, today: NaiveDate) -> QueryResult<Routing> {
    let school = incident.row.school_id;
    let named: Vec<PersonId> = incident.subjects.iter().filter_map(|subject| subject.person_id).collect();
    let known = known(tx, school, &named, today)?;
    let mut hidden: HashSet<PersonId> = recused(tx, &incident.row)?.into_iter().map(|(person, _)| person).collect();
    for subject in &mut incident.subjects {
        let Some(person) = subject.person_id else { continue };
        // What somebody was when they were named they stay for this incident.
        let mut parties: BTreeSet<Party> = split(&subject.parties).into_iter().collect();
        parties.extend(known.get(&person).iter().flat_map(|known| &known.parties));
        subject.parties = joined(&parties.iter().copied().collect::<Vec<_>>());
        let by_themselves = incident.row.self_reported && incident.row.reporter_id == Some(person);
        if subject.part == SubjectPart::Alleged && conflict::is_hidden_from(&parties, by_themselves) {
            hidden.insert(person);
        }
    }
    let before = incident_hidden_from::table
        .filter(incident_hidden_from::school_id.eq(school))
        .filter(incident_hidden_from::incident_id.eq(incident.row.id));
    if incident.row.about_head {
        // Whoever is the headteacher now, or stands in for one, and was when it was reported.
        hidden.extend(holding(tx, school, Role::Headteacher)?);
        hidden.extend(acting_heads(tx, school, today)?);
        hidden.extend(before.select(incident_hidden_from::person_id).load::<PersonId>(tx)?);
    }
    let routing = conflict::route(&matter(tx, incident, today)?);
    let row = &mut incident.row;
    (row.lead_role, row.safeguarding_role, row.escalation) = (routing.lead, routing.safeguarding, routing.escalation);
    diesel::delete(before).execute(tx)?;
    for person in hidden {
        diesel::insert_into(incident_hidden_from::table)
            .values((
                incident_hidden_from::school_id.eq(school),
                incident_hidden_from::person_id.eq(person),
                incident_hidden_from::incident_id.eq(row.id),
            ))
            .execute(tx)?;
    }
    incident.involved.retain(|person| !named.contains(person));
    Ok(routing)
}

/// What matters about an incident for who deals with it, and who is there to do so.
///
/// # Errors
/// Where the database gives none.
pub fn matter(conn: &mut Conn, incident: &Incident, today: NaiveDate) -> QueryResult<Matter> {
    let mut unavailable: BTreeSet<LeadRole> = recused(conn, &incident.row)?.into_iter().map(|(_, role)| role).collect();
    unavailable.extend(vacant(conn, incident.row.school_id, today)?);
    Ok(Matter { unavailable, ..incident.matter() })
}

/// Who has withdrawn from leading an incident, and from which role.
fn recused(conn: &mut Conn, row: &IncidentRow) -> QueryResult<Vec<(PersonId, LeadRole)>> {
    incident_recusals::table
        .filter(incident_recusals::school_id.eq(row.school_id))
        .filter(incident_recusals::incident_id.eq(row.id))
        .select((incident_recusals::person_id, incident_recusals::lead_role))
        .load(conn)
}

/// Those who stand in for a headteacher where there is none (A25).
fn acting_heads(conn: &mut Conn, school: SchoolId, today: NaiveDate) -> QueryResult<Vec<PersonId>> {
    if present(conn, school, Role::Headteacher, today)?.is_empty() { delegates(conn, school, today) } else { Ok(Vec::new()) }
}

/// Those who have the headteacher's duties by delegation.
fn delegates(conn: &mut Conn, school: SchoolId, today: NaiveDate) -> QueryResult<Vec<PersonId>> {
    delegations::table
        .filter(delegations::school_id.eq(school))
        .filter(delegations::starts_on.le(today))
        .filter(delegations::ends_on.ge(today))
        .filter(delegations::revoked_at.is_null())
        .select(delegations::delegate_id)
        .load(conn)
}

/// The roles that nobody is there to fill; a delegate fills the headteacher's (A25).
fn vacant(conn: &mut Conn, school: SchoolId, today: NaiveDate) -> QueryResult<Vec<LeadRole>> {
    let mut vacant = Vec::new();
    if present(conn, school, Role::Headteacher, today)?.is_empty() && acting_heads(conn, school, today)?.is_empty() {
        vacant.push(LeadRole::Headteacher);
    }
    if present(conn, school, Role::ChairOfGovernors, today)?.is_empty() {
        vacant.push(LeadRole::ChairOfGovernors);
    }
    Ok(vacant)
}

/// Who holds a role and is at the school.
///
/// # Errors
/// Where the database gives none.
pub fn present(conn: &mut Conn, school: SchoolId, role: Role, today: NaiveDate) -> QueryResult<Vec<PersonId>> {
    let ids: Vec<PersonId> = holding(conn, school, role)?.into_iter().collect();
    let there: Vec<(PersonId, Option<NaiveDate>)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(ids))
        .order(people::id)
        .select((people::id, people::left_on))
        .load(conn)?;
    Ok(there.into_iter().filter(|(_, left_on)| !has_left(*left_on, today)).map(|(id, _)| id).collect())
}

/// From whom an incident is hidden.
///
/// # Errors
/// Where the database gives none.
pub fn hidden_from(conn: &mut Conn, row: &IncidentRow) -> QueryResult<Vec<PersonId>> {
    incident_hidden_from::table
        .filter(incident_hidden_from::school_id.eq(row.school_id))
        .filter(incident_hidden_from::incident_id.eq(row.id))
        .select(incident_hidden_from::person_id)
        .load(conn)
}

/// Who they are that have to be told: whoever holds the roles today; a delegate where there is no headteacher (A25).
///
/// # Errors
/// Where the database gives none.
pub fn people_of(conn: &mut Conn, school: SchoolId, informed: &BTreeSet<Informed>, today: NaiveDate) -> QueryResult<Vec<PersonId>> {
    let mut people = Vec::new();
    for who in informed {
        let role = match who {
            Informed::Headteacher => Role::Headteacher,
            Informed::ChairOfGovernors => Role::ChairOfGovernors,
            Informed::Dsl => Role::Dsl,
            Informed::DeputyDsl => Role::DeputyDsl,
            Informed::Dpo => Role::Dpo,
            Informed::EscalationContact => {
                people.extend(schools::rows::find(conn, school)?.escalation_contact_id);
                continue;
            }
        };
        let there = present(conn, school, role, today)?;
        if there.is_empty() && role == Role::Headteacher {
            people.extend(in_charge(conn, school, today)?);
        }
        people.extend(there);
    }
    Ok(people)
}

/// Records that somebody withdraws from leading.
///
/// # Errors
/// Where the database gives none.
pub fn recuse(tx: &mut Conn, row: &IncidentRow, person: PersonId, reason: &str, now: Instant) -> QueryResult<()> {
    diesel::insert_into(incident_recusals::table)
        .values((
            incident_recusals::school_id.eq(row.school_id),
            incident_recusals::incident_id.eq(row.id),
            incident_recusals::person_id.eq(person),
            incident_recusals::lead_role.eq(row.lead_role),
            incident_recusals::reason.eq(reason),
            incident_recusals::recused_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

/// Replaces whom the lead asks to take part.
///
/// # Errors
/// Where the database gives none.
pub fn replace_involved(tx: &mut Conn, incident: &Incident, now: Instant) -> QueryResult<()> {
    let (school, id) = (incident.row.school_id, incident.row.id);
    let all = incident_people::table.filter(incident_people::school_id.eq(school)).filter(incident_people::incident_id.eq(id));
    diesel::delete(all.filter(incident_people::person_id.ne_all(&incident.involved))).execute(tx)?;
    let there: Vec<PersonId> = all.select(incident_people::person_id).load(tx)?;
    for person in incident.involved.iter().filter(|person| !there.contains(person)) {
        diesel::insert_into(incident_people::table)
            .values((
                incident_people::school_id.eq(school),
                incident_people::incident_id.eq(id),
                incident_people::person_id.eq(person),
                incident_people::involved_at.eq(now),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Links a monitoring check to the incident that was reported of it (MON-3).
///
/// # Errors
/// Where the database gives none.
pub fn link_check(tx: &mut Conn, incident: &Incident, check: MonitoringCheckId) -> QueryResult<()> {
    let number = incident.links.iter().map(|link| link.number).max().unwrap_or(0) + 1;
    let link = LinkRow::new(incident.row.school_id, incident.row.id, number, Linked::Check(check));
    diesel::insert_into(incident_links::table).values(&link).execute(tx)?;
    Ok(())
}

/// What has been done outside of the school.
///
/// # Errors
/// Where the database gives none.
pub fn steps(conn: &mut Conn, row: &IncidentRow) -> QueryResult<Steps> {
    let made: Vec<Agency> = incident_referrals::table
        .filter(incident_referrals::school_id.eq(row.school_id))
        .filter(incident_referrals::incident_id.eq(row.id))
        .filter(incident_referrals::state.ne(ReferralState::ToMake))
        .select(incident_referrals::agency)
        .load(conn)?;
    Ok(Steps {
        police_told: made.iter().any(|agency| agency.is_police()),
        lado_told: made.contains(&Agency::Lado),
        safeguarding_decided: row.safeguarding_decision.is_some(),
    })
}

/// The incident, for the program's own work and not for showing.
///
/// # Errors
/// Where the database gives none.
pub fn row(conn: &mut Conn, school: SchoolId, id: IncidentId) -> QueryResult<Option<IncidentRow>> {
    incidents::table.find((school, id)).select(IncidentRow::as_select()).first(conn).optional()
}

/// The open incident behind a receipt, unless it has come to be about whoever reported it.
///
/// # Errors
/// 404 where there is none.
pub fn by_receipt(conn: &mut Conn, school: SchoolId, receipt_hash: &str) -> Result<IncidentRow, Problem> {
    let row: Option<IncidentRow> = incidents::table
        .filter(incidents::school_id.eq(school))
        .filter(incidents::receipt_hash.eq(receipt_hash))
        .select(IncidentRow::as_select())
        .first(conn)
        .optional()?;
    let row = row.ok_or_else(Problem::not_found)?;
    let Some(reporter) = row.reporter_id else { return Ok(row) };
    let hidden = diesel::select(diesel::dsl::exists(incident_hidden_from::table.find((school, reporter, row.id)))).get_result(conn)?;
    if hidden { Err(Problem::not_found()) } else { Ok(row) }
}

/// The roles that incidents are led, looked after and told by.
const LEADING: [Role; 5] = [Role::Headteacher, Role::ChairOfGovernors, Role::Dsl, Role::DeputyDsl, Role::Dpo];

/// Who can lead incidents at present, in one word: whoever holds such a role, stands in for the headteacher, or is the
/// escalation contact.
fn leads(conn: &mut Conn, school: SchoolId, today: NaiveDate) -> Result<String, Problem> {
    let holders: Vec<(PersonId, Role)> = person_roles::table
        .inner_join(people::table.on(people::school_id.eq(person_roles::school_id).and(people::id.eq(person_roles::person_id))))
        .filter(person_roles::school_id.eq(school))
        .filter(person_roles::role.eq_any(LEADING))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .order((person_roles::person_id, person_roles::role))
        .select((person_roles::person_id, person_roles::role))
        .load(conn)?;
    let mut delegates = delegates(conn, school, today)?;
    delegates.sort_unstable();
    let contact = schools::rows::find(conn, school)?.escalation_contact_id;
    Ok(digest(&format!("{holders:?} {delegates:?} {contact:?}")))
}

/// Finds out anew who deals with what is open, where other people can lead incidents than the last time: somebody left or
/// came back, a delegation began or ended, the escalation contact is another. Whether it did.
///
/// # Errors
/// Where the database gives none.
pub fn follow_leads(tx: &mut Conn, school: SchoolId, today: NaiveDate, now: Instant) -> Result<bool, Problem> {
    let leading = leads(tx, school, today)?;
    let row = incident_leads::table.find(school);
    if row.select(incident_leads::digest).first::<String>(tx).optional()?.as_ref() == Some(&leading) {
        return Ok(false);
    }
    diesel::delete(row).execute(tx)?;
    diesel::insert_into(incident_leads::table)
        .values((incident_leads::school_id.eq(school), incident_leads::digest.eq(leading)))
        .execute(tx)?;
    reroute_open(tx, school, None, today, now)?;
    Ok(true)
}

/// Finds out anew who deals with what is open, where roles have changed hands: incidents about those people, and, where
/// it is a role that leads, all.
///
/// # Errors
/// Where the database gives none.
pub fn reroute_for(tx: &mut Conn, school: SchoolId, moved: &[(PersonId, Role)], now: Instant) -> Result<(), Problem> {
    if moved.is_empty() {
        return Ok(());
    }
    let today = crate::policy::deadline::local_day(*now, schools::rows::find(tx, school)?.zone());
    let people = moved.iter().map(|(person, _)| Some(*person)).collect();
    let all = moved.iter().any(|(_, role)| matches!(role, Role::Headteacher | Role::ChairOfGovernors));
    reroute_open(tx, school, Some(people).filter(|_| !all), today, now)
}

/// Finds out anew who deals with what is open: all of it, or what is about these people.
fn reroute_open(
    tx: &mut Conn,
    school: SchoolId,
    about: Option<Vec<Option<PersonId>>>,
    today: NaiveDate,
    now: Instant,
) -> Result<(), Problem> {
    let mut query = incidents::table
        .filter(incidents::school_id.eq(school))
        .filter(incidents::state.ne_all([IncidentState::Closed, IncidentState::Dismissed]))
        .into_boxed();
    if let Some(people) = about {
        let subjects =
            incident_subjects::table.filter(incident_subjects::school_id.eq(school)).filter(incident_subjects::person_id.eq_any(people));
        query = query.filter(incidents::id.eq_any(subjects.select(incident_subjects::incident_id)));
    }
    let rows: Vec<IncidentRow> = query.order(incidents::id).select(IncidentRow::as_select()).load(tx)?;
    for mut incident in complete(tx, school, rows)? {
        let routed = |row: &IncidentRow| (row.lead_role, row.safeguarding_role, row.escalation);
        let before = routed(&incident.row);
        let routing = reroute(tx, &mut incident, today)?;
        replace_subjects(tx, &incident)?;
        if routed(&incident.row) != before {
            save(tx, &mut incident.row, now)?;
        }
        // Whoever leads it from now on has to know (BEH-5).
        super::intake::inform(tx, &incident, &routing, now, today)?;
    }
    Ok(())
}
