//! Who has read and understood which version of which policy (R-ST-1, ELIG-1). Nothing here is changed or removed.

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
