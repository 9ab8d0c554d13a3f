//! Who of the staff may be in contact with which pupil on personal accounts (PU-PU-1).

mod api;
pub mod rows;

pub use api::operations;
