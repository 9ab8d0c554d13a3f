//! The database: two engines behind one connection type, and the only two doors to it.
//!
//! [`Db::read`] sees what is committed. [`Db::write`] is one durable transaction: the answer comes after
//! the commit, and writes under one lock (a school) happen one after another, on both engines.

pub mod bulk;
mod commits;
#[allow(clippy::wildcard_imports, reason = "as diesel prints it")]
pub mod schema;
pub mod types;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool, PooledConnection, R2D2Connection};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::watch;
use uuid::Uuid;

use commits::Commits;
use writer::Writer;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// A connection to either engine; queries are written once against it.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// How long a request waits for PostgreSQL.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where the data is: `sqlite:<path>` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(String),
}

impl std::str::FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with("//") && path != ":memory:" => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            _ => Err("expected sqlite:<path> or postgres://<user>@<host>/<database>".into()),
        }
    }
}

/// Without the password that a PostgreSQL URL may carry.
impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("the database is busy or out of reach: {0}")]
    Busy(String),
    #[error("the database has no room left: {0}")]
    Full(String),
    #[error("a value that must be unique exists already")]
    Taken,
    #[error("a row has been changed since it was read")]
    Stale,
    #[error(transparent)]
    Query(QueryError),
    #[error("the work in the database panicked")]
    Panicked,
}

impl From<QueryError> for DbError {
    fn from(error: QueryError) -> Self {
        let QueryError::DatabaseError(kind, information) = &error else {
            return Self::Query(error);
        };
        let message = information.message();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        match kind {
            DatabaseErrorKind::UniqueViolation => Self::Taken,
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction => Self::Busy(message.to_owned()),
            _ if says(&["disk is full", "No space left", "could not extend file", "disk I/O error"]) => Self::Full(message.to_owned()),
            _ if says(&[
                "database is locked",
                "attempt to write a readonly database",
                "unable to open database file",
                "terminating connection",
                "server closed the connection",
                "the database system is",
                "canceling statement due to",
                "connection to server",
                "no connection to the server",
                "deadlock detected",
            ]) =>
            {
                Self::Busy(message.to_owned())
            }
            _ => Self::Query(error),
        }
    }
}

/// Opens connections with the settings that every one of them needs.
struct Engine(DatabaseUrl);

impl ManageConnection for Engine {
    type Connection = Conn;
    type Error = DbError;

    fn connect(&self) -> Result<Conn, DbError> {
        let refused = |error: ConnectionError| DbError::Busy(error.to_string());
        match &self.0 {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy()).map_err(refused)?;
                // FULL on each connection: an acknowledged write survives a power cut, not only a kill.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                     PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
                     PRAGMA mmap_size = 1073741824;",
                )?;
                Ok(Conn::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::establish(&watchful(url)).map_err(refused)?;
                conn.batch_execute(
                    "SET synchronous_commit = on; SET lock_timeout = '5s'; SET statement_timeout = '30s';
                     SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC';",
                )?;
                Ok(Conn::Postgres(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), DbError> {
        Ok(conn.ping()?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// The URL with limits on how long a silent server is waited for, unless it names its own.
fn watchful(url: &str) -> String {
    let limits = [("connect_timeout", "5"), ("tcp_user_timeout", "10000"), ("keepalives_idle", "10")];
    limits.iter().filter(|(name, _)| !url.contains(name)).fold(url.to_owned(), |url, (name, value)| {
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}{name}={value}")
    })
}

/// The database of one running program. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Engine>,
    /// The one writer of an SQLite file; on PostgreSQL each write has a connection of its own.
    writer: Option<Writer>,
    commits: Arc<Commits>,
}

impl Db {
    /// Opens the database and brings its tables up to date. `connections` bounds the pool.
    ///
    /// # Errors
    /// A sentence for the operator: out of reach, or written by a newer version of weald.
    pub fn open(url: &DatabaseUrl, connections: u32) -> Result<Self, String> {
        migrate(url)?;
        let engine = Engine(url.clone());
        let writer = match url {
            DatabaseUrl::Sqlite(_) => {
                Some(Writer::start(engine.connect().map_err(|error| error.to_string())?).map_err(|error| error.to_string())?)
            }
            DatabaseUrl::Postgres(_) => None,
        };
        let pool = Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(2))
            .test_on_check_out(writer.is_none())
            .build(engine)
            .map_err(|_| format!("cannot open {url}"))?;
        Ok(Self { pool, writer, commits: Arc::default() })
    }

    /// Runs queries. On SQLite in place (a point read is shorter than a change of thread), on PostgreSQL
    /// on a thread that may wait for the network.
    ///
    /// # Errors
    /// What `f` says, or [`DbError`].
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if self.writer.is_some() {
            return f(&mut *self.connection()?);
        }
        let db = self.clone();
        off_thread(move || f(&mut *db.connection()?)).await
    }

    /// Runs `f` in one durable transaction that holds the lock named `lock`. An `Err` leaves no trace.
    ///
    /// # Errors
    /// What `f` says, or [`DbError`].
    pub async fn write<T, E>(&self, lock: Uuid, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let written = self.commit(lock, f).await;
        if written.is_ok() {
            self.announce(lock);
        }
        written
    }

    async fn commit<T, E>(&self, lock: Uuid, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            return writer.write(f).await;
        }
        let db = self.clone();
        off_thread(move || {
            let conn = &mut *db.connection()?;
            execute(conn, "BEGIN")?;
            let (high, low) = lock.as_u64_pair();
            let key = (high ^ low).cast_signed();
            let result = execute(conn, &format!("SELECT pg_advisory_xact_lock({key})")).map_err(E::from).and_then(|()| caught(f, conn));
            match result {
                Ok(value) => execute(conn, "COMMIT").map(|()| value).map_err(E::from),
                Err(error) => {
                    // A connection that cannot even roll back is broken, and the pool drops it.
                    let _ = execute(conn, "ROLLBACK");
                    Err(error)
                }
            }
        })
        .await
    }

    /// Sees every commit under `lock` from now on.
    pub fn commits(&self, lock: Uuid) -> watch::Receiver<()> {
        self.commits.subscribe(lock)
    }

    /// Wakes those who wait for a commit under `lock`: this one's own are announced by themselves.
    pub fn announce(&self, lock: Uuid) {
        self.commits.announce(lock);
    }

    /// The locks under which somebody waits for a commit.
    pub fn awaited(&self) -> Vec<Uuid> {
        self.commits.awaited()
    }

    /// Whether reads and writes can be answered.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), DbError> {
        if self.writer.as_ref().is_some_and(Writer::has_ended) {
            return Err(DbError::Panicked);
        }
        self.read(|conn| execute(conn, "SELECT 1")).await
    }

    fn connection(&self) -> Result<PooledConnection<Engine>, DbError> {
        self.pool.get().map_err(|error| DbError::Busy(error.to_string()))
    }
}

async fn off_thread<T, E>(f: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(f)).await {
        Ok(done) => done.unwrap_or_else(|_| Err(DbError::Panicked.into())),
        // A server that has gone away without a word: the thread is given up when its connection is.
        Err(_) => Err(DbError::Busy("no answer in time".into()).into()),
    }
}

/// Runs `f`; a panic in it becomes an error, so that its transaction is rolled back like any other.
fn caught<T, E: From<DbError>>(f: impl FnOnce(&mut Conn) -> Result<T, E>, conn: &mut Conn) -> Result<T, E> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(conn))).unwrap_or_else(|_| Err(DbError::Panicked.into()))
}

fn execute(conn: &mut Conn, statement: &str) -> Result<(), DbError> {
    Ok(conn.batch_execute(statement)?)
}

/// Brings the tables up to date; one process at a time.
///
/// # Errors
/// A sentence for the operator.
pub fn migrate(url: &DatabaseUrl) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("cannot migrate {url}: {error}");
    let file_lock = match url {
        DatabaseUrl::Sqlite(path) => Some(lock_file(path).map_err(|error| said(&error))?),
        DatabaseUrl::Postgres(_) => None,
    };
    let mut conn = Engine(url.clone()).connect().map_err(|error| said(&error))?;
    let result = match &mut conn {
        Conn::Sqlite(conn) => run_migrations(conn, SQLITE_MIGRATIONS),
        Conn::Postgres(conn) => {
            conn.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock(7301940128)")
                .map_err(|error| said(&error))?;
            run_migrations(conn, POSTGRES_MIGRATIONS)
        }
    };
    drop(file_lock);
    result.map_err(|error| said(&error))
}

fn run_migrations<C, B>(conn: &mut C, source: EmbeddedMigrations) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
    EmbeddedMigrations: MigrationSource<B>,
{
    let known: Vec<String> = MigrationSource::<B>::migrations(&source)?.iter().map(|m| m.name().version().to_string()).collect();
    if let Some(unknown) = conn.applied_migrations()?.iter().find(|version| !known.contains(&version.to_string())) {
        return Err(format!("it was written by a newer version of weald (migration {unknown}); use that one").into());
    }
    conn.run_pending_migrations(source)?;
    Ok(())
}

/// Creates the SQLite file for its owner alone and keeps other processes from migrating it meanwhile.
fn lock_file(path: &Path) -> std::io::Result<std::fs::File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    crate::config::private_file(path)?;
    let lock = crate::config::private_file(&path.with_extension("lock"))?;
    lock.lock()?;
    Ok(lock)
}
