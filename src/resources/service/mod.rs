//! The service itself: health, figures, the problems there are, the document and Swagger UI.

mod api;

pub use api::{operations, pages};
