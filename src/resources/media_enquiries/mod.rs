//! Enquiries of journalists, cleared before anybody responds (BEH-4).

mod api;
pub mod rows;

pub use api::operations;
