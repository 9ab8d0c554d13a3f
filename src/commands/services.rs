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
    #[arg(long = "permission", required = true, value_parser = PossibleValuesParser::new(grantable()), value_name = "PERMISSION")]
    pub permissions: Vec<String>,
}

/// The permissions that a service account can hold.
pub fn grantable() -> impl Iterator<Item = &'static str> {
    let held = |row: &&Row| row.held_by(&[Role::MisIntegration], false).is_some();
    permissions::ALL.iter().filter(held).map(|row| row.scope)
}

pub async fn run(command: ServiceCommand) -> Result<(), Failure> {
    let (service, storage) = match command {
        ServiceCommand::Add { service, storage } => (service, storage),
        ServiceCommand::Revoke { client_id, storage } => return revoke(client_id, storage).await,
    };
    let secret = new_secret();
    let hash = digest(&secret);
    let client_id = ServiceAccountId::new().to_string();
    let (id, now) = (client_id.clone(), Clock::System.now());
    super::open(&storage)?.write(service.school.uuid(), move |tx| add(tx, &service, &id, &hash, CLIENT, now)).await?;
    println!("client id     {client_id}");
    println!("client secret {secret}");
    Ok(())
}

async fn revoke(client_id: String, storage: Storage) -> Result<(), Failure> {
    let db = super::open(&storage)?;
    let now = Clock::System.now();
    let known = service_accounts::table.filter(service_accounts::client_id.eq(client_id)).filter(service_accounts::revoked_at.is_null());
    let known = known.select((service_accounts::school_id, service_accounts::id));
    let found: Option<(SchoolId, ServiceAccountId)> = db.read(move |conn| known.first(conn).optional().map_err(Failure::from)).await?;
    let (school, id) = found.ok_or("there is no service account of that client id, or it was revoked before")?;
    db.write(school.uuid(), move |tx| {
        diesel::update(service_accounts::table.find((school, id))).set(service_accounts::revoked_at.eq(now)).execute(tx)?;
        let revoked = Event::new(EventType::ServiceAccountRevoked, id.uuid());
        Ok::<_, Failure>(events::record(tx, Actor::system(school, CLIENT, now), revoked)?)
    })
    .await?;
    println!("revoked");
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
