//! One delivery over the wire.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use zeroize::Zeroizing;

use super::signature::sign;
use super::target::{Allowed, Guarded, Targets, was_refused};
use crate::clock::Clock;
use crate::db::types::{EventId, WebhookDeliveryId};
use crate::resources::webhook_endpoints::DeliveryError;

/// How long a delivery may take as a whole: name, connection and answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is to be delivered.
pub struct Message {
    pub delivery: WebhookDeliveryId,
    pub url: String,
    pub event: EventId,
    pub body: String,
    /// With which it is signed.
    pub secrets: Vec<Zeroizing<String>>,
    /// The signed head of the log, for those who may keep it.
    pub head: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// Why it does not count; none: it was delivered.
    pub error: Option<DeliveryError>,
}

/// Sends, and keeps connections open between deliveries.
pub struct Sender {
    client: reqwest::Client,
    pub targets: Targets,
}

impl Sender {
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(allowed: &[Allowed]) -> Result<Self, reqwest::Error> {
        let targets = Targets::new(allowed);
        let client = reqwest::Client::builder()
            .dns_resolver(Guarded::new(targets.clone()))
            // A proxy would connect to whatever it is told to.
            .no_proxy()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent("weald-webhooks")
            .build()?;
        Ok(Self { client, targets })
    }

    /// Delivers once.
    pub async fn send(&self, message: &Message, clock: &Clock) -> Outcome {
        let failed = |error| Outcome { status: None, error: Some(error) };
        // Anew at each connection: what is allowed may have been another at the time at which the address was given.
        let Ok(url) = self.targets.parse(&message.url) else { return failed(DeliveryError::AddressRefused) };
        let (id, timestamp) = (message.event.to_string(), clock.now().timestamp());
        let Some(signature) = sign(&message.secrets, &id, timestamp, &message.body) else { return failed(DeliveryError::NotSent) };
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        if let Some(head) = &message.head {
            request = request.header("weald-event-head", head);
        }
        match request.send().await {
            // Of the answer the status says it all: its body is not read, however long it claims to be.
            Ok(answer) => {
                let status = answer.status();
                let error = match status.as_u16() {
                    200..300 => None,
                    410 => Some(DeliveryError::Gone),
                    300..400 => Some(DeliveryError::Redirected),
                    _ => Some(DeliveryError::NotAccepted),
                };
                Outcome { status: Some(status.as_u16()), error }
            }
            Err(error) if was_refused(&error) => failed(DeliveryError::AddressRefused),
            Err(error) if error.is_timeout() => failed(DeliveryError::TimedOut),
            Err(error) if error.is_connect() => failed(DeliveryError::NoConnection),
            Err(_) => failed(DeliveryError::NoAnswer),
        }
    }
}
