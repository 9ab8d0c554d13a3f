//! Many people as another system knows them: looked up together, decided one after another, written together. What is
//! refused leaves no trace and keeps nothing else back.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::QueryResult;

use super::changes::{Agent, Change, Teams, crosses, write};
use super::rows::{self, GuardianRow, Person, PersonRow};
use super::rules::{self, Relationship};
use crate::db::types::{PersonId, SchoolId};
use crate::db::{Conn, bulk};
use crate::events::{self, Event, EventType};
use crate::policy::roles::{PersonKind, Role};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::consents;
use crate::resources::consents::rows::Moment;
use crate::resources::education_sessions::YearGroup;
use crate::resources::publications::touch;
use crate::words::words;

words! {
    /// What became of an item.
    pub enum ItemOutcome {
        Created, Updated,
        /// It was as sent already; no trace is left.
        Unchanged,
        /// A leaving date was recorded.
        Left,
        Refused,
    }
}

/// Somebody as another system knows them: its name, and its own id of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub source: String,
    pub id: String,
}

/// What another system says of somebody.
#[derive(Clone, Debug)]
pub struct Record {
    pub key: Key,
    pub wish: Wish,
}

/// What is to become of somebody.
#[derive(Clone, Debug)]
pub enum Wish {
    Be(Box<Details>),
    /// Their roles change, and nothing else.
    Hold(Roles),
    /// They are no longer at the school, from today at the latest.
    Gone,
}

/// Which roles somebody is to hold, of those that the agent assigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Those that they hold.
    Stay,
    /// All of these.
    Are(Vec<Role>),
    /// These come, those go; and what sort of person they are follows from it.
    Move { granted: Vec<Role>, revoked: Vec<Role> },
    /// All of these, of those that a roster knows; and what sort of person they are follows from it.
    Make(Vec<Role>),
}

/// The roles that a roster knows: who helps or governs is in none.
const ROSTER: [Role; 3] = [Role::Staff, Role::ParentCarer, Role::Pupil];

impl Roles {
    /// The roles that are wanted of somebody who holds `held`, and the kind that follows from them, if it does.
    fn wanted(&self, held: &[Role]) -> (Option<Vec<Role>>, Option<PersonKind>) {
        let synced = |role: &&Role| rules::SYNCED.contains(role);
        match self {
            Self::Stay => (None, None),
            Self::Are(roles) => (Some(roles.clone()), None),
            Self::Make(roles) => {
                let kept = held.iter().filter(|role| !ROSTER.contains(role) && !roles.contains(role));
                let all: Vec<Role> = kept.chain(roles).copied().collect();
                (Some(all.iter().filter(synced).copied().collect()), kind_of(all.iter()))
            }
            Self::Move { granted, revoked } => {
                let kept = held.iter().filter(|role| !revoked.contains(role) && !granted.contains(role));
                let all: Vec<Role> = kept.chain(granted).copied().collect();
                (Some(all.iter().filter(synced).copied().collect()), kind_of(all.iter()))
            }
        }
    }
}

/// What sort of person holds these roles: whoever works at the school is staff, whatever else they are.
fn kind_of<'r>(roles: impl Iterator<Item = &'r Role>) -> Option<PersonKind> {
    let kind = |role: &Role| match role {
        Role::Pupil => Some(PersonKind::Pupil),
        Role::ParentCarer => Some(PersonKind::ParentCarer),
        Role::Governor | Role::ChairOfGovernors => Some(PersonKind::Governor),
        Role::Volunteer => Some(PersonKind::Volunteer),
        // Often somebody from outside.
        Role::Dpo => None,
        _ => Some(PersonKind::Staff),
    };
    let order = [PersonKind::Staff, PersonKind::Governor, PersonKind::Volunteer, PersonKind::ParentCarer, PersonKind::Pupil];
    let kinds: Vec<PersonKind> = roles.filter_map(kind).collect();
    order.into_iter().find(|one| kinds.contains(one))
}

/// What a system says of something that people have or have not.
#[derive(Clone, Debug)]
pub enum Stated<T> {
    As(Option<T>),
    /// It does not know: what is on record stays.
    Nothing,
}

impl<T> From<Option<T>> for Stated<T> {
    fn from(value: Option<T>) -> Self {
        Self::As(value)
    }
}

impl<T> Stated<T> {
    fn or(self, on_record: Option<T>) -> Option<T> {
        match self {
            Self::As(value) => value,
            Self::Nothing => on_record,
        }
    }
}

/// Everything that is said of somebody.
#[derive(Clone, Debug)]
pub struct Details {
    pub given_name: String,
    pub family_name: String,
    pub email: Stated<String>,
    /// Absent: as the roles say, else as it is.
    pub kind: Option<PersonKind>,
    /// Only a pupil's counts where the kind follows from the roles.
    pub year_group: Stated<YearGroup>,
    pub roles: Roles,
    /// Absent: the date on record stays.
    pub left_on: Option<NaiveDate>,
}

impl Change {
    /// What it is to whoever asked for it.
    pub fn outcome(&self) -> ItemOutcome {
        match &self.old {
            None => ItemOutcome::Created,
            Some(_) if self.is_empty() => ItemOutcome::Unchanged,
            Some(_) if self.leaves() => ItemOutcome::Left,
            Some(_) => ItemOutcome::Updated,
        }
    }
}

fn duplicate() -> Problem {
    let error = FieldError::new("/external_id", "duplicate", "This id stands here before; the first one counts.");
    Problem::new(Code::AlreadyExists).with_errors(vec![error])
}

/// Those of whom something is known here.
fn known<'k>(tx: &mut Conn, school: SchoolId, keys: impl Iterator<Item = &'k Key>) -> QueryResult<HashMap<Key, Person>> {
    let (sources, ids): (HashSet<&str>, HashSet<&str>) = keys.map(|key| (key.source.as_str(), key.id.as_str())).unzip();
    let found = rows::by_external_ids(tx, school, Vec::from_iter(sources), Vec::from_iter(ids))?;
    Ok(found.into_iter().map(|((source, id), person)| (Key { source, id }, person)).collect())
}

/// Decides what becomes of everybody, each as if those before had happened: a change, or why not. Nothing is written.
///
/// # Errors
/// Where the database gives none.
pub fn plan(tx: &mut Conn, agent: &Agent, records: Vec<Record>) -> Result<Vec<Result<Change, Problem>>, Problem> {
    let school = agent.actor.school;
    let mut known = known(tx, school, records.iter().map(|record| &record.key))?;
    let crossing: Vec<PersonId> = records
        .iter()
        .filter_map(|record| {
            let person = known.get(&record.key)?;
            let (_, kind) = record.wish.of(&person.roles);
            crosses(person.row.kind, kind?).then_some(person.row.id)
        })
        .collect();
    let linked = if crossing.is_empty() { HashSet::new() } else { rows::with_guardian_links(tx, school, &crossing)? };
    let (mut seen, mut teams) = (HashSet::new(), Teams::default());
    let mut plans = Vec::with_capacity(records.len());
    for record in records {
        if !seen.insert(record.key.clone()) {
            plans.push(Err(duplicate()));
            continue;
        }
        let person = known.remove(&record.key);
        let plan = decide(agent, record, person, &linked).and_then(|change| teams.admit(tx, agent, &change).map(|()| change));
        match plan {
            Err(problem) if problem.code().status() >= 500 => return Err(problem),
            plan => plans.push(plan),
        }
    }
    keep_addresses(tx, agent, &mut plans)?;
    Ok(plans)
}

/// An external issuer's token for an address that two have lets neither in: nobody else gets that of somebody guarded.
fn keep_addresses(tx: &mut Conn, agent: &Agent, plans: &mut [Result<Change, Problem>]) -> QueryResult<()> {
    let new: Vec<String> = plans.iter().flatten().filter_map(Change::new_address).map(str::to_owned).collect();
    if new.is_empty() || agent.power.granter.lets_anybody_in() {
        return Ok(());
    }
    let guarded = rows::guarded_addresses(tx, agent.actor.school, new, agent.power.today)?;
    for plan in plans {
        if plan.as_ref().is_ok_and(|change| change.new_address().is_some_and(|address| guarded.contains(address))) {
            let error = FieldError::new("/email", "taken", "Somebody who holds a privileged role, or can act for the headteacher, has it.");
            *plan = Err(Problem::new(Code::AlreadyExists).with_errors(vec![error]));
        }
    }
    Ok(())
}

/// The change, unless it brings somebody the address of somebody guarded.
///
/// # Errors
/// 409 where it does.
pub fn with_free_address(tx: &mut Conn, agent: &Agent, change: Change) -> Result<Change, Problem> {
    let mut plan = [Ok(change)];
    keep_addresses(tx, agent, &mut plan)?;
    let [plan] = plan;
    plan
}

impl Wish {
    /// The roles that it asks of somebody who holds `held`, and the kind.
    fn of(&self, held: &[Role]) -> (Option<Vec<Role>>, Option<PersonKind>) {
        match self {
            Self::Be(details) => {
                let (roles, kind) = details.roles.wanted(held);
                (roles, details.kind.or(kind))
            }
            Self::Hold(roles) => roles.wanted(held),
            Self::Gone => (None, None),
        }
    }
}

fn decide(agent: &Agent, record: Record, person: Option<Person>, linked: &HashSet<PersonId>) -> Result<Change, Problem> {
    let old = person.as_ref().map(|person| person.row.clone());
    let (roles, kind) = record.wish.of(person.as_ref().map_or(&[], |person| &person.roles));
    let Some(kind) = kind.or(old.as_ref().map(|row| row.kind)) else {
        // Whoever is gone, or changes, has to be known; whoever is new has to be something.
        return Err(match record.wish {
            Wish::Be(_) => Problem::invalid("/kind", "missing", "Nothing says what sort of person this is."),
            _ => Problem::not_found(),
        });
    };
    let mut person = match (person, &record.wish) {
        (Some(person), _) => person,
        (None, Wish::Be(_)) => Person { row: new_row(agent, record.key, kind), roles: Vec::new(), whole: true, escalation_contact: false },
        (None, _) => return Err(Problem::not_found()),
    };
    let mut left_on = None;
    match record.wish {
        Wish::Gone => left_on = Some(agent.power.today),
        Wish::Hold(_) => person.row.kind = kind,
        Wish::Be(details) => {
            left_on = details.left_on;
            let row = &mut person.row;
            row.given_name = details.given_name;
            row.family_name = details.family_name;
            row.email = details.email.or(row.email.take());
            row.kind = kind;
            // What nobody says anew cannot be wrong.
            let only_pupils = details.kind.is_none() || matches!(details.year_group, Stated::Nothing);
            row.year_group = details.year_group.or(row.year_group).filter(|_| !only_pupils || kind == PersonKind::Pupil);
        }
    }
    let linked = linked.contains(&person.row.id);
    let change = Change::of_details(&agent.power, old, person, roles.as_deref(), linked)?;
    match left_on {
        Some(day) if rules::comes_to_leave(&agent.power.standing(&change.person), day)? => Ok(change.leaving(day)),
        Some(_) => Ok(change),
        // Whoever is named as being there must not stay locked out without a word.
        None => rules::is_there(&agent.power.standing(&change.person)).map(|()| change),
    }
}

/// Somebody whom nothing is known of yet but by whom they are known.
fn new_row(agent: &Agent, key: Key, kind: PersonKind) -> PersonRow {
    PersonRow {
        school_id: agent.actor.school,
        id: PersonId::new(),
        given_name: String::new(),
        family_name: String::new(),
        email: None,
        kind,
        external_source: Some(key.source),
        external_id: Some(key.id),
        left_on: None,
        version: 1,
        created_at: agent.actor.at,
        updated_at: agent.actor.at,
        year_group: None,
    }
}

/// Decides and writes.
///
/// # Errors
/// Where the database gives none.
pub fn apply(tx: &mut Conn, agent: &Agent, records: Vec<Record>) -> Result<Vec<Result<Change, Problem>>, Problem> {
    let mut plans = plan(tx, agent, records)?;
    write(tx, agent, plans.iter_mut().flatten().filter(|change| !change.is_empty()))?;
    Ok(plans)
}

/// Somebody's being a pupil's guardian, as another system says.
#[derive(Clone, Debug)]
pub struct Link {
    pub pupil: Key,
    pub guardian: Key,
    /// Absent where the system does not know: what is on record stays.
    pub relationship: Option<Relationship>,
    /// Where nothing is on record either.
    pub otherwise: Relationship,
    /// Absent where the system does not know: what is on record stays, and nobody gets parental responsibility by it.
    pub has_parental_responsibility: Option<bool>,
}

/// What becomes of a link.
#[derive(Clone, Debug)]
pub struct LinkChange {
    pub link: GuardianRow,
    pub outcome: ItemOutcome,
}

/// Decides what becomes of links. A pupil or a guardian whom nobody knows is refused.
///
/// # Errors
/// Where the database gives none.
pub fn plan_links(tx: &mut Conn, agent: &Agent, links: &[Link]) -> Result<Vec<Result<LinkChange, Problem>>, Problem> {
    let school = agent.actor.school;
    let known = known(tx, school, links.iter().flat_map(|link| [&link.pupil, &link.guardian]))?;
    let known: HashMap<Key, PersonRow> = known.into_iter().map(|(key, person)| (key, person.row)).collect();
    let pupils: Vec<PersonId> = links.iter().filter_map(|link| Some(known.get(&link.pupil)?.id)).collect();
    let on_file = rows::guardian_links(tx, school, &pupils)?;
    let mut seen = HashSet::new();
    let decide = |link: &Link| {
        let unknown = |pointer| Problem::invalid(pointer, "unknown", "There is no such person for this caller.");
        let pupil = known.get(&link.pupil).ok_or_else(|| unknown("/pupil/external_id"))?;
        let guardian = known.get(&link.guardian).ok_or_else(|| unknown("/guardian/external_id"))?;
        if !seen.insert((pupil.id, guardian.id)) {
            let error = FieldError::new("/guardian/external_id", "duplicate", "This link stands here before; the first one counts.");
            return Err(Problem::new(Code::AlreadyExists).with_errors(vec![error]));
        }
        let on_file = on_file.get(&(pupil.id, guardian.id));
        let relationship = link.relationship.or(on_file.map(|link| link.relationship)).unwrap_or(link.otherwise);
        link_of(agent, (relationship, link.has_parental_responsibility), pupil, guardian, on_file)
    };
    Ok(links.iter().map(decide).collect())
}

/// The link as it is to be: on record, as a pupil and a guardian are found.
///
/// # Errors
/// 409 where the one is no pupil or the other is.
pub fn link_of(
    agent: &Agent,
    (relationship, said): (Relationship, Option<bool>),
    pupil: &PersonRow,
    guardian: &PersonRow,
    on_file: Option<&GuardianRow>,
) -> Result<LinkChange, Problem> {
    rules::guardian(pupil.kind, guardian.kind)?;
    let row = GuardianRow {
        school_id: agent.actor.school,
        pupil_id: pupil.id,
        guardian_id: guardian.id,
        relationship,
        has_parental_responsibility: said.unwrap_or_else(|| on_file.is_some_and(|link| link.has_parental_responsibility)),
        created_at: on_file.map_or(agent.actor.at, |link| link.created_at),
    };
    let outcome = match on_file {
        None => ItemOutcome::Created,
        Some(link) if *link == row => ItemOutcome::Unchanged,
        Some(_) => ItemOutcome::Updated,
    };
    Ok(LinkChange { link: row, outcome })
}

/// Writes links, with what follows for consents: who decides for these children has changed.
///
/// # Errors
/// Where the database gives none.
pub fn write_links<'c>(tx: &mut Conn, agent: &Agent, changes: impl IntoIterator<Item = &'c LinkChange>) -> Result<(), Problem> {
    let real = changes.into_iter().filter(|change| change.outcome != ItemOutcome::Unchanged);
    let links: Vec<GuardianRow> = real.map(|change| change.link.clone()).collect();
    if links.is_empty() {
        return Ok(());
    }
    bulk::upsert_guardians(tx, &links)?;
    let set = |link: &GuardianRow| Event::new(EventType::GuardianSet, link.pupil_id.uuid()).related("guardian", link.guardian_id.uuid());
    events::record_all(tx, agent.actor.clone(), links.iter().map(set).collect())?;
    let pupils: Vec<PersonId> = links.iter().map(|link| link.pupil_id).collect();
    for pupil in touch::concerned(tx, agent.actor.school, &pupils)? {
        consents::reassess(tx, agent.actor.school, pupil, Moment { at: agent.actor.at, day: agent.power.today })?;
    }
    Ok(())
}
