//! The commands, one file per group.

pub mod events;
pub mod imports;
pub mod jobs;
pub mod people;
pub mod schools;
pub mod serve;
pub mod services;
pub mod vault;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, CommandFactory, FromArgMatches, Parser};
use serde_json::Value;
use strum::IntoEnumIterator;
use validator::Validate;
use weald::config::{Service, Storage};
use weald::db::types::SchoolId;
use weald::db::{Conn, Db, DbError};
use weald::http::text::Line;
use weald::problem::Problem;
use weald::resources::schools::rows::{self, SchoolRow};

/// As which the commands stand in the log.
pub const CLIENT: &str = "weald-command";

/// Why a command did not do what it was asked: a sentence for the operator.
#[derive(Debug)]
pub struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for Failure {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self(error.to_string())
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem.cause().map(str::to_owned).or_else(|| problem.explanation()).unwrap_or_else(|| problem.to_string()))
    }
}

fn open(storage: &Storage) -> Result<Db, Failure> {
    Ok(Db::open(&storage.url()?, storage.database_connections)?)
}

/// Takes a variable that is set to nothing for one that is not set, as compose files and unit files write it.
pub fn unset_if_empty(command: Command) -> Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if is_empty(&arg) { arg.env(None) } else { arg }).mut_subcommands(unset_if_empty)
}

/// The service as the variables configure it, for commands that have no flags for it.
pub fn configured() -> Result<Service, Failure> {
    #[derive(Parser)]
    struct Variables {
        #[command(flatten)]
        service: Service,
    }
    let matches = unset_if_empty(Variables::command()).try_get_matches_from(["weald"]);
    let variables = matches.and_then(|matches| Variables::from_arg_matches(&matches)).map_err(|error| Failure(error.to_string()))?;
    Ok(variables.service)
}

/// The school, or a sentence that says that there is none.
fn find_school(conn: &mut Conn, school: SchoolId) -> Result<SchoolRow, Failure> {
    match rows::find(conn, school) {
        Err(diesel::result::Error::NotFound) => Err(format!("there is no school {school}; `weald school add` makes one").into()),
        other => Ok(other?),
    }
}

fn school_id(text: &str) -> Result<SchoolId, String> {
    serde_json::from_value(Value::from(text)).map_err(|_| "expected the id that `weald school add` printed".into())
}

/// Text by the rules of the API.
fn line<const MAX: usize>(text: &str) -> Result<String, String> {
    let line = Line::<MAX>::from(text);
    let said = |_| format!("expected 1 to {MAX} characters without control characters");
    line.validate().map(|()| line.into_inner()).map_err(said)
}

/// The words of a closed list.
fn words<T>() -> impl TypedValueParser<Value = T>
where
    T: IntoEnumIterator + Into<&'static str> + std::str::FromStr<Err = strum::ParseError> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(T::iter().map(Into::into)).try_map(|word| word.parse::<T>())
}
