//! `weald serve`, and what is needed around it: `migrate`, `health`, `openapi`.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use actix_web::web;
use weald::app::State;
use weald::clock::Clock;
use weald::config::{Service, Storage};
use weald::{app, db, http, jobs, server, webhooks};

use super::Failure;

pub async fn serve(storage: &Storage, service: Service) -> Result<(), Failure> {
    run(server::open(storage, service, Clock::System)?).await
}

/// Answers requests and runs the jobs until told to stop.
pub async fn run(state: web::Data<State>) -> Result<(), Failure> {
    let listen = state.service.listen;
    let (server, address) = server::listen(&state).map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    if let Err(problem) = state.vault.refresh(&state.db, state.clock.now()).await {
        tracing::warn!(cause = problem.cause(), "the master keys are looked at when they are needed");
    }
    jobs::spawn(state.clone());
    let webhooks = webhooks::spawn(state.clone());
    let stopping = state.clone();
    actix_web::rt::spawn(async move {
        told_to_stop().await;
        stopping.waiting.close();
    });
    tracing::info!(%address, "listening");
    let ended = server.await;
    // Deliveries had as long as the requests to come to their end; what is left of them is made once more by another.
    state.waiting.close();
    let _ = tokio::time::timeout(Duration::from_secs(7), webhooks).await;
    Ok(ended?)
}

/// The server stops in order at the same signals.
async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = interrupted.await;
}

pub fn migrate(storage: &Storage) -> Result<(), Failure> {
    Ok(db::migrate(&storage.url()?)?)
}

/// Asks the service on this machine whether it can answer requests.
pub fn health(listen: SocketAddr) -> Result<(), Failure> {
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let wait = Duration::from_secs(3);
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status.ends_with(b" 200") { Ok(()) } else { Err(format!("{address} is not ready").into()) }
}

/// Where a service that listens on `ip` is reached from its own machine.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

pub fn openapi(permissions: bool) -> Result<(), Failure> {
    let document = app::openapi();
    if permissions {
        print!("{}", http::document::permissions_page(&document));
    } else {
        println!("{}", serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?);
    }
    Ok(())
}
