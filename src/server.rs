//! The running service: opens what it needs, listens, runs the jobs, and stops in order.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{HttpServer, web};

use crate::access::issuers::Issuers;
use crate::access::passwords::Passwords;
use crate::access::tokens::Tokens;
use crate::app::{self, Document, State};
use crate::clock::Clock;
use crate::config::{Service, Storage};
use crate::db::Db;
use crate::events::watch::{self, Waiting};
use crate::http::limits::Limits;
use crate::metrics::Metrics;
use crate::policy::holidays::BankHolidays;
use crate::vault::Vault;
use crate::webhooks::Sender;

/// Opens the database, the keys and the calendar.
///
/// # Errors
/// A sentence for the operator.
pub fn open(storage: &Storage, service: Service, clock: Clock) -> Result<web::Data<State>, String> {
    std::fs::create_dir_all(&storage.data_dir)
        .map_err(|error| format!("cannot make the folder {}: {error}", storage.data_dir.display()))?;
    let db = Db::open(&storage.url()?, storage.database_connections)?;
    let tokens = Tokens::open(&service.public_url(), &service.signing_keys, &storage.data_dir)?;
    let issuers = Issuers::open(service.issuers.as_deref(), tokens.issuer())?;
    Ok(web::Data::new(State {
        db,
        clock,
        tokens,
        issuers,
        passwords: Passwords::new(),
        limits: Limits::new(service.rate_limit),
        metrics: Metrics::new().map_err(|error| error.to_string())?,
        bank_holidays: Arc::new(bank_holidays(storage)?),
        document: Document::of_this_program(),
        vault: Vault::new(storage),
        waiting: Waiting::default(),
        sender: Sender::new(&service.webhook_allow).map_err(|error| format!("cannot set TLS up: {error}"))?,
        service,
    }))
}

/// The bank holidays that were shipped, or the newer file that was given.
///
/// # Errors
/// A sentence for the operator.
pub fn bank_holidays(storage: &Storage) -> Result<BankHolidays, String> {
    let Some(path) = &storage.bank_holidays else { return BankHolidays::shipped().map_err(|error| error.to_string()) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    BankHolidays::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Listens on the configured address and, given port 0, on the one that is free; answers until told to stop.
///
/// # Errors
/// Where the address cannot be listened on.
pub fn listen(state: &web::Data<State>) -> std::io::Result<(Server, std::net::SocketAddr)> {
    let listener = std::net::TcpListener::bind(state.service.listen)?;
    let address = listener.local_addr()?;
    watch::spawn(state.clone());
    let shared = state.clone();
    let mut server = HttpServer::new(move || app::app(shared.clone()))
        .shutdown_timeout(12)
        .client_request_timeout(Duration::from_secs(5))
        .keep_alive(Duration::from_secs(75));
    if let Some(workers) = state.service.workers {
        server = server.workers(workers.into());
    }
    Ok((server.listen(listener)?.run(), address))
}
