//! Compromising pictures that were taken by accident (IMG-5, A19). The pictures themselves are never taken in.

mod api;
pub mod rows;

pub use api::operations;
