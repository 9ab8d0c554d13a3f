CREATE TABLE schools (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    holiday_division TEXT NOT NULL,
    bank_holidays_count_as_weekend BOOLEAN NOT NULL,
    business_case_lapse_days INTEGER NOT NULL,
    calendar_fingerprint TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE closing_days (
    school_id UUID NOT NULL REFERENCES schools (id),
    closed_on DATE NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (school_id, closed_on)
);

CREATE TABLE people (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    email TEXT,
    kind TEXT NOT NULL,
    external_source TEXT,
    external_id TEXT,
    left_on DATE,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, external_source, external_id)
);
CREATE INDEX people_by_kind ON people (school_id, kind, id);
CREATE INDEX people_by_update ON people (school_id, updated_at, id);

CREATE TABLE person_roles (
    school_id UUID NOT NULL,
    person_id UUID NOT NULL,
    role TEXT NOT NULL,
    granted_by UUID,
    granted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, person_id, role),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX person_roles_by_role ON person_roles (school_id, role, person_id);

CREATE TABLE guardians (
    school_id UUID NOT NULL,
    pupil_id UUID NOT NULL,
    guardian_id UUID NOT NULL,
    relationship TEXT NOT NULL,
    has_parental_responsibility BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, pupil_id, guardian_id),
    FOREIGN KEY (school_id, pupil_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, guardian_id) REFERENCES people (school_id, id)
);
CREATE INDEX guardians_by_guardian ON guardians (school_id, guardian_id, pupil_id);

CREATE TABLE logins (
    school_id UUID NOT NULL,
    person_id UUID NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, person_id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);

CREATE TABLE invitations (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    expires_at TIMESTAMPTZ NOT NULL,
    accepted_at TIMESTAMPTZ,
    created_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX invitations_by_person ON invitations (school_id, person_id);

CREATE TABLE service_accounts (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    client_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    PRIMARY KEY (school_id, id)
);

CREATE TABLE sessions (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    person_id UUID,
    service_account_id UUID,
    client_id TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, service_account_id) REFERENCES service_accounts (school_id, id)
);
CREATE INDEX sessions_by_person ON sessions (school_id, person_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    token_hash TEXT PRIMARY KEY,
    school_id UUID NOT NULL,
    session_id UUID NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    FOREIGN KEY (school_id, session_id) REFERENCES sessions (school_id, id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (school_id, session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE login_attempts (
    account_hash TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    failures INTEGER NOT NULL,
    blocked_until TIMESTAMPTZ,
    known_good BOOLEAN NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_hash, address_hash)
);
CREATE INDEX login_attempts_by_update ON login_attempts (updated_at);

CREATE TABLE delegations (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    delegate_id UUID NOT NULL,
    granted_by UUID NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    reason TEXT NOT NULL,
    revoked_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, delegate_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, granted_by) REFERENCES people (school_id, id)
);
CREATE INDEX delegations_by_delegate ON delegations (school_id, delegate_id, ends_on);

CREATE TABLE business_cases (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    state TEXT NOT NULL,
    proposer_id UUID NOT NULL,
    community BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    platform TEXT,
    platform_other_name TEXT,
    aim TEXT,
    audiences TEXT NOT NULL,
    direct_messages_enabled BOOLEAN NOT NULL,
    promotion_plan TEXT,
    visibility TEXT,
    submitted_at TIMESTAMPTZ,
    submitted_by UUID,
    decided_at TIMESTAMPTZ,
    decided_by UUID,
    decision_reason TEXT,
    lapses_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, proposer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, submitted_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX business_cases_by_state ON business_cases (school_id, state, id);
CREATE INDEX business_cases_by_proposer ON business_cases (school_id, proposer_id, id);
CREATE INDEX business_cases_by_update ON business_cases (school_id, updated_at, id);

CREATE TABLE business_case_managers (
    school_id UUID NOT NULL,
    business_case_id UUID NOT NULL,
    person_id UUID NOT NULL,
    lead BOOLEAN NOT NULL,
    PRIMARY KEY (school_id, business_case_id, person_id),
    FOREIGN KEY (school_id, business_case_id) REFERENCES business_cases (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX business_case_managers_by_person ON business_case_managers (school_id, person_id, business_case_id);

CREATE TABLE accounts (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    business_case_id UUID NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    platform TEXT NOT NULL,
    platform_other_name TEXT,
    name TEXT NOT NULL,
    handle TEXT NOT NULL,
    handle_key TEXT NOT NULL,
    url TEXT,
    visibility TEXT NOT NULL,
    direct_messages_enabled BOOLEAN NOT NULL,
    tagging_allowed BOOLEAN NOT NULL,
    activated_at TIMESTAMPTZ,
    closed_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, business_case_id),
    UNIQUE (school_id, handle_key),
    FOREIGN KEY (school_id, business_case_id) REFERENCES business_cases (school_id, id)
);
CREATE INDEX accounts_by_state ON accounts (school_id, state, id);
CREATE INDEX accounts_by_update ON accounts (school_id, updated_at, id);

CREATE TABLE account_managers (
    school_id UUID NOT NULL,
    account_id UUID NOT NULL,
    person_id UUID NOT NULL,
    lead BOOLEAN NOT NULL,
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, account_id, person_id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX account_managers_by_person ON account_managers (school_id, person_id, account_id);

CREATE TABLE comments (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    awaits_response BOOLEAN NOT NULL,
    external_id TEXT,
    author_name TEXT,
    author_anonymous BOOLEAN NOT NULL,
    url TEXT,
    text TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    noticed_at TIMESTAMPTZ NOT NULL,
    logged_by UUID,
    due_at TIMESTAMPTZ NOT NULL,
    deadline_rule TEXT NOT NULL,
    deadline_explanation TEXT NOT NULL,
    due_on_weekend BOOLEAN NOT NULL,
    first_responded_at TIMESTAMPTZ,
    on_time BOOLEAN,
    overdue_recorded_at TIMESTAMPTZ,
    no_response_reason TEXT,
    closed_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, account_id, external_id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, logged_by) REFERENCES people (school_id, id)
);
CREATE INDEX comments_by_due ON comments (school_id, due_at, id);
CREATE INDEX comments_open_by_due ON comments (school_id, is_open, due_at, id);
CREATE INDEX comments_awaiting_by_due ON comments (school_id, awaits_response, due_at, id);
CREATE INDEX comments_of_account_by_due ON comments (school_id, account_id, is_open, due_at, id);
CREATE INDEX comments_by_update ON comments (school_id, updated_at, id);

CREATE TABLE responses (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    comment_id UUID NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    automated BOOLEAN NOT NULL,
    responded_at TIMESTAMPTZ NOT NULL,
    responded_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, responded_by) REFERENCES people (school_id, id)
);
CREATE INDEX responses_by_comment ON responses (school_id, comment_id, id);

CREATE TABLE event_heads (
    school_id UUID PRIMARY KEY REFERENCES schools (id),
    number BIGINT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE events (
    school_id UUID NOT NULL REFERENCES schools (id),
    number BIGINT NOT NULL,
    id UUID NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    event_type TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    actor_id UUID,
    actor_role TEXT NOT NULL,
    client_id TEXT NOT NULL,
    data TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (school_id, number)
);
CREATE INDEX events_by_subject ON events (school_id, subject_id, number);
CREATE INDEX events_by_actor ON events (school_id, actor_id, number);
CREATE INDEX events_by_type ON events (school_id, event_type, number);
CREATE INDEX events_by_subject_type ON events (school_id, subject_type, number);

CREATE TABLE idempotency_keys (
    school_id UUID NOT NULL,
    key_hash TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body TEXT,
    secret BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, key_hash)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder UUID NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
