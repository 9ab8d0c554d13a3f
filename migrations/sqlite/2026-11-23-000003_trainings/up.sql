CREATE TABLE courses (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    title TEXT NOT NULL,
    required_for TEXT NOT NULL,
    validity_months INTEGER NOT NULL,
    retired_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE TABLE training_sessions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    course_id BLOB NOT NULL,
    held_on DATE NOT NULL,
    trainer_id BLOB,
    trainer_name TEXT,
    place TEXT,
    note TEXT,
    recorded_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, course_id) REFERENCES courses (school_id, id),
    FOREIGN KEY (school_id, trainer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX training_sessions_by_course ON training_sessions (school_id, course_id, id);
CREATE INDEX training_sessions_by_trainer ON training_sessions (school_id, trainer_id, id);

CREATE TABLE training_completions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    course_id BLOB NOT NULL,
    session_id BLOB,
    completed_on DATE NOT NULL,
    expires_on DATE NOT NULL,
    evidence TEXT NOT NULL,
    recorded_by BLOB,
    revoked_at BIGINT,
    revoked_by BLOB,
    revoked_reason TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, course_id) REFERENCES courses (school_id, id),
    FOREIGN KEY (school_id, session_id) REFERENCES training_sessions (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, revoked_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX training_completions_in_force ON training_completions (school_id, person_id, course_id, completed_on) WHERE revoked_at IS NULL;
CREATE INDEX training_completions_by_person ON training_completions (school_id, person_id, id);
CREATE INDEX training_completions_by_course ON training_completions (school_id, course_id, id);
CREATE INDEX training_completions_by_session ON training_completions (school_id, session_id, id);

CREATE TABLE education_sessions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    year_group TEXT NOT NULL,
    topic TEXT NOT NULL,
    held_on DATE NOT NULL,
    deliverer_id BLOB NOT NULL,
    resource TEXT,
    recorded_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, deliverer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX education_sessions_by_year_group ON education_sessions (school_id, year_group, id);
CREATE INDEX education_sessions_by_day ON education_sessions (school_id, held_on, year_group);

CREATE TABLE personal_account_declarations (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    state TEXT NOT NULL,
    platform TEXT NOT NULL,
    platform_other_name TEXT,
    handle TEXT,
    handle_key TEXT,
    names_school BOOLEAN NOT NULL,
    impacts_school BOOLEAN NOT NULL,
    disclaimer_present BOOLEAN NOT NULL,
    disclaimer_text TEXT,
    uses_school_branding BOOLEAN NOT NULL,
    compliance TEXT,
    due_on DATE,
    checked_at BIGINT,
    checked_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, person_id, handle_key),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, checked_by) REFERENCES people (school_id, id)
);
CREATE INDEX declarations_by_person ON personal_account_declarations (school_id, person_id, id);
CREATE INDEX declarations_by_compliance ON personal_account_declarations (school_id, compliance, id);
CREATE INDEX declarations_by_due ON personal_account_declarations (school_id, due_on);

CREATE TABLE commenting_access (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    platform TEXT NOT NULL,
    platform_other_name TEXT,
    platform_key TEXT NOT NULL,
    since_on DATE NOT NULL,
    informed_on DATE,
    informed_by BLOB,
    channel TEXT,
    ended_on DATE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, informed_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX commenting_access_in_force ON commenting_access (school_id, person_id, platform_key) WHERE ended_on IS NULL;
CREATE INDEX commenting_access_by_person ON commenting_access (school_id, person_id, id);
CREATE INDEX commenting_access_by_notice ON commenting_access (school_id, informed_on, id);
