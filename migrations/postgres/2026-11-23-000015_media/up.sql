ALTER TABLE schools ADD COLUMN press_lead_id UUID;

CREATE TABLE media_enquiries (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    state TEXT NOT NULL,
    outlet TEXT NOT NULL,
    journalist_name TEXT,
    question TEXT NOT NULL,
    comment_id UUID,
    received_at TIMESTAMPTZ NOT NULL,
    deadline_at TIMESTAMPTZ,
    logged_by UUID NOT NULL,
    proposed_answer TEXT,
    answer TEXT,
    policy_version_id UUID,
    decided_by UUID,
    decided_at TIMESTAMPTZ,
    decline_reason TEXT,
    responded_at TIMESTAMPTZ,
    responded_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, logged_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, policy_version_id) REFERENCES policy_versions (school_id, id),
    FOREIGN KEY (school_id, decided_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, responded_by) REFERENCES people (school_id, id)
);
CREATE INDEX media_enquiries_by_comment ON media_enquiries (school_id, comment_id);
CREATE INDEX media_enquiries_by_logger ON media_enquiries (school_id, logged_by, id);

CREATE TABLE reporting_contacts (
    school_id UUID NOT NULL REFERENCES schools (id),
    agency TEXT NOT NULL,
    phone TEXT,
    url TEXT,
    PRIMARY KEY (school_id, agency)
);
