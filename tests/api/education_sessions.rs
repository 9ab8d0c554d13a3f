//! PU-PU-2: pupils are taught safe and responsible use, and the year groups that were not are seen.

use serde_json::{Value, json};
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines};

impl School {
    /// A session for year 3, with some members replaced.
    pub async fn education_session(&self, members: Value) -> Reply {
        self.staff().post("/v1/education-sessions", self.education_with(members)).await.is(201)
    }

    fn education_with(&self, members: Value) -> Value {
        let mut new =
            json!({ "year_group": "year_3", "topic": "Kind words online", "held_on": "2026-01-12", "deliverer_id": self.staff().id() });
        new.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        new
    }
}

/// Sessions, topics, last day, and whether it is covered, of a year group.
fn of<'r>(coverage: &'r Reply, year_group: &str) -> [&'r Value; 4] {
    let found = coverage["year_groups"].as_array().unwrap().iter().find(|one| one["year_group"] == year_group).unwrap();
    ["sessions", "topics", "last_held_on", "covered"].map(|field| &found[field])
}

on_both_engines! {
    async fn a_year_group_without_a_session_this_school_year_is_a_gap(school: School) {
        for (year_group, topic, held_on) in [
            ("year_2", "Passwords", "2025-09-01"), ("year_2", "Passwords", "2025-10-01"), ("year_2", "Kind words", "2025-09-15"),
            ("year_3", "Passwords", "2025-08-31"), ("nursery", "Asking first", "2026-01-14"),
        ] {
            school.education_session(json!({ "year_group": year_group, "topic": topic, "held_on": held_on })).await;
        }
        let coverage = school.governor().get("/v1/education-coverage").await.is(200);
        assert_eq!((&coverage["school_year"], &coverage["starts_on"], &coverage["ends_on"]), (&json!(2025), &json!("2025-09-01"), &json!("2026-08-31")));
        let groups: Vec<_> = coverage["year_groups"].as_array().unwrap().iter().map(|one| one["year_group"].as_str().unwrap()).collect();
        assert_eq!(groups, ["nursery", "reception", "year_1", "year_2", "year_3", "year_4", "year_5", "year_6"]);
        assert_eq!(of(&coverage, "year_2"), [&json!(3), &json!(2), &json!("2025-10-01"), &json!(true)]);
        assert_eq!(of(&coverage, "year_3"), [&json!(0), &json!(0), &Value::Null, &json!(false)]);
        assert_eq!(of(&coverage, "nursery"), [&json!(1), &json!(1), &json!("2026-01-14"), &json!(true)]);
        let last = school.chair().get("/v1/education-coverage?school_year=2024").await.is(200);
        assert_eq!(of(&last, "year_3"), [&json!(1), &json!(1), &json!("2025-08-31"), &json!(true)]);
        school.clock_at("2026-08-31T23:00:00Z");
        let next = school.chair().get("/v1/education-coverage").await.is(200);
        assert_eq!((&next["school_year"], of(&next, "year_2")[3]), (&json!(2026), &json!(false)), "it is September in London");
        for wrong in ["1899", "2199", "x", "2025.5"] {
            school.chair().get(format!("/v1/education-coverage?school_year={wrong}")).await.is(400).problem("malformed_query");
        }
        let other = school.other_school().await;
        assert_eq!(of(&other.headteacher().get("/v1/education-coverage?school_year=2025").await.is(200), "year_2")[3], &json!(false));
    }

    async fn who_records_and_who_reads_the_programme(school: School) {
        let new = |members| school.education_with(members);
        for caller in [school.headteacher(), school.leadership(), school.dsl(), school.staff()] {
            caller.post("/v1/education-sessions", new(json!({}))).await.is(201);
        }
        for caller in [school.it_technician(), school.governor(), school.chair(), school.parent(), school.pupil(), school.volunteer(), school.dpo(), school.service(), school.with_role(Role::DeputyDsl)] {
            caller.post("/v1/education-sessions", new(json!({}))).await.is(403);
        }
        for caller in [school.it_technician(), school.governor(), school.chair(), school.with_role(Role::DeputyDsl)] {
            assert_eq!(caller.get("/v1/education-sessions").await.is(200)["items"].as_array().unwrap().len(), 4);
        }
        for caller in [school.parent(), school.pupil(), school.volunteer(), school.service(), school.dpo()] {
            caller.get("/v1/education-sessions").await.is(403);
            caller.get("/v1/education-coverage").await.is(403);
        }
    }

    async fn a_session_has_been_held_by_somebody_who_is_no_pupil(school: School) {
        let post = |members| school.staff().post("/v1/education-sessions", school.education_with(members));
        post(json!({ "held_on": "2026-01-15" })).await.is(422).points_at(&[("/held_on", "in_the_future")]);
        post(json!({ "deliverer_id": school.pupil().id() })).await.is(422).points_at(&[("/deliverer_id", "pupil")]);
        post(json!({ "deliverer_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/deliverer_id", "unknown")]);
        post(json!({ "deliverer_id": school.other_school().await.staff().id() })).await.is(422).points_at(&[("/deliverer_id", "unknown")]);
        post(json!({ "topic": " " })).await.is(422).points_at(&[("/topic", "blank")]);
        post(json!({ "year_group": "year_7" })).await.is(400).points_at(&[("/year_group", "unknown_value")]);
        post(json!({ "pupils": [] })).await.is(400).points_at(&[("/pupils", "unknown_field")]);
    }

    async fn a_record_is_corrected_under_the_version_that_was_read(school: School) {
        let session = school.education_session(json!({ "resource": "https://example.org/kind" })).await;
        let url = session.url("");
        school.dsl().patch(&url, json!({ "year_group": "year_4" })).await.is(428);
        let edited = school.dsl().patch(&url, json!({ "year_group": "year_4", "resource": null })).if_match(session.etag()).await.is(200);
        assert!(edited["year_group"] == "year_4" && edited.json().get("resource").is_none(), "{edited}");
        school.dsl().patch(&url, json!({ "topic": "Late" })).if_match(session.etag()).await.is(412);
        school.dsl().patch(&url, json!({ "held_on": "2026-01-15" })).if_match(edited.etag()).await.is(422);
        school.governor().patch(&url, json!({ "topic": "Mine" })).if_match(edited.etag()).await.is(403);
        let other = school.other_school().await;
        other.headteacher().get(&url).await.is(404);
        other.headteacher().patch(&url, json!({ "topic": "Mine" })).if_match(edited.etag()).await.is(404);
        assert_eq!(school.staff().get("/v1/education-sessions?year_group=year_4").await.is(200)["items"][0]["id"], session["id"]);
        assert_eq!(school.staff().get("/v1/education-sessions?year_group=year_3&year_group=nursery").await.is(200)["items"], json!([]));
        let events = school.headteacher().get("/v1/events?subject_type=education_session").await.is(200);
        assert_eq!(events["items"][1]["data"]["changed"], json!(["year_group", "resource"]));
    }
}
