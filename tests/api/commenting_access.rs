//! PU-PC-1: parents who can comment are informed of acceptable use, and those who were not are seen.

use serde_json::{Value, json};
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines};

const ACCESS: &str = "/v1/commenting-access";

impl School {
    /// That the parent can comment on the learning platform, with some members replaced.
    pub async fn commenting_access(&self, members: Value) -> Reply {
        self.service().post(ACCESS, self.access_with(members)).await.is(201)
    }

    fn access_with(&self, members: Value) -> Value {
        let mut new = json!({ "person_id": self.parent().id(), "platform": "learning_platform", "since_on": "2026-01-05" });
        new.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        new
    }
}

fn ids(page: &Reply) -> Vec<&Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect()
}

on_both_engines! {
    async fn a_parent_who_can_comment_and_was_not_informed_is_on_the_list_until_they_are(school: School) {
        let (head, access) = (school.headteacher(), school.commenting_access(json!({})).await);
        assert_eq!((&access["state"], &access["allowed_actions"]), (&json!("uninformed"), &json!(["inform", "end"])));
        let uninformed = format!("{ACCESS}?informed=false");
        assert_eq!(ids(&head.get(&uninformed).await.is(200)), [&access["id"]]);
        let notice = json!({ "informed_on": "2026-01-12", "channel": "letter" });
        head.post(access.url("inform"), &notice).await.is(428);
        head.post(access.url("inform"), json!({ "informed_on": "2026-01-15", "channel": "letter" })).if_match(access.etag()).await.is(422).points_at(&[("/informed_on", "in_the_future")]);
        head.post(access.url("inform"), json!({ "informed_on": "2026-01-12", "channel": "pigeon" })).if_match(access.etag()).await.is(400).points_at(&[("/channel", "unknown_value")]);
        let informed = head.post(access.url("inform"), &notice).if_match(access.etag()).await.is(200);
        assert_eq!((&informed["state"], &informed["informed_on"], &informed["informed_by"], &informed["channel"]), (&json!("informed"), &json!("2026-01-12"), &json!(head.id()), &json!("letter")));
        assert_eq!(ids(&head.get(&uninformed).await.is(200)).len(), 0);
        assert_eq!(ids(&head.get(format!("{ACCESS}?informed=true")).await.is(200)), [&access["id"]]);
        head.post(access.url("inform"), &notice).if_match(informed.etag()).await.is(409).problem("state_conflict");
        head.post(access.url("end"), json!({ "ended_on": "2026-01-14" })).if_match(access.etag()).await.is(412);
        head.post(access.url("end"), json!({ "ended_on": "2026-01-04" })).if_match(informed.etag()).await.is(422).points_at(&[("/ended_on", "before_start")]);
        head.post(access.url("end"), json!({ "ended_on": "2026-01-15" })).if_match(informed.etag()).await.is(422).points_at(&[("/ended_on", "in_the_future")]);
        let ended = head.post(access.url("end"), json!({ "ended_on": "2026-01-14" })).if_match(informed.etag()).await.is(200);
        assert_eq!((&ended["state"], &ended["allowed_actions"]), (&json!("ended"), &json!([])));
        head.post(access.url("end"), json!({ "ended_on": "2026-01-14" })).if_match(ended.etag()).await.is(409).problem("state_conflict");
        let types: Vec<Value> = head.get("/v1/events?subject_type=commenting_access").await["items"].as_array().unwrap().iter().map(|one| one["type"].clone()).collect();
        assert_eq!(types, ["commenting_access.recorded", "commenting_access.informed", "commenting_access.ended"]);
    }

    async fn whose_access_has_ended_need_not_be_informed(school: School) {
        let access = school.commenting_access(json!({})).await;
        let ended = school.service().post(access.url("end"), json!({ "ended_on": "2026-01-10" })).if_match(access.etag()).await.is(200);
        assert_eq!(ids(&school.service().get(format!("{ACCESS}?informed=false")).await.is(200)).len(), 0);
        school.service().post(access.url("inform"), json!({ "informed_on": "2026-01-12", "channel": "email" })).if_match(ended.etag()).await.is(409).problem("state_conflict");
        assert_eq!(school.commenting_access(json!({})).await["state"], "uninformed", "a new one begins anew");
    }

    async fn an_access_is_recorded_once_while_it_lasts(school: School) {
        school.commenting_access(json!({})).await;
        school.headteacher().post(ACCESS, school.access_with(json!({}))).await.is(409).problem("already_exists");
        school.commenting_access(json!({ "platform": "facebook" })).await;
        school.commenting_access(json!({ "platform": "other", "platform_other_name": "Class Story" })).await;
        school.headteacher().post(ACCESS, school.access_with(json!({ "platform": "other", "platform_other_name": "class story" }))).await.is(409).problem("already_exists");
        school.headteacher().post(ACCESS, school.access_with(json!({ "platform": "other" }))).await.is(422).violates(&["CTX-1"]);
    }

    async fn only_parents_and_carers_are_recorded(school: School) {
        let post = |members| school.it_technician().post(ACCESS, school.access_with(members));
        for caller in [school.staff(), school.pupil(), school.governor()] {
            post(json!({ "person_id": caller.id() })).await.is(422).problem("policy_refused").violates(&["PU-PC-1"]);
        }
        let both = school.person("both", &[Role::Staff, Role::ParentCarer]).await;
        post(json!({ "person_id": both.id() })).await.is(201);
        post(json!({ "person_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/person_id", "unknown")]);
        post(json!({ "person_id": school.other_school().await.parent().id() })).await.is(422).points_at(&[("/person_id", "unknown")]);
        post(json!({ "since_on": "2026-01-15" })).await.is(422).points_at(&[("/since_on", "in_the_future")]);
        post(json!({ "informed_on": "2026-01-12" })).await.is(400).points_at(&[("/informed_on", "unknown_field")]);
    }

    async fn a_parent_sees_their_own_and_records_nothing(school: School) {
        let access = school.commenting_access(json!({})).await;
        let other = school.person("other_parent", &[Role::ParentCarer]).await;
        let theirs = school.commenting_access(json!({ "person_id": other.id() })).await;
        assert_eq!(ids(&school.parent().get(ACCESS).await.is(200)), [&access["id"]]);
        assert_eq!(school.parent().get(access.url("")).await.is(200)["allowed_actions"], json!([]));
        school.parent().get(theirs.url("")).await.is(404);
        assert_eq!(ids(&school.parent().get(format!("{ACCESS}?person_id={}", other.id())).await.is(200)).len(), 0);
        assert_eq!(ids(&school.service().get(format!("{ACCESS}?person_id={}", other.id())).await.is(200)), [&theirs["id"]]);
        school.parent().post(ACCESS, school.access_with(json!({}))).await.is(403);
        school.parent().post(access.url("end"), json!({ "ended_on": "2026-01-14" })).if_match(access.etag()).await.is(403);
        for caller in [school.staff(), school.dsl(), school.volunteer(), school.pupil(), school.governor(), school.chair(), school.dpo()] {
            caller.get(ACCESS).await.is(403);
            caller.post(ACCESS, school.access_with(json!({}))).await.is(403);
        }
        school.other_school().await.headteacher().get(access.url("")).await.is(404);
        let first = school.headteacher().get(format!("{ACCESS}?limit=1")).await.is(200);
        let rest = school.headteacher().get(format!("{ACCESS}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((ids(&first), ids(&rest)), (vec![&access["id"]], vec![&theirs["id"]]));
    }
}
