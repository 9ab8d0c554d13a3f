//! The list of resources: routes and document from the same lines.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::{App, HttpRequest, HttpResponse, middleware, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::access::issuers::Issuers;
use crate::access::oauth;
use crate::access::passwords::Passwords;
use crate::access::tokens::Tokens;
use crate::clock::Clock;
use crate::config::Service;
use crate::db::Db;
use crate::events::watch::Waiting;
use crate::http::limits::Limits;
use crate::http::{document, edge};
use crate::metrics::Metrics;
use crate::policy::holidays::BankHolidays;
use crate::problem::{Code, Problem};
use crate::resources::{
    accidental_images, accounts, acknowledgements, business_cases, commenting_access, comments, consent_notices, consents,
    contact_declarations, contact_exceptions, content_permissions, courses, credential_releases, credentials, deadlines, declarations,
    delegations, disciplinary_actions, disclosures, do_not_publish, education_sessions, eligibility, events, exit_records, guidance,
    handovers, image_objections, imports, incident_notes, incidents, invitations, low_level_concerns, me, media_enquiries, mention_sweeps,
    mentions, moderation_actions, monitoring, notifications, parent_ladders, people, policies, policy_versions, publication_checks,
    publications, referrals, reporting_routes, response_procedures, schools, service, service_accounts, statutory_clocks, style_guides,
    takedowns, training_completions, training_gaps, training_sessions, webhook_endpoints, workplace_monitoring,
};
use crate::vault::Vault;
use crate::webhooks::Sender;

/// Every operation there is, in the order of the document.
pub fn operations(config: &mut ServiceConfig) {
    config.service(oauth::issue_token).service(oauth::revoke_token).service(oauth::list_keys).service(oauth::find_authorization_server);
    config.service(oauth::find_protected_resource);
    me::operations(config);
    schools::operations(config);
    people::operations(config);
    invitations::operations(config);
    delegations::operations(config);
    service_accounts::operations(config);
    business_cases::operations(config);
    accounts::operations(config);
    credentials::operations(config);
    credential_releases::operations(config);
    comments::operations(config);
    moderation_actions::operations(config);
    parent_ladders::operations(config);
    statutory_clocks::operations(config);
    media_enquiries::operations(config);
    eligibility::operations(config);
    monitoring::operations(config);
    deadlines::operations(config);
    policies::operations(config);
    policy_versions::operations(config);
    acknowledgements::operations(config);
    guidance::operations(config);
    courses::operations(config);
    training_sessions::operations(config);
    training_completions::operations(config);
    training_gaps::operations(config);
    education_sessions::operations(config);
    declarations::operations(config);
    commenting_access::operations(config);
    incidents::operations(config);
    incident_notes::operations(config);
    referrals::operations(config);
    disciplinary_actions::operations(config);
    disclosures::operations(config);
    reporting_routes::operations(config);
    notifications::operations(config);
    handovers::operations(config);
    exit_records::operations(config);
    mention_sweeps::operations(config);
    mentions::operations(config);
    response_procedures::operations(config);
    low_level_concerns::operations(config);
    consent_notices::operations(config);
    consents::operations(config);
    image_objections::operations(config);
    do_not_publish::operations(config);
    publication_checks::operations(config);
    publications::operations(config);
    takedowns::operations(config);
    workplace_monitoring::operations(config);
    contact_exceptions::operations(config);
    contact_declarations::operations(config);
    content_permissions::operations(config);
    imports::operations(config);
    style_guides::operations(config);
    accidental_images::operations(config);
    events::operations(config);
    webhook_endpoints::operations(config);
    service::operations(config);
}

/// The OpenAPI document. Needs no database.
pub fn openapi() -> Value {
    let (_, document) = App::new().into_utoipa_app().configure(operations).split_for_parts();
    document::complete(&document)
}

/// What all requests share.
pub struct State {
    pub db: Db,
    pub clock: Clock,
    pub tokens: Tokens,
    pub issuers: Issuers,
    pub passwords: Passwords,
    pub service: Service,
    pub limits: Limits,
    pub metrics: Metrics,
    pub bank_holidays: Arc<BankHolidays>,
    pub document: &'static Document,
    pub vault: Vault,
    pub waiting: Waiting,
    pub sender: Sender,
}

/// The document as ready bytes, and the addresses it knows.
pub struct Document {
    pub bytes: web::Bytes,
    pub etag: String,
    /// The same, compressed once.
    pub gzip: web::Bytes,
    pub gzip_etag: String,
    /// The methods of each address; those without parameters stand by themselves.
    fixed: HashMap<String, String>,
    routes: Vec<(ResourceDef, String)>,
}

impl Document {
    /// Made once, at the first use.
    pub fn of_this_program() -> &'static Self {
        static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::new);
        &DOCUMENT
    }

    fn new() -> Self {
        let document = openapi();
        let bytes = serde_json::to_vec(&document).unwrap_or_default();
        let hash = format!("{:x}", Sha256::digest(&bytes));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = gzip.write_all(&bytes).and_then(|()| gzip.finish()).unwrap_or_default();
        let pages = ["/", "/docs", "/openapi.json"].map(|page| (page.to_owned(), "GET, HEAD, OPTIONS".to_owned()));
        let paths = document["paths"].as_object().into_iter().flatten().map(|(template, item)| {
            let mut methods: Vec<String> =
                item.as_object().into_iter().flat_map(|item| item.keys().map(|key| key.to_uppercase())).collect();
            if methods.iter().any(|method| method == "GET") {
                methods.push("HEAD".into());
            }
            methods.push("OPTIONS".into());
            (template.clone(), methods.join(", "))
        });
        let (routes, fixed): (Vec<_>, Vec<_>) = paths.chain(pages).partition(|(template, _)| template.contains('{'));
        let routes = routes.into_iter().map(|(template, methods)| (ResourceDef::new(template), methods)).collect();
        Self {
            bytes: bytes.into(),
            etag: format!("\"{hash}\""),
            gzip: gzip.into(),
            gzip_etag: format!("\"{hash}-gzip\""),
            fixed: fixed.into_iter().collect(),
            routes,
        }
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        let route = || self.routes.iter().find(|(route, _)| route.is_match(path)).map(|(_, methods)| methods);
        self.fixed.get(path).or_else(route).map(String::as_str)
    }

    /// An address without parameters is nobody's id: the router would ask for the person `batch` at `GET
    /// /v1/people/batch`.
    ///
    /// # Errors
    /// 405 for a method that it does not take.
    pub fn check(&self, path: &str, method: &Method) -> Result<(), Problem> {
        match self.fixed.get(path) {
            Some(methods) if method != Method::OPTIONS && methods.split(", ").all(|taken| taken != method.as_str()) => {
                Err(Problem::new(Code::MethodNotAllowed).allow(methods.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// Builds the application around the state; runs once per worker.
pub fn app(
    state: web::Data<State>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error, InitError = ()>,
> {
    let cors = cors(&state.service);
    let (app, _) = App::new().into_utoipa_app().configure(operations).split_for_parts();
    app.app_data(state)
        .app_data(web::PathConfig::default().error_handler(|_, _| Problem::not_found().into()))
        .configure(service::pages)
        .default_service(web::to(elsewhere))
        .wrap(middleware::from_fn(edge::uncompressed))
        .wrap(middleware::Compress::default())
        .wrap(middleware::from_fn(edge::edge))
        .wrap(cors)
        .wrap(middleware::from_fn(edge::outermost))
}

/// A path that no route takes, or not with this method.
async fn elsewhere(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    match state.document.allowed(request.match_info().as_str()) {
        Some(methods) if request.method() == Method::OPTIONS => {
            Ok(HttpResponse::NoContent().insert_header((header::ALLOW, methods)).finish())
        }
        Some(methods) => Err(Problem::new(Code::MethodNotAllowed).allow(methods.to_owned())),
        None => Err(Problem::not_found()),
    }
}

/// Exact origins by configuration, none by default, no credentials.
fn cors(service: &Service) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Last-Event-ID",
            "X-Request-Id",
            "traceparent",
        ])
        .expose_headers([
            "ETag",
            "Location",
            "Link",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "X-Request-Id",
            "Idempotency-Replayed",
            "Content-Disposition",
        ])
        .block_on_origin_mismatch(false)
        .max_age(3600);
    service.cors_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
