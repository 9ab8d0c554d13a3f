//! Business cases to begin with.

use serde_json::{Value, json};

use super::caller::Reply;
use super::{School, with};

impl School {
    /// All that a case needs to be submitted.
    pub fn complete_case(&self) -> Value {
        json!({
            "name": "Friends of Weald", "platform": "facebook", "aim": "Tell families what happens.", "audiences": ["parents"],
            "promotion_plan": "In the newsletter.", "visibility": "closed",
            "managers": [{ "person_id": self.staff().id(), "lead": true }, { "person_id": self.second_staff().id() }],
        })
    }

    /// A complete case with some members replaced.
    pub fn case_with(&self, members: Value) -> Value {
        with(self.complete_case(), members)
    }

    /// A complete draft of a member of staff.
    pub async fn draft(&self) -> Reply {
        self.staff().post("/v1/business-cases", self.complete_case()).await.is(201)
    }

    /// A case that waits for the headteacher.
    pub async fn submitted_case(&self) -> Reply {
        let draft = self.draft().await;
        self.staff().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200)
    }

    /// A case from which an account can be made.
    pub async fn approved_case(&self) -> Reply {
        let case = self.submitted_case().await;
        self.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200)
    }
}
