//! Style guides in the database: every version that a school gave itself.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::style_guides::{self, dsl};
use crate::db::types::{PersonId, SchoolId, StyleGuideId};
use crate::policy::platforms::Platform;
use crate::policy::style;
use crate::problem::Problem;

/// One row of `style_guides`; the newest of a platform holds.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = style_guides)]
pub struct StyleGuideRow {
    pub school_id: SchoolId,
    pub platform: Platform,
    pub version: i64,
    pub id: StyleGuideId,
    /// One a line.
    pub tone_keywords: String,
    pub text: String,
    pub changed_by: Option<PersonId>,
    pub changed_at: Instant,
}

/// A style guide as it holds: the school's own, or version 1, which is shipped.
#[derive(Clone, Debug)]
pub struct Current {
    pub platform: Platform,
    pub version: i64,
    pub tone_keywords: Vec<String>,
    pub text: String,
    /// Absent where it is as it was shipped.
    pub own: Option<StyleGuideRow>,
}

/// What holds on these platforms, in their order.
///
/// # Errors
/// Where the database gives none.
pub fn current(conn: &mut Conn, school: SchoolId, platforms: &[Platform]) -> Result<Vec<Current>, Problem> {
    let mut rows: Vec<StyleGuideRow> = dsl::style_guides
        .filter(dsl::school_id.eq(school))
        .filter(dsl::platform.eq_any(platforms.to_vec()))
        .order((dsl::platform, dsl::version))
        .select(StyleGuideRow::as_select())
        .load(conn)?;
    let shipped = style::shipped(platforms.iter().copied()).map_err(Problem::internal)?;
    let of = |(platform, style): (Platform, style::Style)| {
        let newest = rows.iter().rposition(|row| row.platform == platform).map(|at| rows.remove(at));
        match newest {
            Some(row) => Current {
                platform,
                version: row.version,
                tone_keywords: row.tone_keywords.lines().map(str::to_owned).collect(),
                text: row.text.clone(),
                own: Some(row),
            },
            None => Current { platform, version: 1, tone_keywords: style.tone_keywords, text: style.text, own: None },
        }
    };
    Ok(shipped.into_iter().map(of).collect())
}

/// # Errors
/// 409 where there is one of this version already.
pub fn insert(tx: &mut Conn, row: &StyleGuideRow) -> QueryResult<()> {
    diesel::insert_into(dsl::style_guides).values(row).execute(tx)?;
    Ok(())
}
