//! `weald import`: lists of people out of files on this machine.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use weald::clock::Clock;
use weald::config::Storage;
use weald::db::Db;
use weald::db::types::SchoolId;
use weald::events::Actor;
use weald::page::Window;
use weald::policy::deadline::local_day;
use weald::problem::Problem;
use weald::resources::imports::intake::{self, Order};
use weald::resources::imports::rows::{self, ImportRow};
use weald::resources::imports::{ImportFormat, ImportMode, work};
use weald::resources::people::bulk::ItemOutcome;

use super::{CLIENT, Failure};

/// Records in one transaction: the service answers in between.
const AT_ONCE: i64 = 200;
/// Refused records that are shown; the service has all of them.
const SHOWN: u16 = 20;

#[derive(Args)]
pub struct Import {
    /// The file: OneRoster (.zip), .csv, .ndjson or .json
    file: PathBuf,

    /// The school
    #[arg(long, value_parser = super::school_id, value_name = "ID")]
    school: SchoolId,

    /// The other system's name, as in `external_source`
    #[arg(long, value_parser = super::line::<50>)]
    source: String,

    /// Whether those are gone who are not in the file
    #[arg(long, value_parser = super::words::<ImportMode>(), default_value = "upsert")]
    mode: ImportMode,

    /// Change nothing, and say what would change
    #[arg(long)]
    dry_run: bool,

    /// How many people may leave by it, where they are more than a fifth
    #[arg(long, value_name = "N")]
    confirm_leaving: Option<i64>,

    #[command(flatten)]
    storage: Storage,
}

/// Takes the file in and deals with it. Stopped in between, it goes on with the jobs of the service, or `weald jobs run`.
pub async fn run(import: Import) -> Result<(), Failure> {
    let format = match import.file.extension().and_then(|extension| extension.to_str()) {
        Some("zip") => ImportFormat::OneRoster,
        Some("csv") => ImportFormat::Csv,
        Some("ndjson") => ImportFormat::Ndjson,
        Some("json") => ImportFormat::Json,
        _ => return Err("expected a file named .zip, .csv, .ndjson or .json".into()),
    };
    let file = File::open(&import.file).map_err(|error| format!("cannot read {}: {error}", import.file.display()))?;
    let db = super::open(&import.storage)?;
    let school = import.school;
    let zone = db.read(move |conn| super::find_school(conn, school)).await?.zone();
    let order =
        Order { source: import.source, format, mode: import.mode, dry_run: import.dry_run, confirm_leaving: import.confirm_leaving };
    let by = Actor::system(school, CLIENT, Clock::System.now());
    let laid = intake::lay_down(&db, file, order, &by).await?;
    let mut row = laid.clone();
    let admitted = db.write(school.uuid(), move |tx| intake::admit(tx, &mut row, &by, local_day(*by.at, zone)).map(|()| row)).await;
    let row = match admitted {
        Ok(row) => row,
        Err(problem) => {
            intake::discard(&db, &laid).await?;
            return Err(problem.into());
        }
    };
    println!("import    {}", row.id);
    let row = follow(&db, row).await?;
    report(&db, row).await
}

async fn follow(db: &Db, mut row: ImportRow) -> Result<ImportRow, Failure> {
    let style = "{wide_bar} {pos}/{len} {per_sec} {eta} left";
    let bar =
        ProgressBar::new(row.total.unsigned_abs()).with_style(ProgressStyle::with_template(style).map_err(|error| error.to_string())?);
    let (school, id) = (row.school_id, row.id);
    while row.state.is_open() {
        let now = Clock::System.now();
        row = db
            .write(school.uuid(), move |tx| {
                work::advance(tx, school, now, AT_ONCE)?;
                rows::find(tx, school, id)
            })
            .await?;
        bar.set_position(row.done().unsigned_abs());
    }
    bar.finish_and_clear();
    Ok(row)
}

async fn report(db: &Db, row: ImportRow) -> Result<(), Failure> {
    let (school, id) = (row.school_id, row.id);
    println!("state     {}", row.state);
    for (what, count) in
        [("created", row.created), ("updated", row.updated), ("unchanged", row.unchanged), ("left", row.departed), ("refused", row.refused)]
    {
        println!("{what:<9} {count}");
    }
    let window = Window::new(None, Some(SHOWN), &())?;
    let refused = db.read(move |conn| Ok::<_, Problem>(rows::results(conn, school, id, &[ItemOutcome::Refused], &window)?)).await?;
    for record in refused.into_iter().take(SHOWN.into()) {
        println!("refused   {} {}: {}", record.kind, record.external_id, record.problem.unwrap_or_default());
    }
    row.problem.map_or(Ok(()), |problem| Err(problem.into()))
}
