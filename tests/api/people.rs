//! People: who sees whom, who grants what, and nobody who is named anywhere is deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines, with};

pub const PEOPLE: &str = "/v1/people";
/// Where the roster `mis` keeps the person whom it knows as `S/7 b`.
const ROSTER: &str = "/v1/people/by-external-id/mis/S%2F7%20b";

/// A new member of staff, with some members replaced.
pub fn new_person(members: Value) -> Value {
    with(json!({ "given_name": "Jo", "family_name": "Green", "kind": "staff" }), members)
}

/// With all that can be said of somebody new, not very tidily.
fn jo() -> Value {
    new_person(json!({
        "given_name": " Jo ", "email": "Jo@Weald.Example", "roles": ["staff"], "external_source": "mis", "external_id": "1",
    }))
}

impl School {
    /// Jo, of whom no record but the log tells.
    async fn jo(&self) -> Reply {
        self.it_technician().post(PEOPLE, jo()).await.is(201)
    }

    /// Records that the parent is the pupil's guardian.
    async fn set_guardian(&self) -> Reply {
        self.service().post(self.pupil().url("set-guardian"), guardianship(&self.parent())).await.is(200)
    }
}

fn guardianship(guardian: &Caller<'_>) -> Value {
    json!({ "guardian_id": guardian.id(), "relationship": "parent", "has_parental_responsibility": true })
}

fn grant<'s>(by: &Caller<'s>, to: &Caller<'_>, role: &str) -> Request<'s> {
    by.post(to.url("grant-role"), json!({ "role": role }))
}

fn revoke<'s>(by: &Caller<'s>, of: &Caller<'_>, role: &str) -> Request<'s> {
    by.post(of.url("revoke-role"), json!({ "role": role }))
}

fn leave<'s>(by: &Caller<'s>, who: &Caller<'_>, left_on: &str) -> Request<'s> {
    by.post(who.url("leave"), json!({ "left_on": left_on }))
}

/// The log of one person.
async fn log_of(school: &School, id: &Value) -> Reply {
    school.headteacher().get(format!("/v1/events?subject_id={}", id.as_str().unwrap())).await.is(200)
}

on_both_engines! {
    async fn a_person_is_created_with_trimmed_names_and_an_address_in_lower_case(school: School) {
        let jo = school.jo().await;
        assert_eq!((&jo["given_name"], &jo["email"], &jo["roles"]), (&json!("Jo"), &json!("jo@weald.example"), &json!(["staff"])));
    }

    async fn a_person_comes_with_what_the_caller_can_do_with_them(school: School) {
        let jo = school.jo().await;
        assert_eq!(jo["allowed_actions"], json!(["edit", "leave", "grant_role", "revoke_role", "invite"]));
        assert_eq!(school.service().get(jo.url("")).await["allowed_actions"], json!(["edit", "leave"]));
        assert_eq!(school.staff().get(jo.url("")).await["allowed_actions"], json!([]));
    }

    async fn staff_create_nobody(school: School) {
        school.staff().post(PEOPLE, new_person(json!({}))).await.is(403).problem("forbidden");
    }

    async fn nobody_is_created_with_a_privileged_role(school: School) {
        for caller in [school.it_technician(), school.headteacher()] {
            caller.post(PEOPLE, new_person(json!({ "roles": ["dsl"] }))).await.is(403).problem("forbidden");
        }
    }

    async fn nobody_is_created_with_a_role_that_does_not_suit_their_kind(school: School) {
        let new = new_person(json!({ "kind": "pupil", "roles": ["staff"] }));
        school.it_technician().post(PEOPLE, new).await.is(422).points_at(&[("/roles/0", "unsuitable_role")]);
    }

    async fn an_external_id_is_one_persons(school: School) {
        school.jo().await;
        school.it_technician().post(PEOPLE, jo()).await.is(409).problem("already_exists").points_at(&[("/external_id", "taken")]);
    }

    async fn an_external_id_comes_with_its_source(school: School) {
        let new = new_person(json!({ "external_id": "5" }));
        school.it_technician().post(PEOPLE, new).await.is(422).points_at(&[("/external_source", "missing")]);
    }

    async fn an_address_that_is_none_is_refused(school: School) {
        let new = new_person(json!({ "email": "x" }));
        school.it_technician().post(PEOPLE, new).await.is(422).points_at(&[("/email", "not_an_email_address")]);
    }

    async fn a_field_that_is_none_is_refused_before_the_values_are_looked_at(school: School) {
        let new = new_person(json!({ "email": "x", "school_id": "5" }));
        school.it_technician().post(PEOPLE, new).await.is(400).points_at(&[("/school_id", "unknown_field")]);
    }

    async fn the_headteacher_sees_everyone_with_all_details(school: School) {
        school.jo().await;
        let all = school.headteacher().get(PEOPLE).await.is(200);
        assert_eq!(all.items().len(), 14, "one for each role, the second member of staff and Jo");
        assert!(all.items().iter().all(|one| one["email"].is_string()), "{all}");
    }

    async fn people_are_listed_page_by_page(school: School) {
        let head = school.headteacher();
        let all = head.get(PEOPLE).await.is(200);
        let first = head.get("/v1/people?limit=5").await.is(200);
        let next = head.get(format!("/v1/people?limit=5&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!(next.items().len(), 5);
        assert_eq!([first.items(), next.items()].concat(), all.items()[..10]);
    }

    async fn people_are_filtered_by_kind_and_role(school: School) {
        let head = school.headteacher();
        let safeguarding = head.get("/v1/people?kind=pupil&kind=staff&role=dsl").await.is(200);
        assert_eq!(safeguarding.each("id"), [&json!(school.dsl().id())]);
        assert_eq!(head.get("/v1/people?kind=pupil&role=dsl").await.is(200)["items"], json!([]));
    }

    async fn an_external_id_finds_somebody_for_those_to_whom_it_is_shown(school: School) {
        let jo = school.jo().await;
        let found = async |caller: Caller<'_>| caller.get("/v1/people?external_source=mis&external_id=1").await.is(200);
        assert_eq!(found(school.headteacher()).await.each("id"), [&jo["id"]]);
        assert_eq!(found(school.staff()).await["items"], json!([]));
    }

    async fn an_external_id_is_searched_for_in_its_source(school: School) {
        let searched = school.headteacher().get("/v1/people?external_source=mis").await.is(400);
        searched.points_at(&[("external_id", "missing")]);
    }

    async fn staff_see_the_names_of_staff_volunteers_governors_and_pupils_and_all_details_of_their_own(school: School) {
        let (staff, jo) = (school.staff(), school.jo().await);
        let seen = staff.get(PEOPLE).await.is(200);
        for one in seen.items() {
            assert_eq!(one.get("email").is_some(), one["id"] == json!(staff.id()), "{one}");
        }
        let kinds: BTreeSet<&str> = seen.each("kind").into_iter().filter_map(Value::as_str).collect();
        assert_eq!(kinds, BTreeSet::from(["governor", "pupil", "staff", "volunteer"]));
        staff.get(jo.url("")).await.is(200);
        for hidden in [school.parent(), school.dpo()] {
            staff.get(hidden.url("")).await.is(404).problem("not_found");
        }
    }

    async fn whoever_is_no_member_of_staff_sees_themselves_alone(school: School) {
        let jo = school.jo().await;
        for caller in [school.volunteer(), school.parent(), school.pupil(), school.governor()] {
            let seen = caller.get(PEOPLE).await.is(200);
            assert_eq!(seen.each("id"), [&json!(caller.id())]);
            caller.get(jo.url("")).await.is(404).problem("not_found");
        }
    }

    async fn a_service_sees_a_person(school: School) {
        let jo = school.jo().await;
        assert_eq!(school.service().get(jo.url("")).await.is(200)["email"], jo["email"]);
    }

    async fn a_person_of_another_school_does_not_exist(school: School) {
        let jo = school.jo().await;
        school.other_school().await.headteacher().get(jo.url("")).await.is(404).problem("not_found");
    }

    async fn an_edit_is_bound_to_the_version_that_was_read(school: School) {
        let (it, jo) = (school.it_technician(), school.jo().await);
        let edit = || it.patch(jo.url(""), json!({ "family_name": "Hill" }));
        edit().await.is(428);
        assert_eq!(edit().if_match(jo.etag()).await.is(200)["version"], 2);
        edit().if_match(jo.etag()).await.is(412);
    }

    async fn an_edit_that_changes_nothing_makes_no_version(school: School) {
        let jo = school.jo().await;
        let same = school.it_technician().patch(jo.url(""), json!({ "family_name": "Green" })).if_match(jo.etag()).await.is(200);
        assert_eq!(same["version"], 1);
    }

    async fn an_edit_replaces_a_name_and_clears_an_address(school: School) {
        let jo = school.jo().await;
        let patch = json!({ "family_name": "Hill", "email": null });
        let edited = school.it_technician().patch(jo.url(""), patch).if_match(jo.etag()).await.is(200);
        assert_eq!((&edited["family_name"], edited.json().get("email"), &edited["version"]), (&json!("Hill"), None, &json!(2)));
    }

    async fn external_id_and_source_are_cleared_together(school: School) {
        let (it, jo) = (school.it_technician(), school.jo().await);
        let edit = |patch: Value| it.patch(jo.url(""), patch).if_match(jo.etag());
        edit(json!({ "external_id": null })).await.is(422).points_at(&[("/external_id", "missing")]);
        edit(json!({ "external_id": null, "external_source": null })).await.is(200);
    }

    async fn a_new_kind_suits_the_roles_that_are_held(school: School) {
        let jo = school.jo().await;
        let edited = school.it_technician().patch(jo.url(""), json!({ "kind": "volunteer" })).if_match(jo.etag()).await;
        edited.is(409).problem("state_conflict");
    }

    async fn a_roster_names_somebody_by_an_id_of_its_own(school: School) {
        let made = school.service().put(ROSTER, new_person(json!({}))).await.is(201);
        assert_eq!((&made["external_source"], &made["external_id"]), (&json!("mis"), &json!("S/7 b")));
    }

    async fn the_same_roster_again_changes_nothing(school: School) {
        let put = || school.service().put(ROSTER, new_person(json!({ "roles": ["staff"] })));
        let made = put().await.is(201);
        let same = put().await.is(200);
        assert_eq!((same.json(), &same["version"]), (made.json(), &json!(1)));
        assert_eq!(log_of(&school, &made["id"]).await.each("type"), ["person.created", "person.role_granted"]);
    }

    async fn a_roster_moves_somebody_to_another_kind_with_its_roles(school: School) {
        let put = |kind: &str| school.service().put(ROSTER, new_person(json!({ "kind": kind, "roles": [kind] })));
        put("staff").await.is(201);
        let moved = put("governor").await.is(200);
        assert_eq!((&moved["version"], &moved["kind"], &moved["roles"]), (&json!(2), &json!("governor"), &json!(["governor"])));
    }

    async fn a_service_assigns_no_role_that_is_a_persons_to_grant(school: School) {
        let service = school.service();
        service.post(PEOPLE, new_person(json!({ "roles": ["leadership_team"] }))).await.is(403).problem("forbidden");
        service.put(ROSTER, new_person(json!({}))).await.is(201);
        service.put(ROSTER, new_person(json!({ "roles": ["headteacher"] }))).await.is(403).problem("forbidden");
    }

    async fn what_a_roster_calls_itself_and_somebody_is_neither_blank_nor_too_long(school: School) {
        for (source, id) in [("mis", "%20"), (&"x".repeat(51), "1")] {
            school.service().put(format!("/v1/people/by-external-id/{source}/{id}"), new_person(json!({}))).await.is(422);
        }
    }

    async fn a_privileged_role_is_granted_by_the_headteacher_or_the_chair(school: School) {
        let governor = school.governor();
        grant(&school.it_technician(), &governor, "volunteer").await.is(200);
        grant(&school.it_technician(), &governor, "chair_of_governors").await.is(403).problem("forbidden");
        let granted = grant(&school.headteacher(), &governor, "chair_of_governors").await.is(200);
        assert_eq!((&granted["version"], &granted["roles"]), (&json!(3), &json!(["governor", "volunteer", "chair_of_governors"])));
        grant(&school.chair(), &governor, "dpo").await.is(200);
    }

    async fn nobody_grants_themselves_a_privileged_role(school: School) {
        let head = school.headteacher();
        grant(&head, &head, "dsl").await.is(403).problem("forbidden");
    }

    async fn a_role_is_granted_once_and_revoked_once(school: School) {
        let (head, governor) = (school.headteacher(), school.governor());
        grant(&head, &governor, "chair_of_governors").await.is(200);
        grant(&head, &governor, "chair_of_governors").await.is(409).problem("already_exists");
        revoke(&head, &governor, "chair_of_governors").await.is(403).problem("forbidden");
        revoke(&school.chair(), &governor, "chair_of_governors").await.is(200);
        revoke(&school.chair(), &governor, "chair_of_governors").await.is(409).problem("state_conflict");
    }

    async fn a_role_is_granted_to_those_whom_it_suits(school: School) {
        for unsuitable in ["dsl", "mis_integration"] {
            grant(&school.headteacher(), &school.governor(), unsuitable).await.is(422).points_at(&[("/role", "unsuitable_role")]);
        }
    }

    async fn the_last_headteacher_stays_one(school: School) {
        let (chair, head) = (school.chair(), school.headteacher());
        revoke(&chair, &head, "headteacher").await.is(409).problem("state_conflict");
        school.person("successor", &[Role::Headteacher]).await;
        revoke(&chair, &head, "headteacher").await.is(200);
    }

    async fn whoever_has_left_can_be_at_the_school_again(school: School) {
        let (it, staff) = (school.it_technician(), school.staff());
        let rejoin = |by: &Caller<'_>, who: &Caller<'_>, etag: &str| school.somebody(by.id()).post(who.url("rejoin"), json!({})).if_match(etag);
        rejoin(&it, &staff, "\"1\"").await.is(409).problem("state_conflict");
        let gone = leave(&it, &staff, "2026-01-14").if_match("\"1\"").await.is(200);
        assert_eq!(gone.etag(), "\"2.left\"", "what the day has made of it is part of the tag");
        staff.get(staff.url("")).await.is(401);
        rejoin(&it, &staff, "\"1\"").await.is(412);
        let back = rejoin(&it, &staff, gone.etag()).await.is(200);
        assert_eq!((&back["state"], back.json().get("left_on")), (&json!("active"), None));
        assert_eq!(log_of(&school, &back["id"]).await["items"].as_array().unwrap().last().unwrap()["type"], "person.rejoined");
        school.pupil().post(staff.url("rejoin"), json!({})).if_match(back.etag()).await.is(403);
        let other = school.other_school().await;
        other.it_technician().post(staff.url("rejoin"), json!({})).if_match(back.etag()).await.is(404);
    }

    async fn guarded_people_leave_and_return_by_the_word_of_head_or_chair(school: School) {
        for guarded in [school.dsl(), school.leadership(), school.it_technician()] {
            for by in [school.it_technician(), school.service()] {
                leave(&by, &guarded, "2026-01-15").if_match("\"1\"").await.is(403).problem("forbidden");
            }
            let leaving = leave(&school.headteacher(), &guarded, "2026-01-15").if_match("\"1\"").await.is(200);
            school.service().post(guarded.url("rejoin"), json!({})).if_match(leaving.etag()).await.is(403);
            school.headteacher().post(guarded.url("rejoin"), json!({})).if_match(leaving.etag()).await.is(200);
        }
    }

    async fn nobody_with_guardian_links_becomes_or_ceases_to_be_a_pupil(school: School) {
        school.set_guardian().await;
        let (it, pupil, parent) = (school.it_technician(), school.pupil(), school.parent());
        for (who, role, kind) in [(&pupil, "pupil", "visitor"), (&parent, "parent_carer", "pupil")] {
            revoke(&it, who, role).await.is(200);
            it.patch(who.url(""), json!({ "kind": kind })).if_match("\"2\"").await.is(409).problem("in_use");
        }
    }

    async fn whoever_leaves_on_a_day_ahead_is_active_until_then(school: School) {
        let staff = school.staff();
        let leaving = leave(&school.service(), &staff, "2026-02-01").if_match("\"1\"").await.is(200);
        assert_eq!(leaving["state"], "active");
        school.clock_at("2026-02-01T00:00:00Z");
        assert_eq!(school.headteacher().get(staff.url("")).await["state"], "left");
    }

    async fn a_leaving_date_only_comes_earlier(school: School) {
        let leave = |left_on| leave(&school.service(), &school.staff(), left_on);
        let leaving = leave("2026-02-01").if_match("\"1\"").await.is(200);
        leave("2026-02-01").if_match(leaving.etag()).await.is(409).problem("state_conflict");
        assert_eq!(leave("2026-01-14").if_match(leaving.etag()).await.is(200)["state"], "left");
    }

    async fn whoever_has_left_is_granted_no_role(school: School) {
        let governor = school.governor();
        leave(&school.service(), &governor, "2026-01-14").if_match("\"1\"").await.is(200);
        grant(&school.headteacher(), &governor, "volunteer").await.is(409).problem("state_conflict");
    }

    async fn leaving_ends_the_sessions(school: School) {
        let staff = school.staff();
        staff.get(PEOPLE).await.is(200);
        leave(&school.headteacher(), &staff, "2026-01-01").if_match("\"1\"").await.is(200);
        staff.get(PEOPLE).await.is(401);
    }

    async fn whoever_is_named_by_no_record_is_deleted_on_the_version_that_was_read(school: School) {
        let (head, jo) = (school.headteacher(), school.jo().await);
        head.delete(jo.url("")).await.is(428);
        head.delete(jo.url("")).if_match(jo.etag()).await.is(204);
        head.get(jo.url("")).await.is(404);
    }

    async fn whoever_has_logged_in_is_not_deleted(school: School) {
        school.staff().get(PEOPLE).await.is(200);
        let delete = |who: &Caller<'_>| school.headteacher().delete(who.url("")).if_match("\"1\"");
        delete(&school.staff()).await.is(409).problem("in_use");
        delete(&school.second_staff()).await.is(204);
    }

    async fn neither_a_pupil_nor_a_guardian_on_record_is_deleted(school: School) {
        school.set_guardian().await;
        for named in [school.pupil(), school.parent()] {
            school.it_technician().delete(named.url("")).if_match("\"1\"").await.is(409).problem("in_use");
        }
    }

    async fn the_same_guardian_again_changes_nothing(school: School) {
        let (once, again) = (school.set_guardian().await, school.set_guardian().await);
        assert_eq!(once.json(), again.json());
        assert_eq!(log_of(&school, &json!(school.pupil().id())).await.each("type"), ["person.guardian_set"]);
    }

    async fn only_a_pupil_has_guardians_and_no_pupil_is_one(school: School) {
        let classmate = school.person("classmate", &[Role::Pupil]).await;
        for (child, guardian) in [(school.parent(), school.pupil()), (school.staff(), school.parent()), (school.pupil(), classmate)] {
            let set = school.it_technician().post(child.url("set-guardian"), guardianship(&guardian)).await;
            set.is(409).problem("state_conflict");
        }
    }

    async fn a_guardian_is_somebody_of_the_school(school: School) {
        let nobody = with(guardianship(&school.parent()), json!({ "guardian_id": Uuid::now_v7() }));
        let set = school.it_technician().post(school.pupil().url("set-guardian"), nobody).await.is(422);
        set.points_at(&[("/guardian_id", "unknown")]);
    }

    async fn guardians_see_their_children_with_all_details(school: School) {
        school.set_guardian().await;
        let seen = school.parent().get(PEOPLE).await.is(200);
        assert_eq!(seen.items().len(), 2);
        for own in [school.parent(), school.pupil()] {
            assert!(seen.each("id").contains(&&json!(own.id())), "{seen}");
        }
        assert!(seen.items().iter().all(|one| one["email"].is_string()), "{seen}");
    }

    async fn who_does_not_see_everyone_sees_only_that_they_are_a_guardian_themselves(school: School) {
        let (head, pupil, other) = (school.headteacher(), school.pupil(), school.person("other_parent", &[Role::ParentCarer]).await);
        school.set_guardian().await;
        school.service().post(pupil.url("set-guardian"), guardianship(&other)).await.is(200);
        let guardians = async |caller: Caller<'_>| caller.get(pupil.url("guardians")).await.is(200);
        assert_eq!(guardians(head.clone()).await.items().len(), 2);
        assert_eq!(guardians(school.parent()).await.each("guardian_id"), [&json!(school.parent().id())]);
        for caller in [school.pupil(), school.staff()] {
            assert_eq!(guardians(caller).await["items"], json!([]));
        }
        assert_eq!(head.get(pupil.url("guardians?limit=1")).await.is(200).items().len(), 1);
    }

    async fn a_guardian_is_removed_once(school: School) {
        school.set_guardian().await;
        let remove = || school.it_technician().post(school.pupil().url("remove-guardian"), json!({ "guardian_id": school.parent().id() }));
        remove().await.is(204);
        remove().await.is(404);
        assert_eq!(school.parent().get(PEOPLE).await.is(200).each("id"), [&json!(school.parent().id())]);
    }
}
