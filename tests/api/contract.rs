//! What is true of every operation: the document as a product, and the common ground of HTTP.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::http::document::permissions_page;
use weald::problem::Code;

use crate::support::contract::{DOCUMENT, Operation, check_value, operations, resolved};
use crate::support::{ORIGIN, School, on_both_engines};

fn on_file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/openapi/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
}

#[test]
fn the_document_on_file_is_the_one_that_the_program_makes() {
    let made = format!("{}\n", serde_json::to_string_pretty(&*DOCUMENT).unwrap());
    assert!(on_file("openapi.json") == made, "openapi/openapi.json is not up to date: cargo run -- openapi > openapi/openapi.json");
}

#[test]
fn the_table_of_permissions_on_file_is_the_one_that_the_program_makes() {
    let made = permissions_page(&DOCUMENT);
    assert!(
        on_file("permissions.md") == made,
        "openapi/permissions.md is not up to date: cargo run -- openapi --permissions > openapi/permissions.md"
    );
}

/// Every operation of which `wrong` has something to say.
#[track_caller]
fn nothing_wrong(wrong: impl Fn(&Operation) -> Option<String>) {
    let found: Vec<String> = operations().filter_map(|operation| Some(format!("{}: {}", operation.id(), wrong(&operation)?))).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_operation_says_what_it_is() {
    let tags: Vec<&Value> = DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    nothing_wrong(|Operation { item, .. }| {
        let said = |member: &str| item[member].as_str().is_some_and(|text| !text.trim().is_empty());
        (!said("summary") || !said("description")).then(|| "a summary or a description is missing".into())
    });
    nothing_wrong(|Operation { item, .. }| {
        let own = item["tags"].as_array().map_or(&[][..], Vec::as_slice);
        (own.len() != 1 || !tags.contains(&&own[0])).then(|| format!("not exactly one declared tag: {own:?}"))
    });
}

#[test]
fn every_operation_says_who_may() {
    nothing_wrong(|Operation { item, .. }| {
        let open = item["security"] == json!([]);
        let roles = item["x-roles"].as_array().is_some_and(|roles| !roles.is_empty());
        let scopes = &DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]["password"]["scopes"];
        let known = item["security"][0]["oauth2"][0].as_str().is_some_and(|scope| scopes.get(scope).is_some());
        (open == roles || open == known).then(|| "neither open to anyone nor bound to a permission with its roles".into())
    });
}

#[test]
fn every_operation_has_a_name_of_its_own_verb_first() {
    let names: Vec<&str> = operations().map(|operation| operation.id()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    nothing_wrong(|operation| {
        let words: Vec<&str> = operation.id().split('_').collect();
        let shaped = words.len() > 1 && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        (!shaped).then(|| "not verb_noun".into())
    });
}

#[test]
fn every_example_is_there_and_is_what_its_schema_says() {
    nothing_wrong(|Operation { item, .. }| {
        let answers = item["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        let contents = answers.map(|(_, answer)| &resolved(answer)["content"]).chain([&item["requestBody"]["content"]]);
        for (kind, media) in
            contents.filter_map(Value::as_object).flatten().filter(|(kind, _)| kind.contains("json") || kind.contains("form"))
        {
            let Some(example) = media.get("example") else { return Some(format!("no example of {kind}: {media}")) };
            check_value(&media["schema"], example, item["operationId"].to_string());
            if has_null(example) {
                return Some("null in an example".into());
            }
        }
        None
    });
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if let Some(example) = schema.get("example") {
            check_value(&json!({ "$ref": format!("#/components/schemas/{name}") }), example, name);
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

#[test]
fn everything_that_can_be_sent_has_its_limits() {
    nothing_wrong(|Operation { item, .. }| {
        let mut found = Vec::new();
        for parameter in item["parameters"].as_array().into_iter().flatten().map(resolved) {
            unbounded(&parameter["schema"], parameter["name"].as_str().unwrap(), &mut found);
        }
        for (kind, media) in item["requestBody"]["content"].as_object().into_iter().flatten() {
            unbounded(&media["schema"], "", &mut found);
            // A form may carry parameters of extensions (RFC 6749, 3.2).
            let closed = resolved(&media["schema"])["additionalProperties"] == json!(false);
            if !closed && matches!(kind.as_str(), "application/json" | "application/merge-patch+json") {
                found.push("open".into());
            }
        }
        (!found.is_empty()).then(|| found.join(", "))
    });
}

#[test]
fn texts_and_lists_that_come_back_have_their_limits() {
    let mut found = Vec::new();
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        unbounded(schema, name, &mut found);
    }
    found.retain(|wrong| !wrong.ends_with("integer"));
    assert!(found.is_empty(), "without limits: {}", found.join(", "));
}

/// Names what has no limit in a schema.
fn unbounded(schema: &'static Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(schema);
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let has = |keywords: &[&str]| keywords.iter().all(|keyword| schema.get(keyword).is_some());
    let fixed = matches!(schema["format"].as_str(), Some("uuid" | "date-time" | "date"));
    for (kind, bounded) in [
        ("string", fixed || has(&["enum"]) || has(&["const"]) || has(&["maxLength"])),
        ("integer", has(&["minimum", "maximum"])),
        ("number", has(&["minimum", "maximum"])),
        ("array", has(&["maxItems"])),
    ] {
        if kinds.contains(&kind) && !bounded {
            found.push(format!("{at}: {kind}"));
        }
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        unbounded(member, &format!("{at}/{name}"), found);
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        schema[keyword].as_array().into_iter().flatten().for_each(|part| unbounded(part, at, found));
    }
    if let Some(items) = schema.get("items") {
        unbounded(items, &format!("{at}/0"), found);
    }
}

#[test]
fn every_list_is_paged() {
    nothing_wrong(|Operation { method, item, .. }| {
        let shape = item["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
        let names: Vec<&Value> =
            item["parameters"].as_array().into_iter().flatten().map(|parameter| &resolved(parameter)["name"]).collect();
        let paged = names.contains(&&json!("limit")) && (names.contains(&&json!("cursor")) || names.contains(&&json!("after")));
        (*method == "get" && (shape.ends_with("Page") || shape.ends_with("Feed")) && !paged).then(|| format!("{names:?}"))
    });
}

#[test]
fn changes_and_decisions_are_bound_to_the_version_that_was_read() {
    nothing_wrong(|Operation { method, path, item, .. }| {
        let needs = *method == "patch" || path.contains("{id}/") && item["responses"].get("428").is_some();
        let named = item["parameters"].as_array().into_iter().flatten().any(|parameter| resolved(parameter)["name"] == "If-Match");
        let answers = ["412", "428"].iter().all(|status| item["responses"].get(status).is_some());
        (if needs { !(named && answers) } else { named && !answers }).then(|| "If-Match, 412 and 428 belong together".into())
    });
}

/// An address of an operation, with an id that was never given in place of each parameter.
fn address(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { Uuid::now_v7().to_string() } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("/")
}

/// The methods that a path answers.
fn methods(path: &str) -> BTreeSet<String> {
    let declared: BTreeSet<String> = operations().filter(|one| one.path == path).map(|one| one.method.to_uppercase()).collect();
    let head = declared.contains("GET").then(|| "HEAD".to_owned());
    declared.into_iter().chain(head).chain(["OPTIONS".to_owned()]).collect()
}

fn listed(header: &str) -> BTreeSet<String> {
    header.split(',').map(|method| method.trim().to_owned()).collect()
}

on_both_engines! {
    async fn every_path_answers_its_methods_and_says_so(school: School) {
        for path in operations().map(|operation| operation.path).collect::<BTreeSet<_>>() {
            let (url, allowed) = (address(path), methods(path));
            let options = school.anonymous().send(Method::OPTIONS, &url).await.is(204);
            assert_eq!(listed(options.header("allow")), allowed, "{path}");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"].into_iter().filter(|method| !allowed.contains(*method)) {
                for caller in [school.anonymous(), school.headteacher()] {
                    let refused = caller.send(method.parse().unwrap(), &url).await.is(405).problem("method_not_allowed");
                    assert_eq!(listed(refused.header("allow")), allowed, "{method} {path}");
                }
            }
        }
    }

    async fn pages_are_pages_and_what_is_beside_them_is_not_found(school: School) {
        for page in ["/", "/docs", "/openapi.json"] {
            assert_eq!(school.anonymous().send(Method::OPTIONS, page).await.is(204).header("allow"), "GET, HEAD, OPTIONS");
            let refused = school.anonymous().post(page, json!({})).await.is(405).problem("method_not_allowed");
            assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
        }
        school.anonymous().get("/docs/none.js").await.is(404).problem("not_found");
    }

    async fn head_answers_as_get_does_without_a_body(school: School) {
        school.submitted_case().await;
        for operation in operations().filter(|operation| operation.method == "get") {
            for caller in [school.headteacher(), school.anonymous()] {
                let url = address(operation.path);
                let (get, head) = (caller.get(&url).await, caller.send(Method::HEAD, &url).await);
                assert_eq!((get.status, get.header("content-type")), (head.status, head.header("content-type")), "{}", operation.id());
                assert_eq!(head.text, "");
            }
        }
    }

    async fn an_address_that_is_none_is_not_found(school: School) {
        for url in ["/v1", "/v1/", "/v2/comments", "/v1/comments/", "//v1/comments", "/v1/business-cases/x/y/z", "/problems/none", "/health", "/.git/config"] {
            for caller in [school.anonymous(), school.headteacher()] {
                caller.get(url).await.is(404).problem("not_found");
                caller.post(url, json!({})).await.is(if url == "/problems/none" { 405 } else { 404 });
            }
        }
    }

    async fn only_json_is_read(school: School) {
        let send = |kind: &str, body: &str| school.staff().send(Method::POST, "/v1/business-cases").body(kind, body);
        let case = json!({ "name": "Chess club" }).to_string();
        send("application/json; charset=utf-8", &case).await.is(201);
        for kind in ["text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/merge-patch+json", "application/jsonp"] {
            send(kind, &case).await.is(415).problem("unsupported_media_type");
        }
        for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
            send("application/json", &case).header("content-encoding", encoding).await.is(415).problem("unsupported_media_type");
        }
        send("application/json", &case).header("content-encoding", "identity").await.is(201);
        school.staff().send(Method::POST, "/v1/business-cases").await.is(415).problem("unsupported_media_type");
    }

    async fn a_body_has_a_largest_size(school: School) {
        let name = "Chess club";
        let fits = |size: usize| format!("{{\"name\":\"{name}\"{}}}", " ".repeat(size - name.len() - 11));
        let send = |body: String| school.staff().send(Method::POST, "/v1/business-cases").body("application/json", body);
        send(fits(1 << 20)).await.is(201);
        send(fits((1 << 20) + 1)).await.is(413).problem("body_too_large");
        school.anonymous().send(Method::POST, "/oauth/token").body("application/x-www-form-urlencoded", "x".repeat((1 << 20) + 1)).await.is(413).problem("body_too_large");
    }

    async fn a_body_of_unknown_length_has_the_same_largest_size(school: School) {
        let (token, address) = (school.staff().token().await, school.url().trim_start_matches("http://").to_owned());
        let answer = actix_web::rt::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            write!(stream, "POST /v1/business-cases HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            let chunk = vec![b' '; 1 << 16];
            for _ in 0..17 {
                write!(stream, "{:x}\r\n", chunk.len()).unwrap();
                stream.write_all(&chunk).unwrap();
                stream.write_all(b"\r\n").unwrap();
            }
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        });
        assert_eq!(answer.await.unwrap(), "HTTP/1.1 413");
    }

    async fn what_is_no_json_object_of_the_shape_is_malformed(school: School) {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (body, code) in [
            (&b""[..], "not_json"),
            (b"{", "not_json"),
            (b"{\"name\":", "not_json"),
            (b"{name: 'A'}", "not_json"),
            (b"{\"name\":\"A\",}", "not_json"),
            (b"{\"name\":\"A\"} {}", "trailing_data"),
            (b"{\"name\":\"A\"}]", "trailing_data"),
            (b"{\"name\":\"A\",\"name\":\"B\"}", "duplicate"),
            (b"\xef\xbb\xbf{\"name\":\"A\"}", "not_json"),
            (b"{\"name\":\"\xff\"}", "not_json"),
            (b"{\"name\":\"\\ud800\"}", "not_json"),
            (b"{\"name\":\"a\nb\"}", "not_json"),
            (b"{\"name\":NaN}", "not_json"),
            (b"{\"name\":1e999}", "not_json"),
            (b"null", "wrong_type"),
            (b"[\"A\"]", "wrong_type"),
            (deep.as_bytes(), "wrong_type"),
            (b"{\"name\":\"A\",\"managers\":[[\"0198a4b2-6f00-7000-8000-000000000002\",true]]}", "wrong_type"),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let reply = school.staff().send(Method::POST, "/v1/business-cases").body("application/json", body).await;
            assert_eq!(reply.status, 400, "{shown}: {reply}");
            let reply = reply.problem("malformed_body");
            assert_eq!(reply["errors"][0]["code"], code, "{shown}: {reply}");
        }
    }

    async fn a_request_is_known_by_one_id(school: School) {
        for given in ["12345678", "trace-me_v1.2", &"a".repeat(64)] {
            for url in ["/v1/business-cases", "/nowhere", "/health/live"] {
                assert_eq!(school.staff().get(url).header("x-request-id", given).await.header("x-request-id"), given);
            }
            assert_eq!(school.anonymous().get("/v1/comments").header("x-request-id", given).await.is(401)["request_id"], given);
        }
        for odd in ["1234567", &"a".repeat(65), "has space", "semi;colon", "<script>"] {
            let made = school.anonymous().get("/health/live").header("x-request-id", odd).await;
            assert!(made.header("x-request-id").parse::<Uuid>().is_ok(), "{odd}");
        }
    }

    async fn every_answer_carries_the_headers_that_protect(school: School) {
        for reply in [
            school.staff().get("/v1/business-cases").await.is(200),
            school.staff().post("/v1/business-cases", json!({})).await.is(400),
            school.anonymous().get("/v1/business-cases").await.is(401),
            school.pupil().get("/v1/business-cases").await.is(403),
            school.staff().get("/nowhere").await.is(404),
            school.staff().send(Method::PUT, "/v1/comments").await.is(405),
            school.anonymous().send(Method::OPTIONS, "/v1/comments").await.is(204),
            school.anonymous().post_form("/oauth/token", &[]).await.is(400),
        ] {
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("cross-origin-resource-policy", "same-origin"),
                ("strict-transport-security", "max-age=31536000"),
            ] {
                assert_eq!(reply.header(name), value, "{name}: {reply}");
            }
            assert!(reply.header("server").is_empty() && reply.header("x-powered-by").is_empty());
        }
    }

    async fn browsers_may_call_from_the_configured_origin_alone(school: School) {
        for (url, caller) in [("/v1/business-cases", school.staff()), ("/v1/business-cases", school.anonymous()), ("/nowhere", school.staff())] {
            let reply = caller.get(url).header("origin", ORIGIN).await;
            assert_eq!(reply.header("access-control-allow-origin"), ORIGIN, "{reply}");
            let exposed = reply.header("access-control-expose-headers").to_lowercase();
            for name in ["etag", "location", "link", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id", "idempotency-replayed", "content-disposition"] {
                assert!(exposed.split(',').any(|one| one.trim() == name), "{name}: {exposed}");
            }
            assert!(reply.header("access-control-allow-credentials").is_empty());
            for stranger in ["https://evil.example", "null", "https://app.weald.example.evil.example", "http://app.weald.example"] {
                let reply = caller.get(url).header("origin", stranger).await;
                assert!(reply.header("access-control-allow-origin").is_empty(), "{stranger}: {reply}");
            }
        }
        let preflight = |origin: &str| school.anonymous().send(Method::OPTIONS, "/v1/business-cases").header("origin", origin)
            .header("access-control-request-method", "PATCH").header("access-control-request-headers", "authorization, if-match, idempotency-key");
        let allowed = preflight(ORIGIN).await.is(200);
        assert_eq!(allowed.header("access-control-allow-origin"), ORIGIN);
        assert!(listed(allowed.header("access-control-allow-methods")).contains("PATCH"));
        assert!(!allowed.header("x-request-id").is_empty());
        assert!(preflight("https://evil.example").await.is(204).header("access-control-allow-origin").is_empty());
        let odd = school.anonymous().send(Method::OPTIONS, "/v1/business-cases").header("origin", ORIGIN)
            .header("access-control-request-method", "PATCH").header("access-control-request-headers", "x-odd");
        odd.await.is(400).problem("malformed_request");
    }

    async fn every_kind_of_problem_has_a_page(school: School) {
        let listed = school.anonymous().get("/problems").await.is(200);
        let codes: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect();
        assert_eq!(codes, Code::all().map(Code::name).collect::<Vec<_>>());
        for code in Code::all() {
            let page = school.anonymous().get(format!("/problems/{}", code.name())).await.is(200);
            assert_eq!((&page["status"], &page["title"]), (&json!(code.status()), &json!(code.title())));
        }
    }

    async fn the_document_is_served_as_it_is_on_file(school: School) {
        let served = school.anonymous().get("/openapi.json").await.is(200);
        assert_eq!(served.json(), &*DOCUMENT);
        school.anonymous().get("/openapi.json").header("if-none-match", served.etag()).await.is(304);
        assert_eq!(school.anonymous().get("/").await.is(308).header("location"), "/docs/");
        assert_eq!(school.anonymous().get("/docs").await.is(308).header("location"), "/docs/");
        let docs = school.anonymous().get("/docs/").await.is(200);
        assert!(docs.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
        assert!(!docs.text.contains("https://"), "nothing from elsewhere");
        for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js"] {
            school.anonymous().get(format!("/docs/{file}")).await.is(200);
        }
    }

    async fn health_and_figures_are_open_and_say_nothing_of_people(school: School) {
        let case = school.submitted_case().await;
        for url in ["/health/live", "/health/ready"] {
            assert_eq!(school.anonymous().get(url).await.is(200).json(), &json!({ "status": "ok" }));
        }
        let figures = school.anonymous().get("/metrics").await.is(200).text;
        assert!(figures.contains(r#"weald_http_requests_total{method="POST",route="/v1/business-cases/{id}/submit",status="200"} 1"#), "{figures}");
        assert!(!figures.contains(case["id"].as_str().unwrap()));
    }

    async fn each_caller_has_a_bucket_of_their_own(school: School) {
        let busy = school.second_instance(|service| service.rate_limit = 20.try_into().unwrap());
        for left in (0..20).rev() {
            let reply = busy.staff().get("/v1/business-cases").await.is(200);
            assert_eq!(reply.header("ratelimit"), format!("\"default\";r={left};t=60"));
            assert_eq!(reply.header("ratelimit-policy"), "\"default\";q=20;w=60");
        }
        let refused = busy.staff().get("/v1/business-cases").await.is(429).problem("rate_limited");
        assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
        busy.second_staff().get("/v1/business-cases").await.is(200);
        let from = |address: &str| busy.anonymous().get("/v1/business-cases").header("x-forwarded-for", address);
        for _ in 0..20 {
            from("192.0.2.1").await.is(401);
        }
        from("192.0.2.1").await.is(429);
        from("192.0.2.2").await.is(401);
        let token = || busy.anonymous().post_form("/oauth/token", &[("grant_type", "password")]).header("x-forwarded-for", "192.0.2.3");
        for _ in 0..2 {
            token().await.is(400);
        }
        token().await.is(429).problem("rate_limited");
        let encoded = reqwest::Client::new().post(format!("{}/%6fauth/token", busy.url())).header("x-forwarded-for", "192.0.2.3");
        assert_eq!(encoded.send().await.unwrap().status(), 429, "the same address in other letters");
        for _ in 0..50 {
            busy.anonymous().get("/health/live").await.is(200);
        }
    }

    async fn an_odd_idempotency_key_is_no_way_around_the_right_to_call(school: School) {
        let long = "k".repeat(256);
        for (caller, status) in [(school.staff(), 400), (school.pupil(), 403), (school.anonymous(), 401)] {
            caller.post("/v1/business-cases", json!({ "name": "A" })).idempotency_key(&long).await.is(status);
        }
        school.anonymous().post("/nowhere", json!({})).idempotency_key(&long).await.is(404);
        school.anonymous().post_form("/oauth/token", &[("grant_type", "password")]).idempotency_key(&long).await.is(400);
    }
}
