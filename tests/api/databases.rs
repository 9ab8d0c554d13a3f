//! Two engines, one schema: both sets of migrations and `schema.rs` say the same.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use uuid::Uuid;
use weald::clock::Instant;
use weald::db::schema::leases;
use weald::db::types::LeaseHolder;
use weald::db::{Conn, DatabaseUrl, Db, migrate};
use weald::problem::{Code, Problem};

use crate::support::School;
use crate::support::database::{Database, Engine};

/// The columns of each table: their kind, and whether they may be absent.
type Tables = BTreeMap<String, BTreeMap<String, (String, bool)>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

/// What is in the database, but for the migrations' own table.
fn tables(url: &DatabaseUrl) -> Tables {
    let columns: Vec<Column> = match url {
        DatabaseUrl::Sqlite(path) => diesel::sql_query(
            "SELECT t.name AS table_name, c.name AS column_name, c.type AS kind, c.\"notnull\" = 0 AS nullable
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        )
        .load(&mut SqliteConnection::establish(path.to_str().unwrap()).unwrap()),
        DatabaseUrl::Postgres(url) => diesel::sql_query(
            "SELECT table_name::text, column_name::text, data_type::text AS kind, is_nullable = 'YES' AS nullable
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
        )
        .load(&mut PgConnection::establish(url).unwrap()),
    }
    .unwrap();
    let mut tables = Tables::new();
    for column in columns {
        tables.entry(column.table_name).or_default().insert(column.column_name, (column.kind.to_lowercase(), column.nullable));
    }
    tables
}

/// What `schema.rs` says, in the words of the engine.
fn declared(engine: Engine) -> Tables {
    let mut tables = Tables::new();
    let mut table = "";
    for line in include_str!("../../src/db/schema.rs").lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name;
        } else if let Some((column, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',');
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let word = match (inner.unwrap_or(kind), engine) {
                ("SqlUuid" | "Binary", Engine::Sqlite) => "blob",
                ("SqlUuid", Engine::Postgres) => "uuid",
                ("Instant", Engine::Sqlite) | ("BigInt", _) => "bigint",
                ("Instant", Engine::Postgres) => "timestamp with time zone",
                ("Bool", _) => "boolean",
                ("Text", _) => "text",
                ("Integer", _) => "integer",
                ("Date", _) => "date",
                ("Binary", Engine::Postgres) => "bytea",
                (other, _) => panic!("{table}.{column} is a {other}: say what that is on both engines"),
            };
            tables.entry(table.to_owned()).or_default().insert(column.to_owned(), (word.to_owned(), inner.is_some()));
        }
    }
    tables
}

/// The names of the indexes that migrations give.
fn indexes(url: &DatabaseUrl) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Index {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let indexes: Vec<Index> = match url {
        DatabaseUrl::Sqlite(path) => {
            diesel::sql_query("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
                .load(&mut SqliteConnection::establish(path.to_str().unwrap()).unwrap())
        }
        DatabaseUrl::Postgres(url) => diesel::sql_query(
            "SELECT indexname::text COLLATE \"C\" AS name FROM pg_indexes
             WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey' AND indexname NOT LIKE '%\\_key' ORDER BY name",
        )
        .load(&mut PgConnection::establish(url).unwrap()),
    }
    .unwrap();
    indexes.into_iter().map(|index| index.name).collect()
}

fn execute(url: &DatabaseUrl, statements: &str) {
    match url {
        DatabaseUrl::Sqlite(path) => SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(statements),
        DatabaseUrl::Postgres(url) => PgConnection::establish(url).unwrap().batch_execute(statements),
    }
    .unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// The migrations of an engine, oldest first: their folders.
fn migrations(engine: Engine) -> Vec<std::path::PathBuf> {
    let folder = if engine == Engine::Sqlite { "sqlite" } else { "postgres" };
    let entries = std::fs::read_dir(format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

#[test]
fn both_engines_have_the_tables_that_the_program_knows() {
    for engine in ENGINES {
        assert_eq!(tables(&Database::new(engine).url()), declared(engine), "{engine:?}");
    }
}

#[test]
fn both_engines_have_the_same_migrations_and_the_same_indexes() {
    let names = ENGINES.map(|engine| migrations(engine).iter().map(|folder| folder.file_name().unwrap().to_owned()).collect::<Vec<_>>());
    assert_eq!(names[0], names[1]);
    let [sqlite, postgres] = ENGINES.map(|engine| indexes(&Database::new(engine).url()));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres);
}

#[test]
fn what_goes_up_comes_down_and_leaves_nothing() {
    for engine in ENGINES {
        let database = Database::empty(engine);
        let url = database.url();
        let run = |folder: &std::path::Path, file| execute(&url, &std::fs::read_to_string(folder.join(file)).unwrap());
        for migration in &migrations(engine) {
            run(migration, "up.sql");
        }
        assert_eq!(tables(&url), declared(engine));
        for migration in migrations(engine).iter().rev() {
            run(migration, "down.sql");
        }
        assert!(tables(&url).is_empty() && indexes(&url).is_empty(), "{engine:?}: {:?}", tables(&url));
    }
}

#[test]
fn migrating_again_changes_nothing() {
    for engine in ENGINES {
        let database = Database::empty(engine);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| migrate(&database.url()).unwrap());
            }
        });
        assert_eq!(tables(&database.url()), declared(engine), "four processes at once");
        migrate(&database.url()).unwrap();
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    for engine in ENGINES {
        let database = Database::new(engine);
        execute(&database.url(), "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
        let why = Db::open(&database.url(), 2).err().unwrap();
        assert!(why.contains("written by a newer version of weald (migration 29991231000001)"), "{why}");
        assert_eq!(tables(&database.url()), declared(engine));
    }
}

#[test]
fn a_database_out_of_reach_is_a_sentence_without_its_password() {
    let nowhere = DatabaseUrl::Postgres("postgres://weald:s3cret@127.0.0.1:1/weald".into());
    let why = Db::open(&nowhere, 2).err().unwrap();
    assert!(why.starts_with("cannot migrate postgres://…: ") && !why.contains("s3cret"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weald.db"), "this is no database, but a text that is long enough to be looked at").unwrap();
    let why = Db::open(&DatabaseUrl::Sqlite(folder.path().join("weald.db")), 2).err().unwrap();
    assert!(why.contains("weald.db: ") && why.contains("file is not a database"), "{why}");
}

#[actix_web::test]
async fn when_sqlite_rolls_a_whole_batch_back_nobody_in_it_is_told_that_it_stands() {
    let database = Database::new(Engine::Sqlite);
    let db = Db::open(&database.url(), 2).unwrap();
    let lease = |name: &'static str| {
        move |tx: &mut Conn| -> Result<(), Problem> {
            let row = (leases::name.eq(name), leases::holder.eq(LeaseHolder::new()), leases::expires_at.eq(Instant::default()));
            diesel::insert_into(leases::table).values(row).execute(tx)?;
            Ok(())
        }
    };
    // The first write holds the batch open until the others wait in it.
    let (go, wait) = std::sync::mpsc::channel();
    let before = db.write(Uuid::nil(), move |tx| {
        wait.recv().unwrap();
        lease("before")(tx)
    });
    let disk_full = db.write(Uuid::nil(), move |tx| {
        lease("itself")(tx)?;
        tx.batch_execute("ROLLBACK")?;
        Err::<(), Problem>(Problem::not_found())
    });
    let after = db.write(Uuid::nil(), lease("after"));
    let release = async { go.send(()).unwrap() };
    let (before, disk_full, after, ()) = tokio::join!(before, disk_full, after, release);
    assert_eq!(before.unwrap_err().code(), Code::StorageFull);
    assert_eq!(disk_full.unwrap_err().code(), Code::StorageFull, "a refusal may rest on what was lost");
    after.unwrap();
    let names = db.read(|conn| Ok::<_, Problem>(leases::table.select(leases::name).load::<String>(conn)?)).await.unwrap();
    assert_eq!(names, ["after"], "it was in a batch of its own");
}

#[actix_web::test]
async fn a_revoked_service_account_is_dead() {
    let school = School::new(Engine::Sqlite).await;
    let (DatabaseUrl::Sqlite(path), client) = (school.database_url(), school.service().client_id()) else { unreachable!() };
    let revoke = |client: &str| {
        let mut weald = std::process::Command::new(env!("CARGO_BIN_EXE_weald"));
        weald.args(["service", "revoke", "--client-id", client, "--database-url", &format!("sqlite:{}", path.display())]).output().unwrap()
    };
    school.service().get("/v1/accounts").await.is(200);
    assert!(revoke(&client).status.success());
    school.service().get("/v1/accounts").await.is(401);
    let again = revoke(&client);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("revoked before"), "{again:?}");
    let events = school.headteacher().get("/v1/events?type=service_account.revoked").await.is(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let database = Database::new(Engine::Sqlite);
    let DatabaseUrl::Sqlite(path) = database.url() else { unreachable!() };
    let weald = |value: &str| {
        let mut weald = std::process::Command::new(env!("CARGO_BIN_EXE_weald"));
        for variable in ["WEALD_DATABASE_URL_FILE", "WEALD_DATABASE_CONNECTIONS", "WEALD_BANK_HOLIDAYS", "WEALD_LOG"] {
            weald.env(variable, value);
        }
        weald.args(["migrate", "--database-url", &format!("sqlite:{}", path.display())]).output().unwrap()
    };
    let empty = weald("");
    assert!(empty.status.success(), "{empty:?}");
    assert!(!weald("x").status.success(), "one that is set to something is read");
}
