CREATE TABLE schools (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    holiday_division TEXT NOT NULL,
    bank_holidays_count_as_weekend BOOLEAN NOT NULL,
    business_case_lapse_days INTEGER NOT NULL,
    calendar_fingerprint TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE closing_days (
    school_id BLOB NOT NULL REFERENCES schools (id),
    closed_on DATE NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (school_id, closed_on)
);

CREATE TABLE people (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    email TEXT,
    kind TEXT NOT NULL,
    external_source TEXT,
    external_id TEXT,
    left_on DATE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, external_source, external_id)
);
CREATE INDEX people_by_kind ON people (school_id, kind, id);
CREATE INDEX people_by_update ON people (school_id, updated_at, id);

CREATE TABLE person_roles (
    school_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    role TEXT NOT NULL,
    granted_by BLOB,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, person_id, role),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX person_roles_by_role ON person_roles (school_id, role, person_id);

CREATE TABLE guardians (
    school_id BLOB NOT NULL,
    pupil_id BLOB NOT NULL,
    guardian_id BLOB NOT NULL,
    relationship TEXT NOT NULL,
    has_parental_responsibility BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, pupil_id, guardian_id),
    FOREIGN KEY (school_id, pupil_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, guardian_id) REFERENCES people (school_id, id)
);
CREATE INDEX guardians_by_guardian ON guardians (school_id, guardian_id, pupil_id);

CREATE TABLE logins (
    school_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, person_id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);

CREATE TABLE invitations (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    created_by BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX invitations_by_person ON invitations (school_id, person_id);

CREATE TABLE service_accounts (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    client_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (school_id, id)
);

CREATE TABLE sessions (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    person_id BLOB,
    service_account_id BLOB,
    client_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, service_account_id) REFERENCES service_accounts (school_id, id)
);
CREATE INDEX sessions_by_person ON sessions (school_id, person_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    school_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    FOREIGN KEY (school_id, session_id) REFERENCES sessions (school_id, id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (school_id, session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE login_attempts (
    account_hash TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    failures INTEGER NOT NULL,
    blocked_until BIGINT,
    known_good BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_hash, address_hash)
);
CREATE INDEX login_attempts_by_update ON login_attempts (updated_at);

CREATE TABLE delegations (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    delegate_id BLOB NOT NULL,
    granted_by BLOB NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    reason TEXT NOT NULL,
    revoked_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, delegate_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, granted_by) REFERENCES people (school_id, id)
);
CREATE INDEX delegations_by_delegate ON delegations (school_id, delegate_id, ends_on);

CREATE TABLE business_cases (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    proposer_id BLOB NOT NULL,
    community BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    platform TEXT,
    platform_other_name TEXT,
    aim TEXT,
    audiences TEXT NOT NULL,
    direct_messages_enabled BOOLEAN NOT NULL,
    promotion_plan TEXT,
    visibility TEXT,
    submitted_at BIGINT,
    submitted_by BLOB,
    decided_at BIGINT,
    decided_by BLOB,
    decision_reason TEXT,
    lapses_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, proposer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, submitted_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX business_cases_by_state ON business_cases (school_id, state, id);
CREATE INDEX business_cases_by_proposer ON business_cases (school_id, proposer_id, id);
CREATE INDEX business_cases_by_update ON business_cases (school_id, updated_at, id);

CREATE TABLE business_case_managers (
    school_id BLOB NOT NULL,
    business_case_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    lead BOOLEAN NOT NULL,
    PRIMARY KEY (school_id, business_case_id, person_id),
    FOREIGN KEY (school_id, business_case_id) REFERENCES business_cases (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX business_case_managers_by_person ON business_case_managers (school_id, person_id, business_case_id);

CREATE TABLE accounts (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    business_case_id BLOB NOT NULL,
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
    activated_at BIGINT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, business_case_id),
    UNIQUE (school_id, handle_key),
    FOREIGN KEY (school_id, business_case_id) REFERENCES business_cases (school_id, id)
);
CREATE INDEX accounts_by_state ON accounts (school_id, state, id);
CREATE INDEX accounts_by_update ON accounts (school_id, updated_at, id);

CREATE TABLE account_managers (
    school_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    lead BOOLEAN NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, account_id, person_id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX account_managers_by_person ON account_managers (school_id, person_id, account_id);

CREATE TABLE comments (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    awaits_response BOOLEAN NOT NULL,
    external_id TEXT,
    author_name TEXT,
    author_anonymous BOOLEAN NOT NULL,
    url TEXT,
    text TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    logged_by BLOB,
    due_at BIGINT NOT NULL,
    deadline_rule TEXT NOT NULL,
    deadline_explanation TEXT NOT NULL,
    due_on_weekend BOOLEAN NOT NULL,
    first_responded_at BIGINT,
    on_time BOOLEAN,
    overdue_recorded_at BIGINT,
    no_response_reason TEXT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
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
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    comment_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    automated BOOLEAN NOT NULL,
    responded_at BIGINT NOT NULL,
    responded_by BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, responded_by) REFERENCES people (school_id, id)
);
CREATE INDEX responses_by_comment ON responses (school_id, comment_id, id);

CREATE TABLE event_heads (
    school_id BLOB NOT NULL PRIMARY KEY REFERENCES schools (id),
    number BIGINT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE events (
    school_id BLOB NOT NULL REFERENCES schools (id),
    number BIGINT NOT NULL,
    id BLOB NOT NULL,
    occurred_at BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    actor_id BLOB,
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
    school_id BLOB NOT NULL,
    key_hash TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body TEXT,
    secret BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, key_hash)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
