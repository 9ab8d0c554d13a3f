//! A fresh database per test: a copy of one that has been migrated.

use std::path::PathBuf;
use std::sync::LazyLock;

use tempfile::TempDir;
use weald::db::{DatabaseUrl, migrate};

use super::postgres;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A database that goes with the test.
pub enum Database {
    Sqlite(TempDir),
    Postgres(String),
}

static SQLITE_TEMPLATE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.db");
    migrate(&DatabaseUrl::Sqlite(path.clone())).unwrap();
    (folder, path)
});

static POSTGRES_TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let url = postgres::create_database();
    migrate(&DatabaseUrl::Postgres(url.clone())).unwrap();
    url
});

impl Database {
    /// With all tables.
    pub fn new(engine: Engine) -> Self {
        let database = match engine {
            Engine::Sqlite => Self::empty(engine),
            Engine::Postgres => Self::Postgres(postgres::create_database_from(&POSTGRES_TEMPLATE)),
        };
        if let DatabaseUrl::Sqlite(path) = database.url() {
            std::fs::copy(&SQLITE_TEMPLATE.1, path).unwrap();
        }
        database
    }

    /// With no tables.
    pub fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Engine::Postgres => Self::Postgres(postgres::create_database()),
        }
    }

    pub fn url(&self) -> DatabaseUrl {
        match self {
            Self::Sqlite(folder) => DatabaseUrl::Sqlite(folder.path().join("weald.db")),
            Self::Postgres(url) => DatabaseUrl::Postgres(url.clone()),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(url) = self {
            postgres::drop_database(url);
        }
    }
}
