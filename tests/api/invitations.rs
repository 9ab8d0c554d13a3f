//! Invitations by one-time link.

use serde_json::json;
use weald::policy::roles::Role;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn a_password_is_chosen_once_by_whoever_holds_the_latest_invitation(school: School) {
        let it = school.it_technician();
        let staff = school.person("jo", &[Role::Staff]).await;
        let url = format!("/v1/people/{}", staff.id());
        let first = it.post(format!("{url}/invite"), json!({})).await.is(201);
        let token = |reply: &crate::support::caller::Reply| reply["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
        let second = it.send(reqwest::Method::POST, format!("{url}/invite")).await.is(201);
        let anyone = school.anonymous();
        let accept = "/v1/invitations/accept";
        anyone.post(accept, json!({"token":token(&first),"password":"four tall trees in june"})).await.is(404);
        anyone.post(accept, json!({"token":token(&second),"password":"short"})).await.is(422).points_at(&[("/password","too_short")]);
        anyone.post(accept, json!({"token":token(&second),"password":"password1"})).await.is(422).points_at(&[("/password","too_common")]);
        anyone.post(accept, json!({"token":token(&second),"password":"four tall trees in june"})).await.is(204);
        anyone.post(accept, json!({"token":token(&second),"password":"four tall trees in june"})).await.is(404);
        let form = [("grant_type","password"),("username","jo@weald.example"),("password","four tall trees in june"),("client_id","weald")];
        let login = anyone.post_form("/oauth/token", &form).await.is(200);
        let bearer = school.bearer(login["access_token"].as_str().unwrap());
        bearer.get(&url).await.is(200);
        // again: sessions end
        let third = it.post(format!("{url}/invite"), json!({})).await.is(201);
        anyone.post(accept, json!({"token":token(&third),"password":"five tall trees in july"})).await.is(204);
        bearer.get(&url).await.is(401);
        anyone.post_form("/oauth/token", &form).await.is(400);
        // expired
        let fourth = it.post(format!("{url}/invite"), json!({})).await.is(201);
        school.clock_at("2026-01-21T10:00:00Z");
        anyone.post(accept, json!({"token":token(&fourth),"password":"five tall trees in july"})).await.is(404);
        // privileged
        it.post(format!("/v1/people/{}/invite", school.headteacher().id()), json!({})).await.is(403).problem("forbidden");
        school.chair().post(format!("/v1/people/{}/invite", school.headteacher().id()), json!({})).await.is(201);
        // a plain link dies when a privileged role comes
        let fifth = it.post(format!("{url}/invite"), json!({})).await.is(201);
        school.headteacher().post(format!("{url}/grant-role"), json!({"role":"dsl"})).await.is(200);
        anyone.post(accept, json!({"token":token(&fifth),"password":"five tall trees in july"})).await.is(404);
        // same address in another school
        let other = school.other_school().await;
        let twin = other.person("jo", &[Role::Staff]).await;
        let theirs = other.it_technician().post(format!("/v1/people/{}/invite", twin.id()), json!({})).idempotency_key("k1").await.is(201);
        other.it_technician().post(format!("/v1/people/{}/invite", twin.id()), json!({})).idempotency_key("k1").await.is(409).problem("answer_shown_once");
        anyone.post(accept, json!({"token":token(&theirs),"password":"five tall trees in july"})).await.is(409).problem("already_exists");
    }
}
