//! What becomes of the records of an import, so many in a transaction: how far it has come is written with what it did,
//! and so it goes on where it was stopped.

use std::collections::{HashMap, HashSet};

use chrono::{Duration, NaiveDate};

use super::formats::{RosterRoles, Said};
use super::intake::{self, Complaint};
use super::rows::{self, ABSENT_FROM, ImportRow, RecordRow};
use super::rules::{ImportState, RecordKind};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::SchoolId;
use crate::events::{self, Actor, Event, EventType};
use crate::http::text::Email;
use crate::policy::deadline::local_day;
use crate::policy::roles::{PersonKind, Role};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::people::Relationship;
use crate::resources::people::bulk::{self, Details, ItemOutcome, Key, Link, Record, Roles, Stated, Wish};
use crate::resources::people::changes::{Agent, Power};
use crate::resources::people::rows as people;
use crate::resources::people::rules::Granter;
use crate::resources::schools;
use crate::words::{joined, split};

/// How long the results of an import are kept.
const KEPT: Duration = Duration::days(30);

/// Deals with the next records of the school's import, `most` at once; says whether there is more to be done.
///
/// # Errors
/// Where the database gives none.
pub fn advance(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> Result<bool, Problem> {
    let Some(mut import) = rows::open(tx, school)? else { return Ok(false) };
    let today = local_day(*now, schools::rows::find(tx, school)?.zone());
    let agent = agent(&import, now, today);
    if import.state == ImportState::Queued && !start(tx, &mut import, &agent)? {
        return Ok(false);
    }
    let mut records = rows::after(tx, &import, most)?;
    if let Some(kind) = records.first().map(|record| record.kind) {
        records.retain(|record| record.kind == kind);
        match kind {
            RecordKind::Person | RecordKind::Absent => deal_with_people(tx, &import, &agent, &mut records)?,
            RecordKind::Guardian => deal_with_guardians(tx, &import, &agent, &mut records)?,
        }
        count(&mut import, &records);
        rows::replace(tx, school, import.id, &records)?;
    } else {
        import.state = ImportState::Completed;
        import.finished_at = Some(now);
        events::record(tx, agent.actor, Event::new(EventType::ImportCompleted, import.id.uuid()).state(import.state))?;
    }
    rows::save(tx, &mut import, now)?;
    Ok(import.state.is_open())
}

/// Whoever started it is on record for what it does; but it assigns roles as a program does, whoever that is.
fn agent(import: &ImportRow, now: Instant, today: NaiveDate) -> Agent {
    let actor = Actor {
        school: import.school_id,
        person: import.started_by,
        role: import.actor_role.clone(),
        client_id: import.client_id.clone(),
        at: now,
    };
    let power = Power { person: import.started_by, today, may_manage: true, may_invite: false, granter: Granter::Service };
    Agent { actor, power }
}

/// Writes down who is not in the file; says whether the import goes on.
fn start(tx: &mut Conn, import: &mut ImportRow, agent: &Agent) -> Result<bool, Problem> {
    let now = agent.actor.at;
    import.started_at = Some(now);
    // Between the question and the answer people come and go.
    match intake::departures(tx, import, agent.power.today) {
        Ok(absent) => {
            let absent: Vec<RecordRow> =
                (ABSENT_FROM + 1..).zip(absent).map(|(number, id)| RecordRow::absent(import, number, id)).collect();
            rows::insert_records(tx, &absent)?;
            import.total = rows::count(tx, import.school_id, import.id)?;
            import.state = ImportState::Running;
            Ok(true)
        }
        Err(problem) if problem.code() == Code::MassLeaving => {
            import.state = ImportState::Failed;
            import.finished_at = Some(now);
            import.problem = Some(serde_json::to_string(&Complaint::from(&problem)).map_err(Problem::internal)?);
            rows::forget_payloads(tx, import.school_id, import.id)?;
            rows::save(tx, import, now)?;
            let failed = Event::new(EventType::ImportFailed, import.id.uuid()).state(import.state);
            events::record(tx, agent.actor.clone(), failed)?;
            Ok(false)
        }
        Err(problem) => Err(problem),
    }
}

/// Stops an import; what it has done stays.
///
/// # Errors
/// Where the database gives none.
pub fn cancel(tx: &mut Conn, import: &mut ImportRow, by: Actor) -> Result<(), Problem> {
    let now = by.at;
    import.state = ImportState::Cancelled;
    import.finished_at = Some(now);
    rows::forget_payloads(tx, import.school_id, import.id)?;
    rows::save(tx, import, now)?;
    Ok(events::record(tx, by, Event::new(EventType::ImportCancelled, import.id.uuid()).state(import.state))?)
}

/// Forgets imports that never came in whole, and those that were finished long ago; how many.
///
/// # Errors
/// Where the database gives none.
pub fn forget(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> Result<usize, Problem> {
    let stale = rows::stale(tx, school, intake::given_up(now), now + -KEPT, most)?;
    for import in &stale {
        rows::discard(tx, school, *import)?;
    }
    Ok(stale.len())
}

fn count(import: &mut ImportRow, records: &[RecordRow]) {
    for record in records {
        *match record.outcome {
            Some(ItemOutcome::Created) => &mut import.created,
            Some(ItemOutcome::Updated) => &mut import.updated,
            Some(ItemOutcome::Left) => &mut import.departed,
            Some(ItemOutcome::Refused) => &mut import.refused,
            Some(ItemOutcome::Unchanged) | None => &mut import.unchanged,
        } += 1;
        import.position = record.number;
    }
}

fn deal_with_people(tx: &mut Conn, import: &ImportRow, agent: &Agent, records: &mut [RecordRow]) -> Result<(), Problem> {
    let ids = records.iter().map(|record| record.external_id.as_str()).collect();
    let first = rows::first_of(tx, import.school_id, import.id, ids)?;
    let (mut wishes, mut waiting) = (Vec::new(), Vec::new());
    for record in records.iter_mut().filter(|record| record.outcome.is_none()) {
        if record.kind == RecordKind::Person && first.get(&record.external_id).is_some_and(|number| *number < record.number) {
            let error = FieldError::new("/external_id", "duplicate", "This id stands in the file before; the first one counts.");
            record.refuse(&Problem::new(Code::AlreadyExists).with_errors(vec![error]))?;
        } else {
            let wish = if record.kind == RecordKind::Absent { Wish::Gone } else { wish(record.said()?) };
            let key = Key { source: import.source.clone(), id: record.external_id.clone() };
            wishes.push(Record { key, wish });
            waiting.push(record);
        }
    }
    let plans = if import.dry_run { bulk::plan(tx, agent, wishes)? } else { bulk::apply(tx, agent, wishes)? };
    for (record, plan) in waiting.into_iter().zip(plans) {
        match plan {
            Ok(change) => {
                let outcome = change.outcome();
                record.status = Some(if outcome == ItemOutcome::Created { 201 } else { 200 });
                record.outcome = Some(outcome);
                // Of a dry run, nobody is there yet.
                record.person_id = Some(change.person.row.id).filter(|_| !import.dry_run || change.old.is_some());
                let withheld: Vec<Role> = split(&record.withheld);
                record.withheld = joined(&withheld.into_iter().filter(|role| !change.person.roles.contains(role)).collect::<Vec<_>>());
            }
            // Of whom nothing is known, nothing is left to be done.
            Err(problem) if record.leaves && problem.code() == Code::NotFound => record.outcome = Some(ItemOutcome::Unchanged),
            Err(problem) => record.refuse(&problem)?,
        }
    }
    for record in records {
        record.payload = None;
    }
    Ok(())
}

fn wish(said: Said) -> Wish {
    let roster = |roster: RosterRoles| {
        if roster.all { Roles::Make(roster.granted) } else { Roles::Move { granted: roster.granted, revoked: roster.revoked } }
    };
    match (said.record, said.roster) {
        (None, Some(roles)) if !said.gone => Wish::Hold(roster(roles)),
        (None, _) => Wish::Gone,
        (Some(record), roles) => Wish::Be(Box::new(Details {
            given_name: record.given_name.into_inner(),
            family_name: record.family_name.into_inner(),
            email: if said.no_email { Stated::Nothing } else { record.email.map(Email::into_inner).into() },
            kind: record.kind,
            year_group: if said.no_year_group { Stated::Nothing } else { record.year_group.into() },
            roles: roles.map_or_else(|| record.roles.map_or(Roles::Stay, Roles::Are), roster),
            left_on: record.left_on.map(|day| day.0),
        })),
    }
}

/// Both ends of a link, as the school knows them and as the file does.
struct Ends<'e> {
    kinds: HashMap<&'e str, PersonKind>,
    in_file: &'e HashMap<String, RecordRow>,
}

impl Ends<'_> {
    /// Whether somebody is a pupil; a dry run has not made them yet.
    fn is_pupil(&self, id: &str) -> bool {
        self.kinds.get(id) == Some(&PersonKind::Pupil)
    }

    fn will_be_there(&self, id: &str) -> bool {
        self.kinds.contains_key(id) || self.in_file.get(id).is_some_and(|record| record.outcome == Some(ItemOutcome::Created))
    }
}

fn deal_with_guardians(tx: &mut Conn, import: &ImportRow, agent: &Agent, records: &mut [RecordRow]) -> Result<(), Problem> {
    let ids: HashSet<String> =
        records.iter().flat_map(|record| [Some(record.external_id.clone()), record.guardian_id.clone()]).flatten().collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let known = people::by_external_ids(tx, import.school_id, vec![import.source.as_str()], ids.clone())?;
    let in_file = rows::people_of(tx, import.school_id, import.id, ids)?;
    let ends = Ends { kinds: known.iter().map(|((_, id), person)| (id.as_str(), person.row.kind)).collect(), in_file: &in_file };
    let key = |id: &str| Key { source: import.source.clone(), id: id.to_owned() };
    let (mut links, mut waiting, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for record in records.iter_mut() {
        let (mut pupil, mut guardian) = (record.external_id.clone(), record.guardian_id.clone().unwrap_or_default());
        // A roster tells of children with their parents as of parents with their children.
        if !ends.is_pupil(&pupil) && ends.is_pupil(&guardian) {
            std::mem::swap(&mut pupil, &mut guardian);
        }
        let role = in_file.get(&guardian).and_then(|record| record.relationship);
        if !seen.insert((pupil.clone(), guardian.clone())) {
            record.outcome = Some(ItemOutcome::Unchanged);
        } else if import.dry_run
            && [&pupil, &guardian].iter().any(|id| !ends.kinds.contains_key(id.as_str()))
            && ends.will_be_there(&pupil)
            && ends.will_be_there(&guardian)
        {
            record.outcome = Some(ItemOutcome::Created);
        } else {
            links.push(Link {
                pupil: key(&pupil),
                guardian: key(&guardian),
                relationship: record.relationship,
                otherwise: role.unwrap_or(Relationship::Other),
                has_parental_responsibility: record.has_parental_responsibility,
            });
            waiting.push(record);
        }
    }
    let plans = bulk::plan_links(tx, agent, &links)?;
    if !import.dry_run {
        bulk::write_links(tx, agent, plans.iter().flatten())?;
    }
    for (record, plan) in waiting.into_iter().zip(plans) {
        match plan {
            Ok(change) => record.outcome = Some(change.outcome),
            Err(problem) => record.refuse(&problem)?,
        }
    }
    for record in records.iter_mut().filter(|record| record.status.is_none()) {
        record.status = Some(200);
    }
    Ok(())
}
