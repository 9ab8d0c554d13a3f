//! Lists of people from other systems: every format, what is wrong in them, who leaves by them, and a kill in the middle.

use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::db::schema::{events, guardians, import_rows, imports, people, person_roles};
use weald::policy::roles::Role;
use weald::resources::imports::rows::ImportRow;
use weald::resources::imports::{ImportState, intake};

use crate::people::PEOPLE;
use crate::support::caller::{Caller, Reply, Request};
use crate::support::program::{Program, said, weald};
use crate::support::roster::{self, PASSWORD, Roster};
use crate::support::{School, on_both_engines};

pub const IMPORTS: &str = "/v1/imports";
const ZIP: &str = "application/zip";

impl<'s> Caller<'s> {
    pub fn import(&self, query: &str, kind: &str, file: impl Into<Vec<u8>>) -> Request<'s> {
        self.post(format!("{IMPORTS}?source=mis{query}"), json!({})).body(kind, file).idempotency_key(Uuid::now_v7())
    }
}

/// The import when it is over.
async fn over(school: &School, import: &Reply) -> Reply {
    let url = format!("{IMPORTS}/{}", import["id"].as_str().unwrap());
    tokio::time::timeout(Duration::from_mins(5), async {
        loop {
            let now = school.headteacher().get(&url).await.is(200);
            if !matches!(now["state"].as_str().unwrap(), "queued" | "running") {
                return now;
            }
            weald::jobs::run_all(school.state()).await.unwrap();
        }
    })
    .await
    .expect("it comes to an end")
}

async fn done(school: &School, request: Request<'_>) -> Reply {
    let import = over(school, &request.await.is(202)).await;
    assert_eq!(import["state"], "completed", "{import}");
    assert_eq!(import["progress"]["done"], import["progress"]["total"], "{import}");
    import
}

/// Created, updated, unchanged, left, refused.
fn counts(import: &Reply) -> [i64; 5] {
    ["created", "updated", "unchanged", "left", "refused"].map(|word| import["progress"][word].as_i64().unwrap())
}

async fn results(school: &School, import: &Reply, query: &str) -> Vec<Value> {
    let page = school.headteacher().get(format!("{IMPORTS}/{}/results?limit=200{query}", import["id"].as_str().unwrap())).await.is(200);
    page.items().to_vec()
}

async fn person(school: &School, id: &str) -> Reply {
    let page = school.headteacher().get(format!("{PEOPLE}?external_source=mis&external_id={id}")).await.is(200);
    assert_eq!(page.items().len(), 1, "{id}");
    school.headteacher().get(format!("{PEOPLE}/{}", page.items()[0]["id"].as_str().unwrap())).await.is(200)
}

/// How many people of the source there are, how many links between them, how many events of people.
async fn totals(school: &School) -> (i64, i64, i64) {
    let id = school.id;
    school
        .read(move |conn| {
            let people =
                people::table.filter(people::school_id.eq(id)).filter(people::external_source.eq("mis")).count().get_result(conn)?;
            let links = guardians::table.filter(guardians::school_id.eq(id)).count().get_result(conn)?;
            let log = events::table.filter(events::school_id.eq(id)).filter(events::subject_type.eq("person")).count().get_result(conn)?;
            Ok((people, links, log))
        })
        .await
}

async fn holders(school: &School, role: Role) -> i64 {
    let id = school.id;
    let held = person_roles::table.filter(person_roles::school_id.eq(id)).filter(person_roles::role.eq(role)).count();
    school.read(move |conn| held.get_result(conn)).await
}

/// Nothing of a file is on record.
async fn no_trace(school: &School) {
    let id = school.id;
    let (imports, records): (i64, i64) = school
        .read(move |conn| {
            let imports = imports::table.filter(imports::school_id.eq(id)).count().get_result(conn)?;
            Ok((imports, import_rows::table.filter(import_rows::school_id.eq(id)).count().get_result(conn)?))
        })
        .await;
    assert_eq!((imports, records), (0, 0));
}

/// What came of the large school: 5,650 people, with those of the traps who are sound.
const PEOPLE_OF_IT: i64 = 2000 + 3500 + 150 + 3;
const LINKS_OF_IT: i64 = 3500 + 2;

on_both_engines! {
    async fn a_large_school_comes_in_and_the_second_time_nothing_changes(school: School) {
        let (heads, technicians) = (holders(&school, Role::Headteacher).await, holders(&school, Role::ItTechnician).await);
        let roster = Roster::of_a_large_school().archive();
        let first = done(&school, school.service().import("&mode=snapshot", ZIP, roster.clone())).await;
        // Twice the same id, a role of nobody, a grade of another country, nobody's name; a guardian who is not there.
        assert_eq!(counts(&first), [PEOPLE_OF_IT + LINKS_OF_IT, 0, 1, 0, 5], "{first}");
        let (people, links, log) = totals(&school).await;
        assert_eq!((people, links), (PEOPLE_OF_IT, LINKS_OF_IT));
        let refused: Vec<String> = results(&school, &first, "&outcome=refused").await.iter().map(|record| {
            let error = &record["errors"][0];
            format!("{} {} {}", record["external_id"].as_str().unwrap(), error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
        }).collect();
        assert_eq!(refused, [
            "p0 /external_id duplicate", "abroad /grades unknown_year_group", "nameless /given_name blank",
            "nobody /userSourcedId unknown", "lost /guardian/external_id unknown",
        ]);

        let second = done(&school, school.service().import("&mode=snapshot", ZIP, roster)).await;
        assert_eq!(counts(&second), [0, 0, PEOPLE_OF_IT + LINKS_OF_IT + 1, 0, 5], "{second}");
        assert_eq!(totals(&school).await, (people, links, log), "nothing has happened");

        assert_eq!((holders(&school, Role::Headteacher).await, holders(&school, Role::ItTechnician).await), (heads, technicians));
        let principal = person(&school, "s0").await;
        assert_eq!((&principal["kind"], &principal["roles"]), (&json!("staff"), &json!(["staff"])));
        let pupil = person(&school, "p4").await;
        assert_eq!((&pupil["kind"], &pupil["roles"], &pupil["year_group"]), (&json!("pupil"), &json!(["pupil"]), &json!("year_3")));
        let url = format!("{PEOPLE}/{}/guardians", pupil["id"].as_str().unwrap());
        let both = school.headteacher().get(url).await.is(200);
        assert_eq!(both.each("has_parental_responsibility"), [false, false], "no roster says so");
        let mut what: Vec<&str> = both.each("relationship").into_iter().map(|word| word.as_str().unwrap()).collect();
        what.sort_unstable();
        assert_eq!(what, ["other", "parent"], "g4 and g2004, by their roles");
        assert_eq!(person(&school, "formula").await["given_name"], "=HYPERLINK(\"x\")");
    }

    async fn an_empty_file_of_users_is_refused_by_the_guard(school: School) {
        let roster = Roster::bulk().person("s1", "teacher", "", "").person("s2", "teacher", "", "").person("p1", "student", "", "R");
        done(&school, school.service().import("", ZIP, roster.archive())).await;
        let before = totals(&school).await;
        let refused = school.service().import("&mode=snapshot", ZIP, Roster::of_nobody()).await.is(409).problem("mass_leaving");
        assert!(refused["detail"].as_str().unwrap().contains("3 of 3 people"), "{refused}");
        school.service().import("&mode=snapshot&confirm_leaving=2", ZIP, Roster::of_nobody()).await.is(409).problem("mass_leaving");
        assert_eq!(totals(&school).await, before);
        assert_eq!(school.headteacher().get(IMPORTS).await.is(200).items().len(), 1, "no trace of what was refused");
        let shown = done(&school, school.service().import("&mode=snapshot&dry_run=true", ZIP, Roster::of_nobody())).await;
        assert_eq!((counts(&shown), &shown["leaving"]), ([0, 0, 0, 3, 0], &json!(3)));
        assert_eq!(totals(&school).await, before);
        // An upsert says nothing of who is not in it.
        done(&school, school.service().import("", ZIP, Roster::of_nobody())).await;
        assert_eq!(person(&school, "s1").await["state"], "active");
        let left = done(&school, school.service().import("&mode=snapshot&confirm_leaving=3", ZIP, Roster::of_nobody())).await;
        assert_eq!(counts(&left), [0, 0, 0, 3, 0]);
        assert_eq!(person(&school, "s1").await["state"], "left");
    }

    async fn those_who_are_to_be_deleted_leave_and_count_for_the_guard(school: School) {
        let mut roster = Roster::bulk();
        for number in 0..10 {
            roster = roster.person(&format!("p{number}"), "student", "", "R");
        }
        done(&school, school.service().import("", ZIP, roster.archive())).await;
        let delta = |ids: &[&str]| ids.iter().fold(Roster::delta(), |roster, id| roster.user(id, "tobedeleted", "", "", "")).archive();
        school.service().import("", ZIP, delta(&["p0", "p1", "p2"])).await.is(409).problem("mass_leaving");
        let left = done(&school, school.service().import("", ZIP, delta(&["p0", "p1", "unknown"]))).await;
        assert_eq!(counts(&left), [0, 0, 1, 2, 0]);
        assert_eq!(person(&school, "p0").await["state"], "left");
        let again = done(&school, school.service().import("", ZIP, delta(&["p0", "p1", "unknown"]))).await;
        assert_eq!(counts(&again), [0, 0, 3, 0, 0]);
        school.service().import("&mode=snapshot", ZIP, delta(&["p0"])).await.is(422).points_at(&[("manifest.csv", "not_everybody")]);
    }

    async fn a_delta_moves_roles_and_leaves_alone_what_it_does_not_name(school: School) {
        let roster = Roster::bulk().person("a", "teacher", "", "").person("b", "parent", "", "").person("p", "student", "b", "R");
        done(&school, school.service().import("", ZIP, roster.archive())).await;
        let delta = Roster::delta().role("b", "active", "aide").role("a", "active", "parent").role("a", "tobedeleted", "teacher").role("stranger", "active", "teacher");
        let moved = done(&school, school.service().import("", ZIP, delta.archive())).await;
        assert_eq!(counts(&moved), [0, 2, 0, 0, 1], "{moved}");
        let (a, b) = (person(&school, "a").await, person(&school, "b").await);
        assert_eq!((&a["kind"], &a["roles"]), (&json!("parent_carer"), &json!(["parent_carer"])));
        assert_eq!((&b["kind"], &b["roles"]), (&json!("staff"), &json!(["parent_carer", "staff"])), "somebody who works here and has a child here");
        assert_eq!(person(&school, "p").await["roles"], json!(["pupil"]));
        let unsaid = Roster::delta().user("c", "", "Jo", "", "");
        let refused = done(&school, school.service().import("", ZIP, unsaid.archive())).await;
        assert_eq!(results(&school, &refused, "").await[0]["errors"][0]["pointer"], "/status");
    }

    async fn nobody_is_given_a_role_of_trust_by_a_file(school: School) {
        let roster = Roster::bulk().person("h", "principal", "", "").person("i", "systemAdministrator", "", "");
        let import = done(&school, school.headteacher().import("", ZIP, roster.archive())).await;
        let records = results(&school, &import, "").await;
        assert_eq!(records[0]["withheld_roles"], json!(["headteacher"]));
        assert_eq!(records[1]["withheld_roles"], json!(["it_technician"]));
        assert_eq!(person(&school, "h").await["roles"], json!(["staff"]));
        for role in ["headteacher", "it_technician", "dsl", "deputy_dsl", "chair_of_governors", "dpo", "leadership_team"] {
            let line = json!({ "external_id": role, "given_name": "Jo", "family_name": "Green", "kind": "staff", "roles": ["staff", role] });
            let import = done(&school, school.headteacher().import("", "application/x-ndjson", line.to_string())).await;
            let record = &results(&school, &import, "").await[0];
            assert_eq!((&record["outcome"], &record["status"]), (&json!("refused"), &json!(403)), "{role}");
        }
        let id = school.id;
        let text: Vec<Option<String>> = school.read(move |conn| {
            import_rows::table.filter(import_rows::school_id.eq(id)).select(import_rows::payload).load(conn)
        }).await;
        assert!(text.iter().all(Option::is_none), "what was said of people goes when it has been dealt with");
    }

    async fn json_ndjson_and_csv_say_the_same(school: School) {
        let pupil = json!({ "external_id": "p", "given_name": "Ada", "family_name": "Green", "kind": "pupil", "year_group": "year_3", "roles": ["pupil"], "guardians": [{ "external_id": "g" }] });
        let parent = json!({ "external_id": "g", "given_name": "Eve", "family_name": "Green", "email": "Eve@Weald.Example", "kind": "parent_carer", "roles": ["parent_carer"] });
        let json = json!({ "items": [pupil, parent] }).to_string();
        let lines = format!("\u{feff}{pupil}\n\n{parent}\n");
        let table = "\u{feff}external_id,given_name,family_name,email,kind,year_group,roles,guardian_ids\r\n\
                     p,Ada,Green,,pupil,year_3,pupil,g\r\ng,\"Eve\",Green,Eve@Weald.Example,parent_carer,,parent_carer,\r\n";
        let files = [("application/json", json), ("application/x-ndjson", lines), ("text/csv", table.to_owned())];
        let first = done(&school, school.service().import("&mode=snapshot", files[0].0, files[0].1.clone())).await;
        assert_eq!(counts(&first), [3, 0, 0, 0, 0]);
        for (kind, file) in files {
            let again = done(&school, school.service().import("&mode=snapshot", kind, file)).await;
            assert_eq!(counts(&again), [0, 0, 3, 0, 0], "{kind}");
        }
        let guardian = person(&school, "g").await;
        assert_eq!((&guardian["email"], &guardian["kind"]), (&json!("eve@weald.example"), &json!("parent_carer")));
        let responsible = json!({ "external_id": "p", "given_name": "Ada", "family_name": "Green", "guardians": [{ "external_id": "g", "relationship": "parent", "has_parental_responsibility": true }] });
        let import = done(&school, school.service().import("", "application/x-ndjson", responsible.to_string())).await;
        assert_eq!(counts(&import), [0, 2, 0, 0, 0], "the year group is gone, the guardian decides");
    }

    async fn a_dry_run_shows_what_would_change_and_changes_nothing(school: School) {
        let roster = Roster::bulk().person("p1", "student", "g1", "R").person("g1", "parent", "", "").person("p2", "student", "lost", "R");
        let before = totals(&school).await;
        let shown = done(&school, school.service().import("&dry_run=true", ZIP, roster.archive())).await;
        assert_eq!(counts(&shown), [4, 0, 0, 0, 1], "{shown}");
        assert_eq!(totals(&school).await, before);
        assert!(results(&school, &shown, "").await.iter().all(|record| record.get("person_id").is_none()));
        let real = done(&school, school.service().import("", ZIP, roster.archive())).await;
        assert_eq!(counts(&real), counts(&shown), "as it was shown");
    }

    async fn what_is_wrong_with_a_record_keeps_no_other_back_and_is_on_record(school: School) {
        let lines = [
            r#"{"external_id":"1","given_name":"Jo","family_name":"Green","kind":"staff"}"#,
            r#"{"external_id":"2","given_name":"Jo","family_name":"Green","kind":"dragon"}"#,
            r#"{"external_id":"3","given_name":" ","family_name":"Green","kind":"staff","email":"none"}"#,
            r#"{"external_id":"4","given_name":"Jo","family_name":"Green","kind":"staff","password":"secret"}"#,
            r#"{"external_id":"5","given_name":"Jo","family_name":"Green"}"#,
            r#"{"external_id":"6","given_name":"N\u0000","family_name":"Green","kind":"staff"}"#,
            r"no json",
            r#"["external_id","7"]"#,
            r#"{"external_id":"1","given_name":"Second","family_name":"Green","kind":"staff"}"#,
        ].join("\n");
        let import = done(&school, school.service().import("", "application/x-ndjson", lines)).await;
        assert_eq!(counts(&import), [1, 0, 0, 0, 8]);
        let records = results(&school, &import, "").await;
        let statuses: Vec<i64> = records.iter().map(|record| record["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [201, 400, 422, 400, 422, 422, 400, 400, 409]);
        assert_eq!(records[2]["errors"], json!([
            { "pointer": "/email", "code": "not_an_email_address", "detail": "Must be an e-mail address of at most 254 characters." },
            { "pointer": "/given_name", "code": "blank", "detail": "Must not be blank." },
        ]));
        assert!(!json!(records).to_string().contains("secret") && !json!(records).to_string().contains("dragon"), "nothing is echoed");
        let table = school.headteacher().get(format!("{IMPORTS}/{}/results", import["id"].as_str().unwrap())).header("accept", "text/csv").await.is(200);
        assert_eq!(table.text.lines().count(), 10, "{}", table.text);
        assert!(table.header("content-disposition").contains("results.csv"));
        let nameless = "{\"external_id\":\"1\",\"given_name\":\"Jo\",\"family_name\":\"Green\",\"kind\":\"staff\"}\nno json";
        school.service().import("&mode=snapshot", "application/x-ndjson", nameless).await.is(422).points_at(&[("/external_id", "missing")]);
    }

    async fn what_is_no_such_file_is_refused_and_leaves_no_trace(school: School) {
        let mis = school.service();
        let manifest = b"propertyName,value\noneroster.version,1.2\nfile.users,bulk\nfile.roles,absent\nfile.orgs,bulk\n" as &[u8];
        let users = format!("{}\n", roster::USERS);
        let orgs = b"sourcedId,type\n1,school\n2,school\n" as &[u8];
        let many: Vec<(String, Vec<u8>)> = (0..200).map(|number| (format!("{number}.csv"), Vec::new())).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect();
        let long = format!("{users}1,,,,,,{},Green\n", "x".repeat(600 << 10));
        let zips: [(Vec<u8>, (&str, &str)); 8] = [
            (b"PK no archive".to_vec(), ("", "not_an_archive")),
            (roster::files(&many), ("", "too_many_files")),
            (roster::files(&[("users.csv", users.as_bytes())]), ("manifest.csv", "missing_file")),
            (roster::files(&[("export/manifest.csv", manifest)]), ("manifest.csv", "missing_file")),
            (roster::files(&[("manifest.csv", b"propertyName,value\nfile.users,absent\n")]), ("manifest.csv", "missing_file")),
            (roster::files(&[("manifest.csv", manifest), ("users.csv", users.as_bytes()), ("orgs.csv", orgs)]), ("orgs.csv", "several_schools")),
            (roster::files(&[("manifest.csv", manifest), ("orgs.csv", b"sourcedId,type\n"), ("users.csv", b"sourcedId,status\n")]), ("users.csv", "missing_column")),
            (roster::files(&[("manifest.csv", manifest), ("orgs.csv", b"sourcedId,type\n"), ("users.csv", long.as_bytes())]), ("", "record_too_long")),
        ];
        for (file, error) in zips {
            mis.import("", ZIP, file).await.is(422).points_at(&[error]);
        }
        let roles = |rows: &str| roster::files(&[
            ("manifest.csv", b"propertyName,value\nfile.users,bulk\nfile.roles,bulk\n"),
            ("users.csv", b"sourcedId,status,givenName,familyName,primaryOrgSourcedId\n1,,Jo,Green,a\n"),
            ("roles.csv", format!("{}\n{rows}", roster::ROLES).as_bytes()),
        ]);
        for (rows, error) in [("", ("roles.csv", "no_roles")), ("r,Active,,1,,teacher,,,a,\n", ("roles.csv", "no_roles")), ("r,,,1,,teacher,,,b,\n", ("roles.csv", "several_schools"))] {
            mis.import("", ZIP, roles(rows)).await.is(422).points_at(&[error]);
        }
        for (file, error) in [
            ("external_id,given_name,family_name\n1,Jo,\"Green\n2,Ann,Reed\n3,Kit,Brook\n", ("", "line_break")),
            ("external_id,given_name\n", ("", "missing_column")),
            ("external_id,given_name,family_name,shoe_size\n", ("", "unknown_column")),
            ("external_id,external_id,given_name,family_name\n", ("", "duplicate_column")),
        ] {
            mis.import("", "text/csv", file).await.is(422).points_at(&[error]);
        }
        mis.import("", "text/csv", b"external_id,given_name,family_name\n1,J\xf8,Green\n".to_vec()).await.is(422).points_at(&[("", "not_utf_8")]);
        for wrong in ["", "[]", r#"{"items":{}}"#, r#"{"people":[]}"#, r#"{"items":[]} {}"#, r#"{"items":[{}"#, r#"{"items":[],"items":[]}"#, "nonsense"] {
            mis.import("", "application/json", wrong).await.is(400).points_at(&[("", "not_a_list")]);
        }
        let long = format!(r#"{{"items":[{{"external_id":"{}"}}]}}"#, "x".repeat(600 << 10));
        mis.import("", "application/json", long).await.is(422).points_at(&[("", "record_too_long")]);
        mis.import("", "application/xml", "<people/>").await.is(415).problem("unsupported_media_type");
        mis.import("", ZIP, "").header("content-encoding", "gzip").await.is(415);
        mis.import("&mode=replace", ZIP, Roster::of_nobody()).await.is(400).problem("malformed_query");
        mis.post(IMPORTS, json!({})).idempotency_key(Uuid::now_v7()).body(ZIP, Roster::of_nobody()).await.is(400);
        mis.post(format!("{IMPORTS}?source=mis"), json!({})).body(ZIP, Roster::of_nobody()).await.is(400).problem("malformed_header");
        school.staff().import("", ZIP, Roster::of_nobody()).await.is(403);
        no_trace(&school).await;
    }

    async fn a_roster_leaves_alone_the_roles_that_no_roster_knows(school: School) {
        let roster = Roster::bulk().person("a", "parent", "", "").person("b", "teacher", "", "");
        done(&school, school.service().import("", ZIP, roster.archive())).await;
        let a = person(&school, "a").await;
        let grant = |role: &str| school.headteacher().post(a.url("grant-role"), json!({ "role": role }));
        school.headteacher().patch(a.url(""), json!({ "kind": "governor" })).if_match(a.etag()).await.is(200);
        for role in ["governor", "volunteer"] {
            grant(role).await.is(200);
        }
        assert_eq!(counts(&done(&school, school.service().import("", ZIP, roster.archive())).await), [0, 0, 2, 0, 0]);
        let a = person(&school, "a").await;
        assert_eq!((&a["kind"], &a["roles"]), (&json!("governor"), &json!(["governor", "parent_carer", "volunteer"])));
    }

    async fn what_a_row_of_roles_does_not_say_clearly_takes_nothing_away(school: School) {
        let roster = Roster::bulk().person("a", "teacher", "", "").person("b", "teacher", "", "").person("c", "teacher", "", "");
        done(&school, school.service().import("", ZIP, roster.archive())).await;
        let rows = "ra,Active,,a,,teacher,,,org-1,\nrb,,,b,,teacher,,31/08/2025,org-1,\nrc,,,c,,teacher,,,org-1,\nrd,,,d\u{0},,teacher,,,org-1,\nrf,Active,,f,,teacher,,,org-1,\n";
        let file = roster::files(&[
            ("manifest.csv", b"propertyName,value\nfile.users,bulk\nfile.roles,bulk\n"),
            ("users.csv", b"sourcedId,status,givenName,familyName\na,,Jo,Green\nb,,Jo,Green\nc,,Jo,Green\n\"e\0\",tobedeleted,,\nf,tobedeleted,,\n"),
            ("roles.csv", format!("{}\n{rows}", roster::ROLES).as_bytes()),
        ]);
        let import = done(&school, school.service().import("", ZIP, file)).await;
        assert_eq!(counts(&import), [0, 0, 2, 0, 4], "{import}");
        let refused = results(&school, &import, "&outcome=refused").await;
        let pointers: Vec<_> = refused.iter().map(|record| record["errors"][0]["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/status", "/endDate", "/sourcedId", "/userSourcedId"]);
        assert_eq!(holders(&school, Role::Staff).await - 2, 3, "a, b and c beside the two of every test");
        assert_eq!(person(&school, "a").await["email"], "a@weald.example", "there is no such column");
    }

    async fn a_table_without_a_column_says_nothing_of_it(school: School) {
        let file = "external_id,given_name,family_name,email,kind,year_group\np,Ada,Green,ada@weald.example,pupil,year_3\n";
        done(&school, school.service().import("", "text/csv", file)).await;
        let short = "external_id,given_name,family_name\np,Ada,Green\n";
        assert_eq!(counts(&done(&school, school.service().import("", "text/csv", short)).await), [0, 0, 1, 0, 0]);
        let blank = "external_id,given_name,family_name,email,kind,year_group\np,Ada,Green,,pupil,\n";
        assert_eq!(counts(&done(&school, school.service().import("", "text/csv", blank)).await), [0, 1, 0, 0, 0]);
        let cleared = person(&school, "p").await;
        assert_eq!((cleared.json().get("email"), cleared.json().get("year_group")), (None, None));
    }

    async fn whoever_is_named_again_after_leaving_is_no_silent_matter(school: School) {
        let line = |left: Value| json!({ "external_id": "p", "given_name": "Ada", "family_name": "Green", "kind": "pupil", "left_on": left }).to_string();
        let here = json!({ "external_id": "p", "given_name": "Ada", "family_name": "Green", "kind": "pupil" }).to_string();
        let kind = "application/x-ndjson";
        done(&school, school.service().import("", kind, here.clone())).await;
        let left = school.service().import("&confirm_leaving=1", kind, line(json!("2026-01-14")));
        assert_eq!(counts(&done(&school, left).await), [0, 0, 0, 1, 0]);
        let import = done(&school, school.service().import("", kind, here.clone())).await;
        let record = &results(&school, &import, "").await[0];
        assert_eq!((&record["outcome"], &record["status"]), (&json!("refused"), &json!(409)), "{record}");
        assert_eq!(counts(&done(&school, school.service().import("", kind, line(json!("2026-01-14")))).await), [0, 0, 1, 0, 0]);
        let left = person(&school, "p").await;
        school.headteacher().post(left.url("rejoin"), json!({})).if_match(left.etag()).await.is(200);
        assert_eq!(counts(&done(&school, school.service().import("", kind, here)).await), [0, 0, 1, 0, 0]);
    }

    async fn nobody_gets_the_address_of_somebody_guarded_by_a_file(school: School) {
        let head = school.headteacher().get(school.headteacher().url("")).await.is(200)["email"].clone();
        let line = json!({ "external_id": "g", "given_name": "Eve", "family_name": "Green", "kind": "parent_carer", "email": head }).to_string();
        let import = done(&school, school.service().import("", "application/x-ndjson", line)).await;
        assert_eq!(results(&school, &import, "").await[0]["errors"][0], json!({ "pointer": "/email", "code": "taken", "detail": "Somebody who holds a privileged role, or can act for the headteacher, has it." }));
    }

    async fn what_was_admitted_is_not_swept_out_when_its_answer_is_lost(school: School) {
        let started = school.service().import("", "text/csv", "external_id,given_name,family_name,kind\np,Ada,Green,pupil\n").await.is(202);
        let (id, at) = (school.id, weald::db::types::ImportId::from(started["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
        let row = school.read(move |conn| imports::table.find((id, at)).select(ImportRow::as_select()).first(conn)).await;
        intake::discard(&school.state().db, &row).await.unwrap();
        over(&school, &started).await;
        person(&school, "p").await;
    }

    async fn an_archive_that_unpacks_to_more_than_anybody_exports_is_refused(school: School) {
        let manifest = b"propertyName,value\noneroster.version,1.2\nfile.users,bulk\nfile.roles,absent\n" as &[u8];
        // Row after row without an end: 200,000 people are enough.
        let row = "1,,,,,,Jo,Green\n";
        let users = format!("{}\n{}", roster::USERS, row.repeat(200_001));
        let bomb = roster::files(&[("manifest.csv", manifest), ("users.csv", users.as_bytes())]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        school.service().import("", ZIP, bomb).await.is(413).problem("body_too_large");
        no_trace(&school).await;
    }

    async fn one_import_at_a_time_and_a_repeated_request_starts_no_other(school: School) {
        let id = school.id;
        let (key, roster) = (Uuid::now_v7(), Roster::bulk().person("a", "teacher", "", "").archive());
        let send = || school.service().post(format!("{IMPORTS}?source=mis"), json!({})).body(ZIP, roster.clone()).idempotency_key(key);
        let first = send().await.is(202);
        let again = send().await.is(202);
        assert_eq!((again.header("idempotency-replayed"), &again["id"]), ("true", &first["id"]));
        school.service().post(format!("{IMPORTS}?source=mis"), json!({})).body(ZIP, Roster::of_nobody()).idempotency_key(key).await.is(422).problem("idempotency_key_reused");
        let first = over(&school, &first).await;
        assert_eq!(school.headteacher().get(IMPORTS).await.is(200).items().len(), 1);
        let open = |state: ImportState| school.write(move |tx| {
            diesel::update(imports::table.filter(imports::school_id.eq(id))).set(imports::state.eq(state)).execute(tx)
        });
        open(ImportState::Running).await;
        school.service().import("", ZIP, roster.clone()).await.is(409).problem("import_in_progress");
        let url = format!("{IMPORTS}/{}", first["id"].as_str().unwrap());
        let cancelled = school.it_technician().post(format!("{url}/cancel"), json!({})).await.is(200);
        assert_eq!((&cancelled["state"], &cancelled["allowed_actions"]), (&json!("cancelled"), &json!([])));
        school.it_technician().post(format!("{url}/cancel"), json!({})).await.is(409).problem("state_conflict");
        let log = school.headteacher().get(format!("/v1/events?subject_id={}", first["id"].as_str().unwrap())).await.is(200);
        assert_eq!(log.each("type"), ["import.started", "import.completed", "import.cancelled"]);
        done(&school, school.service().import("", ZIP, roster.clone())).await;
    }

    async fn what_was_left_behind_is_swept_out(school: School) {
        let id = school.id;
        let import = done(&school, school.service().import("", ZIP, Roster::bulk().person("a", "teacher", "", "").archive())).await;
        school.clock_at("2026-02-14T10:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        school.headteacher().get(format!("{IMPORTS}/{}", import["id"].as_str().unwrap())).await.is(404);
        assert_eq!(person(&school, "a").await["state"], "active");
        let records: i64 = school.read(move |conn| import_rows::table.filter(import_rows::school_id.eq(id)).count().get_result(conn)).await;
        assert_eq!(records, 0);
    }

    async fn an_import_that_is_killed_goes_on_where_it_was(school: School) {
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let token = school.service().token().await;
        let mut program = Program::serve(&school, |_| ());
        let http = reqwest::Client::new();
        let post = http.post(format!("{}{IMPORTS}?source=mis&mode=snapshot", program.url)).bearer_auth(&token).header("content-type", ZIP);
        let reply = post.header("idempotency-key", Uuid::now_v7().to_string()).body(Roster::of_a_large_school().archive()).send().await.unwrap();
        assert_eq!(reply.status(), 202);
        let import: Value = reply.json().await.unwrap();
        let mut kills = 0;
        let over = tokio::time::timeout(Duration::from_mins(5), async {
            let mut seen = 0;
            loop {
                let url = format!("{}{IMPORTS}/{}", program.url, import["id"].as_str().unwrap());
                let now: Value = http.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
                let at = now["progress"]["done"].as_i64().unwrap();
                assert!(at >= seen, "what was done stays done");
                if now["state"] == "completed" {
                    return now;
                }
                if kills < 3 && at > seen + 500 {
                    (kills, seen) = (kills + 1, at);
                    program.kill();
                    program = Program::serve(&school, |_| ());
                }
            }
        }).await.expect("it comes to an end");
        assert!(kills > 0, "it was killed in the middle");
        let progress: HashMap<&str, i64> = over["progress"].as_object().unwrap().iter().filter_map(|(name, count)| Some((name.as_str(), count.as_i64()?))).collect();
        assert_eq!((progress["created"], progress["unchanged"], progress["refused"]), (PEOPLE_OF_IT + LINKS_OF_IT, 1, 5), "{over}");
        let (people, links, _) = totals(&school).await;
        assert_eq!((people, links), (PEOPLE_OF_IT, LINKS_OF_IT));
        let id = school.id;
        let made: i64 = school.read(move |conn| {
            events::table.filter(events::school_id.eq(id)).filter(events::event_type.eq("person.created")).count().get_result(conn)
        }).await;
        assert_eq!(made, PEOPLE_OF_IT, "each once");
        assert!(school.read(move |conn| weald::events::chain::verify(conn, id)).await.is_ok());
    }

    async fn the_command_imports_a_file_and_says_what_became_of_it(school: School) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roster.zip");
        std::fs::write(&path, Roster::bulk().person("a", "teacher", "", "").person("b", "student", "", "KG").archive()).unwrap();
        let id = school.id.to_string();
        let run = |more: &[&str], file: &std::path::Path| {
            let mut command = weald(&school, &["import", "--school", &id, "--source", "mis"]);
            let output = command.args(more).arg(file).output().unwrap();
            (output.status.success(), said(&output))
        };
        let (ok, text) = run(&["--mode", "snapshot"], &path);
        assert!(ok && text.contains("state     completed") && text.contains("created   1") && text.contains("refused   person b"), "{text}");
        assert_eq!(person(&school, "a").await["roles"], json!(["staff"]));
        std::fs::write(&path, Roster::of_nobody()).unwrap();
        let (ok, text) = run(&["--mode", "snapshot"], &path);
        assert!(!ok && text.contains("1 of 1 people would leave"), "{text}");
        let (ok, text) = run(&["--mode", "snapshot", "--confirm-leaving", "1"], &path);
        assert!(ok && text.contains("left      1"), "{text}");
        let (ok, text) = run(&[], &folder.path().join("none.zip"));
        assert!(!ok && text.contains("cannot read"), "{text}");
        assert!(!text.contains(PASSWORD));
    }
}
