//! `weald events`: proves the log.

use clap::Subcommand;
use weald::config::Storage;
use weald::db::DatabaseUrl;
use weald::events::chain;

use super::Failure;

#[derive(Subcommand)]
pub enum EventsCommand {
    /// Verify every school's log: nothing changed, removed, inserted or swapped
    Verify {
        #[command(flatten)]
        storage: Storage,
    },
}

pub async fn run(command: EventsCommand) -> Result<(), Failure> {
    let EventsCommand::Verify { storage } = command;
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
    match broken {
        0 => Ok(()),
        _ => Err(format!("the log is broken in {broken} of the schools").into()),
    }
}
