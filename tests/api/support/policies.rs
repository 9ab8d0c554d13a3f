//! Policies and what people say of them, to begin with.

use serde_json::{Value, json};

use super::School;
use super::caller::{Caller, Reply};

impl School {
    /// The policy that the school has from its first day.
    pub async fn social_media_policy(&self) -> Reply {
        let page = self.headteacher().get("/v1/policies?kind=social_media").await.is(200);
        self.headteacher().get(format!("/v1/policies/{}", page["items"][0]["id"].as_str().unwrap())).await.is(200)
    }

    /// The version of the social media policy that is in force.
    pub async fn version_in_force(&self) -> Reply {
        let policy = self.social_media_policy().await;
        self.headteacher().get(format!("/v1/policy-versions/{}", policy["published_version_id"].as_str().unwrap())).await.is(200)
    }

    /// A draft of the social media policy by the headteacher.
    pub async fn draft_version(&self, body: Value) -> Reply {
        let policy = self.social_media_policy().await;
        let drafted = self.headteacher().post(policy.url("versions"), body).await.is(201);
        self.headteacher().get(drafted.header("location")).await.is(200)
    }

    /// A version of the social media policy that waits to be published.
    pub async fn version_in_review(&self, body: Value) -> Reply {
        let draft = self.draft_version(body).await;
        self.headteacher().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200)
    }

    /// A new version of the social media policy, in force.
    pub async fn published_version(&self, body: Value) -> Reply {
        let version = self.version_in_review(body).await;
        self.headteacher().post(version.url("publish"), json!({})).if_match(version.etag()).await.is(200)
    }

    /// What somebody says who has read and understood a version.
    pub async fn attestation(&self, who: &Caller<'_>, version: &Reply) -> Value {
        let person = self.headteacher().get(format!("/v1/people/{}", who.id())).await.is(200);
        let name = format!("{} {}", person["given_name"].as_str().unwrap(), person["family_name"].as_str().unwrap());
        json!({
            "policy_version_id": version["id"], "read": true, "understood": true, "typed_name": name, "content_hash": version["content_hash"],
        })
    }

    /// Somebody's acknowledgement of the social media policy in force.
    pub async fn acknowledgement(&self, who: &Caller<'_>) -> Reply {
        let attestation = self.attestation(who, &self.version_in_force().await).await;
        who.post("/v1/acknowledgements", attestation).await.is(201)
    }
}
