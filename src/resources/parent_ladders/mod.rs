//! How offensive comments of parents are dealt with, step by step (PU-PC-3).

mod api;
pub mod rows;

pub use api::operations;
