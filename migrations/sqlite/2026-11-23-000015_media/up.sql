ALTER TABLE schools ADD COLUMN press_lead_id BLOB;

CREATE TABLE media_enquiries (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    outlet TEXT NOT NULL,
    journalist_name TEXT,
    question TEXT NOT NULL,
    comment_id BLOB,
    received_at BIGINT NOT NULL,
    deadline_at BIGINT,
    logged_by BLOB NOT NULL,
    proposed_answer TEXT,
    answer TEXT,
    policy_version_id BLOB,
    decided_by BLOB,
    decided_at BIGINT,
    decline_reason TEXT,
    responded_at BIGINT,
    responded_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
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
    school_id BLOB NOT NULL REFERENCES schools (id),
    agency TEXT NOT NULL,
    phone TEXT,
    url TEXT,
    PRIMARY KEY (school_id, agency)
);
