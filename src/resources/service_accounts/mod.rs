//! Service accounts: programs that call the API for a school, each with its own list of permissions. Their rows are in
//! `access/services.rs`: getting in reads them.

mod api;
pub mod rules;

pub use api::operations;
