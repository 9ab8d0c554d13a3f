//! The program is killed with SIGKILL while 16 clients write: what was acknowledged is there, once, and the chain holds.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use weald::db::schema::{comments, events};
use weald::events::chain;

use crate::support::program::Program;
use crate::support::{School, on_both_engines};

const CLIENTS: usize = 16;
const KILLS: usize = 10;
/// Acknowledged writes between two kills.
const BETWEEN: usize = 100;

/// Logs comments under ids of its own until it is told to stop; says which were acknowledged.
pub async fn client(
    number: usize,
    token: String,
    account: Value,
    mut address: watch::Receiver<Option<String>>,
    done: mpsc::UnboundedSender<String>,
) -> usize {
    let http = reqwest::Client::new();
    let mut tried = 0;
    loop {
        let Some(url) = address.borrow_and_update().clone() else { return tried };
        let external_id = format!("{number}-{tried}");
        let comment = json!({
            "account_id": account, "kind": "comment", "external_id": external_id, "author_anonymous": true, "text": "Hello.",
            "received_at": "2026-01-14T10:00:00Z",
        });
        tried += 1;
        match http.post(format!("{url}/v1/comments")).bearer_auth(&token).json(&comment).send().await {
            Ok(reply) if reply.status() == 201 => done.send(external_id).unwrap(),
            Ok(reply) => panic!("{}: {}", reply.status(), reply.text().await.unwrap_or_default()),
            // Killed: go on where the next one listens.
            Err(_) => address.changed().await.unwrap(),
        }
    }
}

on_both_engines! {
    async fn sixteen_clients_lose_nothing_to_ten_kills(school: School) {
        let account = school.active_account().await;
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let token = school.service().token().await;
        let mut program = Program::serve(&school, |_| ());
        let (address, watched) = watch::channel(Some(program.url.clone()));
        let (done, mut acknowledgements) = mpsc::unbounded_channel();
        let tried = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS).map(|number| {
            let (token, account, watched, done, tried) = (token.clone(), account["id"].clone(), watched.clone(), done.clone(), Arc::clone(&tried));
            actix_web::rt::spawn(async move {
                tried.fetch_add(client(number, token, account, watched, done).await, Ordering::SeqCst);
            })
        }).collect();
        drop(done);

        let mut acknowledged = HashSet::new();
        for kill in 1..=KILLS {
            for _ in 0..BETWEEN {
                let id = acknowledgements.recv().await.unwrap();
                assert!(acknowledged.insert(id), "acknowledged twice");
            }
            program.kill();
            if kill < KILLS {
                program = Program::serve(&school, |_| ());
                address.send(Some(program.url.clone())).unwrap();
            }
        }
        address.send(None).unwrap();
        for client in clients {
            client.await.unwrap();
        }
        while let Some(id) = acknowledgements.recv().await {
            assert!(acknowledged.insert(id), "acknowledged twice");
        }

        let stored: Vec<Option<String>> = school.read(|conn| comments::table.select(comments::external_id).load(conn)).await;
        let distinct: HashSet<&str> = stored.iter().flatten().map(String::as_str).collect();
        assert_eq!(distinct.len(), stored.len(), "stored twice");
        let lost: Vec<&String> = acknowledged.iter().filter(|id| !distinct.contains(id.as_str())).collect();
        assert!(lost.is_empty(), "{} acknowledged, lost: {lost:?}", acknowledged.len());
        assert!(stored.len() <= tried.load(Ordering::SeqCst), "invented");
        let id = school.id;
        let logged: i64 = school.read(|conn| events::table.filter(events::event_type.eq("comment.logged")).count().get_result(conn)).await;
        assert_eq!(usize::try_from(logged).unwrap(), stored.len(), "one event each");
        assert!(school.read(move |conn| chain::verify(conn, id)).await.is_ok());
    }
}
