//! By what right others' works are used (LEG-1, DO-6).

mod api;
pub mod rows;

pub use api::operations;
