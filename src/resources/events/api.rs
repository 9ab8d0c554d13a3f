//! The operations on the log.

use actix_web::get;
use actix_web::web::Data;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::rows::{self, Eyes, Filter, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{
    AuditEvents, ReadAccounts, ReadComments, ReadCourses, ReadDelegations, ReadEventHead, ReadEvents, ReadPersonDetails, ReadPolicies,
    ReadSchool, ReadTraining,
};
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{EventId, PersonId, SubjectId};
use crate::events::chain::Head;
use crate::events::{self, EventRow, EventType};
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::Plain;
use crate::http::text::Line;
use crate::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::incidents;
use crate::resources::low_level_concerns::rows::Reader;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_events).service(find_event_head);
}

/// Something that happened, as a CloudEvent (CloudEvents 1.0, JSON).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "specversion": "1.0", "id": "0198a4b2-6f00-7000-8000-0000000000e1", "source": "/v1/schools/0198a4b2-6f00-7000-8000-0000000000aa",
    "type": "comment.logged", "subject": "0198a4b2-6f00-7000-8000-0000000000c1", "time": "2026-01-17T08:00:00Z",
    "datacontenttype": "application/json",
    "data": { "subject_type": "comment", "actor_role": "staff", "client_id": "weald", "clause": "MON-2", "state": "received" }
}))]
pub struct Event {
    #[schema(max_length = 3)]
    pub specversion: &'static str,
    pub id: EventId,
    /// The school.
    #[schema(max_length = 100)]
    pub source: String,
    /// What happened.
    #[schema(max_length = 60)]
    pub r#type: String,
    /// The id of the thing that it happened to.
    pub subject: SubjectId,
    pub time: Instant,
    #[schema(max_length = 40)]
    pub datacontenttype: &'static str,
    pub data: EventData,
}

/// Who did what: ids, states and names of fields; whoever may know more asks for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventData {
    #[schema(max_length = 40)]
    pub subject_type: String,
    /// Who did it; absent where the program or a service did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub actor_id: Option<PersonId>,
    /// The role under which it was done.
    #[schema(max_length = 60)]
    pub actor_role: String,
    #[schema(max_length = 100)]
    pub client_id: String,
    /// The clause of the policy under which it is recorded.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(max_length = 20)]
    pub clause: &'static str,
    /// The state that the subject is in now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub state: Option<String>,
    /// The names of the fields that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50, value_type = Vec<Line<60>>, inline)]
    pub changed: Vec<String>,
    /// Other things that it concerns.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub related: std::collections::BTreeMap<String, Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, nullable = false)]
    pub count: Option<i64>,
    /// The role that was granted or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub role: Option<String>,
}

/// Events in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "items": [], "next_cursor": "AZiksm8AcACAAAAAAAAA4Q", "has_more": false }))]
pub struct EventFeed {
    #[schema(max_items = 200)]
    pub items: Vec<Event>,
    /// Where to go on; always there.
    #[schema(max_length = 60)]
    pub next_cursor: String,
    /// There is more already.
    pub has_more: bool,
}

/// Which events to read.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The cursor of the last answer, or `latest`; from the first event, if absent.
    #[validate(length(max = 60))]
    #[param(max_length = 60, nullable = false)]
    pub after: Option<String>,
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200, default = 50, nullable = false)]
    pub limit: Option<u16>,
    /// Of one of these types.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50, value_type = Vec<Line<60>>, inline)]
    pub r#type: Vec<String>,
    /// On one of these kinds of things.
    #[serde(default)]
    #[validate(length(max = 20))]
    #[param(max_items = 20, value_type = Vec<Line<40>>, inline)]
    pub subject_type: Vec<String>,
    /// On this thing: its history.
    #[param(nullable = false)]
    pub subject_id: Option<SubjectId>,
}

fn view(row: EventRow) -> Event {
    let data: events::Data = serde_json::from_str(&row.data).unwrap_or_default();
    let clause = EventType::named(&row.event_type).map_or("", EventType::clause);
    Event {
        specversion: "1.0",
        id: row.id,
        source: format!("/v1/schools/{}", row.school_id),
        r#type: row.event_type,
        subject: row.subject_id,
        time: row.occurred_at,
        datacontenttype: "application/json",
        data: EventData {
            subject_type: row.subject_type,
            actor_id: row.actor_id,
            actor_role: row.actor_role,
            client_id: row.client_id,
            clause,
            state: data.state,
            changed: data.changed,
            related: data.related,
            count: data.count,
            role: data.role,
        },
    }
}

/// What this caller may know of.
fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.may::<AuditEvents>() => Sight::Everything(person),
        Some(person) => Sight::By(person),
        None => {
            let readable = [
                ("school", me.may_all::<ReadSchool>()),
                ("person", me.may::<ReadPersonDetails>()),
                ("delegation", me.may_all::<ReadDelegations>()),
                ("account", me.may_all::<ReadAccounts>()),
                ("comment", me.may_all::<ReadComments>()),
                ("policy", me.may_all::<ReadPolicies>()),
                ("course", me.may_all::<ReadCourses>()),
                ("training_completion", me.may_all::<ReadTraining>()),
            ];
            let kinds = readable.into_iter().filter(|(_, may)| *may).map(|(kind, _)| kind).collect();
            Sight::Of(kinds, me.client_id().to_owned())
        }
    }
}

/// Follow what happens.
///
/// Events in the order of their commits, at least once. Ask again with `next_cursor`. Headteacher and data protection
/// officer see what happens to anything but to what others have not submitted yet; a service what happens to the kinds
/// of things that it may read, and what it did; everybody else what they did themselves.
#[utoipa::path(tag = "events", security(("oauth2" = [ReadEvents])), params(EventQuery),
    responses((status = 200, description = "Events.", body = EventFeed), Fails<410>))]
#[get("/v1/events")]
async fn list_events(caller: Caller<ReadEvents>, query: Query<EventQuery>) -> Result<Plain<EventFeed>, Problem> {
    let refuse = |name, why| Problem::new(Code::MalformedQuery).with_errors(vec![FieldError::new(name, "unacceptable_value", why)]);
    if query.r#type.iter().any(|name| EventType::named(name).is_none()) {
        return Err(refuse("type", "This is not a type of event."));
    }
    if query.subject_type.iter().any(|name| EventType::iter().all(|kind| kind.subject_type() != name)) {
        return Err(refuse("subject_type", "No event is on a thing of this kind."));
    }
    let latest = query.after.as_deref() == Some("latest");
    let after = query.after.as_deref().filter(|_| !latest).map(decode).transpose()?.flatten();
    let limit = i64::from(query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT));
    let feed = caller
        .read(move |conn, me| {
            let query = query.0;
            let filter = Filter { types: query.r#type, subject_types: query.subject_type, subject: query.subject_id };
            let sight = sight(me);
            let eyes = match me.person() {
                Some(person) => Some(Eyes { viewer: incidents::viewer(conn, me)?, reader: Reader::new(person, me.roles()) }),
                None => None,
            };
            // The head first: what is committed later is for the next call, and nothing is stepped over.
            let (head, _) = rows::head(conn, me.school())?;
            let newest = rows::newest(conn, me.school(), &sight, eyes.as_ref(), head)?;
            if latest {
                return Ok(EventFeed { items: Vec::new(), next_cursor: encode(newest), has_more: false });
            }
            let from = match after {
                // A log that was restored from a backup does not know it.
                Some(id) => rows::number_of(conn, me.school(), id)?.ok_or_else(|| Problem::new(Code::CursorExpired))?,
                None => 0,
            };
            let mut found = rows::between(conn, me.school(), &sight, eyes.as_ref(), &filter, from, head, limit + 1)?;
            let has_more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let next = if has_more { found.last().map(|row| row.id) } else { newest };
            Ok(EventFeed { items: found.into_iter().map(view).collect(), next_cursor: encode(next), has_more })
        })
        .await?;
    Plain::new(&feed)
}

/// The newest event, signed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 41, "hash": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "issued_at": "2026-01-17T08:00:00Z",
    "signed_head": "eyJ0eXAiOiJ3ZWFsZC1oZWFkK2p3dCJ9.e30.c2lnbmF0dXJl"
}))]
pub struct EventHead {
    /// How many events there are.
    #[schema(minimum = 0)]
    pub number: i64,
    /// Of the newest event, and with it of all before it.
    #[schema(max_length = 43)]
    pub hash: String,
    pub issued_at: Instant,
    /// All of this as a JWT under a key of `/.well-known/jwks.json`: keep it elsewhere and give it to
    /// `weald events verify --head`.
    #[schema(max_length = 2000)]
    pub signed_head: String,
}

/// Get the signed head of the log.
///
/// Kept elsewhere it shows, at any later time, whether the log was cut off or written anew.
#[utoipa::path(tag = "events", security(("oauth2" = [ReadEventHead])), responses((status = 200, description = "The head.", body = EventHead)))]
#[get("/v1/events/head")]
async fn find_event_head(caller: Caller<ReadEventHead>, state: Data<State>) -> Result<Plain<EventHead>, Problem> {
    let issued_at = caller.now();
    let head = caller
        .read(move |conn, me| {
            let (number, hash) = rows::head(conn, me.school())?;
            Ok(Head { school: me.school(), number, hash, iat: issued_at.timestamp() })
        })
        .await?;
    let signed_head = head.sign(&state.tokens).map_err(Problem::internal)?;
    Plain::new(&EventHead { number: head.number, hash: head.hash, issued_at, signed_head })
}

/// A cursor names the newest event that the caller knows of. It is no number: a gap would tell of what is hidden.
fn encode(newest: Option<EventId>) -> String {
    newest.map_or_else(|| BEGINNING.to_owned(), |id| URL_SAFE_NO_PAD.encode(id.uuid().as_bytes()))
}

/// The cursor of whoever knows of no event yet.
const BEGINNING: &str = "beginning";

fn decode(cursor: &str) -> Result<Option<EventId>, Problem> {
    if cursor == BEGINNING {
        return Ok(None);
    }
    let id = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
    id.map(|id| Some(id.into())).ok_or_else(|| Problem::new(Code::InvalidCursor))
}
