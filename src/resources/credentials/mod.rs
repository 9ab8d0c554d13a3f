//! How to log in to the school's accounts: sealed in the vault, for the IT technician alone (R-IT-2).

mod api;
pub mod rows;

pub use api::{Credentials, opened, operations, unsealed};
