//! Invitations in the database.

use chrono::Duration;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{invitations, logins, people};
use crate::db::types::{InvitationId, PersonId, SchoolId};
use crate::problem::{Code, Problem};
use crate::resources::people::rows::PersonRow;

/// How long an invitation is open.
const LIFE: Duration = Duration::days(7);

/// One row of `invitations`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
pub struct InvitationRow {
    pub school_id: SchoolId,
    pub id: InvitationId,
    pub person_id: PersonId,
    /// Of the token, as `access::digest` makes it.
    pub token_hash: String,
    pub expires_at: Instant,
    pub accepted_at: Option<Instant>,
    pub created_by: Option<PersonId>,
    pub created_at: Instant,
}

/// Invites a person by a new token, of which only its digest is kept; `by` is absent where a command does.
///
/// # Errors
/// Where the database gives none.
pub fn create(
    tx: &mut Conn,
    school: SchoolId,
    person: PersonId,
    token_hash: String,
    by: Option<PersonId>,
    now: Instant,
) -> QueryResult<InvitationRow> {
    let row = InvitationRow {
        school_id: school,
        id: InvitationId::new(),
        person_id: person,
        token_hash,
        expires_at: now + LIFE,
        accepted_at: None,
        created_by: by,
        created_at: now,
    };
    diesel::insert_into(invitations::table).values(&row).execute(tx)?;
    Ok(row)
}

/// Ends the open invitations of a person.
///
/// # Errors
/// Where the database gives none.
pub fn end_open(tx: &mut Conn, school: SchoolId, people: &[PersonId], now: Instant) -> QueryResult<()> {
    let open = invitations::table
        .filter(invitations::school_id.eq(school))
        .filter(invitations::person_id.eq_any(people))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::expires_at.gt(now));
    diesel::update(open).set(invitations::expires_at.eq(now)).execute(tx)?;
    Ok(())
}

/// Ends the open invitations that some people made: whoever has left keeps no way in.
///
/// # Errors
/// Where the database gives none.
pub fn end_made_by(tx: &mut Conn, school: SchoolId, people: &[PersonId], now: Instant) -> QueryResult<()> {
    let open = invitations::table
        .filter(invitations::school_id.eq(school))
        .filter(invitations::created_by.eq_any(people.iter().copied().map(Some).collect::<Vec<_>>()))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::expires_at.gt(now));
    diesel::update(open).set(invitations::expires_at.eq(now)).execute(tx)?;
    Ok(())
}

/// The open invitation behind a token, and whom it invites, in whichever school.
///
/// # Errors
/// 404 where it is unknown, expired or used.
pub fn open(conn: &mut Conn, token_hash: &str, now: Instant) -> Result<(InvitationRow, PersonRow), Problem> {
    let found: Option<(InvitationRow, PersonRow)> = invitations::table
        .inner_join(people::table.on(people::school_id.eq(invitations::school_id).and(people::id.eq(invitations::person_id))))
        .filter(invitations::token_hash.eq(token_hash))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .select((InvitationRow::as_select(), PersonRow::as_select()))
        .first(conn)
        .optional()?;
    found.ok_or_else(Problem::not_found)
}

/// Gives the invited person a login in place of the one before, and ends the invitation.
///
/// # Errors
/// 409 where the user name is another person's.
pub fn accept(tx: &mut Conn, invitation: &InvitationRow, username: &str, password_hash: &str, now: Instant) -> Result<(), Problem> {
    let (school, person) = (invitation.school_id, invitation.person_id);
    let owner: Option<(SchoolId, PersonId)> =
        logins::table.filter(logins::username.eq(username)).select((logins::school_id, logins::person_id)).first(tx).optional()?;
    if owner.is_some_and(|owner| owner != (school, person)) {
        return Err(Problem::new(Code::AlreadyExists).detail("Somebody else logs in with this e-mail address."));
    }
    diesel::delete(logins::table.find((school, person))).execute(tx)?;
    diesel::insert_into(logins::table)
        .values((
            logins::school_id.eq(school),
            logins::person_id.eq(person),
            logins::username.eq(username),
            logins::password_hash.eq(password_hash),
            logins::changed_at.eq(now),
        ))
        .execute(tx)?;
    diesel::update(invitations::table.find((school, invitation.id))).set(invitations::accepted_at.eq(Some(now))).execute(tx)?;
    Ok(())
}
