//! Where events are delivered without being asked for, what was, and what is still to be.

mod api;
mod deliveries;
pub mod rows;
mod rules;

pub use api::operations;
pub use rules::{DeliveryError, DisabledReason, WebhookDeliveryState, WebhookEndpointAction, WebhookEndpointState, pause};
