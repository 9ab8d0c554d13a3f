//! R-IT-4: the accounts of whoever leaves are transferred or closed, by the IT technician, and none is orphaned.

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::db::Conn;
use weald::db::schema::{account_managers, accounts, events, handovers, people};
use weald::db::types::{AccountId, PersonId};
use weald::policy::roles::Role;
use weald::resources::accounts::AccountState;

use crate::credentials::{change_managers, credentials, leave, whole};
use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines};

const HANDOVERS: &str = "/v1/handovers";

impl School {
    /// An account with credentials in use, led by the first of these and run by all of them.
    async fn account_run_by(&self, managers: &[&Caller<'_>]) -> Reply {
        let account = self.account_with_credentials().await;
        change_managers(self, &account, managers).await;
        self.account(&account).await
    }

    async fn account(&self, account: &Reply) -> Reply {
        self.it_technician().get(account.url("")).await.is(200)
    }

    /// The open handovers of an account, oldest first.
    async fn handovers_of(&self, account: &Reply) -> Vec<Reply> {
        let open = "state=open&state=lead_proposed&state=credentials_rotated";
        let it = self.it_technician();
        let page = it.get(format!("{HANDOVERS}?{open}&account_id={}", account["id"].as_str().unwrap())).await.is(200);
        let mut found = Vec::new();
        for id in page.each("id") {
            found.push(it.get(format!("{HANDOVERS}/{}", id.as_str().unwrap())).await.is(200));
        }
        found
    }

    async fn handover_of(&self, account: &Reply) -> Reply {
        self.handovers_of(account).await.remove(0)
    }

    /// A handover that has just been opened, of an account that two members of staff go on running.
    pub async fn handover(&self) -> Reply {
        let leaver = self.person("leaver", &[Role::Staff]).await;
        let account = self.account_run_by(&[&leaver, &self.staff(), &self.second_staff()]).await;
        leave(self, &leaver, "2026-01-14").await;
        self.handover_of(&account).await
    }

    /// Takes the open handover of an account to its end, with new credentials.
    pub async fn transferred(&self, account: &Reply, successor: Option<&Caller<'_>>) -> Reply {
        let mut handover = self.handover_of(account).await;
        if let Some(successor) = successor {
            handover = propose(self, &handover, successor).await.is(200);
        }
        self.it_technician().post(credentials(account, ""), whole()).await.is(201);
        let rotated = act(self, &handover, "confirm-rotation").await.is(200);
        act(self, &rotated, "transfer").await.is(200)
    }

    /// The types of the events of the last change.
    async fn happened_since(&self, number: i64) -> Vec<String> {
        let id = self.id;
        self.read(move |conn| {
            let since = events::table.filter(events::school_id.eq(id)).filter(events::number.gt(number)).order(events::number);
            since.select(events::event_type).load(conn)
        })
        .await
    }

    async fn last_event(&self) -> i64 {
        let id = self.id;
        self.read(move |conn| events::table.filter(events::school_id.eq(id)).count().get_result(conn)).await
    }

    async fn run_jobs(&self) {
        weald::jobs::run_all(self.state()).await.unwrap();
    }
}

fn propose<'s>(school: &'s School, handover: &Reply, who: &Caller<'_>) -> Request<'s> {
    let body = json!({ "person_id": who.id() });
    school.it_technician().post(handover.url("propose-successor"), body).if_match(handover.etag())
}

fn act<'s>(school: &'s School, handover: &Reply, action: &str) -> Request<'s> {
    school.it_technician().post(handover.url(action), json!({})).if_match(handover.etag())
}

fn close<'s>(school: &'s School, handover: &Reply) -> Request<'s> {
    school.it_technician().post(handover.url("close"), json!({ "reason": "Nobody wants it." })).if_match(handover.etag())
}

fn managers(account: &Reply) -> Vec<(&str, bool)> {
    let all = account["managers"].as_array().unwrap().iter();
    all.map(|one| (one["person_id"].as_str().unwrap(), one["lead"].as_bool().unwrap())).collect()
}

/// What the school keeps to whatever happens: an account in use has nobody among those who run it who has left and has no
/// open handover; and an account is being handed over exactly while a handover of it is open.
async fn none_is_orphaned(school: &School) {
    type Pairs = Vec<(AccountId, PersonId)>;
    type States = Vec<(AccountId, AccountState, Option<AccountState>)>;
    let today = school.now().date_naive();
    let read = move |conn: &mut Conn| -> QueryResult<(Pairs, Pairs, States)> {
        Ok((
            account_managers::table
                .inner_join(
                    people::table.on(people::school_id.eq(account_managers::school_id).and(people::id.eq(account_managers::person_id))),
                )
                .filter(people::left_on.le(today))
                .select((account_managers::account_id, account_managers::person_id))
                .load(conn)?,
            handovers::table.filter(handovers::completed_at.is_null()).select((handovers::account_id, handovers::leaver_id)).load(conn)?,
            accounts::table.select((accounts::id, accounts::state, accounts::before_handover)).load(conn)?,
        ))
    };
    let (running, open, rows) = school.read(read).await;
    let accounts_open: HashSet<AccountId> = open.iter().map(|(account, _)| *account).collect();
    for (account, state, before) in rows {
        if state == AccountState::Closed {
            assert!(!accounts_open.contains(&account), "{account} is closed");
            continue;
        }
        let gone: HashSet<PersonId> = running.iter().filter(|(of, _)| *of == account).map(|(_, person)| *person).collect();
        let handed_over: HashSet<PersonId> = open.iter().filter(|(of, _)| *of == account).map(|(_, person)| *person).collect();
        assert_eq!(gone, handed_over, "{account} in {state}");
        assert_eq!(before.is_some(), accounts_open.contains(&account), "{account} in {state}");
        assert!(state != AccountState::Active || gone.is_empty(), "{account}");
    }
}

on_both_engines! {
    async fn a_lead_who_has_left_has_their_account_handed_over_in_the_same_transaction(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_run_by(&[&staff, &second, &third]).await;
        staff.get(account.url("")).await.is(200);
        let before = school.last_event().await;
        leave(&school, &staff, "2026-01-14").await;
        assert_eq!(school.happened_since(before).await, ["person.left", "handover.opened", "account.handover_required"]);
        let now = school.account(&account).await;
        assert_eq!((&now["state"], &now["allowed_actions"]), (&json!("handover_required"), &json!(["edit", "change_managers", "suspend", "close"])));
        let open = school.handover_of(&account).await;
        assert_eq!((&open["state"], &open["leaver_id"], &open["left_on"], &open["leaver_was_lead"]), (&json!("open"), &json!(staff.id()), &json!("2026-01-14"), &json!(true)));
        assert_eq!(open["allowed_actions"], json!(["propose_successor", "confirm_rotation", "close"]));
        assert_eq!(school.headteacher().get(open.url("")).await.is(200)["allowed_actions"], json!([]));
        staff.get(account.url("")).await.is(401);
        // The others go on: what comes in is answered, and the account is looked after.
        let comment = json!({ "account_id": account["id"], "kind": "query", "author_anonymous": true, "text": "When?", "received_at": school.now() });
        second.post("/v1/comments", comment).await.is(201);
        second.post("/v1/monitoring-checks", json!({ "account_id": account["id"] })).await.is(201);
        assert_eq!(it.get("/v1/accounts?state=handover_required").await.is(200).each("id"), [&account["id"]]);
        none_is_orphaned(&school).await;
    }

    async fn of_a_lead_who_leaves_tomorrow_nothing_changes_today_and_tomorrows_job_opens_the_handover(school: School) {
        let (staff, second) = (school.staff(), school.second_staff());
        let account = school.account_run_by(&[&staff, &second]).await;
        leave(&school, &staff, "2026-07-01").await;
        // Midnight in London is an hour earlier in summer.
        for (time, state, opened) in [
            ("2026-01-14T12:00:00Z", "active", 0),
            ("2026-06-30T22:59:59Z", "active", 0),
            ("2026-06-30T23:00:00Z", "handover_required", 1),
            ("2026-07-03T12:00:00Z", "handover_required", 1),
        ] {
            school.clock_at(time);
            staff.get(account.url("")).await.is(if opened == 0 { 200 } else { 401 });
            for _ in 0..2 {
                school.run_jobs().await;
            }
            assert_eq!(school.account(&account).await["state"], state, "{time}");
            assert_eq!(school.handovers_of(&account).await.len(), opened, "{time}");
        }
        let event = school.headteacher().get("/v1/events?type=handover.opened").await.is(200);
        assert_eq!((&event["items"][0]["data"]["actor_role"], event.items().len()), (&json!("system"), 1));
    }

    async fn an_account_is_transferred_with_new_credentials_to_an_eligible_lead(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_run_by(&[&staff, &second]).await;
        leave(&school, &staff, "2026-01-14").await;
        let open = school.handover_of(&account).await;
        school.qualify(&[&third]).await;
        let proposed = propose(&school, &open, &third).await.is(200);
        assert_eq!((&proposed["state"], &proposed["successor_id"], &proposed["version"]), (&json!("lead_proposed"), &json!(third.id()), &json!(2)));
        act(&school, &proposed, "confirm-rotation").await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        let stored = it.post(credentials(&account, ""), whole()).await.is(201);
        let rotated = act(&school, &proposed, "confirm-rotation").await.is(200);
        assert_eq!((&rotated["state"], &rotated["credentials_rotated_at"]), (&json!("credentials_rotated"), &stored["stored_at"]));
        assert_eq!(rotated["allowed_actions"], json!(["propose_successor", "transfer", "close"]));
        let before = school.last_event().await;
        let done = act(&school, &rotated, "transfer").await.is(200);
        assert_eq!(school.happened_since(before).await, ["account.managers_changed", "account.handover_ended", "handover.transferred"]);
        assert_eq!((&done["state"], &done["outcome"], &done["completed_by"], &done["allowed_actions"]), (&json!("completed"), &json!("transferred"), &json!(it.id()), &json!([])));
        let now = school.account(&account).await;
        assert_eq!((&now["state"], managers(&now)), (&json!("active"), vec![(third.id().to_string().as_str(), true), (second.id().to_string().as_str(), false)]));
        let former: i64 = school.read(|conn| weald::db::schema::former_account_managers::table.count().get_result(conn)).await;
        assert_eq!(former, 1, "the leaver stays on record");
        // Once is enough.
        for action in ["confirm-rotation", "transfer"] {
            let refused = act(&school, &done, action).await.is(409).problem("state_conflict");
            assert_eq!(refused["allowed_actions"], json!([]));
        }
        propose(&school, &done, &second).await.is(409).problem("state_conflict");
        close(&school, &done).await.is(409).problem("state_conflict");
        none_is_orphaned(&school).await;
    }

    async fn credentials_count_as_replaced_from_the_leaving_day_on_and_after_it_was_on_record(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_run_by(&[&staff, &second, &third]).await;
        // Replaced the day before.
        leave(&school, &staff, "2026-01-16").await;
        school.clock_at("2026-01-15T23:59:59Z");
        it.post(credentials(&account, ""), whole()).await.is(201);
        school.clock_at("2026-01-16T08:00:00Z");
        school.run_jobs().await;
        let proposed = propose(&school, &school.handover_of(&account).await, &second).await.is(200);
        act(&school, &proposed, "confirm-rotation").await.is(409).violates(&["R-IT-4"]);
        it.post(credentials(&account, ""), whole()).await.is(201);
        act(&school, &proposed, "confirm-rotation").await.is(200);
        // Replaced after the leaving day, but before anybody knew of it: the leaver was there, and could know them.
        leave(&school, &third, "2026-01-10").await;
        let late = school.handovers_of(&account).await.remove(1);
        let late = propose(&school, &late, &school.headteacher()).await.is(409).violates(&["ELIG-1", "R-IT-4"]);
        assert!(late["violations"].as_array().unwrap().len() > 1);
        school.qualify(&[&school.headteacher()]).await;
        let late = propose(&school, &school.handovers_of(&account).await.remove(1), &school.headteacher()).await.is(200);
        act(&school, &late, "confirm-rotation").await.is(409).violates(&["R-IT-4"]);
        // Which the first leaver's transfer asks for anew, too.
        let first = school.handovers_of(&account).await.remove(0);
        act(&school, &first, "transfer").await.is(409).violates(&["R-IT-4"]);
        it.post(credentials(&account, ""), whole()).await.is(201);
        act(&school, &late, "confirm-rotation").await.is(200);
    }

    async fn an_account_that_was_never_in_the_vault_needs_its_credentials_stored(school: School) {
        let account = school.active_account().await;
        leave(&school, &school.staff(), "2026-01-14").await;
        let proposed = propose(&school, &school.handover_of(&account).await, &school.second_staff()).await.is(200);
        let refused = act(&school, &proposed, "confirm-rotation").await.is(409).violates(&["R-IT-4"]);
        assert!(refused["violations"][0]["detail"].as_str().unwrap().contains("in the vault"), "{refused}");
    }

    async fn a_successor_is_an_active_eligible_member_of_staff(school: School) {
        let handover = school.handover().await;
        let third = school.person("third", &[Role::Staff]).await;
        let refused = propose(&school, &handover, &third).await.is(409).problem("policy_gate").violates(&["ELIG-1", "R-IT-4"]);
        let details: Vec<&str> = refused["violations"].as_array().unwrap().iter().map(|one| one["detail"].as_str().unwrap()).collect();
        assert_eq!(details.len(), 5, "the policy, three courses, and that it is so: {details:?}");
        assert!(refused["violations"].as_array().unwrap().iter().all(|one| one["person_id"] == json!(third.id())), "{refused}");
        school.acknowledge(&[&third]).await;
        assert_eq!(propose(&school, &handover, &third).await.is(409)["violations"].as_array().unwrap().len(), 4, "what is missing still");
        school.qualify(&[&school.parent(), &third]).await;
        propose(&school, &handover, &school.parent()).await.is(409).violates(&["R-IT-4"]);
        let gone = school.somebody(handover["leaver_id"].as_str().unwrap().parse::<Uuid>().unwrap().into());
        propose(&school, &handover, &gone).await.is(409).violates(&["R-IT-4"]);
        let it = school.it_technician();
        let url = handover.url("propose-successor");
        let post = async |body: Value| it.post(&url, body).if_match(handover.etag()).await;
        post(json!({ "person_id": Uuid::now_v7() })).await.is(422).points_at(&[("/person_id", "unknown")]);
        post(json!({})).await.is(400);
        post(json!({ "person_id": third.id(), "lead": true })).await.is(400).points_at(&[("/lead", "unknown_field")]);
        post(json!({ "person_id": third.id() })).await.is(200);
    }

    async fn a_successor_who_is_no_longer_eligible_does_not_take_over(school: School) {
        let it = school.it_technician();
        let handover = school.handover().await;
        let account = it.get(format!("/v1/accounts/{}", handover["account_id"].as_str().unwrap())).await.is(200);
        let third = school.person("third", &[Role::Staff]).await;
        school.qualify(&[&third]).await;
        let proposed = propose(&school, &handover, &third).await.is(200);
        it.post(credentials(&account, ""), whole()).await.is(201);
        let rotated = act(&school, &proposed, "confirm-rotation").await.is(200);
        leave(&school, &third, "2026-01-14").await;
        act(&school, &rotated, "transfer").await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        // Somebody else is proposed; the credentials stay replaced.
        let other = propose(&school, &rotated, &school.staff()).await.is(200);
        assert_eq!((&other["state"], &other["credentials_rotated_at"]), (&json!("credentials_rotated"), &rotated["credentials_rotated_at"]));
        school.clock_at("2027-01-03T10:00:00Z");
        act(&school, &other, "transfer").await.is(409).problem("policy_gate").violates(&["ELIG-1", "R-IT-4"]);
        school.train(&[&school.staff()], "2027-01-03").await;
        // Nor is the account in use again while somebody else who runs it may not.
        act(&school, &other, "transfer").await.is(409).problem("policy_gate").violates(&["ELIG-1"]);
        school.train(&[&school.second_staff()], "2027-01-03").await;
        act(&school, &other, "transfer").await.is(200);
        let now = school.account(&account).await;
        assert_eq!((&now["state"], managers(&now)[0]), (&json!("active"), (school.staff().id().to_string().as_str(), true)));
    }

    async fn nobody_but_it_hands_over_and_nobody_acts_for_it(school: School) {
        let handover = school.handover().await;
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-16").await;
        for caller in [school.headteacher(), school.leadership(), school.staff(), school.dsl(), school.dpo(), school.parent(), school.service()] {
            for action in ["propose-successor", "confirm-rotation", "transfer", "close"] {
                let refused = caller.post(handover.url(action), json!({})).if_match(handover.etag()).await.is(403).problem("forbidden");
                refused.violates(&["R-IT-4"]);
            }
        }
        let other = school.other_school().await;
        for (action, body) in [("propose-successor", json!({ "person_id": other.staff().id() })), ("confirm-rotation", json!({})), ("close", json!({ "reason": "x" }))] {
            other.it_technician().post(handover.url(action), body).if_match(handover.etag()).await.is(404).problem("not_found");
        }
        other.it_technician().get(handover.url("")).await.is(404);
        assert_eq!(other.it_technician().get(HANDOVERS).await.is(200)["items"], json!([]));
    }

    async fn it_technicians_who_leave_hand_nothing_over_themselves(school: School) {
        let (it, successor) = (school.it_technician(), school.person("next_it", &[Role::ItTechnician]).await);
        let account = school.account_run_by(&[&it, &school.staff(), &school.second_staff()]).await;
        leave(&school, &it, "2026-01-14").await;
        it.get(HANDOVERS).await.is(401);
        let page = successor.get(HANDOVERS).await.is(200);
        let open = successor.get(format!("{HANDOVERS}/{}", page["items"][0]["id"].as_str().unwrap())).await.is(200);
        assert_eq!(open["leaver_id"], json!(it.id()));
        school.qualify(&[&successor]).await;
        let proposed = successor.post(open.url("propose-successor"), json!({ "person_id": successor.id() })).if_match(open.etag()).await.is(200);
        successor.post(credentials(&account, ""), whole()).await.is(201);
        let rotated = successor.post(open.url("confirm-rotation"), json!({})).if_match(proposed.etag()).await.is(200);
        successor.post(open.url("transfer"), json!({})).if_match(rotated.etag()).await.is(200);
        assert_eq!(successor.get(account.url("")).await.is(200)["state"], "active");
    }

    async fn every_step_is_bound_to_the_version_that_was_read_and_to_the_state(school: School) {
        let it = school.it_technician();
        let handover = school.handover().await;
        for (action, body) in [("propose-successor", json!({ "person_id": school.staff().id() })), ("confirm-rotation", json!({})), ("close", json!({ "reason": "x" }))] {
            it.post(handover.url(action), &body).await.is(428);
            it.post(handover.url(action), &body).if_match("\"7\"").await.is(412);
        }
        let refused = act(&school, &handover, "transfer").await.is(409).problem("state_conflict");
        assert_eq!(refused["allowed_actions"], json!(["propose_successor", "confirm_rotation", "close"]));
        act(&school, &handover, "confirm-rotation").await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        for (body, status) in [(json!({ "reason": " " }), 422), (json!({}), 400)] {
            it.post(handover.url("close"), body).if_match(handover.etag()).await.is(status);
        }
        it.post(handover.url("confirm-rotation"), json!({ "credentials_rotated_at": "2026-01-14T10:00:00Z" })).if_match(handover.etag()).await.is(400);
        assert_eq!(school.it_technician().get(handover.url("")).await.is(200).json(), handover.json());
    }

    async fn a_transfer_leaves_two_active_members_of_staff(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let account = school.account_run_by(&[&staff, &second]).await;
        leave(&school, &second, "2026-01-14").await;
        it.post(credentials(&account, ""), whole()).await.is(201);
        let open = school.handover_of(&account).await;
        assert_eq!(open["leaver_was_lead"], json!(false));
        act(&school, &open, "confirm-rotation").await.is(409).violates(&["R-IT-4"]);
        let proposed = propose(&school, &open, &staff).await.is(200);
        let rotated = act(&school, &proposed, "confirm-rotation").await.is(200);
        act(&school, &rotated, "transfer").await.is(409).problem("policy_gate").violates(&["BC-4"]);
        let third = school.person("third", &[Role::Staff]).await;
        school.qualify(&[&third]).await;
        let proposed = propose(&school, &rotated, &third).await.is(200);
        act(&school, &proposed, "transfer").await.is(200);
        let (first, other) = (staff.id().to_string(), third.id().to_string());
        assert_eq!(managers(&school.account(&account).await), [(first.as_str(), true), (other.as_str(), false)], "the lead stays");
    }

    async fn a_manager_whom_two_others_outlast_needs_no_successor(school: School) {
        let leaver = school.person("leaver", &[Role::Staff]).await;
        let account = school.account_run_by(&[&school.staff(), &school.second_staff(), &leaver]).await;
        leave(&school, &leaver, "2026-01-14").await;
        let done = school.transferred(&account, None).await;
        assert_eq!((&done["outcome"], done.json().get("successor_id")), (&json!("transferred"), None));
        assert_eq!((school.account(&account).await["state"].clone(), managers(&school.account(&account).await).len()), (json!("active"), 2));
    }

    async fn an_account_that_nobody_is_left_to_run_is_suspended_and_the_head_is_told(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let account = school.account_run_by(&[&staff, &second]).await;
        // The training of both is out of date.
        school.clock_at("2027-01-03T10:00:00Z");
        leave(&school, &staff, "2027-01-03").await;
        let orphan = school.account(&account).await;
        assert_eq!((&orphan["state"], &orphan["allowed_actions"]), (&json!("suspended"), &json!(["edit", "change_managers", "close"])));
        assert!(orphan["state_reason"].as_str().unwrap().contains("R-IT-4"), "{orphan}");
        let told = school.headteacher().get("/v1/events?type=account.without_successor").await.is(200);
        assert_eq!((&told["items"][0]["data"]["related"], &told["items"][0]["data"]["state"]), (&json!({ "told": school.headteacher().id() }), &json!("suspended")));
        it.post(account.url("resume"), json!({})).if_match(orphan.etag()).await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        let third = school.person("third", &[Role::Staff]).await;
        school.acknowledge(&[&third]).await;
        school.train(&[&third], "2027-01-03").await;
        let proposed = propose(&school, &school.handover_of(&account).await, &third).await.is(200);
        it.post(credentials(&account, ""), whole()).await.is(201);
        let rotated = act(&school, &proposed, "confirm-rotation").await.is(200);
        act(&school, &rotated, "transfer").await.is(409).problem("policy_gate").violates(&["ELIG-1"]);
        school.train(&[&second], "2027-01-03").await;
        act(&school, &rotated, "transfer").await.is(200);
        let now = school.account(&account).await;
        assert_eq!((&now["state"], now.json().get("state_reason")), (&json!("active"), None));
        none_is_orphaned(&school).await;
    }

    async fn a_parent_alone_does_not_keep_an_account_from_being_orphaned(school: School) {
        let account = school.account_run_by(&[&school.staff(), &school.second_staff(), &school.parent()]).await;
        leave(&school, &school.second_staff(), "2026-01-14").await;
        assert_eq!(school.account(&account).await["state"], "handover_required");
        leave(&school, &school.staff(), "2026-01-14").await;
        assert_eq!(school.account(&account).await["state"], "suspended");
        none_is_orphaned(&school).await;
    }

    async fn each_leaver_of_an_account_is_handed_over_and_the_last_ends_it(school: School) {
        let (staff, second) = (school.staff(), school.second_staff());
        let [third, fourth, fifth] = [school.person("third", &[Role::Staff]).await, school.person("fourth", &[Role::Staff]).await, school.person("fifth", &[Role::Staff]).await];
        let account = school.account_run_by(&[&staff, &second, &third, &fourth]).await;
        leave(&school, &staff, "2026-01-14").await;
        leave(&school, &second, "2026-01-14").await;
        assert_eq!(school.handovers_of(&account).await.len(), 2);
        school.qualify(&[&fifth]).await;
        school.transferred(&account, Some(&fifth)).await;
        let between = school.account(&account).await;
        assert_eq!((&between["state"], managers(&between).len()), (&json!("handover_required"), 4), "the second leaver is still to be handed over");
        none_is_orphaned(&school).await;
        school.transferred(&account, None).await;
        let now = school.account(&account).await;
        assert_eq!((&now["state"], managers(&now).len()), (&json!("active"), 3));
        none_is_orphaned(&school).await;
    }

    async fn a_leavers_account_can_be_closed_with_all_that_hangs_on_it(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let account = school.account_run_by(&[&staff, &second]).await;
        for leaver in [&staff, &second] {
            leave(&school, leaver, "2026-01-14").await;
        }
        let [first, other] = [school.handovers_of(&account).await.remove(0), school.handovers_of(&account).await.remove(1)];
        let before = school.last_event().await;
        let closed = close(&school, &first).await.is(200);
        assert_eq!(school.happened_since(before).await, ["account.credentials_destroyed", "handover.closed", "handover.closed", "account.closed"]);
        assert_eq!((&closed["state"], &closed["outcome"]), (&json!("completed"), &json!("closed")));
        assert_eq!(it.get(other.url("")).await.is(200)["outcome"], json!("closed"));
        let account = school.account(&account).await;
        assert_eq!((&account["state"], &account["state_reason"]), (&json!("closed"), &json!("Nobody wants it.")));
        assert_eq!(it.get(credentials(&account, "")).await.is(200)["state"], "destroyed");
        close(&school, &other).await.is(409).problem("state_conflict");
        none_is_orphaned(&school).await;
    }

    async fn closing_an_account_ends_its_handovers(school: School) {
        let handover = school.handover().await;
        let it = school.it_technician();
        let account = it.get(format!("/v1/accounts/{}", handover["account_id"].as_str().unwrap())).await.is(200);
        it.post(account.url("close"), json!({ "reason": "Done." })).if_match(account.etag()).await.is(200);
        let ended = it.get(handover.url("")).await.is(200);
        assert_eq!((&ended["outcome"], &ended["completed_by"], &ended["version"]), (&json!("closed"), &json!(it.id()), &json!(2)));
        school.run_jobs().await;
        none_is_orphaned(&school).await;
    }

    async fn a_leaver_who_returns_ends_the_handover_and_the_account_is_what_it_was(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let third = school.person("third", &[Role::Staff]).await;
        let active = school.account_run_by(&[&staff, &second, &third]).await;
        let account = school.account_run_by(&[&staff, &second, &third]).await;
        let suspended = school.headteacher().post(account.url("suspend"), json!({ "reason": "A quarrel." })).if_match(account.etag()).await.is(200);
        let pending = school.pending_account().await;
        leave(&school, &staff, "2026-01-14").await;
        leave(&school, &third, "2026-01-14").await;
        let states = async || {
            let mut states = Vec::new();
            for account in [&active, &suspended, &pending] {
                states.push(school.account(account).await["state"].clone());
            }
            states
        };
        assert_eq!(states().await, ["handover_required", "handover_required", "pending_activation"]);
        assert!(school.account(&suspended).await.json().get("state_reason").is_none());
        let waiting = school.account(&pending).await;
        assert_eq!(waiting["allowed_actions"], json!(["edit", "change_managers", "close"]));
        it.post(pending.url("activate"), json!({})).if_match(waiting.etag()).await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        none_is_orphaned(&school).await;
        let back = async |who: &Caller<'_>| {
            let person = it.get(who.url("")).await.is(200);
            it.post(who.url("rejoin"), json!({})).if_match(person.etag()).await.is(200);
        };
        back(&staff).await;
        assert_eq!(states().await, ["handover_required", "handover_required", "pending_activation"], "the other one is still gone");
        assert_eq!(school.handovers_of(&pending).await.len(), 0);
        back(&third).await;
        assert_eq!(states().await, ["active", "suspended", "pending_activation"]);
        assert_eq!(school.account(&suspended).await["state_reason"], "A quarrel.");
        let ended = it.get(format!("{HANDOVERS}?state=completed")).await.is(200);
        assert!(ended.items().len() == 5 && ended.each("outcome").into_iter().all(|outcome| outcome == "leaver_returned"), "{ended}");
        none_is_orphaned(&school).await;
        // And leaves again.
        leave(&school, &staff, "2026-01-14").await;
        assert_eq!(school.handovers_of(&active).await.len(), 1);
        none_is_orphaned(&school).await;
    }

    async fn a_leaver_stays_on_the_account_until_the_handover(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let [third, fourth] = [school.person("third", &[Role::Staff]).await, school.person("fourth", &[Role::Staff]).await];
        school.qualify(&[&third, &fourth]).await;
        let account = school.account_run_by(&[&staff, &second]).await;
        leave(&school, &staff, "2026-01-14").await;
        let change = async |team: &[(&Caller<'_>, bool)]| {
            let managers: Vec<Value> = team.iter().map(|(who, lead)| json!({ "person_id": who.id(), "lead": lead })).collect();
            let now = school.account(&account).await;
            it.post(account.url("change-managers"), json!({ "managers": managers })).if_match(now.etag()).await
        };
        change(&[(&second, true), (&third, false)]).await.is(409).problem("policy_gate").violates(&["R-IT-4"]);
        change(&[(&staff, true), (&second, false)]).await.is(422).violates(&["BC-4"]);
        change(&[(&staff, true), (&second, false), (&third, false)]).await.is(200);
        leave(&school, &fourth, "2026-01-14").await;
        change(&[(&staff, true), (&second, false), (&third, false), (&fourth, false)]).await.is(422).violates(&["BC-4"]);
        none_is_orphaned(&school).await;
        // Before the job has seen the day, too.
        leave(&school, &third, "2026-01-20").await;
        school.clock_at("2026-01-20T00:00:00Z");
        change(&[(&staff, true), (&second, false)]).await.is(409).violates(&["R-IT-4"]);
        // The role of somebody who has left can be taken; that of who is still needed cannot.
        it.post(staff.url("revoke-role"), json!({ "role": "staff" })).await.is(200);
        it.post(second.url("revoke-role"), json!({ "role": "staff" })).await.is(409).violates(&["BC-4"]);
    }

    async fn an_account_that_is_suspended_meanwhile_stays_so(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let third = school.person("third", &[Role::Staff]).await;
        let account = school.account_run_by(&[&staff, &second, &third]).await;
        leave(&school, &staff, "2026-01-14").await;
        let now = school.account(&account).await;
        school.headteacher().post(account.url("suspend"), json!({ "reason": "A quarrel." })).if_match(now.etag()).await.is(200);
        leave(&school, &third, "2026-01-14").await;
        assert_eq!(school.account(&account).await["state"], "suspended");
        let back = it.get(third.url("")).await.is(200);
        it.post(third.url("rejoin"), json!({})).if_match(back.etag()).await.is(200);
        school.transferred(&account, Some(&second)).await;
        let now = school.account(&account).await;
        assert_eq!((&now["state"], &now["state_reason"]), (&json!("suspended"), &json!("A quarrel.")));
        it.post(account.url("resume"), json!({})).if_match(now.etag()).await.is(200);
    }

    async fn handovers_are_seen_by_head_it_and_dpo_and_by_those_who_run_the_account(school: School) {
        let (one, two) = (school.handover().await, school.handover().await);
        for caller in [school.headteacher(), school.it_technician(), school.dpo()] {
            assert_eq!(caller.get(HANDOVERS).await.is(200).each("id"), [&one["id"], &two["id"]]);
        }
        assert_eq!(school.staff().get(HANDOVERS).await.is(200).items().len(), 2);
        for caller in [school.leadership(), school.parent(), school.volunteer(), school.dsl(), school.person("somebody", &[Role::Staff]).await] {
            assert_eq!(caller.get(HANDOVERS).await.is(200)["items"], json!([]));
            caller.get(one.url("")).await.is(404).problem("not_found");
        }
        for caller in [school.pupil(), school.service(), school.chair()] {
            caller.get(HANDOVERS).await.is(403);
        }
        let it = school.it_technician();
        let found = async |query: &str| it.get(format!("{HANDOVERS}?{query}")).await.is(200).each("id").into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(found(&format!("account_id={}", two["account_id"].as_str().unwrap())).await, [two["id"].clone()]);
        school.clock_at("2026-01-14T11:00:00Z");
        propose(&school, &one, &school.staff()).await.is(200);
        assert_eq!(found("updated_since=2026-01-14T11:00:00Z").await, [one["id"].clone()]);
        assert_eq!(found("state=lead_proposed").await, [one["id"].clone()]);
        assert_eq!(found("state=open&state=lead_proposed").await.len(), 2);
        let first = it.get(format!("{HANDOVERS}?limit=1")).await.is(200);
        let next = it.get(first.header("link").split(['<', '>']).nth(1).unwrap()).await.is(200);
        assert_eq!((first.each("id"), next.each("id"), next.json().get("next_cursor")), (vec![&one["id"]], vec![&two["id"]], None));
    }

    async fn whoever_comes_and_goes_no_account_is_orphaned(school: School) {
        let it = school.it_technician();
        let staff = [
            school.staff(), school.second_staff(), school.person("third", &[Role::Staff]).await, school.person("fourth", &[Role::Staff]).await,
            school.person("fifth", &[Role::Staff]).await,
        ];
        let [one, two, three, four, five] = &staff;
        let accounts = [
            school.account_run_by(&[one, two]).await, school.account_run_by(&[three, two, four]).await,
            school.account_run_by(&[five, one, three, four]).await,
        ];
        // A walk that is the same each time, and long enough to meet each move in many a state.
        let mut dice = 20_260_114_u64;
        let mut roll = |sides: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(dice >> 33).unwrap() % sides
        };
        let mut ends = HashSet::new();
        for day in 15..28 {
            school.clock_at(&format!("2026-01-{day}T10:00:00Z"));
            school.run_jobs().await;
            none_is_orphaned(&school).await;
            for _ in 0..4 {
                let who = &staff[roll(staff.len())];
                let person = it.get(who.url("")).await.is(200);
                if person.json().get("left_on").is_some() && roll(2) == 0 {
                    it.post(who.url("rejoin"), json!({})).if_match(person.etag()).await.is(200);
                } else if person.json().get("left_on").is_none() {
                    let on = format!("2026-01-{}", day + roll(3));
                    it.post(who.url("leave"), json!({ "left_on": on })).if_match(person.etag()).await.is(200);
                }
                none_is_orphaned(&school).await;
                let account = &accounts[roll(accounts.len())];
                let Some(handover) = school.handovers_of(account).await.into_iter().next() else { continue };
                // Whether it is refused or not.
                let proposed = propose(&school, &handover, &staff[roll(staff.len())]).await;
                it.post(credentials(account, ""), whole()).await.is(201);
                let step = if proposed.status == 200 { proposed } else { handover };
                let step = act(&school, &step, if step["state"] == "credentials_rotated" { "transfer" } else { "confirm-rotation" }).await;
                ends.insert((step.status.as_u16(), step["state"].to_string()));
                none_is_orphaned(&school).await;
            }
        }
        assert!(ends.contains(&(200, "\"completed\"".into())) && ends.len() > 2, "{ends:?}");
    }
}
