//! Writes OneRoster archives as management information systems do, with what goes wrong in them.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub const USERS: &str = "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,\
agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,preferredFamilyName,\
primaryOrgSourcedId,pronouns";
pub const ROLES: &str = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId";
/// What no password of a file may leave behind.
pub const PASSWORD: &str = "a-password-that-nobody-may-keep";

/// Files of an archive.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    users: String,
    roles: String,
    ways: (&'static str, &'static str),
}

impl Roster {
    /// All there is of everything.
    pub fn bulk() -> Self {
        Self { users: format!("\u{feff}{USERS}\r\n"), roles: format!("{ROLES}\r\n"), ways: ("bulk", "bulk") }
    }

    /// What has changed.
    pub fn delta() -> Self {
        Self { ways: ("delta", "delta"), ..Self::bulk() }
    }

    /// A row of `users.csv`; `agents` and `grades` are whole cells.
    pub fn user(mut self, id: &str, status: &str, given: &str, agents: &str, grades: &str) -> Self {
        let modified = if self.ways.0 == "delta" { "2026-01-13T00:00:00Z" } else { "" };
        let cell = |text: &str| if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() };
        let (given, agents) = (cell(given), cell(agents));
        writeln!(
            self.users,
            "{id},{status},{modified},false,,,{given},Green,,,{id}@weald.example,,,{agents},{grades},{PASSWORD},,,,,,org-1,\r"
        )
        .unwrap();
        self
    }

    pub fn role(mut self, user: &str, status: &str, role: &str) -> Self {
        let modified = if self.ways.1 == "delta" { "2026-01-13T00:00:00Z" } else { "" };
        writeln!(self.roles, "r-{user}-{role},{status},{modified},{user},primary,{role},,,org-1,\r").unwrap();
        self
    }

    /// Somebody with a role.
    pub fn person(self, id: &str, role: &str, agents: &str, grades: &str) -> Self {
        let status = if self.ways.0 == "delta" { "active" } else { "" };
        self.user(id, status, "Jo", agents, grades).role(id, status, role)
    }

    /// A school of 2,000 pupils, 3,500 guardians and 150 staff, and of each trap one: headteacher and IT technician by a
    /// file, an id that stands twice, a guardian who is not there, a grade of another country, a formula for a name, nobody's
    /// name, parents with their children, somebody who is to be deleted.
    pub fn of_a_large_school() -> Self {
        let mut roster = Self::bulk();
        for pupil in 0..2000 {
            let second = if pupil < 1500 { format!(",g{}", pupil + 2000) } else { String::new() };
            let year = ["N2", "R", "01", "02", "03", "04", "05", "06"][pupil % 8];
            roster = roster.person(&format!("p{pupil}"), "student", &format!("g{pupil}{second}"), year);
        }
        for guardian in 0..3500 {
            let role = ["parent", "guardian", "relative"][guardian % 3];
            roster = roster.person(&format!("g{guardian}"), role, "", "");
        }
        for member in 0..150 {
            roster = roster.person(&format!("s{member}"), ["teacher", "aide"][member % 2], "", "");
        }
        roster
            .role("s0", "", "principal")
            .role("s1", "", "systemAdministrator")
            .role("nobody", "", "teacher")
            .person("p0", "student", "", "02")
            .person("lost", "student", "missing", "01")
            .person("abroad", "student", "", "KG")
            .user("formula", "", "=HYPERLINK(\"x\")", "", "")
            .role("formula", "", "teacher")
            .user("nameless", "", "", "", "")
            .user("gone", "tobedeleted", "Jo", "", "")
            .user("parent", "", "Jo", "p1,p2", "")
            .role("parent", "", "parent")
    }

    /// The same school with nobody in it.
    pub fn of_nobody() -> Vec<u8> {
        Self::bulk().archive()
    }

    pub fn archive(&self) -> Vec<u8> {
        let manifest = format!(
            "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.2\r\nfile.users,{}\r\nfile.roles,{}\r\nfile.orgs,bulk\r\n\
             file.demographics,bulk\r\n",
            self.ways.0, self.ways.1
        );
        let orgs = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\norg-0,,,Trust,district,,\r\norg-1,,,School,school,,org-0\r\n";
        files(&[
            ("manifest.csv", manifest.as_bytes()),
            ("users.csv", self.users.as_bytes()),
            ("roles.csv", self.roles.as_bytes()),
            ("orgs.csv", orgs.as_bytes()),
            ("demographics.csv", b"\xff\xfe no table at all"),
        ])
    }
}

/// An archive of these files.
pub fn files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(contents).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
