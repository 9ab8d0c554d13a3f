//! The operations on consents.

use std::collections::{BTreeMap, HashMap};

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ConsentRow, Moment, Sight};
use super::{batch, receipt};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadConsents, RecordConsent};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{ConsentId, ConsentNoticeId, PersonId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Day, Line, present};
use crate::page::{Page, paged};
use crate::policy::clauses::Clause;
use crate::policy::consent::{self, Answer, ConsentState, Giver, Purpose, Standing};
use crate::policy::deadline::local_day;
use crate::policy::platforms::Platform;
use crate::policy::publication::TakedownCause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::roles::PersonKind;
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::people::Relationship;
use crate::resources::publications::touch::{self, Reach};
use crate::resources::{consent_notices, notifications, people, schools};
use crate::words::{joined, split};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_consents)
        .service(record_consent)
        .service(batch::record_consents)
        .service(find_consent)
        .service(receipt::find_consent_receipt)
        .service(find_consent_state)
        .service(withdraw_consents);
}

/// What somebody said about a purpose. Never changed: the next answer takes its place.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d2", "subject_id": "0198a4b2-6f00-7000-8000-000000000009",
    "purpose": "school_social_media", "answer": "given", "giver_id": "0198a4b2-6f00-7000-8000-000000000006", "relationship": "parent",
    "notice_id": "0198a4b2-6f00-7000-8000-0000000000d1", "with_name": false, "face_identifiable": true, "platforms": [],
    "decided_at": "2026-01-14T10:00:00Z", "expires_on": "2027-01-14", "created_at": "2026-01-14T10:00:00Z"
}))]
pub struct Consent {
    pub id: ConsentId,
    /// Of whom it is.
    pub subject_id: PersonId,
    pub purpose: Purpose,
    pub answer: Answer,
    pub giver_id: PersonId,
    /// What the giver was to the child; absent for an adult.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub relationship: Option<Relationship>,
    /// The local authority's reference, for a looked-after child.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub authorisation_ref: Option<String>,
    /// What the giver had been told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notice_id: Option<ConsentNoticeId>,
    pub with_name: bool,
    pub face_identifiable: bool,
    /// Those alone; all of the purpose, if empty.
    #[schema(max_items = 20)]
    pub platforms: Vec<Platform>,
    pub decided_at: Instant,
    /// The last day on which it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_on: Option<Day>,
    /// Of the scan of a signed form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, nullable = false)]
    pub evidence_sha256: Option<String>,
    /// Who recorded it; absent for a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recorded_by: Option<PersonId>,
    pub created_at: Instant,
}

type ConsentPage = Page<Consent>;

impl Resource for Consent {
    fn location(&self) -> String {
        format!("/v1/consents/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// What somebody says.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "subject_id": "0198a4b2-6f00-7000-8000-000000000009", "purpose": "school_social_media", "answer": "given",
    "notice_id": "0198a4b2-6f00-7000-8000-0000000000d1", "face_identifiable": true
}))]
pub struct NewConsent {
    pub subject_id: PersonId,
    /// Each is decided on its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub purpose: Option<Purpose>,
    /// Refused: consent to several purposes at once is none (IMG-1).
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub purposes: Vec<Purpose>,
    pub answer: Answer,
    /// Who says so; the caller, if absent. Somebody else only with the form that they signed.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub giver_id: Option<PersonId>,
    /// What the giver has been told; not needed to withdraw.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub notice_id: Option<ConsentNoticeId>,
    /// With the name.
    #[serde(default)]
    pub with_name: bool,
    /// So that the face can be recognised.
    #[serde(default)]
    pub face_identifiable: bool,
    /// Those alone; all of the purpose, if empty.
    #[serde(default)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub platforms: Vec<Platform>,
    /// The local authority's reference, without which a foster carer cannot consent.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub authorisation_ref: Option<Line<200>>,
    /// When the form was signed; now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    /// The last day on which it counts: 12 months on, if absent, and never later.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub expires_on: Option<Day>,
    /// SHA-256 of the scan of the signed form, in hexadecimal; the scan itself stays where it is.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub evidence_sha256: Option<Line<64>>,
}

/// Which consents to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsentQuery {
    /// Of this person.
    #[param(nullable = false)]
    pub subject_id: Option<PersonId>,
    #[param(nullable = false)]
    pub purpose: Option<Purpose>,
    /// Changed at or after this instant.
    #[param(nullable = false)]
    pub updated_since: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(ConsentQuery since);

/// When to look.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsentMoment {
    /// As it was at this instant; now, if absent.
    #[param(nullable = false)]
    pub at: Option<Instant>,
}

/// Where the consents for a person stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject_id": "0198a4b2-6f00-7000-8000-000000000009", "at": "2026-01-14T10:00:00Z",
    "items": [{ "purpose": "school_social_media", "state": "given", "disagreed": false, "with_name": false, "face_identifiable": true,
                "platforms": [], "expires_on": "2027-01-14" }]
}))]
pub struct ConsentStates {
    pub subject_id: PersonId,
    pub at: Instant,
    /// One for each purpose.
    #[schema(max_items = 10)]
    pub items: Vec<PurposeState>,
}

/// Where the consent for a purpose stands. What is not `given` is a no.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PurposeState {
    pub purpose: Purpose,
    pub state: ConsentState,
    /// Those who decide do not say the same: the most restrictive counts.
    pub disagreed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub with_name: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub face_identifiable: Option<bool>,
    /// Those alone; all of the purpose, if empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20, nullable = false)]
    pub platforms: Option<Vec<Platform>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_on: Option<Day>,
}

/// What is withdrawn.
#[derive(Clone, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "purposes": ["school_social_media"] }))]
pub struct ConsentWithdrawal {
    /// All, if empty.
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub purposes: Vec<Purpose>,
}

pub(super) fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadConsents>() => Sight::Own(person),
        _ => Sight::All,
    }
}

pub(super) fn view(row: ConsentRow) -> Consent {
    Consent {
        id: row.id,
        subject_id: row.subject_id,
        purpose: row.purpose,
        answer: row.answer,
        giver_id: row.giver_id,
        relationship: row.relationship,
        authorisation_ref: row.authorisation_ref,
        notice_id: row.notice_id,
        with_name: row.with_name,
        face_identifiable: row.face_identifiable,
        platforms: split(&row.platforms),
        decided_at: row.decided_at,
        expires_on: row.expires_on.map(Day),
        evidence_sha256: row.evidence_sha256,
        recorded_by: row.recorded_by,
        created_at: row.created_at,
    }
}

fn refused(detail: &str, cure: &str, pointer: &'static str) -> Problem {
    Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Img1, detail, cure).at(pointer)).into()
}

/// Takes an answer in, with all that follows from it.
///
/// # Errors
/// 422 for what is wrong with it (IMG-1).
pub(super) fn take_in<P>(tx: &mut Conn, me: &Caller<P>, new: NewConsent) -> Result<ConsentRow, Problem> {
    if !new.purposes.is_empty() {
        return Err(refused("Each purpose is decided on its own.", "Send one answer for each purpose.", "/purposes"));
    }
    let purpose = new.purpose.ok_or_else(|| Problem::invalid("/purpose", "blank", "Must not be blank."))?;
    let unknown = |pointer: &str| Problem::invalid(pointer, "unknown", "There is no such person for this caller.");
    let own = me.own_only();
    let giver = new.giver_id.or(me.person()).ok_or_else(|| Problem::invalid("/giver_id", "blank", "Must not be blank."))?;
    let speaks_for_oneself = me.is(giver);
    if own && !speaks_for_oneself {
        return Err(unknown("/giver_id"));
    }
    let kinds = people::rows::kinds(tx, me.school(), &[new.subject_id, giver])?;
    let subject_kind = *kinds.get(&new.subject_id).ok_or_else(|| unknown("/subject_id"))?;
    if !kinds.contains_key(&giver) {
        return Err(unknown("/giver_id"));
    }
    let link = people::rows::guardian(tx, me.school(), new.subject_id, giver)?;
    if own && new.subject_id != giver && link.is_none() {
        // Whether there is such a child is not for everybody to know.
        return Err(unknown("/subject_id"));
    }
    let authorisation_ref = new.authorisation_ref.map(Line::into_inner);
    let is_foster_carer = link.as_ref().is_some_and(|link| link.relationship == Relationship::FosterCarer);
    let has_parental_responsibility = link.as_ref().is_some_and(|link| link.has_parental_responsibility);
    let speaker = Giver {
        oneself: new.subject_id == giver,
        subject_is_pupil: subject_kind == PersonKind::Pupil,
        has_parental_responsibility,
        is_foster_carer,
        authorised: authorisation_ref.is_some(),
    };
    consent::may_answer(speaker, new.answer)?;
    let evidence_sha256 = new.evidence_sha256.map(Line::into_inner);
    if evidence_sha256.as_ref().is_some_and(|hash| hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Problem::invalid("/evidence_sha256", "not_of_its_kind", "Must be a SHA-256 in hexadecimal."));
    }
    if !speaks_for_oneself && me.person().is_some() && evidence_sha256.is_none() {
        let cure = "Scan the signed form, and give the scan's SHA-256.";
        return Err(refused("What somebody else said has no evidence.", cure, "/evidence_sha256"));
    }
    let decided_at = new.decided_at.unwrap_or_else(|| me.now());
    if !is_past(decided_at, me.now()) {
        return Err(Problem::invalid("/decided_at", "in_the_future", "This lies in the future."));
    }
    if own && new.decided_at.is_some() {
        return Err(Problem::invalid("/decided_at", "not_settable", "What one says oneself is said now."));
    }
    let consents = new.answer == Answer::Given;
    if new.answer != Answer::Withdrawn {
        let notice = match new.notice_id {
            Some(id) => consent_notices::rows::find(tx, me.school(), id).ok(),
            None => None,
        };
        let Some(notice) = notice.filter(|notice| notice.purpose == purpose) else {
            let cure = "Show the notice of this purpose (GET /v1/consent-notices), and name it.";
            return Err(refused("It is not said what the giver was told.", cure, "/notice_id"));
        };
        if own && notice.number != consent_notices::rows::in_force(tx, me.school(), purpose)? {
            return Err(refused("There is a newer notice.", "Show the newest notice of this purpose, and name it.", "/notice_id"));
        }
    }
    let zone = schools::rows::find(tx, me.school())?.zone();
    let expires_on = consents.then(|| consent::expiry(local_day(*decided_at, zone), new.expires_on.map(|day| day.0))).transpose()?;
    let row = ConsentRow {
        school_id: me.school(),
        id: ConsentId::new(),
        subject_id: new.subject_id,
        purpose,
        answer: new.answer,
        giver_id: giver,
        relationship: link.map(|link| link.relationship),
        authorised: !has_parental_responsibility && is_foster_carer && (authorisation_ref.is_some() || !consents),
        authorisation_ref,
        notice_id: new.notice_id,
        with_name: consents && new.with_name,
        face_identifiable: consents && new.face_identifiable,
        platforms: joined(&new.platforms),
        decided_at,
        expires_on,
        expiry_recorded_at: None,
        evidence_sha256,
        recorded_by: me.person(),
        created_at: me.now(),
    };
    rows::insert(tx, &row)?;
    let kind = match row.answer {
        Answer::Given => EventType::ConsentGiven,
        Answer::Refused => EventType::ConsentRefused,
        Answer::Withdrawn => EventType::ConsentWithdrawn,
    };
    events::record(tx, me, Event::new(kind, row.id.uuid()).related("subject", row.subject_id.uuid()))?;
    follow_up(tx, Actor::from(me), &row, Moment { at: me.now(), day: me.today() }, TakedownCause::Withdrawn)?;
    Ok(row)
}

/// What a new answer, or one that has run out, means for what was cleared and published; two parents who disagree are
/// brought to the headteacher (decisions, section 4).
///
/// # Errors
/// Where the database gives none.
pub fn follow_up(tx: &mut Conn, actor: Actor, row: &ConsentRow, moment: Moment, cause: TakedownCause) -> Result<(), Problem> {
    let standings = standings_of(tx, row.school_id, row.subject_id, &[row.purpose], moment)?;
    let disagreed = standings.get(&row.purpose).is_some_and(|standing| standing.disagreed);
    if disagreed && cause == TakedownCause::Withdrawn {
        let told = people::rows::in_charge(tx, row.school_id, moment.day)?;
        notifications::rows::notify(tx, row.school_id, told.as_slice(), EventType::ConsentDisagreed, row.id.uuid(), moment.at)?;
        let disagreed = Event::new(EventType::ConsentDisagreed, row.id.uuid()).related("subject", row.subject_id.uuid());
        events::record(tx, actor, disagreed)?;
    }
    touch::touch(tx, row.school_id, &Reach::Consent { person: row.subject_id, standings: &standings }, cause, moment.at)
}

/// Who decides for a child has changed, and with it whose word counts.
///
/// # Errors
/// Where the database gives none.
pub fn reassess(tx: &mut Conn, school: SchoolId, child: PersonId, moment: Moment) -> Result<(), Problem> {
    let purposes: Vec<Purpose> = Purpose::iter().collect();
    let standings = standings_of(tx, school, child, &purposes, moment)?;
    touch::touch(tx, school, &Reach::Consent { person: child, standings: &standings }, TakedownCause::Withdrawn, moment.at)
}

fn standings_of(
    tx: &mut Conn,
    school: SchoolId,
    subject: PersonId,
    purposes: &[Purpose],
    moment: Moment,
) -> Result<HashMap<Purpose, Standing>, Problem> {
    rows::standings(tx, school, &[subject], purposes, moment)?.remove(&subject).ok_or_else(Problem::not_found)
}

/// List what was said about consents (IMG-1).
///
/// In the order in which it was recorded. Parents see what is about their children, others what is about themselves.
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsents])), params(ConsentQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((ConsentPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/consents")]
async fn list_consents(caller: Caller<ReadConsents>, query: Query<ConsentQuery>, format: Format) -> Result<Listed<Consent>, Problem> {
    listed(caller, "/v1/consents", query, format, |conn, me, query, window| {
        let rows = rows::list(conn, me.school(), sight(me), query.subject_id, query.purpose, window)?;
        Ok(window.page(rows, |row| row.id, view))
    })
    .await
}

/// Consent, refuse or withdraw (IMG-1).
///
/// For oneself, or a child for whom one has parental responsibility. The headteacher and the MIS record what others have
/// signed. Where two parents disagree, the most restrictive counts, and the headteacher is told. What is withdrawn counts
/// at once: clearances die, and what is published has to go.
#[utoipa::path(tag = "consents", security(("oauth2" = [RecordConsent])), request_body = NewConsent,
    responses((status = 201, description = "Recorded.", body = Consent)))]
#[post("/v1/consents")]
async fn record_consent(caller: Caller<RecordConsent>, new: Valid<NewConsent>) -> Result<Created<Consent>, Problem> {
    caller.write(move |tx, me| Created::new(&view(take_in(tx, me, new.into_inner())?))).await
}

/// Find what somebody said.
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsents])),
    responses((status = 200, description = "The answer.", body = Consent), Fails<404>))]
#[get("/v1/consents/{id}")]
async fn find_consent(caller: Caller<ReadConsents>, id: Path<ConsentId>) -> Result<Plain<Consent>, Problem> {
    caller.read(move |conn, me| Plain::new(&view(rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Whether the caller may know where the consents for a person stand.
fn check_subject<P>(conn: &mut Conn, me: &Caller<P>, subject: PersonId) -> Result<(), Problem> {
    let Sight::Own(person) = sight(me) else { return Ok(()) };
    let responsible = people::rows::guardian(conn, me.school(), subject, person)?.is_some_and(|link| link.has_parental_responsibility);
    if subject == person || responsible { Ok(()) } else { Err(Problem::not_found()) }
}

/// Find where the consents for a person stand (IMG-1).
///
/// Now, or at any instant in the past. What nobody has said is a no.
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsents])), params(ConsentMoment),
    responses((status = 200, description = "Each purpose.", body = ConsentStates), Fails<404>))]
#[get("/v1/people/{id}/consents")]
async fn find_consent_state(
    caller: Caller<ReadConsents>,
    id: Path<PersonId>,
    query: Query<ConsentMoment>,
) -> Result<Plain<ConsentStates>, Problem> {
    let at = query.at;
    caller
        .read(move |conn, me| {
            check_subject(conn, me, *id)?;
            let at = at.unwrap_or_else(|| me.now());
            let day = local_day(*at, schools::rows::find(conn, me.school())?.zone());
            let purposes: Vec<Purpose> = Purpose::iter().collect();
            let mut all = rows::standings(conn, me.school(), &[*id], &purposes, Moment { at, day })?;
            let all: BTreeMap<Purpose, Standing> = all.remove(&id).ok_or_else(Problem::not_found)?.into_iter().collect();
            let state = |(purpose, standing): (Purpose, Standing)| PurposeState {
                purpose,
                state: standing.state,
                disagreed: standing.disagreed,
                with_name: standing.terms.as_ref().map(|terms| terms.with_name),
                face_identifiable: standing.terms.as_ref().map(|terms| terms.face_identifiable),
                platforms: standing.terms.map(|terms| terms.platforms.into_iter().collect()),
                expires_on: standing.expires_on.map(Day),
            };
            Plain::new(&ConsentStates { subject_id: *id, at, items: all.into_iter().map(state).collect() })
        })
        .await
}

/// Withdraw consents in one call (IMG-1).
///
/// By anybody who decides for the person; no reason is asked for. It counts at once.
#[utoipa::path(tag = "consents", security(("oauth2" = [RecordConsent])), request_body = ConsentWithdrawal,
    responses((status = 200, description = "Withdrawn: each purpose of which something was given.", body = ConsentStates), Fails<404>))]
#[post("/v1/people/{id}/withdraw-consents")]
async fn withdraw_consents(
    caller: Caller<RecordConsent>,
    id: Path<PersonId>,
    withdrawal: Valid<ConsentWithdrawal>,
) -> Result<Plain<ConsentStates>, Problem> {
    caller
        .write(move |tx, me| {
            let person = me.person().ok_or_else(Problem::not_found)?;
            let link = people::rows::guardian(tx, me.school(), *id, person)?;
            if *id != person && !link.is_some_and(|link| link.has_parental_responsibility || link.relationship == Relationship::FosterCarer)
            {
                return Err(Problem::not_found());
            }
            let wanted = withdrawal.into_inner().purposes;
            let purposes: Vec<Purpose> = if wanted.is_empty() { Purpose::iter().collect() } else { wanted };
            let moment = Moment { at: me.now(), day: me.today() };
            let before = rows::standings(tx, me.school(), &[*id], &purposes, moment)?.remove(&id).unwrap_or_default();
            for purpose in purposes.iter().copied() {
                // Of what nobody was ever asked there is nothing to take back.
                if before.get(&purpose).is_none_or(|standing| standing.state == ConsentState::NotAsked) {
                    continue;
                }
                take_in(tx, me, withdrawn(*id, person, purpose))?;
            }
            let after = rows::standings(tx, me.school(), &[*id], &purposes, moment)?.remove(&id).unwrap_or_default();
            let after: BTreeMap<Purpose, Standing> = after.into_iter().collect();
            let state = |(purpose, standing): (Purpose, Standing)| PurposeState {
                purpose,
                state: standing.state,
                disagreed: standing.disagreed,
                with_name: None,
                face_identifiable: None,
                platforms: None,
                expires_on: None,
            };
            Plain::new(&ConsentStates { subject_id: *id, at: me.now(), items: after.into_iter().map(state).collect() })
        })
        .await
}

fn withdrawn(subject_id: PersonId, giver: PersonId, purpose: Purpose) -> NewConsent {
    NewConsent {
        subject_id,
        purpose: Some(purpose),
        purposes: Vec::new(),
        answer: Answer::Withdrawn,
        giver_id: Some(giver),
        notice_id: None,
        with_name: false,
        face_identifiable: false,
        platforms: Vec::new(),
        authorisation_ref: None,
        decided_at: None,
        expires_on: None,
        evidence_sha256: None,
    }
}
