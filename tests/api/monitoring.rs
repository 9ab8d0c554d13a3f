//! MON-1 and R-IT-3: accounts are looked at on every day of the week, and whoever is responsible hears of it if not.

use serde_json::{Value, json};
use weald::db::types::PersonId;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

impl School {
    async fn checked(&self, account: &Reply, at: &str) -> Reply {
        self.clock_at(at);
        self.staff().post("/v1/monitoring-checks", json!({ "account_id": account["id"] })).await.is(201)
    }

    /// Runs the jobs, and says what the log has of an account's monitoring.
    async fn lapses(&self) -> Vec<Value> {
        weald::jobs::run_all(self.state()).await.unwrap();
        self.lapses_on_record().await
    }

    async fn lapses_on_record(&self) -> Vec<Value> {
        let url = "/v1/events?type=account.monitoring_amber&type=account.monitoring_red&type=account.monitoring_resumed";
        self.headteacher().get(url).await.is(200)["items"].as_array().unwrap().clone()
    }

    /// Lets these people run the account, beside two members of staff.
    async fn also_run_by(&self, account: &Reply, people: &[PersonId]) {
        let mut managers = vec![json!({ "person_id": self.staff().id(), "lead": true }), json!({ "person_id": self.second_staff().id() })];
        managers.extend(people.iter().map(|id| json!({ "person_id": id })));
        for id in people {
            self.qualify(&[&self.somebody(*id)]).await;
        }
        let it = self.it_technician();
        let seen = it.get(account.url("")).await.is(200);
        it.post(account.url("change-managers"), json!({ "managers": managers })).if_match(seen.etag()).await.is(200);
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().rsplit('_').next().unwrap()).collect()
}

fn items(page: &Reply) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

fn check_of(account: &Reply, members: Value) -> Value {
    let mut check = json!({ "account_id": account["id"] });
    check.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    check
}

async fn level_of(caller: &Caller<'_>, account: &Reply) -> Value {
    let page = caller.get("/v1/monitoring-coverage").await.is(200);
    items(&page).iter().find(|item| item["account_id"] == account["id"]).map_or(Value::Null, |item| item["level"].clone())
}

on_both_engines! {
    async fn a_check_is_kept_as_it_was_logged(school: School) {
        let account = school.active_account().await;
        let new = check_of(&account, json!({
            "checked_at": "2026-01-14T09:30:00+01:00", "note": "All quiet.",
            "findings": [{ "kind": "unanswered_comment", "note": " About the fair. " }, { "kind": "other" }],
        }));
        let check = school.staff().post("/v1/monitoring-checks", &new).await.is(201);
        assert_eq!((&check["checked_at"], &check["checked_on"]), (&json!("2026-01-14T08:30:00Z"), &json!("2026-01-14")));
        assert_eq!(check["findings"], json!([{ "kind": "unanswered_comment", "note": "About the fair." }, { "kind": "other" }]));
        assert_eq!((&check["checked_by"], &check["created_at"]), (&json!(school.staff().id()), &json!("2026-01-14T10:00:00Z")));
        assert_eq!(check.header("location"), check.url(""));
        assert_eq!(school.headteacher().get(check.url("")).await.is(200).json(), check.json());
        school.headteacher().patch(check.url(""), json!({ "note": "Not so quiet." })).if_match("\"1\"").await.is(405);
        school.headteacher().delete(check.url("")).await.is(405);
        let event = &school.headteacher().get("/v1/events?type=monitoring_check.logged").await.is(200)["items"][0];
        assert_eq!((&event["subject"], &event["data"]["clause"]), (&check["id"], &json!("MON-1")));
        assert_eq!(event["data"]["related"], json!({ "account_id": account["id"] }));
        assert!(!event.to_string().contains("quiet"), "the log holds no text");
    }

    async fn the_day_of_a_check_is_the_schools_own(school: School) {
        let account = school.active_account().await;
        school.clock_at("2026-06-10T23:30:00Z");
        let check = school.staff().post("/v1/monitoring-checks", check_of(&account, json!({}))).await.is(201);
        assert_eq!((&check["checked_at"], &check["checked_on"]), (&json!("2026-06-10T23:30:00Z"), &json!("2026-06-11")));
    }

    async fn a_check_lies_neither_in_the_future_nor_more_than_seven_days_back(school: School) {
        let account = school.active_account().await;
        let log = async |at: &str| school.staff().post("/v1/monitoring-checks", check_of(&account, json!({ "checked_at": at }))).await;
        for refused in ["2026-01-14T10:05:01Z", "2026-02-14T10:00:00Z", "2026-01-07T09:59:59Z", "2025-12-14T10:00:00Z", "0000-01-01T00:00:00Z"] {
            log(refused).await.is(422).problem("policy_refused").violates(&["MON-1"]).points_at(&[("/checked_at", "MON-1")]);
        }
        for kept in ["2026-01-14T10:05:00Z", "2026-01-07T10:00:00Z"] {
            log(kept).await.is(201);
        }
        log("2026-01-14T10:00:00").await.is(400).points_at(&[("/checked_at", "wrong_type")]);
    }

    async fn what_is_not_a_check_is_refused_with_its_place(school: School) {
        let account = school.active_account().await;
        let log = async |members: Value| school.staff().post("/v1/monitoring-checks", check_of(&account, members)).await;
        log(json!({ "findings": [{ "kind": "gossip" }] })).await.is(400).points_at(&[("/findings/0/kind", "unknown_value")]);
        log(json!({ "findings": [["other"]] })).await.is(400).points_at(&[("/findings/0", "wrong_type")]);
        log(json!({ "findings": [{ "kind": "other", "who": "Jo" }] })).await.is(400).points_at(&[("/findings/0/who", "unknown_field")]);
        log(json!({ "findings": null })).await.is(400).points_at(&[("/findings", "wrong_type")]);
        log(json!({ "incident_id": account["id"] })).await.is(422).points_at(&[("/incident_id", "unknown")]);
        log(json!({ "note": " " })).await.is(422).points_at(&[("/note", "blank")]);
        let wordy = json!({ "kind": "other", "note": "x".repeat(501) });
        log(json!({ "findings": [{ "kind": "other" }, wordy] })).await.is(422).points_at(&[("/findings/1/note", "too_long")]);
        log(json!({ "findings": vec![json!({ "kind": "other" }); 21] })).await.is(422).points_at(&[("/findings", "length")]);
        log(json!({ "findings": vec![json!({ "kind": "other" }); 20], "note": "x".repeat(2000) })).await.is(201);
        school.staff().post("/v1/monitoring-checks", json!({ "account_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/account_id", "unknown")]);
    }

    async fn only_an_account_in_use_is_checked_and_a_suspended_one_is(school: School) {
        let pending = school.pending_account().await;
        let it = school.it_technician();
        let log = async || it.post("/v1/monitoring-checks", check_of(&pending, json!({}))).await;
        log().await.is(409).problem("policy_gate").violates(&["R-IT-1"]);
        let active = it.post(pending.url("activate"), json!({})).if_match(pending.etag()).await.is(200);
        log().await.is(201);
        let suspended = it.post(pending.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(active.etag()).await.is(200);
        log().await.is(201);
        it.post(pending.url("close"), json!({ "reason": "Moved." })).if_match(suspended.etag()).await.is(200);
        log().await.is(409).violates(&["R-IT-1"]);
        assert_eq!(items(&it.get("/v1/monitoring-checks").await.is(200)).len(), 2);
    }

    async fn whoever_runs_an_account_logs_its_checks_and_so_do_the_head_and_it(school: School) {
        let account = school.active_account().await;
        let check = check_of(&account, json!({}));
        let log = async |caller: Caller<'_>| caller.post("/v1/monitoring-checks", &check).await;
        for caller in [school.headteacher(), school.it_technician(), school.staff(), school.second_staff()] {
            log(caller).await.is(201);
        }
        let deputy = school.with_role(Role::DeputyDsl);
        let bystander = school.person("bystander", &[Role::Staff]).await;
        for caller in [bystander, school.leadership(), school.dsl(), deputy.clone()] {
            log(caller).await.is(403).problem("forbidden");
        }
        for caller in [school.parent(), school.volunteer(), school.governor()] {
            log(caller).await.is(422).points_at(&[("/account_id", "unknown")]);
        }
        for caller in [school.pupil(), school.chair(), school.dpo(), school.service()] {
            log(caller).await.is(403).problem("forbidden");
        }
        let runners = [school.leadership(), school.dsl(), deputy, school.parent(), school.volunteer(), school.governor()];
        school.also_run_by(&account, &runners.each_ref().map(Caller::id)).await;
        for caller in runners {
            log(caller).await.is(201);
        }
        assert_eq!(items(&school.dsl().get("/v1/monitoring-checks").await.is(200)).len(), 10);
    }

    async fn checks_are_seen_by_those_who_watch_over_all_accounts_and_by_those_who_run_theirs(school: School) {
        let (account, other) = (school.active_account().await, school.active_account().await);
        school.also_run_by(&other, &[school.parent().id(), school.governor().id()]).await;
        let log = async |account: &Reply| school.it_technician().post("/v1/monitoring-checks", check_of(account, json!({}))).await.is(201);
        let (check, others) = (log(&account).await, log(&other).await);
        let coverage = |account: &Reply| account.url("monitoring-coverage");
        for caller in [school.headteacher(), school.it_technician(), school.dsl(), school.staff()] {
            caller.get(check.url("")).await.is(200);
            caller.get(coverage(&account)).await.is(200);
            assert_eq!(items(&caller.get("/v1/monitoring-checks").await.is(200)).len(), 2);
            assert_eq!(items(&caller.get("/v1/monitoring-coverage").await.is(200)).len(), 2);
        }
        for caller in [school.parent(), school.governor()] {
            caller.get(check.url("")).await.is(404).problem("not_found");
            caller.get(coverage(&account)).await.is(404).problem("not_found");
            caller.get(others.url("")).await.is(200);
            caller.get(coverage(&other)).await.is(200);
            let (checks, accounts) = (caller.get("/v1/monitoring-checks").await.is(200), caller.get("/v1/monitoring-coverage").await.is(200));
            assert_eq!(items(&checks).iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&others["id"]]);
            assert_eq!(items(&accounts).iter().map(|item| &item["account_id"]).collect::<Vec<_>>(), [&other["id"]]);
            let url = format!("/v1/monitoring-checks?account_id={}", account["id"].as_str().unwrap());
            assert_eq!(caller.get(url).await.is(200)["items"], json!([]));
        }
        let bystander = school.person("bystander", &[Role::Staff]).await;
        for caller in [bystander, school.leadership(), school.with_role(Role::DeputyDsl), school.volunteer()] {
            caller.get(check.url("")).await.is(404);
            caller.get(coverage(&account)).await.is(404);
            assert_eq!(caller.get("/v1/monitoring-checks").await.is(200)["items"], json!([]));
            assert_eq!(caller.get("/v1/monitoring-coverage").await.is(200)["items"], json!([]));
        }
        for caller in [school.pupil(), school.chair(), school.dpo(), school.service()] {
            caller.get(check.url("")).await.is(403);
            caller.get(coverage(&account)).await.is(403);
        }
        let theirs = school.other_school().await;
        theirs.headteacher().get(check.url("")).await.is(404);
        theirs.headteacher().get(coverage(&account)).await.is(404);
        theirs.it_technician().post("/v1/monitoring-checks", check_of(&account, json!({}))).await.is(422).points_at(&[("/account_id", "unknown")]);
        assert_eq!(theirs.headteacher().get("/v1/monitoring-coverage").await.is(200)["items"], json!([]));
    }

    async fn checks_are_listed_by_time_and_found_by_what_they_found(school: School) {
        let (account, other) = (school.active_account().await, school.active_account().await);
        let log = async |account: &Reply, at: &str, kinds: &[&str]| {
            let findings: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
            let incident = school.it_technician().post("/v1/incidents", json!({ "description": "x" })).await.is(201);
            let check = check_of(account, json!({ "checked_at": at, "findings": findings, "incident_id": incident["id"] }));
            school.it_technician().post("/v1/monitoring-checks", check).await.is(201)["id"].clone()
        };
        let third = log(&account, "2026-01-14T09:00:00Z", &["bullying", "other", "bullying"]).await;
        let first = log(&account, "2026-01-12T09:00:00Z", &[]).await;
        let second = log(&other, "2026-01-13T09:00:00Z", &["impersonation"]).await;
        let head = school.headteacher();
        let found = async |query: &str| items(&head.get(format!("/v1/monitoring-checks{query}")).await.is(200)).iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
        assert_eq!(found("").await, [first.clone(), second.clone(), third.clone()]);
        assert_eq!(found(&format!("?account_id={}", account["id"].as_str().unwrap())).await, [first.clone(), third.clone()]);
        assert_eq!(found(&format!("?account_id={}&account_id={}", account["id"].as_str().unwrap(), other["id"].as_str().unwrap())).await.len(), 3);
        assert_eq!(found("?checked_from=2026-01-12T09:00:00Z&checked_to=2026-01-14T09:00:00Z").await, [first.clone(), second.clone()]);
        assert_eq!(found("?finding=bullying").await, std::slice::from_ref(&third));
        assert_eq!(found("?finding=bullying&finding=impersonation").await, [second.clone(), third.clone()]);
        head.get("/v1/monitoring-checks?finding=gossip").await.is(400).points_at(&[("finding", "unacceptable_value")]);
        head.get("/v1/monitoring-checks?checked_on=2026-01-12").await.is(400).points_at(&[("checked_on", "unknown_parameter")]);
        let mut url = "/v1/monitoring-checks?limit=1".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = head.get(&url).await.is(200);
            seen.extend(items(&page).iter().map(|item| item["id"].clone()));
            let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) else { break };
            next.0.clone_into(&mut url);
        }
        assert_eq!(seen, [first, second, third], "no gap, no repeat");
    }

    async fn bullying_that_a_check_finds_has_an_event_of_its_own(school: School) {
        let account = school.active_account().await;
        let log = async |kinds: &[&str]| {
            let findings: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind, "note": "Jo and Kim." })).collect();
            let incident = school.staff().post("/v1/incidents", json!({ "description": "x" })).await.is(201);
            let check = check_of(&account, json!({ "findings": findings, "incident_id": incident["id"] }));
            school.staff().post("/v1/monitoring-checks", check).await.is(201)
        };
        log(&["offensive_content"]).await;
        let bullying = log(&["other", "bullying", "bullying"]).await;
        let events = school.headteacher().get("/v1/events?subject_type=monitoring_check").await.is(200);
        let names: Vec<_> = items(&events).iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(names, ["monitoring_check.logged", "monitoring_check.logged", "monitoring_check.bullying_found"]);
        let found = &events["items"][2];
        assert_eq!((&found["subject"], &found["data"]["clause"]), (&bullying["id"], &json!("MON-3")));
        assert_eq!(found["data"]["related"], json!({ "account_id": account["id"] }));
        assert!(!events.text.contains("Kim"), "{events}");
    }

    async fn checks_from_monday_to_friday_leave_the_weekend_as_gaps_in_august_too(school: School) {
        school.clock_at("2026-08-03T07:00:00Z");
        let account = school.active_account().await;
        for day in 3..=7 {
            school.checked(&account, &format!("2026-08-0{day}T08:00:00Z")).await;
        }
        school.checked(&account, "2026-08-07T14:00:00Z").await;
        school.clock_at("2026-08-10T09:00:00Z");
        let week = school.headteacher().get(format!("{}?from=2026-08-03&to=2026-08-09", account.url("monitoring-coverage"))).await.is(200);
        assert_eq!((&week["days"], &week["days_checked"], &week["percent"]), (&json!(7), &json!(5), &json!(71)));
        assert_eq!(week["gaps"], json!(["2026-08-08", "2026-08-09"]));
        assert_eq!((&week["streak"], &week["missed_in_a_row"], &week["level"]), (&json!(0), &json!(2), &json!("red")));
        assert_eq!((&week["first_on"], &week["last_on"], &week["last_checked_at"]), (&json!("2026-08-03"), &json!("2026-08-09"), &json!("2026-08-07T14:00:00Z")));
    }

    async fn coverage_begins_with_the_activation_and_ends_with_the_closing(school: School) {
        let pending = school.pending_account().await;
        let (it, url) = (school.it_technician(), pending.url("monitoring-coverage"));
        let nothing = it.get(&url).await.is(200);
        assert_eq!((&nothing["days"], &nothing["gaps"], nothing["percent"].is_null(), nothing["level"].is_null()), (&json!(0), &json!([]), true, true));
        school.clock_at("2026-01-16T12:00:00Z");
        let active = it.post(pending.url("activate"), json!({})).if_match(pending.etag()).await.is(200);
        school.checked(&pending, "2026-01-17T12:00:00Z").await;
        school.clock_at("2026-01-19T12:00:00Z");
        let default = it.get(&url).await.is(200);
        assert_eq!((&default["first_on"], &default["last_on"]), (&json!("2025-12-23"), &json!("2026-01-19")));
        assert_eq!((&default["days"], &default["gaps"], &default["percent"]), (&json!(3), &json!(["2026-01-16", "2026-01-18"]), &json!(33)));
        assert_eq!((&default["level"], &default["missed_in_a_row"]), (&json!("red"), &json!(1)));
        it.post(pending.url("close"), json!({ "reason": "Moved." })).if_match(active.etag()).await.is(200);
        school.clock_at("2026-03-01T12:00:00Z");
        let closed = it.get(format!("{url}?from=2026-01-01&to=2026-02-28")).await.is(200);
        assert_eq!((&closed["gaps"], &closed["missed_in_a_row"], closed["level"].is_null()), (&json!(["2026-01-16", "2026-01-18"]), &json!(1), true));
    }

    async fn coverage_is_told_for_at_most_a_year_at_once(school: School) {
        let account = school.active_account().await;
        let ask = async |query: &str| school.headteacher().get(format!("{}?{query}", account.url("monitoring-coverage"))).await;
        ask("from=2025-01-14&to=2026-01-14").await.is(200);
        ask("from=2025-01-13&to=2026-01-14").await.is(400).points_at(&[("from", "out_of_range")]);
        ask("from=2026-01-14&to=2026-01-13").await.is(400).points_at(&[("from", "out_of_range")]);
        ask("from=2026-01-15").await.is(400).points_at(&[("from", "out_of_range")]);
        ask("from=1900-01-01&to=2199-12-31").await.is(400);
        ask("from=2026-1-1").await.is(400).points_at(&[("from", "unacceptable_value")]);
        ask("since=2026-01-01").await.is(400).points_at(&[("since", "unknown_parameter")]);
        assert_eq!(ask("to=2026-01-10").await.is(200)["first_on"], "2025-12-14");
        assert_eq!(ask("from=2026-01-14&to=2026-02-14").await.is(200)["days"], 0, "what is to come does not count");
    }

    async fn the_night_on_which_clocks_change_is_no_missed_day(school: School) {
        school.clock_at("2026-03-27T09:00:00Z");
        let account = school.active_account().await;
        for at in ["2026-03-27T10:00:00Z", "2026-03-28T23:59:00Z", "2026-03-29T00:30:00Z", "2026-03-29T23:10:00Z"] {
            school.checked(&account, at).await;
        }
        school.clock_at("2026-03-31T09:00:00Z");
        let found = school.headteacher().get(format!("{}?from=2026-03-27&to=2026-03-31", account.url("monitoring-coverage"))).await.is(200);
        assert_eq!((&found["days"], &found["percent"], &found["streak"], &found["gaps"]), (&json!(4), &json!(100), &json!(4), &json!([])));
        school.clock_at("2026-10-24T22:30:00Z");
        school.checked(&account, "2026-10-24T22:30:00Z").await;
        school.checked(&account, "2026-10-25T23:30:00Z").await;
        school.clock_at("2026-10-26T23:59:59Z");
        assert_eq!(level_of(&school.headteacher(), &account).await, "green");
        school.clock_at("2026-10-27T00:00:00Z");
        assert_eq!(level_of(&school.headteacher(), &account).await, "amber");
    }

    async fn the_accounts_in_use_are_listed_by_their_level(school: School) {
        let (green, amber, red) = (school.active_account().await, school.active_account().await, school.active_account().await);
        school.pending_account().await;
        let closed = school.active_account().await;
        school.it_technician().post(closed.url("close"), json!({ "reason": "Moved." })).if_match(closed.etag()).await.is(200);
        school.checked(&amber, "2026-01-14T20:00:00Z").await;
        school.checked(&green, "2026-01-16T09:00:00Z").await;
        school.clock_at("2026-01-16T12:00:00Z");
        let suspended = school.headteacher().post(red.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(red.etag()).await.is(200);
        assert_eq!(suspended["state"], "suspended");
        let head = school.headteacher();
        let found = async |query: &str| {
            let page = head.get(format!("/v1/monitoring-coverage{query}")).await.is(200);
            items(&page).iter().map(|item| (item["account_id"].clone(), item["level"].clone(), item["missed_in_a_row"].clone())).collect::<Vec<_>>()
        };
        let expected = |account: &Reply, level: &str, missed: i64| (account["id"].clone(), json!(level), json!(missed));
        let (green, amber, red) = (expected(&green, "green", 0), expected(&amber, "amber", 1), expected(&red, "red", 2));
        assert_eq!(found("").await, [green.clone(), amber.clone(), red.clone()]);
        for (query, levels) in [("?level=green", vec![&green]), ("?level=amber", vec![&amber]), ("?level=red", vec![&red]),
            ("?level=green&level=red", vec![&green, &red]), ("?level=amber&level=red", vec![&amber, &red]),
            ("?level=red&level=amber&level=green", vec![&green, &amber, &red])] {
            assert_eq!(found(query).await.iter().collect::<Vec<_>>(), levels, "{query}");
        }
        let first = head.get("/v1/monitoring-coverage?level=amber&level=red&limit=1").await.is(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        assert_eq!(found(&format!("?level=amber&level=red&limit=1&cursor={cursor}")).await, [red]);
        head.get(format!("/v1/monitoring-coverage?cursor={cursor}")).await.is(400).problem("invalid_cursor");
        head.get("/v1/monitoring-coverage?level=blue").await.is(400).points_at(&[("level", "unacceptable_value")]);
        assert_eq!(head.get("/v1/monitoring-coverage").await["items"][0]["last_checked_at"], "2026-01-16T09:00:00Z");
    }

    async fn a_lapse_is_recorded_once_per_level_and_ends_with_a_check(school: School) {
        let account = school.active_account().await;
        school.checked(&account, "2026-01-14T12:00:00Z").await;
        school.clock_at("2026-01-15T23:59:59Z");
        assert_eq!(school.lapses().await, [] as [Value; 0]);
        school.clock_at("2026-01-16T00:00:00Z");
        let amber = school.lapses().await;
        assert_eq!(types(&amber), ["amber"]);
        assert_eq!((&amber[0]["subject"], &amber[0]["data"]["clause"]), (&account["id"], &json!("MON-1")));
        assert_eq!(amber[0]["data"]["related"], json!({ "told": school.headteacher().id() }));
        school.clock_at("2026-01-16T11:00:00Z");
        assert_eq!(types(&school.lapses().await), ["amber"], "once");
        school.clock_at("2026-01-16T12:00:00Z");
        assert_eq!(types(&school.lapses().await), ["amber", "red"]);
        school.clock_at("2026-01-20T12:00:00Z");
        assert_eq!(types(&school.lapses().await), ["amber", "red"], "once");
        let check = school.checked(&account, "2026-01-20T12:30:00Z").await;
        let resumed = school.lapses_on_record().await;
        assert_eq!(types(&resumed), ["amber", "red", "resumed"], "in the transaction of the check, without a job");
        assert_eq!((&resumed[2]["subject"], &resumed[2]["data"]["related"]), (&account["id"], &json!({ "monitoring_check_id": check["id"] })));
        school.checked(&account, "2026-01-20T13:00:00Z").await;
        assert_eq!(types(&school.lapses().await), ["amber", "red", "resumed"], "a lapse ends once");
        school.clock_at("2026-01-22T00:00:00Z");
        assert_eq!(types(&school.lapses().await), ["amber", "red", "resumed", "amber"], "the next lapse is another one");
    }

    async fn a_check_of_days_ago_does_not_end_a_lapse_that_it_leaves_as_it_is(school: School) {
        let account = school.active_account().await;
        school.clock_at("2026-01-19T12:00:00Z");
        assert_eq!(types(&school.lapses().await), ["red"], "there was no job at its time");
        let log = async |at: &str| school.staff().post("/v1/monitoring-checks", check_of(&account, json!({ "checked_at": at }))).await.is(201);
        log("2026-01-17T20:00:00Z").await;
        assert_eq!(level_of(&school.headteacher(), &account).await, "amber");
        assert_eq!(types(&school.lapses().await), ["red"]);
        log("2026-01-15T20:00:00Z").await;
        log("2026-01-18T20:00:00Z").await;
        assert_eq!(level_of(&school.headteacher(), &account).await, "green");
        assert_eq!(types(&school.lapses().await), ["red", "resumed"]);
    }

    async fn suspended_accounts_are_watched_but_pending_and_closed_ones_are_not(school: School) {
        let (suspended, closed) = (school.active_account().await, school.active_account().await);
        school.pending_account().await;
        let it = school.it_technician();
        it.post(suspended.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(suspended.etag()).await.is(200);
        it.post(closed.url("close"), json!({ "reason": "Moved." })).if_match(closed.etag()).await.is(200);
        school.clock_at("2026-01-20T12:00:00Z");
        let recorded = school.lapses().await;
        assert_eq!(recorded.iter().map(|event| &event["subject"]).collect::<Vec<_>>(), [&suspended["id"]]);
    }

    async fn another_school_is_told_of_its_own_accounts_alone(school: School) {
        let ours = school.active_account().await;
        let other = school.other_school().await;
        let theirs = other.active_account().await;
        other.clock_at("2026-01-16T00:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        for (school, account) in [(&school, ours), (&other, theirs)] {
            let recorded = school.lapses_on_record().await;
            assert_eq!((recorded.len(), &recorded[0]["subject"]), (1, &account["id"]));
            assert_eq!(recorded[0]["data"]["related"]["told"], json!(school.headteacher().id()));
        }
    }

    async fn a_school_says_when_it_is_told(school: School) {
        let account = school.active_account().await;
        let (head, url) = (school.headteacher(), format!("/v1/schools/{}", school.id));
        let before = head.get(&url).await.is(200);
        assert_eq!((&before["monitoring_amber_days"], &before["monitoring_red_hours"]), (&json!(1), &json!(48)));
        let edit = async |settings: Value| head.patch(&url, settings).if_match("\"1\"").await;
        edit(json!({ "monitoring_amber_days": 0, "monitoring_red_hours": 23 })).await.is(422)
            .points_at(&[("/monitoring_amber_days", "range"), ("/monitoring_red_hours", "range")]);
        edit(json!({ "monitoring_amber_days": 15, "monitoring_red_hours": 337 })).await.is(422)
            .points_at(&[("/monitoring_amber_days", "range"), ("/monitoring_red_hours", "range")]);
        edit(json!({ "monitoring_amber_days": 3 })).await.is(422).violates(&["MON-1"]).points_at(&[("/monitoring_red_hours", "MON-1")]);
        edit(json!({ "monitoring_amber_days": null })).await.is(400);
        school.staff().patch(&url, json!({ "monitoring_amber_days": 3 })).if_match("\"1\"").await.is(403);
        let edited = edit(json!({ "monitoring_amber_days": 3, "monitoring_red_hours": 120 })).await.is(200);
        assert_eq!((&edited["monitoring_amber_days"], &edited["monitoring_red_hours"]), (&json!(3), &json!(120)));
        let event = items(&head.get("/v1/events?type=school.changed").await.is(200)).last().unwrap().clone();
        assert_eq!(event["data"]["changed"], json!(["monitoring_amber_days", "monitoring_red_hours"]));
        for (now, level) in [("2026-01-16T23:59:59Z", "green"), ("2026-01-17T00:00:00Z", "amber"), ("2026-01-19T09:59:59Z", "amber"), ("2026-01-19T10:00:00Z", "red")] {
            school.clock_at(now);
            assert_eq!(level_of(&head, &account).await, level, "{now}");
        }
    }
}
