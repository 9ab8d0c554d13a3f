//! What the service says of itself; open to anyone.

use actix_web::http::header::{AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ETAG, Encoding, Header, LOCATION, VARY};
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi, oauth};

use crate::app::State;
use crate::http::document::Fails;
use crate::http::precondition::not_modified;
use crate::problem::{Code, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config.service(check_liveness).service(check_readiness).service(list_metrics).service(list_problems).service(find_problem);
}

/// The document and Swagger UI: pages, no operations.
pub fn pages(config: &mut web::ServiceConfig) {
    let to_docs = || async { HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish() };
    let login = oauth::Config::new().client_id("swagger-ui").use_pkce_with_authorization_code_grant(false);
    config
        .route("/", web::get().to(to_docs))
        .route("/docs", web::get().to(to_docs))
        .route("/openapi.json", web::get().to(document))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::new(["/openapi.json"]).persist_authorization(false)).oauth(login));
}

async fn document(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let document = state.document;
    let accepted = AcceptEncoding::parse(&request).ok();
    let encoding = accepted.and_then(|accepted| accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()));
    let gzip = encoding == Some(Encoding::gzip());
    let (etag, bytes) = if gzip { (&document.gzip_etag, &document.gzip) } else { (&document.etag, &document.bytes) };
    let unchanged = not_modified(request.headers(), etag);
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag.as_str())).insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "accept-encoding"));
    if unchanged {
        return response.finish();
    }
    if gzip {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    response.content_type("application/json").body(bytes.clone())
}

/// Whether the service works.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "ok" }))]
pub struct Health {
    #[schema(max_length = 10)]
    status: &'static str,
}

/// A kind of problem.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "code": "not_found", "status": 404, "title": "There is no such thing for this caller" }))]
pub struct ProblemKind {
    #[schema(max_length = 60)]
    code: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[schema(max_length = 200)]
    title: &'static str,
}

/// Every kind of problem there is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "items": [{ "code": "not_found", "status": 404, "title": "There is no such thing for this caller" }] }))]
pub struct ProblemKinds {
    #[schema(max_items = 200)]
    items: Vec<ProblemKind>,
}

impl From<Code> for ProblemKind {
    fn from(code: Code) -> Self {
        Self { code: code.name(), status: code.status(), title: code.title() }
    }
}

/// Whether the program runs.
#[utoipa::path(tag = "service", security(()), responses((status = 200, description = "It does.", body = Health)))]
#[get("/health/live")]
async fn check_liveness() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether requests can be answered: the database is within reach.
///
/// The tables and the keys were checked at the start; without them the program does not run.
#[utoipa::path(tag = "service", security(()), responses((status = 200, description = "They can.", body = Health)))]
#[get("/health/ready")]
async fn check_readiness(state: Data<State>) -> Result<HttpResponse, Problem> {
    state.db.ready().await.map_err(|_| Problem::new(Code::Busy))?;
    Ok(HttpResponse::Ok().json(Health { status: "ok" }))
}

/// Figures for Prometheus.
#[utoipa::path(tag = "service", security(()), responses((status = 200, description = "The Prometheus text format.", body = String, content_type = "text/plain")))]
#[get("/metrics")]
async fn list_metrics(state: Data<State>) -> Result<HttpResponse, Problem> {
    let text = state.metrics.text().map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// Every kind of problem there is.
#[utoipa::path(tag = "service", security(()), responses((status = 200, description = "The kinds.", body = ProblemKinds)))]
#[get("/problems")]
async fn list_problems() -> HttpResponse {
    HttpResponse::Ok().json(ProblemKinds { items: Code::all().map(ProblemKind::from).collect() })
}

/// One kind of problem: what the `type` of a problem leads to.
#[utoipa::path(tag = "service", security(()), params(("code" = String, Path, max_length = 60)),
    responses((status = 200, description = "The kind.", body = ProblemKind), Fails<404>))]
#[get("/problems/{code}")]
async fn find_problem(code: Path<String>) -> Result<HttpResponse, Problem> {
    let code: Code = code.parse().map_err(|_| Problem::not_found())?;
    Ok(HttpResponse::Ok().json(ProblemKind::from(code)))
}
