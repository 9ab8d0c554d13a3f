//! What pupils are taught of safe and responsible use, and whom it has reached (PU-PU-2, SC-3).

mod api;
mod coverage;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::YearGroup;
