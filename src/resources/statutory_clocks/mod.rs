//! By when the law asks for an answer, beside the policy's 24 hours (LEG-2).

mod api;
pub mod rows;

pub use api::operations;
