//! Invitations: whoever holds the latest link chooses the password, once.

use reqwest::Method;
use serde_json::json;

use crate::people::{PEOPLE, new_person};
use crate::support::caller::{Caller, Reply, Request};
use crate::support::program::{said, weald};
use crate::support::{School, on_both_engines};

const PASSWORD: &str = "four tall trees in june";
const NEXT_PASSWORD: &str = "five tall trees in july";

/// The address of the member of staff with whose invitation the tests deal.
const ADDRESS: &str = "staff@weald.example";

fn invite<'s>(by: &Caller<'s>, who: &Caller<'_>) -> Request<'s> {
    by.post(who.url("invite"), json!({}))
}

impl School {
    /// An invitation of the member of staff.
    async fn invitation(&self) -> Reply {
        invite(&self.it_technician(), &self.staff()).await.is(201)
    }

    /// What whoever holds the link sends.
    fn accept(&self, invitation: &Reply, password: &str) -> Request<'_> {
        let (_, token) = invitation["url"].as_str().unwrap().split_once('#').unwrap();
        self.anonymous().post("/v1/invitations/accept", json!({ "token": token, "password": password }))
    }
}

on_both_engines! {
    async fn whoever_is_invited_chooses_a_password_and_logs_in_with_it(school: School) {
        let invitation = school.invitation().await;
        school.accept(&invitation, PASSWORD).await.is(204);
        let login = school.log_in(ADDRESS, PASSWORD).await.is(200);
        school.bearer(login["access_token"].as_str().unwrap()).get(school.staff().url("")).await.is(200);
    }

    async fn an_invitation_is_accepted_once(school: School) {
        let invitation = school.invitation().await;
        school.accept(&invitation, PASSWORD).await.is(204);
        school.accept(&invitation, PASSWORD).await.is(404).problem("not_found");
    }

    async fn an_invitation_ends_the_one_before(school: School) {
        let (first, second) = (school.invitation().await, school.invitation().await);
        school.accept(&first, PASSWORD).await.is(404).problem("not_found");
        school.accept(&second, PASSWORD).await.is(204);
    }

    async fn an_invitation_ends_after_seven_days(school: School) {
        let invitation = school.invitation().await;
        school.clock_at("2026-01-21T09:59:59Z");
        school.accept(&invitation, "short").await.is(422);
        school.clock_at("2026-01-21T10:00:00Z");
        school.accept(&invitation, PASSWORD).await.is(404).problem("not_found");
    }

    async fn a_password_that_is_too_short_or_too_common_is_refused_and_another_can_be_chosen(school: School) {
        let invitation = school.invitation().await;
        for (password, why) in [("short", "too_short"), ("password1", "too_common")] {
            school.accept(&invitation, password).await.is(422).points_at(&[("/password", why)]);
        }
        school.accept(&invitation, PASSWORD).await.is(204);
    }

    async fn a_new_password_ends_the_old_one_and_the_sessions(school: School) {
        let staff = school.staff();
        let first = school.invitation().await;
        school.accept(&first, PASSWORD).await.is(204);
        let login = school.log_in(ADDRESS, PASSWORD).await.is(200);
        let second = school.invitation().await;
        school.accept(&second, NEXT_PASSWORD).await.is(204);
        school.bearer(login["access_token"].as_str().unwrap()).get(staff.url("")).await.is(401);
        assert_eq!(school.log_in(ADDRESS, PASSWORD).await.is(400)["error"], "invalid_grant");
        school.log_in(ADDRESS, NEXT_PASSWORD).await.is(200);
    }

    async fn an_invitation_is_asked_for_with_or_without_a_body(school: School) {
        let it = school.it_technician();
        it.post(school.staff().url("invite"), json!({})).await.is(201);
        it.send(Method::POST, school.staff().url("invite")).await.is(201);
    }

    async fn an_invitation_is_shown_once(school: School) {
        let again = || invite(&school.it_technician(), &school.staff()).idempotency_key("k1");
        again().await.is(201);
        again().await.is(409).problem("answer_shown_once");
    }

    async fn who_has_no_address_is_not_invited(school: School) {
        let it = school.it_technician();
        let jo = it.post(PEOPLE, new_person(json!({}))).await.is(201);
        it.post(jo.url("invite"), json!({})).await.is(409).problem("state_conflict");
    }

    async fn who_holds_a_privileged_role_is_invited_by_the_headteacher_or_the_chair(school: School) {
        invite(&school.it_technician(), &school.headteacher()).await.is(403).problem("forbidden");
        invite(&school.chair(), &school.headteacher()).await.is(201);
        invite(&school.headteacher(), &school.dsl()).await.is(201);
    }

    async fn nobody_but_a_chair_gets_in_as_the_chair_whom_reports_about_the_headteacher_go_to(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        invite(&head, &chair).await.is(403).problem("forbidden");
        let version = chair.get(chair.url("")).await.is(200);
        assert!(!head.get(chair.url("")).await.is(200)["allowed_actions"].as_array().unwrap().contains(&json!("invite")));
        head.patch(chair.url(""), json!({ "email": "head@weald.example" })).if_match(version.etag()).await.is(403).problem("forbidden");
        head.post(chair.url("leave"), json!({ "left_on": "2026-01-14" })).if_match(version.etag()).await.is(403).problem("forbidden");
        invite(&chair, &chair).await.is(201);
        let invited = weald(&school, &["person", "invite", "--school", &school.id.to_string(), &chair.id().to_string()]).output().unwrap();
        let text = said(&invited);
        let token = text.split("invitation ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        let acceptance = json!({ "token": token, "password": PASSWORD });
        // The program's clock is not the tests'.
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        school.anonymous().post("/v1/invitations/accept", acceptance).await.is(204);
    }

    async fn the_escalation_contact_is_guarded_as_the_chair_is(school: School) {
        let (head, chair, governor) = (school.headteacher(), school.chair(), school.governor());
        let url = format!("/v1/schools/{}", school.id);
        let tag = head.get(&url).await.is(200).etag().to_owned();
        head.post(format!("{url}/name-escalation-contact"), json!({ "person_id": governor.id() })).if_match(tag).await.is(200);
        let contact = head.get(governor.url("")).await.is(200);
        for caller in [&head, &school.it_technician()] {
            invite(caller, &governor).await.is(403).problem("forbidden");
            caller.patch(governor.url(""), json!({ "email": "me@weald.example" })).if_match(contact.etag()).await.is(403).problem("forbidden");
            caller.post(governor.url("leave"), json!({ "left_on": "2026-01-14" })).if_match(contact.etag()).await.is(403).problem("forbidden");
            caller.post(governor.url("revoke-role"), json!({ "role": "governor" })).await.is(403).problem("forbidden");
        }
        invite(&chair, &governor).await.is(201);
    }

    async fn nobody_takes_the_role_away_that_keeps_them_out(school: School) {
        let (head, it, deputy, chair) = (school.headteacher(), school.it_technician(), school.leadership(), school.chair());
        let (leads, chairs) = (json!({ "role": "leadership_team" }), json!({ "role": "chair_of_governors" }));
        it.post(deputy.url("revoke-role"), &leads).await.is(403).problem("forbidden");
        head.post(chair.url("revoke-role"), &chairs).await.is(403).problem("forbidden");
        head.post(deputy.url("revoke-role"), &leads).await.is(200);
        let next = school.person("next", &[weald::policy::roles::Role::ChairOfGovernors]).await;
        next.post(chair.url("revoke-role"), &chairs).await.is(200);
    }

    async fn links_that_somebody_made_end_when_they_leave_and_those_to_a_plain_governor_when_more_is_theirs(school: School) {
        let (head, it) = (school.headteacher(), school.it_technician());
        let token = |invited: &Reply| json!({ "token": invited["url"].as_str().unwrap().split_once('#').unwrap().1, "password": PASSWORD });
        let (staff, governor) = (invite(&it, &school.staff()).await.is(201), invite(&it, &school.governor()).await.is(201));
        let url = format!("/v1/schools/{}", school.id);
        let tag = head.get(&url).await.is(200).etag().to_owned();
        head.post(format!("{url}/name-escalation-contact"), json!({ "person_id": school.governor().id() })).if_match(tag).await.is(200);
        school.anonymous().post("/v1/invitations/accept", token(&governor)).await.is(404);
        let version = head.get(it.url("")).await.is(200);
        head.post(it.url("leave"), json!({ "left_on": "2026-01-14" })).if_match(version.etag()).await.is(200);
        school.anonymous().post("/v1/invitations/accept", token(&staff)).await.is(404);
    }

    async fn nobody_is_given_the_address_of_somebody_guarded(school: School) {
        let (head, it) = (school.headteacher(), school.it_technician());
        let address = head.get(head.url("")).await.is(200)["email"].clone();
        it.post(PEOPLE, new_person(json!({ "email": address }))).await.is(409).points_at(&[("/email", "taken")]);
        let version = it.get(school.staff().url("")).await.is(200);
        it.patch(school.staff().url(""), json!({ "email": address })).if_match(version.etag()).await.is(409).points_at(&[("/email", "taken")]);
    }

    async fn a_privileged_role_ends_the_invitation_that_was_made_before_it(school: School) {
        let invitation = school.invitation().await;
        school.headteacher().post(school.staff().url("grant-role"), json!({ "role": "dsl" })).await.is(200);
        school.accept(&invitation, PASSWORD).await.is(404).problem("not_found");
    }

    async fn one_address_logs_in_to_one_school(school: School) {
        let other = school.other_school().await;
        let (ours, theirs) = (school.invitation().await, other.invitation().await);
        school.accept(&ours, PASSWORD).await.is(204);
        other.accept(&theirs, NEXT_PASSWORD).await.is(409).problem("already_exists");
        school.log_in(ADDRESS, PASSWORD).await.is(200);
    }
}
