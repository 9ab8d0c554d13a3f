//! Credentials given out once: to somebody who runs the account, for a time, for one reading (R-IT-2).

mod api;
mod rows;

pub use api::operations;
