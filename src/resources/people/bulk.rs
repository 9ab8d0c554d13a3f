//! Many people as another system knows them: looked up together, decided one after another, written together. What is
//! refused leaves no trace and keeps nothing else back.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::changes::{Agent, Change, Teams, crosses, write};
use super::rows::{self, GuardianRow, Person, PersonRow};
use super::rules::{self, Relationship};
use crate::db::types::PersonId;
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
    /// They are no longer at the school, from today at the latest.
    Gone,
}

/// Everything that is said of somebody.
#[derive(Clone, Debug)]
pub struct Details {
    pub given_name: String,
    pub family_name: String,
    pub email: Option<String>,
    pub kind: PersonKind,
    pub year_group: Option<YearGroup>,
    /// All roles of those that the agent assigns; absent: they stay.
    pub roles: Option<Vec<Role>>,
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

/// Decides what becomes of everybody, each as if those before had happened: a change, or why not. Nothing is written.
///
/// # Errors
/// Where the database gives none.
pub fn plan(tx: &mut Conn, agent: &Agent, records: Vec<Record>) -> Result<Vec<Result<Change, Problem>>, Problem> {
    let school = agent.actor.school;
    let known = {
        let sources: HashSet<&str> = records.iter().map(|record| record.key.source.as_str()).collect();
        rows::by_external_ids(tx, school, sources, records.iter().map(|record| record.key.id.as_str()).collect())?
    };
    let mut known: HashMap<Key, Person> = known.into_iter().map(|((source, id), person)| (Key { source, id }, person)).collect();
    let crossing: Vec<PersonId> = records
        .iter()
        .filter_map(|record| {
            let (Wish::Be(details), Some(person)) = (&record.wish, known.get(&record.key)) else { return None };
            crosses(person.row.kind, details.kind).then_some(person.row.id)
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
    Ok(plans)
}

fn decide(agent: &Agent, record: Record, person: Option<Person>, linked: &HashSet<PersonId>) -> Result<Change, Problem> {
    let (details, left_on) = match record.wish {
        Wish::Be(details) => {
            let left_on = details.left_on;
            (Some(*details), left_on)
        }
        Wish::Gone => (None, Some(agent.power.today)),
    };
    let change = match (details, person) {
        (None, None) => return Err(Problem::not_found()),
        (None, Some(person)) => Change::of_roles(person, rules::Shift::default()),
        (Some(details), None) => {
            let row = PersonRow {
                school_id: agent.actor.school,
                id: PersonId::new(),
                given_name: details.given_name,
                family_name: details.family_name,
                email: details.email,
                kind: details.kind,
                external_source: Some(record.key.source),
                external_id: Some(record.key.id),
                left_on: None,
                version: 1,
                created_at: agent.actor.at,
                updated_at: agent.actor.at,
                year_group: details.year_group,
            };
            let roles = details.roles.unwrap_or_default();
            Change::of_details(&agent.power, None, Person { row, roles: Vec::new(), whole: true }, Some(&roles), false)?
        }
        (Some(details), Some(mut person)) => {
            let old = person.row.clone();
            let row = &mut person.row;
            row.given_name = details.given_name;
            row.family_name = details.family_name;
            row.email = details.email;
            row.kind = details.kind;
            row.year_group = details.year_group;
            let linked = linked.contains(&row.id);
            Change::of_details(&agent.power, Some(old), person, details.roles.as_deref(), linked)?
        }
    };
    match left_on {
        Some(day) if rules::comes_to_leave(&agent.power.standing(&change.person), day)? => Ok(change.leaving(day)),
        _ => Ok(change),
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
    pub relationship: Relationship,
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
    let keys = || links.iter().flat_map(|link| [&link.pupil, &link.guardian]);
    let known =
        rows::by_external_ids(tx, school, keys().map(|key| key.source.as_str()).collect(), keys().map(|key| key.id.as_str()).collect())?;
    let known: HashMap<Key, PersonRow> = known.into_iter().map(|((source, id), person)| (Key { source, id }, person.row)).collect();
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
        link_of(agent, (link.relationship, link.has_parental_responsibility), pupil, guardian, on_file.get(&(pupil.id, guardian.id)))
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
        relationship: on_file.filter(|_| said.is_none()).map_or(relationship, |link| link.relationship),
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
    let changed = changes.into_iter().filter(|change| change.outcome != ItemOutcome::Unchanged);
    let links: Vec<GuardianRow> = changed.map(|change| change.link.clone()).collect();
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
