CREATE TABLE imports (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    source TEXT NOT NULL,
    format TEXT NOT NULL,
    mode TEXT NOT NULL,
    dry_run BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    confirm_leaving BIGINT,
    leaving BIGINT NOT NULL,
    total BIGINT NOT NULL,
    position BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    departed BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    started_by UUID,
    actor_role TEXT NOT NULL,
    client_id TEXT NOT NULL,
    problem TEXT,
    received_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, started_by) REFERENCES people (school_id, id)
);
CREATE INDEX imports_by_state ON imports (school_id, state, id);

CREATE TABLE import_rows (
    school_id UUID NOT NULL,
    import_id UUID NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    external_id TEXT NOT NULL,
    guardian_id TEXT,
    relationship TEXT,
    has_parental_responsibility BOOLEAN,
    leaves BOOLEAN NOT NULL,
    payload TEXT,
    outcome TEXT,
    status INTEGER,
    problem TEXT,
    withheld TEXT NOT NULL,
    person_id UUID,
    PRIMARY KEY (school_id, import_id, number),
    FOREIGN KEY (school_id, import_id) REFERENCES imports (school_id, id)
);
CREATE INDEX import_rows_by_external_id ON import_rows (school_id, import_id, external_id);
CREATE INDEX import_rows_by_outcome ON import_rows (school_id, import_id, outcome, number);
