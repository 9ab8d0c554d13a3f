ALTER TABLE people ADD COLUMN year_group TEXT;
CREATE INDEX people_by_year_group ON people (school_id, year_group, id);
ALTER TABLE schools ADD COLUMN takedown_hours INTEGER NOT NULL DEFAULT 24;
ALTER TABLE schools ADD COLUMN content_review_days INTEGER NOT NULL DEFAULT 90;

ALTER TABLE content_permissions ADD COLUMN expiry_recorded_at BIGINT;

CREATE TABLE consent_notices (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    number INTEGER NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    retention TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    published_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, purpose, number),
    FOREIGN KEY (school_id, published_by) REFERENCES people (school_id, id)
);

CREATE TABLE consents (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    subject_id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    answer TEXT NOT NULL,
    giver_id BLOB NOT NULL,
    relationship TEXT,
    authorised BOOLEAN NOT NULL,
    authorisation_ref TEXT,
    notice_id BLOB,
    with_name BOOLEAN NOT NULL,
    face_identifiable BOOLEAN NOT NULL,
    platforms TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    expires_on DATE,
    expiry_recorded_at BIGINT,
    evidence_sha256 TEXT,
    recorded_by BLOB,
    created_at BIGINT NOT NULL,
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
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB,
    description TEXT,
    event_on DATE,
    event_name TEXT,
    reason TEXT,
    raised_by BLOB NOT NULL,
    raised_at BIGINT NOT NULL,
    lifted_by BLOB,
    lifted_at BIGINT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, raised_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, lifted_by) REFERENCES people (school_id, id)
);
CREATE INDEX image_objections_by_person ON image_objections (school_id, person_id, id);
CREATE INDEX image_objections_by_raiser ON image_objections (school_id, raised_by, id);

CREATE TABLE do_not_publish (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    reason_class TEXT NOT NULL,
    listed_by BLOB NOT NULL,
    listed_at BIGINT NOT NULL,
    removed_by BLOB,
    removed_at BIGINT,
    removal_reason TEXT,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, listed_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, removed_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX do_not_publish_once ON do_not_publish (school_id, person_id) WHERE removed_at IS NULL;

CREATE TABLE publication_checks (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    account_id BLOB,
    unregistered_account TEXT,
    consent_purpose TEXT NOT NULL,
    author_id BLOB NOT NULL,
    reason TEXT NOT NULL,
    text TEXT,
    links TEXT NOT NULL,
    flags TEXT NOT NULL,
    attestations TEXT NOT NULL,
    taken_on DATE,
    content_hash TEXT NOT NULL,
    blockers TEXT NOT NULL,
    concerns TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by BLOB,
    decided_at BIGINT,
    feedback TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id)
);
CREATE INDEX publication_checks_by_author ON publication_checks (school_id, author_id, id);
CREATE INDEX publication_checks_by_state ON publication_checks (school_id, state, expires_at);

CREATE TABLE publication_check_subjects (
    school_id BLOB NOT NULL,
    check_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    PRIMARY KEY (school_id, check_id, person_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX publication_check_subjects_by_person ON publication_check_subjects (school_id, person_id, check_id);

CREATE TABLE publication_check_works (
    school_id BLOB NOT NULL,
    check_id BLOB NOT NULL,
    content_permission_id BLOB NOT NULL,
    PRIMARY KEY (school_id, check_id, content_permission_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, content_permission_id) REFERENCES content_permissions (school_id, id)
);
CREATE INDEX publication_check_works_by_permission ON publication_check_works (school_id, content_permission_id, check_id);

CREATE TABLE second_opinions (
    school_id BLOB NOT NULL,
    check_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    requested_at BIGINT NOT NULL,
    agrees BOOLEAN,
    comment TEXT,
    given_at BIGINT,
    PRIMARY KEY (school_id, check_id, person_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX second_opinions_by_person ON second_opinions (school_id, person_id, check_id);

CREATE TABLE publications (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    check_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    author_id BLOB NOT NULL,
    consent_purpose TEXT NOT NULL,
    flags TEXT NOT NULL,
    taken_on DATE,
    url TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    review_due_on DATE NOT NULL,
    reviewed_at BIGINT,
    audited_at BIGINT,
    face_on BOOLEAN,
    removed_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, check_id),
    FOREIGN KEY (school_id, check_id) REFERENCES publication_checks (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, author_id) REFERENCES people (school_id, id)
);
CREATE INDEX publications_by_account ON publications (school_id, account_id, id);
CREATE INDEX publications_by_author ON publications (school_id, author_id, id);

CREATE TABLE publication_subjects (
    school_id BLOB NOT NULL,
    publication_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    PRIMARY KEY (school_id, publication_id, person_id),
    FOREIGN KEY (school_id, publication_id) REFERENCES publications (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX publication_subjects_by_person ON publication_subjects (school_id, person_id, publication_id);

CREATE TABLE takedowns (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    publication_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    author_id BLOB NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    person_id BLOB,
    opened_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    overdue_recorded_at BIGINT,
    evidence TEXT,
    removed_at BIGINT,
    exempt_reason TEXT,
    done_by BLOB,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
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
