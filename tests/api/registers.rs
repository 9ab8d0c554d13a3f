//! BEH-6: staff's use at work is monitored openly. PU-PU-1: staff and pupils on personal accounts.

use serde_json::{Value, json};
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::credentials::leave;
use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines, with};

const MONITORING: &str = "/v1/workplace-monitoring";
const EXCEPTIONS: &str = "/v1/contact-exceptions";
const DECLARATIONS: &str = "/v1/contact-declarations";
const GAPS: &str = "/v1/contact-declaration-gaps";

impl School {
    pub async fn workplace_monitoring(&self) -> Reply {
        self.headteacher().post(MONITORING, monitored(json!({}))).await.is(201)
    }

    /// Somebody asks for contact with the school's pupil.
    pub async fn contact_exception(&self, asker: &Caller<'_>) -> Reply {
        asker.post(EXCEPTIONS, json!({ "pupil_id": self.pupil().id(), "relationship": "own_child" })).await.is(201)
    }
}

fn monitored(members: Value) -> Value {
    let record = json!({
        "activity": "Web filter", "lawful_basis": "public_task", "policy_reference": "AUP 4", "notice_given_on": "2026-01-05",
        "starts_on": "2026-01-12",
    });
    with(record, members)
}

fn without(mut object: Value, member: &str) -> Value {
    object.as_object_mut().unwrap().remove(member);
    object
}

fn decide<'s>(by: &Caller<'s>, exception: &Reply, action: &str, body: Value) -> Request<'s> {
    by.post(exception.url(action), body).if_match(exception.etag())
}

async fn gaps(by: &Caller<'_>) -> Vec<Value> {
    by.get(GAPS).await.is(200).each("person_id").into_iter().cloned().collect()
}

/// The events of one kind, as the headteacher follows them.
async fn events(school: &School, subject_type: &str) -> Reply {
    school.headteacher().get(format!("/v1/events?subject_type={subject_type}")).await.is(200)
}

on_both_engines! {
    async fn whoever_may_be_monitored_can_see_that_they_are(school: School) {
        let made = school.headteacher().post(MONITORING, monitored(json!({ "dpia_reference": "DPIA 3", "ends_on": "2026-07-22" }))).await.is(201);
        assert_eq!((&made["state"], &made["lawful_basis"], &made["allowed_actions"]), (&json!("recorded"), &json!("public_task"), &json!(["end"])));
        let deputy = school.with_role(Role::DeputyDsl);
        for caller in [school.staff(), school.leadership(), school.it_technician(), school.dsl(), deputy, school.volunteer(), school.governor(), school.dpo()] {
            let seen = caller.get(made.url("")).await.is(200);
            assert_eq!((&seen["policy_reference"], &seen["notice_given_on"], &seen["allowed_actions"]), (&json!("AUP 4"), &json!("2026-01-05"), &json!([])));
            assert_eq!(caller.get(MONITORING).await.is(200).each("id"), [&made["id"]]);
            caller.post(MONITORING, monitored(json!({}))).await.is(403).problem("forbidden").violates(&["BEH-6"]);
            caller.post(made.url("end"), json!({})).if_match(made.etag()).await.is(403).violates(&["BEH-6"]);
        }
        for caller in [school.parent(), school.pupil(), school.service()] {
            caller.get(made.url("")).await.is(403);
            caller.get(MONITORING).await.is(403);
        }
        let other = school.other_school().await;
        other.headteacher().get(made.url("")).await.is(404);
        assert_eq!(other.staff().get(MONITORING).await.is(200).items(), [] as [Value; 0]);
    }

    async fn monitoring_without_a_policy_or_without_notice_is_refused(school: School) {
        let head = school.headteacher();
        for policy in [without(monitored(json!({})), "policy_reference"), monitored(json!({ "policy_reference": " \t" }))] {
            let refused = head.post(MONITORING, policy).await.is(422).problem("policy_refused").violates(&["BEH-6"]);
            assert!(refused.points_at(&[("/policy_reference", "BEH-6")])["violations"][0]["cure"].is_string());
        }
        let refused = |members| head.post(MONITORING, monitored(members));
        head.post(MONITORING, without(monitored(json!({})), "notice_given_on")).await.is(422).violates(&["BEH-6"]).points_at(&[("/notice_given_on", "BEH-6")]);
        refused(json!({ "notice_given_on": "2026-01-13" })).await.is(422).violates(&["BEH-6"]).points_at(&[("/notice_given_on", "BEH-6")]);
        refused(json!({ "notice_given_on": "2026-01-15", "starts_on": "2026-01-20" })).await.is(422).points_at(&[("/notice_given_on", "in_the_future")]);
        let both = without(monitored(json!({ "policy_reference": "" })), "notice_given_on");
        head.post(MONITORING, both).await.is(422).violates(&["BEH-6"]).points_at(&[("/policy_reference", "BEH-6"), ("/notice_given_on", "BEH-6")]);
        refused(json!({ "ends_on": "2026-01-11" })).await.is(422).points_at(&[("/ends_on", "before_start")]);
        refused(json!({ "activity": " " })).await.is(422).points_at(&[("/activity", "blank")]);
        refused(json!({ "policy_reference": "a\u{0}b" })).await.is(422).points_at(&[("/policy_reference", "control_character")]);
        refused(json!({ "policy_reference": "x".repeat(201) })).await.is(422).points_at(&[("/policy_reference", "too_long")]);
        refused(json!({ "lawful_basis": "curiosity" })).await.is(400).problem("malformed_body");
        refused(json!({ "captured": "traffic" })).await.is(400).points_at(&[("/captured", "unknown_field")]);
        assert_eq!(head.get(MONITORING).await.is(200).items(), [] as [Value; 0]);
    }

    async fn a_monitoring_is_ended_once_by_the_version_that_was_read(school: School) {
        let head = school.headteacher();
        let record = school.workplace_monitoring().await;
        head.post(record.url("end"), json!({})).await.is(428);
        head.post(record.url("end"), json!({})).if_match("\"2\"").await.is(412);
        let ended = head.post(record.url("end"), json!({})).if_match(record.etag()).await.is(200);
        assert_eq!((&ended["state"], &ended["ends_on"], &ended["ended_by"]), (&json!("ended"), &json!("2026-01-14"), &json!(head.id())));
        head.post(record.url("end"), json!({})).if_match(ended.etag()).await.is(409).problem("state_conflict");
        let planned = head.post(MONITORING, monitored(json!({ "ends_on": "2026-01-13" }))).await.is(201);
        assert_eq!(head.post(planned.url("end"), json!({})).if_match(planned.etag()).await.is(200)["ends_on"], "2026-01-13");
        let feed = events(&school, "workplace_monitoring").await;
        assert_eq!(feed.each("type")[..2], ["workplace_monitoring.recorded", "workplace_monitoring.ended"]);
        assert!(!feed.text.contains("Web filter"), "{feed}");
        let pages = head.get(format!("{MONITORING}?limit=1")).await.is(200);
        let rest = head.get(format!("{MONITORING}?limit=1&cursor={}", pages["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((pages.each("id"), rest.each("id")), (vec![&record["id"]], vec![&planned["id"]]));
    }

    async fn the_head_decides_what_a_member_of_staff_asks_for_themselves(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        let asked = school.contact_exception(&staff).await;
        assert_eq!((&asked["person_id"], &asked["state"], &asked["allowed_actions"]), (&json!(staff.id()), &json!("requested"), &json!([])));
        for caller in [&staff, &school.dsl(), &school.leadership(), &school.it_technician()] {
            decide(caller, &asked, "grant", json!({})).await.is(403).problem("forbidden").violates(&["PU-PU-1"]);
        }
        decide(&school.chair(), &asked, "grant", json!({})).await.is(404);
        head.post(asked.url("grant"), json!({})).await.is(428);
        head.post(asked.url("grant"), json!({})).if_match("\"2\"").await.is(412);
        decide(&head, &asked, "end", json!({})).await.is(409).problem("state_conflict");
        assert_eq!(head.get(asked.url("")).await.is(200)["allowed_actions"], json!(["grant", "refuse"]));
        let granted = decide(&head, &asked, "grant", json!({ "reason": "Her own." })).await.is(200);
        assert_eq!((&granted["state"], &granted["decided_by"], &granted["allowed_actions"]), (&json!("granted"), &json!(head.id()), &json!(["end"])));
        decide(&head, &granted, "refuse", json!({ "reason": "No." })).await.is(409).problem("state_conflict");
        let ended = decide(&head, &granted, "end", json!({})).await.is(200);
        assert_eq!((&ended["state"], &ended["ended_by"], &ended["allowed_actions"]), (&json!("ended"), &json!(head.id()), &json!([])));

        let again = school.contact_exception(&staff).await;
        decide(&head, &again, "refuse", json!({})).await.is(400);
        decide(&head, &again, "refuse", json!({ "reason": " " })).await.is(422).points_at(&[("/reason", "blank")]);
        let refused = decide(&head, &again, "refuse", json!({ "reason": "Not yet." })).await.is(200);
        assert_eq!((&refused["state"], &staff.get(again.url("")).await.is(200)["decision_reason"]), (&json!("refused"), &json!("Not yet.")));
        assert_eq!(head.get(format!("{EXCEPTIONS}?state=refused")).await.is(200).each("id"), [&again["id"]]);
        let feed = events(&school, "contact_exception").await;
        let types = ["requested", "granted", "ended", "requested", "refused"].map(|what| json!(format!("contact_exception.{what}")));
        assert_eq!(feed.each("type"), types.iter().collect::<Vec<_>>());
        assert!(!feed.text.contains(&school.pupil().id().to_string()) && !feed.text.contains("Not yet"), "{feed}");
    }

    async fn nobody_decides_their_own_and_the_heads_is_the_chairs(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let own = school.contact_exception(&head).await;
        for (action, body) in [("grant", json!({})), ("refuse", json!({ "reason": "x" })), ("end", json!({}))] {
            decide(&head, &own, action, body).await.is(403).problem("conflict_of_interest").violates(&["PU-PU-1"]);
        }
        let second_head = school.person("second_head", &[Role::Headteacher]).await;
        decide(&second_head, &own, "grant", json!({})).await.is(403).problem("conflict_of_interest").violates(&["PU-PU-1"]);
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        decide(&school.leadership(), &own, "grant", json!({})).await.is(403).violates(&["PU-PU-1"]);
        assert_eq!(chair.get(EXCEPTIONS).await.is(200).each("allowed_actions"), [&json!(["grant", "refuse"])]);
        let granted = decide(&chair, &own, "grant", json!({})).await.is(200);
        decide(&head, &granted, "end", json!({})).await.is(403).violates(&["PU-PU-1"]);
        decide(&chair, &granted, "end", json!({})).await.is(200);

        let delegates = school.contact_exception(&school.leadership()).await;
        decide(&school.leadership(), &delegates, "grant", json!({})).await.is(403).violates(&["PU-PU-1"]);
        let colleagues = school.contact_exception(&school.staff()).await;
        decide(&school.leadership(), &colleagues, "grant", json!({})).await.is(200);
    }

    async fn an_exception_is_hidden_from_who_has_no_part_in_it(school: School) {
        let (asked, heads) = (school.contact_exception(&school.staff()).await, school.contact_exception(&school.headteacher()).await);
        let deputy = school.with_role(Role::DeputyDsl);
        for (caller, seen) in [
            (school.staff(), vec![&asked]),
            (school.chair(), vec![&heads]),
            (school.second_staff(), vec![]),
            (school.leadership(), vec![]),
            (school.it_technician(), vec![]),
            (school.headteacher(), vec![&asked, &heads]),
            (school.dsl(), vec![&asked, &heads]),
            (deputy, vec![&asked, &heads]),
            (school.other_school().await.headteacher(), vec![]),
        ] {
            assert_eq!(caller.get(EXCEPTIONS).await.is(200).each("id"), seen.iter().map(|one| &one["id"]).collect::<Vec<_>>());
            for one in [&asked, &heads] {
                caller.get(one.url("")).await.is(if seen.iter().any(|seen| seen["id"] == one["id"]) { 200 } else { 404 });
            }
        }
        for caller in [school.volunteer(), school.parent(), school.pupil(), school.governor(), school.dpo(), school.service()] {
            caller.get(EXCEPTIONS).await.is(403);
            caller.post(EXCEPTIONS, json!({ "pupil_id": school.pupil().id(), "relationship": "own_child" })).await.is(403).problem("forbidden");
        }
        school.chair().post(EXCEPTIONS, json!({ "pupil_id": school.pupil().id(), "relationship": "own_child" })).await.is(403);
    }

    async fn an_exception_is_for_one_pupil_current_or_former(school: School) {
        let staff = school.staff();
        let ask = |body| staff.post(EXCEPTIONS, body);
        let pupil = school.pupil();
        leave(&school, &pupil, "2020-07-22").await;
        ask(json!({ "pupil_id": pupil.id(), "relationship": "relative" })).await.is(201);
        let described = ask(json!({ "pupil_description": "Left in 2012.", "relationship": "other", "explanation": "We are married." })).await.is(201);
        assert_eq!((&described["pupil_description"], described.json().get("pupil_id")), (&json!("Left in 2012."), None));
        for (body, pointer) in [
            (json!({ "relationship": "own_child" }), "/pupil_id"),
            (json!({ "pupil_description": " ", "relationship": "own_child" }), "/pupil_id"),
            (json!({ "pupil_id": pupil.id(), "pupil_description": "x", "relationship": "own_child" }), "/pupil_description"),
            (json!({ "pupil_id": pupil.id(), "relationship": "other" }), "/explanation"),
            (json!({ "pupil_id": pupil.id(), "relationship": "other", "explanation": "\n" }), "/explanation"),
        ] {
            ask(body).await.is(422).problem("policy_refused").violates(&["PU-PU-1"]).points_at(&[(pointer, "PU-PU-1")]);
        }
        ask(json!({ "pupil_id": school.parent().id(), "relationship": "own_child" })).await.is(422).points_at(&[("/pupil_id", "no_pupil")]);
        for unknown in [Uuid::now_v7(), school.other_school().await.pupil().id().uuid()] {
            ask(json!({ "pupil_id": unknown, "relationship": "own_child" })).await.is(422).points_at(&[("/pupil_id", "unknown")]);
        }
        ask(json!({ "pupil_id": pupil.id(), "relationship": "friend" })).await.is(400);
        ask(json!({ "pupil_id": pupil.id(), "relationship": "own_child", "person_id": school.second_staff().id() })).await.is(400).points_at(&[("/person_id", "unknown_field")]);
    }

    async fn staff_declare_for_themselves_what_the_head_and_the_dsl_see(school: School) {
        let (head, staff, dsl) = (school.headteacher(), school.staff(), school.dsl());
        let none = staff.post(DECLARATIONS, json!({ "no_contact": true })).await.is(201);
        assert_eq!((&none["person_id"], &none["declared_on"]), (&json!(staff.id()), &json!("2026-01-14")));
        for silent in [json!({ "no_contact": false }), json!({ "no_contact": false, "explanation": " " })] {
            dsl.post(DECLARATIONS, silent).await.is(422).problem("policy_refused").violates(&["PU-PU-1"]).points_at(&[("/explanation", "PU-PU-1")]);
        }
        let some = dsl.post(DECLARATIONS, json!({ "no_contact": false, "explanation": "canary" })).await.is(201);
        staff.post(DECLARATIONS, json!({})).await.is(400);
        staff.post(DECLARATIONS, json!({ "no_contact": true, "person_id": dsl.id() })).await.is(400).points_at(&[("/person_id", "unknown_field")]);
        staff.post(DECLARATIONS, json!({ "no_contact": true, "declared_on": "2025-01-14" })).await.is(400).points_at(&[("/declared_on", "unknown_field")]);
        for caller in [&head, &dsl] {
            assert_eq!(caller.get(DECLARATIONS).await.is(200).each("id"), [&none["id"], &some["id"]]);
            caller.get(none.url("")).await.is(200);
        }
        assert_eq!(staff.get(DECLARATIONS).await.is(200).each("id"), [&none["id"]]);
        for caller in [&staff, &school.second_staff(), &school.with_role(Role::DeputyDsl), &school.other_school().await.headteacher()] {
            caller.get(some.url("")).await.is(404);
        }
        for caller in [school.volunteer(), school.parent(), school.pupil(), school.governor(), school.chair(), school.dpo(), school.service()] {
            caller.post(DECLARATIONS, json!({ "no_contact": true })).await.is(403).problem("forbidden");
            caller.get(DECLARATIONS).await.is(403);
            caller.get(GAPS).await.is(403);
        }
        let feed = events(&school, "contact_declaration").await;
        assert_eq!(feed.each("type"), ["contact_declaration.made"; 2]);
        assert!(!feed.text.contains("canary"), "{feed}");
    }

    async fn who_has_declared_nothing_for_a_year_is_a_gap(school: School) {
        let (head, staff, second) = (school.headteacher(), school.staff(), school.second_staff());
        assert_eq!(gaps(&head).await.len(), 7, "all who are staff, and nobody else");
        leave(&school, &school.leadership(), "2026-01-14").await;
        leave(&school, &school.it_technician(), "2026-01-15").await;
        staff.post(DECLARATIONS, json!({ "no_contact": true })).await.is(201);
        second.post(DECLARATIONS, json!({ "no_contact": false, "explanation": "x" })).await.is(201);
        let missing = gaps(&school.dsl()).await;
        assert_eq!(missing.len(), 4, "{missing:?}");
        assert!(missing.contains(&json!(school.it_technician().id())) && !missing.contains(&json!(staff.id())));
        assert_eq!((gaps(&staff).await, gaps(&school.with_role(Role::DeputyDsl)).await.len()), (vec![], 1));
        let pages = head.get(format!("{GAPS}?limit=3")).await.is(200);
        let rest = head.get(format!("{GAPS}?limit=3&cursor={}", pages["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((pages.items().len(), rest.items().len()), (3, 1));
        school.clock_at("2027-01-14T10:00:00Z");
        assert_eq!(gaps(&staff).await, [] as [Value; 0]);
        school.clock_at("2027-01-15T10:00:00Z");
        assert_eq!(gaps(&staff).await, [json!(staff.id())]);
        staff.post(DECLARATIONS, json!({ "no_contact": true })).await.is(201);
        assert_eq!(gaps(&staff).await, [] as [Value; 0]);
        assert_eq!(gaps(&school.other_school().await.headteacher()).await.len(), 7);
    }
}
