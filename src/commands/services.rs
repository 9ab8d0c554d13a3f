//! `weald service`: programs that call the API for a school, each with its own list of permissions.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use diesel::prelude::*;
use weald::access::permissions::{self, Row};
use weald::access::{digest, new_secret};
use weald::clock::{Clock, Instant};
use weald::config::Storage;
use weald::db::Conn;
use weald::db::schema::service_accounts;
use weald::db::types::{SchoolId, ServiceAccountId};
use weald::events::{self, Actor, Event, EventType};
use weald::policy::roles::Role;

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
    #[arg(long = "permission", required = true, value_parser = PossibleValuesParser::new(grantable()), value_name = "PERMISSION")]
    pub permissions: Vec<String>,
}

/// The permissions that a service account can hold.
pub fn grantable() -> impl Iterator<Item = &'static str> {
    let held = |row: &&Row| row.held_by(&[Role::MisIntegration], false).is_some();
    permissions::ALL.iter().filter(held).map(|row| row.scope)
}

pub async fn run(command: ServiceCommand) -> Result<(), Failure> {
    let ServiceCommand::Add { service, storage } = command;
    let secret = new_secret();
    let hash = digest(&secret);
    let client_id = ServiceAccountId::new().to_string();
    let (id, now) = (client_id.clone(), Clock::System.now());
    super::open(&storage)?.write(service.school.uuid(), move |tx| add(tx, &service, &id, &hash, CLIENT, now)).await?;
    println!("client id     {client_id}");
    println!("client secret {secret}");
    Ok(())
}

/// Creates the account; what is kept of its secret is `hash`.
pub fn add(tx: &mut Conn, new: &NewService, client_id: &str, hash: &str, by: &str, now: Instant) -> Result<(), Failure> {
    super::find_school(tx, new.school)?;
    let id = ServiceAccountId::new();
    let mut permissions = new.permissions.clone();
    permissions.sort_unstable();
    permissions.dedup();
    diesel::insert_into(service_accounts::table)
        .values((
            service_accounts::school_id.eq(new.school),
            service_accounts::id.eq(id),
            service_accounts::client_id.eq(client_id),
            service_accounts::name.eq(&new.name),
            service_accounts::secret_hash.eq(hash),
            service_accounts::permissions.eq(permissions.join(" ")),
            service_accounts::created_at.eq(now),
        ))
        .execute(tx)?;
    Ok(events::record(tx, Actor::system(new.school, by, now), Event::new(EventType::ServiceAccountCreated, id.uuid()))?)
}
