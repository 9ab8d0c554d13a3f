//! The operations on invitations.

use actix_web::post;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, InvitationRow};
use crate::access::caller::Caller;
use crate::access::permissions::InvitePeople;
use crate::access::{digest, new_secret, passwords, sessions};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{InvitationId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::Fails;
use crate::http::reply::{Created, Gone, Resource};
use crate::policy::deadline::local_day;
use crate::policy::roles::has_left;
use crate::problem::Problem;
use crate::resources::people::rows::{PersonRow, Sight};
use crate::resources::{people, schools};

pub fn operations(config: &mut ServiceConfig) {
    config.service(invite_person).service(accept_invitation);
}

/// An invitation to choose a password. The link is shown once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-000000000009", "person_id": "0198a4b2-6f00-7000-8000-000000000002",
    "url": "https://weald.school.example/invitations#k3J1Zy0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHE", "expires_at": "2026-01-12T09:00:00Z"
}))]
pub struct Invitation {
    pub id: InvitationId,
    pub person_id: PersonId,
    /// Behind the `#` stands the token that accepts it: no server's log and no `Referer` gets to see it.
    #[schema(max_length = 500, format = "uri")]
    pub url: String,
    pub expires_at: Instant,
    #[serde(skip)]
    person_version: i64,
}

/// An invitation cannot be read again: its address and version are those of the person.
impl Resource for Invitation {
    fn location(&self) -> String {
        format!("/v1/people/{}", self.person_id)
    }
    fn version(&self) -> i64 {
        self.person_version
    }
}

/// The acceptance of an invitation.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "k3J1Zy0xMjM0NTY3ODkwYWJjZGVmZ2hpamtsbW5vcHE", "password": "four tall trees in june" }))]
pub struct Acceptance {
    /// What stands behind the `#` of the link.
    #[validate(length(max = 100))]
    #[schema(max_length = 100)]
    pub token: String,
    /// At least 8 characters; 15 or more are recommended. Common ones are refused.
    #[schema(min_length = 8, max_length = 256, format = Password)]
    pub password: String,
}

/// Invite a person to choose a password.
///
/// Gives a link that works once, for seven days, and ends the ones that were given before. Who holds the link takes
/// over the account: a person with a privileged role is invited by the headteacher or the chair of governors alone.
#[utoipa::path(tag = "access", security(("oauth2" = [InvitePeople])),
    responses((status = 201, description = "Invited.", body = Invitation), Fails<404, 409>))]
#[post("/v1/people/{id}/invite")]
async fn invite_person(
    caller: Caller<InvitePeople>,
    id: Path<PersonId>,
    _: NoBody,
    state: Data<State>,
) -> Result<Created<Invitation>, Problem> {
    caller
        .write(move |tx, me| {
            let person = people::rows::find(tx, me.school(), Sight::Everyone, *id)?;
            people::rules::invite(&people::standing(me, &person))?;
            rows::end_open(tx, me.school(), &[*id], me.now())?;
            let token = new_secret();
            let row = rows::create(tx, me.school(), *id, digest(&token), me.person(), me.now())?;
            events::record(tx, me, Event::new(EventType::PersonInvited, id.uuid()))?;
            let url = format!("{}/invitations#{token}", state.service.public_url());
            Created::secret(&Invitation { id: row.id, person_id: *id, url, expires_at: row.expires_at, person_version: person.row.version })
        })
        .await
}

/// Accept an invitation.
///
/// Needs no access token, only the one of the link, which works once. Sets the person's password; their e-mail
/// address is the user name. All their sessions end.
#[utoipa::path(tag = "access", security(()), request_body = Acceptance,
    responses((status = 204, description = "The password is set."), Fails<404, 409>))]
#[post("/v1/invitations/accept")]
async fn accept_invitation(acceptance: Valid<Acceptance>, state: Data<State>) -> Result<Gone<()>, Problem> {
    let Acceptance { token, password } = acceptance.into_inner();
    let now = state.clock.now();
    let token_hash = digest(&token);
    let looked_up = token_hash.clone();
    let (invitation, username) = state.db.read(move |conn| open(conn, &looked_up, now)).await?;
    if let Some((code, detail)) = passwords::objection(&password, &username) {
        return Err(Problem::invalid("/password", code, detail));
    }
    let password_hash = state.passwords.hash(password).await?;
    state
        .db
        .write(invitation.school_id.uuid(), move |tx| {
            // Another may have been faster while the password was hashed.
            let (invitation, username) = open(tx, &token_hash, now)?;
            let InvitationRow { school_id: school, person_id: person, .. } = invitation;
            rows::accept(tx, &invitation, &username, &password_hash, now)?;
            sessions::revoke_all(tx, school, &[person], now)?;
            let invited = Actor { school, person: Some(person), role: "invited".into(), client_id: "invitation".into(), at: now };
            events::record(tx, invited, Event::new(EventType::PasswordChosen, person.uuid()))?;
            Ok(Gone::new())
        })
        .await
}

/// The open invitation behind a token, and the user name of whom it invites.
fn open(conn: &mut Conn, token_hash: &str, now: Instant) -> Result<(InvitationRow, String), Problem> {
    let (invitation, PersonRow { email, left_on, .. }) = rows::open(conn, token_hash, now)?;
    let today = local_day(*now, schools::rows::find(conn, invitation.school_id)?.zone());
    match email {
        Some(email) if !has_left(left_on, today) => Ok((invitation, email)),
        _ => Err(Problem::not_found()),
    }
}
