//! R-IT-2: what is in the vault can be read nowhere else, opens under its master key alone, and outlives a change of it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;
use weald::db::schema::{account_credentials, accounts, business_cases, credential_reveals};
use weald::db::types::{AccountId, BusinessCaseId, CredentialId};
use weald::db::{Conn, DatabaseUrl};
use weald::problem::Problem;
use weald::resources::accounts::rows::AccountRow;
use weald::resources::business_cases::rows::BusinessCaseRow;
use weald::resources::credentials::rows::{self, CredentialRow};
use weald::vault::keyring;
use weald::vault::{self, Keyring, MasterKey, Source};

use crate::credentials::{credentials, whole};
use crate::support::caller::Reply;
use crate::support::program::{Program, said, weald};
use crate::support::{School, at, on_both_engines};

/// A keyring of the test's own, with one new key.
struct Ring {
    _folder: TempDir,
    path: PathBuf,
}

impl Ring {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-keys");
        assert!(keyring::create(&path).unwrap());
        Self { _folder: folder, path }
    }

    fn keys(&self) -> Keyring {
        Source::File(self.path.clone()).read().unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| key.id().to_owned()).collect()
    }

    /// A copy, as it is now.
    fn copy(&self) -> Self {
        let copy = Self::new();
        std::fs::copy(&self.path, &copy.path).unwrap();
        copy
    }
}

/// `weald vault …` with this keyring.
async fn command(school: &School, name: &str, keyring: &Path) -> Output {
    let mut command = weald(school, &["vault", name]);
    command.env("WEALD_MASTER_KEYS", keyring);
    actix_web::rt::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn succeeds(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[track_caller]
fn fails(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    said(&output)
}

async fn store(school: &School, account: &Reply, password: &str) -> Reply {
    school.it_technician().post(credentials(account, ""), json!({ "login": "friends", "password": password })).await
}

async fn reveal(school: &School, account: &Reply) -> Reply {
    school.it_technician().post(credentials(account, "reveal"), json!({ "reason": "Locked out." })).await
}

async fn reveals_on_file(school: &School) -> i64 {
    school.read(|conn| credential_reveals::table.count().get_result(conn)).await
}

/// The sealed key and content of what is in force, oldest first.
async fn sealed(school: &School) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = account_credentials::table.filter(account_credentials::destroyed_at.is_null()).order(account_credentials::id);
    let parts = (account_credentials::sealed_key.assume_not_null(), account_credentials::sealed_content.assume_not_null());
    school.read(move |conn| rows.select(parts).load(conn)).await
}

async fn put_sealed(school: &School, account: &Reply, key: Vec<u8>, content: Vec<u8>) {
    let id: Uuid = account["id"].as_str().unwrap().parse().unwrap();
    school
        .write(move |tx| {
            let of = account_credentials::table.filter(account_credentials::account_id.eq(weald::db::types::AccountId::from(id)));
            diesel::update(of.filter(account_credentials::destroyed_at.is_null()))
                .set((account_credentials::sealed_key.eq(Some(key)), account_credentials::sealed_content.eq(Some(content))))
                .execute(tx)
        })
        .await;
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// All that the database holds, as it lies on the disk; for PostgreSQL also as its queries give it.
fn everything_on_file(school: &School) -> Vec<(PathBuf, Vec<u8>)> {
    let files = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).unwrap_or_default())).collect::<Vec<_>>()
    };
    let DatabaseUrl::Postgres(url) = school.database_url() else {
        let DatabaseUrl::Sqlite(path) = school.database_url() else { unreachable!() };
        return files(path.parent().unwrap());
    };
    let conn = &mut PgConnection::establish(&url).unwrap();
    diesel::sql_query("CHECKPOINT").execute(conn).unwrap();
    let lines = |conn: &mut PgConnection, query: &str| -> Vec<String> {
        diesel::sql_query(query).load::<Line>(conn).unwrap().into_iter().map(|row| row.line).collect()
    };
    let mut found = Vec::new();
    for table in lines(conn, "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = 'public'") {
        let rows = lines(conn, &format!("SELECT t::text AS line FROM {table} t"));
        found.push((table.into(), rows.join("\n").into_bytes()));
    }
    // The tests' own cluster; a server elsewhere does not show its files.
    let folder: PathBuf = lines(conn, "SELECT current_setting('data_directory') AS line").remove(0).into();
    let database = lines(conn, "SELECT oid::text AS line FROM pg_database WHERE datname = current_database()").remove(0);
    if url.contains(folder.to_str().unwrap()) {
        let (data, log) = (files(&folder.join("base").join(database)), files(&folder.join("pg_wal")));
        assert!(!data.is_empty() && !log.is_empty(), "{}", folder.display());
        found.extend(data.into_iter().chain(log));
    }
    found
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// As which a secret could have been written down.
fn spellings(secret: &str) -> [String; 4] {
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // What is before it moves the bits: the middle of it in base64 is what can be looked for.
    let middle =
        |engine: &dyn Fn(&str) -> String| engine(secret).trim_end_matches('=').chars().take(secret.len() / 3 * 4).collect::<String>();
    [secret.to_owned(), hex, middle(&|text| STANDARD.encode(text)), URL_SAFE_NO_PAD.encode(Sha256::digest(secret))]
}

/// Has a school keep many secrets more, of copies of the one account that has some.
async fn multiply(school: &School, ring: &Ring, count: usize) {
    let keys = ring.keys();
    school
        .write(move |tx| {
            let mut case: BusinessCaseRow = business_cases::table.select(BusinessCaseRow::as_select()).first(tx)?;
            let mut account: AccountRow = accounts::table.select(AccountRow::as_select()).first(tx)?;
            let mut secret: CredentialRow = account_credentials::table.select(CredentialRow::as_select()).first(tx)?;
            for _ in 0..count {
                (case.id, account.id, secret.id) = (BusinessCaseId::new(), AccountId::new(), CredentialId::new());
                (account.business_case_id, secret.account_id) = (case.id, account.id);
                account.handle_key = account.id.to_string();
                let sealed = vault::seal(keys.first().unwrap(), &secret.label(), b"{}").unwrap();
                (secret.sealed_key, secret.sealed_content) = (Some(sealed.key), Some(sealed.content));
                diesel::insert_into(business_cases::table).values(&case).execute(tx)?;
                diesel::insert_into(accounts::table).values(&account).execute(tx)?;
                rows::insert(tx, &secret)?;
            }
            Ok(())
        })
        .await;
}

/// How far a rotation from the master key `old` has come: it only ever becomes more, up to the very end.
async fn progress(school: &School, ring: &Ring, old: &str) -> i64 {
    let in_file = i64::from(ring.ids().len() > 1);
    let old = old.to_owned();
    let on_record = school.read(move |conn| {
        let current = i64::from(vault::current(conn)?.as_deref() != Some(&*old));
        let resealed: i64 = account_credentials::table.filter(account_credentials::master_key_id.ne(old)).count().get_result(conn)?;
        Ok(current + resealed)
    });
    in_file + on_record.await
}

on_both_engines! {
    async fn a_rotation_that_is_killed_again_and_again_comes_to_its_end(school: School) {
        const SECRETS: usize = 1_500;
        let ring = Ring::new();
        let own = school.with_master_keys(&ring.path);
        let account = own.active_account().await;
        store(&own, &account, "nine geese").await.is(201);
        multiply(&school, &ring, SECRETS - 1).await;
        let (former, old) = (ring.copy(), ring.ids().remove(0));
        let all_open = format!("{SECRETS} secrets open, 0 do not");
        let mut kills = 0;
        loop {
            let before = progress(&school, &ring, &old).await;
            let mut rotate = weald(&school, &["vault", "rotate"]);
            rotate.env("WEALD_MASTER_KEYS", &ring.path).stdout(Stdio::null()).stderr(Stdio::null());
            let mut rotation = rotate.spawn().unwrap();
            // SIGKILL as soon as it has done something: between any two steps, and in the midst of the next one.
            let ended = loop {
                if let Some(status) = rotation.try_wait().unwrap() {
                    break Some(status);
                }
                if progress(&school, &ring, &old).await > before {
                    rotation.kill().unwrap();
                    break rotation.wait().unwrap().code().is_some().then(|| rotation.wait().unwrap());
                }
            };
            if let Some(status) = ended {
                assert!(status.success(), "{status}");
                break;
            }
            kills += 1;
            assert!(succeeds(command(&school, "check", &ring.path).await).contains(&all_open), "after {kills} kills");
            assert_eq!(reveal(&own, &account).await.is(200)["password"], "nine geese");
        }
        assert!(kills >= 3, "killed {kills} times: too quick to be seen");
        assert!(ring.ids().len() == 1 && ring.ids()[0] != old);
        assert!(succeeds(command(&school, "check", &ring.path).await).contains(&all_open));
        assert!(fails(command(&school, "check", &former.path).await).contains(&format!("0 secrets open, {SECRETS} do not")));
        assert_eq!(reveal(&own, &account).await.is(200)["password"], "nine geese");
    }

    async fn no_secret_is_on_file_in_any_table_or_log(school: School) {
        let account = school.active_account().await;
        let canary = |name: &str| format!("canary-{name}-{}", Uuid::new_v4().simple());
        let all = ["login", "password", "code", "seed", "note"].map(canary);
        let [login, password, code, seed, note] = &all;
        let new = json!({ "login": login, "password": password, "recovery_codes": [code], "totp_seed": seed, "note": note });
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let program = Program::serve(&school, |command| {
            command.env("WEALD_LOG", "trace");
        });
        let (it, staff) = (school.it_technician().token().await, school.staff().token().await);
        let http = reqwest::Client::new();
        let post = async |token: &str, url: &str, key: &str, body: &Value| {
            let request = http.post(format!("{}{url}", program.url)).bearer_auth(token).header("idempotency-key", key).json(body);
            let reply = request.send().await.unwrap();
            (reply.status().as_u16(), reply.json::<Value>().await.unwrap())
        };
        let url = credentials(&account, "");
        let stored = post(&it, &url, "1", &new).await;
        assert_eq!(stored.0, 201);
        assert_eq!(post(&it, &url, "1", &new).await, stored);
        assert_eq!(post(&it, &format!("{url}/reveal"), "2", &json!({ "reason": "Locked out." })).await, (200, new.clone()));
        let release = post(&it, &format!("{url}/release"), "3", &json!({ "person_id": school.staff().id(), "minutes": 60, "reason": "New phone." })).await;
        assert_eq!(release.0, 201);
        assert_eq!(post(&staff, &format!("/v1/credential-releases/{}/open", release.1["id"].as_str().unwrap()), "4", &json!({})).await, (200, new.clone()));
        // What is refused holds it too.
        let mut wrong = new.clone();
        wrong["number"] = json!(7);
        assert_eq!(post(&it, &url, "5", &wrong).await.0, 400);
        wrong = new.clone();
        wrong["login"] = json!("");
        assert_eq!(post(&it, &url, "6", &wrong).await.0, 422);
        assert_eq!(post(&it, &url, "1", &json!({ "login": login, "password": "other" })).await.0, 422);
        assert_eq!(post(&staff, &url, "7", &new).await.0, 403);
        let figures = http.get(format!("{}/metrics", program.url)).send().await.unwrap().text().await.unwrap();

        let mut everything = everything_on_file(&school);
        assert!(everything.iter().any(|(_, bytes)| contains(bytes, "account.credentials_revealed")), "the search finds what is there");
        let log = program.log();
        assert!(contains(log.as_bytes(), "/v1/accounts/{id}/credentials/reveal"), "the log is there");
        everything.extend([("log".into(), log.into_bytes()), ("figures".into(), figures.into_bytes())]);
        // A hash of the whole body would let somebody try passwords.
        let bodies = [serde_json::to_string(&new).unwrap()];
        let secrets = all.iter().flat_map(|secret| spellings(secret)).chain(bodies.iter().flat_map(|body| spellings(body)));
        for secret in secrets {
            let found = everything.iter().find(|(_, bytes)| contains(bytes, &secret));
            assert!(found.is_none(), "{secret} is in {}", found.unwrap().0.display());
        }
    }

    async fn equal_secrets_are_sealed_differently(school: School) {
        for account in [school.active_account().await, school.active_account().await] {
            store(&school, &account, "the same").await.is(201);
        }
        let sealed = sealed(&school).await;
        assert!(sealed[0].0 != sealed[1].0 && sealed[0].1 != sealed[1].1);
        assert_eq!(sealed[0].1.len(), sealed[1].1.len());
    }

    async fn a_flipped_bit_is_noticed_and_nothing_counts_as_revealed(school: School) {
        let account = school.active_account().await;
        store(&school, &account, "nine geese").await.is(201);
        let release = school.release(&account, &school.staff()).await.is(201);
        let (key, content) = sealed(&school).await.remove(0);
        for place in 0..2 {
            let (mut key, mut content) = (key.clone(), content.clone());
            let part = if place == 0 { &mut key } else { &mut content };
            let last = part.len() - 1;
            part[last] ^= 1;
            put_sealed(&school, &account, key, content).await;
            let refused = reveal(&school, &account).await.is(409).problem("secret_damaged");
            assert!(refused["detail"].as_str().unwrap().contains("tell whoever runs the service"), "{refused}");
            school.staff().post(release.url("open"), json!({})).await.is(409).problem("secret_damaged");
        }
        assert_eq!(reveals_on_file(&school).await, 0);
        let events = school.headteacher().get("/v1/events?type=account.credentials_revealed&type=account.credentials_release_opened").await.is(200);
        assert_eq!(events["items"], json!([]));
        assert_eq!(school.staff().get(release.url("")).await.is(200)["state"], "ready");
        // What was stored anew is sound.
        store(&school, &account, "ten geese").await.is(201);
        assert_eq!(reveal(&school, &account).await.is(200)["password"], "ten geese");
    }

    async fn what_was_moved_to_another_account_does_not_open(school: School) {
        let (one, two) = (school.active_account().await, school.active_account().await);
        store(&school, &one, "of the one").await.is(201);
        store(&school, &two, "of the other").await.is(201);
        let both = sealed(&school).await;
        put_sealed(&school, &two, both[0].0.clone(), both[0].1.clone()).await;
        reveal(&school, &two).await.is(409).problem("secret_damaged");
        put_sealed(&school, &two, both[1].0.clone(), both[0].1.clone()).await;
        reveal(&school, &two).await.is(409).problem("secret_damaged");
        put_sealed(&school, &two, both[1].0.clone(), both[1].1.clone()).await;
        assert_eq!(reveal(&school, &two).await.is(200)["password"], "of the other");
    }

    async fn under_another_master_key_all_but_the_vault_works(school: School) {
        let account = school.active_account().await;
        store(&school, &account, "nine geese").await.is(201);
        let release = school.release(&account, &school.staff()).await.is(201);
        let other = Ring::new();
        for path in [other.path.clone(), other.path.with_extension("absent")] {
            let sealed = school.with_master_keys(&path);
            for refused in [reveal(&sealed, &account).await, store(&sealed, &account, "new").await, sealed.staff().post(release.url("open"), json!({})).await] {
                let refused = refused.is(503).problem("vault_sealed");
                assert!(!refused.header("retry-after").is_empty());
            }
            sealed.anonymous().get("/health/ready").await.is(200);
            sealed.it_technician().get(credentials(&account, "")).await.is(200);
            sealed.it_technician().get(credentials(&account, "versions")).await.is(200);
            assert_eq!(sealed.staff().get(release.url("")).await.is(200)["state"], "ready");
            let closing = sealed.active_account().await;
            sealed.it_technician().post(closing.url("close"), json!({ "reason": "Moved." })).if_match(closing.etag()).await.is(200);
        }
        assert_eq!(reveals_on_file(&school).await, 0);
        assert_eq!(reveal(&school, &account).await.is(200)["password"], "nine geese");
    }

    async fn a_key_that_is_brought_while_the_service_runs_unseals_the_vault(school: School) {
        let account = school.active_account().await;
        let ring = Ring::new();
        let (path, aside) = (ring.path.clone(), ring.path.with_extension("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let instance = school.with_master_keys(&path);
        store(&instance, &account, "nine geese").await.is(503).problem("vault_sealed");
        std::fs::write(&path, "no keyring").unwrap();
        store(&instance, &account, "nine geese").await.is(503).problem("vault_sealed");
        std::fs::rename(&aside, &path).unwrap();
        store(&instance, &account, "nine geese").await.is(201);
        assert_eq!(reveal(&instance, &account).await.is(200)["password"], "nine geese");
        reveal(&school, &account).await.is(503).problem("vault_sealed");
    }

    async fn several_instances_that_begin_at_once_agree_on_a_master_key(school: School) {
        let mut accounts = Vec::new();
        for _ in 0..4 {
            accounts.push(school.active_account().await);
        }
        let instances = [school.second_instance(|_| ()), school.second_instance(|_| ()), school.second_instance(|_| ()), school.second_instance(|_| ())];
        let stored = futures_util::future::join_all(instances.iter().zip(&accounts).map(|(instance, account)| store(instance, account, "nine geese"))).await;
        for reply in stored {
            reply.is(201);
        }
    }

    async fn the_keyring_is_made_once(school: School) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("ring");
        succeeds(command(&school, "init", &path).await);
        let made = std::fs::read(&path).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert!(fails(command(&school, "init", &path).await).contains("there is a keyring"));
        assert_eq!(std::fs::read(&path).unwrap(), made);
    }

    async fn a_check_names_what_does_not_open(school: School) {
        let ring = Ring::new();
        let own = school.with_master_keys(&ring.path);
        assert!(succeeds(command(&school, "check", &ring.path).await).contains("0 secrets open, 0 do not"));
        let mut accounts = Vec::new();
        for _ in 0..3 {
            let account = own.active_account().await;
            store(&own, &account, "nine geese").await.is(201);
            accounts.push(account);
        }
        assert!(succeeds(command(&school, "check", &ring.path).await).contains("3 secrets open, 0 do not"));
        let both = sealed(&school).await;
        put_sealed(&school, &accounts[1], both[0].0.clone(), both[0].1.clone()).await;
        let damaged: CredentialId = school.read(|conn| account_credentials::table.order(account_credentials::id).offset(1).select(account_credentials::id).first(conn)).await;
        let told = fails(command(&school, "check", &ring.path).await);
        assert!(told.contains("2 secrets open, 1 do not") && told.contains(&format!("credential {damaged} of school {} does not open", school.id)), "{told}");
        let told = fails(command(&school, "check", &Ring::new().path).await);
        assert!(told.contains("0 secrets open, 3 do not"), "{told}");
        assert!(fails(command(&school, "check", &ring.path.with_extension("absent")).await).contains("cannot read the keyring"));
        // What does not open keeps the old master key where it is, until it is stored anew.
        let old = ring.ids();
        assert!(fails(command(&school, "rotate", &ring.path).await).contains("some secrets do not open"));
        assert!(ring.ids().contains(&old[0]) && ring.ids().len() == 2);
        store(&own, &accounts[1], "ten geese").await.is(201);
        assert!(succeeds(command(&school, "rotate", &ring.path).await).contains("finishing the rotation"));
        assert!(!ring.ids().contains(&old[0]) && ring.ids().len() == 1);
        assert!(succeeds(command(&school, "check", &ring.path).await).contains("3 secrets open, 0 do not"));
    }

    async fn a_rotation_with_the_wrong_keyring_changes_nothing_unless_the_key_is_given_up(school: School) {
        let ring = Ring::new();
        let own = school.with_master_keys(&ring.path);
        let account = own.active_account().await;
        store(&own, &account, "nine geese").await.is(201);
        let new = Ring::new();
        let before = new.ids();
        assert!(fails(command(&school, "rotate", &new.path).await).contains("see --abandon-lost"));
        assert_eq!((reveal(&own, &account).await.is(200)["password"].as_str(), new.ids()), (Some("nine geese"), before));
        let mut abandon = weald(&school, &["vault", "rotate", "--abandon-lost"]);
        abandon.env("WEALD_MASTER_KEYS", &new.path);
        succeeds(actix_web::rt::task::spawn_blocking(move || abandon.output().unwrap()).await.unwrap());
        let afresh = school.with_master_keys(&new.path);
        reveal(&afresh, &account).await.is(503).problem("vault_sealed");
        store(&afresh, &account, "ten geese").await.is(201);
        assert_eq!(reveal(&afresh, &account).await.is(200)["password"], "ten geese");
    }

    async fn a_master_key_can_come_from_a_command_which_then_changes_it_too(school: School) {
        let ring = Ring::new();
        let by_command = format!("cat '{}'", ring.path.display());
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let account = school.active_account().await;
        let program = Program::serve(&school, |command| {
            command.env("WEALD_MASTER_KEY_COMMAND", &by_command);
        });
        let token = school.it_technician().token().await;
        let url = format!("{}{}", program.url, credentials(&account, ""));
        assert_eq!(reqwest::Client::new().post(url).bearer_auth(token).json(&whole()).send().await.unwrap().status(), 201);
        assert_eq!(reveal(&school.with_master_keys(&ring.path), &account).await.is(200).json(), &whole());
        for name in ["rotate", "init"] {
            let mut command = weald(&school, &["vault", name]);
            command.env("WEALD_MASTER_KEY_COMMAND", &by_command);
            assert!(fails(command.output().unwrap()).contains("the master keys come from a command"));
        }
        let mut command = weald(&school, &["vault", "check"]);
        command.env("WEALD_MASTER_KEY_COMMAND", &by_command);
        assert!(succeeds(command.output().unwrap()).contains("1 secrets open, 0 do not"));
    }

    async fn a_rotation_goes_on_from_wherever_it_was_killed(school: School) {
        let ring = Ring::new();
        let own = school.with_master_keys(&ring.path);
        let account = own.active_account().await;
        store(&own, &account, "nine geese").await.is(201);
        let open = async |keys: usize| {
            assert_eq!(ring.ids().len(), keys);
            assert_eq!(reveal(&own, &account).await.is(200)["password"], "nine geese");
            assert!(succeeds(command(&school, "check", &ring.path).await).contains("1 secrets open"));
        };
        let finish = async |expected: &str| {
            succeeds(command(&school, "rotate", &ring.path).await);
            assert_eq!(ring.ids(), [expected]);
            open(1).await;
        };
        // After the new key came into the file: that one becomes current.
        let next = MasterKey::random();
        keyring::add(&ring.path, &next).unwrap();
        open(2).await;
        finish(next.id()).await;
        // After it became current: it stays so.
        let (next, now) = (MasterKey::random(), at("2026-01-14T10:00:00Z"));
        keyring::add(&ring.path, &next).unwrap();
        let id = next.id().to_owned();
        school.write(move |tx| vault::make_current(tx, &id, now)).await;
        open(2).await;
        finish(next.id()).await;
        // After all is sealed anew: the old key goes.
        let old = ring.copy();
        succeeds(command(&school, "rotate", &ring.path).await);
        let last = ring.ids().remove(0);
        let text = [std::fs::read(&old.path).unwrap(), std::fs::read(&ring.path).unwrap()].concat();
        std::fs::write(&ring.path, text).unwrap();
        open(2).await;
        finish(&last).await;
    }

    async fn sealing_anew_comes_to_an_end_however_much_is_stored_meanwhile(school: School) {
        let ring = Ring::new();
        let own = school.with_master_keys(&ring.path);
        let mut accounts = Vec::new();
        for _ in 0..5 {
            let account = own.active_account().await;
            store(&own, &account, "nine geese").await.is(201);
            accounts.push(account);
        }
        let (next, now) = (MasterKey::random(), school.now());
        keyring::add(&ring.path, &next).unwrap();
        let id = next.id().to_owned();
        school.write(move |tx| vault::make_current(tx, &id, now)).await;
        let (mut after, mut batches) = (None, Vec::new());
        loop {
            let (keys, id) = (ring.keys(), school.id);
            let work = move |tx: &mut Conn| rows::reseal(tx, &keys, id, after, 2).map_err(Problem::from);
            let Some((last, resealed)) = school.state().db.write(id.uuid(), work).await.unwrap() else { break };
            batches.push(resealed);
            after = Some(last);
            store(&own, &accounts[0], "ten geese").await.is(201);
        }
        assert_eq!(batches, [2, 2, 1]);
        keyring::keep_only(&ring.path, next.id()).unwrap();
        assert!(succeeds(command(&school, "check", &ring.path).await).contains("5 secrets open, 0 do not"));
    }

    async fn the_master_key_is_changed_under_sixteen_clients_who_notice_nothing(school: School) {
        school.clock_at(&chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339());
        let ring = Ring::new();
        let first = ring.copy();
        let own = school.with_master_keys(&ring.path);
        let mut accounts = Vec::new();
        for _ in 0..8 {
            let account = own.active_account().await;
            store(&own, &account, "nine geese").await.is(201);
            accounts.push(account);
        }
        let program = Program::serve(&school, |command| {
            command.env("WEALD_MASTER_KEYS", &ring.path);
        });
        let token = school.it_technician().token().await;
        let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let clients: Vec<_> = (0..16).map(|number: usize| {
            let (token, done, stop) = (token.clone(), Arc::clone(&done), Arc::clone(&stop));
            let url = format!("{}{}", program.url, credentials(&accounts[number % accounts.len()], ""));
            actix_web::rt::spawn(async move {
                let http = reqwest::Client::new();
                let post = async |url: &str, body: Value| {
                    let reply = http.post(url).bearer_auth(&token).json(&body).send().await.unwrap();
                    let status = reply.status();
                    let text = reply.text().await.unwrap();
                    assert!(status.is_success(), "{status}: {text}");
                    serde_json::from_str::<Value>(&text).unwrap()
                };
                while !stop.load(Ordering::SeqCst) {
                    if number < 8 {
                        post(&url, json!({ "login": "friends", "password": "nine geese" })).await;
                    } else {
                        assert_eq!(post(&format!("{url}/reveal"), json!({ "reason": "Locked out." })).await["password"], "nine geese");
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        }).collect();
        let more = async |count: usize| {
            let goal = done.load(Ordering::SeqCst) + count;
            while done.load(Ordering::SeqCst) < goal && !clients.iter().any(tokio::task::JoinHandle::is_finished) {
                tokio::task::yield_now().await;
            }
        };
        let mut former = vec![first];
        for _ in 0..3 {
            more(100).await;
            let told = succeeds(command(&school, "rotate", &ring.path).await);
            assert!(told.contains(&ring.ids()[0]), "{told}");
            former.push(ring.copy());
        }
        more(100).await;
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            client.await.unwrap();
        }
        assert!(succeeds(command(&school, "check", &ring.path).await).contains("8 secrets open, 0 do not"));
        let last = former.pop().unwrap();
        assert_eq!(last.ids(), ring.ids());
        for former in former {
            assert!(fails(command(&school, "check", &former.path).await).contains("0 secrets open, 8 do not"));
            reveal(&school.with_master_keys(&former.path), &accounts[0]).await.is(503).problem("vault_sealed");
        }
    }
}
