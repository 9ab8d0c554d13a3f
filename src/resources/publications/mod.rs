//! The register of what was published, never the picture; and what a change of mind means for it.

mod api;
pub mod rows;
pub mod touch;

pub use api::operations;
