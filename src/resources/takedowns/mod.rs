//! What was published and has to go (decisions, sections 4 and 6).

mod api;
pub mod rows;

pub use api::operations;
