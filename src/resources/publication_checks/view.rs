//! What a check looks like, and to whom what of it shows.

use serde::Serialize;
use utoipa::ToSchema;

use super::rows::Check;
use crate::access::caller::Caller;
use crate::access::permissions::{DecidePublication, EditDoNotPublish, PreparePublication};
use crate::clock::Instant;
use crate::db::types::{AccountId, ContentPermissionId, PersonId, PublicationCheckId};
use crate::http::reply::Resource;
use crate::http::text::{Day, Link};
use crate::page::Page;
use crate::policy::consent::Purpose;
use crate::policy::publication::{self, Attestation, Blocker, CheckAction, CheckState, Concern, Decision, Flag, Obstacle};
use crate::words::split;

/// A check of what is to be published.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d5", "state": "cleared", "decision": "cleared", "allowed_actions": ["publish"],
    "account_id": "0198a4b2-6f00-7000-8000-0000000000b1", "consent_purpose": "school_social_media",
    "author_id": "0198a4b2-6f00-7000-8000-000000000002", "reason": "The sports day.", "text": "What a day!", "links": [],
    "flags": ["contains_children"], "attestations": ["tone_fits", "everybody_named", "appropriately_dressed", "no_ridicule"],
    "subject_count": 1, "content_permission_ids": [], "blockers": [], "concerns": [], "second_opinions": [],
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "expires_at": "2026-01-15T10:00:00Z",
    "version": 1, "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct PublicationCheck {
    pub id: PublicationCheckId,
    pub state: CheckState,
    /// What it came to when it was made.
    pub decision: Decision,
    /// What this caller can do with it now.
    #[schema(max_items = 5)]
    pub allowed_actions: Vec<CheckAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub account_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub unregistered_account: Option<String>,
    /// What the subjects have to have consented to.
    pub consent_purpose: Purpose,
    pub author_id: PersonId,
    /// Why it was checked.
    #[schema(max_length = 500)]
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub text: Option<String>,
    #[schema(max_items = 20)]
    pub links: Vec<Link<1000>>,
    #[schema(max_items = 20)]
    pub flags: Vec<Flag>,
    #[schema(max_items = 10)]
    pub attestations: Vec<Attestation>,
    /// The day on which the picture was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub taken_on: Option<Day>,
    /// How many people can be seen or are named.
    #[schema(minimum = 0, maximum = 300)]
    pub subject_count: usize,
    /// Who they are: for the author, the headteacher and the safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 300, nullable = false)]
    pub subjects: Option<Vec<PersonId>>,
    #[schema(max_items = 20)]
    pub content_permission_ids: Vec<ContentPermissionId>,
    /// Everything that stands in the way.
    #[schema(max_items = 3000)]
    pub blockers: Vec<PublicationBlocker>,
    /// Why the headteacher has to decide.
    #[schema(max_items = 5)]
    pub concerns: Vec<Concern>,
    #[schema(max_items = 20)]
    pub second_opinions: Vec<SecondOpinion>,
    /// SHA-256 of what was checked, in hexadecimal: the clearance is for this and nothing else.
    #[schema(max_length = 64)]
    pub content_hash: String,
    /// Until when it can be used, or decided on.
    pub expires_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    /// What the headteacher said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub feedback: Option<String>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// Something that stands in the way of a publication.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicationBlocker {
    pub code: Obstacle,
    #[schema(max_length = 20)]
    pub clause: String,
    #[schema(max_length = 500)]
    pub detail: String,
    /// What would satisfy the clause.
    #[schema(max_length = 500)]
    pub cure: String,
    /// Whom it is about: for the headteacher and the safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    /// JSON Pointer to what is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub pointer: Option<String>,
}

/// What somebody else thinks of it (DO-8).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecondOpinion {
    pub person_id: PersonId,
    pub requested_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub agrees: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub given_at: Option<Instant>,
}

pub type PublicationCheckPage = Page<PublicationCheck>;

impl Resource for PublicationCheck {
    fn location(&self) -> String {
        format!("/v1/publication-checks/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Whether the caller learns who blocks a publication, and why (IMG-4).
pub fn entitled<P>(me: &Caller<P>) -> bool {
    me.may::<EditDoNotPublish>()
}

/// The blockers, as far as the caller may know of them.
pub fn shown<P>(me: &Caller<P>, blockers: Vec<Blocker>) -> Vec<Blocker> {
    if entitled(me) { blockers } else { publication::opaque(blockers) }
}

pub fn view<P>(me: &Caller<P>, check: Check) -> PublicationCheck {
    let row = check.row;
    let state = row.state_at(me.now());
    let author = me.is(row.author_id);
    let asked = check.opinions.iter().any(|opinion| me.person() == Some(opinion.person_id));
    let may = |action: &CheckAction| match action {
        CheckAction::Approve | CheckAction::Refuse => !author && me.may::<DecidePublication>(),
        CheckAction::RequestSecondOpinion | CheckAction::Publish => me.may::<PreparePublication>(),
        CheckAction::GiveSecondOpinion => asked && !author,
    };
    let blockers: Vec<Blocker> = serde_json::from_str(&row.blockers).unwrap_or_default();
    let concerns: Vec<Concern> = split(&row.concerns);
    let decision = match (blockers.is_empty(), concerns.is_empty()) {
        (false, _) => Decision::Blocked,
        (true, false) => Decision::NeedsApproval,
        _ => Decision::Cleared,
    };
    let blocker = |blocker: Blocker| PublicationBlocker {
        code: blocker.code,
        clause: blocker.clause,
        detail: blocker.detail,
        cure: blocker.cure,
        person_id: blocker.person.map(PersonId::from),
        pointer: blocker.pointer,
    };
    PublicationCheck {
        id: row.id,
        state,
        decision,
        allowed_actions: <CheckAction as strum::IntoEnumIterator>::iter()
            .filter(|&action| publication::possible(action, state))
            .filter(may)
            .collect(),
        account_id: row.account_id,
        unregistered_account: row.unregistered_account,
        consent_purpose: row.consent_purpose,
        author_id: row.author_id,
        reason: row.reason,
        text: row.text,
        links: serde_json::from_str(&row.links).unwrap_or_default(),
        flags: split(&row.flags),
        attestations: split(&row.attestations),
        taken_on: row.taken_on.map(Day),
        subject_count: check.subjects.len(),
        subjects: (author || entitled(me)).then_some(check.subjects),
        content_permission_ids: check.works,
        blockers: shown(me, blockers).into_iter().map(blocker).collect(),
        concerns,
        second_opinions: check
            .opinions
            .into_iter()
            .map(|opinion| SecondOpinion {
                person_id: opinion.person_id,
                requested_at: opinion.requested_at,
                agrees: opinion.agrees,
                comment: opinion.comment,
                given_at: opinion.given_at,
            })
            .collect(),
        content_hash: row.content_hash,
        expires_at: row.expires_at,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
        feedback: row.feedback,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
