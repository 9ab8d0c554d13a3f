//! `weald events`: proves the log.

use clap::Subcommand;
use weald::access::tokens::Tokens;
use weald::config::Storage;
use weald::db::DatabaseUrl;
use weald::events::chain::{self, Head};

use super::Failure;

#[derive(Subcommand)]
pub enum EventsCommand {
    /// Verify every school's log: nothing changed, removed, inserted or swapped
    Verify {
        #[command(flatten)]
        storage: Storage,

        /// A signed head that was kept elsewhere (`GET /v1/events/head`): the log must still lead to it
        #[arg(long = "head", value_name = "TOKEN")]
        heads: Vec<String>,
    },
}

pub async fn run(command: EventsCommand) -> Result<(), Failure> {
    let EventsCommand::Verify { storage, heads } = command;
    if let DatabaseUrl::Sqlite(path) = storage.url()?
        && !path.exists()
    {
        return Err(format!("there is no database {}", path.display()).into());
    }
    let db = super::open(&storage)?;
    let schools = db.read(|conn| chain::schools_on_file(conn).map_err(Failure::from)).await?;
    let mut broken = 0;
    for (school, name) in schools {
        match db.read(move |conn| chain::verify(conn, school).map_err(Failure::from)).await? {
            Ok(count) => println!("{school} {name}: {count} events, unbroken"),
            Err(why) => {
                broken += 1;
                println!("{school} {name}: BROKEN: {why}");
            }
        }
    }
    for signed in heads {
        let service = super::configured()?;
        let keys = Tokens::open(&service.public_url(), &service.signing_keys, &storage.data_dir)?;
        let head = Head::read(&signed, &keys).ok_or("a signed head is not one of ours, or not by a key that is configured")?;
        let number = head.number;
        match db.read(move |conn| chain::leads_to(conn, &head).map_err(Failure::from)).await? {
            Ok(()) => println!("the log leads to the signed head at event {number}"),
            Err(why) => {
                broken += 1;
                println!("BROKEN: {why}");
            }
        }
    }
    match broken {
        0 => Ok(()),
        _ => Err(format!("the log is broken in {broken} places").into()),
    }
}
