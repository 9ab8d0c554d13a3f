//! Webhooks: what is delivered to whom, signed how, in which order, how often, and where never.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};
use weald::access::sessions::Holder;
use weald::db::schema::{event_heads, events, service_accounts, webhook_deliveries, webhook_secrets};
use weald::db::types::{EventId, SubjectId};
use weald::policy::roles::Role;
use weald::webhooks::run_once;

use crate::durability;
use crate::support::caller::{Caller, Reply, Request};
use crate::support::program::{Program, said, weald};
use crate::support::receiver::{Answer, Received, Receiver};
use crate::support::{NOW, School, at, on_both_engines};

const ENDPOINTS: &str = "/v1/webhook-endpoints";

impl<'s> Caller<'s> {
    pub fn new_endpoint(&self, url: &str, types: &[&str]) -> Request<'s> {
        self.post(ENDPOINTS, json!({ "url": url, "types": types }))
    }
}

impl School {
    /// Delivers what is due at the school's time.
    async fn deliver(&self) -> usize {
        run_once(self.state()).await.unwrap()
    }

    async fn commented(&self, account: &Value) -> Value {
        let body = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
        self.service().post("/v1/comments", body).await.is(201)["id"].clone()
    }

    /// How the endpoint is now.
    async fn endpoint(&self, endpoint: &Reply) -> Reply {
        self.headteacher().get(one(endpoint)).await.is(200)
    }

    async fn deliveries(&self, caller: &Caller<'_>, endpoint: &Reply) -> Reply {
        caller.get(format!("{}/deliveries?limit=200", one(endpoint))).await.is(200)
    }

    /// An action on the endpoint as it is now.
    async fn act(&self, caller: &Caller<'_>, endpoint: &Reply, action: &str) -> Reply {
        let now = self.endpoint(endpoint).await;
        caller.post(format!("{}/{action}", one(endpoint)), json!({})).if_match(now.etag()).await
    }

    fn after_seconds(&self, seconds: i64) {
        self.state().clock.set(at(NOW) + chrono::Duration::seconds(seconds));
    }
}

fn one(endpoint: &Reply) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap())
}

fn subjects(received: &[Received]) -> Vec<Value> {
    received.iter().map(|one| one.event()["subject"].clone()).collect()
}

on_both_engines! {
    async fn an_endpoint_is_made_shown_changed_and_its_secret_is_told_once(school: School) {
        let it = school.it_technician();
        let body = json!({ "url": "https://hooks.example/weald?key=secret-of-the-url", "types": ["comment.logged", "comment.closed"] });
        let made = it.post(ENDPOINTS, &body).idempotency_key("once").await.is(201);
        it.post(ENDPOINTS, &body).idempotency_key("once").await.is(409).problem("answer_shown_once");
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!((&made["types"], &made["person_id"]), (&json!(["comment.closed", "comment.logged"]), &json!(it.id())));
        for url in [one(&made), ENDPOINTS.to_owned()] {
            assert!(!it.get(url).await.is(200).text.contains("whsec_"));
        }
        let changed = it.patch(one(&made), json!({ "types": [], "description": "MIS" })).if_match(made.etag()).await.is(200);
        assert_eq!((&changed["types"], &changed["description"]), (&json!([]), &json!("MIS")));
        let changed = it.patch(one(&made), json!({ "description": null })).if_match(changed.etag()).await.is(200);
        assert_eq!(changed.json().get("description"), None);
        let off = it.post(made.url("disable"), json!({})).if_match(changed.etag()).await.is(200);
        assert_eq!((&off["state"], &off["disabled_reason"]), (&json!("disabled"), &json!("requested")));
        it.post(made.url("disable"), json!({})).if_match(off.etag()).await.is(409).problem("state_conflict");
        it.post(made.url("replay"), json!({ "since": NOW })).await.is(409).problem("state_conflict");
        it.post(made.url("enable"), json!({})).if_match(off.etag()).await.is(200);
        let feed = school.headteacher().get("/v1/events?subject_type=webhook_endpoint").await.is(200);
        let told: Vec<_> = feed.each("type").into_iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(told, ["webhook_endpoint.created", "webhook_endpoint.changed", "webhook_endpoint.changed", "webhook_endpoint.disabled", "webhook_endpoint.enabled"]);
        assert!(!feed.text.contains("whsec_") && !feed.text.contains("hooks.example"), "{feed}");
        school.staff().get(ENDPOINTS).await.is(403);
        let sealed: Vec<Vec<u8>> = school.read(|conn| webhook_secrets::table.select(webhook_secrets::sealed_content).load(conn)).await;
        assert!(!String::from_utf8_lossy(&sealed[0]).contains("whsec_"));
    }

    async fn what_is_wrong_with_an_endpoint_is_said_at_once(school: School) {
        let wrong = json!({ "url": "ftp://hooks.example", "types": ["comment.logged", "no.such"] });
        school.headteacher().post(ENDPOINTS, wrong).await.is(422);
        let wrong = json!({ "url": "http://hooks.example", "types": ["comment.logged", "no.such"] });
        school.headteacher().post(ENDPOINTS, wrong).await.is(422).points_at(&[("/url", "not_https"), ("/types/1", "unknown")]);
    }

    async fn there_is_room_for_so_many_endpoints_and_no_more(school: School) {
        let head = school.headteacher();
        for _ in 0..50 {
            head.new_endpoint("https://hooks.example/", &[]).await.is(201);
        }
        head.new_endpoint("https://hooks.example/", &[]).await.is(409).problem("in_use");
        let one = head.get(ENDPOINTS).await.items()[0]["id"].clone();
        head.post(format!("{ENDPOINTS}/{}/disable", one.as_str().unwrap()), json!({})).if_match("\"1\"").await.is(200);
        head.new_endpoint("https://hooks.example/", &[]).await.is(201);
    }

    async fn nobody_but_the_owner_does_more_than_stop_it(school: School) {
        let (head, it) = (school.headteacher(), school.it_technician());
        let made = head.new_endpoint("https://hooks.example/", &[]).await.is(201);
        it.patch(one(&made), json!({ "url": "https://elsewhere.example/" })).if_match(made.etag()).await.is(403).problem("forbidden");
        for action in ["rotate-secret", "enable"] {
            it.post(made.url(action), json!({})).if_match(made.etag()).await.is(403);
        }
        it.post(made.url("replay"), json!({ "since": NOW })).await.is(403);
        assert_eq!(it.get(one(&made)).await.is(200)["allowed_actions"], json!(["disable"]));
        it.post(made.url("disable"), json!({})).if_match(made.etag()).await.is(200);
    }

    async fn a_delivery_is_the_event_of_the_feed_signed(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        let id = school.commented(&account).await;
        assert_eq!(school.deliver().await, 1);
        let [got] = &receiver.all()[..] else { panic!("one") };
        let feed = school.service().get(format!("/v1/events?subject_id={}", id.as_str().unwrap())).await.is(200);
        assert_eq!(got.event(), feed.items()[0]);
        assert_eq!(got.signed_with(&made["secret"]), 1);
        assert_eq!((&got.headers["webhook-id"], &got.headers["content-type"]), (&got.event()["id"].as_str().unwrap().to_owned(), &"application/cloudevents+json".to_owned()));
        assert_eq!(got.headers["webhook-timestamp"], school.now().timestamp().to_string());
        let head = weald::events::chain::Head::read(&got.headers["weald-event-head"], &school.state().tokens).expect("a head of ours");
        assert_eq!(head.school, school.id);
        let [listed] = &school.deliveries(&school.service(), &made).await.items().to_vec()[..] else { panic!("one") };
        assert_eq!((&listed["state"], &listed["attempts"], &listed["event_id"], &listed["last_status"]), (&json!("delivered"), &json!(1), &got.event()["id"], &json!(204)));
        assert_eq!(school.deliver().await, 0, "once");
    }

    async fn the_head_of_the_log_goes_to_those_alone_who_may_keep_it(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        school.headteacher().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.commented(&account).await;
        school.deliver().await;
        assert!(!receiver.next().await.headers.contains_key("weald-event-head"));
    }

    async fn two_secrets_sign_for_a_day_after_a_rotation_and_never_three(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let (head, made) = (school.headteacher(), school.headteacher().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201));
        let second = school.act(&head, &made, "rotate-secret").await.is(200);
        assert_eq!(second["previous_secret_expires_at"], "2026-01-15T10:00:00Z");
        school.commented(&account).await;
        school.deliver().await;
        let got = receiver.next().await;
        assert_eq!((got.signed_with(&made["secret"]), got.signed_with(&second["secret"])), (1, 1));
        let third = school.act(&head, &made, "rotate-secret").await.is(200);
        school.commented(&account).await;
        school.deliver().await;
        let got = receiver.next().await;
        assert_eq!([&made, &second, &third].map(|secret| got.signed_with(&secret["secret"])), [0, 1, 1]);
        school.clock_at("2026-01-15T10:00:00Z");
        school.commented(&account).await;
        school.deliver().await;
        let got = receiver.next().await;
        assert_eq!([&second, &third].map(|secret| got.signed_with(&secret["secret"])), [0, 1]);
        assert!(school.endpoint(&made).await.json().get("previous_secret_expires_at").is_none());
    }

    async fn a_receiver_that_fails_is_tried_by_the_schedule_and_then_given_up_and_the_it_technician_told(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let (service, made) = (school.service(), school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201));
        receiver.answers(|_| Answer::Status(503));
        let id = school.commented(&account).await;
        school.deliver().await;
        let mut seen = vec![receiver.next().await];
        for pause in [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400] {
            let listed = school.deliveries(&service, &made).await.items()[0].clone();
            assert_eq!((&listed["state"], &listed["last_error"], &listed["last_status"]), (&json!("pending"), &json!("not_accepted"), &json!(503)));
            let (now, next) = (school.now(), at(listed["next_attempt_at"].as_str().unwrap()));
            let waited = (next - now).num_milliseconds();
            assert!((pause * 1000..=pause * 1100).contains(&waited), "{pause} s, but {waited} ms");
            school.state().clock.set(next + -chrono::Duration::milliseconds(1));
            school.deliver().await;
            assert!(receiver.all().is_empty(), "too soon");
            school.state().clock.set(next);
            school.deliver().await;
            seen.push(receiver.next().await);
        }
        let ids: HashSet<&String> = seen.iter().map(|one| &one.headers["webhook-id"]).collect();
        assert_eq!((seen.len(), ids.len()), (10, 1));
        assert!(seen.iter().all(|one| one.signed_with(&made["secret"]) == 1));
        let off = school.endpoint(&made).await;
        assert_eq!((&off["state"], &off["disabled_reason"]), (&json!("disabled"), &json!("deliveries_failed")));
        assert_eq!(school.deliveries(&service, &made).await.each("state"), [&json!("failed")]);
        let told = school.it_technician().get("/v1/notifications").await.is(200);
        assert!(told.items().iter().any(|one| one["type"] == "webhook_endpoint.disabled" || one["event_type"] == "webhook_endpoint.disabled"), "{told}");
        let later = school.commented(&account).await;
        school.deliver().await;
        assert!(receiver.all().is_empty(), "disabled");
        receiver.answers(|_| Answer::Status(200));
        school.act(&service, &made, "enable").await.is(200);
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), [id, later], "nothing is lost");
    }

    async fn a_receiver_that_says_gone_is_left_alone_at_once(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        receiver.answers(|_| Answer::Status(410));
        school.commented(&account).await;
        school.deliver().await;
        assert_eq!(receiver.all().len(), 1);
        let off = school.endpoint(&made).await;
        assert_eq!((&off["state"], &off["disabled_reason"]), (&json!("disabled"), &json!("receiver_gone")));
        assert_eq!(school.it_technician().get("/v1/notifications").await.items().len(), 1);
    }

    async fn bad_receivers_hurt_nobody_and_are_told_apart(school: School) {
        let account = school.active_account().await.json().clone();
        let (mut good, elsewhere) = (Receiver::new().await, Receiver::new().await);
        let behaviours = [
            (Answer::Nothing, "pending", Some("timed_out")),
            (Answer::Redirect(elsewhere.url.clone()), "pending", Some("redirected")),
            (Answer::Status(404), "pending", Some("not_accepted")),
            (Answer::Short, "delivered", None),
            (Answer::Endless, "delivered", None),
        ];
        let (service, mut bad) = (school.service(), Vec::new());
        for (answer, ..) in &behaviours {
            let (receiver, answer) = (Receiver::new().await, answer.clone());
            receiver.answers(move |_| answer.clone());
            bad.push((service.new_endpoint(&receiver.url, &["comment.logged"]).await.is(201), receiver));
        }
        let nobody = service.new_endpoint("http://127.0.0.1:9/", &["comment.logged"]).await.is(201);
        service.new_endpoint(&good.url, &["comment.logged"]).await.is(201);
        let id = school.commented(&account).await;
        let began = std::time::Instant::now();
        let (_, first) = tokio::join!(school.deliver(), async { (good.next().await, began.elapsed()) });
        assert_eq!(subjects(&[first.0]), [id]);
        assert!(first.1.as_secs() < 10, "it did not wait for the others");
        assert!(began.elapsed().as_secs() < 25, "a delivery takes 15 seconds at the most");
        for ((endpoint, _), (answer, state, error)) in bad.iter().zip(&behaviours) {
            let listed = school.deliveries(&service, endpoint).await.items()[0].clone();
            assert_eq!((listed["state"].as_str().unwrap(), listed["last_error"].as_str()), (*state, *error), "{answer:?}");
        }
        assert_eq!(school.deliveries(&service, &nobody).await.items()[0]["last_error"], "no_connection");
        assert_eq!(school.endpoint(&nobody).await["last_error"], "no_connection");
        let mut elsewhere = elsewhere;
        assert!(elsewhere.all().is_empty(), "no redirect is followed");
    }

    async fn after_an_hour_away_everything_comes_in_order_and_a_failing_thing_holds_up_no_other(school: School) {
        let (sick, well, mut receiver) = (school.active_account().await, school.active_account().await, Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &[]).await.is(201);
        let failing = sick["id"].clone();
        receiver.answers(move |one| Answer::Status(if one.event()["subject"] == failing { 500 } else { 204 }));
        for account in [&sick, &well] {
            let suspended = school.headteacher().post(account.url("suspend"), json!({ "reason": "Nobody is there." })).if_match(account.etag()).await.is(200);
            let resumed = school.it_technician().post(account.url("resume"), json!({})).if_match(suspended.etag()).await.is(200);
            school.headteacher().post(account.url("suspend"), json!({ "reason": "Again." })).if_match(resumed.etag()).await.is(200);
        }
        let whole = ["account.suspended", "account.resumed", "account.suspended"];
        let of = |received: &[Received], id: &Value| received.iter().map(Received::event).filter(|event| event["subject"] == *id).map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        school.deliver().await;
        let got = receiver.all();
        assert_eq!(of(&got, &well["id"]), whole);
        assert_eq!(of(&got, &sick["id"]), whole[..1], "tried once, and what follows waits");
        let waiting = school.service().get(format!("{}/deliveries?state=waiting", one(&made))).await.is(200);
        assert_eq!(waiting.items().len(), 2);
        school.after_seconds(3600);
        receiver.answers(|_| Answer::Status(200));
        school.deliver().await;
        assert_eq!(of(&receiver.all(), &sick["id"]), whole, "all of it, in order");
        assert!(school.endpoint(&made).await.json().get("failing_since").is_none());
    }

    async fn what_the_owner_may_not_know_of_is_never_delivered(school: School) {
        let (mut of_head, mut of_it) = (Receiver::new().await, Receiver::new().await);
        let (head, it) = (school.headteacher(), school.it_technician());
        let heads = head.new_endpoint(&of_head.url, &[]).await.is(201);
        it.new_endpoint(&of_it.url, &[]).await.is(201);
        let hidden = school.reported(&head, json!({})).await;
        let seen = school.reported(&school.parent(), json!({})).await;
        school.deliver().await;
        let got = of_head.all();
        assert!(subjects(&got).contains(&seen["id"]) && !got.iter().any(|one| one.body.contains(hidden["id"].as_str().unwrap())));
        let got = of_it.all();
        assert!(got.iter().all(|one| one.event()["data"]["actor_id"] == json!(it.id())), "what they did themselves: {got:?}");
        let listed = school.deliveries(&head, &heads).await;
        assert!(!listed.text.contains(hidden["id"].as_str().unwrap()), "{listed}");
        let feed: HashSet<String> = head.get("/v1/events?limit=200").await.each("id").into_iter().map(ToString::to_string).collect();
        assert!(listed.each("event_id").into_iter().all(|id| feed.contains(&id.to_string())));
    }

    async fn what_has_come_to_be_hidden_is_not_delivered_later(school: School) {
        let mut receiver = Receiver::new().await;
        let (head, made) = (school.headteacher(), school.headteacher().new_endpoint(&receiver.url, &["incident.reported", "incident.noted"]).await.is(201));
        receiver.answers(|_| Answer::Status(500));
        let incident = school.reported(&school.parent(), json!({})).await;
        school.deliver().await;
        assert_eq!(receiver.all().len(), 1);
        let delivery = school.deliveries(&head, &made).await.items()[0]["id"].as_str().unwrap().to_owned();
        let replay = || head.post(format!("/v1/webhook-deliveries/{delivery}/replay"), json!({})).idempotency_key("once");
        replay().await.is(200);
        head.moves(&incident, "change-subjects", json!({ "subjects": [{ "person_id": head.id() }] })).await.is(200);
        replay().await.is(404);
        school.after_seconds(3600);
        receiver.answers(|_| Answer::Status(200));
        school.deliver().await;
        assert!(receiver.all().is_empty());
        assert_eq!(school.deliveries(&head, &made).await.items().len(), 0);
        let left: i64 = school.read(|conn| webhook_deliveries::table.count().get_result(conn)).await;
        assert_eq!(left, 0);
    }

    async fn an_owner_who_may_not_any_more_ends_it(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let (mis, it) = (school.service(), school.person("technician", &[Role::ItTechnician]).await);
        let (of_mis, of_it) = (mis.new_endpoint(&receiver.url, &[]).await.is(201), it.new_endpoint(&receiver.url, &[]).await.is(201));
        let id = school.id;
        school.write(move |tx| diesel::update(service_accounts::table.filter(service_accounts::school_id.eq(id))).set(service_accounts::permissions.eq("comments:log webhooks:manage")).execute(tx)).await;
        let gone = it.id();
        school.write(move |tx| {
            use weald::db::schema::people;
            diesel::update(people::table.find((id, gone))).set(people::left_on.eq(chrono::NaiveDate::from_ymd_opt(2026, 1, 14))).execute(tx)
        }).await;
        school.commented(&account).await;
        school.deliver().await;
        assert!(receiver.all().is_empty());
        for endpoint in [&of_mis, &of_it] {
            assert_eq!(school.endpoint(endpoint).await["disabled_reason"], "owner_not_permitted");
        }
        mis.new_endpoint(&receiver.url, &[]).await.is(403);
    }

    async fn an_endpoint_reads_with_the_rights_of_the_token_that_made_it(school: School) {
        let mut receiver = Receiver::new().await;
        let head = school.headteacher();
        let token = school.token_with(Holder::Person(head.id()), &[Role::Headteacher], &["events:read", "webhooks:manage"]).await;
        let narrow = school.bearer(&token);
        let made = narrow.new_endpoint(&receiver.url, &["incident.reported"]).await.is(201);
        school.reported(&school.parent(), json!({})).await;
        school.deliver().await;
        assert!(receiver.all().is_empty(), "the token does not read what others do");
        head.patch(one(&made), json!({})).if_match(made.etag()).await.is(200);
        let seen = school.reported(&school.parent(), json!({})).await;
        school.deliver().await;
        assert!(subjects(&receiver.all()).contains(&seen["id"]));
        let fewer_roles = school.token_with(Holder::Person(head.id()), &[], &["events:read", "webhooks:manage"]).await;
        school.bearer(&fewer_roles).patch(one(&made), json!({})).if_match(made.etag()).await.is(403);
    }

    async fn a_new_address_gets_what_the_old_one_did_not_take_at_once(school: School) {
        let (account, mut old, mut new) = (school.active_account().await.json().clone(), Receiver::new().await, Receiver::new().await);
        old.answers(|_| Answer::Status(500));
        let made = school.service().new_endpoint(&old.url, &["comment.logged"]).await.is(201);
        let id = school.commented(&account).await;
        school.deliver().await;
        assert_eq!(old.all().len(), 1);
        school.service().patch(one(&made), json!({ "url": new.url })).if_match(made.etag()).await.is(200);
        school.deliver().await;
        assert_eq!((subjects(&new.all()), old.all().len()), (vec![id], 0));
    }

    async fn a_secret_that_does_not_open_ends_it_until_it_is_rotated_and_an_older_one_is_left_out(school: School) {
        async fn damage(school: &School) {
            school.write(|tx| diesel::update(webhook_secrets::table).set(webhook_secrets::sealed_content.eq(vec![0; 60])).execute(tx)).await;
        }
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let (head, it) = (school.headteacher(), school.it_technician());
        let made = head.new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        damage(&school).await;
        let id = school.commented(&account).await;
        school.deliver().await;
        assert_eq!(school.endpoint(&made).await["disabled_reason"], "secret_damaged");
        assert!(it.get("/v1/notifications").await.is(200).text.contains("webhook_endpoint.disabled"));
        let rotated = school.act(&head, &made, "rotate-secret").await.is(200);
        school.act(&head, &made, "enable").await.is(200);
        school.deliver().await;
        let [got] = &receiver.all()[..] else { panic!("one") };
        assert_eq!((&got.event()["subject"], got.signed_with(&rotated["secret"]), got.headers["webhook-signature"].contains(' ')), (&id, 1, false));
    }

    async fn while_the_database_fails_what_was_delivered_is_not_forgotten(school: School) {
        let (account, mut receiver, held) = (school.active_account().await.json().clone(), Receiver::new().await, Arc::new(Notify::new()));
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.commented(&account).await;
        let answer = Answer::Held(Arc::clone(&held));
        receiver.answers(move |_| answer.clone());
        let rename = |from: &'static str, to: &'static str| school.write(move |tx| diesel::sql_query(format!("ALTER TABLE {from} RENAME TO {to}")).execute(tx));
        let mut delivering = std::pin::pin!(school.deliver());
        tokio::select! { _ = &mut delivering => panic!("it is held"), _ = receiver.next() => {} }
        rename("webhook_deliveries", "gone").await;
        held.notify_one();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(2), &mut delivering).await;
        assert!(ended.is_err(), "it does not give up");
        rename("gone", "webhook_deliveries").await;
        assert_eq!((delivering.await, receiver.all().len()), (1, 0), "once");
        assert_eq!(school.deliveries(&school.service(), &made).await.items()[0]["attempts"], 1);
    }

    async fn a_delivery_that_hangs_holds_up_nothing_else_of_its_endpoint(school: School) {
        let (account, mut receiver, held) = (school.active_account().await.json().clone(), Receiver::new().await, Arc::new(Notify::new()));
        school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        let first = school.commented(&account).await;
        let (hangs, id) = (Answer::Held(Arc::clone(&held)), first.clone());
        receiver.answers(move |got| if got.event()["subject"] == id { hangs.clone() } else { Answer::Status(204) });
        let hanging = async {
            assert_eq!(receiver.next().await.event()["subject"], first);
            let second = school.commented(&account).await;
            assert_eq!(receiver.next().await.event()["subject"], second);
            held.notify_one();
        };
        let (delivered, ()) = tokio::join!(school.deliver(), hanging);
        assert_eq!(delivered, 2);
    }

    async fn two_instances_deliver_everything_once(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let other = school.second_instance(|_| {});
        school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.headteacher().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        let mut logged = Vec::new();
        for _ in 0..5 {
            for _ in 0..6 {
                logged.push(school.commented(&account).await);
            }
            tokio::join!(school.deliver(), other.deliver(), school.deliver(), other.deliver());
        }
        school.deliver().await;
        let mut got = HashMap::<Value, usize>::new();
        for subject in subjects(&receiver.all()) {
            *got.entry(subject).or_default() += 1;
        }
        assert!(logged.iter().all(|id| got[id] == 2) && got.len() == 30, "{got:?}");
    }

    async fn what_a_dead_instance_held_is_taken_over_when_its_lease_ends(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        receiver.answers(|_| Answer::Nothing);
        school.commented(&account).await;
        // It dies with the delivery under way.
        let dying = async {
            tokio::select! { _ = school.deliver() => panic!("it hangs"), _ = receiver.next() => {} }
        };
        dying.await;
        receiver.answers(|_| Answer::Status(200));
        let other = school.second_instance(|_| {});
        assert_eq!(other.deliver().await, 0, "leased");
        school.after_seconds(-60);
        assert_eq!(other.deliver().await, 0, "leased, by a clock that is a minute ahead");
        school.after_seconds(61);
        assert_eq!(other.deliver().await, 1);
    }

    async fn one_or_everything_since_a_time_is_delivered_once_more(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let (service, first) = (school.service(), school.commented(&account).await);
        let made = service.new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.after_seconds(60);
        let second = school.commented(&account).await;
        school.after_seconds(120);
        let third = school.commented(&account).await;
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), [second.clone(), third.clone()], "from now on");
        let listed = school.deliveries(&service, &made).await;
        let replay = |delivery: &Value| format!("/v1/webhook-deliveries/{}/replay", delivery["id"].as_str().unwrap());
        let again = service.post(replay(&listed.items()[0]), json!({})).await.is(200);
        assert_eq!((&again["state"], &again["attempts"]), (&json!("pending"), &json!(0)));
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), std::slice::from_ref(&third));
        service.post(made.url("replay"), json!({ "since": at(NOW) + chrono::Duration::seconds(60) })).await.is(200);
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), [second.clone(), third.clone()]);
        service.post(made.url("replay"), json!({ "since": "2026-01-01T00:00:00Z" })).await.is(200);
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), [first, second, third], "before it was made, too");
        school.it_technician().post(replay(&listed.items()[0]), json!({})).await.is(404);
    }

    async fn no_internal_address_is_taken_however_it_is_written(school: School) {
        let strict = school.second_instance(|service| service.webhook_allow.clear());
        let head = strict.headteacher();
        for host in [
            "127.0.0.1", "127.1", "0x7f000001", "0x7f.1", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.1.", "127.255.255.254",
            "0.0.0.0", "0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
            "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1",
            "%31%32%37.0.0.1", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
            "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]",
            "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "localhost", "localhost.", "LOCALHOST", "foo.localhost",
            "printer.local", "metadata.google.internal", "intranet", "hooks.example@127.0.0.1", "me:secret@hooks.example", "hooks.example/#x",
        ] {
            let url = format!("https://{host}/");
            let reply = head.new_endpoint(&url, &[]).await.is(422).problem("validation_failed");
            assert_eq!(reply["errors"][0]["pointer"], "/url", "{url}: {reply}");
        }
        assert_eq!(head.get(ENDPOINTS).await.items().len(), 0);
    }

    async fn an_address_is_looked_at_again_at_each_delivery(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.commented(&account).await;
        let strict = school.second_instance(|service| service.webhook_allow.clear());
        strict.deliver().await;
        assert!(receiver.all().is_empty());
        assert_eq!(school.deliveries(&school.service(), &made).await.items()[0]["last_error"], "address_refused");
    }

    async fn while_the_vault_is_sealed_deliveries_wait(school: School) {
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        let id = school.commented(&account).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other-keys");
        weald::vault::keyring::create(&path).unwrap();
        let sealed = school.with_master_keys(&path);
        assert_eq!(sealed.deliver().await, 0);
        assert!(receiver.all().is_empty());
        sealed.service().new_endpoint(&receiver.url, &[]).await.is(503).problem("vault_sealed");
        school.deliver().await;
        assert_eq!(subjects(&receiver.all()), [id]);
    }

    async fn what_was_delivered_is_forgotten_after_a_month(school: School) {
        let (account, receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        school.commented(&account).await;
        school.deliver().await;
        school.clock_at("2026-02-13T09:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        let logged = |reply: &Reply| reply.items().iter().filter(|one| one["type"] == "comment.logged").count();
        assert_eq!(logged(&school.deliveries(&school.service(), &made).await), 1);
        school.clock_at("2026-02-13T11:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(logged(&school.deliveries(&school.service(), &made).await), 0);
    }

    async fn a_receiver_misses_nothing_of_sixteen_writers_through_restarts(school: School) {
        let (account, busy) = (school.active_account().await, school.active_account().await);
        let mut receiver = Receiver::new().await;
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let made = school.headteacher().new_endpoint(&receiver.url, &[]).await.is(201);
        let token = school.service().token().await;
        let serve = || Program::serve(&school, |command| { command.env("WEALD_WEBHOOK_ALLOW", "127.0.0.1"); });
        let mut program = serve();
        let (address, watched) = watch::channel(Some(program.url.clone()));
        let (done, mut acknowledged) = mpsc::unbounded_channel();
        let writers: Vec<_> = (0..16).map(|number| actix_web::rt::spawn(durability::client(number, token.clone(), account["id"].clone(), watched.clone(), done.clone()))).collect();
        let id = school.id;
        let from: i64 = school.read(move |conn| event_heads::table.find(id).select(event_heads::number).first(conn)).await;
        let mut seen = busy.clone();
        for round in 0..3 {
            for step in 0..10 {
                for _ in 0..10 {
                    acknowledged.recv().await.unwrap();
                }
                // Through another instance, of which nobody delivers anything.
                let (action, body) = if step % 2 == 0 { ("suspend", json!({ "reason": "Nobody is there." })) } else { ("resume", json!({})) };
                seen = school.it_technician().post(busy.url(action), body).if_match(seen.etag()).await.is(200);
            }
            program.kill();
            // Its lease is behind it.
            let id = school.id;
            school.write(move |tx| {
                use weald::db::schema::webhook_endpoints as endpoints;
                diesel::update(endpoints::table.filter(endpoints::school_id.eq(id))).set(endpoints::leased_until.eq(None::<weald::clock::Instant>)).execute(tx)
            }).await;
            if round < 2 {
                program = serve();
                address.send(Some(program.url.clone())).unwrap();
            }
        }
        program = serve();
        address.send(Some(program.url.clone())).unwrap();
        acknowledged.recv().await.unwrap();
        address.send(None).unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        let id = school.id;
        let log: Vec<(EventId, SubjectId)> = school.read(move |conn| events::table.filter(events::school_id.eq(id)).filter(events::subject_type.eq_any(["comment", "account"])).filter(events::number.gt(from)).order(events::number).select((events::id, events::subject_id)).load(conn)).await;
        let mut missing: HashSet<String> = log.iter().map(|(id, _)| id.to_string()).collect();
        assert!(missing.len() > 330, "{}", missing.len());
        let mut order = Vec::new();
        while !missing.is_empty() {
            let got = receiver.next().await;
            assert_eq!(got.signed_with(&made["secret"]), 1);
            // At least once.
            if missing.remove(&got.headers["webhook-id"]) && got.event()["subject"] == busy["id"] {
                order.push(got.headers["webhook-id"].clone());
            }
        }
        let on_it = log.iter().filter(|(_, subject)| json!(subject) == busy["id"]);
        assert_eq!(order, on_it.map(|(id, _)| id.to_string()).collect::<Vec<_>>(), "in order, for one thing");
        assert!(order.len() >= 30);
        drop(program);
    }

    async fn a_running_service_delivers_at_once_and_lets_go_in_order_when_it_stops(school: School) {
        use weald::db::schema::webhook_endpoints as endpoints;
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let mut program = Program::serve(&school, |command| { command.env("WEALD_WEBHOOK_ALLOW", "127.0.0.1"); });
        let token = school.service().token().await;
        let post = async |path: &str, body: &Value| {
            let reply = reqwest::Client::new().post(format!("{}{path}", program.url)).bearer_auth(&token).json(body).send().await.unwrap();
            assert_eq!(reply.status(), 201);
        };
        post(ENDPOINTS, &json!({ "url": receiver.url, "types": ["comment.logged"] })).await;
        let body = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
        let comment = async || post("/v1/comments", &body).await;
        let began = std::time::Instant::now();
        comment().await;
        receiver.next().await;
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        receiver.answers(|_| Answer::Nothing);
        comment().await;
        receiver.next().await;
        let (began, stopped) = (std::time::Instant::now(), actix_web::rt::task::spawn_blocking(move || program.stop()).await.unwrap());
        assert!(stopped && began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
        let leased: Option<weald::clock::Instant> = school.read(|conn| endpoints::table.select(endpoints::leased_until).first(conn)).await;
        assert_eq!(leased, None, "another goes on at once");
    }

    async fn secrets_outlive_a_change_of_the_master_key(school: School) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-keys");
        weald::vault::keyring::create(&path).unwrap();
        let school = school.with_master_keys(&path);
        let (account, mut receiver) = (school.active_account().await.json().clone(), Receiver::new().await);
        let made = school.service().new_endpoint(&receiver.url, &["comment.logged"]).await.is(201);
        for (name, expected) in [("rotate", "1 secrets sealed anew"), ("check", "1 secrets open, 0 do not")] {
            let mut command = weald(&school, &["vault", name]);
            command.env("WEALD_MASTER_KEYS", &path);
            let output = actix_web::rt::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
            assert!(said(&output).contains(expected), "{}", said(&output));
        }
        school.commented(&account).await;
        school.deliver().await;
        assert_eq!(receiver.next().await.signed_with(&made["secret"]), 1);
    }
}
