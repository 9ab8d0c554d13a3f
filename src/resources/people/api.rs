use utoipa_actix_web::service_config::ServiceConfig;

pub fn operations(_: &mut ServiceConfig) {}
