//! Configuration: flags and `WEALD_…` variables; a wrong value is refused at start.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use ipnet::IpNet;

use crate::db::DatabaseUrl;
use crate::webhooks::target::Allowed;

/// Where the data is.
#[derive(Args, Clone, Debug)]
pub struct Storage {
    /// The database: sqlite:<path> or postgres://<user>@<host>/<database> [default: sqlite:<data-dir>/weald.db]
    #[arg(long, env = "WEALD_DATABASE_URL", hide_env_values = true, value_parser = Unechoed, value_name = "URL")]
    pub database_url: Option<DatabaseUrl>,

    /// A file that holds the database URL, in place of --database-url
    #[arg(long, env = "WEALD_DATABASE_URL_FILE", value_name = "PATH", conflicts_with = "database_url")]
    pub database_url_file: Option<PathBuf>,

    /// Database connections at the most
    #[arg(long, env = "WEALD_DATABASE_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=500), value_name = "N")]
    pub database_connections: u32,

    /// Folder of the keys and of the default database
    #[arg(long, env = "WEALD_DATA_DIR", default_value = "weald-data", value_name = "PATH")]
    pub data_dir: PathBuf,

    /// A newer bank holiday file in the shape of GOV.UK's, instead of the one that was shipped
    #[arg(long, env = "WEALD_BANK_HOLIDAYS", value_name = "PATH")]
    pub bank_holidays: Option<PathBuf>,

    /// The vault's keyring: a key of 32 bytes in base64 per line [default: <data-dir>/master-keys]
    #[arg(long, env = "WEALD_MASTER_KEYS", value_name = "PATH")]
    pub master_keys: Option<PathBuf>,

    /// A command that prints the keyring, in place of --master-keys
    #[arg(long, env = "WEALD_MASTER_KEY_COMMAND", hide_env_values = true, value_name = "COMMAND", conflicts_with = "master_keys")]
    pub master_key_command: Option<String>,
}

/// Parses a database URL; a wrong one is not repeated, since it can hold a password.
#[derive(Clone, Copy)]
struct Unechoed;

impl TypedValueParser for Unechoed {
    type Value = DatabaseUrl;

    fn parse_ref(&self, _: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<DatabaseUrl, clap::Error> {
        let wrong = |why| clap::Error::raw(ErrorKind::ValueValidation, format!("the database URL is not acceptable: {why}\n"));
        value.to_str().unwrap_or_default().parse().map_err(wrong)
    }
}

impl Storage {
    /// # Errors
    /// A sentence for the operator.
    pub fn url(&self) -> Result<DatabaseUrl, String> {
        match (&self.database_url, &self.database_url_file) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                text.trim().parse().map_err(|why| format!("{}: {why}", path.display()))
            }
            (None, None) => Ok(DatabaseUrl::Sqlite(self.data_dir.join("weald.db"))),
        }
    }
}

/// How the service answers.
#[derive(Args, Clone, Debug)]
pub struct Service {
    /// Address and port to listen on
    #[arg(long, env = "WEALD_LISTEN", default_value = "127.0.0.1:8080", value_parser = address, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Address under which clients reach the service; also the issuer of its tokens [default: http://<listen>]
    #[arg(long, env = "WEALD_PUBLIC_URL", value_parser = public_url, value_name = "URL")]
    pub public_url: Option<String>,

    /// Ed25519 key files (PKCS #8 PEM): the first signs, all verify [default: one is made in <data-dir>]
    #[arg(long, env = "WEALD_SIGNING_KEYS", value_delimiter = ',', value_name = "PATH,…")]
    pub signing_keys: Vec<PathBuf>,

    /// A file with the external issuers whose tokens are accepted: docs/single-sign-on.md
    #[arg(long, env = "WEALD_ISSUERS", value_name = "PATH")]
    pub issuers: Option<PathBuf>,

    /// Origins of the front ends that browsers may call from, exactly as browsers send them
    #[arg(long, env = "WEALD_CORS_ORIGINS", value_delimiter = ',', value_parser = origin, value_name = "ORIGIN,…")]
    pub cors_origins: Vec<String>,

    /// Proxies whose X-Forwarded-For is believed, as addresses or networks
    #[arg(long, env = "WEALD_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "NETWORK,…")]
    pub trusted_proxies: Vec<IpNet>,

    /// Requests per minute and caller
    #[arg(long, env = "WEALD_RATE_LIMIT", default_value = "1200", value_name = "N")]
    pub rate_limit: NonZeroU32,

    /// Whether people may log in with a password at the token endpoint
    #[arg(long, env = "WEALD_PASSWORD_LOGIN", default_value_t = false, action = clap::ArgAction::Set, value_name = "true|false")]
    pub password_login: bool,

    /// Worker threads [default: one per core]
    #[arg(long, env = "WEALD_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub workers: Option<u16>,

    /// What webhooks may reach although it is inside, and by plain http too: addresses, networks and names, with or without a port
    #[arg(long, env = "WEALD_WEBHOOK_ALLOW", value_delimiter = ',', value_name = "ADDRESS,…")]
    pub webhook_allow: Vec<Allowed>,

    /// Seconds between two runs of the jobs
    #[arg(long, env = "WEALD_JOBS_INTERVAL", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    pub jobs_interval: u64,
}

impl Service {
    /// The address under which clients reach the service, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The client's address: what a trusted proxy says of it, or who is connected.
    pub fn client_address(&self, peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
        let trusted = |address: IpAddr| self.trusted_proxies.iter().any(|network| network.contains(&address));
        let mut client = peer.to_canonical();
        // From the nearest hop outwards, as far as each hop is believed.
        for hop in forwarded_for.unwrap_or_default().rsplit(',') {
            let Some(address) = hop.trim().parse::<IpAddr>().ok().filter(|_| trusted(client)) else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// An address and a port to listen on.
///
/// # Errors
/// What is expected.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port, like 127.0.0.1:8080 or [::1]:8080".into())
}

fn public_url(text: &str) -> Result<String, String> {
    let url = text.strip_suffix('/').unwrap_or(text);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['?', '#', ' ', '"']) => Ok(url.to_owned()),
        _ => Err("expected an address like https://weald.school.example".into()),
    }
}

fn origin(text: &str) -> Result<String, String> {
    match public_url(text) {
        Ok(url) if url == text && !url.split_once("//").is_some_and(|(_, host)| host.contains('/')) => Ok(url),
        _ => Err("expected an origin like https://app.school.example, without a path".into()),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or(address).map_err(|_| "expected an address or a network like 10.0.0.0/8".into())
}

/// Opens a file, made if need be, that only its owner may read.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a file for its owner alone, complete under its name or not there at all: a kill in between leaves no half
/// key. Says whether there was none before; what is there stays.
///
/// # Errors
/// Where it cannot be written.
pub fn create_private(path: &Path, contents: &[u8]) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let half = path.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
    let mut file = private_file(&half)?;
    std::io::Write::write_all(&mut file, contents)?;
    file.sync_all()?;
    let created = match std::fs::hard_link(&half, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    };
    std::fs::remove_file(&half)?;
    created
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        service: Service,
    }

    fn service(flags: &[&str]) -> Result<Service, String> {
        let parsed = <Flags as clap::Parser>::try_parse_from([&["weald"], flags].concat());
        parsed.map(|flags| flags.service).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_configured_proxy_is_believed_about_the_client() {
        let service = service(&["--trusted-proxies", "10.0.0.0/8"]).unwrap();
        let seen = |peer: &str, header| service.client_address(peer.parse().unwrap(), header).to_string();
        assert_eq!(seen("192.0.2.1", Some("203.0.113.9")), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", Some("203.0.113.9")), "203.0.113.9");
        assert_eq!(
            seen("10.0.0.1", Some("198.51.100.7, 203.0.113.9, 10.0.0.2")),
            "203.0.113.9",
            "what is before an untrusted hop is hearsay"
        );
        assert_eq!(seen("10.0.0.1", Some("nonsense")), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", None), "10.0.0.1");
        assert_eq!(seen("::ffff:10.0.0.1", Some("::ffff:203.0.113.9")), "203.0.113.9", "as a socket for both kinds shows it");
    }

    #[test]
    fn wrong_values_are_refused_with_what_is_expected() {
        for (flags, expected) in [
            (["--cors-origins", "https://app.example/path"], "expected an origin"),
            (["--public-url", "weald.example"], "expected an address like https://"),
            (["--trusted-proxies", "everyone"], "expected an address or a network"),
            (["--listen", "8080"], "expected an address and a port"),
            (["--rate-limit", "0"], "zero"),
            (["--workers", "0"], "0 is not in 1..=256"),
        ] {
            let said = service(&flags).unwrap_err();
            assert!(said.contains(expected), "{flags:?}: {said}");
        }
        let said = "mysql://x".parse::<DatabaseUrl>().unwrap_err();
        assert!(said.contains("sqlite:<path> or postgres://"));
    }
}
