//! Figures for Prometheus: how many requests, how they ended, how long they took. No host, no version, no names.

use std::time::Duration;

use actix_web::http::Method;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

/// The routes of which nobody should be able to tell that they are used: how often incidents are reported is told
/// by no figure and no log (decisions, section 3, rule 2).
const CONFIDENTIAL: &[&str] = &[
    "/v1/incidents",
    "/v1/accidental-images",
    "/v1/referrals",
    "/v1/disclosures",
    "/v1/low-level-concerns",
    "/v1/schools/{id}/reports",
    "/oauth/",
];

/// What figures and logs call a route: those that are confidential share a name with logins, and with what no route takes.
pub fn label(route: Option<&str>) -> &str {
    route.filter(|route| !CONFIDENTIAL.iter().any(|hidden| route.starts_with(hidden))).unwrap_or(OTHER)
}

const OTHER: &str = "other";

/// The figures of one running program.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    deliveries: IntCounterVec,
}

impl Metrics {
    /// # Errors
    /// Where two figures have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(Opts::new("weald_http_requests_total", "Requests answered"), &["method", "route", "status"])?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("weald_http_request_seconds", "Time to answer")
                .buckets(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]),
            &["method", "route"],
        )?;
        let deliveries =
            IntCounterVec::new(Opts::new("weald_webhook_attempts_total", "Webhooks sent, by what became of it"), &["outcome"])?;
        let registry = Registry::new();
        registry.register(Box::new(deliveries.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds, deliveries })
    }

    /// Counts an answer. Methods out of the ordinary share a label, so that no caller can make labels up.
    pub fn observe(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
            _ => "other",
        };
        // A created thing would tell a report from a login.
        let status = if route == OTHER { format!("{}xx", status / 100) } else { status.to_string() };
        self.requests.with_label_values(&[method, route, &status]).inc();
        self.seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Counts an attempt to deliver a webhook.
    pub fn delivered(&self, outcome: &str) {
        self.deliveries.with_label_values(&[outcome]).inc();
    }

    /// The Prometheus text format.
    ///
    /// # Errors
    /// Where a figure cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
