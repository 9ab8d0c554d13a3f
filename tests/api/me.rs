//! Who the caller is, and what the service can do.

use serde_json::json;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn a_parent_sees_their_roles_accounts_and_children(school: School) {
        let parent = school.parent();
        let child = school.child_of(&parent, "year_3").await;
        let me = parent.get("/v1/me").await.is(200);
        assert_eq!((&me["person_id"], &me["roles"], &me["accounts"]), (&json!(parent.id()), &json!(["parent_carer"]), &json!([])));
        assert_eq!(me["school"]["id"], json!(school.id));
        let children = me["children"].as_array().unwrap();
        assert_eq!((children.len(), &children[0]["id"], &children[0]["year_group"]), (1, &child["id"], &json!("year_3")));
        assert_eq!(school.second_staff().get("/v1/me").await.is(200)["children"], json!([]));
    }

    async fn what_is_held_for_oneself_alone_says_so(school: School) {
        let held = async |caller: crate::support::caller::Caller<'_>, name: &str| {
            let me = caller.get("/v1/me").await.is(200);
            me["permissions"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned()
        };
        assert_eq!(held(school.parent(), "people:read").await, Some(json!({ "name": "people:read", "own": true })));
        assert_eq!(held(school.headteacher(), "people:read").await, Some(json!({ "name": "people:read" })));
        assert_eq!(held(school.parent(), "people:manage").await, None);
    }

    async fn whoever_runs_an_account_sees_it_and_whether_they_lead(school: School) {
        let account = school.active_account().await;
        for manager in account["managers"].as_array().unwrap() {
            let caller = school.somebody(serde_json::from_value(manager["person_id"].clone()).unwrap());
            let me = caller.get("/v1/me").await.is(200);
            assert_eq!((&me["accounts"][0]["id"], &me["accounts"][0]["lead"]), (&account["id"], &manager["lead"]));
        }
    }

    async fn a_service_account_is_nobody_in_person(school: School) {
        let me = school.service().get("/v1/me").await.is(200);
        assert_eq!((&me["client_id"], me.json().get("person_id")), (&json!(school.service().client_id()), None));
    }

    async fn anyone_can_ask_what_the_service_can_do(school: School) {
        let meta = school.anonymous().get("/v1/meta").await.is(200);
        assert_eq!(meta["limits"]["page_items"], 200);
        assert!(meta["event_types"].as_array().unwrap().iter().any(|kind| kind["name"] == "comment.logged"));
        assert!(meta["permissions"].as_array().unwrap().iter().any(|one| one["name"] == "me:read"));
    }
}
