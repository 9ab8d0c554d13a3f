//! Who has to be told of what: recorded in the transaction of the change, as a delivery to make.

mod api;
pub mod rows;

pub use api::operations;
