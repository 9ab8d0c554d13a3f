//! The operations on oneself and on the service.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use strum::IntoEnumIterator;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::rows;
use crate::access::caller::Caller;
use crate::access::permissions::{self, ReadOneself};
use crate::db::types::{AccountId, PersonId, SchoolId};
use crate::events::EventType;
use crate::http::body::{MAX_BATCH, MAX_BODY};
use crate::http::reply::Plain;
use crate::idempotency;
use crate::page;
use crate::policy::clauses::Clause;
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::accounts::rows::Sight;
use crate::resources::education_sessions::YearGroup;
use crate::resources::{accounts, events, schools};

pub fn operations(config: &mut ServiceConfig) {
    config.service(find_me).service(find_meta);
}

/// Who the caller is and what they may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "person_id": "0198a4b2-6f00-7000-8000-000000000006", "given_name": "Sam", "family_name": "Brook", "client_id": "weald",
    "school": { "id": "0198a4b2-6f00-7000-8000-0000000000aa", "name": "Weald Primary School", "time_zone": "Europe/London" },
    "roles": ["parent_carer"], "permissions": [{ "name": "people:read", "own": true }], "accounts": [],
    "children": [{ "id": "0198a4b2-6f00-7000-8000-000000000005", "given_name": "Kit", "family_name": "Brook", "year_group": "year_3", "has_parental_responsibility": true }]
}))]
pub struct Me {
    /// Absent for a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub family_name: Option<String>,
    /// The program that the caller uses.
    #[schema(max_length = 300)]
    pub client_id: String,
    pub school: MySchool,
    #[schema(max_items = 20)]
    pub roles: Vec<Role>,
    /// Acts for the headteacher today, by a delegation on record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acts_for_headteacher: bool,
    /// What the token carries and the roles give.
    #[schema(max_items = 200)]
    pub permissions: Vec<MyPermission>,
    /// The accounts that the caller runs.
    #[schema(max_items = 1000)]
    pub accounts: Vec<MyAccount>,
    /// The children at the school whom the caller is a guardian of.
    #[schema(max_items = 50)]
    pub children: Vec<MyChild>,
}

/// The caller's school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MySchool {
    pub id: SchoolId,
    #[schema(max_length = 200)]
    pub name: String,
    /// Of the time zone database.
    #[schema(max_length = 50)]
    pub time_zone: String,
}

/// A permission that the caller holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyPermission {
    #[schema(max_length = 60)]
    pub name: &'static str,
    /// Only for one's own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// An account that the caller runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyAccount {
    pub id: AccountId,
    #[schema(max_length = 100)]
    pub name: String,
    pub state: accounts::AccountState,
    pub lead: bool,
}

/// A child whom the caller is a guardian of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyChild {
    pub id: PersonId,
    #[schema(max_length = 100)]
    pub given_name: String,
    #[schema(max_length = 100)]
    pub family_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    pub has_parental_responsibility: bool,
}

/// Find out who one is.
///
/// What a front end shows and hides by: roles, permissions, the accounts that the caller runs, their children. Of a
/// single thing its `allowed_actions` say more.
#[utoipa::path(tag = "access", security(("oauth2" = [ReadOneself])), responses((status = 200, description = "The caller.", body = Me)))]
#[get("/v1/me")]
async fn find_me(caller: Caller<ReadOneself>) -> Result<Plain<Me>, Problem> {
    caller
        .read(|conn, me| {
            let school = schools::rows::find(conn, me.school())?;
            let (mut names, mut own, mut children) = (None, Vec::new(), Vec::new());
            if let Some(person) = me.person() {
                names = Some(rows::names(conn, me.school(), person)?);
                own = accounts::rows::in_use(conn, me.school(), Sight::Own(person))?;
                children = rows::children(conn, me.school(), person, me.today())?;
            }
            let (given_name, family_name) = names.unzip();
            let lead = |account: &accounts::rows::Account| account.managers.iter().any(|manager| manager.lead && me.is(manager.person_id));
            Plain::new(&Me {
                person_id: me.person(),
                given_name,
                family_name,
                client_id: me.client_id().to_owned(),
                school: MySchool { id: school.id, name: school.name, time_zone: school.time_zone },
                roles: me.roles().to_vec(),
                acts_for_headteacher: !me.delegated_by().is_empty(),
                permissions: me.permissions().map(|(row, held)| MyPermission { name: row.scope, own: held.own }).collect(),
                accounts: own
                    .into_iter()
                    .map(|account| MyAccount { lead: lead(&account), id: account.row.id, name: account.row.name, state: account.row.state })
                    .collect(),
                children: children
                    .into_iter()
                    .map(|(id, given_name, family_name, year_group, has_parental_responsibility)| MyChild {
                        id,
                        given_name,
                        family_name,
                        year_group,
                        has_parental_responsibility,
                    })
                    .collect(),
            })
        })
        .await
}

/// What this service can do and how much at a time.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "api_version": "v1", "limits": { "page_items": 200, "batch_items": 1000, "body_bytes": 1_048_576, "event_wait_seconds": 30, "idempotency_hours": 48 },
    "permissions": [{ "name": "people:read", "description": "Read people" }],
    "event_types": [{ "name": "comment.logged", "subject_type": "comment", "clause": "MON-2", "description": "A comment was logged." }],
    "clauses": [{ "id": "MON-2", "title": "Comments, queries and complaints are answered within 24 hours or on the next working day" }]
}))]
pub struct Meta {
    #[schema(max_length = 10)]
    api_version: &'static str,
    limits: MetaLimits,
    /// What a token can carry.
    #[schema(max_items = 500)]
    permissions: Vec<MetaPermission>,
    /// What the feed, the stream and webhooks can tell of.
    #[schema(max_items = 1000)]
    event_types: Vec<MetaEventType>,
    /// The clauses of the policy that problems and events cite.
    #[schema(max_items = 500)]
    clauses: Vec<MetaClause>,
}

/// How much at a time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MetaLimits {
    /// Items of a page at the most.
    #[schema(minimum = 1)]
    page_items: u16,
    /// Items of a batch at the most.
    #[schema(minimum = 1)]
    batch_items: usize,
    /// Bytes of a JSON body at the most.
    #[schema(minimum = 1)]
    body_bytes: usize,
    /// For how long a request waits for events at the most.
    #[schema(minimum = 1)]
    event_wait_seconds: u8,
    /// For how long an `Idempotency-Key` is remembered.
    #[schema(minimum = 1)]
    idempotency_hours: i64,
}

/// A permission.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MetaPermission {
    #[schema(max_length = 60)]
    name: &'static str,
    #[schema(max_length = 300)]
    description: &'static str,
}

/// A type of event.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MetaEventType {
    #[schema(max_length = 60)]
    name: &'static str,
    #[schema(max_length = 40)]
    subject_type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(max_length = 20)]
    clause: &'static str,
    #[schema(max_length = 300)]
    description: &'static str,
}

/// A clause of the policy.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MetaClause {
    #[schema(max_length = 20)]
    id: &'static str,
    #[schema(max_length = 300)]
    title: &'static str,
}

/// Never different while the program runs.
static META: LazyLock<String> = LazyLock::new(|| {
    let meta = Meta {
        api_version: "v1",
        limits: MetaLimits {
            page_items: page::MAX_LIMIT,
            batch_items: MAX_BATCH,
            body_bytes: MAX_BODY,
            event_wait_seconds: events::MAX_WAIT,
            idempotency_hours: idempotency::KEPT.num_hours(),
        },
        permissions: permissions::ALL.iter().map(|row| MetaPermission { name: row.scope, description: row.description }).collect(),
        event_types: EventType::iter()
            .map(|kind| MetaEventType {
                name: kind.name(),
                subject_type: kind.subject_type(),
                clause: kind.clause(),
                description: kind.description(),
            })
            .collect(),
        clauses: Clause::iter().map(|clause| MetaClause { id: clause.id(), title: clause.title() }).collect(),
    };
    serde_json::to_string(&meta).unwrap_or_default()
});

/// Find out what the service can do.
///
/// Limits, permissions, types of events and the clauses that are cited. Open to anyone.
#[utoipa::path(tag = "service", security(()), responses((status = 200, description = "What it can do.", body = Meta)))]
#[get("/v1/meta")]
async fn find_meta() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(META.as_str())
}
