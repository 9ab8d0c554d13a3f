//! The policy that every school begins with: its own social media policy, in force from the first day.

use diesel::prelude::*;
use diesel::result::Error as QueryError;

use super::rows::{self, PolicyRow};
use crate::db::Conn;
use crate::db::schema::policies;
use crate::db::types::{PolicyId, PolicyVersionId};
use crate::events::{self, Actor, Event, EventType};
use crate::policy::required::PolicyKind;
use crate::policy::text;
use crate::resources::policy_versions::PolicyVersionState;
use crate::resources::policy_versions::rows::{self as versions, PolicyVersion, PolicyVersionRow};

/// Gives the school its social media policy, unless it has one; whether it did.
///
/// # Errors
/// Where the database gives none.
pub fn seed(tx: &mut Conn, name: &str, by: Actor) -> QueryResult<bool> {
    let (school, now) = (by.school, by.at);
    let has_one = policies::table.filter(policies::school_id.eq(school)).filter(policies::kind.eq(PolicyKind::SocialMedia));
    if diesel::select(diesel::dsl::exists(has_one)).get_result(tx)? {
        return Ok(false);
    }
    let policy = PolicyRow {
        school_id: school,
        id: PolicyId::new(),
        kind: PolicyKind::SocialMedia,
        title: "Social Media Policy".into(),
        // CTX-3; those policies are set up by the school once it has their texts.
        depends_on: "aup_parent aup_staff e_safety".into(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let unreadable = |error: serde_json::Error| QueryError::SerializationError(error.into());
    let clauses = text::canonical(&text::social_media(name).map_err(unreadable)?).map_err(unreadable)?;
    let version = PolicyVersion {
        row: PolicyVersionRow {
            school_id: school,
            id: PolicyVersionId::new(),
            policy_id: policy.id,
            number: 1,
            state: PolicyVersionState::Published,
            minor: false,
            change_summary: None,
            content_hash: text::content_hash(&clauses),
            based_on_version_id: None,
            acknowledged_from: Some(1),
            drafted_by: None,
            published_at: Some(now),
            published_by: None,
            version: 1,
            created_at: now,
            updated_at: now,
        },
        clauses,
    };
    rows::insert(tx, &policy)?;
    versions::insert(tx, &version)?;
    let happened = vec![
        Event::new(EventType::PolicyCreated, policy.id.uuid()),
        Event::new(EventType::PolicyVersionPublished, version.row.id.uuid())
            .state(version.row.state)
            .related("policy_id", policy.id.uuid()),
    ];
    events::record_all(tx, by, happened)?;
    Ok(true)
}
