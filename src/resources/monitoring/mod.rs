//! Monitoring checks, and how the accounts are covered by them (MON-1, MON-3, R-IT-3).

mod api;
mod coverage;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::FindingKind;
