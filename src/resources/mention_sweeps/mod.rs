//! Searches of the web for public postings about the school (PRO-1).

mod api;
pub mod rows;

pub use api::operations;
