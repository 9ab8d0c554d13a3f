CREATE TABLE workplace_monitoring (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    state TEXT NOT NULL,
    activity TEXT NOT NULL,
    lawful_basis TEXT NOT NULL,
    policy_reference TEXT NOT NULL,
    notice_given_on DATE NOT NULL,
    dpia_reference TEXT,
    starts_on DATE NOT NULL,
    ends_on DATE,
    recorded_by UUID NOT NULL,
    ended_by UUID,
    ended_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, ended_by) REFERENCES people (school_id, id)
);

CREATE TABLE contact_exceptions (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    state TEXT NOT NULL,
    pupil_id UUID,
    pupil_description TEXT,
    relationship TEXT NOT NULL,
    explanation TEXT,
    decided_by UUID,
    decided_at TIMESTAMPTZ,
    decision_reason TEXT,
    ended_by UUID,
    ended_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, pupil_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, ended_by) REFERENCES people (school_id, id)
);
CREATE INDEX contact_exceptions_by_person ON contact_exceptions (school_id, person_id, id);

CREATE TABLE contact_declarations (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    no_contact BOOLEAN NOT NULL,
    explanation TEXT,
    declared_on DATE NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX contact_declarations_by_person ON contact_declarations (school_id, person_id, id);
CREATE INDEX contact_declarations_by_day ON contact_declarations (school_id, declared_on, person_id);
