//! THE table: which role may do what. Nothing else in the program says so.
//!
//! A permission is an OAuth 2.0 scope. `own` after a role: only for one's own things; which those are is said
//! in the rules of the resource.

use crate::policy::clauses::Clause;
use crate::policy::refusal::Violation;
use crate::policy::roles::Role;
use crate::problem::{Code, Problem};

/// A role that holds a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    /// Only for one's own.
    pub own: bool,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub scope: &'static str,
    pub description: &'static str,
    pub grants: &'static [Grant],
    /// The headteacher's part of it passes to a delegate on record (A10, A25).
    pub delegable: bool,
    /// The clause that splits this duty from the others.
    pub clause: Option<Clause>,
}

/// A permission as a type: `Caller<P>` proves it.
pub trait Permission: 'static {
    const ROW: Row;
}

macro_rules! permissions {
    ($($name:ident = $scope:literal $description:literal $(($undelegated:ident))? $([$clause:ident])? for $($role:ident $($own:ident)?)|+;)*) => {
        $(
            #[doc = $description]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Permission for $name {
                const ROW: Row = Row {
                    scope: $scope,
                    description: $description,
                    grants: &[$(Grant { role: Role::$role, own: permissions!(@flag $($own)?) }),+],
                    delegable: !permissions!(@flag $($undelegated)?),
                    clause: permissions!(@clause $($clause)?),
                };
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str($scope)
                }
            }
        )*

        /// Every permission there is.
        pub const ALL: &[Row] = &[$($name::ROW),*];
    };
    (@flag) => { false };
    (@flag $word:ident) => { true };
    (@clause) => { None };
    (@clause $clause:ident) => { Some(Clause::$clause) };
}

permissions! {
    ReadOneself = "me:read" "Find out who one is and what one may do" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ReadSchool = "school:read" "Read the school, its calendar and settings" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManageSchool = "school:manage" "Change the school's calendar and settings" for
        Headteacher | ItTechnician;

    ReadPeople = "people:read" "Read people" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Dpo | ChairOfGovernors | MisIntegration | Volunteer own | ParentCarer own | Pupil own | Governor own;
    ReadPersonDetails = "people:read-details" "See everyone with all details, not only one's own and the names of others" for
        Headteacher | ItTechnician | Dsl | DeputyDsl | Dpo | ChairOfGovernors | MisIntegration;
    ManagePeople = "people:manage" "Create and change people and guardians, and record that they leave" for
        Headteacher | ItTechnician | MisIntegration;
    ReadImports = "imports:read" "Read imports and what became of each record" for
        Headteacher | ItTechnician | MisIntegration;
    RunImports = "imports:run" "Import people from another system, and cancel it" for
        Headteacher | ItTechnician | MisIntegration;
    GrantRoles = "roles:grant" "Grant and revoke roles" (undelegated) for
        Headteacher | ItTechnician | ChairOfGovernors;
    InvitePeople = "people:invite" "Invite a person to choose a password, by a one-time link" for
        Headteacher | ItTechnician | ChairOfGovernors;

    ReadDelegations = "delegations:read" "Read who acts for the headteacher" for
        Headteacher | ItTechnician | ChairOfGovernors | Dsl | DeputyDsl | Dpo | LeadershipTeam own;
    ManageDelegations = "delegations:manage" "Delegate the headteacher's duties and revoke it" (undelegated) for
        Headteacher | ChairOfGovernors;

    ReadServiceAccounts = "service-accounts:read" "Read which programs call for the school, and what they may" for
        Headteacher | ItTechnician | Dpo;
    ManageServiceAccounts = "service-accounts:manage" "Create, change and revoke service accounts" (undelegated) for
        Headteacher | ItTechnician;

    ReadBusinessCases = "business-cases:read" "Read business cases" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Dpo | ChairOfGovernors | Volunteer own | ParentCarer own;
    ProposeBusinessCase = "business-cases:propose" "Draft, edit, submit and withdraw a business case" [Bc0] for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Volunteer own | ParentCarer own;
    ApproveBusinessCase = "business-cases:decide" "Approve, reject or ask for changes to a business case" [RHt5] for
        Headteacher | ChairOfGovernors own;

    ReadAccounts = "accounts:read" "Read accounts" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Dpo | ChairOfGovernors | MisIntegration | Volunteer own | ParentCarer own;
    CreateAccount = "accounts:create" "Create and activate an account" [RIt1] for
        ItTechnician;
    ManageAccount = "accounts:manage" "Change, close and resume an account, and who runs it" for
        ItTechnician;
    SuspendAccount = "accounts:suspend" "Suspend an account" for
        Headteacher | ItTechnician;

    ReadComments = "comments:read" "Read comments and their deadlines" for
        Headteacher | ItTechnician | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    LogComment = "comments:log" "Log a comment" for
        Headteacher | ItTechnician | MisIntegration | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    AnswerComment = "comments:answer" "Respond to comments and close them" for
        Headteacher | ItTechnician | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;

    PreviewDeadline = "deadlines:preview" "Compute a deadline without writing anything" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;

    ReadPolicies = "policies:read" "Read the policies in force, those that they superseded, and the guidance" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManagePolicies = "policies:manage" "Set up policies and say what they depend on" for
        Headteacher;
    DraftPolicy = "policies:draft" "See, draft, edit, submit, return and withdraw versions of a policy" for
        Headteacher | LeadershipTeam | Dsl | Dpo;
    PublishPolicy = "policies:publish" "Publish a version of a policy" [RHt2] for
        Headteacher;
    AcknowledgePolicy = "acknowledgements:give" "Acknowledge a policy as read and understood" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    ReadAcknowledgements = "acknowledgements:read" "Read who has acknowledged which policy" for
        Headteacher | Dpo | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own;
    ReadCourses = "courses:read" "Read the training courses" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManageCourses = "courses:manage" "Set up, change and retire training courses" [RHt1] for
        Headteacher;
    ReadTraining = "training:read" "Read who has completed which course" for
        Headteacher | Dsl | DeputyDsl | Dpo | MisIntegration | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own;
    RecordTraining = "training:record" "Record training sessions and other people's completions" for
        Headteacher | Dsl | DeputyDsl | MisIntegration | LeadershipTeam own | ItTechnician own | Staff own;
    ReadTrainingGaps = "training:gaps" "See who lacks training for what they do" for
        Headteacher | ItTechnician | Dsl | Dpo;
    ReadEducation = "education:read" "Read what pupils are taught of safe use, and whom it has reached" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Governor | ChairOfGovernors;
    RecordEducation = "education:record" "Record what pupils were taught of safe use" for
        Headteacher | LeadershipTeam | Staff | Dsl;
    ReadEligibility = "eligibility:read" "See who may run an account, and how accounts stand by those who run them" for
        Headteacher | ItTechnician | Dsl | DeputyDsl | Dpo | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own;
    ReadMonitoring = "monitoring:read" "Read monitoring checks and how the accounts are covered by them" for
        Headteacher | ItTechnician | Dsl | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | DeputyDsl own | Governor own;
    LogMonitoringCheck = "monitoring:log" "Log a monitoring check" for
        Headteacher | ItTechnician | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Dsl own | DeputyDsl own | Governor own;
    ReadDeclarations = "declarations:read" "Read the declarations of personal accounts" for
        Headteacher | ItTechnician | Dsl | Dpo | LeadershipTeam own | Staff own | DeputyDsl own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own;
    MakeDeclaration = "declarations:make" "Declare one's personal accounts that name or affect the school" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Dsl own | DeputyDsl own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own;
    CheckDeclaration = "declarations:check" "Record that the disclaimer on somebody's personal account was looked at" for
        Headteacher | ItTechnician;
    ReadCommentingAccess = "commenting-access:read" "Read which parents can comment where, and who was informed of acceptable use" for
        Headteacher | ItTechnician | MisIntegration | ParentCarer own;
    ManageCommentingAccess = "commenting-access:manage" "Record which parents can comment where, and that they were informed of acceptable use" for
        Headteacher | ItTechnician | MisIntegration;
    ManageCredentials = "credentials:manage" "Store, replace and reveal the credentials of accounts, and release them once" (undelegated) [RIt2] for
        ItTechnician;
    ReadCredentialReveals = "credentials:audit" "Read who had an account's credentials revealed, and why" for
        Headteacher | ItTechnician | Dpo;
    ReadCredentialReleases = "credential-releases:read" "Read releases of credentials" (undelegated) for
        ItTechnician | Headteacher own | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    OpenCredentialRelease = "credential-releases:open" "Read credentials that were released to oneself, once" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    ReadHandovers = "handovers:read" "Read how the accounts of leavers are handed over" for
        Headteacher | ItTechnician | Dpo | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Governor own | Dsl own | DeputyDsl own;
    ManageHandovers = "handovers:manage" "Hand the accounts of leavers over, or close them" (undelegated) [RIt4] for
        ItTechnician;
    ReadExitRecords = "exit-records:read" "Read which leavers have acknowledged that confidentiality continues" for
        Headteacher | ItTechnician | Dpo | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own;
    MakeExitRecord = "exit-records:make" "Record that a leaver has acknowledged that confidentiality continues" for
        Headteacher | ItTechnician | Dpo | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own;

    NameEscalationContact = "school:escalation" "Name who deals with what neither headteacher nor chair can" (undelegated) for
        Headteacher | ChairOfGovernors;
    ReportIncident = "incidents:report" "Report an incident, or a worry" (undelegated) for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ReadIncidents = "incidents:read" "Read incidents that one leads, protects a child or data in, takes part in, or reported" for
        Headteacher | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Pupil own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    NoteIncident = "incidents:note" "Add notes to an incident in which one has a part" for
        Headteacher | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Pupil own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    LeadIncident = "incidents:lead" "Assess, investigate and close an incident" [RHt3] for
        Headteacher | ChairOfGovernors own | Governor own;
    ReferIncident = "incidents:refer" "Refer an incident to agencies outside of the school" [RHt4] for
        Headteacher | ChairOfGovernors own | Governor own | Dsl own | DeputyDsl own;
    DecideSafeguarding = "incidents:safeguard" "Decide on a child's welfare in an incident" [RHt4] for
        Headteacher | ChairOfGovernors own | Governor own | Dsl own | DeputyDsl own;
    ConfirmLegality = "incidents:confirm" "Confirm, as a second person, that an incident is less serious than it was assessed" [RHt4] for
        Headteacher | ChairOfGovernors own | Governor own | Dsl own | DeputyDsl own | Dpo own;
    RequestReporter = "incidents:disclose" "Ask to learn who reported an incident" (undelegated) for
        Dsl own | DeputyDsl own | Dpo own;
    ReadMediaEnquiries = "media-enquiries:read" "Read enquiries of journalists" for
        Headteacher | LeadershipTeam | Dpo | ItTechnician own | Staff own;
    LogMediaEnquiry = "media-enquiries:log" "Log enquiries of journalists, propose answers and record that they were answered" for
        Headteacher | LeadershipTeam | ItTechnician own | Staff own;
    ClearMediaEnquiry = "media-enquiries:clear" "Clear or decline answers to journalists" [Beh4] for
        Headteacher | LeadershipTeam own | Staff own;
    NamePressLead = "school:press-lead" "Name who clears answers to journalists beside the headteacher" (undelegated) for
        Headteacher;
    ReadReportingRoutes = "reporting-routes:read" "Read how to report a problem" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManageReportingRoutes = "reporting-routes:manage" "Say how agencies are reached from this school" for
        Headteacher | Dsl;
    ReadNotifications = "notifications:read" "Read what one was told of" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Pupil own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own | Dpo own;
    ModerateComment = "comments:moderate" "Hide, delete and report comments, and block their authors" [Hnd2] for
        Headteacher | ItTechnician | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    ReadParentLadders = "parent-ladders:read" "Read what was done about parents' offensive comments" for
        Headteacher | LeadershipTeam | Staff own | Volunteer own | ParentCarer own;
    ManageParentLadders = "parent-ladders:manage" "Ask parents to remove what is offensive, invite them to talk, and refer them" [PuPc3] for
        Headteacher | LeadershipTeam | Staff own;
    ReadStatutoryClocks = "statutory-clocks:read" "Read by when the law asks for an answer" for
        Headteacher | Dpo | ItTechnician | LeadershipTeam;
    StartStatutoryClock = "statutory-clocks:start" "Record that something came in for which the law sets a time" for
        Headteacher | Dpo | ItTechnician | LeadershipTeam | Staff own;
    MeetStatutoryClock = "statutory-clocks:meet" "Record that what the law asks for was done" [Leg2] for
        Headteacher | Dpo;
    ReadMentionSweeps = "mention-sweeps:read" "Read who searched the web for postings about the school, and when" for
        Headteacher | LeadershipTeam | ItTechnician | Dsl;
    LogMentionSweep = "mention-sweeps:log" "Log a search of the web for postings about the school" for
        Headteacher | LeadershipTeam | ItTechnician | Dsl;
    ReadMentions = "mentions:read" "Read public postings about the school" for
        Headteacher | LeadershipTeam | ItTechnician | Dsl | Staff own;
    CaptureMention = "mentions:capture" "Record a public posting about the school" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl;
    AssessMention = "mentions:assess" "Decide whether a posting is the school's business" [Sc4] for
        Headteacher;
    AnswerMention = "mentions:answer" "Record how postings were responded to, and close them" for
        Headteacher | LeadershipTeam | ItTechnician | Dsl;
    ReadResponseProcedures = "response-procedures:read" "Read by which procedure others' comments are responded to" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo;
    ManageResponseProcedures = "response-procedures:manage" "Draft, edit and publish versions of the response procedure" for
        Headteacher;
    ReadContentPermissions = "content-permissions:read" "Read by what right others' works are used, and what licences ask" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl;
    RecordContentPermission = "content-permissions:record" "Record by what right somebody's work is used" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl;
    WithdrawContentPermission = "content-permissions:withdraw" "Record that the right to use a work was withdrawn" for
        Headteacher | LeadershipTeam own | ItTechnician own | Staff own | Dsl own;
    ReadStyleGuides = "style-guides:read" "Read in which tone the school writes where" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManageStyleGuides = "style-guides:manage" "Say in which tone the school writes where" for
        Headteacher;
    ReportAccidentalImage = "accidental-images:report" "Report a compromising picture that one took by accident" (undelegated) for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | Dsl;
    RecordImageDeletion = "accidental-images:record-deletion" "Record that a compromising picture was deleted wherever it was" for
        Headteacher | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own;
    RecordLowLevelConcern = "low-level-concerns:record" "Record a low-level concern about a colleague or oneself" (undelegated) for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl;
    ReadLowLevelConcerns = "low-level-concerns:read" "Read low-level concerns" (undelegated) for
        Headteacher | Dsl | DeputyDsl own | ChairOfGovernors own;
    ReviewLowLevelConcern = "low-level-concerns:review" "Decide what follows from a low-level concern" (undelegated) for
        Headteacher | ChairOfGovernors own;
    ReadConsentNotices = "consent-notices:read" "Read what pictures and names are used for" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | ParentCarer | Pupil | Governor | ChairOfGovernors | Dsl | DeputyDsl | Dpo | MisIntegration;
    ManageConsentNotices = "consent-notices:manage" "Publish what pictures and names are used for" for
        Headteacher | Dpo;
    ReadConsents = "consents:read" "Read who has consented to what" for
        Headteacher | Dsl | DeputyDsl | Dpo | MisIntegration | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own;
    RecordConsent = "consents:record" "Consent, refuse and withdraw for oneself and one's children, or record what others have signed" for
        Headteacher | MisIntegration | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Governor own | ChairOfGovernors own | Dsl own | DeputyDsl own;
    ReadImageObjections = "image-objections:read" "Read who objects to being filmed or photographed" for
        Headteacher | Dsl | DeputyDsl | Dpo | LeadershipTeam own | ItTechnician own | Staff own | Volunteer own | ParentCarer own | Pupil own | Governor own | ChairOfGovernors own;
    ObjectToImages = "image-objections:raise" "Object to being filmed or photographed, and lift it" (undelegated) for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | Volunteer own | ParentCarer own | Pupil own | Governor own | ChairOfGovernors own | Dpo own;
    ReadDoNotPublish = "do-not-publish:read" "Read the do-not-publish list" (undelegated) [Img4] for
        Headteacher | Dsl | DeputyDsl | Dpo;
    EditDoNotPublish = "do-not-publish:edit" "Put people on the do-not-publish list and take them off, and learn who blocks a publication" (undelegated) [Img4] for
        Headteacher | Dsl | DeputyDsl;
    ReadPublications = "publications:read" "Read what was checked and published" for
        Headteacher | ItTechnician | Dsl | DeputyDsl | Dpo | ChairOfGovernors | MisIntegration | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    PreparePublication = "publications:prepare" "Have publications checked, record and review them" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl | MisIntegration | Volunteer own | ParentCarer own;
    DecidePublication = "publications:decide" "Decide on publications with controversial implications" [Do1] for
        Headteacher | ChairOfGovernors own;
    AuditPublications = "publications:audit" "Audit the pictures that are published" for
        Headteacher | ItTechnician | Dsl;
    ReadTakedowns = "takedowns:read" "Read what has to be taken down" for
        Headteacher | ItTechnician | Dsl | DeputyDsl | Dpo | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    RecordTakedown = "takedowns:record" "Record that something was taken down" for
        Headteacher | ItTechnician | LeadershipTeam own | Staff own | Dsl own | DeputyDsl own | Volunteer own | ParentCarer own;
    ExemptTakedown = "takedowns:exempt" "Decide that something stays published" (undelegated) [Img1] for
        Headteacher;
    ReadWorkplaceMonitoring = "workplace-monitoring:read" "Read what of staff's use at work is monitored, and on what ground" for
        Headteacher | LeadershipTeam | ItTechnician | Staff | Volunteer | Governor | Dsl | DeputyDsl | Dpo;
    RecordWorkplaceMonitoring = "workplace-monitoring:record" "Record that staff's use at work is monitored, and end it" [Beh6] for
        Headteacher;
    ReadContactExceptions = "contact-exceptions:read" "Read who may be in contact with which pupil on personal accounts" for
        Headteacher | Dsl | DeputyDsl | ChairOfGovernors own | LeadershipTeam own | ItTechnician own | Staff own;
    AskContactException = "contact-exceptions:ask" "Ask to be in contact with a pupil on personal accounts" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Dsl own | DeputyDsl own;
    DecideContactException = "contact-exceptions:decide" "Grant, refuse and end exceptions for contact with a pupil" [PuPu1] for
        Headteacher | ChairOfGovernors own;
    ReadContactDeclarations = "contact-declarations:read" "Read what staff declared on contact with pupils, and who has still to" for
        Headteacher | Dsl | LeadershipTeam own | ItTechnician own | Staff own | DeputyDsl own;
    MakeContactDeclaration = "contact-declarations:make" "Declare that one is not in contact with pupils on personal accounts" (undelegated) for
        Headteacher own | LeadershipTeam own | ItTechnician own | Staff own | Dsl own | DeputyDsl own;

    ReadEvents = "events:read" "Follow what happens" for
        Headteacher | Dpo | MisIntegration | ItTechnician own | LeadershipTeam own | Staff own | Volunteer own | ParentCarer own;
    AuditEvents = "events:audit" "Follow everything that happens, not only to things that one may read: ids and states, no names" for
        Headteacher | Dpo;
    ReadWebhooks = "webhooks:read" "Read where events are delivered, and how that goes" (undelegated) for
        Headteacher | ItTechnician | MisIntegration;
    ManageWebhooks = "webhooks:manage" "Have events that one may read delivered to an address" (undelegated) for
        Headteacher | ItTechnician | MisIntegration;
    ReadEventHead = "events:head" "Keep the signed head of the log elsewhere, against its being cut off" for
        MisIntegration;
}

/// The row of a scope.
pub fn row(scope: &str) -> Option<&'static Row> {
    ALL.iter().find(|row| row.scope == scope)
}

/// How a caller comes to hold a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub role: Role,
    pub own: bool,
    /// Held as the headteacher's delegate.
    pub delegated: bool,
}

impl Row {
    /// What is said to a caller whose role does not hold it.
    pub fn refusal(&self) -> Problem {
        let Some(clause) = self.clause else { return Problem::new(Code::Forbidden) };
        let holders: Vec<&str> = self.grants.iter().map(|grant| grant.role.into()).collect();
        let cure = format!("Leave it to: {}.", holders.join(", "));
        Problem::new(Code::Forbidden).because(Violation::new(clause, "This is not for the caller's role.", cure))
    }

    /// The widest way in which somebody with `roles` holds this permission.
    pub fn held_by(&self, roles: &[Role], acts_for_head: bool) -> Option<Held> {
        let direct = |own| {
            let grant = self.grants.iter().find(|grant| grant.own == own && roles.contains(&grant.role))?;
            Some(Held { role: grant.role, own, delegated: false })
        };
        let delegated = || {
            let head = self.grants.iter().any(|grant| grant.role == Role::Headteacher);
            (acts_for_head && self.delegable && head).then_some(Held { role: Role::Headteacher, own: false, delegated: true })
        };
        direct(false).or_else(delegated).or_else(|| direct(true))
    }
}

/// The scopes that a token of somebody with `roles` can carry. Whoever can be the head's delegate carries the
/// delegable ones too: whether there is a delegation is asked at each request.
pub fn scopes_of(roles: &[Role]) -> Vec<&'static str> {
    let may_deputise = roles.contains(&Role::LeadershipTeam);
    ALL.iter().filter(|row| row.held_by(roles, may_deputise).is_some()).map(|row| row.scope).collect()
}
