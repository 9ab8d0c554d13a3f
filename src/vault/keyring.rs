//! Master keys, and the file or command that they come from.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::VaultError;
use crate::config::{Storage, create_private, private_file};

/// The largest keyring that is read.
const MAX_SIZE: u64 = 1 << 16;
/// How long a command may take.
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// A key under which the keys of secrets are sealed.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

/// The id, never the key.
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl MasterKey {
    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        // A hash for this one purpose, cut short: it tells keys apart and nothing about them.
        let fingerprint = Sha256::new().chain_update("weald master key id v1\n").chain_update(key.as_slice()).finalize();
        Self { id: URL_SAFE_NO_PAD.encode(&fingerprint[..16]), key }
    }

    pub fn random() -> Self {
        Self::new(random())
    }

    /// The public name of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// As a line of a keyring.
    fn line(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.key.as_slice()))
    }
}

/// 256 bits of chance.
pub(super) fn random() -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *key);
    key
}

/// The master keys at hand.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<MasterKey>);

impl Keyring {
    /// One key of 32 bytes in base64 per line; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// A sentence that names the line and quotes nothing of it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if let Some(key) = key_of(line).map_err(|why| format!("line {}: {why}", number + 1))?
                && keys.iter().all(|known| known.id != key.id)
            {
                keys.push(key);
            }
        }
        if keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(Self(keys)) }
    }

    pub fn first(&self) -> Option<&MasterKey> {
        self.0.first()
    }

    pub fn get(&self, id: &str) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The key of that id.
    ///
    /// # Errors
    /// [`VaultError::Locked`].
    pub fn find(&self, id: &str) -> Result<&MasterKey, VaultError> {
        self.get(id).ok_or_else(|| VaultError::Locked(format!("the master key {id} is not at hand")))
    }

    #[cfg(test)]
    pub(super) fn of(keys: &[&MasterKey]) -> Self {
        Self(keys.iter().map(|&key| key.clone()).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        self.0.iter()
    }
}

/// The key that a line holds, if it holds one.
fn key_of(line: &[u8]) -> Result<Option<MasterKey>, &'static str> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let wrong = "expected 32 bytes in base64, as `openssl rand -base64 32` prints them";
    let bytes = Zeroizing::new(STANDARD.decode(line).map_err(|_| wrong)?);
    let key = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| wrong)?);
    Ok(Some(MasterKey::new(key)))
}

/// Where the master keys come from.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    Command(String),
}

impl Source {
    pub fn of(storage: &Storage) -> Self {
        match (&storage.master_key_command, &storage.master_keys) {
            (Some(command), _) => Self::Command(command.clone()),
            (None, Some(path)) => Self::File(path.clone()),
            (None, None) => Self::File(storage.data_dir.join("master-keys")),
        }
    }

    /// Reads the keyring. May wait for a command.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn read(&self) -> Result<Keyring, String> {
        match self {
            Self::File(path) => Keyring::parse(&read_file(path)?).map_err(|why| format!("the keyring {}: {why}", path.display())),
            Self::Command(command) => {
                let printed = run(command).map_err(|why| format!("the master key command {why}"))?;
                Keyring::parse(&printed).map_err(|why| format!("what the master key command prints is no keyring: {why}"))
            }
        }
    }

    /// The keyring's file.
    ///
    /// # Errors
    /// A sentence for the operator, where the keys come from a command.
    pub fn file(&self) -> Result<&Path, String> {
        match self {
            Self::File(path) => Ok(path),
            Self::Command(_) => Err("the master keys come from a command (WEALD_MASTER_KEY_COMMAND): make and change them there".into()),
        }
    }
}

/// Makes a keyring with one new key; says whether there was none before.
///
/// # Errors
/// A sentence for the operator.
pub fn create(path: &Path) -> Result<bool, String> {
    let text = Zeroizing::new(format!(
        "# weald: master keys. Keep a copy apart from the backups of the database.\n{}\n",
        *MasterKey::random().line()
    ));
    create_private(path, text.as_bytes()).map_err(|error| format!("cannot make the keyring {}: {error}", path.display()))
}

/// Adds a key to the keyring's file.
///
/// # Errors
/// A sentence for the operator.
pub fn add(path: &Path, key: &MasterKey) -> Result<(), String> {
    let mut text = read_file(path)?;
    // Room first: a growing buffer would leave copies of the keys behind.
    let mut whole = Zeroizing::new(Vec::with_capacity(text.len() + 64));
    whole.append(&mut text);
    if !whole.ends_with(b"\n") {
        whole.push(b'\n');
    }
    whole.extend_from_slice(key.line().as_bytes());
    whole.push(b'\n');
    replace(path, &whole)
}

/// Removes all keys but one from the keyring's file; its comments stay.
///
/// # Errors
/// A sentence for the operator.
pub fn keep_only(path: &Path, id: &str) -> Result<(), String> {
    let text = read_file(path)?;
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if key_of(line)?.is_none_or(|key| key.id == id) {
            kept.extend_from_slice(line);
        }
    }
    replace(path, &kept)
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let said = |error: std::io::Error| format!("cannot read the keyring {}: {error}", path.display());
    read_all(std::fs::File::open(path).map_err(said)?).map_err(said)
}

/// Reads without a growing buffer, which would leave copies behind.
fn read_all(from: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_SIZE).unwrap_or(usize::MAX)));
    from.take(MAX_SIZE).read_to_end(&mut text)?;
    Ok(text)
}

/// The old file or the new one, whole, whenever the power fails; for the same owner.
fn replace(path: &Path, text: &[u8]) -> Result<(), String> {
    let write = || {
        // Behind a link, which would otherwise be what is replaced.
        let path = path.canonicalize()?;
        let new = path.with_extension(format!("{}.new", Uuid::now_v7()));
        let written = write_beside(&path, &new, text).and_then(|()| std::fs::rename(&new, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        written?;
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    write().map_err(|error| format!("cannot write the keyring {}: {error}", path.display()))
}

fn write_beside(path: &Path, new: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = private_file(new)?;
    file.write_all(text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (old, new_owner) = (std::fs::metadata(path)?, file.metadata()?);
        if (old.uid(), old.gid()) != (new_owner.uid(), new_owner.gid()) {
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    file.sync_all()
}

/// What a command prints, within its time.
fn run(command: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let spawned = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| format!("does not start: {error}"))?;
    let (printed, waiting) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || printed.send(read_all(output)));
    }
    let text = waiting.recv_timeout(COMMAND_TIME);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = text.map_err(|_| format!("takes longer than {} seconds", COMMAND_TIME.as_secs()))?.map_err(|error| error.to_string())?;
    if status.success() { Ok(text) } else { Err(format!("fails: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        Keyring::parse(text.as_bytes()).unwrap().iter().map(|key| key.id.clone()).collect()
    }

    #[test]
    fn a_keyring_is_a_key_per_line_with_comments() {
        let (one, two) = (MasterKey::random(), MasterKey::random());
        let text = format!("# ours\r\n\n  {}\r\n{}\n{}", *one.line(), *two.line(), *one.line());
        assert_eq!(ids(&text), [one.id, two.id]);
    }

    #[test]
    fn what_is_wrong_with_a_keyring_is_said_without_quoting_it() {
        for (text, expected) in [
            ("", "it holds no key"),
            ("# nothing\n", "it holds no key"),
            ("# short\nc2VjcmV0LXRvby1zaG9ydA==\n", "line 2: expected 32 bytes in base64"),
            ("not base64 at all!", "line 1: expected 32 bytes in base64"),
        ] {
            let why = Keyring::parse(text.as_bytes()).unwrap_err();
            assert!(why.starts_with(expected) && !why.contains("c2Vj"), "{why}");
        }
    }

    #[test]
    fn an_id_is_a_fingerprint_of_the_key_and_tells_nothing_else() {
        let key = MasterKey::new(Zeroizing::new([7; 32]));
        assert_eq!(key.id, MasterKey::new(Zeroizing::new([7; 32])).id);
        assert_ne!(key.id, MasterKey::new(Zeroizing::new([8; 32])).id);
        assert_eq!(key.id.len(), 22);
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id));
    }

    #[test]
    fn a_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-keys");
        assert!(create(&path).unwrap());
        let made = std::fs::read(&path).unwrap();
        assert!(!create(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), made);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_added_and_the_others_are_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-keys");
        create(&path).unwrap();
        let source = Source::File(path.clone());
        let old = source.read().unwrap().first().unwrap().clone();
        let new = MasterKey::random();
        add(&path, &new).unwrap();
        assert_eq!(source.read().unwrap().iter().map(MasterKey::id).collect::<Vec<_>>(), [old.id(), new.id()]);
        keep_only(&path, new.id()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# weald") && !text.contains(old.line().as_str()), "the comment stays, the key goes");
        assert_eq!(ids(&text), [new.id]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn a_command_prints_the_keyring_or_says_why_not() {
        let key = MasterKey::random();
        let read = |command: String| Source::Command(command).read();
        assert_eq!(read(format!("echo '# vault'; echo {}", *key.line())).unwrap().first().unwrap().id, key.id);
        assert!(read("exit 3".into()).unwrap_err().contains("fails: exit status: 3"));
        assert!(read("true".into()).unwrap_err().contains("it holds no key"));
        assert!(Source::Command("true".into()).file().is_err());
    }
}
