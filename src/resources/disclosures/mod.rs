//! Disclosures of who reported an incident: asked for with a motivation, granted or refused with one (decisions,
//! section 3, rule 5).

mod api;
pub mod rows;

pub use api::{DisclosureState, operations};
