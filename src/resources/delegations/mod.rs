mod api;
pub use api::operations;
