//! Training courses: what is asked of whom, and how long it counts (R-HT-1, A15).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
