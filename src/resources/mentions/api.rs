//! The operations on postings.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Filter, MentionRow, Sight};
use super::rules::{self, MentionAction, MentionState};
use crate::access::caller::Caller;
use crate::access::permissions::{AnswerMention, AssessMention, CaptureMention, ReadMentions};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, MentionId, MentionSweepId, PersonId, ResponseProcedureId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Line, Link, Prose, present};
use crate::page::{Page, paged};
use crate::policy::mentions::{self, MentionScope, Sentiment};
use crate::policy::platforms::{self, Platform};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::comments::rules::{check_author, is_past};
use crate::resources::response_procedures::followed;
use crate::resources::{accounts, mention_sweeps};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_mentions)
        .service(capture_mention)
        .service(count_purged_mentions)
        .service(find_mention)
        .service(assess_mention)
        .service(respond_to_mention)
        .service(waive_mention_response)
        .service(close_mention);
}

/// A public posting about the school (PRO-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000b2", "state": "captured", "allowed_actions": ["assess"],
    "sweep_id": "0198a4b2-6f00-7000-8000-0000000000b1", "url": "https://forum.example/t/42", "platform": "other",
    "platform_other_name": "Townsfolk forum", "captured_at": "2026-01-14T10:00:00Z",
    "captured_by": "0198a4b2-6f00-7000-8000-000000000002", "author_anonymous": true,
    "excerpt": "The parking at Weald Primary is a shambles.", "sentiment": "negative", "topics": ["parking"],
    "version": 1, "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct Mention {
    pub id: MentionId,
    pub state: MentionState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<MentionAction>,
    /// The search that found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sweep_id: Option<MentionSweepId>,
    /// The school's account on which it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub account_id: Option<AccountId>,
    #[schema(max_length = 2000)]
    pub url: String,
    pub platform: Platform,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    pub captured_at: Instant,
    pub captured_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub author_name: Option<String>,
    /// The author did not say who they are (BEH-3).
    pub author_anonymous: bool,
    #[schema(max_length = 5000)]
    pub excerpt: String,
    pub sentiment: Sentiment,
    #[schema(max_items = 20, value_type = Vec<Line<50>>, inline)]
    pub topics: Vec<String>,
    /// Whose business it is (SC-1); absent until it is assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scope: Option<MentionScope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub scope_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assessed_at: Option<Instant>,
    /// Absent where it is professional by itself (SC-5).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assessed_by: Option<PersonId>,
    /// The version of the response procedure that was followed (PRO-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub procedure_version_id: Option<ResponseProcedureId>,
    /// The branch of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responded_at: Option<Instant>,
    /// Who recorded the response, or that there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responded_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub response_note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub no_response_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub closed_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type MentionPage = Page<Mention>;

impl Resource for Mention {
    fn location(&self) -> String {
        format!("/v1/mentions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A posting that somebody found.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://forum.example/t/42", "platform": "other", "platform_other_name": "Townsfolk forum", "public": true,
    "author_anonymous": true, "excerpt": "The parking at Weald Primary is a shambles.", "sentiment": "negative", "topics": ["parking"]
}))]
pub struct NewMention {
    /// The search that found it.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub sweep_id: Option<MentionSweepId>,
    /// The school's account on which it was posted.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub account_id: Option<AccountId>,
    #[validate(nested)]
    #[schema(inline)]
    pub url: Link<2000>,
    pub platform: Platform,
    /// The name of an `other` platform.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub platform_other_name: Option<Line<100>>,
    /// Whether anybody can read it.
    pub public: bool,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub captured_at: Option<Instant>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub author_name: Option<Line<200>>,
    /// The author did not say who they are (BEH-3).
    #[serde(default)]
    pub author_anonymous: bool,
    #[validate(nested)]
    #[schema(inline)]
    pub excerpt: Prose<5000>,
    pub sentiment: Sentiment,
    #[serde(default)]
    #[validate(length(max = 20), nested)]
    #[schema(inline, max_items = 20)]
    pub topics: Vec<Line<50>>,
}

/// Whose business a posting is.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "scope": "personal_associated", "reason": "The author names the school, and speaks as a parent." }))]
pub struct ScopeAssessment {
    pub scope: MentionScope,
    /// Required by SC-4.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub reason: Option<Prose<2000>>,
}

/// How a posting was responded to.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "procedure_version_id": "0198a4b2-6f00-7000-8000-0000000000f1", "branch": "acknowledge_and_talk",
    "note": "Thanked the author, and offered a talk at the gate."
}))]
pub struct MentionResponse {
    /// The version of the response procedure that was followed: the one in force.
    pub procedure_version_id: ResponseProcedureId,
    /// The branch of it.
    #[validate(nested)]
    #[schema(inline)]
    pub branch: Line<40>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub responded_at: Option<Instant>,
    /// What was said.
    #[validate(nested)]
    #[schema(inline)]
    pub note: Prose<2000>,
}

/// Why a posting needs no response.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "procedure_version_id": "0198a4b2-6f00-7000-8000-0000000000f1", "branch": "no_response", "reason": "It only repeats our news."
}))]
pub struct MentionWaiver {
    /// The version of the response procedure that was followed: the one in force.
    pub procedure_version_id: ResponseProcedureId,
    /// The branch of it.
    #[validate(nested)]
    #[schema(inline)]
    pub branch: Line<40>,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which postings to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MentionQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<MentionState>,
    #[serde(default)]
    #[validate(length(max = 4))]
    #[param(max_items = 4)]
    pub sentiment: Vec<Sentiment>,
    /// On one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
    /// Found by one of these searches.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub sweep_id: Vec<MentionSweepId>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(MentionQuery);

/// Which days to count.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PurgedQuery {
    /// The first day; from the beginning, if absent.
    #[param(nullable = false)]
    pub from: Option<Day>,
    /// The last day; up to today, if absent.
    #[param(nullable = false)]
    pub to: Option<Day>,
}

/// How many postings were found out of scope.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "count": 4 }))]
pub struct PurgedMentions {
    #[schema(minimum = 0)]
    pub count: i64,
}

/// The postings that this caller may see: all of the school's, or those that they captured.
fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadMentions>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn held<P>(me: &Caller<P>, row: &MentionRow) -> impl Fn(MentionAction) -> bool {
    // SC-5: there is nothing to decide of what is on the school's own account.
    let (assesses, answers) = (me.may::<AssessMention>() && row.account_id.is_none(), me.may::<AnswerMention>());
    move |action| if action == MentionAction::Assess { assesses } else { answers }
}

fn view<P>(me: &Caller<P>, row: MentionRow) -> Mention {
    Mention {
        allowed_actions: rules::allowed(row.state, held(me, &row)),
        id: row.id,
        state: row.state,
        sweep_id: row.sweep_id,
        account_id: row.account_id,
        url: row.url,
        platform: row.platform,
        platform_other_name: row.platform_other_name,
        captured_at: row.captured_at,
        captured_by: row.captured_by,
        author_name: row.author_name,
        author_anonymous: row.author_anonymous,
        excerpt: row.excerpt,
        sentiment: row.sentiment,
        topics: row.topics.lines().map(str::to_owned).collect(),
        scope: row.scope,
        scope_reason: row.scope_reason,
        assessed_at: row.assessed_at,
        assessed_by: row.assessed_by,
        procedure_version_id: row.procedure_version_id,
        branch: row.branch,
        responded_at: row.responded_at,
        responded_by: row.responded_by,
        response_note: row.response_note,
        no_response_reason: row.no_response_reason,
        closed_at: row.closed_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Finds the posting, and checks that the caller may take the action on the one that was read.
fn open<P>(tx: &mut Conn, me: &Caller<P>, id: MentionId, seen: &IfMatch, action: MentionAction) -> Result<MentionRow, Problem> {
    let row = rows::find(tx, me.school(), sight(me), id)?;
    rules::check(action, row.state, held(me, &row))?;
    seen.check(row.version)?;
    Ok(row)
}

/// Stores what became of it, and records that it did.
fn settle<P>(tx: &mut Conn, me: &Caller<P>, mut row: MentionRow, kind: EventType) -> Result<Versioned<Mention>, Problem> {
    rows::save(tx, &mut row, me.now())?;
    events::record(tx, me, Event::new(kind, row.id.uuid()).state(row.state))?;
    Versioned::new(&view(me, row))
}

/// Nothing that is said to be past lies ahead.
fn past(pointer: &str, at: Instant, now: Instant) -> Result<Instant, Problem> {
    if is_past(at, now) { Ok(at) } else { Err(Problem::invalid(pointer, "in_the_future", "This lies in the future.")) }
}

/// List public postings about the school (PRO-1).
///
/// Oldest first. Members of staff see those that they captured. Positive ones, as of parents who comment appropriately
/// (PU-PC-2), are found by `sentiment`.
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentions])), params(MentionQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((MentionPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/mentions")]
async fn list_mentions(caller: Caller<ReadMentions>, query: Query<MentionQuery>, format: Format) -> Result<Listed<Mention>, Problem> {
    listed(caller, "/v1/mentions", query, format, |conn, me, query, window| {
        let filter = Filter {
            states: query.state.clone(),
            sentiments: query.sentiment.clone(),
            accounts: query.account_id.clone(),
            sweeps: query.sweep_id.clone(),
        };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Record a public posting about the school.
///
/// What not everybody can read is refused, and nothing of it is kept (PRO-1). Praise is recorded as well as criticism
/// (PU-PC-2). What was posted on an account of the school is professional without being asked (SC-5). An author is
/// named, or flagged as anonymous (BEH-3). Each address is on record once.
#[utoipa::path(tag = "mentions", security(("oauth2" = [CaptureMention])), request_body = NewMention,
    responses((status = 201, description = "Recorded.", body = Mention)))]
#[post("/v1/mentions")]
async fn capture_mention(caller: Caller<CaptureMention>, new: Valid<NewMention>) -> Result<Created<Mention>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            // PRO-1 first: nothing else is said about what nobody was to read.
            mentions::recordable(new.public)?;
            let (platform_other_name, author_name) = (new.platform_other_name.map(Line::into_inner), new.author_name.map(Line::into_inner));
            platforms::named(new.platform, platform_other_name.as_deref())?;
            check_author(author_name.as_deref(), new.author_anonymous)?;
            if let Some(sweep) = new.sweep_id
                && mention_sweeps::rows::look_up(tx, me.school(), sweep)?.is_none()
            {
                return Err(Problem::invalid("/sweep_id", "unknown", "There is no such search for this caller."));
            }
            if let Some(account) = new.account_id
                && accounts::rows::look_up(tx, me.school(), accounts::sight(me), account)?.is_none()
            {
                return Err(Problem::invalid("/account_id", "unknown", "There is no such account for this caller."));
            }
            let (url, scope) = (new.url.into_inner(), mentions::scope_of_itself(new.account_id.is_some()));
            let topics: Vec<String> = new.topics.into_iter().map(Line::into_inner).collect();
            let row = MentionRow {
                school_id: me.school(),
                id: MentionId::new(),
                state: if scope.is_some() { MentionState::Assessed } else { MentionState::Captured },
                sweep_id: new.sweep_id,
                account_id: new.account_id,
                url_hash: rows::url_hash(&url),
                url,
                platform: new.platform,
                platform_other_name,
                captured_at: past("/captured_at", new.captured_at.unwrap_or_else(|| me.now()), me.now())?,
                captured_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                author_name,
                author_anonymous: new.author_anonymous,
                excerpt: new.excerpt.into_inner(),
                sentiment: new.sentiment,
                topics: topics.join("\n"),
                scope,
                scope_reason: None,
                assessed_at: scope.map(|_| me.now()),
                assessed_by: None,
                procedure_version_id: None,
                branch: None,
                responded_at: None,
                responded_by: None,
                response_note: None,
                no_response_reason: None,
                closed_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::MentionCaptured, row.id.uuid()).state(row.state))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Count the postings that were found out of scope (SC-7).
///
/// Of the whole school, by its local days: nothing else is kept of them.
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentions])), params(PurgedQuery),
    responses((status = 200, description = "The count.", body = PurgedMentions)))]
#[get("/v1/mentions/purged-count")]
async fn count_purged_mentions(caller: Caller<ReadMentions>, query: Query<PurgedQuery>) -> Result<Plain<PurgedMentions>, Problem> {
    let (from, to) = (query.from.map(|day| day.0), query.to.map(|day| day.0));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let error = FieldError::new("from", "out_of_range", "The first day lies after the last one.");
        return Err(Problem::new(Code::MalformedQuery).with_errors(vec![error]));
    }
    caller.read(move |conn, me| Plain::new(&PurgedMentions { count: rows::purged(conn, me.school(), from, to)? })).await
}

/// Find a public posting about the school (PRO-1).
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentions])),
    responses((status = 200, description = "The posting.", body = Mention), Fails<404>))]
#[get("/v1/mentions/{id}")]
async fn find_mention(caller: Caller<ReadMentions>, id: Path<MentionId>) -> Result<Versioned<Mention>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Decide whose business a posting is (SC-1).
///
/// By the headteacher or a delegate on record, with a reason (SC-4). What is posted on an account of the school is
/// professional, and nothing else (SC-5). What is out of scope is deleted, and only counted (SC-7): 204.
#[utoipa::path(tag = "mentions", security(("oauth2" = [AssessMention])), params(IfMatchHeader), request_body = ScopeAssessment,
    responses((status = 200, description = "Decided.", body = Mention), (status = 204, description = "Out of scope, and deleted."),
        Fails<404, 409, 412, 428>))]
#[post("/v1/mentions/{id}/assess")]
async fn assess_mention(
    caller: Caller<AssessMention>,
    id: Path<MentionId>,
    seen: IfMatch,
    assessment: Valid<ScopeAssessment>,
) -> Result<Versioned<Mention>, Problem> {
    caller
        .write(move |tx, me| {
            let assessment = assessment.into_inner();
            let mut row = open(tx, me, *id, &seen, MentionAction::Assess)?;
            let reason = assessment.reason.map(Prose::into_inner);
            mentions::assessable(row.account_id.is_some(), reason.as_deref())?;
            if assessment.scope == MentionScope::OutOfScope {
                rows::purge(tx, &row, me.today())?;
                events::record(tx, me, Event::new(EventType::MentionPurged, row.id.uuid()))?;
                return Ok(Versioned::gone());
            }
            row.state = MentionState::Assessed;
            (row.scope, row.scope_reason) = (Some(assessment.scope), reason);
            (row.assessed_at, row.assessed_by) = (Some(me.now()), me.person());
            settle(tx, me, row, EventType::MentionAssessed)
        })
        .await
}

/// Record how a posting was responded to, by which branch of the response procedure in force (PRO-2).
#[utoipa::path(tag = "mentions", security(("oauth2" = [AnswerMention])), params(IfMatchHeader), request_body = MentionResponse,
    responses((status = 200, description = "Recorded.", body = Mention), Fails<404, 409, 412, 428>))]
#[post("/v1/mentions/{id}/respond")]
async fn respond_to_mention(
    caller: Caller<AnswerMention>,
    id: Path<MentionId>,
    seen: IfMatch,
    response: Valid<MentionResponse>,
) -> Result<Versioned<Mention>, Problem> {
    caller
        .write(move |tx, me| {
            let response = response.into_inner();
            let mut row = open(tx, me, *id, &seen, MentionAction::Respond)?;
            followed(tx, me.school(), response.procedure_version_id, response.branch.as_str())?;
            row.responded_at = Some(past("/responded_at", response.responded_at.unwrap_or_else(|| me.now()), me.now())?);
            row.responded_by = me.person();
            (row.procedure_version_id, row.branch) = (Some(response.procedure_version_id), Some(response.branch.into_inner()));
            row.response_note = Some(response.note.into_inner());
            row.state = MentionState::Responded;
            settle(tx, me, row, EventType::MentionResponded)
        })
        .await
}

/// Record that a posting needs no response, by which branch of the response procedure in force, and why (PRO-2).
#[utoipa::path(tag = "mentions", security(("oauth2" = [AnswerMention])), params(IfMatchHeader), request_body = MentionWaiver,
    responses((status = 200, description = "Recorded.", body = Mention), Fails<404, 409, 412, 428>))]
#[post("/v1/mentions/{id}/no-response")]
async fn waive_mention_response(
    caller: Caller<AnswerMention>,
    id: Path<MentionId>,
    seen: IfMatch,
    waiver: Valid<MentionWaiver>,
) -> Result<Versioned<Mention>, Problem> {
    caller
        .write(move |tx, me| {
            let waiver = waiver.into_inner();
            let mut row = open(tx, me, *id, &seen, MentionAction::NoResponse)?;
            followed(tx, me.school(), waiver.procedure_version_id, waiver.branch.as_str())?;
            row.responded_by = me.person();
            (row.procedure_version_id, row.branch) = (Some(waiver.procedure_version_id), Some(waiver.branch.into_inner()));
            row.no_response_reason = Some(waiver.reason.into_inner());
            row.state = MentionState::NoResponseRequired;
            settle(tx, me, row, EventType::MentionNeedsNoResponse)
        })
        .await
}

/// Close a posting that was responded to, or needs no response (PRO-2).
#[utoipa::path(tag = "mentions", security(("oauth2" = [AnswerMention])), params(IfMatchHeader),
    responses((status = 200, description = "Closed.", body = Mention), Fails<404, 409, 412, 428>))]
#[post("/v1/mentions/{id}/close")]
async fn close_mention(
    caller: Caller<AnswerMention>,
    id: Path<MentionId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Mention>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = open(tx, me, *id, &seen, MentionAction::Close)?;
            (row.state, row.closed_at) = (MentionState::Closed, Some(me.now()));
            settle(tx, me, row, EventType::MentionClosed)
        })
        .await
}
