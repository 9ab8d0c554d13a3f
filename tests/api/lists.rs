//! Lists as tables, compressed, and since when they have changed.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::{Value, json};

use crate::support::contract::{DOCUMENT, operations, resolved};
use crate::support::{School, on_both_engines};

/// The rows of a table, the first with the names of the columns.
fn table(text: &str) -> Vec<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn column(table: &[Vec<String>], name: &str) -> Vec<String> {
    let at = table[0].iter().position(|column| column == name).unwrap_or_else(|| panic!("no {name} in {:?}", table[0]));
    table[1..].iter().map(|row| row[at].clone()).collect()
}

async fn comments(school: &School, account: &Value, many: usize) {
    for text in (0..many).map(|number| format!("=HYPERLINK(\"{number}\")")) {
        let body = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": text, "received_at": "2026-01-14T09:00:00Z" });
        school.service().post("/v1/comments", body).await.is(201);
    }
}

on_both_engines! {
    async fn a_table_holds_all_that_the_pages_hold_whatever_the_limit(school: School) {
        let account = school.active_account().await.json().clone();
        comments(&school, &account, 203).await;
        let exported = school.headteacher().get("/v1/comments?limit=2").header("accept", "text/csv").await.is(200);
        assert_eq!(exported.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(exported.header("content-disposition"), "attachment; filename=\"comments.csv\"");
        let ids: BTreeSet<String> = column(&table(&exported.text), "id").into_iter().collect();
        assert_eq!(ids.len(), 203, "more than a page holds, each once");
        let page = school.headteacher().get("/v1/comments?limit=200").await.is(200);
        assert!(page.each("id").iter().all(|id| ids.contains(id.as_str().unwrap())));
    }

    async fn a_spreadsheet_runs_nothing_out_of_a_table(school: School) {
        let account = school.active_account().await.json().clone();
        comments(&school, &account, 1).await;
        let exported = school.headteacher().get("/v1/comments").header("accept", "text/csv").await.is(200);
        assert_eq!(column(&table(&exported.text), "text"), ["'=HYPERLINK(\"0\")"]);
    }

    async fn a_table_shows_what_the_caller_sees_and_by_the_same_filters(school: School) {
        let account = school.active_account().await.json().clone();
        comments(&school, &account, 1).await;
        let rows = async |url: &str, caller: crate::support::caller::Caller<'_>| table(&caller.get(url).header("accept", "text/csv").await.is(200).text).len() - 1;
        assert_eq!(rows("/v1/comments", school.staff()).await, 1);
        assert_eq!(rows("/v1/comments", school.leadership()).await, 0, "runs no account");
        assert_eq!(rows("/v1/comments?state=closed", school.headteacher()).await, 0);
        school.parent().get("/v1/training-gaps").header("accept", "text/csv").await.is(403).problem("forbidden");
        school.headteacher().get("/v1/comments?nonsense=1").header("accept", "text/csv").await.is(400).problem("malformed_query");
    }

    async fn every_list_that_says_so_answers_a_table_with_a_column_for_each_member(school: School) {
        let mut tables = 0;
        for operation in operations().filter(|operation| operation.item["responses"]["200"]["content"].get("text/csv").is_some()) {
            tables += 1;
            let exported = school.headteacher().get(operation.path).header("accept", "text/csv").await;
            if exported.status == 403 {
                continue;
            }
            let page = resolved(&operation.item["responses"]["200"]["content"]["application/json"]["schema"]);
            let item = resolved(&page["properties"]["items"]["items"]);
            let members: BTreeSet<&str> = item["properties"].as_object().unwrap().keys().map(String::as_str).filter(|name| *name != "allowed_actions").collect();
            let columns = table(&exported.is(200).text).remove(0);
            assert_eq!(columns.iter().map(String::as_str).collect::<BTreeSet<_>>(), members, "{}", operation.path);
        }
        assert!(tables >= 15, "{tables}");
        assert_eq!(DOCUMENT["openapi"], "3.1.0");
    }

    async fn whoever_prefers_json_gets_json(school: School) {
        for accept in ["application/json", "*/*", "application/json, text/csv;q=0.5", "text/html", "text/csv;q=0.1, application/json"] {
            let page = school.headteacher().get("/v1/people").header("accept", accept).await.is(200);
            assert_eq!(page.header("content-type"), "application/json", "{accept}");
        }
    }

    async fn long_lists_are_compressed_for_whoever_accepts_it_and_nothing_else_is(school: School) {
        let head = school.headteacher();
        let page = head.get("/v1/people").header("accept-encoding", "gzip").raw().await;
        assert_eq!(page.headers()["content-encoding"], "gzip");
        let bytes = page.bytes().await.unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *head.get("/v1/people").await.is(200).json());

        let person = format!("/v1/people/{}", head.id());
        for (url, why) in [(person.as_str(), "has a strong tag"), ("/v1/events/stream", "a stream")] {
            let response = head.get(url).header("accept-encoding", "gzip").raw().await;
            assert!(response.headers().get("content-encoding").is_none(), "{why}");
        }
        assert!(head.get("/v1/people").raw().await.headers().get("content-encoding").is_none(), "was not asked for");
    }

    async fn the_document_is_served_compressed_under_a_tag_of_its_own(school: School) {
        let document = school.anonymous().get("/openapi.json").header("accept-encoding", "gzip").raw().await;
        assert_eq!(document.headers()["content-encoding"], "gzip");
        let tag = document.headers()["etag"].clone();
        let bytes = document.bytes().await.unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *DOCUMENT);
        let plain = school.anonymous().get("/openapi.json").raw().await;
        assert_ne!(plain.headers()["etag"], tag);
        let again = school.anonymous().get("/openapi.json").header("accept-encoding", "gzip").header("if-none-match", tag.to_str().unwrap()).raw().await;
        assert_eq!(again.status(), 304);
    }

    async fn a_system_that_keeps_up_asks_for_what_has_changed_since(school: School) {
        let completion = school.completion(&school.second_staff(), "2026-01-12").await;
        school.clock_at("2026-01-14T11:00:00Z");
        let parent = school.parent();
        let child = school.child_of(&parent, "year_3").await;
        let notice = school.notice("school_social_media").await;
        school.said(&parent, &child, &notice, "given", json!({})).await.is(201);
        let service = school.service();
        for (list, before, after) in [("training-completions", 1, 0), ("consents", 1, 1)] {
            let count = async |since: &str| service.get(format!("/v1/{list}?updated_since={since}")).await.is(200).items().len();
            assert_eq!((count("2026-01-14T10:00:00Z").await, count("2026-01-14T10:30:00Z").await), (before, after), "{list}");
        }
        school.clock_at("2026-01-14T12:00:00Z");
        let reply = school.headteacher().get(format!("/v1/training-completions/{}", completion["id"].as_str().unwrap())).await.is(200);
        school.headteacher().post(reply.url("revoke"), json!({ "reason": "Recorded by mistake." })).if_match(reply.etag()).await.is(200);
        assert_eq!(service.get("/v1/training-completions?updated_since=2026-01-14T11:30:00Z").await.each("id"), [&completion["id"]]);
        for list in operations_of_the_mis() {
            service.get(format!("{list}?updated_since=2026-01-14T10:00:00Z")).await.is(200);
        }
    }
}

/// The lists that a management information system reads and keeps a copy of.
fn operations_of_the_mis() -> [&'static str; 8] {
    [
        "/v1/people",
        "/v1/accounts",
        "/v1/consents",
        "/v1/courses",
        "/v1/policies",
        "/v1/training-sessions",
        "/v1/commenting-access",
        "/v1/publications",
    ]
}
