//! R-IT-1 and BC-4: the IT technician creates accounts from approved cases, and at least two members of staff run them.

use serde_json::json;
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines};

impl School {
    /// An account that waits to be activated, and whose two managers can.
    pub async fn pending_account(&self) -> Reply {
        self.qualify(&[&self.staff(), &self.second_staff()]).await;
        self.newcomers_account().await
    }

    /// An account whose two managers have neither read nor learnt anything.
    pub async fn newcomers_account(&self) -> Reply {
        let case = self.approved_case().await;
        let new = json!({ "business_case_id": case["id"], "handle": format!("weald-{}", case["id"].as_str().unwrap()) });
        self.it_technician().post("/v1/accounts", new).await.is(201)
    }

    /// An account in use, run by two members of staff.
    pub async fn active_account(&self) -> Reply {
        let account = self.pending_account().await;
        self.it_technician().post(account.url("activate"), json!({})).if_match(account.etag()).await.is(200)
    }
}

on_both_engines! {
    async fn an_account_needs_an_approved_unused_case_and_the_it_technician(school: School) {
        let it = school.it_technician();
        let new = |case: &Reply| json!({ "business_case_id": case["id"], "handle": "weald" });
        let draft = school.draft().await;
        it.post("/v1/accounts", new(&draft)).await.is(409).problem("policy_gate").violates(&["R-IT-1"]);
        let submitted = school.submitted_case().await;
        it.post("/v1/accounts", new(&submitted)).await.is(409).problem("policy_gate").violates(&["R-IT-1"]);
        let approved = school.approved_case().await;
        school.headteacher().post("/v1/accounts", new(&approved)).await.is(403).problem("forbidden");
        let account = it.post("/v1/accounts", new(&approved)).await.is(201);
        assert_eq!((&account["state"], &account["tagging_allowed"], &account["managers"]), (&json!("pending_activation"), &json!(false), &approved["managers"]));
        assert_eq!(school.staff().get(approved.url("")).await["state"], "used");
        it.post("/v1/accounts", json!({ "business_case_id": approved["id"], "handle": "other" })).await.is(409).problem("policy_gate").violates(&["R-IT-1"]);
        it.post("/v1/accounts", json!({ "business_case_id": uuid::Uuid::now_v7(), "handle": "other" })).await.is(422).points_at(&[("/business_case_id", "unknown")]);
    }

    async fn an_approval_lapses_after_ninety_days_unused(school: School) {
        let case = school.approved_case().await;
        assert_eq!(case["lapses_at"], "2026-04-14T10:00:00Z");
        school.clock_at("2026-04-14T10:00:00Z");
        let new = json!({ "business_case_id": case["id"], "handle": "weald" });
        school.it_technician().post("/v1/accounts", new).await.is(409).violates(&["R-HT-5"]);
        weald::jobs::run_all(school.state()).await.unwrap();
        let case = school.staff().get(case.url("")).await.is(200);
        assert_eq!((&case["state"], &case["allowed_actions"]), (&json!("lapsed"), &json!([])));
    }

    async fn a_handle_is_unique_per_platform_and_school(school: School) {
        let (one, two) = (school.approved_case().await, school.approved_case().await);
        let new = |case: &Reply, handle| json!({ "business_case_id": case["id"], "handle": handle });
        school.it_technician().post("/v1/accounts", new(&one, "@WealdCPS")).await.is(201);
        let taken = school.it_technician().post("/v1/accounts", new(&two, "wealdcps")).await.is(409).problem("already_exists");
        taken.points_at(&[("/handle", "taken")]);
        assert_eq!(school.staff().get(two.url("")).await["state"], "approved", "the refusal leaves the case unused");
        let other = school.other_school().await;
        let theirs = other.approved_case().await;
        other.it_technician().post("/v1/accounts", new(&theirs, "wealdcps")).await.is(201);
    }

    async fn an_account_goes_through_its_states(school: School) {
        let it = school.it_technician();
        let pending = school.pending_account().await;
        it.post(pending.url("suspend"), json!({ "reason": "Too early." })).if_match(pending.etag()).await.is(409).problem("state_conflict");
        let active = it.post(pending.url("activate"), json!({})).if_match(pending.etag()).await.is(200);
        it.post(pending.url("activate"), json!({})).if_match(active.etag()).await.is(409).problem("state_conflict");
        it.post(pending.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(pending.etag()).await.is(412);
        let suspended = school.headteacher().post(active.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(active.etag()).await.is(200);
        assert_eq!((&suspended["state"], &suspended["state_reason"]), (&json!("suspended"), &json!("Nobody is there.")));
        school.headteacher().post(active.url("resume"), json!({})).if_match(suspended.etag()).await.is(403);
        let resumed = it.post(active.url("resume"), json!({})).if_match(suspended.etag()).await.is(200);
        let closed = it.post(active.url("close"), json!({ "reason": "Moved." })).if_match(resumed.etag()).await.is(200);
        assert_eq!((&closed["state"], &closed["allowed_actions"]), (&json!("closed"), &json!([])));
        it.patch(active.url(""), json!({ "name": "Again" })).if_match(closed.etag()).await.is(409).problem("state_conflict");
    }

    async fn an_account_is_never_left_with_fewer_than_two_members_of_staff(school: School) {
        let it = school.it_technician();
        let account = school.active_account().await;
        let parent = school.parent().id();
        let team = |people: &[(weald::db::types::PersonId, bool)]| {
            let managers: Vec<_> = people.iter().map(|(id, lead)| json!({ "person_id": id, "lead": lead })).collect();
            json!({ "managers": managers })
        };
        let (staff, second) = (school.staff().id(), school.second_staff().id());
        let change = async |managers, status| it.post(account.url("change-managers"), managers).if_match(account.etag()).await.is(status);
        change(team(&[(staff, true)]), 422).await.violates(&["BC-4"]);
        change(team(&[(staff, true), (parent, false)]), 422).await.violates(&["BC-4"]);
        change(team(&[(staff, false), (second, false)]), 422).await.violates(&["BC-4"]);
        change(team(&[(staff, true), (staff, false)]), 422).await.violates(&["BC-4"]);
        change(team(&[(staff, true), (second, false), (school.pupil().id(), false)]), 422).await.violates(&["BC-4"]);
        school.qualify(&[&school.parent()]).await;
        let changed = change(team(&[(second, true), (staff, false), (parent, false)]), 200).await;
        assert_eq!(changed["managers"][0], json!({ "person_id": second, "lead": true }));
        school.parent().get(account.url("")).await.is(200);
    }

    async fn nobody_stops_being_staff_while_an_account_in_use_needs_them(school: School) {
        let account = school.active_account().await;
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let url = format!("/v1/people/{}/revoke-role", second.id());
        it.post(&url, json!({ "role": "staff" })).await.is(409).problem("policy_gate").violates(&["BC-4"]);
        let third = school.person("third", &[Role::Staff]).await;
        school.qualify(&[&third]).await;
        let managers = json!({ "managers": [{ "person_id": staff.id(), "lead": true }, { "person_id": third.id() }] });
        it.post(account.url("change-managers"), managers).if_match(account.etag()).await.is(200);
        it.post(&url, json!({ "role": "staff" })).await.is(200);
    }

    async fn a_closed_accounts_handle_is_free_again_and_no_other_name_hides_a_handle_in_use(school: School) {
        let it = school.it_technician();
        let account = school.active_account().await;
        let handle = account["handle"].as_str().unwrap().to_owned();
        let again = async || {
            let case = school.approved_case().await;
            it.post("/v1/accounts", json!({ "business_case_id": case["id"], "handle": handle })).await
        };
        again().await.is(409).problem("already_exists");
        let named = school.staff().post("/v1/business-cases", school.case_with(json!({ "platform_other_name": "Mastodon" }))).await.is(201);
        school.staff().post(named.url("submit"), json!({})).if_match(named.etag()).await.is(422).violates(&["CTX-1"]);
        it.post(account.url("close"), json!({ "reason": "Done." })).if_match(account.etag()).await.is(200);
        again().await.is(201);
    }

    async fn a_change_that_changes_nothing_leaves_no_trace(school: School) {
        let account = school.active_account().await;
        let events = async || school.headteacher().get("/v1/events?limit=200").await.is(200)["items"].as_array().unwrap().len();
        let before = events().await;
        for same in [json!({}), json!({ "name": account["name"] })] {
            let reply = school.it_technician().patch(account.url(""), same).if_match(account.etag()).await.is(200);
            assert_eq!(reply["version"], account["version"]);
        }
        let case = school.approved_case().await;
        for same in [json!({}), json!({ "aim": case["aim"] }), json!({ "managers": case["managers"] })] {
            let reply = school.staff().patch(case.url(""), same).if_match(case.etag()).await.is(200);
            assert_eq!((&reply["version"], &reply["state"]), (&case["version"], &json!("approved")));
        }
        assert_eq!(events().await, before + 3);
    }

    async fn a_link_is_an_address_of_the_web(school: School) {
        let account = school.active_account().await;
        for wrong in ["javascript:alert(1)", "weald.example", "ftp://weald.example", "https://", "https://we ald.example"] {
            let refused = school.it_technician().patch(account.url(""), json!({ "url": wrong })).if_match(account.etag()).await.is(422);
            refused.points_at(&[("/url", "not_a_link")]);
        }
    }

    async fn an_account_is_not_activated_without_the_people_to_run_it(school: School) {
        let account = school.pending_account().await;
        let (id, staff) = (school.id, school.staff().id());
        school.write(move |tx| {
            use diesel::prelude::*;
            use weald::db::schema::person_roles::dsl;
            diesel::delete(dsl::person_roles.find((id, staff, Role::Staff))).execute(tx)
        }).await;
        let refused = school.it_technician().post(account.url("activate"), json!({})).if_match(account.etag()).await.is(409);
        refused.problem("policy_gate").violates(&["BC-4"]);
    }

    async fn parents_see_the_accounts_that_they_run_and_no_others(school: School) {
        let account = school.active_account().await;
        school.parent().get(account.url("")).await.is(404);
        assert_eq!(school.parent().get("/v1/accounts").await.is(200)["items"], json!([]));
        assert_eq!(school.staff().get("/v1/accounts").await.is(200)["items"].as_array().unwrap().len(), 1);
        let edited = school.it_technician().patch(account.url(""), json!({ "url": "https://example.org/weald", "tagging_allowed": true })).if_match(account.etag()).await.is(200);
        assert_eq!((&edited["url"], &edited["tagging_allowed"]), (&json!("https://example.org/weald"), &json!(true)));
        let cleared = school.it_technician().patch(account.url(""), json!({ "url": null })).if_match(edited.etag()).await.is(200);
        assert!(cleared.json().get("url").is_none());
    }
}
