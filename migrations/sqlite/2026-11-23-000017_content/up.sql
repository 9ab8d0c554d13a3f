CREATE TABLE content_permissions (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    work TEXT NOT NULL,
    rights_holder TEXT NOT NULL,
    basis TEXT NOT NULL,
    licence TEXT,
    exception TEXT,
    evidence TEXT,
    granted_on DATE NOT NULL,
    expires_on DATE,
    scope TEXT NOT NULL,
    attribution_text TEXT,
    recorded_by BLOB NOT NULL,
    withdrawn_at BIGINT,
    withdrawn_by BLOB,
    withdrawal_reason TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, withdrawn_by) REFERENCES people (school_id, id)
);

-- Every version that a school gave itself; what it began with is shipped.
CREATE TABLE style_guides (
    school_id BLOB NOT NULL REFERENCES schools (id),
    platform TEXT NOT NULL,
    version BIGINT NOT NULL,
    id BLOB NOT NULL,
    tone_keywords TEXT NOT NULL,
    text TEXT NOT NULL,
    changed_by BLOB,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, platform, version),
    FOREIGN KEY (school_id, changed_by) REFERENCES people (school_id, id)
);

CREATE TABLE accidental_images (
    school_id BLOB NOT NULL REFERENCES schools (id),
    id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    reporter_id BLOB NOT NULL,
    taken_at BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    description TEXT NOT NULL,
    possibly_illegal BOOLEAN NOT NULL,
    places TEXT NOT NULL,
    deleted_at BIGINT,
    deleted_places TEXT,
    witness_id BLOB,
    overdue_recorded_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, reporter_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, witness_id) REFERENCES people (school_id, id)
);
CREATE INDEX accidental_images_by_notice ON accidental_images (school_id, noticed_at, id);
