ALTER TABLE schools ADD COLUMN urgent_target_minutes INTEGER NOT NULL DEFAULT 60;
ALTER TABLE comments ADD COLUMN urgent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE comments ADD COLUMN urgent_due_at BIGINT;
CREATE INDEX comments_queue ON comments (school_id, is_open, urgent, due_at, id);

CREATE TABLE moderation_actions (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    comment_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    public_explanation TEXT NOT NULL,
    internal_reason TEXT,
    evidence_ref TEXT,
    snapshot_text TEXT NOT NULL,
    snapshot_author TEXT,
    acted_by BLOB NOT NULL,
    acted_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, acted_by) REFERENCES people (school_id, id)
);
CREATE INDEX moderation_actions_of_comment ON moderation_actions (school_id, comment_id, id);
CREATE INDEX moderation_actions_of_account ON moderation_actions (school_id, account_id, id);

CREATE TABLE parent_ladders (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    parent_id BLOB,
    comment_id BLOB,
    state TEXT NOT NULL,
    opened_by BLOB NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, parent_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, opened_by) REFERENCES people (school_id, id)
);
CREATE INDEX parent_ladders_of_parent ON parent_ladders (school_id, parent_id, id);
CREATE INDEX parent_ladders_of_comment ON parent_ladders (school_id, comment_id, id);

CREATE TABLE parent_ladder_steps (
    school_id BLOB NOT NULL,
    ladder_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    channel TEXT,
    outcome TEXT,
    internal_note TEXT,
    skipped BOOLEAN NOT NULL,
    taken_by BLOB NOT NULL,
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, ladder_id, number),
    FOREIGN KEY (school_id, ladder_id) REFERENCES parent_ladders (school_id, id),
    FOREIGN KEY (school_id, taken_by) REFERENCES people (school_id, id)
);

CREATE TABLE statutory_clocks (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    comment_id BLOB,
    description TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    met_at BIGINT,
    reference TEXT,
    overdue_recorded_at BIGINT,
    started_by BLOB NOT NULL,
    met_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, started_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, met_by) REFERENCES people (school_id, id)
);
CREATE INDEX statutory_clocks_by_due ON statutory_clocks (school_id, due_at, id);
