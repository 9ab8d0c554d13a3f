//! 1EdTech OneRoster 1.1 and 1.2 in CSV, in a zip: `manifest.csv`, `users.csv`, and in 1.2 `roles.csv`. Of what else is in
//! the archive only `orgs.csv` is looked at: people of several schools must not end up in one. Passwords are not read.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek};

use chrono::NaiveDate;
use zip::ZipArchive;
use zip::read::{Config, ZipFile};
use zip::unstable::read::ZipIterable;

use super::table::{self, Table};
use super::{ImportGuardian, PersonPiece, Piece, RolePiece, RosterRoles, Said, Sink, unreadable, usable};
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::education_sessions::YearGroup;
use crate::resources::imports::rules::ImportMode;
use crate::resources::people::Relationship;

/// An archive has about twenty files.
const MAX_ENTRIES: usize = 100;
/// All that is unpacked of an archive.
const MAX_UNPACKED: u64 = 512 << 20;
/// Organisations other than the school, of which one export tells a few.
const MAX_ORGS: usize = 1000;

/// How a file tells of things: all of them, or what has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Bulk,
    Delta,
}

struct Manifest {
    users: Way,
    /// Absent in 1.1, where users have their role beside them.
    roles: Option<Way>,
    orgs: bool,
}

fn broken(error: impl std::fmt::Display) -> Problem {
    tracing::debug!(%error, "an archive cannot be read");
    unreadable("", "not_an_archive", "The zip archive is damaged, encrypted or compressed in another way than by deflate.")
}

pub fn archive(mut file: File, mode: ImportMode, today: NaiveDate, sink: &mut Sink) -> Result<(), Problem> {
    // The list of files is read into memory as a whole: how many there are is asked first.
    if ZipIterable::try_new(BufReader::new(&mut file), Config::default()).map_err(broken)?.len() > MAX_ENTRIES {
        return Err(unreadable("", "too_many_files", "The archive holds more than 100 files."));
    }
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let mut left = MAX_UNPACKED;
    let manifest = manifest(&mut archive, &mut left)?;
    if mode == ImportMode::Snapshot && (manifest.users == Way::Delta || manifest.roles == Some(Way::Delta)) {
        return Err(unreadable("manifest.csv", "not_everybody", "A delta does not name everybody: it cannot be a snapshot."));
    }
    let mut schools = Schools::default();
    if manifest.orgs {
        left = schools.read(open(&mut archive, "orgs.csv", &mut left)?)?;
    }
    let users = open(&mut archive, "users.csv", &mut left)?;
    let (after, there) = self::users(users, manifest.users, manifest.roles, &mut schools, sink)?;
    left = after;
    if let Some(way) = manifest.roles {
        let given = roles(open(&mut archive, "roles.csv", &mut left)?, way, today, &mut schools, sink)?;
        if way == Way::Bulk && there > 0 && given == 0 {
            return Err(unreadable("roles.csv", "no_roles", "Nobody has a role: everybody would lose theirs."));
        }
    }
    Ok(())
}

type Entry<'a, R> = Table<ZipFile<'a, R>>;

fn open<'a, R: Read + Seek>(archive: &'a mut ZipArchive<R>, name: &str, left: &mut u64) -> Result<Entry<'a, R>, Problem> {
    let Some(at) = archive.index_for_name(name) else {
        return Err(unreadable(name, "missing_file", "The archive does not hold this file at its root."));
    };
    Table::open(name, archive.by_index(at).map_err(broken)?, *left)
}

fn manifest<R: Read + Seek>(archive: &mut ZipArchive<R>, left: &mut u64) -> Result<Manifest, Problem> {
    let mut table = open(archive, "manifest.csv", left)?;
    table.require(&["propertyName", "value"])?;
    let (mut users, mut roles, mut orgs) = (None, None, None);
    while table.advance()? {
        let (Some(name), Some(value)) = (table.cell("propertyName"), table.cell("value")) else { continue };
        let file = match name {
            "file.users" => &mut users,
            "file.roles" => &mut roles,
            "file.orgs" => &mut orgs,
            "oneroster.version" if !matches!(value, "1.1" | "1.2") => {
                return Err(unreadable("manifest.csv", "unknown_version", "Only OneRoster 1.1 and 1.2 are known here."));
            }
            _ => continue,
        };
        *file = match value {
            "bulk" => Some(Way::Bulk),
            "delta" => Some(Way::Delta),
            "absent" => None,
            _ => return Err(unreadable("manifest.csv", "unknown_word", "A file is bulk, delta or absent.")),
        };
    }
    *left = table.left();
    let Some(users) = users else { return Err(unreadable("manifest.csv", "missing_file", "The manifest does not name users.csv.")) };
    Ok(Manifest { users, roles, orgs: orgs.is_some() })
}

/// The schools of an archive: people of several do not come into one.
#[derive(Default)]
struct Schools {
    /// Authorities, departments and whatever else is none.
    others: HashSet<String>,
    /// The school, as soon as something belongs to one.
    school: Option<String>,
}

impl Schools {
    fn read<R: Read>(&mut self, mut table: Table<R>) -> Result<u64, Problem> {
        table.require(&["sourcedId", "type"])?;
        while table.advance()? {
            let Some(id) = table.cell("sourcedId").filter(|_| table.cell("status") != Some("tobedeleted")) else { continue };
            if table.cell("type") == Some("school") {
                self.belongs(table.name(), Some(id))?;
            } else if self.others.len() == MAX_ORGS {
                return Err(unreadable("orgs.csv", "several_schools", "Export one school at a time."));
            } else {
                self.others.insert(id.to_owned());
            }
        }
        Ok(table.left())
    }

    /// Somebody belongs to this organisation, where it is one: a child can be registered at two schools.
    fn belongs(&mut self, file: &str, org: Option<&str>) -> Result<(), Problem> {
        let Some(org) = org.filter(|org| !org.contains(',') && !self.others.contains(*org)) else { return Ok(()) };
        match &self.school {
            Some(school) if school != org => Err(unreadable(file, "several_schools", "Export one school at a time.")),
            Some(_) => Ok(()),
            None => {
                self.school = Some(org.to_owned());
                Ok(())
            }
        }
    }
}

/// `tobedeleted`; in a delta, each row has to say what became of it.
fn is_gone<R: Read>(table: &Table<R>, way: Way) -> Result<bool, Problem> {
    match table.cell("status") {
        Some("tobedeleted") => Ok(true),
        Some("active") => Ok(false),
        None if way == Way::Bulk => Ok(false),
        None => Err(Problem::invalid("/status", "missing", "A row of a delta needs its status.")),
        Some(_) => Err(Problem::invalid("/status", "unknown_word", "A status is active or tobedeleted.")),
    }
}

/// How much may still be read, and how many are there.
fn users<R: Read>(
    mut table: Table<R>,
    way: Way,
    roles: Option<Way>,
    schools: &mut Schools,
    sink: &mut Sink,
) -> Result<(u64, usize), Problem> {
    table.require(&["sourcedId", "status", "givenName", "familyName"])?;
    let own_role = roles.is_none() && table.has("role");
    let (no_email, no_year_group) = (!table.has("email"), !table.has("grades"));
    let mut there = 0;
    while table.advance()? {
        let external_id = table.cell("sourcedId").unwrap_or_default().to_owned();
        let piece = match is_gone(&table, way).and_then(|gone| if gone { Ok(None) } else { person(&table).map(Some) }) {
            Ok(None) if !usable(&external_id) => PersonPiece::refused(external_id.clone(), no_id("/sourcedId")),
            Ok(None) => {
                PersonPiece { said: Ok(Said { gone: true, ..Said::default() }), external_id: external_id.clone(), guardians: Vec::new() }
            }
            Ok(Some(record)) => PersonPiece::new(external_id.clone(), Ok(record)),
            Err(problem) => PersonPiece::refused(external_id.clone(), problem),
        };
        let roster = RosterRoles { all: own_role || roles == Some(Way::Bulk), ..RosterRoles::default() };
        let said = piece.said.map(|said| Said { roster: Some(roster).filter(|_| said.record.is_some()), no_email, no_year_group, ..said });
        let is_there = said.as_ref().is_ok_and(|said| said.record.is_some());
        sink.push(Piece::Person(Box::new(PersonPiece { said, ..piece })))?;
        if is_there {
            there += 1;
            schools.belongs(table.name(), table.cell("primaryOrgSourcedId"))?;
            schools.belongs(table.name(), table.cell("orgSourcedIds"))?;
        }
        if own_role && is_there {
            sink.push(role(&table, external_id, Ok(false), true))?;
        }
    }
    Ok((table.left(), there))
}

fn no_id(pointer: &str) -> Problem {
    Problem::invalid(pointer, "not_an_id", "An id is a line of at most 100 characters.")
}

/// A row of `users.csv` as a record of ours.
fn person<R: Read>(table: &Table<R>) -> Result<super::ImportRecord, Problem> {
    let columns = [("external_id", "sourcedId"), ("given_name", "givenName"), ("family_name", "familyName"), ("email", "email")];
    let mut record = table::record(columns.iter().filter_map(|(name, column)| Some((*name, table.cell(column)?))))?;
    record.year_group = table.cell("grades").map(year_group).transpose()?;
    let agents = table.cell("agentSourcedIds").unwrap_or_default().split(',').map(str::trim).filter(|id| !id.is_empty());
    let agents: Vec<ImportGuardian> =
        agents.map(|id| ImportGuardian { external_id: id.into(), relationship: None, has_parental_responsibility: None }).collect();
    record.guardians = Some(agents).filter(|agents| !agents.is_empty());
    crate::http::body::valid(record)
}

/// A year group of England, as exports spell them. Other countries' grades are none of them.
fn year_group(grades: &str) -> Result<YearGroup, Problem> {
    let first = grades.split(',').next().unwrap_or_default().trim().to_lowercase();
    let year = first.strip_prefix("year").or_else(|| first.strip_prefix('y')).unwrap_or(&first).trim().trim_start_matches('0');
    match (first.as_str(), year) {
        ("n" | "n1" | "n2" | "nursery", _) => Ok(YearGroup::Nursery),
        ("r" | "reception", _) => Ok(YearGroup::Reception),
        (_, "1") => Ok(YearGroup::Year1),
        (_, "2") => Ok(YearGroup::Year2),
        (_, "3") => Ok(YearGroup::Year3),
        (_, "4") => Ok(YearGroup::Year4),
        (_, "5") => Ok(YearGroup::Year5),
        (_, "6") => Ok(YearGroup::Year6),
        _ => Err(Problem::invalid("/grades", "unknown_year_group", "A year group is N1, N2, R or 1 to 6.")),
    }
}

/// How many roles are given.
fn roles<R: Read>(mut table: Table<R>, way: Way, today: NaiveDate, schools: &mut Schools, sink: &mut Sink) -> Result<usize, Problem> {
    table.require(&["userSourcedId", "role", "status"])?;
    let mut given = 0;
    while table.advance()? {
        let Some(external_id) = table.cell("userSourcedId").map(str::to_owned) else { continue };
        if !usable(&external_id) {
            sink.push(Piece::Person(Box::new(PersonPiece::refused(external_id, no_id("/userSourcedId")))))?;
            continue;
        }
        let gone = is_gone(&table, way).and_then(|gone| Ok(gone || is_over(&table, today)?));
        if matches!(gone, Ok(false)) {
            given += 1;
            schools.belongs(table.name(), table.cell("orgSourcedId"))?;
        }
        sink.push(role(&table, external_id, gone, way == Way::Bulk))?;
    }
    Ok(given)
}

/// Whether a role has ended or not begun.
fn is_over<R: Read>(table: &Table<R>, today: NaiveDate) -> Result<bool, Problem> {
    let day = |column: &str| {
        let wrong = || Problem::invalid(format!("/{column}"), "not_a_date", "A day is written like 2026-08-31.");
        table.cell(column).map(|day| day.get(..10).and_then(|day| day.parse::<NaiveDate>().ok()).ok_or_else(wrong)).transpose()
    };
    Ok(day("endDate")?.is_some_and(|end| end < today) || day("beginDate")?.is_some_and(|begin| begin > today))
}

/// What a role there means here. Nobody becomes headteacher or IT technician by a file: a person grants that.
fn role<R: Read>(table: &Table<R>, external_id: String, gone: Result<bool, Problem>, all: bool) -> Piece {
    let (role, withheld, relationship) = match table.cell("role").unwrap_or_default() {
        "teacher" | "aide" | "counselor" | "proctor" | "siteAdministrator" | "administrator" => (Some(Role::Staff), None, None),
        "principal" => (Some(Role::Staff), Some(Role::Headteacher), None),
        "systemAdministrator" => (Some(Role::Staff), Some(Role::ItTechnician), None),
        "parent" => (Some(Role::ParentCarer), None, Some(Relationship::Parent)),
        "relative" => (Some(Role::ParentCarer), None, Some(Relationship::OtherRelative)),
        "guardian" => (Some(Role::ParentCarer), None, Some(Relationship::Other)),
        "student" => (Some(Role::Pupil), None, None),
        _ => (None, None, None),
    };
    let (gone, problem) = match gone {
        Ok(gone) => (gone, None),
        Err(problem) => (false, Some(problem)),
    };
    Piece::Role(RolePiece { external_id, role, withheld, relationship, gone, all, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn year_groups_are_those_of_england_however_they_are_spelt() {
        for (spelt, year) in [("N2", YearGroup::Nursery), ("R", YearGroup::Reception), ("Reception", YearGroup::Reception)] {
            assert_eq!(year_group(spelt).ok(), Some(year), "{spelt}");
        }
        for spelt in ["3", "03", "Y3", "Year 3", "year 03", " 3 ,4"] {
            assert_eq!(year_group(spelt).ok(), Some(YearGroup::Year3), "{spelt}");
        }
        for spelt in ["KG", "PK", "7", "07", "13", "0", "33", "Year"] {
            assert!(year_group(spelt).is_err(), "{spelt}");
        }
    }
}
