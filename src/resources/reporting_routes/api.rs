//! The operations on reporting routes.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::web::Path;
use actix_web::{get, put};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::access::caller::Caller;
use crate::access::permissions::{ManageReportingRoutes, ReadReportingRoutes};
use crate::db::Conn;
use crate::db::schema::{people, reporting_contacts};
use crate::db::types::{PersonId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::reply::Plain;
use crate::http::text::{Line, Link, present};
use crate::policy::incidents::Agency;
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::incidents::rows::present as present_holders;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_reporting_routes).service(set_reporting_route);
}

/// How to report a problem (APX-10).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "report_here": "POST /v1/incidents",
    "school": [{ "role": "headteacher", "purpose": "Anything that goes wrong on social media.", "names": ["Amina Khan"] }],
    "agencies": [{ "agency": "police_101", "name": "Police", "purpose": "A crime that is not an emergency.", "phone": "101" }]
}))]
pub struct ReportingRoutes {
    /// Where a report is made here; nobody needs to know to whom it goes.
    #[schema(max_length = 100)]
    pub report_here: &'static str,
    #[schema(max_items = 10)]
    pub school: Vec<SchoolRoute>,
    #[schema(max_items = 20)]
    pub agencies: Vec<AgencyRoute>,
}

/// Whom to talk to in the school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchoolRoute {
    pub role: Role,
    #[schema(max_length = 300)]
    pub purpose: &'static str,
    #[schema(max_items = 10, value_type = Vec<Line<201>>, inline)]
    pub names: Vec<String>,
}

/// Whom to turn to outside of the school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgencyRoute {
    pub agency: Agency,
    #[schema(max_length = 100)]
    pub name: String,
    #[schema(max_length = 300)]
    pub purpose: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 50, nullable = false)]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub url: Option<String>,
}

/// How an agency is reached from this school.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "phone": "01233 555 010", "url": "https://weald.example/lado" }))]
pub struct ReportingContact {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub phone: Option<Line<50>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub url: Option<Link<500>>,
}

/// An agency, as it is shipped.
#[derive(Clone, Debug, Deserialize)]
struct Shipped {
    agency: Agency,
    name: String,
    purpose: String,
    phone: Option<String>,
    url: Option<String>,
}

static SHIPPED: LazyLock<Vec<Shipped>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../data/reporting-agencies.json")).unwrap_or_default());

const IN_SCHOOL: [(Role, &str); 4] = [
    (Role::Headteacher, "Anything that goes wrong on social media, colleagues' conduct included."),
    (Role::Dsl, "Worries about a child, and children's own worries."),
    (Role::ChairOfGovernors, "Anything about the headteacher."),
    (Role::Dpo, "Personal data that has got out, or is kept and should not be."),
];

fn read<P>(conn: &mut Conn, me: &Caller<P>) -> Result<ReportingRoutes, Problem> {
    let mut school = Vec::new();
    for (role, purpose) in IN_SCHOOL {
        let holders = present_holders(conn, me.school(), role, me.today())?;
        school.push(SchoolRoute { role, purpose, names: names(conn, me.school(), &holders)? });
    }
    let contacts: Vec<(Agency, Option<String>, Option<String>)> = reporting_contacts::table
        .filter(reporting_contacts::school_id.eq(me.school()))
        .select((reporting_contacts::agency, reporting_contacts::phone, reporting_contacts::url))
        .load(conn)?;
    let mut contacts: HashMap<Agency, _> = contacts.into_iter().map(|(agency, phone, url)| (agency, (phone, url))).collect();
    let route = |shipped: &Shipped| {
        let (phone, url) = contacts.remove(&shipped.agency).unwrap_or((shipped.phone.clone(), shipped.url.clone()));
        AgencyRoute { agency: shipped.agency, name: shipped.name.clone(), purpose: shipped.purpose.clone(), phone, url }
    };
    Ok(ReportingRoutes { report_here: "POST /v1/incidents", school, agencies: SHIPPED.iter().map(route).collect() })
}

fn names(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<Vec<String>> {
    let rows: Vec<(String, String)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(ids))
        .order(people::id)
        .limit(10)
        .select((people::given_name, people::family_name))
        .load(conn)?;
    Ok(rows.into_iter().map(|(given, family)| format!("{given} {family}")).collect())
}

/// List how to report a problem, inside of the school and outside (APX-10, HND-3).
///
/// For everybody with a token, pupils too. Abuse by colleagues is reported here like anything else, and hidden from
/// them.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadReportingRoutes])),
    responses((status = 200, description = "How to report.", body = ReportingRoutes)))]
#[get("/v1/reporting-routes")]
async fn list_reporting_routes(caller: Caller<ReadReportingRoutes>) -> Result<Plain<ReportingRoutes>, Problem> {
    caller.read(move |conn, me| Plain::new(&read(conn, me)?)).await
}

/// Set how an agency is reached from this school (APX-10).
///
/// In place of what is shipped: the LADO's and children's social care's numbers are local.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ManageReportingRoutes])), request_body = ReportingContact,
    params(("agency" = Agency, Path, description = "The agency.")),
    responses((status = 200, description = "Set.", body = ReportingRoutes), Fails<404, 409>))]
#[put("/v1/reporting-routes/{agency}")]
async fn set_reporting_route(
    caller: Caller<ManageReportingRoutes>,
    agency: Path<Agency>,
    contact: Valid<ReportingContact>,
) -> Result<Plain<ReportingRoutes>, Problem> {
    caller
        .write(move |tx, me| {
            let (agency, contact) = (*agency, contact.into_inner());
            diesel::delete(reporting_contacts::table.find((me.school(), agency))).execute(tx)?;
            diesel::insert_into(reporting_contacts::table)
                .values((
                    reporting_contacts::school_id.eq(me.school()),
                    reporting_contacts::agency.eq(agency),
                    reporting_contacts::phone.eq(contact.phone.map(Line::into_inner)),
                    reporting_contacts::url.eq(contact.url.map(Link::into_inner)),
                ))
                .execute(tx)?;
            events::record(tx, me, Event::new(EventType::ReportingRouteSet, me.school().uuid()))?;
            Plain::new(&read(tx, me)?)
        })
        .await
}
