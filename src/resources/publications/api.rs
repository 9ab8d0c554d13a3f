//! The operations on publications.

use std::collections::HashMap;

use actix_web::web::Path;
use actix_web::{get, post};
use chrono::{Days, Duration};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Filter, PublicationRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{AuditPublications, PreparePublication, ReadPublications};
use crate::clock::Instant;
use crate::db::types::{AccountId, PersonId, PublicationCheckId, PublicationId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Day, Line, Link, present};
use crate::page::{Page, paged};
use crate::policy::clauses::Clause;
use crate::policy::consent::Purpose;
use crate::policy::publication::{self, CheckState, Concern, Flag};
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::consents::rows::Moment;
use crate::resources::publication_checks::rows::{self as checks, Matter};
use crate::resources::{publication_checks, schools};
use crate::words::{split, words};

words! {
    /// What can be done with a publication.
    pub enum PublicationAction { MarkReviewed, Audit, RecordRemoval }
}

/// How long an audit of a picture lasts: a term.
const TERM: Duration = Duration::days(120);

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_publications)
        .service(record_publication)
        .service(find_publication)
        .service(review_publication)
        .service(audit_publication)
        .service(remove_publication);
}

/// Something that was published. The picture itself is not kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d6", "live": true, "allowed_actions": ["mark_reviewed"],
    "check_id": "0198a4b2-6f00-7000-8000-0000000000d5", "account_id": "0198a4b2-6f00-7000-8000-0000000000b1",
    "author_id": "0198a4b2-6f00-7000-8000-000000000002", "consent_purpose": "school_social_media",
    "flags": ["contains_children"], "subject_count": 1, "url": "https://social.example/p/7", "published_at": "2026-01-14T11:00:00Z",
    "review_due_on": "2026-04-14", "version": 1, "created_at": "2026-01-14T11:00:00Z", "updated_at": "2026-01-14T11:00:00Z"
}))]
pub struct Publication {
    pub id: PublicationId,
    /// Whether it is still there.
    pub live: bool,
    /// What this caller can do with it now.
    #[schema(max_items = 5)]
    pub allowed_actions: Vec<PublicationAction>,
    pub check_id: PublicationCheckId,
    pub account_id: AccountId,
    pub author_id: PersonId,
    pub consent_purpose: Purpose,
    #[schema(max_items = 20)]
    pub flags: Vec<Flag>,
    /// How many people can be seen or are named.
    #[schema(minimum = 0, maximum = 300)]
    pub subject_count: usize,
    /// Who they are: for the author, the headteacher and the safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 300, nullable = false)]
    pub subjects: Option<Vec<PersonId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub taken_on: Option<Day>,
    #[schema(max_length = 1000)]
    pub url: String,
    pub published_at: Instant,
    /// When the author is to look at it again (R-ST-3).
    pub review_due_on: Day,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reviewed_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub audited_at: Option<Instant>,
    /// A face is seen from the front, as the last audit found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub face_on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type PublicationPage = Page<Publication>;

impl Resource for Publication {
    fn location(&self) -> String {
        format!("/v1/publications/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That what was checked was published.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "check_id": "0198a4b2-6f00-7000-8000-0000000000d5",
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "url": "https://social.example/p/7"
}))]
pub struct NewPublication {
    pub check_id: PublicationCheckId,
    /// Of the check: that it is this which was published.
    #[validate(nested)]
    #[schema(inline)]
    pub content_hash: Line<64>,
    #[validate(nested)]
    #[schema(inline)]
    pub url: Link<1000>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub published_at: Option<Instant>,
}

/// What an audit found.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "face_on": false }))]
pub struct PublicationAudit {
    /// A face is seen from the front.
    pub face_on: bool,
}

/// Which publications to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PublicationQuery {
    /// On one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
    /// Whether it is still there.
    #[param(nullable = false)]
    pub live: Option<bool>,
    /// `true`: what the author is to look at again (R-ST-3).
    #[param(nullable = false)]
    pub stale: Option<bool>,
    /// `true`: what was not audited within a term.
    #[param(nullable = false)]
    pub audit_due: Option<bool>,
    /// What the last audit found.
    #[param(nullable = false)]
    pub face_on: Option<bool>,
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

paged!(PublicationQuery since);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadPublications>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: PublicationRow, subjects: Vec<PersonId>) -> Publication {
    let live = row.removed_at.is_none();
    let prepares = me.may::<PreparePublication>();
    let possible = [
        (PublicationAction::MarkReviewed, live && prepares),
        (PublicationAction::Audit, live && me.may::<AuditPublications>()),
        (PublicationAction::RecordRemoval, live && prepares),
    ];
    Publication {
        id: row.id,
        live,
        allowed_actions: possible.into_iter().filter_map(|(action, may)| may.then_some(action)).collect(),
        check_id: row.check_id,
        account_id: row.account_id,
        author_id: row.author_id,
        consent_purpose: row.consent_purpose,
        flags: split(&row.flags),
        subject_count: subjects.len(),
        subjects: (me.is(row.author_id) || publication_checks::entitled(me)).then_some(subjects),
        taken_on: row.taken_on.map(Day),
        url: row.url,
        published_at: row.published_at,
        review_due_on: Day(row.review_due_on),
        reviewed_at: row.reviewed_at,
        audited_at: row.audited_at,
        face_on: row.face_on,
        removed_at: row.removed_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The way of every change: find, check the version, change, store, record.
async fn changed<P: 'static>(
    caller: Caller<P>,
    id: PublicationId,
    seen: IfMatch,
    kind: EventType,
    apply: impl FnOnce(&Caller<P>, &mut PublicationRow, chrono::NaiveDate) + Send + 'static,
) -> Result<Versioned<Publication>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), id)?;
            let subjects: Vec<PersonId> = rows::subjects(tx, me.school(), &[id])?.into_iter().map(|(_, person)| person).collect();
            if row.removed_at.is_some() {
                return Err(Problem::state_conflict::<PublicationAction>([]));
            }
            seen.check(row.version)?;
            let interval = schools::rows::find(tx, me.school())?.content_review_days.unsigned_abs().into();
            let due = me.today().checked_add_days(Days::new(interval)).unwrap_or(row.review_due_on);
            apply(me, &mut row, due);
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(kind, id.uuid()))?;
            Versioned::new(&view(me, row, subjects))
        })
        .await
}

/// List what was published (R-ST-3).
///
/// Newest first. Most people see what they wrote, and what is on the accounts that they run.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadPublications])), params(PublicationQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((PublicationPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/publications")]
async fn list_publications(
    caller: Caller<ReadPublications>,
    query: Query<PublicationQuery>,
    format: Format,
) -> Result<Listed<Publication>, Problem> {
    listed(caller, "/v1/publications", query, format, |conn, me, query, window| {
        let filter = Filter {
            accounts: query.account_id.clone(),
            live: query.live,
            stale_on: (query.stale == Some(true)).then(|| me.today()),
            unaudited_since: (query.audit_due == Some(true)).then(|| me.now() + -TERM),
            face_on: query.face_on,
        };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        let ids: Vec<PublicationId> = rows.iter().map(|row| row.id).collect();
        let mut subjects: HashMap<PublicationId, Vec<PersonId>> = HashMap::new();
        for (id, person) in rows::subjects(conn, me.school(), &ids)? {
            subjects.entry(id).or_default().push(person);
        }
        Ok(window.page(
            rows,
            |row| row.id,
            |row| {
                let of = subjects.remove(&row.id).unwrap_or_default();
                view(me, row, of)
            },
        ))
    })
    .await
}

/// Record that what was checked was published (IMG-1).
///
/// The clearance is looked at again: what has come in its way since is said, and nothing is recorded. It can be used once.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), request_body = NewPublication,
    responses((status = 201, description = "Recorded.", body = Publication), Fails<409>))]
#[post("/v1/publications")]
async fn record_publication(caller: Caller<PreparePublication>, new: Valid<NewPublication>) -> Result<Created<Publication>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let unknown = |_| Problem::invalid("/check_id", "unknown", "There is no such check for this caller.");
            let mut check = checks::find(tx, me.school(), publication_checks::sight(me), new.check_id).map_err(unknown)?;
            let published_at = new.published_at.unwrap_or_else(|| me.now());
            if !is_past(published_at, me.now()) || published_at < check.row.created_at {
                return Err(Problem::invalid("/published_at", "before_check", "This lies before the check or in the future."));
            }
            let same = new.content_hash.as_str() == check.row.content_hash;
            publication::usable(check.row.state, *check.row.expires_at, *me.now(), same)?;
            let only_of = me.person().filter(|_| me.own_only());
            let (target, purpose) = checks::target(tx, me.school(), check.row.account_id, only_of, me.now())?;
            let flags = check.row.flags();
            let matter = Matter {
                account: check.row.account_id,
                flags: &flags,
                subjects: &check.subjects,
                works: &check.works,
                taken_on: check.row.taken_on,
            };
            let verdict = checks::decide(tx, me.school(), target, purpose, matter, Moment { at: me.now(), day: me.today() })?;
            let approved = check.row.state == CheckState::Approved;
            refuse_if_blocked(me, verdict.blockers, &verdict.concerns, approved)?;
            let account_id = check.row.account_id.ok_or_else(Problem::not_found)?;
            let interval = schools::rows::find(tx, me.school())?.content_review_days.unsigned_abs().into();
            let row = PublicationRow {
                school_id: me.school(),
                id: PublicationId::new(),
                check_id: check.row.id,
                account_id,
                author_id: check.row.author_id,
                consent_purpose: purpose,
                flags: check.row.flags.clone(),
                taken_on: check.row.taken_on,
                url: new.url.into_inner(),
                published_at,
                review_due_on: me.today().checked_add_days(Days::new(interval)).unwrap_or_else(|| me.today()),
                reviewed_at: None,
                audited_at: None,
                face_on: None,
                removed_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row, &check.subjects)?;
            check.row.state = CheckState::Used;
            checks::save(tx, &mut check.row, me.now())?;
            events::record(tx, me, Event::new(EventType::PublicationRecorded, row.id.uuid()).related("check", check.row.id.uuid()))?;
            Created::new(&view(me, row, check.subjects))
        })
        .await
}

/// Says what has come in the way of a clearance since, as far as the caller may know.
fn refuse_if_blocked<P>(me: &Caller<P>, blockers: Vec<publication::Blocker>, concerns: &[Concern], approved: bool) -> Result<(), Refusal> {
    let blocked = if publication_checks::entitled(me) { blockers } else { publication::opaque(blockers) };
    let violation = |blocker: publication::Blocker| {
        let clause = <Clause as strum::IntoEnumIterator>::iter().find(|clause| clause.id() == blocker.clause).unwrap_or(Clause::Img1);
        let violation = Violation::new(clause, blocker.detail, blocker.cure);
        match blocker.person {
            Some(person) => violation.of(person),
            None => violation,
        }
    };
    let mut violations: Vec<Violation> = blocked.into_iter().map(violation).collect();
    if !concerns.is_empty() && !approved {
        violations.push(Violation::new(Clause::Do1, "The headteacher has not decided on it.", "Have it checked anew."));
    }
    Refusal::unless_empty(Grounds::NotYet, violations)
}

/// Find something that was published.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadPublications])),
    responses((status = 200, description = "What was published.", body = Publication), Fails<404>))]
#[get("/v1/publications/{id}")]
async fn find_publication(caller: Caller<ReadPublications>, id: Path<PublicationId>) -> Result<Versioned<Publication>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            let subjects = rows::subjects(conn, me.school(), &[*id])?.into_iter().map(|(_, person)| person).collect();
            Versioned::new(&view(me, row, subjects))
        })
        .await
}

/// Mark something that was published as looked at again (R-ST-3).
///
/// It is due again after the school's interval.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), params(IfMatchHeader),
    responses((status = 200, description = "Marked.", body = Publication), Fails<404, 409, 412, 428>))]
#[post("/v1/publications/{id}/mark-reviewed")]
async fn review_publication(
    caller: Caller<PreparePublication>,
    id: Path<PublicationId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Publication>, Problem> {
    changed(caller, *id, seen, EventType::PublicationReviewed, |me, row, due| {
        (row.reviewed_at, row.review_due_on) = (Some(me.now()), due);
    })
    .await
}

/// Audit the pictures of something that was published.
///
/// Each term. A face from the front is what is copied and misused.
#[utoipa::path(tag = "publications", security(("oauth2" = [AuditPublications])), params(IfMatchHeader), request_body = PublicationAudit,
    responses((status = 200, description = "Audited.", body = Publication), Fails<404, 409, 412, 428>))]
#[post("/v1/publications/{id}/audit")]
async fn audit_publication(
    caller: Caller<AuditPublications>,
    id: Path<PublicationId>,
    seen: IfMatch,
    audit: Valid<PublicationAudit>,
) -> Result<Versioned<Publication>, Problem> {
    changed(caller, *id, seen, EventType::PublicationAudited, move |me, row, _| {
        (row.audited_at, row.face_on) = (Some(me.now()), Some(audit.face_on));
    })
    .await
}

/// Record that something that was published is gone.
///
/// What has to go is recorded at its takedown.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), params(IfMatchHeader),
    responses((status = 200, description = "Recorded.", body = Publication), Fails<404, 409, 412, 428>))]
#[post("/v1/publications/{id}/record-removal")]
async fn remove_publication(
    caller: Caller<PreparePublication>,
    id: Path<PublicationId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Publication>, Problem> {
    changed(caller, *id, seen, EventType::PublicationRemoved, |me, row, _| row.removed_at = Some(me.now())).await
}
