//! Following the log: waiting for what happens, and the stream.

use std::collections::HashSet;
use std::time::Duration;

use diesel::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use weald::db::schema::{events, sessions};
use weald::db::types::EventId;

use crate::durability;
use crate::support::caller::EventStream;
use crate::support::program::Program;
use crate::support::{School, on_both_engines};

/// A comment on the account, logged by the school's service.
async fn comment(school: &School, account: &Value) -> Value {
    let body = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
    school.service().post("/v1/comments", body).await.is(201)["id"].clone()
}

async fn latest(school: &School) -> String {
    school.headteacher().get("/v1/events?after=latest").await.is(200)["next_cursor"].as_str().unwrap().to_owned()
}

/// Where the program listens; none when there is no more to follow.
type Address = watch::Receiver<Option<String>>;

/// Follows by long polls, from wherever it was; says what it saw.
async fn poller(token: String, mut address: Address, seen: mpsc::UnboundedSender<String>) {
    let (http, mut after) = (reqwest::Client::new(), String::new());
    loop {
        let Some(url) = address.borrow_and_update().clone() else { return };
        let page =
            async { http.get(format!("{url}/v1/events?wait=5&limit=200{after}")).bearer_auth(&token).send().await?.json::<Value>().await };
        let Ok(page) = page.await else {
            address.changed().await.unwrap();
            continue;
        };
        for event in page["items"].as_array().unwrap() {
            let _ = seen.send(event["id"].as_str().unwrap().to_owned());
        }
        after = format!("&after={}", page["next_cursor"].as_str().unwrap());
    }
}

/// Follows the stream, and goes on behind the last event after each break.
async fn listener(token: String, mut address: Address, seen: mpsc::UnboundedSender<String>) {
    let (http, mut last) = (reqwest::Client::new(), None);
    loop {
        let Some(url) = address.borrow_and_update().clone() else { return };
        let request = http.get(format!("{url}/v1/events/stream")).bearer_auth(&token);
        let request = if let Some(last) = &last { request.header("last-event-id", last) } else { request };
        if let Ok(response) = request.send().await {
            let mut stream = EventStream::from(response);
            while let Some((id, event)) = stream.next().await {
                last = Some(id);
                let _ = seen.send(event["id"].as_str().unwrap().to_owned());
            }
        }
        address.changed().await.unwrap();
    }
}

on_both_engines! {
    async fn a_follower_waits_for_what_happens(school: School) {
        let account = school.active_account().await.json().clone();
        let (head, after) = (school.headteacher(), latest(&school).await);
        let waiting = async { head.get(format!("/v1/events?after={after}&wait=30&type=comment.logged")).await.is(200) };
        let (feed, id) = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(waiting, comment(&school, &account)) }).await.expect("woken before its time");
        assert_eq!(feed.each("subject"), [&id]);
        let nothing = head.get(format!("/v1/events?after={}&wait=1", feed["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((nothing["items"].clone(), &nothing["next_cursor"]), (json!([]), &feed["next_cursor"]));
        head.get("/v1/events?wait=31").await.is(400).problem("malformed_query");
    }

    async fn a_follower_is_woken_by_what_another_instance_did(school: School) {
        let account = school.active_account().await.json().clone();
        let after = latest(&school).await;
        let other = school.second_instance(|_| {});
        let waiting = async { school.headteacher().get(format!("/v1/events?after={after}&wait=30")).await.is(200) };
        let (feed, id) = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(waiting, comment(&other, &account)) }).await.expect("woken before its time");
        assert_eq!(feed.each("subject"), [&id]);
    }

    async fn what_is_hidden_wakes_nobody_with_an_answer(school: School) {
        let after = latest(&school).await;
        let it = school.it_technician();
        let waiting = async { it.get(format!("/v1/events?after={after}&wait=2")).await };
        let (feed, _) = tokio::join!(waiting, async { school.reported(&school.parent(), json!({})).await });
        assert_eq!(feed.is(200)["items"], json!([]));
    }

    async fn a_stream_tells_the_same_as_the_feed_and_goes_on_where_it_broke_off(school: School) {
        let account = school.active_account().await.json().clone();
        let head = school.headteacher();
        let feed = head.get("/v1/events?limit=200").await.is(200);
        let mut stream = head.get("/v1/events/stream").stream().await;
        let mut cursor = String::new();
        for event in feed.items() {
            let (id, streamed) = stream.next().await.unwrap();
            assert_eq!(&streamed, event);
            cursor = id;
        }
        let id = comment(&school, &account).await;
        assert_eq!(stream.next().await.unwrap().1["subject"], id);
        let mut resumed = head.get("/v1/events/stream?after=latest").header("last-event-id", &cursor).stream().await;
        assert_eq!(resumed.next().await.unwrap().1["subject"], id);
        head.get("/v1/events/stream?after=nonsense").await.is(400).problem("invalid_cursor");
    }

    async fn a_stream_that_broke_off_before_anything_happened_misses_nothing(school: School) {
        let (account, head) = (school.active_account().await.json().clone(), school.headteacher());
        let cursor = head.get("/v1/events/stream?after=latest").stream().await.first_id().await;
        let id = comment(&school, &account).await;
        let mut resumed = head.get("/v1/events/stream?after=latest").header("last-event-id", &cursor).stream().await;
        assert_eq!(resumed.next().await.unwrap().1["subject"], id);
    }

    async fn a_stream_ends_with_the_session_that_it_belongs_to(school: School) {
        let (account, head) = (school.active_account().await.json().clone(), school.headteacher());
        let mut stream = head.get("/v1/events/stream?after=latest&type=comment.logged").stream().await;
        let (id, now) = (school.id, school.now());
        school.write(move |tx| diesel::update(sessions::table.filter(sessions::school_id.eq(id)).filter(sessions::person_id.is_not_null())).set(sessions::revoked_at.eq(now)).execute(tx)).await;
        comment(&school, &account).await;
        assert_eq!(stream.next().await, None, "and not the comment");
    }

    async fn nobody_waits_at_more_than_so_many_places(school: School) {
        let head = school.headteacher();
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(head.get("/v1/events/stream?after=latest").stream().await);
        }
        let refused = head.get("/v1/events/stream?after=latest").await.is(429).problem("rate_limited");
        assert!(!refused.header("retry-after").is_empty());
        school.service().get("/v1/events?wait=1&after=latest").await.is(200);
    }

    async fn nobody_who_follows_misses_anything_of_sixteen_writers_through_restarts(school: School) {
        let account = school.active_account().await;
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let (writing, following) = (school.service().token().await, school.headteacher().token().await);
        let mut program = Program::serve(&school, |_| ());
        let (address, watched) = watch::channel(Some(program.url.clone()));
        let (followed, follows) = watch::channel(Some(program.url.clone()));
        let (done, mut acknowledged) = mpsc::unbounded_channel();
        let writers: Vec<_> = (0..16).map(|number| actix_web::rt::spawn(durability::client(number, writing.clone(), account["id"].clone(), watched.clone(), done.clone()))).collect();
        let (by_polls, mut polled) = mpsc::unbounded_channel();
        let (by_stream, mut streamed) = mpsc::unbounded_channel();
        actix_web::rt::spawn(poller(following.clone(), follows.clone(), by_polls));
        actix_web::rt::spawn(listener(following, follows, by_stream));
        for _ in 0..3 {
            for _ in 0..100 {
                acknowledged.recv().await.unwrap();
            }
            program.kill();
            program = Program::serve(&school, |_| ());
            for to in [&address, &followed] {
                to.send(Some(program.url.clone())).unwrap();
            }
        }
        address.send(None).unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        let id = school.id;
        let log: Vec<EventId> = school.read(move |conn| events::table.filter(events::school_id.eq(id)).order(events::number).select(events::id).load(conn)).await;
        let log: Vec<String> = log.iter().map(ToString::to_string).collect();
        assert!(log.len() > 300, "{}", log.len());
        for seen in [&mut polled, &mut streamed] {
            let (mut order, mut known) = (Vec::new(), HashSet::new());
            while order.last() != log.last() {
                let id = tokio::time::timeout(Duration::from_secs(30), seen.recv()).await.expect("nothing is missing").unwrap();
                // At least once.
                if known.insert(id.clone()) {
                    order.push(id);
                }
            }
            assert_eq!(order, log, "all of it, in its order");
        }
        followed.send(None).unwrap();
    }
}
