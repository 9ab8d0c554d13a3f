//! The SQL types that the two engines do not share, and the typed ids built on them.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text, Timestamptz};
use diesel::sqlite::{Sqlite, SqliteValue};

use super::MultiBackend;
use crate::clock::Instant;

/// Names of SQL types for `schema.rs`.
pub mod sql {
    use diesel::sql_types::SqlType;

    /// `uuid` on PostgreSQL, a 16-byte blob on SQLite.
    #[derive(Clone, Copy, Debug, Default, SqlType, diesel::query_builder::QueryId)]
    #[diesel(postgres_type(oid = 2950, array_oid = 2951), sqlite_type(name = "Binary"))]
    pub struct Uuid;

    /// `timestamptz` on PostgreSQL, microseconds since 1970 (UTC) on SQLite.
    #[derive(Clone, Copy, Debug, Default, SqlType, diesel::query_builder::QueryId)]
    #[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Long"))]
    pub struct Instant;
}

impl HasSqlType<sql::Uuid> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<sql::Uuid>(lookup)
    }
}

impl HasSqlType<sql::Instant> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<sql::Instant>(lookup)
    }
}

impl FromSql<sql::Instant, Sqlite> for Instant {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        DateTime::from_timestamp_micros(micros).map(Self::from).ok_or_else(|| "instant out of range".into())
    }
}

impl FromSql<sql::Instant, Pg> for Instant {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(value).map(Self::from)
    }
}

impl FromSql<sql::Instant, MultiBackend> for Instant {
    fn from_sql(value: <MultiBackend as diesel::backend::Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, sql::Instant>()
    }
}

impl ToSql<sql::Instant, Sqlite> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.timestamp_micros());
        Ok(IsNull::No)
    }
}

impl ToSql<sql::Instant, Pg> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <DateTime<Utc> as ToSql<Timestamptz, Pg>>::to_sql(self, &mut out.reborrow())
    }
}

impl ToSql<sql::Instant, MultiBackend> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((sql::Instant, self));
        Ok(IsNull::No)
    }
}

/// What every id shares: the conversions that the id types below are built on.
pub(super) fn uuid_from_sqlite(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<uuid::Uuid> {
    let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
    Ok(uuid::Uuid::from_slice(&bytes)?)
}

pub(super) fn uuid_from_pg(value: &PgValue<'_>) -> deserialize::Result<uuid::Uuid> {
    Ok(uuid::Uuid::from_slice(value.as_bytes())?)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
                 diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = sql::Uuid)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id (UUIDv7): ids made later sort later.
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }
            pub const fn uuid(self) -> uuid::Uuid {
                self.0
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromSql<sql::Uuid, Sqlite> for $name {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                uuid_from_sqlite(value).map(Self)
            }
        }
        impl FromSql<sql::Uuid, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                uuid_from_pg(&value).map(Self)
            }
        }
        impl FromSql<sql::Uuid, MultiBackend> for $name {
            fn from_sql(value: <MultiBackend as diesel::backend::Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                value.from_sql::<Self, sql::Uuid>()
            }
        }
        impl ToSql<sql::Uuid, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.as_bytes().as_slice());
                Ok(IsNull::No)
            }
        }
        impl ToSql<sql::Uuid, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                std::io::Write::write_all(out, self.0.as_bytes())?;
                Ok(IsNull::No)
            }
        }
        impl ToSql<sql::Uuid, MultiBackend> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((sql::Uuid, self));
                Ok(IsNull::No)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::http::schema::uuid()
            }
        }
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

ids! {
    SchoolId;
    PersonId;
    InvitationId;
    SessionId;
    ServiceAccountId;
    ImportId;
    DelegationId;
    BusinessCaseId;
    AccountId;
    CommentId;
    ResponseId;
    MonitoringCheckId;
    EventId;
    CredentialId;
    CredentialRevealId;
    CredentialReleaseId;
    /// A running program that holds a lease.
    LeaseHolder;
    /// The id of any resource, where the kind is said beside it (events).
    SubjectId;
    PolicyId;
    PolicyVersionId;
    AcknowledgementId;
    CourseId;
    TrainingSessionId;
    TrainingCompletionId;
    EducationSessionId;
    DeclarationId;
    CommentingAccessId;
    IncidentId;
    IncidentNoteId;
    ReferralId;
    DisciplinaryActionId;
    DisclosureId;
    NotificationId;
    MediaEnquiryId;
    ModerationActionId;
    ParentLadderId;
    StatutoryClockId;
    HandoverId;
    ExitRecordId;
    ResponseProcedureId;
    MentionSweepId;
    MentionId;
    LowLevelConcernId;
    ConsentNoticeId;
    ConsentId;
    ImageObjectionId;
    DoNotPublishId;
    PublicationCheckId;
    PublicationId;
    TakedownId;
    WorkplaceMonitoringId;
    ContactExceptionId;
    ContactDeclarationId;
    ContentPermissionId;
    StyleGuideId;
    AccidentalImageId;
    WebhookEndpointId;
    WebhookDeliveryId;
}

/// Lets a value of `$name` stand where a query expects `$sql_type`, by value or by reference.
macro_rules! bound_as {
    ($name:ty, $sql_type:ty) => {
        bound_as!(@one $name, $sql_type);
        bound_as!(@one $name, Nullable<$sql_type>);
    };
    (@one $name:ty, $sql_type:ty) => {
        impl AsExpression<$sql_type> for $name {
            type Expression = Bound<$sql_type, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'a> AsExpression<$sql_type> for &'a $name {
            type Expression = Bound<$sql_type, &'a $name>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
    };
}

/// Stores the words of an enum (see `crate::words`) as text, whichever module declares it.
macro_rules! stored_as_text {
    ($($name:ty),* $(,)?) => {$(
        impl<DB> FromSql<Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                String::from_sql(value)?.parse().map_err(|_| concat!("unknown ", stringify!($name)).into())
            }
        }
        impl<DB, ST> diesel::deserialize::Queryable<ST, DB> for $name
        where
            DB: diesel::backend::Backend,
            Self: diesel::deserialize::FromStaticSqlRow<ST, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
        impl<DB> ToSql<Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.into(), out)
            }
        }
        impl<DB> ToSql<Nullable<Text>, DB> for $name
        where
            DB: diesel::backend::Backend,
            Self: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                ToSql::<Text, DB>::to_sql(self, out)
            }
        }
        bound_as!($name, Text);
    )*};
}

stored_as_text!(
    crate::policy::deadline::DeadlineRule,
    crate::policy::holidays::HolidayDivision,
    crate::policy::roles::Role,
    crate::policy::roles::PersonKind,
    crate::resources::accounts::AccountState,
    crate::resources::business_cases::BusinessCaseState,
    crate::resources::comments::CommentKind,
    crate::resources::comments::CommentState,
    crate::resources::comments::ResponseKind,
    crate::resources::people::Relationship,
    crate::resources::people::bulk::ItemOutcome,
    crate::resources::imports::ImportFormat,
    crate::resources::imports::ImportMode,
    crate::resources::imports::ImportState,
    crate::resources::imports::RecordKind,
    crate::policy::platforms::Platform,
    crate::policy::eligibility::ComplianceLevel,
    crate::policy::platforms::Visibility,
    crate::policy::required::PolicyKind,
    crate::resources::policy_versions::PolicyVersionState,
    crate::resources::education_sessions::YearGroup,
    crate::policy::monitoring::MonitoringLevel,
    crate::resources::monitoring::FindingKind,
    crate::policy::declarations::Compliance,
    crate::resources::declarations::DeclarationState,
    crate::resources::commenting_access::NoticeChannel,
    crate::policy::conflict::LeadRole,
    crate::policy::conflict::SafeguardingRole,
    crate::policy::incidents::Category,
    crate::policy::incidents::Severity,
    crate::policy::incidents::HarmThreshold,
    crate::policy::incidents::Scope,
    crate::policy::incidents::Legality,
    crate::policy::incidents::Outcome,
    crate::policy::incidents::SafeguardingDecision,
    crate::policy::incidents::Agency,
    crate::policy::incidents::ReferralState,
    crate::resources::incidents::IncidentState,
    crate::resources::incidents::SubjectPart,
    crate::resources::incidents::SubjectStatus,
    crate::resources::incident_notes::NoteAudience,
    crate::resources::disciplinary_actions::DisciplinaryKind,
    crate::resources::disclosures::DisclosureState,
    crate::policy::moderation::ModerationKind,
    crate::policy::moderation::ModerationReason,
    crate::policy::ladder::LadderState,
    crate::policy::media::EnquiryState,
    crate::policy::consent::Purpose,
    crate::policy::consent::Answer,
    crate::policy::publication::CheckState,
    crate::policy::publication::TakedownCause,
    crate::policy::publication::TakedownState,
    crate::resources::do_not_publish::ReasonClass,
    crate::policy::ladder::LadderChannel,
    crate::policy::statutory::StatutoryKind,
    crate::resources::handovers::HandoverState,
    crate::resources::handovers::HandoverOutcome,
    crate::resources::exit_records::ExitMethod,
    crate::policy::mentions::MentionScope,
    crate::policy::mentions::Sentiment,
    crate::resources::response_procedures::ResponseProcedureState,
    crate::resources::mentions::MentionState,
    crate::resources::low_level_concerns::LowLevelConcernState,
    crate::resources::low_level_concerns::ConcernOutcome,
    crate::policy::workplace::LawfulBasis,
    crate::policy::workplace::WorkplaceMonitoringState,
    crate::policy::contact::ContactRelationship,
    crate::policy::contact::ContactExceptionState,
    crate::policy::copyright::ContentBasis,
    crate::policy::copyright::Licence,
    crate::resources::webhook_endpoints::WebhookEndpointState,
    crate::resources::webhook_endpoints::DisabledReason,
    crate::resources::webhook_endpoints::WebhookDeliveryState,
    crate::resources::webhook_endpoints::DeliveryError,
);
