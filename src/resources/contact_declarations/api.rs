//! The operations on declarations on contact with pupils.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ContactDeclarationRow, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::{MakeContactDeclaration, ReadContactDeclarations};
use crate::clock::Instant;
use crate::db::types::{ContactDeclarationId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Day, Prose, unless_blank};
use crate::page::{Page, PageQuery, Window};
use crate::policy::contact;
use crate::problem::{Code, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_contact_declarations)
        .service(make_contact_declaration)
        .service(find_contact_declaration)
        .service(list_contact_declaration_gaps);
}

/// What a member of staff declared on contact with pupils (PU-PU-1). Never changed: the next one follows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000e3", "person_id": "0198a4b2-6f00-7000-8000-000000000002", "no_contact": true,
    "declared_on": "2026-01-14", "created_at": "2026-01-14T10:00:00Z"
}))]
pub struct ContactDeclaration {
    pub id: ContactDeclarationId,
    pub person_id: PersonId,
    /// Neither follows nor engages with current or former pupils on personal accounts, but for what was granted.
    pub no_contact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub explanation: Option<String>,
    pub declared_on: Day,
    pub created_at: Instant,
}

type ContactDeclarationPage = Page<ContactDeclaration>;

impl Resource for ContactDeclaration {
    fn location(&self) -> String {
        format!("/v1/contact-declarations/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A member of staff who has not declared anything on contact with pupils for a year.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000002" }))]
pub struct ContactDeclarationGap {
    pub person_id: PersonId,
}

type ContactDeclarationGapPage = Page<ContactDeclarationGap>;

/// The caller's declaration on contact with pupils.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "no_contact": true }))]
pub struct NewContactDeclaration {
    /// Neither following nor engaging with current or former pupils on personal accounts, but for what was granted.
    pub no_contact: bool,
    /// What the contact is, where there is one.
    #[serde(default, deserialize_with = "unless_blank")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub explanation: Option<Prose<2000>>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadContactDeclarations>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view(row: ContactDeclarationRow) -> ContactDeclaration {
    ContactDeclaration {
        id: row.id,
        person_id: row.person_id,
        no_contact: row.no_contact,
        explanation: row.explanation,
        declared_on: Day(row.declared_on),
        created_at: row.created_at,
    }
}

/// List declarations on contact with pupils (PU-PU-1).
///
/// Oldest first. Headteacher and designated safeguarding lead see all of them, everyone else their own.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [ReadContactDeclarations])), params(PageQuery),
    responses((status = 200, description = "One page.", body = ContactDeclarationPage)))]
#[get("/v1/contact-declarations")]
async fn list_contact_declarations(
    caller: Caller<ReadContactDeclarations>,
    query: Query<PageQuery>,
) -> Result<Plain<ContactDeclarationPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"contact-declarations")?;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), sight(me), &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/contact-declarations", &query.0, query.limit)
}

/// Declare whether one is in contact with pupils on personal accounts (PU-PU-1).
///
/// Each member of staff for themselves, every year: with current or former pupils, outside of the exceptions that were
/// granted. Who is says with what.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [MakeContactDeclaration])), request_body = NewContactDeclaration,
    responses((status = 201, description = "Declared.", body = ContactDeclaration)))]
#[post("/v1/contact-declarations")]
async fn make_contact_declaration(
    caller: Caller<MakeContactDeclaration>,
    new: Valid<NewContactDeclaration>,
) -> Result<Created<ContactDeclaration>, Problem> {
    caller
        .write(move |tx, me| {
            let NewContactDeclaration { no_contact, explanation } = new.into_inner();
            contact::explains(no_contact, explanation.is_some())?;
            let row = ContactDeclarationRow {
                school_id: me.school(),
                id: ContactDeclarationId::new(),
                person_id: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                no_contact,
                explanation: explanation.map(Prose::into_inner),
                declared_on: me.today(),
                created_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ContactDeclarationMade, row.id.uuid()))?;
            Created::new(&view(row))
        })
        .await
}

/// Find a declaration on contact with pupils.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [ReadContactDeclarations])),
    responses((status = 200, description = "The declaration.", body = ContactDeclaration), Fails<404>))]
#[get("/v1/contact-declarations/{id}")]
async fn find_contact_declaration(
    caller: Caller<ReadContactDeclarations>,
    id: Path<ContactDeclarationId>,
) -> Result<Plain<ContactDeclaration>, Problem> {
    caller.read(move |conn, me| Plain::new(&view(rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// List who has declared nothing on contact with pupils in the last 12 months (PU-PU-1).
///
/// Members of staff who are at the school, in the order in which they became known. Most people see only themselves.
#[utoipa::path(tag = "pupil-contact", security(("oauth2" = [ReadContactDeclarations])), params(PageQuery),
    responses((status = 200, description = "One page.", body = ContactDeclarationGapPage)))]
#[get("/v1/contact-declaration-gaps")]
async fn list_contact_declaration_gaps(
    caller: Caller<ReadContactDeclarations>,
    query: Query<PageQuery>,
) -> Result<Plain<ContactDeclarationGapPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"contact-declaration-gaps")?;
    let page = caller
        .read(move |conn, me| {
            let since = contact::counts_since(me.today());
            let missing = rows::missing(conn, me.school(), sight(me), since, me.today(), &window)?;
            Ok(window.page(missing, |&person| person, |person_id| ContactDeclarationGap { person_id }))
        })
        .await?;
    Plain::page(&page, "/v1/contact-declaration-gaps", &query.0, query.limit)
}
