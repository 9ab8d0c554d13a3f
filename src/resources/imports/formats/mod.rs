//! Files as they come in, read piece by piece: memory does not grow with them.

mod bounded;
mod json;
mod oneroster;
mod table;

use std::fs::File;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::rules::{ImportFormat, ImportMode};
use crate::http::text::{Day, Email, Line, present};
use crate::policy::roles::{PersonKind, Role};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::education_sessions::YearGroup;
use crate::resources::people::Relationship;

/// The most records of one file.
const MAX_RECORDS: usize = 200_000;

/// A person as a file tells of them.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "external_id": "P-1007", "given_name": "Ada", "family_name": "Green", "kind": "pupil", "year_group": "year_3", "roles": ["pupil"],
    "guardians": [{ "external_id": "G-1007", "relationship": "parent", "has_parental_responsibility": true }]
}))]
pub struct ImportRecord {
    /// Unique in the source.
    #[validate(nested)]
    #[schema(inline)]
    pub external_id: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub given_name: Line<100>,
    #[validate(nested)]
    #[schema(inline)]
    pub family_name: Line<100>,
    /// Absent: the person has none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub email: Option<Email>,
    /// Absent: as it is on record; somebody new needs one.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kind: Option<PersonKind>,
    /// A pupil's; absent: none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    /// All roles out of staff, volunteer, `parent_carer`, pupil and governor that the person is to hold. Absent: all roles
    /// stay.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 12))]
    #[schema(max_items = 12, nullable = false)]
    pub roles: Option<Vec<Role>>,
    /// The first day on which the person is no longer at the school; absent: what is on record stays.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left_on: Option<Day>,
    /// A pupil's. Absent, or one of them not named: what is on record stays.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20, nullable = false)]
    pub guardians: Option<Vec<ImportGuardian>>,
}

/// Somebody who is a pupil's guardian.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportGuardian {
    #[validate(nested)]
    #[schema(inline)]
    pub external_id: Line<100>,
    /// Absent: as it is on record; else by their role in the file, else `other`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub relationship: Option<Relationship>,
    /// Absent: as it is on record; nobody gets it by not being asked.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub has_parental_responsibility: Option<bool>,
}

/// A list of people.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [{
    "external_id": "P-1007", "given_name": "Ada", "family_name": "Green", "kind": "pupil", "year_group": "year_3", "roles": ["pupil"],
    "guardians": [{ "external_id": "G-1007", "relationship": "parent", "has_parental_responsibility": true }]
}] }))]
#[allow(dead_code, reason = "for the document: the file is read record by record")]
pub struct ImportDocument {
    #[schema(max_items = 200_000)]
    pub items: Vec<ImportRecord>,
}

/// Which roles a roster gives to somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterRoles {
    /// These are all, of those that a roster gives.
    pub all: bool,
    pub granted: Vec<Role>,
    pub revoked: Vec<Role>,
}

/// What a file says of one person, as it waits to be dealt with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    /// Absent: of them nothing is said but their roles, or that they are gone.
    pub record: Option<ImportRecord>,
    pub gone: bool,
    /// Of a roster, whose roles stand in a file of their own.
    pub roster: Option<RosterRoles>,
    /// The table has no column of e-mail addresses, or of year groups: what is on record stays.
    #[serde(default)]
    pub no_email: bool,
    #[serde(default)]
    pub no_year_group: bool,
}

/// A person of a file.
#[derive(Clone, Debug)]
pub struct PersonPiece {
    /// Empty where it cannot be told.
    pub external_id: String,
    pub said: Result<Said, Problem>,
    pub guardians: Vec<ImportGuardian>,
}

/// A role that a roster gives to somebody, or takes away.
#[derive(Clone, Debug)]
pub struct RolePiece {
    pub external_id: String,
    /// None where it is left to a person to grant it.
    pub role: Option<Role>,
    /// The role that a person has to grant.
    pub withheld: Option<Role>,
    pub relationship: Option<Relationship>,
    pub gone: bool,
    /// The file has all roles of everybody.
    pub all: bool,
    /// What is wrong with it: so nothing that is said of this person counts.
    pub problem: Option<Problem>,
}

/// A piece of a file.
#[derive(Clone, Debug)]
pub enum Piece {
    Person(Box<PersonPiece>),
    Role(RolePiece),
}

impl PersonPiece {
    /// Out of a record that was read, or of what was wrong with it.
    fn new(external_id: String, record: Result<ImportRecord, Problem>) -> Self {
        match record {
            Ok(mut record) => {
                let guardians = record.guardians.take().unwrap_or_default();
                let external_id = record.external_id.as_str().to_owned();
                Self { external_id, said: Ok(Said { record: Some(record), ..Said::default() }), guardians }
            }
            Err(problem) => Self::refused(external_id, problem),
        }
    }

    fn refused(external_id: String, problem: Problem) -> Self {
        let external_id = if usable(&external_id) { external_id } else { String::new() };
        Self { external_id, said: Err(problem), guardians: Vec::new() }
    }
}

/// Whether somebody can be known by this.
fn usable(external_id: &str) -> bool {
    Line::<100>::from(external_id).validate().is_ok()
}

/// Where the pieces go, a thousand at once.
pub struct Sink<'s> {
    pieces: Vec<Piece>,
    count: usize,
    send: &'s mut dyn FnMut(Vec<Piece>) -> Result<(), Problem>,
}

const CHUNK: usize = 1000;

impl Sink<'_> {
    fn push(&mut self, piece: Piece) -> Result<(), Problem> {
        self.count += 1;
        if self.count > MAX_RECORDS {
            return Err(Problem::new(Code::BodyTooLarge).detail(format!("A file has at most {MAX_RECORDS} records.")));
        }
        self.pieces.push(piece);
        if self.pieces.len() == CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Problem> {
        if self.pieces.is_empty() { Ok(()) } else { (self.send)(std::mem::take(&mut self.pieces)) }
    }
}

/// Reads a file to its end; roles that are over by `today` count as taken away.
///
/// # Errors
/// What is wrong with the file as a whole; what is wrong with a record goes with it.
pub fn read(
    file: File,
    format: ImportFormat,
    mode: ImportMode,
    today: NaiveDate,
    send: &mut dyn FnMut(Vec<Piece>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut sink = Sink { pieces: Vec::new(), count: 0, send };
    match format {
        ImportFormat::Json => json::document(file, &mut sink)?,
        ImportFormat::Ndjson => json::lines(file, &mut sink)?,
        ImportFormat::Csv => table::people(file, &mut sink)?,
        ImportFormat::OneRoster => oneroster::archive(file, mode, today, &mut sink)?,
    }
    sink.flush()
}

/// Something is wrong with the file as a whole.
fn unreadable(pointer: &str, code: &str, detail: &str) -> Problem {
    Problem::new(Code::ValidationFailed).with_errors(vec![FieldError::new(pointer, code, detail)])
}
