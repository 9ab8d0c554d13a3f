//! Service accounts: who makes them, what they may do, from where, and how their secrets change.

use serde_json::{Value, json};

use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines};

const ACCOUNTS: &str = "/v1/service-accounts";

fn one(account: &Reply) -> String {
    format!("{ACCOUNTS}/{}", account["id"].as_str().unwrap())
}

impl<'s> Caller<'s> {
    pub fn new_service_account(&self, permissions: &[&str]) -> Request<'s> {
        self.post(ACCOUNTS, json!({ "name": "Management information system", "permissions": permissions }))
    }
}

impl School {
    async fn account_of_the_mis(&self) -> Reply {
        self.headteacher().new_service_account(&["people:read", "people:read-details", "people:manage"]).await.is(201)
    }

    /// What the token endpoint says to the account's secret.
    fn gets_in<'s>(&'s self, account: &Reply, secret: &Value) -> Request<'s> {
        let pair = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, secret) = (pair(&account["client_id"]), pair(secret));
        self.anonymous().post_form("/oauth/token", &[("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)])
    }

    async fn bearer_of(&self, account: &Reply) -> Caller<'_> {
        let token = self.gets_in(account, &account["client_secret"]).await.is(200);
        self.bearer(token["access_token"].as_str().unwrap())
    }

    async fn rotated(&self, account: &Reply, hours: u8) -> Reply {
        let head = self.headteacher();
        let now = head.get(one(account)).await.is(200);
        head.post(now.url("rotate-secret"), json!({ "previous_secret_hours": hours })).if_match(now.etag()).await.is(200)
    }
}

on_both_engines! {
    async fn a_service_account_gets_in_and_does_what_it_may_and_nothing_else(school: School) {
        let account = school.account_of_the_mis().await;
        assert_eq!(account["permissions"], json!(["people:manage", "people:read", "people:read-details"]));
        let service = school.bearer_of(&account).await;
        service.get("/v1/people").await.is(200);
        service.get("/v1/accounts").await.is(403).problem("forbidden");
    }

    async fn the_secret_is_shown_once_and_kept_nowhere(school: School) {
        let head = school.headteacher();
        let new = json!({ "name": "Front end", "permissions": ["people:read"] });
        let account = head.post(ACCOUNTS, &new).idempotency_key("once").await.is(201);
        let secret = account["client_secret"].as_str().unwrap();
        assert!(secret.len() >= 43, "256 bits");
        head.post(ACCOUNTS, &new).idempotency_key("once").await.is(409).problem("answer_shown_once");
        for url in [one(&account), ACCOUNTS.to_owned()] {
            let shown = head.get(url).await.is(200);
            assert!(!shown.json().to_string().contains("client_secret"), "{shown}");
        }
        assert_eq!(head.get(ACCOUNTS).await.items().len(), 2, "and the one that every test school has");
    }

    async fn it_says_when_it_was_last_used_and_its_tag_changes_with_that(school: School) {
        let account = school.account_of_the_mis().await;
        let head = school.headteacher();
        let before = head.get(one(&account)).await.is(200);
        assert!(before.json().get("last_used_at").is_none());
        school.gets_in(&account, &account["client_secret"]).await.is(200);
        let after = head.get(one(&account)).header("if-none-match", before.etag()).await.is(200);
        assert_eq!(after["last_used_at"], json!(school.now()));
        assert_eq!(after["version"], before["version"]);
        head.patch(one(&account), json!({ "name": "MIS" })).if_match(before.etag()).await.is(200);
    }

    async fn two_secrets_work_during_a_rotation_and_never_a_third(school: School) {
        let account = school.account_of_the_mis().await;
        let second = school.rotated(&account, 24).await;
        for secret in [&account["client_secret"], &second["client_secret"]] {
            school.gets_in(&account, secret).await.is(200);
        }
        let third = school.rotated(&account, 1).await;
        assert_eq!(third["previous_secret_expires_at"], "2026-01-14T11:00:00Z");
        school.gets_in(&account, &account["client_secret"]).await.is(401);
        school.gets_in(&account, &second["client_secret"]).await.is(200);
        school.clock_at("2026-01-14T11:00:00Z");

        school.gets_in(&account, &second["client_secret"]).await.is(401);
        school.gets_in(&account, &third["client_secret"]).await.is(200);
    }

    async fn a_secret_that_has_leaked_is_dead_at_once(school: School) {
        let account = school.account_of_the_mis().await;
        let second = school.rotated(&account, 0).await;
        school.gets_in(&account, &account["client_secret"]).await.is(401);
        school.gets_in(&account, &second["client_secret"]).await.is(200);
    }

    async fn it_calls_from_its_networks_alone_with_a_token_or_for_one(school: School) {
        let head = school.headteacher();
        let elsewhere = json!({ "name": "MIS", "permissions": ["people:read"], "allowed_networks": ["203.0.113.7", "2001:db8::/32"] });
        let account = head.post(ACCOUNTS, elsewhere).await.is(201);
        assert_eq!(account["allowed_networks"], json!(["203.0.113.7/32", "2001:db8::/32"]));
        school.gets_in(&account, &account["client_secret"]).await.is(401);

        let here = head.patch(one(&account), json!({ "allowed_networks": ["127.0.0.0/8", "::1"] })).if_match(account.etag()).await.is(200);
        let service = school.bearer_of(&account).await;
        service.get("/v1/people").await.is(200);
        head.patch(one(&account), json!({ "allowed_networks": ["203.0.113.7"] })).if_match(here.etag()).await.is(200);
        service.get("/v1/people").await.is(401).problem("unauthenticated");
    }

    async fn a_permission_that_is_taken_away_and_an_account_that_is_revoked_are_dead_at_once(school: School) {
        let account = school.account_of_the_mis().await;
        let (head, service) = (school.headteacher(), school.bearer_of(&account).await);
        let less = head.patch(one(&account), json!({ "permissions": ["school:read"] })).if_match(head.get(one(&account)).await.etag()).await.is(200);
        service.get("/v1/people").await.is(403);
        let revoked = head.post(account.url("revoke"), json!({})).if_match(less.etag()).await.is(200);
        assert_eq!((&revoked["state"], &revoked["allowed_actions"]), (&json!("revoked"), &json!([])));
        service.get("/v1/people").await.is(401);
        school.gets_in(&account, &account["client_secret"]).await.is(401);
        head.post(account.url("rotate-secret"), json!({})).if_match(revoked.etag()).await.is(409).problem("state_conflict");
    }

    async fn the_it_technician_hands_out_what_they_hold_themselves(school: School) {
        let it = school.it_technician();
        it.new_service_account(&["people:manage", "people:read"]).await.is(201);
        it.new_service_account(&["people:read", "training:record", "events:read"]).await.is(422)
            .points_at(&[("/permissions/1", "not_held"), ("/permissions/2", "not_held")]);
    }

    async fn the_it_technician_neither_widens_an_account_nor_gets_a_secret_of_more_than_they_hold(school: School) {
        let it = school.it_technician();
        let account = school.headteacher().new_service_account(&["training:record"]).await.is(201);
        it.post(account.url("rotate-secret"), json!({})).if_match(account.etag()).await.is(403).problem("forbidden");
        assert_eq!(it.get(one(&account)).await["allowed_actions"], json!(["edit", "revoke"]));
        it.patch(one(&account), json!({ "permissions": ["training:record", "consents:record"] })).if_match(account.etag()).await.is(422);
        let kept = it.patch(one(&account), json!({ "permissions": ["training:record", "people:read"] })).if_match(account.etag()).await.is(200);
        it.post(account.url("revoke"), json!({})).if_match(kept.etag()).await.is(200);
    }

    async fn what_no_service_can_hold_and_what_is_no_network_is_refused_by_name(school: School) {
        let wrong = json!({ "name": "MIS", "permissions": ["business-cases:decide", "no:such"], "allowed_networks": ["everywhere"] });
        school.headteacher().post(ACCOUNTS, wrong).await.is(422)
            .points_at(&[("/permissions/0", "unknown"), ("/permissions/1", "unknown"), ("/allowed_networks/0", "not_a_network")]);
        school.headteacher().post(ACCOUNTS, json!({ "name": "MIS" })).await.is(422);
    }

    async fn each_change_is_an_event_without_the_secret(school: School) {
        let account = school.account_of_the_mis().await;
        let second = school.rotated(&account, 24).await;
        let feed = school.headteacher().get(format!("/v1/events?subject_id={}", account["id"].as_str().unwrap())).await.is(200);
        assert_eq!(feed.each("type"), [&json!("service_account.created"), &json!("service_account.secret_rotated")]);
        for secret in [&account["client_secret"], &second["client_secret"]] {
            assert!(!feed.json().to_string().contains(secret.as_str().unwrap()));
        }
    }
}
