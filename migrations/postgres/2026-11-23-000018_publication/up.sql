ALTER TABLE people ADD COLUMN year_group TEXT;
CREATE INDEX people_by_year_group ON people (school_id, year_group, id);
ALTER TABLE schools ADD COLUMN takedown_hours INTEGER NOT NULL DEFAULT 24;
ALTER TABLE schools ADD COLUMN content_review_days INTEGER NOT NULL DEFAULT 90;

ALTER TABLE content_permissions ADD COLUMN expiry_recorded_at TIMESTAMPTZ;

CREATE TABLE consent_notices (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    purpose TEXT NOT NULL,
    number INTEGER NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    retention TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    published_by UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, purpose, number),
    FOREIGN KEY (school_id, published_by) REFERENCES people (school_id, id)
);

CREATE TABLE consents (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    answer TEXT NOT NULL,
    giver_id UUID NOT NULL,
    relationship TEXT,
    authorised BOOLEAN NOT NULL,
    authorisation_ref TEXT,
    notice_id UUID,
    with_name BOOLEAN NOT NULL,
    face_identifiable BOOLEAN NOT NULL,
    platforms TEXT NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL,
    expires_on DATE,
    expiry_recorded_at TIMESTAMPTZ,
    evidence_sha256 TEXT,
    recorded_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, subject_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, giver_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, notice_id) REFERENCES consent_notices (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX consents_by_subject ON consents (school_id, subject_id, purpose, decided_at, id);
CREATE INDEX consents_in_order ON consents (school_id, subject_id, id);
CREATE INDEX consents_by_giver ON consents (school_id, giver_id, id);
CREATE INDEX consents_by_expiry ON consents (school_id, expires_on);

CREATE TABLE image_objections (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID,
    description TEXT,
    event_on DATE,
    event_name TEXT,
    reason TEXT,
    raised_by UUID NOT NULL,
    raised_at TIMESTAMPTZ NOT NULL,
    lifted_by UUID,
    lifted_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, raised_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, lifted_by) REFERENCES people (school_id, id)
);
CREATE INDEX image_objections_by_person ON image_objections (school_id, person_id, id);
CREATE INDEX image_objections_by_raiser ON image_objections (school_id, raised_by, id);

CREATE TABLE do_not_publish (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    reason_class TEXT NOT NULL,
    listed_by UUID NOT NULL,
    listed_at TIMESTAMPTZ NOT NULL,
    removed_by UUID,
    removed_at TIMESTAMPTZ,
    removal_reason TEXT,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, listed_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, removed_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX do_not_publish_once ON do_not_publish (school_id, person_id) WHERE removed_at IS NULL;

CREATE TABLE publication_checks (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    state TEXT NOT NULL,
    account_id UUID,
    unregistered_account TEXT,
    consent_purpose TEXT NOT NULL,
    author_id UUID NOT NULL,
    reason TEXT NOT NULL,
    text TEXT,
    links TEXT NOT NULL,
    flags TEXT NOT NULL,
    attestations TEXT NOT NULL,
    taken_on DATE,
    content_hash TEXT NOT NULL,
    blockers TEXT NOT NULL,
    concerns TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    decided_by UUID,
    decided_at TIMESTAMPTZ,
    feedback TEXT,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX publication_checks_by_author ON publication_checks (school_id, author_id, id);
CREATE INDEX publication_checks_by_state ON publication_checks (school_id, state, expires_at);

CREATE TABLE publication_check_subjects (
    school_id UUID NOT NULL,
    check_id UUID NOT NULL,
    person_id UUID NOT NULL,
    PRIMARY KEY (school_id, check_id, person_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX publication_check_subjects_by_person ON publication_check_subjects (school_id, person_id, check_id);

CREATE TABLE publication_check_works (
    school_id UUID NOT NULL,
    check_id UUID NOT NULL,
    content_permission_id UUID NOT NULL,
    PRIMARY KEY (school_id, check_id, content_permission_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, content_permission_id) REFERENCES content_permissions (school_id, id)
);
CREATE INDEX publication_check_works_by_permission ON publication_check_works (school_id, content_permission_id, check_id);

CREATE TABLE second_opinions (
    school_id UUID NOT NULL,
    check_id UUID NOT NULL,
    person_id UUID NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    agrees BOOLEAN,
    comment TEXT,
    given_at TIMESTAMPTZ,
    PRIMARY KEY (school_id, check_id, person_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX second_opinions_by_person ON second_opinions (school_id, person_id, check_id);

CREATE TABLE publications (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    check_id UUID NOT NULL,
    account_id UUID NOT NULL,
    author_id UUID NOT NULL,
    consent_purpose TEXT NOT NULL,
    flags TEXT NOT NULL,
    taken_on DATE,
    url TEXT NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    review_due_on DATE NOT NULL,
    reviewed_at TIMESTAMPTZ,
    audited_at TIMESTAMPTZ,
    face_on BOOLEAN,
    removed_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, check_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id)
);
CREATE INDEX publications_by_account ON publications (school_id, account_id, id);
CREATE INDEX publications_by_author ON publications (school_id, author_id, id);

CREATE TABLE publication_subjects (
    school_id UUID NOT NULL,
    publication_id UUID NOT NULL,
    person_id UUID NOT NULL,
    PRIMARY KEY (school_id, publication_id, person_id),
    FOREIGN KEY (school_id, publication_id) REFERENCES publications (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX publication_subjects_by_person ON publication_subjects (school_id, person_id, publication_id);

CREATE TABLE takedowns (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    publication_id UUID NOT NULL,
    account_id UUID NOT NULL,
    author_id UUID NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    person_id UUID,
    opened_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    overdue_recorded_at TIMESTAMPTZ,
    evidence TEXT,
    removed_at TIMESTAMPTZ,
    exempt_reason TEXT,
    done_by UUID,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, publication_id) REFERENCES publications (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, done_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX takedowns_once ON takedowns (school_id, publication_id) WHERE state = 'open';
CREATE INDEX takedowns_by_due ON takedowns (school_id, state, due_at);
CREATE INDEX takedowns_by_author ON takedowns (school_id, author_id, id);
