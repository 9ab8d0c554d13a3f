//! Who the caller is, and what this service can do.

mod api;
mod rows;

pub use api::operations;
