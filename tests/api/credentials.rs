//! R-IT-2: the IT technician alone keeps the credentials of accounts, and gives them out once, to whoever runs the account.

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::future::IntoFuture;
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

/// All that can be stored.
pub fn whole() -> Value {
    json!({
        "login": "friends@weald.example", "password": " nine geese \"cross\" the lane ", "recovery_codes": ["4821-7730", "1190-5527"],
        "totp_seed": "JBSWY3DPEHPK3PXP", "note": "Ask for Jo.\nNot on Fridays.",
    })
}

pub fn credentials(account: &Reply, action: &str) -> String {
    let url = account.url("credentials");
    if action.is_empty() { url } else { format!("{url}/{action}") }
}

impl School {
    /// An account in use, with credentials.
    pub async fn account_with_credentials(&self) -> Reply {
        let account = self.active_account().await;
        self.it_technician().post(credentials(&account, ""), whole()).await.is(201);
        account
    }

    /// Credentials of the account, released to somebody for an hour.
    pub async fn released(&self, account: &Reply, to: &Caller<'_>) -> Reply {
        let it = self.it_technician();
        it.post(credentials(account, ""), whole()).await.is(201);
        self.release(account, to).await.is(201)
    }

    pub async fn release(&self, account: &Reply, to: &Caller<'_>) -> Reply {
        let new = json!({ "person_id": to.id(), "minutes": 60, "reason": "New phone." });
        self.it_technician().post(credentials(account, "release"), new).await
    }

    async fn reveal(&self, account: &Reply) -> Reply {
        self.it_technician().post(credentials(account, "reveal"), json!({ "reason": "Locked out." })).await
    }

    /// Since when the credentials have to be replaced, and why.
    async fn rotation_due(&self, account: &Reply) -> Value {
        self.it_technician().get(credentials(account, "")).await.is(200)["rotation_due"].clone()
    }

    /// What is on record about an account's credentials: the events, without their prefix.
    async fn recorded(&self, account: &Reply) -> Vec<String> {
        let feed = self.headteacher().get(format!("/v1/events?limit=200&subject_id={}", account["id"].as_str().unwrap())).await.is(200);
        let names = feed["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned());
        names.filter_map(|name| Some(name.strip_prefix("account.credentials_")?.to_owned())).collect()
    }
}

pub async fn change_managers(school: &School, account: &Reply, managers: &[&Caller<'_>]) -> Reply {
    school.qualify(managers).await;
    let it = school.it_technician();
    let now = it.get(account.url("")).await.is(200);
    let managers: Vec<Value> =
        managers.iter().enumerate().map(|(index, one)| json!({ "person_id": one.id(), "lead": index == 0 })).collect();
    it.post(account.url("change-managers"), json!({ "managers": managers })).if_match(now.etag()).await.is(200)
}

pub async fn leave(school: &School, who: &Caller<'_>, on: &str) {
    let url = format!("/v1/people/{}", who.id());
    let person = school.headteacher().get(&url).await.is(200);
    school.headteacher().post(format!("{url}/leave"), json!({ "left_on": on })).if_match(person.etag()).await.is(200);
}

on_both_engines! {
    async fn credentials_are_stored_described_and_revealed_exactly_as_they_were_sent(school: School) {
        let it = school.it_technician();
        let account = school.active_account().await;
        it.get(credentials(&account, "")).await.is(404);
        let stored = it.post(credentials(&account, ""), whole()).await.is(201);
        assert_eq!(stored.header("location"), credentials(&account, ""));
        assert_eq!(stored["fields"], json!(["login", "password", "recovery_codes", "totp_seed", "note"]));
        let found = it.get(credentials(&account, "")).await.is(200);
        assert_eq!(found.json(), stored.json());
        assert_eq!((&found["number"], &found["state"], &found["stored_by"]), (&json!(1), &json!("current"), &json!(it.id())));
        assert_eq!(found["allowed_actions"], json!(["replace", "reveal", "release"]));
        assert!(found["rotation_due"].is_null());
        let revealed = school.reveal(&account).await.is(200);
        assert_eq!((revealed.json(), revealed.header("cache-control")), (&whole(), "no-store"));
        assert_eq!(school.recorded(&account).await, ["stored", "revealed"]);
    }

    async fn what_was_not_stored_is_left_out(school: School) {
        let account = school.active_account().await;
        let least = json!({ "login": "a", "password": "b" });
        let stored = school.it_technician().post(credentials(&account, ""), &least).await.is(201);
        assert_eq!(stored["fields"], json!(["login", "password"]));
        assert_eq!(school.reveal(&account).await.is(200).json(), &least);
    }

    async fn nothing_but_reveal_shows_a_secret(school: School) {
        let account = school.account_with_credentials().await;
        let it = school.it_technician();
        school.reveal(&account).await.is(200);
        let replies = [
            it.get(credentials(&account, "")).await, it.get(credentials(&account, "versions")).await, it.get(credentials(&account, "reveals")).await,
            it.get(account.url("")).await, it.get("/v1/accounts").await, it.get("/v1/credential-releases").await,
            school.release(&account, &school.staff()).await, school.headteacher().get("/v1/events?limit=200").await,
            it.post(credentials(&account, ""), whole()).await,
        ];
        for reply in replies {
            for secret in ["nine geese", "friends@weald", "4821-7730", "JBSWY3DPEHPK3PXP", "Ask for Jo"] {
                assert!(!reply.text.contains(secret), "{reply}");
            }
        }
    }

    async fn what_is_stored_is_bounded_and_whole(school: School) {
        let it = school.it_technician();
        let account = school.active_account().await;
        let store = async |body: Value| it.post(credentials(&account, ""), body).await;
        let with = |member: &str, value: Value| {
            let mut body = whole();
            body[member] = value;
            body
        };
        for (member, value, pointer, code) in [
            ("login", json!(" "), "/login", "blank"),
            ("login", json!("x".repeat(201)), "/login", "too_long"),
            ("password", json!(""), "/password", "blank"),
            ("password", json!("x".repeat(501)), "/password", "too_long"),
            ("password", json!("a\nb"), "/password", "control_character"),
            ("recovery_codes", json!(["1", "", "3"]), "/recovery_codes/1", "blank"),
            ("recovery_codes", json!(vec!["1"; 21]), "/recovery_codes", "length"),
            ("totp_seed", json!("x".repeat(501)), "/totp_seed", "too_long"),
            ("note", json!("x".repeat(2001)), "/note", "too_long"),
            ("reason", json!(""), "/reason", "blank"),
        ] {
            let refused = store(with(member, value)).await.is(422).problem("validation_failed").points_at(&[(pointer, code)]);
            assert!(!refused.text.contains("geese"), "{refused}");
        }
        for (member, value) in [("number", json!(7)), ("id", json!(Uuid::now_v7())), ("stored_at", json!("2026-01-01T00:00:00Z")), ("fields", json!([]))] {
            store(with(member, value)).await.is(400).points_at(&[(&format!("/{member}"), "unknown_field")]);
        }
        store(with("password", json!(7))).await.is(400).points_at(&[("/password", "wrong_type")]);
        store(with("totp_seed", Value::Null)).await.is(400).points_at(&[("/totp_seed", "wrong_type")]);
        store(json!({ "login": "a" })).await.is(400);
        it.get(credentials(&account, "")).await.is(404);
        assert!(school.recorded(&account).await.is_empty());
        let most = json!({ "login": "é".repeat(200), "password": "\"".repeat(500), "recovery_codes": vec!["9".repeat(100); 20], "totp_seed": "x".repeat(500), "note": "\n😀".repeat(1000) });
        store(most.clone()).await.is(201);
        assert_eq!(school.reveal(&account).await.is(200).json(), &most);
    }

    async fn revealing_needs_a_reason_which_is_kept_for_those_who_watch_over_it(school: School) {
        let account = school.account_with_credentials().await;
        let it = school.it_technician();
        for body in [json!({}), json!({ "reason": "  " })] {
            it.post(credentials(&account, "reveal"), body).await.is(422).problem("validation_failed").points_at(&[("/reason", "blank")]);
        }
        it.post(credentials(&account, "reveal"), json!({ "reason": "x".repeat(501) })).await.is(422).points_at(&[("/reason", "too_long")]);
        assert_eq!(school.recorded(&account).await, ["stored"]);
        for reason in ["Locked out.", "Again."] {
            it.post(credentials(&account, "reveal"), json!({ "reason": reason })).await.is(200);
        }
        for watcher in [school.headteacher(), school.dpo(), it] {
            let page = watcher.get(format!("{}?limit=1", credentials(&account, "reveals"))).await.is(200);
            assert_eq!((&page["items"][0]["reason"], &page["items"][0]["revealed_by"]), (&json!("Locked out."), &json!(school.it_technician().id())));
            let next = watcher.get(page.header("link").split(['<', '>']).nth(1).unwrap()).await.is(200);
            assert_eq!((&next["items"][0]["reason"], next.json().get("next_cursor")), (&json!("Again."), None));
        }
        school.leadership().get(credentials(&account, "reveals")).await.is(403);
        let event = school.headteacher().get("/v1/events?type=account.credentials_revealed").await.is(200);
        assert_eq!((&event["items"][0]["data"]["clause"], event["items"].as_array().unwrap().len()), (&json!("R-IT-2"), 2));
        assert!(!event.text.contains("Locked out"), "{event}");
    }

    async fn nobody_but_it_touches_them_and_nobody_acts_for_it(school: School) {
        let account = school.account_with_credentials().await;
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let others = [
            school.headteacher(), school.leadership(), school.staff(), school.volunteer(), school.parent(), school.pupil(), school.governor(),
            school.chair(), school.dsl(), school.dpo(), school.service(),
        ];
        for other in others {
            other.get(credentials(&account, "")).await.is(403).problem("forbidden");
            other.get(credentials(&account, "versions")).await.is(403);
            other.post(credentials(&account, ""), whole()).await.is(403);
            other.post(credentials(&account, "reveal"), json!({ "reason": "Please." })).await.is(403).problem("forbidden").violates(&["R-IT-2"]);
            other.post(credentials(&account, "release"), json!({ "person_id": school.staff().id(), "minutes": 60, "reason": "Please." })).await.is(403);
        }
        assert_eq!(school.recorded(&account).await, ["stored"]);
    }

    async fn another_schools_accounts_are_not_there(school: School) {
        let account = school.account_with_credentials().await;
        let other = school.other_school().await;
        let it = other.it_technician();
        for url in ["", "versions", "reveals"] {
            it.get(credentials(&account, url)).await.is(404);
        }
        it.post(credentials(&account, ""), whole()).await.is(404);
        it.post(credentials(&account, "reveal"), json!({ "reason": "Curious." })).await.is(404);
        it.post(credentials(&account, "release"), json!({ "person_id": other.staff().id(), "minutes": 60, "reason": "Curious." })).await.is(404);
        let theirs = other.active_account().await;
        it.post(credentials(&theirs, ""), whole()).await.is(201);
        let stranger = json!({ "person_id": school.staff().id(), "minutes": 60, "reason": "Curious." });
        it.post(credentials(&theirs, "release"), stranger).await.is(422).violates(&["R-IT-2"]);
        let release = school.release(&account, &school.staff()).await.is(201);
        other.staff().post(release.url("open"), json!({})).await.is(404);
        it.post(release.url("revoke"), json!({})).if_match(release.etag()).await.is(404);
        it.get(release.url("")).await.is(404);
    }

    async fn the_version_before_is_destroyed_and_its_record_kept(school: School) {
        let it = school.it_technician();
        let account = school.account_with_credentials().await;
        school.clock_at("2026-01-15T09:00:00Z");
        let second = it.post(credentials(&account, ""), json!({ "login": "a", "password": "second", "reason": "A manager has left." })).await.is(201);
        assert_eq!((&second["number"], &second["reason"]), (&json!(2), &json!("A manager has left.")));
        let page = it.get(format!("{}?limit=1", credentials(&account, "versions"))).await.is(200);
        let first = &page["items"][0];
        assert_eq!((&first["number"], &first["state"], &first["allowed_actions"]), (&json!(1), &json!("retired"), &json!([])));
        assert_eq!((&first["retired_at"], &first["destroyed_at"]), (&json!("2026-01-15T09:00:00Z"), &json!("2026-01-15T09:00:00Z")));
        let next = it.get(page.header("link").split(['<', '>']).nth(1).unwrap()).await.is(200);
        assert_eq!((&next["items"], next.json().get("next_cursor")), (&json!([second.json()]), None));
        assert_eq!(school.reveal(&account).await.is(200)["password"], "second");
        assert_eq!(school.recorded(&account).await, ["stored", "rotated", "revealed"]);
        let left: i64 = school.read(|conn| {
            use diesel::prelude::*;
            use weald::db::schema::account_credentials::dsl;
            let gone = dsl::account_credentials.filter(dsl::number.eq(1));
            let gone = gone.filter(dsl::sealed_content.is_null()).filter(dsl::sealed_key.is_null()).filter(dsl::master_key_id.is_null());
            gone.count().get_result(conn)
        }).await;
        assert_eq!(left, 1);
    }

    async fn a_closed_account_has_no_credentials_and_gets_none(school: School) {
        let it = school.it_technician();
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        let closed = it.post(account.url("close"), json!({ "reason": "Moved." })).if_match(account.etag()).await.is(200);
        assert_eq!(closed["state"], "closed");
        let kept = it.get(credentials(&account, "")).await.is(200);
        assert_eq!((&kept["state"], &kept["allowed_actions"], kept.json().get("retired_at")), (&json!("destroyed"), &json!([]), None));
        assert!(kept["destroyed_at"].is_string());
        it.post(credentials(&account, ""), whole()).await.is(409).problem("state_conflict");
        school.reveal(&account).await.is(409).problem("state_conflict");
        school.release(&account, &school.staff()).await.is(409).problem("state_conflict");
        school.staff().post(release.url("open"), json!({})).await.is(409).violates(&["R-IT-2"]);
        assert_eq!(school.recorded(&account).await, ["stored", "released", "destroyed"]);
        let never = school.active_account().await;
        it.post(never.url("close"), json!({ "reason": "Moved." })).if_match(never.etag()).await.is(200);
        assert!(school.recorded(&never).await.is_empty());
    }

    async fn the_answer_with_a_secret_is_given_once_and_never_kept(school: School) {
        let it = school.it_technician();
        let account = school.account_with_credentials().await;
        let reveal = || it.post(credentials(&account, "reveal"), json!({ "reason": "Locked out." })).idempotency_key("a");
        reveal().await.is(200);
        reveal().await.is(409).problem("answer_shown_once");
        assert_eq!(school.recorded(&account).await, ["stored", "revealed"]);
        let release = school.release(&account, &school.staff()).await.is(201);
        let open = || school.staff().post(release.url("open"), json!({})).idempotency_key("b");
        open().await.is(200);
        open().await.is(409).problem("answer_shown_once");
        // What is stored repeats its answer, which holds no secret.
        let store = || it.post(credentials(&account, ""), whole()).idempotency_key("c");
        let first = store().await.is(201);
        let again = store().await.is(201);
        assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
        it.post(credentials(&account, ""), json!({ "login": "a", "password": "b" })).idempotency_key("c").await.is(422).problem("idempotency_key_reused");
    }

    async fn a_release_is_opened_once_by_the_named_manager_and_by_nobody_else(school: School) {
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        assert_eq!((&release["state"], &release["allowed_actions"], &release["expires_at"]), (&json!("ready"), &json!(["revoke"]), &json!("2026-01-14T11:00:00Z")));
        let seen = school.staff().get(release.url("")).await.is(200);
        assert_eq!(seen["allowed_actions"], json!(["open"]));
        for other in [school.second_staff(), school.it_technician(), school.headteacher(), school.parent()] {
            other.post(release.url("open"), json!({})).await.is(404).problem("not_found");
        }
        school.second_staff().get(release.url("")).await.is(404);
        assert_eq!(school.second_staff().get("/v1/credential-releases").await.is(200)["items"], json!([]));
        for watcher in [school.staff(), school.it_technician()] {
            assert_eq!(watcher.get("/v1/credential-releases").await.is(200)["items"].as_array().unwrap().len(), 1);
        }
        school.pupil().get("/v1/credential-releases").await.is(403);
        school.pupil().post(release.url("open"), json!({})).await.is(403);
        let opened = school.staff().post(release.url("open"), json!({})).await.is(200);
        assert_eq!((opened.json(), opened.header("cache-control")), (&whole(), "no-store"));
        school.staff().post(release.url("open"), json!({})).await.is(409).problem("policy_gate").violates(&["R-IT-2"]);
        let after = school.it_technician().get(release.url("")).await.is(200);
        assert_eq!((&after["state"], &after["opened_at"], &after["allowed_actions"]), (&json!("opened"), &json!("2026-01-14T10:00:00Z"), &json!([])));
        assert_eq!(school.recorded(&account).await, ["stored", "released", "release_opened"]);
        assert_eq!(school.rotation_due(&account).await, json!({ "since_on": "2026-01-14", "reasons": ["released"] }));
    }

    async fn sixteen_at_once_open_it_once(school: School) {
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        let staff = school.staff();
        let replies = join_all((0..16).map(|_| staff.post(release.url("open"), json!({})).into_future())).await;
        let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(409)), (1, 15));
    }

    async fn credentials_are_released_to_a_manager_other_than_oneself(school: School) {
        let account = school.account_with_credentials().await;
        let without = school.active_account().await;
        school.release(&without, &school.staff()).await.is(409).problem("state_conflict");
        for stranger in [school.parent(), school.headteacher()] {
            school.release(&account, &stranger).await.is(422).problem("policy_refused").violates(&["R-IT-2"]).points_at(&[("/person_id", "R-IT-2")]);
        }
        change_managers(&school, &account, &[&school.staff(), &school.it_technician(), &school.second_staff()]).await;
        school.release(&account, &school.it_technician()).await.is(403).problem("conflict_of_interest").violates(&["R-IT-2"]);
        leave(&school, &school.second_staff(), "2026-01-14").await;
        school.release(&account, &school.second_staff()).await.is(422).violates(&["R-IT-2"]);
        for (minutes, reason, pointer, code) in [(4, "x", "/minutes", "range"), (1441, "x", "/minutes", "range"), (60, " ", "/reason", "blank")] {
            let new = json!({ "person_id": school.staff().id(), "minutes": minutes, "reason": reason });
            school.it_technician().post(credentials(&account, "release"), new).await.is(422).points_at(&[(pointer, code)]);
        }
    }

    async fn credentials_are_kept_from_a_manager_who_is_not_eligible(school: School) {
        let account = school.account_with_credentials().await;
        school.clock_at("2027-01-03T10:00:00Z");
        school.release(&account, &school.staff()).await.is(409).problem("policy_gate").violates(&["ELIG-1"]);
        school.train(&[&school.staff()], "2027-01-03").await;
        school.release(&account, &school.staff()).await.is(201);
    }

    async fn a_release_dies_when_its_time_is_over(school: School) {
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        school.clock_at("2026-01-14T11:00:00Z");
        school.staff().post(release.url("open"), json!({})).await.is(409).violates(&["R-IT-2"]);
        let expired = school.staff().get(release.url("")).await.is(200);
        assert_eq!((&expired["state"], &expired["allowed_actions"]), (&json!("expired"), &json!([])));
        school.it_technician().post(release.url("revoke"), json!({})).if_match(release.etag()).await.is(409).problem("state_conflict");
        assert!(school.rotation_due(&account).await.is_null());
    }

    async fn a_release_dies_when_it_is_revoked(school: School) {
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        let it = school.it_technician();
        it.send(reqwest::Method::POST, release.url("revoke")).await.is(428);
        it.post(release.url("revoke"), json!({})).if_match("\"7\"").await.is(412);
        school.staff().post(release.url("revoke"), json!({})).if_match(release.etag()).await.is(403);
        let revoked = it.post(release.url("revoke"), json!({})).if_match(release.etag()).await.is(200);
        assert_eq!((&revoked["state"], &revoked["revoked_by"]), (&json!("revoked"), &json!(it.id())));
        school.staff().post(release.url("open"), json!({})).await.is(409).violates(&["R-IT-2"]);
        it.post(release.url("revoke"), json!({})).if_match(revoked.etag()).await.is(409).problem("state_conflict");
        assert_eq!(school.recorded(&account).await, ["stored", "released", "release_revoked"]);
    }

    async fn a_release_dies_with_what_was_released(school: School) {
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        school.it_technician().post(credentials(&account, ""), json!({ "login": "a", "password": "b" })).await.is(201);
        school.staff().post(release.url("open"), json!({})).await.is(409).violates(&["R-IT-2"]);
        assert_eq!(school.staff().get(release.url("")).await.is(200)["state"], "void");
    }

    async fn a_release_dies_when_its_holder_runs_the_account_no_more_or_has_left(school: School) {
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_with_credentials().await;
        let release = school.release(&account, &school.staff()).await.is(201);
        change_managers(&school, &account, &[&school.second_staff(), &third]).await;
        school.staff().post(release.url("open"), json!({})).await.is(409).violates(&["R-IT-2"]);
        assert_eq!(school.it_technician().get(release.url("")).await.is(200)["state"], "void");
        let release = school.release(&account, &third).await.is(201);
        leave(&school, &third, "2026-01-14").await;
        third.post(release.url("open"), json!({})).await.is(401);
        assert_eq!(school.it_technician().get(release.url("")).await.is(200)["state"], "void");
    }

    async fn credentials_are_due_when_somebody_is_taken_off_the_account(school: School) {
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_with_credentials().await;
        change_managers(&school, &account, &[&school.staff(), &school.second_staff(), &third]).await;
        assert!(school.rotation_due(&account).await.is_null(), "somebody more is no reason");
        change_managers(&school, &account, &[&school.staff(), &third]).await;
        assert_eq!(school.rotation_due(&account).await, json!({ "since_on": "2026-01-14", "reasons": ["leaver"] }));
        school.it_technician().post(credentials(&account, ""), whole()).await.is(201);
        assert!(school.rotation_due(&account).await.is_null());
    }

    async fn credentials_are_due_from_the_day_on_which_a_manager_has_left(school: School) {
        let account = school.account_with_credentials().await;
        let third = school.person("third", &[Role::Staff]).await;
        leave(&school, &school.second_staff(), "2026-02-01").await;
        school.clock_at("2026-01-31T12:00:00Z");
        assert!(school.rotation_due(&account).await.is_null());
        school.clock_at("2026-02-01T12:00:00Z");
        assert_eq!(school.rotation_due(&account).await, json!({ "since_on": "2026-02-01", "reasons": ["leaver"] }));
        // Replaced since: that the leaver is also taken off the account is no new reason.
        school.it_technician().post(credentials(&account, ""), whole()).await.is(201);
        assert!(school.rotation_due(&account).await.is_null());
        weald::jobs::run_all(school.state()).await.unwrap();
        school.qualify(&[&third]).await;
        school.transferred(&account, Some(&third)).await;
        assert!(school.rotation_due(&account).await.is_null());
    }

    async fn leaving_that_is_recorded_late_counts_too(school: School) {
        let account = school.account_with_credentials().await;
        leave(&school, &school.second_staff(), "2026-01-10").await;
        assert_eq!(school.rotation_due(&account).await, json!({ "since_on": "2026-01-14", "reasons": ["leaver"] }));
    }

    async fn credentials_are_due_after_a_year(school: School) {
        let account = school.account_with_credentials().await;
        school.clock_at("2027-01-13T12:00:00Z");
        assert!(school.rotation_due(&account).await.is_null());
        school.clock_at("2027-01-14T12:00:00Z");
        assert_eq!(school.rotation_due(&account).await, json!({ "since_on": "2027-01-14", "reasons": ["age"] }));
    }
}
