//! Incidents to begin with.

use serde_json::{Value, json};

use super::caller::{Caller, Reply};
use super::{School, with};

impl School {
    /// An incident about somebody, as a second member of staff reported it.
    pub async fn reported(&self, about: &Caller<'_>, members: Value) -> Reply {
        let body = with(json!({ "description": "Insults in a group chat.", "subjects": [{ "person_id": about.id() }] }), members);
        self.second_staff().post("/v1/incidents", body).await.is(201)
    }

    /// An assessment, with some members replaced.
    pub fn assessment(members: Value) -> Value {
        let plain = json!({
            "category": "colleague_abuse", "severity": "moderate", "harm_threshold": "not_applicable", "scope": "personal_impacting",
            "legality": "lawful", "safeguarding": false, "reasons": "Colleagues can read it.",
        });
        with(plain, members)
    }
}

impl Caller<'_> {
    /// Makes a move of an incident, a referral or a disclosure in the version in which this caller sees it.
    pub async fn moves(&self, thing: &Reply, action: &str, body: Value) -> Reply {
        let id = thing["id"].as_str().unwrap();
        let collection = thing.url("").split('/').nth(2).unwrap().to_owned();
        let seen = self.get(format!("/v1/{collection}/{id}")).await;
        let etag = if seen.status == 200 { seen.etag().to_owned() } else { "\"1\"".to_owned() };
        self.post(format!("/v1/{collection}/{id}/{action}"), body).if_match(etag).await
    }

    /// Records that an incident was referred to an agency, from beginning to end.
    pub async fn refers(&self, incident: &Reply, agency: &str) {
        let id = incident["id"].as_str().unwrap();
        let open = self.get(format!("/v1/incidents/{id}/referrals")).await.is(200);
        let waiting =
            open.items().iter().find(|item| item["agency"] == agency && item["state"] == "to_make").map(|item| item["id"].clone());
        let referral = match waiting {
            Some(referral) => referral,
            None => self.post(format!("/v1/incidents/{id}/referrals"), json!({ "agency": agency })).await.is(201)["id"].clone(),
        };
        let url = format!("/v1/referrals/{}", referral.as_str().unwrap());
        let seen = self.get(&url).await.is(200);
        self.post(format!("{url}/make"), json!({ "reference": "REF-1" })).if_match(seen.etag()).await.is(200);
    }
}
