//! Who may run an account, and how accounts stand by those who run them (ELIG-1).

mod api;
pub mod rows;

pub use api::operations;
