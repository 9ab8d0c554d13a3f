//! How to report a problem, inside of the school and outside (APX-10, HND-3).

mod api;

pub use api::operations;
