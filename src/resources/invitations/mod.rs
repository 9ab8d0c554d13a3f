//! Invitations: a person chooses a password of their own, by a one-time link.

mod api;
pub mod rows;

pub use api::operations;
