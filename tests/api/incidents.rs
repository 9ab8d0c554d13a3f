//! Incidents: who reports, who leads, what has to come before what.

use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::{School, on_both_engines};

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

async fn head_leaves(school: &School, day: Option<&str>) {
    use diesel::prelude::*;
    use weald::db::schema::people;
    let (id, head, day) = (school.id, school.headteacher().id(), day.map(|day| day.parse::<chrono::NaiveDate>().unwrap()));
    school.write(move |tx| diesel::update(people::table.find((id, head))).set(people::left_on.eq(day)).execute(tx)).await;
}

on_both_engines! {
    async fn everybody_can_report_at_any_hour_and_reads_their_own_report(school: School) {
        school.clock_at("2026-01-18T03:00:00Z");
        for role in Role::iter().filter(|&role| role != Role::MisIntegration) {
            let reporter = school.with_role(role);
            let receipt = reporter.post("/v1/incidents", json!({ "description": "I am worried about a post." })).await.is(201);
            assert_eq!((&receipt["lead_role"], &receipt["late_report"]), (&json!("headteacher"), &json!(false)), "{role}");
            let own = reporter.get(receipt.url("")).await.is(200);
            let lead = role == Role::Headteacher;
            assert_eq!(own["capacity"], if lead { "lead" } else { "reporter" }, "{role}");
            assert_eq!(own.json().get("details").is_some(), lead, "{role}: {own}");
        }
        let service = school.service().post("/v1/incidents", json!({ "description": "Found by a filter." })).await.is(201);
        assert_eq!(school.headteacher().get(service.url("")).await.is(200)["details"].get("reporter_id"), None);
        school.service().get(service.url("")).await.is(403);
        assert_eq!(school.headteacher().get("/v1/incidents?limit=200").await.is(200).items().len(), 13);
        assert_eq!(school.pupil().get("/v1/incidents").await.is(200).items().len(), 1);
        school.second_staff().get(service.url("")).await.is(404);
    }

    async fn a_report_is_refused_for_what_is_wrong_with_it(school: School) {
        let report = async |body: Value| school.staff().post("/v1/incidents", body).await;
        report(json!({ "description": " " })).await.is(422).points_at(&[("/description", "blank")]);
        report(json!({ "description": "x", "category": "gossip" })).await.is(400);
        report(json!({ "description": "x", "state": "closed" })).await.is(400);
        let somebody = Uuid::now_v7();
        let twice = school.parent().id();
        report(json!({ "description": "x", "subjects": [{ "person_id": somebody }, {}, { "person_id": twice }, { "person_id": twice }] }))
            .await
            .is(422)
            .points_at(&[("/subjects/0/person_id", "unknown"), ("/subjects/1", "person_or_description"), ("/subjects/3/person_id", "duplicate")]);
        report(json!({ "description": "x", "account_ids": [somebody], "comment_ids": [somebody], "monitoring_check_ids": [somebody], "mention_ids": [somebody] }))
            .await
            .is(422)
            .points_at(&[("/account_ids/0", "unknown"), ("/comment_ids/0", "unknown"), ("/monitoring_check_ids/0", "unknown"), ("/mention_ids/0", "unknown")]);
        report(json!({ "description": "x", "discovered_at": "2026-01-14T10:06:00Z" })).await.is(422).points_at(&[("/discovered_at", "in_the_future")]);
        report(json!({ "description": "x", "evidence": [{ "kind": "link", "value": "ftp://x" }, { "kind": "sha256", "value": "beef" }] }))
            .await
            .is(422)
            .points_at(&[("/evidence/0/value", "not_of_its_kind"), ("/evidence/1/value", "not_of_its_kind")]);
        let link = json!([{ "kind": "link", "value": "https://social.example/p/1" }]);
        report(json!({ "description": "x", "category": "nudes_semi_nudes", "evidence": link })).await.is(422).problem("policy_refused").violates(&["IMG-5"]);
        report(json!({ "description": "x", "category": "excessive_personal_use" })).await.is(422).violates(&["PU-ST-3"]);
        assert_eq!(school.headteacher().get("/v1/incidents").await.is(200).items().len(), 0, "no trace");
        let guided = report(json!({ "description": "x", "category": "nudes_semi_nudes" })).await.is(201);
        assert_eq!(guided["guidance"], json!(["stop", "do_not_copy_image", "tell_safeguarding_lead"]));
        report(json!({ "description": "x", "category": "offensive", "evidence": link })).await.is(201);
    }

    async fn a_report_names_the_posting_that_it_is_about_also_after_it_was_purged(school: School) {
        let head = school.headteacher();
        let mention = school.mention(&head, json!({})).await;
        let incident = school.reported(&school.staff(), json!({ "mention_ids": [mention["id"]] })).await;
        assert_eq!(head.get(incident.url("")).await.is(200)["details"]["mention_ids"], json!([mention["id"]]));
        head.moves(&mention, "assess", json!({ "scope": "out_of_scope", "reason": "A private matter." })).await.is(204);
        head.get(mention.url("")).await.is(404);
        assert_eq!(head.get(incident.url("")).await.is(200)["details"]["mention_ids"], json!([mention["id"]]));
    }

    async fn a_late_report_is_flagged(school: School) {
        let late = school.reported(&school.staff(), json!({ "discovered_at": "2026-01-11T10:00:00Z" })).await;
        assert_eq!(late["late_report"], true);
        assert_eq!(school.headteacher().get(late.url("")).await.is(200)["minutes_to_report"], 3 * 24 * 60);
        let in_time = school.reported(&school.staff(), json!({ "discovered_at": "2026-01-13T10:00:00Z" })).await;
        assert_eq!(in_time["late_report"], false);
    }

    async fn a_former_colleague_and_a_stranger_can_be_named(school: School) {
        let former = school.person("former", &[Role::Staff]).await;
        let seen = school.headteacher().get(former.url("")).await;
        school.headteacher().post(former.url("leave"), json!({ "left_on": "2026-01-10" })).if_match(seen.etag()).await.is(200);
        let incident = school.reported(&former, json!({ "subjects": [{ "person_id": former.id() }, { "description": "A fake account" }] })).await;
        let subjects = school.headteacher().get(incident.url("")).await.is(200)["details"]["subjects"].clone();
        assert_eq!((&subjects[0]["status_at_time"], &subjects[1]["status_at_time"]), (&json!("former_staff"), &json!("unknown")));
        school.headteacher().delete(former.url("")).if_match("\"2\"").await.is(409);
    }

    async fn an_illegal_post_of_a_colleague_goes_to_the_police_before_it_is_closed(school: School) {
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({})).await;
        // Nothing before the assessment, and nothing by anybody else.
        for (action, body) in [("investigate", json!({})), ("record-action", json!({ "action_taken": "x" })), ("close", json!({ "outcome": "apology", "outcome_notice": "x" }))] {
            head.moves(&incident, action, body).await.is(409).problem("state_conflict").violates(&["R-HT-4"]);
        }
        for other in [school.leadership(), school.it_technician(), school.staff(), school.dpo(), school.dsl()] {
            other.moves(&incident, "assess", School::assessment(json!({}))).await.is(403).violates(&["R-HT-3"]);
        }
        head.post(incident.url("assess"), School::assessment(json!({}))).await.is(428);
        head.post(incident.url("assess"), School::assessment(json!({}))).if_match("\"7\"").await.is(412);
        let mut incomplete = School::assessment(json!({}));
        incomplete.as_object_mut().unwrap().remove("scope");
        head.moves(&incident, "assess", incomplete).await.is(422).violates(&["SC-1"]);
        let mut unreasoned = School::assessment(json!({}));
        unreasoned.as_object_mut().unwrap().remove("reasons");
        head.moves(&incident, "assess", unreasoned).await.is(422).points_at(&[("/reasons", "blank")]);
        let assessed = head.moves(&incident, "assess", School::assessment(json!({ "legality": "illegal" }))).await.is(200);
        assert_eq!((&assessed["state"], &assessed["details"]["duties"]), (&json!("assessed"), &json!(["refer_to_police"])));
        let referrals = head.get(incident.url("referrals")).await.is(200);
        assert_eq!((referrals.items().len(), &referrals.items()[0]["agency"], &referrals.items()[0]["state"]), (1, &json!("police_101"), &json!("to_make")));
        head.moves(&incident, "dismiss", json!({ "reason": "x" })).await.is(409).violates(&["BEH-7"]);
        head.moves(&incident, "investigate", json!({})).await.is(200);
        head.moves(&incident, "record-action", json!({ "action_taken": "Suspended." })).await.is(200);
        let ending = json!({ "outcome": "referred", "outcome_notice": "The police deal with it." });
        head.moves(&incident, "close", ending.clone()).await.is(409).problem("policy_gate").violates(&["BEH-7"]);
        head.refers(&incident, "police_101").await;
        let closed = head.moves(&incident, "close", ending).await.is(200);
        assert_eq!((&closed["state"], &closed["allowed_actions"]), (&json!("closed"), &json!(["reopen", "add_note"])));
        let told = school.second_staff().get(incident.url("")).await.is(200);
        assert_eq!((&told["outcome_notice"], told.json().get("details")), (&json!("The police deal with it."), None));
        head.moves(&incident, "close", json!({ "outcome": "apology", "outcome_notice": "x" })).await.is(409).problem("state_conflict");
        let open = head.moves(&incident, "reopen", json!({ "reason": "There is more." })).await.is(200);
        assert_eq!(open["state"], "investigating");
        let events: Vec<Value> = head.get(incident.url("timeline")).await.is(200).each("type").into_iter().cloned().collect();
        assert_eq!(
            events,
            ["reported", "referred", "assessed", "investigated", "action_taken", "referral_made", "closed", "reopened"].map(|kind| json!(format!("incident.{kind}")))
        );
    }

    async fn the_legality_is_lowered_with_a_reason_and_by_two(school: School) {
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        head.moves(&incident, "assess", School::assessment(json!({ "legality": "illegal" }))).await.is(200);
        head.moves(&incident, "assess", School::assessment(json!({}))).await.is(409).violates(&["R-HT-4"]);
        head.moves(&incident, "propose-legality", json!({ "legality": "illegal", "reason": "x" })).await.is(422).violates(&["R-HT-4"]);
        head.moves(&incident, "propose-legality", json!({ "legality": "lawful", "reason": " " })).await.is(422);
        school.dsl().moves(&incident, "confirm-legality", json!({})).await.is(409).problem("state_conflict");
        head.moves(&incident, "propose-legality", json!({ "legality": "lawful", "reason": "No offence, the police say." })).await.is(200);
        head.moves(&incident, "confirm-legality", json!({})).await.is(403).violates(&["R-HT-4"]);
        school.second_staff().moves(&incident, "confirm-legality", json!({})).await.is(403);
        let lowered = school.dsl().moves(&incident, "confirm-legality", json!({})).await.is(200);
        assert_eq!((&lowered["details"]["assessment"]["legality"], lowered["details"].get("proposed_legality")), (&json!("lawful"), None));
    }

    async fn what_may_meet_the_threshold_waits_for_the_lado_and_is_due_within_one_working_day(school: School) {
        school.clock_at("2026-04-02T15:00:00Z"); // Maundy Thursday
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({ "category": "staff_pupil_contact" })).await;
        let assessed = head.moves(&incident, "assess", School::assessment(json!({ "category": "staff_pupil_contact", "harm_threshold": "may_meet_threshold" }))).await.is(200);
        assert_eq!(assessed["details"]["assessment"]["safeguarding"], true, "PU-PU-1");
        let referral = head.get(incident.url("referrals")).await.is(200).items()[0].clone();
        assert_eq!((&referral["agency"], &referral["due_at"], &referral["overdue"]), (&json!("lado"), &json!("2026-04-07T22:59:59Z"), &json!(false)));
        head.moves(&incident, "investigate", json!({})).await.is(409).violates(&["R-HT-4"]);
        weald::jobs::run_all(school.state()).await.unwrap();
        school.clock_at("2026-04-07T23:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        weald::jobs::run_all(school.state()).await.unwrap();
        let overdue = head.get("/v1/events?type=incident.referral_overdue").await.is(200);
        assert_eq!(overdue.items().len(), 1, "once");
        assert_eq!(head.get(format!("/v1/referrals/{}", id(&referral))).await.is(200)["overdue"], true);
        head.refers(&incident, "lado").await;
        head.moves(&incident, "investigate", json!({})).await.is(200);
        head.moves(&incident, "record-action", json!({ "action_taken": "x" })).await.is(200);
        let ending = json!({ "outcome": "substantiated", "outcome_notice": "x" });
        head.moves(&incident, "close", ending.clone()).await.is(409).violates(&["PU-PU-1"]);
        let decision = json!({ "decision": "concern_addressed", "reason": "The family has support." });
        head.moves(&incident, "decide-safeguarding", decision.clone()).await.is(403).violates(&["R-HT-4"]);
        school.dsl().moves(&incident, "decide-safeguarding", decision).await.is(200);
        head.moves(&incident, "close", ending).await.is(200);
    }

    async fn a_referral_is_made_acknowledged_and_answered_in_this_order(school: School) {
        let (head, dsl) = (school.headteacher(), school.dsl());
        let incident = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        school.second_staff().post(incident.url("referrals"), json!({ "agency": "iwf" })).await.is(403);
        let referral = dsl.post(incident.url("referrals"), json!({ "agency": "childrens_social_care" })).await.is(201);
        for other in [school.second_staff(), school.dpo(), school.it_technician(), school.chair()] {
            other.get(referral.url("")).await.is(404);
        }
        dsl.moves(&referral, "acknowledge", json!({})).await.is(409).problem("state_conflict");
        dsl.moves(&referral, "make", json!({ "reference": " " })).await.is(422);
        dsl.moves(&referral, "make", json!({ "reference": "A-1", "made_at": "2026-01-14T11:00:00Z" })).await.is(422).points_at(&[("/made_at", "in_the_future")]);
        dsl.moves(&referral, "make", json!({ "reference": "A-1" })).await.is(200);
        dsl.moves(&referral, "make", json!({ "reference": "A-1" })).await.is(409);
        head.moves(&referral, "acknowledge", json!({})).await.is(200);
        let done = head.moves(&referral, "record-outcome", json!({ "outcome": "Support is in place." })).await.is(200);
        assert_eq!((&done["state"], &done["allowed_actions"]), (&json!("outcome_received"), &json!([])));
    }

    async fn a_worry_of_a_pupil_reaches_the_safeguarding_lead(school: School) {
        let pupil = school.pupil();
        let worry = pupil.post("/v1/incidents", json!({ "description": "Somebody writes me mean things.", "child_involved": true })).await.is(201);
        let seen = school.dsl().get(worry.url("")).await.is(200);
        assert_eq!((&seen["capacity"], seen["details"].get("reporter_id")), (&json!("safeguarding"), None));
        pupil.post(worry.url("assess"), School::assessment(json!({}))).if_match("\"1\"").await.is(403);
        pupil.post(worry.url("notes"), json!({ "audience": "internal", "text": "x" })).await.is(403).violates(&["R-HT-4"]);
        pupil.post(worry.url("notes"), json!({ "audience": "reporter", "text": "It goes on." })).await.is(201);
        let notes = school.headteacher().get(worry.url("notes")).await.is(200);
        assert_eq!((notes.items().len(), notes.items()[0].get("author_id")), (1, None), "the reporter is not named");
        school.headteacher().post(worry.url("notes"), json!({ "audience": "internal", "text": "Ring home." })).await.is(201);
        school.headteacher().post(worry.url("notes"), json!({ "audience": "reporter", "text": "Thank you." })).await.is(201);
        assert_eq!(pupil.get(worry.url("notes")).await.is(200).items().len(), 2);
        assert_eq!(school.dsl().get(worry.url("notes")).await.is(200).items().len(), 1);
        pupil.get(worry.url("timeline")).await.is(403);
        pupil.get(worry.url("referrals")).await.is(403);
        assert!(!school.headteacher().get("/v1/events?subject_type=incident").await.is(200).text.contains(&pupil.id().to_string()), "nor in the log");
    }

    async fn an_offensive_comment_of_a_parent_calls_for_the_ladder(school: School) {
        let incident = school.reported(&school.parent(), json!({ "category": "parent_offensive_comment" })).await;
        let seen = school.headteacher().get(incident.url("")).await.is(200);
        assert_eq!(seen["details"]["duties"], json!(["start_parent_ladder"]));
        school.parent().get(incident.url("")).await.is(404);
    }

    async fn a_report_about_the_head_goes_past_the_head(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let unnamed = school.staff().post("/v1/incidents", json!({ "description": "x", "report_about_head": true })).await.is(201);
        let named = school.reported(&head, json!({})).await;
        for incident in [&unnamed, &named] {
            assert_eq!(incident["lead_role"], "chair_of_governors");
            head.get(incident.url("")).await.is(404);
            head.post(incident.url("assess"), School::assessment(json!({}))).if_match("\"1\"").await.is(404);
            assert_eq!(chair.moves(incident, "assess", School::assessment(json!({}))).await.is(200)["capacity"], "lead");
        }
        // The chair finds that it is about somebody else.
        let moved = chair.moves(&unnamed, "change-subjects", json!({ "subjects": [{ "person_id": school.it_technician().id() }], "report_about_head": false })).await.is(200);
        assert_eq!((&moved["lead_role"], &moved["details"]["duties"]), (&json!("headteacher"), &json!(["rotate_credentials"])));
        head.get(unnamed.url("")).await.is(200);
        chair.get(unnamed.url("")).await.is(404);
        let delegate = school.leadership();
        school.delegation(&delegate, "2026-01-01", "2026-02-01").await;
        delegate.get(unnamed.url("")).await.is(200);
        delegate.get(named.url("")).await.is(404);
    }

    async fn a_lead_whom_it_comes_to_be_about_loses_sight_at_once(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let incident = school.reported(&school.staff(), json!({})).await;
        let seen = head.get(incident.url("")).await.is(200);
        let body = json!({ "subjects": [{ "person_id": school.staff().id() }, { "person_id": head.id() }] });
        let request = || head.post(incident.url("change-subjects"), body.clone()).if_match(seen.etag()).idempotency_key("the-same");
        request().await.is(200);
        request().await.is(404);
        head.get(incident.url("")).await.is(404);
        head.get(incident.url("")).header("if-none-match", seen.etag()).await.is(404);
        assert_eq!(head.get(format!("/v1/events?subject_id={}", id(incident.json()))).await.is(200)["items"], json!([]));
        chair.get(incident.url("")).await.is(200);
    }

    async fn who_becomes_head_later_does_not_come_to_see_what_is_about_them(school: School) {
        let deputy = school.leadership();
        let incident = school.reported(&deputy, json!({})).await;
        assert_eq!(incident["lead_role"], "headteacher");
        school.chair().post(deputy.url("grant-role"), json!({ "role": "headteacher" })).await.is(200);
        deputy.get(incident.url("")).await.is(404);
        assert_eq!(school.chair().get(incident.url("")).await.is(200)["lead_role"], "chair_of_governors");
        let about_head = school.staff().post("/v1/incidents", json!({ "description": "x", "report_about_head": true, "child_involved": true })).await.is(201);
        school.chair().post(school.dsl().url("grant-role"), json!({ "role": "headteacher" })).await.is(200);
        school.dsl().get(about_head.url("")).await.is(404);
    }

    async fn what_is_about_the_safeguarding_lead_goes_to_the_deputy(school: School) {
        let incident = school.reported(&school.dsl(), json!({})).await;
        school.dsl().get(incident.url("")).await.is(404);
        let deputy = school.with_role(Role::DeputyDsl);
        assert_eq!(deputy.get(incident.url("")).await.is(200)["capacity"], "safeguarding");
        let other = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        deputy.get(other.url("")).await.is(404);
    }

    async fn a_lead_withdraws_if_somebody_is_left(school: School) {
        let (head, chair, governor) = (school.headteacher(), school.chair(), school.governor());
        let incident = school.reported(&school.staff(), json!({})).await;
        school.second_staff().moves(&incident, "recuse", json!({ "reason": "x" })).await.is(403);
        head.moves(&incident, "recuse", json!({ "reason": " " })).await.is(422);
        head.moves(&incident, "recuse", json!({ "reason": "My sister." })).await.is(204);
        head.get(incident.url("")).await.is(404);
        chair.moves(&incident, "recuse", json!({ "reason": "My brother." })).await.is(409).violates(&["R-HT-3"]);
        let url = format!("/v1/schools/{}", school.id);
        let name = |who: &str| json!({ "person_id": who });
        let tag = head.get(&url).await.etag().to_owned();
        head.post(format!("{url}/name-escalation-contact"), name(&chair.id().to_string())).if_match(&tag).await.is(422);
        head.post(format!("{url}/name-escalation-contact"), name(&school.staff().id().to_string())).if_match(&tag).await.is(422);
        school.it_technician().post(format!("{url}/name-escalation-contact"), name(&governor.id().to_string())).if_match(&tag).await.is(403);
        head.post(format!("{url}/name-escalation-contact"), name(&governor.id().to_string())).if_match(&tag).await.is(200);
        governor.get(incident.url("")).await.is(404);
        chair.moves(&incident, "recuse", json!({ "reason": "My brother." })).await.is(204);
        assert_eq!(governor.get(incident.url("")).await.is(200)["capacity"], "lead");
        governor.moves(&incident, "recuse", json!({ "reason": "x" })).await.is(409);
        let about_chair = school.reported(&chair, json!({})).await;
        assert_eq!(about_chair["lead_role"], "headteacher");
        governor.get(about_chair.url("")).await.is(200);
    }

    async fn those_who_take_part_see_what_is_shared_with_them(school: School) {
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({})).await;
        let it = school.it_technician();
        it.get(incident.url("")).await.is(404);
        head.moves(&incident, "involve", json!({ "people": [school.staff().id()] })).await.is(422).violates(&["R-HT-3"]);
        head.moves(&incident, "involve", json!({ "people": [Uuid::now_v7()] })).await.is(422).points_at(&[("/people/0", "unknown")]);
        head.moves(&incident, "involve", json!({ "people": [it.id(), it.id()] })).await.is(200);
        head.post(incident.url("notes"), json!({ "audience": "shared", "text": "Please save the log." })).await.is(201);
        head.post(incident.url("notes"), json!({ "audience": "internal", "text": "Between us." })).await.is(201);
        let seen = it.get(incident.url("")).await.is(200);
        assert_eq!((&seen["capacity"], seen.json().get("details"), it.get(incident.url("notes")).await.is(200).items().len()), (&json!("involved"), None, 1));
        it.moves(&incident, "assess", School::assessment(json!({}))).await.is(403);
        head.moves(&incident, "change-subjects", json!({ "subjects": [{ "person_id": it.id() }] })).await.is(200);
        it.get(incident.url("")).await.is(404);
        head.moves(&incident, "change-subjects", json!({ "subjects": [] })).await.is(200);
        it.get(incident.url("")).await.is(404);
    }

    async fn discipline_is_for_the_lead_alone(school: School) {
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        let url = incident.url("disciplinary-actions");
        let warning = json!({ "person_id": school.staff().id(), "kind": "written_warning", "text": "Formal." });
        head.post(&url, json!({ "person_id": school.second_staff().id(), "kind": "advice", "text": "x" })).await.is(422).points_at(&[("/person_id", "unknown")]);
        school.dsl().post(&url, &warning).await.is(403);
        head.post(&url, &warning).await.is(201);
        assert_eq!(head.get(&url).await.is(200).items().len(), 1);
        for other in [school.dsl(), school.second_staff(), school.staff(), school.it_technician(), school.chair()] {
            other.get(&url).await.is(404);
        }
    }

    async fn who_reported_is_disclosed_by_the_lead_with_reasons_on_both_sides(school: School) {
        let (head, dsl) = (school.headteacher(), school.dsl());
        let incident = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        let reporter = json!(school.second_staff().id());
        assert_eq!(head.get(incident.url("")).await.is(200)["details"]["reporter_id"], reporter);
        assert!(!dsl.get(incident.url("")).await.is(200).text.contains(reporter.as_str().unwrap()));
        dsl.post(incident.url("disclosures"), json!({ "motivation": " " })).await.is(422);
        school.second_staff().post(incident.url("disclosures"), json!({ "motivation": "x" })).await.is(403);
        school.dpo().post(incident.url("disclosures"), json!({ "motivation": "x" })).await.is(404);
        let asked = dsl.post(incident.url("disclosures"), json!({ "motivation": "To talk to them." })).await.is(201);
        let decide = async |who: &crate::support::caller::Caller<'_>, action: &str, body: Value| {
            who.post(format!("/v1/disclosures/{}/{action}", id(asked.json())), body).if_match("\"1\"").await
        };
        decide(&dsl, "grant", json!({ "reason": "x" })).await.is(403);
        decide(&school.chair(), "grant", json!({ "reason": "x" })).await.is(404);
        decide(&head, "grant", json!({ "reason": " " })).await.is(422);
        decide(&head, "grant", json!({ "reason": "They agree." })).await.is(200);
        decide(&head, "refuse", json!({ "reason": "x" })).await.is(409);
        assert_eq!(dsl.get(incident.url("")).await.is(200)["details"]["reporter_id"], reporter);
        assert_eq!(dsl.get("/v1/incidents").await.is(200).items()[0]["details"]["reporter_id"], reporter);
    }

    async fn an_anonymous_reporter_follows_up_with_the_receipt_and_nothing_else(school: School) {
        let nobody = school.anonymous();
        let url = format!("/v1/schools/{}/reports", school.id);
        nobody.post(&url, json!({ "description": "x", "subjects": [] })).await.is(400);
        nobody.post(format!("/v1/schools/{}/reports", Uuid::now_v7()), json!({ "description": "x" })).await.is(404);
        let receipt = nobody.post(&url, json!({ "description": "A fake page.", "report_about_head": true })).await.is(201);
        let code = receipt["receipt_code"].as_str().unwrap().to_owned();
        let follow = async |body: Value| nobody.post(format!("{url}/follow-up"), body).await;
        assert_eq!(follow(json!({ "receipt_code": code })).await.is(200)["state"], "received");
        follow(json!({ "receipt_code": code, "message": "It is still there." })).await.is(200);
        follow(json!({ "receipt_code": "x".repeat(43) })).await.is(404);
        let theirs = school.other_school().await;
        nobody.post(format!("/v1/schools/{}/reports/follow-up", theirs.id), json!({ "receipt_code": code })).await.is(404);
        let chair = school.chair();
        let incident = chair.get("/v1/incidents").await.is(200).items()[0]["id"].as_str().unwrap().to_owned();
        let notes = format!("/v1/incidents/{incident}/notes");
        chair.post(&notes, json!({ "audience": "reporter", "text": "Which page?" })).await.is(201);
        let status = follow(json!({ "receipt_code": code })).await.is(200);
        assert_eq!((&status["messages"][0]["own"], &status["messages"][1]["own"], &status["messages"][1]["text"]), (&json!(true), &json!(false), &json!("Which page?")));
        assert_eq!(school.headteacher().get("/v1/incidents").await.is(200).items().len(), 0);
    }

    async fn a_thousand_guessed_receipts_find_nothing_and_are_slowed_down(school: School) {
        let slow = school.second_instance(|service| service.rate_limit = 600.try_into().unwrap());
        let url = format!("/v1/schools/{}/reports", school.id);
        school.anonymous().post(&url, json!({ "description": "x" })).await.is(201);
        let mut throttled = 0;
        for _ in 0..1000 {
            let reply = slow.anonymous().post(format!("{url}/follow-up"), json!({ "receipt_code": weald::access::new_secret() })).await;
            assert!(matches!(reply.status.as_u16(), 404 | 429), "{reply}");
            throttled += usize::from(reply.status == 429);
        }
        assert!(throttled > 900, "{throttled}");
        slow.staff().get("/v1/incidents").await.is(200);
    }

    async fn a_receipt_ends_when_the_incident_comes_to_be_about_its_reporter(school: School) {
        let head = school.headteacher();
        let incident = school.reported(&school.staff(), json!({})).await;
        let follow = async || {
            let url = format!("/v1/schools/{}/reports/follow-up", school.id);
            school.anonymous().post(url, json!({ "receipt_code": incident["receipt_code"] })).await
        };
        follow().await.is(200);
        head.moves(&incident, "change-subjects", json!({ "subjects": [{ "person_id": school.second_staff().id() }] })).await.is(200);
        follow().await.is(404);
        school.second_staff().get(incident.url("")).await.is(404);
        // Whoever reports themselves keeps sight of their own report (DO-9).
        let own = school.staff().post("/v1/incidents", json!({ "description": "I posted the wrong picture.", "subjects": [{ "person_id": school.staff().id() }] })).await.is(201);
        let seen = school.staff().get(own.url("")).await.is(200);
        assert_eq!((&seen["self_reported"], &seen["capacity"]), (&json!(true), &json!("reporter")));
    }

    async fn whoever_reports_themselves_deals_with_none_of_it(school: School) {
        let (dpo, itself) = (school.dpo(), json!([{ "person_id": school.dpo().id() }]));
        let own = dpo.post("/v1/incidents", json!({ "description": "x", "category": "data_protection_breach", "subjects": itself })).await.is(201);
        assert_eq!(dpo.get(own.url("")).await.is(200)["capacity"], "reporter");
        assert_eq!(dpo.get(format!("/v1/incidents?person_id={}", dpo.id())).await.is(200).items().len(), 0);
        assert_eq!(dpo.get("/v1/incidents").await.is(200).items().len(), 1);
    }

    async fn a_reporter_does_not_learn_by_filters_whom_it_is_about_nor_the_log_who_they_are(school: School) {
        let (head, reporter, account) = (school.headteacher(), school.second_staff(), school.active_account().await);
        let incident = school.reported(&school.parent(), json!({ "account_ids": [account["id"]] })).await;
        let queries = [format!("person_id={}", school.parent().id()), format!("account_id={}", id(account.json()))];
        for query in queries.map(|query| format!("/v1/incidents?{query}")) {
            assert_eq!(head.get(&query).await.is(200).items().len(), 1);
            assert_eq!(reporter.get(&query).await.is(200).items().len(), 0);
        }
        assert_eq!(reporter.get("/v1/incidents").await.is(200).items().len(), 1);
        let told = head.get(format!("/v1/events?subject_id={}", id(incident.json()))).await.is(200);
        let data = &told.items()[0]["data"];
        assert_eq!((data.get("actor_id"), &data["actor_role"], &data["client_id"]), (None, &json!("reporter"), &json!("weald")));
    }

    async fn whoever_stands_in_for_a_head_who_left_does_not_see_what_is_about_the_head(school: School) {
        let acting = school.leadership();
        school.delegation(&acting, "2026-01-01", "2026-02-01").await;
        head_leaves(&school, Some("2026-01-14")).await;
        let about = school.staff().post("/v1/incidents", json!({ "description": "x", "report_about_head": true })).await.is(201);
        let other = school.staff().post("/v1/incidents", json!({ "description": "x" })).await.is(201);
        acting.get(about.url("")).await.is(404);
        acting.get(other.url("")).await.is(200);
    }

    async fn what_a_head_led_who_leaves_is_the_chairs_until_they_are_back(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let open = school.reported(&school.parent(), json!({})).await;
        head_leaves(&school, Some("2026-01-15")).await;
        weald::jobs::run_all(school.state()).await.unwrap();
        chair.get(open.url("")).await.is(404);
        school.clock_at("2026-01-15T08:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(chair.get(open.url("")).await.is(200)["lead_role"], "chair_of_governors");
        assert!(chair.get("/v1/notifications").await.is(200).text.contains(id(open.json())));
        head_leaves(&school, None).await;
        weald::jobs::run_all(school.state()).await.unwrap();
        chair.get(open.url("")).await.is(404);
        assert_eq!(head.get(open.url("")).await.is(200)["lead_role"], "headteacher");
    }

    async fn a_new_head_is_told_of_what_is_open(school: School) {
        let open = school.reported(&school.parent(), json!({})).await;
        let new = school.person("new", &[Role::Staff]).await;
        school.chair().post(new.url("grant-role"), json!({ "role": "headteacher" })).await.is(200);
        assert!(new.get("/v1/notifications").await.is(200).text.contains(id(open.json())));
    }

    async fn data_breaches_reach_the_data_protection_officer(school: School) {
        let breach = school.reported(&school.staff(), json!({ "category": "data_protection_breach" })).await;
        assert_eq!(school.dpo().get(breach.url("")).await.is(200)["capacity"], "data_protection");
        let own = school.reported(&school.dpo(), json!({ "category": "data_protection_breach" })).await;
        school.dpo().get(own.url("")).await.is(404);
        let other = school.reported(&school.staff(), json!({})).await;
        school.dpo().get(other.url("")).await.is(404);
        assert_eq!(school.dpo().get("/v1/events?subject_type=incident").await.is(200).items().len(), 1);
    }

    async fn bullying_that_a_check_finds_is_reported_first(school: School) {
        let account = school.active_account().await;
        let check = |incident: Value| crate::support::with(json!({ "account_id": account["id"], "findings": [{ "kind": "bullying" }] }), incident);
        let staff = school.staff();
        staff.post("/v1/monitoring-checks", check(json!({}))).await.is(422).problem("policy_refused").violates(&["MON-3"]);
        staff.post("/v1/monitoring-checks", check(json!({ "incident_id": Uuid::now_v7() }))).await.is(422).points_at(&[("/incident_id", "unknown")]);
        let incident = staff.post("/v1/incidents", json!({ "description": "Two children pick on a third.", "category": "bullying" })).await.is(201);
        let logged = staff.post("/v1/monitoring-checks", check(json!({ "incident_id": incident["id"] }))).await.is(201);
        assert_eq!(school.headteacher().get(incident.url("")).await.is(200)["details"]["monitoring_check_ids"], json!([logged["id"]]));
        assert!(!logged.text.contains(incident["id"].as_str().unwrap()));
    }

    async fn incidents_are_filtered_and_another_schools_do_not_exist(school: School) {
        let head = school.headteacher();
        let account = school.active_account().await;
        let first = school.reported(&school.staff(), json!({ "category": "offensive", "account_ids": [account["id"]] })).await;
        school.clock_at("2026-01-15T10:00:00Z");
        let second = school.reported(&school.parent(), json!({})).await;
        head.moves(&second, "assess", School::assessment(json!({}))).await.is(200);
        let found = async |query: &str| head.get(format!("/v1/incidents?{query}")).await.is(200).each("id").into_iter().cloned().collect::<Vec<_>>();
        let (one, two) = (vec![first["id"].clone()], vec![second["id"].clone()]);
        assert_eq!(found("").await, [one.clone(), two.clone()].concat());
        assert_eq!(found("state=assessed").await, two);
        assert_eq!(found("category=offensive").await, one);
        assert_eq!(found(&format!("person_id={}", school.parent().id())).await, two);
        assert_eq!(found(&format!("account_id={}", id(account.json()))).await, one);
        assert_eq!(found("reported_from=2026-01-15T10:00:00Z").await, two);
        assert_eq!(found("reported_to=2026-01-15T10:00:00Z").await, one);
        let theirs = school.other_school().await;
        theirs.headteacher().get(first.url("")).await.is(404);
        assert_eq!(theirs.headteacher().get("/v1/incidents").await.is(200).items().len(), 0);
    }
}
