//! The program is killed with SIGKILL while 16 clients write: what was acknowledged is there, once, and the chain holds.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use weald::db::DatabaseUrl;
use weald::db::schema::{comments, events};
use weald::events::chain;

use crate::support::{School, on_both_engines};

const CLIENTS: usize = 16;
const KILLS: usize = 10;
/// Acknowledged writes between two kills.
const BETWEEN: usize = 100;

/// A running `weald serve` of its own, and where it listens.
fn serve(school: &School) -> (Child, String) {
    let database = match school.database_url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url,
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_weald"))
        .args(["serve", "--listen", "127.0.0.1:0", "--public-url", "https://weald.example", "--rate-limit", "1000000"])
        .arg("--data-dir")
        .arg(crate::support::data_dir())
        .env("WEALD_DATABASE_URL", database)
        .env("WEALD_LOG", "info,weald::http=off")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let entry: Value = serde_json::from_str(&line).expect("a log line is one JSON object");
        Some(entry["fields"]["address"].as_str()?.to_owned())
    });
    let address = address.expect("the program listens");
    std::thread::spawn(move || lines.for_each(drop));
    (child, format!("http://{address}"))
}

/// Logs comments under ids of its own until it is told to stop; says which were acknowledged.
async fn client(
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
        let (mut child, url) = serve(&school);
        let (address, watched) = watch::channel(Some(url));
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
            child.kill().unwrap();
            child.wait().unwrap();
            if kill < KILLS {
                let (next, url) = serve(&school);
                child = next;
                address.send(Some(url)).unwrap();
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
