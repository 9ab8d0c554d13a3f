CREATE TABLE workplace_monitoring (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    activity TEXT NOT NULL,
    lawful_basis TEXT NOT NULL,
    policy_reference TEXT NOT NULL,
    notice_given_on DATE NOT NULL,
    dpia_reference TEXT,
    starts_on DATE NOT NULL,
    ends_on DATE,
    recorded_by BLOB NOT NULL,
    ended_by BLOB,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, ended_by) REFERENCES people (school_id, id)
);

CREATE TABLE contact_exceptions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    state TEXT NOT NULL,
    pupil_id BLOB,
    pupil_description TEXT,
    relationship TEXT NOT NULL,
    explanation TEXT,
    decided_by BLOB,
    decided_at BIGINT,
    decision_reason TEXT,
    ended_by BLOB,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, pupil_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, ended_by) REFERENCES people (school_id, id)
);
CREATE INDEX contact_exceptions_by_person ON contact_exceptions (school_id, person_id, id);

CREATE TABLE contact_declarations (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    no_contact BOOLEAN NOT NULL,
    explanation TEXT,
    declared_on DATE NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX contact_declarations_by_person ON contact_declarations (school_id, person_id, id);
CREATE INDEX contact_declarations_by_day ON contact_declarations (school_id, declared_on, person_id);
