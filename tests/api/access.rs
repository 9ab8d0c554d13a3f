//! How people and services get in, stay in, and are kept out.

use std::future::IntoFuture;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel::prelude::*;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use weald::db::schema::{events, logins, people, person_roles, refresh_tokens, service_accounts};
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply, Request};
use crate::support::{SERVICE_SECRET, School, on_both_engines};

const PASSWORD: &str = "correct horse battery staple";

impl School {
    /// Gives somebody a password, and tells their user name.
    async fn login_of(&self, caller: &Caller<'_>) -> String {
        let hash = self.state().passwords.hash(PASSWORD.into()).await.unwrap();
        let (school, person, now) = (self.id, caller.id(), self.now());
        let username = format!("{person}@weald.example");
        let row = (
            logins::school_id.eq(school),
            logins::person_id.eq(person),
            logins::username.eq(username.clone()),
            logins::password_hash.eq(hash),
            logins::changed_at.eq(now),
        );
        self.write(move |tx| diesel::insert_into(logins::table).values(row).execute(tx)).await;
        username
    }

    /// Asks for a token with a password.
    pub fn log_in(&self, username: &str, password: &str) -> Request<'_> {
        self.token_for(&[("grant_type", "password"), ("username", username), ("password", password), ("client_id", "weald")])
    }

    fn refresh(&self, token: &Value) -> Request<'_> {
        self.token_for(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap()), ("client_id", "weald")])
    }

    fn token_for(&self, form: &[(&str, &str)]) -> Request<'_> {
        self.anonymous().post_form("/oauth/token", form)
    }

    /// Whether a token still opens a door that is open to every role.
    async fn lets_in(&self, token: &Value) -> bool {
        let reply = self.bearer(token.as_str().unwrap()).get("/v1/business-cases").await;
        assert!(reply.status == 200 || reply.status == 401, "{reply}");
        reply.status == 200
    }
}

/// An error of the token endpoint (RFC 6749, 5.2).
#[track_caller]
fn refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status.as_u16(), &reply["error"]), (status, &json!(error)), "{reply}");
    assert_eq!(reply.header("cache-control"), "no-store");
}

fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

on_both_engines! {
    async fn a_person_logs_in_with_a_password(school: School) {
        let username = school.login_of(&school.staff()).await;
        let token = school.log_in(&username, PASSWORD).await.is(200);
        assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert_eq!(token.header("cache-control"), "no-store");
        let claims = claims(&token["access_token"]);
        assert_eq!((&claims["iss"], &claims["aud"], &claims["roles"]), (&json!("https://weald.example"), &json!("weald"), &json!(["staff"])));
        assert_eq!((&claims["sub"], &claims["school"], &claims["client_id"]), (&json!(school.staff().id()), &json!(school.id), &json!("weald")));
        assert_eq!(claims["scope"], token["scope"]);
        assert!(school.lets_in(&token["access_token"]).await);
        school.log_in(&format!("  {} ", username.to_uppercase()), PASSWORD).await.is(200);
    }

    async fn swagger_ui_names_itself_without_a_secret(school: School) {
        let username = school.login_of(&school.staff()).await;
        let form = [("grant_type", "password"), ("username", username.as_str()), ("password", PASSWORD)];
        let basic = |pair: &str| school.token_for(&form).header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        basic("swagger-ui:").await.is(200);
        refused(&basic("swagger-ui:secret").await, 401, "invalid_client");
        refused(&basic("stranger:").await, 401, "invalid_client");
        refused(&basic("swagger-ui").await, 401, "invalid_client");
        refused(&school.token_for(&form).await, 400, "invalid_request");
    }

    async fn a_wrong_password_and_an_unknown_user_are_answered_alike(school: School) {
        let username = school.login_of(&school.staff()).await;
        let wrong = school.log_in(&username, "wrong").await;
        refused(&wrong, 400, "invalid_grant");
        for unknown in ["nobody@weald.example", "", "' OR 1=1 --", &"x".repeat(5000)] {
            let reply = school.log_in(unknown, PASSWORD).await;
            if unknown.is_empty() {
                refused(&reply, 400, "invalid_request");
            } else {
                assert_eq!((reply.status, &reply.text), (wrong.status, &wrong.text), "{unknown}");
            }
        }
    }

    async fn a_request_for_a_token_is_whole_and_says_each_thing_once(school: School) {
        for (form, error) in [
            (vec![], "invalid_request"),
            (vec![("grant_type", "password")], "invalid_request"),
            (vec![("grant_type", "password"), ("client_id", "weald")], "invalid_request"),
            (vec![("grant_type", "password"), ("client_id", "weald"), ("username", "a"), ("username", "b"), ("password", "c")], "invalid_request"),
            (vec![("grant_type", "authorization_code"), ("client_id", "weald")], "unsupported_grant_type"),
            (vec![("grant_type", "refresh_token"), ("client_id", "weald")], "invalid_request"),
            (vec![("grant_type", "refresh_token"), ("client_id", "weald"), ("refresh_token", "guessed")], "invalid_grant"),
        ] {
            refused(&school.token_for(&form).await, 400, error);
        }
        refused(&school.token_for(&[("grant_type", "password"), ("client_id", "stranger"), ("username", "a"), ("password", "b")]).await, 401, "invalid_client");
        refused(&school.anonymous().post("/oauth/token", json!({ "grant_type": "password" })).await, 400, "invalid_request");
        let username = school.login_of(&school.staff()).await;
        let off = school.second_instance(|service| service.password_login = false);
        refused(&off.log_in(&username, PASSWORD).await, 400, "unsupported_grant_type");
        for (school, offered) in [(&school, true), (&off, false)] {
            let metadata = school.anonymous().get("/.well-known/oauth-authorization-server").await.is(200);
            assert_eq!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("password")), offered);
        }
    }

    async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session(school: School) {
        let username = school.login_of(&school.staff()).await;
        let first = school.log_in(&username, PASSWORD).await.is(200);
        let second = school.refresh(&first["refresh_token"]).await.is(200);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert!(school.lets_in(&second["access_token"]).await);
        refused(&school.refresh(&first["refresh_token"]).await, 400, "invalid_grant");
        refused(&school.refresh(&second["refresh_token"]).await, 400, "invalid_grant");
        assert!(!school.lets_in(&first["access_token"]).await && !school.lets_in(&second["access_token"]).await);
        let told: i64 = school.read(|conn| events::table.filter(events::event_type.eq("person.session_ended")).count().get_result(conn)).await;
        assert_eq!(told, 1);
        let other = school.log_in(&username, PASSWORD).await.is(200);
        assert!(school.lets_in(&other["access_token"]).await, "another session goes on");
    }

    async fn a_refresh_token_belongs_to_its_client_and_its_session_lasts_a_working_day(school: School) {
        let username = school.login_of(&school.staff()).await;
        let token = school.log_in(&username, PASSWORD).await.is(200);
        let other_client = [("grant_type", "refresh_token"), ("refresh_token", token["refresh_token"].as_str().unwrap()), ("client_id", "swagger-ui")];
        refused(&school.token_for(&other_client).await, 400, "invalid_grant");
        school.clock_at("2026-01-14T21:59:59Z");
        let late = school.refresh(&token["refresh_token"]).await.is(200);
        assert!(school.lets_in(&late["access_token"]).await);
        school.clock_at("2026-01-14T22:00:00Z");
        refused(&school.refresh(&late["refresh_token"]).await, 400, "invalid_grant");
        assert!(!school.lets_in(&late["access_token"]).await, "prolonging does not make a session longer");
    }

    async fn of_eight_who_spend_one_refresh_token_at_most_one_gets_another(school: School) {
        let username = school.login_of(&school.staff()).await;
        let token = school.log_in(&username, PASSWORD).await.is(200);
        let replies = futures_util::future::join_all((0..8).map(|_| school.refresh(&token["refresh_token"]).into_future())).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        let (school_id, unspent) = (school.id, refresh_tokens::used_at.is_null());
        let alive: i64 = school.read(move |conn| refresh_tokens::table.filter(refresh_tokens::school_id.eq(school_id)).filter(unspent).count().get_result(conn)).await;
        assert!(alive <= 1);
        let next = replies.iter().find(|reply| reply.status == 200).unwrap();
        assert!(!school.lets_in(&next["access_token"]).await, "the thief and the owner are both out");
    }

    async fn a_revoked_token_is_dead_at_once_and_so_is_its_session(school: School) {
        let username = school.login_of(&school.staff()).await;
        for kind in ["access_token", "refresh_token"] {
            let token = school.log_in(&username, PASSWORD).await.is(200);
            let revoke = |client: &str, token: &str| school.anonymous().post_form("/oauth/revoke", &[("token", token), ("client_id", client)]);
            revoke("swagger-ui", token[kind].as_str().unwrap()).await.is(200);
            assert!(school.lets_in(&token["access_token"]).await, "another client's token stays");
            revoke("weald", token[kind].as_str().unwrap()).await.is(200);
            assert!(!school.lets_in(&token["access_token"]).await, "{kind}");
            refused(&school.refresh(&token["refresh_token"]).await, 400, "invalid_grant");
            revoke("weald", token[kind].as_str().unwrap()).await.is(200);
        }
        school.anonymous().post_form("/oauth/revoke", &[("token", "nonsense"), ("client_id", "weald")]).await.is(200);
        refused(&school.anonymous().post_form("/oauth/revoke", &[("token", "nonsense"), ("client_id", "stranger")]).await, 401, "invalid_client");
        refused(&school.anonymous().post_form("/oauth/revoke", &[("client_id", "weald")]).await, 400, "invalid_request");
    }

    async fn guessing_is_slowed_down_and_the_owner_still_gets_in(school: School) {
        let username = school.login_of(&school.staff()).await;
        let from = |address: &str, password: &str| school.log_in(&username, password).header("x-forwarded-for", address);
        for _ in 0..5 {
            refused(&from("192.0.2.66", "guess").await, 400, "invalid_grant");
        }
        let slowed = from("192.0.2.66", PASSWORD).await;
        refused(&slowed, 429, "slow_down");
        let wait: i64 = slowed.header("retry-after").parse().unwrap();
        assert!((1..=3).contains(&wait), "{slowed}");
        from("198.51.100.7", PASSWORD).await.is(200);
        refused(&from("192.0.2.66", PASSWORD).await, 429, "slow_down");
        let unknown = |address: &str| school.log_in("nobody@weald.example", "guess").header("x-forwarded-for", address);
        for _ in 0..5 {
            refused(&unknown("192.0.2.66").await, 400, "invalid_grant");
        }
        refused(&unknown("192.0.2.66").await, 429, "slow_down");
        let later = school.now() + chrono::Duration::seconds(wait);
        school.clock_at(&later.to_rfc3339());
        from("192.0.2.66", PASSWORD).await.is(200);
    }

    async fn guessing_from_everywhere_is_slowed_down_too_but_not_where_the_owner_is_known(school: School) {
        let username = school.login_of(&school.staff()).await;
        let from = |address: String, password: &'static str| school.log_in(&username, password).header("x-forwarded-for", address);
        from("198.51.100.7".into(), PASSWORD).await.is(200);
        for number in 0..50 {
            refused(&from(format!("203.0.113.{number}"), "guess").await, 400, "invalid_grant");
        }
        refused(&from("192.0.2.1".into(), PASSWORD).await, 429, "slow_down");
        from("198.51.100.7".into(), PASSWORD).await.is(200);
    }

    async fn many_guesses_at_once_are_all_counted(school: School) {
        let username = school.login_of(&school.staff()).await;
        let replies = futures_util::future::join_all((0..16).map(|_| school.log_in(&username, "guess").into_future())).await;
        let tried = replies.iter().filter(|reply| reply["error"] == "invalid_grant").count();
        let slowed = replies.iter().filter(|reply| reply["error"] == "slow_down").count();
        assert_eq!((tried, slowed), (5, 11));
    }

    async fn a_token_expires_after_ten_minutes(school: School) {
        let token = json!(school.staff().token().await);
        school.clock_at("2026-01-14T10:10:29Z");
        assert!(school.lets_in(&token).await, "clocks may differ by 30 seconds");
        school.clock_at("2026-01-14T10:10:30Z");
        assert!(!school.lets_in(&token).await);
    }

    async fn whoever_has_left_is_out_on_that_day(school: School) {
        let username = school.login_of(&school.staff()).await;
        let (school_id, id) = (school.id, school.staff().id());
        let left = "2026-01-15".parse::<chrono::NaiveDate>().unwrap();
        school.write(move |tx| diesel::update(people::table.find((school_id, id))).set(people::left_on.eq(left)).execute(tx)).await;
        let token = school.log_in(&username, PASSWORD).await.is(200);
        assert!(school.lets_in(&token["access_token"]).await);
        school.clock_at("2026-01-15T00:00:00Z");
        let fresh = json!(school.staff().token().await);
        assert!(!school.lets_in(&fresh).await);
        refused(&school.log_in(&username, PASSWORD).await, 400, "invalid_grant");
    }

    async fn a_role_that_is_taken_away_is_gone_with_the_next_request(school: School) {
        let both = school.person("both", &[Role::Headteacher, Role::Staff]).await;
        let case = school.submitted_case().await;
        let token = both.token().await;
        let approve = || school.bearer(&token).post(case.url("approve"), json!({})).if_match(case.etag());
        let (school_id, id) = (school.id, both.id());
        school.write(move |tx| diesel::delete(person_roles::table.find((school_id, id, Role::Headteacher))).execute(tx)).await;
        approve().await.is(403).problem("forbidden");
        school.bearer(&token).get(case.url("")).await.is(200);
    }

    async fn a_token_gives_no_role_that_it_does_not_claim(school: School) {
        let person = school.person("promoted", &[Role::ParentCarer]).await;
        let token = person.token().await;
        let (school_id, id, now) = (school.id, person.id(), school.now());
        let row = (person_roles::school_id.eq(school_id), person_roles::person_id.eq(id), person_roles::role.eq(Role::Headteacher), person_roles::granted_at.eq(now));
        school.write(move |tx| diesel::insert_into(person_roles::table).values(row).execute(tx)).await;
        let case = school.submitted_case().await;
        // Both roles read business cases, a parent only their own.
        school.bearer(&token).get(case.url("")).await.is(404);
        person.get(case.url("")).await.is(200);
        school.bearer(&token).post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403);
        person.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
    }

    async fn a_token_that_is_not_ours_as_we_made_it_opens_nothing(school: School) {
        let good = school.staff().token().await;
        assert!(school.lets_in(&json!(good)).await);
        let parts: Vec<&str> = good.split('.').collect();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        let claims: Value = claims(&json!(good));
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let key = school.anonymous().get("/.well-known/jwks.json").await.is(200)["keys"][0].clone();
        let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
        let head = |algorithm| Header { typ: Some("at+jwt".into()), kid: key["kid"].as_str().map(str::to_owned), ..Header::new(algorithm) };
        let mut none = header.clone();
        none["alg"] = json!("none");
        let mut head_claims = claims.clone();
        head_claims["roles"] = json!(["headteacher"]);
        let stranger = SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap();
        let stranger = EncodingKey::from_ed_pem(stranger.as_bytes()).unwrap();
        let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
        for (why, forged) in [
            ("no signature", format!("{}.{}.", encode(&none), parts[1])),
            ("no algorithm, the old signature", format!("{}.{}.{}", encode(&none), parts[1], parts[2])),
            ("signature left out", format!("{}.{}.", parts[0], parts[1])),
            ("other claims", format!("{}.{}.{}", parts[0], encode(&head_claims), parts[2])),
            ("another signature", format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..])),
            ("the public key as a secret", jsonwebtoken::encode(&head(Algorithm::HS256), &claims, &EncodingKey::from_secret(&public)).unwrap()),
            ("another's key under our key's name", jsonwebtoken::encode(&head(Algorithm::EdDSA), &claims, &stranger).unwrap()),
            ("not even a token", "a.b.c".to_owned()),
            ("two tokens", format!("{good} {good}")),
            ("much too long", good.repeat(3)),
        ] {
            assert!(!school.lets_in(&json!(forged)).await, "{why}");
        }
        for scheme in ["Basic", "Token", ""] {
            school.anonymous().get("/v1/business-cases").header("authorization", format!("{scheme} {good}")).await.is(401);
        }
        school.anonymous().get("/v1/business-cases").header("authorization", format!("bearer {good}")).await.is(200);
        school.anonymous().get(format!("/v1/business-cases?access_token={good}")).await.is(401);
    }

    async fn a_token_of_one_school_opens_no_other(school: School) {
        let other = school.other_school().await;
        let case = school.submitted_case().await;
        other.headteacher().get(case.url("")).await.is(404).problem("not_found");
        assert_eq!(other.headteacher().get("/v1/business-cases").await.is(200)["items"], json!([]));
    }

    async fn a_token_can_be_asked_for_with_less(school: School) {
        let username = school.login_of(&school.headteacher()).await;
        let with = |scope: &str| school.token_for(&[("grant_type", "password"), ("username", &username), ("password", PASSWORD), ("client_id", "weald"), ("scope", scope)]);
        let narrow = with("business-cases:read accounts:create").await.is(200);
        assert_eq!(narrow["scope"], "business-cases:read", "what is not held is left out");
        let token = narrow["access_token"].as_str().unwrap();
        school.bearer(token).get("/v1/business-cases").await.is(200);
        school.bearer(token).post("/v1/business-cases", json!({ "name": "Chess club" })).await.is(403).problem("forbidden");
        refused(&with("business-cases:read everything").await, 400, "invalid_scope");
        let refresh = |token: &Value, scope: &str| {
            school.token_for(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap()), ("client_id", "weald"), ("scope", scope)])
        };
        let again = refresh(&narrow["refresh_token"], "").await.is(200);
        assert_eq!(again["scope"], "business-cases:read", "a refresh gives no more than the login asked for");
        let wider = refresh(&again["refresh_token"], "business-cases:read business-cases:propose").await.is(200);
        assert_eq!(wider["scope"], "business-cases:read");
    }

    async fn a_form_has_a_largest_size(school: School) {
        let many = "a&".repeat(9_000);
        school.anonymous().send(reqwest::Method::POST, "/oauth/token").body("application/x-www-form-urlencoded", many).await.is(413).problem("body_too_large");
        let long = "x".repeat(2_001);
        refused(&school.token_for(&[("grant_type", "password"), ("scope", &long)]).await, 400, "invalid_request");
    }

    async fn a_service_gets_in_by_its_secret(school: School) {
        let id = school.service().client_id();
        let form = |secret: &str| school.token_for(&[("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret)]);
        let token = form(SERVICE_SECRET).await.is(200);
        assert!(token.json().get("refresh_token").is_none());
        assert_eq!(claims(&token["access_token"])["roles"], json!(["mis_integration"]));
        let bearer = school.bearer(token["access_token"].as_str().unwrap());
        bearer.get("/v1/accounts").await.is(200);
        bearer.get("/v1/business-cases").await.is(403).problem("forbidden");
        let basic = STANDARD.encode(format!("{id}:{SERVICE_SECRET}"));
        let only_log = school.token_for(&[("grant_type", "client_credentials"), ("scope", "comments:log")]).header("authorization", format!("Basic {basic}")).await.is(200);
        assert_eq!(only_log["scope"], "comments:log");
        school.bearer(only_log["access_token"].as_str().unwrap()).get("/v1/accounts").await.is(403);
        refused(&form("wrong").await, 401, "invalid_client");
        refused(&form("").await, 401, "invalid_client");
        let (school_id, now) = (school.id, school.now());
        school.write(move |tx| diesel::update(service_accounts::table.filter(service_accounts::school_id.eq(school_id))).set(service_accounts::revoked_at.eq(now)).execute(tx)).await;
        bearer.get("/v1/accounts").await.is(401);
        refused(&form(SERVICE_SECRET).await, 401, "invalid_client");
    }

    async fn the_addresses_that_the_metadata_names_are_there(school: School) {
        let metadata = school.anonymous().get("/.well-known/oauth-authorization-server").await.is(200);
        let issuer = metadata["issuer"].as_str().unwrap();
        for member in ["token_endpoint", "revocation_endpoint", "jwks_uri"] {
            let path = metadata[member].as_str().unwrap().strip_prefix(issuer).unwrap();
            assert_ne!(school.anonymous().get(path).await.status, 404, "{member}");
        }
        let keys = school.anonymous().get("/.well-known/jwks.json").await.is(200);
        assert!(keys["keys"][0].get("d").is_none(), "the private part stays here");
    }
}
