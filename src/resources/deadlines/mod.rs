//! The response clock, to try without writing anything (MON-2).

mod api;

pub use api::operations;
