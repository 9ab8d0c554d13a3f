//! The one log: audit trail, change feed and evidence. Append-only, written in the transaction of the change,
//! numbered per school without gaps, each row carrying the hash of the one before. Events hold ids and names of
//! fields, never values: what must be forgotten can be.

pub mod chain;
pub mod watch;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use uuid::Uuid;

use crate::access::caller::Caller;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::bulk::insert_all;
use crate::db::schema::{event_heads, events};
use crate::db::types::{EventId, PersonId, SchoolId, SubjectId};

macro_rules! event_types {
    ($($name:ident = $word:literal on $subject:literal, $clause:literal: $description:literal;)*) => {
        /// What can happen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
        pub enum EventType { $(#[doc = $description] $name),* }

        impl EventType {
            /// As events and webhooks name it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
            /// The kind of thing it happens to.
            pub const fn subject_type(self) -> &'static str {
                match self { $(Self::$name => $subject),* }
            }
            /// The clause under which it is recorded; empty where none asks for it.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause),* }
            }
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description),* }
            }
        }
    };
}

event_types! {
    SchoolCreated = "school.created" on "school", "": "A school was set up.";
    SchoolChanged = "school.changed" on "school", "": "Settings or closing days of the school changed.";
    DeadlinesRecomputed = "school.deadlines_recomputed" on "school", "MON-2": "The calendar changed, and with it deadlines of open comments.";
    PersonCreated = "person.created" on "person", "": "A person became known to the school.";
    PersonChanged = "person.changed" on "person", "": "Details of a person changed.";
    PersonLeft = "person.left" on "person", "": "A person leaves the school.";
    PersonRejoined = "person.rejoined" on "person", "": "A person is at the school after all.";
    PersonErased = "person.erased" on "person", "": "A person whom no record named was erased.";
    PersonInvited = "person.invited" on "person", "": "A person was invited to choose a password.";
    PasswordChosen = "person.password_chosen" on "person", "": "A person chose a password.";
    GuardianSet = "person.guardian_set" on "person", "": "Somebody was recorded as a pupil's guardian.";
    GuardianRemoved = "person.guardian_removed" on "person", "": "Somebody is no longer a pupil's guardian.";
    RoleGranted = "person.role_granted" on "person", "": "A person was granted a role.";
    RoleRevoked = "person.role_revoked" on "person", "": "A role of a person was revoked.";
    SessionReuseDetected = "person.session_ended" on "person", "": "A refresh token was used twice, and its session was ended.";
    ServiceAccountCreated = "service_account.created" on "service_account", "": "A service account was created.";
    ServiceAccountChanged = "service_account.changed" on "service_account", "": "What a service account may do changed, or from where.";
    ServiceAccountSecretRotated = "service_account.secret_rotated" on "service_account", "": "The secret of a service account was replaced.";
    ImportStarted = "import.started" on "import", "": "Another system's list of people came in.";
    ImportCompleted = "import.completed" on "import", "": "A list of people was dealt with.";
    ImportCancelled = "import.cancelled" on "import", "": "An import was cancelled; what it had done stays.";
    ImportFailed = "import.failed" on "import", "": "An import was given up before it changed anything.";
    ServiceAccountRevoked = "service_account.revoked" on "service_account", "": "A service account was revoked.";
    DelegationGranted = "delegation.granted" on "delegation", "R-HT-5": "The headteacher's duties were delegated.";
    DelegationRevoked = "delegation.revoked" on "delegation", "R-HT-5": "A delegation was revoked.";
    BusinessCaseDrafted = "business_case.drafted" on "business_case", "BC-0": "A business case was drafted.";
    BusinessCaseEdited = "business_case.edited" on "business_case", "BC-0": "A business case was edited.";
    BusinessCaseSubmitted = "business_case.submitted" on "business_case", "BC-4": "A business case was submitted.";
    BusinessCaseChangesRequested = "business_case.changes_requested" on "business_case", "R-HT-5": "Changes to a business case were asked for.";
    BusinessCaseApproved = "business_case.approved" on "business_case", "R-HT-5": "A business case was approved.";
    BusinessCaseRejected = "business_case.rejected" on "business_case", "R-HT-5": "A business case was rejected.";
    BusinessCaseWithdrawn = "business_case.withdrawn" on "business_case", "BC-0": "A business case was withdrawn.";
    BusinessCaseUsed = "business_case.used" on "business_case", "R-IT-1": "An account was created from a business case.";
    BusinessCaseLapsed = "business_case.lapsed" on "business_case", "R-HT-5": "An approved business case was not used in time.";
    AccountCreated = "account.created" on "account", "R-IT-1": "An account was created.";
    AccountChanged = "account.changed" on "account", "R-IT-1": "Details of an account changed.";
    AccountActivated = "account.activated" on "account", "R-IT-1": "An account went into use.";
    AccountSuspended = "account.suspended" on "account", "R-IT-1": "An account was suspended.";
    AccountResumed = "account.resumed" on "account", "R-IT-1": "A suspended account is in use again.";
    AccountClosed = "account.closed" on "account", "R-IT-1": "An account was closed for good.";
    AccountManagersChanged = "account.managers_changed" on "account", "BC-4": "Who runs an account changed.";
    CommentLogged = "comment.logged" on "comment", "MON-2": "A comment was logged.";
    CommentResponded = "comment.responded" on "comment", "MON-2": "A comment was acknowledged or answered.";
    CommentNeedsNoResponse = "comment.no_response_required" on "comment", "MON-2": "A comment was found to need no response.";
    CommentClosed = "comment.closed" on "comment", "MON-2": "A comment was closed.";
    CommentOverdue = "comment.overdue" on "comment", "MON-2": "A comment was not responded to in time; the headteacher is told.";
    PolicyCreated = "policy.created" on "policy", "CTX-3": "A policy was set up.";
    PolicyChanged = "policy.changed" on "policy", "CTX-3": "The title of a policy changed, or what it depends on.";
    PolicyVersionDrafted = "policy_version.drafted" on "policy_version", "R-HT-2": "A version of a policy was drafted.";
    PolicyVersionEdited = "policy_version.edited" on "policy_version", "R-HT-2": "A draft of a policy was edited.";
    PolicyVersionSubmitted = "policy_version.submitted" on "policy_version", "R-HT-2": "A draft of a policy went into review.";
    PolicyVersionReturned = "policy_version.returned" on "policy_version", "R-HT-2": "A version of a policy went back to draft.";
    PolicyVersionPublished = "policy_version.published" on "policy_version", "R-HT-2": "A version of a policy came into force.";
    PolicyVersionSuperseded = "policy_version.superseded" on "policy_version", "R-HT-2": "A version of a policy made way for a newer one.";
    PolicyVersionWithdrawn = "policy_version.withdrawn" on "policy_version", "R-HT-2": "A version of a policy was withdrawn.";
    PolicyAcknowledged = "acknowledgement.given" on "acknowledgement", "R-ST-1": "A person acknowledged a version of a policy as read and understood.";
    CourseCreated = "course.created" on "course", "R-HT-1": "A training course was set up.";
    CourseChanged = "course.changed" on "course", "R-HT-1": "A training course changed.";
    CourseRetired = "course.retired" on "course", "R-HT-1": "A training course is no longer offered.";
    TrainingSessionRecorded = "training_session.recorded" on "training_session", "R-HT-1": "A training session was planned or recorded.";
    TrainingSessionChanged = "training_session.changed" on "training_session", "R-HT-1": "Details of a training session changed.";
    TrainingCompletionRecorded = "training_completion.recorded" on "training_completion", "R-ST-2": "A person's completion of a course was recorded.";
    TrainingCompletionRevoked = "training_completion.revoked" on "training_completion", "R-ST-2": "The record of a completion was revoked.";
    EducationSessionRecorded = "education_session.recorded" on "education_session", "PU-PU-2": "Pupils were taught safe and responsible use.";
    EducationSessionChanged = "education_session.changed" on "education_session", "PU-PU-2": "The record of an education session was corrected.";
    MonitoringCheckLogged = "monitoring_check.logged" on "monitoring_check", "MON-1": "A monitoring check was logged.";
    BullyingFound = "monitoring_check.bullying_found" on "monitoring_check", "MON-3": "A monitoring check found bullying.";
    AccountComplianceChanged = "account.compliance_changed" on "account", "ELIG-1": "An account stands otherwise by those who run it; who answers for the school is told.";
    AccountMonitoringAmber = "account.monitoring_amber" on "account", "MON-1": "An account was not checked for so many days that the headteacher is told.";
    AccountMonitoringRed = "account.monitoring_red" on "account", "MON-1": "An account was not checked for far too long; the headteacher is told.";
    AccountMonitoringResumed = "account.monitoring_resumed" on "account", "MON-1": "An account that had not been checked is checked again.";
    PersonalAccountDeclared = "personal_account_declaration.made" on "personal_account_declaration", "SC-6": "A person declared a personal account that names or affects the school.";
    PersonalAccountChanged = "personal_account_declaration.changed" on "personal_account_declaration", "SC-6": "The declaration of a personal account changed.";
    PersonalAccountChecked = "personal_account_declaration.checked" on "personal_account_declaration", "R-ST-4": "The disclaimer of a personal account was looked at.";
    PersonalAccountWithdrawn = "personal_account_declaration.withdrawn" on "personal_account_declaration", "SC-7": "The declaration of a personal account was withdrawn.";
    CommentingAccessGranted = "commenting_access.recorded" on "commenting_access", "PU-PC-1": "A parent or carer can comment on a platform.";
    CommentingAccessInformed = "commenting_access.informed" on "commenting_access", "PU-PC-1": "A parent or carer was informed of acceptable use.";
    CommentingAccessEnded = "commenting_access.ended" on "commenting_access", "PU-PC-1": "A parent or carer can no longer comment on a platform.";
    AccountCredentialsStored = "account.credentials_stored" on "account", "R-IT-2": "The first credentials of an account were stored.";
    AccountCredentialsRotated = "account.credentials_rotated" on "account", "R-IT-2": "An account's credentials were replaced, and those before destroyed.";
    AccountCredentialsRevealed = "account.credentials_revealed" on "account", "R-IT-2": "An account's credentials were revealed to the IT technician.";
    AccountCredentialsReleased = "account.credentials_released" on "account", "R-IT-2": "An account's credentials were released, once, to somebody who runs it.";
    AccountCredentialsReleaseOpened = "account.credentials_release_opened" on "account", "R-IT-2": "Released credentials were read.";
    AccountCredentialsReleaseRevoked = "account.credentials_release_revoked" on "account", "R-IT-2": "A release of credentials was revoked.";
    SchoolEscalationContactNamed = "school.escalation_contact_named" on "school", "R-HT-3": "It was named who deals with what neither headteacher nor chair can.";
    IncidentReported = "incident.reported" on "incident", "BEH-5": "An incident was reported.";
    IncidentSubjectsChanged = "incident.subjects_changed" on "incident", "R-HT-3": "Whom an incident names changed.";
    IncidentPeopleInvolved = "incident.people_involved" on "incident", "R-HT-4": "Who takes part in dealing with an incident changed.";
    IncidentLeadRecused = "incident.lead_recused" on "incident", "R-HT-3": "Whoever led an incident withdrew.";
    IncidentAssessed = "incident.assessed" on "incident", "R-HT-4": "An incident was assessed.";
    IncidentLegalityProposed = "incident.legality_proposed" on "incident", "R-HT-4": "A lower legality of an incident was proposed.";
    IncidentLegalityConfirmed = "incident.legality_confirmed" on "incident", "R-HT-4": "A second person confirmed a lower legality of an incident.";
    IncidentSafeguardingDecided = "incident.safeguarding_decided" on "incident", "PU-PU-1": "The child's welfare was decided on.";
    IncidentInvestigated = "incident.investigated" on "incident", "R-HT-3": "An incident went into investigation.";
    IncidentActionTaken = "incident.action_taken" on "incident", "BEH-7": "Something was done about an incident.";
    IncidentClosed = "incident.closed" on "incident", "BEH-7": "An incident was closed.";
    IncidentDismissed = "incident.dismissed" on "incident", "R-HT-4": "An incident was dismissed.";
    IncidentReopened = "incident.reopened" on "incident", "R-HT-3": "An incident was opened again.";
    IncidentNoted = "incident.noted" on "incident", "R-HT-4": "A note was added to an incident.";
    IncidentReferred = "incident.referred" on "incident", "R-HT-4": "An incident is to be referred to an agency.";
    IncidentReferralMade = "incident.referral_made" on "incident", "BEH-7": "A referral of an incident was made.";
    IncidentReferralAcknowledged = "incident.referral_acknowledged" on "incident", "R-HT-4": "An agency acknowledged a referral.";
    IncidentReferralAnswered = "incident.referral_answered" on "incident", "R-HT-4": "An agency told what came of a referral.";
    IncidentReferralOverdue = "incident.referral_overdue" on "incident", "R-HT-4": "A referral was not made in time; whoever leads is told.";
    IncidentDisciplined = "incident.disciplined" on "incident", "BEH-7": "A disciplinary action was recorded.";
    IncidentReporterAskedFor = "incident.reporter_asked_for" on "incident", "HND-3": "Somebody asked to learn who reported an incident.";
    IncidentReporterDisclosed = "incident.reporter_disclosed" on "incident", "HND-3": "Who reported an incident was disclosed to somebody.";
    IncidentReporterWithheld = "incident.reporter_withheld" on "incident", "HND-3": "Who reported an incident was kept from somebody.";
    CommentFlaggedOffensive = "comment.flagged_offensive" on "comment", "HND-1": "A comment was flagged as offensive.";
    CommentModerated = "moderation_action.taken" on "moderation_action", "HND-2": "A comment was hidden, deleted or reported, or its author blocked.";
    MediaEnquiryLogged = "media_enquiry.logged" on "media_enquiry", "BEH-4": "A journalist wants to know something; the headteacher is told.";
    MediaClearanceRequested = "media_enquiry.clearance_requested" on "media_enquiry", "BEH-4": "An answer to a journalist was proposed.";
    MediaEnquiryCleared = "media_enquiry.cleared" on "media_enquiry", "BEH-4": "The answer to a journalist was cleared.";
    MediaEnquiryDeclined = "media_enquiry.declined" on "media_enquiry", "BEH-4": "The answer to a journalist was declined.";
    MediaEnquiryAnswered = "media_enquiry.answered" on "media_enquiry", "BEH-4": "A journalist was answered.";
    MediaEnquiryClosed = "media_enquiry.closed" on "media_enquiry", "BEH-4": "The enquiry of a journalist was closed.";
    SchoolPressLeadNamed = "school.press_lead_named" on "school", "BEH-4": "It was named who clears answers to journalists beside the headteacher.";
    ReportingRouteSet = "school.reporting_route_set" on "school", "APX-10": "It was set how an agency is reached from this school.";
    ParentLadderOpened = "parent_ladder.opened" on "parent_ladder", "PU-PC-3": "Something offensive by a parent is to be dealt with.";
    ParentLadderMoved = "parent_ladder.moved" on "parent_ladder", "PU-PC-3": "A step was taken with a parent.";
    StatutoryClockStarted = "statutory_clock.started" on "statutory_clock", "LEG-2": "Something came in for which the law sets a time.";
    StatutoryClockMet = "statutory_clock.met" on "statutory_clock", "LEG-2": "What the law asks for was done.";
    StatutoryClockOverdue = "statutory_clock.overdue" on "statutory_clock", "LEG-2": "What the law asks for was not done in time; headteacher and data protection officer are told.";
    AccountCredentialsDestroyed = "account.credentials_destroyed" on "account", "R-IT-2": "The credentials of a closed account were destroyed.";
    AccountHandoverRequired = "account.handover_required" on "account", "R-IT-4": "Somebody who ran an account has left; it has to be handed over.";
    AccountOrphaned = "account.without_successor" on "account", "R-IT-4": "An account was suspended, since nobody who is left can run it; who answers for the school is told.";
    AccountHandoverEnded = "account.handover_ended" on "account", "R-IT-4": "The last handover of an account has come to its end.";
    HandoverOpened = "handover.opened" on "handover", "R-IT-4": "Somebody who ran an account has left, and has to be replaced.";
    HandoverSuccessorProposed = "handover.successor_proposed" on "handover", "R-IT-4": "It was proposed who takes a leaver's place.";
    HandoverRotationConfirmed = "handover.rotation_confirmed" on "handover", "R-IT-4": "The credentials that a leaver knew were found to be replaced.";
    HandoverTransferred = "handover.transferred" on "handover", "R-IT-4": "Others run the account instead of a leaver.";
    HandoverClosed = "handover.closed" on "handover", "R-IT-4": "The account that a leaver ran was closed.";
    HandoverLeaverReturned = "handover.leaver_returned" on "handover", "R-IT-4": "The leaver is at the school after all.";
    ExitRecordMade = "exit_record.made" on "exit_record", "BEH-2d": "A leaver acknowledged that confidentiality continues.";
    ExitRecordVoided = "exit_record.voided" on "exit_record", "BEH-2d": "A record of a leaver ceased to count, since they are at the school after all.";
    MentionSweepLogged = "mention_sweep.logged" on "mention_sweep", "PRO-1": "Somebody searched the web for public postings about the school.";
    MentionSweepOverdue = "mention_sweep.overdue" on "school", "PRO-1": "Nobody searched the web for too long; who answers for the school is told.";
    MentionCaptured = "mention.captured" on "mention", "PRO-1": "A public posting about the school was recorded.";
    MentionAssessed = "mention.assessed" on "mention", "SC-1": "It was decided whose business a posting is.";
    MentionPurged = "mention.purged" on "mention", "SC-7": "A posting was found out of scope, and nothing of it was kept but a count.";
    MentionResponded = "mention.responded" on "mention", "PRO-2": "A posting was responded to by the procedure.";
    MentionNeedsNoResponse = "mention.no_response_required" on "mention", "PRO-2": "A posting was found to need no response, by the procedure.";
    MentionClosed = "mention.closed" on "mention", "PRO-2": "A posting was closed.";
    ResponseProcedureDrafted = "response_procedure.drafted" on "response_procedure", "PRO-2": "A version of the response procedure was drafted.";
    ResponseProcedureEdited = "response_procedure.edited" on "response_procedure", "PRO-2": "A draft of the response procedure was edited.";
    ResponseProcedurePublished = "response_procedure.published" on "response_procedure", "PRO-2": "A version of the response procedure came into force.";
    ResponseProcedureSuperseded = "response_procedure.superseded" on "response_procedure", "PRO-2": "A version of the response procedure made way for a newer one.";
    ConsentNoticePublished = "consent_notice.published" on "consent_notice", "IMG-1": "A notice of what pictures are used for came into force.";
    ConsentGiven = "consent.given" on "consent", "IMG-1": "Consent was given.";
    ConsentRefused = "consent.refused" on "consent", "IMG-1": "Consent was refused.";
    ConsentWithdrawn = "consent.withdrawn" on "consent", "IMG-1": "Consent was withdrawn.";
    ConsentDisagreed = "consent.disagreed" on "consent", "IMG-1": "Those who decide for a child do not say the same; the headteacher is told.";
    ConsentExpired = "consent.expired" on "consent", "IMG-1": "Consent has run out.";
    ImageObjectionRaised = "image_objection.raised" on "image_objection", "IMG-2": "Somebody asked not to be filmed or photographed.";
    ImageObjectionLifted = "image_objection.lifted" on "image_objection", "IMG-2": "Somebody no longer objects to being filmed or photographed.";
    DoNotPublishListed = "do_not_publish_entry.listed" on "do_not_publish_entry", "IMG-4": "Somebody was put on the do-not-publish list.";
    DoNotPublishRemoved = "do_not_publish_entry.removed" on "do_not_publish_entry", "IMG-4": "Somebody was taken off the do-not-publish list.";
    PublicationChecked = "publication_check.made" on "publication_check", "IMG-4": "It was checked whether something may be published.";
    PublicationApproved = "publication_check.approved" on "publication_check", "DO-1": "The headteacher approved a publication.";
    PublicationRefused = "publication_check.refused" on "publication_check", "DO-1": "The headteacher refused a publication.";
    PublicationCheckRevoked = "publication_check.revoked" on "publication_check", "IMG-1": "What a clearance relied on has changed.";
    PublicationCheckExpired = "publication_check.expired" on "publication_check", "IMG-1": "A clearance was not used in its time.";
    SecondOpinionRequested = "publication_check.second_opinion_requested" on "publication_check", "DO-8": "Somebody was asked for a second opinion.";
    SecondOpinionGiven = "publication_check.second_opinion_given" on "publication_check", "DO-8": "Somebody gave a second opinion.";
    PublicationRecorded = "publication.recorded" on "publication", "IMG-1": "Something was published.";
    PublicationReviewed = "publication.reviewed" on "publication", "R-ST-3": "Something that was published was looked at again.";
    PublicationAudited = "publication.audited" on "publication", "IMG-1": "The pictures of something that was published were audited.";
    PublicationRemoved = "publication.removed" on "publication", "IMG-1": "Something that was published is gone.";
    TakedownOpened = "takedown.opened" on "takedown", "IMG-1": "Something that was published has to go.";
    TakedownDone = "takedown.removed" on "takedown", "IMG-1": "What had to go is gone.";
    TakedownExempted = "takedown.exempted" on "takedown", "IMG-1": "The headteacher decided that something stays.";
    TakedownOverdue = "takedown.overdue" on "takedown", "IMG-1": "What had to go did not go in time; the headteacher is told.";
    ContentPermissionRecorded = "content_permission.recorded" on "content_permission", "LEG-1": "It was recorded by what right a work is used.";
    ContentPermissionWithdrawn = "content_permission.withdrawn" on "content_permission", "LEG-1": "The right to use a work was withdrawn.";
    StyleGuideChanged = "style_guide.changed" on "style_guide", "TONE-2": "It changed in which tone the school writes on a platform.";
    AccidentalImageReported = "accidental_image.reported" on "incident", "IMG-5": "A compromising picture that was taken by accident was reported.";
    AccidentalImageDeleted = "accidental_image.deleted" on "incident", "IMG-5": "A compromising picture was deleted wherever it was.";
    AccidentalImageOverdue = "accidental_image.overdue" on "incident", "IMG-5": "A compromising picture was not deleted at once; headteacher and whoever leads are told.";
    LowLevelConcernRecorded = "low_level_concern.recorded" on "low_level_concern", "DO-9": "A low-level concern was recorded.";
    LowLevelConcernReviewed = "low_level_concern.reviewed" on "low_level_concern", "DO-9": "A low-level concern was reviewed.";
    WorkplaceMonitoringRecorded = "workplace_monitoring.recorded" on "workplace_monitoring", "BEH-6": "It was recorded that staff's use at work is monitored.";
    WorkplaceMonitoringEnded = "workplace_monitoring.ended" on "workplace_monitoring", "BEH-6": "A monitoring of staff's use at work was ended.";
    ContactExceptionRequested = "contact_exception.requested" on "contact_exception", "PU-PU-1": "A member of staff asked to be in contact with a pupil on personal accounts.";
    ContactExceptionGranted = "contact_exception.granted" on "contact_exception", "PU-PU-1": "Contact with a pupil on personal accounts was granted.";
    ContactExceptionRefused = "contact_exception.refused" on "contact_exception", "PU-PU-1": "Contact with a pupil on personal accounts was refused.";
    ContactExceptionEnded = "contact_exception.ended" on "contact_exception", "PU-PU-1": "An exception for contact with a pupil came to its end.";
    WebhookEndpointCreated = "webhook_endpoint.created" on "webhook_endpoint", "": "An endpoint for webhooks was created.";
    WebhookEndpointChanged = "webhook_endpoint.changed" on "webhook_endpoint", "": "An endpoint for webhooks changed.";
    WebhookEndpointSecretRotated = "webhook_endpoint.secret_rotated" on "webhook_endpoint", "": "The secret of an endpoint for webhooks was replaced.";
    WebhookEndpointEnabled = "webhook_endpoint.enabled" on "webhook_endpoint", "": "An endpoint for webhooks is in use again.";
    WebhookEndpointDisabled = "webhook_endpoint.disabled" on "webhook_endpoint", "": "Nothing is delivered to an endpoint for webhooks any more; where that was nobody's wish, the IT technicians are told.";
    WebhookEndpointReplayed = "webhook_endpoint.replayed" on "webhook_endpoint", "": "What happened since a time is delivered once more to an endpoint for webhooks.";
    ContactDeclarationMade = "contact_declaration.made" on "contact_declaration", "PU-PU-1": "A member of staff made the yearly declaration on contact with pupils.";
}

impl EventType {
    /// The type of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::iter().find(|kind| kind.name() == name)
    }
}

/// Who made something happen.
#[derive(Clone, Debug)]
pub struct Actor {
    pub school: SchoolId,
    pub person: Option<PersonId>,
    pub role: String,
    pub client_id: String,
    pub at: Instant,
}

impl Actor {
    /// The program itself: a job or a command.
    pub fn system(school: SchoolId, client_id: &str, at: Instant) -> Self {
        Self { school, person: None, role: "system".into(), client_id: client_id.into(), at }
    }

    /// Nobody in particular: a role that one person holds, or a program that one person uses, would name them.
    #[must_use]
    pub fn as_a_reporter(self) -> Self {
        Self { person: None, role: "reporter".into(), client_id: "weald".into(), ..self }
    }
}

impl<P> From<&Caller<P>> for Actor {
    fn from(caller: &Caller<P>) -> Self {
        Self {
            school: caller.school(),
            person: caller.person(),
            role: caller.role_used(),
            client_id: caller.client_id().to_owned(),
            at: caller.now(),
        }
    }
}

/// What an event says beyond its type: ids, states and names of fields, never names of people or text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The state that the subject is in now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The names of the fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Other things that it concerns, by what they are to the subject.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub related: std::collections::BTreeMap<String, Uuid>,
    /// How many things it concerns, where it concerns many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// The role that was granted or revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Something that happened to a subject.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: EventType,
    pub subject: SubjectId,
    pub data: Data,
}

impl Event {
    pub fn new(kind: EventType, subject: Uuid) -> Self {
        Self { kind, subject: subject.into(), data: Data::default() }
    }

    #[must_use]
    pub fn state(mut self, state: impl Into<&'static str>) -> Self {
        self.data.state = Some(state.into().to_owned());
        self
    }

    /// Names the fields that are marked as changed.
    #[must_use]
    pub fn changed<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        self.data.changed = fields.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field.to_owned()).collect();
        self
    }

    #[must_use]
    pub fn related(mut self, name: &str, id: Uuid) -> Self {
        self.data.related.insert(name.to_owned(), id);
        self
    }

    #[must_use]
    pub fn role(mut self, role: impl Into<&'static str>) -> Self {
        self.data.role = Some(role.into().to_owned());
        self
    }

    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.data.count = i64::try_from(count).ok();
        self
    }
}

/// A row of the log.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = events)]
pub struct EventRow {
    pub school_id: SchoolId,
    pub number: i64,
    pub id: EventId,
    pub occurred_at: Instant,
    pub event_type: String,
    pub subject_type: String,
    pub subject_id: SubjectId,
    pub actor_id: Option<PersonId>,
    pub actor_role: String,
    pub client_id: String,
    pub data: String,
    pub previous_hash: String,
    pub hash: String,
}

/// Appends one event, in the transaction of the change.
///
/// # Errors
/// Where the database gives none.
pub fn record(tx: &mut Conn, by: impl Into<Actor>, event: Event) -> QueryResult<()> {
    record_all(tx, by, vec![event])
}

/// Appends events, in their order.
///
/// # Errors
/// Where the database gives none.
pub fn record_all(tx: &mut Conn, by: impl Into<Actor>, happened: Vec<Event>) -> QueryResult<()> {
    if happened.is_empty() {
        return Ok(());
    }
    let actor = by.into();
    let (mut number, mut previous): (i64, String) =
        event_heads::table.find(actor.school).select((event_heads::number, event_heads::hash)).first(tx)?;
    let mut rows = Vec::with_capacity(happened.len());
    for event in happened {
        number += 1;
        let mut row = EventRow {
            school_id: actor.school,
            number,
            id: EventId::new(),
            occurred_at: actor.at,
            event_type: event.kind.name().to_owned(),
            subject_type: event.kind.subject_type().to_owned(),
            subject_id: event.subject,
            actor_id: actor.person,
            actor_role: actor.role.clone(),
            client_id: actor.client_id.clone(),
            data: serde_json::to_string(&event.data).map_err(|error| diesel::result::Error::SerializationError(error.into()))?,
            previous_hash: std::mem::take(&mut previous),
            hash: String::new(),
        };
        row.hash = chain::hash(&row);
        previous.clone_from(&row.hash);
        rows.push(row);
    }
    insert_all!(&mut *tx, events::table, rows)?;
    diesel::update(event_heads::table.find(actor.school))
        .set((event_heads::number.eq(number), event_heads::hash.eq(previous)))
        .execute(tx)?;
    Ok(())
}

/// Begins the log of a new school.
///
/// # Errors
/// Where the database gives none.
pub fn begin(tx: &mut Conn, school: SchoolId) -> QueryResult<()> {
    diesel::insert_into(event_heads::table)
        .values((event_heads::school_id.eq(school), event_heads::number.eq(0), event_heads::hash.eq(chain::GENESIS)))
        .execute(tx)?;
    Ok(())
}

/// What has happened to a thing, oldest first, at most `most`.
///
/// # Errors
/// Where the database gives none.
pub fn history(conn: &mut Conn, school: SchoolId, subject: Uuid, most: i64) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::school_id.eq(school))
        .filter(events::subject_id.eq(SubjectId::from(subject)))
        .order(events::number)
        .limit(most)
        .select(EventRow::as_select())
        .load(conn)
}
