//! People: who sees whom, who grants what, and nobody who is named anywhere is deleted.

use serde_json::json;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn people_are_created_seen_and_edited_by_those_who_may(school: School) {
        let head = school.headteacher();
        let it = school.it_technician();
        let new = json!({"given_name":" Jo ","family_name":"Green","email":"Jo@Weald.Example","kind":"staff","roles":["staff"],"external_source":"mis","external_id":"1"});
        let jo = it.post("/v1/people", &new).await.is(201);
        assert_eq!((&jo["email"], &jo["given_name"], &jo["roles"]), (&json!("jo@weald.example"), &json!("Jo"), &json!(["staff"])));
        assert_eq!(jo["allowed_actions"], json!(["edit","leave","grant_role","revoke_role","invite"]));
        it.post("/v1/people", &new).await.is(409).problem("already_exists");
        it.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff","roles":["dsl"]})).await.is(403);
        head.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff","roles":["dsl"]})).await.is(403);
        school.service().post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff","roles":["leadership_team"]})).await.is(403);
        it.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"pupil","roles":["staff"]})).await.is(422).points_at(&[("/roles/0","unsuitable_role")]);
        it.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"pupil","external_id":"5"})).await.is(422).points_at(&[("/external_source","missing")]);
        it.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"pupil","email":"x","school_id":"5"})).await.is(400);
        it.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"pupil","email":"x"})).await.is(422).points_at(&[("/email","not_an_email_address")]);
        school.staff().post("/v1/people", &new).await.is(403);

        // lists and sight
        let all = head.get("/v1/people").await.is(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 14);
        let page = head.get("/v1/people?limit=5").await.is(200);
        let next = head.get(format!("/v1/people?limit=5&cursor={}", page["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!(next["items"].as_array().unwrap().len(), 5);
        let staff = head.get("/v1/people?kind=pupil&kind=staff&role=dsl").await.is(200);
        assert_eq!(staff["items"].as_array().unwrap().len(), 1);
        let found = head.get("/v1/people?external_source=mis&external_id=1").await.is(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        let hidden = school.staff().get("/v1/people?external_source=mis&external_id=1").await.is(200);
        assert_eq!(hidden["items"].as_array().unwrap().len(), 0);
        head.get("/v1/people?external_source=mis").await.is(400).points_at(&[("external_id","missing")]);
        let seen = school.staff().get("/v1/people").await.is(200);
        for one in seen["items"].as_array().unwrap() {
            assert_eq!(one.get("email").is_some(), one["id"] == json!(school.staff().id()));
            assert_ne!(one["kind"], "parent_carer");
        }
        let own = school.governor().get("/v1/people").await.is(200);
        assert_eq!(own["items"].as_array().unwrap().len(), 1);
        school.parent().get(jo.url("")).await.is(404);
        school.staff().get(jo.url("")).await.is(200);
        school.service().get(jo.url("")).await.is(200);
        school.other_school().await.headteacher().get(jo.url("")).await.is(404);

        // guardians
        let pupil = school.pupil().id();
        let parent = school.parent().id();
        let link = format!("/v1/people/{pupil}/set-guardian");
        let body = json!({"guardian_id":parent,"relationship":"parent","has_parental_responsibility":true});
        school.service().post(&link, &body).await.is(200);
        school.service().post(&link, &body).await.is(200);
        it.post(format!("/v1/people/{parent}/set-guardian"), json!({"guardian_id":pupil,"relationship":"parent","has_parental_responsibility":true})).await.is(409);
        it.post(&link, json!({"guardian_id":uuid::Uuid::now_v7(),"relationship":"parent","has_parental_responsibility":true})).await.is(422);
        let children = school.parent().get("/v1/people").await.is(200);
        assert_eq!(children["items"].as_array().unwrap().len(), 2);
        assert!(children["items"].as_array().unwrap().iter().all(|one| one["email"].is_string()));
        assert_eq!(school.parent().get(format!("/v1/people/{pupil}/guardians")).await.is(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(school.pupil().get(format!("/v1/people/{pupil}/guardians")).await.is(200)["items"].as_array().unwrap().len(), 0);
        assert_eq!(school.staff().get(format!("/v1/people/{pupil}/guardians")).await.is(200)["items"].as_array().unwrap().len(), 0);
        assert_eq!(head.get(format!("/v1/people/{pupil}/guardians?limit=1")).await.is(200)["items"].as_array().unwrap().len(), 1);
        let events = head.get(format!("/v1/events?subject_id={pupil}")).await.is(200);
        assert_eq!(events["items"].as_array().unwrap().len(), 1);
        it.delete(format!("/v1/people/{pupil}")).if_match("\"1\"").await.is(409).problem("in_use");
        let gone = format!("/v1/people/{pupil}/remove-guardian");
        it.post(&gone, json!({"guardian_id":parent})).await.is(204);
        it.post(&gone, json!({"guardian_id":parent})).await.is(404);

        // edit
        it.patch(jo.url(""), json!({"family_name":"Hill"})).await.is(428);
        let same = it.patch(jo.url(""), json!({"family_name":"Green"})).if_match(jo.etag()).await.is(200);
        assert_eq!(same["version"], 1);
        let edited = it.patch(jo.url(""), json!({"family_name":"Hill","email":null})).if_match(jo.etag()).await.is(200);
        assert_eq!(edited["version"], 2);
        it.patch(jo.url(""), json!({"kind":"volunteer"})).if_match(edited.etag()).await.is(409).problem("state_conflict");
        it.patch(jo.url(""), json!({"external_id":null})).if_match(edited.etag()).await.is(422);
        it.patch(jo.url(""), json!({"external_id":null,"external_source":null})).if_match(edited.etag()).await.is(200);
        it.post(jo.url("invite"), json!({})).await.is(409).problem("state_conflict");
    }

    async fn a_synced_person_is_granted_roles_leaves_and_is_deleted_by_the_rules(school: School) {
        let (head, it) = (school.headteacher(), school.it_technician());
        let url = "/v1/people/by-external-id/mis/S%2F7%20b";
        let body = json!({"given_name":"Al","family_name":"Oak","kind":"staff","roles":["staff"]});
        let service = school.service();
        let made = service.put(url, &body).await.is(201);
        assert_eq!(made["external_id"], "S/7 b");
        let same = service.put(url, &body).await.is(200);
        assert_eq!(same["version"], 1);
        let events = head.get(format!("/v1/events?subject_id={}", made["id"].as_str().unwrap())).await.is(200);
        assert_eq!(events["items"].as_array().unwrap().len(), 2);
        let moved = service.put(url, json!({"given_name":"Al","family_name":"Oak","kind":"governor","roles":["governor"]})).await.is(200);
        assert_eq!((&moved["version"], &moved["roles"]), (&json!(2), &json!(["governor"])));
        service.put(url, json!({"given_name":"Al","family_name":"Oak","kind":"governor","roles":["headteacher"]})).await.is(403);
        service.put("/v1/people/by-external-id/mis/%20", &body).await.is(422);
        service.put(format!("/v1/people/by-external-id/{}/1", "x".repeat(51)), &body).await.is(422);

        // roles
        let al = moved.url("");
        it.post(format!("{al}/grant-role"), json!({"role":"chair_of_governors"})).await.is(403).problem("forbidden");
        let chair = head.post(format!("{al}/grant-role"), json!({"role":"chair_of_governors"})).await.is(200);
        assert_eq!(chair["version"], 3);
        head.post(format!("{al}/grant-role"), json!({"role":"chair_of_governors"})).await.is(409).problem("already_exists");
        head.post(format!("{al}/grant-role"), json!({"role":"dsl"})).await.is(422);
        head.post(format!("{al}/grant-role"), json!({"role":"mis_integration"})).await.is(422);
        let me = format!("/v1/people/{}", head.id());
        head.post(format!("{me}/grant-role"), json!({"role":"dsl"})).await.is(403);
        school.chair().post(format!("{me}/revoke-role"), json!({"role":"headteacher"})).await.is(409).problem("state_conflict");
        head.post(format!("{al}/revoke-role"), json!({"role":"chair_of_governors"})).await.is(200);
        head.post(format!("{al}/revoke-role"), json!({"role":"chair_of_governors"})).await.is(409);

        // leave
        let gone = service.post(format!("{al}/leave"), json!({"left_on":"2026-02-01"})).if_match("\"5\"").await;
        let al_now = head.get(&al).await.is(200);
        let gone = if gone.status == 200 { gone } else { service.post(format!("{al}/leave"), json!({"left_on":"2026-02-01"})).if_match(al_now.etag()).await.is(200) };
        assert_eq!(gone["state"], "active");
        service.post(format!("{al}/leave"), json!({"left_on":"2026-02-01"})).if_match(gone.etag()).await.is(409).problem("state_conflict");
        let gone = service.post(format!("{al}/leave"), json!({"left_on":"2026-01-14"})).if_match(gone.etag()).await.is(200);
        assert_eq!(gone["state"], "left");
        head.post(format!("{al}/grant-role"), json!({"role":"volunteer"})).await.is(409);

        // delete
        let al_now = head.get(&al).await.is(200);
        head.delete(&al).await.is(428);
        head.delete(&al).if_match(al_now.etag()).await.is(204);
        head.get(&al).await.is(404);
        school.staff().get("/v1/people").await.is(200);
        let somebody = school.headteacher().get(format!("/v1/people/{}", school.staff().id())).await;
        head.delete(somebody.url("")).if_match(somebody.etag()).await.is(409).problem("in_use");
    }
}
