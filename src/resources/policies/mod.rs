//! The policies that a school has, and what they depend on (CTX-3).

mod api;
pub mod rows;
pub mod seed;

pub use api::operations;
