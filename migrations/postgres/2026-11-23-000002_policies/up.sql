CREATE TABLE policies (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    depends_on TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, kind)
);

CREATE TABLE policy_versions (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    policy_id UUID NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    minor BOOLEAN NOT NULL,
    change_summary TEXT,
    content_hash TEXT NOT NULL,
    based_on_version_id UUID,
    acknowledged_from INTEGER,
    drafted_by UUID,
    published_at TIMESTAMPTZ,
    published_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    clauses TEXT NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, policy_id, number),
    FOREIGN KEY (school_id, policy_id) REFERENCES policies (school_id, id),
    FOREIGN KEY (school_id, based_on_version_id) REFERENCES policy_versions (school_id, id),
    FOREIGN KEY (school_id, drafted_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, published_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX policy_versions_published ON policy_versions (school_id, policy_id) WHERE state = 'published';

CREATE TABLE acknowledgements (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    policy_id UUID NOT NULL,
    policy_version_id UUID NOT NULL,
    number INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    typed_name TEXT NOT NULL,
    acknowledged_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, person_id, policy_version_id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, policy_id) REFERENCES policies (school_id, id),
    FOREIGN KEY (school_id, policy_version_id) REFERENCES policy_versions (school_id, id)
);
CREATE INDEX acknowledgements_by_person ON acknowledgements (school_id, person_id, id);
CREATE INDEX acknowledgements_by_policy ON acknowledgements (school_id, policy_id, id);
CREATE INDEX acknowledgements_by_version ON acknowledgements (school_id, policy_version_id, id);
