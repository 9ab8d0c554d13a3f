//! From an idea to an approval: BC-0 to BC-5, SC-8, CTX-1, R-HT-5.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::db::schema::{events, people};
use weald::db::types::SubjectId;
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines};

const CASES: &str = "/v1/business-cases";

/// What the log says of a case, oldest first: types, roles used and names of changed fields.
async fn log_of(school: &School, case: &Reply) -> Vec<(String, String, Vec<String>)> {
    let id: Uuid = case["id"].as_str().unwrap().parse().unwrap();
    let rows: Vec<(String, String, String)> = school
        .read(move |conn| {
            events::table
                .filter(events::subject_id.eq(SubjectId::from(id)))
                .order(events::number)
                .select((events::event_type, events::actor_role, events::data))
                .load(conn)
        })
        .await;
    let changed = |data: &str| serde_json::from_str::<weald::events::Data>(data).unwrap().changed;
    rows.into_iter().map(|(kind, role, data)| (kind, role, changed(&data))).collect()
}

/// Whether a caller's list holds the case.
async fn lists(caller: &crate::support::caller::Caller<'_>, case: &Reply) -> bool {
    let page = caller.get(CASES).await.is(200);
    page["items"].as_array().unwrap().iter().any(|item| item["id"] == case["id"])
}

fn managers(named: &[(&crate::support::caller::Caller<'_>, bool)]) -> Value {
    let named: Vec<Value> = named.iter().map(|(who, lead)| json!({ "person_id": who.id(), "lead": lead })).collect();
    json!({ "managers": named })
}

on_both_engines! {
    async fn a_parents_idea_is_taken_up_by_staff_and_approved_by_the_headteacher(school: School) {
        let idea = school.parent().post(CASES, json!({ "name": "Parents of year 5" })).await.is(201);
        assert_eq!(idea["state"], "draft");
        assert_eq!(idea["proposer_id"], json!(school.parent().id()));
        assert_eq!(idea["allowed_actions"], json!(["edit", "submit", "withdraw"]));
        assert_eq!(idea.header("location"), idea.url(""));

        let seen = school.staff().get(idea.url("")).await.is(200);
        assert_eq!(seen["allowed_actions"], json!(["edit", "submit"]), "staff take up, the parent withdraws");
        let edited = school.staff().patch(idea.url(""), school.complete_case()).if_match(seen.etag()).await.is(200);
        let submitted = school.staff().post(idea.url("submit"), json!({})).if_match(edited.etag()).await.is(200);
        assert_eq!((&submitted["state"], &submitted["submitted_at"]), (&json!("submitted"), &json!("2026-01-14T10:00:00Z")));

        school.clock_at("2026-01-15T09:30:00Z");
        let approval = json!({ "reason": "A good way to reach families." });
        let approved = school.headteacher().post(idea.url("approve"), approval).if_match(submitted.etag()).await.is(200);
        assert_eq!(approved["state"], "approved");
        assert_eq!(approved["decided_by"], json!(school.headteacher().id()));
        assert_eq!(approved["decided_at"], "2026-01-15T09:30:00Z");
        assert_eq!(approved["decision_reason"], "A good way to reach families.");
        assert_eq!(approved["lapses_at"], "2026-04-15T09:30:00Z", "90 days later");
        assert_eq!(school.headteacher().get(idea.url("")).await.is(200).json(), approved.json());

        let log = log_of(&school, &idea).await;
        let happened: Vec<(&str, &str)> = log.iter().map(|(kind, role, _)| (kind.as_str(), role.as_str())).collect();
        assert_eq!(happened, [
            ("business_case.drafted", "parent_carer"), ("business_case.edited", "staff"),
            ("business_case.submitted", "staff"), ("business_case.approved", "headteacher"),
        ]);
    }

    async fn submitting_an_empty_case_names_everything_that_is_missing_at_once(school: School) {
        let draft = school.staff().post(CASES, json!({ "name": "Chess club" })).await.is(201);
        school.staff().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(422)
            .problem("policy_refused")
            .violates(&["BC-1", "BC-2", "BC-3", "BC-4", "BC-5", "CTX-1"])
            .points_at(&[
                ("/platform", "CTX-1"), ("/aim", "BC-1"), ("/audiences", "BC-2"), ("/promotion_plan", "BC-3"),
                ("/visibility", "BC-5"), ("/managers", "BC-4"), ("/managers", "BC-4"),
            ]);
        let after = school.staff().get(draft.url("")).await.is(200);
        assert_eq!(after.json(), draft.json(), "a refusal leaves no trace");
        assert_eq!(log_of(&school, &draft).await.len(), 1);
    }

    async fn each_point_is_asked_for_by_itself(school: School) {
        for (without, clause) in [("aim", "BC-1"), ("audiences", "BC-2"), ("promotion_plan", "BC-3"), ("managers", "BC-4"), ("visibility", "BC-5"), ("platform", "CTX-1")] {
            let mut case = school.complete_case();
            case.as_object_mut().unwrap().remove(without);
            let draft = school.staff().post(CASES, case).await.is(201);
            school.staff().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.problem("policy_refused").violates(&[clause]);
        }
    }

    async fn two_members_of_staff_run_an_account_and_others_only_beside_them(school: School) {
        let (staff, second, parent, volunteer, head) = (school.staff(), school.second_staff(), school.parent(), school.volunteer(), school.headteacher());
        let gone = school.person("gone", &[Role::Staff]).await;
        let (school_id, id) = (school.id, gone.id());
        let left = school.now().date_naive();
        school.write(move |tx| diesel::update(people::table.find((school_id, id))).set(people::left_on.eq(left)).execute(tx)).await;
        for (named, enough) in [
            (managers(&[(&staff, true)]), false),
            (managers(&[(&staff, true), (&parent, false)]), false),
            (managers(&[(&staff, true), (&volunteer, false), (&parent, false)]), false),
            (managers(&[(&staff, true), (&gone, false)]), false),
            (managers(&[(&staff, true), (&second, false), (&gone, false)]), false),
            (managers(&[(&staff, false), (&second, false)]), false),
            (managers(&[(&staff, true), (&second, true)]), false),
            (managers(&[(&staff, true), (&second, false)]), true),
            (managers(&[(&staff, false), (&second, false), (&parent, true)]), true),
            (managers(&[(&staff, true), (&head, false)]), true),
        ] {
            let draft = school.staff().post(CASES, school.case_with(named.clone())).await.is(201);
            let reply = school.staff().post(draft.url("submit"), json!({})).if_match(draft.etag()).await;
            if enough {
                reply.is(200);
            } else {
                assert_eq!(reply.status, 422, "{named}");
                reply.problem("policy_refused").violates(&["BC-4"]);
            }
        }
    }

    async fn nobody_is_named_twice_and_nobody_from_elsewhere(school: School) {
        let staff = school.staff();
        let twice = managers(&[(&staff, true), (&staff, false)]);
        staff.post(CASES, school.case_with(twice)).await.is(422).problem("policy_refused").violates(&["BC-4"]);
        let other = school.other_school().await;
        let stranger = staff.post(CASES, school.case_with(managers(&[(&staff, true), (&other.staff(), false)]))).await.is(422);
        let nobody = json!({ "managers": [{ "person_id": staff.id(), "lead": true }, { "person_id": Uuid::now_v7() }] });
        let nobody = staff.post(CASES, school.case_with(nobody)).await.problem("validation_failed").points_at(&[("/managers/1/person_id", "unknown")]);
        assert_eq!(stranger["errors"], nobody["errors"], "somebody of another school is nobody");
    }

    async fn staff_and_pupils_exchange_no_direct_messages(school: School) {
        let case = school.case_with(json!({ "audiences": ["parents", "pupils"], "direct_messages_enabled": true }));
        let draft = school.staff().post(CASES, case).await.is(201);
        let submit = || school.staff().post(draft.url("submit"), json!({}));
        submit().if_match(draft.etag()).await.is(422).problem("policy_refused").violates(&["SC-8"]).points_at(&[("/direct_messages_enabled", "SC-8")]);
        let edited = school.staff().patch(draft.url(""), json!({ "direct_messages_enabled": false })).if_match(draft.etag()).await.is(200);
        submit().if_match(edited.etag()).await.is(200);
    }

    async fn another_platform_is_named(school: School) {
        let draft = school.staff().post(CASES, school.case_with(json!({ "platform": "other" }))).await.is(201);
        let submit = || school.staff().post(draft.url("submit"), json!({}));
        submit().if_match(draft.etag()).await.is(422).problem("policy_refused").violates(&["CTX-1"]).points_at(&[("/platform_other_name", "CTX-1")]);
        let edited = school.staff().patch(draft.url(""), json!({ "platform_other_name": "Mastodon" })).if_match(draft.etag()).await.is(200);
        submit().if_match(edited.etag()).await.is(200);
    }

    async fn drafts_are_private_but_staff_see_those_of_parents(school: School) {
        let of_staff = school.draft().await;
        let of_parent = school.parent().post(CASES, json!({ "name": "Parents of year 5" })).await.is(201);
        let other_parent = school.person("other_parent", &[Role::ParentCarer]).await;
        for (caller, case, visible) in [
            (school.staff(), &of_staff, true),
            (school.second_staff(), &of_staff, true), // named to run the account
            (school.headteacher(), &of_staff, false),
            (school.dsl(), &of_staff, false),
            (school.parent(), &of_staff, false),
            (school.parent(), &of_parent, true),
            (school.staff(), &of_parent, true),
            (other_parent.clone(), &of_parent, false),
            (school.volunteer(), &of_parent, false),
        ] {
            caller.get(case.url("")).await.is(if visible { 200 } else { 404 });
            assert_eq!(lists(&caller, case).await, visible);
        }
        other_parent.post(of_parent.url("submit"), json!({})).if_match(of_parent.etag()).await.is(404).problem("not_found");
        let submitted = school.staff().post(of_staff.url("submit"), json!({})).if_match(of_staff.etag()).await.is(200);
        for (caller, visible) in [(school.headteacher(), true), (school.dpo(), true), (school.chair(), true), (other_parent, false)] {
            assert_eq!(lists(&caller, &submitted).await, visible);
        }
    }

    async fn only_ones_own_case_is_edited_and_withdrawn(school: School) {
        let case = school.submitted_case().await;
        let it = school.it_technician();
        it.patch(case.url(""), json!({ "name": "Mine now" })).if_match(case.etag()).await.is(403).problem("conflict_of_interest").violates(&["BC-0"]);
        it.post(case.url("withdraw"), json!({})).if_match(case.etag()).await.is(403).problem("conflict_of_interest").violates(&["BC-0"]);
        let of_parent = school.parent().post(CASES, json!({ "name": "Parents" })).await.is(201);
        school.staff().post(of_parent.url("withdraw"), json!({})).if_match(of_parent.etag()).await.is(403).violates(&["BC-0"]);
        school.second_staff().post(case.url("withdraw"), json!({})).if_match(case.etag()).await.is(200);
    }

    async fn pupils_and_services_have_no_part_in_business_cases(school: School) {
        let case = school.submitted_case().await;
        for caller in [school.pupil(), school.governor(), school.service()] {
            caller.post(CASES, json!({ "name": "Gamers" })).await.is(403).problem("forbidden");
            caller.get(CASES).await.is(403).problem("forbidden");
            caller.get(case.url("")).await.is(403).problem("forbidden");
        }
    }

    async fn the_headteacher_decides_and_nobody_else(school: School) {
        let case = school.submitted_case().await;
        for caller in [school.it_technician(), school.staff(), school.second_staff(), school.leadership(), school.dsl(), school.dpo(), school.parent(), school.governor()] {
            for action in ["approve", "reject", "request-changes"] {
                caller.post(case.url(action), json!({ "reason": "Because." })).if_match(case.etag()).await.is(403).problem("forbidden");
            }
        }
        school.chair().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
        let approved = school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
        for etag in [case.etag(), approved.etag()] {
            let again = school.headteacher().post(case.url("approve"), json!({})).if_match(etag).await.is(409).problem("state_conflict");
            assert_eq!(again["allowed_actions"], json!([]));
        }
        let left = school.staff().post(case.url("submit"), json!({})).if_match(approved.etag()).await.is(409).problem("state_conflict");
        assert_eq!(left["allowed_actions"], json!(["edit"]));
    }

    async fn a_draft_is_not_decided(school: School) {
        let of_parent = school.parent().post(CASES, school.complete_case()).await.is(201);
        for action in ["approve", "reject", "request-changes"] {
            school.headteacher().post(of_parent.url(action), json!({ "reason": "Because." })).if_match(of_parent.etag()).await.is(409).problem("state_conflict");
        }
    }

    async fn a_rejection_has_a_reason_and_is_final(school: School) {
        let case = school.submitted_case().await;
        let head = school.headteacher();
        for action in ["reject", "request-changes"] {
            let say = |body: Value| head.post(case.url(action), body).if_match(case.etag());
            say(json!({})).await.is(400).problem("malformed_body").points_at(&[("", "missing")]);
            say(json!({ "reason": null })).await.is(400).problem("malformed_body").points_at(&[("/reason", "wrong_type")]);
            say(json!({ "reason": " \n " })).await.is(422).problem("validation_failed").points_at(&[("/reason", "blank")]);
            say(json!({ "reason": "x".repeat(2001) })).await.is(422).points_at(&[("/reason", "too_long")]);
        }
        let rejected = head.post(case.url("reject"), json!({ "reason": "There is one already." })).if_match(case.etag()).await.is(200);
        assert_eq!((&rejected["state"], &rejected["decision_reason"]), (&json!("rejected"), &json!("There is one already.")));
        nothing_is_left(&school, &rejected).await;
    }

    async fn a_withdrawn_case_is_final(school: School) {
        let draft = school.draft().await;
        let withdrawn = school.staff().post(draft.url("withdraw"), json!({})).if_match(draft.etag()).await.is(200);
        assert_eq!(withdrawn["state"], "withdrawn");
        nothing_is_left(&school, &withdrawn).await;
    }

    async fn changes_are_asked_for_made_and_approved(school: School) {
        let case = school.submitted_case().await;
        let back = school.headteacher().post(case.url("request-changes"), json!({ "reason": "Say more." })).if_match(case.etag()).await.is(200);
        assert_eq!((&back["state"], &back["decision_reason"]), (&json!("changes_requested"), &json!("Say more.")));
        school.headteacher().post(case.url("approve"), json!({})).if_match(back.etag()).await.is(409);
        let edited = school.staff().patch(case.url(""), json!({ "aim": "Tell families what happens, each week." })).if_match(back.etag()).await.is(200);
        assert_eq!(edited["state"], "changes_requested");
        let submitted = school.staff().post(case.url("submit"), json!({})).if_match(edited.etag()).await.is(200);
        school.headteacher().post(case.url("approve"), json!({})).if_match(submitted.etag()).await.is(200);
    }

    async fn whoever_takes_up_and_submits_a_parents_draft_does_not_decide_it(school: School) {
        let draft = school.parent().post("/v1/business-cases", school.complete_case()).await.is(201);
        let head = school.headteacher();
        let case = head.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        assert_eq!(case["submitted_by"], json!(head.id()));
        head.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
        school.chair().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
    }

    async fn nul_in_a_parameter_is_refused_on_both_engines(school: School) {
        let head = school.headteacher();
        head.get("/v1/people?external_source=%00&external_id=a").await.is(400).points_at(&[("external_source", "control_character")]);
        head.get("/v1/events?subject_type=a%00b").await.is(400).points_at(&[("subject_type", "control_character")]);
        let form = [("grant_type", "client_credentials"), ("client_id", "a\0"), ("client_secret", "b")];
        assert_eq!(school.anonymous().post_form("/oauth/token", &form).await.is(400)["error"], "invalid_request");
        let basic = format!("Basic {}", STANDARD.encode("a\0:b"));
        let grant = school.anonymous().post_form("/oauth/token", &[("grant_type", "client_credentials")]);
        assert_eq!(grant.header("authorization", basic).await.is(401)["error"], "invalid_client");
    }

    async fn whoever_has_edited_a_case_does_not_decide_it_even_after_taking_themselves_out(school: School) {
        let (head, staff, second) = (school.headteacher(), school.staff(), school.second_staff());
        let named = managers(&[(&head, true), (&staff, false)]);
        let draft = staff.post(CASES, school.case_with(named)).await.is(201);
        let case = staff.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        let out = head.patch(case.url(""), managers(&[(&staff, true), (&second, false)])).if_match(case.etag()).await.is(200);
        head.post(case.url("approve"), json!({})).if_match(out.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
        school.chair().post(case.url("approve"), json!({})).if_match(out.etag()).await.is(200);
    }

    async fn a_parents_case_is_made_ready_by_staff_and_left_alone_once_it_waits(school: School) {
        let (parent, staff, head) = (school.parent(), school.staff(), school.headteacher());
        let draft = parent.post(CASES, school.complete_case()).await.is(201);
        let ready = school.leadership().patch(draft.url(""), json!({ "aim": "To meet." })).if_match(draft.etag()).await.is(200);
        let case = parent.post(draft.url("submit"), json!({})).if_match(ready.etag()).await.is(200);
        let stranger = school.person("stranger", &[Role::Staff]).await;
        for uninvolved in [&stranger, &head] {
            uninvolved.patch(case.url(""), json!({ "aim": "Mine." })).if_match(case.etag()).await.is(403).violates(&["BC-0"]);
        }
        let approved = head.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
        stranger.patch(case.url(""), json!({ "aim": "Mine." })).if_match(approved.etag()).await.is(403).violates(&["BC-0"]);
        let edited = staff.patch(case.url(""), json!({ "aim": "Ours." })).if_match(approved.etag()).await.is(200);
        assert_eq!(edited["state"], "submitted", "those who run it may, and the approval is undone");
    }

    async fn a_draft_that_was_withdrawn_stays_its_proposers(school: School) {
        let draft = school.draft().await;
        let staff = school.staff();
        staff.post(draft.url("withdraw"), json!({})).if_match(draft.etag()).await.is(200);
        staff.get(draft.url("")).await.is(200);
        for other in [school.headteacher(), school.dpo(), school.chair(), school.leadership()] {
            other.get(draft.url("")).await.is(404);
            assert_eq!(other.get(CASES).await.is(200)["items"], json!([]));
        }
    }

    async fn the_headteachers_own_case_is_not_decided_by_whom_the_head_chose(school: School) {
        let (head, delegate) = (school.headteacher(), school.leadership());
        let draft = head.post(CASES, school.complete_case()).await.is(201);
        let case = head.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        let second_head = school.person("second_head", &[Role::Headteacher]).await;
        second_head.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403).violates(&["R-HT-5"]);
        let days = json!({ "delegate_id": delegate.id(), "starts_on": "2026-01-14", "ends_on": "2026-01-16", "reason": "Away." });
        head.post("/v1/delegations", &days).await.is(201);
        delegate.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403).violates(&["R-HT-5"]);
        school.chair().post("/v1/delegations", &days).await.is(201);
        delegate.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
    }

    async fn no_pupil_runs_an_account(school: School) {
        let (staff, second, pupil) = (school.staff(), school.second_staff(), school.pupil());
        for named in [[(&staff, true), (&second, false), (&pupil, false)], [(&staff, false), (&second, false), (&pupil, true)]] {
            let draft = staff.post(CASES, school.case_with(managers(&named))).await.is(201);
            staff.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(422).violates(&["BC-4"]);
        }
    }

    async fn the_headteachers_own_case_goes_to_the_chair_of_governors(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let named = managers(&[(&head, true), (&school.staff(), false)]);
        for (proposer, members) in [(&head, json!({})), (&school.staff(), named)] {
            let draft = proposer.post(CASES, school.case_with(members)).await.is(201);
            let case = proposer.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
            for action in ["approve", "reject", "request-changes"] {
                head.post(case.url(action), json!({ "reason": "Mine." })).if_match(case.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
            }
            let seen = chair.get(case.url("")).await.is(200);
            assert_eq!(seen["allowed_actions"], json!(["request_changes", "approve", "reject"]));
            chair.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
        }
        let chairs_too = managers(&[(&head, true), (&school.staff(), false), (&chair, false)]);
        let draft = head.post(CASES, school.case_with(chairs_too)).await.is(201);
        let case = head.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        chair.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403).problem("conflict_of_interest");
    }

    async fn a_delegate_decides_within_the_dates_but_not_their_own_case(school: School) {
        school.delegation(&school.leadership(), "2026-01-16", "2026-01-19").await;
        let case = school.submitted_case().await;
        let approve = || school.leadership().post(case.url("approve"), json!({})).if_match(case.etag());
        for outside in ["2026-01-15T23:59:59Z", "2026-01-20T00:00:00Z"] {
            school.clock_at(outside);
            approve().await.is(403).problem("forbidden");
        }
        for inside in ["2026-01-16T00:00:00Z", "2026-01-19T23:59:59Z"] {
            school.clock_at(inside);
            assert_eq!(school.leadership().get(case.url("")).await["allowed_actions"], json!(["request_changes", "approve", "reject"]));
        }
        let draft = school.leadership().post(CASES, school.complete_case()).await.is(201);
        let own = school.leadership().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        school.leadership().post(own.url("approve"), json!({})).if_match(own.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
        approve().await.is(200);
        assert_eq!(log_of(&school, &case).await.last().unwrap().1, "headteacher:delegated");
    }

    async fn a_decision_is_bound_to_the_version_that_was_read(school: School) {
        let case = school.submitted_case().await;
        let approve = || school.headteacher().post(case.url("approve"), json!({}));
        approve().await.is(428).problem("precondition_required");
        approve().if_match("*").await.is(428).problem("precondition_required");
        for stale in ["\"1\"", "W/\"2\"", "2", "\"1\", \"3\""] {
            approve().if_match(stale).await.is(412).problem("version_conflict");
        }
        school.staff().patch(case.url(""), json!({ "name": "Friends of Weald School" })).if_match(case.etag()).await.is(200);
        approve().if_match(case.etag()).await.is(412).problem("version_conflict");
        approve().if_match("\"1\", \"3\"").await.is(200);
        for (action, body) in [("submit", json!({})), ("withdraw", json!({})), ("reject", json!({ "reason": "No." })), ("request-changes", json!({ "reason": "No." }))] {
            school.headteacher().post(case.url(action), body).await.is(428);
        }
        school.staff().patch(case.url(""), json!({})).await.is(428);
    }

    async fn an_edit_undoes_an_approval(school: School) {
        let case = school.approved_case().await;
        let edited = school.staff().patch(case.url(""), json!({ "visibility": "open" })).if_match(case.etag()).await.is(200);
        assert_eq!(edited["state"], "submitted");
        for gone in ["decided_at", "decided_by", "decision_reason", "lapses_at"] {
            assert!(edited.json().get(gone).is_none(), "{gone}: {edited}");
        }
        school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(412);
        school.headteacher().post(case.url("approve"), json!({})).if_match(edited.etag()).await.is(200);
    }

    async fn an_edit_of_a_submitted_case_leaves_it_complete(school: School) {
        let staff = school.staff();
        for case in [school.submitted_case().await, school.approved_case().await] {
            let edit = |patch: Value| staff.patch(case.url(""), patch).if_match(case.etag());
            edit(json!({ "aim": null, "visibility": null })).await.is(422).problem("policy_refused").violates(&["BC-1", "BC-5"]);
            edit(managers(&[(&staff, true)])).await.is(422).violates(&["BC-4"]);
            edit(json!({ "audiences": ["pupils"], "direct_messages_enabled": true })).await.is(422).violates(&["SC-8"]);
            assert_eq!(staff.get(case.url("")).await.is(200).json()["managers"], case["managers"], "a refusal leaves no trace");
            assert_eq!(staff.get(case.url("")).await.etag(), case.etag());
        }
    }

    async fn approval_asks_again_whether_the_team_is_still_there(school: School) {
        let case = school.submitted_case().await;
        let (school_id, id, today) = (school.id, school.second_staff().id(), school.now().date_naive());
        school.write(move |tx| diesel::update(people::table.find((school_id, id))).set(people::left_on.eq(today)).execute(tx)).await;
        school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(422).problem("policy_refused").violates(&["BC-4"]);
    }

    async fn a_merge_patch_keeps_clears_and_sets(school: School) {
        let draft = school.draft().await;
        let patch = json!({ "aim": null, "platform": "youtube", "audiences": [] });
        let edited = school.staff().send(reqwest::Method::PATCH, draft.url("")).body("application/merge-patch+json", patch.to_string()).if_match(draft.etag()).await.is(200);
        assert!(edited.json().get("aim").is_none());
        assert_eq!((&edited["platform"], &edited["audiences"], &edited["name"]), (&json!("youtube"), &json!([]), &draft["name"]));
        assert_eq!(edited["version"], 2);
        assert_eq!(log_of(&school, &draft).await[1].2, ["platform", "aim", "audiences"]);
    }

    async fn text_is_trimmed_and_blank_is_missing(school: School) {
        let staff = school.staff();
        let draft = staff.post(CASES, json!({ "name": " \u{a0}Chess club\n", "aim": "\n Learn.\n\nPlay. \t" })).await.is(201);
        assert_eq!((&draft["name"], &draft["aim"]), (&json!("Chess club"), &json!("Learn.\n\nPlay.")));
        let blank = json!({ "name": "   ", "aim": "\u{2003}", "promotion_plan": "", "platform_other_name": "\t" });
        staff.post(CASES, blank).await.is(422).problem("validation_failed")
            .points_at(&[("/aim", "blank"), ("/name", "blank"), ("/platform_other_name", "blank"), ("/promotion_plan", "blank")]);
        staff.patch(draft.url(""), json!({ "name": " ", "aim": " " })).if_match(draft.etag()).await.is(422).points_at(&[("/aim", "blank"), ("/name", "blank")]);
    }

    async fn everything_that_is_wrong_with_the_values_is_said_at_once(school: School) {
        let many: Vec<Value> = (0..21).map(|_| json!({ "person_id": Uuid::now_v7() })).collect();
        let case = json!({
            "name": "a\u{0}b", "aim": "x".repeat(2001), "promotion_plan": "x\u{7}", "platform_other_name": "two\nlines",
            "audiences": ["parents", "parents", "parents", "parents", "parents", "parents", "parents", "parents"], "managers": many,
        });
        school.staff().post(CASES, case).await.is(422).problem("validation_failed").points_at(&[
            ("/aim", "too_long"), ("/audiences", "length"), ("/managers", "length"), ("/name", "control_character"),
            ("/platform_other_name", "control_character"), ("/promotion_plan", "control_character"),
        ]);
        let longest = school.staff().post(CASES, json!({ "name": "ż".repeat(100), "aim": "𝄞".repeat(2000) })).await.is(201);
        assert_eq!(longest["name"], "ż".repeat(100), "a character is a character");
    }

    async fn a_body_of_another_shape_is_refused_where_it_departs(school: School) {
        let draft = school.draft().await;
        for (body, pointer, code) in [
            (json!({ "name": "A", "surprise": 1 }), "/surprise", "unknown_field"),
            (json!({ "name": "A", "managers": [{ "person_id": Uuid::now_v7(), "boss": true }] }), "/managers/0/boss", "unknown_field"),
            (json!({ "name": "A", "aim": null }), "/aim", "wrong_type"),
            (json!({ "name": "A", "audiences": null }), "/audiences", "wrong_type"),
            (json!({ "name": null }), "/name", "wrong_type"),
            (json!({ "name": 5 }), "/name", "wrong_type"),
            (json!({ "name": "A", "direct_messages_enabled": "yes" }), "/direct_messages_enabled", "wrong_type"),
            (json!({ "name": "A", "managers": [{ "person_id": "me" }] }), "/managers/0/person_id", "wrong_type"),
            (json!({ "name": "A", "managers": [{ "person_id": Uuid::now_v7(), "lead": 1 }] }), "/managers/0/lead", "wrong_type"),
            (json!({ "name": "A", "platform": "myspace" }), "/platform", "unknown_value"),
            (json!({ "name": "A", "audiences": ["parents", "aliens"] }), "/audiences/1", "unknown_value"),
            (json!({}), "", "missing"),
            (json!([]), "", "wrong_type"),
            (json!("name"), "", "wrong_type"),
        ] {
            let reply = school.staff().post(CASES, &body).await;
            assert_eq!(reply.status, 400, "{body}: {reply}");
            reply.problem("malformed_body").points_at(&[(pointer, code)]);
        }
        for read_only in ["id", "state", "version", "proposer_id", "decided_by", "submitted_at", "lapses_at", "allowed_actions", "school_id", "community"] {
            let pointer = format!("/{read_only}");
            school.staff().post(CASES, json!({ "name": "A", read_only: draft[read_only] })).await.is(400).points_at(&[(&pointer, "unknown_field")]);
            school.staff().patch(draft.url(""), json!({ read_only: draft[read_only] })).if_match(draft.etag()).await.is(400).points_at(&[(&pointer, "unknown_field")]);
        }
        school.staff().patch(draft.url(""), json!({ "name": null })).if_match(draft.etag()).await.is(400).points_at(&[("/name", "wrong_type")]);
        school.staff().post(draft.url("submit"), json!({ "force": true })).if_match(draft.etag()).await.is(400).points_at(&[("", "not_empty")]);
    }

    async fn no_submitted_value_comes_back_in_a_refusal(school: School) {
        let secret = "Xq7-secret";
        for body in [
            json!({ "name": [secret] }),
            json!({ "name": "A", "platform": secret }),
            json!({ "name": "A", "platform": { secret: 1 } }),
            json!({ "name": "A", "audiences": [secret] }),
            json!({ "name": "A", "audiences": secret }),
            json!({ "name": "A", "direct_messages_enabled": secret }),
            json!({ "name": "A", "managers": [{ "person_id": secret }] }),
            json!({ "name": secret.repeat(20), "aim": format!("{secret}\u{0}") }),
            json!(secret),
        ] {
            let reply = school.staff().post(CASES, &body).await;
            assert!(reply.status.is_client_error() && !reply.text.contains(secret), "{body}: {reply}");
        }
        for query in ["limit", "cursor", "state", "updated_since"] {
            let reply = school.staff().get(format!("{CASES}?{query}={secret}")).await.is(400);
            assert!(!reply.text.contains(secret), "{query}: {reply}");
        }
    }

    async fn a_list_is_paged_and_its_cursor_belongs_to_its_filters(school: School) {
        let mut drafted = Vec::new();
        for number in 0..5 {
            let case = school.staff().post(CASES, json!({ "name": format!("Club {number}") })).await.is(201);
            drafted.push(case["id"].clone());
        }
        let mut listed = Vec::new();
        let mut url = format!("{CASES}?limit=2");
        for items in [2, 2, 1] {
            let page = school.staff().get(&url).await.is(200);
            let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].clone());
            assert_eq!(ids.len(), items);
            listed.extend(ids);
            if items == 2 {
                let cursor = page["next_cursor"].as_str().unwrap();
                url = format!("{CASES}?limit=2&cursor={cursor}");
                school.staff().get(format!("{CASES}?state=draft&cursor={cursor}")).await.is(400).problem("invalid_cursor");
            } else {
                assert!(page.json().get("next_cursor").is_none());
            }
        }
        assert_eq!(listed, drafted, "oldest first, each once");
    }

    async fn a_list_is_filtered(school: School) {
        let approved = school.approved_case().await;
        school.clock_at("2026-01-15T10:00:00Z");
        let submitted = school.submitted_case().await;
        let draft = school.draft().await;
        for (query, expected) in [
            ("state=approved", vec![&approved]),
            ("state=submitted&state=approved", vec![&approved, &submitted]),
            ("state=lapsed", vec![]),
            ("updated_since=2026-01-15T10:00:00Z", vec![&submitted, &draft]),
            ("updated_since=2026-01-15T11:00:00%2B01:00&state=draft", vec![&draft]),
            ("updated_since=2026-01-15T10:00:00.000001Z", vec![]),
        ] {
            let page = school.staff().get(format!("{CASES}?{query}")).await.is(200);
            let ids: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
            assert_eq!(ids, expected.iter().map(|case| &case["id"]).collect::<Vec<_>>(), "{query}");
        }
    }

    async fn unknown_and_unacceptable_parameters_are_named(school: School) {
        for (query, name, code) in [
            ("stat=draft", "stat", "unknown_parameter"),
            ("state=done", "state", "unacceptable_value"),
            ("limit=0", "limit", "out_of_range"),
            ("limit=201", "limit", "out_of_range"),
            ("limit=-1", "limit", "unacceptable_value"),
            ("limit=70000", "limit", "unacceptable_value"),
            ("limit=ten", "limit", "unacceptable_value"),
            ("updated_since=yesterday", "updated_since", "unacceptable_value"),
        ] {
            let reply = school.staff().get(format!("{CASES}?{query}")).await;
            assert_eq!(reply.status, 400, "{query}: {reply}");
            reply.problem("malformed_query").points_at(&[(name, code)]);
        }
        for cursor in ["x", "e30", ""] {
            school.staff().get(format!("{CASES}?cursor={cursor}")).await.is(400).problem("invalid_cursor");
        }
    }

    async fn what_has_not_changed_is_not_sent_again(school: School) {
        let case = school.submitted_case().await;
        let get = || school.staff().get(case.url(""));
        let same = get().header("if-none-match", format!("\"9\", W/{}", case.etag())).await.is(304);
        assert_eq!(same.etag(), case.etag());
        get().header("if-none-match", "\"1\"").await.is(200);
    }

    async fn a_path_that_is_no_id_is_not_found(school: School) {
        for id in ["me", "0", "%00", "0198a4b2-6f00-7000-8000"] {
            school.staff().get(format!("{CASES}/{id}")).await.is(404).problem("not_found");
        }
    }
}

/// Whatever is tried with a case that is final, it stays as it is.
async fn nothing_is_left(school: &School, case: &Reply) {
    let (staff, head) = (school.staff(), school.headteacher());
    for action in ["submit", "withdraw"] {
        let refused = staff.post(case.url(action), json!({})).if_match(case.etag()).await.is(409).problem("state_conflict");
        assert_eq!(refused["allowed_actions"], json!([]));
    }
    staff.patch(case.url(""), json!({ "name": "Again" })).if_match(case.etag()).await.is(409).problem("state_conflict");
    // What was withdrawn before it was submitted stays with its proposer.
    let (status, code) = if case.json().get("submitted_at").is_some() { (409, "state_conflict") } else { (404, "not_found") };
    for action in ["approve", "reject", "request-changes"] {
        head.post(case.url(action), json!({ "reason": "Once more." })).if_match(case.etag()).await.is(status).problem(code);
    }
    assert_eq!(staff.get(case.url("")).await.is(200).json()["version"], case["version"]);
}
