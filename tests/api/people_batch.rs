//! People and guardians by batch: a result for each, and the rules of the single requests.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::people::PEOPLE;
use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines, with};

const BATCH: &str = "/v1/people/batch";
const GUARDIANS: &str = "/v1/guardians/batch";

/// A member of staff whom the MIS knows by this id.
fn item(id: &str, members: Value) -> Value {
    let item = json!({ "external_source": "mis", "external_id": id, "given_name": "Jo", "family_name": "Green", "kind": "staff" });
    with(item, members)
}

fn batch<'s>(by: &Caller<'s>, items: &[Value]) -> Request<'s> {
    by.post(BATCH, json!({ "items": items })).idempotency_key(Uuid::now_v7())
}

fn key(id: &str) -> Value {
    json!({ "external_source": "mis", "external_id": id })
}

fn link(pupil: &str, guardian: &str, members: Value) -> Value {
    let link = json!({ "pupil": key(pupil), "guardian": key(guardian), "relationship": "parent", "has_parental_responsibility": true });
    with(link, members)
}

fn links<'s>(by: &Caller<'s>, items: &[Value]) -> Request<'s> {
    by.post(GUARDIANS, json!({ "items": items })).idempotency_key(Uuid::now_v7())
}

/// Of each result, one member.
fn each<'r>(reply: &'r Reply, member: &str) -> Vec<&'r Value> {
    reply["results"].as_array().unwrap().iter().map(|result| &result[member]).collect()
}

async fn find(school: &School, id: &str) -> Reply {
    let page = school.headteacher().get(format!("{PEOPLE}?external_source=mis&external_id={id}")).await.is(200);
    school.headteacher().get(format!("{PEOPLE}/{}", page.items()[0]["id"].as_str().unwrap())).await.is(200)
}

async fn events_of(school: &School, id: &Value) -> Vec<String> {
    let log = school.headteacher().get(format!("/v1/events?subject_id={}", id.as_str().unwrap())).await.is(200);
    log.each("type").into_iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
}

on_both_engines! {
    async fn each_item_of_a_batch_has_its_result_and_the_same_batch_again_changes_nothing(school: School) {
        let items = [
            item("1", json!({ "email": "Jo@Weald.Example", "roles": ["staff"] })),
            item("2", json!({ "kind": "pupil", "roles": ["pupil"], "year_group": "year_3" })),
            item("3", json!({ "left_on": "2026-01-01" })),
        ];
        let first = batch(&school.service(), &items).await.is(207);
        assert_eq!(each(&first, "outcome"), ["created", "created", "created"]);
        assert_eq!(each(&first, "status"), [201, 201, 201]);
        let again = batch(&school.service(), &items).await.is(207);
        assert_eq!(each(&again, "outcome"), ["unchanged", "unchanged", "unchanged"]);
        assert_eq!(each(&again, "person_id"), each(&first, "person_id"));
        let jo = find(&school, "1").await;
        assert_eq!((&jo["email"], &jo["version"], &jo["roles"]), (&json!("jo@weald.example"), &json!(1), &json!(["staff"])));
        assert_eq!(events_of(&school, &jo["id"]).await, ["person.created", "person.role_granted"]);
        assert_eq!(find(&school, "3").await["state"], "left");
    }

    async fn what_is_refused_leaves_no_trace_and_keeps_nothing_else_back(school: School) {
        batch(&school.service(), &[item("1", json!({ "roles": ["staff"] }))]).await.is(207);
        let reply = batch(&school.service(), &[
            item("1", json!({ "given_name": "Joan", "roles": ["staff", "headteacher"] })),
            item("2", json!({ "email": "no address" })),
            item("3", json!({ "family_name": "x".repeat(101), "given_name": " " })),
            item("4", json!({ "year_group": "year_1" })),
            item("5", json!({ "roles": ["pupil"] })),
            item("6", json!({ "given_name": "Nu\u{0}l" })),
            item("7", json!({})),
            item("7", json!({ "given_name": "Second" })),
        ]).await.is(207);
        assert_eq!(each(&reply, "status"), [403, 422, 422, 422, 422, 422, 201, 409]);
        let pointers = |index: usize| {
            let errors = reply["results"][index]["errors"].as_array().unwrap();
            errors.iter().map(|one| format!("{} {}", one["pointer"].as_str().unwrap(), one["code"].as_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(pointers(1), ["/items/1/email not_an_email_address"]);
        assert_eq!(pointers(2), ["/items/2/family_name too_long", "/items/2/given_name blank"]);
        assert_eq!(pointers(3), ["/items/3/year_group not_a_pupil"]);
        assert_eq!(pointers(4), ["/items/4/roles/0 unsuitable_role"]);
        assert_eq!(pointers(5), ["/items/5/given_name control_character"]);
        assert_eq!(pointers(7), ["/items/7/external_id duplicate"]);
        assert_eq!(find(&school, "1").await["given_name"], "Jo");
        assert_eq!(find(&school, "7").await["given_name"], "Jo");
        let none = school.headteacher().get(format!("{PEOPLE}?external_source=mis&external_id=2")).await.is(200);
        assert!(none.items().is_empty(), "{none}");
    }

    async fn a_batch_makes_nobody_a_headteacher_and_takes_no_such_role_away(school: School) {
        for role in ["headteacher", "it_technician", "dsl", "deputy_dsl", "chair_of_governors", "dpo", "leadership_team"] {
            let reply = batch(&school.service(), &[item(role, json!({ "roles": [role] }))]).await.is(207);
            assert_eq!(each(&reply, "status"), [403], "{role}");
        }
        batch(&school.service(), &[item("1", json!({ "roles": ["staff"] }))]).await.is(207);
        let jo = find(&school, "1").await;
        school.headteacher().post(format!("{PEOPLE}/{}/grant-role", jo["id"].as_str().unwrap()), json!({ "role": "dsl" })).await.is(200);
        batch(&school.service(), &[item("1", json!({ "roles": [] }))]).await.is(207);
        assert_eq!(find(&school, "1").await["roles"], json!(["dsl"]));
        let leaving = batch(&school.service(), &[item("1", json!({ "left_on": "2026-01-14" }))]).await.is(207);
        assert_eq!((each(&leaving, "status"), each(&leaving, "code")), (vec![&json!(403)], vec![&json!("forbidden")]));
    }

    async fn two_who_stop_being_staff_in_one_batch_do_not_leave_an_account_to_one(school: School) {
        let account = school.active_account().await;
        let (staff, second) = (school.staff(), school.second_staff());
        for (caller, id) in [(&staff, "1"), (&second, "2")] {
            let person = school.headteacher().get(caller.url("")).await;
            let known = json!({ "external_source": "mis", "external_id": id });
            school.headteacher().patch(caller.url(""), known).if_match(person.etag()).await.is(200);
        }
        let managers = account["managers"].as_array().unwrap().len();
        assert_eq!(managers, 2, "{account}");
        let reply = batch(&school.service(), &[item("1", json!({ "roles": ["volunteer"] })), item("2", json!({ "roles": ["volunteer"] }))]).await.is(207);
        assert_eq!(each(&reply, "code"), ["policy_gate", "policy_gate"]);
        let spare = batch(&school.service(), &[item("2", json!({ "roles": ["staff", "volunteer"] }))]).await.is(207);
        assert_eq!(each(&spare, "outcome"), ["updated"]);
    }

    async fn leavers_of_a_batch_hand_their_accounts_over_and_are_logged_out(school: School) {
        let account = school.active_account().await;
        let staff = school.staff();
        let person = school.headteacher().get(staff.url("")).await;
        school.headteacher().patch(staff.url(""), key("1")).if_match(person.etag()).await.is(200);
        staff.get(PEOPLE).await.is(200);
        let left = batch(&school.service(), &[item("1", json!({ "left_on": "2026-01-14", "given_name": "staff", "family_name": "Weald", "email": "staff@weald.example", "roles": [] }))]).await.is(207);
        assert_eq!(each(&left, "outcome"), ["left"], "and who is left does not hang on the roles that go with them");
        staff.get(PEOPLE).await.is(401);
        let open = school.it_technician().get(format!("/v1/handovers?account_id={}", account["id"].as_str().unwrap())).await.is(200);
        assert_eq!(open.each("leaver_id"), [&json!(staff.id())]);
        assert_eq!(events_of(&school, &json!(staff.id())).await.iter().filter(|kind| *kind == "person.left").count(), 1);
    }

    async fn a_batch_needs_a_key_and_is_answered_once(school: School) {
        school.service().post(BATCH, json!({ "items": [item("1", json!({}))] })).await.is(400).problem("malformed_header");
        let key = Uuid::now_v7();
        let once = || school.service().post(BATCH, json!({ "items": [item("1", json!({}))] })).idempotency_key(key);
        let first = once().await.is(207);
        let again = once().await.is(207);
        assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
        batch(&school.service(), &[]).await.is(422);
        let too_many: Vec<Value> = (0..1001).map(|number| item(&number.to_string(), json!({}))).collect();
        batch(&school.service(), &too_many).await.is(422);
        batch(&school.staff(), &[item("9", json!({}))]).await.is(403);
    }

    async fn a_thousand_people_come_in_one_batch(school: School) {
        let items: Vec<Value> = (0..1000).map(|number| item(&number.to_string(), json!({ "kind": "pupil", "roles": ["pupil"] }))).collect();
        let created = batch(&school.service(), &items).await.is(207);
        assert!(each(&created, "outcome").iter().all(|outcome| *outcome == "created"));
        let renamed: Vec<Value> = items.into_iter().map(|item| with(item, json!({ "family_name": "Brown" }))).collect();
        let updated = batch(&school.service(), &renamed).await.is(207);
        assert!(each(&updated, "outcome").iter().all(|outcome| *outcome == "updated"));
        let id = school.id;
        assert!(school.read(move |conn| weald::events::chain::verify(conn, id)).await.is_ok());
    }

    async fn guardians_come_by_batch_and_each_has_its_result(school: School) {
        let people = [
            item("p1", json!({ "kind": "pupil", "roles": ["pupil"] })), item("p2", json!({ "kind": "pupil" })),
            item("g1", json!({ "kind": "parent_carer", "roles": ["parent_carer"] })),
        ];
        batch(&school.service(), &people).await.is(207);
        let all = [
            link("p1", "g1", json!({})),
            link("p1", "g1", json!({ "relationship": "other" })),
            link("p2", "g1", json!({ "has_parental_responsibility": false })),
            link("p1", "nobody", json!({})),
            link("g1", "p1", json!({})),
            link("p1", "", json!({})),
        ];
        let reply = links(&school.service(), &all).await.is(207);
        assert_eq!(each(&reply, "status"), [200, 409, 200, 422, 409, 422]);
        assert_eq!(each(&reply, "outcome"), ["created", "refused", "created", "refused", "refused", "refused"]);
        assert_eq!(reply["results"][3]["errors"][0]["pointer"], "/items/3/guardian/external_id");
        let again = links(&school.service(), &all[..1]).await.is(207);
        assert_eq!(each(&again, "outcome"), ["unchanged"]);
        let changed = links(&school.service(), &[link("p1", "g1", json!({ "has_parental_responsibility": false }))]).await.is(207);
        assert_eq!(each(&changed, "outcome"), ["updated"]);
        let pupil = find(&school, "p1").await;
        let on_file = school.headteacher().get(format!("{PEOPLE}/{}/guardians", pupil["id"].as_str().unwrap())).await.is(200);
        assert_eq!(on_file.each("has_parental_responsibility"), [false]);
        let set = events_of(&school, &pupil["id"]).await.into_iter().filter(|kind| kind == "person.guardian_set").count();
        assert_eq!(set, 2);
        links(&school.staff(), &all[..1]).await.is(403);
    }

    async fn a_guardian_who_loses_responsibility_by_batch_ends_what_their_consent_allowed(school: School) {
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let child = school.child_of(&school.parent(), "year_3").await;
        school.said(&school.parent(), &child, &notice, "given", json!({ "face_identifiable": true, "with_name": true })).await.is(201);
        school.published(&account, &[&child]).await;
        for (url, id) in [(child.url(""), "c"), (school.parent().url(""), "g")] {
            let person = school.headteacher().get(&url).await;
            school.headteacher().patch(&url, key(id)).if_match(person.etag()).await.is(200);
        }
        let open = async || school.headteacher().get("/v1/takedowns?state=open").await.is(200).items().len();
        assert_eq!(open().await, 0);
        links(&school.service(), &[link("c", "g", json!({ "has_parental_responsibility": false }))]).await.is(207);
        assert_eq!(open().await, 1);
    }
}
