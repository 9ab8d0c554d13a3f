//! What the policy advises everyone (APX, DO, DONT).

mod api;

pub use api::operations;
