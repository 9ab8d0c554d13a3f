//! Training sessions: which course was held when, and by whom (R-HT-1).

mod api;
pub mod rows;
pub mod rules;

pub use api::{operations, sight};
