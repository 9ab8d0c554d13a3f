//! What a parent can keep: a receipt in the shape of ISO/IEC TS 27560.

use actix_web::get;
use actix_web::web::{Data, Path};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::sight;
use super::rows;
use crate::access::caller::Caller;
use crate::access::permissions::ReadConsents;
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{ConsentId, ConsentNoticeId, PersonId, SchoolId};
use crate::http::document::Fails;
use crate::http::reply::Plain;
use crate::http::text::Day;
use crate::policy::consent::{Answer, Purpose};
use crate::policy::platforms::Platform;
use crate::problem::Problem;
use crate::resources::{consent_notices, schools};
use crate::words::{split, words};

words! {
    /// What of a person is used.
    pub enum PiiKind { Image, Name }
}

/// A consent receipt (ISO/IEC TS 27560).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "schema_version": "ISO/IEC TS 27560:2023", "receipt_id": "0198a4b2-6f00-7000-8000-0000000000d2",
    "record_id": "0198a4b2-6f00-7000-8000-0000000000d2", "pii_principal_id": "0198a4b2-6f00-7000-8000-000000000009",
    "processing": {
        "privacy_notice": "0198a4b2-6f00-7000-8000-0000000000d1", "privacy_notice_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
        "language": "en", "purpose": "school_social_media", "lawful_basis": "consent", "pii": ["image"],
        "pii_controllers": ["0198a4b2-6f00-7000-8000-000000000001"], "retention_period": "Until it is taken down, at most three years.",
        "jurisdiction": "GB", "recipient_third_parties": ["facebook"],
        "withdrawal_method": "http://127.0.0.1:8080/v1/people/0198a4b2-6f00-7000-8000-000000000009/withdraw-consents",
        "authority_party": "Information Commissioner's Office"
    },
    "parties": [{ "id": "0198a4b2-6f00-7000-8000-000000000001", "type": "pii_controller", "name": "Weald Primary School" }],
    "event": { "time": "2026-01-14T10:00:00Z", "valid_until": "2027-01-14", "entity_id": "0198a4b2-6f00-7000-8000-000000000006", "event_type": "explicit", "event_state": "given" }
}))]
pub struct ConsentReceipt {
    #[schema(max_length = 40)]
    pub schema_version: &'static str,
    pub receipt_id: ConsentId,
    pub record_id: ConsentId,
    pub pii_principal_id: PersonId,
    pub processing: ReceiptProcessing,
    #[schema(max_items = 10)]
    pub parties: Vec<ReceiptParty>,
    pub event: ReceiptEvent,
}

/// What is done with it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptProcessing {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub privacy_notice: Option<ConsentNoticeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, nullable = false)]
    pub privacy_notice_hash: Option<String>,
    #[schema(max_length = 20)]
    pub language: String,
    pub purpose: Purpose,
    #[schema(max_length = 20)]
    pub lawful_basis: &'static str,
    #[schema(max_items = 10)]
    pub pii: Vec<PiiKind>,
    #[schema(max_items = 10)]
    pub pii_controllers: Vec<SchoolId>,
    #[schema(max_length = 500)]
    pub retention_period: String,
    #[schema(max_length = 10)]
    pub jurisdiction: &'static str,
    /// The platforms; all of the purpose, if empty.
    #[schema(max_items = 20)]
    pub recipient_third_parties: Vec<Platform>,
    #[schema(max_length = 500)]
    pub withdrawal_method: String,
    #[schema(max_length = 100)]
    pub authority_party: &'static str,
}

/// Who has a part in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptParty {
    pub id: SchoolId,
    #[schema(max_length = 40)]
    pub r#type: &'static str,
    #[schema(max_length = 200)]
    pub name: String,
}

/// What was said, by whom and when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptEvent {
    pub time: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub valid_until: Option<Day>,
    pub entity_id: PersonId,
    #[schema(max_length = 20)]
    pub event_type: &'static str,
    pub event_state: Answer,
}

/// Get the receipt of what somebody said (IMG-1).
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsents])),
    responses((status = 200, description = "The receipt.", body = ConsentReceipt), Fails<404>))]
#[get("/v1/consents/{id}/receipt")]
pub(super) async fn find_consent_receipt(
    caller: Caller<ReadConsents>,
    id: Path<ConsentId>,
    state: Data<State>,
) -> Result<Plain<ConsentReceipt>, Problem> {
    let url = state.service.public_url();
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            let school = schools::rows::find(conn, me.school())?;
            let notice = row.notice_id.map(|notice| consent_notices::rows::find(conn, me.school(), notice)).transpose()?;
            let mut pii = vec![PiiKind::Image];
            if row.with_name {
                pii.push(PiiKind::Name);
            }
            Plain::new(&ConsentReceipt {
                schema_version: "ISO/IEC TS 27560:2023",
                receipt_id: row.id,
                record_id: row.id,
                pii_principal_id: row.subject_id,
                processing: ReceiptProcessing {
                    privacy_notice: row.notice_id,
                    privacy_notice_hash: notice.as_ref().map(|notice| notice.content_hash.clone()),
                    language: notice.as_ref().map_or_else(|| "en".to_owned(), |notice| notice.language.clone()),
                    purpose: row.purpose,
                    lawful_basis: "consent",
                    pii,
                    pii_controllers: vec![school.id],
                    retention_period: notice.map(|notice| notice.retention).unwrap_or_default(),
                    jurisdiction: "GB",
                    recipient_third_parties: split(&row.platforms),
                    withdrawal_method: format!("{url}/v1/people/{}/withdraw-consents", row.subject_id),
                    authority_party: "Information Commissioner's Office",
                },
                parties: vec![ReceiptParty { id: school.id, r#type: "pii_controller", name: school.name }],
                event: ReceiptEvent {
                    time: row.decided_at,
                    valid_until: row.expires_on.map(Day),
                    entity_id: row.giver_id,
                    event_type: "explicit",
                    event_state: row.answer,
                },
            })
        })
        .await
}
