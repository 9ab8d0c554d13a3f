//! Sealing (XChaCha20-Poly1305): a secret under a random key of its own, that key under a master key. Both seals are
//! bound to where the secret belongs, so that it opens nowhere else.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::VaultError;
use super::keyring::{Keyring, MasterKey, random};
use crate::db::types::{AccountId, CredentialId, SchoolId};

const NONCE: usize = 24;

/// Where a secret belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub school: SchoolId,
    pub account: AccountId,
    pub credential: CredentialId,
    /// Which version it is of the account's.
    pub number: i32,
}

impl Label {
    /// All parts have a fixed length, so that none can run into the next.
    fn bytes(&self, purpose: &[u8]) -> Vec<u8> {
        let ids = [self.school.uuid(), self.account.uuid(), self.credential.uuid()];
        [purpose, ids[0].as_bytes(), ids[1].as_bytes(), ids[2].as_bytes(), &self.number.to_be_bytes()].concat()
    }

    fn of_content(&self) -> Vec<u8> {
        self.bytes(b"weald vault content v1\n")
    }

    fn of_key(&self, master: &MasterKey) -> Vec<u8> {
        [&self.bytes(b"weald vault key v1\n"), master.id().as_bytes()].concat()
    }

    fn damaged(&self) -> VaultError {
        VaultError::Damaged(self.credential)
    }
}

/// A sealed secret: nonce and ciphertext, of the key and of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub master_key_id: String,
    pub key: Vec<u8>,
    pub content: Vec<u8>,
}

/// Seals a secret under a new key of its own.
///
/// # Errors
/// [`VaultError::Damaged`] where the content is too long to be sealed.
pub fn seal(master: &MasterKey, label: &Label, content: &[u8]) -> Result<Sealed, VaultError> {
    let key = random();
    Ok(Sealed {
        master_key_id: master.id().to_owned(),
        key: encrypt(master.bytes(), &label.of_key(master), &*key).ok_or_else(|| label.damaged())?,
        content: encrypt(&key, &label.of_content(), content).ok_or_else(|| label.damaged())?,
    })
}

/// Opens a secret.
///
/// # Errors
/// [`VaultError::Locked`] where its master key is not at hand, [`VaultError::Damaged`] where it was altered or moved.
pub fn open(ring: &Keyring, label: &Label, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let key = open_key(ring, label, sealed)?;
    decrypt(&key, &label.of_content(), &sealed.content).ok_or_else(|| label.damaged())
}

/// Seals the key of a secret under another master key; the content stays as it is.
///
/// # Errors
/// As [`open`].
pub fn reseal(ring: &Keyring, to: &MasterKey, label: &Label, sealed: Sealed) -> Result<Sealed, VaultError> {
    let key = open_key(ring, label, &sealed)?;
    // Proves the whole before the only key that opens it goes.
    decrypt(&key, &label.of_content(), &sealed.content).ok_or_else(|| label.damaged())?;
    let key = encrypt(to.bytes(), &label.of_key(to), &*key).ok_or_else(|| label.damaged())?;
    Ok(Sealed { master_key_id: to.id().to_owned(), key, ..sealed })
}

fn open_key(ring: &Keyring, label: &Label, sealed: &Sealed) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let master = ring.find(&sealed.master_key_id)?;
    let key = decrypt(master.bytes(), &label.of_key(master), &sealed.key);
    key.and_then(|key| Some(Zeroizing::new(<[u8; 32]>::try_from(key.as_slice()).ok()?))).ok_or_else(|| label.damaged())
}

fn encrypt(key: &[u8; 32], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE];
    OsRng.fill_bytes(&mut nonce);
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), Payload { msg, aad }).ok()?;
    Some([&nonce[..], &sealed].concat())
}

fn decrypt(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), Payload { msg, aad });
    opened.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label() -> Label {
        Label { school: SchoolId::new(), account: AccountId::new(), credential: CredentialId::new(), number: 1 }
    }

    fn ring(keys: &[&MasterKey]) -> Keyring {
        Keyring::of(keys)
    }

    fn is_damaged<T>(result: Result<T, VaultError>) -> bool {
        matches!(result, Err(VaultError::Damaged(_)))
    }

    #[test]
    fn equal_secrets_are_sealed_differently_and_open_alike() {
        let (master, label) = (MasterKey::random(), label());
        let [one, two] = [(); 2].map(|()| seal(&master, &label, b"same").unwrap());
        assert!(one.key != two.key && one.content != two.content);
        for sealed in [one, two] {
            assert_eq!(*open(&ring(&[&master]), &label, &sealed).unwrap(), b"same");
        }
    }

    #[test]
    fn a_secret_opens_nowhere_but_where_it_belongs() {
        let (master, home) = (MasterKey::random(), label());
        let sealed = seal(&master, &home, b"secret").unwrap();
        for elsewhere in [
            Label { school: SchoolId::new(), ..home },
            Label { account: AccountId::new(), ..home },
            Label { credential: CredentialId::new(), ..home },
            Label { number: 2, ..home },
        ] {
            assert!(is_damaged(open(&ring(&[&master]), &elsewhere, &sealed)), "{elsewhere:?}");
            // Not with a key of its own sealed for that place either: the content is bound by itself.
            let there = seal(&master, &elsewhere, b"other").unwrap();
            let mixed = Sealed { content: sealed.content.clone(), ..there.clone() };
            assert!(is_damaged(open(&ring(&[&master]), &elsewhere, &mixed)));
            let mixed = Sealed { key: sealed.key.clone(), ..there };
            assert!(is_damaged(open(&ring(&[&master]), &elsewhere, &mixed)));
        }
    }

    #[test]
    fn another_master_key_opens_nothing_and_does_not_pass_for_this_one() {
        let (master, other, label) = (MasterKey::random(), MasterKey::random(), label());
        let sealed = seal(&master, &label, b"secret").unwrap();
        assert!(matches!(open(&ring(&[&other]), &label, &sealed), Err(VaultError::Locked(_))));
        let renamed = Sealed { master_key_id: other.id().to_owned(), ..sealed };
        assert!(is_damaged(open(&ring(&[&other, &master]), &label, &renamed)));
    }

    #[test]
    fn under_a_new_master_key_the_old_one_opens_nothing() {
        let (old, new, label) = (MasterKey::random(), MasterKey::random(), label());
        let sealed = seal(&old, &label, b"secret").unwrap();
        let again = reseal(&ring(&[&old, &new]), &new, &label, sealed.clone()).unwrap();
        assert_eq!((&again.content, again.master_key_id.as_str()), (&sealed.content, new.id()));
        assert_eq!(*open(&ring(&[&new]), &label, &again).unwrap(), b"secret");
        assert!(matches!(open(&ring(&[&old]), &label, &again), Err(VaultError::Locked(_))));
        assert!(is_damaged(reseal(&ring(&[&old, &new]), &new, &Label { number: 2, ..label }, sealed)));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_and_any_cut_is_noticed(content in proptest::collection::vec(any::<u8>(), 0..200), place in any::<proptest::sample::Index>(), bit in 0..8u8, in_key in any::<bool>()) {
            let (master, label) = (MasterKey::random(), label());
            let ring = ring(&[&master]);
            let sealed = seal(&master, &label, &content).unwrap();
            prop_assert_eq!(&*open(&ring, &label, &sealed).unwrap(), &content);
            let part = |sealed: &mut Sealed| if in_key { std::mem::take(&mut sealed.key) } else { std::mem::take(&mut sealed.content) };
            let put = |sealed: &Sealed, bytes: Vec<u8>| if in_key { Sealed { key: bytes, ..sealed.clone() } } else { Sealed { content: bytes, ..sealed.clone() } };
            let bytes = part(&mut sealed.clone());
            let at = place.index(bytes.len());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            prop_assert!(is_damaged(open(&ring, &label, &put(&sealed, flipped))));
            prop_assert!(is_damaged(open(&ring, &label, &put(&sealed, bytes[..at].to_vec()))));
        }
    }
}
