//! Incidents: what went wrong, who deals with it, and from whom it is hidden (R-HT-3, R-HT-4, BEH-5, BEH-7).

mod api;
mod intake;
mod moves;
mod report;
pub mod rows;
pub mod rules;
mod view;

pub use api::for_full;
pub use intake::{Report, remind, take_in};
pub use rules::{IncidentState, SubjectPart, SubjectStatus};
pub use view::{NamedSubject, named, part, standing, viewer};

use utoipa_actix_web::service_config::ServiceConfig;

pub fn operations(config: &mut ServiceConfig) {
    report::operations(config);
    api::operations(config);
    moves::operations(config);
}
