//! The operations on people.

use actix_web::web::Path;
use actix_web::{delete, get, patch, post, put};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::bulk::{self, Details, Key, Record, Roles, Wish};
use super::changes::{self, Agent, Change, Power, Teams};
use super::rows::{self, Filter, GuardianRow, PersonRow, Sight};
use super::rules::{self, PersonAction, PersonState, Relationship, Shift, Standing};
use super::{batch, guardians_batch};
use crate::access::caller::Caller;
use crate::access::permissions::{GrantRoles, ManagePeople, ReadPeople, ReadPersonDetails};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::PersonId;
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Gone, Plain, Resource, Versioned};
use crate::http::text::{Day, Email, Line, Patch, present};
use crate::page::{Page, PageQuery, Window, paged};
use crate::policy::roles::{PersonKind, Role, has_left};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::consents::rows::Moment;
use crate::resources::education_sessions::YearGroup;
use crate::resources::{consents, exit_records, handovers};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_people)
        .service(create_person)
        .service(find_person)
        .service(edit_person)
        .service(delete_person)
        .service(batch::upsert_people)
        .service(upsert_person)
        .service(record_person_leaving)
        .service(rejoin_person)
        .service(grant_role)
        .service(revoke_role)
        .service(list_guardians)
        .service(set_guardian)
        .service(remove_guardian)
        .service(guardians_batch::set_guardians);
}

/// A person of the school. Who sees only names sees neither e-mail address nor external id nor leaving date.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-000000000002", "state": "active", "allowed_actions": ["edit", "leave"],
    "kind": "staff", "given_name": "Jo", "family_name": "Green", "roles": ["staff"],
    "email": "jo.green@weald.example", "external_source": "mis", "external_id": "S-1042",
    "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct Person {
    pub id: PersonId,
    pub state: PersonState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<PersonAction>,
    pub kind: PersonKind,
    #[schema(max_length = 100)]
    pub given_name: String,
    #[schema(max_length = 100)]
    pub family_name: String,
    #[schema(max_items = 20)]
    pub roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254, nullable = false)]
    pub email: Option<String>,
    /// The system that knows the person by `external_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 50, nullable = false)]
    pub external_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub external_id: Option<String>,
    /// A pupil's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    /// The first day on which the person is no longer at the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left_on: Option<Day>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type PersonPage = Page<Person>;

impl Resource for Person {
    fn location(&self) -> String {
        format!("/v1/people/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        (self.state == PersonState::Left).then_some("left")
    }
}

/// A new person.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "given_name": "Jo", "family_name": "Green", "email": "jo.green@weald.example", "kind": "staff" }))]
pub struct NewPerson {
    #[validate(nested)]
    #[schema(inline)]
    pub given_name: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub family_name: Line<100>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub email: Option<Email>,
    pub kind: PersonKind,
    /// Goes with `external_id`.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub external_source: Option<Line<50>>,
    /// Unique in its source.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub external_id: Option<Line<100>>,
    /// A pupil's.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    /// Roles that are not privileged; none if absent.
    #[serde(default)]
    #[validate(length(max = 12))]
    #[schema(max_items = 12)]
    pub roles: Vec<Role>,
}

/// A person as another system knows them.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "given_name": "Jo", "family_name": "Green", "email": "jo.green@weald.example", "kind": "staff" }))]
pub struct PersonUpsert {
    #[validate(nested)]
    #[schema(inline)]
    pub given_name: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub family_name: Line<100>,
    /// Absent: the person has none.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub email: Option<Email>,
    pub kind: PersonKind,
    /// A pupil's; absent: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    /// All roles that this caller assigns and the person is to hold; those that it does not assign stay. Absent:
    /// all roles stay.
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 12))]
    #[schema(max_items = 12, nullable = false)]
    pub roles: Option<Vec<Role>>,
}

impl From<PersonUpsert> for Details {
    fn from(upsert: PersonUpsert) -> Self {
        Self {
            given_name: upsert.given_name.into_inner(),
            family_name: upsert.family_name.into_inner(),
            email: upsert.email.map(Email::into_inner).into(),
            kind: Some(upsert.kind),
            year_group: upsert.year_group.into(),
            roles: upsert.roles.map_or(Roles::Stay, Roles::Are),
            left_on: None,
        }
    }
}

/// Changes to a person (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "family_name": "Green-Hill" }))]
pub struct PersonPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub given_name: Option<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub family_name: Option<Line<100>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub email: Patch<Email>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub kind: Option<PersonKind>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub external_source: Patch<Line<50>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub external_id: Patch<Line<100>>,
    #[serde(default)]
    #[schema(inline)]
    pub year_group: Patch<YearGroup>,
}

/// That a person leaves the school.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "left_on": "2026-09-01" }))]
pub struct Leaving {
    /// The first day on which the person is no longer at the school; may lie ahead.
    pub left_on: Day,
}

/// A role to be granted or revoked.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "dsl" }))]
pub struct NamedRole {
    pub role: Role,
}

/// Somebody's being a pupil's guardian.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "pupil_id": "0198a4b2-6f00-7000-8000-000000000005", "guardian_id": "0198a4b2-6f00-7000-8000-000000000006",
    "relationship": "parent", "has_parental_responsibility": true, "created_at": "2026-01-05T09:00:00Z"
}))]
pub struct Guardian {
    pub pupil_id: PersonId,
    pub guardian_id: PersonId,
    pub relationship: Relationship,
    pub has_parental_responsibility: bool,
    pub created_at: Instant,
}

type GuardianPage = Page<Guardian>;

/// What a guardian is to a pupil.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "guardian_id": "0198a4b2-6f00-7000-8000-000000000006", "relationship": "parent", "has_parental_responsibility": true }))]
pub struct Guardianship {
    pub guardian_id: PersonId,
    pub relationship: Relationship,
    pub has_parental_responsibility: bool,
}

/// Who is no longer a pupil's guardian.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "guardian_id": "0198a4b2-6f00-7000-8000-000000000006" }))]
pub struct NamedGuardian {
    pub guardian_id: PersonId,
}

/// Which people to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PersonQuery {
    /// Of one of these kinds.
    #[serde(default)]
    #[validate(length(max = 6))]
    #[param(max_items = 6)]
    pub kind: Vec<PersonKind>,
    /// Holding one of these roles.
    #[serde(default)]
    #[validate(length(max = 12))]
    #[param(max_items = 12)]
    pub role: Vec<Role>,
    /// Goes with `external_id`.
    #[validate(length(max = 50))]
    #[param(max_length = 50, nullable = false)]
    pub external_source: Option<String>,
    /// Known to `external_source` by this id.
    #[validate(length(max = 100))]
    #[param(max_length = 100, nullable = false)]
    pub external_id: Option<String>,
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

paged!(PersonQuery);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may::<ReadPersonDetails>() => {
            if me.own_only() {
                Sight::Own(person)
            } else {
                Sight::Colleagues(person)
            }
        }
        _ => Sight::Everyone,
    }
}

/// The person as this caller finds them, for the rules.
pub fn standing<'a, P>(me: &Caller<P>, person: &'a rows::Person) -> Standing<'a> {
    Power::from(me).standing(person)
}

fn view<P>(me: &Caller<P>, person: rows::Person) -> Person {
    let allowed_actions = rules::allowed(&standing(me, &person));
    let rows::Person { row, roles, whole, .. } = person;
    Person {
        id: row.id,
        state: if has_left(row.left_on, me.today()) { PersonState::Left } else { PersonState::Active },
        allowed_actions,
        kind: row.kind,
        given_name: row.given_name,
        family_name: row.family_name,
        roles,
        email: row.email.filter(|_| whole),
        external_source: row.external_source.filter(|_| whole),
        external_id: row.external_id.filter(|_| whole),
        year_group: row.year_group.filter(|_| whole),
        left_on: row.left_on.filter(|_| whole).map(Day),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// External source and id go together and belong to nobody else.
fn check_external_id(tx: &mut Conn, row: &PersonRow) -> Result<(), Problem> {
    match (&row.external_source, &row.external_id) {
        (Some(source), Some(id)) => match rows::by_external_id(tx, row.school_id, source, id)? {
            Some(person) if person != row.id => {
                let error = FieldError::new("/external_id", "taken", "Another person has this external id.");
                Err(Problem::new(Code::AlreadyExists).with_errors(vec![error]))
            }
            _ => Ok(()),
        },
        (None, None) => Ok(()),
        (None, _) => Err(Problem::invalid("/external_source", "missing", "An external id needs its source.")),
        (_, None) => Err(Problem::invalid("/external_id", "missing", "An external source needs an id.")),
    }
}

fn create<P>(tx: &mut Conn, me: &Caller<P>, new: NewPerson) -> Result<rows::Person, Problem> {
    let row = PersonRow {
        school_id: me.school(),
        id: PersonId::new(),
        given_name: new.given_name.into_inner(),
        family_name: new.family_name.into_inner(),
        email: new.email.map(Email::into_inner),
        kind: new.kind,
        external_source: new.external_source.map(Line::into_inner),
        external_id: new.external_id.map(Line::into_inner),
        left_on: None,
        version: 1,
        created_at: me.now(),
        updated_at: me.now(),
        year_group: new.year_group,
    };
    let person = rows::Person { row, roles: Vec::new(), whole: true, escalation_contact: false };
    let agent = Agent::from(me);
    let change = Change::of_details(&agent.power, None, person, Some(&new.roles), false)?;
    let mut change = bulk::with_free_address(tx, &agent, change)?;
    check_external_id(tx, &change.person.row)?;
    changes::write(tx, &agent, [&mut change])?;
    Ok(change.person)
}

/// Changes a person. What changes nothing leaves no trace.
fn change<P>(tx: &mut Conn, me: &Caller<P>, person: rows::Person, apply: impl FnOnce(&mut PersonRow)) -> Result<rows::Person, Problem> {
    let (agent, old) = (Agent::from(me), person.row.clone());
    let mut person = person;
    apply(&mut person.row);
    let linked = changes::crosses(old.kind, person.row.kind) && !rows::with_guardian_links(tx, me.school(), &[old.id])?.is_empty();
    let change = Change::of_details(&agent.power, Some(old), person, None, linked)?;
    let mut change = bulk::with_free_address(tx, &agent, change)?;
    check_external_id(tx, &change.person.row)?;
    if !change.is_empty() {
        changes::write(tx, &agent, [&mut change])?;
    }
    Ok(change.person)
}

/// List people.
///
/// In the order in which they became known. Headteacher, IT, safeguarding leads, data protection officer, chair of
/// governors and services see everyone; staff see the names of staff, volunteers, governors and pupils; everyone
/// sees themselves and the children whose guardian they are.
#[utoipa::path(tag = "people", security(("oauth2" = [ReadPeople])), params(PersonQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((PersonPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/people")]
async fn list_people(caller: Caller<ReadPeople>, query: Query<PersonQuery>, format: Format) -> Result<Listed<Person>, Problem> {
    let missing =
        |name| Problem::new(Code::MalformedQuery).with_errors(vec![FieldError::new(name, "missing", "This parameter is needed too.")]);
    let external = match (&query.external_source, &query.external_id) {
        (Some(source), Some(id)) => Some((source.clone(), id.clone())),
        (None, None) => None,
        (None, _) => return Err(missing("external_source")),
        (_, None) => return Err(missing("external_id")),
    };
    listed(caller, "/v1/people", query, format, move |conn, me, query, window| {
        let filter =
            Filter { kinds: query.kind.clone(), roles: query.role.clone(), external: external.clone(), updated_since: query.updated_since };
        let sight = match sight(me) {
            // What is not shown cannot be searched for.
            Sight::Colleagues(person) if filter.external.is_some() => Sight::Own(person),
            sight => sight,
        };
        let people = rows::list(conn, me.school(), sight, &filter, window)?;
        Ok(window.page(people, |person| person.row.id, |person| view(me, person)))
    })
    .await
}

/// Create a person.
///
/// With no roles but those that `roles` names. Privileged roles are granted as an action of their own; a service
/// account assigns `staff`, `volunteer`, `parent_carer`, `pupil` and `governor`.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), request_body = NewPerson,
    responses((status = 201, description = "Created.", body = Person)))]
#[post("/v1/people")]
async fn create_person(caller: Caller<ManagePeople>, new: Valid<NewPerson>) -> Result<Created<Person>, Problem> {
    caller
        .write(move |tx, me| {
            let person = create(tx, me, new.into_inner())?;
            Created::new(&view(me, person))
        })
        .await
}

/// Find a person.
#[utoipa::path(tag = "people", security(("oauth2" = [ReadPeople])),
    responses((status = 200, description = "The person.", body = Person), Fails<404>))]
#[get("/v1/people/{id}")]
async fn find_person(caller: Caller<ReadPeople>, id: Path<PersonId>) -> Result<Versioned<Person>, Problem> {
    caller
        .read(move |conn, me| {
            let person = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&view(me, person))
        })
        .await
}

/// Edit a person.
///
/// A new kind must suit the roles that the person holds. External issuers find somebody by e-mail address or external id:
/// those of a person with a privileged role, or of the leadership team, are changed by the headteacher or the chair of
/// governors alone.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IfMatchHeader), request_body = PersonPatch,
    responses((status = 200, description = "Edited.", body = Person), Fails<404, 409, 412, 428>))]
#[patch("/v1/people/{id}")]
async fn edit_person(
    caller: Caller<ManagePeople>,
    id: Path<PersonId>,
    seen: IfMatch,
    patch: Valid<PersonPatch>,
) -> Result<Versioned<Person>, Problem> {
    caller
        .write(move |tx, me| {
            let person = rows::find(tx, me.school(), sight(me), *id)?;
            seen.check(person.row.version)?;
            let person = change(tx, me, person, |row| edit(row, patch.into_inner()))?;
            Versioned::new(&view(me, person))
        })
        .await
}

fn edit(row: &mut PersonRow, patch: PersonPatch) {
    if let Some(name) = patch.given_name {
        row.given_name = name.into_inner();
    }
    if let Some(name) = patch.family_name {
        row.family_name = name.into_inner();
    }
    row.kind = patch.kind.unwrap_or(row.kind);
    row.email = patch.email.map(Email::into_inner).apply(row.email.take());
    row.external_source = patch.external_source.map(Line::into_inner).apply(row.external_source.take());
    row.external_id = patch.external_id.map(Line::into_inner).apply(row.external_id.take());
    row.year_group = patch.year_group.apply(row.year_group.take());
}

/// Delete a person whom no record names.
///
/// Whoever has logged in, acted, run an account or been named anywhere is never deleted: record that they leave.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IfMatchHeader),
    responses((status = 204, description = "Deleted."), Fails<404, 409, 412, 428>))]
#[delete("/v1/people/{id}")]
async fn delete_person(caller: Caller<ManagePeople>, id: Path<PersonId>, seen: IfMatch) -> Result<Gone<()>, Problem> {
    caller
        .write(move |tx, me| {
            let person = rows::find(tx, me.school(), sight(me), *id)?;
            seen.check(person.row.version)?;
            rows::erase(tx, &person.row)?;
            events::record(tx, me, Event::new(EventType::PersonErased, id.uuid()))?;
            Ok(Gone::new())
        })
        .await
}

/// Create or change the person whom another system knows by this id.
///
/// The same request again changes nothing: no new version and no event. The leaving date stays as it is.
/// Privileged roles are granted as an action of their own; a service account assigns `staff`, `volunteer`,
/// `parent_carer`, `pupil` and `governor`.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), request_body = PersonUpsert,
    params(
        ("source" = String, Path, description = "The other system.", min_length = 1, max_length = 50),
        ("external_id" = String, Path, description = "Its own id of the person.", min_length = 1, max_length = 100),
    ),
    responses(
        (status = 200, description = "It was there; now it is as sent.", body = Person),
        (status = 201, description = "Created.", body = Person),
        Fails<409>,
    ))]
#[put("/v1/people/by-external-id/{source}/{external_id}")]
async fn upsert_person(
    caller: Caller<ManagePeople>,
    key: Path<(Line<50>, Line<100>)>,
    upsert: Valid<PersonUpsert>,
) -> Result<Created<Person>, Problem> {
    let (source, external_id) = key.into_inner();
    check_key("source", &source)?;
    check_key("external_id", &external_id)?;
    caller
        .write(move |tx, me| {
            let key = Key { source: source.into_inner(), id: external_id.into_inner() };
            let record = Record { key, wish: Wish::Be(Box::new(upsert.into_inner().into())) };
            let Some(plan) = bulk::apply(tx, &me.into(), vec![record])?.pop() else { return Err(Problem::not_found()) };
            let change = plan?;
            let is_new = change.old.is_none();
            let created = Created::new(&view(me, change.person))?;
            Ok(if is_new { created } else { created.already_there() })
        })
        .await
}

fn check_key(name: &str, part: &impl Validate) -> Result<(), Problem> {
    let refused = |_| Problem::invalid(name, "unacceptable_value", "This part of the address is blank, too long or not printable.");
    part.validate().map_err(refused)
}

/// Record that a person leaves.
///
/// From that day on the person cannot log in, counts in no team and holds no delegation, and each account that they run
/// has to be handed over (R-IT-4): it is `handover_required`, or suspended where nobody is left to run it. A leaving date on record
/// can only be brought forward. Of somebody with a privileged role the headteacher or the chair of governors
/// records it.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IfMatchHeader), request_body = Leaving,
    responses((status = 200, description = "Recorded.", body = Person), Fails<404, 409, 412, 428>))]
#[post("/v1/people/{id}/leave")]
async fn record_person_leaving(
    caller: Caller<ManagePeople>,
    id: Path<PersonId>,
    seen: IfMatch,
    leaving: Valid<Leaving>,
) -> Result<Versioned<Person>, Problem> {
    caller
        .write(move |tx, me| {
            let person = rows::find(tx, me.school(), sight(me), *id)?;
            rules::leave(&standing(me, &person), leaving.left_on.0)?;
            seen.check(person.row.version)?;
            let mut change = Change::of_roles(person, Shift::default()).leaving(leaving.left_on.0);
            changes::write(tx, &me.into(), [&mut change])?;
            Versioned::new(&view(me, change.person))
        })
        .await
}

/// Record that a person is at the school after all.
///
/// Takes the leaving date back, whether it has come or lies ahead. Handovers that are open end, and the accounts are what
/// they were (R-IT-4); what was acknowledged on leaving counts no more (BEH-2d). Roles are as they were, and so is who may record it:
/// for somebody with a privileged role, the headteacher or the chair of governors.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), params(IfMatchHeader),
    responses((status = 200, description = "Recorded.", body = Person), Fails<404, 409, 412, 428>))]
#[post("/v1/people/{id}/rejoin")]
async fn rejoin_person(caller: Caller<ManagePeople>, id: Path<PersonId>, seen: IfMatch, _: NoBody) -> Result<Versioned<Person>, Problem> {
    caller
        .write(move |tx, me| {
            let mut person = rows::find(tx, me.school(), sight(me), *id)?;
            rules::rejoin(&standing(me, &person))?;
            seen.check(person.row.version)?;
            person.row.left_on = None;
            rows::save(tx, &mut person.row, me.now())?;
            let view = view(me, person);
            events::record(tx, me, Event::new(EventType::PersonRejoined, id.uuid()).state(view.state))?;
            handovers::end_returned(tx, &Actor::from(me), *id)?;
            exit_records::void(tx, &Actor::from(me), *id)?;
            Versioned::new(&view)
        })
        .await
}

/// Grant a role.
///
/// Privileged roles (`headteacher`, `it_technician`, `dsl`, `deputy_dsl`, `chair_of_governors`, `dpo`) are granted
/// by the headteacher or the chair of governors, and by nobody to themselves. The person has it from the next token on.
#[utoipa::path(tag = "people", security(("oauth2" = [GrantRoles])), request_body = NamedRole,
    responses((status = 200, description = "Granted.", body = Person), Fails<404, 409>))]
#[post("/v1/people/{id}/grant-role")]
async fn grant_role(caller: Caller<GrantRoles>, id: Path<PersonId>, named: Valid<NamedRole>) -> Result<Versioned<Person>, Problem> {
    move_role(caller, *id, move |_, me, person| {
        rules::grant(&standing(me, person), named.role)?;
        Ok(Shift { granted: vec![named.role], ..Shift::default() })
    })
    .await
}

/// Revoke a role.
///
/// At once, whatever the person's tokens say. Nobody revokes a privileged role of their own, and the last
/// headteacher stays one.
#[utoipa::path(tag = "people", security(("oauth2" = [GrantRoles])), request_body = NamedRole,
    responses((status = 200, description = "Revoked.", body = Person), Fails<404, 409>))]
#[post("/v1/people/{id}/revoke-role")]
async fn revoke_role(caller: Caller<GrantRoles>, id: Path<PersonId>, named: Valid<NamedRole>) -> Result<Versioned<Person>, Problem> {
    move_role(caller, *id, move |tx, me, person| {
        let others = rows::others_hold(tx, &person.row, Role::Headteacher, me.today())?;
        rules::revoke(&standing(me, person), named.role, others)?;
        Ok(Shift { revoked: vec![named.role], ..Shift::default() })
    })
    .await
}

async fn move_role(
    caller: Caller<GrantRoles>,
    id: PersonId,
    decide: impl FnOnce(&mut Conn, &Caller<GrantRoles>, &rows::Person) -> Result<Shift, Problem> + Send + 'static,
) -> Result<Versioned<Person>, Problem> {
    caller
        .write(move |tx, me| {
            let person = rows::find(tx, me.school(), sight(me), id)?;
            let shift = decide(tx, me, &person)?;
            let (agent, mut change) = (Agent::from(me), Change::of_roles(person, shift));
            Teams::default().admit(tx, &agent, &change)?;
            changes::write(tx, &agent, [&mut change])?;
            Versioned::new(&view(me, change.person))
        })
        .await
}

fn guardian_view(row: GuardianRow) -> Guardian {
    Guardian {
        pupil_id: row.pupil_id,
        guardian_id: row.guardian_id,
        relationship: row.relationship,
        has_parental_responsibility: row.has_parental_responsibility,
        created_at: row.created_at,
    }
}

/// List a pupil's guardians.
///
/// Who does not see everyone sees only that they are a guardian themselves.
#[utoipa::path(tag = "people", security(("oauth2" = [ReadPeople])), params(PageQuery),
    responses((status = 200, description = "One page.", body = GuardianPage), Fails<404>))]
#[get("/v1/people/{id}/guardians")]
async fn list_guardians(caller: Caller<ReadPeople>, id: Path<PersonId>, query: Query<PageQuery>) -> Result<Plain<Page<Guardian>>, Problem> {
    let id = id.into_inner();
    let window = Window::new(query.cursor.as_deref(), query.limit, &("guardians", id))?;
    let page = caller
        .read(move |conn, me| {
            rows::find(conn, me.school(), sight(me), id)?;
            let links = rows::guardians_of(conn, me.school(), sight(me), id, &window)?;
            Ok(window.page(links, |link| link.guardian_id, guardian_view))
        })
        .await?;
    Plain::page(&page, &format!("/v1/people/{id}/guardians"), &query.0, query.limit)
}

fn unknown_guardian() -> Problem {
    Problem::invalid("/guardian_id", "unknown", "There is no such person for this caller.")
}

/// Record a pupil's guardian.
///
/// The same request again changes nothing. Parental responsibility is what consent will ask for.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), request_body = Guardianship,
    responses((status = 200, description = "Recorded.", body = Guardian), Fails<404, 409>))]
#[post("/v1/people/{id}/set-guardian")]
async fn set_guardian(caller: Caller<ManagePeople>, id: Path<PersonId>, set: Valid<Guardianship>) -> Result<Plain<Guardian>, Problem> {
    let (pupil_id, guardian_id) = (*id, set.guardian_id);
    caller
        .write(move |tx, me| {
            let pupil = rows::find(tx, me.school(), sight(me), pupil_id)?;
            let guardian = rows::find(tx, me.school(), sight(me), guardian_id)
                .map_err(|problem| if problem.code() == Code::NotFound { unknown_guardian() } else { problem })?;
            let on_file = rows::guardian(tx, me.school(), pupil_id, guardian_id)?;
            let said = (set.relationship, Some(set.has_parental_responsibility));
            let agent = Agent::from(me);
            let change = bulk::link_of(&agent, said, &pupil.row, &guardian.row, on_file.as_ref())?;
            bulk::write_links(tx, &agent, [&change])?;
            Plain::new(&guardian_view(change.link))
        })
        .await
}

/// Remove a pupil's guardian.
#[utoipa::path(tag = "people", security(("oauth2" = [ManagePeople])), request_body = NamedGuardian,
    responses((status = 204, description = "Removed."), Fails<404>))]
#[post("/v1/people/{id}/remove-guardian")]
async fn remove_guardian(caller: Caller<ManagePeople>, id: Path<PersonId>, named: Valid<NamedGuardian>) -> Result<Gone<()>, Problem> {
    let (pupil_id, guardian_id) = (*id, named.guardian_id);
    caller
        .write(move |tx, me| {
            let link = rows::guardian(tx, me.school(), pupil_id, guardian_id)?.ok_or_else(Problem::not_found)?;
            rows::remove_guardian(tx, &link)?;
            let removed = Event::new(EventType::GuardianRemoved, pupil_id.uuid()).related("guardian", guardian_id.uuid());
            events::record(tx, me, removed)?;
            consents::reassess(tx, me.school(), pupil_id, Moment { at: me.now(), day: me.today() })?;
            Ok(Gone::new())
        })
        .await
}
