//! The tables, once for both engines. A test compares this file with both sets of migrations.

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    schools (id) {
        id -> SqlUuid,
        name -> Text,
        time_zone -> Text,
        holiday_division -> Text,
        bank_holidays_count_as_weekend -> Bool,
        business_case_lapse_days -> Integer,
        calendar_fingerprint -> Text,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        monitoring_amber_days -> Integer,
        monitoring_red_hours -> Integer,
        eligibility_grace_days -> Integer,
        escalation_contact_id -> Nullable<SqlUuid>,
        urgent_target_minutes -> Integer,
        press_lead_id -> Nullable<SqlUuid>,
        sweep_interval_days -> Integer,
        concern_pattern_at -> Integer,
        takedown_hours -> Integer,
        content_review_days -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    closing_days (school_id, closed_on) {
        school_id -> SqlUuid,
        closed_on -> Date,
        title -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    people (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        given_name -> Text,
        family_name -> Text,
        email -> Nullable<Text>,
        kind -> Text,
        external_source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        left_on -> Nullable<Date>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        year_group -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    person_roles (school_id, person_id, role) {
        school_id -> SqlUuid,
        person_id -> SqlUuid,
        role -> Text,
        granted_by -> Nullable<SqlUuid>,
        granted_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    guardians (school_id, pupil_id, guardian_id) {
        school_id -> SqlUuid,
        pupil_id -> SqlUuid,
        guardian_id -> SqlUuid,
        relationship -> Text,
        has_parental_responsibility -> Bool,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    logins (school_id, person_id) {
        school_id -> SqlUuid,
        person_id -> SqlUuid,
        username -> Text,
        password_hash -> Text,
        changed_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    invitations (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        token_hash -> Text,
        expires_at -> Instant,
        accepted_at -> Nullable<Instant>,
        created_by -> Nullable<SqlUuid>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    service_accounts (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        client_id -> Text,
        name -> Text,
        secret_hash -> Text,
        permissions -> Text,
        created_at -> Instant,
        revoked_at -> Nullable<Instant>,
        allowed_networks -> Text,
        secret_rotated_at -> Nullable<Instant>,
        previous_secret_hash -> Nullable<Text>,
        previous_secret_expires_at -> Nullable<Instant>,
        last_used_at -> Nullable<Instant>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    sessions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> Nullable<SqlUuid>,
        service_account_id -> Nullable<SqlUuid>,
        client_id -> Text,
        created_at -> Instant,
        expires_at -> Instant,
        revoked_at -> Nullable<Instant>,
        scope -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    refresh_tokens (token_hash) {
        token_hash -> Text,
        school_id -> SqlUuid,
        session_id -> SqlUuid,
        expires_at -> Instant,
        used_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    login_attempts (account_hash, address_hash) {
        account_hash -> Text,
        address_hash -> Text,
        failures -> Integer,
        blocked_until -> Nullable<Instant>,
        known_good -> Bool,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    delegations (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        delegate_id -> SqlUuid,
        granted_by -> SqlUuid,
        starts_on -> Date,
        ends_on -> Date,
        reason -> Text,
        revoked_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    business_cases (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        proposer_id -> SqlUuid,
        community -> Bool,
        name -> Text,
        platform -> Nullable<Text>,
        platform_other_name -> Nullable<Text>,
        aim -> Nullable<Text>,
        audiences -> Text,
        direct_messages_enabled -> Bool,
        promotion_plan -> Nullable<Text>,
        visibility -> Nullable<Text>,
        submitted_at -> Nullable<Instant>,
        submitted_by -> Nullable<SqlUuid>,
        decided_at -> Nullable<Instant>,
        decided_by -> Nullable<SqlUuid>,
        decision_reason -> Nullable<Text>,
        lapses_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    business_case_managers (school_id, business_case_id, person_id) {
        school_id -> SqlUuid,
        business_case_id -> SqlUuid,
        person_id -> SqlUuid,
        lead -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    accounts (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        business_case_id -> SqlUuid,
        state -> Text,
        state_reason -> Nullable<Text>,
        platform -> Text,
        platform_other_name -> Nullable<Text>,
        name -> Text,
        handle -> Text,
        handle_key -> Text,
        url -> Nullable<Text>,
        visibility -> Text,
        direct_messages_enabled -> Bool,
        tagging_allowed -> Bool,
        activated_at -> Nullable<Instant>,
        closed_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        before_handover -> Nullable<Text>,
        reason_before_handover -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    account_managers (school_id, account_id, person_id) {
        school_id -> SqlUuid,
        account_id -> SqlUuid,
        person_id -> SqlUuid,
        lead -> Bool,
        added_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    comments (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        kind -> Text,
        state -> Text,
        is_open -> Bool,
        awaits_response -> Bool,
        external_id -> Nullable<Text>,
        author_name -> Nullable<Text>,
        author_anonymous -> Bool,
        url -> Nullable<Text>,
        text -> Text,
        received_at -> Instant,
        noticed_at -> Instant,
        logged_by -> Nullable<SqlUuid>,
        due_at -> Instant,
        deadline_rule -> Text,
        deadline_explanation -> Text,
        due_on_weekend -> Bool,
        first_responded_at -> Nullable<Instant>,
        on_time -> Nullable<Bool>,
        overdue_recorded_at -> Nullable<Instant>,
        no_response_reason -> Nullable<Text>,
        closed_at -> Nullable<Instant>,
        urgent -> Bool,
        urgent_due_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        sentiment -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    responses (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        comment_id -> SqlUuid,
        kind -> Text,
        text -> Text,
        automated -> Bool,
        responded_at -> Instant,
        responded_by -> Nullable<SqlUuid>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    event_heads (school_id) {
        school_id -> SqlUuid,
        number -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    events (school_id, number) {
        school_id -> SqlUuid,
        number -> BigInt,
        id -> SqlUuid,
        occurred_at -> Instant,
        event_type -> Text,
        subject_type -> Text,
        subject_id -> SqlUuid,
        actor_id -> Nullable<SqlUuid>,
        actor_role -> Text,
        client_id -> Text,
        data -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    idempotency_keys (school_id, key_hash) {
        school_id -> SqlUuid,
        key_hash -> Text,
        request_hash -> Text,
        status -> Integer,
        headers -> Text,
        body -> Nullable<Text>,
        secret -> Bool,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_leads (school_id) {
        school_id -> SqlUuid,
        digest -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    leases (name) {
        name -> Text,
        holder -> SqlUuid,
        expires_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::Uuid as SqlUuid;

    business_case_contributors (school_id, business_case_id, person_id) {
        school_id -> SqlUuid,
        business_case_id -> SqlUuid,
        person_id -> SqlUuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    former_account_managers (school_id, account_id, person_id, removed_at) {
        school_id -> SqlUuid,
        account_id -> SqlUuid,
        person_id -> SqlUuid,
        removed_at -> Instant,
        lead -> Bool,
        added_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    policies (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        kind -> Text,
        title -> Text,
        depends_on -> Text,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    policy_versions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        policy_id -> SqlUuid,
        number -> Integer,
        state -> Text,
        minor -> Bool,
        change_summary -> Nullable<Text>,
        content_hash -> Text,
        based_on_version_id -> Nullable<SqlUuid>,
        acknowledged_from -> Nullable<Integer>,
        drafted_by -> Nullable<SqlUuid>,
        published_at -> Nullable<Instant>,
        published_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        clauses -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    acknowledgements (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        policy_id -> SqlUuid,
        policy_version_id -> SqlUuid,
        number -> Integer,
        content_hash -> Text,
        typed_name -> Text,
        acknowledged_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    courses (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        title -> Text,
        required_for -> Text,
        validity_months -> Integer,
        retired_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    training_sessions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        course_id -> SqlUuid,
        held_on -> Date,
        trainer_id -> Nullable<SqlUuid>,
        trainer_name -> Nullable<Text>,
        place -> Nullable<Text>,
        note -> Nullable<Text>,
        recorded_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    training_completions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        course_id -> SqlUuid,
        session_id -> Nullable<SqlUuid>,
        completed_on -> Date,
        expires_on -> Date,
        evidence -> Text,
        recorded_by -> Nullable<SqlUuid>,
        revoked_at -> Nullable<Instant>,
        revoked_by -> Nullable<SqlUuid>,
        revoked_reason -> Nullable<Text>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    education_sessions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        year_group -> Text,
        topic -> Text,
        held_on -> Date,
        deliverer_id -> SqlUuid,
        resource -> Nullable<Text>,
        recorded_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    monitoring_checks (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        checked_on -> Date,
        checked_at -> Instant,
        checked_by -> SqlUuid,
        note -> Nullable<Text>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::Uuid as SqlUuid;

    monitoring_findings (school_id, check_id, number) {
        school_id -> SqlUuid,
        check_id -> SqlUuid,
        number -> Integer,
        kind -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    monitoring_states (school_id, account_id) {
        school_id -> SqlUuid,
        account_id -> SqlUuid,
        last_checked_on -> Nullable<Date>,
        last_checked_at -> Nullable<Instant>,
        recorded_level -> Nullable<Text>,
        recorded_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    personal_account_declarations (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        state -> Text,
        platform -> Text,
        platform_other_name -> Nullable<Text>,
        handle -> Nullable<Text>,
        handle_key -> Nullable<Text>,
        names_school -> Bool,
        impacts_school -> Bool,
        disclaimer_present -> Bool,
        disclaimer_text -> Nullable<Text>,
        uses_school_branding -> Bool,
        compliance -> Nullable<Text>,
        due_on -> Nullable<Date>,
        checked_at -> Nullable<Instant>,
        checked_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    commenting_access (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        platform -> Text,
        platform_other_name -> Nullable<Text>,
        platform_key -> Text,
        since_on -> Date,
        informed_on -> Nullable<Date>,
        informed_by -> Nullable<SqlUuid>,
        channel -> Nullable<Text>,
        ended_on -> Nullable<Date>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    compliance_states (school_id, account_id) {
        school_id -> SqlUuid,
        account_id -> SqlUuid,
        compliance -> Text,
        since -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    vault_keys (id) {
        id -> Text,
        is_current -> Bool,
        since -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    account_credentials (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        number -> Integer,
        fields -> Text,
        master_key_id -> Nullable<Text>,
        sealed_key -> Nullable<Binary>,
        sealed_content -> Nullable<Binary>,
        stored_by -> SqlUuid,
        stored_at -> Instant,
        stored_on -> Date,
        reason -> Nullable<Text>,
        leaver_on -> Nullable<Date>,
        released_on -> Nullable<Date>,
        retired_at -> Nullable<Instant>,
        destroyed_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    credential_reveals (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        credential_id -> SqlUuid,
        revealed_by -> SqlUuid,
        revealed_at -> Instant,
        reason -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    credential_releases (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        credential_id -> SqlUuid,
        person_id -> SqlUuid,
        released_by -> SqlUuid,
        reason -> Text,
        expires_at -> Instant,
        opened_at -> Nullable<Instant>,
        revoked_at -> Nullable<Instant>,
        revoked_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incidents (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        category -> Nullable<Text>,
        description -> Text,
        evidence -> Nullable<Text>,
        occurred_at -> Nullable<Instant>,
        discovered_at -> Instant,
        reported_at -> Instant,
        late_report -> Bool,
        reporter_id -> Nullable<SqlUuid>,
        self_reported -> Bool,
        receipt_hash -> Text,
        about_head -> Bool,
        child_involved -> Bool,
        lead_role -> Text,
        safeguarding_role -> Nullable<Text>,
        escalation -> Bool,
        data_concerned -> Bool,
        proposed_legality -> Nullable<Text>,
        proposed_by -> Nullable<SqlUuid>,
        proposed_reason -> Nullable<Text>,
        safeguarding_decision -> Nullable<Text>,
        safeguarding_reason -> Nullable<Text>,
        safeguarding_decided_by -> Nullable<SqlUuid>,
        safeguarding_decided_at -> Nullable<Instant>,
        action_taken -> Nullable<Text>,
        outcome -> Nullable<Text>,
        outcome_notice -> Nullable<Text>,
        closed_at -> Nullable<Instant>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_assessments (school_id, incident_id, number) {
        school_id -> SqlUuid,
        incident_id -> SqlUuid,
        number -> Integer,
        category -> Text,
        severity -> Text,
        harm_threshold -> Text,
        scope -> Text,
        legality -> Text,
        safeguarding -> Bool,
        reasons -> Text,
        assessed_by -> SqlUuid,
        assessed_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_subjects (school_id, incident_id, number) {
        school_id -> SqlUuid,
        incident_id -> SqlUuid,
        number -> Integer,
        part -> Text,
        person_id -> Nullable<SqlUuid>,
        description -> Nullable<Text>,
        status_at_time -> Text,
        parties -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_hidden_from (school_id, person_id, incident_id) {
        school_id -> SqlUuid,
        person_id -> SqlUuid,
        incident_id -> SqlUuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_recusals (school_id, incident_id, person_id) {
        school_id -> SqlUuid,
        incident_id -> SqlUuid,
        person_id -> SqlUuid,
        lead_role -> Text,
        reason -> Text,
        recused_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_links (school_id, incident_id, number) {
        school_id -> SqlUuid,
        incident_id -> SqlUuid,
        number -> Integer,
        account_id -> Nullable<SqlUuid>,
        comment_id -> Nullable<SqlUuid>,
        monitoring_check_id -> Nullable<SqlUuid>,
        mention_id -> Nullable<SqlUuid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_people (school_id, incident_id, person_id) {
        school_id -> SqlUuid,
        incident_id -> SqlUuid,
        person_id -> SqlUuid,
        involved_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_notes (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        incident_id -> SqlUuid,
        audience -> Text,
        author_id -> Nullable<SqlUuid>,
        text -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_referrals (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        incident_id -> SqlUuid,
        agency -> Text,
        state -> Text,
        due_at -> Nullable<Instant>,
        reference -> Nullable<Text>,
        made_at -> Nullable<Instant>,
        made_by -> Nullable<SqlUuid>,
        acknowledged_at -> Nullable<Instant>,
        outcome -> Nullable<Text>,
        outcome_at -> Nullable<Instant>,
        overdue_recorded_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_disciplinary_actions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        incident_id -> SqlUuid,
        person_id -> SqlUuid,
        kind -> Text,
        text -> Text,
        recorded_by -> SqlUuid,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    incident_disclosures (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        incident_id -> SqlUuid,
        requested_by -> SqlUuid,
        motivation -> Text,
        state -> Text,
        decided_by -> Nullable<SqlUuid>,
        decision_reason -> Nullable<Text>,
        decided_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    notifications (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        event_type -> Text,
        subject_type -> Text,
        subject_id -> SqlUuid,
        created_at -> Instant,
        read_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    moderation_actions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        comment_id -> SqlUuid,
        account_id -> SqlUuid,
        kind -> Text,
        reason -> Text,
        public_explanation -> Text,
        internal_reason -> Nullable<Text>,
        evidence_ref -> Nullable<Text>,
        snapshot_text -> Text,
        snapshot_author -> Nullable<Text>,
        acted_by -> SqlUuid,
        acted_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    parent_ladders (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        parent_id -> Nullable<SqlUuid>,
        comment_id -> Nullable<SqlUuid>,
        state -> Text,
        opened_by -> SqlUuid,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    parent_ladder_steps (school_id, ladder_id, number) {
        school_id -> SqlUuid,
        ladder_id -> SqlUuid,
        number -> Integer,
        state -> Text,
        channel -> Nullable<Text>,
        outcome -> Nullable<Text>,
        internal_note -> Nullable<Text>,
        skipped -> Bool,
        taken_by -> SqlUuid,
        taken_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    statutory_clocks (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        kind -> Text,
        comment_id -> Nullable<SqlUuid>,
        description -> Text,
        started_at -> Instant,
        due_at -> Instant,
        met_at -> Nullable<Instant>,
        reference -> Nullable<Text>,
        overdue_recorded_at -> Nullable<Instant>,
        started_by -> SqlUuid,
        met_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    handovers (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        account_id -> SqlUuid,
        leaver_id -> SqlUuid,
        left_on -> Date,
        leaver_was_lead -> Bool,
        state -> Text,
        outcome -> Nullable<Text>,
        successor_id -> Nullable<SqlUuid>,
        credentials_rotated_at -> Nullable<Instant>,
        opened_at -> Instant,
        completed_at -> Nullable<Instant>,
        completed_by -> Nullable<SqlUuid>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    exit_records (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        acknowledged_on -> Date,
        method -> Text,
        note -> Nullable<Text>,
        recorded_by -> SqlUuid,
        recorded_at -> Instant,
        void_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    response_procedures (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        number -> Integer,
        state -> Text,
        tree -> Text,
        change_summary -> Nullable<Text>,
        drafted_by -> Nullable<SqlUuid>,
        published_at -> Nullable<Instant>,
        published_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    comment_procedures (school_id, comment_id) {
        school_id -> SqlUuid,
        comment_id -> SqlUuid,
        procedure_version_id -> SqlUuid,
        branch -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    mention_sweeps (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        swept_by -> SqlUuid,
        swept_at -> Instant,
        swept_on -> Date,
        terms -> Text,
        pupil_name_reason -> Nullable<Text>,
        sources -> Text,
        platform_other_name -> Nullable<Text>,
        result_count -> Integer,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    mention_sweep_lapses (school_id, since_on) {
        school_id -> SqlUuid,
        since_on -> Date,
        recorded_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    mentions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        sweep_id -> Nullable<SqlUuid>,
        account_id -> Nullable<SqlUuid>,
        url -> Text,
        url_hash -> Text,
        platform -> Text,
        platform_other_name -> Nullable<Text>,
        captured_at -> Instant,
        captured_by -> SqlUuid,
        author_name -> Nullable<Text>,
        author_anonymous -> Bool,
        excerpt -> Text,
        sentiment -> Text,
        topics -> Text,
        scope -> Nullable<Text>,
        scope_reason -> Nullable<Text>,
        assessed_at -> Nullable<Instant>,
        assessed_by -> Nullable<SqlUuid>,
        procedure_version_id -> Nullable<SqlUuid>,
        branch -> Nullable<Text>,
        responded_at -> Nullable<Instant>,
        responded_by -> Nullable<SqlUuid>,
        response_note -> Nullable<Text>,
        no_response_reason -> Nullable<Text>,
        closed_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    mention_purges (school_id, purged_on) {
        school_id -> SqlUuid,
        purged_on -> Date,
        purged -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    low_level_concerns (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        about_person_id -> SqlUuid,
        recorded_by -> SqlUuid,
        shared_by_id -> Nullable<SqlUuid>,
        state -> Text,
        occurred_on -> Date,
        what_happened -> Text,
        context -> Text,
        action_taken -> Nullable<Text>,
        outcome -> Nullable<Text>,
        review_reason -> Nullable<Text>,
        reviewed_at -> Nullable<Instant>,
        reviewed_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    media_enquiries (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        outlet -> Text,
        journalist_name -> Nullable<Text>,
        question -> Text,
        comment_id -> Nullable<SqlUuid>,
        received_at -> Instant,
        deadline_at -> Nullable<Instant>,
        logged_by -> SqlUuid,
        proposed_answer -> Nullable<Text>,
        answer -> Nullable<Text>,
        policy_version_id -> Nullable<SqlUuid>,
        decided_by -> Nullable<SqlUuid>,
        decided_at -> Nullable<Instant>,
        decline_reason -> Nullable<Text>,
        responded_at -> Nullable<Instant>,
        responded_by -> Nullable<SqlUuid>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    reporting_contacts (school_id, agency) {
        school_id -> SqlUuid,
        agency -> Text,
        phone -> Nullable<Text>,
        url -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    consent_notices (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        purpose -> Text,
        number -> Integer,
        language -> Text,
        text -> Text,
        retention -> Text,
        content_hash -> Text,
        published_by -> SqlUuid,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    consents (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        subject_id -> SqlUuid,
        purpose -> Text,
        answer -> Text,
        giver_id -> SqlUuid,
        relationship -> Nullable<Text>,
        authorised -> Bool,
        authorisation_ref -> Nullable<Text>,
        notice_id -> Nullable<SqlUuid>,
        with_name -> Bool,
        face_identifiable -> Bool,
        platforms -> Text,
        decided_at -> Instant,
        expires_on -> Nullable<Date>,
        expiry_recorded_at -> Nullable<Instant>,
        evidence_sha256 -> Nullable<Text>,
        recorded_by -> Nullable<SqlUuid>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    image_objections (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> Nullable<SqlUuid>,
        description -> Nullable<Text>,
        event_on -> Nullable<Date>,
        event_name -> Nullable<Text>,
        reason -> Nullable<Text>,
        raised_by -> SqlUuid,
        raised_at -> Instant,
        lifted_by -> Nullable<SqlUuid>,
        lifted_at -> Nullable<Instant>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    do_not_publish (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        reason_class -> Text,
        listed_by -> SqlUuid,
        listed_at -> Instant,
        removed_by -> Nullable<SqlUuid>,
        removed_at -> Nullable<Instant>,
        removal_reason -> Nullable<Text>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    publication_checks (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        account_id -> Nullable<SqlUuid>,
        unregistered_account -> Nullable<Text>,
        consent_purpose -> Text,
        author_id -> SqlUuid,
        reason -> Text,
        text -> Nullable<Text>,
        links -> Text,
        flags -> Text,
        attestations -> Text,
        taken_on -> Nullable<Date>,
        content_hash -> Text,
        blockers -> Text,
        concerns -> Text,
        expires_at -> Instant,
        decided_by -> Nullable<SqlUuid>,
        decided_at -> Nullable<Instant>,
        feedback -> Nullable<Text>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    publication_check_subjects (school_id, check_id, person_id) {
        school_id -> SqlUuid,
        check_id -> SqlUuid,
        person_id -> SqlUuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    second_opinions (school_id, check_id, person_id) {
        school_id -> SqlUuid,
        check_id -> SqlUuid,
        person_id -> SqlUuid,
        requested_at -> Instant,
        agrees -> Nullable<Bool>,
        comment -> Nullable<Text>,
        given_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    publications (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        check_id -> SqlUuid,
        account_id -> SqlUuid,
        author_id -> SqlUuid,
        consent_purpose -> Text,
        flags -> Text,
        taken_on -> Nullable<Date>,
        url -> Text,
        published_at -> Instant,
        review_due_on -> Date,
        reviewed_at -> Nullable<Instant>,
        audited_at -> Nullable<Instant>,
        face_on -> Nullable<Bool>,
        removed_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    publication_subjects (school_id, publication_id, person_id) {
        school_id -> SqlUuid,
        publication_id -> SqlUuid,
        person_id -> SqlUuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    takedowns (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        publication_id -> SqlUuid,
        account_id -> SqlUuid,
        author_id -> SqlUuid,
        state -> Text,
        cause -> Text,
        person_id -> Nullable<SqlUuid>,
        opened_at -> Instant,
        due_at -> Instant,
        overdue_recorded_at -> Nullable<Instant>,
        evidence -> Nullable<Text>,
        removed_at -> Nullable<Instant>,
        exempt_reason -> Nullable<Text>,
        done_by -> Nullable<SqlUuid>,
        version -> BigInt,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    workplace_monitoring (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        state -> Text,
        activity -> Text,
        lawful_basis -> Text,
        policy_reference -> Text,
        notice_given_on -> Date,
        dpia_reference -> Nullable<Text>,
        starts_on -> Date,
        ends_on -> Nullable<Date>,
        recorded_by -> SqlUuid,
        ended_by -> Nullable<SqlUuid>,
        ended_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    contact_exceptions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        state -> Text,
        pupil_id -> Nullable<SqlUuid>,
        pupil_description -> Nullable<Text>,
        relationship -> Text,
        explanation -> Nullable<Text>,
        decided_by -> Nullable<SqlUuid>,
        decided_at -> Nullable<Instant>,
        decision_reason -> Nullable<Text>,
        ended_by -> Nullable<SqlUuid>,
        ended_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    contact_declarations (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> SqlUuid,
        no_contact -> Bool,
        explanation -> Nullable<Text>,
        declared_on -> Date,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    content_permissions (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        work -> Text,
        rights_holder -> Text,
        basis -> Text,
        licence -> Nullable<Text>,
        exception -> Nullable<Text>,
        evidence -> Nullable<Text>,
        granted_on -> Date,
        expires_on -> Nullable<Date>,
        scope -> Text,
        attribution_text -> Nullable<Text>,
        recorded_by -> SqlUuid,
        withdrawn_at -> Nullable<Instant>,
        withdrawn_by -> Nullable<SqlUuid>,
        withdrawal_reason -> Nullable<Text>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        expiry_recorded_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    style_guides (school_id, platform, version) {
        school_id -> SqlUuid,
        platform -> Text,
        version -> BigInt,
        id -> SqlUuid,
        tone_keywords -> Text,
        text -> Text,
        changed_by -> Nullable<SqlUuid>,
        changed_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    accidental_images (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        incident_id -> SqlUuid,
        reporter_id -> SqlUuid,
        taken_at -> Instant,
        noticed_at -> Instant,
        description -> Text,
        possibly_illegal -> Bool,
        places -> Text,
        deleted_at -> Nullable<Instant>,
        deleted_places -> Nullable<Text>,
        witness_id -> Nullable<SqlUuid>,
        overdue_recorded_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    publication_check_works (school_id, check_id, content_permission_id) {
        school_id -> SqlUuid,
        check_id -> SqlUuid,
        content_permission_id -> SqlUuid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    imports (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        source -> Text,
        format -> Text,
        mode -> Text,
        dry_run -> Bool,
        state -> Text,
        confirm_leaving -> Nullable<BigInt>,
        leaving -> BigInt,
        total -> BigInt,
        position -> BigInt,
        created -> BigInt,
        updated -> BigInt,
        unchanged -> BigInt,
        departed -> BigInt,
        refused -> BigInt,
        started_by -> Nullable<SqlUuid>,
        actor_role -> Text,
        client_id -> Text,
        problem -> Nullable<Text>,
        received_at -> Nullable<Instant>,
        started_at -> Nullable<Instant>,
        finished_at -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::Uuid as SqlUuid;

    import_rows (school_id, import_id, number) {
        school_id -> SqlUuid,
        import_id -> SqlUuid,
        number -> BigInt,
        kind -> Text,
        external_id -> Text,
        guardian_id -> Nullable<Text>,
        relationship -> Nullable<Text>,
        has_parental_responsibility -> Nullable<Bool>,
        leaves -> Bool,
        payload -> Nullable<Text>,
        outcome -> Nullable<Text>,
        status -> Nullable<Integer>,
        problem -> Nullable<Text>,
        withheld -> Text,
        person_id -> Nullable<SqlUuid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    webhook_endpoints (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        person_id -> Nullable<SqlUuid>,
        service_account_id -> Nullable<SqlUuid>,
        url -> Text,
        description -> Nullable<Text>,
        event_types -> Text,
        state -> Text,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Instant>,
        position -> BigInt,
        failing_since -> Nullable<Instant>,
        last_error -> Nullable<Text>,
        last_status -> Nullable<Integer>,
        leased_by -> Nullable<SqlUuid>,
        leased_until -> Nullable<Instant>,
        version -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        roles -> Text,
        scopes -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    webhook_secrets (school_id, endpoint_id, number) {
        school_id -> SqlUuid,
        endpoint_id -> SqlUuid,
        number -> Integer,
        master_key_id -> Text,
        sealed_key -> Binary,
        sealed_content -> Binary,
        expires_at -> Nullable<Instant>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::sql::{Instant, Uuid as SqlUuid};

    webhook_deliveries (school_id, id) {
        school_id -> SqlUuid,
        id -> SqlUuid,
        endpoint_id -> SqlUuid,
        event_number -> BigInt,
        event_id -> SqlUuid,
        event_type -> Text,
        subject_id -> SqlUuid,
        state -> Text,
        attempts -> Integer,
        next_at -> Instant,
        last_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
        last_status -> Nullable<Integer>,
        delivered_at -> Nullable<Instant>,
        created_at -> Instant,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    schools,
    closing_days,
    people,
    person_roles,
    guardians,
    logins,
    invitations,
    service_accounts,
    sessions,
    refresh_tokens,
    login_attempts,
    delegations,
    business_cases,
    business_case_managers,
    business_case_contributors,
    accounts,
    account_managers,
    former_account_managers,
    comments,
    responses,
    event_heads,
    events,
    idempotency_keys,
    incident_leads,
    leases,
    imports,
    import_rows,
    webhook_endpoints,
    webhook_secrets,
    webhook_deliveries,
    policies,
    policy_versions,
    acknowledgements,
    courses,
    training_sessions,
    training_completions,
    education_sessions,
    monitoring_checks,
    monitoring_findings,
    monitoring_states,
    personal_account_declarations,
    commenting_access,
    compliance_states,
    vault_keys,
    account_credentials,
    credential_reveals,
    credential_releases,
    incidents,
    incident_assessments,
    incident_subjects,
    incident_hidden_from,
    incident_recusals,
    incident_links,
    incident_people,
    incident_notes,
    incident_referrals,
    incident_disciplinary_actions,
    incident_disclosures,
    notifications,
    moderation_actions,
    parent_ladders,
    parent_ladder_steps,
    statutory_clocks,
    handovers,
    exit_records,
    response_procedures,
    comment_procedures,
    mention_sweeps,
    mention_sweep_lapses,
    mentions,
    mention_purges,
    low_level_concerns,
    media_enquiries,
    reporting_contacts,
    consent_notices,
    consents,
    image_objections,
    do_not_publish,
    publication_checks,
    publication_check_subjects,
    publication_check_works,
    second_opinions,
    publications,
    publication_subjects,
    takedowns,
    workplace_monitoring,
    contact_exceptions,
    contact_declarations,
    content_permissions,
    style_guides,
    accidental_images
);
