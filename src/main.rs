//! The commands.

mod commands;
mod demo;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use commands::Failure;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use weald::config::{Service, Storage, address};

/// The backend that makes a school's social media policy run.
///
/// `weald demo` shows it with a made-up school. For a school of your own: `weald school add`, `weald person add`
/// for its headteacher and IT technician, and `weald serve`.
#[derive(Parser)]
#[command(name = "weald", version, max_term_width = 100)]
struct Cli {
    /// What is logged: a level (error, warn, info, debug, trace, off), or levels per module like `info,weald::jobs=debug`
    /// [default: info; warn in the demo]
    #[arg(long, env = "WEALD_LOG", global = true, value_parser = log_filter, value_name = "LEVEL")]
    log: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, and run the jobs
    Serve {
        #[command(flatten)]
        storage: Storage,
        #[command(flatten)]
        service: Service,
    },
    /// Serve a made-up school, with logins for every role, on this machine alone
    Demo(demo::Options),
    /// Bring the database's tables up to date; the other commands do it too
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
    /// Ask the service on this machine whether it is ready; fails if not
    Health {
        /// The address that it listens on
        #[arg(long, env = "WEALD_LISTEN", default_value = "127.0.0.1:8080", value_parser = address, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
    /// Schools
    #[command(subcommand)]
    School(commands::schools::SchoolCommand),
    /// People, with the roles that nobody is there yet to grant
    #[command(subcommand)]
    Person(commands::people::PersonCommand),
    /// Service accounts: programs that call the API for a school
    #[command(subcommand)]
    Service(commands::services::ServiceCommand),
    /// Import a list of people that another system has written to a file
    Import(commands::imports::Import),
    /// The log
    #[command(subcommand)]
    Events(commands::events::EventsCommand),
    /// What has to happen without a request
    #[command(subcommand)]
    Jobs(commands::jobs::JobsCommand),
    /// The vault: its master key
    #[command(subcommand)]
    Vault(commands::vault::VaultCommand),
}

#[actix_web::main]
async fn main() -> ExitCode {
    let matches = commands::unset_if_empty(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let quiet = if matches!(cli.command, Command::Demo(_)) { "warn" } else { "info" };
    let filter = EnvFilter::new(cli.log.as_deref().unwrap_or(quiet));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    // A panic is a line of the log like any other.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("weald: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { storage, service } => commands::serve::serve(&storage, service).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Migrate { storage } => commands::serve::migrate(&storage),
        Command::Openapi { permissions } => commands::serve::openapi(permissions),
        Command::Health { listen } => commands::serve::health(listen),
        Command::School(command) => commands::schools::run(command).await,
        Command::Person(command) => commands::people::run(command).await,
        Command::Service(command) => commands::services::run(command).await,
        Command::Import(import) => commands::imports::run(import).await,
        Command::Events(command) => commands::events::run(command).await,
        Command::Jobs(command) => commands::jobs::run(command).await,
        Command::Vault(command) => commands::vault::run(command).await,
    }
}

/// What `EnvFilter` understands; a bare word that is no level would silently switch everything else off.
fn log_filter(text: &str) -> Result<String, String> {
    let is_level = |part: &str| part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok();
    let valid = text.split(',').all(|part| is_level(part.trim())) && EnvFilter::try_new(text).is_ok();
    if valid {
        Ok(text.to_owned())
    } else {
        Err("expected a level (error, warn, info, debug, trace, off) or directives like info,weald=debug".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the README's table of configuration, out of the flags themselves.
    fn configuration() -> Vec<String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let rows = serve.get_arguments().chain(cli.get_arguments()).filter_map(|flag| {
            let variable = flag.get_env()?.to_string_lossy().into_owned();
            let default: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let help = flag.get_help()?.to_string().replace('\n', " ").replace('|', "\\|").replace('<', "&lt;");
            let (help, said) = help.split_once(" [default: ").unwrap_or((&help, ""));
            let default = if default.is_empty() { said.trim_end_matches(']').to_owned() } else { format!("`{}`", default.join(",")) };
            Some(format!("| `--{}` | `{variable}` | {default} | {help} |", flag.get_long()?))
        });
        rows.collect()
    }

    #[test]
    fn the_readme_tells_every_flag_and_variable() {
        let readme = include_str!("../README.md");
        let missing: Vec<String> = configuration().into_iter().filter(|row| !readme.contains(row.as_str())).collect();
        assert!(missing.is_empty(), "README.md lacks these rows:\n{}", missing.join("\n"));
    }

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_level_that_does_not_exist_is_refused() {
        for good in ["info", "off", "info,weald=debug", "warn,weald::jobs=trace"] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for wrong in ["loud", "info,loud", "weald=loud"] {
            assert!(log_filter(wrong).unwrap_err().contains("expected a level"), "{wrong}");
        }
    }
}
