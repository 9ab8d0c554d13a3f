//! The commands.

use clap::{Parser, Subcommand};

use weald::clock::Clock;
use weald::config::{Service, Storage};
use weald::{app, db, server};

#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API
    Serve {
        #[command(flatten)]
        storage: Storage,
        #[command(flatten)]
        service: Service,
    },
    /// Bring the database's tables up to date
    Migrate {
        #[command(flatten)]
        storage: Storage,
    },
    /// Print the OpenAPI document
    Openapi {
        /// Print the table of permissions instead
        #[arg(long)]
        permissions: bool,
    },
}

#[actix_web::main]
async fn main() -> std::process::ExitCode {
    let env = tracing_subscriber::EnvFilter::try_from_env("WEALD_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().with_env_filter(env).with_writer(std::io::stderr).init();
    match run(Cli::parse().command).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("weald: {why}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve { storage, service } => {
            let state = server::open(&storage, service, Clock::System)?;
            let listen = state.service.listen;
            let (server, address) = server::listen(&state).map_err(|error| format!("cannot listen on {listen}: {error}"))?;
            tracing::info!(%address, "listening");
            server.await.map_err(|error| error.to_string())
        }
        Command::Migrate { storage } => db::migrate(&storage.url()?),
        Command::Openapi { permissions } => {
            let document = app::openapi();
            if permissions {
                print!("{}", weald::http::document::permissions_page(&document));
            } else {
                println!("{}", serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?);
            }
            Ok(())
        }
    }
}
