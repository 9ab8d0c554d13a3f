//! Low-level concerns about those who work with the school (decisions, section 3, rule 10; DO-9).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::{ConcernOutcome, LowLevelConcernState};
