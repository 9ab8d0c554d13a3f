//! The check before anything is published: one answer that joins everything (IMG-1 to IMG-4, LEG-1, TONE-1, DO-1).

mod api;
mod moves;
pub mod rows;
mod view;

pub use api::{CheckSight, operations, sight};
pub use view::entitled;
