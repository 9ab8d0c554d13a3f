//! The operations on the log.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::rows::{self, Eyes, Filter, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{
    AuditEvents, ReadAccounts, ReadComments, ReadCourses, ReadDelegations, ReadEventHead, ReadEvents, ReadImports, ReadPersonDetails,
    ReadPolicies, ReadSchool, ReadTraining,
};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{EventId, PersonId, SubjectId};
use crate::events::chain::Head;
use crate::events::watch::Woken;
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
    config.service(list_events).service(stream_events).service(find_event_head);
}

/// For how many seconds a request waits for an event at the most.
pub const MAX_WAIT: u8 = 30;

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
    /// How many seconds to wait for an event, if there is none yet.
    #[validate(range(max = MAX_WAIT))]
    #[param(minimum = 0, maximum = 30, default = 0, nullable = false)]
    pub wait: Option<u8>,
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

/// Which events to stream.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// A cursor, or `latest`; from the first event, if absent. `Last-Event-ID` takes its place.
    #[validate(length(max = 60))]
    #[param(max_length = 60, nullable = false)]
    pub after: Option<String>,
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
    /// On this thing.
    #[param(nullable = false)]
    pub subject_id: Option<SubjectId>,
}

/// An event as feed, stream and webhooks tell it.
pub fn cloud_event(row: EventRow) -> Event {
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
pub fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.may::<AuditEvents>() => Sight::Everything(person),
        Some(person) => Sight::By(person),
        None => {
            let readable = [
                ("school", me.may_all::<ReadSchool>()),
                ("person", me.may::<ReadPersonDetails>()),
                ("import", me.may::<ReadImports>()),
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

/// As whom this caller looks at what is confidential.
///
/// # Errors
/// Where the database gives none.
pub fn eyes<P>(conn: &mut Conn, me: &Caller<P>) -> Result<Option<Eyes>, Problem> {
    let Some(person) = me.person() else { return Ok(None) };
    Ok(Some(Eyes { viewer: incidents::viewer(conn, me)?, reader: Reader::new(person, me.roles()) }))
}

/// Somebody's way through the log.
struct Reading {
    caller: Caller<ReadEvents>,
    filter: Filter,
    after: After,
    limit: i64,
}

/// Where reading goes on.
#[derive(Clone, Copy)]
enum After {
    /// This event; the beginning, if none.
    Event(Option<EventId>),
    /// The newest.
    Latest,
}

impl Reading {
    fn new(caller: Caller<ReadEvents>, after: Option<&str>, filter: Filter, limit: i64) -> Result<Self, Problem> {
        let refuse = |name, why| Problem::new(Code::MalformedQuery).with_errors(vec![FieldError::new(name, "unacceptable_value", why)]);
        if filter.types.iter().any(|name| EventType::named(name).is_none()) {
            return Err(refuse("type", "This is not a type of event."));
        }
        if filter.subject_types.iter().any(|name| EventType::iter().all(|kind| kind.subject_type() != name)) {
            return Err(refuse("subject_type", "No event is on a thing of this kind."));
        }
        let after = match after {
            Some("latest") => After::Latest,
            Some(cursor) => After::Event(decode(cursor)?),
            None => After::Event(None),
        };
        Ok(Self { caller, filter, after, limit })
    }

    /// What there is now; the next call goes on behind it.
    async fn next(&mut self) -> Result<EventFeed, Problem> {
        let (filter, after, limit) = (self.filter.clone(), self.after, self.limit);
        let (found, has_more, next) = self.caller.read(move |conn, me| page(conn, me, &filter, after, limit)).await?;
        self.after = After::Event(next);
        Ok(EventFeed { items: found.into_iter().map(cloud_event).collect(), next_cursor: encode(next), has_more })
    }
}

/// Events, whether there are more, and the newest that the reader then knows of.
fn page(
    conn: &mut Conn,
    me: &Caller<ReadEvents>,
    filter: &Filter,
    after: After,
    limit: i64,
) -> Result<(Vec<EventRow>, bool, Option<EventId>), Problem> {
    let (sight, eyes) = (sight(me), eyes(conn, me)?);
    // The head first: what is committed later is for the next call, and nothing is stepped over.
    let (head, _) = rows::head(conn, me.school())?;
    let newest = rows::newest(conn, me.school(), &sight, eyes.as_ref(), head)?;
    let from = match after {
        After::Latest => return Ok((Vec::new(), false, newest)),
        // A log that was restored from a backup does not know it.
        After::Event(Some(id)) => rows::number_of(conn, me.school(), id)?.ok_or_else(|| Problem::new(Code::CursorExpired))?,
        After::Event(None) => 0,
    };
    let mut found = rows::between(conn, me.school(), &sight, eyes.as_ref(), filter, from, head, limit + 1)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > most;
    found.truncate(most);
    let next = if has_more { found.last().map(|row| row.id) } else { newest };
    Ok((found, has_more, next))
}

/// As whom a caller waits for events.
fn waiter(caller: &Caller<ReadEvents>) -> String {
    caller.person().map_or_else(|| caller.client_id().to_owned(), |person| person.to_string())
}

/// Follow what happens.
///
/// Events in the order of their commits, at least once. Ask again with `next_cursor`; with `wait`, an answer without
/// events comes only after so many seconds. Headteacher and data protection officer see what happens to anything but to
/// what others have not submitted yet; a service what happens to the kinds of things that it may read, and what it did;
/// everybody else what they did themselves.
#[utoipa::path(tag = "events", security(("oauth2" = [ReadEvents])), params(EventQuery),
    responses((status = 200, description = "Events.", body = EventFeed), Fails<410>))]
#[get("/v1/events")]
async fn list_events(caller: Caller<ReadEvents>, query: Query<EventQuery>, state: Data<State>) -> Result<Plain<EventFeed>, Problem> {
    let EventQuery { after, limit, wait, r#type, subject_type, subject_id } = query.0;
    let limit = i64::from(limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT));
    let until = tokio::time::Instant::now() + Duration::from_secs(wait.unwrap_or(0).into());
    let mut reading =
        Reading::new(caller, after.as_deref(), Filter { types: r#type, subject_types: subject_type, subject: subject_id }, limit)?;
    if wait.unwrap_or(0) == 0 {
        return Plain::new(&reading.next().await?);
    }
    let mut place = state.waiting.admit(&state.db, reading.caller.school(), waiter(&reading.caller))?;
    loop {
        let feed = reading.next().await?;
        if !feed.items.is_empty() || place.wait(until).await != Woken::News {
            return Plain::new(&feed);
        }
        reading.caller = reading.caller.again(state.clock.now()).await?;
    }
}

/// A comment at least so often shows both ends that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Follow what happens, as a stream.
///
/// The same events as `GET /v1/events`, as Server-Sent Events: `data` is the CloudEvent, `id` the cursor behind it. After
/// a break, go on with `Last-Event-ID`. A comment comes every 15 seconds. The stream ends with the token, and when the
/// service stops. The token belongs in the header: `EventSource` of browsers cannot send it, `fetch` can.
#[utoipa::path(tag = "events", security(("oauth2" = [ReadEvents])), params(StreamQuery, LastEventId),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = EventStream), Fails<410>))]
#[get("/v1/events/stream")]
async fn stream_events(
    caller: Caller<ReadEvents>,
    query: Query<StreamQuery>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let StreamQuery { after, r#type, subject_type, subject_id } = query.0;
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let filter = Filter { types: r#type, subject_types: subject_type, subject: subject_id };
    let place = state.waiting.admit(&state.db, caller.school(), waiter(&caller))?;
    let mut reading = Reading::new(caller, last.or(after).as_deref(), filter, MAX_LIMIT.into())?;
    // What is wrong with the cursor is still a problem, and no broken stream.
    let first = reading.next().await?;
    let stream = stream::unfold((reading, place, Some(first)), move |(mut reading, mut place, first)| {
        let state = state.clone();
        async move {
            let alive = tokio::time::Instant::now() + HEARTBEAT;
            let feed = match first {
                Some(feed) => feed,
                None => loop {
                    reading.caller = reading.caller.again(state.clock.now()).await.ok()?;
                    let feed = reading.next().await.ok()?;
                    if !feed.items.is_empty() {
                        break feed;
                    }
                    match place.wait(alive).await {
                        Woken::News => {}
                        Woken::Late => return Some((Ok::<_, Infallible>(Bytes::from_static(b": alive\n\n")), (reading, place, None))),
                        Woken::Closing => return None,
                    }
                },
            };
            Some((Ok(frames(&feed)), (reading, place, None)))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        // Not held back by a proxy.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream))
}

/// Events as they go over the wire; at the least the cursor behind them, from which a stream of nothing yet can be resumed.
fn frames(feed: &EventFeed) -> Bytes {
    let mut text = String::from(": events\n\n");
    for event in &feed.items {
        let data = serde_json::to_string(event).unwrap_or_default();
        let _ = write!(text, "id: {}\ndata: {data}\n\n", encode(Some(event.id)));
    }
    let _ = write!(text, "id: {}\n\n", feed.next_cursor);
    text.into()
}

/// The cursor behind the last event that was seen (Server-Sent Events).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "for the document")]
struct LastEventId {
    /// The `id` of the last event that was seen; takes the place of `after`.
    #[param(rename = "Last-Event-ID", max_length = 60, nullable = false)]
    last_event_id: Option<String>,
}

/// Lines of `id:` and `data:`, and comments.
#[derive(ToSchema)]
#[schema(max_length = 1_000_000_000, example = ": events\n\nid: AZiksm8AcACAAAAAAAAA4Q\ndata: {\"specversion\":\"1.0\"}\n\n")]
#[allow(dead_code, reason = "for the document")]
struct EventStream(String);

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
