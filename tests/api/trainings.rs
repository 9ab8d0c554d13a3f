//! R-HT-1 and R-ST-2: the headteacher says what training is asked for, others vouch for it, and it runs out.

use serde_json::{Value, json};
use weald::policy::roles::Role;
use weald::policy::training::Activity;
use weald::resources::training_completions::rows::valid_until;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

impl School {
    /// The course of that title.
    pub async fn course(&self, title: &str) -> Reply {
        let courses = self.headteacher().get("/v1/courses").await.is(200);
        let course = courses["items"].as_array().unwrap().iter().find(|course| course["title"] == title).unwrap();
        self.headteacher().get(format!("/v1/courses/{}", course["id"].as_str().unwrap())).await.is(200)
    }

    /// A session of "Social media safety" that the one member of staff gave.
    pub async fn training_session(&self) -> Reply {
        self.staff().post("/v1/training-sessions", self.session_with(json!({})).await).await.is(201)
    }

    async fn session_with(&self, members: Value) -> Value {
        let course = self.course("Social media safety").await;
        with(json!({ "course_id": course["id"], "held_on": "2026-01-12", "trainer_id": self.staff().id() }), members)
    }

    /// That somebody completed "Social media safety".
    pub async fn completion(&self, of: &Caller<'_>, completed_on: &str) -> Reply {
        let new = self.completion_with(of, json!({ "completed_on": completed_on })).await;
        self.headteacher().post("/v1/training-completions", new).await.is(201)
    }

    async fn completion_with(&self, of: &Caller<'_>, members: Value) -> Value {
        let course = self.course("Social media safety").await;
        with(
            json!({ "person_id": of.id(), "course_id": course["id"], "completed_on": "2026-01-12", "evidence": "Signed the register." }),
            members,
        )
    }

    /// Somebody has completed every course, on this day.
    async fn trained(&self, person: &Caller<'_>, completed_on: &str) {
        let courses = self.headteacher().get("/v1/courses").await.is(200);
        for course in courses["items"].as_array().unwrap().iter().filter(|course| course["retired_at"].is_null()) {
            let new = self.completion_with(person, json!({ "course_id": course["id"], "completed_on": completed_on })).await;
            self.dsl().post("/v1/training-completions", new).await.is(201);
        }
    }
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn ids(page: &Reply) -> Vec<&Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect()
}

fn statuses(reply: &Reply) -> Vec<(u64, &str)> {
    let results = reply["results"].as_array().unwrap();
    results.iter().map(|one| (one["status"].as_u64().unwrap(), one["code"].as_str().unwrap_or_default())).collect()
}

on_both_engines! {
    async fn every_school_begins_with_the_courses_that_account_managers_need(school: School) {
        let page = school.parent().get("/v1/courses").await.is(200);
        let courses: Vec<_> = page["items"].as_array().unwrap().iter().map(|one| (one["title"].as_str().unwrap(), &one["required_for"], &one["validity_months"], &one["allowed_actions"])).collect();
        let asked = (&json!(["account_manager"]), &json!(12), &json!([]));
        assert_eq!(courses, ["Social media safety", "Safeguarding", "Data protection"].map(|title| (title, asked.0, asked.1, asked.2)));
        school.pupil().get("/v1/courses").await.is(403);
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(ids(&school.parent().get("/v1/courses").await.is(200)), ids(&page), "once");
    }

    async fn a_school_that_was_there_before_gets_its_courses_from_the_job_and_keeps_what_it_did_with_them(school: School) {
        let id = school.id;
        school.write(move |tx| {
            use diesel::prelude::*;
            use weald::db::schema::courses::dsl;
            diesel::delete(dsl::courses.filter(dsl::school_id.eq(id))).execute(tx)
        }).await;
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(ids(&school.staff().get("/v1/courses").await.is(200)).len(), 3);
        let events = school.headteacher().get("/v1/events?type=course.created").await.is(200);
        assert_eq!(events["items"].as_array().unwrap().len(), 3);
        for title in ["Social media safety", "Safeguarding", "Data protection"] {
            let course = school.course(title).await;
            school.headteacher().post(course.url("retire"), json!({})).if_match(course.etag()).await.is(200);
        }
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(ids(&school.staff().get("/v1/courses").await.is(200)).len(), 3, "what is retired does not come back");
    }

    async fn the_headteacher_sets_up_changes_and_retires_courses_and_nobody_else(school: School) {
        let new = json!({ "title": " Writing ", "required_for": ["account_manager", "account_manager"], "validity_months": 24 });
        for caller in [school.staff(), school.it_technician(), school.dsl(), school.chair(), school.service(), school.leadership()] {
            caller.post("/v1/courses", &new).await.is(403).problem("forbidden").violates(&["R-HT-1"]);
        }
        let head = school.headteacher();
        let course = head.post("/v1/courses", &new).await.is(201);
        assert_eq!((&course["title"], &course["required_for"], &course["allowed_actions"]), (&json!("Writing"), &json!(["account_manager"]), &json!(["edit", "retire"])));
        school.staff().patch(course.url(""), json!({ "title": "Mine" })).if_match(course.etag()).await.is(403);
        head.patch(course.url(""), json!({ "title": "Reading" })).await.is(428);
        let edited = head.patch(course.url(""), json!({ "title": "Reading", "required_for": [], "validity_months": 60 })).if_match(course.etag()).await.is(200);
        assert_eq!((&edited["title"], &edited["required_for"], &edited["validity_months"]), (&json!("Reading"), &json!([]), &json!(60)));
        head.patch(course.url(""), json!({ "title": "Late" })).if_match(course.etag()).await.is(412);
        let retired = head.post(course.url("retire"), json!({})).if_match(edited.etag()).await.is(200);
        assert_eq!((&retired["retired_at"], &retired["allowed_actions"]), (&json!("2026-01-14T10:00:00Z"), &json!([])));
        head.post(course.url("retire"), json!({})).if_match(retired.etag()).await.is(409).problem("state_conflict");
        head.patch(course.url(""), json!({ "title": "Again" })).if_match(retired.etag()).await.is(409).problem("state_conflict");
        let types: Vec<Value> = head.get(format!("/v1/events?subject_id={}", course["id"].as_str().unwrap())).await["items"].as_array().unwrap().iter().map(|one| one["type"].clone()).collect();
        assert_eq!(types, ["course.created", "course.changed", "course.retired"]);
    }

    async fn a_course_has_its_limits(school: School) {
        let head = school.headteacher();
        head.post("/v1/courses", json!({ "title": " ", "validity_months": 0 })).await.is(422).points_at(&[("/title", "blank"), ("/validity_months", "range")]);
        head.post("/v1/courses", json!({ "title": "A", "validity_months": 61 })).await.is(422).points_at(&[("/validity_months", "range")]);
        head.post("/v1/courses", json!({ "title": "A" })).await.is(400).points_at(&[("", "missing")]);
        head.post("/v1/courses", json!({ "title": "A", "validity_months": 1, "retired_at": "2026-01-01T00:00:00Z" })).await.is(400).points_at(&[("/retired_at", "unknown_field")]);
        head.post("/v1/courses", json!({ "title": "A", "validity_months": 1, "required_for": ["flying"] })).await.is(400).points_at(&[("/required_for/0", "unknown_value")]);
    }

    async fn a_session_has_one_trainer_of_the_school_or_from_outside(school: School) {
        let head = school.headteacher();
        let planned = head.post("/v1/training-sessions", school.session_with(json!({ "held_on": "2026-03-01", "place": "Hall" })).await).await.is(201);
        assert_eq!((&planned["held_on"], &planned["trainer_id"]), (&json!("2026-03-01"), &json!(school.staff().id())));
        let mut outside = school.session_with(json!({ "trainer_name": "A. Trainer" })).await;
        head.post("/v1/training-sessions", &outside).await.is(422).points_at(&[("/trainer_id", "one_trainer")]);
        outside.as_object_mut().unwrap().remove("trainer_id");
        let outside = head.post("/v1/training-sessions", outside).await.is(201);
        assert_eq!(outside["trainer_name"], "A. Trainer");
        head.patch(outside.url(""), json!({ "trainer_name": null })).if_match(outside.etag()).await.is(422).points_at(&[("/trainer_id", "one_trainer")]);
        head.patch(outside.url(""), json!({ "trainer_id": school.pupil().id(), "trainer_name": null })).if_match(outside.etag()).await.is(422).points_at(&[("/trainer_id", "pupil")]);
        let edited = head.patch(outside.url(""), json!({ "trainer_id": school.staff().id(), "trainer_name": null, "note": "Moved." })).if_match(outside.etag()).await.is(200);
        assert!(edited.json().get("trainer_name").is_none() && edited["note"] == "Moved.", "{edited}");
        head.patch(outside.url(""), json!({ "note": "Late." })).if_match(outside.etag()).await.is(412);
        head.post("/v1/training-sessions", school.session_with(json!({ "course_id": uuid::Uuid::now_v7() })).await).await.is(422).points_at(&[("/course_id", "unknown")]);
        let course = school.course("Social media safety").await;
        head.post(course.url("retire"), json!({})).if_match(course.etag()).await.is(200);
        head.post("/v1/training-sessions", school.session_with(json!({})).await).await.is(409).problem("policy_gate").violates(&["R-HT-1"]);
        assert_eq!(ids(&head.get(format!("/v1/training-sessions?course_id={}", course["id"].as_str().unwrap())).await.is(200)).len(), 2);
        assert_eq!(ids(&head.get(format!("/v1/training-sessions?course_id={}", school.course("Safeguarding").await["id"].as_str().unwrap())).await.is(200)).len(), 0);
    }

    async fn staff_record_the_sessions_that_they_give_and_see_no_others(school: School) {
        let theirs = school.session_with(json!({ "trainer_id": school.second_staff().id() })).await;
        school.staff().post("/v1/training-sessions", &theirs).await.is(403).problem("forbidden");
        let theirs = school.second_staff().post("/v1/training-sessions", theirs).await.is(201);
        let own = school.training_session().await;
        school.staff().get(theirs.url("")).await.is(404);
        school.staff().patch(theirs.url(""), json!({ "place": "Hall" })).if_match(theirs.etag()).await.is(404);
        assert_eq!(ids(&school.staff().get("/v1/training-sessions").await.is(200)), [&own["id"]]);
        assert_eq!(ids(&school.dsl().get("/v1/training-sessions").await.is(200)).len(), 2);
        school.staff().patch(own.url(""), json!({ "trainer_id": school.second_staff().id() })).if_match(own.etag()).await.is(403);
        school.staff().patch(own.url(""), json!({ "place": "Hall" })).if_match(own.etag()).await.is(200);
        for caller in [school.parent(), school.volunteer(), school.governor(), school.pupil(), school.dpo(), school.chair()] {
            caller.get("/v1/training-sessions").await.is(403);
        }
    }

    async fn a_completion_counts_through_the_end_of_its_last_local_day(school: School) {
        let completion = school.completion(&school.staff(), "2026-01-14").await;
        assert_eq!((&completion["expires_on"], &completion["current"], &completion["allowed_actions"]), (&json!("2027-01-14"), &json!(true), &json!(["revoke"])));
        let current = async || school.headteacher().get(completion.url("")).await.is(200)["current"].clone();
        school.clock_at("2027-01-14T23:59:59Z");
        assert_eq!(current().await, true);
        school.clock_at("2027-01-15T00:00:00Z");
        assert_eq!(current().await, false);
        let leap = school.completion(&school.second_staff(), "2024-02-29").await;
        assert_eq!((&leap["expires_on"], &leap["current"]), (&json!("2025-02-28"), &json!(false)));
        let summer = school.course("Safeguarding").await;
        let new = school.completion_with(&school.staff(), json!({ "course_id": summer["id"], "completed_on": "2026-06-30" })).await;
        let summer = school.headteacher().post("/v1/training-completions", new).await.is(201);
        school.clock_at("2027-06-30T22:59:59Z");
        assert_eq!(school.headteacher().get(summer.url("")).await["current"], true);
        school.clock_at("2027-06-30T23:00:00Z");
        assert_eq!(school.headteacher().get(summer.url("")).await["current"], false, "by the school's clock");
    }

    async fn a_change_of_the_course_leaves_what_is_on_file_as_it_is(school: School) {
        let completion = school.completion(&school.staff(), "2026-01-14").await;
        let course = format!("/v1/courses/{}", completion["course_id"].as_str().unwrap());
        school.headteacher().patch(course, json!({ "validity_months": 1 })).if_match("\"1\"").await.is(200);
        assert_eq!(school.headteacher().get(completion.url("")).await["expires_on"], "2027-01-14");
        assert_eq!(school.completion(&school.staff(), "2026-01-13").await["expires_on"], "2026-02-13");
    }

    async fn nobody_vouches_for_themselves(school: School) {
        let session = school.training_session().await;
        for caller in [school.headteacher(), school.dsl(), school.staff(), school.it_technician(), school.leadership(), school.with_role(Role::DeputyDsl)] {
            let own = school.completion_with(&caller, json!({ "session_id": session["id"] })).await;
            caller.post("/v1/training-completions", own).await.is(403).problem("conflict_of_interest").violates(&["R-ST-2"]);
        }
        for caller in [school.parent(), school.volunteer(), school.governor(), school.chair(), school.dpo(), school.pupil()] {
            caller.post("/v1/training-completions", school.completion_with(&caller, json!({})).await).await.is(403).problem("forbidden");
        }
        let heads = school.dsl().post("/v1/training-completions", school.completion_with(&school.headteacher(), json!({})).await).await.is(201);
        assert_eq!(school.headteacher().get(heads.url("")).await.is(200)["allowed_actions"], json!([]));
        school.headteacher().post(heads.url("revoke"), json!({ "reason": "Mine." })).if_match(heads.etag()).await.is(403).problem("conflict_of_interest");
    }

    async fn staff_record_the_completions_of_sessions_that_they_give_and_of_no_others(school: School) {
        let (own, second) = (school.training_session().await, school.second_staff());
        let theirs = second.post("/v1/training-sessions", school.session_with(json!({ "trainer_id": second.id() })).await).await.is(201);
        let new = async |session: Value| school.completion_with(&second, session).await;
        school.staff().post("/v1/training-completions", new(json!({})).await).await.is(403).problem("forbidden");
        school.staff().post("/v1/training-completions", new(json!({ "session_id": theirs["id"] })).await).await.is(422).points_at(&[("/session_id", "unknown")]);
        let recorded = school.staff().post("/v1/training-completions", new(json!({ "session_id": own["id"] })).await).await.is(201);
        assert_eq!((&recorded["recorded_by"], &recorded["allowed_actions"]), (&json!(school.staff().id()), &json!(["revoke"])));
        let heads = school.completion(&second, "2025-06-01").await;
        school.staff().get(heads.url("")).await.is(404);
        school.staff().post(heads.url("revoke"), json!({ "reason": "No." })).if_match(heads.etag()).await.is(404);
        // The same completion, on record where this trainer does not see it.
        let of_head = school.completion(&school.person("colleague", &[Role::Staff]).await, "2026-01-12").await;
        let again = with(json!({ "person_id": of_head["person_id"], "course_id": of_head["course_id"], "completed_on": "2026-01-12", "evidence": "Again." }), json!({ "session_id": own["id"] }));
        school.staff().post("/v1/training-completions", again).await.is(409).problem("already_exists");
        school.staff().post(recorded.url("revoke"), json!({ "reason": "Left early." })).if_match(recorded.etag()).await.is(200);
    }

    async fn most_people_see_their_own_completions_and_some_see_all(school: School) {
        let (one, two) = (school.completion(&school.staff(), "2026-01-12").await, school.completion(&school.parent(), "2024-01-12").await);
        for caller in [school.headteacher(), school.dsl(), school.with_role(Role::DeputyDsl), school.dpo(), school.service()] {
            assert_eq!(ids(&caller.get("/v1/training-completions").await.is(200)), [&one["id"], &two["id"]]);
        }
        for (caller, seen) in [(school.staff(), vec![&one["id"]]), (school.parent(), vec![&two["id"]]), (school.second_staff(), vec![]), (school.governor(), vec![]), (school.chair(), vec![]), (school.it_technician(), vec![])] {
            assert_eq!(ids(&caller.get("/v1/training-completions").await.is(200)), seen);
        }
        school.parent().get(one.url("")).await.is(404);
        assert_eq!(school.parent().get(two.url("")).await.is(200)["allowed_actions"], json!([]));
        school.pupil().get("/v1/training-completions").await.is(403);
        let head = school.headteacher();
        assert_eq!(ids(&head.get("/v1/training-completions?current=true").await), [&one["id"]]);
        assert_eq!(ids(&head.get("/v1/training-completions?current=false").await), [&two["id"]]);
        assert_eq!(ids(&head.get(format!("/v1/training-completions?person_id={}", school.parent().id())).await), [&two["id"]]);
        assert_eq!(ids(&head.get(format!("/v1/training-completions?course_id={}", school.course("Safeguarding").await["id"].as_str().unwrap())).await).len(), 0);
        let first = head.get("/v1/training-completions?limit=1").await.is(200);
        let second = head.get(format!("/v1/training-completions?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((ids(&first), ids(&second)), (vec![&one["id"]], vec![&two["id"]]));
        head.get("/v1/training-completions?current=maybe").await.is(400).problem("malformed_query");
    }

    async fn the_same_completion_is_recorded_once(school: School) {
        let first = school.completion(&school.staff(), "2026-01-12").await;
        let new = school.completion_with(&school.staff(), json!({ "evidence": "Another text." })).await;
        let again = school.service().post("/v1/training-completions", &new).await.is(200);
        assert_eq!(again.json(), school.service().get(first.url("")).await.json());
        assert_eq!(again["evidence"], "Signed the register.");
        assert_eq!(school.headteacher().get("/v1/events?type=training_completion.recorded").await["items"].as_array().unwrap().len(), 1);
        let revoked = school.headteacher().post(first.url("revoke"), json!({ "reason": "Wrong person." })).if_match(first.etag()).await.is(200);
        assert_eq!((&revoked["current"], &revoked["revoked_reason"], &revoked["revoked_by"]), (&json!(false), &json!("Wrong person."), &json!(school.headteacher().id())));
        school.headteacher().post(first.url("revoke"), json!({ "reason": "Again." })).if_match(revoked.etag()).await.is(409).problem("state_conflict");
        let anew = school.service().post("/v1/training-completions", &new).await.is(201);
        assert_ne!(anew["id"], first["id"], "what is revoked can be recorded anew");
        assert!(anew.json().get("recorded_by").is_none(), "a service is nobody");
        school.headteacher().post(anew.url("revoke"), json!({ "reason": "x" })).await.is(428);
        school.headteacher().post(anew.url("revoke"), json!({ "reason": "x" })).if_match("\"7\"").await.is(412);
        school.headteacher().post(anew.url("revoke"), json!({ "reason": " " })).if_match(anew.etag()).await.is(422).points_at(&[("/reason", "blank")]);
    }

    async fn what_cannot_have_been_is_refused(school: School) {
        let head = school.headteacher();
        let post = async |members: Value| head.post("/v1/training-completions", school.completion_with(&school.staff(), members).await).await;
        post(json!({ "completed_on": "2026-01-15" })).await.is(422).points_at(&[("/completed_on", "in_the_future")]);
        for wrong in ["1899-12-31", "2026-02-30", "2026-01-12T00:00:00Z"] {
            post(json!({ "completed_on": wrong })).await.is(400).points_at(&[("/completed_on", "wrong_type")]);
        }
        post(json!({ "completed_on": "1900-01-01" })).await.is(201);
        post(json!({ "evidence": " " })).await.is(422).points_at(&[("/evidence", "blank")]);
        post(json!({ "person_id": school.pupil().id() })).await.is(422).problem("policy_refused").violates(&["R-ST-2"]).points_at(&[("/person_id", "R-ST-2")]);
        post(json!({ "person_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/person_id", "unknown")]);
        post(json!({ "session_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/session_id", "unknown")]);
        let session = school.training_session().await;
        post(json!({ "session_id": session["id"], "completed_on": "2026-01-11" })).await.is(422).points_at(&[("/completed_on", "before_session")]);
        let other = school.course("Safeguarding").await;
        post(json!({ "session_id": session["id"], "course_id": other["id"] })).await.is(422).points_at(&[("/course_id", "another_course")]);
        let first = post(json!({})).await.is(201);
        head.post(format!("/v1/courses/{}/retire", first["course_id"].as_str().unwrap()), json!({})).if_match("\"1\"").await.is(200);
        post(json!({ "completed_on": "2026-01-13" })).await.is(409).problem("policy_gate").violates(&["R-HT-1"]);
        assert_eq!(post(json!({})).await.is(200)["id"], first["id"], "what is on file stays");
    }

    async fn the_day_of_a_session_stays_once_it_has_been_completed(school: School) {
        let session = school.training_session().await;
        let moved = school.staff().patch(session.url(""), json!({ "held_on": "2026-01-13" })).if_match(session.etag()).await.is(200);
        let register = json!({ "items": [{ "person_id": school.parent().id() }] });
        school.staff().post(session.url("completions/batch"), register).idempotency_key("a").await.is(207);
        school.staff().patch(session.url(""), json!({ "held_on": "2026-01-12" })).if_match(moved.etag()).await.is(409).problem("in_use");
        school.staff().patch(session.url(""), json!({ "held_on": "2026-01-13", "place": "Hall" })).if_match(moved.etag()).await.is(200);
    }

    async fn a_register_is_recorded_at_once_with_a_result_for_each(school: School) {
        let session = school.training_session().await;
        let before = school.completion(&school.governor(), "2026-01-12").await;
        let register = json!({ "items": [
            { "person_id": school.second_staff().id() }, { "person_id": school.parent().id(), "evidence": "Passed the quiz." },
            { "person_id": school.staff().id() }, { "person_id": school.pupil().id() }, { "person_id": uuid::Uuid::now_v7() },
            { "person_id": school.second_staff().id() }, { "person_id": school.governor().id() },
        ] });
        let batch = |body: &Value| school.staff().post(session.url("completions/batch"), body.clone());
        batch(&register).await.is(400).problem("malformed_header");
        let reply = batch(&register).idempotency_key("a").await.is(207);
        assert_eq!(statuses(&reply), [(201, ""), (201, ""), (403, "conflict_of_interest"), (422, "policy_refused"), (422, "validation_failed"), (200, ""), (200, "")]);
        assert_eq!((&reply["results"][5]["completion_id"], &reply["results"][6]["completion_id"]), (&reply["results"][0]["completion_id"], &before["id"]));
        let seen = school.headteacher().get("/v1/training-completions").await.is(200);
        let evidence: Vec<_> = seen["items"].as_array().unwrap().iter().map(|one| one["evidence"].as_str().unwrap()).collect();
        assert_eq!(evidence, ["Signed the register.", "Attended the session of 2026-01-12.", "Passed the quiz."]);
        assert_eq!(school.headteacher().get("/v1/events?type=training_completion.recorded").await["items"].as_array().unwrap().len(), 3);
        let again = batch(&register).idempotency_key("a").await.is(207);
        assert_eq!((again.json(), again.header("idempotency-replayed")), (reply.json(), "true"));
        batch(&json!({ "items": [{ "person_id": school.dpo().id() }] })).idempotency_key("a").await.is(422).problem("idempotency_key_reused");
        assert_eq!(ids(&school.staff().get("/v1/training-completions").await.is(200)).len(), 2, "the trainer sees whom they trained");
    }

    async fn a_register_of_a_thousand_is_one_transaction(school: School) {
        let (session, id, now) = (school.training_session().await, school.id, school.now());
        let people = school.write(move |tx| {
            use weald::resources::people::rows::{PersonRow, insert};
            (0..1000).map(|_| {
                let person = weald::db::types::PersonId::new();
                let row = PersonRow {
                    school_id: id, id: person, given_name: "Jo".into(), family_name: "Weald".into(), email: None,
                    kind: weald::policy::roles::PersonKind::Volunteer, external_source: None, external_id: None, left_on: None,
                    version: 1, created_at: now, updated_at: now,
                    year_group: None,
                };
                insert(tx, &row).map(|()| person)
            }).collect::<Result<Vec<_>, _>>()
        }).await;
        let items: Vec<Value> = people.iter().map(|person| json!({ "person_id": person })).collect();
        let reply = school.dsl().post(session.url("completions/batch"), json!({ "items": items })).idempotency_key("a").await.is(207);
        assert!(statuses(&reply).iter().all(|status| *status == (201, "")) && statuses(&reply).len() == 1000);
        let one_more = [items, vec![json!({ "person_id": school.parent().id() })]].concat();
        school.dsl().post(session.url("completions/batch"), json!({ "items": one_more })).idempotency_key("b").await.is(422).points_at(&[("/items", "length")]);
        school.dsl().post(session.url("completions/batch"), json!({ "items": [] })).idempotency_key("c").await.is(422).points_at(&[("/items", "length")]);
    }

    async fn a_register_is_for_a_session_that_was_held_and_that_the_caller_gives(school: School) {
        let register = json!({ "items": [{ "person_id": school.parent().id() }] });
        let ahead = school.staff().post("/v1/training-sessions", school.session_with(json!({ "held_on": "2026-01-15" })).await).await.is(201);
        school.staff().post(ahead.url("completions/batch"), &register).idempotency_key("a").await.is(409).problem("policy_gate").violates(&["R-ST-2"]);
        let session = school.training_session().await;
        school.second_staff().post(session.url("completions/batch"), &register).idempotency_key("a").await.is(404);
        school.other_school().await.headteacher().post(session.url("completions/batch"), &register).idempotency_key("a").await.is(404);
        school.parent().post(session.url("completions/batch"), &register).idempotency_key("a").await.is(403);
        let bad = json!({ "items": [{ "person_id": school.parent().id(), "evidence": " " }, { "person_id": "x" }] });
        school.staff().post(session.url("completions/batch"), bad).idempotency_key("a").await.is(400).points_at(&[("/items/1/person_id", "wrong_type")]);
        let blank = json!({ "items": [{ "person_id": school.parent().id(), "evidence": " " }] });
        school.staff().post(session.url("completions/batch"), blank).idempotency_key("a").await.is(422).points_at(&[("/items/0/evidence", "blank")]);
        school.headteacher().post(format!("/v1/courses/{}/retire", session["course_id"].as_str().unwrap()), json!({})).if_match("\"1\"").await.is(200);
        school.staff().post(session.url("completions/batch"), &register).idempotency_key("a").await.is(409).violates(&["R-HT-1"]);
        assert_eq!(ids(&school.headteacher().get("/v1/training-completions").await.is(200)).len(), 0);
    }

    async fn whoever_runs_an_account_without_training_in_date_is_a_gap(school: School) {
        let head = school.headteacher();
        let gaps = async || head.get("/v1/training-gaps?activity=account_manager").await.is(200)["items"].clone();
        assert_eq!(gaps().await, json!([]), "nobody runs an account");
        let account = school.newcomers_account().await;
        let (staff, second) = (school.staff(), school.second_staff());
        assert_eq!(gaps().await.as_array().unwrap().iter().map(|gap| &gap["person_id"]).collect::<Vec<_>>(), [&json!(staff.id()), &json!(second.id())]);
        school.trained(&staff, "2026-01-10").await;
        school.trained(&second, "2025-01-10").await;
        let lapsed = gaps().await;
        assert_eq!(lapsed.as_array().unwrap().len(), 1);
        let courses = school.parent().get("/v1/courses").await;
        let missing: Vec<Value> = ids(&courses).into_iter().map(|id| json!({ "course_id": id, "last_expired_on": "2026-01-10" })).collect();
        assert_eq!(lapsed[0], json!({ "person_id": second.id(), "missing": missing }));
        // A newer completion counts, whichever was recorded last, until it is revoked.
        school.trained(&second, "2026-01-11").await;
        school.completion(&second, "2024-05-01").await;
        assert_eq!(gaps().await, json!([]));
        school.clock_at("2027-01-11T10:00:00Z");
        assert_eq!(gaps().await.as_array().unwrap().iter().map(|gap| &gap["person_id"]).collect::<Vec<_>>(), [&json!(staff.id())], "expired the day before");
        school.clock_at("2026-01-14T10:00:00Z");
        let latest = head.get(format!("/v1/training-completions?current=true&person_id={}", second.id())).await["items"][0].clone();
        head.post(format!("/v1/training-completions/{}/revoke", latest["id"].as_str().unwrap()), json!({ "reason": "Forged." })).if_match("\"1\"").await.is(200);
        assert_eq!(gaps().await, json!([{ "person_id": second.id(), "missing": [{ "course_id": latest["course_id"], "last_expired_on": "2026-01-10" }] }]));
        // What is retired is not required.
        head.post(format!("/v1/courses/{}/retire", latest["course_id"].as_str().unwrap()), json!({})).if_match("\"1\"").await.is(200);
        assert_eq!(gaps().await, json!([]));
        head.post("/v1/courses", json!({ "title": "New", "required_for": ["account_manager"], "validity_months": 12 })).await.is(201);
        assert_eq!(gaps().await.as_array().unwrap().len(), 2);
        let first = head.get("/v1/training-gaps?limit=1").await.is(200);
        let rest = head.get(format!("/v1/training-gaps?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((&first["items"][0]["person_id"], &rest["items"][0]["person_id"]), (&json!(staff.id()), &json!(second.id())));
        assert!(rest.json().get("next_cursor").is_none(), "{rest}");
        school.it_technician().post(account.url("close"), json!({ "reason": "Moved." })).if_match(account.etag()).await.is(200);
        assert_eq!(gaps().await, json!([]), "a closed account is run by nobody");
        for caller in [school.staff(), school.parent(), school.governor(), school.chair(), school.service()] {
            caller.get("/v1/training-gaps").await.is(403);
        }
        for caller in [school.it_technician(), school.dsl(), school.dpo()] {
            caller.get("/v1/training-gaps").await.is(200);
        }
        head.get("/v1/training-gaps?activity=flying").await.is(400).problem("malformed_query");
    }

    async fn the_validity_of_many_people_is_asked_for_at_once(school: School) {
        school.trained(&school.staff(), "2026-01-10").await;
        school.completion(&school.staff(), "2026-01-12").await;
        let (id, staff, parent) = (school.id, school.staff().id(), school.parent().id());
        let validity = school.read(move |conn| valid_until(conn, id, Activity::AccountManager, &[staff, parent])).await;
        let until = |person| validity.of(person).map(|(_, until)| until.map(|day| day.to_string())).collect::<Vec<_>>();
        assert_eq!(until(staff), ["2027-01-12", "2027-01-10", "2027-01-10"].map(|day| Some(day.to_owned())));
        assert_eq!(until(parent), [None, None, None]);
    }

    async fn another_schools_training_does_not_exist(school: School) {
        let other = school.other_school().await;
        let (session, completion, course) = (other.training_session().await, other.completion(&other.staff(), "2026-01-12").await, other.course("Safeguarding").await);
        let head = school.headteacher();
        for url in [session.url(""), completion.url(""), format!("/v1/courses/{}", course["id"].as_str().unwrap())] {
            head.get(url).await.is(404);
        }
        head.post(completion.url("revoke"), json!({ "reason": "x" })).if_match(completion.etag()).await.is(404);
        let new = async |members: Value| head.post("/v1/training-completions", school.completion_with(&school.staff(), members).await).await.is(422);
        new(json!({ "course_id": course["id"] })).await.points_at(&[("/course_id", "unknown")]);
        new(json!({ "person_id": other.staff().id() })).await.points_at(&[("/person_id", "unknown")]);
        new(json!({ "session_id": session["id"] })).await.points_at(&[("/session_id", "unknown")]);
        head.post("/v1/training-sessions", school.session_with(json!({ "trainer_id": other.staff().id() })).await).await.is(422).points_at(&[("/trainer_id", "unknown")]);
        assert_eq!(ids(&head.get("/v1/training-completions").await).len() + ids(&head.get("/v1/training-sessions").await).len(), 0);
    }

    async fn whom_a_training_record_names_is_not_erased(school: School) {
        let volunteer = school.person("volunteer2", &[Role::Volunteer]).await;
        school.completion(&volunteer, "2026-01-12").await;
        school.it_technician().delete(format!("/v1/people/{}", volunteer.id())).if_match("\"1\"").await.is(409).problem("in_use");
    }
}
