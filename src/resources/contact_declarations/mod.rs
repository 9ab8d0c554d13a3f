//! What staff declare each year on contact with pupils on personal accounts (PU-PU-1).

mod api;
pub mod rows;

pub use api::operations;
