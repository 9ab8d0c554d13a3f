CREATE TABLE courses (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    title TEXT NOT NULL,
    required_for TEXT NOT NULL,
    validity_months INTEGER NOT NULL,
    retired_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id)
);

CREATE TABLE training_sessions (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    course_id UUID NOT NULL,
    held_on DATE NOT NULL,
    trainer_id UUID,
    trainer_name TEXT,
    place TEXT,
    note TEXT,
    recorded_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, course_id) REFERENCES courses (school_id, id),
    FOREIGN KEY (school_id, trainer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX training_sessions_by_course ON training_sessions (school_id, course_id, id);
CREATE INDEX training_sessions_by_trainer ON training_sessions (school_id, trainer_id, id);

CREATE TABLE training_completions (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    course_id UUID NOT NULL,
    session_id UUID,
    completed_on DATE NOT NULL,
    expires_on DATE NOT NULL,
    evidence TEXT NOT NULL,
    recorded_by UUID,
    revoked_at TIMESTAMPTZ,
    revoked_by UUID,
    revoked_reason TEXT,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
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
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    year_group TEXT NOT NULL,
    topic TEXT NOT NULL,
    held_on DATE NOT NULL,
    deliverer_id UUID NOT NULL,
    resource TEXT,
    recorded_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, deliverer_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE INDEX education_sessions_by_year_group ON education_sessions (school_id, year_group, id);
CREATE INDEX education_sessions_by_day ON education_sessions (school_id, held_on, year_group);

CREATE TABLE personal_account_declarations (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
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
    checked_at TIMESTAMPTZ,
    checked_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, person_id, handle_key),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, checked_by) REFERENCES people (school_id, id)
);
CREATE INDEX declarations_by_person ON personal_account_declarations (school_id, person_id, id);
CREATE INDEX declarations_by_compliance ON personal_account_declarations (school_id, compliance, id);
CREATE INDEX declarations_by_due ON personal_account_declarations (school_id, due_on);

CREATE TABLE commenting_access (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    platform TEXT NOT NULL,
    platform_other_name TEXT,
    platform_key TEXT NOT NULL,
    since_on DATE NOT NULL,
    informed_on DATE,
    informed_by UUID,
    channel TEXT,
    ended_on DATE,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, informed_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX commenting_access_in_force ON commenting_access (school_id, person_id, platform_key) WHERE ended_on IS NULL;
CREATE INDEX commenting_access_by_person ON commenting_access (school_id, person_id, id);
CREATE INDEX commenting_access_by_notice ON commenting_access (school_id, informed_on, id);
