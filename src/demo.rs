//! `weald demo`: a made-up school, told through the API itself, and served on this machine alone.

mod script;
mod story;

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::SecondsFormat;
use clap::Args;
use weald::clock::Clock;
use weald::config::{Service, Storage, private_file};
use weald::db::DatabaseUrl;
use weald::server;
use weald::vault::keyring;

use crate::commands::{Failure, configured, serve};
use script::{LEAVER, PEOPLE, SCHOOL};

/// Everybody's password. For the demo only, which answers nobody but this machine.
pub const PASSWORD: &str = "seven-herons-over-the-river";
/// The service account of the school's management information system, and its secret. For the demo only.
pub const CLIENT_ID: &str = "mis-demo";
pub const CLIENT_SECRET: &str = "demo-secret-of-the-mis-1f6c0a";

/// What an earlier demo may have left in its folder, beside [`LOCK`].
const FILES: [&str; 6] = ["weald.db", "weald.db-wal", "weald.db-shm", "weald.lock", "signing-key.pem", "master-keys"];
/// Marks a folder as the demo's own, keeps a second demo out of it, and says whether the story in it is complete.
const LOCK: &str = "demo.lock";
const COMPLETE: &str = "complete\n";

#[derive(Args)]
pub struct Options {
    /// Folder of the demo's data
    #[arg(long, default_value = "weald-demo", value_name = "PATH")]
    data_dir: PathBuf,

    /// Address and port to listen on; a loopback address, since everybody knows the demo's passwords
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = loopback, value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Begin anew: delete what an earlier demo made in its folder
    #[arg(long)]
    fresh: bool,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
    address.ok_or_else(|| "expected a loopback address and a port, like 127.0.0.1:8080: the demo's passwords are no secret".into())
}

pub async fn run(options: Options) -> Result<(), Failure> {
    // Now rather than after the story; and port 0 becomes the one that is free.
    let listen = TcpListener::bind(options.listen).and_then(|listener| listener.local_addr());
    let listen = listen.map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let service = Service { listen, public_url: None, signing_keys: Vec::new(), password_login: true, ..configured()? };
    let mut folder = Folder::open(options.data_dir)?;
    if options.fresh || !folder.is_complete()? {
        folder.clear()?;
        let unhurried = Service { rate_limit: NonZeroU32::MAX, ..service.clone() };
        story::tell(&folder.storage(), unhurried, Clock::System.now()).await?;
        folder.complete()?;
    }
    keyring::create(&folder.path.join(FILES[5]))?;
    let state = server::open(&folder.storage(), service, Clock::System)?;
    println!("{}", welcome(listen, &folder.path));
    serve::run(state).await
}

/// The demo's folder, for as long as this demo runs.
struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        if path.join(FILES[0]).exists() && !path.join(LOCK).exists() {
            return Err(format!("{} holds a database that is not the demo's; give another --data-dir", path.display()).into());
        }
        std::fs::create_dir_all(&path).map_err(|error| format!("cannot make the folder {}: {error}", path.display()))?;
        let lock = private_file(&path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(format!("another demo runs in {}; give another --data-dir", path.display()).into()),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Whether an earlier demo told its story to the end.
    fn is_complete(&mut self) -> std::io::Result<bool> {
        let mut said = String::new();
        self.lock.rewind()?;
        self.lock.read_to_string(&mut said)?;
        Ok(said == COMPLETE)
    }

    fn complete(&mut self) -> std::io::Result<()> {
        self.lock.write_all(COMPLETE.as_bytes())?;
        self.lock.sync_all()
    }

    /// Deletes what demos make, and nothing else.
    fn clear(&mut self) -> std::io::Result<()> {
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        for file in FILES {
            match std::fs::remove_file(self.path.join(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn storage(&self) -> Storage {
        Storage {
            database_url: Some(DatabaseUrl::Sqlite(self.path.join(FILES[0]))),
            database_url_file: None,
            database_connections: 16,
            data_dir: self.path.clone(),
            bank_holidays: None,
            master_keys: None,
            master_key_command: None,
        }
    }
}

fn welcome(listen: SocketAddr, folder: &Path) -> String {
    let url = format!("http://{listen}");
    let logins: Vec<String> = PEOPLE
        .iter()
        .filter(|person| person.name != LEAVER)
        .map(|person| format!("  {:<34} {}", person.email(), [person.given_name, person.family_name].join(" ")))
        .collect();
    let yesterday = (Clock::System.now() + chrono::Duration::days(-1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        r#"
{school}: a made-up school. Its data is in {folder}; Ctrl-C ends the demo, --fresh begins it anew.

Swagger UI: {url}/docs/
  Press Authorize, type a user name of the list and the password; leave the rest as it is.

Who may log in, all with the password {PASSWORD}
{logins}
A service account (client_credentials): {CLIENT_ID}, secret {CLIENT_SECRET}

Three lines for another terminal: log in as the headteacher, see the open comments (nearest deadline first),
compute a deadline.

TOKEN=$(curl -s {url}/oauth/token -d grant_type=password -d client_id=weald -d username=headteacher@weald.example -d password={PASSWORD} | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s -H "Authorization: Bearer $TOKEN" '{url}/v1/comments?open=true'
curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"received_at":"{yesterday}"}}' {url}/v1/deadlines/preview
"#,
        school = SCHOOL,
        folder = folder.display(),
        logins = logins.join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_answered() {
        for refused in ["0.0.0.0:8080", "192.0.2.1:80", "[::]:8080", "localhost"] {
            assert!(loopback(refused).unwrap_err().contains("expected a loopback address"), "{refused}");
        }
        assert!(loopback("127.0.0.1:0").is_ok() && loopback("[::1]:8080").is_ok());
    }

    #[test]
    fn the_password_is_one_that_a_person_could_choose() {
        for person in PEOPLE {
            assert_eq!(weald::access::passwords::objection(PASSWORD, &person.email()), None);
        }
    }

    #[test]
    fn a_folder_with_another_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weald.db"), "precious").unwrap();
        assert!(Folder::open(folder.path().into()).err().unwrap().to_string().contains("not the demo's"));
    }

    #[test]
    fn a_half_told_story_is_not_kept_and_a_second_demo_stays_out() {
        let path = tempfile::tempdir().unwrap();
        let mut first = Folder::open(path.path().into()).unwrap();
        assert!(!first.is_complete().unwrap());
        assert!(Folder::open(path.path().into()).err().unwrap().to_string().contains("another demo"));
        first.complete().unwrap();
        drop(first);
        let mut second = Folder::open(path.path().into()).unwrap();
        assert!(second.is_complete().unwrap());
        second.clear().unwrap();
        assert!(!second.is_complete().unwrap());
    }
}
