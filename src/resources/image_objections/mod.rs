//! Who is not to be filmed or photographed (IMG-2): whoever asks is respected, and nobody asks why.

mod api;
pub mod rows;

pub use api::operations;
