//! The policies of a school and what they depend on: CTX-3.

use diesel::prelude::*;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::db::schema::{events, policies, policy_versions};
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines};

const POLICIES: &str = "/v1/policies";

/// What the log says, oldest first, from the beginning.
async fn log_of(school: &School) -> Vec<(String, String)> {
    let id = school.id;
    school
        .read(move |conn| {
            events::table.filter(events::school_id.eq(id)).order(events::number).select((events::event_type, events::actor_role)).load(conn)
        })
        .await
}

async fn made(school: &School, policy: Value) -> Reply {
    school.headteacher().post(POLICIES, policy).await.is(201)
}

on_both_engines! {
    async fn a_school_has_its_social_media_policy_from_the_first_day_and_everyone_reads_it(school: School) {
        for role in Role::iter() {
            let page = school.with_role(role).get(POLICIES).await.is(200);
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
            let policy = &page["items"][0];
            assert_eq!((&policy["kind"], &policy["depends_on"]), (&json!("social_media"), &json!(["aup_parent", "aup_staff", "e_safety"])));
            let version = school.with_role(role).get(format!("/v1/policy-versions/{}", policy["published_version_id"].as_str().unwrap())).await.is(200);
            assert_eq!((&version["number"], &version["state"], &version["acknowledged_from"]), (&json!(1), &json!("published"), &json!(1)), "{role}");
            assert_eq!(version["allowed_actions"], json!([]));
            assert!(version.json().get("drafted_by").is_none() && version.json().get("published_by").is_none(), "{version}");
        }
        school.anonymous().get(POLICIES).await.is(401);
        let version = school.version_in_force().await;
        let clauses = version["clauses"].as_array().unwrap();
        assert_eq!(clauses.len(), 93);
        assert!(clauses[1]["text"].as_str().unwrap().starts_with("Weald School recognises"), "the school's own name: {}", clauses[1]);
        let words = |id: &str| clauses.iter().find(|clause| clause["id"] == id).unwrap()["text"].as_str().unwrap().to_owned();
        assert_eq!(words("R-HT-5"), "Approve account creation");
        assert!(words("MON-2").contains("within 24 hours (or on the next working day if received at a weekend)"));
        assert!(words("PU-PC-2").starts_with("Parents/carers are encouraged"), "without the typo (A28)");
        let seeded = ["school.created", "policy.created", "policy_version.published", "response_procedure.published"].map(|kind| (kind, "system"));
        assert_eq!(log_of(&school).await, seeded.map(|(kind, role)| (kind.to_owned(), role.to_owned())));
    }

    async fn a_school_from_before_gets_its_policy_from_the_jobs_once(school: School) {
        let other = school.other_school().await;
        let id = school.id;
        school.write(move |tx| {
            diesel::delete(policy_versions::table.filter(policy_versions::school_id.eq(id))).execute(tx)?;
            diesel::delete(policies::table.filter(policies::school_id.eq(id))).execute(tx)
        }).await;
        assert_eq!(school.pupil().get(POLICIES).await.is(200)["items"], json!([]));
        let before = other.social_media_policy().await;
        for given in [1, 0] {
            let done = weald::jobs::run_all(school.state()).await.unwrap();
            assert!(done.contains(&("policies", given)), "{done:?}");
        }
        assert_eq!(school.version_in_force().await["number"], 1);
        assert_eq!(school.pupil().get(POLICIES).await.is(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(other.social_media_policy().await.json(), before.json());
    }

    async fn the_headteacher_sets_up_a_policy_of_each_kind_once(school: School) {
        let policy = made(&school, json!({ "kind": "e_safety", "title": " E-Safety Policy ", "depends_on": ["images", "data_protection", "images"] })).await;
        assert_eq!((&policy["title"], &policy["depends_on"]), (&json!("E-Safety Policy"), &json!(["data_protection", "images"])));
        assert_eq!((policy.json().get("published_version_id"), policy.header("location")), (None, policy.url("").as_str()));
        assert_eq!(school.parent().get(policy.url("")).await.is(200).json(), policy.json());
        for kind in ["e_safety", "social_media"] {
            school.headteacher().post(POLICIES, json!({ "kind": kind, "title": "Another" })).await.is(409).problem("already_exists");
        }
        assert_eq!(log_of(&school).await.last().unwrap(), &("policy.created".to_owned(), "headteacher".to_owned()));
        let other = school.other_school().await;
        made(&other, json!({ "kind": "e_safety", "title": "Theirs" })).await;
        let listed = school.staff().get(format!("{POLICIES}?kind=e_safety&kind=media")).await.is(200);
        assert_eq!(listed["items"], json!([policy.json()]));
        assert_eq!(school.staff().get(format!("{POLICIES}?kind=media")).await.is(200)["items"], json!([]));
    }

    async fn policies_are_read_page_by_page(school: School) {
        for kind in ["e_safety", "aup_staff", "aup_parent"] {
            made(&school, json!({ "kind": kind, "title": kind })).await;
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = school.pupil().get(format!("{POLICIES}?limit=1{cursor}")).await.is(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|policy| policy["kind"].clone()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, ["social_media", "e_safety", "aup_staff", "aup_parent"]);
        school.pupil().get(format!("{POLICIES}?kind=media{cursor}")).await.is(400).problem("invalid_cursor");
    }

    async fn only_the_headteacher_or_a_delegate_sets_policies_up_and_edits_them(school: School) {
        let policy = school.social_media_policy().await;
        let new = json!({ "kind": "media", "title": "Media Policy" });
        for role in Role::iter().filter(|&role| role != Role::Headteacher) {
            let caller = school.with_role(role);
            caller.post(POLICIES, &new).await.is(403).problem("forbidden");
            caller.patch(policy.url(""), json!({ "title": "Mine" })).if_match(policy.etag()).await.is(403).problem("forbidden");
        }
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        school.leadership().post(POLICIES, &new).await.is(201);
        assert_eq!(log_of(&school).await.last().unwrap(), &("policy.created".to_owned(), "headteacher:delegated".to_owned()));
    }

    async fn what_a_policy_depends_on_goes_in_no_circle(school: School) {
        let head = school.headteacher();
        let itself = json!({ "kind": "media", "title": "Media Policy", "depends_on": ["media"] });
        head.post(POLICIES, itself).await.is(422).problem("policy_refused").violates(&["CTX-3"]).points_at(&[("/depends_on", "CTX-3")]);
        let circle = json!({ "kind": "e_safety", "title": "E-Safety Policy", "depends_on": ["images", "social_media"] });
        head.post(POLICIES, circle).await.is(422).violates(&["CTX-3"]);
        let e_safety = made(&school, json!({ "kind": "e_safety", "title": "E-Safety Policy", "depends_on": ["images"] })).await;
        head.post(POLICIES, json!({ "kind": "images", "title": "Images Policy", "depends_on": ["social_media"] })).await.is(422).violates(&["CTX-3"]);
        let images = made(&school, json!({ "kind": "images", "title": "Images Policy" })).await;
        for depends_on in [json!(["images"]), json!(["social_media"]), json!(["complaints", "e_safety"])] {
            head.patch(images.url(""), json!({ "depends_on": depends_on })).if_match(images.etag()).await.is(422).problem("policy_refused").violates(&["CTX-3"]);
        }
        let loosed = head.patch(e_safety.url(""), json!({ "depends_on": [] })).if_match(e_safety.etag()).await.is(200);
        assert_eq!(loosed["depends_on"], json!([]));
        head.patch(images.url(""), json!({ "depends_on": ["e_safety"] })).if_match(images.etag()).await.is(200);
    }

    async fn an_edit_is_bound_to_the_version_that_was_read_and_named_in_the_log(school: School) {
        let (head, policy) = (school.headteacher(), school.social_media_policy().await);
        let edit = |body: Value| head.patch(policy.url(""), body);
        edit(json!({ "title": "Ours" })).await.is(428).problem("precondition_required");
        edit(json!({ "title": "Ours" })).if_match("\"9\"").await.is(412).problem("version_conflict");
        let edited = edit(json!({ "title": "Ours" })).if_match(policy.etag()).await.is(200);
        assert_eq!((&edited["title"], &edited["version"], &edited["depends_on"]), (&json!("Ours"), &json!(2), &policy["depends_on"]));
        assert_eq!(edited["published_version_id"], policy["published_version_id"]);
        edit(json!({ "title": "Theirs" })).if_match(policy.etag()).await.is(412);
        let same = edit(json!({ "title": "Ours" })).if_match(edited.etag()).await.is(200);
        assert_eq!(same.json(), edited.json(), "nothing changes, nothing is recorded");
        let log = head.get(format!("/v1/events?subject_id={}", policy["id"].as_str().unwrap())).await.is(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 2);
        assert_eq!((&log["items"][1]["type"], &log["items"][1]["data"]["changed"]), (&json!("policy.changed"), &json!(["title"])));
        head.patch(format!("{POLICIES}/{}", Uuid::now_v7()), json!({})).if_match("\"1\"").await.is(404).problem("not_found");
    }

    async fn input_is_bounded_and_closed(school: School) {
        let post = |body: Value| school.headteacher().post(POLICIES, body);
        post(json!({ "title": "No kind" })).await.is(400).points_at(&[("", "missing")]);
        post(json!({ "kind": "homework", "title": "x" })).await.is(400).points_at(&[("/kind", "unknown_value")]);
        post(json!({ "kind": "media", "title": "x", "state": "published" })).await.is(400).points_at(&[("/state", "unknown_field")]);
        post(json!({ "kind": "media", "title": " " })).await.is(422).points_at(&[("/title", "blank")]);
        post(json!({ "kind": "media", "title": "x".repeat(201) })).await.is(422).points_at(&[("/title", "too_long")]);
        post(json!({ "kind": "media", "title": "x", "depends_on": vec!["images"; 11] })).await.is(422).points_at(&[("/depends_on", "length")]);
        post(json!({ "kind": "media", "title": "x", "depends_on": null })).await.is(400).points_at(&[("/depends_on", "wrong_type")]);
        let policy = school.social_media_policy().await;
        let patch = |body: Value| school.headteacher().patch(policy.url(""), body).if_match(policy.etag());
        patch(json!({ "kind": "media" })).await.is(400).points_at(&[("/kind", "unknown_field")]);
        patch(json!({ "title": null })).await.is(400).points_at(&[("/title", "wrong_type")]);
    }
}
