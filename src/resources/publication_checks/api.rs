//! Checking, and reading checks.

use std::collections::BTreeSet;

use actix_web::web::Path;
use actix_web::{get, post};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::moves;
use super::rows::{self, Check, CheckRow, Matter};
use super::view::{PublicationCheck, PublicationCheckPage, view};
use crate::access::caller::Caller;
use crate::access::permissions::{PreparePublication, ReadPublications};
use crate::db::Conn;
use crate::db::types::{AccountId, ContentPermissionId, PersonId, PublicationCheckId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Versioned};
use crate::http::text::{Day, Line, Link, Prose, present};
use crate::page::Window;
use crate::policy::publication::{self, Attestation, CheckState, Decision, Flag};
use crate::policy::roles::{PersonKind, has_left, is_staff};
use crate::policy::text::content_hash;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::consents::rows::Moment;
use crate::resources::education_sessions::YearGroup;
use crate::resources::{content_permissions, people};
use crate::words::joined;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_publication_checks)
        .service(check_publication)
        .service(find_publication_check)
        .service(moves::approve_publication)
        .service(moves::refuse_publication)
        .service(moves::request_second_opinion)
        .service(moves::give_second_opinion);
}

/// What is to be published.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-0000000000b1", "reason": "The sports day.", "text": "What a day!",
    "subjects": ["0198a4b2-6f00-7000-8000-000000000009"], "taken_on": "2026-01-13",
    "flags": ["contains_children", "face_identifiable"],
    "attestations": ["tone_fits", "everybody_named", "appropriately_dressed", "no_ridicule"]
}))]
pub struct NewPublicationCheck {
    /// The account of the school on which it is to be published.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub account_id: Option<AccountId>,
    /// Any other place, in place of `account_id`.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub unregistered_account: Option<Line<200>>,
    /// Who wrote it: for a program, which has to name a member of staff; everybody else is the author.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub author_id: Option<PersonId>,
    /// What for: checks are counted and kept.
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Line<500>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub text: Option<Prose<5000>>,
    #[serde(default)]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20)]
    pub links: Vec<Link<1000>>,
    /// Everybody who can be recognised or is named.
    #[serde(default)]
    #[validate(length(max = 300))]
    #[schema(max_items = 300)]
    pub subjects: Vec<PersonId>,
    /// All pupils of these, beside `subjects`.
    #[serde(default)]
    #[validate(length(max = 8))]
    #[schema(max_items = 8)]
    pub year_groups: Vec<YearGroup>,
    /// The day on which the picture was taken. Where it is not known, objections to any day count.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub taken_on: Option<Day>,
    #[serde(default)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub flags: Vec<Flag>,
    /// What the author vouches for.
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub attestations: Vec<Attestation>,
    /// By what right the works of others are used.
    #[serde(default)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub content_permission_ids: Vec<ContentPermissionId>,
}

/// Which checks to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PublicationCheckQuery {
    /// In one of these states, as it was last recorded.
    #[serde(default)]
    #[validate(length(max = 8))]
    #[param(max_items = 8)]
    pub state: Vec<CheckState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// What a caller may see of a school's checks.
#[derive(Clone, Copy, Debug)]
pub enum CheckSight {
    All,
    /// What the person wrote, or was asked for a second opinion on.
    Own(PersonId),
}

pub fn sight<P>(me: &Caller<P>) -> CheckSight {
    match me.person() {
        Some(person) if !me.may_all::<ReadPublications>() => CheckSight::Own(person),
        _ => CheckSight::All,
    }
}

/// Who writes it: nobody writes in another's name, and a program in that of a member of staff (BEH-3).
fn author<P>(conn: &mut Conn, me: &Caller<P>, named: Option<PersonId>) -> Result<PersonId, Problem> {
    let unknown = || Problem::invalid("/author_id", "unknown", "This is nobody who can be the author.");
    let Some(person) = me.person() else {
        let author = named.ok_or_else(unknown)?;
        let roles = people::rows::roles_of(conn, me.school(), &[author])?;
        let here = people::rows::left_on(conn, me.school(), author)?.is_some_and(|left_on| !has_left(left_on, me.today()));
        return if here && roles.get(&author).is_some_and(|roles| is_staff(roles)) { Ok(author) } else { Err(unknown()) };
    };
    if named.is_none_or(|author| author == person) { Ok(person) } else { Err(unknown()) }
}

/// Everybody who is named, and the pupils of the year groups; each once.
fn subjects<P>(conn: &mut Conn, me: &Caller<P>, new: &NewPublicationCheck) -> Result<BTreeSet<PersonId>, Problem> {
    let known = people::rows::known(conn, me.school(), &new.subjects)?;
    let unknown = new.subjects.iter().enumerate().filter(|(_, person)| !known.contains(person));
    let errors: Vec<FieldError> =
        unknown.map(|(index, _)| FieldError::new(format!("/subjects/{index}"), "unknown", "There is no such person.")).collect();
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    let mut subjects: BTreeSet<PersonId> = known.into_iter().collect();
    subjects.extend(people::rows::of_year_groups(conn, me.school(), &new.year_groups, me.today())?);
    if subjects.len() > 300 {
        return Err(Problem::invalid("/year_groups", "too_many", "More than 300 people; check in parts."));
    }
    Ok(subjects)
}

/// Check whether something may be published (IMG-1 to IMG-4, LEG-1, TONE-1, DO-1).
///
/// `cleared`, for 24 hours and for what was checked alone; `needs_approval` by the headteacher; or `blocked`, with everything
/// that stands in the way at once. Who blocks, and why, is for the headteacher and the safeguarding leads; everybody else
/// learns that not everybody may be published, and no more. The check is kept, with what it was made for.
#[utoipa::path(tag = "publications", security(("oauth2" = [PreparePublication])), request_body = NewPublicationCheck,
    responses((status = 201, description = "Checked.", body = PublicationCheck)))]
#[post("/v1/publication-checks")]
async fn check_publication(
    caller: Caller<PreparePublication>,
    new: Valid<NewPublicationCheck>,
) -> Result<Created<PublicationCheck>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            // BEH-3: whoever publishes is somebody.
            let author_id = author(tx, me, new.author_id)?;
            let recent = rows::count_since(tx, me.school(), author_id, me.now() + -Duration::hours(1))?;
            if recent >= publication::CHECKS_PER_HOUR {
                return Err(Problem::new(Code::RateLimited).detail("Too many checks within an hour.").retry_after(3600));
            }
            if new.account_id.is_some() == new.unregistered_account.is_some() {
                return Err(Problem::invalid("/account_id", "account_or_other", "Give one of account_id and unregistered_account."));
            }
            if me.own_only() && !new.year_groups.is_empty() {
                return Err(Problem::invalid("/year_groups", "not_allowed", "Name each person: who is in a year group is for staff."));
            }
            let (target, consent_purpose) = rows::target(tx, me.school(), new.account_id, me.person().filter(|_| me.own_only()), me.now())?;
            let subjects: Vec<PersonId> = subjects(tx, me, &new)?.into_iter().collect();
            let kinds = people::rows::kinds(tx, me.school(), &subjects)?;
            let mut flags: BTreeSet<Flag> = new.flags.iter().copied().collect();
            if kinds.values().any(|kind| *kind == PersonKind::Pupil) {
                flags.insert(Flag::ContainsChildren);
            }
            let attested: BTreeSet<Attestation> = new.attestations.iter().copied().collect();
            let shows_people = !subjects.is_empty() || flags.contains(&Flag::ContainsChildren) || flags.contains(&Flag::FaceIdentifiable);
            publication::attested(&attested, shows_people)?;
            publication::works_named(&flags, new.content_permission_ids.len())?;
            let works: BTreeSet<ContentPermissionId> = new.content_permission_ids.iter().copied().collect();
            let works: Vec<ContentPermissionId> = works.into_iter().collect();
            if content_permissions::rows::several(tx, me.school(), &works)?.len() != works.len() {
                return Err(Problem::invalid("/content_permission_ids", "unknown", "There is no such permission."));
            }
            let taken_on = new.taken_on.map(|day| day.0);
            let matter = Matter { account: new.account_id, flags: &flags, subjects: &subjects, works: &works, taken_on };
            let moment = Moment { at: me.now(), day: me.today() };
            let verdict = rows::decide(tx, me.school(), target, consent_purpose, matter, moment)?;
            let links: Vec<String> = new.links.into_iter().map(Link::into_inner).collect();
            let text = new.text.map(Prose::into_inner);
            let unregistered_account = new.unregistered_account.map(Line::into_inner);
            let what = json!([new.account_id, unregistered_account, text, links, subjects, flags, works, taken_on]);
            let row = CheckRow {
                school_id: me.school(),
                id: PublicationCheckId::new(),
                state: match verdict.decision() {
                    Decision::Cleared => CheckState::Cleared,
                    Decision::NeedsApproval => CheckState::NeedsApproval,
                    Decision::Blocked => CheckState::Blocked,
                },
                account_id: new.account_id,
                unregistered_account,
                consent_purpose,
                author_id,
                reason: new.reason.into_inner(),
                text,
                links: serde_json::to_string(&links).map_err(Problem::internal)?,
                flags: joined(&flags.into_iter().collect::<Vec<_>>()),
                attestations: joined(&attested.into_iter().collect::<Vec<_>>()),
                taken_on,
                content_hash: content_hash(&what.to_string()),
                blockers: serde_json::to_string(&verdict.blockers).map_err(Problem::internal)?,
                concerns: joined(&verdict.concerns),
                expires_at: me.now() + publication::LASTS,
                decided_by: None,
                decided_at: None,
                feedback: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            let check = Check { row, subjects, works, opinions: Vec::new() };
            rows::insert(tx, &check)?;
            if check.row.state == CheckState::NeedsApproval {
                moves::tell_decider(tx, me, &check.row)?;
            }
            events::record(tx, me, Event::new(EventType::PublicationChecked, check.row.id.uuid()).state(check.row.state))?;
            Created::new(&view(me, check))
        })
        .await
}

/// List checks.
///
/// Newest first. Most people see what they wrote, or were asked for a second opinion on.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadPublications])), params(PublicationCheckQuery),
    responses((status = 200, description = "One page.", body = PublicationCheckPage)))]
#[get("/v1/publication-checks")]
async fn list_publication_checks(
    caller: Caller<ReadPublications>,
    query: Query<PublicationCheckQuery>,
) -> Result<Plain<PublicationCheckPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("publication-checks", &query.0))?;
    let states = query.state.clone();
    let page = caller
        .read(move |conn, me| {
            let checks = rows::list(conn, me.school(), sight(me), &states, &window)?;
            Ok(window.page(checks, |check| check.row.id, |check| view(me, check)))
        })
        .await?;
    Plain::page(&page, "/v1/publication-checks", &query.0, query.limit)
}

/// Find a check.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadPublications])),
    responses((status = 200, description = "The check.", body = PublicationCheck), Fails<404>))]
#[get("/v1/publication-checks/{id}")]
async fn find_publication_check(
    caller: Caller<ReadPublications>,
    id: Path<PublicationCheckId>,
) -> Result<Versioned<PublicationCheck>, Problem> {
    caller
        .read(move |conn, me| {
            let check = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&view(me, check))
        })
        .await
}
