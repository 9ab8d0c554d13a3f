//! The operation on guidance.

use actix_web::get;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::access::caller::Caller;
use crate::access::permissions::ReadPolicies;
use crate::http::query::Query;
use crate::http::reply::Plain;
use crate::page::{Page, Window};
use crate::policy::guidance::{self, GuidanceKind};
use crate::problem::Problem;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_guidance);
}

/// One piece of guidance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "code": "DO-4", "kind": "do", "text": "Use an appropriate and professional tone" }))]
pub struct Guidance {
    /// By which the policy's clauses cite it.
    #[schema(max_length = 20)]
    pub code: String,
    pub kind: GuidanceKind,
    /// In the policy's own words.
    #[schema(max_length = 5000)]
    pub text: String,
}

type GuidancePage = Page<Guidance>;

/// Which guidance to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GuidanceQuery {
    /// Of one of these kinds.
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub kind: Vec<GuidanceKind>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// List guidance.
///
/// The standard that the policy asks of all users (BEH-1), as coded advice, dos and don'ts, in the policy's order.
#[utoipa::path(tag = "policies", security(("oauth2" = [ReadPolicies])), params(GuidanceQuery),
    responses((status = 200, description = "One page.", body = GuidancePage)))]
#[get("/v1/guidance")]
async fn list_guidance(_: Caller<ReadPolicies>, query: Query<GuidanceQuery>) -> Result<Plain<Page<Guidance>>, Problem> {
    let window: Window<usize> = Window::new(query.cursor.as_deref(), query.limit, &("guidance", &query.0))?;
    let pieces = guidance::all().map_err(Problem::internal)?.into_iter().enumerate();
    let asked = pieces
        .filter(|(at, _)| window.after.is_none_or(|after| *at > after))
        .filter(|(_, piece)| query.kind.is_empty() || query.kind.contains(&piece.kind))
        .take(window.limit + 1)
        .collect();
    let view = |(_, piece): (usize, guidance::Guidance)| Guidance { code: piece.code, kind: piece.kind, text: piece.text };
    Plain::page(&window.page(asked, |(at, _)| *at, view), "/v1/guidance", &query.0, query.limit)
}
