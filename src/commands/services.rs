//! `weald service`: programs that call the API for a school, each with its own list of permissions.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use diesel::prelude::*;
use weald::access::new_secret;
use weald::access::services::{self as rows, ServiceAccountRow};
use weald::clock::Clock;
use weald::config::Storage;
use weald::db::Conn;
use weald::db::schema::service_accounts;
use weald::db::types::SchoolId;
use weald::events::{self, Actor, Event, EventType};
use weald::resources::service_accounts::rules::{ServiceAccountState, all_grantable};

use super::{CLIENT, Failure};

#[derive(Subcommand)]
pub enum ServiceCommand {
    /// Create a service account, and print its client id and secret: the secret once, now
    Add {
        #[command(flatten)]
        service: NewService,
        #[command(flatten)]
        storage: Storage,
    },
    /// Revoke a service account: its secret and its tokens are dead at once
    Revoke {
        /// As `weald service add` printed it
        #[arg(long, value_name = "ID")]
        client_id: String,
        #[command(flatten)]
        storage: Storage,
    },
}

#[derive(Args)]
pub struct NewService {
    /// The school that it belongs to
    #[arg(long, value_parser = super::school_id, value_name = "ID")]
    pub school: SchoolId,

    /// What the service is
    #[arg(long, value_parser = super::line::<100>)]
    pub name: String,

    /// What it may do; give the flag several times
    #[arg(long = "permission", required = true, value_parser = PossibleValuesParser::new(all_grantable()), value_name = "PERMISSION")]
    pub permissions: Vec<String>,
}

pub async fn run(command: ServiceCommand) -> Result<(), Failure> {
    let (service, storage) = match command {
        ServiceCommand::Add { service, storage } => (service, storage),
        ServiceCommand::Revoke { client_id, storage } => return revoke(client_id, storage).await,
    };
    let secret = new_secret();
    let row = ServiceAccountRow::new(service.school, service.name, &service.permissions, &secret, Clock::System.now());
    let client_id = row.client_id.clone();
    super::open(&storage)?.write(service.school.uuid(), move |tx| add(tx, &row, CLIENT)).await?;
    println!("client id     {client_id}");
    println!("client secret {secret}");
    Ok(())
}

async fn revoke(client_id: String, storage: Storage) -> Result<(), Failure> {
    let db = super::open(&storage)?;
    let now = Clock::System.now();
    let known = service_accounts::table.filter(service_accounts::client_id.eq(client_id)).filter(service_accounts::revoked_at.is_null());
    let known = known.select(ServiceAccountRow::as_select());
    let found: Option<ServiceAccountRow> = db.read(move |conn| known.first(conn).optional().map_err(Failure::from)).await?;
    let mut row = found.ok_or("there is no service account of that client id, or it was revoked before")?;
    db.write(row.school_id.uuid(), move |tx| {
        row.revoked_at = Some(now);
        rows::save(tx, &mut row, now)?;
        let revoked = Event::new(EventType::ServiceAccountRevoked, row.id.uuid()).state(ServiceAccountState::Revoked);
        Ok::<_, Failure>(events::record(tx, Actor::system(row.school_id, CLIENT, now), revoked)?)
    })
    .await?;
    println!("revoked");
    Ok(())
}

/// Creates the account.
pub fn add(tx: &mut Conn, account: &ServiceAccountRow, by: &str) -> Result<(), Failure> {
    super::find_school(tx, account.school_id)?;
    rows::insert(tx, account)?;
    let created = Event::new(EventType::ServiceAccountCreated, account.id.uuid()).state(ServiceAccountState::Active);
    Ok(events::record(tx, Actor::system(account.school_id, by, account.created_at), created)?)
}
