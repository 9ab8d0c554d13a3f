//! `weald jobs`: what has to happen without a request, for cron; `weald serve` does it at intervals by itself.

use clap::Subcommand;
use weald::clock::Clock;
use weald::config::Storage;
use weald::{jobs, server};

use super::Failure;

#[derive(Subcommand)]
pub enum JobsCommand {
    /// Run every job once: overdue comments, lapsed approvals, a changed calendar, what has served its time
    Run {
        #[command(flatten)]
        storage: Storage,
    },
}

pub async fn run(command: JobsCommand) -> Result<(), Failure> {
    let JobsCommand::Run { storage } = command;
    let state = server::open(&storage, super::configured()?, Clock::System)?;
    let done = jobs::run_all(&state).await?;
    if done.is_empty() {
        println!("another instance is running the jobs");
    }
    for (job, count) in done {
        println!("{job}: {count}");
    }
    Ok(())
}
