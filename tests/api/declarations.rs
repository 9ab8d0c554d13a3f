//! SC-6, SC-7, R-ST-4, APX-2: personal accounts that are the school's business, and those that are not.

use diesel::prelude::*;
use serde_json::{Value, json};
use weald::db::schema::{events, idempotency_keys, personal_account_declarations};
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

const DECLARATIONS: &str = "/v1/personal-account-declarations";

impl School {
    /// An account that somebody declares to be in order, with some members replaced.
    pub async fn declaration(&self, of: &Caller<'_>, members: Value) -> Reply {
        of.post(DECLARATIONS, declared(members)).await.is(201)
    }
}

fn declared(members: Value) -> Value {
    let mut new = json!({
        "platform": "x", "handle": "@Jo_Teaches", "names_school": true, "impacts_school": false,
        "disclaimer_present": true, "uses_school_branding": false,
    });
    new.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    new
}

fn ids(page: &Reply) -> Vec<&Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect()
}

on_both_engines! {
    async fn an_account_without_a_disclaimer_is_taken_in_with_a_task_for_its_owner(school: School) {
        let staff = school.staff();
        let open = school.declaration(&staff, json!({ "disclaimer_present": false })).await;
        assert_eq!((&open["compliance"], &open["tasks"], &open["due_on"], &open["overdue"]), (&json!("disclaimer_required"), &json!(["add_disclaimer"]), &json!("2026-01-28"), &json!(false)));
        assert_eq!((&open["person_id"], &open["allowed_actions"]), (&json!(staff.id()), &json!(["edit", "withdraw"])));
        school.clock_at("2026-01-20T10:00:00Z");
        let worse = staff.patch(open.url(""), json!({ "uses_school_branding": true })).if_match(open.etag()).await.is(200);
        assert_eq!((&worse["tasks"], &worse["due_on"]), (&json!(["add_disclaimer", "remove_branding"]), &json!("2026-01-28")), "no new fortnight");
        let half = staff.patch(open.url(""), json!({ "disclaimer_present": true, "disclaimer_text": "My own views." })).if_match(worse.etag()).await.is(200);
        assert_eq!((&half["compliance"], &half["tasks"], &half["due_on"]), (&json!("branding_misuse"), &json!(["remove_branding"]), &json!("2026-01-28")));
        let cured = staff.patch(open.url(""), json!({ "uses_school_branding": false })).if_match(half.etag()).await.is(200);
        assert_eq!((&cured["compliance"], &cured["tasks"], cured.json().get("due_on")), (&json!("compliant"), &json!([]), None));
        staff.patch(open.url(""), json!({ "disclaimer_present": false })).if_match(half.etag()).await.is(412);
        staff.patch(open.url(""), json!({ "disclaimer_present": false })).await.is(428);
        let again = staff.patch(open.url(""), json!({ "disclaimer_present": false, "disclaimer_text": null })).if_match(cured.etag()).await.is(200);
        assert_eq!((&again["due_on"], again.json().get("disclaimer_text")), (&json!("2026-02-03"), None));
    }

    async fn branding_is_a_task_and_no_refusal(school: School) {
        let branded = school.declaration(&school.parent(), json!({ "uses_school_branding": true })).await;
        assert_eq!((&branded["compliance"], &branded["tasks"]), (&json!("branding_misuse"), &json!(["remove_branding"])));
        school.declaration(&school.governor(), json!({ "names_school": false, "uses_school_branding": true })).await;
    }

    async fn what_is_out_of_scope_leaves_nothing_behind(school: School) {
        let new = declared(json!({ "handle": "canary", "disclaimer_text": "canary", "names_school": false }));
        let before: i64 = school.read(|conn| events::table.count().get_result(conn)).await;
        let refused = school.staff().post(DECLARATIONS, &new).idempotency_key("a").await.is(422);
        assert!(!refused.text.contains("canary"), "{refused}");
        refused.problem("policy_refused").violates(&["SC-7"]).points_at(&[("/names_school", "SC-7")]);
        let mut unnamed = new;
        unnamed["platform"] = "other".into();
        school.staff().post(DECLARATIONS, unnamed).await.is(422).violates(&["SC-7"]);
        let left = school.read(|conn| {
            let rows: i64 = personal_account_declarations::table.count().get_result(conn)?;
            let keys: i64 = idempotency_keys::table.count().get_result(conn)?;
            let events: i64 = events::table.count().get_result(conn)?;
            Ok((rows, keys, events))
        }).await;
        assert_eq!(left, (0, 0, before));
        assert_eq!(school.headteacher().get(DECLARATIONS).await.is(200)["items"], json!([]));
    }

    async fn an_account_that_goes_out_of_scope_is_withdrawn_and_forgotten(school: School) {
        let staff = school.staff();
        let declaration = school.declaration(&staff, json!({ "handle": "canary", "disclaimer_present": false, "disclaimer_text": "canary" })).await;
        staff.patch(declaration.url(""), json!({ "names_school": false })).if_match(declaration.etag()).await.is(422).violates(&["SC-7"]);
        school.headteacher().post(declaration.url("withdraw"), json!({})).if_match(declaration.etag()).await.is(403).problem("forbidden");
        school.second_staff().post(declaration.url("withdraw"), json!({})).if_match(declaration.etag()).await.is(404);
        staff.post(declaration.url("withdraw"), json!({})).await.is(428);
        let withdrawn = staff.post(declaration.url("withdraw"), json!({})).if_match(declaration.etag()).await.is(200);
        assert_eq!((&withdrawn["state"], &withdrawn["allowed_actions"], &withdrawn["tasks"]), (&json!("withdrawn"), &json!([]), &json!([])));
        for forgotten in ["handle", "disclaimer_text", "compliance", "due_on"] {
            assert!(withdrawn.json().get(forgotten).is_none(), "{forgotten}: {withdrawn}");
        }
        let kept: Vec<(Option<String>, Option<String>, Option<String>)> = school.read(|conn| {
            use personal_account_declarations::dsl;
            personal_account_declarations::table.select((dsl::handle, dsl::handle_key, dsl::disclaimer_text)).load(conn)
        }).await;
        assert_eq!(kept, [(None, None, None)]);
        staff.post(declaration.url("withdraw"), json!({})).if_match(withdrawn.etag()).await.is(409).problem("state_conflict");
        staff.patch(declaration.url(""), json!({ "names_school": true })).if_match(withdrawn.etag()).await.is(409).problem("state_conflict");
        school.declaration(&staff, json!({ "handle": "canary" })).await;
        let feed = school.headteacher().get("/v1/events?subject_type=personal_account_declaration").await.is(200);
        assert!(!feed.text.contains("canary"), "{feed}");
    }

    async fn the_same_account_is_declared_once(school: School) {
        let first = school.declaration(&school.staff(), json!({})).await;
        school.staff().post(DECLARATIONS, declared(json!({ "handle": "jo_teaches" }))).await.is(409).problem("already_exists");
        let other = school.declaration(&school.staff(), json!({ "platform": "facebook" })).await;
        school.staff().patch(other.url(""), json!({ "platform": "x" })).if_match(other.etag()).await.is(409).problem("already_exists");
        school.declaration(&school.second_staff(), json!({})).await;
        let renamed = school.staff().patch(first.url(""), json!({ "handle": "jo" })).if_match(first.etag()).await.is(200);
        assert_eq!(renamed["handle"], "jo");
        school.declaration(&school.staff(), json!({})).await;
    }

    async fn people_declare_for_themselves_and_pupils_and_services_not_at_all(school: School) {
        for caller in [
            school.headteacher(), school.leadership(), school.it_technician(), school.staff(), school.dsl(), school.with_role(Role::DeputyDsl),
            school.volunteer(), school.parent(), school.governor(), school.chair(),
        ] {
            let own = school.declaration(&caller, json!({})).await;
            assert_eq!(own["person_id"], json!(caller.id()));
            assert_eq!(caller.get(own.url("")).await.is(200)["id"], own["id"]);
        }
        for caller in [school.pupil(), school.dpo(), school.service()] {
            caller.post(DECLARATIONS, declared(json!({}))).await.is(403).problem("forbidden");
        }
        let for_another = declared(json!({ "person_id": school.second_staff().id() }));
        school.staff().post(DECLARATIONS, for_another).await.is(400).points_at(&[("/person_id", "unknown_field")]);
    }

    async fn some_see_all_declarations_and_the_others_their_own(school: School) {
        let (one, two) = (school.declaration(&school.staff(), json!({})).await, school.declaration(&school.parent(), json!({ "disclaimer_present": false })).await);
        for caller in [school.headteacher(), school.it_technician(), school.dsl(), school.dpo()] {
            assert_eq!(ids(&caller.get(DECLARATIONS).await.is(200)), [&one["id"], &two["id"]]);
        }
        for (caller, own) in [(school.staff(), vec![&one["id"]]), (school.parent(), vec![&two["id"]]), (school.second_staff(), vec![]), (school.leadership(), vec![]), (school.chair(), vec![])] {
            assert_eq!(ids(&caller.get(DECLARATIONS).await.is(200)), own);
        }
        for caller in [school.pupil(), school.service()] {
            caller.get(DECLARATIONS).await.is(403);
        }
        school.second_staff().get(one.url("")).await.is(404);
        school.second_staff().patch(one.url(""), json!({ "names_school": true })).if_match(one.etag()).await.is(404);
        school.headteacher().patch(one.url(""), json!({ "names_school": true })).if_match(one.etag()).await.is(403).problem("forbidden");
        school.other_school().await.headteacher().get(one.url("")).await.is(404);
        let head = school.headteacher();
        assert_eq!(ids(&head.get(format!("{DECLARATIONS}?compliance=disclaimer_required&compliance=branding_misuse")).await), [&two["id"]]);
        assert_eq!(ids(&head.get(format!("{DECLARATIONS}?compliance=compliant")).await), [&one["id"]]);
        school.clock_at("2026-01-28T23:59:59Z");
        assert_eq!(ids(&head.get(format!("{DECLARATIONS}?overdue=true")).await).len(), 0);
        school.clock_at("2026-01-29T00:00:00Z");
        assert_eq!(ids(&head.get(format!("{DECLARATIONS}?overdue=true")).await), [&two["id"]]);
        assert_eq!(school.parent().get(two.url("")).await["overdue"], true);
        let first = head.get(format!("{DECLARATIONS}?limit=1")).await.is(200);
        let rest = head.get(format!("{DECLARATIONS}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((ids(&first), ids(&rest)), (vec![&one["id"]], vec![&two["id"]]));
    }

    async fn somebody_else_looks_at_the_disclaimer_and_looks_again_after_a_change(school: School) {
        let declaration = school.declaration(&school.staff(), json!({})).await;
        for caller in [school.staff(), school.dsl(), school.dpo(), school.leadership()] {
            caller.post(declaration.url("check"), json!({})).if_match(declaration.etag()).await.is(403).problem("forbidden");
        }
        school.it_technician().post(declaration.url("check"), json!({})).await.is(428);
        assert_eq!(school.it_technician().get(declaration.url("")).await["allowed_actions"], json!(["check"]));
        let checked = school.it_technician().post(declaration.url("check"), json!({})).if_match(declaration.etag()).await.is(200);
        assert_eq!((&checked["checked_at"], &checked["checked_by"]), (&json!("2026-01-14T10:00:00Z"), &json!(school.it_technician().id())));
        school.headteacher().post(declaration.url("check"), json!({})).if_match(declaration.etag()).await.is(412);
        let changed = school.staff().patch(declaration.url(""), json!({ "disclaimer_present": false })).if_match(checked.etag()).await.is(200);
        assert!(changed.json().get("checked_at").is_none(), "{changed}");
        let refused = school.headteacher().post(declaration.url("check"), json!({})).if_match(changed.etag()).await.is(409).problem("state_conflict");
        assert_eq!(refused["allowed_actions"], json!([]), "there is no disclaimer to look at");
        let own = school.declaration(&school.headteacher(), json!({})).await;
        school.headteacher().post(own.url("check"), json!({})).if_match(own.etag()).await.is(403).problem("conflict_of_interest").violates(&["R-ST-4"]);
    }

    async fn a_declaration_has_its_limits(school: School) {
        let post = |members| school.staff().post(DECLARATIONS, declared(members));
        post(json!({ "platform": "other" })).await.is(422).violates(&["CTX-1"]);
        let named = post(json!({ "platform": "other", "platform_other_name": "Bebo" })).await.is(201);
        school.staff().patch(named.url(""), json!({ "platform_other_name": null })).if_match(named.etag()).await.is(422).violates(&["CTX-1"]);
        post(json!({ "handle": " " })).await.is(422).points_at(&[("/handle", "blank")]);
        post(json!({ "handle": "x".repeat(101) })).await.is(422).points_at(&[("/handle", "too_long")]);
        post(json!({ "names_school": null })).await.is(400).points_at(&[("/names_school", "wrong_type")]);
        post(json!({ "state": "active" })).await.is(400).points_at(&[("/state", "unknown_field")]);
    }
}
