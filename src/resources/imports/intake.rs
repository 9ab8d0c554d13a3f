//! A file on its way into the database: laid down record by record, then admitted as a whole or not at all.

use std::collections::HashMap;
use std::fs::File;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::formats::{self, PersonPiece, Piece, RolePiece, RosterRoles, Said};
use super::rows::{self, GUARDIANS_FROM, ImportRow, RecordRow};
use super::rules::{self, ImportFormat, ImportMode, ImportState, RecordKind};
use crate::clock::Instant;
use crate::db::types::ImportId;
use crate::db::{Conn, Db};
use crate::events::{self, Actor, Event, EventType};
use crate::policy::roles::Role;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::people::bulk::ItemOutcome;
use crate::words::{joined, split};

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct Order {
    pub source: String,
    pub format: ImportFormat,
    pub mode: ImportMode,
    pub dry_run: bool,
    pub confirm_leaving: Option<i64>,
}

impl Order {
    /// An import that is none yet.
    fn begin(self, by: &Actor) -> ImportRow {
        ImportRow {
            school_id: by.school,
            id: ImportId::new(),
            source: self.source,
            format: self.format,
            mode: self.mode,
            dry_run: self.dry_run,
            state: ImportState::Queued,
            confirm_leaving: self.confirm_leaving,
            leaving: 0,
            total: 0,
            position: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            departed: 0,
            refused: 0,
            started_by: by.person,
            actor_role: by.role.clone(),
            client_id: by.client_id.clone(),
            problem: None,
            received_at: None,
            started_at: None,
            finished_at: None,
            version: 1,
            created_at: by.at,
            updated_at: by.at,
        }
    }
}

/// Why a record was refused, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Complaint {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl From<&Problem> for Complaint {
    fn from(problem: &Problem) -> Self {
        Self { code: problem.code().name().to_owned(), detail: problem.explanation(), errors: problem.errors().to_vec() }
    }
}

impl RecordRow {
    fn new(import: &ImportRow, kind: RecordKind, number: i64, external_id: String) -> Self {
        Self {
            school_id: import.school_id,
            import_id: import.id,
            number,
            kind,
            external_id,
            guardian_id: None,
            relationship: None,
            has_parental_responsibility: None,
            leaves: false,
            payload: None,
            outcome: None,
            status: None,
            problem: None,
            withheld: String::new(),
            person_id: None,
        }
    }

    /// Somebody who is not in the file.
    pub fn absent(import: &ImportRow, number: i64, external_id: String) -> Self {
        Self { leaves: true, ..Self::new(import, RecordKind::Absent, number, external_id) }
    }

    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn refuse(&mut self, problem: &Problem) -> Result<(), Problem> {
        self.outcome = Some(ItemOutcome::Refused);
        self.status = Some(problem.code().status().into());
        self.problem = Some(json(&Complaint::from(problem))?);
        Ok(())
    }

    /// What the file says of this person.
    ///
    /// # Errors
    /// Where nothing is kept of it.
    pub fn said(&self) -> Result<Said, Problem> {
        serde_json::from_str(self.payload.as_deref().unwrap_or_default()).map_err(Problem::internal)
    }
}

fn json(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(Problem::internal)
}

/// Lays a file down, a thousand records in a transaction. What comes to nothing leaves nothing; after a kill in between
/// a job sweeps it out.
///
/// # Errors
/// What is wrong with the file as a whole.
pub async fn lay_down(db: &Db, file: File, order: Order, by: &Actor) -> Result<ImportRow, Problem> {
    let today = by.at.date_naive();
    let (format, mode, import) = (order.format, order.mode, order.begin(by));
    let (school, row) = (import.school_id, import.clone());
    db.write(school.uuid(), move |tx| Ok::<_, Problem>(rows::insert(tx, &row)?)).await?;
    // The reader waits for the database: no more than two chunks are in memory.
    let (send, mut chunks) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || {
        let mut send = |chunk| send.blocking_send(chunk).map_err(|_| Problem::internal("nobody lays down what is read"));
        formats::read(file, format, mode, today, &mut send)
    });
    let mut counts = Counts::default();
    let mut laid: Result<(), Problem> = Ok(());
    while let Some(chunk) = chunks.recv().await {
        let row = import.clone();
        match db.write(school.uuid(), move |tx| stage(tx, &row, chunk, counts)).await {
            Ok(after) => counts = after,
            Err(problem) => {
                laid = Err(problem);
                break;
            }
        }
    }
    drop(chunks);
    let read = reading.await.map_err(Problem::internal).flatten();
    match laid.and(read) {
        Ok(()) => Ok(import),
        Err(problem) => {
            discard(db, &import).await?;
            Err(problem)
        }
    }
}

/// Leaves nothing of an import that was not admitted.
///
/// # Errors
/// Where the database gives none.
pub async fn discard(db: &Db, import: &ImportRow) -> Result<(), Problem> {
    let (school, id) = (import.school_id, import.id);
    // One whose admission was committed before the connection broke is at work.
    let if_not_admitted = move |tx: &mut Conn| if rows::is_admitted(tx, school, id)? { Ok(()) } else { rows::discard(tx, school, id) };
    db.write(school.uuid(), move |tx| if_not_admitted(tx).map_err(Problem::from)).await
}

/// Makes an import of what was laid down.
///
/// # Errors
/// 409 where another is not finished, or where too many would leave by it; 422 where a record of a snapshot does not say
/// whom it is about.
pub fn admit(tx: &mut Conn, import: &mut ImportRow, by: &Actor, today: NaiveDate) -> Result<(), Problem> {
    if rows::open(tx, import.school_id)?.is_some() {
        return Err(Problem::new(Code::ImportInProgress));
    }
    let is_snapshot = import.mode == ImportMode::Snapshot;
    if is_snapshot && rows::has_nameless(tx, import.school_id, import.id)? {
        let detail = "A record does not say whom it is about: that person would count as gone. Mend it, or send an upsert.";
        return Err(Problem::invalid("/external_id", "missing", detail));
    }
    let absent = departures(tx, import, today)?;
    import.total = rows::count(tx, import.school_id, import.id)? + i64::try_from(absent.len()).unwrap_or(i64::MAX);
    import.received_at = Some(by.at);
    rows::save(tx, import, by.at)?;
    Ok(events::record(tx, by.clone(), Event::new(EventType::ImportStarted, import.id.uuid()).state(import.state))?)
}

/// Counts who leaves by an import, and gives those who are not in the file.
///
/// # Errors
/// 409 where they are too many and were not counted.
pub fn departures(tx: &mut Conn, import: &mut ImportRow, today: NaiveDate) -> Result<Vec<String>, Problem> {
    let (present, said) = rows::leaving(tx, import, today)?;
    let absent = if import.mode == ImportMode::Snapshot { rows::absent(tx, import, today)? } else { Vec::new() };
    import.leaving = said + i64::try_from(absent.len()).unwrap_or(i64::MAX);
    if import.dry_run || rules::may_leave(import.leaving, present, import.confirm_leaving) {
        return Ok(absent);
    }
    let leaving = import.leaving;
    let detail = format!("{leaving} of {present} people would leave. If that is so, send it again with confirm_leaving={leaving}.");
    Err(Problem::new(Code::MassLeaving).detail(detail))
}

/// How many records were laid down.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    people: i64,
    guardians: i64,
}

fn stage(tx: &mut Conn, import: &ImportRow, chunk: Vec<Piece>, mut counts: Counts) -> Result<Counts, Problem> {
    let (mut records, mut roles) = (Vec::new(), Vec::new());
    for piece in chunk {
        match piece {
            Piece::Person(person) => lay(import, *person, &mut counts, &mut records)?,
            Piece::Role(role) => roles.push(role),
        }
    }
    rows::insert_records(tx, &records)?;
    if !roles.is_empty() {
        assign(tx, import, roles, &mut counts)?;
    }
    Ok(counts)
}

fn lay(import: &ImportRow, person: PersonPiece, counts: &mut Counts, records: &mut Vec<RecordRow>) -> Result<(), Problem> {
    counts.people += 1;
    let mut record = RecordRow::new(import, RecordKind::Person, counts.people, person.external_id.clone());
    match person.said {
        Ok(said) => {
            record.leaves = said.gone || said.record.as_ref().is_some_and(|record| record.left_on.is_some());
            record.payload = Some(json(&said)?);
        }
        Err(problem) => record.refuse(&problem)?,
    }
    records.push(record);
    for guardian in person.guardians {
        counts.guardians += 1;
        let number = GUARDIANS_FROM + counts.guardians;
        records.push(RecordRow {
            guardian_id: Some(guardian.external_id.into_inner()),
            relationship: guardian.relationship,
            has_parental_responsibility: guardian.has_parental_responsibility,
            ..RecordRow::new(import, RecordKind::Guardian, number, person.external_id.clone())
        });
    }
    Ok(())
}

/// Adds to people the roles that a roster gives them in a file of their own.
fn assign(tx: &mut Conn, import: &ImportRow, roles: Vec<RolePiece>, counts: &mut Counts) -> Result<(), Problem> {
    let ids = roles.iter().map(|role| role.external_id.as_str()).collect();
    let mut known = rows::people_of(tx, import.school_id, import.id, ids)?;
    let mut changed: HashMap<String, (RecordRow, Said)> = HashMap::new();
    for role in roles {
        if !changed.contains_key(&role.external_id) {
            let record = match known.remove(&role.external_id) {
                Some(record) => Ok(record),
                None => unnamed(import, &role, counts),
            }?;
            let said = if record.payload.is_some() { record.said()? } else { Said::default() };
            changed.insert(role.external_id.clone(), (record, said));
        }
        if let Some((record, said)) = changed.get_mut(&role.external_id) {
            apply(role, record, said)?;
        }
    }
    let mut records = Vec::with_capacity(changed.len());
    for (mut record, said) in changed.into_values() {
        if record.payload.is_some() {
            record.payload = Some(json(&said)?);
        }
        records.push(record);
    }
    Ok(rows::replace(tx, import.school_id, import.id, &records)?)
}

/// Somebody whom the file of users does not name: in a delta, only their roles have changed.
fn unnamed(import: &ImportRow, role: &RolePiece, counts: &mut Counts) -> Result<RecordRow, Problem> {
    counts.people += 1;
    let mut record = RecordRow::new(import, RecordKind::Person, counts.people, role.external_id.clone());
    if role.all {
        record.refuse(&Problem::invalid("/userSourcedId", "unknown", "The file of users does not hold this person."))?;
    } else {
        record.payload = Some(json(&Said { roster: Some(RosterRoles::default()), ..Said::default() })?);
    }
    Ok(record)
}

fn apply(role: RolePiece, record: &mut RecordRow, said: &mut Said) -> Result<(), Problem> {
    // Whoever is gone has no roles.
    let Some(roster) = &mut said.roster else { return Ok(()) };
    if let Some(problem) = role.problem {
        record.payload = None;
        return record.refuse(&problem);
    }
    if let Some(known) = role.role {
        let list = if role.gone { &mut roster.revoked } else { &mut roster.granted };
        if !list.contains(&known) {
            list.push(known);
        }
    }
    if role.gone {
        return Ok(());
    }
    if let Some(withheld) = role.withheld {
        let mut all: Vec<Role> = split(&record.withheld);
        all.push(withheld);
        record.withheld = joined(&all);
    }
    record.relationship = record.relationship.or(role.relationship);
    Ok(())
}

/// When a file that did not come in whole is swept out.
pub fn given_up(now: Instant) -> Instant {
    now + -chrono::Duration::hours(1)
}
