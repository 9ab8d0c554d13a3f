//! `weald person`: the first people of a school, with the roles that nobody is there yet to grant.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use diesel::prelude::*;
use serde_json::json;
use weald::access::{digest, new_secret};
use weald::clock::{Clock, Instant};
use weald::config::Storage;
use weald::db::Conn;
use weald::db::schema::people;
use weald::db::types::{PersonId, SchoolId};
use weald::events::{self, Actor, Event, EventType};
use weald::policy::roles::{PersonKind, Role};
use weald::resources::invitations::rows::{self as invitations, InvitationRow};
use weald::resources::people::rows::{self, PersonRow};

use super::{CLIENT, Failure};

#[derive(Subcommand)]
pub enum PersonCommand {
    /// Add a person, and print their id and a one-time invitation to choose a password
    Add {
        #[command(flatten)]
        person: NewPerson,
        #[command(flatten)]
        storage: Storage,
        /// Address under which clients reach the service
        #[arg(long, env = "WEALD_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
        public_url: String,
    },

    /// Print a one-time invitation for a person who is there already; those before it end
    Invite {
        /// The person
        #[arg(value_parser = person_id, value_name = "ID")]
        person: PersonId,
        /// The school
        #[arg(long, value_parser = super::school_id, value_name = "ID")]
        school: SchoolId,
        #[command(flatten)]
        storage: Storage,
        /// Address under which clients reach the service
        #[arg(long, env = "WEALD_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
        public_url: String,
    },
}

#[derive(Args, Clone)]
pub struct NewPerson {
    /// The school
    #[arg(long, value_parser = super::school_id, value_name = "ID")]
    pub school: SchoolId,

    #[arg(long, value_parser = super::line::<100>, value_name = "NAME")]
    pub given_name: String,

    #[arg(long, value_parser = super::line::<100>, value_name = "NAME")]
    pub family_name: String,

    /// Also the name with which the person logs in
    #[arg(long, value_parser = email, value_name = "ADDRESS")]
    pub email: String,

    /// What the person is to the school
    #[arg(long, default_value = "staff", value_parser = super::words::<PersonKind>(), value_name = "KIND")]
    pub kind: PersonKind,

    /// A role, privileged ones included; give the flag several times
    #[arg(long = "role", required = true, value_parser = super::words::<Role>(), value_name = "ROLE")]
    pub roles: Vec<Role>,
}

pub async fn run(command: PersonCommand) -> Result<(), Failure> {
    let (token, now) = (new_secret(), Clock::System.now());
    let hash = digest(&token);
    let (id, invitation, public_url) = match command {
        PersonCommand::Add { person, storage, public_url } => {
            let school = person.school;
            let add_and_invite = move |tx: &mut Conn| {
                super::find_school(tx, school)?;
                let id = add(tx, &person, CLIENT, now)?;
                Ok::<_, Failure>((id, invite(tx, school, id, hash, CLIENT, now)?))
            };
            let (id, invitation) = super::open(&storage)?.write(school.uuid(), add_and_invite).await?;
            (id, invitation, public_url)
        }
        PersonCommand::Invite { person, school, storage, public_url } => {
            let invite_again = move |tx: &mut Conn| {
                let known = people::table.find((school, person)).filter(people::email.is_not_null());
                if !diesel::select(diesel::dsl::exists(known)).get_result(tx)? {
                    return Err(format!("nobody with an e-mail address is {person} at this school").into());
                }
                invitations::end_open(tx, school, &[person], now)?;
                invite(tx, school, person, hash, CLIENT, now)
            };
            (person, super::open(&storage)?.write(school.uuid(), invite_again).await?, public_url)
        }
    };
    let until = invitation.expires_at.format("%Y-%m-%d %H:%M UTC");
    println!("person     {id}");
    println!("invitation {token}");
    println!("           for one use, until {until}; whoever has it chooses the password:");
    let body = json!({ "token": token, "password": "…" });
    println!("curl -X POST {}/v1/invitations/accept -H 'Content-Type: application/json' -d '{body}'", public_url.trim_end_matches('/'));
    Ok(())
}

/// Creates a person with their roles.
pub fn add(tx: &mut Conn, new: &NewPerson, by: &str, now: Instant) -> Result<PersonId, Failure> {
    let known = people::table.filter(people::school_id.eq(new.school)).filter(people::email.eq(&new.email));
    if diesel::select(diesel::dsl::exists(known)).get_result(tx)? {
        return Err(format!("{} is somebody's address already", new.email).into());
    }
    if let Some(role) = new.roles.iter().find(|role| !role.suits(new.kind)) {
        return Err(format!("the role {role} is not for the kind {}", new.kind).into());
    }
    let row = PersonRow {
        school_id: new.school,
        id: PersonId::new(),
        given_name: new.given_name.clone(),
        family_name: new.family_name.clone(),
        email: Some(new.email.clone()),
        kind: new.kind,
        external_source: None,
        external_id: None,
        left_on: None,
        version: 1,
        created_at: now,
        updated_at: now,
        year_group: None,
    };
    rows::insert(tx, &row)?;
    let mut happened = vec![Event::new(EventType::PersonCreated, row.id.uuid())];
    let roles: Vec<_> = BTreeSet::from_iter(&new.roles).into_iter().map(|role| (row.id, *role)).collect();
    rows::grant_roles(tx, row.school_id, &roles, None, now)?;
    weald::resources::incidents::rows::reroute_for(tx, row.school_id, &roles, now)?;
    happened.extend(roles.iter().map(|(_, role)| Event::new(EventType::RoleGranted, row.id.uuid()).role(*role)));
    events::record_all(tx, Actor::system(new.school, by, now), happened)?;
    Ok(row.id)
}

/// Invites a person; what is kept of the token is `token_hash`.
pub fn invite(
    tx: &mut Conn,
    school: SchoolId,
    person: PersonId,
    token_hash: String,
    by: &str,
    now: Instant,
) -> Result<InvitationRow, Failure> {
    let row = invitations::create(tx, school, person, token_hash, None, now)?;
    events::record(tx, Actor::system(school, by, now), Event::new(EventType::PersonInvited, person.uuid()))?;
    Ok(row)
}

fn person_id(text: &str) -> Result<PersonId, String> {
    serde_json::from_value(text.into()).map_err(|_| "expected the id that `weald person add` printed, or the API shows".into())
}

fn email(text: &str) -> Result<String, String> {
    let address = super::line::<254>(text)?.to_lowercase();
    let valid = validator::ValidateEmail::validate_email(&address);
    if valid { Ok(address) } else { Err("expected an e-mail address".into()) }
}
