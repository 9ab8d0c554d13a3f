//! Who has completed which course, until when it counts, and who says so (R-ST-2).

mod api;
mod batch;
pub mod rows;
pub mod rules;

pub use api::operations;
