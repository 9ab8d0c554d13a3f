//! Comments, queries and complaints, each with its deadline (MON-2, BEH-3), and the queue of what is open (HND-1).

mod api;
mod queue;
pub mod rows;
pub mod rules;

pub use api::sight;
pub use rules::{CommentKind, CommentState, ResponseKind};

use utoipa_actix_web::service_config::ServiceConfig;

pub fn operations(config: &mut ServiceConfig) {
    api::operations(config);
    queue::operations(config);
}
