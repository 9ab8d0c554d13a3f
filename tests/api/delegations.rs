//! Delegations of the headteacher's duties (A10, A25).

use serde_json::json;
use weald::policy::roles::Role;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn the_headteachers_duties_pass_to_a_delegate_within_the_dates_and_no_further(school: School) {
        let head = school.headteacher();
        let lt = school.leadership();
        let new = |who: weald::db::types::PersonId, from: &str, to: &str| json!({"delegate_id":who,"starts_on":from,"ends_on":to,"reason":"Away"});
        school.it_technician().post("/v1/delegations", new(lt.id(), "2026-01-14","2026-01-20")).await.is(403);
        head.post("/v1/delegations", new(school.staff().id(), "2026-01-14","2026-01-20")).await.is(422).violates(&["R-HT-5"]);
        head.post("/v1/delegations", new(head.id(), "2026-01-14","2026-01-20")).await.is(403).violates(&["R-HT-5"]);
        head.post("/v1/delegations", json!({"delegate_id":uuid::Uuid::now_v7(),"starts_on":"2026-01-14","ends_on":"2026-01-14","reason":"x"})).await.is(422).points_at(&[("/delegate_id","unknown")]);
        head.post("/v1/delegations", new(lt.id(), "2026-01-14","2026-01-13")).await.is(422).points_at(&[("/ends_on","before_start"),("/ends_on","past")]);
        lt.get("/v1/people").await.is(200);
        let granted = school.chair().post("/v1/delegations", new(lt.id(), "2026-01-14","2026-01-20")).await.is(201);
        assert_eq!((&granted["state"], &granted["allowed_actions"]), (&json!("active"), &json!(["revoke"])));
        let later = head.post("/v1/delegations", new(lt.id(), "2026-02-14","2026-02-20")).await.is(201);
        assert_eq!(later["state"], "upcoming");
        // The delegate sees everyone now, and cannot pass it on.
        let seen = lt.get("/v1/people").await.is(200);
        assert!(seen["items"].as_array().unwrap().iter().all(|one| one["email"].is_string()));
        lt.post("/v1/delegations", new(lt.id(), "2026-01-14","2026-01-20")).await.is(403);
        let jo = lt.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff"})).await.is(201);
        lt.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff","roles":["staff"]})).await.is(403);
        lt.post(format!("{}/invite", jo.url("")), json!({})).await.is(409);
        lt.post(format!("/v1/people/{}/invite", head.id()), json!({})).await.is(403);
        assert_eq!(lt.get("/v1/delegations").await.is(200)["items"].as_array().unwrap().len(), 2);
        lt.get(granted.url("")).await.is(200);
        let page = head.get(format!("/v1/delegations?limit=1&delegate_id={}", lt.id())).await.is(200);
        assert!(page.header("link").contains("rel=\"next\""), "{page}");
        head.send(reqwest::Method::POST, granted.url("revoke")).await.is(428);
        let revoked = head.post(granted.url("revoke"), json!({})).if_match(granted.etag()).await.is(200);
        assert_eq!((&revoked["state"], &revoked["allowed_actions"]), (&json!("revoked"), &json!([])));
        head.post(granted.url("revoke"), json!({})).if_match(revoked.etag()).await.is(409).problem("state_conflict");
        lt.post("/v1/people", json!({"given_name":"A","family_name":"B","kind":"staff"})).await.is(403);
        let other = school.person("other", &[Role::LeadershipTeam]).await;
        other.get(later.url("")).await.is(404);
        school.other_school().await.headteacher().get(later.url("")).await.is(404);
        // leaving ends sessions
        let staff = school.person("leaver", &[Role::Staff]).await;
        staff.get("/v1/people").await.is(200);
        head.post(format!("/v1/people/{}/leave", staff.id()), json!({"left_on":"2026-01-01"})).if_match("\"1\"").await.is(200);
        staff.get("/v1/people").await.is(401);
    }
}
