//! What pictures and names are used for, as people are told before they decide (IMG-1).

mod api;
pub mod rows;

pub use api::operations;
