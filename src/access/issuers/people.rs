//! Who it is that an issuer vouches for, as the school knows them at this request.

use diesel::prelude::*;

use super::{Vouched, Who};
use crate::access::caller::Identity;
use crate::access::{permissions, sessions};
use crate::clock::Instant;
use crate::db::schema::{people, schools};
use crate::db::types::SchoolId;
use crate::db::{Conn, MultiBackend};
use crate::policy::deadline::{local_day, time_zone};
use crate::policy::roles::{Role, has_left};
use crate::resources::people::rows::PersonRow;

/// Whom the token is about, as things are now; `None` where the school knows nobody like that, or more than one.
///
/// # Errors
/// Where the database gives none.
pub fn identity(conn: &mut Conn, vouched: &Vouched, now: Instant) -> QueryResult<Option<Identity>> {
    let school = vouched.school;
    let zone: Option<String> = schools::table.find(school).select(schools::time_zone).first(conn).optional()?;
    let Some(zone) = zone.as_deref().map(time_zone) else {
        tracing::warn!(%school, "a school that is configured for an external issuer is not on record");
        return Ok(None);
    };
    let today = local_day(*now, zone);
    let mut there: Vec<PersonRow> = known_as(school, &vouched.person).select(PersonRow::as_select()).load(conn)?;
    there.retain(|person| !has_left(person.left_on, today));
    let (Some(person), true) = (there.pop(), there.is_empty()) else {
        tracing::info!("a token of an external issuer is for nobody here, or for more than one");
        return Ok(None);
    };
    let granted = sessions::roles_of(conn, school, person.id)?;
    let roles = vouched.roles.as_ref().map_or_else(|| granted.clone(), |asserted| asserted.roles(&granted, person.kind));
    // What is delegated is delegated to whom the school has made a leader, and not to whom an issuer says is one.
    let leads = roles.contains(&Role::LeadershipTeam) && granted.contains(&Role::LeadershipTeam);
    let delegated_by = if leads { sessions::delegated(conn, school, person.id, today)? } else { Vec::new() };
    let mut scopes = vouched.scopes.clone();
    if scopes.is_empty() {
        scopes = permissions::scopes_of(&roles).into_iter().map(str::to_owned).collect();
    }
    Ok(Some(Identity {
        school,
        zone,
        person: Some(person.id),
        service: None,
        client_id: vouched.client_id.clone(),
        roles,
        delegated_by,
        scopes,
    }))
}

/// The people of a school who are known by this.
pub fn known_as(school: SchoolId, who: &Who) -> people::BoxedQuery<'_, MultiBackend> {
    let all = people::table.filter(people::school_id.eq(school)).into_boxed();
    match who {
        Who::ExternalId(source, id) => all.filter(people::external_source.eq(source)).filter(people::external_id.eq(id)),
        Who::Email(address) => all.filter(people::email.eq(address)),
    }
}
