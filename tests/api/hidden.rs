//! What is hidden from somebody leaves no trace for them, in any way that the document offers (decisions, section 3,
//! rule 2). The ways are walked out of the document: a new one is covered the moment it is registered.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::contract::{Operation, operations, resolved};
use crate::support::{School, on_both_engines};

/// What an answer says: everything but the address, the id of the request, what is left of the quota, and how the connection goes on.
fn said(reply: &Reply) -> (u16, Vec<(String, String)>, Value) {
    let mut body = reply.json().clone();
    if let Some(body) = body.as_object_mut() {
        body.retain(|member, _| member != "instance" && member != "request_id");
    }
    let told = |name: &str| !matches!(name, "x-request-id" | "ratelimit" | "date" | "content-length" | "connection");
    let headers = reply.headers.iter().filter(|(name, _)| told(name.as_str()));
    let mut headers: Vec<(String, String)> = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (reply.status.as_u16(), headers, body)
}

fn with_id(operation: &Operation, id: &str) -> String {
    operation.path.replace("{id}", id)
}

/// Everything that somebody is told when they ask for all that can be read without knowing an id, and for all with
/// the ids of these things.
async fn everything(caller: &Caller<'_>, known: &BTreeMap<&str, String>) -> BTreeMap<String, (u16, Vec<(String, String)>, Value)> {
    let mut told = BTreeMap::new();
    for operation in operations().filter(|operation| operation.method == "get" && !operation.path.starts_with("/oauth")) {
        let collection = operation.path.split('/').nth(2).unwrap_or_default();
        let path = match (operation.path.contains('{'), known.get(collection)) {
            (false, _) => operation.path.to_owned(),
            (true, Some(id)) if !operation.path.replace("{id}", "").contains('{') => with_id(&operation, id),
            (true, _) => continue,
        };
        let pages = operation.item["parameters"].as_array().into_iter().flatten().any(|parameter| resolved(parameter)["name"] == "limit");
        let url = if pages { path + "?limit=200" } else { path };
        // Figures of the whole program, and a signature with the time in it, are never the same twice.
        if !url.starts_with("/metrics") {
            told.insert(url.clone(), said(&caller.get(&url).await));
        }
    }
    for kind in ["after=latest", "subject_type=incident", "type=incident.reported"] {
        let url = format!("/v1/events?{kind}");
        told.insert(url.clone(), said(&caller.get(&url).await));
    }
    told
}

/// The answer to every operation on that id is the one to an id that was never given.
async fn is_nothing(caller: &Caller<'_>, collection: &str, id: &str) {
    for operation in operations().filter(|operation| operation.path.starts_with(&format!("/v1/{collection}/{{id}}"))) {
        let ask = async |id: &str| {
            let mut request = caller.send(operation.method.to_uppercase().parse().unwrap(), with_id(&operation, id)).if_match("\"1\"");
            if let Some(media) = operation.item["requestBody"]["content"].get("application/json") {
                request = request.body("application/json", media["example"].to_string());
            }
            said(&request.await)
        };
        let never = Uuid::now_v7().to_string();
        assert_eq!(ask(id).await, ask(&never).await, "{}", operation.id());
    }
}

/// Lives the whole case through as whoever leads it, and gives the ids of what came of it.
async fn lived(lead: &Caller<'_>, protector: &Caller<'_>, incident: &Reply) -> Vec<(&'static str, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut made = vec![("incidents", text(&incident["id"]))];
    lead.moves(incident, "assess", School::assessment(json!({ "legality": "illegal", "harm_threshold": "may_meet_threshold" })))
        .await
        .is(200);
    lead.post(incident.url("notes"), json!({ "audience": "internal", "text": "Between us." })).await.is(201);
    for referral in lead.get(incident.url("referrals")).await.is(200).items() {
        made.push(("referrals", text(&referral["id"])));
    }
    lead.refers(incident, "lado").await;
    lead.moves(incident, "investigate", json!({})).await.is(200);
    if let Some(asked) =
        Some(protector.post(incident.url("disclosures"), json!({ "motivation": "To help." })).await).filter(|reply| reply.status == 201)
    {
        made.push(("disclosures", text(&asked["id"])));
    }
    made
}

/// An incident about each row of the routing table: whom it is about, who leads, who looks after the child.
fn rows_of_the_table() -> Vec<(&'static str, Vec<Role>, Value, Role, Role)> {
    use Role::{
        ChairOfGovernors as Chair, DeputyDsl, Dpo, Dsl, Governor, Headteacher as Head, ItTechnician, ParentCarer, Pupil, Staff, Volunteer,
    };
    vec![
        ("staff", vec![Staff], json!({}), Head, Dsl),
        ("volunteer", vec![Volunteer], json!({ "child_involved": true }), Head, Dsl),
        ("headteacher", vec![Head], json!({}), Chair, Dsl),
        ("unnamed headteacher", vec![], json!({ "report_about_head": true }), Chair, Dsl),
        ("chair", vec![Chair], json!({}), Head, Dsl),
        ("headteacher and chair", vec![Head, Chair], json!({ "child_involved": true }), Governor, Dsl),
        ("IT technician", vec![ItTechnician], json!({}), Head, Dsl),
        ("DSL", vec![Dsl], json!({}), Head, DeputyDsl),
        ("DPO", vec![Dpo], json!({ "category": "data_protection_breach" }), Head, Dsl),
        ("pupil", vec![Pupil], json!({}), Head, Dsl),
        ("parent", vec![ParentCarer], json!({}), Head, Dsl),
        ("nobody known", vec![], json!({}), Head, Dsl),
    ]
}

on_both_engines! {
    async fn whom_an_incident_is_about_is_told_the_same_as_if_it_did_not_exist(school: School) {
        let head = school.headteacher();
        let tag = head.get(format!("/v1/schools/{}", school.id)).await.etag().to_owned();
        let contact = json!({ "person_id": school.governor().id() });
        head.post(format!("/v1/schools/{}/name-escalation-contact", school.id), contact).if_match(tag).await.is(200);
        let account = school.active_account().await;
        let known = BTreeMap::from([
            ("accounts", account["id"].as_str().unwrap().to_owned()),
            ("people", school.staff().id().to_string()),
            ("schools", school.id.to_string()),
        ]);
        let mut before = BTreeMap::new();
        for role in Role::iter().filter(|role| *role != Role::MisIntegration) {
            before.insert(role, everything(&school.with_role(role), &known).await);
        }
        for (row, about, members, lead, protector) in rows_of_the_table() {
            let subjects: Vec<Value> = about.iter().map(|role| json!({ "person_id": school.with_role(*role).id() })).collect();
            let body = crate::support::with(json!({ "description": "Canary.", "subjects": subjects }), members);
            let incident = school.second_staff().post("/v1/incidents", &body).await.is(201);
            let made = lived(&school.with_role(lead), &school.with_role(protector), &incident).await;
            let mut knowing = 0;
            for (role, before) in &mut before {
                let caller = school.with_role(*role);
                let now = everything(&caller, &known).await;
                if caller.get(incident.url("")).await.status == 200 {
                    assert!(!about.contains(role), "{row}: seen by {role}");
                    knowing += 1;
                    *before = now;
                    continue;
                }
                for (url, told) in now {
                    assert_eq!(told, before[&url], "{row}, as {role}: {url}");
                }
                for (collection, id) in &made {
                    is_nothing(&caller, collection, id).await;
                }
            }
            assert!(knowing >= 1, "{row}: nobody knows of it");
        }
    }

    async fn what_comes_to_be_hidden_is_as_if_it_had_never_been(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let known = BTreeMap::new();
        let before = everything(&head, &known).await;
        let incident = school.reported(&school.staff(), json!({})).await;
        let made = lived(&head, &school.dsl(), &incident).await;
        assert_ne!(everything(&head, &known).await, before);
        let subjects = json!({ "subjects": [{ "person_id": school.staff().id() }, { "person_id": head.id() }] });
        head.moves(&incident, "change-subjects", subjects).await.is(200);
        chair.post(incident.url("notes"), json!({ "audience": "internal", "text": "Now you." })).await.is(201);
        for (url, told) in everything(&head, &known).await {
            assert_eq!(told, before[&url], "{url}");
        }
        for (collection, id) in &made {
            is_nothing(&head, collection, id).await;
        }
        // And back: whom it turns out not to be about leads again.
        chair.moves(&incident, "change-subjects", json!({ "subjects": [{ "person_id": school.staff().id() }] })).await.is(200);
        assert_eq!(head.get(incident.url("")).await.is(200)["capacity"], "lead");
    }

    async fn figures_do_not_tell_that_something_was_reported(school: School) {
        school.staff().post("/v1/incidents", json!({ "description": "x" })).await.is(201);
        let figures = school.anonymous().get("/metrics").await.is(200);
        assert!(!figures.text.contains("incident") && !figures.text.contains("reports"), "{}", figures.text);
        assert!(figures.text.contains("route=\"other\",status=\"2xx\""));
    }
}
