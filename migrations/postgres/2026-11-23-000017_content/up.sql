CREATE TABLE content_permissions (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
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
    recorded_by UUID NOT NULL,
    withdrawn_at TIMESTAMPTZ,
    withdrawn_by UUID,
    withdrawal_reason TEXT,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, withdrawn_by) REFERENCES people (school_id, id)
);

-- Every version that a school gave itself; what it began with is shipped.
CREATE TABLE style_guides (
    school_id UUID NOT NULL REFERENCES schools (id),
    platform TEXT NOT NULL,
    version BIGINT NOT NULL,
    id UUID NOT NULL,
    tone_keywords TEXT NOT NULL,
    text TEXT NOT NULL,
    changed_by UUID,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, platform, version),
    FOREIGN KEY (school_id, changed_by) REFERENCES people (school_id, id)
);

CREATE TABLE accidental_images (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    incident_id UUID NOT NULL,
    reporter_id UUID NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL,
    noticed_at TIMESTAMPTZ NOT NULL,
    description TEXT NOT NULL,
    possibly_illegal BOOLEAN NOT NULL,
    places TEXT NOT NULL,
    deleted_at TIMESTAMPTZ,
    deleted_places TEXT,
    witness_id UUID,
    overdue_recorded_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, incident_id) REFERENCES incidents (school_id, id),
    FOREIGN KEY (school_id, reporter_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, witness_id) REFERENCES people (school_id, id)
);
CREATE INDEX accidental_images_by_notice ON accidental_images (school_id, noticed_at, id);
