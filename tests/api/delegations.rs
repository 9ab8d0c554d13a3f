//! Delegations of the headteacher's duties (A10, A25): whose they are, when, and how far they go.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::people::{PEOPLE, new_person};
use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines};

const DELEGATIONS: &str = "/v1/delegations";
/// First and last day, which is not yet over when the tests begin.
const THIS_WEEK: &str = "2026-01-14/2026-01-20";
const NEXT_MONTH: &str = "2026-02-14/2026-02-20";

fn new_delegation(delegate: &Value, days: &str) -> Value {
    let (starts_on, ends_on) = days.split_once('/').unwrap();
    json!({ "delegate_id": delegate, "starts_on": starts_on, "ends_on": ends_on, "reason": "Away" })
}

fn delegate<'s>(by: &Caller<'s>, to: &Caller<'_>, days: &str) -> Request<'s> {
    by.post(DELEGATIONS, new_delegation(&json!(to.id()), days))
}

impl School {
    /// What the headteacher has delegated to somebody of the leadership team.
    async fn delegated(&self, days: &str) -> Reply {
        delegate(&self.headteacher(), &self.leadership(), days).await.is(201)
    }

    async fn second_leader(&self) -> Caller<'_> {
        self.person("second_leader", &[Role::LeadershipTeam]).await
    }
}

on_both_engines! {
    async fn the_headteacher_or_the_chair_delegates(school: School) {
        delegate(&school.it_technician(), &school.leadership(), THIS_WEEK).await.is(403).problem("forbidden");
        for by in [school.headteacher(), school.chair()] {
            let granted = delegate(&by, &school.leadership(), THIS_WEEK).await.is(201);
            assert_eq!((&granted["granted_by"], &granted["allowed_actions"]), (&json!(by.id()), &json!(["revoke"])));
        }
    }

    async fn nobody_delegates_to_themselves(school: School) {
        let head = school.headteacher();
        delegate(&head, &head, THIS_WEEK).await.is(403).problem("conflict_of_interest").violates(&["R-HT-5"]);
    }

    async fn the_delegate_is_of_the_leadership_team(school: School) {
        delegate(&school.headteacher(), &school.staff(), THIS_WEEK).await.is(422).problem("policy_refused").violates(&["R-HT-5"]);
    }

    async fn the_delegate_is_somebody_of_the_school(school: School) {
        let nobody = new_delegation(&json!(Uuid::now_v7()), THIS_WEEK);
        school.headteacher().post(DELEGATIONS, nobody).await.is(422).points_at(&[("/delegate_id", "unknown")]);
    }

    async fn a_delegation_ends_neither_before_it_begins_nor_in_the_past(school: School) {
        let refused = delegate(&school.headteacher(), &school.leadership(), "2026-01-14/2026-01-13").await.is(422);
        refused.points_at(&[("/ends_on", "before_start"), ("/ends_on", "past")]);
    }

    async fn a_delegation_is_in_force_from_its_first_day_to_its_last(school: School) {
        assert_eq!(school.delegated(THIS_WEEK).await["state"], "active");
        let later = school.delegated(NEXT_MONTH).await;
        assert_eq!(later["state"], "upcoming");
        for (time, state) in [("2026-02-14T00:00:00Z", "active"), ("2026-02-20T23:59:59Z", "active"), ("2026-02-21T00:00:00Z", "ended")] {
            school.clock_at(time);
            assert_eq!(school.headteacher().get(later.url("")).await["state"], state, "{time}");
        }
    }

    async fn a_delegate_sees_everyone_with_all_details(school: School) {
        let people = async || school.leadership().get(PEOPLE).await.is(200);
        let with_address = |seen: &Reply| seen.items().iter().filter(|one| one["email"].is_string()).count();
        assert_eq!(with_address(&people().await), 1, "their own");
        school.delegated(THIS_WEEK).await;
        let seen = people().await;
        assert_eq!((with_address(&seen), seen.items().len()), (13, 13), "one for each role and the second member of staff");
    }

    async fn a_delegate_creates_people_but_grants_no_role(school: School) {
        school.delegated(THIS_WEEK).await;
        school.leadership().post(PEOPLE, new_person(json!({}))).await.is(201);
        school.leadership().post(PEOPLE, new_person(json!({ "roles": ["staff"] }))).await.is(403).problem("forbidden");
    }

    async fn a_delegate_invites_people_but_nobody_with_a_privileged_role(school: School) {
        school.delegated(THIS_WEEK).await;
        let invite = |url: String| school.leadership().post(url, json!({}));
        invite(school.staff().url("invite")).await.is(201);
        invite(school.headteacher().url("invite")).await.is(403).problem("forbidden");
        let without_address = school.leadership().post(PEOPLE, new_person(json!({}))).await.is(201);
        invite(without_address.url("invite")).await.is(409).problem("state_conflict");
    }

    async fn a_delegate_does_not_pass_it_on(school: School) {
        school.delegated(THIS_WEEK).await;
        for to in [school.leadership(), school.second_leader().await] {
            delegate(&school.leadership(), &to, THIS_WEEK).await.is(403).problem("forbidden");
        }
    }

    async fn a_delegate_sees_every_delegation(school: School) {
        let own = school.delegated(THIS_WEEK).await;
        let other = delegate(&school.chair(), &school.second_leader().await, NEXT_MONTH).await.is(201);
        assert_eq!(school.leadership().get(DELEGATIONS).await.is(200).each("id"), [&own["id"], &other["id"]]);
        for delegation in [own, other] {
            school.leadership().get(delegation.url("")).await.is(200);
        }
    }

    async fn before_the_first_day_the_leadership_team_sees_the_delegations_to_themselves(school: School) {
        let (later, other) = (school.delegated(NEXT_MONTH).await, school.second_leader().await);
        assert_eq!(school.leadership().get(DELEGATIONS).await.is(200).each("id"), [&later["id"]]);
        school.leadership().get(later.url("")).await.is(200);
        assert_eq!(other.get(DELEGATIONS).await.is(200)["items"], json!([]));
        other.get(later.url("")).await.is(404).problem("not_found");
    }

    async fn a_delegation_of_another_school_does_not_exist(school: School) {
        let delegation = school.delegated(NEXT_MONTH).await;
        school.other_school().await.headteacher().get(delegation.url("")).await.is(404).problem("not_found");
    }

    async fn delegations_are_listed_by_delegate_and_page_by_page(school: School) {
        let (head, leadership) = (school.headteacher(), school.leadership());
        delegate(&head, &school.second_leader().await, THIS_WEEK).await.is(201);
        let (first, second) = (school.delegated(THIS_WEEK).await, school.delegated(NEXT_MONTH).await);
        let list = async |more: &str| head.get(format!("{DELEGATIONS}?limit=1&delegate_id={}{more}", leadership.id())).await.is(200);
        let page = list("").await;
        assert_eq!(page.each("id"), [&first["id"]]);
        assert!(page.header("link").contains("rel=\"next\""), "{page}");
        let next = list(&format!("&cursor={}", page["next_cursor"].as_str().unwrap())).await;
        assert_eq!((next.each("id"), next.header("link")), (vec![&second["id"]], ""));
    }

    async fn a_revocation_is_bound_to_the_version_that_was_read(school: School) {
        let granted = school.delegated(THIS_WEEK).await;
        let revoke = || school.headteacher().send(Method::POST, granted.url("revoke"));
        revoke().await.is(428);
        revoke().if_match("\"2\"").await.is(412);
        revoke().if_match(granted.etag()).await.is(200);
    }

    async fn a_delegation_is_revoked_once(school: School) {
        let granted = school.delegated(THIS_WEEK).await;
        let revoke = |etag: &str| school.headteacher().post(granted.url("revoke"), json!({})).if_match(etag);
        let revoked = revoke(granted.etag()).await.is(200);
        assert_eq!((&revoked["state"], &revoked["allowed_actions"]), (&json!("revoked"), &json!([])));
        revoke(revoked.etag()).await.is(409).problem("state_conflict");
    }

    async fn a_revoked_delegation_is_gone_with_the_delegates_next_request(school: School) {
        let granted = school.delegated(THIS_WEEK).await;
        let create = || school.leadership().post(PEOPLE, new_person(json!({})));
        create().await.is(201);
        school.headteacher().post(granted.url("revoke"), json!({})).if_match(granted.etag()).await.is(200);
        create().await.is(403).problem("forbidden");
    }
}
