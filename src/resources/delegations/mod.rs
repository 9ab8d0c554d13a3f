//! Delegations: who acts for the headteacher, and when (A10, A25).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
