//! Every operation × every caller equals THE table, and another school's things do not exist. An operation is
//! covered the moment it is in the document.

use std::collections::BTreeMap;

use diesel::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::access::permissions::{self, Row};
use weald::db::schema::service_accounts;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply, Request};
use crate::support::contract::{Operation, operations, resolved};
use crate::support::{School, on_both_engines};

/// The operations that need a permission, each with its row of the table.
fn guarded() -> impl Iterator<Item = (Operation, &'static Row)> {
    operations().filter_map(|operation| {
        let scope = operation.item["security"][0]["oauth2"][0].as_str()?;
        Some((operation, permissions::row(scope).expect("a row of the table")))
    })
}

/// The names in a path, in their order.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The path with each name replaced.
fn filled(path: &str, value: impl Fn(&str) -> String) -> String {
    names(path).fold(path.to_owned(), |url, name| url.replace(&format!("{{{name}}}"), &value(name)))
}

/// What the document allows in place of a name: an id that was never given, or a word.
fn sample(operation: &Operation, name: &str) -> String {
    let parameters = operation.item["parameters"].as_array().into_iter().flatten().map(resolved);
    let schema = parameters.filter(|parameter| parameter["name"] == name).map(|parameter| resolved(&parameter["schema"])).next();
    let schema = schema.unwrap_or_else(|| panic!("{} does not declare {name}", operation.id()));
    match (schema["format"].as_str(), schema["enum"][0].as_str()) {
        (Some("uuid"), _) => Uuid::now_v7().to_string(),
        (_, Some(word)) => word.to_owned(),
        _ => "sample".to_owned(),
    }
}

/// A request that is as the document says, apart from its ids, of which there are none.
fn sound<'s>(caller: &Caller<'s>, operation: &Operation, url: &str, body: Option<&Value>) -> Request<'s> {
    let mut request = caller.send(operation.method.to_uppercase().parse().unwrap(), url).if_match("\"1\"");
    let mut parameters = operation.item["parameters"].as_array().into_iter().flatten();
    if parameters.any(|parameter| parameter["name"] == "Idempotency-Key") {
        request = request.idempotency_key(Uuid::now_v7());
    }
    match json_in(operation) {
        Some(media) => request.body("application/json", body.unwrap_or(&media["example"]).to_string()),
        None => request,
    }
}

/// What an operation says of the JSON that it takes.
fn json_in(operation: &Operation) -> Option<&'static Value> {
    let content = &operation.item["requestBody"]["content"];
    ["application/json", "application/merge-patch+json"].into_iter().find_map(|kind| content.get(kind))
}

/// A request of which nothing but the address is right.
fn broken<'s>(caller: &Caller<'s>, operation: &Operation) -> Request<'s> {
    let url = filled(operation.path, |name| sample(operation, name));
    caller.send(operation.method.to_uppercase().parse().unwrap(), format!("{url}?nonsense=1")).body("application/json", "{\"broken")
}

/// Refused by the table: a rule that refuses says why.
fn refused(reply: &Reply) -> bool {
    reply.status == 403 && reply["code"] == "forbidden" && reply["detail"].is_null()
}

/// The caller gets past the table, or does not: whatever else is wrong with the request.
async fn hold_to_table(caller: &Caller<'_>, operation: &Operation, allowed: bool, who: &str) {
    let at = format!("{} as {who}", operation.id());
    if allowed {
        let url = filled(operation.path, |name| sample(operation, name));
        let reply = sound(caller, operation, &url, None).await;
        assert!(reply.status != 401 && !refused(&reply), "{at}: {reply}");
        let reply = broken(caller, operation).await;
        assert!(reply.status != 401 && !refused(&reply), "{at}: {reply}");
    } else {
        let reply = broken(caller, operation).await;
        assert!(refused(&reply), "{at}: {reply}");
    }
}

fn holds(row: &Row, role: Role) -> bool {
    row.grants.iter().any(|grant| grant.role == role)
}

/// One of each kind of thing that a school has, by the collection in its address.
async fn things_of(school: &School) -> BTreeMap<&'static str, String> {
    let id = |reply: &Reply| reply["id"].as_str().unwrap().to_owned();
    let account = school.active_account().await;
    let comment =
        json!({ "account_id": account["id"], "kind": "query", "author_anonymous": true, "text": "When?", "received_at": school.now() });
    let comment = school.service().post("/v1/comments", comment).await.is(201);
    let check = school.staff().post("/v1/monitoring-checks", json!({ "account_id": account["id"] })).await.is(201);
    let release = school.released(&account, &school.staff()).await;
    let moderated = json!({ "comment_id": comment["id"], "kind": "hide", "reason": "spam", "public_explanation": "Advertisements." });
    let breach = json!({ "kind": "personal_data_breach", "description": "A lost phone." });
    let incident = school.reported(&school.parent(), json!({ "child_involved": true })).await;
    let notice = school.notice("school_social_media").await;
    let child = school.child_of(&school.parent(), "year_3").await;
    let consent = school.said(&school.parent(), &child, &notice, "given", json!({})).await.is(201);
    let publication = school.published(&account, &[&child]).await;
    let objection = school.parent().post("/v1/image-objections", json!({ "person_id": child["id"] })).await.is(201);
    let listed = json!({ "person_id": child["id"], "reason_class": "other" });
    let takedown = school.headteacher().get("/v1/takedowns").await.is(200).items()[0].clone();
    let endpoint = school.headteacher().new_endpoint("http://127.0.0.1:9/", &["comment.logged"]).await.is(201);
    school.headteacher().post(endpoint.url("replay"), json!({ "since": "2026-01-01T00:00:00Z" })).await.is(200);
    weald::webhooks::run_once(school.state()).await.unwrap();
    let delivery = school.headteacher().get(endpoint.url("deliveries")).await.is(200).items()[0].clone();
    BTreeMap::from([
        ("webhook-endpoints", id(&endpoint)),
        ("webhook-deliveries", delivery["id"].as_str().unwrap().to_owned()),
        ("consent-notices", id(&notice)),
        ("consents", id(&consent)),
        ("image-objections", id(&objection)),
        ("do-not-publish", id(&school.dsl().post("/v1/do-not-publish", listed).await.is(201))),
        ("publication-checks", publication["check_id"].as_str().unwrap().to_owned()),
        ("publications", id(&publication)),
        ("takedowns", takedown["id"].as_str().unwrap().to_owned()),
        ("schools", school.id.to_string()),
        ("people", school.second_staff().id().to_string()),
        ("delegations", school.delegation(&school.leadership(), "2026-01-14", "2026-01-16").await.to_string()),
        ("service-accounts", id(&school.headteacher().new_service_account(&["people:read"]).await.is(201))),
        ("imports", id(&school.service().import("", "text/csv", "external_id,given_name,family_name\n").await.is(202))),
        ("business-cases", id(&school.submitted_case().await)),
        ("accounts", id(&account)),
        ("comments", id(&comment)),
        ("courses", id(&school.course("Social media safety").await)),
        ("training-sessions", id(&school.training_session().await)),
        ("training-completions", id(&school.completion(&school.second_staff(), "2026-01-12").await)),
        ("education-sessions", id(&school.education_session(json!({})).await)),
        ("policies", id(&school.social_media_policy().await)),
        ("policy-versions", id(&school.version_in_review(json!({})).await)),
        ("acknowledgements", id(&school.acknowledgement(&school.leadership()).await)),
        ("monitoring-checks", id(&check)),
        ("personal-account-declarations", id(&school.declaration(&school.headteacher(), json!({})).await)),
        ("commenting-access", id(&school.commenting_access(json!({})).await)),
        ("credential-releases", id(&release)),
        ("incidents", id(&incident)),
        ("moderation-actions", id(&school.staff().post("/v1/moderation-actions", moderated).await.is(201))),
        (
            "media-enquiries",
            id(&school.staff().post("/v1/media-enquiries", json!({ "outlet": "Gazette", "question": "Why?" })).await.is(201)),
        ),
        ("parent-ladders", id(&school.staff().post("/v1/parent-ladders", json!({ "comment_id": comment["id"] })).await.is(201))),
        ("statutory-clocks", id(&school.dpo().post("/v1/statutory-clocks", breach).await.is(201))),
        ("notifications", school.headteacher().get("/v1/notifications").await.items()[0]["id"].as_str().unwrap().to_owned()),
        ("referrals", id(&school.headteacher().post(incident.url("referrals"), json!({ "agency": "iwf" })).await.is(201))),
        ("disclosures", id(&school.dsl().post(incident.url("disclosures"), json!({ "motivation": "To help." })).await.is(201))),
        ("handovers", id(&school.handover().await)),
        ("exit-records", id(&school.exit_record(&school.governor()).await)),
        ("mention-sweeps", id(&school.sweep(json!({})).await)),
        ("mentions", id(&school.mention(&school.headteacher(), json!({})).await)),
        ("response-procedures", id(&school.procedure_draft().await)),
        ("content-permissions", id(&school.content_permission(&school.staff(), json!({})).await)),
        ("accidental-images", id(&school.accidental_image(&school.staff(), json!({})).await)),
        ("low-level-concerns", id(&school.concern_about(&school.staff(), &school.second_staff()).await)),
        ("workplace-monitoring", id(&school.workplace_monitoring().await)),
        ("contact-exceptions", id(&school.contact_exception(&school.staff()).await)),
        ("contact-declarations", id(&school.staff().post("/v1/contact-declarations", json!({ "no_contact": true })).await.is(201))),
    ])
}

/// The collection that an id is out of, by the name under which it is asked for.
fn collection(path: &str, name: &str) -> String {
    match name {
        "id" => path.split("/{id}").next().and_then(|before| before.rsplit('/').next()).unwrap_or_default().to_owned(),
        "person_id" | "guardian_id" | "pupil_id" | "delegate_id" | "trainer_id" | "deliverer_id" | "parent_id" | "about_person_id"
        | "shared_by_id" | "witness_id" | "giver_id" | "author_id" => "people".to_owned(),
        "subject_id" if path.starts_with("/v1/consents") => "people".to_owned(),
        "notice_id" => "consent-notices".to_owned(),
        "check_id" => "publication-checks".to_owned(),
        "subject_id" => "accounts".to_owned(),
        "session_id" => "training-sessions".to_owned(),
        "procedure_version_id" => "response-procedures".to_owned(),
        "sweep_id" => "mention-sweeps".to_owned(),
        "policy_id" => "policies".to_owned(),
        name => format!("{}s", name.trim_end_matches("_id").replace('_', "-")),
    }
}

fn thing<'t>(things: &'t BTreeMap<&'static str, String>, path: &str, name: &str) -> &'t str {
    let collection = collection(path, name);
    things.get(collection.as_str()).unwrap_or_else(|| panic!("{path}: let `things_of` make one of {collection:?}"))
}

/// A caller who may, as widely as anybody.
fn permitted<'s>(school: &'s School, row: &Row) -> Caller<'s> {
    let widest = row.grants.iter().find(|grant| !grant.own).unwrap_or(&row.grants[0]);
    school.with_role(widest.role)
}

/// What a refusal or a page says, apart from the address and the id of the request.
fn said(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json().clone();
    if let Some(body) = body.as_object_mut() {
        body.retain(|member, _| member != "instance" && member != "request_id");
    }
    (reply.status.as_u16(), body)
}

/// The names of the ids at the top of an operation's body.
fn ids_in_body(operation: &Operation) -> Vec<&'static str> {
    let shape = json_in(operation).map_or(&Value::Null, |media| resolved(&media["schema"]));
    let members = shape["properties"].as_object().into_iter().flatten();
    members.filter(|(_, schema)| resolved(schema)["format"] == "uuid").map(|(name, _)| name.as_str()).collect()
}

/// The names of the ids among an operation's query parameters.
fn ids_in_query(operation: &Operation) -> Vec<&'static str> {
    let parameters = operation.item["parameters"].as_array().into_iter().flatten().map(resolved);
    let is_id = |schema: &'static Value| {
        resolved(schema)["format"] == "uuid" || schema.get("items").is_some_and(|item| resolved(item)["format"] == "uuid")
    };
    parameters.filter(|one| one["in"] == "query" && is_id(resolved(&one["schema"]))).map(|one| one["name"].as_str().unwrap()).collect()
}

on_both_engines! {
    async fn every_operation_asks_for_a_token_before_anything_else(school: School) {
        for (operation, _) in guarded() {
            for caller in [school.anonymous(), school.bearer("nonsense")] {
                let refused = broken(&caller, &operation).await.is(401).problem("unauthenticated");
                assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused}");
            }
        }
    }

    async fn what_is_open_to_anyone_asks_for_no_token(school: School) {
        for operation in operations().filter(|operation| operation.item["security"] == json!([])) {
            let reply = broken(&school.anonymous(), &operation).await;
            assert!(reply["code"] != "unauthenticated" && reply.status != 403, "{reply}");
        }
    }

    async fn every_role_may_what_the_table_says_and_nothing_else(school: School) {
        for (operation, row) in guarded() {
            for role in Role::iter() {
                hold_to_table(&school.with_role(role), &operation, holds(row, role), &role.to_string()).await;
            }
        }
    }

    async fn a_delegate_has_the_headteachers_rights_except_those_that_are_not_delegated(school: School) {
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        for (operation, row) in guarded() {
            let allowed = holds(row, Role::LeadershipTeam) || row.delegable && holds(row, Role::Headteacher);
            hold_to_table(&school.leadership(), &operation, allowed, "delegate").await;
        }
        school.clock_at("2026-01-15T00:00:00Z");
        for (operation, row) in guarded() {
            hold_to_table(&school.leadership(), &operation, holds(row, Role::LeadershipTeam), "delegate of yesterday").await;
        }
    }

    async fn somebody_with_two_roles_has_the_rights_of_both(school: School) {
        let both = school.person("both", &[Role::ParentCarer, Role::Governor]).await;
        for (operation, row) in guarded() {
            hold_to_table(&both, &operation, holds(row, Role::ParentCarer) || holds(row, Role::Governor), "parent and governor").await;
        }
    }

    async fn a_service_account_has_only_the_permissions_that_it_was_given(school: School) {
        let school_id = school.id;
        school.write(move |tx| {
            diesel::update(service_accounts::table.filter(service_accounts::school_id.eq(school_id)))
                .set(service_accounts::permissions.eq("comments:log business-cases:decide"))
                .execute(tx)
        }).await;
        for (operation, row) in guarded() {
            hold_to_table(&school.service(), &operation, row.scope == "comments:log", "service account").await;
        }
    }

    async fn a_thing_of_another_school_is_answered_like_one_that_never_was(school: School) {
        let other = school.other_school().await;
        let (ours, theirs) = (things_of(&school).await, things_of(&other).await);
        for (operation, row) in guarded() {
            let Operation { path, .. } = operation;
            let caller = permitted(&school, row);
            for name in names(path) {
                let is_id = sample(&operation, name).parse::<Uuid>().is_ok();
                let ask = async |id: &str| {
                    let url = filled(path, |other| match other {
                        other if other == name => id.to_owned(),
                        other if sample(&operation, other).parse::<Uuid>().is_ok() => thing(&ours, path, other).to_owned(),
                        other => sample(&operation, other),
                    });
                    said(&sound(&caller, &operation, &url, None).await)
                };
                if is_id {
                    let strange = ask(thing(&theirs, path, name)).await;
                    assert_eq!((strange.0, &strange.1["code"]), (404, &json!("not_found")), "{} {name}", operation.id());
                    assert_eq!(strange, ask(&Uuid::now_v7().to_string()).await, "{} {name}", operation.id());
                }
            }
            for name in ids_in_body(&operation) {
                let url = filled(path, |name| if sample(&operation, name).parse::<Uuid>().is_ok() { thing(&ours, path, name).to_owned() } else { sample(&operation, name) });
                let ask = async |id: &str| {
                    let mut body = json_in(&operation).map_or(Value::Null, |media| media["example"].clone());
                    for other in ids_in_body(&operation).into_iter().filter(|other| body.get(other).is_some()).collect::<Vec<_>>() {
                        body[other] = thing(&ours, path, other).into();
                    }
                    body[name] = id.into();
                    said(&sound(&caller, &operation, &url, Some(&body)).await)
                };
                let strange = ask(thing(&theirs, path, name)).await;
                assert!((400..500).contains(&strange.0), "{} {name}: {}", operation.id(), strange.1);
                assert_eq!(strange, ask(&Uuid::now_v7().to_string()).await, "{} {name}", operation.id());
            }
        }
    }

    async fn no_list_shows_a_thing_of_another_school(school: School) {
        let other = school.other_school().await;
        let theirs = things_of(&other).await;
        for (operation, row) in guarded().filter(|(operation, _)| operation.method == "get" && names(operation.path).next().is_none()) {
            for grant in row.grants {
                let caller = school.with_role(grant.role);
                let reply = caller.get(operation.path).await.is(200);
                for (kind, id) in &theirs {
                    assert!(!reply.text.contains(id), "{} shows {kind} of another school: {reply}", operation.id());
                }
                for name in ids_in_query(&operation) {
                    let ask = async |id: &str| said(&caller.get(format!("{}?{name}={id}", operation.path)).await);
                    assert_eq!(ask(thing(&theirs, operation.path, name)).await, ask(&Uuid::now_v7().to_string()).await, "{} {name}", operation.id());
                }
            }
        }
    }

    async fn each_kind_of_thing_that_has_an_address_is_shown_to_its_own_school(school: School) {
        let ours = things_of(&school).await;
        for (operation, row) in guarded().filter(|(operation, _)| operation.method == "get" && operation.path.ends_with("/{id}")) {
            let url = filled(operation.path, |name| thing(&ours, operation.path, name).to_owned());
            permitted(&school, row).send(Method::GET, url).await.is(200);
        }
    }
}
