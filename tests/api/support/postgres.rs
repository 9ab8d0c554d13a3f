//! A PostgreSQL for the tests: the server at `TEST_DATABASE_URL`, else a cluster that lives as long
//! as this process, made with the PostgreSQL programs of the machine.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use diesel::PgConnection;
use diesel::connection::{Connection, SimpleConnection};
use uuid::Uuid;

/// The database through which the others are made.
pub fn admin_url() -> &'static str {
    static SERVER: OnceLock<(String, Option<Child>)> = OnceLock::new();
    let (url, _) = SERVER.get_or_init(|| match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => (url, None),
        Err(_) => start_cluster(),
    });
    url
}

/// The URL of a new, empty database.
pub fn create_database() -> String {
    create_database_like("template0")
}

/// The URL of a new copy of the database at `template`, to which nobody may be connected meanwhile.
pub fn create_database_from(template: &str) -> String {
    create_database_like(cut(template).1)
}

fn create_database_like(template: &str) -> String {
    let name = format!("weald_test_{}", Uuid::new_v4().simple());
    // The other strategy, wal_log, takes two to three times as long.
    administrate(&format!(r#"CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy"#));
    let (server, _, options) = cut(admin_url());
    format!("{server}/{name}{options}")
}

/// Removes the database at `url`, whoever is still connected to it.
pub fn drop_database(url: &str) {
    administrate(&format!(r#"DROP DATABASE "{}" WITH (FORCE)"#, cut(url).1));
}

fn administrate(statement: &str) {
    PgConnection::establish(admin_url())
        .expect("PostgreSQL accepts a connection")
        .batch_execute(statement)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// A database's URL as server, name and options.
fn cut(url: &str) -> (&str, &str, &str) {
    let (path, options) = url.split_at(url.find('?').unwrap_or(url.len()));
    let (server, name) = path.rsplit_once('/').expect("postgres://server/database");
    (server, name, options)
}

/// Starts a cluster under a keeper, which removes it when its input closes. The kernel closes that
/// however this process dies; a `Drop` would not run for a static, nor after SIGKILL.
fn start_cluster() -> (String, Option<Child>) {
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER])
        .current_dir("/") // PostgreSQL's user may not enter ours
        .process_group(0) // out of reach of Ctrl-C, which would kill the keeper before the cluster
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let mut directory = String::new();
    BufReader::new(keeper.stdout.take().expect("a pipe")).read_line(&mut directory).expect("the keeper writes UTF-8");
    assert!(
        !directory.is_empty(),
        "The tests need PostgreSQL, and it did not start (the reason is above). \
         Install it (Debian: apt-get install postgresql), or point TEST_DATABASE_URL to a server."
    );
    let directory = directory.trim_end();
    let url = format!("postgres:///postgres?host={directory}&port=5432&user=postgres");
    (url, Some(keeper))
}

/// Makes and starts a cluster, prints its directory, waits for the end of its input, removes all.
const KEEPER: &str = r#"
set -e
trap '' HUP INT PIPE TERM
PATH="$PATH:$(pg_config --bindir 2>/dev/null):$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)"
LC_ALL=C
export PATH LC_ALL

# PostgreSQL refuses to run as root.
unprivileged() {
    if [ "$(id -u)" = 0 ]
    then setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else "$@"
    fi
}

command -v initdb >/dev/null || { echo 'initdb: not found' >&2; exit 1; }

# A new database is 7 MB of files: several times as fast in memory, where there is enough.
base=${TMPDIR:-/tmp}
[ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')0" -lt 40000000 ] || base=/dev/shm
dir=$(unprivileged mktemp -d "$base/weald-postgres.XXXXXX")
trap 'unprivileged pg_ctl stop -D "$dir" -m immediate; rm -rf "$dir"' EXIT
unprivileged initdb -D "$dir" -U postgres -A trust -E UTF8 --no-locale --no-sync >/dev/null
cat >>"$dir/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
port = 5432
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
END
unprivileged pg_ctl start -D "$dir" -l "$dir/log" -w -s || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
exec >/dev/null 2>&1
cat
"#;
