use utoipa_actix_web::service_config::ServiceConfig;

pub fn operations(_: &mut ServiceConfig) {}
pub fn pages(_: &mut actix_web::web::ServiceConfig) {}
